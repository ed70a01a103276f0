/* Interval timers: getitimer(2), setitimer(2), alarm(2). One of wall time, two of the process' CPU time. */
#include <core/process.h>
#include <lx_syscalls.h>
#include <signal/signals.h>
#include <time/times.h>

#define MICROSECOND 1000ull

static void retain(struct lx_alarm *alarm)
{
	lx_timers_reference(container_of(alarm, struct lx_interval_timer, alarm)->timers);
}

static void release(struct lx_alarm *alarm)
{
	lx_timers_dereference(container_of(alarm, struct lx_interval_timer, alarm)->timers);
}

/* Under the signal_lock: the time has come; the next one is set, and the signal sent. */
static void fire(struct lx_interval_timer *timer, uint64_t now, bool *fatal)
{
	struct lx_siginfo info = {.si_signo = timer->signo, .si_code = LX_SI_KERNEL};
	struct lx_send send = {timer->timers->process, NULL, &info, NULL};

	timer->armed = lx_timer_forward(&timer->due, timer->interval, now) > 0;
	if (timer->armed)
		lx_alarm_set(&timer->alarm, timer->due);
	lx_signal_send_locked(&send, fatal);
}

static void expired(struct lx_alarm *alarm)
{
	struct lx_interval_timer *timer = container_of(alarm, struct lx_interval_timer, alarm);
	struct lx_process *process = timer->timers->process;
	bool fatal = false;
	uint64_t now;

	if (lx_clock_read(&alarm->clock, &now))
		return;
	rtl_lock(&process->signal_lock);
	if (!timer->timers->ended && timer->armed && timer->due <= now)
		fire(timer, now, &fatal);
	rtl_unlock(&process->signal_lock);
	if (fatal)
		lx_exit_group(process, timer->signo);
}

void lx_itimers_init(struct lx_posix_timers *timers)
{
	static const int32_t signals[] = {LX_SIGALRM, LX_SIGVTALRM, LX_SIGPROF};

	for (size_t which = 0; which < LX_ITIMER_COUNT; which++) {
		struct lx_interval_timer *timer = &timers->intervals[which];
		struct lx_clock clock = {.id = LX_CLOCK_MONOTONIC, .target = timers->process->pid};

		if (which != LX_ITIMER_REAL) {
			clock.id = LX_CLOCK_PROCESS_CPUTIME_ID;
			clock.is_cpu = true;
			clock.kind = which == LX_ITIMER_VIRTUAL ? LX_CPU_VIRTUAL : LX_CPU_PROFILE;
		}
		timer->timers = timers;
		timer->signo = signals[which];
		timer->alarm.expired = expired;
		timer->alarm.retain = retain;
		timer->alarm.release = release;
		lx_alarm_init(&timer->alarm, &clock);
	}
}

void lx_itimers_cancel(struct lx_posix_timers *timers)
{
	for (size_t which = 0; which < LX_ITIMER_COUNT; which++) {
		timers->intervals[which].armed = false;
		lx_alarm_cancel(&timers->intervals[which].alarm);
	}
}

static struct lx_timeval timeval_of(uint64_t ns)
{
	uint64_t us = (ns + MICROSECOND - 1) / MICROSECOND;

	return (struct lx_timeval){(int64_t)(us / 1000000), (int64_t)(us % 1000000)};
}

/* Under the signal_lock. A timer that is due and about to fire still counts as running. */
static struct lx_itimerval current_value(const struct lx_interval_timer *timer, uint64_t now)
{
	struct lx_itimerval value = {.it_interval = timeval_of(timer->interval)};

	if (timer->armed)
		value.it_value = timeval_of(timer->due > now ? timer->due - now : 1);
	return value;
}

static int64_t exchange(struct lx_process *process, int32_t which, uint64_t value, uint64_t interval, bool set,
			struct lx_itimerval *old)
{
	struct lx_posix_timers *timers;
	struct lx_interval_timer *timer;
	uint64_t now;

	if (which < 0 || which >= LX_ITIMER_COUNT)
		return -LX_EINVAL;
	timers = lx_timers_of(process);
	if (!timers)
		return -LX_ENOMEM;
	timer = &timers->intervals[which];
	if (lx_clock_read(&timer->alarm.clock, &now))
		return -LX_EINVAL;
	rtl_lock(&process->signal_lock);
	*old = current_value(timer, now);
	if (set) {
		timer->armed = value != 0;
		timer->interval = interval;
		timer->due = lx_time_after(now, value);
		if (timer->armed)
			lx_alarm_set(&timer->alarm, timer->due);
		else
			lx_alarm_cancel(&timer->alarm);
	}
	rtl_unlock(&process->signal_lock);
	return 0;
}

void lx_itimer_inherit(struct lx_process *process, int32_t which, uint64_t value, uint64_t interval)
{
	struct lx_itimerval none;

	exchange(process, which, value, interval, true, &none);
}

static bool timeval_ns(const struct lx_timeval *time, uint64_t *ns)
{
	struct lx_timespec converted = {.tv_sec = time->tv_sec};

	if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= 1000000)
		return false;
	converted.tv_nsec = time->tv_usec * (int64_t)MICROSECOND;
	*ns = lx_timespec_ns(&converted);
	return true;
}

int64_t lx_sys_getitimer(struct lx_call *call, int32_t which, struct lx_uptr curr_value)
{
	struct lx_itimerval current;
	int64_t result = exchange(call->thread->process, which, 0, 0, false, &current);

	return result ? result : lx_out_itimerval(call, curr_value, &current);
}

int64_t lx_sys_setitimer(struct lx_call *call, int32_t which, struct lx_uptr new_value, struct lx_uptr old_value)
{
	struct lx_itimerval new = {0}, old;
	uint64_t value, interval;
	int64_t result;

	/* Without a new value the timer is stopped: an old habit that Linux keeps. */
	if (!lx_is_null(new_value) && lx_in_itimerval(call, &new, new_value))
		return -LX_EFAULT;
	if (!timeval_ns(&new.it_value, &value) || !timeval_ns(&new.it_interval, &interval))
		return -LX_EINVAL;
	result = exchange(call->thread->process, which, value, interval, true, &old);
	if (result == 0 && !lx_is_null(old_value))
		result = lx_out_itimerval(call, old_value, &old);
	return result;
}

int64_t lx_sys_alarm(struct lx_call *call, uint32_t seconds)
{
	struct lx_itimerval old;
	uint64_t value = MIN_OF(seconds, (uint32_t)INT32_MAX) * LX_NS_PER_SECOND;
	int64_t result = exchange(call->thread->process, LX_ITIMER_REAL, value, 0, true, &old);

	if (result)
		return result;
	/* Rounded, but never to 0 while it runs. */
	if ((old.it_value.tv_sec == 0 && old.it_value.tv_usec) || old.it_value.tv_usec >= 500000)
		old.it_value.tv_sec++;
	return old.it_value.tv_sec;
}
