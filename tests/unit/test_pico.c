/* The trap platform with a toy provider: guests are a few bytes of machine code that report by system calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <hal/hal.h>
#include <pico/pico.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CODE 0x400000UL
#define CALL_LOG 3000   /* reports its first argument */
#define CALL_FORK 3001
#define CALL_THREAD 3002
#define CALL_END 3003
#define CALL_NATIVE_PAUSE 3004

static const struct pico_platform *platform;
static sem_t ended;
static _Atomic uint64_t logged[64];
static _Atomic int log_count, apcs, faults;
static _Atomic uint64_t fault_address;
static struct pico_thread *volatile latest;

static void record(uint64_t value)
{
	logged[atomic_fetch_add(&log_count, 1) % 64] = value;
}

static void start_copy(struct pico_thread *thread, struct pico_thread *child)
{
	struct pico_registers registers;

	platform->get_registers(thread, &registers);
	registers.rax = 0;
	registers.rsp -= 4096;
	assert_int_equal(platform->thread_start(child, &registers, NULL), 0);
}

static void dispatch(struct pico_thread *thread, void *context, struct pico_system_call *call)
{
	struct pico_process *process;
	struct pico_thread *child;

	(void)context;
	switch (call->number) {
	case CALL_LOG:
		record(call->arguments[0]);
		call->result = 77;
		break;
	case CALL_FORK:
		call->result = platform->process_fork(thread, &process, &child);
		if (call->result == 0) {
			start_copy(thread, child);
			platform->process_dereference(process);
		}
		call->result = 1;
		break;
	case CALL_THREAD:
		call->result = platform->thread_create(thread, &child);
		if (call->result == 0)
			start_copy(thread, child);
		call->result = 1;
		break;
	case CALL_END:
		call->action = PICO_EXIT;
		break;
	case SYS_getppid:
		call->result = 4711;
		break;
	case SYS_futex:
		latest = thread;
		call->action = PICO_RUN_NATIVE;
		break;
	default:
		call->result = -ENOSYS;
	}
}

static enum pico_action deliver(struct pico_thread *thread, void *context, bool native_interrupted)
{
	struct pico_registers registers;

	(void)context;
	if (!native_interrupted)
		return PICO_RETURN;
	atomic_fetch_add(&apcs, 1);
	platform->get_registers(thread, &registers);
	registers.rax = (uint64_t)-EINTR;
	platform->set_registers(thread, &registers);
	return PICO_REGISTERS;
}

static void exception(struct pico_thread *thread, void *context, const struct pico_exception *record_)
{
	struct pico_registers registers;

	(void)context;
	atomic_fetch_add(&faults, 1);
	fault_address = record_->address;
	platform->get_registers(thread, &registers);
	registers.rip = registers.r15;
	platform->set_registers(thread, &registers);
}

static void begin(struct pico_thread *thread, void *context)
{
	(void)thread;
	(void)context;
}

static void end(struct pico_thread *thread, void *context, bool died)
{
	(void)thread;
	(void)context;
	(void)died;
	sem_post(&ended);
}

static const struct pico_provider_routines provider = {sizeof(provider), begin, dispatch, NULL, exception, deliver, end};

/* Run code in a fresh process; the registers' rsp is a page of its own. */
static void run(const void *code, size_t size, int threads)
{
	struct pico_process *process;
	struct pico_thread *thread;
	struct pico_registers registers = {.rip = CODE, .rsp = CODE + 0x20000, .cs = 0x33, .ss = 0x2b, .eflags = 0x202};
	struct pico_host_call calls[] = {
		{SYS_mmap, {CODE, 0x30000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0}, 0},
		{SYS_mprotect, {CODE + 0x20000, 4096, PROT_READ}, 0},
	};

	log_count = 0;
	assert_int_equal(platform->process_create(&process, &thread), 0);
	assert_int_equal(platform->host_calls_in(NULL, thread, calls, 2, NULL, 0), 0);
	assert_int_equal(calls[0].result, CODE);
	assert_int_equal(calls[1].result, 0);
	assert_int_equal(platform->write_memory(process, CODE, code, size), size);
	assert_int_equal(platform->thread_start(thread, &registers, NULL), 0);
	while (threads--)
		sem_wait(&ended);
	platform->process_dereference(process);
}

