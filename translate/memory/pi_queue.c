/*
 * Waiters of priority-inheritance futexes. One lock guards all queues: it is held for memory of our own only, lx_tree_lock
 * being taken under it, and waiters give up and owners end under it, whatever the words' gates do (futex_pi.c).
 */
#include <core/process.h>
#include <core/thread.h>
#include <memory/futex.h>
#include <memory/pi_queue.h>
#include <signal/signal.h>

struct pi_lock_state {
	TAILQ_ENTRY(pi_lock_state) link;
	struct pi_key key;
	int32_t owner;
	TAILQ_HEAD(, pi_waiter) waiters;
};

static struct rtl_lock pi_lock = RTL_LOCK_INITIALIZER; /* guards the two lists; lx_tree_lock is taken under it */
static _Atomic uint32_t lock_count; /* of `locks`: a thread that ends while there are none takes no lock */
static TAILQ_HEAD(, pi_lock_state) locks = TAILQ_HEAD_INITIALIZER(locks);
static TAILQ_HEAD(, pi_waiter) requeue_waiters = TAILQ_HEAD_INITIALIZER(requeue_waiters);

static struct pi_lock_state *find_lock(const struct pi_key *key)
{
	struct pi_lock_state *lock;

	TAILQ_FOREACH(lock, &locks, link)
		if (lx_pi_same_key(&lock->key, key))
			return lock;
	return NULL;
}

static struct pi_lock_state *make_lock(const struct pi_key *key, int32_t owner)
{
	struct pi_lock_state *lock = find_lock(key);

	if (lock)
		return lock;
	lock = calloc(1, sizeof(*lock));
	if (!lock)
		return NULL;
	lock->key = *key;
	lock->owner = owner;
	TAILQ_INIT(&lock->waiters);
	TAILQ_INSERT_TAIL(&locks, lock, link);
	atomic_fetch_add(&lock_count, 1);
	return lock;
}

static void free_lock(struct pi_lock_state *lock)
{
	TAILQ_REMOVE(&locks, lock, link);
	atomic_fetch_sub(&lock_count, 1);
	free(lock);
}

static void leave_queue(struct pi_waiter *waiter)
{
	struct pi_lock_state *lock = waiter->lock;

	if (!lock)
		return;
	TAILQ_REMOVE(&lock->waiters, waiter, link);
	waiter->lock = NULL;
	if (TAILQ_EMPTY(&lock->waiters)) {
		free_lock(lock);
	}
}

/* The first waiter becomes the owner. */
static void grant(struct pi_waiter *waiter, bool owner_died)
{
	if (waiter->lock)
		waiter->lock->owner = waiter->thread->tid;
	waiter->granted = true;
	waiter->owner_died = owner_died;
	leave_queue(waiter);
	ke_wake_all(&waiter->wake);
}

void lx_pi_owner_exit(struct lx_thread *thread)
{
	struct pi_lock_state *lock, *next;

	/* Who queues for it counts the lock first and looks at this afterwards. */
	atomic_store(&thread->futex_exited, true);
	if (!atomic_load(&lock_count))
		return;
	rtl_lock(&pi_lock);
	for (lock = TAILQ_FIRST(&locks); lock; lock = next) {
		next = TAILQ_NEXT(lock, link);
		if (lock->owner == thread->tid)
			grant(TAILQ_FIRST(&lock->waiters), true);
	}
	rtl_unlock(&pi_lock);
}

bool lx_pi_owner_is_alive(int32_t tid)
{
	struct lx_thread *owner;
	bool alive;

	lx_lock_tree();
	owner = lx_find_thread(tid);
	alive = owner && !atomic_load(&owner->futex_exited);
	lx_unlock_tree();
	return alive;
}

bool lx_pi_has_waiters(const struct pi_key *key)
{
	bool found;

	rtl_lock(&pi_lock);
	found = find_lock(key);
	rtl_unlock(&pi_lock);
	return found;
}

void lx_pi_waiter_init(struct pi_waiter *waiter, struct lx_thread *thread)
{
	*waiter = (struct pi_waiter){.thread = thread};
	ke_wake_list_init(&waiter->wake);
}

/* lx_pi_queue() under pi_lock, but for the waiter's wake list. */
static int64_t enqueue(struct pi_waiter *waiter, const struct pi_key *key, int32_t owner)
{
	struct pi_lock_state *lock = owner ? make_lock(key, owner) : find_lock(key);

	if (!lock)
		return owner ? -LX_ENOMEM : 0;
	waiter->lock = lock;
	TAILQ_INSERT_TAIL(&lock->waiters, waiter, link);
	if (lx_pi_owner_is_alive(lock->owner))
		return LX_PI_BUSY;
	leave_queue(waiter);
	return 0;
}

