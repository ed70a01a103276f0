/*
 * Futex waits that sleep in their halves: futex_queue.c.
 */
#ifndef TRANSLATE_MEMORY_FUTEX_QUEUE_H
#define TRANSLATE_MEMORY_FUTEX_QUEUE_H

#include <core/lx.h>

#define LX_FUTEX_FOREVER UINT64_MAX

/* A word of memory that belongs to one address space. Who says "private" and who doesn't don't meet, as in Linux. */
struct lx_futex_key {
	const struct mm_address_space *space;
	uint64_t address;
	bool private;
};

struct lx_futex_wait {
	struct lx_futex_key key;
	uint32_t value, bits;
	uint64_t due; /* on CLOCK_MONOTONIC or CLOCK_REALTIME, in nanoseconds */
	bool is_realtime;
};

bool lx_futex_anybody_queued(void);
/* 0, -LX_EAGAIN, -LX_EFAULT, -LX_ETIMEDOUT; -LX_ERESTARTSYS, or -LX_ERESTART_RESTARTBLOCK if it has a due time. */
int64_t lx_futex_wait_queued(struct lx_call *call, const struct lx_futex_wait *wait);
/* How many were woken: those that came first, at most `most`. */
uint32_t lx_futex_wake_queued(const struct lx_futex_key *key, uint32_t bits, uint32_t most);
/* How many came to the other word's queue. */
uint32_t lx_futex_requeue_queued(const struct lx_futex_key *from, const struct lx_futex_key *to, uint32_t most);

#endif
