/*
 * What the calls on descriptors refuse: dup and its kin, every command of fcntl, ranges, pipes, event counters, memory
 * files, and the three kinds of locks.
 */
#include "observe.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
#endif
#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif

struct owner {
	int type, pid;
};

static int file, reader, writer, path, ends[2];

static void duplicating(void)
{
	section("duplicating");
	CALL_CLOSE(dup, file);
	CALL(dup, 99);
	CALL(dup, -1);
	CALL(dup2, file, file);
	CALL(dup2, file, 50);
	CALL(dup2, 99, 50);
	CALL(dup2, file, -1);
	CALL(dup2, 99, 99);
	CALL(dup3, file, 50, O_CLOEXEC);
	CALL(dup3, file, file, 0);
	CALL(dup3, file, 50, O_APPEND);
	CALL(dup3, 99, 50, 0);
	CALL(dup3, file, -1, 0);
	CALL(close, 50);
	CALL(close, 50);
	CALL(close, -1);
	CALL(close_range, 50, 60, 0);
	CALL(close_range, 60, 50, 0);
	CALL(close_range, 50, 60, 1);
	CALL(close_range, 50, 60, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC);
}

static void numbers(void)
{
	section("numbers and flags");
	CALL_CLOSE(fcntl, file, F_DUPFD, 70);
	CALL(fcntl, 99, F_DUPFD, 0);
	CALL(fcntl, file, F_DUPFD, -1);
	CALL(fcntl, path, F_GETFD);
	CALL_CLOSE(fcntl, file, F_DUPFD_CLOEXEC, 70);
	CALL(fcntl, 99, F_DUPFD_CLOEXEC, 0);
	CALL(fcntl, file, F_DUPFD_CLOEXEC, 1 << 30);
	CALL(fcntl, 99, F_GETFD);
	CALL(fcntl, 99, F_SETFD, 0);
	CALL(fcntl, file, F_SETFD, FD_CLOEXEC | 2);
	CALL(fcntl, 99, F_GETFL);
	CALL(fcntl, 99, F_SETFL, 0);
	CALL(fcntl, file, F_SETFL, O_APPEND);
	CALL(fcntl, file, F_SETFL, 0);
	CALL(fcntl, path, F_GETFL);
	CALL(fcntl, path, F_SETFL, 0);
	CALL(fcntl, ends[0], F_SETFL, O_DIRECT);
	CALL(fcntl, file, 9999, 0);
	CALL(fcntl, file, -1, 0);
	CALL(fcntl, 99, 9999, 0);
}

static void owners(void)
{
	struct owner owner = {2, 0}, wrong = {7, 0}, nobody = {1, 0x7ffffff0};

	section("owners");
	CALL(fcntl, ends[0], F_SETOWN, getpid());
	OBSERVE(fcntl(ends[0], F_GETOWN) == getpid());
	CALL(fcntl, ends[0], F_SETOWN, 0x7ffffff0);
	CALL(fcntl, ends[0], F_SETOWN, INT32_MIN);
	CALL(fcntl, 99, F_SETOWN, 0);
	CALL(fcntl, 99, F_GETOWN);
	CALL(fcntl, path, F_GETOWN);
	CALL(fcntl, ends[0], F_SETOWN, 0);
	CALL(fcntl, ends[0], F_GETOWN);
	CALL(fcntl, ends[0], F_SETOWN_EX, &owner);
	CALL(fcntl, ends[0], F_GETOWN_EX, &owner);
	printf("type %d pid %d\n", owner.type, owner.pid);
	CALL(fcntl, ends[0], F_SETOWN_EX, &wrong);
	CALL(fcntl, ends[0], F_SETOWN_EX, &nobody);
	CALL(fcntl, ends[0], F_SETOWN_EX, 8);
	CALL(fcntl, ends[0], F_GETOWN_EX, 8);
	CALL(fcntl, 99, F_SETOWN_EX, &owner);
	CALL(fcntl, 99, F_GETOWN_EX, &owner);
	CALL(fcntl, ends[0], F_SETSIG, SIGUSR1);
	CALL(fcntl, ends[0], F_GETSIG);
	CALL(fcntl, ends[0], F_SETSIG, 65);
	CALL(fcntl, ends[0], F_SETSIG, -1);
	CALL(fcntl, 99, F_SETSIG, 0);
	CALL(fcntl, 99, F_GETSIG);
}

