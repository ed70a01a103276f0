/*
 * What calls answer for kinds of descriptors that they are not made for: advisory locks on whatever has an inode, transfers at
 * a position where there is none, commands that are refused, and what F_GETFL, F_DUPFD_QUERY and F_CREATED_QUERY know.
 */
#include "observe.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif
#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif
#define GPTPEER 0x5441

static int pipe_ends[2];

static void locks_on(int fd)
{
	struct flock shared = {.l_type = F_RDLCK, .l_len = 1}, exclusive = {.l_type = F_WRLCK, .l_len = 1};
	struct flock asked = {.l_type = F_WRLCK, .l_len = 1};

	OBSERVE(flock(fd, LOCK_EX | LOCK_NB));
	OBSERVE(flock(fd, LOCK_UN));
	OBSERVE(fcntl(fd, F_SETLK, &shared));
	OBSERVE(fcntl(fd, F_SETLK, &exclusive));
	OBSERVE(fcntl(fd, F_OFD_SETLK, &exclusive));
	OBSERVE(fcntl(fd, F_GETLK, &asked));
	printf("type %d\n", asked.l_type);
	shared.l_type = F_UNLCK;
	OBSERVE(fcntl(fd, F_SETLK, &shared));
}

static void transfers_on(int fd)
{
	char byte;
	struct iovec none = {&byte, 0}, bad = {(void *)8, 8};

	OBSERVE(preadv(fd, &none, 1, 0));
	OBSERVE(preadv(fd, &bad, 1, 0));
	OBSERVE(preadv(fd, &none, 2000, 0));
	OBSERVE(pread(fd, &byte, 0, 0));
	OBSERVE(pread(fd, (void *)-8, 8, 0));
	OBSERVE(pread(fd, &byte, 1, -1));
}

static void writes_on(int fd)
{
	char byte = 0;
	struct iovec none = {&byte, 0};

	OBSERVE(pwritev(fd, &none, 1, 0));
	OBSERVE(pwrite(fd, &byte, 0, 0));
	OBSERVE(pwrite(fd, &byte, 1, 0));
	OBSERVE(syscall(SYS_pwritev2, fd, &none, 1, 0, 0, 0));
}

static void kinds(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	sigset_t none;

	sigemptyset(&none);
	pipe(pipe_ends);
	mkfifo("fifo", 0600);
	unlockpt(master);
	const struct {
		const char *name;
		int fd;
	} kinds[] = {
		{"read end", pipe_ends[0]},
		{"write end", pipe_ends[1]},
		{"fifo", open("fifo", O_RDWR)},
		{"master", master},
		{"slave", ioctl(master, GPTPEER, O_RDWR | O_NOCTTY)},
		{"null", open("/dev/null", O_RDWR)},
		{"zero", open("/dev/zero", O_RDWR)},
		{"event", eventfd(0, EFD_NONBLOCK)},
		{"timer", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)},
		{"signal", signalfd(-1, &none, SFD_NONBLOCK)},
		{"memory", (int)syscall(SYS_memfd_create, "m", 0)},
		{"file", open("file", O_RDWR | O_CREAT, 0600)},
		{"directory", open(".", O_RDONLY)},
		{"path", open(".", O_RDONLY | O_PATH)},
		{"closed", 999},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		section(kinds[i].name);
		locks_on(kinds[i].fd);
		transfers_on(kinds[i].fd);
		if (strcmp(kinds[i].name, "file") && strcmp(kinds[i].name, "memory"))
			writes_on(kinds[i].fd);
	}
}

static void locks_of_pipes(void)
{
	int copy, ends[2];

	section("one inode, two ends");
	pipe(ends);
	copy = dup(ends[0]);
	OBSERVE(flock(ends[0], LOCK_EX | LOCK_NB));
	OBSERVE(flock(ends[1], LOCK_EX | LOCK_NB));
	OBSERVE(flock(copy, LOCK_UN));
	OBSERVE(flock(ends[1], LOCK_EX | LOCK_NB));
	OBSERVE(flock(ends[0], LOCK_SH | LOCK_NB));
	OBSERVE(close(ends[1]));
	OBSERVE(flock(ends[0], LOCK_SH | LOCK_NB));
	close(ends[0]);
	close(copy);
}

