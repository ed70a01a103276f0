/* Timers: setitimer, alarm, POSIX timers on every clock, overruns, who gets the signal, what exec and fork leave. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result;
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))

static sigset_t all;
static volatile sig_atomic_t count;
static void counter(int signo)
{
	(void)signo;
	count++;
}

static int next(siginfo_t *info)
{
	struct timespec limit = {60, 0};

	return sigtimedwait(&all, info, &limit);
}

static void intervals(void)
{
	struct itimerval timer = {.it_interval = {0, 5000}, .it_value = {0, 5000}}, now, none = {{0, 0}, {0, 0}};
	siginfo_t info;

	TRY(setitimer(ITIMER_REAL, &timer, NULL));
	for (int i = 0; i < 3; i++)
		printf("signal %d\n", next(&info));
	getitimer(ITIMER_REAL, &now);
	printf("interval %ld value within %d\n", now.it_interval.tv_usec, now.it_value.tv_sec == 0 && now.it_value.tv_usec <= 5000);
	TRY(setitimer(ITIMER_REAL, &none, &now));
	printf("old interval %ld\n", now.it_interval.tv_usec);
	getitimer(ITIMER_REAL, &now);
	printf("stopped %ld %ld\n", now.it_value.tv_sec, now.it_value.tv_usec);
	sigset_t pending;
	sigpending(&pending);
	if (sigismember(&pending, SIGALRM))
		next(&info);
	TRY(alarm(100));
	TRY(alarm(0));
	TRY(alarm(0));
	timer.it_value.tv_usec = 1000000;
	TRY(setitimer(ITIMER_REAL, &timer, NULL));
	TRY(setitimer(3, &none, NULL));
	TRY(getitimer(-1, &now));
	TRY(syscall(SYS_setitimer, ITIMER_REAL, 1, NULL));
	TRY(syscall(SYS_getitimer, ITIMER_REAL, 1));
	TRY(syscall(SYS_setitimer, ITIMER_REAL, NULL, NULL));
}

static void cpu_intervals(void)
{
	int kinds[] = {ITIMER_VIRTUAL, ITIMER_PROF};
	int signals[] = {SIGVTALRM, SIGPROF};

	for (int i = 0; i < 2; i++) {
		struct itimerval timer = {.it_value = {0, 20000}}, now;
		sigset_t one;

		count = 0;
		signal(signals[i], counter);
		setitimer(kinds[i], &timer, NULL);
		sigemptyset(&one);
		sigaddset(&one, signals[i]);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		while (!count)
			continue;
		getitimer(kinds[i], &now);
		printf("cpu timer %d fired, left %ld\n", kinds[i], now.it_value.tv_usec);
		sigprocmask(SIG_BLOCK, &one, NULL);
	}
}

static void posix(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 77};
	struct itimerspec once = {.it_value = {0, 2000000}}, often = {{0, 1000000}, {0, 1000000}}, now, none = {{0, 0}, {0, 0}};
	timer_t timer, other;
	siginfo_t info;

	const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		TRY(timer_create(clocks[i], &event, &timer));
		TRY(timer_settime(timer, 0, &once, NULL));
		result = next(&info);
		printf("signal %d code %d value %d overrun %d\n", info.si_signo - SIGRTMIN, info.si_code, info.si_value.sival_int, info.si_overrun);
		timer_gettime(timer, &now);
		printf("after: %ld %ld\n", now.it_value.tv_sec, now.it_value.tv_nsec);
		TRY(timer_getoverrun(timer));
		TRY(timer_delete(timer));
	}
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &often, NULL);
	struct timespec pause_time = {0, 30000000};
	nanosleep(&pause_time, NULL);
	next(&info);
	printf("overrun many %d same %d\n", info.si_overrun >= 20, info.si_overrun == timer_getoverrun(timer));
	next(&info);
	printf("goes on %d\n", info.si_signo == SIGRTMIN + 1);
	nanosleep(&pause_time, NULL);
	TRY(timer_settime(timer, 0, &none, &now));
	printf("old interval %ld\n", now.it_interval.tv_nsec);
	struct timespec zero = {0, 0};
	struct timespec past;
	clock_gettime(CLOCK_MONOTONIC, &past);
	while (sigtimedwait(&all, &info, &zero) > 0)
		continue;
	struct itimerspec absolute = {.it_value = past};
	TRY(timer_settime(timer, TIMER_ABSTIME, &absolute, NULL));
	printf("past: %d\n", next(&info) == SIGRTMIN + 1);
	timer_delete(timer);
	event.sigev_notify = SIGEV_NONE;
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	/* However late it is asked. */
	const struct itimerspec late = {.it_value = {100, 0}};
	timer_settime(timer, 0, &late, NULL);
	timer_gettime(timer, &now);
	printf("none: runs %d\n", now.it_value.tv_sec > 0);
	timer_settime(timer, 0, &once, NULL);
	nanosleep(&pause_time, NULL);
	timer_gettime(timer, &now);
	printf("none: ended %d pending %d\n", now.it_value.tv_nsec == 0, sigtimedwait(&all, &info, &zero) > 0);
	timer_delete(timer);
	timer_create(CLOCK_MONOTONIC, NULL, &timer);
	timer_settime(timer, 0, &once, NULL);
	next(&info);
	printf("default: signal %d code %d\n", info.si_signo, info.si_code);
	timer_create(CLOCK_MONOTONIC, NULL, &other);
	printf("ids differ %d\n", timer != other);
	event.sigev_notify = 99;
	TRY(timer_create(CLOCK_MONOTONIC, &event, &other));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = 0;
	TRY(timer_create(CLOCK_MONOTONIC, &event, &other));
	event.sigev_signo = 65;
	TRY(timer_create(CLOCK_MONOTONIC, &event, &other));
	TRY(timer_create(CLOCK_MONOTONIC_RAW, NULL, &other));
	TRY(timer_create(CLOCK_MONOTONIC_COARSE, NULL, &other));
	TRY(timer_create(55, NULL, &other));
	int kernel_id = 0x7fff;
	TRY(syscall(SYS_timer_settime, kernel_id, 0, &once, NULL));
	TRY(syscall(SYS_timer_gettime, kernel_id, &now));
	TRY(syscall(SYS_timer_getoverrun, kernel_id));
	TRY(syscall(SYS_timer_delete, kernel_id));
	once.it_value.tv_nsec = 1000000000;
	TRY(syscall(SYS_timer_settime, kernel_id, 0, &once, NULL));
	TRY(syscall(SYS_timer_settime, kernel_id, 0, NULL, NULL));
	TRY(syscall(SYS_timer_settime, kernel_id, 0, 1, NULL));
}

