/* The frame of a handler: where it lies, what it holds, and what sigreturn makes of a changed one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cpuid.h>
#include <errno.h>
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static char *alternate;
#define ALTERNATE_SIZE 65536

static int on_alternate(const void *address)
{
	return (const char *)address >= alternate && (const char *)address < alternate + ALTERNATE_SIZE;
}

static void set(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigemptyset(&action.sa_mask);
	sigaction(signo, &action, NULL);
}

static void inspect(int signo, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	uint32_t *software = (uint32_t *)((char *)context->uc_mcontext.fpregs + 464);
	uint32_t size = software[4], magic2;
	stack_t now;
	unsigned mxcsr = _mm_getcsr();
	uint16_t control;
	uint64_t flags;

	__asm__ volatile("fnstcw %0" : "=m"(control));
	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	memcpy(&magic2, (char *)context->uc_mcontext.fpregs + size, 4);
	sigaltstack(NULL, &now);
	printf("signal %d info %d uc_flags %lx link %p\n", signo, info->si_signo, context->uc_flags, (void *)context->uc_link);
	printf("stack on alternate %d saved flags %x size %zu now flags %x\n", on_alternate(&control),
	       context->uc_stack.ss_flags, context->uc_stack.ss_size, now.ss_flags);
	printf("magic %x %x extended-size %d aligned %d frame %d\n", software[0], magic2, software[1] == size + 4,
	       (int)((uintptr_t)context->uc_mcontext.fpregs % 64), (int)(((uintptr_t)data - 8) % 16));
	printf("features fpsse %d present fpsse %d\n", (software[2] & 3) == 3,
	       (*(uint32_t *)((char *)context->uc_mcontext.fpregs + 512) & 3) == 3);
	printf("handler mxcsr %x control %x df %d; saved mxcsr %x\n", mxcsr, control, (int)(flags >> 10 & 1),
	       context->uc_mcontext.fpregs->mxcsr);
	printf("oldmask %llx err %llx trapno %llx cr2 %llx cs %llx\n", context->uc_mcontext.gregs[REG_OLDMASK],
	       context->uc_mcontext.gregs[REG_ERR], context->uc_mcontext.gregs[REG_TRAPNO],
	       context->uc_mcontext.gregs[REG_CR2], context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff);
}

static void altstack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_SIZE}, old;

	printf("set %d\n", sigaltstack(&stack, NULL));
	printf("get %d", sigaltstack(NULL, &old));
	printf(" same %d size %zu flags %x\n", old.ss_sp == alternate, old.ss_size, old.ss_flags);
	set(SIGUSR1, inspect, SA_ONSTACK);
	raise(SIGUSR1);
	stack.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
	printf("autodisarm %d\n", sigaltstack(&stack, NULL));
	raise(SIGUSR1);
	sigaltstack(NULL, &old);
	printf("after return: size %zu flags %x\n", old.ss_size, (unsigned)old.ss_flags);
	stack.ss_flags = SS_DISABLE;
	printf("disable %d\n", sigaltstack(&stack, NULL));
	sigaltstack(NULL, &old);
	printf("disabled: sp %p size %zu flags %x\n", old.ss_sp, old.ss_size, old.ss_flags);
	raise(SIGUSR1);
	stack.ss_flags = 0;
	stack.ss_size = 2047;
	errno = 0;
	printf("too small %d", sigaltstack(&stack, NULL));
	printf(" %d\n", errno);
	stack.ss_flags = 7;
	errno = 0;
	printf("bad flags %d", sigaltstack(&stack, NULL));
	printf(" %d\n", errno);
}

static void change_on_stack(int signo, siginfo_t *info, void *data)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_SIZE}, old;

	(void)signo, (void)info, (void)data;
	errno = 0;
	printf("change while on it %d", sigaltstack(&stack, &old));
	printf(" %d\n", errno);
}

static void edit(int signo, siginfo_t *info, void *data)
{
	ucontext_t *context = data;

	(void)signo, (void)info;
	context->uc_mcontext.gregs[REG_R12] = 0x1122334455667788;
	context->uc_mcontext.gregs[REG_RAX] = 42;
	context->uc_mcontext.gregs[REG_RCX] = 43;
	context->uc_mcontext.gregs[REG_R11] = 44;
	context->uc_mcontext.gregs[REG_RIP] += 2; /* past ud2 */
	context->uc_mcontext.gregs[REG_EFL] |= 0x3401; /* carry, direction and what a user may not set */
	context->uc_mcontext.fpregs->mxcsr = 0x7f80;
	sigaddset(&context->uc_sigmask, SIGUSR2);
	sigaddset(&context->uc_sigmask, SIGKILL);
}

