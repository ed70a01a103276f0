/*
 * futex(2) and its successors, except for priority inheritance.
 *
 * They touch nothing but words of the guest's own memory, so the host runs them in the guest's own context: exact, also
 * towards native programs on a shared file, and without a hand-over through the supervisor. The number and the
 * operation come from registers, which nobody else can change, so that what was checked is what runs. An interrupted
 * wait comes back through lx_deliver_signals().
 *
 * In a crowd waits sleep in their halves instead (futex_queue.c). Whatever wakes looks there first; the host does the rest,
 * and all that is unusual. A requeue of a waiter there may wake it, as it may natively for no reason at all.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/timespec.h>
#include <executive/mm/space.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <memory/futex.h>
#include <memory/futex_queue.h>

#define HOST_FUTEX 202 /* futex(2) of the host's x86-64 */
#define FUTEX2_SIZE_U32 2u

static bool is_own_memory(struct mm_address_space *space, uint64_t address)
{
	struct mm_vad vad;
	bool own;

	mm_lock_space(space);
	own = mm_query(space, address, &vad) && !vad.section;
	mm_unlock_space(space);
	return own;
}

/* False: a word that the host has to look at. */
static bool make_key(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t flags, struct lx_futex_key *key)
{
	*key = (struct lx_futex_key){
		.space = thread->ps->process->space,
		.address = uaddr.address,
		.private = flags & LX_FUTEX_PRIVATE_FLAG,
	};
	return !(uaddr.address & 3);
}

static bool may_sleep_here(struct lx_thread *thread, const struct lx_futex_key *key)
{
	if (!ps_platform()->is_crowded || likely(!ps_platform()->is_crowded()))
		return false;
	return key->private || is_own_memory(thread->ps->process->space, key->address);
}

enum { RESTART_ADDRESS, RESTART_PRIVATE, RESTART_VALUE, RESTART_BITS, RESTART_DUE, RESTART_REALTIME };

static int64_t restart_wait(struct lx_call *call)
{
	const uint64_t *saved = call->thread->restart_data;
	struct lx_futex_wait wait = {
		.key = {call->thread->ps->process->space, saved[RESTART_ADDRESS], saved[RESTART_PRIVATE]},
		.value = (uint32_t)saved[RESTART_VALUE],
		.bits = (uint32_t)saved[RESTART_BITS],
		.due = saved[RESTART_DUE],
		.is_realtime = saved[RESTART_REALTIME],
	};

	return lx_futex_wait_queued(call, &wait);
}

static int64_t wait_here(struct lx_call *call, const struct lx_futex_wait *wait)
{
	int64_t result = lx_futex_wait_queued(call, wait);
	uint64_t *saved = call->thread->restart_data;

	if (result != -LX_ERESTART_RESTARTBLOCK)
		return result;
	saved[RESTART_ADDRESS] = wait->key.address;
	saved[RESTART_PRIVATE] = wait->key.private;
	saved[RESTART_VALUE] = wait->value;
	saved[RESTART_BITS] = wait->bits;
	saved[RESTART_DUE] = wait->due;
	saved[RESTART_REALTIME] = wait->is_realtime;
	call->thread->restart = restart_wait;
	return result;
}

/* The host does what is wrong, too: it says what. */
static int64_t wait_somewhere(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t value, struct lx_uptr timeout,
			      uint32_t bits)
{
	struct lx_futex_wait wait = {.value = value, .bits = bits, .due = LX_FUTEX_FOREVER, .is_realtime = op & LX_FUTEX_CLOCK_REALTIME};
	bool is_relative = (op & LX_FUTEX_CMD_MASK32) == LX_FUTEX_WAIT;

	if (!make_key(call->thread, uaddr, op, &wait.key) || !bits || !may_sleep_here(call->thread, &wait.key) ||
	    (is_relative && wait.is_realtime))
		return lx_run_on_host(call);
	if (!lx_is_null(timeout) && lx_copy_in_timespec(call, timeout, &wait.due))
		return lx_run_on_host(call);
	if (!lx_is_null(timeout) && is_relative)
		wait.due = lx_deadline_after(wait.due);
	return wait_here(call, &wait);
}

