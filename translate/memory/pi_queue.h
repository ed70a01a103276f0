/*
 * Who waits for priority-inheritance futexes: a queue a word, and those who wait at a condition to be moved to one.
 */
#ifndef TRANSLATE_MEMORY_PI_QUEUE_H
#define TRANSLATE_MEMORY_PI_QUEUE_H

#include <core/lx.h>
#include <memory/pi_word.h>

enum { LX_PI_TAKEN = 0, LX_PI_BUSY = 1 };

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

/* Is there such a thread, and does it still end without its locks? */
bool lx_pi_owner_is_alive(int32_t tid);
bool lx_pi_has_waiters(const struct pi_key *key);
/* Who comes next: its id, 0: nobody. */
int32_t lx_pi_first_waiter(const struct pi_key *key);
/* The word names `tid` now. False: it has given up meanwhile. */
bool lx_pi_grant_to(const struct pi_key *key, int32_t tid);

void lx_pi_waiter_init(struct pi_waiter *waiter, struct lx_thread *thread);
/*
 * Queue for a busy lock: LX_PI_BUSY, and the waiter is the queue's until lx_pi_wait(); 0: it is not busy any more, its owner or
 * those who waited have gone; or -LX_ENOMEM.
 */
int64_t lx_pi_queue(struct pi_waiter *waiter, const struct pi_key *key, int32_t owner);
/* Queue at the waiter's own condition. */
void lx_pi_queue_at_condition(struct pi_waiter *waiter);
/* Sleep until the lock is granted: 0, -LX_ETIMEDOUT, or -LX_EINTR: a signal. The waiter is in no queue afterwards. */
int64_t lx_pi_wait(struct pi_waiter *waiter, uint64_t deadline);

/* The first that waits at the condition: its id and the lock that it wants; false: none does. */
bool lx_pi_first_at(const struct pi_key *condition, int32_t *tid, struct pi_key *wanted);
/*
 * `tid`, who waits there, goes to the lock at `key`: granted if it was taken for it, else queued behind `owner` (LX_PI_BUSY).
 * 0: look at the word again; -LX_ESRCH: it waits there no longer; or -LX_ENOMEM.
 */
int64_t lx_pi_move(const struct pi_key *condition, int32_t tid, const struct pi_key *key, int32_t owner, bool taken);

#endif
