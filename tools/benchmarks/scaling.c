/* scaling NAME N: N processes (for `pipe`: N pairs) do one thing for a second each; prints the calls of all in a second. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 1.0

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A byte to the partner and back: two calls of each of the two. */
static void pipe_round(int number)
{
	static int to[2], from[2];
	char byte = 0;

	if (!to[1]) {
		if (pipe(to) < 0 || pipe(from) < 0)
			exit(1);
		if (fork() == 0) {
			close(to[1]);
			while (read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1)
				;
			_exit(0);
		}
		close(to[0]);
		close(from[1]);
	}
	if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
		exit(1);
}

static void stat_round(int number)
{
	struct stat status;

	if (stat("/etc/passwd", &status) < 0)
		exit(1);
}

static void fork_round(int number)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void open_round(int number)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/tmp/scaling.%d", getpid());
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		exit(1);
	close(fd);
}

static void open_end(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/scaling.%d", getpid());
	unlink(name);
}

static void ignore(int signo)
{
}

static void signal_round(int number)
{
	static int ready;

	if (!ready)
		signal(SIGUSR1, ignore);
	ready = 1;
	kill(getpid(), SIGUSR1);
}

static const struct job {
	const char *name;
	int calls; /* in a round */
	void (*round)(int number);
	void (*end)(void);
} jobs[] = {
	{"pipe", 4, pipe_round, NULL}, {"stat", 1, stat_round, NULL},       {"fork", 3, fork_round, NULL},
	{"open", 2, open_round, open_end}, {"signal", 2, signal_round, NULL},
};

static uint64_t run(const struct job *job, int number)
{
	double end = now() + SECONDS;
	uint64_t rounds = 0;

	while (now() < end) {
		for (int i = 0; i < 20; i++)
			job->round(number);
		rounds += 20;
	}
	if (job->end)
		job->end();
	return rounds * (uint64_t)job->calls;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	uint64_t *calls, sum = 0;

	for (size_t i = 0; count > 0 && i < sizeof(jobs) / sizeof(*jobs); i++) {
		if (strcmp(argv[1], jobs[i].name) != 0)
			continue;
		calls = mmap(NULL, sizeof(*calls) * (size_t)count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (calls == MAP_FAILED)
			return 1;
		for (int j = 0; j < count; j++)
			if (fork() == 0) {
				calls[j] = run(&jobs[i], j);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		for (int j = 0; j < count; j++)
			sum += calls[j];
		printf("%.0f\n", (double)sum / SECONDS);
		return 0;
	}
	fprintf(stderr, "usage: scaling pipe|stat|fork|open|signal N\n");
	return 2;
}
