/*
 * Sending signals: what happens at once (SIGCONT continues, stop signals and SIGCONT undo each other, ignored signals are
 * dropped), which thread is to take it, and how that thread learns of it.
 *
 * A fatal signal without a core ends the whole process at the moment of sending, as in Linux: a thread in an
 * uninterruptible wait (vfork) must not keep it alive. lx_exit_group() may not be called under a signal_lock, so the
 * locked half says that it is due.
 */
#include <core/observer.h>
#include <core/process.h>
#include <core/session.h>
#include <core/tree.h>
#include <signal/signals.h>

static uint64_t stop_signals(void)
{
	return lx_signal_bit(LX_SIGSTOP) | lx_signal_bit(LX_SIGTSTP) | lx_signal_bit(LX_SIGTTIN) |
	       lx_signal_bit(LX_SIGTTOU);
}

void lx_siginfo_from(struct lx_siginfo *info, struct lx_thread *sender, int32_t signo, int32_t code)
{
	*info = (struct lx_siginfo){.si_signo = signo, .si_code = code};
	info->_sifields._rt._pid = sender->process->pid;
	info->_sifields._rt._uid = sender->token->ruid;
}

void lx_signal_wake(struct lx_thread *thread)
{
	if (!thread->ps)
		return;
	ke_signal_apc(&thread->ps->ke);
	/* The caller itself looks on its way out. */
	if (thread->started && thread->ps->pico && thread->ps != ps_current_thread())
		ps_platform()->kick(thread->ps->pico);
}

/* Whether the action discards the signal; `process` runs guest code. */
static bool action_ignores(struct lx_process *process, int32_t signo)
{
	uint64_t handler = lx_signal_action(process, signo).sa_handler;

	return handler == LX_HANDLER_IGNORE ||
	       (handler == LX_HANDLER_DEFAULT && lx_default_action(signo) == LX_ACTION_IGNORE);
}

bool lx_signal_is_ignored(struct lx_process *process, const struct lx_thread *thread, int32_t signo)
{
	/* A blocked one waits: the action may be another when it is unblocked. */
	if (thread && ((thread->blocked.bits | thread->real_blocked.bits) & lx_signal_bit(signo)))
		return false;
	return action_ignores(process, signo);
}

/* The thread that a signal to the process is shown to first. */
static struct lx_thread *main_thread(struct lx_process *process)
{
	struct lx_thread *thread;

	TAILQ_FOREACH(thread, &process->threads, link)
		if (thread->tid == process->pid)
			return thread;
	return TAILQ_FIRST(&process->threads);
}

static bool wants(const struct lx_thread *thread, int32_t signo)
{
	if (thread->exiting)
		return false;
	return signo == LX_SIGKILL || !(thread->blocked.bits & lx_signal_bit(signo));
}

/* The thread to wake: the one that was meant, else the main thread, else any that does not block it and is idle. */
static struct lx_thread *choose_target(const struct lx_send *send)
{
	struct lx_thread *thread = send->thread ? send->thread : main_thread(send->process);
	struct lx_thread *busy = NULL;
	int32_t signo = send->info->si_signo;

	if (thread && wants(thread, signo))
		return thread;
	if (send->thread)
		return NULL;
	TAILQ_FOREACH(thread, &send->process->threads, link) {
		if (!wants(thread, signo))
			continue;
		if (!atomic_load(&thread->ps->ke.user_apc_pending))
			return thread;
		busy = thread;
	}
	return busy;
}

/* Stop signals and SIGCONT cancel each other, whatever becomes of this one. */
static void act_at_once(struct lx_process *process, int32_t signo)
{
	if (lx_default_action(signo) == LX_ACTION_STOP) {
		lx_signal_flush_process(process, lx_signal_bit(LX_SIGCONT));
	} else if (signo == LX_SIGCONT) {
		lx_signal_flush_process(process, stop_signals());
		process->stop_dequeued = false;
		lx_stop_end(process);
	}
}

static bool is_fatal_now(struct lx_process *process, const struct lx_thread *target, int32_t signo)
{
	enum lx_default_action action = lx_default_action(signo);

	if (process->group_exiting || lx_signal_action(process, signo).sa_handler != LX_HANDLER_DEFAULT)
		return false;
	if (target->real_blocked.bits & lx_signal_bit(signo))
		return false;
	return action == LX_ACTION_TERMINATE;
}

