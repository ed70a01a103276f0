/* Every call about clocks, sleeping and timers in every way that it refuses or is interrupted; for root also as nobody. */
#include "observe.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#define BAD ((void *)8)
#define NO_CLOCK 77
#define NO_TIMER 12345

static void sleeping(void)
{
	struct timespec minute = {60, 0}, wrong = {0, -1}, nothing = {0, 0}, left = {0, 0}, until;

	section("sleeping");
	tick(5);
	OBSERVE(syscall(SYS_nanosleep, &minute, &left));
	printf("left %d\n", left.tv_sec == 59);
	OBSERVE(syscall(SYS_nanosleep, &minute, NULL));
	OBSERVE(syscall(SYS_nanosleep, &minute, BAD));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &minute, &left));
	printf("left %d\n", left.tv_sec == 59);
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &minute, BAD));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, BAD));
	tick(0);
	OBSERVE(syscall(SYS_nanosleep, &nothing, BAD));
	OBSERVE(syscall(SYS_nanosleep, BAD, NULL));
	OBSERVE(syscall(SYS_nanosleep, &wrong, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &nothing, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, NO_CLOCK, 0, &nothing, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &nothing, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &nothing, NULL));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_COARSE, 0, &nothing, NULL));
}

static void reading(void)
{
	struct timespec time;
	struct timeval day;

	section("reading clocks");
	OBSERVE(syscall(SYS_clock_gettime, CLOCK_REALTIME, &time));
	OBSERVE(syscall(SYS_clock_gettime, CLOCK_REALTIME, BAD));
	OBSERVE(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, BAD));
	OBSERVE(syscall(SYS_clock_gettime, NO_CLOCK, &time));
	OBSERVE(syscall(SYS_clock_gettime, -1, &time));
	OBSERVE(syscall(SYS_clock_getres, CLOCK_REALTIME, &time));
	OBSERVE(syscall(SYS_clock_getres, CLOCK_REALTIME, NULL));
	OBSERVE(syscall(SYS_clock_getres, CLOCK_REALTIME, BAD));
	OBSERVE(syscall(SYS_clock_getres, NO_CLOCK, &time));
	OBSERVE(syscall(SYS_gettimeofday, &day, NULL));
	OBSERVE(syscall(SYS_gettimeofday, NULL, NULL));
	OBSERVE(syscall(SYS_gettimeofday, BAD, NULL));
	OBSERVE(syscall(SYS_gettimeofday, NULL, BAD));
	OBSERVE_SUCCESS(syscall(SYS_time, NULL));
	OBSERVE(syscall(SYS_time, BAD));
}

/* Only in ways that leave the machine's clock alone. */
static void setting(void)
{
	struct timespec time = {0, 0}, wrong = {0, 1000000000};
	struct timeval day = {0, 0}, wrong_day = {0, 1000001};

	section("setting clocks");
	OBSERVE(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD));
	OBSERVE(syscall(SYS_clock_settime, CLOCK_REALTIME, &wrong));
	OBSERVE(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &time));
	OBSERVE(syscall(SYS_clock_settime, NO_CLOCK, &time));
	OBSERVE(syscall(SYS_settimeofday, BAD, NULL));
	OBSERVE(syscall(SYS_settimeofday, NULL, BAD));
	OBSERVE(syscall(SYS_settimeofday, &wrong_day, NULL));
	become_nobody();
	OBSERVE(syscall(SYS_clock_settime, CLOCK_REALTIME, &time));
	OBSERVE(syscall(SYS_settimeofday, &day, NULL));
}

static void intervals(void)
{
	struct itimerval timer = {{0, 0}, {0, 0}}, wrong = {{0, 0}, {0, -1}};

	section("interval timers");
	OBSERVE(syscall(SYS_setitimer, ITIMER_VIRTUAL, &timer, &timer));
	OBSERVE(syscall(SYS_getitimer, ITIMER_VIRTUAL, &timer));
	OBSERVE(syscall(SYS_setitimer, 3, &timer, NULL));
	OBSERVE(syscall(SYS_getitimer, 3, &timer));
	OBSERVE(syscall(SYS_setitimer, ITIMER_REAL, &wrong, NULL));
	OBSERVE(syscall(SYS_setitimer, ITIMER_REAL, BAD, NULL));
	OBSERVE(syscall(SYS_setitimer, ITIMER_REAL, &timer, BAD));
	OBSERVE(syscall(SYS_getitimer, ITIMER_REAL, BAD));
	OBSERVE(syscall(SYS_alarm, 50));
	OBSERVE(syscall(SYS_alarm, 0));
}

