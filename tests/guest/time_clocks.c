/* Clocks by system call: values that agree with each other, errors, resolutions, CPU time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long ns(const struct timespec *time)
{
	return time->tv_sec * 1000000000ll + time->tv_nsec;
}

static const char *result_name(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static void ids(void)
{
	for (int id = -1; id < 14; id++) {
		struct timespec step = {-1, -1}, now = {-1, -1};
		long resolution = syscall(SYS_clock_getres, id, &step);
		const char *text = result_name(resolution);
		long reading = syscall(SYS_clock_gettime, id, &now);

		printf("clock %d: res %s %lld gettime %s\n", id, text, ns(&step), result_name(reading));
	}
	long result = syscall(SYS_clock_getres, 0, NULL);

	printf("null res %ld\n", result);
	result = syscall(SYS_clock_gettime, 0, 1);
	printf("bad pointer %ld %s\n", result, result_name(result));
}

static void agree(void)
{
	struct timespec call, library;
	struct timeval day;
	const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_TAI};

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		clock_gettime(clocks[i], &library);
		syscall(SYS_clock_gettime, clocks[i], &call);
		printf("clock %d: call follows library %d, soon %d\n", clocks[i], ns(&call) >= ns(&library),
		       ns(&call) - ns(&library) < 1000000000ll);
	}
	clock_gettime(CLOCK_REALTIME, &library);
	syscall(SYS_gettimeofday, &day, NULL);
	printf("gettimeofday %d\n", day.tv_sec * 1000000000ll + day.tv_usec * 1000ll >= ns(&library) - 1000);
	printf("time %d\n", syscall(SYS_time, NULL) - library.tv_sec <= 1);
}

static volatile int stop;
static void *burn(void *argument)
{
	struct timespec now;

	(void)argument;
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while (ns(&now) < 30000000);
	return NULL;
}

static void cpu_time(void)
{
	struct timespec before, after, own, dynamic;
	clockid_t id;
	pthread_t thread;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
	pthread_create(&thread, NULL, burn, NULL);
	pthread_join(thread, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	printf("process counts its threads %d\n", ns(&after) - ns(&before) >= 30000000);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	printf("thread counts its own %d\n", ns(&after) - ns(&own) < 30000000);
	printf("getcpuclockid %d\n", clock_getcpuclockid(0, &id));
	printf("dynamic %d\n", clock_gettime(id, &dynamic) == 0 && ns(&dynamic) >= 30000000);
	pthread_getcpuclockid(pthread_self(), &id);
	printf("thread's %d\n", clock_gettime(id, &dynamic) == 0);
	printf("parent's %d\n", clock_gettime((clockid_t)(~(unsigned)getppid() << 3 | 2), &dynamic));
	errno = 0;
	printf("nobody's %d", clock_gettime((clockid_t)(~0x7ffffffu << 3 | 2), &dynamic));
	printf(" %s\n", strerrorname_np(errno));
	errno = 0;
	printf("other thread's %d", clock_gettime((clockid_t)(~(unsigned)getppid() << 3 | 6), &dynamic));
	printf(" %s\n", strerrorname_np(errno));
}

static void setting(void)
{
	struct timespec bad = {0, 2000000000}, good = {0, 0};
	struct timex state = {0};
	long result;

#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result_name(result)))
	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, 1));
	TRY(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &good));
	TRY(syscall(SYS_clock_settime, 12, &good));
	TRY(syscall(SYS_adjtimex, 1));
	result = syscall(SYS_adjtimex, &state);
	printf("adjtimex %d tick %ld\n", result >= 0, state.tick);
	state.modes = 0;
	result = syscall(SYS_clock_adjtime, CLOCK_REALTIME, &state);
	printf("clock_adjtime %d\n", result >= 0);
	TRY(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &state));
}

static void sleeping(void)
{
	struct timespec none = {0, 0}, bad = {0, 1000000000}, negative = {-1, 0}, small = {0, 3000000}, before, after;
	long result;

	TRY(syscall(SYS_nanosleep, &none, NULL));
	TRY(syscall(SYS_nanosleep, &bad, NULL));
	TRY(syscall(SYS_nanosleep, &negative, NULL));
	TRY(syscall(SYS_nanosleep, 1, NULL));
	for (int id = 0; id < 13; id++) {
		int error = (int)syscall(SYS_clock_nanosleep, id, 0, &small, NULL);

		if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_REALTIME_ALARM || id == CLOCK_BOOTTIME_ALARM)
			continue;
		printf("clock_nanosleep %d: %s\n", id, result_name(error));
		if (id == CLOCK_MONOTONIC)
			id++;
	}
	TRY(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &none, NULL));
	TRY(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &small, NULL));
	clock_gettime(CLOCK_MONOTONIC, &before);
	after = before;
	after.tv_nsec += 20000000;
	if (after.tv_nsec >= 1000000000)
		after.tv_sec++, after.tv_nsec -= 1000000000;
	struct timespec until = after;
	result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("absolute %ld not early %d\n", result, ns(&after) >= ns(&until));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	ids();
	agree();
	cpu_time();
	setting();
	sleeping();
	return stop;
}
