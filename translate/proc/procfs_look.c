/*
 * The look at a task that all generators of /proc/<pid> begin with, and who may have it.
 *
 * A task's own number may outlive its thread: a zombie, a leader that ended before the others, and pid 1 are shown with what
 * is left of them. Their memory, files and directories are gone, whatever the process' other threads still have.
 */
#include <core/session.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <path/resolve.h>
#include <proc/procfs.h>
#include <signal/signals.h>
#include <terminal/terminal.h>

/* Under lx_tree_lock. */
bool lx_proc_find(const struct procfs_subject *subject, struct lx_task *task)
{
	struct lx_process *process = lx_find_process(subject->pid);

	if (!process)
		return false;
	*task = lx_leader_task(process);
	if (!subject->tid || subject->tid == process->pid)
		return task->token;
	task->thread = lx_find_thread(subject->tid);
	if (!task->thread || task->thread->process != process)
		return false;
	task->token = task->thread->token;
	return true;
}

/* What LX knows by itself; 0: whether it runs or sleeps is the host's to say. */
static char state_of(const struct lx_task *task)
{
	if (task->process == lx_init_process)
		return 'S';
	if (!task->thread)
		return 'Z';
	if (task->process->state == LX_STOPPED)
		return 'T';
	return task->thread == lx_current() ? 'R' : 0;
}

char lx_proc_state(const struct lx_proc_view *view)
{
	if (view->state)
		return view->state;
	return view->ps_thread ? ps_thread_state(view->ps_thread) : 'R';
}

static void look_at_thread(struct lx_thread *thread, struct lx_proc_view *view)
{
	memcpy(view->comm, thread->comm, sizeof view->comm);
	view->files = thread->files ? lx_files_reference(thread->files) : NULL;
	view->fs = thread->fs ? lx_fs_reference(thread->fs) : NULL;
	view->nice = thread->nice;
	view->policy = thread->sched_policy;
	view->priority = thread->sched_priority;
	view->timer_slack_ns = thread->timer_slack_ns;
	memcpy(view->affinity, thread->affinity, sizeof view->affinity);
	if (thread->ps) {
		ob_reference(thread->ps);
		view->ps_thread = thread->ps;
	}
}

static void look_at_rest(const struct lx_process *process, struct lx_proc_view *view)
{
	memcpy(view->comm, process->leader_comm, sizeof view->comm);
	view->nice = process->leader_nice;
	view->policy = process->leader_policy;
	memcpy(view->affinity, process->leader_affinity, sizeof view->affinity);
}

static void look_at_process(const struct lx_task *task, struct lx_proc_view *view)
{
	struct lx_process *process = task->process;

	view->process = lx_process_reference(process);
	view->pid = process->pid;
	view->parent = process->parent ? process->parent->pid : 0;
	view->group = lx_process_group_id(process);
	view->session = lx_process_session_id(process);
	/* A leader that has ended is still counted while it is there. */
	view->threads = process->live_threads + !lx_leader_task(process).thread;
	view->terminal = lx_process_terminal(process);
	view->foreground = lx_process_foreground(process);
}

static void look_at_memory(struct lx_process *process, struct lx_proc_view *view)
{
	if (process->ps && process->state < LX_ZOMBIE)
		view->space = ps_reference_space(process->ps);
}

NTSTATUS lx_proc_look(const struct procfs_subject *subject, struct lx_proc_view *view)
{
	struct lx_task task;
	bool found;

	*view = (struct lx_proc_view){0};
	lx_lock_tree();
	found = lx_proc_find(subject, &task);
	if (found) {
		look_at_process(&task, view);
		view->tid = subject->tid ? subject->tid : task.process->pid;
		view->state = state_of(&task);
		view->token = (struct se_token *)(uintptr_t)task.token;
		ob_reference(view->token);
		if (task.thread) {
			look_at_thread(task.thread, view);
			look_at_memory(task.process, view);
		} else {
			look_at_rest(task.process, view);
		}
	}
	lx_unlock_tree();
	return found ? STATUS_SUCCESS : lx_proc_error(LX_ESRCH);
}

static void count_queue(const struct lx_pending *pending, struct lx_proc_signals *signals)
{
	const struct lx_queued_signal *queued;

	TAILQ_FOREACH (queued, &pending->queue, link)
		signals->queued++;
}

static void look_at_actions(struct lx_process *process, struct lx_proc_signals *signals)
{
	for (int32_t signo = 1; process->sighand && signo <= LX_NSIG; signo++) {
		uint64_t handler = lx_signal_action(process, signo).sa_handler;

		if (handler == LX_HANDLER_IGNORE)
			signals->ignored.bits |= lx_signal_bit(signo);
		else if (handler != LX_HANDLER_DEFAULT)
			signals->caught.bits |= lx_signal_bit(signo);
	}
}

void lx_proc_look_at_signals(const struct procfs_subject *subject, struct lx_proc_signals *signals)
{
	struct lx_task task;

	*signals = (struct lx_proc_signals){0};
	lx_lock_tree();
	if (lx_proc_find(subject, &task)) {
		rtl_lock(&task.process->signal_lock);
		signals->shared_pending = task.process->pending.set;
		count_queue(&task.process->pending, signals);
		if (task.thread) {
			signals->blocked = task.thread->blocked;
			signals->pending = task.thread->pending.set;
			count_queue(&task.thread->pending, signals);
		}
		look_at_actions(task.process, signals);
		rtl_unlock(&task.process->signal_lock);
	}
	lx_unlock_tree();
}

void lx_proc_release(struct lx_proc_view *view)
{
	if (view->files)
		lx_files_dereference(view->files);
	if (view->fs)
		lx_fs_dereference(view->fs);
	if (view->space)
		mm_dereference_space(view->space);
	if (view->token)
		ob_dereference(view->token);
	if (view->ps_thread)
		ob_dereference(view->ps_thread);
	if (view->process)
		lx_process_dereference(view->process);
	*view = (struct lx_proc_view){0};
}

/* --- who may look */

bool lx_proc_owner(const struct procfs_subject *subject, bool open_directory, ULONG *uid, ULONG *gid)
{
	struct lx_task task;
	bool found;

	*uid = *gid = 0;
	if (!subject->pid)
		return true;
	lx_lock_tree();
	found = lx_proc_find(subject, &task);
	/* What can't be looked into by its user, or is there no more, is root's, but for the directories that everybody may list. */
	if (found && (open_directory || (task.thread && task.process->dumpable))) {
		*uid = task.token->euid;
		*gid = task.token->egid;
	}
	lx_unlock_tree();
	return found;
}

bool lx_proc_may_look(const struct procfs_subject *subject)
{
	const struct lx_thread *self = lx_current();
	struct lx_task task;
	bool may;

	if (!self || !subject->pid)
		return true;
	lx_lock_tree();
	may = lx_proc_find(subject, &task) && lx_may_look_into(self, &task);
	lx_unlock_tree();
	return may;
}

bool lx_proc_is_own(const struct procfs_subject *subject)
{
	const struct lx_thread *self = lx_current();

	return self && self->process->pid == subject->pid;
}
