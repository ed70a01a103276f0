/*
 * Priority-inheritance futexes: FUTEX_LOCK_PI and its family.
 *
 * The word holds the owner's thread id, and host and guest ids differ, so these are LX's own: queues here, the word
 * changed by the stub's compare-and-swap. Waiters get the lock in the order of their arrival: guest threads have no
 * real-time priorities on the host, so there is nothing to inherit.
 *
 * Two locks. An operation is alone at its word by the word's gate, which it holds while the word is copied and swapped:
 * that may take as long as the file behind the memory likes, and who waits for it shares that memory. The queues are
 * guarded by pi_lock, which is held for memory of our own only, lx_tree_lock being taken under it: waiters give up and
 * owners end under it, whatever the words' gates do.
 *
 * So between a look at a queue and the swap that follows from it waiters may leave and owners end. Whoever has written a
 * waiter's id into a word and finds it gone writes the next one's; who queues looks whether the owner is still there.
 * A lock in `locks` has waiters, and `owner` is who its word names or is about to. A lock that is handed over names the
 * new owner before that thread wakes. If the owner died, the woken waiter (the heir) writes the word itself: only it knows
 * the word's address in a space that still exists.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/timespec.h>
#include <lx_syscalls.h>
#include <memory/futex.h>
#include <memory/pi_word.h>
#include <signal/signal.h>

struct pi_lock_state;
struct pi_waiter {
	TAILQ_ENTRY(pi_waiter) link;
	struct lx_thread *thread;
	struct pi_lock_state *lock;   /* queued on it; NULL: not queued */
	bool granted, owner_died;
	bool for_requeue;             /* in requeue_waiters, on condition_key, wants lock_key */
	struct pi_key condition_key, lock_key;
	struct ke_wake_list wake;
	struct ke_wake_entry entry;
};

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

static int exchange_word(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t *expected, uint32_t desired)
{
	return ps_platform()->compare_exchange(thread->ps->pico, uaddr.address, expected, desired);
}

static bool owner_is_alive(int32_t tid)
{
	struct lx_thread *owner;
	bool alive;

	lx_lock_tree();
	owner = lx_find_thread(tid);
	alive = owner && !atomic_load(&owner->futex_exited);
	lx_unlock_tree();
	return alive;
}

enum { LOCK_TAKEN = 0, LOCK_BUSY = 1 };

struct pi_take {
	struct lx_thread *self;         /* who runs it */
	int32_t taker;                  /* whom it is for */
	struct lx_uptr uaddr;
	struct pi_key key;
	bool only_try;                  /* the word is left alone if the lock is busy */
	bool is_heir;                   /* it was the first to wait for an owner that died */
	int32_t owner;                  /* out, if busy */
};

static bool has_waiters(const struct pi_key *key)
{
	bool found;

	rtl_lock(&pi_lock);
	found = find_lock(key);
	rtl_unlock(&pi_lock);
	return found;
}

/* What to write over `word`; 0: it stays, the lock is busy; or -LX_Exxx. */
static int64_t next_word(struct pi_take *take, uint32_t word)
{
	take->owner = (int32_t)(word & LX_FUTEX_TID_MASK);
	if (take->owner == take->taker)
		return -LX_EDEADLK;
	if (take->owner && owner_is_alive(take->owner)) {
		bool marked = word & LX_FUTEX_WAITERS;

		return marked || take->only_try ? 0 : (int64_t)(word | LX_FUTEX_WAITERS);
	}
	if (take->is_heir)
		return LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS | (int64_t)take->taker;
	if (take->owner)
		return -LX_ESRCH;
	/* Those who wait already come first. */
	if (has_waiters(&take->key))
		return 0;
	return (int64_t)((word & (LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS)) | (uint32_t)take->taker);
}

