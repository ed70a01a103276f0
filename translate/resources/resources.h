/*
 * Limits of processes, and the processors that threads may see.
 */
#ifndef TRANSLATE_RESOURCES_RESOURCES_H
#define TRANSLATE_RESOURCES_RESOURCES_H

#include <core/lx.h>

/* limits.c */
void lx_limits_initialize(struct lx_process *process);
void lx_limits_apply(struct lx_process *process);
/* scheduling.c: a processor that the guest may see itself on. */
uint32_t lx_guest_cpu(const struct lx_thread *thread);

#endif