static int64_t queue_prepared(struct lx_pending *pending, struct lx_queued_signal *entry)
{
	if (!pending->queue.tqh_last)
		TAILQ_INIT(&pending->queue);
	TAILQ_INSERT_TAIL(&pending->queue, entry, link);
	pending->set.bits |= lx_signal_bit(entry->info.si_signo);
	return 0;
}

/* The signal is dropped, as whoever watches may want to know. */
static int64_t ignore(const struct lx_send *send)
{
	struct lx_thread *thread = send->thread ? send->thread : main_thread(send->process);

	if (unlikely(lx_call_observer && lx_call_observer->signal_ignored && thread))
		lx_call_observer->signal_ignored(thread, send->info);
	return send->prepared ? -LX_EAGAIN : 0;
}

/* Whether anybody is left to take it: what is queued later than an end's flush would stay for ever. */
static bool is_open(const struct lx_send *send)
{
	const struct lx_process *process = send->process;

	if (!process->sighand || process->signals_closed || (send->thread && send->thread->signals_closed))
		return false;
	return !process->group_exiting || send->info->si_signo == LX_SIGKILL;
}

int64_t lx_signal_send_locked(const struct lx_send *send, bool *fatal)
{
	struct lx_process *process = send->process;
	struct lx_pending *pending = send->thread ? &send->thread->pending : &process->pending;
	struct lx_thread *target;
	int32_t signo = send->info->si_signo;
	int64_t result;

	*fatal = false;
	if (!is_open(send))
		return send->prepared ? -LX_ESRCH : 0;
	act_at_once(process, signo);
	if (lx_signal_is_ignored(process, send->thread ? send->thread : main_thread(process), signo))
		return ignore(send);
	result = send->prepared ? queue_prepared(pending, send->prepared) : lx_pending_add(pending, send->info, process);
	if (result)
		return result;
	ke_wake_all(&process->signalfd_waiters);
	target = choose_target(send);
	if (!target)
		return 0;
	*fatal = is_fatal_now(process, target, signo);
	lx_signal_wake(target);
	return 0;
}

static int64_t send_and_end(struct lx_process *process, struct lx_thread *thread, const struct lx_siginfo *info)
{
	struct lx_send send = {process, thread, info, NULL};
	bool fatal;
	int64_t result;

	rtl_lock(&process->signal_lock);
	result = lx_signal_send_locked(&send, &fatal);
	rtl_unlock(&process->signal_lock);
	if (fatal)
		lx_end_by_signal(process, info->si_signo);
	return result;
}

int64_t lx_signal_process(struct lx_process *process, const struct lx_siginfo *info)
{
	if (process == lx_init_process)
		return 0; /* it has no handlers, and nothing else reaches a namespace's init */
	return send_and_end(process, NULL, info);
}

int64_t lx_signal_thread(struct lx_thread *thread, const struct lx_siginfo *info)
{
	return send_and_end(thread->process, thread, info);
}

struct group_send {
	const struct lx_siginfo *info;
	int64_t error;
	bool sent;
};

static void send_to_member(struct lx_process *process, void *context)
{
	struct group_send *group = context;
	int64_t result = lx_signal_process(process, group->info);

	lx_tree_tell_unborn(process, group->info->si_signo);
	if (result == 0)
		group->sent = true;
	else
		group->error = result;
}

int64_t lx_signal_group(int32_t group, const struct lx_siginfo *info)
{
	struct group_send send = {.info = info, .error = -LX_ESRCH};

	lx_lock_tree();
	lx_walk_group(group, send_to_member, &send);
	lx_unlock_tree();
	return send.sent ? 0 : send.error;
}

void lx_signal_self(struct lx_call *call, int32_t signal)
{
	struct lx_siginfo info;

	lx_siginfo_from(&info, call->thread, signal, LX_SI_USER);
	lx_signal_thread(call->thread, &info);
}

void lx_signal_force(struct lx_thread *thread, const struct lx_siginfo *info)
{
	struct lx_send send = {thread->process, thread, info, NULL};
	uint64_t bit = lx_signal_bit(info->si_signo);
	struct lx_process *process = thread->process;
	bool fatal = false;

	rtl_lock(&process->signal_lock);
	/* The program could not cope with it, so it ends. */
	if ((thread->blocked.bits & bit) || lx_signal_action(process, info->si_signo).sa_handler == LX_HANDLER_IGNORE) {
		lx_signal_reset_handler(process, info->si_signo);
		thread->blocked.bits &= ~bit;
	}
	lx_signal_send_locked(&send, &fatal);
	lx_signal_recalculate(thread);
	rtl_unlock(&process->signal_lock);
	if (fatal)
		lx_exit_group(thread->process, info->si_signo);
}
