/*
 * Process groups and sessions, as job control and wait4 see them. All of it is guarded by lx_tree_lock.
 */
#ifndef TRANSLATE_PROCESS_SESSION_H
#define TRANSLATE_PROCESS_SESSION_H

#include <core/process.h>

struct lx_group {
	struct lx_id *id;
	struct lx_session *session;
	TAILQ_HEAD(lx_members, lx_process) members;
};

struct lx_session {
	struct lx_id *id;
	uint32_t group_count;
	struct lx_process *leader; /* NULL once it has ended */
	uint64_t terminal;           /* the controlling terminal; 0: none */
	int32_t foreground;          /* which of its groups has the terminal */
	TAILQ_ENTRY(lx_session) terminal_link; /* among those that have one */
};

/* The session that has the terminal; NULL: none. */
struct lx_session *lx_session_with_terminal(uint64_t terminal);
/* `terminal` 0: the session has none any more. */
void lx_session_set_terminal(struct lx_session *session, uint64_t terminal, int32_t foreground);
int64_t lx_session_create(struct lx_id *id, struct lx_process *leader);
/* A new group in the process' own session: id's number. */
int64_t lx_group_create(struct lx_id *id, struct lx_process *leader);
void lx_group_join(struct lx_process *process, struct lx_group *group);
/* The process leaves its group, which goes with its last member. */
void lx_group_leave(struct lx_process *process);
/* Would `group` be orphaned if `ignored` were not there? And does it have a stopped member? */
bool lx_group_would_be_orphaned(const struct lx_group *group, const struct lx_process *ignored);
bool lx_group_has_stopped(const struct lx_group *group);
/* Ids of a process' group and session. */
int32_t lx_process_group_id(const struct lx_process *process);
int32_t lx_process_session_id(const struct lx_process *process);
/* Each member of a process group; false if there is none. */
bool lx_walk_group(int32_t group, void (*visit)(struct lx_process *process, void *context), void *context);
/* A group is orphaned if no member's parent is in another group of the same session: stop signals of terminals are ignored. */
bool lx_group_is_orphaned(const struct lx_process *process);

#endif
