/*
 * get_mempolicy(2), set_mempolicy(2), mbind(2), set_mempolicy_home_node(2), move_pages(2), migrate_pages(2).
 *
 * Where a guest's pages lie is between it and the host: policies are those of its own host task and areas, so the host runs
 * these calls, once no address among their arguments lies in the platform's pages. Other processes' pages are not reached:
 * the host's process ids mean nothing to a guest.
 */
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>
#include <process/process.h>

#define PAGE_BITS (LX_PAGE_SIZE * 8ull)

static bool is_guest_memory(struct lx_call *call, uint64_t address, uint64_t size)
{
	return mm_is_guest_range(call->thread->ps->process->space, address, size);
}

/* An array that may be left out, of a bounded size in bytes. */
static bool may_touch(struct lx_call *call, struct lx_uptr at, uint64_t size)
{
	return lx_is_null(at) || is_guest_memory(call, at.address, size);
}

/* Bytes of a node mask; the host refuses masks of more bits than a page has, without looking at them. */
static uint64_t mask_size(uint64_t maxnode)
{
	return maxnode > PAGE_BITS ? 0 : ALIGN_UP(maxnode, 64ull) / 8;
}

int64_t lx_sys_mbind(struct lx_call *call, uint64_t start, uint64_t len, int32_t mode, struct lx_uptr nmask, uint64_t maxnode, uint32_t flags)
{
	if (!is_guest_memory(call, start, len) || !may_touch(call, nmask, mask_size(maxnode)))
		return start & (LX_PAGE_SIZE - 1) ? -LX_EINVAL : -LX_EFAULT;
	return lx_run_on_host(call);
}

int64_t lx_sys_set_mempolicy(struct lx_call *call, int32_t mode, struct lx_uptr nmask, uint64_t maxnode)
{
	return may_touch(call, nmask, mask_size(maxnode)) ? lx_run_on_host(call) : -LX_EFAULT;
}

int64_t lx_sys_get_mempolicy(struct lx_call *call, struct lx_uptr policy, struct lx_uptr nmask, uint64_t maxnode, uint64_t addr, uint64_t flags)
{
	if (!may_touch(call, policy, sizeof(int32_t)) || !may_touch(call, nmask, mask_size(maxnode)))
		return -LX_EFAULT;
	return lx_run_on_host(call);
}

int64_t lx_sys_set_mempolicy_home_node(struct lx_call *call, uint64_t start, uint64_t len, uint64_t home_node, uint64_t flags)
{
	if (!is_guest_memory(call, start, len))
		return start & (LX_PAGE_SIZE - 1) ? -LX_EINVAL : 0;
	return lx_run_on_host(call);
}

/* Another process' pages are not moved; who may not look into it hears that first. */
static int64_t refuse_other(struct lx_call *call, int32_t pid)
{
	struct lx_task task;
	int64_t result;

	lx_lock_tree();
	if (!lx_find_task(call->thread, pid, &task))
		result = -LX_ESRCH;
	else
		result = lx_may_access(call->thread, &task) ? -LX_ENOSYS : -LX_EPERM;
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_migrate_pages(struct lx_call *call, int32_t pid, uint64_t maxnode, struct lx_uptr old_nodes, struct lx_uptr new_nodes)
{
	if (pid)
		return refuse_other(call, pid);
	if (!may_touch(call, old_nodes, mask_size(maxnode)) || !may_touch(call, new_nodes, mask_size(maxnode)))
		return -LX_EFAULT;
	return lx_run_on_host(call);
}

int64_t lx_sys_move_pages(struct lx_call *call, int32_t pid, uint64_t count, struct lx_uptr pages, struct lx_uptr nodes, struct lx_uptr status, uint32_t flags)
{
	if (pid)
		return refuse_other(call, pid);
	if (count > UINT64_MAX / sizeof(uint64_t))
		return -LX_E2BIG;
	if (!may_touch(call, pages, count * sizeof(uint64_t)) || !may_touch(call, nodes, count * sizeof(int32_t)) ||
	    !may_touch(call, status, count * sizeof(int32_t)))
		return -LX_EFAULT;
	return lx_run_on_host(call);
}
