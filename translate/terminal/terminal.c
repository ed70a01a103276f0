/*
 * Controlling terminals: which session a terminal belongs to, and which of its groups is in the foreground.
 *
 * The host's own notion of either is not used: guests' sessions and groups are not the host's, and a terminal that a guest
 * makes (/dev/ptmx) has no host session at all. The host keeps the line discipline. A terminal is known by the number that
 * its driver gives it; 0 is none. The console, lxrun's own controlling terminal, is special in two ways: while lxrun is a
 * background job of who started it, so are all of its guests, and it is taken even when no guest session has it.
 *
 * Guarded by lx_tree_lock: a session's terminal and foreground group, and the list of sessions that have one.
 */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <drivers/condrv/condrv.h>
#include <hal/host.h>
#include <signal/signal.h>
#include <terminal/terminal.h>

static struct lx_session *session_of(const struct lx_process *process)
{
	return process->group ? process->group->session : NULL;
}

uint64_t lx_process_terminal(const struct lx_process *process)
{
	const struct lx_session *session = session_of(process);

	return session ? session->terminal : 0;
}

/* While lxrun is in the background of its terminal, a group of who started it has that: pid 1's stands for those. */
static int32_t foreground_of(const struct lx_session *session)
{
	if (session->terminal == condrv_console() && !hal_in_foreground())
		return lx_init_process->pid;
	return session->foreground;
}

int32_t lx_process_foreground(const struct lx_process *process)
{
	const struct lx_session *session = session_of(process);

	return session && session->terminal ? foreground_of(session) : -1;
}

uint64_t lx_terminal_of_caller(void)
{
	const struct lx_thread *current = lx_current();
	uint64_t terminal;

	lx_lock_tree();
	terminal = current ? lx_process_terminal(current->process) : 0;
	lx_unlock_tree();
	return terminal;
}

/* May the caller ask about the terminal? Through a pseudo-terminal's master anyone may. */
static bool may_ask(const struct lx_call *call, const struct lx_terminal *terminal)
{
	return terminal->master || lx_process_terminal(call->thread->process) == terminal->number;
}

int64_t lx_terminal_foreground(struct lx_call *call, const struct lx_terminal *terminal)
{
	const struct lx_session *session;
	int64_t group = -LX_ENOTTY;

	lx_lock_tree();
	session = lx_session_with_terminal(terminal->number);
	if (may_ask(call, terminal))
		group = session ? foreground_of(session) : 0;
	lx_unlock_tree();
	return group;
}

int64_t lx_terminal_session(struct lx_call *call, const struct lx_terminal *terminal)
{
	const struct lx_session *session;
	int64_t number = -LX_ENOTTY;

	lx_lock_tree();
	session = lx_session_with_terminal(terminal->number);
	if (session && may_ask(call, terminal))
		number = session->id->number;
	lx_unlock_tree();
	return number;
}

static bool signal_is_ignored(struct lx_thread *thread, int32_t signal)
{
	uint64_t handler;

	if (thread->blocked.bits & 1ull << (signal - 1))
		return true;
	rtl_lock(&thread->process->signal_lock);
	handler = lx_signal_action(thread->process, signal).sa_handler;
	rtl_unlock(&thread->process->signal_lock);
	return handler == LX_SIG_IGN;
}

/* Under lx_tree_lock: anyone may use a terminal that is not its session's, else only the foreground. */
static bool may_use(const struct lx_process *process, uint64_t terminal)
{
	if (lx_process_terminal(process) != terminal)
		return true;
	if (lx_process_group_id(process) != session_of(process)->foreground)
		return false;
	return terminal != condrv_console() || hal_in_foreground();
}

int64_t lx_terminal_check_change(struct lx_call *call, uint64_t terminal, int32_t signal)
{
	struct lx_process *process = call->thread->process;
	bool may, orphaned;
	int32_t group;

	lx_lock_tree();
	may = may_use(process, terminal);
	orphaned = lx_group_is_orphaned(process);
	group = lx_process_group_id(process);
	lx_unlock_tree();
	if (may)
		return 0;
	if (signal_is_ignored(call->thread, signal))
		return signal == LX_SIGTTIN ? -LX_EIO : 0;
	if (orphaned)
		return -LX_EIO;
	lx_signal_group(group, &(struct lx_siginfo){.si_signo = signal, .si_code = LX_SI_KERNEL});
	return -LX_ERESTARTSYS;
}