static void sizes_and_seals(void)
{
	int sealed = (int)syscall(SYS_memfd_create, "sealed", MFD_ALLOW_SEALING), plain = (int)syscall(SYS_memfd_create, "plain", 0);
	struct rlimit old, limit;
	void *map;

	section("sizes of pipes, seals");
	CALL(fcntl, ends[0], F_GETPIPE_SZ);
	CALL(fcntl, ends[0], F_SETPIPE_SZ, 4096);
	CALL(fcntl, ends[0], F_SETPIPE_SZ, 0);
	CALL(fcntl, ends[0], F_SETPIPE_SZ, 1u << 31);
	CALL(fcntl, file, F_SETPIPE_SZ, 4096);
	CALL(fcntl, file, F_GETPIPE_SZ);
	CALL(fcntl, 99, F_SETPIPE_SZ, 4096);
	CALL(fcntl, 99, F_GETPIPE_SZ);
	CALL(fcntl, ends[0], F_SETPIPE_SZ, 65536);
	CALL(ftruncate, sealed, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, sealed, 0);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_WRITE);
	munmap(map, 4096);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
	CALL(fcntl, sealed, F_GET_SEALS);
	CALL(fcntl, sealed, F_ADD_SEALS, 1 << 20);
	CALL(fcntl, plain, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(fcntl, plain, F_GET_SEALS);
	CALL(fcntl, file, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(fcntl, file, F_GET_SEALS);
	CALL(fcntl, 99, F_ADD_SEALS, 0);
	CALL(fcntl, 99, F_GET_SEALS);
	CALL(write, sealed, "x", 1);
	CALL(pwrite64, sealed, "x", 1, 0);
	CALL(ftruncate, sealed, 0);
	CALL(ftruncate, sealed, 8192);
	CALL(fallocate, sealed, 0, 0, 8192);
	CALL(fallocate, sealed, 3, 0, 4096);
	CALL_SUCCESS(mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, sealed, 0);
	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = 20;
	setrlimit(RLIMIT_NOFILE, &limit);
	CALL(dup2, file, 20);
	CALL(dup3, file, 20, 0);
	CALL(fcntl, file, F_DUPFD, 20);
	setrlimit(RLIMIT_NOFILE, &old);
	close(sealed);
	close(plain);
}

static void making(void)
{
	char *long_name = memset(malloc(300), 'n', 300);
	int pair[2], value[2];

	section("making");
	long_name[299] = 0;
	CALL(pipe, pair);
	close(pair[0]);
	close(pair[1]);
	CALL(pipe, (void *)8);
	CALL(pipe2, pair, O_NONBLOCK | O_DIRECT | O_CLOEXEC);
	close(pair[0]);
	close(pair[1]);
	CALL(pipe2, (void *)8, 0);
	CALL(pipe2, pair, O_APPEND);
	CALL_CLOSE(eventfd, 5);
	CALL_CLOSE(eventfd2, 5, O_CLOEXEC | O_NONBLOCK);
	CALL(eventfd2, 5, 1 << 20);
	CALL_CLOSE(memfd_create, "name", MFD_CLOEXEC);
	CALL(memfd_create, "name", 1 << 20);
	CALL(memfd_create, (char *)8, 0);
	CALL(memfd_create, long_name, 0);
	CALL(memfd_create, "name", MFD_HUGETLB | 63u << 26);
	value[0] = (int)syscall(SYS_eventfd2, 5, 04000);
	CALL(read, value[0], long_name, 4);
	CALL(read, value[0], long_name, 8);
	CALL(read, value[0], long_name, 8);
	CALL(write, value[0], memset(long_name, 0xff, 8), 8);
	CALL(write, value[0], long_name, 4);
	CALL(write, value[0], (char *)8, 8);
	close(value[0]);
	free(long_name);
}

static struct flock *range(short type, short whence, off_t start, off_t length)
{
	static struct flock filled;

	filled = (struct flock){.l_type = type, .l_whence = whence, .l_start = start, .l_len = length};
	return &filled;
}

static void nothing(int signal)
{
}

/* Locks that are refused at once, and waits for locks that a signal ends: the timer repeats until one finds the call waiting. */
static void locking(void)
{
	struct itimerval repeated = {{0, 20000}, {0, 20000}}, off = {0};
	struct sigaction action = {.sa_handler = nothing};
	struct flock *owned = range(F_WRLCK, SEEK_SET, 0, 1);
	int other = open("file", O_RDWR);

	section("locks");
	CALL(fcntl, file, F_OFD_SETLK, range(F_WRLCK, SEEK_SET, 0, 10));
	CALL(fcntl, other, F_OFD_SETLK, range(F_WRLCK, SEEK_SET, 5, 10));
	CALL(fcntl, other, F_OFD_GETLK, range(F_WRLCK, SEEK_SET, 5, 10));
	CALL(fcntl, other, F_OFD_SETLKW, range(F_WRLCK, SEEK_SET, 20, 10));
	CALL(fcntl, other, F_GETLK, range(F_WRLCK, SEEK_SET, 5, 10));
	CALL(fcntl, other, F_SETLK, range(F_WRLCK, SEEK_SET, 5, 10));
	CALL(fcntl, other, F_SETLK, range(F_WRLCK, SEEK_SET, 40, 10));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &repeated, NULL);
	CALL(fcntl, other, F_OFD_SETLKW, range(F_WRLCK, SEEK_SET, 5, 10));
	CALL(fcntl, other, F_SETLKW, range(F_WRLCK, SEEK_SET, 5, 10));
	flock(file, LOCK_EX);
	CALL(flock, other, LOCK_EX);
	setitimer(ITIMER_REAL, &off, NULL);
	CALL(flock, other, LOCK_EX | LOCK_NB);
	CALL(flock, file, LOCK_UN);
	CALL(flock, other, 7);
	CALL(flock, 99, LOCK_SH);
	CALL(flock, path, LOCK_SH);
	section("refused locks");
	CALL(fcntl, file, F_GETLK, range(F_UNLCK, SEEK_SET, 0, 0));
	CALL(fcntl, file, F_GETLK, range(9, SEEK_SET, 0, 0));
	CALL(fcntl, file, F_GETLK, (void *)8);
	CALL(fcntl, 99, F_GETLK, owned);
	CALL(fcntl, file, F_OFD_GETLK, range(9, SEEK_SET, 0, 0));
	CALL(fcntl, file, F_OFD_GETLK, (void *)8);
	CALL(fcntl, 99, F_OFD_GETLK, owned);
	CALL(fcntl, file, F_OFD_SETLK, range(F_WRLCK, 9, 0, 0));
	CALL(fcntl, file, F_OFD_SETLK, range(F_WRLCK, SEEK_SET, -1, 0));
	CALL(fcntl, file, F_OFD_SETLK, (void *)8);
	CALL(fcntl, reader, F_OFD_SETLK, range(F_WRLCK, SEEK_SET, 0, 0));
	CALL(fcntl, writer, F_OFD_SETLK, range(F_RDLCK, SEEK_SET, 0, 0));
	CALL(fcntl, 99, F_OFD_SETLK, owned);
	CALL(fcntl, path, F_OFD_SETLK, owned);
	CALL(fcntl, file, F_OFD_SETLKW, range(F_WRLCK, 9, 0, 0));
	CALL(fcntl, file, F_OFD_SETLKW, (void *)8);
	CALL(fcntl, reader, F_OFD_SETLKW, range(F_WRLCK, SEEK_SET, 0, 0));
	CALL(fcntl, 99, F_OFD_SETLKW, owned);
	CALL(fcntl, reader, F_SETLK, range(F_WRLCK, SEEK_SET, 0, 0));
	CALL(fcntl, file, F_SETLK, range(F_WRLCK, SEEK_SET, INT64_MAX, INT64_MAX));
	close(other);
}

