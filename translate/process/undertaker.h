/* Threads that were told to end and don't; see undertaker.c. Under lx_tree_lock. */
#ifndef TRANSLATE_PROCESS_UNDERTAKER_H
#define TRANSLATE_PROCESS_UNDERTAKER_H

#include <core/lx.h>

void lx_undertaker_watch(struct lx_thread *thread);
void lx_undertaker_forget(struct lx_thread *thread);
/* Once. False: there is no thread for it. */
bool lx_undertaker_start(void);

#endif
