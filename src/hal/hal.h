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

/* The real-time signal that interrupts a thread inside hal_alertable_call; no thread of the supervisor may block or use
 * it. */
#define HAL_INTERRUPT_SIGNAL 62

struct hal_parker {
	_Atomic uint32_t token;	  /* 1: an unpark is due; 2: the owner sleeps on it */
	_Atomic uint32_t in_call; /* 1: inside hal_alertable_call */
	pid_t tid;
	_Atomic uint32_t sleeps; /* how often its owner slept, and made alertable calls */
};

/* Prepare the process: the signal that interrupts host calls, SIGPIPE ignored. At start; again is harmless. 0 or
 * -errno. */
int hal_initialize(void);
/* By the thread that will sleep on it. */
void hal_parker_init(struct hal_parker *parker);
/* The same for a zeroed parker that others may have unparked already: their token stays. */
void hal_parker_adopt(struct hal_parker *parker);
/* Sleep until unparked (consumes the token, returns true) or until `deadline_ns` on CLOCK_MONOTONIC (false);
 * UINT64_MAX: no deadline. */
bool hal_park(struct hal_parker *parker, uint64_t deadline_ns);
/* End the sleep, or the next one. Async-signal-safe, any thread. */
void hal_unpark(struct hal_parker *parker);
/*
 * hal_unpark in two steps, for who holds a lock that keeps the parker's memory: the first sets the token, the second
 * makes the host call, if one is due, and touches no memory.
 */
struct hal_wake {
	_Atomic uint32_t *token; /* the owner sleeps on it; NULL: it does not */
	pid_t tid;		 /* the owner is in a host call; 0: it is not */
};
struct hal_wake hal_unpark_begin(struct hal_parker *parker);
void hal_unpark_end(struct hal_wake wake);
static inline bool hal_wake_is_due(struct hal_wake wake)
{
	return wake.token || wake.tid;
}
/* Does its owner sleep, or is it in an alertable host call? True is certain only while nobody unparks it. */
bool hal_is_parked(struct hal_parker *parker);
/*
 * A blocking host call that hal_unpark interrupts without a race: -EINTR if the
 * token was set before or became set during it (the token is consumed), else
 * the raw result. A call that has had its effect returns it.
 */
int64_t hal_alertable_call(struct hal_parker *parker, long number, ...);
/* The same with the arguments in an array. */
int64_t hal_alertable_call_array(struct hal_parker *parker, long number, const uint64_t arguments[6]);

enum hal_clock {
	HAL_CLOCK_REALTIME,
	HAL_CLOCK_MONOTONIC,
	HAL_CLOCK_BOOTTIME,
	HAL_CLOCK_THREAD_CPU,
	HAL_CLOCK_MONOTONIC_RAW,
	HAL_CLOCK_REALTIME_COARSE,
	HAL_CLOCK_MONOTONIC_COARSE,
	HAL_CLOCK_TAI,
	HAL_CLOCK_REALTIME_ALARM,
	HAL_CLOCK_BOOTTIME_ALARM
};
/* Nanoseconds. */
uint64_t hal_time(enum hal_clock clock);
/* ... of one step of it; 0: the machine has no such clock. */
uint64_t hal_time_resolution(enum hal_clock clock);

/* What times(2) returns: the host's clock ticks since a point that only it knows. */
int64_t hal_ticks(void);

/*
 * The calling thread adds one to *count when it falls asleep (park or alertable
 * call) and one when it wakes, so that it is odd during sleep: CPU placement
 * reads it. NULL: none. Thread-local.
 */
void hal_set_sleep_count(_Atomic uint32_t *count);

/* Give a host descriptor back, such as a driver hands out for a section. */
void hal_close(int descriptor);

/* Start a detached thread with a small stack, all signals but HAL_INTERRUPT_SIGNAL blocked; 0 or -errno. */
int hal_thread_create(void (*routine)(void *), void *argument);
/* Give the host CPU to another thread that is ready. */
void hal_yield(void);

/*
 * A sleeper on both clocks for one thread, so that steps of the real-time clock
 * are noticed. Deadlines are absolute nanoseconds, UINT64_MAX: none.
 */
struct hal_alarm {
	struct hal_parker parker; /* unpark it to end the sleep */
	int realtime_fd;	  /* a timerfd that reports clock steps; -1: none could be had */
};
/* By the thread that will sleep on it. Never fails; without a timerfd, clock steps are noticed within a second. */
void hal_alarm_init(struct hal_alarm *alarm);
/* Returns once a deadline has passed, the real-time clock was stepped, or the parker was unparked; maybe earlier. */
void hal_alarm_wait(struct hal_alarm *alarm, uint64_t monotonic_ns, uint64_t realtime_ns);

/* The host user's identity. */
struct hal_identity {
	uint32_t ruid, euid, suid, fsuid;
	uint32_t rgid, egid, sgid, fsgid;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits;
	bool no_new_privileges;
};
void hal_query_identity(struct hal_identity *identity);
/* The calling host thread's own. */
void hal_query_file_identity(uint32_t *fsuid, uint32_t *fsgid);
/* The calling host thread's supplementary groups: how many there are (stored if `capacity` suffices), or -errno. */
int hal_query_groups(uint32_t *groups, uint32_t capacity);
/* ... effective capabilities. */
uint64_t hal_query_effective(void);

/* Who a host thread acts as: `groups` NULL leaves those that it has. */
struct hal_subject {
	uint32_t fsuid, fsgid;
	const uint32_t *groups;
	uint32_t group_count;
	uint64_t cap_effective; /* what lxrun's user doesn't have is left out */
};
/* The calling host thread alone becomes that subject. 0, or -errno: then whose identity it has is not known. -EPERM: the
 * host does not let it, or its user namespace has no such id. */
int hal_become(const struct hal_subject *subject);

/* For a look at a task of lxrun's own that the thread's present subject, or none but root, might have: as lxrun's user. */
struct hal_self {
	uint32_t fsuid, fsgid;
	uint64_t effective;
	bool changed;
};
void hal_enter_self(struct hal_self *from);
void hal_leave_self(const struct hal_self *to);

/* Close what is open of the descriptors from first to last. Allocates nothing: for forked children too. */
void hal_close_range(unsigned first, unsigned last);
/* LXRUN_FORCE_FALLBACKS=1: do without host calls that older kernels lack (openat2, ...), as if this one did. */
bool hal_force_fallbacks(void);
/* The host refuses openat2, whatever it says for that: known before the first guest. */
void hal_do_without_openat2(void);
bool hal_lacks_openat2(void);

struct hal_system {
	uint32_t page_size;
	uint64_t physical_pages;
	uint32_t processors;	 /* that the supervisor may run on */
	uint64_t processor_mask; /* the first 64 of them */
	uint64_t boot_time_ns;	 /* CLOCK_REALTIME at boot */
};
void hal_query_system(struct hal_system *system);
/* A value of the auxiliary vector that the host's kernel gave lxrun, as the C library doesn't change it; 0: there is none. */
uint64_t hal_auxiliary(uint64_t type);

#endif
