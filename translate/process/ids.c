/* Calls that ask for and change a process' ids: its own, its parent's, its group's and its session's. */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <lx_syscalls.h>

int64_t lx_sys_setsid(struct lx_call *call)
{
	struct lx_process *process = call->thread->process;
	struct lx_id *id;
	int64_t result;

	lx_lock_tree();
	id = lx_id_find(process->pid);
	result = id->group || id->session ? -LX_EPERM : lx_session_create(id, process);
	lx_unlock_tree();
	return result;
}

/* Who may be moved: the caller, or a child of its session that has not called exec yet. */
static int64_t find_movable(struct lx_process *self, int32_t pid, struct lx_process **found)
{
	struct lx_id *id = lx_id_find(pid);
	struct lx_process *process = id ? id->process : NULL;

	if (!process)
		return id && id->thread ? -LX_EINVAL : -LX_ESRCH;
	if (process->parent == self && process != self) {
		if (process->group->session != self->group->session)
			return -LX_EPERM;
		if (process->did_exec)
			return -LX_EACCES;
	} else if (process != self) {
		return -LX_ESRCH;
	}
	if (process->group->session->leader == process)
		return -LX_EPERM;
	*found = process;
	return 0;
}

static int64_t set_group(struct lx_process *self, int32_t pid, int32_t pgid)
{
	struct lx_process *process;
	struct lx_group *group;
	struct lx_id *id;
	int64_t result = find_movable(self, pid, &process);

	if (result)
		return result;
	id = lx_id_find(pgid);
	group = id ? id->group : NULL;
	if (pgid != process->pid && (!group || group->session != self->group->session))
		return -LX_EPERM;
	if (!group)
		return MIN_OF(lx_group_create(id, process), 0);
	lx_group_join(process, group);
	return 0;
}

int64_t lx_sys_setpgid(struct lx_call *call, int32_t pid, int32_t pgid)
{
	struct lx_process *self = call->thread->process;
	int64_t result;

	if (!pid)
		pid = self->pid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -LX_EINVAL;
	lx_lock_tree();
	result = set_group(self, pid, pgid);
	lx_unlock_tree();
	return result;
}

static int64_t ask_process(struct lx_call *call, int32_t pid, int32_t (*question)(const struct lx_process *process))
{
	struct lx_process *process;
	struct lx_thread *thread;
	int64_t result = -LX_ESRCH;

	if (!pid)
		return question(call->thread->process);
	lx_lock_tree();
	/* Any thread's id will do, as for find_task_by_vpid. */
	thread = lx_find_thread(pid);
	process = thread ? thread->process : lx_find_process(pid);
	if (process)
		result = question(process);
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_getpgid(struct lx_call *call, int32_t pid)
{
	return ask_process(call, pid, lx_process_group_id);
}

int64_t lx_sys_getpgrp(struct lx_call *call)
{
	return ask_process(call, 0, lx_process_group_id);
}

int64_t lx_sys_getsid(struct lx_call *call, int32_t pid)
{
	return ask_process(call, pid, lx_process_session_id);
}

static int32_t parent_id(const struct lx_process *process)
{
	return atomic_load_explicit(&process->parent_id, memory_order_relaxed);
}

int64_t lx_sys_getppid(struct lx_call *call)
{
	return ask_process(call, 0, parent_id);
}

int64_t lx_sys_getpid(struct lx_call *call)
{
	return call->thread->process->pid;
}

int64_t lx_sys_gettid(struct lx_call *call)
{
	return call->thread->tid;
}