static int64_t set_foreground(const struct lx_process *process, uint64_t terminal, int32_t pgrp)
{
	const struct lx_session *session = NULL;
	const struct lx_id *id;

	if (pgrp < 0)
		return -LX_EINVAL;
	if (lx_process_terminal(process) != terminal)
		return -LX_ENOTTY;
	id = lx_id_find(pgrp);
	if (!id)
		return -LX_ESRCH;
	if (id->group)
		session = id->group->session;
	else if (id->process)
		session = session_of(id->process);
	if (session != session_of(process))
		return -LX_EPERM;
	session_of(process)->foreground = pgrp;
	return 0;
}

int64_t lx_terminal_set_foreground(struct lx_call *call, const struct lx_terminal *terminal, int32_t pgrp)
{
	int64_t result;

	lx_lock_tree();
	result = set_foreground(call->thread->process, terminal->number, pgrp);
	lx_unlock_tree();
	return result;
}

/* Has somebody the terminal: a guest session, or among the host's processes who started lxrun? */
static bool is_taken(uint64_t terminal)
{
	return lx_session_with_terminal(terminal) || (terminal == condrv_console() && !hal_start_state()->leads_session);
}

static int64_t acquire(struct lx_thread *thread, const struct lx_terminal *terminal, bool steal)
{
	struct lx_process *process = thread->process;
	struct lx_session *session = session_of(process), *owner = lx_session_with_terminal(terminal->number);
	bool privileged = lx_capable(thread, LX_CAP_SYS_ADMIN);

	if (session->leader == process && owner == session)
		return 0;
	if (session->leader != process || session->terminal)
		return -LX_EPERM;
	if (is_taken(terminal->number) && !(steal && privileged))
		return -LX_EPERM;
	if (!terminal->readable && !privileged)
		return -LX_EPERM;
	if (owner)
		lx_session_set_terminal(owner, 0, 0);
	lx_session_set_terminal(session, terminal->number, lx_process_group_id(process));
	return 0;
}

int64_t lx_terminal_acquire(struct lx_call *call, const struct lx_terminal *terminal, bool steal)
{
	int64_t result;

	lx_lock_tree();
	result = acquire(call->thread, terminal, steal);
	lx_unlock_tree();
	return result;
}

bool lx_terminal_wanted(struct lx_thread *thread)
{
	const struct lx_session *session;
	bool wanted;

	lx_lock_tree();
	session = session_of(thread->process);
	wanted = session && session->leader == thread->process && !session->terminal;
	lx_unlock_tree();
	return wanted;
}

void lx_terminal_opened(struct lx_call *call, const struct lx_terminal *terminal)
{
	lx_lock_tree();
	if (!terminal->master && terminal->readable && !is_taken(terminal->number))
		acquire(call->thread, terminal, false);
	lx_unlock_tree();
}

int32_t lx_session_leader_exit(struct lx_process *process)
{
	struct lx_session *session = session_of(process);
	int32_t group;

	if (!session || !session->terminal)
		return 0;
	group = session->foreground;
	lx_session_set_terminal(session, 0, 0);
	return group;
}

static void send_to_group(int32_t group, int32_t signal)
{
	if (group > 0)
		lx_signal_group(group, &(struct lx_siginfo){.si_signo = signal, .si_code = LX_SI_KERNEL});
}

int64_t lx_terminal_release(struct lx_call *call, const struct lx_terminal *terminal)
{
	struct lx_process *process = call->thread->process;
	int32_t group = 0;

	lx_lock_tree();
	if (lx_process_terminal(process) != terminal->number) {
		lx_unlock_tree();
		return -LX_ENOTTY;
	}
	/* Others of the session only lose it themselves in Linux; here a session's terminal goes with its leader alone. */
	if (session_of(process)->leader == process)
		group = lx_session_leader_exit(process);
	lx_unlock_tree();
	send_to_group(group, LX_SIGHUP);
	send_to_group(group, LX_SIGCONT);
	return 0;
}

void lx_terminal_signal(uint64_t terminal, int32_t signal)
{
	const struct lx_session *session;
	int32_t group;

	lx_lock_tree();
	session = lx_session_with_terminal(terminal);
	group = session ? session->foreground : 0;
	lx_unlock_tree();
	send_to_group(group, signal);
}

void lx_terminal_hangup(uint64_t terminal)
{
	struct lx_siginfo hangup = {.si_signo = LX_SIGHUP, .si_code = LX_SI_KERNEL};
	struct lx_siginfo resume = {.si_signo = LX_SIGCONT, .si_code = LX_SI_KERNEL};
	struct lx_session *session;

	lx_lock_tree();
	session = lx_session_with_terminal(terminal);
	if (session)
		lx_session_set_terminal(session, 0, 0);
	if (session && session->leader && session->leader->state < LX_ZOMBIE) {
		lx_signal_process(session->leader, &hangup);
		lx_signal_process(session->leader, &resume);
	}
	lx_unlock_tree();
}
