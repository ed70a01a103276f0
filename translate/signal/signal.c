/*
 * Pending signals: the queues of threads and processes, masks, and what ends with them.
 *
 * Invariant: a bit is set in lx_pending.set if an instance is pending; the queue holds the information of as many
 * instances as could be kept. A standard signal is pending once. A thread whose deliverable signals are not empty has
 * user_apc_pending set and has been kicked, or is about to look by itself; both under the process' signal_lock, which
 * guards all of this. Processes that share their actions (CLONE_SIGHAND) share those alone; they have a lock of their own.
 */
#include <core/process.h>
#include <executive/se/account.h>
#include <signal/signals.h>


static const uint8_t default_actions[LX_SIG_FIRST_REALTIME] = {
	[LX_SIGQUIT] = LX_ACTION_CORE,   [LX_SIGILL] = LX_ACTION_CORE,     [LX_SIGTRAP] = LX_ACTION_CORE,
	[LX_SIGABRT] = LX_ACTION_CORE,   [LX_SIGBUS] = LX_ACTION_CORE,     [LX_SIGFPE] = LX_ACTION_CORE,
	[LX_SIGSEGV] = LX_ACTION_CORE,   [LX_SIGXCPU] = LX_ACTION_CORE,    [LX_SIGXFSZ] = LX_ACTION_CORE,
	[LX_SIGSYS] = LX_ACTION_CORE,    [LX_SIGCHLD] = LX_ACTION_IGNORE,  [LX_SIGCONT] = LX_ACTION_IGNORE,
	[LX_SIGURG] = LX_ACTION_IGNORE,  [LX_SIGWINCH] = LX_ACTION_IGNORE, [LX_SIGSTOP] = LX_ACTION_STOP,
	[LX_SIGTSTP] = LX_ACTION_STOP,   [LX_SIGTTIN] = LX_ACTION_STOP,    [LX_SIGTTOU] = LX_ACTION_STOP,
};

enum lx_default_action lx_default_action(int32_t signo)
{
	return signo < LX_SIG_FIRST_REALTIME ? default_actions[signo] : LX_ACTION_TERMINATE;
}

struct lx_sigaction lx_signal_action(struct lx_process *process, int32_t signo)
{
	rtl_lock(&process->sighand->lock);
	struct lx_sigaction action = process->sighand->actions[signo];
	rtl_unlock(&process->sighand->lock);
	return action;
}

void lx_signal_set_action(struct lx_process *process, int32_t signo, const struct lx_sigaction *action)
{
	rtl_lock(&process->sighand->lock);
	process->sighand->actions[signo] = *action;
	rtl_unlock(&process->sighand->lock);
}

void lx_signal_reset_handler(struct lx_process *process, int32_t signo)
{
	rtl_lock(&process->sighand->lock);
	process->sighand->actions[signo].sa_handler = LX_HANDLER_DEFAULT;
	rtl_unlock(&process->sighand->lock);
}

static void pending_insert(struct lx_pending *pending, struct lx_queued_signal *entry)
{
	if (!pending->queue.tqh_last)
		TAILQ_INIT(&pending->queue);
	TAILQ_INSERT_TAIL(&pending->queue, entry, link);
}

/* A standard signal from the kernel itself is worth an entry beyond the limit, as in Linux. */
static bool may_exceed_limit(const struct lx_siginfo *info)
{
	return info->si_signo < LX_SIG_FIRST_REALTIME && info->si_code >= 0;
}

int64_t lx_pending_add(struct lx_pending *pending, const struct lx_siginfo *info, struct lx_process *owner)
{
	struct lx_queued_signal *entry = NULL;
	const uint32_t user = owner->uid;

	if (info->si_signo < LX_SIG_FIRST_REALTIME && (pending->set.bits & lx_signal_bit(info->si_signo)))
		return 0;
	if (se_charge(user, SE_SIGNALS, 1, may_exceed_limit(info) ? UINT64_MAX : lx_limit(owner, LX_RLIMIT_SIGPENDING))) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			se_discharge(user, SE_SIGNALS, 1);
	}
	if (entry) {
		entry->info = *info;
		entry->user = user;
		pending_insert(pending, entry);
	} else if (info->si_signo >= LX_SIG_FIRST_REALTIME && info->si_code != LX_SI_USER) {
		return -LX_EAGAIN;
	}
	pending->set.bits |= lx_signal_bit(info->si_signo);
	return 0;
}

