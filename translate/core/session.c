/*
 * Sessions and process groups.
 *
 * A group lives as long as it has a member (a zombie counts), a session as long as it has a group. A session's controlling
 * terminal is terminal.c's. Guarded by lx_tree_lock.
 */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>

static TAILQ_HEAD(, lx_session) with_terminal = TAILQ_HEAD_INITIALIZER(with_terminal);

int32_t lx_process_group_id(const struct lx_process *process)
{
	return atomic_load_explicit(&process->group_id, memory_order_relaxed);
}

int32_t lx_process_session_id(const struct lx_process *process)
{
	return atomic_load_explicit(&process->session_id, memory_order_relaxed);
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

struct lx_session *lx_session_with_terminal(uint64_t terminal)
{
	struct lx_session *session;

	TAILQ_FOREACH (session, &with_terminal, terminal_link)
		if (session->terminal == terminal)
			return session;
	return NULL;
}

void lx_session_set_terminal(struct lx_session *session, uint64_t terminal, int32_t foreground)
{
	if (session->terminal)
		TAILQ_REMOVE(&with_terminal, session, terminal_link);
	session->terminal = terminal;
	session->foreground = terminal ? foreground : 0;
	if (terminal)
		TAILQ_INSERT_TAIL(&with_terminal, session, terminal_link);
}

static void release_session(struct lx_session *session)
{
	struct lx_id *id = session->id;

	lx_session_set_terminal(session, 0, 0);
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
	process->group_id = process->session_id = 0;
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
	process->group_id = group->id->number;
	process->session_id = group->session->id->number;
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
