/*
 * A queue of futex waiters of LX's own, for when there are many.
 *
 * Waits run on the host as a rule (futex.c). But each such wait keeps a half waiting for its task, and thousands of those
 * make every stop of every task slow (pico/crowd.c). So in a crowd a wait for private memory sleeps here, in the half. Both
 * queues are one to the guest: who wakes looks here first, and has the host wake the rest. Shared memory is left to the
 * host, on which others may wait or wake.
 *
 * A waiter queues itself, then compares the word; a waker has changed the word, then looks at the queue. Who takes a waiter
 * out of a bucket sets its event after the bucket's lock is let go; a waiter that finds itself taken waits for that.
 *
 * Locks: a bucket's, of two by address; leaves, held for memory of our own only.
 */
#include <core/process.h>
#include <core/thread.h>
#include <memory/futex_queue.h>
#include <signal/signals.h>

#define BUCKETS 256u

struct bucket {
	struct rtl_lock lock;
	bool ready;
	TAILQ_HEAD(waiters, waiter) waiters;
};

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct lx_futex_key key;
	uint32_t bits;
	_Atomic(struct bucket *) bucket; /* changed under its lock; NULL: taken, to be woken */
	struct kevent woken;
};

static struct bucket buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {.lock = RTL_LOCK_INITIALIZER}};
static _Atomic uint32_t queued; /* while there is none no lock is taken */

bool lx_futex_anybody_queued(void)
{
	return atomic_load(&queued);
}

static bool same_key(const struct lx_futex_key *a, const struct lx_futex_key *b)
{
	return a->space == b->space && a->address == b->address && a->private == b->private;
}

static struct bucket *bucket_of(const struct lx_futex_key *key)
{
	uint64_t hash = (key->address >> 2 ^ (uintptr_t)key->space >> 6) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> 56];
}

static void lock_bucket(struct bucket *bucket)
{
	rtl_lock(&bucket->lock);
	if (!bucket->ready)
		TAILQ_INIT(&bucket->waiters);
	bucket->ready = true;
}

static void enqueue(struct waiter *waiter)
{
	struct bucket *bucket = bucket_of(&waiter->key);

	lock_bucket(bucket);
	atomic_fetch_add(&queued, 1);
	atomic_store(&waiter->bucket, bucket);
	TAILQ_INSERT_TAIL(&bucket->waiters, waiter, link);
	rtl_unlock(&bucket->lock);
}

/* The bucket's lock held. */
static void take_out(struct bucket *bucket, struct waiter *waiter)
{
	TAILQ_REMOVE(&bucket->waiters, waiter, link);
	atomic_store(&waiter->bucket, NULL);
	atomic_fetch_sub(&queued, 1);
}

/* True: it was woken, and whoever did it has let it go. */
static bool leave(struct waiter *waiter)
{
	struct bucket *bucket;

	while ((bucket = atomic_load(&waiter->bucket))) {
		bool here;

		lock_bucket(bucket);
		here = atomic_load(&waiter->bucket) == bucket;
		if (here)
			take_out(bucket, waiter);
		rtl_unlock(&bucket->lock);
		if (here)
			return false;
	}
	ke_wait_for_object(&waiter->woken.header, false, NULL);
	return true;
}

static void wake_taken(struct waiters *taken)
{
	struct waiter *waiter;

	while ((waiter = TAILQ_FIRST(taken))) {
		TAILQ_REMOVE(taken, waiter, link);
		/* Its memory may be gone behind this. */
		ke_set_event(&waiter->woken);
	}
}

