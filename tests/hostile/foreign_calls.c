/*
 * Ways into the kernel that are not the 64-bit `syscall`: int 0x80, x32 numbers,
 * compatibility mode, the vsyscall page. None may reach the host's tables with a
 * guest's number.
 */
#include "attack.h"

#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile sig_atomic_t fault_cs, fault_address_is_code;

static void caught(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	unsigned short cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	fault_cs = cs;
	fault_address_is_code = at->uc_mcontext.gregs[REG_RIP] != 0;
	(void)info;
	siglongjmp(back, signal);
}

static void catch_faults(void)
{
	static char stack[65536];
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
}

static long interrupt_80(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* i386 numbers 37, 238, 270: kill, tkill, tgkill. */
static bool is_deadly_32(long number)
{
	return number == 37 || number == 178 || number == 238 || number == 270 || number == 335 || number == 424;
}

static void call_int80(void *argument)
{
	static char memory[64];

	(void)argument;
	catch_faults();
	for (volatile long number = 0; number < 480; number++) {
		int signal = sigsetjmp(back, 1);

		if (signal == 0) {
			interrupt_80(number, is_deadly_32(number) ? NOBODYS_PID : (long)memory, is_deadly_32(number) ? NOBODYS_PID : 0, -1);
			printf("int 0x80 with %ld came back\n", number);
			fflush(stdout);
			_exit(1);
		}
		if (signal != SIGSEGV || fault_cs != 0x33)
			_exit(2);
	}
	/* With the bit of x32 it is no call, natively either: no signal, and nothing done. */
	for (volatile long number = 0; number < 480; number++)
		if (interrupt_80(number | 0x40000000, NOBODYS_PID, NOBODYS_PID, -1) != -ENOSYS)
			_exit(3);
}

static void call_x32(void *argument)
{
	(void)argument;
	for (long number = 0; number < 560; number++) {
		long result = syscall(number | 0x40000000, NOBODYS_PID, NOBODYS_PID, -1, -1, -1, -1);

		if (result != -1 || errno != ENOSYS) {
			printf("x32 call %ld: %ld\n", number, result);
			fflush(stdout);
			_exit(1);
		}
	}
}

/* A page below 4 GiB with 32-bit code; a far jump there by way of the stack. */
static void run_compat(const unsigned char *code, size_t size)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (page == MAP_FAILED)
		_exit(3);
	memcpy(page, code, size);
	__asm__ volatile("mov %1, %%rsp\n\tpush $0x23\n\tpush %0\n\tlretq" : : "r"((uintptr_t)page), "r"(page + 8000) : "memory");
}

static void call_compat(void *argument)
{
	/* mov $20 (getpid), %eax; then int $0x80, syscall, or sysenter; then hlt */
	static const unsigned char codes[][9] = {
		{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xf4, 0xf4},
		{0xb8, 20, 0, 0, 0, 0x0f, 0x05, 0xf4, 0xf4},
		{0xb8, 20, 0, 0, 0, 0x0f, 0x34, 0xf4, 0xf4},
		{0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4},
		{0x0f, 0x0b, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4, 0xf4},
	};
	const uintptr_t which = (uintptr_t)argument;
	int signal;

	catch_faults();
	signal = sigsetjmp(back, 1);
	if (signal == 0)
		run_compat(codes[which], sizeof(codes[0]));
	_exit(fault_cs == 0x33 && (signal == SIGSEGV || signal == SIGILL) ? 0 : 4);
}

static void call_vsyscall(void *argument)
{
	const uintptr_t entries[] = {0xffffffffff600000, 0xffffffffff600400, 0xffffffffff600800};
	void *const bad[] = {(void *)1, (void *)0xffffffffff600000, (void *)0x7ffffffffffe, (void *)0x8000000000000000, (void *)PICO_STUB_BASE};
	volatile int faults = 0;

	(void)argument;
	catch_faults();
	for (volatile size_t entry = 0; entry < 3; entry++) {
		for (volatile size_t pointer = 0; pointer < 5; pointer++) {
			if (sigsetjmp(back, 1) == 0)
				((long (*)(void *, void *, void *))entries[entry])(bad[pointer], bad[pointer], NULL);
			else
				faults++;
		}
		if (sigsetjmp(back, 1) == 0)
			((long (*)(void *, void *, void *))entries[entry])(NULL, NULL, NULL);
	}
	/* Between its entries there is nothing to run. */
	for (volatile uintptr_t at = 0xffffffffff600001; at < 0xffffffffff601000; at += 399) {
		if (sigsetjmp(back, 1) == 0) {
			((void (*)(void))at)();
			_exit(5);
		}
	}
	_exit(faults >= 10 ? 0 : 6);
}

/* A storm of timer signals while calls enter by the vsyscall page: its stops bear no change of rip. */
static volatile sig_atomic_t ticks;

static void count_tick(int signal)
{
	(void)signal;
	ticks++;
}

static void storm_vsyscall(void *argument)
{
	struct itimerval timer = {{0, 100}, {0, 100}};

	(void)argument;
	signal(SIGVTALRM, count_tick);
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	for (int i = 0; i < 20000; i++)
		if (((long (*)(long *))0xffffffffff600400)(NULL) < 1000000)
			_exit(1);
	_exit(0);
}

int main(void)
{
	int status;

	find_call_site();
	if ((status = in_child(10000000, call_int80, NULL)) != 0)
		fail("int 0x80: status %#x", status);
	if ((status = in_child(10000000, call_x32, NULL)) != 0)
		fail("x32: status %#x", status);
	for (uintptr_t which = 0; which < 5; which++)
		if ((status = in_child(2000000, call_compat, (void *)which)) != 0)
			fail("compatibility mode, code %lu: status %#x", (unsigned long)which, status);
	if ((status = in_child(10000000, call_vsyscall, NULL)) != 0)
		fail("vsyscall: status %#x", status);
	if ((status = in_child(20000000, storm_vsyscall, NULL)) != 0)
		fail("vsyscall under a storm: status %#x", status);
	return finish("foreign entries", 482 + 480 + 560 + 5 + 18);
}
