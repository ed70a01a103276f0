/*
 * sched_*(2): policies, parameters, affinity. The guest sees and changes its own settings: where lxrun has placed a thread
 * for the moment never shows. Real-time policies would starve the supervisor, so they are refused as for a user without
 * the privilege; the others differ only in how the host treats batch work. Other threads' settings: lx_tree_lock.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/timespec.h>
#include <hal/host.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <resources/resources.h>

#define ATTR_SIZE_VER0 48u
#define SCHED_EXT 7
#define SCHED_FLAG_UTIL_CLAMP 0x60u
#define RT_PRIORITY_MAX 99

#define SCHED_FLAGS                                                                                                    \
	(uint64_t)(LX_SCHED_FLAG_RESET_ON_FORK | LX_SCHED_FLAG_RECLAIM | LX_SCHED_FLAG_DL_OVERRUN | LX_SCHED_FLAG_KEEP_POLICY | \
		   LX_SCHED_FLAG_KEEP_PARAMS | SCHED_FLAG_UTIL_CLAMP)

struct settings {
	int32_t policy, priority, nice;
	bool reset_on_fork;
	uint8_t affinity[HAL_AFFINITY_SIZE];
};

/* Of what runs no more, what it had last. Under lx_tree_lock. */
static void settings_of(const struct lx_task *task, struct settings *settings)
{
	const struct lx_thread *thread = task->thread;

	if (!thread) {
		*settings = (struct settings){.policy = task->process->leader_policy, .nice = task->process->leader_nice};
		memcpy(settings->affinity, task->process->leader_affinity, sizeof(settings->affinity));
		return;
	}
	*settings = (struct settings){
		.policy = thread->sched_policy,
		.priority = thread->sched_priority,
		.nice = thread->nice,
		.reset_on_fork = thread->sched_reset_on_fork,
	};
	memcpy(settings->affinity, thread->affinity, sizeof(settings->affinity));
}

/* 0 or -ESRCH. */
static int64_t get_settings(struct lx_call *call, int32_t pid, struct settings *settings)
{
	struct lx_task task;
	bool found;

	lx_lock_tree();
	found = lx_find_task(call->thread, pid, &task);
	if (found)
		settings_of(&task, settings);
	lx_unlock_tree();
	return found ? 0 : -LX_ESRCH;
}

static bool same_owner(const struct lx_thread *self, const struct lx_task *other)
{
	return self->token->euid == other->token->euid || self->token->euid == other->token->ruid;
}

static bool is_realtime(int32_t policy)
{
	return policy == LX_SCHED_FIFO || policy == LX_SCHED_RR;
}

static bool is_policy(int32_t policy)
{
	return policy == LX_SCHED_OTHER || policy == LX_SCHED_BATCH || policy == LX_SCHED_IDLE || is_realtime(policy) ||
	       policy == LX_SCHED_DEADLINE;
}

static int64_t priority_limit(int32_t policy, int64_t realtime)
{
	if (is_realtime(policy))
		return realtime;
	return is_policy(policy) || policy == SCHED_EXT ? 0 : -LX_EINVAL;
}

int64_t lx_sys_sched_get_priority_max(struct lx_call *call, int32_t policy)
{
	return priority_limit(policy, RT_PRIORITY_MAX);
}

int64_t lx_sys_sched_get_priority_min(struct lx_call *call, int32_t policy)
{
	return priority_limit(policy, 1);
}

/* A change as all the calls ask for it. */
struct change {
	int32_t policy; /* -1: as it is */
	int32_t priority;
	bool reset_on_fork, sets_nice;
	int32_t nice;
	uint64_t flags, runtime, deadline, period; /* sched_setattr(2)'s; the last three are SCHED_DEADLINE's */
};

static bool can_nice(const struct lx_thread *self, struct lx_process *process, int32_t nice)
{
	return 20 - nice <= (int64_t)MIN_OF(lx_limit(process, LX_RLIMIT_NICE), (uint64_t)40) ||
	       lx_capable(self, LX_CAP_SYS_NICE);
}

