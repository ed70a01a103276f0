/* Processes and threads: finding, ending, suspending, their times, and the bridge between platform and provider. */
#include "process_fixture.h"

#include <errno.h>
#include <sched.h>

#define SELF NtCurrentProcess()
#define assert_errno(actual, error) assert_status(actual, nt_status_from_errno(error))

static struct {
	unsigned calls, apcs, begun, ended;
	struct ps_thread *current;
	struct ob_handle_table *table;
	bool died;
} seen;

static void provider_begin(struct ps_thread *thread)
{
	seen.begun++;
	seen.current = ps_current_thread();
	seen.table = ob_current_table();
}

static void provider_call(struct ps_thread *thread, struct pico_system_call *call)
{
	seen.calls++;
	if (call->number == 60)
		assert_success(NtTerminateThread(NtCurrentThread(), 7));
	call->result = 42;
}

static enum pico_action provider_apcs(struct ps_thread *thread, bool interrupted)
{
	seen.apcs++;
	return PICO_RETURN;
}

static void provider_end(struct ps_thread *thread, bool died)
{
	seen.ended++;
	seen.died = died;
}

static const struct ps_pico_provider provider = {
	.thread_begin = provider_begin,
	.dispatch_system_call = provider_call,
	.deliver_apcs = provider_apcs,
	.thread_end = provider_end,
};

static int start(void **state)
{
	ps_register_provider(&provider);
	return fixture_start_executive(state);
}

static void process_is_found_by_its_id_until_it_exits(void **state)
{
	struct process_fixture *fixture = *state;
	CLIENT_ID id = {.UniqueProcess = (HANDLE)100};
	OBJECT_ATTRIBUTES attributes;
	PROCESS_BASIC_INFORMATION basic;
	HANDLE handle;

	InitializeObjectAttributes(&attributes, NULL, 0, NULL, NULL);
	assert_success(NtOpenProcess(&handle, PROCESS_ALL_ACCESS, &attributes, &id));
	assert_success(NtQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof(basic), NULL));
	assert_int_equal(basic.UniqueProcessId, 100);
	assert_status(basic.ExitStatus, STATUS_PENDING);
	NtClose(handle);
	assert_success(ob_open_by_pointer(fixture->process, OBJ_KERNEL_HANDLE, PROCESS_ALL_ACCESS, &handle));
	ps_exit_process(fixture->process, 9);
	assert_status(NtOpenProcess(&handle, PROCESS_ALL_ACCESS, &attributes, &id), STATUS_INVALID_CID);
	assert_success(NtQueryInformationProcess(handle, ProcessBasicInformation, &basic, sizeof(basic), NULL));
	assert_status(basic.ExitStatus, 9);
	assert_int_equal(ke_read_state(&fixture->process->header), 1);
	assert_null(fixture->process->space);
	assert_null(fixture->process->handles);
	NtClose(handle);
}

static void thread_is_found_by_its_id_and_its_process(void **state)
{
	CLIENT_ID id = {.UniqueThread = (HANDLE)100};
	OBJECT_ATTRIBUTES attributes;
	THREAD_BASIC_INFORMATION basic;
	HANDLE handle;

	InitializeObjectAttributes(&attributes, NULL, 0, NULL, NULL);
	assert_success(NtOpenThread(&handle, THREAD_ALL_ACCESS, &attributes, &id));
	assert_success(NtQueryInformationThread(handle, ThreadBasicInformation, &basic, sizeof(basic), NULL));
	assert_ptr_equal(basic.ClientId.UniqueProcess, 100);
	NtClose(handle);
	id.UniqueProcess = (HANDLE)99;
	assert_status(NtOpenThread(&handle, THREAD_ALL_ACCESS, &attributes, &id), STATUS_INVALID_CID);
	id = (CLIENT_ID){.UniqueThread = (HANDLE)12345};
	assert_status(NtOpenThread(&handle, THREAD_ALL_ACCESS, &attributes, &id), STATUS_INVALID_CID);
}

