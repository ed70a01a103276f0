/*
 * What a guest can make the supervisor keep for it, until it gets no more: pipes and what is in them, queued signals,
 * timers, locks, attributes, names, descriptors. Each ends with the kernel's own error, or at a number that the kernel
 * bears as well; hostile.py looks at how much memory the instance took.
 */
#include "attack.h"

#include <sys/stat.h>
#include <sys/xattr.h>

enum { PIPES = 1000, PIPE_SIZE = 1 << 20, LOCKS = 10000, NAMES = 20000, ATTRIBUTES = 2000 };

/* A user with no privilege, whom nobody else is. */
static void become_somebody(void)
{
	unsigned user = 90000 + (unsigned)getpid() % 5000;

	if (geteuid() == 0 && (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresuid, user, user, user)))
		_exit(90);
}

static void want_descriptors(rlim_t wanted)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void fill_pipes(void *argument)
{
	static char data[PIPE_SIZE];
	long held = 0, count;

	(void)argument;
	become_somebody();
	want_descriptors(2 * PIPES + 100);
	for (int i = 0; i < PIPES; i++) {
		int ends[2];

		if (pipe2(ends, O_NONBLOCK))
			break;
		fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
		while ((count = write(ends[1], data, sizeof data)) > 0)
			held += count;
	}
	/* 16,384 pages for the user, and two for each further pipe. */
	if (held > (16384l + 2l * PIPES) * 4096)
		_exit(1);
}

static void queue_signals(void *argument)
{
	struct rlimit limit = {2000, 2000};
	union sigval value = {0};
	sigset_t set;
	long count = 0;

	(void)argument;
	become_somebody();
	setrlimit(RLIMIT_SIGPENDING, &limit);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	while (count < 100000 && sigqueue(getpid(), SIGRTMIN, value) == 0)
		count++;
	if (errno != EAGAIN || count > 2000)
		_exit(1);
}

static void make_timers(void *argument)
{
	struct rlimit limit = {2000, 2000};
	long count = 0;
	int id;

	(void)argument;
	become_somebody();
	setrlimit(RLIMIT_SIGPENDING, &limit);
	while (count < 100000 && syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0)
		count++;
	if (errno != EAGAIN || count > 2000)
		_exit(1);
}

static void lock_records(void *argument)
{
	int file = open("locked", O_RDWR | O_CREAT, 0600);

	(void)argument;
	if (file < 0)
		_exit(1);
	for (int i = 0; i < LOCKS; i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_start = 2l * i, .l_len = 1};

		if (fcntl(file, F_SETLK, &lock) && errno != ENOLCK)
			_exit(2);
	}
}

static void make_names(void *argument)
{
	char folder[] = "/dev/shm/kept.XXXXXX", path[64];

	(void)argument;
	/* The folder above is the machine's, where other instances have the same process ids. */
	if (!mkdtemp(folder) || chdir(folder))
		_exit(1);
	for (int i = 0; i < NAMES; i++) {
		int file;

		snprintf(path, sizeof path, "%d", i);
		file = open(path, O_CREAT | O_WRONLY, 0600);
		if (file < 0)
			_exit(2);
		close(file);
	}
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%d", i);
		if (unlink(path))
			_exit(3);
	}
	if (chdir("/") || rmdir(folder))
		_exit(4);
}

static void set_attributes(void *argument)
{
	int file = memfd_create("attributes", 0);
	char name[32];

	(void)argument;
	for (int i = 0; i < ATTRIBUTES; i++) {
		snprintf(name, sizeof name, "user.%d", i);
		if (fsetxattr(file, name, "value", 5, 0) && errno != ENOSPC && errno != EOPNOTSUPP)
			_exit(1);
	}
}

/* Two that open files without end: a third forks, runs programs and opens files of its own. */
static void take_descriptors(void *argument)
{
	int taken[2], status;
	pid_t hog;
	char byte;

	(void)argument;
	if (pipe(taken))
		_exit(1);
	hog = fork();
	if (hog == 0) {
		want_descriptors(RLIM_INFINITY);
		while (open("/dev/null", O_RDONLY) >= 0)
			continue;
		if (errno != EMFILE && errno != ENFILE)
			_exit(1);
		if (write(taken[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(taken[0], &byte, 1) != 1)
		_exit(2);
	for (int i = 0; i < 10; i++) {
		if (fork() == 0) {
			execl("/bin/sh", "sh", "-c", "read x < /etc/hostname; cat /etc/hostname /etc/passwd > /dev/null", (char *)NULL);
			_exit(1);
		}
		if (wait(&status) < 0 || status)
			_exit(3);
	}
	kill(hog, SIGKILL);
	wait(NULL);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*attack)(void *);
	} attacks[] = {
		{"pipes", fill_pipes},		 {"signals", queue_signals},	    {"timers", make_timers},
		{"record locks", lock_records},	 {"names", make_names},		    {"attributes", set_attributes},
		{"descriptors", take_descriptors},
	};

	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		int status = in_child(60000000, attacks[i].attack, NULL);

		if (status != 0)
			fail("%s: status %#x", attacks[i].name, status);
	}
	return finish("things to keep", sizeof(attacks) / sizeof(attacks[0]));
}
