/*
 * Descriptors and directories across fork and exec: what is inherited, what close-on-exec closes, what threads share; and
 * POSIX record locks that any close drops.
 */
#include "observe.h"

#include <pthread.h>
#include <sys/wait.h>

static const char *program;

/* In the new program: which of the descriptors 3 to 12 are open, and where it stands. */
static int report(void)
{
	char path[4096], *name;

	for (int fd = 3; fd <= 12; fd++)
		printf("%d:%s ", fd, fcntl(fd, F_GETFD) < 0 ? strerrorname_np(errno) : "open");
	getcwd(path, sizeof(path));
	name = strrchr(path, '/');
	printf("\nin %s, umask %03o\n", name, umask(0));
	OBSERVE(lseek(4, 0, SEEK_CUR));
	return 0;
}

static void execute(const char *path)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		execl(path, program, "report", NULL);
		printf("execl = %s\n", strerrorname_np(errno));
		_exit(126);
	}
	wait(&status);
	printf("status %x\n", status);
}

static void across_exec(void)
{
	section("exec");
	OBSERVE(open("f", O_RDWR | O_CREAT, 0600));
	OBSERVE(dup(3));
	OBSERVE(dup3(3, 6, O_CLOEXEC));
	OBSERVE(open(".", O_PATH | O_CLOEXEC));
	OBSERVE(fcntl(3, F_DUPFD_CLOEXEC, 9));
	OBSERVE(fcntl(3, F_DUPFD, 11));
	OBSERVE(write(3, "12345", 5));
	mkdir("below", 0755);
	OBSERVE(chdir("below"));
	umask(027);
	execute(program);
	umask(022);
	OBSERVE(chdir(".."));
	execute("/proc/self/exe");
	execute("f");
	execute("missing");
	execute(".");
	OBSERVE(fcntl(6, F_GETFD));
}

static void *open_and_move(void *unused)
{
	OBSERVE(open("f", O_RDONLY));
	OBSERVE(chdir("below"));
	umask(077);
	return NULL;
}

static void threads(void)
{
	pthread_t thread;

	section("threads");
	OBSERVE(syscall(SYS_close_range, 3, ~0U, 0));
	pthread_create(&thread, NULL, open_and_move, NULL);
	pthread_join(thread, NULL);
	OBSERVE(fcntl(3, F_GETFD));
	OBSERVE(access("../f", F_OK));
	printf("umask %03o\n", umask(022));
	OBSERVE(chdir(".."));
	OBSERVE(close(3));
}

static void forks(void)
{
	int status;

	section("fork");
	fflush(stdout);
	if (fork() == 0) {
		chdir("below");
		umask(0);
		open("f", O_RDONLY);
		_exit(0);
	}
	wait(&status);
	OBSERVE(access("f", F_OK));
	OBSERVE(fcntl(3, F_GETFD));
	printf("umask %03o\n", umask(022));
}

/* Whether another process may lock the whole file: 0 or the errno. */
static void try_lock(const char *path)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		struct flock lock = {.l_type = F_WRLCK};
		int fd = open(path, O_RDWR);

		_exit(fcntl(fd, F_SETLK, &lock) == 0 ? 0 : errno);
	}
	wait(&status);
	printf("another process: %s\n", WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "locked");
}

static void record_locks(void)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd = open("locked", O_RDWR | O_CREAT, 0600), other, copy;

	section("record locks");
	OBSERVE(fcntl(fd, F_SETLK, &lock));
	try_lock("locked");
	other = open("locked", O_RDONLY);
	try_lock("locked");
	OBSERVE(close(other));
	try_lock("locked");
	OBSERVE(fcntl(fd, F_SETLK, &lock));
	copy = dup(fd);
	OBSERVE(dup2(copy, 40));
	try_lock("locked");
	OBSERVE(dup2(0, 40));
	try_lock("locked");
	OBSERVE(fcntl(fd, F_SETLK, &lock));
	fflush(stdout);
	if (fork() == 0)
		_exit(close(fd)); /* not the owner */
	wait(NULL);
	try_lock("locked");
	close(copy);
	close(fd);
	try_lock("locked");
}

int main(int argc, char **argv)
{
	umask(022);
	if (argc > 1)
		return report();
	program = argv[0];
	across_exec();
	threads();
	forks();
	record_locks();
	return 0;
}
