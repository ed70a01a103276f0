/* Threads of the trap platform: kicks in every state, native calls, recycling, exec's change of body, ends. */
#include "pico_fixture.h"

#include <pico/internal.h>
#include <sched.h>
#include <stdlib.h>

static struct pico_thread *_Atomic latest;
static _Atomic int apcs, interruptions;
static _Atomic bool may_go;

/* The thread tells who it is; what kicks it holds it at its second step, so that it is there for the last kick. */
static void tell_and_wait(struct pico_thread *thread, struct pico_system_call *call)
{
	bool first = !latest;

	latest = thread;
	while (!first && !may_go)
		sched_yield();
	call->result = 0;
}

static struct pico_thread *wait_latest(void)
{
	while (!latest)
		sched_yield();
	return latest;
}

static struct pico_process *start_kicked(const uint8_t *code, const uint8_t *code_end, enum pico_action (*delivery)(struct pico_thread *, bool))
{
	latest = NULL;
	may_go = false;
	apcs = interruptions = 0;
	step = step ? step : tell_and_wait;
	apc = delivery;
	return start_guest(code, code_end);
}

static void let_go(struct pico_process *process)
{
	may_go = true;
	wait_ended(process, 1);
}

/* What a kick promises: APCs are delivered soon, whatever the thread does. */
static void kick_and_wait(void)
{
	int before = apcs;

	platform->kick(wait_latest());
	while (apcs == before)
		sched_yield();
}

static enum pico_action leave_loop(struct pico_thread *thread, bool native_interrupted)
{
	struct pico_registers registers;
	enum pico_action action = PICO_RETURN;

	if (latest && platform->get_registers(thread, &registers) == 0 && registers.r15) {
		registers.rip = registers.r15;
		registers.r15 = 0;
		registers.rdi = native_interrupted;
		platform->set_registers(thread, &registers);
		interruptions++;
		action = PICO_REGISTERS;
	}
	apcs++;
	return action;
}

static void kick_reaches_a_thread_that_computes(void **state)
{
	GUEST_CODE(spinning, "sys 3004\nlea 1f(%rip), %r15\n2: jmp 2b\n1: log\nsys 3004\nend");
	struct pico_process *process = start_kicked(spinning, spinning_end, leave_loop);

	/* One may come before the landing is set. */
	while (!interruptions)
		kick_and_wait();
	let_go(process);
	assert_logged(0);
}

static enum pico_action end_if_kicked(struct pico_thread *thread, bool native_interrupted)
{
	return may_go ? PICO_EXIT : PICO_RETURN;
}

static void wait_for_kick(struct pico_thread *thread, struct pico_system_call *call)
{
	latest = thread;
	while (!may_go)
		sched_yield();
}

static void kick_of_a_thread_in_a_call_is_seen_before_user_mode(void **state)
{
	GUEST_CODE(calling, "sys 3004\nlogax\nend");
	struct pico_process *process;

	step = wait_for_kick;
	process = start_kicked(calling, calling_end, end_if_kicked);
	platform->kick(wait_latest());
	let_go(process);
	assert_int_equal(log_count, 0);
}

/* futex(DATA, FUTEX_WAIT, 0, NULL) */
#define FUTEX_WAIT_DATA "mov $0x410000, %edi\nmov $0, %esi\nmov $0, %edx\nmov $0, %r10d\nsys 202\n"

static enum pico_action end_native_call(struct pico_thread *thread, bool native_interrupted)
{
	struct pico_registers registers;

	if (native_interrupted) {
		interruptions++;
		platform->get_registers(thread, &registers);
		registers.rax = (uint64_t)-EINTR;
		platform->set_registers(thread, &registers);
	}
	apcs++;
	return native_interrupted ? PICO_REGISTERS : PICO_RETURN;
}

static void kick_interrupts_a_native_call(void **state)
{
	GUEST_CODE(sleeping, "sys 3004\n" FUTEX_WAIT_DATA "logax\nsys 3004\nend");
	struct pico_process *process = start_kicked(sleeping, sleeping_end, end_native_call);

	while (!interruptions)
		kick_and_wait();
	let_go(process);
	assert_int_equal(interruptions, 1);
	assert_logged((uint64_t)-EINTR);
}

static enum pico_action count_interruptions(struct pico_thread *thread, bool native_interrupted)
{
	interruptions += native_interrupted;
	apcs++;
	return PICO_RETURN;
}

static void native_call_goes_on_after_a_kick_that_changes_nothing(void **state)
{
	GUEST_CODE(waiting, "sys 3004\n" FUTEX_WAIT_DATA "logax\nsys 3004\nend");
	struct pico_process *process = start_kicked(waiting, waiting_end, count_interruptions);
	uint32_t one = 1;

	while (interruptions < 3)
		kick_and_wait();
	/* The host makes it again each time: what ends it is that the word has changed. */
	assert_int_equal(platform->write_memory(process, DATA, &one, sizeof(one)), sizeof(one));
	kick_and_wait();
	let_go(process);
	assert_logged((uint64_t)-EAGAIN, (uint64_t)-EAGAIN);
}

