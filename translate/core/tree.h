/*
 * The tree of processes and the ids in it, as the process engine changes them. All of it is guarded by lx_tree_lock.
 */
#ifndef TRANSLATE_TREE_H
#define TRANSLATE_TREE_H

#include <bsd/sys/tree.h>
#include <core/process.h>

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

/* The number that was given out last. */
int32_t lx_id_last(void);
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

/*
 * Under lx_tree_lock: `child` is being made by a thread of `parent`, up to lx_tree_end_announcement(). What is sent to groups, or to
 * everybody, meanwhile reaches it too: the sender tells of each process that got it, and the maker passes it on.
 */
void lx_tree_announce(struct lx_process *parent, struct lx_process *child);
void lx_tree_end_announcement(struct lx_process *child);
void lx_tree_tell_unborn(struct lx_process *parent, int32_t signo);

/* Into the tree with a reserved id. The process takes its thread with it: lx_tree_link_thread is for further ones. */
void lx_tree_link_process(struct lx_process *process, struct lx_id *id, struct lx_process *parent, int32_t parent_tid);
void lx_tree_link_thread(struct lx_thread *thread, struct lx_id *id);
/* The thread leaves its process and gives up its tid, unless that is the process' pid. */
void lx_tree_unlink_thread(struct lx_thread *thread);
/* It has another identity. The old token's reference is the caller's again. */
void lx_tree_set_token(struct lx_thread *thread, struct se_token *token);
/* The tid changes to the pid: exec by another thread than the leader. */
void lx_tree_become_leader(struct lx_thread *thread);
/* A zombie is reaped, or a process that never ran is taken back: out of the tree, and the tree's reference goes. */
void lx_tree_remove(struct lx_process *process);
/* `child` becomes a child of `parent`. */
void lx_tree_reparent(struct lx_process *child, struct lx_process *parent, int32_t parent_tid);
/* What a thread that ends has made is from now on another's of its process. */
void lx_tree_give_made(struct lx_thread *thread, struct lx_thread *heir);
/* Live processes apart from pid 1. */
uint32_t lx_tree_process_count(void);
/* All live threads; needs no lock. */
uint32_t lx_tree_thread_count(void);
/* Threads whose real user id is `uid`, ended leaders that nobody has waited for included. */
uint32_t lx_tree_threads_of_user(uint32_t uid);

#endif
