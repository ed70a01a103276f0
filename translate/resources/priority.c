/* getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2). */
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>
#include <process/session.h>
#include <resources/resources.h>

#define NICE_MIN (-20)
#define NICE_MAX 19
#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_LEVELS 8
enum ioprio_class { IOPRIO_NONE, IOPRIO_REALTIME, IOPRIO_BEST_EFFORT, IOPRIO_IDLE };

/* One question or order to every thread that (which, who) means. Under lx_tree_lock. */
struct selection {
	struct lx_thread *self;
	void (*visit)(struct lx_thread *thread, struct selection *selection);
	uint32_t uid;
	int32_t value; /* to be set, or the best found */
	int64_t result;
};

static void visit_threads(struct lx_process *process, void *context)
{
	struct selection *selection = context;
	struct lx_thread *thread;

	TAILQ_FOREACH (thread, &process->threads, link)
		selection->visit(thread, selection);
}

static void visit_of_user(struct lx_process *process, void *context)
{
	struct selection *selection = context;
	struct lx_thread *thread;

	TAILQ_FOREACH (thread, &process->threads, link)
		if (thread->token->ruid == selection->uid)
			selection->visit(thread, selection);
}

static void select_tasks(struct selection *selection, int32_t which, int32_t who)
{
	struct lx_thread *thread;

	rtl_lock(&lx_tree_lock);
	switch (which) {
	case LX_PRIO_PROCESS:
		thread = who ? lx_find_thread(who) : selection->self;
		if (thread)
			selection->visit(thread, selection);
		break;
	case LX_PRIO_PGRP:
		lx_walk_group(who ? who : lx_process_group_id(selection->self->process), visit_threads, selection);
		break;
	default:
		selection->uid = who ? (uint32_t)who : selection->self->token->ruid;
		lx_walk_processes(visit_of_user, selection);
	}
	rtl_unlock(&lx_tree_lock);
}

static void take_best(struct lx_thread *thread, struct selection *selection)
{
	int64_t priority = 20 - thread->nice;

	selection->result = MAX_OF(selection->result, priority);
}

/* Of what runs no more: a zombie, a leader that has ended, pid 1. */
static int64_t priority_left(int32_t pid)
{
	const struct lx_process *process;
	int64_t result;

	rtl_lock(&lx_tree_lock);
	process = lx_find_process(pid);
	result = process ? 20 - process->leader_nice : -LX_ESRCH;
	rtl_unlock(&lx_tree_lock);
	return result;
}

int64_t lx_sys_getpriority(struct lx_call *call, int32_t which, int32_t who)
{
	struct selection selection = {.self = call->thread, .visit = take_best, .result = -LX_ESRCH};

	if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
		return -LX_EINVAL;
	select_tasks(&selection, which, who);
	if (selection.result == -LX_ESRCH && which == LX_PRIO_PROCESS)
		return priority_left(who);
	return selection.result;
}

static int64_t change_nice(struct lx_thread *self, struct lx_thread *thread, int32_t nice)
{
	bool privileged = lx_capable(self, LX_CAP_SYS_NICE);
	uint64_t floor = MIN_OF(lx_limit(thread->process, LX_RLIMIT_NICE), (uint64_t)40);

	if (self->token->euid != thread->token->ruid && self->token->euid != thread->token->euid && !privileged)
		return -LX_EPERM;
	if (nice < thread->nice && 20 - nice > (int64_t)floor && !privileged)
		return -LX_EACCES;
	if (nice != thread->nice && ps_platform()->set_nice(thread->ps->pico, nice))
		return -LX_EACCES;
	thread->nice = nice;
	return 0;
}

static void set_nice(struct lx_thread *thread, struct selection *selection)
{
	int64_t result = change_nice(selection->self, thread, selection->value);

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
	uint32_t class = ioprio >> IOPRIO_CLASS_SHIFT, level = ioprio & (IOPRIO_LEVELS - 1);

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

static void set_ioprio(struct lx_thread *thread, struct selection *selection)
{
	const struct lx_thread *self = selection->self;
	bool owner = self->token->euid == thread->token->ruid || self->token->ruid == thread->token->ruid;

	if (!owner && !lx_capable(self, LX_CAP_SYS_NICE)) {
		selection->result = -LX_EPERM;
		return;
	}
	thread->process->ioprio = selection->value;
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

static void get_ioprio(struct lx_thread *thread, struct selection *selection)
{
	int32_t ioprio = thread->process->ioprio;

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