static void queries_tell_what_they_were_asked(void **state)
{
	char buffer[300];
	STRING *name = (STRING *)buffer;
	SUBSYSTEM_INFORMATION_TYPE subsystem;
	ULONG count, needed;
	VM_COUNTERS memory;

	fixture_map(((struct process_fixture *)*state)->space, 0, 4 * MM_PAGE_SIZE, MM_PROT_READ, false);
	assert_success(NtQueryInformationProcess(SELF, ProcessImageFileName, buffer, sizeof(buffer), NULL));
	assert_int_equal(name->Length, 5);
	assert_memory_equal(name->Buffer, "guest", 5);
	assert_status(NtQueryInformationProcess(SELF, ProcessImageFileName, buffer, 4, &needed), STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(needed, sizeof(STRING) + 5);
	assert_success(NtQueryInformationThread(NtCurrentThread(), ThreadSubsystemInformation, &subsystem, sizeof(subsystem), NULL));
	assert_int_equal(subsystem, SubsystemInformationTypeWSL);
	assert_success(NtQueryInformationProcess(SELF, ProcessHandleCount, &count, sizeof(count), NULL));
	assert_int_equal(count, 0);
	assert_success(NtQueryInformationProcess(SELF, ProcessVmCounters, &memory, sizeof(memory), NULL));
	assert_int_equal(memory.VirtualSize, 4 * MM_PAGE_SIZE);
	assert_int_equal(memory.WorkingSetSize, NULL_PLATFORM_RESIDENT);
	assert_int_equal(memory.PeakWorkingSetSize, NULL_PLATFORM_RESIDENT);
	assert_status(NtQueryInformationProcess(SELF, 9999, buffer, sizeof(buffer), NULL), STATUS_INVALID_INFO_CLASS);
}

static void thread_takes_a_name_and_a_priority(void **state)
{
	char buffer[64];
	THREAD_NAME_INFORMATION name = {rtl_string("a-name-longer-than-15")}, *answer = (void *)buffer;
	LONG increment = -3;

	assert_success(NtSetInformationThread(NtCurrentThread(), ThreadNameInformation, &name, sizeof(name)));
	assert_success(NtQueryInformationThread(NtCurrentThread(), ThreadNameInformation, buffer, sizeof(buffer), NULL));
	assert_int_equal(answer->ThreadName.Length, 15);
	assert_memory_equal(answer->ThreadName.Buffer, "a-name-longer-t", 15);
	assert_success(NtSetInformationThread(NtCurrentThread(), ThreadBasePriority, &increment, sizeof(increment)));
	increment = 21;
	assert_status(NtSetInformationThread(NtCurrentThread(), ThreadBasePriority, &increment, sizeof(increment)), STATUS_INVALID_PARAMETER);
}

static struct ps_thread *add_thread(struct process_fixture *fixture, ULONG_PTR id, struct pico_thread **pico)
{
	struct pico_registers registers = {0};
	struct ps_thread *thread;

	assert_int_equal(null_platform.thread_create(fixture->pico, pico), 0);
	assert_success(ps_create_thread(fixture->process, id, fixture, *pico, &thread));
	assert_success(ps_start_thread(thread, &registers));
	return thread;
}

/* Play the platform for a thread that has been started: as its half would. */
static void begin(struct ps_thread *thread)
{
	ps_pico_routines.thread_begin(thread->pico, thread);
}

static void end(struct process_fixture *fixture, struct ps_thread *thread, struct pico_thread *pico)
{
	ps_pico_routines.thread_end(pico, thread, false);
	null_platform.thread_abandon(pico);
	ps_set_current_thread(fixture->before);
	ke_thread_attach(&fixture->before->ke);
	ps_set_current_thread(fixture->thread);
	ob_set_current_table(fixture->process->handles);
}

static void bridge_makes_the_half_its_thread(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_system_call call = {.number = 1};
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico);

	memset(&seen, 0, sizeof(seen));
	begin(thread);
	assert_ptr_equal(seen.current, thread);
	assert_ptr_equal(seen.table, fixture->process->handles);
	assert_ptr_equal(ke_current_thread(), &thread->ke);
	ps_pico_routines.dispatch_system_call(pico, thread, &call);
	assert_int_equal(call.action, PICO_RETURN);
	assert_int_equal(call.result, 42);
	assert_int_equal(ps_pico_routines.deliver_apcs(pico, thread, false), PICO_RETURN);
	end(fixture, thread, pico);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(ke_read_state(&thread->ke.header), 1);
	assert_int_equal(fixture->process->thread_count, 1);
	ob_dereference(thread);
}

