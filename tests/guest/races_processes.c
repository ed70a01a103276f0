/* Threads that fork, exec, wait, end and kill beside each other. */
#include "races.h"

#include <sched.h>

enum { DESCRIPTOR = 50 };

static atomic_long started, reaped;

static int status_of(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A child has the descriptor of the moment: one of two files, whole. */
static void *fork_and_look(void *unused)
{
	WHILE_IT_LASTS {
		pid_t child = fork();
		int status;

		if (child == 0) {
			struct stat now, again;

			_exit(fstat(DESCRIPTOR, &now) == 0 && fstat(DESCRIPTOR, &again) == 0 && now.st_ino == again.st_ino ? 7 : 8);
		}
		MUST(child > 0, child);
		status = status_of(child);
		MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7, status);
	}
	return unused;
}

static void *exchange_descriptor(void *unused)
{
	int one = open("one", O_RDWR | O_CREAT, 0600), two = open("two", O_RDWR | O_CREAT, 0600);

	WHILE_IT_LASTS {
		MUST(dup2(one, DESCRIPTOR) == DESCRIPTOR, 0);
		MUST(dup2(two, DESCRIPTOR) == DESCRIPTOR, 0);
	}
	close(one);
	close(two);
	return unused;
}

static void *open_and_close(void *unused)
{
	WHILE_IT_LASTS {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		MUST(fd >= 0, fd);
		MUST(write(fd, "x", 1) == 1, 0);
		MUST(close(fd) == 0, 0);
	}
	return unused;
}

static void *start_children(void *unused)
{
	WHILE_IT_LASTS {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		MUST(child > 0, child);
		atomic_fetch_add(&started, 1);
		while (atomic_load(&started) > atomic_load(&reaped) + 20 && !atomic_load(&race_over))
			sched_yield();
	}
	return unused;
}

/* Each child is reaped once, by whomever. */
static void *reap_children(void *unused)
{
	for (;;) {
		pid_t child = waitpid(-1, NULL, 0);

		MUST(child > 0 || errno == ECHILD, child);
		if (child > 0)
			atomic_fetch_add(&reaped, 1);
		else if (atomic_load(&race_over))
			return unused;
	}
}

static void *spin_in_calls(void *unused)
{
	for (;;)
		getppid();
	return unused;
}

static void *end_with(void *status)
{
	syscall(SYS_exit_group, (int)(intptr_t)status);
	return NULL;
}

static void *become_another(void *unused)
{
	execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
	_exit(1);
	return unused;
}

static void *kill_oneself(void *unused)
{
	kill(getpid(), SIGTERM);
	return spin_in_calls(unused);
}

static void *end_a_thread(void *unused)
{
	return unused;
}

/* Fork a process whose threads do these two things at once; how it ended. */
static int end_of(void *(*first)(void *), intptr_t argument, void *(*second)(void *), intptr_t other)
{
	pid_t child = fork();
	pthread_t thread;

	if (child == 0) {
		for (int i = 0; i < 3; i++)
			pthread_create(&thread, NULL, spin_in_calls, NULL);
		pthread_create(&thread, NULL, first, (void *)argument);
		second((void *)other);
		pause();
	}
	return status_of(child);
}

static void race_ends(void)
{
	const long until = now_in_milliseconds() + 5 * race_milliseconds();

	atomic_store(&impossible, 0);
	do {
		int status = end_of(end_with, 3, end_with, 4);

		MUST(status == W_EXITCODE(3, 0) || status == W_EXITCODE(4, 0), status);
		status = end_of(end_with, 5, kill_oneself, 0);
		MUST(status == W_EXITCODE(5, 0) || status == SIGTERM, status);
		status = end_of(become_another, 0, spin_in_calls, 0);
		MUST(status == W_EXITCODE(42, 0), status);
		status = end_of(become_another, 0, end_with, 6);
		MUST(status == W_EXITCODE(42, 0) || status == W_EXITCODE(6, 0), status);
		status = end_of(become_another, 0, become_another, 0);
		MUST(status == W_EXITCODE(42, 0), status);
	} while (now_in_milliseconds() < until);
	printf("ends: %ld impossible results\n", atomic_load(&impossible));
}

/* A thread that may have ended takes a signal, or is not there. */
static void *signal_ending_threads(void *unused)
{
	WHILE_IT_LASTS {
		pthread_t thread;
		long result;

		MUST(pthread_create(&thread, NULL, end_a_thread, NULL) == 0, 0);
		result = pthread_kill(thread, SIGURG);
		MUST(result == 0 || result == ESRCH, result);
		MUST(pthread_join(thread, NULL) == 0, 0);
	}
	return unused;
}

/* What it does to its descriptors after unshare() is nobody else's matter. */
static void *close_one_s_own(void *unused)
{
	MUST(unshare(CLONE_FILES) == 0, 0);
	WHILE_IT_LASTS {
		int fd = open("/dev/zero", O_RDONLY);

		MUST(fd >= 3 && fd != DESCRIPTOR, fd);
		MUST(dup2(fd, DESCRIPTOR) == DESCRIPTOR, 0);
		close(DESCRIPTOR);
		MUST(fcntl(DESCRIPTOR, F_GETFD) == -1 && errno == EBADF, 0);
		close(fd);
	}
	return unused;
}

static void *use_descriptor(void *unused)
{
	char byte;

	WHILE_IT_LASTS
		MUST(pread(DESCRIPTOR, &byte, 1, 0) == 0, 0);
	return unused;
}

int main(void)
{
	signal(SIGURG, SIG_IGN);
	dup2(open("one", O_RDWR | O_CREAT, 0600), DESCRIPTOR);
	RACE("fork beside dup2 and close", fork_and_look, fork_and_look, exchange_descriptor, open_and_close);
	RACE("wait", start_children, start_children, reap_children, reap_children);
	/* Those who wait may have left before the last ones came. */
	while (waitpid(-1, NULL, 0) > 0)
		atomic_fetch_add(&reaped, 1);
	printf("children reaped that were never started, or twice: %d\n", atomic_load(&started) != atomic_load(&reaped));
	RACE("unshare(CLONE_FILES)", close_one_s_own, use_descriptor, open_and_close);
	RACE("signals to ending threads", signal_ending_threads, signal_ending_threads, open_and_close);
	race_ends();
	return 0;
}
