/*
 * The end of threads and processes: exit(2), exit_group(2), and what fatal signals, exec and a killed host task use.
 *
 * A thread ends on its own half, before the platform takes its task away: what has to be done in the guest's memory comes
 * first, then what the thread shares is given up, then it leaves the tree. With the last one the process becomes a zombie
 * and its parent hears of it. Others are ended by a flag (lx_thread_must_exit), a kick, and the end of their waits; for those
 * that hang in the host all the same, see undertaker.c.
 *
 * Locks: lx_tree_lock for the tree; never held while the guest is touched or descriptors are closed.
 */
#include <core/observer.h>
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <exec/exec.h>
#include <lx_syscalls.h>
#include <memory/futex.h>
#include <path/resolve.h>
#include <process/exit.h>
#include <process/instance.h>
#include <process/undertaker.h>
#include <resources/rusage.h>
#include <signal/signal.h>
#include <terminal/terminal.h>
#include <time/times.h>

/* Under lx_tree_lock. */
static void end_thread(struct lx_thread *thread)
{
	atomic_store(&thread->dying, true);
	if (thread->exiting)
		return;
	atomic_store(&thread->ps->ke.terminating, true);
	ke_signal_apc(&thread->ps->ke);
	ke_set_event(&thread->killed);
	if (thread->started)
		ps_platform()->kick(thread->ps->pico);
	if (thread != lx_current())
		lx_undertaker_watch(thread);
}

static void end_group(struct lx_process *process, int32_t wait_status)
{
	struct lx_thread *thread;

	if (process->group_exiting || process->state >= LX_ZOMBIE)
		return;
	process->group_exit_status = wait_status;
	atomic_store(&process->group_exiting, true);
	TAILQ_FOREACH (thread, &process->threads, link)
		end_thread(thread);
}

void lx_exit_group(struct lx_process *process, int32_t wait_status)
{
	lx_lock_tree();
	end_group(process, wait_status);
	lx_unlock_tree();
}

bool lx_end_other_threads(struct lx_thread *survivor)
{
	struct lx_process *process = survivor->process;
	struct lx_thread *thread;
	bool alone;

	lx_lock_tree();
	if (lx_thread_must_exit(survivor)) {
		lx_unlock_tree();
		return false;
	}
	process->exec_thread = survivor;
	ke_reset_event(&process->threads_gone);
	TAILQ_FOREACH (thread, &process->threads, link)
		if (thread != survivor)
			end_thread(thread);
	alone = process->live_threads == 1;
	lx_unlock_tree();
	/* They end soon, whatever they do; also when the process is killed meanwhile. */
	if (!alone)
		ke_wait_for_object(&process->threads_gone.header, false, NULL);
	lx_lock_tree();
	process->exec_thread = NULL;
	lx_unlock_tree();
	return !lx_thread_must_exit(survivor);
}

void lx_release_vfork_parent(struct lx_process *process)
{
	if (__atomic_exchange_n(&process->vfork_pending, false, __ATOMIC_ACQ_REL))
		ke_set_event(&process->vfork_done);
}

void lx_clear_child_tid(struct lx_thread *thread)
{
	static const int32_t zero;
	uint64_t address = thread->clear_child_tid.address;

	thread->clear_child_tid = lx_uptr(0);
	if (!address || (thread->process->live_threads == 1 && !thread->process->shares_space))
		return;
	if (mm_copy_to(thread->ps->process->space, address, &zero, sizeof(zero)) == sizeof(zero))
		lx_futex_wake_shared(thread, lx_uptr(address));
}

/* --- the tree's part */

static void send_to_member(struct lx_process *process, int32_t signal)
{
	lx_tree_tell_unborn(process, signal);
	if (process->sighand && process->state < LX_ZOMBIE)
		lx_signal_process(process, &(struct lx_siginfo){.si_signo = signal, .si_code = LX_SI_KERNEL});
}