static void posix_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE}, wrong = {.sigev_notify = 99};
	struct itimerspec once = {.it_value = {100, 0}}, bad_time = {.it_value = {0, -1}};
	int timer = -1, second;

	section("timers");
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC, BAD, &second));
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, BAD));
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC, &wrong, &second));
	OBSERVE(syscall(SYS_timer_create, NO_CLOCK, &event, &second));
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, &event, &second));
	OBSERVE(syscall(SYS_timer_settime, timer, 0, &once, NULL));
	OBSERVE(syscall(SYS_timer_settime, timer, 0, &once, BAD));
	OBSERVE(syscall(SYS_timer_settime, timer, 0, BAD, NULL));
	OBSERVE(syscall(SYS_timer_settime, timer, 0, NULL, NULL));
	OBSERVE(syscall(SYS_timer_settime, timer, 0, &bad_time, NULL));
	OBSERVE(syscall(SYS_timer_settime, NO_TIMER, 0, &once, NULL));
	OBSERVE(syscall(SYS_timer_gettime, timer, &once));
	OBSERVE(syscall(SYS_timer_gettime, timer, BAD));
	OBSERVE(syscall(SYS_timer_gettime, NO_TIMER, &once));
	OBSERVE(syscall(SYS_timer_getoverrun, timer));
	OBSERVE(syscall(SYS_timer_getoverrun, NO_TIMER));
	OBSERVE(syscall(SYS_timer_delete, timer));
	OBSERVE(syscall(SYS_timer_delete, timer));
}

/* A timer's signal takes its place in the queue when the timer is made. */
static void no_room(void)
{
	struct rlimit nothing = {0, 0};
	int timer;

	section("no room for queued signals");
	become_nobody();
	setrlimit(RLIMIT_SIGPENDING, &nothing);
	OBSERVE(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
}

static void descriptors(void)
{
	struct itimerspec once = {.it_value = {100, 0}}, wrong = {.it_value = {-1, 0}};
	struct rlimit limit = {0, 4096};
	int fd, ends[2];

	section("timer descriptors");
	fd = (int)OBSERVE_SUCCESS(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
	if (pipe(ends) < 0)
		return;
	OBSERVE(syscall(SYS_timerfd_settime, fd, 0, &once, NULL));
	OBSERVE(syscall(SYS_timerfd_gettime, fd, &once));
	OBSERVE(syscall(SYS_timerfd_settime, fd, 0, &once, BAD));
	OBSERVE(syscall(SYS_timerfd_settime, fd, 0, BAD, NULL));
	OBSERVE(syscall(SYS_timerfd_settime, fd, 0, &wrong, NULL));
	OBSERVE(syscall(SYS_timerfd_settime, fd, 0x10, &once, NULL));
	OBSERVE(syscall(SYS_timerfd_settime, ends[0], 0, &once, NULL));
	OBSERVE(syscall(SYS_timerfd_settime, 99, 0, &once, NULL));
	OBSERVE(syscall(SYS_timerfd_gettime, fd, BAD));
	OBSERVE(syscall(SYS_timerfd_gettime, ends[0], &once));
	OBSERVE(syscall(SYS_timerfd_gettime, 99, &once));
	OBSERVE(syscall(SYS_timerfd_create, NO_CLOCK, 0));
	OBSERVE(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 1));
	become_nobody();
	OBSERVE(syscall(SYS_timerfd_create, CLOCK_REALTIME_ALARM, 0));
	OBSERVE(syscall(SYS_timerfd_create, CLOCK_BOOTTIME_ALARM, 0));
	setrlimit(RLIMIT_NOFILE, &limit);
	OBSERVE(syscall(SYS_timerfd_create, CLOCK_REALTIME_ALARM, 0));
	OBSERVE(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
}

static void waking_the_machine(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct timespec nothing = {0, 0};
	int timer;

	section("alarm clocks as nobody");
	become_nobody();
	OBSERVE(syscall(SYS_timer_create, CLOCK_REALTIME_ALARM, &event, &timer));
	OBSERVE(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, &nothing, NULL));
}

int main(void)
{
	in_child(sleeping);
	in_child(reading);
	in_child(setting);
	in_child(intervals);
	in_child(posix_timers);
	in_child(no_room);
	in_child(descriptors);
	in_child(waking_the_machine);
	return 0;
}
