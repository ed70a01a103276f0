/* Job control: stops and continuations as the parent sees them, and what they do to pending signals and threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t chld;
static siginfo_t last;

static void on_child(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	chld++;
	last = *info;
}

/* The signal may come after the wait returns; `told`: wait for that too. */
static void wait_and_show(pid_t child, int options, int told)
{
	int status = 0;
	pid_t found = waitpid(child, &status, options);

	printf("waited %d", found == child);
	if (WIFSTOPPED(status))
		printf(" stopped %d", WSTOPSIG(status));
	else if (WIFCONTINUED(status))
		printf(" continued");
	else if (WIFSIGNALED(status))
		printf(" killed %d", WTERMSIG(status));
	else
		printf(" exited %d", WEXITSTATUS(status));
	while (told && !chld)
		usleep(1000);
	if (told)
		printf("; code %d status %d pid ok %d", last.si_code, last.si_status, last.si_pid == child);
	printf("\n");
	chld = 0;
}

static void *worker(void *argument)
{
	int fd = *(int *)argument;
	char byte;

	while (read(fd, &byte, 1) == 1)
		continue;
	return NULL;
}

static pid_t start(int *fd, int threads)
{
	int ends[2];
	pid_t child;

	if (pipe(ends))
		_exit(1);
	child = fork();
	if (child == 0) {
		pthread_t thread;
		char byte;

		close(ends[1]);
		for (int i = 0; i < threads; i++)
			pthread_create(&thread, NULL, worker, &ends[0]);
		_exit(read(ends[0], &byte, 1) == 0 ? 3 : 4);
	}
	close(ends[0]);
	*fd = ends[1];
	return child;
}

static void stop_and_go(int threads, int flags)
{
	struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART | flags};
	int fd;
	pid_t child = start(&fd, threads);
	siginfo_t info = {0};

	printf("threads %d flags %x\n", threads, flags);
	sigaction(SIGCHLD, &action, NULL);
	chld = 0;
	memset(&last, 0, sizeof(last));
	kill(child, SIGSTOP);
	wait_and_show(child, WUNTRACED, !(flags & SA_NOCLDSTOP));
	printf("again %d\n", waitpid(child, NULL, WUNTRACED | WNOHANG));
	kill(child, SIGTERM); /* stays pending */
	kill(child, SIGCONT);
	if (!(flags & SA_NOCLDSTOP) && !threads) {
		while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT))
			continue;
		printf("ended: code %d status %d\n", info.si_code, info.si_status);
		chld = 0;
	}
	waitpid(child, NULL, 0);
	close(fd);
}

/* A stop that begins before every thread has noticed the end of the one before. */
static void stop_again_and_again(void)
{
	int fd, status = 0, stops = 0;
	pid_t child = start(&fd, 3);

	for (int i = 0; i < 100; i++) {
		kill(child, SIGSTOP);
		stops += waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
		kill(child, SIGCONT);
	}
	printf("stopped %d times\n", stops);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fd);
}

static void continued(void)
{
	int fd, status;
	pid_t child = start(&fd, 2);

	kill(child, SIGTTIN);
	wait_and_show(child, WUNTRACED, 0);
	kill(child, SIGCONT);
	wait_and_show(child, WCONTINUED, 0);
	printf("again %d\n", waitpid(child, NULL, WCONTINUED | WNOHANG));
	kill(child, SIGSTOP);
	wait_and_show(child, WUNTRACED, 0);
	kill(child, SIGKILL); /* ends a stopped one too */
	wait_and_show(child, 0, 0);
	close(fd);
	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		_exit(8);
	}
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("raised %d\n", WEXITSTATUS(status));
}

/* A group without a parent in its session does not stop for terminal signals. */
static void orphaned(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setsid();
		raise(SIGTSTP);
		raise(SIGTTOU);
		_exit(21);
	}
	waitpid(child, &status, WUNTRACED);
	printf("orphaned: exited %d status %d\n", WIFEXITED(status), WEXITSTATUS(status));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	stop_and_go(0, 0);
	stop_and_go(0, SA_NOCLDSTOP);
	stop_and_go(3, 0);
	continued();
	stop_again_and_again();
	orphaned();
	return 0;
}
