/*
 * Delivery: what a thread does about its signals on the way back to user mode.
 *
 * Each pass takes one signal. A default action is carried out at once; a handler gets a frame, and the next pass may put
 * another frame on top, so that all handlers of what is pending are entered before any of them runs, the last one first,
 * as Linux does. An interrupted call is settled by the first frame only: the ones above it interrupt a handler's entry.
 */
#include <core/observer.h>
#include <core/process.h>
#include <core/session.h>
#include <signal/signals.h>

#define RESTART_INSTRUCTION_SIZE 2 /* bytes of `syscall` */

struct delivery_state {
	struct pico_registers registers;
	bool have_registers, changed;
	int64_t interrupted; /* -512..-516: the call to settle; 0: none */
};

static bool load_registers(struct lx_thread *thread, struct delivery_state *state)
{
	if (!state->have_registers)
		state->have_registers = ps_platform()->get_registers(thread->ps->pico, &state->registers) == 0;
	return state->have_registers;
}

/*
 * A call that the host is to run and that has not begun: the handler comes first, and the call is made after it. A call
 * that ended with ENOSYS looks the same; making it again does no harm.
 */
static int64_t unbegun_call(const struct pico_registers *registers)
{
	return (int64_t)registers->orig_rax >= 0 && (int64_t)registers->rax == -LX_ENOSYS ? -LX_ERESTARTNOINTR : 0;
}

/* A handler is about to run: the interrupted call fails with EINTR, or is made again when the handler returns. */
static void settle_call(struct lx_thread *thread, struct delivery_state *state, const struct lx_sigaction *action)
{
	struct pico_registers *registers = &state->registers;
	int64_t code = state->interrupted ? state->interrupted : unbegun_call(registers);
	bool restart = code == -LX_ERESTARTNOINTR || (code == -LX_ERESTARTSYS && (action->sa_flags & LX_SA_RESTART));

	if (code == 0)
		return;
	state->interrupted = 0;
	if (restart) {
		registers->rax = thread->interrupted_result ? thread->interrupted_number : registers->orig_rax;
		registers->rip -= RESTART_INSTRUCTION_SIZE;
	} else {
		registers->rax = (uint64_t)-LX_EINTR;
	}
	thread->interrupted_result = 0;
}

/* Under the process' signal lock: the mask that the handler runs with, and the one that its return restores. */
static void enter_mask(struct lx_thread *thread, struct lx_delivery *delivery)
{
	uint64_t blocked = thread->blocked.bits | delivery->action.sa_mask.bits;

	delivery->return_mask = thread->restore_saved_mask ? thread->saved_mask : thread->blocked;
	thread->restore_saved_mask = false;
	if (!(delivery->action.sa_flags & LX_SA_NODEFER))
		blocked |= lx_signal_bit(delivery->info.si_signo);
	lx_signal_assign_blocked(thread, blocked);
}

static void leave_mask(struct lx_thread *thread, const struct lx_delivery *delivery)
{
	rtl_lock(&thread->process->signal_lock);
	lx_signal_assign_blocked(thread, delivery->return_mask.bits);
	rtl_unlock(&thread->process->signal_lock);
}

/* The handler can't be entered: SIGSEGV instead; for SIGSEGV itself there is no handler any more. */
static void frame_failed(struct lx_thread *thread, const struct lx_delivery *delivery)
{
	struct lx_siginfo info = {.si_signo = LX_SIGSEGV, .si_code = LX_SI_KERNEL};

	leave_mask(thread, delivery);
	if (delivery->info.si_signo == LX_SIGSEGV) {
		rtl_lock(&thread->process->signal_lock);
		lx_signal_reset_handler(thread->process, LX_SIGSEGV);
		rtl_unlock(&thread->process->signal_lock);
	}
	lx_signal_force(thread, &info);
}

static void enter_handler(struct lx_thread *thread, struct delivery_state *state, struct lx_delivery *delivery)
{
	if (!load_registers(thread, state))
		return;
	settle_call(thread, state, &delivery->action);
	state->changed = true;
	if (!lx_frame_push(thread, delivery, &state->registers)) {
		frame_failed(thread, delivery);
		return;
	}
	if (thread->altstack.flags & LX_SS_AUTODISARM) {
		memset(&thread->altstack, 0, sizeof(thread->altstack));
		thread->altstack.flags = LX_SS_DISABLE;
	}
}