/* An entry leaves its queue for good: an own one is freed, a timer's goes back to its timer. */
static void release_entry(struct lx_pending *pending, struct lx_queued_signal *entry, struct lx_siginfo *info)
{
	TAILQ_REMOVE(&pending->queue, entry, link);
	if (entry->timer) {
		lx_timer_collected(entry, info);
		return;
	}
	se_discharge(entry->user, SE_SIGNALS, 1);
	free(entry);
}

void lx_pending_flush(struct lx_pending *pending, uint64_t bits)
{
	struct lx_queued_signal *entry, *next;

	if (!(pending->set.bits & bits))
		return;
	pending->set.bits &= ~bits;
	for (entry = TAILQ_FIRST(&pending->queue); entry; entry = next) {
		next = TAILQ_NEXT(entry, link);
		if (bits & lx_signal_bit(entry->info.si_signo))
			release_entry(pending, entry, NULL);
	}
}

static bool withdraw_from(struct lx_pending *pending, struct lx_queued_signal *wanted)
{
	struct lx_queued_signal *entry, *found = NULL;
	bool others = false;

	TAILQ_FOREACH(entry, &pending->queue, link) {
		if (entry == wanted)
			found = entry;
		else if (entry->info.si_signo == wanted->info.si_signo)
			others = true;
	}
	if (!found)
		return false;
	TAILQ_REMOVE(&pending->queue, found, link);
	if (!others)
		pending->set.bits &= ~lx_signal_bit(found->info.si_signo);
	return true;
}

void lx_pending_withdraw(struct lx_process *process, struct lx_queued_signal *entry)
{
	struct lx_thread *thread;

	if (withdraw_from(&process->pending, entry))
		return;
	TAILQ_FOREACH(thread, &process->threads, link)
		if (withdraw_from(&thread->pending, entry))
			return;
}

/* Take one instance of a pending signal out of its queue. */
static void collect(struct lx_pending *pending, int32_t signo, struct lx_siginfo *info)
{
	struct lx_queued_signal *entry, *found = NULL;
	bool more = false;

	TAILQ_FOREACH(entry, &pending->queue, link) {
		if (entry->info.si_signo != signo)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = entry;
	}
	if (!more)
		pending->set.bits &= ~lx_signal_bit(signo);
	if (found) {
		*info = found->info;
		release_entry(pending, found, info);
	} else {
		*info = (struct lx_siginfo){.si_signo = signo, .si_code = LX_SI_USER};
	}
}

static uint64_t synchronous_signals(void)
{
	return lx_signal_bit(LX_SIGSEGV) | lx_signal_bit(LX_SIGBUS) | lx_signal_bit(LX_SIGILL) |
	       lx_signal_bit(LX_SIGTRAP) | lx_signal_bit(LX_SIGFPE) | lx_signal_bit(LX_SIGSYS);
}

/* A fault of this very instruction goes before all else, so that its frame is the innermost that shows the fault's place. */
static bool dequeue_fault(struct lx_thread *thread, uint64_t blocked, struct lx_siginfo *info)
{
	struct lx_queued_signal *entry;
	uint64_t wanted = thread->pending.set.bits & ~blocked & synchronous_signals();

	if (!wanted)
		return false;
	TAILQ_FOREACH(entry, &thread->pending.queue, link) {
		if (!(wanted & lx_signal_bit(entry->info.si_signo)) || entry->info.si_code <= LX_SI_USER)
			continue;
		collect(&thread->pending, entry->info.si_signo, info);
		return true;
	}
	return false;
}

static bool dequeue_from(struct lx_pending *pending, uint64_t blocked, struct lx_siginfo *info)
{
	uint64_t ready = pending->set.bits & ~blocked;

	if (ready & synchronous_signals())
		ready &= synchronous_signals();
	if (!ready)
		return false;
	collect(pending, __builtin_ctzll(ready) + 1, info);
	return true;
}

bool lx_signal_dequeue(struct lx_thread *thread, uint64_t blocked, struct lx_siginfo *info)
{
	if (!dequeue_fault(thread, blocked, info) && !dequeue_from(&thread->pending, blocked, info) &&
	    !dequeue_from(&thread->process->pending, blocked, info))
		return false;
	if (lx_default_action(info->si_signo) == LX_ACTION_STOP)
		thread->process->stop_dequeued = true;
	return true;
}

bool lx_signal_take_fatal(struct lx_thread *thread, struct lx_siginfo *info)
{
	struct lx_process *process = thread->process;
	int32_t signo = process->group_exiting ? process->group_exit_status & 0x7f : 0;
	struct lx_pending *pending;
	bool found;

	if (!signo || signo == LX_SIGKILL)
		return false;
	rtl_lock(&process->signal_lock);
	pending = thread->pending.set.bits & lx_signal_bit(signo) ? &thread->pending : &process->pending;
	found = pending->set.bits & lx_signal_bit(signo);
	if (found)
		collect(pending, signo, info);
	rtl_unlock(&process->signal_lock);
	return found;
}

