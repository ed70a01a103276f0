/*
 * grow CASE N [hold]: N times the same, one after the other or with all N there at once, and how many nanoseconds each took.
 * With "hold" it says so and waits for the end of its standard input before it ends.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define STACK (16 * PAGE)

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* --- one after the other: nothing is to be kept */

static void child(void (*what)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (!pid) {
		what();
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid");
}

static void nothing(void)
{
}

static void die(void)
{
	raise(SIGKILL);
}

static void fault(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)16 = 1;
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void leave_a_child(void)
{
	if (!fork())
		_exit(0);
}

static void do_fork(void)
{
	child(nothing);
}

static void do_killed(void)
{
	child(die);
}

/* Killed by a signal of somebody else's, which is sent with the whole tree of processes in hand. */
static void do_group(void)
{
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		pause();
	}
	setpgid(pid, pid);
	if (kill(-pid, SIGTERM) != 0 || waitpid(pid, NULL, 0) != pid)
		fail("group");
}

static void do_fault(void)
{
	child(fault);
}

static void do_exec(void)
{
	child(execute);
}

static void do_orphan(void)
{
	child(leave_a_child);
}

static void *idle(void *unused)
{
	return unused;
}

static void do_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL) != 0 || pthread_join(thread, NULL) != 0)
		fail("thread");
}

static void do_open(void)
{
	int file = open("/etc/passwd", O_RDONLY);
	char byte;

	if (file < 0 || read(file, &byte, 1) != 1 || close(file) != 0)
		fail("open");
}

static void do_pipe(void)
{
	int ends[2];
	char byte = 0;

	if (pipe(ends) != 0 || write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1 || close(ends[0]) != 0 || close(ends[1]) != 0)
		fail("pipe");
}

static void do_map(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	*page = 1;
	munmap(page, PAGE);
}

static void do_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_delete(timer) != 0)
		fail("timer");
}

/* --- all there at once */

static pthread_barrier_t all_there;

static void *meet(void *unused)
{
	pthread_barrier_wait(&all_there);
	return unused;
}

static uint64_t began; /* when what is measured did */

/* Neighbours differ, so that none becomes one with the next. */
static void *map_page(unsigned number)
{
	void *page = mmap(NULL, PAGE, number % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	return page;
}

static void make_threads(unsigned count, bool only_ends)
{
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_barrier_init(&all_there, NULL, count + 1);
	for (unsigned i = 0; i < count; i++)
		if ((errno = pthread_create(&threads[i], &attributes, meet, NULL)) != 0)
			fail("pthread_create");
	if (only_ends)
		began = now();
	pthread_barrier_wait(&all_there);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void many_threads(unsigned count)
{
	make_threads(count, false);
}

/* How they end, where there is the more memory the more they are. */
static void many_ends(unsigned count)
{
	for (unsigned i = 0; i < 24 * count; i++)
		map_page(i);
	make_threads(count, true);
}

/* The second one beside what is left of the first. */
static void many_crowds(unsigned count)
{
	int status;

	make_threads(count, false);
	if (!fork()) {
		make_threads(count, false);
		_exit(0);
	}
	if (wait(&status) < 0 || status)
		exit(1);
}

static void many_processes(unsigned count)
{
	int hold[2];
	char byte;

	if (pipe(hold) != 0)
		fail("pipe");
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (!pid) {
			close(hold[1]);
			_exit(read(hold[0], &byte, 1) != 0);
		}
	}
	close(hold[1]);
	for (unsigned i = 0; i < count; i++)
		if (wait(NULL) < 0)
			fail("wait");
	close(hold[0]);
}

/* Waited for by number, those that came last first; all but one have ended by then. */
static void many_children(unsigned count)
{
	pid_t *children = calloc(count, sizeof(*children));

	for (unsigned i = 0; i < count; i++) {
		children[i] = fork();
		if (children[i] < 0)
			fail("fork");
		if (!children[i])
			_exit(0);
	}
	waitid(P_PID, (id_t)children[count - 1], NULL, WEXITED | WNOWAIT);
	for (unsigned i = count; i-- > 0;)
		if (kill(children[i], 0) != 0 || waitpid(children[i], NULL, 0) != children[i])
			fail("waitpid");
	free(children);
}

static int shared_pipe[2];

static void *read_one(void *unused)
{
	char byte;

	pthread_barrier_wait(&all_there);
	if (read(shared_pipe[0], &byte, 1) != 1)
		fail("read");
	return unused;
}

/* They read from one pipe, a byte each. */
static void many_readers(unsigned count)
{
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_barrier_init(&all_there, NULL, count + 1);
	if (pipe(shared_pipe) != 0)
		fail("pipe");
	for (unsigned i = 0; i < count; i++)
		if ((errno = pthread_create(&threads[i], &attributes, read_one, NULL)) != 0)
			fail("pthread_create");
	pthread_barrier_wait(&all_there);
	for (unsigned i = 0; i < count; i++)
		if (write(shared_pipe[1], "", 1) != 1)
			fail("write");
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void many_timers(unsigned count)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec far = {.it_value = {.tv_sec = 1000}};
	timer_t *timers = calloc(count, sizeof(*timers));

	for (unsigned i = 0; i < count; i++, far.it_value.tv_sec = 1000 + i * 7919 % 10007)
		if (timer_create(CLOCK_MONOTONIC, &event, &timers[i]) != 0 || timer_settime(timers[i], 0, &far, NULL) != 0)
			fail("timer_create");
	for (unsigned i = 0; i < count; i++)
		if (timer_delete(timers[i]) != 0)
			fail("timer_delete");
	free(timers);
}

static void many_mappings(unsigned count)
{
	char **pages = calloc(count, sizeof(*pages));

	for (unsigned i = 0; i < count; i++)
		pages[i] = map_page(i);
	for (unsigned i = 0; i < count; i++)
		munmap(pages[i * 7919u % count], PAGE);
	for (unsigned i = 0; i < count; i++)
		munmap(pages[i], PAGE);
	free(pages);
}

/* One reservation, cut into pieces. */
static void many_pieces(unsigned count)
{
	char *area = mmap(NULL, count * 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		fail("mmap");
	for (unsigned i = 0; i < count; i++)
		if (mprotect(area + i * 2 * PAGE, PAGE, PROT_READ | PROT_WRITE) != 0)
			fail("mprotect");
	for (unsigned i = 0; i < count; i++)
		if (madvise(area + i * 2 * PAGE, PAGE, MADV_DONTNEED) != 0)
			fail("madvise");
	munmap(area, count * 2 * PAGE);
}

static void enter_folder(char *folder)
{
	strcpy(folder, "/tmp/lxrun-grow-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) != 0)
		fail("folder");
}

static void many_entries(unsigned count)
{
	char folder[32], name[32];
	unsigned found = 0;
	DIR *directory;

	enter_folder(folder);
	for (unsigned i = 0; i < count; i++) {
		int file;

		snprintf(name, sizeof(name), "entry-%u", i);
		file = open(name, O_CREAT | O_WRONLY, 0600);
		if (file < 0 || close(file) != 0)
			fail("create");
	}
	directory = opendir(".");
	while (readdir(directory))
		found++;
	closedir(directory);
	if (found != count + 2)
		fail("entries");
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "entry-%u", i);
		if (unlink(name) != 0)
			fail("unlink");
	}
	if (chdir("/") != 0 || rmdir(folder) != 0)
		fail("rmdir");
}

static void many_descriptors(unsigned count)
{
	int first = open("/dev/null", O_RDONLY);

	for (unsigned i = 1; i < count; i++)
		if (dup(first) < 0)
			fail("dup");
	for (unsigned i = 0; i < count; i++)
		close(first + (int)i);
}

/* Real-time signals, which queue. */
static void many_signals(unsigned count)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (unsigned i = 0; i < count; i++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = (int)i}) != 0)
			fail("sigqueue");
	for (unsigned i = 0; i < count; i++)
		if (sigwaitinfo(&set, NULL) != SIGRTMIN)
			fail("sigwaitinfo");
}