/* A stop signal by default. Terminals' ones don't stop a group that nobody could continue. */
static void default_stop(struct lx_thread *thread, int32_t signo)
{
	struct lx_process *process = thread->process;
	bool orphaned = false;

	if (signo != LX_SIGSTOP) {
		lx_lock_tree();
		orphaned = lx_group_is_orphaned(process);
		lx_unlock_tree();
	}
	rtl_lock(&thread->process->signal_lock);
	if (!orphaned && process->stop_dequeued)
		lx_stop_begin(process, signo);
	rtl_unlock(&thread->process->signal_lock);
}

enum step { STEP_NOTHING, STEP_AGAIN, STEP_EXIT };

static enum step default_action(struct lx_thread *thread, int32_t signo)
{
	switch (lx_default_action(signo)) {
	case LX_ACTION_IGNORE:
		return STEP_AGAIN;
	case LX_ACTION_STOP:
		default_stop(thread, signo);
		return STEP_AGAIN;
	case LX_ACTION_TERMINATE:
	case LX_ACTION_CORE:
		break;
	}
	/* No core is ever written, so the status never claims one. */
	lx_exit_group(thread->process, signo);
	return STEP_EXIT;
}

/* Under the process' signal lock. Takes the next signal with its action, whose handler is gone if it is a one-shot. */
static bool take_signal(struct lx_thread *thread, struct lx_delivery *delivery)
{
	if (!lx_signal_dequeue(thread, thread->blocked.bits, &delivery->info))
		return false;
	delivery->action = lx_signal_action(thread->process, delivery->info.si_signo);
	if (delivery->action.sa_handler > LX_HANDLER_IGNORE) {
		if (delivery->action.sa_flags & LX_SA_RESETHAND)
			lx_signal_reset_handler(thread->process, delivery->info.si_signo);
		enter_mask(thread, delivery);
	}
	return true;
}

static enum step deliver_one(struct lx_thread *thread, struct delivery_state *state)
{
	struct lx_process *process = thread->process;
	struct lx_delivery delivery;
	bool stop, taken = false;

	rtl_lock(&thread->process->signal_lock);
	atomic_store(&thread->ps->ke.user_apc_pending, false);
	stop = process->stopping || process->child_code_due;
	if (!stop && !lx_thread_must_exit(thread))
		taken = take_signal(thread, &delivery);
	rtl_unlock(&thread->process->signal_lock);
	if (lx_thread_must_exit(thread))
		return STEP_EXIT;
	if (stop) {
		lx_stop_participate(thread);
		return STEP_AGAIN;
	}
	if (!taken)
		return STEP_NOTHING;
	if (unlikely(lx_call_observer && lx_call_observer->signal))
		lx_call_observer->signal(thread, &delivery.info);
	if (delivery.action.sa_handler == LX_HANDLER_IGNORE)
		return STEP_AGAIN;
	if (delivery.action.sa_handler == LX_HANDLER_DEFAULT)
		return default_action(thread, delivery.info.si_signo);
	enter_handler(thread, state, &delivery);
	return STEP_AGAIN;
}

/* No handler takes it: sigsuspend's or ppoll's mask ends here; what it kept out may be deliverable now. */
static bool restore_mask(struct lx_thread *thread)
{
	bool more = false;

	rtl_lock(&thread->process->signal_lock);
	if (thread->restore_saved_mask) {
		thread->restore_saved_mask = false;
		lx_signal_assign_blocked(thread, thread->saved_mask.bits);
		more = lx_signal_pending_locked(thread);
	}
	rtl_unlock(&thread->process->signal_lock);
	return more;
}

static int64_t interrupted_call(struct lx_thread *thread, bool native_interrupted, struct delivery_state *state)
{
	int64_t code = thread->interrupted_result;

	if (native_interrupted && load_registers(thread, state))
		code = (int64_t)state->registers.rax;
	return lx_is_restart(code) ? code : 0;
}

enum pico_action lx_deliver_signals(struct lx_thread *thread, bool native_interrupted)
{
	struct delivery_state state = {0};
	enum step step;

	state.interrupted = interrupted_call(thread, native_interrupted, &state);
	do {
		step = deliver_one(thread, &state);
		if (step == STEP_NOTHING && restore_mask(thread))
			step = STEP_AGAIN;
	} while (step == STEP_AGAIN);
	if (step == STEP_EXIT)
		return PICO_EXIT;
	/* The host will restart its own call by restart_syscall, which comes to us: it is to be run there too. */
	if (native_interrupted && state.interrupted == -LX_ERESTART_RESTARTBLOCK)
		thread->restart = lx_run_on_host;
	if (!state.changed)
		return PICO_RETURN;
	/* Whatever the host would still do about an interrupted call of its own is settled. */
	state.registers.orig_rax = UINT64_MAX;
	ps_platform()->set_registers(thread->ps->pico, &state.registers);
	return PICO_REGISTERS;
}
