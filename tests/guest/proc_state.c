/* The state of tasks in stat and status: who runs and who sleeps, wherever it sleeps. */
#include "observe.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

static char state_of(pid_t pid, pid_t tid)
{
	char path[64], text[512];
	const char *at;
	ssize_t size;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY);
	size = read(fd, text, sizeof text - 1);
	close(fd);
	text[size < 0 ? 0 : size] = 0;
	at = strrchr(text, ')');
	return at ? at[2] : '?';
}

static void show_status_line(pid_t pid)
{
	char path[64], text[512];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(text, sizeof text, file))
		if (!strncmp(text, "State:", 6))
			fputs(text, stdout);
	if (file)
		fclose(file);
}

/* What it settles to, within ten seconds. */
static void expect(const char *what, pid_t pid, pid_t tid, char wanted)
{
	char seen = 0;

	for (int i = 0; i < 2000 && (seen = state_of(pid, tid)) != wanted; i++)
		usleep(5000);
	printf("%s: %c\n", what, seen);
}

/* Somebody who never sleeps is seen so nearly always. */
static void expect_running(const char *what, pid_t pid)
{
	int running = 0;

	for (int i = 0; i < 50; i++) {
		running += state_of(pid, pid) == 'R';
		usleep(1000);
	}
	printf("%s: runs %s\n", what, running >= 40 ? "always" : "not always");
}

static pid_t child(void (*body)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	setpgid(pid, 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	return pid;
}

static void finish(pid_t pid)
{
	/* With whatever it has made. */
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void spin(void)
{
	for (volatile int turn = 0;; turn++)
		continue;
}

static void read_pipe(void)
{
	int ends[2];
	char byte;

	if (pipe(ends) == 0)
		read(ends[0], &byte, 1);
}

static void do_poll(void)
{
	poll(NULL, 0, -1);
}

static void do_sleep(void)
{
	sleep(1000);
}

static void wait_for_child(void)
{
	if (fork() == 0)
		pause();
	wait(NULL);
}

static uint32_t word;

static void wait_futex(void)
{
	syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
}

static void stop(void)
{
	raise(SIGSTOP);
}

static _Atomic int thread_id;

static void *sleeper(void *unused)
{
	thread_id = gettid();
	wait_futex();
	return unused;
}

int main(void)
{
	static const struct {
		const char *what;
		void (*body)(void);
		char wanted;
	} sleeping[] = {{"a pipe", read_pipe, 'S'}, {"poll", do_poll, 'S'}, {"sleep", do_sleep, 'S'}, {"wait", wait_for_child, 'S'},
			{"a futex", wait_futex, 'S'}, {"stopped", stop, 'T'}};
	pthread_t thread;
	pid_t pid;

	printf("self: %c\n", state_of(getpid(), getpid()));
	show_status_line(getpid());
	pid = child(spin);
	expect_running("spinning", pid);
	show_status_line(pid);
	finish(pid);
	for (size_t i = 0; i < sizeof sleeping / sizeof sleeping[0]; i++) {
		pid = child(sleeping[i].body);
		expect(sleeping[i].what, pid, pid, sleeping[i].wanted);
		show_status_line(pid);
		finish(pid);
	}
	pthread_create(&thread, NULL, sleeper, NULL);
	while (!thread_id)
		sched_yield();
	expect("a thread on a futex", getpid(), thread_id, 'S');
	pid = child(wait_futex);
	kill(pid, SIGKILL);
	expect("ended", pid, pid, 'Z');
	show_status_line(pid);
	waitpid(pid, NULL, 0);
	return 0;
}
