/* The services on dispatcher objects: what each checks, and what it returns. */
#include "workers.h"

#include <executive/ex/ex.h>
#include <nt/ntps.h>
#include <nt/ntservices.h>
#include <sched.h>
#include <stdatomic.h>

static LARGE_INTEGER poll_once;

/* The threads of these tests as objects: the body begins with a ke_thread. */
static struct ob_type thread_type = {.name = "Thread", .valid_access = THREAD_ALL_ACCESS};
static struct worker *main_object;

static void *current_thread(void)
{
	return main_object;
}

static void *thread_by_id(ULONG_PTR id)
{
	if (id != 4)
		return NULL;
	ob_reference(main_object);
	return main_object;
}

static const struct ob_process_hooks hooks = {
    .thread_type = &thread_type,
    .current_thread = current_thread,
    .thread_by_id = thread_by_id,
};

static int start(void **state)
{
	if (hal_initialize() != 0)
		return -1;
	ob_initialize();
	ex_initialize();
	ob_register_type(&thread_type);
	main_object = ob_create_object(&thread_type, sizeof(*main_object));
	ke_thread_attach(&main_object->ke);
	ob_set_process_hooks(&hooks);
	return 0;
}

static int stop(void **state)
{
	ob_set_process_hooks(NULL);
	ke_thread_detach(&main_object->ke);
	ob_dereference(main_object);
	return 0;
}

static NTSTATUS poll_handle(HANDLE handle)
{
	return NtWaitForSingleObject(handle, false, &poll_once);
}

static HANDLE new_event(EVENT_TYPE type, bool set, ACCESS_MASK access)
{
	HANDLE handle = NULL;

	assert_int_equal(NtCreateEvent(&handle, access, NULL, type, set), STATUS_SUCCESS);
	return handle;
}

static void event_services_report_the_previous_state(void **state)
{
	HANDLE event = new_event(NotificationEvent, false, EVENT_ALL_ACCESS);
	EVENT_BASIC_INFORMATION basic;
	LONG previous = -1;

	assert_int_equal(NtSetEvent(event, &previous), STATUS_SUCCESS);
	assert_int_equal(previous, 0);
	assert_int_equal(poll_handle(event), STATUS_WAIT_0);
	assert_int_equal(NtQueryEvent(event, EventBasicInformation, &basic, sizeof(basic), NULL), STATUS_SUCCESS);
	assert_int_equal(basic.EventState, 1);
	assert_int_equal(basic.EventType, NotificationEvent);
	assert_int_equal(NtResetEvent(event, &previous), STATUS_SUCCESS);
	assert_int_equal(previous, 1);
	assert_int_equal(NtPulseEvent(event, &previous), STATUS_SUCCESS);
	assert_int_equal(previous, 0);
	assert_int_equal(poll_handle(event), STATUS_TIMEOUT);
	NtSetEvent(event, NULL);
	assert_int_equal(NtClearEvent(event), STATUS_SUCCESS);
	assert_int_equal(poll_handle(event), STATUS_TIMEOUT);
	assert_int_equal(NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, 7, false), STATUS_INVALID_PARAMETER);
	NtClose(event);
}