/* Record locks on every other byte of a file. */
static void many_locks(unsigned count)
{
	char folder[32];
	int file;

	enter_folder(folder);
	file = open("file", O_RDWR | O_CREAT, 0600);
	for (unsigned i = 0; i < count; i++)
		if (fcntl(file, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_start = 2l * i, .l_len = 1}) != 0)
			fail("F_SETLK");
	close(file);
	unlink("file");
	if (chdir("/") != 0 || rmdir(folder) != 0)
		fail("rmdir");
}

static const struct grow_case {
	const char *name;
	void (*one)(void);
	void (*many)(unsigned count);
} cases[] = {
	{"fork", do_fork, NULL},
	{"killed", do_killed, NULL},
	{"group", do_group, NULL},
	{"fault", do_fault, NULL},
	{"exec", do_exec, NULL},
	{"orphan", do_orphan, NULL},
	{"thread", do_thread, NULL},
	{"open", do_open, NULL},
	{"pipe", do_pipe, NULL},
	{"map", do_map, NULL},
	{"timer", do_timer, NULL},
	{"threads", NULL, many_threads},
	{"ends", NULL, many_ends},
	{"crowds", NULL, many_crowds},
	{"readers", NULL, many_readers},
	{"processes", NULL, many_processes},
	{"children", NULL, many_children},
	{"timers", NULL, many_timers},
	{"mappings", NULL, many_mappings},
	{"pieces", NULL, many_pieces},
	{"entries", NULL, many_entries},
	{"descriptors", NULL, many_descriptors},
	{"signals", NULL, many_signals},
	{"locks", NULL, many_locks},
};

static void raise_limit(int which)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(which, &limit);
}

static void run(const struct grow_case *which, unsigned count)
{
	began = now();
	if (which->many)
		which->many(count);
	for (unsigned i = 0; which->one && i < count; i++)
		which->one();
	printf("%.0f\n", (double)(now() - began) / count);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char byte;

	raise_limit(RLIMIT_NOFILE);
	raise_limit(RLIMIT_SIGPENDING);
	for (size_t i = 0; argc >= 3 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]) != 0)
			continue;
		run(&cases[i], (unsigned)strtoul(argv[2], NULL, 10));
		if (argc > 3)
			while (read(0, &byte, 1) > 0)
				continue;
		return 0;
	}
	return 2;
}
