/* CPU time is a task's own: none of what earlier threads used, all of it across exec, in every place that shows it. */
#include "observe.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#define BURNT_NS 40000000ll

static long long now(clockid_t clock)
{
	struct timespec time;

	/* Past the C library, which may know better. */
	if (syscall(SYS_clock_gettime, clock, &time) < 0)
		return -1;
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static long long used(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ll +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ll;
}

static void burn(void)
{
	long long end = now(CLOCK_THREAD_CPUTIME_ID) + BURNT_NS;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 10000; i++)
			continue;
}

static void *burner(void *argument)
{
	burn();
	return argument;
}

/* What a thread that has done nothing yet sees of itself. */
static void *newcomer(void *argument)
{
	clockid_t clock;

	pthread_getcpuclockid(pthread_self(), &clock);
	printf("a new thread starts at nothing: %d %d %d\n", now(CLOCK_THREAD_CPUTIME_ID) < BURNT_NS / 2,
	       now(clock) < BURNT_NS / 2, used(RUSAGE_THREAD) < BURNT_NS / 2);
	return argument;
}

static void threads(void)
{
	pthread_t thread;

	section("threads");
	for (int i = 0; i < 2; i++) {
		pthread_create(&thread, NULL, burner, NULL);
		pthread_join(thread, NULL);
		pthread_create(&thread, NULL, newcomer, NULL);
		pthread_join(thread, NULL);
	}
	printf("the process keeps what they used: %d %d\n", now(CLOCK_PROCESS_CPUTIME_ID) >= 2 * BURNT_NS,
	       used(RUSAGE_SELF) >= 2 * BURNT_NS - 20000000);
}

static void children(void)
{
	pid_t child;

	section("children");
	child = fork();
	if (child == 0) {
		burn();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	child = fork();
	if (child == 0) {
		printf("a new process starts at nothing: %d %d\n", now(CLOCK_PROCESS_CPUTIME_ID) < BURNT_NS / 2,
		       used(RUSAGE_SELF) < BURNT_NS / 2);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	printf("its parent counts it: %d\n", used(RUSAGE_CHILDREN) >= BURNT_NS - 20000000);
}

/* The ticks that times(2) returns are the host's, counted from where its kernel says: far ahead of its other clocks. */
static void ticks(void)
{
	struct timespec now;
	long lead;

	clock_gettime(CLOCK_MONOTONIC, &now);
	lead = times(NULL) - now.tv_sec * sysconf(_SC_CLK_TCK);
	/* The clocks drift apart by very little. */
	section("ticks");
	printf("ahead by %ld times 1000 s\n", lead / sysconf(_SC_CLK_TCK) / 1000);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		long long before = atoll(argv[1]);

		printf("exec keeps CPU time: %d %d %d\n", now(CLOCK_PROCESS_CPUTIME_ID) >= before,
		       now(CLOCK_THREAD_CPUTIME_ID) >= BURNT_NS, used(RUSAGE_SELF) >= BURNT_NS - 20000000);
		printf("and goes on: %d\n", now(CLOCK_THREAD_CPUTIME_ID) < now(CLOCK_THREAD_CPUTIME_ID));
		return 0;
	}
	threads();
	children();
	ticks();
	section("exec");
	fflush(stdout);
	burn();
	char text[32];
	snprintf(text, sizeof(text), "%lld", now(CLOCK_PROCESS_CPUTIME_ID));
	execv("/proc/self/exe", (char *[]){argv[0], text, NULL});
	return 1;
}
