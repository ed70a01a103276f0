/*
 * Parking and alertable host calls.
 *
 * The token is 0 (nothing due), 1 (an unpark is due) or 2 (its owner sleeps in
 * the futex). The owner moves 1 to 0 and 0 to 2; anyone moves it to 1, and who
 * moves it from 2 wakes the futex, so that an unpark of a thread that is awake
 * costs no host call.
 *
 * In a host call, in_call is set before the token is tested, and hal_unpark sets
 * the token before it looks at in_call: one of the two sees the other. The
 * signal is sent by tgkill; see alertable.S for the last instructions.
 *
 * The handler is installed with SA_RESTART, so that a signal that comes a moment
 * too late disturbs no other host call of the thread: inside the alertable call
 * a restart sets the instruction pointer back into the range that the handler
 * aborts.
 */
#include <hal/hal.h>
#include <hal/host.h>
#include <rtl/lock.h>

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { TOKEN_NONE, TOKEN_DUE, TOKEN_SLEEPING };

int64_t hal_alertable_syscall(_Atomic uint32_t *token, long number, const uint64_t arguments[6]);
extern const char hal_alertable_begin[], hal_alertable_end[], hal_alertable_abort[];
void hal_signal_return(void);

/* As the kernel takes it. */
struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};
#define KERNEL_SA_RESTORER 0x04000000ul

__attribute__((no_sanitize("thread", "address", "undefined"))) static void
interrupt_handler(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t instruction = (uintptr_t)registers[REG_RIP];

	/* hal_unpark() sends it to one thread; what was sent to the process comes from outside. */
	if (info->si_code != SI_TKILL)
		hal_signal_pass_on(info);
	if (instruction >= (uintptr_t)hal_alertable_begin && instruction < (uintptr_t)hal_alertable_end)
		registers[REG_RIP] = (greg_t)(uintptr_t)hal_alertable_abort;
}

static void unblock_interrupt_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, HAL_INTERRUPT_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int hal_initialize(void)
{
	struct kernel_sigaction action = {
	    .handler = interrupt_handler,
	    .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | KERNEL_SA_RESTORER,
	    .restorer = hal_signal_return,
	    .mask = ~0ull,
	};

	/* The C library's sigaction is wrapped by sanitizers, which run handlers late and on a copied context. */
	if (syscall(SYS_rt_sigaction, HAL_INTERRUPT_SIGNAL, &action, NULL, sizeof(action.mask)) < 0)
		return -errno;
	unblock_interrupt_signal();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

void hal_parker_init(struct hal_parker *parker)
{
	atomic_store(&parker->token, TOKEN_NONE);
	hal_parker_adopt(parker);
}

void hal_parker_adopt(struct hal_parker *parker)
{
	atomic_store(&parker->in_call, 0);
	parker->tid = (pid_t)syscall(SYS_gettid);
}

static bool take_token(struct hal_parker *parker)
{
	uint32_t expected = TOKEN_DUE;

	return atomic_compare_exchange_strong(&parker->token, &expected, TOKEN_NONE);
}

static _Thread_local _Atomic uint32_t *sleep_count;

void hal_set_sleep_count(_Atomic uint32_t *count)
{
	sleep_count = count;
}

/* Of its owner alone. */
static void note_sleep(struct hal_parker *parker)
{
	atomic_store_explicit(&parker->sleeps, atomic_load_explicit(&parker->sleeps, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void count_sleep(void)
{
	if (sleep_count)
		atomic_store_explicit(sleep_count, atomic_load_explicit(sleep_count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Until the token is no longer SLEEPING. False: the deadline passed, and the token has been taken back. */
static bool sleep_on_token(struct hal_parker *parker, uint64_t deadline_ns)
{
	struct timespec deadline = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};

	note_sleep(parker);
	while (atomic_load(&parker->token) == TOKEN_SLEEPING) {
		long result = syscall(SYS_futex, &parker->token, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, TOKEN_SLEEPING,
				      deadline_ns == UINT64_MAX ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
		uint32_t expected = TOKEN_SLEEPING;

		if (result < 0 && errno == ETIMEDOUT)
			return !atomic_compare_exchange_strong(&parker->token, &expected, TOKEN_NONE);
	}
	return true;
}

bool hal_park(struct hal_parker *parker, uint64_t deadline_ns)
{
	uint32_t expected = TOKEN_NONE;

	rtl_assert_lock_free();
	if (take_token(parker))
		return true;
	if (!deadline_ns)
		return false;
	if (atomic_compare_exchange_strong(&parker->token, &expected, TOKEN_SLEEPING)) {
		bool woken;

		count_sleep();
		woken = sleep_on_token(parker, deadline_ns);
		count_sleep();
		if (!woken)
			return false;
	}
	take_token(parker);
	return true;
}

struct hal_wake hal_unpark_begin(struct hal_parker *parker)
{
	uint32_t before = atomic_exchange(&parker->token, TOKEN_DUE);

	if (before == TOKEN_SLEEPING)
		return (struct hal_wake){.token = &parker->token};
	if (before == TOKEN_NONE && atomic_load(&parker->in_call))
		return (struct hal_wake){.tid = parker->tid};
	return (struct hal_wake){0};
}

/* Too late, the futex wakes a sleeper that looks at its token again, and the signal restarts what it interrupts. */
void hal_unpark_end(struct hal_wake wake)
{
	int saved = errno;

	if (wake.token)
		syscall(SYS_futex, wake.token, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	else if (wake.tid)
		syscall(SYS_tgkill, getpid(), wake.tid, HAL_INTERRUPT_SIGNAL);
	errno = saved;
}

void hal_unpark(struct hal_parker *parker)
{
	hal_unpark_end(hal_unpark_begin(parker));
}

bool hal_is_parked(struct hal_parker *parker)
{
	return atomic_load(&parker->token) == TOKEN_SLEEPING || atomic_load(&parker->in_call);
}

int64_t hal_alertable_call_array(struct hal_parker *parker, long number, const uint64_t arguments[6])
{
	int64_t result;

	rtl_assert_lock_free();
	count_sleep();
	note_sleep(parker);
	atomic_store(&parker->in_call, 1);
	/* Interrupted without a token: stopped and continued, or a signal meant for an earlier call. It had no effect.
	 */
	do
		result = hal_alertable_syscall(&parker->token, number, arguments);
	while (result == -EINTR && atomic_load(&parker->token) != TOKEN_DUE);
	atomic_store(&parker->in_call, 0);
	count_sleep();
	if (result == -EINTR)
		take_token(parker);
	return result;
}

/* Reads six arguments whatever the caller passed: what it did not pass is not looked at by the host. */
__attribute__((no_sanitize("address"))) int64_t hal_alertable_call(struct hal_parker *parker, long number, ...)
{
	uint64_t arguments[6];
	va_list list;

	va_start(list, number);
	for (unsigned i = 0; i < 6; i++)
		arguments[i] = va_arg(list, uint64_t);
	va_end(list);
	return hal_alertable_call_array(parker, number, arguments);
}