#define MOV_EAX(n) 0xb8, (n)&0xff, ((n) >> 8) & 0xff, 0, 0
#define MOV_EDI(n) 0xbf, (n)&0xff, ((n) >> 8) & 0xff, 0, 0
#define MOV_EDI_EAX 0x89, 0xc7
#define SYSCALL 0x0f, 0x05
#define LOG_RESULT MOV_EDI_EAX, MOV_EAX(CALL_LOG), SYSCALL
#define END MOV_EAX(CALL_END), SYSCALL

static void a_call_is_emulated_and_its_result_arrives(void **state)
{
	static const uint8_t code[] = {MOV_EAX(SYS_getppid), SYSCALL, LOG_RESULT, END};

	(void)state;
	run(code, sizeof(code), 1);
	assert_int_equal(log_count, 1);
	assert_int_equal(logged[0], 4711);
}

static void a_forked_process_goes_on_behind_the_call_with_zero(void **state)
{
	static const uint8_t code[] = {MOV_EAX(CALL_FORK), SYSCALL, LOG_RESULT, END};

	(void)state;
	run(code, sizeof(code), 2);
	assert_int_equal(log_count, 2);
	assert_int_equal(logged[0] + logged[1], 1);
}

static void threads_share_memory_and_are_recycled(void **state)
{
	static const uint8_t code[] = {MOV_EAX(CALL_THREAD), SYSCALL, LOG_RESULT, END};

	(void)state;
	for (int i = 0; i < 50; i++) {
		run(code, sizeof(code), 2);
		assert_int_equal(log_count, 2);
		assert_int_equal(logged[0] + logged[1], 1);
	}
}

static void int80_is_caught_and_never_runs(void **state)
{
	/* i386 number 39 is mkdir, x86-64's is getpid */
	static const uint8_t code[] = {MOV_EAX(39), 0xcd, 0x80, LOG_RESULT, END};

	(void)state;
	run(code, sizeof(code), 1);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
}

static void a_fault_arrives_as_an_exception_with_its_address(void **state)
{
	/* lea r15,[rip+7]; mov byte [0x1234],0; hlt-free landing */
	static const uint8_t code[] = {0x4c, 0x8d, 0x3d, 0x08, 0, 0, 0, 0xc6, 0x04, 0x25, 0x34, 0x12, 0, 0, 0, MOV_EAX(5), LOG_RESULT, END};

	(void)state;
	faults = 0;
	run(code, sizeof(code), 1);
	assert_int_equal(faults, 1);
	assert_int_equal(fault_address, 0x1234);
	assert_int_equal(logged[0], 5);
}

static void stub_code_called_by_a_guest_gets_only_enosys(void **state)
{
	/* mov eax,CALL_LOG; lea rbx,[rip+7]; mov ecx,0x1200df-ish: jump through the call site with getppid */
	uint8_t code[] = {MOV_EAX(SYS_getppid), 0x48, 0x8d, 0x1d, 7, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xff, 0xe1, LOG_RESULT, END};
	uint32_t site = 0x1200df;

	(void)state;
	memcpy(code + 13, &site, 4);
	run(code, sizeof(code), 1);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
}

static int start_platform(void **state)
{
	(void)state;
	sem_init(&ended, 0, 0);
	hal_initialize();
	return pico_initialize(&provider, &platform);
}

static int stop_platform(void **state)
{
	(void)state;
	pico_shutdown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_emulated_and_its_result_arrives),
		cmocka_unit_test(a_forked_process_goes_on_behind_the_call_with_zero),
		cmocka_unit_test(threads_share_memory_and_are_recycled),
		cmocka_unit_test(int80_is_caught_and_never_runs),
		cmocka_unit_test(a_fault_arrives_as_an_exception_with_its_address),
		cmocka_unit_test(stub_code_called_by_a_guest_gets_only_enosys),
	};

	return cmocka_run_group_tests_name("pico", tests, start_platform, stop_platform);
}