/* A group with stopped members that nobody is left to continue: SIGHUP, then SIGCONT. */
static void check_orphaned(struct lx_process *process, const struct lx_process *parent, bool exiting)
{
	struct lx_group *group = process->group;
	struct lx_process *member, *next;

	if (!group || !parent || !parent->group || parent->group == group ||
	    parent->group->session != group->session)
		return;
	if (!lx_group_would_be_orphaned(group, exiting ? process : NULL) || !lx_group_has_stopped(group))
		return;
	TAILQ_FOREACH_SAFE (member, &group->members, group_link, next) {
		send_to_member(member, LX_SIGHUP);
		send_to_member(member, LX_SIGCONT);
	}
}

static struct lx_process *find_adopter(const struct lx_process *process)
{
	struct lx_process *ancestor;

	for (ancestor = process->parent; ancestor && ancestor != lx_init_process; ancestor = ancestor->parent)
		if (ancestor->is_subreaper && ancestor->state < LX_ZOMBIE && !ancestor->group_exiting)
			return ancestor;
	return lx_init_process;
}

static bool ignores_children(struct lx_process *parent, bool *quiet)
{
	struct lx_sigaction action;

	if (parent == lx_init_process) {
		*quiet = true;
		return true;
	}
	rtl_lock(&parent->signal_lock);
	action = lx_signal_action(parent, LX_SIGCHLD);
	rtl_unlock(&parent->signal_lock);
	*quiet = action.sa_handler == LX_SIG_IGN;
	return *quiet || (action.sa_flags & LX_SA_NOCLDWAIT);
}

static int32_t child_code(int32_t wait_status)
{
	if (!(wait_status & 0x7f))
		return LX_CLD_EXITED;
	return wait_status & 0x80 ? LX_CLD_DUMPED : LX_CLD_KILLED;
}

