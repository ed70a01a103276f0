/* Clocks, and the sleeper that the executive's timer thread waits in. */
#include <hal/hal.h>

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull

static const clockid_t clock_ids[] = {
    [HAL_CLOCK_REALTIME] = CLOCK_REALTIME,
    [HAL_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
    [HAL_CLOCK_BOOTTIME] = CLOCK_BOOTTIME,
    [HAL_CLOCK_THREAD_CPU] = CLOCK_THREAD_CPUTIME_ID,
    [HAL_CLOCK_MONOTONIC_RAW] = CLOCK_MONOTONIC_RAW,
    [HAL_CLOCK_REALTIME_COARSE] = CLOCK_REALTIME_COARSE,
    [HAL_CLOCK_MONOTONIC_COARSE] = CLOCK_MONOTONIC_COARSE,
    [HAL_CLOCK_TAI] = CLOCK_TAI,
    [HAL_CLOCK_REALTIME_ALARM] = CLOCK_REALTIME_ALARM,
    [HAL_CLOCK_BOOTTIME_ALARM] = CLOCK_BOOTTIME_ALARM,
};

uint64_t hal_time(enum hal_clock clock)
{
	struct timespec now;

	clock_gettime(clock_ids[clock], &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

uint64_t hal_time_resolution(enum hal_clock clock)
{
	struct timespec step;

	if (clock_getres(clock_ids[clock], &step) != 0)
		return 0;
	return (uint64_t)step.tv_sec * SECOND + (uint64_t)step.tv_nsec;
}

int64_t hal_ticks(void)
{
	return times(NULL);
}

void hal_alarm_init(struct hal_alarm *alarm)
{
	hal_parker_adopt(&alarm->parker);
	alarm->realtime_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	/* Timers of the guest must be as exact as the host's own, which have no slack. */
	prctl(PR_SET_TIMERSLACK, 1);
}

/* Arm the timerfd; also its default, far in the future, reports clock steps. */
static void arm_realtime(struct hal_alarm *alarm, uint64_t realtime_ns)
{
	uint64_t due = realtime_ns < INT64_MAX ? realtime_ns : INT64_MAX;
	struct itimerspec time = {.it_value = {(time_t)(due / SECOND), (long)(due % SECOND)}};
	uint64_t expirations;

	if (!due)
		time.it_value.tv_nsec = 1;
	/* A step that was not read yet would fail the read, and be reported again. */
	(void)!read(alarm->realtime_fd, &expirations, sizeof(expirations));
	timerfd_settime(alarm->realtime_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &time, NULL);
}

void hal_alarm_wait(struct hal_alarm *alarm, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	struct pollfd descriptor = {.fd = realtime_ns == UINT64_MAX ? -1 : alarm->realtime_fd, .events = POLLIN};
	struct timespec timeout, *wait = NULL;

	if (realtime_ns != UINT64_MAX) {
		if (alarm->realtime_fd >= 0)
			arm_realtime(alarm, realtime_ns);
		/* The clock may have been stepped before it was armed; and without a timerfd, look again soon. */
		uint64_t now = hal_time(HAL_CLOCK_REALTIME);
		uint64_t left = realtime_ns > now ? realtime_ns - now : 0;

		if (!left)
			return;
		if (alarm->realtime_fd < 0) {
			uint64_t until = hal_time(HAL_CLOCK_MONOTONIC) + (left < SECOND ? left : SECOND);

			monotonic_ns = monotonic_ns < until ? monotonic_ns : until;
		}
	}
	if (monotonic_ns != UINT64_MAX) {
		uint64_t now = hal_time(HAL_CLOCK_MONOTONIC);
		uint64_t left = monotonic_ns > now ? monotonic_ns - now : 0;

		timeout = (struct timespec){(time_t)(left / SECOND), (long)(left % SECOND)};
		wait = &timeout;
	}
	hal_alertable_call(&alarm->parker, SYS_ppoll, (uint64_t)&descriptor, 1ul, (uint64_t)wait, 0ul, 8ul, 0ul);
}
