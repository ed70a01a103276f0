/*
 * Priority-inheritance futexes: FUTEX_LOCK_PI and its family.
 *
 * The word holds the owner's thread id, and host and guest ids differ, so these are LX's own: the word is changed by the
 * stub's compare-and-swap, the queues are in pi_queue.c. Waiters get the lock in the order of their arrival: guest threads
 * have no real-time priorities on the host, so there is nothing to inherit.
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
#include <memory/pi_queue.h>
#include <signal/signal.h>

static int exchange_word(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t *expected, uint32_t desired)
{
	return ps_platform()->compare_exchange(thread->ps->pico, uaddr.address, expected, desired);
}

struct pi_take {
	struct lx_thread *self;         /* who runs it */
	int32_t taker;                  /* whom it is for */
	struct lx_uptr uaddr;
	struct pi_key key;
	bool only_try;                  /* the word is left alone if the lock is busy */
	bool is_heir;                   /* it was the first to wait for an owner that died */
	int32_t owner;                  /* out, if busy */
};

/* What to write over `word`; 0: it stays, the lock is busy; or -LX_Exxx. */
static int64_t next_word(struct pi_take *take, uint32_t word)
{
	take->owner = (int32_t)(word & LX_FUTEX_TID_MASK);
	if (take->owner == take->taker)
		return -LX_EDEADLK;
	if (take->owner && lx_pi_owner_is_alive(take->owner)) {
		bool marked = word & LX_FUTEX_WAITERS;

		return marked || take->only_try ? 0 : (int64_t)(word | LX_FUTEX_WAITERS);
	}
	if (take->is_heir)
		return LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS | (int64_t)take->taker;
	if (take->owner)
		return -LX_ESRCH;
	/* Those who wait already come first. */
	if (lx_pi_has_waiters(&take->key))
		return 0;
	return (int64_t)((word & (LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS)) | (uint32_t)take->taker);
}

/* At the gate: give the word to the taker if it is free, else see to it that its owner will call to unlock. */
static int64_t take_word(struct pi_take *take)
{
	uint32_t word = 0, desired = (uint32_t)take->taker;
	int64_t outcome = LX_PI_TAKEN;

	if (lx_pi_has_waiters(&take->key))
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
			return next ? next : LX_PI_BUSY;
		desired = (uint32_t)next;
		outcome = (desired & LX_FUTEX_TID_MASK) == (uint32_t)take->taker ? LX_PI_TAKEN : LX_PI_BUSY;
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

/* At the gate: take the lock (0) or queue for it (LX_PI_BUSY): once queued, `waiter` is the queue's. */
static int64_t take_or_queue(struct pi_take *take, struct pi_waiter *waiter)
{
	int64_t result, queued = 0;

	do {
		result = take_word(take);
		if (result != LX_PI_BUSY)
			return result;
		if (take->only_try)
			return -LX_EAGAIN;
		queued = lx_pi_queue(waiter, &take->key, take->owner);
	} while (queued == 0);
	return queued;
}

static int64_t lock_with(struct pi_take *take, uint64_t deadline)
{
	struct pi_waiter waiter;
	struct pi_gate *gate;
	int64_t result;

	do {
		lx_pi_waiter_init(&waiter, take->self);
		result = lx_pi_enter(&take->key, &gate);
		if (result)
			return result;
		result = take_or_queue(take, &waiter);
		lx_pi_leave(gate);
		if (result != LX_PI_BUSY)
			return result;
		result = lx_pi_wait(&waiter, deadline);
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

/* At the gate: hand the word, which names `owner`, to the first waiter, or free it. */
static int64_t release_word(struct lx_thread *self, struct lx_uptr uaddr, const struct pi_key *key, int32_t owner,
			    uint32_t word)
{
	for (;;) {
		int32_t heir = lx_pi_first_waiter(key);
		uint32_t desired = heir ? (uint32_t)heir | LX_FUTEX_WAITERS : 0;
		int swapped = 0;

		while (!swapped) {
			if ((word & LX_FUTEX_TID_MASK) != (uint32_t)owner)
				return -LX_EPERM;
			swapped = exchange_word(self, uaddr, &word, desired);
		}
		if (swapped < 0)
			return -LX_EFAULT;
		if (!heir || lx_pi_grant_to(key, heir))
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
	lx_pi_queue_at_condition(waiter);
	return 0;
}

int64_t lx_sys_futex_futex_wait_requeue_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
					   struct lx_uptr timeout, struct lx_uptr uaddr2)
{
	struct pi_waiter waiter;
	struct pi_gate *gate;
	uint64_t deadline;
	int64_t result = copy_in_deadline(call, timeout, op & LX_FUTEX_CLOCK_REALTIME, &deadline);

	lx_pi_waiter_init(&waiter, call->thread);
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
	result = lx_pi_wait(&waiter, deadline);
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

/* At both gates: one waiter of the condition goes to the lock: granted if it is free, else queued. 1, 0: it was gone. */
static int64_t requeue_one(struct pi_take *take, const struct pi_key *condition)
{
	int64_t taken, moved;

	do {
		taken = take_word(take);
		if (taken < 0)
			return taken;
		moved = lx_pi_move(condition, take->taker, &take->key, take->owner, taken == LX_PI_TAKEN);
	} while (moved == 0);
	if (moved != -LX_ESRCH)
		return moved < 0 ? moved : 1;
	/* The word names one that has given up. */
	if (taken == LX_PI_TAKEN)
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

	while (result >= 0 && moved < limit && lx_pi_first_at(condition, &take.taker, &wanted)) {
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
