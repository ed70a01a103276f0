/* RLIMIT_STACK of a running program: how far its initial stack grows follows it, down and up, for its children too. */
#include "observe.h"

#include <setjmp.h>
#include <sys/resource.h>

#define FRAME 8192

static sigjmp_buf back;
static volatile unsigned long depth;

static void overflowed(int signo)
{
	siglongjmp(back, signo);
}

static __attribute__((noinline)) void descend(void)
{
	volatile char frame[FRAME];

	frame[0] = 1;
	depth += FRAME * (unsigned long)frame[0];
	if (depth < 64 << 20)
		descend();
	frame[1] = 1;
}

/* How deep it goes, within a sixteenth of the limit, which is what arguments and the way here use. */
static void show(unsigned long kilobytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = kilobytes << 10;
	if (limit.rlim_max < limit.rlim_cur) {
		printf("%lu KiB: not to be had\n", kilobytes);
		return;
	}
	setrlimit(RLIMIT_STACK, &limit);
	depth = 0;
	if (sigsetjmp(back, 1) == 0)
		descend();
	printf("%lu KiB: %s\n", kilobytes,
	       depth > limit.rlim_cur / 16 * 17 + 2 * FRAME ? "deeper" : depth < limit.rlim_cur / 16 * 14 ? "less" : "as far");
	fflush(stdout);
}

static void higher_in_a_child(void)
{
	show(16384);
}

static void jump_far(void)
{
	volatile char *far = (volatile char *)__builtin_frame_address(0) - (3 << 20);

	if (sigsetjmp(back, 1) == 0) {
		*far = 1;
		printf("three MiB below: %d\n", *far);
	} else {
		printf("three MiB below: nothing\n");
	}
}

int main(void)
{
	static char other[1 << 16];
	stack_t stack = {.ss_sp = other, .ss_size = sizeof(other)};
	struct sigaction action = {.sa_handler = overflowed, .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	show(512);
	show(2048);
	in_child(higher_in_a_child);
	jump_far();
	show(4096);
	jump_far();
	show(12288);
	in_child(higher_in_a_child);
	return 0;
}