static void kick_of_a_parked_thread_harms_nothing(void **state)
{
	GUEST_CODE(plain, "sys 110\nlogax\nend");
	struct pico_process *process;
	struct pico_thread *thread;

	log_count = 0;
	assert_int_equal(platform->process_create(&process, &thread), 0);
	platform->kick(thread);
	assert_int_equal(prepare(NULL, thread, plain, (size_t)(plain_end - plain)), 0);
	platform->kick(thread);
	assert_int_equal(platform->thread_start(thread, &first_registers, NULL), 0);
	wait_ended(process, 1);
	assert_logged(4711);
}

static void result_of_a_native_call_is_reported(void **state)
{
	/* The word is not 5: EAGAIN; wakes nobody: 0. The provider sees what the guest gets. */
	GUEST_CODE(reporting, "mov $0x410000, %edi\nmov $0, %esi\nmov $5, %edx\nsys 202\nlogax\n"
			      "mov $0x410000, %edi\nmov $1, %esi\nmov $5, %edx\nsys 202\nlogax\nend");

	RUN(reporting, 1);
	assert_logged((uint64_t)-EAGAIN, (uint64_t)-EAGAIN, 0, 0);
}

static pid_t seen_tids[64];
static _Atomic int seen_count;

static void note_tid(struct pico_thread *thread, struct pico_system_call *call)
{
	seen_tids[atomic_fetch_add(&seen_count, 1) % 64] = thread->tid;
}

static void threads_that_have_ended_lend_their_tasks(void **state)
{
	/* One thread after the other: each tells its task, adds one, and the first goes on when it sees that. */
	GUEST_CODE(relay, "mov $0x410000, %ebx\nmov $20, %r12d\n1: sys 3002\ntest %eax, %eax\njz 3f\n"
			  "2: pause\ncmpl %r12d, (%rbx)\njne 2b\ndec %r12d\njnz 1b\nend\n"
			  "3: sys 3004\nmov %r12d, (%rbx)\nend");
	int distinct = 0;

	seen_count = 0;
	step = note_tid;
	RUN(relay, 21);
	assert_int_equal(seen_count, 20);
	for (int i = 0; i < 20; i++) {
		bool again = false;

		for (int j = 0; j < i; j++)
			again = again || seen_tids[j] == seen_tids[i];
		distinct += !again;
	}
	assert_in_range(distinct, 1, PICO_IDLE_MAX + 2);
}

GUEST_CODE(second_program, "mov $0x410008, %ebx\nmov (%rbx), %rdi\nlog\nmov %rsp, %rdi\nlog\nend");

static struct pico_process *old_process;

static void exec_second_program(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_registers registers = first_registers;
	struct pico_process *fresh;
	struct pico_thread *first;
	const uint64_t mark = 31;
	char byte;
	int error = platform->process_create(&fresh, &first);

	old_process = platform->process_of(thread);
	platform->process_reference(old_process);
	record((uint64_t)(error ?: prepare(thread, first, second_program, (size_t)(second_program_end - second_program))));
	platform->write_memory(fresh, DATA + 8, &mark, sizeof(mark));
	record((uint64_t)platform->thread_rebind(thread, first));
	record(platform->process_of(thread) == fresh);
	record((uint64_t)platform->read_memory(old_process, CODE, &byte, 1));
	platform->process_dereference(old_process);
	platform->process_dereference(fresh);
	registers.rsp -= 64;
	platform->set_registers(thread, &registers);
	call->action = PICO_REGISTERS;
}

static void rebound_thread_goes_on_in_the_fresh_process(void **state)
{
	GUEST_CODE(first_program, "movq $77, 0x410008\nsys 3004\nmov $0xbad, %edi\nlog\nend");

	step = exec_second_program;
	RUN(first_program, 1);
	assert_logged(0, 0, 1, (uint64_t)-ESRCH, 31, STACK - 64);
	assert_int_equal(deaths, 0);
}

static void abandoned_process_is_gone(void **state)
{
	struct pico_process *process;
	struct pico_thread *thread;
	char byte;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(platform->process_create(&process, &thread), 0);
		if (i % 2) /* seized or not */
			assert_int_equal(prepare(NULL, thread, second_program, 4), 0);
		platform->thread_abandon(thread);
		assert_int_equal(platform->read_memory(process, CODE, &byte, 1), -ESRCH);
		platform->process_dereference(process);
	}
}

