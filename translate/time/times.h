/*
 * Time inside the LX subsystem: clocks, sleeping, and alarms, which call back at a time of any clock.
 *
 * Programs read the realtime and monotonic clocks in the host's vDSO without a call, so the guest's clocks are the
 * host's and can't be set. What arrives here are callers that go past the C library, and the other clocks: CPU-time
 * clocks count what the host tasks behind guest threads used, also those that have ended. Everything that calls back at
 * a time is an alarm (alarm.c) on one of NT's timer objects: POSIX timers, interval timers, RLIMIT_CPU. A CPU-time
 * alarm can't be set on the host; the clock is looked at when the time could be used up at the earliest.
 *
 * Absolute times of CLOCK_REALTIME follow when the host's clock is set, relative ones do not. Timers are guarded by
 * their process' signal_lock, for what they do is to send; an alarm's own functions run under no lock.
 */
#ifndef TRANSLATE_TIMES_H
#define TRANSLATE_TIMES_H

#include <bsd/sys/tree.h>
#include <core/timespec.h>

/* What a clock id means: a clock of the machine, or of the CPU time of a process or thread. */
struct lx_clock {
	int32_t id;              /* LX_CLOCK_*, LX_CLOCK_PROCESS_CPUTIME_ID for any CPU clock */
	bool is_cpu, is_thread;
	int32_t target;          /* CPU clock: pid or tid */
	enum { LX_CPU_PROFILE, LX_CPU_VIRTUAL, LX_CPU_SCHEDULED } kind;
};
/* -LX_EINVAL: no such clock, or one of a task that the caller may not ask for. */
int64_t lx_clock_resolve(struct lx_thread *caller, int32_t id, struct lx_clock *clock);
/* Is it of a kind for sleeps and timers? 0, -LX_EINVAL: there is no such clock, or -LX_EOPNOTSUPP. Asked first of all. */
int64_t lx_clock_check_kind(int32_t id);
/* The same for whom and now: -LX_EPERM too. Asked before lx_clock_resolve(). */
int64_t lx_clock_check_waiting(struct lx_thread *thread, int32_t id);
/* CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM. */
bool lx_clock_wakes_machine(int32_t id);
/* Nanoseconds on it; -LX_EINVAL: its task is gone. Takes lx_tree_lock for CPU clocks. */
int64_t lx_clock_read(const struct lx_clock *clock, uint64_t *ns);
uint64_t lx_clock_resolution(const struct lx_clock *clock);
/* Whether time on it passes as on CLOCK_REALTIME, so that absolute times follow when it is set. */
bool lx_clock_is_realtime(const struct lx_clock *clock);
/* The point on CLOCK_MONOTONIC (CLOCK_REALTIME if *absolute) when `due` is reached; a guess that is too early for CPU clocks. Takes lx_tree_lock for those. */
uint64_t lx_clock_deadline(const struct lx_clock *clock, uint64_t due, bool *absolute);

/*
 * alarm.c: calls `expired` once when `clock` reaches `due`. An alarm is a part of a larger object; armed, it holds a
 * reference to that by `retain`, given back by `release`, both without locks. `expired` runs on the timer thread under
 * no lock. An alarm set anew or cancelled may still call back for the old setting: users check under their own lock that
 * the time has come.
 */
struct lx_alarm {
	struct ktimer timer;
	struct lx_clock clock;
	_Atomic uint64_t due;
	void (*expired)(struct lx_alarm *alarm);
	void (*retain)(struct lx_alarm *alarm);
	void (*release)(struct lx_alarm *alarm);
};
void lx_alarm_init(struct lx_alarm *alarm, const struct lx_clock *clock);
void lx_alarm_set(struct lx_alarm *alarm, uint64_t due);
void lx_alarm_cancel(struct lx_alarm *alarm);

/*
 * timers.c: what a process has of timers; made when it is first needed, and outlives the process while an alarm is on its
 * way. Guarded by the process' signal_lock.
 */
enum { LX_ITIMER_COUNT = 3 };
struct lx_interval_timer {
	struct lx_alarm alarm;
	struct lx_posix_timers *timers;
	int32_t signo;
	bool armed;
	uint64_t due, interval; /* ns; interval 0: once */
};
struct lx_posix_timer;
struct lx_posix_timers {
	_Atomic uint32_t references;
	struct lx_process *process; /* referenced */
	bool ended;                 /* the process is not to hear of them any more */
	struct lx_interval_timer intervals[LX_ITIMER_COUNT];
	struct lx_alarm cpu_limit; /* RLIMIT_CPU */
	RB_HEAD(lx_posix_timer_tree, lx_posix_timer) tree; /* by id */
	int32_t next_id;
};
/* The process' timers, made if need be; NULL: no memory. Takes its signal_lock. */
struct lx_posix_timers *lx_timers_of(struct lx_process *process);
void lx_timers_reference(struct lx_posix_timers *timers);
void lx_timers_dereference(struct lx_posix_timers *timers);
/* How often a periodic time has come by `now`; *due goes to the next. 0: not yet. */
uint64_t lx_timer_forward(uint64_t *due, uint64_t interval, uint64_t now);

/* timers.c: POSIX timers and interval timers of a process end (exit; POSIX timers also at exec). */
void lx_timers_exit(struct lx_process *process);
void lx_timers_exec(struct lx_process *process);
/* itimer.c: under the signal_lock. */
void lx_itimers_init(struct lx_posix_timers *timers);
/* What the first program inherits; nanoseconds. */
void lx_itimer_inherit(struct lx_process *process, int32_t which, uint64_t value, uint64_t interval);
void lx_itimers_cancel(struct lx_posix_timers *timers);
/*
 * cpu_limit.c: RLIMIT_CPU of a process is new, or the process is. Takes lx_tree_lock and its signal_lock. The other is for
 * timers.c, under the signal_lock.
 */
void lx_cpu_limit_apply(struct lx_process *process);
void lx_cpu_limit_init(struct lx_posix_timers *timers);
/* posix_timers.c: each POSIX timer of a process, for who shows them; takes its signal_lock. tid 0: signals go to the process. */
struct lx_timer_view {
	int32_t id, clock, signo, notify, tid;
	uint64_t value;
};
void lx_posix_timers_walk(struct lx_process *process, void (*visit)(const struct lx_timer_view *timer, void *context), void *context);
/* posix_timers.c: under the signal_lock. */
void lx_posix_timers_delete_all(struct lx_posix_timers *timers);

#endif
