/*
 * RLIMIT_CPU: SIGXCPU when a process has used its soft limit, and every second again; SIGKILL at the hard one.
 *
 * An alarm on the process' CPU clock is set for the soft limit, which Linux keeps moving: it is raised with each SIGXCPU.
 * The limit is looked at anew when the alarm goes off, so one that was changed meanwhile needs no undoing.
 *
 * Locks: lx_tree_lock for limits; under it a thread that is not exiting keeps the process' timers from going.
 */
#include <core/process.h>
#include <core/thread.h>
#include <lx_syscalls.h>
#include <signal/signal.h>
#include <time/times.h>

#define NO_LIMIT UINT64_MAX

static bool has_used(uint64_t used, uint64_t seconds)
{
	return seconds != NO_LIMIT && used / LX_NS_PER_SECOND >= seconds;
}

/* Under lx_tree_lock. False: nothing more will happen. */
static bool enforce(struct lx_process *process, uint64_t used)
{
	struct lx_rlimit *limit = &process->limits[LX_RLIMIT_CPU];
	struct lx_siginfo info = {.si_signo = LX_SIGXCPU, .si_code = LX_SI_KERNEL};

	if (limit->rlim_cur == NO_LIMIT || process->state >= LX_ZOMBIE)
		return false;
	if (has_used(used, limit->rlim_max))
		info.si_signo = LX_SIGKILL;
	else if (has_used(used, limit->rlim_cur))
		__atomic_store_n(&limit->rlim_cur, limit->rlim_cur + 1, __ATOMIC_RELAXED);
	else
		return true;
	lx_signal_process(process, &info);
	return info.si_signo != LX_SIGKILL;
}

static void expired(struct lx_alarm *alarm)
{
	struct lx_posix_timers *timers = container_of(alarm, struct lx_posix_timers, cpu_limit);
	struct lx_process *process = timers->process;
	uint64_t used;
	bool ended, goes_on;

	if (lx_clock_read(&alarm->clock, &used))
		return;
	rtl_lock(&process->signal_lock);
	ended = timers->ended;
	rtl_unlock(&process->signal_lock);
	if (ended)
		return;
	lx_lock_tree();
	goes_on = enforce(process, used);
	lx_unlock_tree();
	if (goes_on)
		lx_cpu_limit_apply(process);
}

static void retain(struct lx_alarm *alarm)
{
	lx_timers_reference(container_of(alarm, struct lx_posix_timers, cpu_limit));
}

static void release(struct lx_alarm *alarm)
{
	lx_timers_dereference(container_of(alarm, struct lx_posix_timers, cpu_limit));
}

void lx_cpu_limit_init(struct lx_posix_timers *timers)
{
	const struct lx_clock clock = {
		.id = LX_CLOCK_PROCESS_CPUTIME_ID,
		.is_cpu = true,
		.kind = LX_CPU_PROFILE,
		.target = timers->process->pid,
	};

	timers->cpu_limit.expired = expired;
	timers->cpu_limit.retain = retain;
	timers->cpu_limit.release = release;
	lx_alarm_init(&timers->cpu_limit, &clock);
}

static bool is_running(const struct lx_process *process)
{
	const struct lx_thread *thread;

	TAILQ_FOREACH (thread, &process->threads, link)
		if (!thread->exiting)
			return true;
	return false;
}

void lx_cpu_limit_apply(struct lx_process *process)
{
	uint64_t seconds = lx_limit(process, LX_RLIMIT_CPU);
	struct lx_posix_timers *timers = NULL;

	if (seconds == NO_LIMIT)
		return;
	lx_lock_tree();
	if (is_running(process))
		timers = lx_timers_of(process);
	rtl_lock(&process->signal_lock);
	if (timers)
		lx_alarm_set(&timers->cpu_limit, MIN_OF(seconds, LX_CLOCK_FOREVER / LX_NS_PER_SECOND) * LX_NS_PER_SECOND);
	rtl_unlock(&process->signal_lock);
	lx_unlock_tree();
}