static void abandon_threads(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_process *process;
	struct pico_thread *other;

	for (int i = 0; i < 10; i++) {
		int error = platform->thread_create(thread, &other);

		record((uint64_t)error);
		if (!error)
			platform->thread_abandon(other);
		error = platform->process_fork(thread, &process, &other);
		record((uint64_t)error);
		if (error)
			continue;
		platform->thread_abandon(other);
		platform->process_dereference(process);
	}
	call->result = 6;
}

static void abandoned_threads_leave_their_process_alone(void **state)
{
	/* Before and after it had a thread whose task can be recycled. */
	GUEST_CODE(starter, "mov $0x410000, %ebx\nsys 3004\nsys 3002\ntest %eax, %eax\njz 3f\n1: pause\ncmpl $0, (%rbx)\nje 1b\n"
			    "sys 3004\nlogax\nend\n3: incl (%rbx)\nend");

	step = abandon_threads;
	RUN(starter, 2);
	assert_int_equal(log_count, 41);
	for (int i = 0; i < 40; i++)
		assert_int_equal(logged[i], 0);
	assert_int_equal(logged[40], 6);
}

/* The host task behind a thread, which its half may be reaping at this moment. */
static pid_t task_of(struct pico_thread *thread)
{
	pid_t tid;

	rtl_lock(&thread->task_lock);
	tid = thread->tid;
	rtl_unlock(&thread->task_lock);
	return tid;
}

static void killed_task_ends_its_thread_alone(void **state)
{
	GUEST_CODE(victim, "sys 3004\n2: jmp 2b");
	struct pico_process *process;

	process = start_kicked(victim, victim_end, NULL);
	kill(task_of(wait_latest()), SIGKILL);
	wait_ended(process, 1);
	assert_int_equal(deaths, 1);
}

static void change_state(struct pico_thread *thread, struct pico_system_call *call)
{
	size_t size = platform->extended_state_size;
	char *area = calloc(1, size + 64);
	const uint64_t value = 0x1122334455667788;

	record((uint64_t)platform->get_extended_state(thread, area, size) == size);
	record(*(uint64_t *)(area + 160)); /* the low half of xmm0 */
	memcpy(area + 160, &value, sizeof(value));
	record((uint64_t)platform->set_extended_state(thread, area, size));
	record((uint64_t)platform->get_extended_state(thread, area, 8) > 8);
	free(area);
}

static void extended_state_is_read_and_written(void **state)
{
	GUEST_CODE(vector, "mov $0xabcdef, %eax\nmovq %rax, %xmm0\nsys 3004\nmovq %xmm0, %rdi\nlog\nend");

	step = change_state;
	RUN(vector, 1);
	assert_int_equal(log_count, 5);
	assert_int_equal(logged[0], 1);
	assert_int_equal(logged[1], 0xabcdef);
	assert_int_equal(logged[2], 0);
	assert_int_equal(logged[4], 0x1122334455667788);
}

static void measure(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_cpu_time time = platform->cpu_time(thread);

	record(time.user_ns + time.system_ns);
	platform->set_name(thread, "a-long-name-of-a-guest");
	call->result = 0;
	latest = thread;
}

static void cpu_time_grows_and_the_name_is_the_hosts(void **state)
{
	GUEST_CODE(worker, "sys 3004\nmov $20000000, %ecx\n1: dec %ecx\njnz 1b\nsys 3004\n2: jmp 2b");
	struct pico_process *process;
	char path[64], name[32] = "";
	FILE *file;

	latest = NULL;
	step = measure;
	process = start_guest(worker, worker_end);
	while (log_count < 2)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/%d/comm", task_of(wait_latest()));
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(name, sizeof(name), file));
	fclose(file);
	assert_string_equal(name, "a-long-name-of-\n");
	assert_true(logged[1] > logged[0] + 1000000);
	kill(task_of(latest), SIGKILL);
	wait_ended(process, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		pico_test(kick_reaches_a_thread_that_computes),
		pico_test(kick_of_a_thread_in_a_call_is_seen_before_user_mode),
		pico_test(kick_interrupts_a_native_call),
		pico_test(native_call_goes_on_after_a_kick_that_changes_nothing),
		pico_test(kick_of_a_parked_thread_harms_nothing),
		pico_test(result_of_a_native_call_is_reported),
		pico_test(threads_that_have_ended_lend_their_tasks),
		pico_test(rebound_thread_goes_on_in_the_fresh_process),
		pico_test(abandoned_process_is_gone),
		pico_test(abandoned_threads_leave_their_process_alone),
		pico_test(killed_task_ends_its_thread_alone),
		pico_test(extended_state_is_read_and_written),
		pico_test(cpu_time_grows_and_the_name_is_the_hosts),
	};

	return cmocka_run_group_tests_name("pico threads", tests, start_platform, stop_platform);
}