static void thread_that_ends_itself_leaves_after_the_call(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_system_call call = {.number = 60};
	THREAD_BASIC_INFORMATION basic;
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico);
	HANDLE handle;

	begin(thread);
	ps_pico_routines.dispatch_system_call(pico, thread, &call);
	assert_int_equal(call.action, PICO_EXIT);
	end(fixture, thread, pico);
	assert_success(ob_open_by_pointer(thread, 0, THREAD_ALL_ACCESS, &handle));
	assert_success(NtQueryInformationThread(handle, ThreadBasicInformation, &basic, sizeof(basic), NULL));
	assert_status(basic.ExitStatus, 7);
	assert_status(NtTerminateThread(handle, 8), STATUS_THREAD_IS_TERMINATING);
	NtClose(handle);
	ob_dereference(thread);
}

static void terminated_process_ends_each_thread_once_kicked(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico), *late;

	begin(thread);
	seen.apcs = 0;
	assert_success(NtTerminateProcess(SELF, 5));
	assert_int_equal(null_platform_kicks(pico), 1);
	assert_int_equal(ps_pico_routines.deliver_apcs(pico, thread, false), PICO_EXIT);
	assert_int_equal(seen.apcs, 0);
	assert_status(ps_create_thread(fixture->process, 103, NULL, NULL, &late), STATUS_PROCESS_IS_TERMINATING);
	end(fixture, thread, pico);
	assert_status(thread->exit_status, 5);
	ob_dereference(thread);
}

static void no_handle_ends_all_threads_but_the_caller(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico);

	assert_success(NtTerminateProcess(NULL, 5));
	assert_true(thread->ke.terminating);
	assert_false(fixture->thread->ke.terminating);
	begin(thread);
	end(fixture, thread, pico);
	ob_dereference(thread);
}

struct waiter {
	struct ps_thread *thread;
	struct kevent parked;
	_Atomic int action;
	struct kevent done;
};

/* A half that is on its way to user mode. */
static void go_to_user_mode(void *argument)
{
	struct waiter *waiter = argument;

	begin(waiter->thread);
	ke_set_event(&waiter->parked);
	waiter->action = ps_pico_routines.deliver_apcs(waiter->thread->pico, waiter->thread, false);
	ps_pico_routines.thread_end(waiter->thread->pico, waiter->thread, false);
	ke_set_event(&waiter->done);
}

static void run_suspended(struct process_fixture *fixture, bool resume)
{
	struct waiter waiter = {.action = -1};
	struct pico_thread *pico;
	LARGE_INTEGER poll = {.QuadPart = 0};

	waiter.thread = add_thread(fixture, 102, &pico);
	ke_initialize_event(&waiter.parked, NotificationEvent, false);
	ke_initialize_event(&waiter.done, NotificationEvent, false);
	assert_success(NtSuspendProcess(SELF));
	assert_int_equal(hal_thread_create(go_to_user_mode, &waiter), 0);
	assert_status(ke_wait_for_object(&waiter.parked.header, false, NULL), STATUS_WAIT_0);
	assert_status(ke_wait_for_object(&waiter.done.header, false, &poll), STATUS_TIMEOUT);
	if (resume)
		assert_success(NtResumeProcess(SELF));
	else
		assert_success(NtTerminateProcess(SELF, 1));
	assert_status(ke_wait_for_object(&waiter.done.header, false, NULL), STATUS_WAIT_0);
	assert_int_equal(waiter.action, resume ? PICO_RETURN : PICO_EXIT);
	null_platform.thread_abandon(pico);
	ob_dereference(waiter.thread);
}

static void suspended_process_waits_for_resume(void **state)
{
	run_suspended(*state, true);
}

static void suspended_process_can_be_ended(void **state)
{
	run_suspended(*state, false);
}

static void suspend_counts_have_a_limit(void **state)
{
	ULONG previous = 99;

	for (unsigned i = 0; i < 127; i++)
		assert_success(NtSuspendThread(NtCurrentThread(), &previous));
	assert_int_equal(previous, 126);
	assert_status(NtSuspendThread(NtCurrentThread(), &previous), STATUS_SUSPEND_COUNT_EXCEEDED);
	assert_success(NtResumeThread(NtCurrentThread(), &previous));
	assert_int_equal(previous, 127);
}

