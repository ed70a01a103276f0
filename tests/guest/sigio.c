/*
 * Signal-driven input and output: who gets which signal when a file with O_ASYNC becomes ready, what it says, and which
 * files send none.
 */
#include "observe.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#define QUEUED 40
#define FIFO_NAME "sigio.fifo"

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, QUEUED);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* All that is pending; `patience`: how long to wait for the first one. */
static void show_signals_within(const char *when, int patience)
{
	sigset_t set;
	siginfo_t info;
	struct timespec wait = {patience, 0}, none = {0, 0};

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, QUEUED);
	printf("%s:", when);
	while (sigtimedwait(&set, &info, &wait) > 0) {
		if (info.si_code == SI_KERNEL)
			printf(" [%d kernel %d %d]", info.si_signo, info.si_pid, info.si_uid);
		else
			printf(" [%d code %d fd %d band %#lx]", info.si_signo, info.si_code, info.si_fd, info.si_band);
		wait = none;
	}
	printf(".\n");
	fflush(stdout);
}

static void show_signals(const char *when)
{
	show_signals_within(when, 0);
}

static void ask(int fd, int signal)
{
	OBSERVE(fcntl(fd, F_SETOWN, getpid()) == 0);
	OBSERVE(fcntl(fd, F_SETSIG, signal));
	OBSERVE(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
	OBSERVE(fcntl(fd, F_GETFL) & (O_ASYNC | O_NONBLOCK));
}

static void pipe_readers(void)
{
	int ends[2];
	char buffer[70000];

	pipe(ends);
	ask(ends[0], 0);
	write(ends[1], "x", 1);
	show_signals("first byte");
	write(ends[1], "x", 1);
	show_signals("second byte");
	write(ends[1], "x", 0);
	show_signals("nothing");
	read(ends[0], buffer, sizeof buffer);
	show_signals("read by the reader");
	fcntl(ends[0], F_SETSIG, QUEUED);
	for (int i = 0; i < 3; i++)
		write(ends[1], "x", 1);
	show_signals("three, queued");
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	memset(buffer, 0, sizeof buffer);
	OBSERVE(write(ends[1], buffer, sizeof buffer));
	show_signals("more than fits");
	OBSERVE(write(ends[1], buffer, sizeof buffer));
	show_signals("full");
	fcntl(ends[0], F_SETSIG, SIGTRAP);
	write(ends[1], buffer, 1);
	show_signals("a signal with codes of its own");
	fcntl(ends[0], F_SETSIG, SIGUSR1);
	write(ends[1], buffer, 1);
	show_signals("an ordinary signal");
	fcntl(ends[0], F_SETSIG, SIGIO);
	write(ends[1], buffer, 1);
	show_signals("SIGIO by name");
	close(ends[1]);
	show_signals("writer gone");
	close(ends[0]);
	show_signals("reader gone");
}

static void pipe_writers(void)
{
	int ends[2];
	char buffer[65536] = {0};

	pipe(ends);
	ask(ends[1], QUEUED);
	write(ends[1], buffer, sizeof buffer);
	show_signals("writer wrote");
	read(ends[0], buffer, 4096);
	show_signals("a page was read");
	read(ends[0], buffer, 0);
	show_signals("nothing was read");
	read(ends[0], buffer, sizeof buffer);
	show_signals("the rest was read");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	OBSERVE(read(ends[0], buffer, 1));
	show_signals("empty was read");
	close(ends[0]);
	show_signals("reader gone");
	signal(SIGPIPE, SIG_IGN);
	OBSERVE(write(ends[1], buffer, 1));
	show_signals("broken");
	close(ends[1]);
}

static void switching(void)
{
	int ends[2], off = 0, on = 1, copy;

	pipe(ends);
	ask(ends[0], QUEUED);
	copy = dup(ends[0]);
	OBSERVE(!!(fcntl(copy, F_GETFL) & O_ASYNC));
	OBSERVE(fcntl(copy, F_GETSIG));
	OBSERVE(fcntl(copy, F_GETOWN) == getpid());
	write(ends[1], "x", 1);
	show_signals("by the number that asked");
	close(ends[0]);
	write(ends[1], "x", 1);
	show_signals("one descriptor is closed");
	OBSERVE(ioctl(copy, FIOASYNC, &off));
	OBSERVE(!!(fcntl(copy, F_GETFL) & O_ASYNC));
	write(ends[1], "x", 1);
	show_signals("off");
	OBSERVE(ioctl(copy, FIOASYNC, &on));
	OBSERVE(ioctl(copy, FIOASYNC, &on));
	OBSERVE(ioctl(copy, FIOASYNC, (void *)8));
	write(ends[1], "x", 1);
	show_signals("on by the copy");
	OBSERVE(fcntl(copy, F_SETFL, 0));
	OBSERVE(!!(fcntl(copy, F_GETFL) & O_ASYNC));
	write(ends[1], "x", 1);
	show_signals("off by F_SETFL");
	fcntl(copy, F_SETFL, O_ASYNC);
	OBSERVE(fcntl(copy, F_SETOWN, 0));
	write(ends[1], "x", 1);
	show_signals("nobody's");
	close(copy);
	close(ends[1]);
}

static void moving(void)
{
	int from[2], to[2];
	struct iovec vector = {"abc", 3};

	pipe(from);
	pipe(to);
	ask(to[0], QUEUED);
	ask(from[1], QUEUED);
	OBSERVE(vmsplice(from[1], &vector, 1, 0));
	show_signals("vmsplice");
	OBSERVE(tee(from[0], to[1], 10, 0));
	show_signals("tee");
	OBSERVE(splice(from[0], NULL, to[1], NULL, 10, 0));
	show_signals("splice");
	close(from[0]);
	close(from[1]);
	close(to[0]);
	close(to[1]);
	show_signals("closed");
}

static void *wait_as_thread(void *context)
{
	*(pid_t *)context = gettid();
	while (*(volatile pid_t *)context)
		usleep(1000);
	show_signals("the thread");
	return NULL;
}

static void owners(void)
{
	int ends[2];
	struct f_owner_ex owner = {F_OWNER_PGRP, 0};
	volatile pid_t tid = 0;
	pthread_t thread;
	pid_t child;

	pipe(ends);
	fcntl(ends[0], F_SETSIG, QUEUED);
	fcntl(ends[0], F_SETFL, O_ASYNC);
	write(ends[1], "x", 1);
	show_signals("no owner");
	setpgid(0, 0);
	owner.pid = getpgrp();
	OBSERVE(fcntl(ends[0], F_SETOWN_EX, &owner));
	OBSERVE(fcntl(ends[0], F_GETOWN) == -getpgrp());
	write(ends[1], "x", 1);
	show_signals("group");
	child = fork();
	if (child == 0) {
		write(ends[1], "x", 1);
		show_signals("child of the group");
		_exit(0);
	}
	waitpid(child, NULL, 0);
	show_signals("parent of the group");
	pthread_create(&thread, NULL, wait_as_thread, (void *)&tid);
	while (!tid)
		usleep(1000);
	owner = (struct f_owner_ex){F_OWNER_TID, tid};
	OBSERVE(fcntl(ends[0], F_SETOWN_EX, &owner));
	write(ends[1], "x", 1);
	show_signals("not the thread");
	tid = 0;
	pthread_join(thread, NULL);
	while (syscall(SYS_tgkill, getpid(), owner.pid, 0) == 0)
		usleep(1000);
	write(ends[1], "x", 1);
	show_signals("a thread that has ended");
	OBSERVE(fcntl(ends[0], F_GETOWN));
	owner = (struct f_owner_ex){7, 1};
	OBSERVE(fcntl(ends[0], F_SETOWN_EX, &owner));
	OBSERVE(fcntl(ends[0], F_SETOWN, 999999));
	OBSERVE(fcntl(ends[0], F_SETOWN, -999999));
	OBSERVE(fcntl(ends[0], F_SETOWN, INT32_MIN));
	OBSERVE(fcntl(ends[0], F_SETSIG, 65));
	close(ends[0]);
	close(ends[1]);
}

static void overflow(void)
{
	int ends[2];
	struct rlimit limit, none;

	pipe(ends);
	ask(ends[0], QUEUED);
	getrlimit(RLIMIT_SIGPENDING, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_SIGPENDING, &none);
	write(ends[1], "x", 1);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	show_signals("no room in the queue");
	close(ends[0]);
	close(ends[1]);
	show_signals("closed");
}

static void kinds(void)
{
	static const char *const names[] = {"/proc/self/exe", "/", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
					    "/proc/self/stat", "/proc"};
	int on = 1, fd;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		printf("%s\n", names[i]);
		fd = open(names[i], O_RDONLY);
		OBSERVE(ioctl(fd, FIOASYNC, &on));
		OBSERVE(fcntl(fd, F_SETFL, O_ASYNC));
		OBSERVE(!!(fcntl(fd, F_GETFL) & O_ASYNC));
		close(fd);
		fd = open(names[i], O_RDONLY | O_ASYNC);
		OBSERVE(!!(fcntl(fd, F_GETFL) & O_ASYNC));
		OBSERVE(fcntl(fd, F_SETFL, 0));
		OBSERVE(!!(fcntl(fd, F_GETFL) & O_ASYNC));
		close(fd);
	}
	fd = eventfd(0, 0);
	OBSERVE(ioctl(fd, FIOASYNC, &on));
	OBSERVE(fcntl(fd, F_SETFL, O_ASYNC));
	OBSERVE(!!(fcntl(fd, F_GETFL) & O_ASYNC));
	close(fd);
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	OBSERVE(ioctl(fd, FIOASYNC, &on));
	close(fd);
	fd = open("/", O_PATH);
	OBSERVE(ioctl(fd, FIOASYNC, &on));
	OBSERVE(fcntl(fd, F_SETFL, O_ASYNC));
	OBSERVE(fcntl(fd, F_SETOWN, INT32_MIN));
	close(fd);
	OBSERVE(fcntl(fd, F_SETOWN, INT32_MIN));
}

