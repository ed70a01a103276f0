/*
 * The calls on a thread's own signal state: actions, mask, pending set, alternate stack, and waiting for signals
 * (signal(7), sigaction(2), sigprocmask(2), sigsuspend(2), sigtimedwait(2), sigaltstack(2)).
 */
#include <core/timespec.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <signal/signals.h>

#define KEPT_ACTION_FLAGS                                                                                              \
	(LX_SA_NOCLDSTOP | LX_SA_NOCLDWAIT | LX_SA_SIGINFO | LX_SA_ONSTACK | LX_SA_RESTART | LX_SA_NODEFER |           \
	 LX_SA_RESETHAND | LX_SA_EXPOSE_TAGBITS | LX_SA_RESTORER)

static int64_t set_action(struct lx_process *process, int32_t signo, const struct lx_sigaction *new,
			  struct lx_sigaction *old)
{
	if (!lx_signal_is_valid(signo) || (new && (lx_signal_bit(signo) & LX_UNBLOCKABLE_SIGNALS)))
		return -LX_EINVAL;
	rtl_lock(&process->signal_lock);
	*old = lx_signal_action(process, signo);
	if (new) {
		struct lx_sigaction action = *new;

		action.sa_flags &= KEPT_ACTION_FLAGS;
		action.sa_mask.bits &= ~LX_UNBLOCKABLE_SIGNALS;
		lx_signal_set_action(process, signo, &action);
		if (lx_signal_is_ignored(process, NULL, signo))
			lx_signal_flush_process(process, lx_signal_bit(signo));
	}
	rtl_unlock(&process->signal_lock);
	return 0;
}

int64_t lx_sys_rt_sigaction(struct lx_call *call, int32_t signo, struct lx_uptr act, struct lx_uptr oldact,
			    uint64_t size)
{
	struct lx_sigaction new, old;
	int64_t result;

	if (size != sizeof(struct lx_sigset))
		return -LX_EINVAL;
	if (!lx_is_null(act) && lx_in_sigaction(call, &new, act))
		return -LX_EFAULT;
	result = set_action(call->thread->process, signo, lx_is_null(act) ? NULL : &new, &old);
	if (result == 0 && !lx_is_null(oldact))
		result = lx_out_sigaction(call, oldact, &old);
	return result;
}

static int64_t change_mask(struct lx_thread *thread, int32_t how, uint64_t set)
{
	uint64_t blocked = thread->blocked.bits;

	if (how == LX_SIG_BLOCK)
		blocked |= set;
	else if (how == LX_SIG_UNBLOCK)
		blocked &= ~set;
	else if (how == LX_SIG_SETMASK)
		blocked = set;
	else
		return -LX_EINVAL;
	rtl_lock(&thread->process->signal_lock);
	lx_signal_set_blocked(thread, blocked);
	rtl_unlock(&thread->process->signal_lock);
	return 0;
}

int64_t lx_sys_rt_sigprocmask(struct lx_call *call, int32_t how, struct lx_uptr set, struct lx_uptr oldset,
			      uint64_t size)
{
	struct lx_sigset old = call->thread->blocked, new;
	int64_t result = 0;

	if (size != sizeof(struct lx_sigset))
		return -LX_EINVAL;
	if (!lx_is_null(set)) {
		if (lx_copy_in(call, &new, set, sizeof(new)))
			return -LX_EFAULT;
		result = change_mask(call->thread, how, new.bits);
	}
	if (result == 0 && !lx_is_null(oldset))
		result = lx_copy_out(call, oldset, &old, sizeof(old));
	return result;
}

int64_t lx_sys_rt_sigpending(struct lx_call *call, struct lx_uptr set, uint64_t size)
{
	struct lx_thread *thread = call->thread;
	struct lx_sigset pending;

	if (size > sizeof(pending))
		return -LX_EINVAL;
	rtl_lock(&thread->process->signal_lock);
	pending.bits = (thread->pending.set.bits | thread->process->pending.set.bits) & thread->blocked.bits;
	rtl_unlock(&thread->process->signal_lock);
	return lx_copy_out(call, set, &pending, size);
}

/* Sleep until a signal is there that lx_deliver_signals() has to see. */
static void sleep_for_signal(struct lx_thread *thread)
{
	while (!lx_signal_pending(thread)) {
		ke_list_sleep(NULL, 0, true, UINT64_MAX);
		rtl_lock(&thread->process->signal_lock);
		if (!lx_signal_pending_locked(thread))
			atomic_store(&thread->ps->ke.user_apc_pending, false);
		rtl_unlock(&thread->process->signal_lock);
	}
}

int64_t lx_sys_pause(struct lx_call *call)
{
	sleep_for_signal(call->thread);
	return -LX_ERESTARTNOHAND;
}

/* The mask of the call only: the handler that ends it returns to the old one. */
static void borrow_mask(struct lx_thread *thread, uint64_t bits)
{
	rtl_lock(&thread->process->signal_lock);
	thread->saved_mask = thread->blocked;
	thread->restore_saved_mask = true;
	lx_signal_set_blocked(thread, bits);
	rtl_unlock(&thread->process->signal_lock);
}

int64_t lx_sigmask_enter(struct lx_call *call, struct lx_uptr mask, uint64_t size)
{
	struct lx_sigset set;

	if (lx_is_null(mask))
		return 0;
	if (size != sizeof(set))
		return -LX_EINVAL;
	if (lx_copy_in(call, &set, mask, sizeof(set)))
		return -LX_EFAULT;
	borrow_mask(call->thread, set.bits);
	return 0;
}

