/*
 * Alarms: one call back when a clock reaches a time. Clocks of the machine are the executive's timers; CPU-time clocks
 * are sampled: the timer goes off when the time could be used up at the earliest, looks, and is set again.
 *
 * References: an armed timer owns one to the alarm's owner. Whoever takes the timer out of the dispatcher's list (the
 * timer thread at its expiry, lx_alarm_cancel, a new setting) gives that one back; so the owner can't go while the timer
 * thread is on its way into the routine.
 */
#include <time/times.h>

/* May run under a signal_lock, so a CPU clock is not read here: the first expiry does. */
static void arm(struct lx_alarm *alarm, uint64_t deadline, bool absolute)
{
	alarm->retain(alarm);
	if (ke_set_timer_ns(&alarm->timer, deadline, absolute, 0))
		alarm->release(alarm);
}

static void timer_expired(struct ktimer *timer, void *context)
{
	struct lx_alarm *alarm = context;
	uint64_t now, due = atomic_load(&alarm->due);
	bool absolute;

	if (alarm->clock.is_cpu && lx_clock_read(&alarm->clock, &now) == 0 && now < due) {
		uint64_t deadline = lx_clock_deadline(&alarm->clock, due, &absolute);

		arm(alarm, deadline, absolute);
	} else {
		alarm->expired(alarm);
	}
	alarm->release(alarm);
}

void lx_alarm_init(struct lx_alarm *alarm, const struct lx_clock *clock)
{
	alarm->clock = *clock;
	ke_initialize_timer(&alarm->timer, NotificationTimer);
	alarm->timer.routine = timer_expired;
	alarm->timer.context = alarm;
}

void lx_alarm_set(struct lx_alarm *alarm, uint64_t due)
{
	uint64_t deadline;
	bool absolute = false;

	atomic_store(&alarm->due, due);
	if (alarm->clock.is_cpu)
		deadline = lx_deadline_after(0);
	else
		deadline = lx_clock_deadline(&alarm->clock, due, &absolute);
	arm(alarm, deadline, absolute);
}

void lx_alarm_cancel(struct lx_alarm *alarm)
{
	if (ke_cancel_timer(&alarm->timer))
		alarm->release(alarm);
}
