/* Every futex operation, as subcommands of futex(2) and as calls of their own: once as it works, and every way to be refused. */
#include "observe.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef FUTEX2_SIZE_U32
#define FUTEX2_SIZE_U32 2
#endif
#define BAD ((uint32_t *)8)
#define NO_TASK 0x3ffffff0u
#define ALL ~0u

/* struct futex_waitv. */
struct wait_one {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static uint32_t word, other;
static const struct timespec soon = {0, 1000000}, wrong = {0, 1000000000}, negative = {-1, 0}, never = {0, 0};

static long futex(uint32_t *address, int op, uint32_t value, const void *timeout, uint32_t *address2, uint32_t value3)
{
	return syscall(SYS_futex, address, op, value, timeout, address2, value3);
}

/* --- whoever wakes: until somebody was woken */

static void *wake(void *argument)
{
	while (futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
		continue;
	return argument;
}

static void *wake_requeued(void *argument)
{
	while (futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1l, &other, 0) != 1)
		continue;
	return argument;
}

/* Evaluate a call that waits, while another thread does what ends it. */
#define ENDED_BY(routine, call)                                                                                        \
	do {                                                                                                           \
		pthread_t waker_;                                                                                      \
		pthread_create(&waker_, NULL, routine, NULL);                                                          \
		errno = 0;                                                                                             \
		observe_result(#call, (call));                                                                         \
		pthread_join(waker_, NULL);                                                                            \
	} while (0)

static void waiting(void)
{
	section("waiting");
	ENDED_BY(wake, futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
	ENDED_BY(wake, futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 1));
	OBSERVE(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT, 0, &wrong, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT, 0, BAD, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_WAIT, 0, NULL, NULL, 0));
	OBSERVE(futex((uint32_t *)((char *)&word + 2), FUTEX_WAIT, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 0, &soon, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 0, &wrong, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 0, BAD, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_WAIT_BITSET, 0, NULL, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0));
	tick(5);
	OBSERVE(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, ALL));
	tick(0);
}

static void waking(void)
{
	uint32_t *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	section("waking");
	OBSERVE(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_WAKE, 1, NULL, NULL, 0));
	OBSERVE(futex((uint32_t *)((char *)&word + 1), FUTEX_WAKE, 1, NULL, NULL, 0));
	OBSERVE(futex(forbidden, FUTEX_WAIT, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, ALL));
	OBSERVE(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_REQUEUE, 1, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_REQUEUE, -1, (void *)1l, &other, 0));
	OBSERVE(futex(BAD, FUTEX_REQUEUE, 1, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1l, &other, 9));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)-1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1l, BAD, 0));
	OBSERVE(futex(&word, FUTEX_WAKE_OP, 1, (void *)1l, &other, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)));
	OBSERVE(futex(&word, FUTEX_WAKE_OP, 1, (void *)1l, &other, FUTEX_OP(FUTEX_OP_SET, 0, 9, 0)));
	OBSERVE(futex(&word, FUTEX_WAKE_OP, 1, (void *)1l, &other, FUTEX_OP(7, 0, FUTEX_OP_CMP_EQ, 0)));
	OBSERVE(futex(&word, FUTEX_WAKE_OP, 1, (void *)1l, BAD, 0));
	OBSERVE(futex(&word, 77, 0, NULL, NULL, 0));
	munmap(forbidden, 4096);
}

static void owning(void)
{
	section("priority inheritance");
	OBSERVE(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI2, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI2, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	word = NO_TASK;
	OBSERVE(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	word = NO_TASK;
	OBSERVE(futex(&word, FUTEX_LOCK_PI2, 0, NULL, NULL, 0));
	word = NO_TASK;
	OBSERVE(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	word = 0;
	OBSERVE(futex(BAD, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_LOCK_PI2, 0, NULL, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(BAD, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI, 0, &wrong, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI2, 0, &wrong, NULL, 0));
	OBSERVE(futex((uint32_t *)((char *)&word + 1), FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_TRYLOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
}

static void *time_out(void *argument)
{
	OBSERVE(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI, 0, &never, NULL, 0));
	OBSERVE(futex(&word, FUTEX_LOCK_PI2, 0, &never, NULL, 0));
	return argument;
}

static void another_owns(void)
{
	pthread_t thread;

	section("a lock of another thread");
	futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	pthread_create(&thread, NULL, time_out, NULL);
	pthread_join(thread, NULL);
	futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	printf("free %d\n", word == 0);
}

static void requeueing(void)
{
	section("conditions of locks");
	ENDED_BY(wake_requeued, futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &other, 0));
	OBSERVE(futex(&other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &other, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &never, &other, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &wrong, &other, 0));
	OBSERVE(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &word, 0));
	OBSERVE(futex(BAD, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1l, &other, 1));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI, 2, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1l, &word, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)-1l, &other, 0));
	OBSERVE(futex(BAD, FUTEX_CMP_REQUEUE_PI, 1, (void *)1l, &other, 0));
	OBSERVE(futex(&word, FUTEX_CMP_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 1, (void *)1l, &other, 0));
}

