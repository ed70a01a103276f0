/*
 * Futexes inside the LX subsystem: what the priority-inheritance operations and robust lists share.
 */
#ifndef TRANSLATE_FUTEX_H
#define TRANSLATE_FUTEX_H

#include <core/lx.h>

/*
 * futex_pi.c: the thread ends: it can own no lock any more, and the next waiter of each lock that it holds takes it over.
 * After the robust list has been walked.
 */
void lx_pi_owner_exit(struct lx_thread *thread);

/* robust.c: on the exiting thread's own half, while its memory still is there. */
void lx_robust_list_exit(struct lx_thread *thread);

#endif