/* At the gate: give the word to the taker if it is free, else see to it that its owner will call to unlock. */
static int64_t take_word(struct pi_take *take)
{
	uint32_t word = 0, desired = (uint32_t)take->taker;
	int64_t outcome = LOCK_TAKEN;

	if (has_waiters(&take->key))
		desired |= LX_FUTEX_WAITERS;
	for (;;) {
		int swapped = exchange_word(take->self, take->uaddr, &word, desired);
		int64_t next;

		if (swapped)
			return swapped < 0 ? -LX_EFAULT : outcome;
		/* Others may keep the word changing; who is killed does not go on. */
		if (lx_thread_must_exit(take->self))
			return -LX_EINTR;
		next = next_word(take, word);
		/* The owner may have let go and ended since: it died with the lock if the word still names it. */
		if (next == -LX_ESRCH) {
			desired = word;
			outcome = next;
			continue;
		}
		if (next <= 0)
			return next ? next : LOCK_BUSY;
		desired = (uint32_t)next;
		outcome = (desired & LX_FUTEX_TID_MASK) == (uint32_t)take->taker ? LOCK_TAKEN : LOCK_BUSY;
	}
}

static void waiter_init(struct pi_waiter *waiter, struct lx_thread *thread)
{
	*waiter = (struct pi_waiter){.thread = thread};
	ke_wake_list_init(&waiter->wake);
}

/* Under pi_lock. Queue for a busy lock: LOCK_BUSY; 0: it is not any more, its owner or those who waited have gone. */
static int64_t enqueue(struct pi_waiter *waiter, const struct pi_key *key, int32_t owner)
{
	struct pi_lock_state *lock = owner ? make_lock(key, owner) : find_lock(key);

	if (!lock)
		return owner ? -LX_ENOMEM : 0;
	waiter->lock = lock;
	TAILQ_INSERT_TAIL(&lock->waiters, waiter, link);
	if (owner_is_alive(lock->owner))
		return LOCK_BUSY;
	leave_queue(waiter);
	return 0;
}

/* Sleep until the lock is granted: 0, -LX_ETIMEDOUT, or -LX_EINTR: a signal. The waiter is in no queue afterwards. */
static int64_t wait_granted(struct pi_waiter *waiter, uint64_t deadline)
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

/* A point on the clock that the operation means, as a deadline; none: for ever. */
static int64_t copy_in_deadline(struct lx_call *call, struct lx_uptr timeout, bool realtime, uint64_t *deadline)
{
	uint64_t due, now;
	int64_t result;

	*deadline = UINT64_MAX;
	if (lx_is_null(timeout))
		return 0;
	result = lx_copy_in_timespec(call, timeout, &due);
	if (result)
		return result;
	now = hal_time(realtime ? HAL_CLOCK_REALTIME : HAL_CLOCK_MONOTONIC);
	*deadline = lx_deadline_after(due > now ? due - now : 0);
	return 0;
}

/* At the gate: take the lock (0) or queue for it (LOCK_BUSY): once queued, `waiter` is pi_lock's. */
static int64_t take_or_queue(struct pi_take *take, struct pi_waiter *waiter)
{
	int64_t result, queued = 0;

	do {
		result = take_word(take);
		if (result != LOCK_BUSY)
			return result;
		if (take->only_try)
			return -LX_EAGAIN;
		rtl_lock(&pi_lock);
		queued = enqueue(waiter, &take->key, take->owner);
		if (queued == LOCK_BUSY)
			ke_list_enqueue(&waiter->wake, &waiter->entry);
		rtl_unlock(&pi_lock);
	} while (queued == 0);
	return queued;
}

static int64_t lock_with(struct pi_take *take, uint64_t deadline)
{
	struct pi_waiter waiter;
	struct pi_gate *gate;
	int64_t result;

	do {
		waiter_init(&waiter, take->self);
		result = lx_pi_enter(&take->key, &gate);
		if (result)
			return result;
		result = take_or_queue(take, &waiter);
		lx_pi_leave(gate);
		if (result != LOCK_BUSY)
			return result;
		result = wait_granted(&waiter, deadline);
		take->is_heir = waiter.owner_died;
	} while (result == 0 && waiter.owner_died);
	return result == -LX_EINTR ? -LX_ERESTARTNOINTR : result;
}

static int64_t lock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint64_t deadline, bool only_try)
{
	struct pi_take take = {.self = call->thread, .taker = call->thread->tid, .uaddr = uaddr, .only_try = only_try};
	int64_t result = lx_pi_make_key(call->thread, uaddr, op, &take.key);

	return result ? result : lock_with(&take, deadline);
}

