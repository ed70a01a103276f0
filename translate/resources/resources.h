/*
 * What processes may use, and what they have used: limits, priorities, processors, usage.
 *
 * A limit is kept per process and acts where its resource is given out: RLIMIT_NOFILE in descriptor tables, RLIMIT_AS
 * and its kin in the memory manager, RLIMIT_CPU as an alarm (time/cpu_limit.c), RLIMIT_NPROC over all of a user's
 * threads. What lxrun itself inherited is the instance's, and must not act on lxrun's own work; the HAL keeps it for
 * the guest (hal_start_state).
 *
 * Priorities, affinity and policies are the host's, set on the guest's host tasks. Usage is summed here (rusage.c),
 * since over its life a process is several host tasks: each exec brings a new one.
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