static void refused(void)
{
	const int fds[] = {999, open(".", O_PATH)};
	int number = 0;
	char buffer[256] = {0};

	for (int i = 0; i < 2; i++) {
		section(i ? "refused on O_PATH" : "refused on a closed one");
		OBSERVE(ioctl(fds[i], SIOCATMARK, &number));
		OBSERVE(ioctl(fds[i], SIOCGIFNAME, buffer));
		OBSERVE(ioctl(fds[i], RNDGETENTCNT, &number));
		OBSERVE(ioctl(fds[i], FICLONE, 0));
		OBSERVE(ioctl(fds[i], FICLONERANGE, buffer));
		OBSERVE(ioctl(fds[i], FS_IOC_FIEMAP, buffer));
		OBSERVE(ioctl(fds[i], 0x12345, buffer));
		OBSERVE(fcntl(fds[i], F_SETLEASE, F_RDLCK));
		OBSERVE(fcntl(fds[i], F_GETLEASE));
		OBSERVE(fcntl(fds[i], F_NOTIFY, 0));
		OBSERVE(fcntl(fds[i], F_GET_RW_HINT, buffer));
		OBSERVE(fcntl(fds[i], F_SET_RW_HINT, buffer));
		OBSERVE(fcntl(fds[i], 9999, 0));
	}
	OBSERVE(syscall(SYS_accept4, pipe_ends[0], NULL, NULL, 0x1234));
	OBSERVE(syscall(SYS_accept4, 999, NULL, NULL, 0x1234));
}

static void queries(void)
{
	int first, second, copy, path, master = open("/dev/ptmx", O_RDWR | O_NOCTTY), ends[2];

	section("queries");
	pipe(ends);
	first = open("made", O_RDWR | O_CREAT, 0600);
	second = open("made", O_RDWR | O_CREAT, 0600);
	copy = dup(first);
	path = open("made", O_PATH);
	OBSERVE(fcntl(first, F_CREATED_QUERY));
	OBSERVE(fcntl(second, F_CREATED_QUERY));
	OBSERVE(fcntl(copy, F_CREATED_QUERY));
	OBSERVE(fcntl(path, F_CREATED_QUERY));
	OBSERVE(fcntl(999, F_CREATED_QUERY));
	OBSERVE(fcntl(first, F_DUPFD_QUERY, copy));
	OBSERVE(fcntl(first, F_DUPFD_QUERY, second));
	OBSERVE(fcntl(first, F_DUPFD_QUERY, 999));
	OBSERVE(fcntl(999, F_DUPFD_QUERY, first));
	OBSERVE(fcntl(path, F_DUPFD_QUERY, path));
	OBSERVE(fcntl(ends[0], F_DUPFD_QUERY, ends[1]));
	OBSERVE(fcntl(first, F_GETLEASE));
	OBSERVE(fcntl(ends[0], F_GETLEASE));
	unlockpt(master);
	OBSERVE(fcntl(master, F_GETFL));
	OBSERVE(fcntl(ioctl(master, GPTPEER, O_RDWR | O_NOCTTY), F_GETFL));
	OBSERVE(fcntl(ioctl(master, GPTPEER, O_RDONLY | O_NOCTTY | O_NONBLOCK), F_GETFL));
	OBSERVE(fcntl(open(ptsname(master), O_RDWR | O_NOCTTY), F_GETFL));
	OBSERVE(fcntl(open("/dev/null", O_RDWR), F_GETFL));
	OBSERVE(fcntl(open("/proc/self/status", O_RDONLY), F_GETFL));
	OBSERVE(fcntl(ends[1], F_GETFL));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	kinds();
	locks_of_pipes();
	refused();
	queries();
	return 0;
}