int64_t lx_sys_futex_futex_lock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				   struct lx_uptr timeout)
{
	uint64_t deadline;
	int64_t result;

	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	/* Its clock is the realtime one, whatever the flag. */
	result = copy_in_deadline(call, timeout, true, &deadline);
	return result ? result : lock_pi(call, uaddr, op, deadline, false);
}

int64_t lx_sys_futex_futex_lock_pi2(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				    struct lx_uptr timeout)
{
	uint64_t deadline;
	int64_t result = copy_in_deadline(call, timeout, op & LX_FUTEX_CLOCK_REALTIME, &deadline);

	return result ? result : lock_pi(call, uaddr, op, deadline, false);
}

int64_t lx_sys_futex_futex_trylock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op)
{
	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	return lock_pi(call, uaddr, op, 0, true);
}

/* Who comes next at the lock: its id, 0: nobody. */
static int32_t first_waiter(const struct pi_key *key)
{
	struct pi_lock_state *lock;
	int32_t tid;

	rtl_lock(&pi_lock);
	lock = find_lock(key);
	tid = lock ? TAILQ_FIRST(&lock->waiters)->thread->tid : 0;
	rtl_unlock(&pi_lock);
	return tid;
}

/* The word names it now. False: it has given up meanwhile. */
static bool grant_to(const struct pi_key *key, int32_t tid)
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

/* At the gate: hand the word, which names `owner`, to the first waiter, or free it. */
static int64_t release_word(struct lx_thread *self, struct lx_uptr uaddr, const struct pi_key *key, int32_t owner,
			    uint32_t word)
{
	for (;;) {
		int32_t heir = first_waiter(key);
		uint32_t desired = heir ? (uint32_t)heir | LX_FUTEX_WAITERS : 0;
		int swapped = 0;

		while (!swapped) {
			if ((word & LX_FUTEX_TID_MASK) != (uint32_t)owner)
				return -LX_EPERM;
			swapped = exchange_word(self, uaddr, &word, desired);
		}
		if (swapped < 0)
			return -LX_EFAULT;
		if (!heir || grant_to(key, heir))
			return 0;
		owner = heir;
		word = desired;
	}
}

int64_t lx_sys_futex_futex_unlock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op)
{
	struct pi_gate *gate;
	struct pi_key key;
	uint32_t word;
	int64_t result;

	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		return -LX_EFAULT;
	if ((word & LX_FUTEX_TID_MASK) != (uint32_t)call->thread->tid)
		return -LX_EPERM;
	result = lx_pi_make_key(call->thread, uaddr, op, &key);
	if (result == 0)
		result = lx_pi_enter(&key, &gate);
	if (result)
		return result;
	result = release_word(call->thread, uaddr, &key, call->thread->tid, word);
	lx_pi_leave(gate);
	return result;
}

/* At the condition's gate: wait there if it is as the caller saw it. */
static int64_t queue_at_condition(struct lx_call *call, struct lx_uptr uaddr, uint32_t val, struct pi_waiter *waiter)
{
	uint32_t word;

	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		return -LX_EFAULT;
	if (word != val)
		return -LX_EAGAIN;
	rtl_lock(&pi_lock);
	waiter->for_requeue = true;
	TAILQ_INSERT_TAIL(&requeue_waiters, waiter, link);
	ke_list_enqueue(&waiter->wake, &waiter->entry);
	rtl_unlock(&pi_lock);
	return 0;
}

int64_t lx_sys_futex_futex_wait_requeue_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
					   struct lx_uptr timeout, struct lx_uptr uaddr2)
{
	struct pi_waiter waiter;
	struct pi_gate *gate;
	uint64_t deadline;
	int64_t result = copy_in_deadline(call, timeout, op & LX_FUTEX_CLOCK_REALTIME, &deadline);

