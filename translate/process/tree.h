/*
 * Inside the process engine (tree.c, session.c, clone.c, execve.c, exit.c, wait.c, instance.c): ids, the tree of processes,
 * groups and sessions. All of it is guarded by lx_tree_lock.
 */
#ifndef TRANSLATE_TREE_H
#define TRANSLATE_TREE_H

#include <bsd/sys/tree.h>
#include <process/process.h>

/* The C library's <sys/queue.h> lacks it. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(entry, head, field, next)                                                                   \
	for ((entry) = TAILQ_FIRST(head); (entry) && ((next) = TAILQ_NEXT(entry, field), 1); (entry) = (next))
#endif

/* A number that is taken: Linux never reuses one while a task, a group or a session still bears it. */
struct lx_id {
	RB_ENTRY(lx_id) link;
	int32_t number;
	bool reserved; /* between lx_id_allocate and the task's entry into the tree */
	struct lx_process *process; /* alive or zombie */
	struct lx_thread *thread;
	struct lx_group *group;
	struct lx_session *session;
};

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

struct lx_id *lx_id_allocate(void); /* NULL: no memory or all taken */
/* Entry for a number that the session or group functions want; NULL if nobody bears it. */
struct lx_id *lx_id_find(int32_t number);
/* Forget the number if nobody bears it any more. */
void lx_id_release(struct lx_id *id);

/* Objects outside the tree: one reference, nothing linked. NULL: no memory. */
struct lx_process *lx_process_new(void);
struct lx_thread *lx_thread_new(struct lx_process *process);
/* A thread that runs no more (or never did) and is in no list. */
void lx_thread_free(struct lx_thread *thread);

/* Into the tree with a reserved id. The process takes its thread with it: lx_tree_link_thread is for further ones. */
void lx_tree_link_process(struct lx_process *process, struct lx_id *id, struct lx_process *parent, int32_t parent_tid);
void lx_tree_link_thread(struct lx_thread *thread, struct lx_id *id);
/* The thread leaves its process and gives up its tid, unless that is the process' pid. */
void lx_tree_unlink_thread(struct lx_thread *thread);
/* The tid changes to the pid: exec by another thread than the leader. */
void lx_tree_become_leader(struct lx_thread *thread);
/* A zombie is reaped, or a process that never ran is taken back: out of the tree, and the tree's reference goes. */
void lx_tree_remove(struct lx_process *process);
/* `child` becomes a child of `parent`. */
void lx_tree_reparent(struct lx_process *child, struct lx_process *parent, int32_t parent_tid);
/* Live processes apart from pid 1. */
uint32_t lx_tree_process_count(void);
/* All live threads; needs no lock. */
uint32_t lx_tree_thread_count(void);
/* Live threads whose real user id is `uid`. */
uint32_t lx_tree_threads_of_user(uint32_t uid);

/* session.c */
int64_t lx_session_create(struct lx_id *id, struct lx_process *leader);
/* A new group in the process' own session: id's number. */
int64_t lx_group_create(struct lx_id *id, struct lx_process *leader);
void lx_group_join(struct lx_process *process, struct lx_group *group);
/* The process leaves its group, which goes with its last member. */
void lx_group_leave(struct lx_process *process);
/* Would `group` be orphaned if `ignored` were not there? And does it have a stopped member? */
bool lx_group_would_be_orphaned(const struct lx_group *group, const struct lx_process *ignored);
bool lx_group_has_stopped(const struct lx_group *group);

/* terminal.c. A session's leader ends: its terminal is given up; the group to be sent SIGHUP, or 0. */
int32_t lx_session_leader_exit(struct lx_process *process);
/* `terminal` 0: the session has none any more. */
void lx_session_set_terminal(struct lx_session *session, uint64_t terminal, int32_t foreground);

/* exit.c: the sequence of a thread that ends, on its own half (or, if `died`, without touching the guest). */
void lx_thread_exit(struct lx_thread *thread, int32_t status, bool died);
/* The process' other threads are to end; the caller (of its own half) waits until they have. False: it must end itself. */
bool lx_end_other_threads(struct lx_thread *survivor);
/* The parent's vfork goes on: exec or exit. */
void lx_release_vfork_parent(struct lx_process *process);
/* Clear what clear_child_tid names and wake its futex: exit and exec. */
void lx_clear_child_tid(struct lx_thread *thread);

/* wait.c: the wait status of a zombie's siginfo; reaping adds its usage to the parent's children. Under lx_tree_lock. */
void lx_fill_child_info(struct lx_siginfo *info, const struct lx_process *child, int32_t code, int32_t status);
void lx_reap(struct lx_process *zombie);

/* credentials.c: the thread takes over the token's reference; what it acts as on the host follows. */
void lx_set_token(struct lx_thread *thread, struct se_token *token);
/* Current thread has a capability (LX_CAP_*). */
bool lx_capable(const struct lx_thread *thread, uint32_t capability);
/* The thread's real user and group are all of the other's: real, effective and saved. Under lx_tree_lock. */
bool lx_has_ids_of(const struct lx_thread *thread, const struct lx_thread *other);
/* May it look into the other, as ptrace(2) asks (PTRACE_MODE_READ_REALCREDS)? Under lx_tree_lock. */
bool lx_may_access(const struct lx_thread *thread, const struct lx_thread *other);

/* credentials.c: the identity that exec gives; the same one referenced if nothing changes. NULL: no memory. */
struct se_token *lx_exec_token(struct se_token *token);

/* limits.c */
void lx_limits_initialize(struct lx_process *process);
void lx_limits_apply(struct lx_process *process);

/* instance.c: something that ends the instance may have happened. Under lx_tree_lock. */
void lx_instance_changed(void);
/* A half takes a thread on, and is done with it. */
void lx_instance_thread_started(void);
void lx_instance_thread_ended(void);
/* The first program's last thread is about to give up its descriptors. */
void lx_instance_exit_hook(struct lx_process *process);

/* scheduling.c: a processor that the guest may see itself on. */
uint32_t lx_guest_cpu(const struct lx_thread *thread);

/* dispatch.c */
extern const struct ps_pico_provider lx_provider;

#endif