void lx_sigmask_leave(struct lx_call *call, bool interrupted)
{
	struct lx_thread *thread = call->thread;

	if (interrupted)
		return;
	rtl_lock(&thread->process->signal_lock);
	if (thread->restore_saved_mask) {
		thread->restore_saved_mask = false;
		lx_signal_set_blocked(thread, thread->saved_mask.bits);
	}
	rtl_unlock(&thread->process->signal_lock);
}

int64_t lx_sys_rt_sigsuspend(struct lx_call *call, struct lx_uptr mask, uint64_t size)
{
	struct lx_sigset set;

	if (size != sizeof(set))
		return -LX_EINVAL;
	if (lx_copy_in(call, &set, mask, sizeof(set)))
		return -LX_EFAULT;
	borrow_mask(call->thread, set.bits);
	sleep_for_signal(call->thread);
	return -LX_ERESTARTNOHAND;
}

/* Take a signal of `wanted`, waiting until the deadline; its number, -LX_EAGAIN at the deadline, -LX_EINTR. */
static int64_t wait_for_signal(struct lx_thread *thread, uint64_t wanted, uint64_t deadline, struct lx_siginfo *info)
{
	int64_t result = 0;

	rtl_lock(&thread->process->signal_lock);
	if (lx_signal_dequeue(thread, ~wanted, info)) {
		result = info->si_signo;
	} else if (deadline != 0) {
		NTSTATUS status;

		/* Not blocked while we wait, so that senders wake this thread; still not to be acted upon. */
		thread->real_blocked = thread->blocked;
		thread->blocked.bits &= ~wanted;
		lx_signal_recalculate(thread);
		rtl_unlock(&thread->process->signal_lock);
		status = ke_list_sleep(NULL, 0, true, deadline);
		rtl_lock(&thread->process->signal_lock);
		thread->blocked = thread->real_blocked;
		thread->real_blocked.bits = 0;
		if (lx_signal_dequeue(thread, ~wanted, info))
			result = info->si_signo;
		else if (status == STATUS_TIMEOUT)
			result = -LX_EAGAIN;
		else if (lx_signal_pending_locked(thread))
			result = -LX_EINTR;
		lx_signal_recalculate(thread);
	} else {
		result = -LX_EAGAIN;
	}
	rtl_unlock(&thread->process->signal_lock);
	return result;
}

int64_t lx_sys_rt_sigtimedwait(struct lx_call *call, struct lx_uptr set, struct lx_uptr info, struct lx_uptr timeout,
			       uint64_t size)
{
	struct lx_sigset wanted;
	struct lx_siginfo taken;
	uint64_t interval = 0, deadline = UINT64_MAX;
	int64_t result;

	if (size != sizeof(wanted))
		return -LX_EINVAL;
	if (lx_copy_in(call, &wanted, set, sizeof(wanted)))
		return -LX_EFAULT;
	if (!lx_is_null(timeout)) {
		result = lx_copy_in_timespec(call, timeout, &interval);
		if (result)
			return result;
		deadline = interval ? lx_deadline_after(interval) : 0;
	}
	wanted.bits &= ~LX_UNBLOCKABLE_SIGNALS;
	do
		result = wait_for_signal(call->thread, wanted.bits, deadline, &taken);
	while (result == 0);
	if (result > 0 && !lx_is_null(info) && lx_out_siginfo(call, info, &taken))
		return -LX_EFAULT;
	return result;
}

static int64_t set_altstack(struct lx_thread *thread, const struct lx_sigaltstack *new, uint64_t sp)
{
	uint32_t mode = new->ss_flags & ~LX_SS_AUTODISARM;

	if (lx_on_altstack(thread, sp))
		return -LX_EPERM;
	if (mode != LX_SS_DISABLE && mode != LX_SS_ONSTACK && mode != 0)
		return -LX_EINVAL;
	/* What changes nothing is not looked at more closely, so that the size is not either. */
	if (thread->altstack.sp == new->ss_sp && thread->altstack.size == new->ss_size &&
	    thread->altstack.flags == new->ss_flags)
		return 0;
	if (mode != LX_SS_DISABLE && new->ss_size < LX_MINSIGSTKSZ)
		return -LX_ENOMEM;
	thread->altstack.sp = mode == LX_SS_DISABLE ? 0 : new->ss_sp;
	thread->altstack.size = mode == LX_SS_DISABLE ? 0 : new->ss_size;
	thread->altstack.flags = new->ss_flags;
	return 0;
}

int64_t lx_sys_sigaltstack(struct lx_call *call, struct lx_uptr ss, struct lx_uptr old_ss)
{
	struct lx_thread *thread = call->thread;
	uint64_t sp = call->trap->stack_pointer;
	struct lx_sigaltstack new, old = {.ss_sp = thread->altstack.sp, .ss_size = thread->altstack.size};
	int64_t result = 0;

	old.ss_flags = lx_altstack_flags(thread, sp) | (thread->altstack.flags & LX_SS_AUTODISARM);
	if (!lx_is_null(ss)) {
		if (lx_in_sigaltstack(call, &new, ss))
			return -LX_EFAULT;
		result = set_altstack(thread, &new, sp);
	}
	if (result == 0 && !lx_is_null(old_ss))
		result = lx_out_sigaltstack(call, old_ss, &old);
	return result;
}