int64_t lx_pi_queue(struct pi_waiter *waiter, const struct pi_key *key, int32_t owner)
{
	int64_t queued;

	rtl_lock(&pi_lock);
	queued = enqueue(waiter, key, owner);
	if (queued == LX_PI_BUSY)
		ke_list_enqueue(&waiter->wake, &waiter->entry);
	rtl_unlock(&pi_lock);
	return queued;
}

void lx_pi_queue_at_condition(struct pi_waiter *waiter)
{
	rtl_lock(&pi_lock);
	waiter->for_requeue = true;
	TAILQ_INSERT_TAIL(&requeue_waiters, waiter, link);
	ke_list_enqueue(&waiter->wake, &waiter->entry);
	rtl_unlock(&pi_lock);
}

int64_t lx_pi_wait(struct pi_waiter *waiter, uint64_t deadline)
{
	struct ke_wake_entry *entry = &waiter->entry;
	struct lx_thread *thread = waiter->thread;

	for (;;) {
		NTSTATUS status = ke_list_sleep(&entry, 1, true, deadline);
		bool interrupted = (status == STATUS_USER_APC || status == STATUS_ALERTED) && lx_signal_pending(thread);
		bool done;

		rtl_lock(&pi_lock);
		done = waiter->granted || interrupted || status == STATUS_TIMEOUT;
		if (done && !waiter->granted) {
			leave_queue(waiter);
			if (waiter->for_requeue)
				TAILQ_REMOVE(&requeue_waiters, waiter, link);
		}
		rtl_unlock(&pi_lock);
		if (!done)
			continue;
		ke_list_dequeue(entry);
		if (waiter->granted)
			return 0;
		return interrupted ? -LX_EINTR : -LX_ETIMEDOUT;
	}
}

int32_t lx_pi_first_waiter(const struct pi_key *key)
{
	struct pi_lock_state *lock;
	int32_t tid;

	rtl_lock(&pi_lock);
	lock = find_lock(key);
	tid = lock ? TAILQ_FIRST(&lock->waiters)->thread->tid : 0;
	rtl_unlock(&pi_lock);
	return tid;
}

bool lx_pi_grant_to(const struct pi_key *key, int32_t tid)
{
	struct pi_lock_state *lock;
	struct pi_waiter *waiter = NULL;

	rtl_lock(&pi_lock);
	lock = find_lock(key);
	if (lock)
		TAILQ_FOREACH(waiter, &lock->waiters, link)
			if (waiter->thread->tid == tid)
				break;
	if (waiter)
		grant(waiter, false);
	rtl_unlock(&pi_lock);
	return waiter;
}

bool lx_pi_first_at(const struct pi_key *condition, int32_t *tid, struct pi_key *wanted)
{
	struct pi_waiter *waiter;

	rtl_lock(&pi_lock);
	TAILQ_FOREACH(waiter, &requeue_waiters, link)
		if (lx_pi_same_key(&waiter->condition_key, condition))
			break;
	if (waiter) {
		*tid = waiter->thread->tid;
		*wanted = waiter->lock_key;
	}
	rtl_unlock(&pi_lock);
	return waiter;
}

/* Under pi_lock. The waiter at the condition; NULL: it has given up. */
static struct pi_waiter *find_at(const struct pi_key *condition, int32_t tid)
{
	struct pi_waiter *waiter;

	TAILQ_FOREACH(waiter, &requeue_waiters, link)
		if (waiter->thread->tid == tid && lx_pi_same_key(&waiter->condition_key, condition))
			return waiter;
	return NULL;
}

int64_t lx_pi_move(const struct pi_key *condition, int32_t tid, const struct pi_key *key, int32_t owner, bool taken)
{
	struct pi_waiter *waiter;
	int64_t result = LX_PI_BUSY;

	rtl_lock(&pi_lock);
	waiter = find_at(condition, tid);
	if (!waiter) {
		rtl_unlock(&pi_lock);
		return -LX_ESRCH;
	}
	TAILQ_REMOVE(&requeue_waiters, waiter, link);
	waiter->for_requeue = false;
	if (taken)
		grant(waiter, false);
	else
		result = enqueue(waiter, key, owner);
	if (result != LX_PI_BUSY) {
		TAILQ_INSERT_HEAD(&requeue_waiters, waiter, link);
		waiter->for_requeue = true;
	}
	rtl_unlock(&pi_lock);
	return result;
}
