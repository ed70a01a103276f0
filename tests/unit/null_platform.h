/*
 * A platform without guests, for tests of the executive: each pico process is a stretch of reserved host memory in the
 * test's own process, in which host calls on memory are really made, at translated addresses. Threads are structures that
 * never run. So a test sees through read_memory and write_memory what a guest would.
 */
#ifndef UNIT_NULL_PLATFORM_H
#define UNIT_NULL_PLATFORM_H

#include <pico/pico.h>

#define NULL_PLATFORM_LOWEST 0x200000ull
#define NULL_PLATFORM_HIGHEST (NULL_PLATFORM_LOWEST + (1ull << 30))
#define NULL_PLATFORM_RESIDENT 0x5000ull /* what every process has in RAM */

extern const struct pico_platform null_platform;

/* The n-th host call from now (1: the next) fails with the errno, once; 0 takes that back. */
void null_platform_fail_call(unsigned nth, int error);
/* Host calls made in all processes so far, batches counted by their calls, and batches. */
unsigned null_platform_call_count(void);
unsigned null_platform_batch_count(void);
/* How often a thread was kicked. */
unsigned null_platform_kicks(const struct pico_thread *thread);
/* What it was last given: nice (never below 0, as for an unprivileged user), and the first 64 processors of its mask. */
int null_platform_nice(const struct pico_thread *thread);
uint64_t null_platform_affinity(const struct pico_thread *thread);
/* What cpu_time will say of a thread. */
void null_platform_set_cpu_time(struct pico_thread *thread, struct pico_cpu_time time);
/* Processes and threads that exist: to find leaks. */
unsigned null_platform_process_count(void);

#endif
