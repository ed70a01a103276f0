/* How the supervisor was started, and signals sent to it: what the instance's first program inherits or is told. */
#ifndef HAL_HOST_H
#define HAL_HOST_H

#include <hal/hal.h>

#define HAL_LIMIT_COUNT 16
#define HAL_AFFINITY_SIZE 128
#define HAL_TIMER_COUNT 3 /* ITIMER_* */
#define HAL_SIGINFO_SIZE 128

/* The state that a program inherits, as it was when the supervisor began. */
struct hal_start {
	uint64_t ignored_signals, blocked_signals; /* signal n is bit n-1 */
	struct { uint64_t current, maximum; } limits[HAL_LIMIT_COUNT];
	int32_t nice, policy, priority, ioprio;
	bool reset_on_fork;
	uint8_t affinity[HAL_AFFINITY_SIZE];
	uint8_t allowed[HAL_AFFINITY_SIZE]; /* what affinity could be widened to: the cpuset */
	size_t affinity_size; /* bytes of the mask that the host kernel has */
	uint32_t processors;  /* that the host kernel may ever have */
	uint64_t timer_slack_ns;
	struct { uint64_t value, interval; } timers[HAL_TIMER_COUNT]; /* microseconds that were left; lxrun's own run no more */
	int32_t death_signal;
	bool is_subreaper;
	uint32_t personality;
	int32_t oom_score_adj;
	uint32_t coredump_filter;
	bool leads_group, leads_session;
	bool has_terminal; /* a controlling terminal */
	bool no_transparent_huge_pages;
	char working_directory[4096]; /* "/" if it has no name any more */
};
const struct hal_start *hal_start_state(void);

/*
 * The next of the signals that were pending when the supervisor began, as a siginfo_t of the host's; each once. False: no
 * more. *own: the supervisor had sent it to itself.
 */
bool hal_next_pending(uint8_t info[HAL_SIGINFO_SIZE], bool *own);

/* One signal that was sent to the supervisor. */
struct hal_signal {
	int32_t number;
	bool from_terminal; /* by the terminal's driver, not by a process */
	uint8_t info[HAL_SIGINFO_SIZE]; /* the host's siginfo_t */
};
/* Block the signals that hal_signal_wait() takes, in the calling thread and those it will make. */
void hal_signal_block(void);
/*
 * Sleep until a signal arrives that somebody outside sent to the supervisor, any but KILL, STOP and CHLD; only a thread of
 * its own calls it. False: none did.
 */
bool hal_signal_wait(struct hal_signal *signal);
/* What came to another thread, as a siginfo_t of the host's, goes to that one. Can be called from a signal handler. */
void hal_signal_pass_on(const void *info);
/* Stop the whole supervisor as SIGTSTP would have, until it is continued. */
void hal_stop_self(void);

/* A descriptor on the controlling terminal, for the supervisor's life; -1: there is none. */
int hal_terminal(void);
/* Is the supervisor in the foreground of its controlling terminal now? True without one. */
bool hal_in_foreground(void);

/* uname(2)'s fields, each 65 bytes with a NUL. */
struct hal_names {
	char system[65], node[65], release[65], version[65], machine[65], domain[65];
};
void hal_query_names(struct hal_names *names);

/* sysinfo(2). Memory in units of `unit` bytes; loads with 16 bits of fraction. */
struct hal_memory {
	int64_t uptime_seconds;
	uint64_t loads[3];
	uint64_t total, free, shared, buffers, swap_total, swap_free, high_total, high_free;
	uint32_t unit;
};
void hal_query_memory(struct hal_memory *memory);

/* A plain thread's round-robin interval, and the time slice that sched_getattr(2) shows (0 before it did); nanoseconds. */
uint64_t hal_scheduling_interval(void);
uint64_t hal_scheduling_slice(void);

/* The processor that the calling thread runs on. */
uint32_t hal_current_processor(void);
/* fs.protected_symlinks, as it is now. */
bool hal_protects_links(void);

/* getrandom(2) with its flags: bytes, or -errno. */
int64_t hal_random(void *data, size_t size, uint32_t flags);

#endif
