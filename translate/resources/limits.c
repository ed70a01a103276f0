/*
 * Resource limits: LX's own, inherited from how lxrun was started. What the host enforces for the supervisor is another
 * matter. Written under lx_tree_lock; a value is read without it, as a word is.
 */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <hal/host.h>
#include <lx_syscalls.h>
#include <resources/resources.h>
#include <time/times.h>

#define OPEN_FILES_MAX (1024u * 1024) /* fs.nr_open's default */

_Static_assert(LX_RLIM_NLIMITS == HAL_LIMIT_COUNT, "limits");

void lx_limits_initialize(struct lx_process *process)
{
	const struct hal_start *start = hal_start_state();

	for (int i = 0; i < LX_RLIM_NLIMITS; i++) {
		process->limits[i].rlim_cur = start->limits[i].current;
		process->limits[i].rlim_max = start->limits[i].maximum;
	}
}

void lx_limits_apply(struct lx_process *process)
{
	struct mm_space_limits limits = lx_space_limits(process);
	struct mm_address_space *space = NULL;

	if (!process->ps)
		return;
	rtl_lock(&process->ps->lock);
	space = process->ps->space;
	if (space)
		mm_reference_space(space);
	rtl_unlock(&process->ps->lock);
	if (!space)
		return;
	mm_set_limits(space, &limits);
	mm_dereference_space(space);
}

/* Under lx_tree_lock. */
static int64_t change_limit(struct lx_thread *thread, struct lx_process *process, uint32_t resource,
			    const struct lx_rlimit *wanted)
{
	struct lx_rlimit *limit = &process->limits[resource];

	if (wanted->rlim_cur > wanted->rlim_max)
		return -LX_EINVAL;
	if (resource == LX_RLIMIT_NOFILE && wanted->rlim_max > OPEN_FILES_MAX)
		return -LX_EPERM;
	if (wanted->rlim_max > limit->rlim_max && !lx_capable(thread, LX_CAP_SYS_RESOURCE))
		return -LX_EPERM;
	*limit = *wanted;
	return 0;
}

/* Another process' limits: same user in all three ids, or the privilege. */
static bool may_look_at(const struct lx_thread *thread, const struct lx_task *task)
{
	return task->process == thread->process || lx_has_ids_of(thread, task->token) ||
	       lx_capable(thread, LX_CAP_SYS_RESOURCE);
}

static int64_t do_prlimit(struct lx_call *call, int32_t pid, uint32_t resource, const struct lx_rlimit *wanted,
			  struct lx_rlimit *old, struct lx_process **changed)
{
	struct lx_task task;
	int64_t result = 0;

	lx_lock_tree();
	if (!lx_find_task(call->thread, pid, &task))
		result = -LX_ESRCH;
	else if (!may_look_at(call->thread, &task))
		result = -LX_EPERM;
	else if (resource >= LX_RLIM_NLIMITS)
		result = -LX_EINVAL;
	if (!result) {
		*old = task.process->limits[resource];
		if (wanted)
			result = change_limit(call->thread, task.process, resource, wanted);
		if (wanted && !result)
			*changed = lx_process_reference(task.process);
	}
	lx_unlock_tree();
	return result;
}

static int64_t set_limit(struct lx_call *call, int32_t pid, int32_t resource, const struct lx_rlimit *wanted,
			 struct lx_rlimit *old)
{
	struct lx_process *changed = NULL;
	int64_t result = do_prlimit(call, pid, (uint32_t)resource, wanted, old, &changed);

	if (changed) {
		lx_limits_apply(changed);
		if (resource == LX_RLIMIT_STACK && changed == call->thread->process)
			mm_trim_stack(changed->ps->space, call->trap->stack_pointer);
		if (resource == LX_RLIMIT_CPU)
			lx_cpu_limit_apply(changed);
		lx_process_dereference(changed);
	}
	return result;
}

int64_t lx_sys_prlimit64(struct lx_call *call, int32_t pid, int32_t resource, struct lx_uptr new_limit,
			 struct lx_uptr old_limit)
{
	struct lx_rlimit wanted, old;
	bool sets = !lx_is_null(new_limit);
	int64_t result;

	if (sets && lx_in_rlimit(call, &wanted, new_limit))
		return -LX_EFAULT;
	result = set_limit(call, pid, resource, sets ? &wanted : NULL, &old);
	if (!result && !lx_is_null(old_limit))
		result = lx_out_rlimit(call, old_limit, &old);
	return result;
}

int64_t lx_sys_getrlimit(struct lx_call *call, int32_t resource, struct lx_uptr rlim)
{
	struct lx_rlimit old;

	return set_limit(call, 0, resource, NULL, &old) ?: lx_out_rlimit(call, rlim, &old);
}

int64_t lx_sys_setrlimit(struct lx_call *call, int32_t resource, struct lx_uptr rlim)
{
	struct lx_rlimit wanted, old;

	/* Copied before the resource is looked at, as the kernel does. */
	if (lx_in_rlimit(call, &wanted, rlim))
		return -LX_EFAULT;
	return set_limit(call, 0, resource, &wanted, &old);
}