static void cpu_time_survives_recycling_exec_and_exit(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_thread *pico, *body;
	struct pico_process *fresh;
	struct ps_thread *thread;

	assert_int_equal(null_platform.thread_create(fixture->pico, &pico), 0);
	null_platform_set_cpu_time(pico, (struct pico_cpu_time){1000, 500});
	assert_success(ps_create_thread(fixture->process, 102, fixture, pico, &thread));
	assert_success(ps_start_thread(thread, &(struct pico_registers){0}));
	begin(thread);
	/* What its task did for the thread before it is not its own. */
	null_platform_set_cpu_time(pico, (struct pico_cpu_time){1300, 600});
	assert_int_equal(ps_thread_cpu_time(thread).user_ns, 300);
	assert_int_equal(null_platform.process_create(&fresh, &body), 0);
	null_platform_set_cpu_time(body, (struct pico_cpu_time){50, 50});
	assert_int_equal(ps_rebind_thread(thread, body), 0);
	assert_int_equal(ps_thread_cpu_time(thread).user_ns, 300);
	null_platform_set_cpu_time(pico, (struct pico_cpu_time){60, 50});
	assert_int_equal(ps_thread_cpu_time(thread).user_ns, 310);
	end(fixture, thread, pico);
	assert_int_equal(ps_process_cpu_time(fixture->process).user_ns, 310);
	assert_int_equal(ps_process_cpu_time(fixture->process).system_ns, 100);
	null_platform.process_dereference(fresh);
	ob_dereference(thread);
}

static void token_of_a_process_is_opened_by_handle(void **state)
{
	HANDLE token;
	struct se_token *body;

	assert_success(NtOpenProcessToken(SELF, TOKEN_QUERY, &token));
	assert_success(ob_reference_by_handle(token, TOKEN_QUERY, &se_token_type, (void **)&body));
	assert_ptr_equal(body, ((struct process_fixture *)*state)->process->token);
	ob_dereference(body);
	NtClose(token);
}

static void extended_open_makes_the_handle_that_is_asked_for(void **state)
{
	struct process_fixture *fixture = *state;
	HANDLE token, limited;

	assert_success(NtOpenProcessTokenEx(SELF, TOKEN_QUERY, OBJ_KERNEL_HANDLE, &token));
	/* Kernel handles are in no process's table. */
	ob_set_current_table(NULL);
	assert_success(NtClose(token));
	ob_set_current_table(fixture->process->handles);
	assert_status(NtOpenProcessTokenEx(SELF, 0x80000, 0, (PHANDLE)&token), STATUS_SUCCESS);
	NtClose(token);
	assert_status(NtOpenProcessTokenEx((HANDLE)0x7777, TOKEN_QUERY, 0, &token), STATUS_INVALID_HANDLE);
	assert_status(NtOpenProcessTokenEx(NtCurrentThread(), TOKEN_QUERY, 0, &token), STATUS_OBJECT_TYPE_MISMATCH);
	assert_success(ob_open_by_pointer(fixture->process, 0, PROCESS_QUERY_LIMITED_INFORMATION, &limited));
	assert_status(NtOpenProcessTokenEx(limited, TOKEN_QUERY, 0, &token), STATUS_ACCESS_DENIED);
	NtClose(limited);
}

static void thread_has_a_token_only_if_it_impersonates(void **state)
{
	struct process_fixture *fixture = *state;
	HANDLE token, limited;
	void *body;

	assert_status(NtOpenThreadToken(NtCurrentThread(), TOKEN_QUERY, true, &token), STATUS_NO_TOKEN);
	fixture->thread->token = se_duplicate_token(fixture->process->token);
	assert_success(NtOpenThreadToken(NtCurrentThread(), TOKEN_QUERY, false, &token));
	assert_success(ob_reference_by_handle(token, TOKEN_QUERY, &se_token_type, &body));
	assert_ptr_equal(body, fixture->thread->token);
	assert_status(ob_reference_by_handle(token, TOKEN_DUPLICATE, &se_token_type, &body), STATUS_ACCESS_DENIED);
	ob_dereference(fixture->thread->token);
	NtClose(token);
	assert_success(ob_open_by_pointer(fixture->thread, 0, THREAD_SUSPEND_RESUME, &limited));
	assert_status(NtOpenThreadToken(limited, TOKEN_QUERY, true, &token), STATUS_ACCESS_DENIED);
	NtClose(limited);
	assert_status(NtOpenThreadToken(SELF, TOKEN_QUERY, true, &token), STATUS_OBJECT_TYPE_MISMATCH);
}

