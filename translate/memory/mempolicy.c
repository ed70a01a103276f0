/*
 * get_mempolicy(2), set_mempolicy(2), mbind(2), set_mempolicy_home_node(2), move_pages(2), migrate_pages(2).
 *
 * Where a guest's pages lie is between it and the host: policies are those of its own host task and areas, so the host runs
 * these calls, which look at their arguments in its order. They move pages and say where they lie, and write what they say
 * where the guest could write itself: the platform's pages are none the worse for them. Other processes' pages are not
 * reached: the host's process ids mean nothing to a guest.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/tree.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>

int64_t lx_sys_mbind(struct lx_call *call, uint64_t start, uint64_t len, int32_t mode, struct lx_uptr nmask, uint64_t maxnode, uint32_t flags)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_set_mempolicy(struct lx_call *call, int32_t mode, struct lx_uptr nmask, uint64_t maxnode)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_get_mempolicy(struct lx_call *call, struct lx_uptr policy, struct lx_uptr nmask, uint64_t maxnode, uint64_t addr, uint64_t flags)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_set_mempolicy_home_node(struct lx_call *call, uint64_t start, uint64_t len, uint64_t home_node, uint64_t flags)
{
	return lx_run_on_host(call);
}

#define NO_PROCESS INT32_MAX /* a number that no host gives out */

/* The guest's call with another number for its process. */
static int64_t run_with(struct lx_call *call, int32_t pid)
{
	struct pico_host_call changed = {.number = call->number, .result = -LX_ENOSYS};

	memcpy(changed.arguments, call->arguments, sizeof(changed.arguments));
	changed.arguments[0] = (uint64_t)pid;
	if (ps_platform()->host_calls(call->thread->ps->pico, &changed, 1, NULL, 0))
		return -LX_ENOMEM;
	return changed.result;
}

/* The caller by its number, or another's pages, which are not moved. What else is wrong the host says first. */
static int64_t run_for(struct lx_call *call, int32_t pid)
{
	struct lx_task task;
	bool found, own, may;
	int64_t result;

	lx_lock_tree();
	found = lx_find_task(call->thread, pid, &task);
	own = found && task.process == call->thread->process;
	may = found && lx_may_access(call->thread, &task);
	lx_unlock_tree();
	result = run_with(call, own ? 0 : NO_PROCESS);
	if (own || result != -LX_ESRCH)
		return result;
	return !found ? -LX_ESRCH : may ? -LX_ENOSYS : -LX_EPERM;
}

int64_t lx_sys_migrate_pages(struct lx_call *call, int32_t pid, uint64_t maxnode, struct lx_uptr old_nodes, struct lx_uptr new_nodes)
{
	return pid ? run_for(call, pid) : lx_run_on_host(call);
}

int64_t lx_sys_move_pages(struct lx_call *call, int32_t pid, uint64_t count, struct lx_uptr pages, struct lx_uptr nodes, struct lx_uptr status, uint32_t flags)
{
	return pid ? run_for(call, pid) : lx_run_on_host(call);
}
