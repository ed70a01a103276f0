/*
 * Sessions, process groups, and which group the console belongs to.
 *
 * A group lives as long as it has a member (a zombie counts), a session as long as it has a group. The instance has one
 * terminal, the user's: it is the controlling terminal of at most one session, and the host's own notion of a foreground
 * group is not used, since guests' groups are not the host's. Guarded by lx_tree_lock.
 */
#include <hal/host.h>
#include <lx_syscalls.h>
#include <tree.h>

static struct lx_session *console_session;
static int32_t console_foreground;

int32_t lx_process_group_id(const struct lx_process *process)
{
	return process->group ? process->group->id->number : 0;
}

int32_t lx_process_session_id(const struct lx_process *process)
{
	return process->group ? process->group->session->id->number : 0;
}

static struct lx_group *create_group(struct lx_id *id, struct lx_session *session)
{
	struct lx_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->id = id;
	group->session = session;
	TAILQ_INIT(&group->members);
	id->group = group;
	session->group_count++;
	return group;
}

static void release_session(struct lx_session *session)
{
	struct lx_id *id = session->id;

	if (console_session == session) {
		console_session = NULL;
		console_foreground = 0;
	}
	id->session = NULL;
	free(session);
	lx_id_release(id);
}

static void release_group(struct lx_group *group)
{
	struct lx_session *session = group->session;
	struct lx_id *id = group->id;

	id->group = NULL;
	free(group);
	lx_id_release(id);
	if (--session->group_count == 0)
		release_session(session);
}

void lx_group_leave(struct lx_process *process)
{
	struct lx_group *group = process->group;

	if (!group)
		return;
	TAILQ_REMOVE(&group->members, process, group_link);
	process->group = NULL;
	if (TAILQ_EMPTY(&group->members))
		release_group(group);
}

void lx_group_join(struct lx_process *process, struct lx_group *group)
{
	/* Joined first: were it the last member of its old group, the session could go with that. */
	struct lx_group *old = process->group;

	if (old == group)
		return;
	if (old)
		TAILQ_REMOVE(&old->members, process, group_link);
	process->group = group;
	TAILQ_INSERT_TAIL(&group->members, process, group_link);
	if (old && TAILQ_EMPTY(&old->members))
		release_group(old);
}

int64_t lx_session_create(struct lx_id *id, struct lx_process *leader)
{
	struct lx_session *session = calloc(1, sizeof(*session));
	struct lx_group *group;

	if (!session)
		return -LX_ENOMEM;
	session->id = id;
	group = create_group(id, session);
	if (!group) {
		free(session);
		return -LX_ENOMEM;
	}
	session->leader = leader;
	id->session = session;
	lx_group_join(leader, group);
	return id->number;
}

int64_t lx_group_create(struct lx_id *id, struct lx_process *leader)
{
	struct lx_group *group = create_group(id, leader->group->session);

	if (!group)
		return -LX_ENOMEM;
	lx_group_join(leader, group);
	return id->number;
}

bool lx_walk_group(int32_t number, void (*visit)(struct lx_process *process, void *context), void *context)
{
	struct lx_id *id = lx_id_find(number);
	struct lx_process *process, *next;

	if (!id || !id->group)
		return false;
	TAILQ_FOREACH_SAFE (process, &id->group->members, group_link, next)
		visit(process, context);
	return true;
}

bool lx_group_would_be_orphaned(const struct lx_group *group, const struct lx_process *ignored)
{
	struct lx_process *member;

	TAILQ_FOREACH (member, &group->members, group_link) {
		const struct lx_process *parent = member->parent;

		if (member == ignored || member->state >= LX_ZOMBIE || !parent)
			continue;
		/* The first program's parent is, as far as job control goes, the shell that started lxrun. */
		if (member->is_first)
			return false;
		if (parent == lx_init_process)
			continue;
		if (parent->group != group && parent->group && parent->group->session == group->session)
			return false;
	}
	return true;
}

bool lx_group_is_orphaned(const struct lx_process *process)
{
	return !process->group || lx_group_would_be_orphaned(process->group, NULL);
}

bool lx_group_has_stopped(const struct lx_group *group)
{
	const struct lx_process *member;

	TAILQ_FOREACH (member, &group->members, group_link)
		if (member->state == LX_STOPPED)
			return true;
	return false;
}

/* --- the console */

void lx_console_set_session(struct lx_session *session, int32_t foreground)
{
	console_session = session;
	console_foreground = foreground;
}