static void vectors(void)
{
	struct wait_one waits[2] = {{0, (uintptr_t)&other, FUTEX2_SIZE_U32, 0}, {0, (uintptr_t)&word, FUTEX2_SIZE_U32, 0}};
	struct wait_one odd[2] = {waits[0], {0, (uintptr_t)&word + 1, FUTEX2_SIZE_U32, 0}};

	section("futex_waitv");
	ENDED_BY(wake, syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, &never, CLOCK_MONOTONIC));
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, &wrong, CLOCK_MONOTONIC));
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, &never, CLOCK_BOOTTIME));
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, BAD, CLOCK_MONOTONIC));
	OBSERVE(syscall(SYS_futex_waitv, waits, 129, 0, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, waits, 0, 0, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 1, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, NULL, 2, 0, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, BAD, 2, 0, NULL, 0));
	OBSERVE(syscall(SYS_futex_waitv, odd, 2, 0, NULL, 0));
	waits[1].value = 1;
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
	waits[1].reserved = 1;
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
	waits[1] = (struct wait_one){0, 8, FUTEX2_SIZE_U32, 0};
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
	waits[1] = (struct wait_one){0, (uintptr_t)&word, 0x77, 0};
	OBSERVE(syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
	tick(5);
	OBSERVE(syscall(SYS_futex_waitv, waits, 1, 0, NULL, 0));
	tick(0);
}

static void single_calls(void)
{
	struct wait_one both[2] = {{0, (uintptr_t)&word, FUTEX2_SIZE_U32, 0}, {0, (uintptr_t)&other, FUTEX2_SIZE_U32, 0}};

	section("futex_wait, futex_wake, futex_requeue");
	ENDED_BY(wake, syscall(SYS_futex_wait, &word, 0, ALL, FUTEX2_SIZE_U32, NULL, 0));
	OBSERVE(syscall(SYS_futex_wait, &word, 1, ALL, FUTEX2_SIZE_U32, NULL, 0));
	OBSERVE(syscall(SYS_futex_wait, &word, 0, ALL, FUTEX2_SIZE_U32, &never, CLOCK_MONOTONIC));
	OBSERVE(syscall(SYS_futex_wait, &word, 0, ALL, FUTEX2_SIZE_U32, &wrong, CLOCK_MONOTONIC));
	OBSERVE(syscall(SYS_futex_wait, &word, 0, ALL, FUTEX2_SIZE_U32, &never, CLOCK_TAI));
	OBSERVE(syscall(SYS_futex_wait, &word, 0, 0, FUTEX2_SIZE_U32, NULL, 0));
	OBSERVE(syscall(SYS_futex_wait, &word, 0, ALL, 0x40, NULL, 0));
	OBSERVE(syscall(SYS_futex_wait, BAD, 0, ALL, FUTEX2_SIZE_U32, NULL, 0));
	OBSERVE(syscall(SYS_futex_wait, (char *)&word + 1, 0, ALL, FUTEX2_SIZE_U32, NULL, 0));
	tick(5);
	OBSERVE(syscall(SYS_futex_wait, &word, 0, ALL, FUTEX2_SIZE_U32, NULL, 0));
	tick(0);
	OBSERVE(syscall(SYS_futex_wake, &word, ALL, 1, FUTEX2_SIZE_U32));
	OBSERVE(syscall(SYS_futex_wake, &word, 0, 1, FUTEX2_SIZE_U32));
	OBSERVE(syscall(SYS_futex_wake, &word, ALL, 1, 0x40));
	OBSERVE(syscall(SYS_futex_wake, BAD, ALL, 1, FUTEX2_SIZE_U32));
	OBSERVE(syscall(SYS_futex_requeue, both, 0, 1, 1));
	OBSERVE(syscall(SYS_futex_requeue, both, 1, 1, 1));
	OBSERVE(syscall(SYS_futex_requeue, NULL, 0, 1, 1));
	OBSERVE(syscall(SYS_futex_requeue, BAD, 0, 1, 1));
	OBSERVE(syscall(SYS_futex_requeue, both, 0, -1, 1));
	both[0].value = 5;
	OBSERVE(syscall(SYS_futex_requeue, both, 0, 1, 1));
	both[0] = (struct wait_one){0, 8, FUTEX2_SIZE_U32, 0};
	OBSERVE(syscall(SYS_futex_requeue, both, 0, 1, 1));
}

int main(void)
{
	waiting();
	waking();
	owning();
	another_owns();
	requeueing();
	vectors();
	single_calls();
	return 0;
}
