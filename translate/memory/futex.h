/*
 * Memory calls and futexes.
 *
 * mmap(2) and its kin (mapping.c, protect.c, lock_memory.c) check what Linux checks before it looks at an address
 * space, and leave the rest to the memory manager (executive/mm), which changes the guest's mappings in the guest.
 *
 * A futex is a word of guest memory that the guest changes without a call; the kernel is asked only to sleep and to
 * wake. WSL1 had queues of its own for that. Here the queues are the host's: plain operations run on the host in the
 * guest's task with the guest's address (futex.c), so that native programs share them, and nothing of a wait passes
 * through lxrun. What must not run there are operations in which the kernel itself writes task ids into the word: the
 * ids of guests are not the host's. Priority inheritance (futex_pi.c, pi_word.c) and robust lists (robust.c) are
 * therefore LX's own.
 *
 * The word of a PI futex is guest memory which hostile threads change at will: each change of it is one
 * compare-and-swap in the guest, tried a bounded number of times, behind a gate of that word's own, which who waits at
 * it leaves when it is killed. No lock of lxrun's is held meanwhile; queues are under pi_lock.
 */
#ifndef TRANSLATE_FUTEX_H
#define TRANSLATE_FUTEX_H

#include <core/lx.h>

/*
 * futex_pi.c: the thread ends: it can own no lock any more, and the next waiter of each lock that it holds takes it over.
 * After the robust list has been walked.
 */
void lx_pi_owner_exit(struct lx_thread *thread);

/* futex.c: a wake that the kernel makes when a thread ends, of one waiter. */
void lx_futex_wake_shared(struct lx_thread *thread, struct lx_uptr uaddr);

/* robust.c: on the exiting thread's own half, while its memory still is there. */
void lx_robust_list_exit(struct lx_thread *thread);

#endif
