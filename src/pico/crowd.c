/*
 * Many halves that wait for their tasks at once.
 *
 * All of a process' threads in waitid(2) sleep on one queue of the host's, and each stop of any task walks the whole of it:
 * with N of them, N threads cost N * N. So a provider that is told of a crowd keeps a guest's sleep in the half, outside of
 * that queue. And whose task would make the queue too long waits in a line for room before it goes on: a moment as a rule,
 * PATIENCE_NS once if the tasks of all that are in the queue compute, or sleep there. Who came last goes first, mostly: of
 * many that are to end it is better to see one after the other do so than to have all be about to.
 *
 * While there are few halves nothing is counted. Lock: crowd.lock guards the line of those that wait for room; a leaf.
 */
#include "internal.h"

#include <errno.h>
#include <rtl/rtl.h>
#include <sys/prctl.h>
#include <time.h>

#ifndef PR_FUTEX_HASH /* since Linux 6.16 */
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#endif

#define FEW 64u      /* halves that are no matter */
#define CROWD 24u    /* of more halves than that, in the queue: what can sleep elsewhere does */
#define ROOM 48u     /* in the queue, besides those that have settled there, before others wait for room */
#define FAIRNESS 8u  /* of so many that are called one is who has waited longest */
#define MANY 256u    /* halves for which the host's futexes are spread */
#define FUTEX_BUCKETS 4096u
#define PATIENCE_NS 10000000ull
#define NS_PER_SECOND 1000000000ull

struct in_line {
	TAILQ_ENTRY(in_line) link;
	pthread_cond_t wake;
	bool called, watches;
};

static struct {
	_Atomic unsigned halves, sleepers, line_length;
	_Atomic unsigned called;  /* out of the line, and not in the queue yet */
	_Atomic unsigned settled; /* sleepers that are there to stay */
	struct rtl_lock lock;
	TAILQ_HEAD(line, in_line) line;
	unsigned moves; /* of the line, so far */
} crowd = {.lock = RTL_LOCK_INITIALIZER, .line = TAILQ_HEAD_INITIALIZER(crowd.line)};

/* So many threads sleep that the few buckets which the host gives a process for its futexes are crowded, too. */
static void spread_futexes(void)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;

	/* Hosts that can't have buckets enough, as a rule. */
	if (!atomic_flag_test_and_set(&done))
		prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, FUTEX_BUCKETS, 0, 0);
}

void crowd_count_half(int change)
{
	if (atomic_fetch_add(&crowd.halves, (unsigned)change) > MANY)
		spread_futexes();
}

bool crowd_is_there(void)
{
	return atomic_load_explicit(&crowd.sleepers, memory_order_relaxed) >= CROWD;
}

static bool has_room(void)
{
	return atomic_load(&crowd.sleepers) + atomic_load(&crowd.called) < atomic_load(&crowd.settled) + ROOM;
}

static struct timespec patience(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += (long)PATIENCE_NS;
	if (end.tv_nsec >= (long)NS_PER_SECOND) {
		end.tv_nsec -= (long)NS_PER_SECOND;
		end.tv_sec++;
	}
	return end;
}

/* The lock held, as for all that follow. Who then is the first of the line has to watch it. */
static void call(struct in_line *called)
{
	struct in_line *first;

	TAILQ_REMOVE(&crowd.line, called, link);
	atomic_fetch_sub(&crowd.line_length, 1);
	crowd.moves++;
	called->called = true;
	atomic_fetch_add(&crowd.called, 1);
	pthread_cond_signal(&called->wake);
	first = TAILQ_FIRST(&crowd.line);
	if (first && !first->watches)
		pthread_cond_signal(&first->wake);
}

/* Nothing moves: those that are in the queue have settled there, and there is room for others. */
static void make_room(void)
{
	struct in_line *first;

	atomic_store(&crowd.settled, atomic_load(&crowd.sleepers));
	while (has_room() && (first = TAILQ_FIRST(&crowd.line)))
		call(first);
}

/* The first of the line looks whether it moves; all others just wait. */
static void watch(struct in_line *self)
{
	struct timespec end = patience();
	unsigned seen = crowd.moves;

	self->watches = true;
	while (!self->called) {
		if (rtl_condition_timedwait(&self->wake, &crowd.lock, &end) != ETIMEDOUT)
			continue;
		if (!self->called && crowd.moves == seen)
			make_room();
		seen = crowd.moves;
		end = patience();
	}
}

static void wait_in_line(void)
{
	struct in_line self = {.wake = PTHREAD_COND_INITIALIZER};

	rtl_lock(&crowd.lock);
	TAILQ_INSERT_TAIL(&crowd.line, &self, link);
	atomic_fetch_add(&crowd.line_length, 1);
	while (!self.called && TAILQ_FIRST(&crowd.line) != &self)
		rtl_condition_wait(&self.wake, &crowd.lock);
	watch(&self);
	atomic_fetch_sub(&crowd.called, 1);
	rtl_unlock(&crowd.lock);
	pthread_cond_destroy(&self.wake);
}

static void call_next(void)
{
	rtl_lock(&crowd.lock);
	if (!TAILQ_EMPTY(&crowd.line))
		call(crowd.moves % FAIRNESS ? TAILQ_LAST(&crowd.line, line) : TAILQ_FIRST(&crowd.line));
	rtl_unlock(&crowd.lock);
}

static bool are_few(void)
{
	return likely(atomic_load_explicit(&crowd.halves, memory_order_relaxed) <= FEW);
}

void crowd_wait_for_room(void)
{
	if (!are_few() && !has_room())
		wait_in_line();
}

bool crowd_enter(void)
{
	if (are_few())
		return false;
	atomic_fetch_add(&crowd.sleepers, 1);
	return true;
}

void crowd_leave(bool entered)
{
	unsigned left;

	if (likely(!entered))
		return;
	left = atomic_fetch_sub(&crowd.sleepers, 1) - 1;
	if (left < atomic_load(&crowd.settled))
		atomic_store(&crowd.settled, left);
	if (atomic_load(&crowd.line_length) && has_room())
		call_next();
}
