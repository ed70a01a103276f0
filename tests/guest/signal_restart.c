/* Blocked calls that a signal interrupts: EINTR, or made again as SA_RESTART and the kind of call say. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ends[2];
static volatile int handled;
static uint32_t word;
static volatile int let_go; /* the handler lets the blocked call go on */
static volatile int delay;  /* microseconds until the next alarm, 0: there is none */

static void set_alarm(void)
{
	const struct itimerval timer = {.it_value = {0, delay}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_alarm(int signo)
{
	(void)signo;
	if (handled >= 0)
		handled = 1;
	if (let_go == 1 && write(ends[1], "x", 1) != 1)
		handled = -100;
	if (let_go == 1)
		let_go = 0;
	if (let_go == 2) {
		__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	/*
	 * Again and again: the first may come before the call does. Ever more seldom: on a busy machine the handler may take
	 * longer than it is to the next one, and nothing else would ever be done.
	 */
	if (delay) {
		delay = delay < 500000 ? delay * 2 : delay;
		set_alarm();
	}
}

static void arm(int restart, int go_on)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0};

	handled = 0;
	let_go = go_on;
	delay = 20000;
	sigaction(SIGALRM, &action, NULL);
	set_alarm();
}

static void show(const char *name, int restart, long result)
{
	int error = errno;

	delay = 0;
	set_alarm();
	printf("%s restart %d: %ld %s handled %d\n", name, restart, result, result < 0 ? strerrorname_np(error) : "-", handled);
}

static void pipes(void)
{
	char byte;
	fd_set set;
	struct pollfd poll_fd = {.fd = ends[0], .events = POLLIN};
	struct timeval limit = {50, 0};

	arm(0, 0);
	show("read", 0, read(ends[0], &byte, 1));
	arm(1, 1);
	show("read", 1, read(ends[0], &byte, 1));
	arm(0, 0);
	show("poll", 0, poll(&poll_fd, 1, 50000));
	arm(1, 0);
	show("poll", 1, poll(&poll_fd, 1, 50000));
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	arm(1, 0);
	show("select", 1, select(ends[0] + 1, &set, NULL, NULL, &limit));
	arm(1, 0);
	show("ppoll", 1, ppoll(&poll_fd, 1, NULL, NULL));
}

static void sleeps(void)
{
	struct timespec time = {100, 0}, left = {0, 0}, start, end;

	for (int restart = 0; restart < 2; restart++) {
		arm(restart, 0);
		clock_gettime(CLOCK_MONOTONIC, &start);
		show("nanosleep", restart, nanosleep(&time, &left));
		clock_gettime(CLOCK_MONOTONIC, &end);
		printf("left about right %d\n", left.tv_sec < 100 && left.tv_sec + 1 >= 100 - (end.tv_sec - start.tv_sec) - 1);
		arm(restart, 0);
		errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left);
		show("clock_nanosleep", restart, errno ? -1 : 0);
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 100;
		arm(restart, 0);
		errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
		show("absolute", restart, errno ? -1 : 0);
	}
	arm(1, 0);
	show("pause", 1, pause());
	sigset_t none, alarm_only;
	sigemptyset(&none);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	arm(1, 0);
	show("sigsuspend", 1, sigsuspend(&none));
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("mask came back %d\n", sigismember(&now, SIGALRM));
	sigset_t usr;
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	arm(1, 0);
	show("sigtimedwait", 1, sigtimedwait(&usr, NULL, &time));
	time = (struct timespec){0, 1000000};
	show("sigtimedwait over", 1, sigtimedwait(&usr, NULL, &time));
}

/* Ignored and blocked signals interrupt nothing. */
static void undisturbed(void)
{
	struct timespec time = {0, 60000000}, start, end;
	struct itimerval timer = {{0, 20000}, {0, 20000}};

	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &timer, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	int result = nanosleep(&time, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("ignored: %d slept long enough %d\n", result,
	       (end.tv_sec - start.tv_sec) * 1000000000l + end.tv_nsec - start.tv_nsec >= 60000000);
}

static void *stopper(void *argument)
{
	(void)argument;
	return NULL;
}

static void futexes(void)
{
	struct timespec limit = {100, 0};

	word = 0;
	arm(0, 0);
	show("futex", 0, syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0));
	arm(1, 2);
	show("futex", 1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0));
	word = 0;
	arm(1, 0);
	show("futex timeout", 1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0));
	limit = (struct timespec){0, 1000000};
	show("futex over", 1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0));
}

static void children(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char byte;

		_exit(read(ends[0], &byte, 1) == 1 ? 5 : 6);
	}
	arm(0, 0);
	show("wait4", 0, waitpid(child, &status, 0));
	arm(1, 1);
	long result = waitpid(child, &status, 0) == child;
	show("wait4", 1, result);
	printf("child %d\n", WEXITSTATUS(status));
}

/* A stop and a continuation in between leave a sleep as long as it was. */
static void stopped(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct timespec time = {0, 100000000}, left = {7, 7}, start, end;

		clock_gettime(CLOCK_MONOTONIC, &start);
		int result = nanosleep(&time, &left);
		clock_gettime(CLOCK_MONOTONIC, &end);
		long taken = (end.tv_sec - start.tv_sec) * 1000000000l + end.tv_nsec - start.tv_nsec;
		_exit(result == 0 && taken >= 100000000 && taken < 50000000000 ? 9 : 10);
	}
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("slept on %d\n", WEXITSTATUS(status));
}

static void stopped_futex(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct timespec limit = {0, 100000000}, start, end;
		uint32_t own = 0;

		clock_gettime(CLOCK_MONOTONIC, &start);
		long result = syscall(SYS_futex, &own, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
		int timed_out = result == -1 && errno == ETIMEDOUT;
		clock_gettime(CLOCK_MONOTONIC, &end);
		long taken = (end.tv_sec - start.tv_sec) * 1000000000l + end.tv_nsec - start.tv_nsec;
		_exit(timed_out && taken >= 100000000 ? 9 : timed_out ? 10 : 11);
	}
	struct timespec a_while = {0, 20000000};
	nanosleep(&a_while, NULL);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("waited on %d\n", WEXITSTATUS(status));
}

int main(void)
{
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(ends))
		return 1;
	pipes();
	sleeps();
	undisturbed();
	futexes();
	children();
	stopped();
	stopped_futex();
	pthread_create(&thread, NULL, stopper, NULL);
	pthread_join(thread, NULL);
	return 0;
}
