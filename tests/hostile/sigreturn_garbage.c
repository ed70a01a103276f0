/*
 * rt_sigreturn with frames of garbage: bad segments, flags, addresses, extended
 * state. The statuses of the children are printed: they are what they are
 * natively.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct frame {
	ucontext_t context;
	siginfo_t info;
	unsigned char state[4096] __attribute__((aligned(64)));
};

static struct frame *frame;
static unsigned char stack[65536] __attribute__((aligned(64)));

static void landed(void)
{
	_exit(21);
}

static void template_frame(void)
{
	greg_t *registers = frame->context.uc_mcontext.gregs;

	memset(frame, 0, sizeof(*frame));
	registers[REG_RIP] = (greg_t)(uintptr_t)landed;
	registers[REG_RSP] = (greg_t)(uintptr_t)(stack + sizeof(stack) - 72);
	registers[REG_EFL] = 0x202;
	registers[REG_CSGSFS] = 0x33 | 0x2bl << 48;
	frame->context.uc_flags = 6; /* UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
}

static __attribute__((noreturn)) void return_by(void *at)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\thlt" : : "r"(at) : "memory");
	__builtin_unreachable();
}

enum { WAYS = 26 };

static void spoil(int way)
{
	greg_t *registers = frame->context.uc_mcontext.gregs;
	static const uint64_t segments[] = {0, 0x10, 0x33 | 0x10l << 48, 0x23 | 0x2bl << 48, 0x2b | 0x2bl << 48, 0xffff | 0x2bl << 48, 0x33 | 0xffffl << 48};

	if (way < 7)
		registers[REG_CSGSFS] = (greg_t)segments[way];
	else if (way == 7)
		registers[REG_RIP] = (greg_t)0x8000000000000000;
	else if (way == 8)
		registers[REG_RIP] = 1;
	else if (way == 9)
		registers[REG_RIP] = (greg_t)0xffffffffff600000;
	else if (way == 10)
		registers[REG_RSP] = 0;
	else if (way == 11)
		registers[REG_RSP] = (greg_t)0xffff888000000000;
	else if (way == 12)
		registers[REG_EFL] = -1;
	else if (way == 13)
		registers[REG_EFL] = 0x3000; /* IOPL 3: cli must still fault */
	else if (way == 14)
		frame->context.uc_mcontext.fpregs = (void *)1;
	else if (way == 15)
		frame->context.uc_mcontext.fpregs = (void *)0x8000000000000000;
	else if (way == 16)
		frame->context.uc_mcontext.fpregs = (void *)(frame->state + 8);
	else if (way == 17)
		frame->context.uc_mcontext.fpregs = (void *)frame->state;
	else if (way == 18)
		memset(frame->state, 0xff, sizeof(frame->state)), frame->context.uc_mcontext.fpregs = (void *)frame->state;
	else if (way == 19)
		memset(&frame->context.uc_sigmask, 0xff, sizeof(frame->context.uc_sigmask));
	else if (way == 20)
		frame->context.uc_stack = (stack_t){(void *)1, -1, 1};
	else if (way == 21)
		registers[REG_EFL] = 0x40202; /* alignment check */
	else if (way == 22)
		registers[REG_EFL] = 0x302; /* single step */
	else if (way == 23)
		registers[REG_EFL] = 0x4202; /* nested task */
	else if (way == 24)
		frame->context.uc_flags = -1ul;
}

static void garbage_frame(unsigned seed)
{
	unsigned char *bytes = (unsigned char *)frame;

	srandom(seed);
	for (size_t i = 0; i < sizeof(*frame); i++)
		bytes[i] = (unsigned char)random();
}

static int run(int way, unsigned seed)
{
	struct itimerval limit = {.it_value = {2, 0}};
	int status;
	pid_t child = fork();

	if (child == 0) {
		setitimer(ITIMER_REAL, &limit, NULL);
		close(2);
		template_frame();
		if (way < WAYS)
			spoil(way);
		else
			garbage_frame(seed);
		return_by(&frame->context);
	}
	waitpid(child, &status, 0);
	return status & ~0x80;
}

static int run_at(uint64_t address)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		return_by((void *)address);
	waitpid(child, &status, 0);
	return status & ~0x80;
}

int main(void)
{
	static const uint64_t addresses[] = {0, 8, 4095, 0x7fffffffeff8, 0x7ffffffff000, 0x8000000000000000, 0xffffffffffffff00, 3};

	setvbuf(stdout, NULL, _IONBF, 0);
	frame = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int way = 0; way < WAYS; way++)
		printf("way %d: %#x\n", way, run(way, 0));
	for (unsigned seed = 1; seed <= 60; seed++)
		printf("garbage %u: %#x\n", seed, run(WAYS, seed));
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		printf("frame at %#lx: %#x\n", addresses[i], run_at(addresses[i]));
	return 0;
}
