/*
 * wait4(2), waitid(2): children's ends, stops and continuations.
 *
 * The caller queues itself at its process' child_waiters, looks at its children under lx_tree_lock, and sleeps only if none
 * has something to tell. What it collects it takes under that lock, so that two waiters never get the same event. Stop and
 * continue marks belong to the child's signal_lock, which is taken inside.
 */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <process/exit.h>
#include <process/instance.h>
#include <resources/rusage.h>

#define TICKS_NS 10000000u /* clock_t's unit in siginfo: 1/100 s */

struct wait_request {
	struct lx_thread *waiter;
	int32_t type; /* LX_P_ALL, LX_P_PID, LX_P_PGID */
	int32_t id;
	uint32_t options;
	/* what was found */
	int32_t pid, code, status; /* siginfo's status */
	int32_t wait_status;       /* wait4's */
	uint32_t uid;
	bool wants_usage;
	/* Whose own usage is still to be added: a zombie's and that of those that it waited for. Referenced. */
	struct lx_process *uncounted[LX_UNSUMMED_MAX + 1];
	size_t uncounted_count;
	struct lx_rusage_sum usage;
};

void lx_fill_child_info(struct lx_siginfo *info, const struct lx_process *child, int32_t code, int32_t status)
{
	const struct lx_rusage_sum *usage = &child->exit_usage;

	memset(info, 0, sizeof(*info));
	info->si_signo = LX_SIGCHLD;
	info->si_code = code;
	info->_sifields._sigchld._pid = child->pid;
	info->_sifields._sigchld._uid = child->uid;
	info->_sifields._sigchld._status = status;
	info->_sifields._sigchld._utime = (int64_t)(usage->user_ns / TICKS_NS);
	info->_sifields._sigchld._stime = (int64_t)(usage->system_ns / TICKS_NS);
}

void lx_reap(struct lx_process *zombie)
{
	lx_tree_remove(zombie);
}

void lx_child_state_changed(struct lx_process *child)
{
	if (child->parent)
		ke_wake_all(&child->parent->child_waiters);
	lx_instance_changed();
}

static bool is_eligible(const struct wait_request *request, const struct lx_process *child)
{
	if (request->type == LX_P_PID && child->pid != request->id)
		return false;
	if (request->type == LX_P_PGID && lx_process_group_id(child) != request->id)
		return false;
	if ((request->options & LX___WNOTHREAD) && child->parent_tid != request->waiter->tid)
		return false;
	if (request->options & LX___WALL)
		return true;
	return (child->exit_signal != LX_SIGCHLD) == !!(request->options & LX___WCLONE);
}

static void take_usage(struct wait_request *request, struct lx_process *child)
{
	if (!request->wants_usage)
		return;
	request->uncounted_count = lx_usage_reference_children(child, request->uncounted);
	if (child->state == LX_ZOMBIE)
		request->uncounted[request->uncounted_count++] = lx_process_reference(child);
	else
		lx_process_usage(child, &request->usage);
	lx_usage_add(&request->usage, &child->children_usage);
}

static void collect_zombie(struct wait_request *request, struct lx_process *child)
{
	int32_t status = child->wait_status;

	request->wait_status = status;
	if (status & 0x7f) {
		request->code = status & 0x80 ? LX_CLD_DUMPED : LX_CLD_KILLED;
		request->status = status & 0x7f;
	} else {
		request->code = LX_CLD_EXITED;
		request->status = status >> 8 & 0xff;
	}
	take_usage(request, child);
	if (request->options & LX_WNOWAIT)
		return;
	lx_usage_keep_child(request->waiter->process, child);
	lx_reap(child);
}

static bool collect_stop(struct wait_request *request, struct lx_process *child)
{
	bool found = false, keep = request->options & LX_WNOWAIT;

	rtl_lock(&child->signal_lock);
	if ((request->options & LX_WUNTRACED) && child->state == LX_STOPPED && !child->stop_reported) {
		child->stop_reported = !keep;
		request->code = LX_CLD_STOPPED;
		request->status = child->stop_signal;
		request->wait_status = child->stop_signal << 8 | 0x7f;
		found = true;
	} else if ((request->options & LX_WCONTINUED) && child->state == LX_RUNNING && child->continue_pending) {
		child->continue_pending = keep;
		request->code = LX_CLD_CONTINUED;
		request->status = LX_SIGCONT;
		request->wait_status = 0xffff;
		found = true;
	}
	rtl_unlock(&child->signal_lock);
	if (found)
		take_usage(request, child);
	return found;
}

/* Under lx_tree_lock: a child's pid, 0 (children there, nothing to tell), or -LX_ECHILD. */
static int64_t look(struct wait_request *request)
{
	struct lx_process *child, *next;
	int64_t result = -LX_ECHILD;

	TAILQ_FOREACH_SAFE (child, &request->waiter->process->children, sibling, next) {
		if (!is_eligible(request, child))
			continue;
		request->uid = child->uid;
		request->pid = child->pid;
		if (child->state == LX_ZOMBIE) {
			if (!(request->options & LX_WEXITED))
				continue;
			collect_zombie(request, child);
			return request->pid;
		}
		if (collect_stop(request, child))
			return request->pid;
		result = 0;
	}
	return result;
}

