/* No signal is lost or seen twice, and no call is cut short, while a process is under fire in user mode and in calls. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNALS 1500

static volatile int received, out_of_order;
static void receive(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	if (info->si_value.sival_int != received)
		out_of_order++;
	received++;
}

static void send_all(pid_t target)
{
	for (int i = 0; i < SIGNALS; i++)
		while (sigqueue(target, SIGRTMIN, (union sigval){.sival_int = i}) && errno == EAGAIN)
			usleep(100);
}

static void set(int flags)
{
	struct sigaction action = {.sa_sigaction = receive, .sa_flags = SA_SIGINFO | flags};

	received = out_of_order = 0;
	sigaction(SIGRTMIN, &action, NULL);
}

static pid_t shooter(void)
{
	pid_t target = getpid(), child = fork();

	if (child == 0) {
		send_all(target);
		_exit(0);
	}
	return child;
}

static void finish(const char *name, pid_t child)
{
	while (received < SIGNALS)
		continue;
	while (waitpid(child, NULL, 0) != child)
		continue;
	printf("%s: received %d out of order %d\n", name, received, out_of_order);
}

static void in_user_mode(void)
{
	volatile double sum = 0;
	int wrong = 0;

	set(SA_RESTART);
	pid_t child = shooter();
	while (received < SIGNALS) {
		double before = sum;

		for (int i = 0; i < 100; i++)
			before += 0.5;
		sum = before;
		if (sum - before != 0)
			wrong++;
		if (sum > 1e9)
			sum = 0;
	}
	finish("user mode", child);
	printf("wrong sums %d\n", wrong);
}

static void in_calls(void)
{
	int wrong = 0;
	pid_t self = getpid();

	set(SA_RESTART);
	pid_t child = shooter();
	while (received < SIGNALS)
		if (syscall(SYS_getpid) != self)
			wrong++;
	finish("calls", child);
	printf("wrong results %d\n", wrong);
}

static void in_pipes(void)
{
	int ends[2], wrong = 0;
	unsigned char next = 0, byte;

	if (pipe(ends))
		return;
	set(SA_RESTART);
	pid_t child = shooter();
	pid_t writer = fork();
	if (writer == 0) {
		close(ends[0]);
		for (;;) {
			byte = next++;
			if (write(ends[1], &byte, 1) != 1)
				_exit(0);
		}
	}
	while (received < SIGNALS)
		if (read(ends[0], &byte, 1) != 1 || byte != next++)
			wrong++;
	finish("pipes", child);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	printf("wrong bytes %d\n", wrong);
}

static uint32_t word;
static volatile int stop;
static void *waker(void *argument)
{
	(void)argument;
	while (!stop) {
		__atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

static void in_futexes(void)
{
	pthread_t thread;
	int wrong = 0;

	sigset_t all, old;

	set(SA_RESTART);
	/* The other thread is never to take one. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	pthread_create(&thread, NULL, waker, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	pid_t child = shooter();
	while (received < SIGNALS) {
		uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);

		if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0) && errno != EAGAIN)
			wrong++;
	}
	stop = 1;
	pthread_join(thread, NULL);
	finish("futexes", child);
	printf("wrong waits %d\n", wrong);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	in_user_mode();
	in_calls();
	in_pipes();
	in_futexes();
	return 0;
}