bool lx_console_is_controlling(struct lx_process *process)
{
	return console_session && process->group && process->group->session == console_session;
}

bool lx_console_in_foreground(struct lx_process *process)
{
	return lx_console_is_controlling(process) && lx_process_group_id(process) == console_foreground;
}

int32_t lx_console_session(void)
{
	return console_session ? console_session->id->number : 0;
}

int32_t lx_console_foreground(void)
{
	struct lx_thread *current = lx_current();
	int32_t group;

	pthread_mutex_lock(&lx_tree_lock);
	if (current && !lx_console_is_controlling(current->process))
		group = -LX_ENOTTY;
	else
		group = console_foreground;
	pthread_mutex_unlock(&lx_tree_lock);
	return group;
}

static bool signal_is_ignored(struct lx_thread *thread, int32_t signal)
{
	uint64_t handler;

	if (thread->blocked.bits & 1ull << (signal - 1))
		return true;
	pthread_mutex_lock(&lx_signal_lock);
	handler = thread->process->sighand->actions[signal].handler;
	pthread_mutex_unlock(&lx_signal_lock);
	return handler == LX_SIG_IGN;
}

int64_t lx_console_check_change(struct lx_call *call, int32_t signal)
{
	struct lx_process *process = call->thread->process;
	bool may, orphaned;
	int32_t group;

	pthread_mutex_lock(&lx_tree_lock);
	/* When lxrun itself is a background job, so are all of its guests. */
	may = !lx_console_is_controlling(process) || (lx_console_in_foreground(process) && hal_in_foreground());
	orphaned = lx_group_is_orphaned(process);
	group = lx_process_group_id(process);
	pthread_mutex_unlock(&lx_tree_lock);
	if (may)
		return 0;
	if (signal_is_ignored(call->thread, signal))
		return signal == LX_SIGTTIN ? -LX_EIO : 0;
	if (orphaned)
		return -LX_EIO;
	lx_signal_group(group, &(struct lx_siginfo){.signo = signal, .code = LX_SI_KERNEL});
	return -LX_ERESTARTSYS;
}

static int64_t set_foreground(struct lx_process *process, int32_t pgrp)
{
	struct lx_id *id;
	const struct lx_session *session = NULL;

	if (!lx_console_is_controlling(process))
		return -LX_ENOTTY;
	if (pgrp < 0)
		return -LX_EINVAL;
	id = lx_id_find(pgrp);
	if (!id)
		return -LX_ESRCH;
	if (id->group)
		session = id->group->session;
	else if (id->process && id->process->group)
		session = id->process->group->session;
	if (session != process->group->session)
		return -LX_EPERM;
	console_foreground = pgrp;
	return 0;
}

int64_t lx_console_set_foreground(struct lx_call *call, int32_t pgrp)
{
	int64_t result = lx_console_check_change(call, LX_SIGTTOU);

	if (result)
		return result == -LX_EIO ? -LX_ENOTTY : result;
	pthread_mutex_lock(&lx_tree_lock);
	result = set_foreground(call->thread->process, pgrp);
	pthread_mutex_unlock(&lx_tree_lock);
	return result;
}

static int64_t acquire_console(struct lx_thread *thread, bool steal)
{
	struct lx_process *process = thread->process;
	struct lx_session *session = process->group->session;
	bool leads = session->leader == process;

	if (leads && session == console_session)
		return 0;
	/* One terminal an instance: a leader without one may have it if it is free, or take it with the privilege. */
	if (!leads)
		return -LX_EPERM;
	if (console_session && !(steal && lx_capable(thread, LX_CAP_SYS_ADMIN)))
		return -LX_EPERM;
	lx_console_set_session(session, lx_process_group_id(process));
	return 0;
}

int64_t lx_console_acquire(struct lx_call *call, bool steal)
{
	int64_t result;

	pthread_mutex_lock(&lx_tree_lock);
	result = acquire_console(call->thread, steal);
	pthread_mutex_unlock(&lx_tree_lock);
	return result;
}

static void send_hangup(int32_t group)
{
	if (group <= 0)
		return;
	lx_signal_group(group, &(struct lx_siginfo){.signo = LX_SIGHUP, .code = LX_SI_KERNEL});
	lx_signal_group(group, &(struct lx_siginfo){.signo = LX_SIGCONT, .code = LX_SI_KERNEL});
}