/* In nanoseconds, as Linux is told by default what is too often and too seldom. */
static bool is_deadline(const struct change *change)
{
	const uint64_t least = 100000, most = 4194304000, resolution = 1024;
	uint64_t period = change->period ? change->period : change->deadline;

	return change->deadline && (int64_t)change->deadline > 0 && (int64_t)period > 0 && change->runtime >= resolution &&
	       change->runtime <= change->deadline && change->deadline <= period && period >= least && period <= most;
}

/* What is wrong with it, whoever asks for it. */
static int64_t check_values(const struct change *change, int32_t policy)
{
	if (!is_policy(policy) || (change->flags & ~SCHED_FLAGS))
		return -LX_EINVAL;
	if (change->priority < 0 || change->priority > RT_PRIORITY_MAX || is_realtime(policy) != (change->priority != 0))
		return -LX_EINVAL;
	return policy == LX_SCHED_DEADLINE && !is_deadline(change) ? -LX_EINVAL : 0;
}

static int64_t check_privilege(const struct lx_thread *self, const struct lx_task *task, const struct change *change,
			       const struct settings *now, int32_t policy)
{
	if (is_realtime(policy) || policy == LX_SCHED_DEADLINE)
		return -LX_EPERM;
	if (lx_capable(self, LX_CAP_SYS_NICE))
		return 0;
	if (!same_owner(self, task))
		return -LX_EPERM;
	if (change->sets_nice && change->nice < now->nice && !can_nice(self, task->process, change->nice))
		return -LX_EPERM;
	if (now->policy == LX_SCHED_IDLE && policy != LX_SCHED_IDLE && !can_nice(self, task->process, now->nice))
		return -LX_EPERM;
	return now->reset_on_fork && !change->reset_on_fork ? -LX_EPERM : 0;
}

/* Under lx_tree_lock. */
static int64_t check_change(const struct lx_thread *self, const struct lx_task *task, const struct change *change)
{
	struct settings now;
	int64_t result;
	int32_t policy;

	settings_of(task, &now);
	policy = change->policy < 0 ? now.policy : change->policy;
	result = check_values(change, policy) ?: check_privilege(self, task, change, &now, policy);
	/* As on a kernel without CONFIG_UCLAMP_TASK. */
	return result || !(change->flags & SCHED_FLAG_UTIL_CLAMP) ? result : -LX_EOPNOTSUPP;
}

/* Under lx_tree_lock. 0 or -EPERM. */
static int64_t change_thread(struct lx_thread *thread, const struct change *change)
{
	if (change->sets_nice && thread->nice != change->nice && ps_platform()->set_nice(thread->ps->pico, change->nice))
		return -LX_EPERM;
	if (change->policy >= 0)
		thread->sched_policy = change->policy;
	thread->sched_priority = change->priority;
	thread->sched_reset_on_fork = change->reset_on_fork;
	if (change->sets_nice)
		thread->nice = change->nice;
	return 0;
}

