/*
 * The trap platform with a toy provider: guests are a few instructions, written in assembly, that report by system calls.
 * What a test has to do on a guest's half it does in a step of its own. Halves are other threads, where assertions of
 * cmocka don't work: a step records what it saw, in order, and the test looks at it when the guests have ended.
 */
#ifndef UNIT_PICO_FIXTURE_H
#define UNIT_PICO_FIXTURE_H

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
#define DATA 0x410000UL  /* read and write, like the code */
#define STACK 0x420000UL /* what it points to can only be read */
#define FREE 0x500000UL  /* nothing is there */
#define PAGE 4096UL

#define CALL_LOG 3000 /* records its first argument */
#define CALL_FORK 3001
#define CALL_THREAD 3002
#define CALL_END 3003
#define CALL_STEP 3004 /* runs the test's step */

/* A guest's code, at any address. "log" records rdi, "logax" what the last call returned. */
#define GUEST_CODE(name, text)                                                                                       \
	extern const uint8_t name[], name##_end[];                                                                   \
	__asm__(".pushsection .text.guest,\"ax\"\n.ifndef guest_macros\n.set guest_macros, 1\n"                                 \
		".macro sys number\nmov $\\number, %eax\nsyscall\n.endm\n"                                          \
		".macro log\nsys 3000\n.endm\n.macro logax\nmov %rax, %rdi\nsys 3000\n.endm\n"                     \
		".macro end\nsys 3003\n.endm\n.endif\n" #name ":\n" text "\n" #name "_end:\n.popsection")

static const struct pico_platform *platform;
static sem_t ended;
static _Atomic uint64_t logged[256];
static _Atomic int log_count, deaths;
static void (*step)(struct pico_thread *thread, struct pico_system_call *call);
static enum pico_action (*apc)(struct pico_thread *thread, bool native_interrupted);
static void (*fault)(struct pico_thread *thread, const struct pico_exception *exception);

static inline void record(uint64_t value)
{
	logged[atomic_fetch_add(&log_count, 1) % 256] = value;
}

/* A new thread goes on behind the call that made it, with 0 and a stack further down. */
static inline void start_copy(struct pico_thread *thread, struct pico_thread *child)
{
	struct pico_registers registers;

	platform->get_registers(thread, &registers);
	registers.rax = 0;
	registers.rsp -= PAGE;
	if (platform->thread_start(child, &registers, NULL) != 0)
		record(0xbad);
}

static inline void fork_guest(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_process *process;
	struct pico_thread *child;

	call->result = platform->process_fork(thread, &process, &child);
	if (call->result)
		return;
	start_copy(thread, child);
	platform->process_dereference(process);
	call->result = 1;
}

static inline void clone_guest(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_thread *child;

	call->result = platform->thread_create(thread, &child);
	if (call->result)
		return;
	start_copy(thread, child);
	call->result = 1;
}

static inline void dispatch(struct pico_thread *thread, void *context, struct pico_system_call *call)
{
	switch (call->number) {
	case CALL_LOG:
		record(call->arguments[0]);
		call->result = 77;
		break;
	case CALL_FORK:
		fork_guest(thread, call);
		break;
	case CALL_THREAD:
		clone_guest(thread, call);
		break;
	case CALL_END:
		call->action = PICO_EXIT;
		break;
	case SYS_getppid:
		call->result = 4711;
		break;
	case SYS_futex:
		call->action = PICO_RUN_NATIVE;
		call->want_result = true;
		break;
	default:
		call->result = -ENOSYS;
		if (step && (call->number == CALL_STEP || call->entry != PICO_ENTRY_SYSCALL))
			step(thread, call);
	}
}

static inline void native_result(struct pico_thread *thread, void *context, struct pico_system_call *call)
{
	record((uint64_t)call->result);
}

static inline enum pico_action deliver(struct pico_thread *thread, void *context, bool native_interrupted)
{
	return apc ? apc(thread, native_interrupted) : PICO_RETURN;
}

/* The guest goes on at the address in r15. */
static inline void go_to_landing(struct pico_thread *thread)
{
	struct pico_registers registers;

	platform->get_registers(thread, &registers);
	registers.rip = registers.r15;
	platform->set_registers(thread, &registers);
}

static inline void exception(struct pico_thread *thread, void *context, const struct pico_exception *information)
{
	if (fault)
		fault(thread, information);
	go_to_landing(thread);
}

static inline void begin(struct pico_thread *thread, void *context)
{
}

static inline void end(struct pico_thread *thread, void *context, bool died)
{
	deaths += died;
	sem_post(&ended);
}

static const struct pico_provider_routines provider = {sizeof(provider), begin, dispatch, native_result, exception, deliver, end};

/* Memory for a guest in a process that has not begun: the code, data, and a page that can only be read. */
static inline int prepare(struct pico_thread *current, struct pico_thread *target, const void *code, size_t size)
{
	struct pico_host_call calls[] = {
		{SYS_mmap, {CODE, 0x30000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0}, 0},
		{SYS_mprotect, {STACK, PAGE, PROT_READ}, 0},
	};
	int error = platform->host_calls_in(current, target, calls, 2, NULL, 0);

	if (error || calls[0].result != CODE || calls[1].result)
		return -1;
	return platform->write_memory(platform->process_of(target), CODE, code, size) == (int64_t)size ? 0 : -1;
}

static const struct pico_registers first_registers = {.rip = CODE, .rsp = STACK, .cs = 0x33, .ss = 0x2b, .eflags = 0x202};

static inline struct pico_process *start_guest(const uint8_t *code, const uint8_t *code_end)
{
	struct pico_process *process;
	struct pico_thread *thread;

	log_count = deaths = 0;
	assert_int_equal(platform->process_create(&process, &thread), 0);
	assert_int_equal(prepare(NULL, thread, code, (size_t)(code_end - code)), 0);
	assert_int_equal(platform->thread_start(thread, &first_registers, NULL), 0);
	return process;
}

static inline void wait_ended(struct pico_process *process, int threads)
{
	while (threads--)
		while (sem_wait(&ended) != 0)
			continue;
	platform->process_dereference(process);
}

/* Run code in a fresh process until so many threads have ended. */
#define RUN(code, threads) wait_ended(start_guest(code, code##_end), threads)

/* What was recorded, all of it. */
#define assert_logged(...)                                                                                   \
	do {                                                                                                 \
		const uint64_t expected_[] = {__VA_ARGS__};                                                  \
		assert_int_equal(log_count, sizeof(expected_) / sizeof(expected_[0]));                       \
		for (size_t i_ = 0; i_ < sizeof(expected_) / sizeof(expected_[0]); i_++)                     \
			assert_int_equal(logged[i_], expected_[i_]);                                         \
	} while (0)

static inline int start_platform(void **state)
{
	sem_init(&ended, 0, 0);
	hal_initialize();
	return pico_initialize(&provider, &platform);
}

static inline int stop_platform(void **state)
{
	pico_shutdown();
	return 0;
}

static inline int no_hooks(void **state)
{
	step = NULL;
	apc = NULL;
	fault = NULL;
	return 0;
}

#define pico_test(name) cmocka_unit_test_setup(name, no_hooks)

#endif