static int64_t do_wait(struct wait_request *request)
{
	struct ke_wake_entry entry = {0}, *entries[] = {&entry};
	struct lx_process *self = request->waiter->process;
	bool interrupted = false;

	for (;;) {
		NTSTATUS status;
		int64_t result;

		ke_list_enqueue(&self->child_waiters, &entry);
		lx_lock_tree();
		result = look(request);
		lx_unlock_tree();
		if (result || interrupted || (request->options & LX_WNOHANG)) {
			ke_list_dequeue(&entry);
			return result || !interrupted ? result : -LX_ERESTARTSYS;
		}
		status = ke_list_sleep(entries, 1, true, UINT64_MAX);
		ke_list_dequeue(&entry);
		/* The child that changed goes before the signal which says so. */
		interrupted = status == STATUS_USER_APC || status == STATUS_ALERTED;
	}
}

/* Outside of lx_tree_lock: what the host counts of a task is known at its end there, which may be a moment off. */
static void count_usage(struct wait_request *request)
{
	struct lx_rusage_sum usage;

	for (size_t i = 0; i < request->uncounted_count; i++) {
		lx_usage_of_zombie(request->uncounted[i], true, &usage);
		lx_usage_add(&request->usage, &usage);
		lx_process_dereference(request->uncounted[i]);
	}
}

static int32_t own_group(struct lx_call *call)
{
	return lx_process_group_id(call->thread->process);
}

int64_t lx_sys_wait4(struct lx_call *call, int32_t pid, struct lx_uptr wstatus, uint32_t options, struct lx_uptr rusage)
{
	struct wait_request request = {.waiter = call->thread, .options = options | LX_WEXITED, .wants_usage = !lx_is_null(rusage)};
	int64_t result;

	if (options & ~(LX_WNOHANG | LX_WUNTRACED | LX_WCONTINUED | LX___WNOTHREAD | LX___WCLONE | LX___WALL))
		return -LX_EINVAL;
	if (pid == INT32_MIN)
		return -LX_ESRCH;
	request.type = pid == -1 ? LX_P_ALL : pid > 0 ? LX_P_PID : LX_P_PGID;
	request.id = pid > 0 ? pid : pid == 0 ? own_group(call) : -pid;
	result = do_wait(&request);
	if (result <= 0)
		return result;
	count_usage(&request);
	if (!lx_is_null(wstatus) && lx_copy_out(call, wstatus, &request.wait_status, sizeof(request.wait_status)))
		return -LX_EFAULT;
	if (!lx_is_null(rusage) && lx_rusage_copy_out(call, rusage, &request.usage))
		return -LX_EFAULT;
	return result;
}

/* The three words, and behind their padding the three more, that the kernel writes: also when it failed. */
static int64_t copy_out_info(struct lx_call *call, struct lx_uptr to, const struct wait_request *request, bool found)
{
	const struct lx_siginfo info = {
		.si_signo = found ? LX_SIGCHLD : 0,
		.si_code = request->code,
		._sifields._sigchld = {found ? request->pid : 0, found ? request->uid : 0, request->status},
	};
	const size_t head = offsetof(struct lx_siginfo, si_code) + sizeof(info.si_code);
	const size_t child = offsetof(struct lx_siginfo, _sifields);
	const size_t child_end = offsetof(struct lx_siginfo, _sifields._sigchld._status) + sizeof(request->status);

	return lx_copy_out(call, to, &info, head) ?:
	       lx_copy_out(call, lx_uptr_add(to, child), (const char *)&info + child, child_end - child);
}

static int64_t prepare_waitid(struct lx_call *call, int32_t idtype, int32_t id, uint32_t options,
			      struct wait_request *request)
{
	if (options & ~(LX_WNOHANG | LX_WNOWAIT | LX_WEXITED | LX_WUNTRACED | LX_WCONTINUED | LX___WNOTHREAD |
			LX___WCLONE | LX___WALL))
		return -LX_EINVAL;
	if (!(options & (LX_WEXITED | LX_WUNTRACED | LX_WCONTINUED)))
		return -LX_EINVAL;
	switch (idtype) {
	case LX_P_ALL:
		break;
	case LX_P_PID:
		if (id <= 0)
			return -LX_EINVAL;
		break;
	case LX_P_PGID:
		if (id < 0)
			return -LX_EINVAL;
		if (!id)
			id = own_group(call);
		break;
	case LX_P_PIDFD:
		/* No descriptor is one. */
		return id < 0 ? -LX_EINVAL : -LX_EBADF;
	default:
		return -LX_EINVAL;
	}
	request->type = idtype;
	request->id = id;
	return 0;
}

int64_t lx_sys_waitid(struct lx_call *call, int32_t idtype, int32_t id, struct lx_uptr infop, uint32_t options,
		      struct lx_uptr rusage)
{
	struct wait_request request = {.waiter = call->thread, .options = options, .wants_usage = !lx_is_null(rusage)};
	int64_t result = prepare_waitid(call, idtype, id, options, &request);

	if (!result)
		result = do_wait(&request);
	count_usage(&request);
	if (result > 0 && !lx_is_null(rusage) && lx_rusage_copy_out(call, rusage, &request.usage))
		return -LX_EFAULT;
	if (!lx_is_null(infop) && copy_out_info(call, infop, &request, result > 0))
		return -LX_EFAULT;
	return result > 0 ? 0 : result;
}