static int64_t apply_change(struct lx_call *call, int32_t pid, const struct change *change)
{
	struct lx_task task;
	int64_t result;

	lx_lock_tree();
	result = lx_find_task(call->thread, pid, &task) ? check_change(call->thread, &task, change) : -LX_ESRCH;
	if (!result && task.thread) {
		result = change_thread(task.thread, change);
	} else if (!result) {
		if (change->policy >= 0)
			task.process->leader_policy = change->policy;
		if (change->sets_nice)
			task.process->leader_nice = change->nice;
	}
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_sched_setscheduler(struct lx_call *call, int32_t pid, int32_t policy, struct lx_uptr param)
{
	struct change change = {.policy = policy & ~LX_SCHED_RESET_ON_FORK,
				.reset_on_fork = policy & LX_SCHED_RESET_ON_FORK};

	if (policy < 0 || lx_is_null(param) || pid < 0)
		return -LX_EINVAL;
	if (lx_copy_in(call, &change.priority, param, sizeof(change.priority)))
		return -LX_EFAULT;
	return apply_change(call, pid, &change);
}

int64_t lx_sys_sched_setparam(struct lx_call *call, int32_t pid, struct lx_uptr param)
{
	struct change change = {.policy = -1};
	struct settings now;

	if (lx_is_null(param) || pid < 0)
		return -LX_EINVAL;
	if (lx_copy_in(call, &change.priority, param, sizeof(change.priority)))
		return -LX_EFAULT;
	if (get_settings(call, pid, &now))
		return -LX_ESRCH;
	change.reset_on_fork = now.reset_on_fork;
	return apply_change(call, pid, &change);
}

int64_t lx_sys_sched_getscheduler(struct lx_call *call, int32_t pid)
{
	struct settings settings;
	int64_t result;

	if (pid < 0)
		return -LX_EINVAL;
	result = get_settings(call, pid, &settings);
	return result ?: settings.policy | (settings.reset_on_fork ? LX_SCHED_RESET_ON_FORK : 0);
}

int64_t lx_sys_sched_getparam(struct lx_call *call, int32_t pid, struct lx_uptr param)
{
	struct settings settings;

	if (lx_is_null(param) || pid < 0)
		return -LX_EINVAL;
	return get_settings(call, pid, &settings) ?: lx_copy_out(call, param, &settings.priority, sizeof(settings.priority));
}

int64_t lx_sys_sched_rr_get_interval(struct lx_call *call, int32_t pid, struct lx_uptr tp)
{
	struct settings settings;
	struct lx_timespec interval;

	if (pid < 0)
		return -LX_EINVAL;
	if (get_settings(call, pid, &settings))
		return -LX_ESRCH;
	interval = lx_timespec_of(hal_scheduling_interval());
	return lx_out_timespec(call, tp, &interval);
}

/* --- attributes */

static int64_t read_attr(struct lx_call *call, struct lx_uptr from, struct lx_sched_attr *attr)
{
	const uint32_t known = sizeof(*attr);
	uint32_t size;
	int64_t result;

	if (lx_copy_in(call, &size, from, sizeof(size)))
		return -LX_EFAULT;
	if (!size)
		size = ATTR_SIZE_VER0;
	result = -LX_E2BIG;
	if (size >= ATTR_SIZE_VER0 && size <= LX_PAGE_SIZE)
		result = lx_copy_in_sized(call, attr, known, from, size);
	attr->size = size;
	if (result != -LX_E2BIG)
		return result;
	return lx_copy_out(call, from, &known, sizeof(known)) ?: -LX_E2BIG;
}

int64_t lx_sys_sched_setattr(struct lx_call *call, int32_t pid, struct lx_uptr attr, uint32_t flags)
{
	struct lx_sched_attr wanted;
	struct change change = {0};
	int64_t result;

	if (lx_is_null(attr) || pid < 0 || flags)
		return -LX_EINVAL;
	result = read_attr(call, attr, &wanted);
	if (result)
		return result;
	if ((int32_t)wanted.sched_policy < 0 ||
	    ((wanted.sched_flags & SCHED_FLAG_UTIL_CLAMP) && wanted.size < sizeof(wanted)))
		return -LX_EINVAL;
	change.flags = wanted.sched_flags;
	change.runtime = wanted.sched_runtime;
	change.deadline = wanted.sched_deadline;
	change.period = wanted.sched_period;
	change.policy = wanted.sched_flags & LX_SCHED_FLAG_KEEP_POLICY ? -1 : (int32_t)wanted.sched_policy;
	change.reset_on_fork = wanted.sched_flags & LX_SCHED_FLAG_RESET_ON_FORK;
	/* Which is no priority that is kept: no policy here has one. */
	change.priority = (int32_t)wanted.sched_priority;
	if (!(wanted.sched_flags & LX_SCHED_FLAG_KEEP_PARAMS)) {
		change.sets_nice = change.policy == LX_SCHED_OTHER || change.policy == LX_SCHED_BATCH;
		change.nice = MAX_OF(-20, MIN_OF(19, wanted.sched_nice));
	}
	return apply_change(call, pid, &change);
}

int64_t lx_sys_sched_getattr(struct lx_call *call, int32_t pid, struct lx_uptr attr, uint32_t size, uint32_t flags)
{
	struct lx_sched_attr out = {0};
	struct settings settings;

	if (lx_is_null(attr) || pid < 0 || size > LX_PAGE_SIZE || size < ATTR_SIZE_VER0 || flags)
		return -LX_EINVAL;
	if (get_settings(call, pid, &settings))
		return -LX_ESRCH;
	out.sched_policy = (uint32_t)settings.policy;
	out.sched_flags = settings.reset_on_fork ? LX_SCHED_FLAG_RESET_ON_FORK : 0;
	/* Real-time policies have the one, all others the other. */
	out.sched_priority = (uint32_t)settings.priority;
	out.sched_nice = settings.priority ? 0 : settings.nice;
	out.sched_runtime = hal_scheduling_slice();
	out.size = MIN_OF(size, (uint32_t)sizeof(out));
	return lx_copy_out(call, attr, &out, out.size);
}

/* --- affinity */

static bool allowed_mask(uint8_t *mask)
{
	const struct hal_start *start = hal_start_state();
	bool any = false;

	for (size_t i = 0; i < HAL_AFFINITY_SIZE; i++) {
		mask[i] &= start->allowed[i];
		any |= mask[i] != 0;
	}
	return any;
}

/* Under lx_tree_lock. */
static int64_t set_affinity(struct lx_call *call, int32_t pid, uint8_t mask[HAL_AFFINITY_SIZE])
{
	const struct hal_start *start = hal_start_state();
	struct lx_task task;

	if (!lx_find_task(call->thread, pid, &task))
		return -LX_ESRCH;
	if (!same_owner(call->thread, &task) && !lx_capable(call->thread, LX_CAP_SYS_NICE))
		return -LX_EPERM;
	if (!allowed_mask(mask))
		return -LX_EINVAL;
	if (task.thread && ps_platform()->set_affinity(task.thread->ps->pico, mask, start->affinity_size))
		return -LX_EINVAL;
	memcpy(task.thread ? task.thread->affinity : task.process->leader_affinity, mask, HAL_AFFINITY_SIZE);
	return 0;
}

int64_t lx_sys_sched_setaffinity(struct lx_call *call, int32_t pid, uint64_t cpusetsize, struct lx_uptr mask)
{
	uint8_t wanted[HAL_AFFINITY_SIZE] = {0};
	uint32_t size = MIN_OF((uint32_t)cpusetsize, (uint32_t)hal_start_state()->affinity_size);
	int64_t result;

	if (lx_copy_in(call, wanted, mask, size))
		return -LX_EFAULT;
	lx_lock_tree();
	result = set_affinity(call, pid, wanted);
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_sched_getaffinity(struct lx_call *call, int32_t pid, uint64_t cpusetsize, struct lx_uptr mask)
{
	const struct hal_start *start = hal_start_state();
	uint32_t size = (uint32_t)cpusetsize;
	struct settings settings;

	if (size * 8 < start->processors || size % sizeof(uint64_t))
		return -LX_EINVAL;
	if (get_settings(call, pid, &settings))
		return -LX_ESRCH;
	size = MIN_OF(size, (uint32_t)start->affinity_size);
	return lx_copy_out(call, mask, settings.affinity, size) ?: (int64_t)size;
}

/* A processor of the guest's mask: the one that the half runs on, if that is among them. */
uint32_t lx_guest_cpu(const struct lx_thread *thread)
{
	uint32_t cpu = ZwGetCurrentProcessorNumber();

	if (cpu < sizeof(thread->affinity) * 8 && (thread->affinity[cpu / 8] & 1u << cpu % 8))
		return cpu;
	for (cpu = 0; cpu < sizeof(thread->affinity) * 8; cpu++)
		if (thread->affinity[cpu / 8] & 1u << cpu % 8)
			return cpu;
	return 0;
}
