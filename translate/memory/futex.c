/*
 * futex(2) and its successors, except for priority inheritance.
 *
 * They touch nothing but words of the guest's own memory, so the host runs them in the guest's own context: exact, also
 * towards native programs on a shared file, and without a hand-over through the supervisor. The number and the
 * operation come from registers, which nobody else can change, so that what was checked is what runs. An interrupted
 * wait comes back through lx_deliver_signals().
 */
#include <core/lx.h>
#include <lx_syscalls.h>

/* What no sub-row takes: FUTEX_FD, gone from Linux since 2.6.26, and numbers that are no operation. */
int64_t lx_sys_futex(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint64_t timeout,
		     struct lx_uptr uaddr2, uint32_t val3)
{
	return -LX_ENOSYS;
}

int64_t lx_sys_futex_futex_wait(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				struct lx_uptr timeout)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_wake(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_requeue(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint32_t val2,
				   struct lx_uptr uaddr2)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_cmp_requeue(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       uint32_t val2, struct lx_uptr uaddr2, uint32_t val3)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_wake_op(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val, uint32_t val2,
				   struct lx_uptr uaddr2, uint32_t val3)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_wait_bitset(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       struct lx_uptr timeout, struct lx_uptr uaddr2, uint32_t val3)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_futex_wake_bitset(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				       uint64_t timeout, struct lx_uptr uaddr2, uint32_t val3)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_waitv(struct lx_call *call, struct lx_uptr waiters, uint32_t nr_futexes, uint32_t flags,
			   struct lx_uptr timeout, int32_t clockid)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_wake(struct lx_call *call, struct lx_uptr uaddr, uint64_t mask, int32_t nr, uint32_t flags)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_wait(struct lx_call *call, struct lx_uptr uaddr, uint64_t val, uint64_t mask, uint32_t flags,
			  struct lx_uptr timeout, int32_t clockid)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_futex_requeue(struct lx_call *call, struct lx_uptr waiters, uint32_t flags, int32_t nr_wake,
			     int32_t nr_requeue)
{
	return lx_run_on_host(call);
}