static int wait_for_lock(off_t start)
{
	return fcntl(file, F_SETLKW, range(F_WRLCK, SEEK_SET, start, 1)) < 0 ? errno : 0;
}

/* Two owners of record locks that wait for each other's: whichever comes second is refused, and the other goes on. */
static void deadlock(void)
{
	int to_child[2], to_parent[2], status, own;
	char byte = 0;
	pid_t child;

	section("deadlock");
	if (pipe(to_child) || pipe(to_parent))
		exit(99);
	fcntl(file, F_SETLK, range(F_WRLCK, SEEK_SET, 100, 1));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		fcntl(file, F_SETLK, range(F_WRLCK, SEEK_SET, 101, 1));
		write(to_parent[1], "r", 1);
		_exit(wait_for_lock(100));
	}
	read(to_parent[0], &byte, 1);
	own = wait_for_lock(101);
	fcntl(file, F_SETLK, range(F_UNLCK, SEEK_SET, 0, 0));
	waitpid(child, &status, 0);
	printf("refused %d\n", (own != 0) + (WEXITSTATUS(status) != 0));
	errno = own ? own : WEXITSTATUS(status);
	observe_result("SYS_fcntl(file, F_SETLKW) of the second", -1);
	close(to_child[0]);
	close(to_child[1]);
	close(to_parent[0]);
	close(to_parent[1]);
}

int main(void)
{
	make_file("file", "content");
	file = open("file", O_RDWR);
	reader = open("file", O_RDONLY);
	writer = open("file", O_WRONLY);
	path = open("file", O_PATH);
	if (pipe(ends))
		return 99;
	duplicating();
	numbers();
	owners();
	sizes_and_seals();
	making();
	locking();
	deadlock();
	return 0;
}
