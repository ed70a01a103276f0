/* Faults: signal, si_code, si_addr and the trap number of each; what a blocked or ignored one does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static char *page;
static volatile int zero, ten = 10;

static void fault(int signo, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	uintptr_t address = (uintptr_t)info->si_addr, start = (uintptr_t)page;
	long long *registers = context->uc_mcontext.gregs;

	printf("signal %d code %d trapno %lld", signo, info->si_code, registers[REG_TRAPNO]);
	if (address >= start && address < start + 3 * 4096)
		printf(" addr page+%lu", (unsigned long)(address - start));
	else if (address == (uintptr_t)registers[REG_RIP])
		printf(" addr rip");
	else
		printf(" addr %lx", (unsigned long)address);
	printf(" fetch %d write %d user %d\n", (int)(registers[REG_ERR] >> 4 & 1), (int)(registers[REG_ERR] >> 1 & 1),
	       (int)(registers[REG_ERR] >> 2 & 1));
	siglongjmp(back, 1);
}

#define FAULT(name, code)                                                                                              \
	do {                                                                                                           \
		printf("%s: ", name);                                                                                  \
		if (!sigsetjmp(back, 1)) {                                                                             \
			code;                                                                                          \
			printf("no fault\n");                                                                          \
		}                                                                                                      \
	} while (0)

static void step(int signo, siginfo_t *info, void *data)
{
	ucontext_t *context = data;

	printf("step signal %d code %d trapno %lld\n", signo, info->si_code, context->uc_mcontext.gregs[REG_TRAPNO]);
	context->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

static void show_end(const char *name, void (*run)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		run();
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("%s: signal %d status %d\n", name, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void blocked_fault(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*(volatile char *)page = 1;
}

static void ignored_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	*(volatile char *)page = 1;
}

static void default_fault(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)page = 1;
}

static void default_abort(void)
{
	abort();
}

static void stack_overflow_handler(int signo)
{
	static const char text[] = "overflow handled\n";

	(void)signo;
	_exit(write(1, text, sizeof(text) - 1) > 0 ? 3 : 4);
}

static volatile int never;
__attribute__((noinline)) static int recurse(int n)
{
	volatile char big[4096];

	big[0] = (char)n;
	if (never)
		return 0;
	return recurse(n + 1) + big[0];
}

static void stack_overflow(void)
{
	static char alternate[65536];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_handler = stack_overflow_handler, .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	recurse(0);
}

static void overflow_without_stack(void)
{
	struct sigaction action = {.sa_handler = stack_overflow_handler};

	sigaction(SIGSEGV, &action, NULL);
	recurse(0);
}

int main(void)
{
	int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
	char name[] = "/tmp/lxrun-faults-XXXXXX";
	int fd = mkstemp(name);

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FAULT("null read", (void)*(volatile int *)NULL);
	FAULT("null write", *(volatile int *)8 = 1);
	FAULT("no access", (void)*(volatile char *)(page + 5));
	mprotect(page, 4096, PROT_READ);
	FAULT("write to read-only", *(volatile char *)(page + 7) = 1);
	FAULT("jump to data", ((void (*)(void))(page + 16))());
	FAULT("jump to null", ((void (*)(void))(uintptr_t)zero)());
	FAULT("not canonical", (void)*(volatile char *)0x8000000000000000ul);
	FAULT("kernel half", (void)*(volatile char *)0xffff800000000000ul);
	FAULT("illegal", __asm__ volatile("ud2"));
	FAULT("breakpoint", __asm__ volatile("int3"));
	FAULT("divide", zero = ten / zero);
	FAULT("privileged", __asm__ volatile("hlt"));
	FAULT("int1", __asm__ volatile(".byte 0xf1"));
	FAULT("int 4", __asm__ volatile("int $4"));
	FAULT("simd", {
		unsigned csr = 0x1f80 & ~0x200u;
		__asm__ volatile("ldmxcsr %0; xorps %%xmm1, %%xmm1; pcmpeqd %%xmm0, %%xmm0; cvtdq2ps %%xmm0, %%xmm0; divps %%xmm1, %%xmm0" ::"m"(csr)
				 : "xmm0", "xmm1");
	});
	if (fd >= 0) {
		char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		page = map;
		FAULT("beyond end of file", (void)*(volatile char *)(map + 9));
		close(fd);
		unlink(name);
	}
	action.sa_sigaction = step;
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" ::: "memory", "cc");
	printf("stepped\n");
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	show_end("blocked", blocked_fault);
	show_end("ignored", ignored_fault);
	show_end("default", default_fault);
	show_end("abort", default_abort);
	show_end("overflow on alternate stack", stack_overflow);
	show_end("overflow without", overflow_without_stack);
	return 0;
}