uint32_t lx_futex_wake_queued(const struct lx_futex_key *key, uint32_t bits, uint32_t most)
{
	struct waiters taken = TAILQ_HEAD_INITIALIZER(taken);
	struct waiter *waiter, *next;
	struct bucket *bucket;
	uint32_t count = 0;

	if (!lx_futex_anybody_queued())
		return 0;
	bucket = bucket_of(key);
	lock_bucket(bucket);
	for (waiter = TAILQ_FIRST(&bucket->waiters); waiter && count < most; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!same_key(&waiter->key, key) || !(waiter->bits & bits))
			continue;
		take_out(bucket, waiter);
		TAILQ_INSERT_TAIL(&taken, waiter, link);
		count++;
	}
	rtl_unlock(&bucket->lock);
	wake_taken(&taken);
	return count;
}

static void lock_both(struct bucket *a, struct bucket *b)
{
	lock_bucket(a < b ? a : b);
	if (a != b)
		lock_bucket(a < b ? b : a);
}

uint32_t lx_futex_requeue_queued(const struct lx_futex_key *from, const struct lx_futex_key *to, uint32_t most)
{
	struct bucket *source = bucket_of(from), *target = bucket_of(to);
	struct waiter *waiter, *next;
	uint32_t count = 0;

	if (same_key(from, to))
		return 0;
	lock_both(source, target);
	for (waiter = TAILQ_FIRST(&source->waiters); waiter && count < most; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!same_key(&waiter->key, from))
			continue;
		TAILQ_REMOVE(&source->waiters, waiter, link);
		waiter->key = *to;
		atomic_store(&waiter->bucket, target);
		TAILQ_INSERT_TAIL(&target->waiters, waiter, link);
		count++;
	}
	rtl_unlock(&source->lock);
	if (source != target)
		rtl_unlock(&target->lock);
	return count;
}

/* NT's form: LX_FUTEX_FOREVER has none. */
static const LARGE_INTEGER *timeout_of(const struct lx_futex_wait *wait, LARGE_INTEGER *timeout)
{
	uint64_t now;

	if (wait->due == LX_FUTEX_FOREVER)
		return NULL;
	if (wait->is_realtime) {
		timeout->QuadPart = NT_UNIX_EPOCH + (LONGLONG)((wait->due + 99) / 100);
		return timeout;
	}
	now = hal_time(HAL_CLOCK_MONOTONIC);
	timeout->QuadPart = wait->due > now ? -(LONGLONG)((wait->due - now + 99) / 100) : 0;
	return timeout;
}

/* STATUS_WAIT_0, STATUS_TIMEOUT, or STATUS_USER_APC: there is a signal for it. */
static NTSTATUS sleep_until_woken(struct lx_thread *thread, struct waiter *waiter, const struct lx_futex_wait *wait)
{
	for (;;) {
		LARGE_INTEGER timeout;
		NTSTATUS status = ke_wait_for_object(&waiter->woken.header, true, timeout_of(wait, &timeout));

		if (status != STATUS_USER_APC && status != STATUS_ALERTED)
			return status;
		if (lx_signal_pending(thread))
			return STATUS_USER_APC;
		rtl_lock(&thread->process->signal_lock);
		lx_signal_recalculate(thread);
		rtl_unlock(&thread->process->signal_lock);
	}
}

int64_t lx_futex_wait_queued(struct lx_call *call, const struct lx_futex_wait *wait)
{
	struct waiter waiter = {.key = wait->key, .bits = wait->bits};
	NTSTATUS status;
	uint32_t word;
	int64_t error;

	/* Set once and for all: whoever waits for it, waits after this. */
	ke_initialize_event(&waiter.woken, NotificationEvent, false);
	enqueue(&waiter);
	error = lx_copy_in(call, &word, lx_uptr(wait->key.address), sizeof(word));
	if (error || word != wait->value)
		return leave(&waiter) ? 0 : error ?: -LX_EAGAIN;
	status = sleep_until_woken(call->thread, &waiter, wait);
	if (leave(&waiter))
		return 0;
	if (status == STATUS_TIMEOUT)
		return -LX_ETIMEDOUT;
	return wait->due == LX_FUTEX_FOREVER ? -LX_ERESTARTSYS : -LX_ERESTART_RESTARTBLOCK;
}