bool lx_signal_pending_locked(struct lx_thread *thread)
{
	uint64_t pending = thread->pending.set.bits | thread->process->pending.set.bits;

	return (pending & ~thread->blocked.bits) || thread->stop_pending || thread->process->stopping ||
	       thread->process->child_code_due || lx_thread_must_exit(thread);
}

bool lx_signal_pending(struct lx_thread *thread)
{
	bool pending;

	rtl_lock(&thread->process->signal_lock);
	pending = lx_signal_pending_locked(thread);
	rtl_unlock(&thread->process->signal_lock);
	return pending;
}

void lx_signal_recalculate(struct lx_thread *thread)
{
	if (lx_signal_pending_locked(thread))
		lx_signal_wake(thread);
	else if (TAILQ_EMPTY(&thread->ps->ke.user_apcs))
		atomic_store(&thread->ps->ke.user_apc_pending, false);
}

/* Signals to the process that this thread no longer takes: another one may have to. */
static void retarget(struct lx_thread *leaving, uint64_t bits)
{
	struct lx_thread *other;
	uint64_t left = leaving->process->pending.set.bits & bits;

	TAILQ_FOREACH(other, &leaving->process->threads, link) {
		if (!left)
			return;
		if (other == leaving || other->exiting || !(left & ~other->blocked.bits))
			continue;
		left &= other->blocked.bits;
		lx_signal_wake(other);
	}
}

void lx_signal_assign_blocked(struct lx_thread *thread, uint64_t bits)
{
	uint64_t newly;

	bits &= ~LX_UNBLOCKABLE_SIGNALS;
	newly = bits & ~thread->blocked.bits;
	thread->blocked.bits = bits;
	retarget(thread, newly);
}

void lx_signal_set_blocked(struct lx_thread *thread, uint64_t bits)
{
	lx_signal_assign_blocked(thread, bits);
	lx_signal_recalculate(thread);
}

void lx_signal_flush_process(struct lx_process *process, uint64_t bits)
{
	struct lx_thread *thread;

	lx_pending_flush(&process->pending, bits);
	TAILQ_FOREACH(thread, &process->threads, link)
		lx_pending_flush(&thread->pending, bits);
}

void lx_signal_thread_exit(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;
	int32_t tell = 0;

	rtl_lock(&process->signal_lock);
	thread->exiting = true;
	thread->signals_closed = true;
	lx_pending_flush(&thread->pending, UINT64_MAX);
	retarget(thread, ~thread->blocked.bits);
	if (thread->stop_pending) {
		thread->stop_pending = false;
		if (--process->stop_waiting == 0 && process->live_threads > 1 && !process->group_exiting) {
			process->state = LX_STOPPED;
			tell = LX_CLD_STOPPED;
		}
	}
	rtl_unlock(&process->signal_lock);
	if (tell)
		lx_stop_tell_parent(process, tell);
}

void lx_signal_process_exit(struct lx_process *process)
{
	rtl_lock(&process->signal_lock);
	process->signals_closed = true;
	lx_pending_flush(&process->pending, UINT64_MAX);
	rtl_unlock(&process->signal_lock);
}

/* Handlers mean nothing in the new program; ignored signals stay ignored. */
static void reset_actions(struct lx_sighand *sighand)
{
	rtl_lock(&sighand->lock);
	for (int32_t signo = 1; signo <= LX_NSIG; signo++) {
		struct lx_sigaction *action = &sighand->actions[signo];

		if (action->sa_handler != LX_HANDLER_IGNORE)
			action->sa_handler = LX_HANDLER_DEFAULT;
		action->sa_flags = action->sa_restorer = 0;
		action->sa_mask.bits = 0;
	}
	rtl_unlock(&sighand->lock);
}

void lx_signal_exec(struct lx_thread *thread)
{
	rtl_lock(&thread->process->signal_lock);
	reset_actions(thread->process->sighand);
	/* Its flags stay, as Linux leaves them. */
	thread->altstack.sp = thread->altstack.size = 0;
	memset(&thread->last_fault, 0, sizeof(thread->last_fault));
	thread->restart = NULL;
	/* It gave up its locks, but lives on. */
	thread->futex_exited = false;
	rtl_unlock(&thread->process->signal_lock);
}
