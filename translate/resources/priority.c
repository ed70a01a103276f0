/* getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2). */
#include <core/process.h>
#include <core/session.h>
#include <core/thread.h>
#include <lx_syscalls.h>

#define NICE_MIN (-20)
#define NICE_MAX 19
#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_LEVELS 8
enum ioprio_class { IOPRIO_NONE, IOPRIO_REALTIME, IOPRIO_BEST_EFFORT, IOPRIO_IDLE };

/* One question or order to every task that (which, who) means, also if it runs no more. Under lx_tree_lock. */
struct selection {
	struct lx_thread *self;
	void (*visit)(const struct lx_task *task, struct selection *selection);
	uint32_t uid;
	int32_t value; /* to be set, or the best found */
	int64_t result;
};

static void visit_tasks(struct lx_process *process, struct selection *selection, bool everybody)
{
	struct lx_task task = lx_leader_task(process);
	struct lx_thread *thread;

	if (!task.thread && task.token && (everybody || task.token->ruid == selection->uid))
		selection->visit(&task, selection);
	TAILQ_FOREACH (thread, &process->threads, link) {
		task = (struct lx_task){.process = process, .thread = thread, .token = thread->token};
		if (everybody || task.token->ruid == selection->uid)
			selection->visit(&task, selection);
	}
}

static void visit_all(struct lx_process *process, void *context)
{
	visit_tasks(process, context, true);
}

static void visit_of_user(struct lx_process *process, void *context)
{
	visit_tasks(process, context, false);
}

static void select_tasks(struct selection *selection, int32_t which, int32_t who)
{
	struct lx_task task;

	lx_lock_tree();
	switch (which) {
	case LX_PRIO_PROCESS:
		if (lx_find_task(selection->self, who, &task))
			selection->visit(&task, selection);
		break;
	case LX_PRIO_PGRP:
		lx_walk_group(who ? who : lx_process_group_id(selection->self->process), visit_all, selection);
		break;
	default:
		selection->uid = who ? (uint32_t)who : selection->self->token->ruid;
		lx_walk_processes(visit_of_user, selection);
	}
	lx_unlock_tree();
}

static int32_t nice_of(const struct lx_task *task)
{
	return task->thread ? task->thread->nice : task->process->leader_nice;
}

static void take_best(const struct lx_task *task, struct selection *selection)
{
	int64_t priority = 20 - nice_of(task);

	selection->result = MAX_OF(selection->result, priority);
}

int64_t lx_sys_getpriority(struct lx_call *call, int32_t which, int32_t who)
{
	struct selection selection = {.self = call->thread, .visit = take_best, .result = -LX_ESRCH};

	if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
		return -LX_EINVAL;
	select_tasks(&selection, which, who);
	return selection.result;
}

static int64_t change_nice(struct lx_thread *self, const struct lx_task *task, int32_t nice)
{
	bool privileged = lx_capable(self, LX_CAP_SYS_NICE);
	uint64_t floor = MIN_OF(lx_limit(task->process, LX_RLIMIT_NICE), (uint64_t)40);
	struct lx_thread *thread = task->thread;

	if (self->token->euid != task->token->ruid && self->token->euid != task->token->euid && !privileged)
		return -LX_EPERM;
	if (nice < nice_of(task) && 20 - nice > (int64_t)floor && !privileged)
		return -LX_EACCES;
	if (thread && nice != thread->nice && ps_platform()->set_nice(thread->ps->pico, nice))
		return -LX_EACCES;
	*(thread ? &thread->nice : &task->process->leader_nice) = nice;
	return 0;
}

static void set_nice(const struct lx_task *task, struct selection *selection)
{
	int64_t result = change_nice(selection->self, task, selection->value);

	/* The last failure counts; one success alone ends ESRCH. */
	if (result || selection->result == -LX_ESRCH)
		selection->result = result;
}

int64_t lx_sys_setpriority(struct lx_call *call, int32_t which, int32_t who, int32_t prio)
{
	struct selection selection = {.self = call->thread, .visit = set_nice, .result = -LX_ESRCH};

	if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
		return -LX_EINVAL;
	selection.value = MAX_OF(NICE_MIN, MIN_OF(NICE_MAX, prio));
	select_tasks(&selection, which, who);
	return selection.result;
}

/* --- I/O priorities: hints, kept for who asks */

static int64_t check_ioprio(const struct lx_thread *thread, uint32_t ioprio)
{
	uint32_t class = ioprio >> IOPRIO_CLASS_SHIFT & 7, level = ioprio & (IOPRIO_LEVELS - 1);

	switch (class) {
	case IOPRIO_REALTIME:
		return lx_capable(thread, LX_CAP_SYS_ADMIN) || lx_capable(thread, LX_CAP_SYS_NICE) ? 0 : -LX_EPERM;
	case IOPRIO_BEST_EFFORT:
	case IOPRIO_IDLE:
		return 0;
	case IOPRIO_NONE:
		return level ? -LX_EINVAL : 0;
	default:
		return -LX_EINVAL;
	}
}

static void set_ioprio(const struct lx_task *task, struct selection *selection)
{
	const struct lx_thread *self = selection->self;
	bool owner = self->token->euid == task->token->ruid || self->token->ruid == task->token->ruid;

	if (!owner && !lx_capable(self, LX_CAP_SYS_NICE)) {
		selection->result = -LX_EPERM;
		return;
	}
	task->process->ioprio = selection->value;
	if (selection->result == -LX_ESRCH)
		selection->result = 0;
}

int64_t lx_sys_ioprio_set(struct lx_call *call, int32_t which, int32_t who, uint32_t ioprio)
{
	struct selection selection = {.self = call->thread, .visit = set_ioprio, .result = -LX_ESRCH};
	int64_t result = check_ioprio(call->thread, ioprio);

	if (result)
		return result;
	if (which < LX_IOPRIO_WHO_PROCESS || which > LX_IOPRIO_WHO_USER)
		return -LX_EINVAL;
	selection.value = (int32_t)ioprio;
	select_tasks(&selection, which - LX_IOPRIO_WHO_PROCESS, who);
	return selection.result;
}

static void get_ioprio(const struct lx_task *task, struct selection *selection)
{
	int32_t ioprio = task->process->ioprio;

	/* The most urgent of several: the lowest number that is none's. */
	if (selection->result <= 0 || (ioprio && ioprio < selection->result))
		selection->result = ioprio;
}

int64_t lx_sys_ioprio_get(struct lx_call *call, int32_t which, int32_t who)
{
	struct selection selection = {.self = call->thread, .visit = get_ioprio, .result = -LX_ESRCH};

	if (which < LX_IOPRIO_WHO_PROCESS || which > LX_IOPRIO_WHO_USER)
		return -LX_EINVAL;
	select_tasks(&selection, which - LX_IOPRIO_WHO_PROCESS, who);
	return selection.result;
}
