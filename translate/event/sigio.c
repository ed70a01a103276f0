/*
 * The signal that a file with O_ASYNC sends to its owner when it becomes ready (fcntl(2), F_SETSIG): the kernel's
 * send_sigio(). Whoever changed the file's readiness runs this, and holds no lock.
 *
 * With a signal of F_SETSIG it says which descriptor is ready and for what. Where that can't be queued, and without one,
 * it is a SIGIO that says nothing.
 */
#include <core/process.h>
#include <core/session.h>
#include <core/thread.h>
#include <descriptor/owner.h>
#include <event/sigio.h>
#include <signal/signal.h>

/* Signals whose codes have meanings of their own. */
static bool has_own_codes(int32_t signal)
{
	switch (signal) {
	case LX_SIGILL:
	case LX_SIGFPE:
	case LX_SIGSEGV:
	case LX_SIGBUS:
	case LX_SIGTRAP:
	case LX_SIGCHLD:
	case LX_SIGSYS:
		return true;
	default:
		return false;
	}
}

/* What poll would have answered: si_band. */
static int64_t band_of(enum io_async_reason reason)
{
	switch (reason) {
	case IO_ASYNC_IN:
		return LX_POLLIN | LX_POLLRDNORM;
	case IO_ASYNC_OUT:
		return LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND;
	case IO_ASYNC_MESSAGE:
		return LX_POLLIN | LX_POLLRDNORM | LX_POLLMSG;
	case IO_ASYNC_ERROR:
		return LX_POLLERR;
	case IO_ASYNC_PRIORITY:
		return LX_POLLPRI | LX_POLLRDBAND;
	case IO_ASYNC_HANGUP:
		return LX_POLLHUP | LX_POLLERR;
	case IO_ASYNC_UNKNOWN:
	default:
		return -1;
	}
}

/* Any of the ids of who named the owner is the target's real or saved one, or it was root. */
static bool may_be_told(const struct io_owner *owner, const struct se_token *target)
{
	return owner->euid == 0 || owner->euid == target->suid || owner->euid == target->ruid ||
	       owner->uid == target->suid || owner->uid == target->ruid;
}

static int64_t send_info(const struct lx_task *task, int32_t kind, const struct lx_siginfo *info)
{
	if (kind != LX_F_OWNER_TID)
		return lx_signal_process(task->process, info);
	return task->thread ? lx_signal_thread(task->thread, info) : 0;
}

/* Under lx_tree_lock. */
static void tell_task(const struct lx_task *task, const struct io_async_notice *notice)
{
	const struct io_owner *owner = &notice->owner;
	struct lx_siginfo info = {.si_signo = owner->signal, .si_code = (int32_t)notice->reason};

	if (!may_be_told(owner, task->token))
		return;
	if (owner->signal && notice->reason != IO_ASYNC_UNKNOWN) {
		if (has_own_codes(owner->signal))
			info.si_code = LX_SI_SIGIO;
		info._sifields._sigpoll._band = band_of(notice->reason);
		info._sifields._sigpoll._fd = notice->descriptor;
		if (send_info(task, owner->kind, &info) == 0)
			return;
	}
	info = (struct lx_siginfo){.si_signo = LX_SIGIO, .si_code = LX_SI_KERNEL};
	send_info(task, owner->kind, &info);
}

static void tell_member(struct lx_process *process, void *context)
{
	struct lx_task task = lx_leader_task(process);

	tell_task(&task, context);
}

static void tell_owner(const struct io_async_notice *notice)
{
	const struct io_owner *owner = &notice->owner;
	struct io_async_notice copy = *notice;
	struct lx_task task;

	lx_lock_tree();
	if (owner->kind == LX_F_OWNER_PGRP)
		lx_walk_group(owner->id, tell_member, &copy);
	else if (lx_owner_birth(owner->kind, owner->id) == owner->birth && lx_task_of_number(owner->id, &task))
		tell_task(&task, notice);
	lx_unlock_tree();
}

void lx_sigio_initialize(void)
{
	io_async_set_routine(tell_owner);
}