static void cpu_posix(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};

	signal(SIGUSR1, counter);
	for (int i = 0; i < 2; i++) {
		struct itimerspec once = {.it_value = {0, 10000000}};
		sigset_t one;
		timer_t timer;

		count = 0;
		TRY(timer_create(clocks[i], &event, &timer));
		TRY(timer_settime(timer, 0, &once, NULL));
		sigemptyset(&one);
		sigaddset(&one, SIGUSR1);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		while (!count)
			continue;
		printf("cpu clock %d fired\n", clocks[i]);
		sigprocmask(SIG_BLOCK, &one, NULL);
		timer_delete(timer);
	}
}

static void *receiver(void *argument)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
	struct itimerspec once = {.it_value = {0, 1000000}};
	timer_t timer;
	siginfo_t info;

	(void)argument;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	timer_settime(timer, 0, &once, NULL);
	next(&info);
	printf("own thread: signal %d code %d\n", info.si_signo, info.si_code);
	timer_delete(timer);
	return NULL;
}

static void inheritance(void)
{
	struct itimerval timer = {.it_value = {100, 0}}, now;
	int status;
	pid_t child;

	setitimer(ITIMER_REAL, &timer, NULL);
	child = fork();
	if (child == 0) {
		getitimer(ITIMER_REAL, &now);
		_exit(now.it_value.tv_sec ? 1 : 0);
	}
	waitpid(child, &status, 0);
	printf("fork keeps the timer %d\n", WEXITSTATUS(status));
	alarm(0);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1) {
		printf("after exec: alarm left %d\n", alarm(0) > 0);
		return 0;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	intervals();
	cpu_intervals();
	posix();
	cpu_posix();
	pthread_t thread;
	pthread_create(&thread, NULL, receiver, NULL);
	pthread_join(thread, NULL);
	inheritance();
	alarm(100);
	execv("/proc/self/exe", (char *[]){argv[0], "again", NULL});
	return 1;
}