static void services_check_what_the_handle_grants(void **state)
{
	HANDLE event = new_event(NotificationEvent, false, EVENT_QUERY_STATE);
	EVENT_BASIC_INFORMATION basic;

	assert_int_equal(NtSetEvent(event, NULL), STATUS_ACCESS_DENIED);
	assert_int_equal(poll_handle(event), STATUS_ACCESS_DENIED);
	assert_int_equal(NtReleaseSemaphore(event, 1, NULL), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(NtQueryEvent(event, EventBasicInformation, &basic, 3, NULL), STATUS_INFO_LENGTH_MISMATCH);
	NtClose(event);
	assert_int_equal(NtSetEvent(event, NULL), STATUS_INVALID_HANDLE);
}

static void semaphore_services_check_their_limits(void **state)
{
	SEMAPHORE_BASIC_INFORMATION basic;
	HANDLE handle;
	LONG previous;

	assert_int_equal(NtCreateSemaphore(&handle, SEMAPHORE_ALL_ACCESS, NULL, 2, 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(NtCreateSemaphore(&handle, SEMAPHORE_ALL_ACCESS, NULL, -1, 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(NtCreateSemaphore(&handle, SEMAPHORE_ALL_ACCESS, NULL, 0, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(NtCreateSemaphore(&handle, SEMAPHORE_ALL_ACCESS, NULL, 0, 2), STATUS_SUCCESS);
	assert_int_equal(NtReleaseSemaphore(handle, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(NtReleaseSemaphore(handle, 2, &previous), STATUS_SUCCESS);
	assert_int_equal(NtReleaseSemaphore(handle, 1, &previous), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_int_equal(NtQuerySemaphore(handle, SemaphoreBasicInformation, &basic, sizeof(basic), NULL),
			 STATUS_SUCCESS);
	assert_int_equal(basic.CurrentCount, 2);
	assert_int_equal(basic.MaximumCount, 2);
	NtClose(handle);
}

static void mutant_services_know_the_owner(void **state)
{
	MUTANT_BASIC_INFORMATION basic;
	HANDLE handle;

	assert_int_equal(NtCreateMutant(&handle, MUTANT_ALL_ACCESS, NULL, true), STATUS_SUCCESS);
	assert_int_equal(NtQueryMutant(handle, MutantBasicInformation, &basic, sizeof(basic), NULL), STATUS_SUCCESS);
	assert_true(basic.OwnedByCaller);
	assert_int_equal(basic.CurrentCount, 0);
	assert_int_equal(NtReleaseMutant(handle, NULL), STATUS_SUCCESS);
	assert_int_equal(NtReleaseMutant(handle, NULL), STATUS_MUTANT_NOT_OWNED);
	assert_int_equal(poll_handle(handle), STATUS_WAIT_0);
	/* Its memory goes while it is owned: the thread must not remember it. */
	NtClose(handle);
	assert_true(TAILQ_EMPTY(&main_object->ke.owned_mutants));
}

static void wait_for_many_checks_every_handle(void **state)
{
	HANDLE event = new_event(NotificationEvent, true, EVENT_ALL_ACCESS), directory;
	STRING name = rtl_string("\\Device");
	OBJECT_ATTRIBUTES attributes = {sizeof(attributes), NULL, &name, 0, NULL, NULL};
	HANDLE handles[MAXIMUM_WAIT_OBJECTS + 1];

	assert_int_equal(NtOpenDirectoryObject(&directory, DIRECTORY_QUERY, &attributes), STATUS_SUCCESS);
	for (size_t i = 0; i < ARRAY_COUNT(handles); i++)
		handles[i] = event;
	assert_int_equal(NtWaitForMultipleObjects(65, handles, WaitAny, false, &poll_once), STATUS_INVALID_PARAMETER_1);
	assert_int_equal(NtWaitForMultipleObjects(0, handles, WaitAny, false, &poll_once), STATUS_INVALID_PARAMETER_1);
	assert_int_equal(NtWaitForMultipleObjects(2, handles, 5, false, &poll_once), STATUS_INVALID_PARAMETER_3);
	assert_int_equal(NtWaitForMultipleObjects(2, handles, WaitAll, false, &poll_once),
			 STATUS_INVALID_PARAMETER_MIX);
	assert_int_equal(NtWaitForMultipleObjects(64, handles, WaitAny, false, &poll_once), STATUS_WAIT_0);
	handles[1] = directory;
	assert_int_equal(NtWaitForMultipleObjects(2, handles, WaitAny, false, &poll_once), STATUS_ACCESS_DENIED);
	handles[1] = NULL;
	assert_int_equal(NtWaitForMultipleObjects(2, handles, WaitAny, false, &poll_once), STATUS_INVALID_HANDLE);
	NtClose(event);
	NtClose(directory);
}

static void signal_and_wait_needs_the_right_to_signal(void **state)
{
	HANDLE weak = new_event(NotificationEvent, false, SYNCHRONIZE);
	HANDLE event = new_event(NotificationEvent, false, EVENT_ALL_ACCESS);

	assert_int_equal(NtSignalAndWaitForSingleObject(weak, event, false, &poll_once), STATUS_ACCESS_DENIED);
	assert_int_equal(NtSignalAndWaitForSingleObject(event, weak, false, &poll_once), STATUS_TIMEOUT);
	assert_int_equal(poll_handle(event), STATUS_WAIT_0);
	assert_int_equal(NtSignalAndWaitForSingleObject(NtCurrentThread(), event, false, &poll_once),
			 STATUS_OBJECT_TYPE_MISMATCH);
	NtClose(weak);
	NtClose(event);
}

static void delay_lasts_and_can_be_alerted(void **state)
{
	LARGE_INTEGER delay = relative_ms(2), forever = {.QuadPart = INT64_MIN};
	uint64_t start_ns = hal_time(HAL_CLOCK_MONOTONIC);

	assert_int_equal(NtDelayExecution(true, &delay), STATUS_SUCCESS);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) - start_ns >= 2000000);
	assert_int_equal(NtAlertThread(NtCurrentThread()), STATUS_SUCCESS);
	assert_int_equal(NtDelayExecution(true, &forever), STATUS_ALERTED);
	assert_int_equal(NtDelayExecution(true, &poll_once), STATUS_SUCCESS);
}

static int apc_sum;

static void add_up(PVOID a, PVOID b, PVOID c)
{
	apc_sum += (int)((uintptr_t)a + (uintptr_t)b + (uintptr_t)c);
}

static void queued_apcs_run_at_the_next_delivery(void **state)
{
	LARGE_INTEGER forever = {.QuadPart = INT64_MIN};

	apc_sum = 0;
	assert_int_equal(NtQueueApcThread(NtCurrentThread(), add_up, (PVOID)1, (PVOID)20, (PVOID)300), STATUS_SUCCESS);
	assert_int_equal(NtQueueApcThread(NtCurrentThread(), add_up, (PVOID)1, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(NtDelayExecution(true, &forever), STATUS_USER_APC);
	assert_int_equal(apc_sum, 0);
	assert_int_equal(NtTestAlert(), STATUS_SUCCESS);
	assert_int_equal(apc_sum, 322);
	assert_int_equal(NtQueueApcThread(NULL, add_up, NULL, NULL, NULL), STATUS_INVALID_HANDLE);
}

static void alert_by_id_finds_the_thread(void **state)
{
	assert_int_equal(NtAlertThreadByThreadId((HANDLE)5), STATUS_INVALID_CID);
	assert_int_equal(NtAlertThreadByThreadId((HANDLE)4), STATUS_SUCCESS);
	assert_int_equal(NtWaitForAlertByThreadId(NULL, &poll_once), STATUS_ALERTED);
	assert_int_equal(NtWaitForAlertByThreadId(NULL, &poll_once), STATUS_TIMEOUT);
}

static void timer_services_set_query_and_cancel(void **state)
{
	TIMER_BASIC_INFORMATION basic;
	LARGE_INTEGER soon = relative_ms(1), late = relative_ms(100000);
	BOOLEAN before = 7;
	HANDLE timer;

	assert_int_equal(NtCreateTimer(&timer, TIMER_ALL_ACCESS, NULL, SynchronizationTimer), STATUS_SUCCESS);
	assert_int_equal(NtSetTimer(timer, &late, NULL, NULL, false, 0, &before), STATUS_SUCCESS);
	assert_false(before);
	assert_int_equal(NtQueryTimer(timer, TimerBasicInformation, &basic, sizeof(basic), NULL), STATUS_SUCCESS);
	assert_true(basic.RemainingTime.QuadPart > 0 && basic.RemainingTime.QuadPart <= -late.QuadPart);
	assert_false(basic.TimerState);
	assert_int_equal(NtCancelTimer(timer, &before), STATUS_SUCCESS);
	assert_false(before);
	assert_int_equal(NtSetTimer(timer, &soon, NULL, NULL, false, 0, NULL), STATUS_SUCCESS);
	assert_int_equal(NtWaitForSingleObject(timer, false, NULL), STATUS_WAIT_0);
	assert_int_equal(poll_handle(timer), STATUS_TIMEOUT);
	assert_int_equal(NtSetTimer(timer, &soon, NULL, NULL, false, -1, NULL), STATUS_INVALID_PARAMETER_6);
	NtClose(timer);
}

static int timer_apcs;

static void count_timer_apc(PVOID context, ULONG low, LONG high)
{
	LARGE_INTEGER time = {.LowPart = low, .HighPart = high};

	assert_ptr_equal(context, &timer_apcs);
	assert_true(time.QuadPart > NT_UNIX_EPOCH);
	timer_apcs++;
}

static void timer_apc_runs_in_the_thread_that_set_it(void **state)
{
	LARGE_INTEGER soon = relative_ms(1), forever = {.QuadPart = INT64_MIN};
	ULONG before = atomic_load(&ex_timer_type.object_count);
	HANDLE timer;

	timer_apcs = 0;
	assert_int_equal(NtCreateTimer(&timer, TIMER_ALL_ACCESS, NULL, NotificationTimer), STATUS_SUCCESS);
	assert_int_equal(NtSetTimer(timer, &soon, count_timer_apc, &timer_apcs, false, 0, NULL), STATUS_SUCCESS);
	assert_int_equal(NtDelayExecution(true, &forever), STATUS_USER_APC);
	ke_deliver_user_apcs();
	assert_int_equal(timer_apcs, 1);
	/* Queued, and taken back. */
	assert_int_equal(NtSetTimer(timer, &soon, count_timer_apc, &timer_apcs, false, 0, NULL), STATUS_SUCCESS);
	while (!ke_alert_pending(&main_object->ke))
		sched_yield();
	assert_int_equal(NtCancelTimer(timer, NULL), STATUS_SUCCESS);
	ke_deliver_user_apcs();
	assert_int_equal(timer_apcs, 1);
	/* Queued, and closed. */
	assert_int_equal(NtSetTimer(timer, &soon, count_timer_apc, &timer_apcs, false, 0, NULL), STATUS_SUCCESS);
	while (!ke_alert_pending(&main_object->ke))
		sched_yield();
	NtClose(timer);
	ke_deliver_user_apcs();
	assert_int_equal(timer_apcs, 1);
	assert_int_equal(atomic_load(&ex_timer_type.object_count), before);
}

static void remove_one(struct worker *worker)
{
	PVOID key, context;
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtRemoveIoCompletion(*(HANDLE *)worker->context, &key, &context, &io, NULL);

	worker->result = NT_SUCCESS(status) ? (int64_t)(uintptr_t)key : -1;
}

static void completion_port_hands_out_packets_in_order(void **state)
{
	LARGE_INTEGER soon = relative_ms(2);
	PVOID key, context;
	IO_STATUS_BLOCK io;
	struct worker worker;
	HANDLE port;

	assert_int_equal(NtCreateIoCompletion(&port, IO_COMPLETION_ALL_ACCESS, NULL, 0), STATUS_SUCCESS);
	assert_int_equal(NtRemoveIoCompletion(port, &key, &context, &io, &poll_once), STATUS_TIMEOUT);
	assert_int_equal(NtRemoveIoCompletion(port, &key, &context, &io, &soon), STATUS_TIMEOUT);
	NtSetIoCompletion(port, (PVOID)1, (PVOID)2, STATUS_END_OF_FILE, 3);
	NtSetIoCompletion(port, (PVOID)4, NULL, STATUS_SUCCESS, 0);
	assert_int_equal(poll_handle(port), STATUS_WAIT_0);
	assert_int_equal(NtRemoveIoCompletion(port, &key, &context, &io, &poll_once), STATUS_SUCCESS);
	assert_ptr_equal(key, (PVOID)1);
	assert_ptr_equal(context, (PVOID)2);
	assert_int_equal(io.Status, STATUS_END_OF_FILE);
	assert_int_equal(io.Information, 3);
	assert_int_equal(NtRemoveIoCompletion(port, &key, &context, &io, &poll_once), STATUS_SUCCESS);
	assert_ptr_equal(key, (PVOID)4);
	assert_int_equal(poll_handle(port), STATUS_TIMEOUT);
	worker_start(&worker, remove_one, &port);
	worker_wait_asleep(&worker);
	NtSetIoCompletion(port, (PVOID)77, NULL, STATUS_SUCCESS, 0);
	assert_int_equal(worker_join(&worker), 77);
	/* What nobody took goes with the port. */
	NtSetIoCompletion(port, NULL, NULL, STATUS_SUCCESS, 0);
	NtClose(port);
}

static void time_and_machine_are_the_hosts(void **state)
{
	LARGE_INTEGER time, counter, frequency;
	SYSTEM_BASIC_INFORMATION basic;
	SYSTEM_TIMEOFDAY_INFORMATION day;
	SYSTEM_PERFORMANCE_INFORMATION performance;
	ULONG length;

	NtQuerySystemTime(&time);
	assert_true(time.QuadPart / 10000000 - NT_UNIX_EPOCH / 10000000 -
			(LONGLONG)(hal_time(HAL_CLOCK_REALTIME) / 1000000000) <=
		    1);
	NtQueryPerformanceCounter(&counter, &frequency);
	assert_true((uint64_t)counter.QuadPart <= hal_time(HAL_CLOCK_MONOTONIC));
	assert_int_equal(frequency.QuadPart, 1000000000);
	assert_int_equal(NtQuerySystemInformation(SystemBasicInformation, &basic, sizeof(basic) - 1, &length),
			 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(length, sizeof(basic));
	assert_int_equal(NtQuerySystemInformation(SystemBasicInformation, &basic, sizeof(basic), NULL), STATUS_SUCCESS);
	assert_int_equal(basic.PageSize, 4096);
	assert_true(basic.NumberOfProcessors >= 1);
	assert_int_equal(NtQuerySystemInformation(SystemTimeOfDayInformation, &day, sizeof(day), NULL), STATUS_SUCCESS);
	assert_true(day.BootTime.QuadPart < day.CurrentTime.QuadPart);
	assert_int_equal(
	    NtQuerySystemInformation(SystemPerformanceInformation, &performance, sizeof(performance), NULL),
	    STATUS_SUCCESS);
	assert_true(performance.AvailablePages > 0 && performance.AvailablePages < performance.TotalPages);
	assert_int_equal(NtQuerySystemInformation(999, &day, sizeof(day), NULL), STATUS_INVALID_INFO_CLASS);
}

static void timers_are_as_fine_as_their_unit(void **state)
{
	ULONG longest = 0, shortest = 0, current = 0;

	assert_int_equal(NtQueryTimerResolution(&longest, &shortest, &current), STATUS_SUCCESS);
	assert_int_equal(longest, 1);
	assert_int_equal(shortest, 1);
	assert_int_equal(current, 1);
}

#define HANDOVERS 100

struct handover {
	_Atomic int turn;
	_Atomic long yields;
};

static void hand_over(struct handover *handover, int me)
{
	for (int i = 0; i < HANDOVERS; i++) {
		while (handover->turn != me) {
			assert_int_equal(NtYieldExecution(), STATUS_SUCCESS);
			handover->yields++;
		}
		handover->turn = !me;
	}
}

static void answer_handovers(struct worker *worker)
{
	hand_over(worker->context, 1);
}

/* On one processor a turn that is waited for without giving it away takes a time slice: a million rounds. */
static void yielding_lets_the_other_thread_run(void **state)
{
	struct handover handover = {0};
	struct worker worker;
	cpu_set_t before, one;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	worker_start(&worker, answer_handovers, &handover);
	hand_over(&handover, 0);
	worker_join(&worker);
	sched_setaffinity(0, sizeof(before), &before);
	assert_in_range(handover.yields, 1, HANDOVERS * 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(event_services_report_the_previous_state),
	    cmocka_unit_test(services_check_what_the_handle_grants),
	    cmocka_unit_test(semaphore_services_check_their_limits),
	    cmocka_unit_test(mutant_services_know_the_owner),
	    cmocka_unit_test(wait_for_many_checks_every_handle),
	    cmocka_unit_test(signal_and_wait_needs_the_right_to_signal),
	    cmocka_unit_test(delay_lasts_and_can_be_alerted),
	    cmocka_unit_test(queued_apcs_run_at_the_next_delivery),
	    cmocka_unit_test(alert_by_id_finds_the_thread),
	    cmocka_unit_test(timer_services_set_query_and_cancel),
	    cmocka_unit_test(timer_apc_runs_in_the_thread_that_set_it),
	    cmocka_unit_test(completion_port_hands_out_packets_in_order),
	    cmocka_unit_test(time_and_machine_are_the_hosts),
	    cmocka_unit_test(timers_are_as_fine_as_their_unit),
	    cmocka_unit_test(yielding_lets_the_other_thread_run),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