static int64_t run_in_guest(struct lx_thread *thread, const uint64_t arguments[6])
{
	struct pico_host_call host = {.number = HOST_FUTEX};

	memcpy(host.arguments, arguments, sizeof(host.arguments));
	if (ps_platform()->host_calls(thread->ps->pico, &host, 1, NULL, 0) != 0 || host.result < 0)
		return 0;
	return host.result;
}

void lx_futex_wake_shared(struct lx_thread *thread, struct lx_uptr uaddr)
{
	struct lx_futex_key key;

	if (make_key(thread, uaddr, 0, &key) && lx_futex_wake_queued(&key, LX_FUTEX_BITSET_MATCH_ANY, 1))
		return;
	run_in_guest(thread, (uint64_t[6]){uaddr.address, LX_FUTEX_WAKE, 1});
}

static int64_t wake(struct lx_call *call, struct lx_uptr uaddr, uint32_t flags, int32_t most, uint32_t bits)
{
	struct lx_futex_key key;
	uint32_t woken = 0;

	if (likely(!lx_futex_anybody_queued()) || !bits || !make_key(call->thread, uaddr, flags, &key))
		return lx_run_on_host(call);
	/* Linux wakes one even when it is told to wake none, or fewer. */
	most = MAX_OF(most, 1);
	woken = lx_futex_wake_queued(&key, bits, (uint32_t)most);
	if (!woken)
		return lx_run_on_host(call);
	if (woken == (uint32_t)most)
		return woken;
	return woken + run_in_guest(call->thread, (uint64_t[6]){uaddr.address, LX_FUTEX_WAKE_BITSET | (flags & LX_FUTEX_PRIVATE_FLAG),
								 (uint32_t)most - woken, 0, 0, bits});
}

/* What is queued here comes first. -1: nothing is, and the host does it all. */
static int64_t requeue_here(struct lx_call *call, struct lx_uptr from, struct lx_uptr to, uint32_t flags, int32_t wakes,
			    int32_t moves)
{
	struct lx_futex_key source, target;
	uint32_t woken, moved;

	if (likely(!lx_futex_anybody_queued()) || wakes < 0 || moves < 0 || !make_key(call->thread, from, flags, &source) ||
	    !make_key(call->thread, to, flags, &target))
		return -1;
	woken = wakes ? lx_futex_wake_queued(&source, LX_FUTEX_BITSET_MATCH_ANY, (uint32_t)wakes) : 0;
	/* To a word of shared memory, on which the host may wake, nobody can go. */
	if (target.private || is_own_memory(call->thread->ps->process->space, to.address))
		moved = lx_futex_requeue_queued(&source, &target, (uint32_t)moves);
	else
		moved = moves ? lx_futex_wake_queued(&source, LX_FUTEX_BITSET_MATCH_ANY, (uint32_t)moves) : 0;
	if (!woken && !moved)
		return -1;
	return woken + moved + run_in_guest(call->thread, (uint64_t[6]){from.address, LX_FUTEX_REQUEUE | (flags & LX_FUTEX_PRIVATE_FLAG),
									 (uint32_t)wakes - woken, (uint32_t)moves - moved, to.address});
}

/* What no sub-row takes: FUTEX_FD, gone from Linux since 2.6.26, and numbers that are no operation. */
int64_t lx_sys_futex(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint64_t timeout,
		     struct lx_uptr uaddr2, uint32_t val3)
{
	return -LX_ENOSYS;
}

int64_t lx_sys_futex_futex_wait(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				struct lx_uptr timeout)
{
	return wait_somewhere(call, uaddr, op, val, timeout, LX_FUTEX_BITSET_MATCH_ANY);
}

int64_t lx_sys_futex_futex_wake(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val)
{
	return op & LX_FUTEX_CLOCK_REALTIME ? lx_run_on_host(call) : wake(call, uaddr, op, (int32_t)val, LX_FUTEX_BITSET_MATCH_ANY);
}

int64_t lx_sys_futex_futex_requeue(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint32_t val2,
				   struct lx_uptr uaddr2)
{
	int64_t result = op & LX_FUTEX_CLOCK_REALTIME ? -1 : requeue_here(call, uaddr, uaddr2, op, (int32_t)val, (int32_t)val2);

