/*
 * micro NAME: the time of one operation in nanoseconds, as the median of many
 * short batches. Built with the C compiler alone; runs natively and under any
 * tracer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 15

static int file;
static char block[4096];

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void do_yield(void)
{
	sched_yield();
}

static void do_read(void)
{
	if (read(file, block, sizeof(block)) < (ssize_t)sizeof(block))
		lseek(file, 0, SEEK_SET);
}

static void do_pread(void)
{
	if (pread(file, block, sizeof(block), 0) != sizeof(block))
		abort();
}

static void do_open(void)
{
	close(open("/etc/passwd", O_RDONLY));
}

static void do_stat(void)
{
	struct stat status;

	if (stat("/etc/passwd", &status) != 0)
		abort();
}

static void do_map(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*page = 1;
	munmap(page, 4096);
}

static void do_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void do_spawn(void)
{
	static char *const argv[] = {"/bin/true", NULL}, *const envp[] = {NULL};
	pid_t child = vfork();

	if (child == 0) {
		execve(argv[0], argv, envp);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static int to_peer[2], from_peer[2];

static void *pipe_peer(void *unused)
{
	char byte;

	while (read(to_peer[0], &byte, 1) == 1)
		if (write(from_peer[1], &byte, 1) != 1)
			break;
	return unused;
}

static void do_pipe(void)
{
	char byte = 0;

	if (write(to_peer[1], &byte, 1) != 1 || read(from_peer[0], &byte, 1) != 1)
		abort();
}

static _Atomic uint32_t turn;

static void wait_turn(uint32_t mine)
{
	while (atomic_load(&turn) != mine)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
}

static void pass_turn(uint32_t to)
{
	atomic_store(&turn, to);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *futex_peer(void *unused)
{
	for (;;) {
		wait_turn(1);
		pass_turn(0);
	}
	return unused;
}

static void do_futex(void)
{
	pass_turn(1);
	wait_turn(0);
}

static const struct benchmark {
	const char *name;
	void (*run)(void);
	unsigned count; /* of a batch */
	void *(*peer)(void *);
} benchmarks[] = {
	{"getppid", do_getppid, 2000, NULL},   {"sched_yield", do_yield, 2000, NULL},  {"read4k", do_read, 1000, NULL},
	{"pread4k", do_pread, 1000, NULL},     {"openclose", do_open, 500, NULL},      {"stat", do_stat, 500, NULL},
	{"pipe", do_pipe, 300, pipe_peer},     {"mmap", do_map, 300, NULL},	       {"futex", do_futex, 300, futex_peer},
	{"fork", do_fork, 40, NULL},	       {"vforkexec", do_spawn, 20, NULL},
};

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void measure(const struct benchmark *benchmark)
{
	uint64_t times[BATCHES];

	for (int batch = 0; batch < BATCHES; batch++) {
		uint64_t start = now();

		for (unsigned i = 0; i < benchmark->count; i++)
			benchmark->run();
		times[batch] = (now() - start) / benchmark->count;
	}
	qsort(times, BATCHES, sizeof(times[0]), compare);
	printf("%llu\n", (unsigned long long)times[BATCHES / 2]);
}

int main(int argc, char **argv)
{
	char name[] = "/tmp/lxrun-bench-XXXXXX";
	pthread_t peer;

	file = mkstemp(name);
	if (file < 0 || pipe(to_peer) != 0 || pipe(from_peer) != 0)
		return 1;
	unlink(name);
	for (int i = 0; i < 64; i++)
		if (write(file, block, sizeof(block)) != sizeof(block))
			return 1;
	for (size_t i = 0; argc == 2 && i < sizeof(benchmarks) / sizeof(benchmarks[0]); i++) {
		if (strcmp(benchmarks[i].name, argv[1]) != 0)
			continue;
		if (benchmarks[i].peer)
			pthread_create(&peer, NULL, benchmarks[i].peer, NULL);
		measure(&benchmarks[i]);
		fflush(stdout);
		_exit(0);
	}
	fprintf(stderr, "usage: micro NAME\n");
	return 2;
}
