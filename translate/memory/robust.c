/*
 * Robust futexes (get_robust_list(2)): locks that an ending thread still holds are marked, and a waiter is woken.
 *
 * The list lives in the guest's memory and may be anything: every value is copied once, the walk is bounded as Linux'
 * is, and the first thing that can't be read ends it. The word is changed by the stub's compare-and-swap.
 */
#include <core/process.h>
#include <core/thread.h>
#include <lx_structs.h>
#include <memory/futex.h>

#define ROBUST_LIST_LIMIT 2048
#define ENTRY_IS_PI 1ull
#define TRIES_MAXIMUM 256 /* to change a word that others change */

static bool read_guest(struct lx_thread *thread, uint64_t address, void *data, size_t size)
{
	return mm_copy_from(thread->process->ps->space, data, address, size) == size;
}

/* One lock: nothing if the thread does not own it. False: the memory is not there. */
static bool mark_dead(struct lx_thread *thread, uint64_t address, bool is_pi, bool is_pending)
{
	uint32_t word;

	if (address & 3 || !read_guest(thread, address, &word, sizeof(word)))
		return false;
	/* It was released, but the wake may not have been done. */
	if (is_pending && !is_pi && word == 0) {
		lx_futex_wake_shared(thread, lx_uptr(address));
		return true;
	}
	/* Who keeps the word changing all that time keeps it from being marked, not its owner from its end. */
	for (unsigned tries = 0; tries < TRIES_MAXIMUM; tries++) {
		uint32_t expected = word, dead = (word & LX_FUTEX_WAITERS) | LX_FUTEX_OWNER_DIED;
		int swapped;

		if ((word & LX_FUTEX_TID_MASK) != (uint32_t)thread->tid)
			return true;
		swapped = ps_platform()->compare_exchange(thread->ps->pico, address, &expected, dead);
		if (swapped < 0)
			return false;
		if (swapped)
			break;
		word = expected;
	}
	if (!is_pi && (word & LX_FUTEX_WAITERS))
		lx_futex_wake_shared(thread, lx_uptr(address));
	return true;
}

static bool mark_entry(struct lx_thread *thread, const struct lx_robust_list_head *head, uint64_t entry, bool is_pending)
{
	return mark_dead(thread, (entry & ~ENTRY_IS_PI) + (uint64_t)head->futex_offset, entry & ENTRY_IS_PI, is_pending);
}

static void walk_list(struct lx_thread *thread, uint64_t start)
{
	struct lx_robust_list_head head;
	uint64_t entry;

	if (!read_guest(thread, start, &head, sizeof(head)))
		return;
	entry = head.list;
	for (size_t count = 0; (entry & ~ENTRY_IS_PI) != start && count < ROBUST_LIST_LIMIT; count++) {
		uint64_t next;
		/* The entry may be gone as soon as its lock is marked. */
		bool more = read_guest(thread, entry & ~ENTRY_IS_PI, &next, sizeof(next));

		if ((entry & ~ENTRY_IS_PI) != (head.list_op_pending & ~ENTRY_IS_PI) &&
		    !mark_entry(thread, &head, entry, false))
			return;
		if (!more)
			break;
		entry = next;
	}
	if (head.list_op_pending & ~ENTRY_IS_PI)
		mark_entry(thread, &head, head.list_op_pending, true);
}

void lx_robust_list_exit(struct lx_thread *thread)
{
	if (!lx_is_null(thread->robust_list)) {
		walk_list(thread, thread->robust_list.address);
		thread->robust_list = lx_uptr(0);
	}
	lx_pi_owner_exit(thread);
}
