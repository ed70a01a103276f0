/*
 * Sending signals by call: kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
 *
 * Only the instance's own processes exist: a pid of the host is ESRCH. Permission is checked under lx_tree_lock, which
 * also keeps the target; the order of the checks (does it exist, is the signal valid, may it be sent) is Linux'.
 */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <lx_syscalls.h>
#include <signal/signals.h>

/* Under lx_tree_lock. Tokens of threads change under it, and that of a process without threads changes no more. */
static const struct se_token *token_of(const struct lx_process *process)
{
	const struct lx_thread *thread = TAILQ_FIRST(&process->threads);

	return thread ? thread->token : process->ps->token;
}

/* May the sender signal this process? Any of its real or effective ids is the target's real or saved one; SIGCONT within the session. */
static bool may_signal(struct lx_thread *sender, struct lx_process *target, int32_t signo)
{
	const struct se_token *own = sender->token, *theirs;

	if (target == sender->process)
		return true;
	if (!target->ps)
		return lx_capable(sender, LX_CAP_KILL);
	theirs = token_of(target);
	if (own->euid == theirs->suid || own->euid == theirs->ruid || own->ruid == theirs->suid ||
	    own->ruid == theirs->ruid || lx_capable(sender, LX_CAP_KILL))
		return true;
	return signo == LX_SIGCONT && lx_process_session_id(target) == lx_process_session_id(sender->process);
}

/* Under lx_tree_lock. Signal 0 only asks. */
static int64_t send_checked(struct lx_thread *sender, struct lx_process *process, struct lx_thread *thread,
			    const struct lx_siginfo *info)
{
	if (info->si_signo < 0 || info->si_signo > LX_NSIG)
		return -LX_EINVAL;
	if (!may_signal(sender, process, info->si_signo))
		return -LX_EPERM;
	if (info->si_signo == 0)
		return 0;
	return thread ? lx_signal_thread(thread, info) : lx_signal_process(process, info);
}

static int64_t send_to_process(struct lx_thread *sender, int32_t pid, const struct lx_siginfo *info)
{
	struct lx_process *process;
	struct lx_thread *thread;
	int64_t result = -LX_ESRCH;

	lx_lock_tree();
	process = lx_find_process(pid);
	/* Linux takes the id of any thread for its process. */
	if (!process) {
		thread = lx_find_thread(pid);
		process = thread ? thread->process : NULL;
	}
	if (process)
		result = send_checked(sender, process, NULL, info);
	lx_unlock_tree();
	return result;
}

struct broadcast {
	struct lx_thread *sender;
	const struct lx_siginfo *info;
	bool everybody; /* kill(-1): all but init and the caller's own process */
	bool sent, found;
	int64_t error;
};

static void broadcast_to(struct lx_process *process, void *context)
{
	struct broadcast *broadcast = context;
	int64_t result;

	if (broadcast->everybody && (process == lx_init_process || process == broadcast->sender->process))
		return;
	broadcast->found = true;
	result = send_checked(broadcast->sender, process, NULL, broadcast->info);
	if (result == 0) {
		broadcast->sent = true;
		lx_tree_tell_unborn(process, broadcast->info->si_signo);
	}
	/* kill(-1) passes over those that it may not signal. */
	if (!broadcast->everybody || result != -LX_EPERM)
		broadcast->error = result;
}

static int64_t send_to_group(struct lx_thread *sender, int32_t group, const struct lx_siginfo *info)
{
	struct broadcast broadcast = {.sender = sender, .info = info, .error = -LX_ESRCH};

	lx_lock_tree();
	if (group == 0)
		group = lx_process_group_id(sender->process);
	lx_walk_group(group, broadcast_to, &broadcast);
	lx_unlock_tree();
	return broadcast.sent ? 0 : broadcast.error;
}

static int64_t send_to_all(struct lx_thread *sender, const struct lx_siginfo *info)
{
	struct broadcast broadcast = {.sender = sender, .info = info, .everybody = true};

	lx_lock_tree();
	lx_walk_processes(broadcast_to, &broadcast);
	lx_unlock_tree();
	return broadcast.found ? broadcast.error : -LX_ESRCH;
}

int64_t lx_sys_kill(struct lx_call *call, int32_t pid, int32_t sig)
{
	struct lx_siginfo info;

	lx_siginfo_from(&info, call->thread, sig, LX_SI_USER);
	if (pid > 0)
		return send_to_process(call->thread, pid, &info);
	if (pid == INT32_MIN)
		return -LX_ESRCH;
	if (pid == -1)
		return send_to_all(call->thread, &info);
	return send_to_group(call->thread, -pid, &info);
}

/* To one thread; tgid <= 0: of any process. */
static int64_t send_to_thread(struct lx_thread *sender, int32_t tgid, int32_t tid, const struct lx_siginfo *info)
{
	struct lx_process *process;
	struct lx_thread *thread;
	int64_t result = -LX_ESRCH;

	lx_lock_tree();
	thread = lx_find_thread(tid);
	process = thread ? thread->process : lx_find_process(tid);
	if (process && (tgid <= 0 || process->pid == tgid)) {
		/* A main thread that has ended, or a zombie, is still there and takes nothing. */
		struct lx_siginfo question = *info;

		if (!thread && info->si_signo >= 0 && info->si_signo <= LX_NSIG)
			question.si_signo = 0;
		result = send_checked(sender, process, thread, &question);
	}
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_tgkill(struct lx_call *call, int32_t tgid, int32_t tid, int32_t sig)
{
	struct lx_siginfo info;

	if (tgid <= 0 || tid <= 0)
		return -LX_EINVAL;
	lx_siginfo_from(&info, call->thread, sig, LX_SI_TKILL);
	return send_to_thread(call->thread, tgid, tid, &info);
}

int64_t lx_sys_tkill(struct lx_call *call, int32_t tid, int32_t sig)
{
	struct lx_siginfo info;

	if (tid <= 0)
		return -LX_EINVAL;
	lx_siginfo_from(&info, call->thread, sig, LX_SI_TKILL);
	return send_to_thread(call->thread, 0, tid, &info);
}

/* A siginfo of the caller's making: it may not look like one of the kernel's or of kill(2), except to itself. */
static int64_t copy_in_info(struct lx_call *call, struct lx_uptr from, int32_t signo, int32_t target,
			    struct lx_siginfo *info)
{
	if (lx_in_siginfo(call, info, from))
		return -LX_EFAULT;
	memset((uint8_t *)info + LX_SIGINFO_KEPT, 0, sizeof(*info) - LX_SIGINFO_KEPT);
	info->si_signo = signo;
	if ((info->si_code >= 0 || info->si_code == LX_SI_TKILL) && call->thread->tid != target)
		return -LX_EPERM;
	return 0;
}

int64_t lx_sys_rt_sigqueueinfo(struct lx_call *call, int32_t tgid, int32_t sig, struct lx_uptr uinfo)
{
	struct lx_siginfo info;
	int64_t result = copy_in_info(call, uinfo, sig, tgid, &info);

	return result ? result : send_to_process(call->thread, tgid, &info);
}

int64_t lx_sys_rt_tgsigqueueinfo(struct lx_call *call, int32_t tgid, int32_t tid, int32_t sig, struct lx_uptr uinfo)
{
	struct lx_siginfo info;
	int64_t result = copy_in_info(call, uinfo, sig, tid, &info);

	if ((result == 0 || result == -LX_EPERM) && (tgid <= 0 || tid <= 0))
		result = -LX_EINVAL;
	return result ? result : send_to_thread(call->thread, tgid, tid, &info);
}