static void fifos(void)
{
	int reader, writer;
	char byte;

	mkfifo(FIFO_NAME, 0600);
	reader = open(FIFO_NAME, O_RDONLY | O_NONBLOCK);
	writer = open(FIFO_NAME, O_WRONLY | O_NONBLOCK);
	unlink(FIFO_NAME);
	ask(reader, QUEUED);
	ask(writer, 0);
	write(writer, "x", 1);
	show_signals("written");
	read(reader, &byte, 1);
	show_signals("read");
	OBSERVE(fcntl(writer, F_SETFL, O_NONBLOCK));
	OBSERVE(fcntl(writer, F_GETFL) & (O_ASYNC | O_NONBLOCK));
	OBSERVE(fcntl(reader, F_SETFL, O_ASYNC));
	OBSERVE(fcntl(reader, F_GETFL) & (O_ASYNC | O_NONBLOCK));
	close(writer);
	show_signals_within("writer gone", 10);
	close(reader);
}

static void terminals(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, lock = 0;

	ioctl(master, TIOCSPTLCK, &lock);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	OBSERVE(fcntl(slave, F_SETSIG, QUEUED));
	OBSERVE(fcntl(slave, F_SETFL, O_ASYNC));
	OBSERVE(fcntl(slave, F_GETOWN) == getpid());
	write(master, "x", 1);
	write(master, "\n", 1);
	show_signals_within("a line", 10);
	OBSERVE(fcntl(slave, F_SETFL, 0));
	OBSERVE(fcntl(slave, F_GETFL) & O_ASYNC);
	OBSERVE(fcntl(master, F_SETFL, O_ASYNC));
	OBSERVE(fcntl(master, F_GETOWN) == getpid());
	OBSERVE(fcntl(master, F_GETFL) & O_ASYNC);
	write(slave, "y", 1);
	show_signals_within("output", 1);
	close(slave);
	show_signals_within("hung up", 1);
	close(master);
}

static void permission(void)
{
	int ends[2], ready[2];
	char byte;
	pid_t child;

	if (geteuid() != 0) {
		printf("child of another user:.\n");
		return;
	}
	pipe(ends);
	pipe(ready);
	child = fork();
	if (child == 0) {
		/* Of another user than who names it. */
		setresuid(1, 1, 1);
		write(ready[1], "x", 1);
		read(ends[0], &byte, 1);
		usleep(1000);
		show_signals("child of another user");
		_exit(0);
	}
	read(ready[0], &byte, 1);
	fcntl(ends[0], F_SETSIG, QUEUED);
	syscall(SYS_setresuid, 2, 2, 0);
	OBSERVE(fcntl(ends[0], F_SETOWN, child));
	syscall(SYS_setresuid, 0, 0, 0);
	fcntl(ends[0], F_SETFL, O_ASYNC);
	write(ends[1], "x", 1);
	waitpid(child, NULL, 0);
	show_signals("closed");
}

int main(void)
{
	block();
	pipe_readers();
	pipe_writers();
	switching();
	moving();
	owners();
	overflow();
	kinds();
	fifos();
	terminals();
	permission();
	return 0;
}
