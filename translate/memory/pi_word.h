/*
 * The word of a priority-inheritance futex: what names it, and its gate.
 */
#ifndef TRANSLATE_MEMORY_PI_WORD_H
#define TRANSLATE_MEMORY_PI_WORD_H

#include <core/lx.h>

struct pi_key {
	const void *object;     /* the address space, or the section of shared memory; NULL: a file that is mapped shared */
	uint64_t device, inode; /* the file: each process that maps it has a section of its own */
	uint64_t offset;        /* bytes in it */
};

bool lx_pi_same_key(const struct pi_key *a, const struct pi_key *b);
/* 0, -LX_EINVAL or -LX_EFAULT. */
int64_t lx_pi_make_key(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t op, struct pi_key *key);

struct pi_gate;
/* Be alone at the word: 0, -LX_ENOMEM, or -LX_ERESTARTNOINTR: the thread is to end. */
int64_t lx_pi_enter(const struct pi_key *key, struct pi_gate **gate);
void lx_pi_leave(struct pi_gate *gate);
/* The same at two words. */
int64_t lx_pi_enter_both(const struct pi_key *a, const struct pi_key *b, struct pi_gate *both[2]);
void lx_pi_leave_both(struct pi_gate *both[2]);

#endif
