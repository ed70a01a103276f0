/*
 * Job control stops. A stop signal that takes effect asks every thread of the process to stop; each does so at its next
 * return to user mode, and the last one makes the process stopped and tells the parent. SIGCONT, sent, ends the stop at
 * once; the first thread that goes on tells the parent that it was continued.
 *
 * All state is guarded by the process' signal_lock; telling the parent needs the tree's lock first, so it is done afterwards.
 */
#include <core/observer.h>
#include <core/thread.h>
#include <signal/signals.h>

void lx_stop_begin(struct lx_process *process, int32_t signo)
{
	struct lx_thread *thread, *self = lx_current();

	if (process->group_exiting)
		return;
	process->stopping = true;
	process->stop_signal = signo;
	process->stop_reported = false;
	process->stop_waiting = 0;
	TAILQ_FOREACH(thread, &process->threads, link) {
		if (thread->exiting)
			continue;
		thread->stop_pending = true;
		process->stop_waiting++;
		if (thread != self)
			lx_signal_wake(thread);
	}
}

void lx_stop_end(struct lx_process *process)
{
	struct lx_thread *thread;

	if (!process->stopping)
		return;
	process->child_code_due = process->state == LX_STOPPED ? LX_CLD_CONTINUED : LX_CLD_STOPPED;
	if (process->state == LX_STOPPED) {
		process->state = LX_RUNNING;
		process->continue_pending = true;
	}
	process->stopping = false;
	process->stop_waiting = 0;
	TAILQ_FOREACH(thread, &process->threads, link) {
		thread->stop_pending = false;
		lx_signal_wake(thread);
	}
}

static int64_t clock_ticks(uint64_t ns)
{
	return (int64_t)(ns / 10000000);
}

/* SIGCHLD for a stop or a continuation, unless the parent does not want it. */
void lx_stop_tell_parent(struct lx_process *process, int32_t code)
{
	struct pico_cpu_time used = ps_process_cpu_time(process->ps);
	struct lx_siginfo info = {.si_signo = LX_SIGCHLD, .si_code = code};
	struct lx_process *parent;
	bool wanted = false;

	info._sifields._sigchld._pid = process->pid;
	info._sifields._sigchld._status = code == LX_CLD_CONTINUED ? LX_SIGCONT : process->stop_signal;
	info._sifields._sigchld._utime = clock_ticks(used.user_ns);
	info._sifields._sigchld._stime = clock_ticks(used.system_ns);
	lx_lock_tree();
	info._sifields._sigchld._uid = process->uid;
	parent = process->parent;
	if (parent && parent->sighand) {
		rtl_lock(&parent->signal_lock);

		struct lx_sigaction action = lx_signal_action(parent, LX_SIGCHLD);

		rtl_unlock(&parent->signal_lock);
		wanted = action.sa_handler != LX_HANDLER_IGNORE && !(action.sa_flags & LX_SA_NOCLDSTOP);
	}
	if (wanted)
		lx_signal_process(parent, &info);
	lx_child_state_changed(process);
	lx_unlock_tree();
}

/* Under the signal_lock: this thread has stopped; true if it was the last. */
static bool count_stopped(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;

	if (!thread->stop_pending)
		return false;
	thread->stop_pending = false;
	if (--process->stop_waiting > 0 || process->state == LX_STOPPED)
		return false;
	process->state = LX_STOPPED;
	process->continue_pending = false;
	return true;
}

/*
 * Sleep until SIGCONT or the end. Other signals stay pending: they end the sleep, which goes on. A stop that begins before
 * this thread has noticed the end of the last one has to be counted like the first.
 */
static void sleep_while_stopped(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;

	for (;;) {
		bool go_on;

		rtl_lock(&process->signal_lock);
		atomic_store(&thread->ps->ke.user_apc_pending, false);
		go_on = !process->stopping || thread->stop_pending || lx_thread_must_exit(thread);
		rtl_unlock(&process->signal_lock);
		if (go_on)
			return;
		ke_list_sleep(NULL, 0, true, UINT64_MAX);
	}
}

void lx_stop_participate(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;
	int32_t code, signal;
	bool last, stopping;

	rtl_lock(&process->signal_lock);
	stopping = thread->stop_pending;
	signal = process->stop_signal;
	last = count_stopped(thread);
	rtl_unlock(&process->signal_lock);
	if (unlikely(stopping && lx_call_observer && lx_call_observer->stopped))
		lx_call_observer->stopped(thread, signal);
	if (last)
		lx_stop_tell_parent(process, LX_CLD_STOPPED);
	sleep_while_stopped(thread);
	rtl_lock(&process->signal_lock);
	code = process->child_code_due;
	process->child_code_due = 0;
	rtl_unlock(&process->signal_lock);
	if (code)
		lx_stop_tell_parent(process, code);
}