static void edited(void)
{
	uint64_t rax = 1, rcx, r11, r12, flags;
	unsigned long mask = 0;

	set(SIGILL, edit, 0);
	__asm__ volatile("ud2; mov %%r12, %0; pushfq; popq %1; cld; mov %%r11, %4"
			 : "=&r"(r12), "=&r"(flags), "+a"(rax), "=&c"(rcx), "=&r"(r11)
			 :
			 : "r12", "r11", "memory", "cc");
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	printf("edited: r12 %lx rax %lu rcx %lu r11 %lu flags %lx mxcsr %x mask %lx\n", r12, rax, rcx, r11,
	       flags & 0x3c01, _mm_getcsr(), mask);
	mask = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	_mm_setcsr(0x1f80);
}

static void spoil(int signo, siginfo_t *info, void *data)
{
	(void)signo, (void)info, (void)data;
	__asm__ volatile("vxorps %%ymm0, %%ymm0, %%ymm0; vxorps %%ymm7, %%ymm7, %%ymm7; vxorps %%ymm15, %%ymm15, %%ymm15; fninit" ::: "xmm0", "xmm7", "xmm15");
}

__attribute__((target("avx"))) static void vectors(void)
{
	uint64_t in[12], out[12];
	double x87 = 3.25, back;
	unsigned long tid = (unsigned long)syscall(SYS_gettid), pid = (unsigned long)getpid();

	set(SIGUSR1, spoil, 0);
	for (int i = 0; i < 12; i++)
		in[i] = 0x0101010101010101ul * (unsigned)(i + 1);
	__asm__ volatile("vmovups (%4), %%ymm0; vmovups 32(%4), %%ymm7; vmovups 64(%4), %%ymm15; fldl %1\n"
			 "mov $234, %%eax; mov %2, %%rdi; mov %3, %%rsi; mov $10, %%edx; syscall\n"
			 "vmovups %%ymm0, (%5); vmovups %%ymm7, 32(%5); vmovups %%ymm15, 64(%5); fstpl %0"
			 : "=m"(back)
			 : "m"(x87), "r"(pid), "r"(tid), "r"(in), "r"(out)
			 : "rax", "rdi", "rsi", "rdx", "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15");
	printf("vectors kept %d x87 kept %d\n", memcmp(in, out, sizeof(in)) == 0, back == 3.25);
}

static void corrupt(int signo, siginfo_t *info, void *data)
{
	ucontext_t *context = data;

	(void)signo;
	switch (info->si_value.sival_int) {
	case 0:
		context->uc_mcontext.fpregs->mxcsr = 0xffff0000;
		break;
	case 1:
		*(uint64_t *)((char *)context->uc_mcontext.fpregs + 512 + 16) = 1;
		break;
	case 2:
		context->uc_mcontext.fpregs = (void *)8;
		break;
	case 3:
		*(uint64_t *)((char *)context->uc_mcontext.fpregs + 512) = ~0ull;
		break;
	case 4:
		context->uc_mcontext.fpregs = NULL;
		break;
	}
}

static void corrupted(void)
{
	for (int i = 0; i < 5; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			set(SIGUSR1, corrupt, 0);
			sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = i});
			_exit(0);
		}
		waitpid(child, &status, 0);
		printf("corrupt %d: status %x\n", i, status);
	}
}

static void no_room(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		stack_t stack = {.ss_sp = alternate, .ss_size = 2048};

		/* The extended state does not fit. */
		sigaltstack(&stack, NULL);
		set(SIGUSR1, inspect, SA_ONSTACK);
		raise(SIGUSR1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("no room: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	child = fork();
	if (child == 0) {
		struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } action = {spoil, 0, NULL, 0};

		syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8);
		raise(SIGUSR1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("no restorer: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(void)
{
	unsigned a, b, c = 0, d;

	setvbuf(stdout, NULL, _IONBF, 0);
	alternate = mmap(NULL, ALTERNATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set(SIGUSR1, inspect, 0);
	raise(SIGUSR1);
	_mm_setcsr(0x3f80);
	raise(SIGUSR1);
	_mm_setcsr(0x1f80);
	altstack();
	stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_SIZE};
	sigaltstack(&stack, NULL);
	set(SIGUSR2, change_on_stack, SA_ONSTACK);
	raise(SIGUSR2);
	edited();
	if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE))
		vectors();
	corrupted();
	no_room();
	return 0;
}
