/* Stacks that overflow: SIGSEGV on the alternative stack where there is one, the end of the process where there is none. */
#include "attack.h"

#include <sys/resource.h>

static volatile char sink;

static __attribute__((noinline)) void recurse(unsigned depth)
{
	volatile char frame[512];

	frame[0] = (char)depth;
	if (depth != UINT32_MAX)
		recurse(depth + 1);
	sink = frame[0];
}

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)context;
	/* The address that was touched lies just beyond the stack. */
	_exit(signal == SIGSEGV && info->si_addr && (info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR) ? 42 : 1);
}

static void catch_on_other_stack(int flags)
{
	static char stack[65536];
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | flags};
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

static void *in_thread(void *argument)
{
	recurse(0);
	return argument;
}

static void overflow(void *argument)
{
	const int way = (int)(uintptr_t)argument;
	struct rlimit limit = {way & 4 ? 256 << 10 : 4 << 20, RLIM_INFINITY};
	pthread_t thread;

	setrlimit(RLIMIT_STACK, &limit);
	if (way & 1)
		catch_on_other_stack(SA_ONSTACK);
	else
		catch_on_other_stack(0); /* a handler, but nowhere to run it */
	if (way & 2) {
		pthread_create(&thread, NULL, in_thread, NULL);
		pthread_join(thread, NULL);
	}
	recurse(0);
}

/* A call with the stack pointer beyond the stack, in nothing, or in the platform's pages. */
static void call_without_stack(void *argument)
{
	static const uint64_t pointers[] = {0, 8, 0x7ffffffff000, 0xffff800000000000, UINT64_MAX, PICO_SCRATCH_BASE + 64, PICO_STUB_BASE + 64};

	catch_on_other_stack(SA_ONSTACK);
	__asm__ volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tpush %%rax\n\tud2" : : "r"(pointers[(uintptr_t)argument]) : "rax", "rcx", "r11", "memory");
}

int main(void)
{
	for (uintptr_t way = 0; way < 8; way++) {
		int status = in_child(20000000, overflow, (void *)way);
		bool handled = WIFEXITED(status) && WEXITSTATUS(status) == 42;
		bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;

		/* A thread has no alternative stack: sigaltstack(2) is of each thread's own. */
		if ((way & 3) == 1 ? !handled : !killed)
			fail("overflow, way %lu: status %#x", (unsigned long)way, status);
	}
	for (uintptr_t pointer = 0; pointer < 7; pointer++) {
		int status = in_child(2000000, call_without_stack, (void *)pointer);

		if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM))
			fail("stack pointer %lu: status %#x", (unsigned long)pointer, status);
	}
	return finish("overflows", 8 + 7);
}
