/*
 * The ends of threads and processes, and who is told of them.
 */
#ifndef TRANSLATE_PROCESS_EXIT_H
#define TRANSLATE_PROCESS_EXIT_H

#include <core/lx.h>

struct lx_siginfo;


/* exit.c: the sequence of a thread that ends, on its own half (or, if `died`, without touching the guest). */
void lx_thread_exit(struct lx_thread *thread, int32_t status, bool died);
/* The same for a thread that hangs in the host and was given up (ke_give_up), but for its descriptors. By a thread of no process. */
void lx_thread_bury(struct lx_thread *thread, int32_t status);
/* The process' other threads are to end; the caller (of its own half) waits until they have. False: it must end itself. */
bool lx_end_other_threads(struct lx_thread *survivor);
/* The parent's vfork goes on: exec or exit. */
void lx_release_vfork_parent(struct lx_process *process);
/* Clear what clear_child_tid names and wake its futex: exit and exec. */
void lx_clear_child_tid(struct lx_thread *thread);

/* wait.c: the wait status of a zombie's siginfo; reaping adds its usage to the parent's children. Under lx_tree_lock. */
void lx_fill_child_info(struct lx_siginfo *info, const struct lx_process *child, int32_t code, int32_t status);
void lx_reap(struct lx_process *zombie);

#endif
