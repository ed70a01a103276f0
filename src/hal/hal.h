/*
 * The host as the executive needs it. Apart from src/pico and src/drivers,
 * nothing else makes host calls.
 *
 * Parking is the one way a supervisor thread sleeps. Every thread that may wait
 * owns a hal_parker; hal_unpark() by any other thread ends the sleep, whether it
 * is a plain park (a futex) or a blocking host call. An unpark is sticky: it
 * ends the next sleep if none is under way. Who sleeps re-checks its condition.
 */
#ifndef HAL_HAL_H
#define HAL_HAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hal_parker {
	_Atomic uint32_t token;   /* 1: an unpark is due */
	_Atomic uint32_t in_call; /* 1: inside hal_alertable_call */
	pid_t tid;
};

/* Prepare the process: the signal that interrupts host calls, SIGPIPE ignored. Once, at start. 0 or -errno. */
int hal_initialize(void);
/* By the thread that will sleep on it. */
void hal_parker_init(struct hal_parker *parker);
/* Sleep until unparked (consumes the token, returns true) or until `deadline_ns` on CLOCK_MONOTONIC (false); UINT64_MAX: no deadline. */
bool hal_park(struct hal_parker *parker, uint64_t deadline_ns);
/* End the sleep, or the next one. Async-signal-safe, any thread. */
void hal_unpark(struct hal_parker *parker);
/*
 * A blocking host call that hal_unpark interrupts without a race: -EINTR if the
 * token was set before or became set during it (the token is consumed), else
 * the raw result. A call that has had its effect returns it.
 */
int64_t hal_alertable_call(struct hal_parker *parker, long number, ...);

enum hal_clock { HAL_CLOCK_REALTIME, HAL_CLOCK_MONOTONIC, HAL_CLOCK_BOOTTIME, HAL_CLOCK_THREAD_CPU };
/* Nanoseconds. */
uint64_t hal_time(enum hal_clock clock);

/* Start a detached thread with a small stack; 0 or -errno. */
int hal_thread_create(void (*routine)(void *), void *argument);

#endif