	return result < 0 ? lx_run_on_host(call) : result;
}

int64_t lx_sys_futex_futex_cmp_requeue(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       uint32_t val2, struct lx_uptr uaddr2, uint32_t val3)
{
	int64_t result = -1;
	uint32_t word;

	if (lx_futex_anybody_queued() && !(uaddr.address & 3) && !(op & LX_FUTEX_CLOCK_REALTIME) &&
	    !lx_copy_in(call, &word, uaddr, sizeof(word)) && word == val3)
		result = requeue_here(call, uaddr, uaddr2, op, (int32_t)val, (int32_t)val2);
	return result < 0 ? lx_run_on_host(call) : result;
}

/* Whether the second word's waiters are to be woken is known to the host alone: those here are. */
int64_t lx_sys_futex_futex_wake_op(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint32_t val2,
				   struct lx_uptr uaddr2, uint32_t val3)
{
	struct pico_host_call host = {.number = HOST_FUTEX, .arguments = {uaddr.address, op, val, val2, uaddr2.address, val3}};
	struct lx_futex_key first, second;
	int64_t error;

	if (likely(!lx_futex_anybody_queued()) || !make_key(call->thread, uaddr, op, &first) || !make_key(call->thread, uaddr2, op, &second))
		return lx_run_on_host(call);
	error = ps_platform()->host_calls(call->thread->ps->pico, &host, 1, NULL, 0);
	if (error || host.result < 0)
		return error ?: host.result;
	return host.result + lx_futex_wake_queued(&first, LX_FUTEX_BITSET_MATCH_ANY, MAX_OF((int32_t)val, 1)) +
	       lx_futex_wake_queued(&second, LX_FUTEX_BITSET_MATCH_ANY, MAX_OF((int32_t)val2, 1));
}

int64_t lx_sys_futex_futex_wait_bitset(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       struct lx_uptr timeout, struct lx_uptr uaddr2, uint32_t val3)
{
	return wait_somewhere(call, uaddr, op, val, timeout, val3);
}

int64_t lx_sys_futex_futex_wake_bitset(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       uint64_t timeout, struct lx_uptr uaddr2, uint32_t val3)
{
	return op & LX_FUTEX_CLOCK_REALTIME ? lx_run_on_host(call) : wake(call, uaddr, op, (int32_t)val, val3);
}

int64_t lx_sys_futex_waitv(struct lx_call *call, struct lx_uptr waiters, uint32_t nr_futexes, uint32_t flags,
			   struct lx_uptr timeout, int32_t clockid)
{
	return lx_run_on_host(call);
}

/* Here 0 means none. */
int64_t lx_sys_futex_wake(struct lx_call *call, struct lx_uptr uaddr, uint64_t mask, int32_t nr, uint32_t flags)
{
	bool usual = nr > 0 && (flags & ~LX_FUTEX_PRIVATE_FLAG) == FUTEX2_SIZE_U32 && !(mask >> 32);

	return usual ? wake(call, uaddr, flags, nr, (uint32_t)mask) : lx_run_on_host(call);
}

int64_t lx_sys_futex_wait(struct lx_call *call, struct lx_uptr uaddr, uint64_t val, uint64_t mask, uint32_t flags,
			  struct lx_uptr timeout, int32_t clockid)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_requeue(struct lx_call *call, struct lx_uptr waiters, uint32_t flags, int32_t nr_wake,
			     int32_t nr_requeue)
{
	struct lx_futex_waitv pair[2];
	int64_t result = -1;
	uint32_t word;

	if (lx_futex_anybody_queued() && !flags && !lx_copy_in(call, pair, waiters, sizeof(pair)) && pair[0].flags == pair[1].flags &&
	    (pair[0].flags & ~LX_FUTEX_PRIVATE_FLAG) == FUTEX2_SIZE_U32 && !(pair[0].uaddr & 3) &&
	    !lx_copy_in(call, &word, lx_uptr(pair[0].uaddr), sizeof(word)) && word == pair[0].val)
		result = requeue_here(call, lx_uptr(pair[0].uaddr), lx_uptr(pair[1].uaddr), pair[0].flags, nr_wake, nr_requeue);
	return result < 0 ? lx_run_on_host(call) : result;
}