/* A zombie tells its parent; true if nobody is going to wait for it. */
static bool notify_parent(struct lx_process *zombie)
{
	struct lx_process *parent = zombie->parent;
	int32_t signal = zombie->exit_signal;
	bool reaped = false, quiet = false;

	if (parent == lx_init_process)
		reaped = quiet = true;
	else if (signal == LX_SIGCHLD)
		reaped = ignores_children(parent, &quiet);
	if (!quiet && signal > 0 && signal <= LX_NSIG && parent->state < LX_ZOMBIE) {
		int32_t status = zombie->wait_status;
		struct lx_siginfo info;

		lx_fill_child_info(&info, zombie, child_code(status), status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
		info.si_signo = signal;
		lx_signal_process(parent, &info);
	}
	ke_wake_all(&parent->child_waiters);
	return reaped;
}

static void become_zombie_child_of(struct lx_process *child, struct lx_process *adopter)
{
	if (child->state != LX_ZOMBIE)
		return;
	/* It changes hands as a zombie: the new parent is told with SIGCHLD, whatever the old one was to get. */
	child->exit_signal = LX_SIGCHLD;
	if (notify_parent(child) && child->parent == adopter)
		lx_reap(child);
}

static void send_death_signal(struct lx_process *child, const struct lx_process *parent, const struct lx_thread *thread)
{
	struct lx_siginfo info = {.si_signo = child->parent_death_signal, .si_code = LX_SI_USER};

	if (!child->parent_death_signal || child->state >= LX_ZOMBIE)
		return;
	info._sifields._rt._pid = parent->pid;
	info._sifields._rt._uid = thread->token->ruid;
	lx_signal_process(child, &info);
}

/* Children of one thread go to another of the process; with the last one all go to a subreaper or init. */
static void give_children_away(struct lx_process *process, struct lx_thread *thread)
{
	struct lx_thread *heir = TAILQ_FIRST(&process->threads);
	struct lx_process *adopter, *child, *next;

	if (heir) {
		TAILQ_FOREACH (child, &thread->made, made_link)
			send_death_signal(child, process, thread);
		lx_tree_give_made(thread, heir);
		return;
	}
	adopter = find_adopter(process);
	TAILQ_FOREACH_SAFE (child, &process->children, sibling, next) {
		send_death_signal(child, process, thread);
		lx_tree_reparent(child, adopter, adopter->pid);
		if (child->exit_signal != -1 && child->state < LX_ZOMBIE)
			child->exit_signal = LX_SIGCHLD;
		check_orphaned(child, process, false);
		become_zombie_child_of(child, adopter);
	}
}

/* Under lx_tree_lock; the process has no threads any more. The group to be hung up with its terminal, or 0. */
static int32_t end_process(struct lx_process *process)
{
	struct lx_session *session = process->group ? process->group->session : NULL;
	int32_t hangup = 0;

	if (session && session->leader == process) {
		hangup = lx_session_leader_exit(process);
		session->leader = NULL;
	}
	check_orphaned(process, process->parent, true);
	rtl_lock(&process->signal_lock);
	process->state = LX_ZOMBIE;
	rtl_unlock(&process->signal_lock);
	if (notify_parent(process))
		lx_reap(process);
	lx_instance_changed();
	return hangup;
}

/* What can still be asked of a leader that has ended: until the process is reaped, or another thread's exec takes its place. */
static void keep_leader(struct lx_process *process, const struct lx_thread *leader)
{
	struct se_token *old = process->leader_token;

	process->leader_nice = leader->nice;
	process->leader_policy = leader->sched_policy;
	memcpy(process->leader_comm, leader->comm, sizeof(process->leader_comm));
	memcpy(process->leader_affinity, leader->affinity, sizeof(process->leader_affinity));
	process->leader_token = leader->token;
	ob_reference(leader->token);
	if (old)
		ob_dereference(old);
}

/* The usage of its tasks is asked for when they have ended. */
static void keep_body(struct lx_process *process)
{
	struct mm_address_space *space = ps_reference_space(process->ps);

	if (!space)
		return;
	process->exit_body = mm_reference_process(space);
	mm_dereference_space(space);
}

/* Before the parent is told of the end: it finds mapped files as they are without the process. */
static void leave_space(struct lx_process *process)
{
	keep_body(process);
	ps_leave_space(process->ps);
}

/* True if it was the last thread. */
static bool leave_tree(struct lx_thread *thread, int32_t status, bool given_up, int32_t *hangup)
{
	struct lx_process *process = thread->process;
	bool last;

	lx_lock_tree();
	last = process->live_threads == 1;
	if (last && !given_up) {
		/* No other thread is left that could still reach for the memory, nor will be. */
		lx_unlock_tree();
		leave_space(process);
		lx_lock_tree();
	}
	if (last) {
		/* Without exit_group, the status of the thread that happens to be the last. */
		process->wait_status = process->group_exiting ? process->group_exit_status : status;
		lx_process_usage(process, &process->exit_usage);
	}
	if (thread->tid == process->pid)
		keep_leader(process, thread);
	lx_tree_unlink_thread(thread);
	process->exiting_threads--;
	give_children_away(process, thread);
	if (last)
		*hangup = end_process(process);
	else if (process->exec_thread && process->live_threads == 1)
		ke_set_event(&process->threads_gone);
	lx_unlock_tree();
	return last;
}

/* --- the sequence */

static void leave_memory(struct lx_thread *thread, bool last, bool died)
{
	if (!died) {
		lx_robust_list_exit(thread);
		lx_clear_child_tid(thread);
	}
	/* A vfork parent goes on when the memory is given up by its child as a whole. */
	if (last)
		lx_release_vfork_parent(thread->process);
}

static void leave_files(struct lx_thread *thread)
{
	struct lx_files *files;
	struct lx_fs *fs;

	/* Who looks at another thread's (procfs) takes a reference under this lock. */
	lx_lock_tree();
	files = steal_pointer(&thread->files);
	fs = steal_pointer(&thread->fs);
	lx_unlock_tree();
	if (files)
		lx_files_dereference(files);
	ob_set_current_table(NULL);
	if (fs)
		lx_fs_dereference(fs);
}

static void end_last_thread(struct lx_process *process)
{
	struct lx_executable *executable;

	lx_timers_exit(process);
	lx_timers_exit(process);
	lx_signal_process_exit(process);
	lx_lock_tree();
	executable = steal_pointer(&process->executable_file);
	lx_unlock_tree();
	if (executable)
		lx_executable_release(executable);
}

static bool is_last(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;
	bool last;

	lx_lock_tree();
	thread->exiting = true;
	lx_undertaker_forget(thread);
	last = ++process->exiting_threads == process->live_threads;
	lx_unlock_tree();
	return last;
}

/* To the observer: the end, and before it the signal that is the reason, which nobody took out of its queue. */
static void report_end(struct lx_thread *thread)
{
	struct lx_siginfo info;

	if (lx_call_observer->signal && lx_signal_take_fatal(thread, &info))
		lx_call_observer->signal(thread, &info);
	if (lx_call_observer->thread_end)
		lx_call_observer->thread_end(thread);
}

/* It came back from where it hung: its own objects go; the rest was done by the undertaker. */
static void leave_grave(struct lx_thread *thread)
{
	struct ps_process *process = thread->process->ps;

	leave_files(thread);
	if (thread->buried == LX_BURIED_LAST) {
		ps_close_handles(process);
		ps_exit_process(process, thread->process->wait_status);
	}
}

void lx_thread_bury(struct lx_thread *thread, int32_t status)
{
	struct lx_process *process = thread->process;
	bool last = is_last(thread);
	int32_t hangup = 0;

	leave_memory(thread, last, true);
	if (last && process->is_first)
		lx_instance_exit_hook(process);
	if (unlikely(lx_call_observer))
		report_end(thread);
	lx_signal_thread_exit(thread);
	if (last) {
		end_last_thread(process);
		keep_body(process);
	}
	thread->buried = leave_tree(thread, status, true, &hangup) ? LX_BURIED_LAST : LX_BURIED;
	if (hangup)
		lx_signal_group(hangup, &(struct lx_siginfo){.si_signo = LX_SIGHUP, .si_code = LX_SI_KERNEL});
	lx_instance_thread_ended();
}

void lx_thread_exit(struct lx_thread *thread, int32_t status, bool died)
{
	struct lx_process *process = thread->process;
	int32_t hangup = 0;
	bool last;

	if (thread->exited)
		return;
	thread->exited = true;
	if (unlikely(thread->buried)) {
		leave_grave(thread);
		return;
	}
	/* Of threads that end together exactly the one that sees no other still running does the process' part. */
	last = is_last(thread);
	leave_memory(thread, last, died);
	if (last && process->is_first)
		lx_instance_exit_hook(process);
	if (unlikely(lx_call_observer))
		report_end(thread);
	leave_files(thread);
	/* The parent that is told of the end finds files, locks and pipes as they are without the process. */
	if (last)
		ps_close_handles(process->ps);
	lx_signal_thread_exit(thread);
	if (last)
		end_last_thread(process);
	if (leave_tree(thread, status, false, &hangup))
		ps_exit_process(process->ps, process->wait_status);
	if (hangup)
		lx_signal_group(hangup, &(struct lx_siginfo){.si_signo = LX_SIGHUP, .si_code = LX_SI_KERNEL});
}

/* --- calls */

int64_t lx_sys_exit(struct lx_call *call, int32_t status)
{
	call->thread->exit_status = (status & 0xff) << 8;
	atomic_store(&call->thread->dying, true);
	return 0;
}

int64_t lx_sys_exit_group(struct lx_call *call, int32_t status)
{
	lx_exit_group(call->thread->process, (status & 0xff) << 8);
	return 0;
}