	waiter_init(&waiter, call->thread);
	if (result == 0 && uaddr.address == uaddr2.address)
		result = -LX_EINVAL;
	if (result == 0)
		result = lx_pi_make_key(call->thread, uaddr, op, &waiter.condition_key);
	if (result == 0)
		result = lx_pi_make_key(call->thread, uaddr2, op, &waiter.lock_key);
	if (result == 0)
		result = lx_pi_enter(&waiter.condition_key, &gate);
	if (result)
		return result;
	result = queue_at_condition(call, uaddr, val, &waiter);
	lx_pi_leave(gate);
	if (result)
		return result;
	result = wait_granted(&waiter, deadline);
	if (result == 0 && waiter.owner_died) {
		struct pi_take take = {.self = call->thread, .taker = call->thread->tid, .uaddr = uaddr2,
				       .key = waiter.lock_key, .is_heir = true};

		return lock_with(&take, deadline);
	}
	/* Still on the condition the wait may start again; past it, the lock is not had and the caller must look again. */
	if (result == -LX_EINTR)
		return waiter.for_requeue ? -LX_ERESTARTNOINTR : -LX_EAGAIN;
	return result;
}

/* The first that waits at the condition: its id and the lock that it wants; false: none does. */
static bool first_at(const struct pi_key *condition, int32_t *tid, struct pi_key *wanted)
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

/* The word has been looked at for the waiter `tid`: with what came of it (`taken`) that goes to the lock. 0: look again. */
static int64_t move_waiter(const struct pi_take *take, const struct pi_key *condition, bool taken)
{
	struct pi_waiter *waiter;
	int64_t result = LOCK_BUSY;

	rtl_lock(&pi_lock);
	waiter = find_at(condition, take->taker);
	if (!waiter) {
		rtl_unlock(&pi_lock);
		return -LX_ESRCH;
	}
	TAILQ_REMOVE(&requeue_waiters, waiter, link);
	waiter->for_requeue = false;
	if (taken)
		grant(waiter, false);
	else
		result = enqueue(waiter, &take->key, take->owner);
	if (result != LOCK_BUSY) {
		TAILQ_INSERT_HEAD(&requeue_waiters, waiter, link);
		waiter->for_requeue = true;
	}
	rtl_unlock(&pi_lock);
	return result;
}

/* At both gates: one waiter of the condition goes to the lock: granted if it is free, else queued. 1, 0: it was gone. */
static int64_t requeue_one(struct pi_take *take, const struct pi_key *condition)
{
	int64_t taken, moved;

	do {
		taken = take_word(take);
		if (taken < 0)
			return taken;
		moved = move_waiter(take, condition, taken == LOCK_TAKEN);
	} while (moved == 0);
	if (moved != -LX_ESRCH)
		return moved < 0 ? moved : 1;
	/* The word names one that has given up. */
	if (taken == LOCK_TAKEN)
		release_word(take->self, take->uaddr, &take->key, take->taker, (uint32_t)take->taker);
	return 0;
}

/* At both gates: how many went over, or -LX_Exxx. */
static int64_t requeue(struct lx_thread *self, const struct pi_key *condition, struct lx_uptr uaddr,
		       const struct pi_key *key, uint64_t limit)
{
	struct pi_take take = {.self = self, .uaddr = uaddr, .key = *key};
	struct pi_key wanted;
	uint64_t moved = 0;
	int64_t result = 0;

	while (result >= 0 && moved < limit && first_at(condition, &take.taker, &wanted)) {
		result = lx_pi_same_key(&wanted, key) ? requeue_one(&take, condition) : -LX_EINVAL;
		moved += result > 0;
	}
	return moved ? (int64_t)moved : result;
}

int64_t lx_sys_futex_futex_cmp_requeue_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
					  uint32_t val2, struct lx_uptr uaddr2, uint32_t val3)
{
	struct pi_key condition, key;
	struct pi_gate *both[2];
	uint32_t word;
	int64_t result;

	if ((op & LX_FUTEX_CLOCK_REALTIME) || (int32_t)val2 < 0)
		return op & LX_FUTEX_CLOCK_REALTIME ? -LX_ENOSYS : -LX_EINVAL;
	if (uaddr.address == uaddr2.address || val != 1)
		return -LX_EINVAL;
	result = lx_pi_make_key(call->thread, uaddr, op, &condition);
	if (result == 0)
		result = lx_pi_make_key(call->thread, uaddr2, op, &key);
	if (result == 0)
		result = lx_pi_enter_both(&condition, &key, both);
	if (result)
		return result;
	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		result = -LX_EFAULT;
	else if (word != val3)
		result = -LX_EAGAIN;
	else
		result = requeue(call->thread, &condition, uaddr2, &key, (uint64_t)val + val2);
	lx_pi_leave_both(both);
	return result;
}
