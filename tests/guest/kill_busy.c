/* Death by SIGKILL, a sibling's exit_group and a sibling's exec, whatever a thread does in the kernel meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* More than the machine fills before the parent acts, never more than it has: most is the same page again and again. */
#define ROUNDS 100000
#define PART (64ul << 20)

static void populate(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *part = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(part, PART);
	}
}

static void advise(void)
{
	char *part = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < ROUNDS; i++) {
		madvise(part, PART, MADV_POPULATE_WRITE);
		madvise(part, PART, MADV_DONTNEED);
	}
}

static void wait_on_futex(void)
{
	static uint32_t word;

	for (;;)
		syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

static void read_pipe(void)
{
	int ends[2];
	char byte;

	if (pipe(ends) == 0 && read(ends[0], &byte, 1) < 0)
		_exit(9);
}

static void spin(void)
{
	for (volatile uint64_t i = 0;; i++)
		continue;
}

/* A single call that takes seconds: the shared zero page, read into a range far larger than the memory. */
static void read_populate(void)
{
	char *huge = mmap(NULL, 4ul << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	madvise(huge, 4ul << 40, MADV_NOHUGEPAGE);
	madvise(huge, 4ul << 40, 22 /* MADV_POPULATE_READ */);
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {{"populate", populate}, {"advise", advise}, {"read populate", read_populate},
	    {"futex", wait_on_futex}, {"pipe", read_pipe},   {"spin", spin}};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *act_thread(void *act)
{
	((void (*)(void))act)();
	return NULL;
}

static void begin_thread(void (*act)(void))
{
	const struct timespec pause = {0, 100000000};
	pthread_t thread;

	if (pthread_create(&thread, NULL, act_thread, (void *)act) != 0)
		_exit(8);
	nanosleep(&pause, NULL);
}

static void report(const char *how, const char *name, int status, double since)
{
	double took = seconds() - since;

	printf("%s %s: %s %d%s\n", how, name, WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	       took < 8 ? "" : ", too late");
	fflush(stdout);
}

static void kill_child(void (*act)(void), const char *name)
{
	const struct timespec pause = {0, 100000000};
	pid_t child = fork();
	double since;
	int status;

	if (child == 0) {
		act();
		_exit(7);
	}
	nanosleep(&pause, NULL);
	since = seconds();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	report("kill", name, status, since);
}

static void end_group(void (*act)(void), const char *name, bool by_exec)
{
	static char program[] = "/bin/true";
	char *arguments[] = {program, NULL};
	pid_t child;
	double since;
	int status;

	since = seconds();
	child = fork();
	if (child == 0) {
		begin_thread(act);
		if (by_exec)
			execv(program, arguments);
		_exit(3);
	}
	waitpid(child, &status, 0);
	report(by_exec ? "exec" : "exit", name, status, since);
}

int main(void)
{
	for (size_t i = 0; i < ACTS; i++) {
		kill_child(acts[i].act, acts[i].name);
		end_group(acts[i].act, acts[i].name, false);
		end_group(acts[i].act, acts[i].name, true);
	}
	return 0;
}
