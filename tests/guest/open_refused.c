/* Every form of open refuses what it must: kinds of files, flags that exclude each other, limits, running programs. */
#include "observe.h"

#include <linux/openat2.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct open_how *how(uint64_t flags, uint64_t mode, uint64_t resolve)
{
	static struct open_how filled;

	filled = (struct open_how){flags, mode, resolve};
	return &filled;
}

/* One opening by all three calls that take flags. */
#define OPEN(path, flags, mode)                                                                                        \
	do {                                                                                                           \
		CALL_CLOSE(open, path, flags, mode);                                                                   \
		CALL_CLOSE(openat, AT_FDCWD, path, flags, mode);                                                       \
		CALL_CLOSE(openat2, AT_FDCWD, path, how(flags, mode, 0), sizeof(struct open_how));                     \
	} while (0)

static void kinds(void)
{

	section("kinds");
	make_file("file", "content");
	mkdir("directory", 0755);
	symlink("file", "link");
	symlink("directory", "to_directory");
	mknod("fifo", S_IFIFO | 0600, 0);
	mknod("socket", S_IFSOCK | 0600, 0);
	OPEN("file", O_RDWR | O_CREAT | O_EXCL, 0600);
	OPEN("link", O_RDWR | O_CREAT | O_EXCL, 0600);
	OPEN("directory", O_RDWR, 0);
	OPEN("directory", O_RDONLY | O_CREAT, 0600);
	OPEN("directory", O_RDONLY | O_TRUNC, 0);
	OPEN("file", O_RDONLY | O_DIRECTORY, 0);
	OPEN("link", O_RDONLY | O_NOFOLLOW, 0);
	OPEN("to_directory", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0);
	OPEN("fifo", O_WRONLY | O_NONBLOCK, 0);
	OPEN("socket", O_RDWR, 0);
	OPEN("/proc", O_TMPFILE | O_RDWR, 0600);
	OPEN(".", O_TMPFILE | O_RDONLY, 0600);
	OPEN("file", O_TMPFILE | O_RDWR, 0600);
	OPEN("file", O_CREAT | O_DIRECTORY, 0600);
	CALL_CLOSE(creat, "file", 0600);
	CALL_CLOSE(creat, "directory", 0600);
	CALL_CLOSE(creat, "socket", 0600);
	CALL_CLOSE(creat, "missing/file", 0600);
}

static void restrictions(void)
{
	int directory = open("directory", O_PATH);

	section("restrictions");
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(O_RDONLY, 0600, 0), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(1ull << 40, 0, 0), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(0, 0, 1 << 20), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(0, 0, 0), 8);
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(0, 0, 0), 1 << 20);
	CALL_CLOSE(openat2, AT_FDCWD, "file", NULL, sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "link", how(0, 0, RESOLVE_NO_SYMLINKS), sizeof(struct open_how));
	CALL_CLOSE(openat2, directory, "../file", how(0, 0, RESOLVE_BENEATH), sizeof(struct open_how));
	CALL_CLOSE(openat2, directory, "/file", how(0, 0, RESOLVE_BENEATH), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "/proc/version", how(0, 0, RESOLVE_NO_XDEV), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(O_RDWR | O_TRUNC, 0, RESOLVE_CACHED), sizeof(struct open_how));
	CALL_CLOSE(openat2, AT_FDCWD, "file", how(0, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH), sizeof(struct open_how));
	close(directory);
}

static void limits(void)
{
	struct rlimit old, limit;
	int pair[2];

	section("limits");
	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	OPEN("file", O_RDONLY, 0);
	CALL(creat, "not_made", 0600);
	CALL(access, "not_made", F_OK);
	CALL(dup, 0);
	CALL(dup2, 0, 3);
	CALL(dup3, 0, 3, 0);
	CALL(fcntl, 0, F_DUPFD, 0);
	CALL(fcntl, 0, F_DUPFD_CLOEXEC, 0);
	CALL(pipe, pair);
	CALL(pipe2, pair, O_CLOEXEC);
	CALL(eventfd, 0);
	CALL(eventfd2, 0, 0);
	CALL(memfd_create, "name", 0);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void nothing(int signal)
{
}

/* An opening that waits is ended by a signal. The timer repeats, so that one of its signals finds the call waiting. */
static void interrupted(void)
{
	struct itimerval repeated = {{0, 20000}, {0, 20000}}, off = {0};
	struct sigaction action = {.sa_handler = nothing};

	section("interrupted");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &repeated, NULL);
	OPEN("fifo", O_RDONLY, 0);
	CALL(creat, "fifo", 0600);
	setitimer(ITIMER_REAL, &off, NULL);
}

/* A copy of this program that runs until its standard input ends. */
static pid_t run_copy(int *end)
{
	static char buffer[65536];
	int pair[2], ready[2], from = open("/proc/self/exe", O_RDONLY), to = open("running", O_WRONLY | O_CREAT, 0755);
	ssize_t size;
	pid_t child;

	while ((size = read(from, buffer, sizeof(buffer))) > 0)
		write(to, buffer, (size_t)size);
	close(from);
	close(to);
	if (pipe2(pair, O_CLOEXEC) || pipe2(ready, O_CLOEXEC))
		exit(99);
	child = fork();
	if (child == 0) {
		dup2(pair[0], 0);
		dup2(ready[1], 1);
		execl("running", "running", "wait", NULL);
		_exit(97);
	}
	close(pair[0]);
	close(ready[1]);
	if (read(ready[0], buffer, 1) != 1)
		exit(96);
	close(ready[0]);
	*end = pair[1];
	return child;
}

static void running(void)
{
	int end = -1, status;
	pid_t child = run_copy(&end);

	section("running");
	OPEN("running", O_RDONLY, 0);
	OPEN("running", O_RDWR, 0);
	OPEN("running", O_RDONLY | O_TRUNC, 0);
	CALL(creat, "running", 0600);
	CALL(truncate, "running", 10);
	CALL(access, "running", W_OK);
	close(end);
	waitpid(child, &status, 0);
	printf("status %x\n", status);
	CALL(truncate, "running", 10);
}

int main(int argc, char **argv)
{
	char byte = 0;

	if (argc > 1) {
		write(1, "r", 1);
		return (int)read(0, &byte, 1);
	}
	umask(022);
	kinds();
	restrictions();
	limits();
	interrupted();
	running();
	return 0;
}