int64_t lx_console_release(struct lx_call *call)
{
	struct lx_process *process = call->thread->process;
	int32_t group = 0;

	pthread_mutex_lock(&lx_tree_lock);
	if (!lx_console_is_controlling(process)) {
		pthread_mutex_unlock(&lx_tree_lock);
		return -LX_ENOTTY;
	}
	/* Others of the session only lose it themselves in Linux; the instance's console goes with its leader alone. */
	if (process->group->session->leader == process)
		group = lx_session_leader_exit(process);
	pthread_mutex_unlock(&lx_tree_lock);
	send_hangup(group);
	return 0;
}

int32_t lx_session_leader_exit(struct lx_process *process)
{
	struct lx_session *session = process->group ? process->group->session : NULL;
	int32_t group;

	if (!session || session != console_session)
		return 0;
	group = console_foreground;
	lx_console_set_session(NULL, 0);
	return group;
}

/* --- calls */

int64_t lx_sys_setsid(struct lx_call *call)
{
	struct lx_process *process = call->thread->process;
	struct lx_id *id;
	int64_t result;

	pthread_mutex_lock(&lx_tree_lock);
	id = lx_id_find(process->pid);
	result = id->group || id->session ? -LX_EPERM : lx_session_create(id, process);
	pthread_mutex_unlock(&lx_tree_lock);
	return result;
}

/* Who may be moved: the caller, or a child of its session that has not called exec yet. */
static int64_t find_movable(struct lx_process *self, int32_t pid, struct lx_process **found)
{
	struct lx_id *id = lx_id_find(pid);
	struct lx_process *process = id ? id->process : NULL;

	if (!process)
		return id && id->thread ? -LX_EINVAL : -LX_ESRCH;
	if (process->parent == self && process != self) {
		if (process->group->session != self->group->session)
			return -LX_EPERM;
		if (process->did_exec)
			return -LX_EACCES;
	} else if (process != self) {
		return -LX_ESRCH;
	}
	if (process->group->session->leader == process)
		return -LX_EPERM;
	*found = process;
	return 0;
}

static int64_t set_group(struct lx_process *self, int32_t pid, int32_t pgid)
{
	struct lx_process *process;
	struct lx_group *group;
	struct lx_id *id;
	int64_t result = find_movable(self, pid, &process);

	if (result)
		return result;
	id = lx_id_find(pgid);
	group = id ? id->group : NULL;
	if (pgid != process->pid && (!group || group->session != self->group->session))
		return -LX_EPERM;
	if (!group)
		group = create_group(id, process->group->session);
	if (!group)
		return -LX_ENOMEM;
	lx_group_join(process, group);
	return 0;
}

int64_t lx_sys_setpgid(struct lx_call *call, int32_t pid, int32_t pgid)
{
	struct lx_process *self = call->thread->process;
	int64_t result;

	if (!pid)
		pid = self->pid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -LX_EINVAL;
	pthread_mutex_lock(&lx_tree_lock);
	result = set_group(self, pid, pgid);
	pthread_mutex_unlock(&lx_tree_lock);
	return result;
}

static int64_t ask_process(struct lx_call *call, int32_t pid, int32_t (*question)(const struct lx_process *process))
{
	struct lx_process *process = call->thread->process;
	int64_t result = -LX_ESRCH;

	pthread_mutex_lock(&lx_tree_lock);
	if (pid) {
		/* Any thread's id will do, as for find_task_by_vpid. */
		struct lx_thread *thread = lx_find_thread(pid);

		process = thread ? thread->process : lx_find_process(pid);
	}
	if (process)
		result = question(process);
	pthread_mutex_unlock(&lx_tree_lock);
	return result;
}

int64_t lx_sys_getpgid(struct lx_call *call, int32_t pid)
{
	return ask_process(call, pid, lx_process_group_id);
}

int64_t lx_sys_getpgrp(struct lx_call *call)
{
	return ask_process(call, 0, lx_process_group_id);
}

int64_t lx_sys_getsid(struct lx_call *call, int32_t pid)
{
	return ask_process(call, pid, lx_process_session_id);
}

static int32_t parent_id(const struct lx_process *process)
{
	return process->parent ? process->parent->pid : 0;
}

int64_t lx_sys_getppid(struct lx_call *call)
{
	return ask_process(call, 0, parent_id);
}

int64_t lx_sys_getpid(struct lx_call *call)
{
	return call->thread->process->pid;
}

int64_t lx_sys_gettid(struct lx_call *call)
{
	return call->thread->tid;
}