static void priority_of_a_process_reaches_its_running_threads(void **state)
{
	struct process_fixture *fixture = *state;
	PROCESS_BASIC_INFORMATION basic;
	KPRIORITY priority = 4;
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico);
	HANDLE limited;

	begin(thread);
	assert_success(NtSetInformationProcess(SELF, ProcessBasePriority, &priority, sizeof(priority)));
	assert_int_equal(null_platform_nice(pico), 5);
	/* Not started: it takes its priority when it begins. */
	assert_int_equal(null_platform_nice(fixture->pico), 0);
	priority = 13;
	assert_errno(NtSetInformationProcess(SELF, ProcessBasePriority, &priority, sizeof(priority)), EACCES);
	assert_int_equal(null_platform_nice(pico), 5);
	assert_success(NtQueryInformationProcess(SELF, ProcessBasicInformation, &basic, sizeof(basic), NULL));
	assert_int_equal(basic.BasePriority, 4);
	priority = 32;
	assert_status(NtSetInformationProcess(SELF, ProcessBasePriority, &priority, sizeof(priority)), STATUS_INVALID_PARAMETER);
	assert_status(NtSetInformationProcess(SELF, ProcessBasePriority, &priority, 2), STATUS_INFO_LENGTH_MISMATCH);
	assert_status(NtSetInformationProcess(SELF, ProcessTimes, &priority, sizeof(priority)), STATUS_INVALID_INFO_CLASS);
	assert_success(ob_open_by_pointer(fixture->process, 0, PROCESS_QUERY_INFORMATION, &limited));
	assert_status(NtSetInformationProcess(limited, ProcessBasePriority, &priority, sizeof(priority)), STATUS_ACCESS_DENIED);
	NtClose(limited);
	end(fixture, thread, pico);
	ob_dereference(thread);
}

static void affinity_of_a_process_reaches_its_running_threads(void **state)
{
	struct process_fixture *fixture = *state;
	PROCESS_BASIC_INFORMATION basic;
	struct pico_thread *pico;
	struct ps_thread *thread = add_thread(fixture, 102, &pico);
	ULONG_PTR mask, none;

	begin(thread);
	assert_success(NtQueryInformationProcess(SELF, ProcessBasicInformation, &basic, sizeof(basic), NULL));
	mask = basic.AffinityMask & -basic.AffinityMask;
	assert_success(NtSetInformationProcess(SELF, ProcessAffinityMask, &mask, sizeof(mask)));
	assert_int_equal(null_platform_affinity(pico), mask);
	none = ~basic.AffinityMask;
	assert_status(NtSetInformationProcess(SELF, ProcessAffinityMask, &none, sizeof(none)), STATUS_INVALID_PARAMETER);
	assert_status(NtSetInformationProcess(SELF, ProcessAffinityMask, &mask, 4), STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(null_platform_affinity(pico), mask);
	end(fixture, thread, pico);
	ob_dereference(thread);
}

static void processor_number_is_where_the_caller_runs(void **state)
{
	cpu_set_t before, one;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &before))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		assert_int_equal(NtGetCurrentProcessorNumber(), cpu);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

static void dump_names_processes_and_their_handles(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	HANDLE event;

	assert_success(NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, 0));
	ps_dump_objects(out);
	fclose(out);
	assert_non_null(strstr(text, "Process 100, parent 0: guest, 1 thread\n"));
	assert_non_null(strstr(strstr(text, "Process 100"), "Event"));
	free(text);
	NtClose(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(process_is_found_by_its_id_until_it_exits),
		fixture_test(thread_is_found_by_its_id_and_its_process),
		fixture_test(queries_tell_what_they_were_asked),
		fixture_test(thread_takes_a_name_and_a_priority),
		fixture_test(bridge_makes_the_half_its_thread),
		fixture_test(thread_that_ends_itself_leaves_after_the_call),
		fixture_test(terminated_process_ends_each_thread_once_kicked),
		fixture_test(no_handle_ends_all_threads_but_the_caller),
		fixture_test(suspended_process_waits_for_resume),
		fixture_test(suspended_process_can_be_ended),
		fixture_test(suspend_counts_have_a_limit),
		fixture_test(cpu_time_survives_recycling_exec_and_exit),
		fixture_test(token_of_a_process_is_opened_by_handle),
		fixture_test(extended_open_makes_the_handle_that_is_asked_for),
		fixture_test(thread_has_a_token_only_if_it_impersonates),
		fixture_test(priority_of_a_process_reaches_its_running_threads),
		fixture_test(affinity_of_a_process_reaches_its_running_threads),
		fixture_test(processor_number_is_where_the_caller_runs),
		fixture_test(dump_names_processes_and_their_handles),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
