/* Descriptor tables: lowest free numbers, dup family, close-on-exec, limits, sharing of the open file description. */
#include "observe.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int raw_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static void lowest_numbers(void)
{
	section("lowest free number");
	OBSERVE(open("a", O_RDWR | O_CREAT, 0644));
	OBSERVE(open("a", O_RDONLY));
	OBSERVE(open("a", O_RDONLY));
	OBSERVE(close(4));
	OBSERVE(dup(3));
	OBSERVE(close(3));
	OBSERVE(close(4));
	OBSERVE(open("a", O_RDWR));
	OBSERVE(fcntl(3, F_DUPFD, 3));
	OBSERVE(fcntl(3, F_DUPFD, 100));
	OBSERVE(fcntl(3, F_DUPFD, 100));
	OBSERVE(fcntl(3, F_DUPFD_CLOEXEC, 64));
	OBSERVE(fcntl(64, F_GETFD));
	OBSERVE(fcntl(100, F_GETFD));
	OBSERVE(fcntl(3, F_DUPFD, -1));
	OBSERVE(fcntl(3, F_DUPFD, 1 << 30));
	OBSERVE(fcntl(99, F_DUPFD, 0));
	OBSERVE(close(99));
	OBSERVE(close(-1));
	OBSERVE(raw_close_range(5, ~0U, 0));
	OBSERVE(fcntl(100, F_GETFD));
	OBSERVE(raw_close_range(5, 4, 0));
	OBSERVE(raw_close_range(5, 6, 0x80));
}

static void duplicates(void)
{
	section("dup2, dup3");
	OBSERVE(dup2(3, 20));
	OBSERVE(dup2(3, 3));
	OBSERVE(dup2(99, 99));
	OBSERVE(dup2(99, 3));
	OBSERVE(dup2(3, -1));
	OBSERVE(dup2(3, 1 << 30));
	OBSERVE(dup3(3, 21, O_CLOEXEC));
	OBSERVE(fcntl(21, F_GETFD));
	OBSERVE(dup2(3, 21));
	OBSERVE(fcntl(21, F_GETFD));
	OBSERVE(dup3(3, 3, 0));
	OBSERVE(dup3(3, 22, O_NONBLOCK));
	section("one description");
	OBSERVE(write(3, "abcdef", 6));
	OBSERVE(lseek(20, 0, SEEK_CUR));
	OBSERVE(lseek(20, 2, SEEK_SET));
	OBSERVE(lseek(3, 0, SEEK_CUR));
	OBSERVE(fcntl(3, F_SETFL, O_APPEND));
	OBSERVE(fcntl(20, F_GETFL));
	OBSERVE(fcntl(3, F_SETFL, 0));
	OBSERVE(fcntl(20, F_GETFL));
}

static void limits(void)
{
	struct rlimit limit;

	section("RLIMIT_NOFILE");
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 10;
	OBSERVE(setrlimit(RLIMIT_NOFILE, &limit));
	OBSERVE(raw_close_range(4, ~0U, 0));
	for (int i = 4; i < 10; i++)
		OBSERVE(dup(3));
	OBSERVE(dup(3));
	OBSERVE(open("limited", O_RDWR | O_CREAT, 0644));
	OBSERVE(access("limited", F_OK));
	OBSERVE(open("missing", O_RDONLY));
	OBSERVE(open(NULL, O_RDONLY));
	OBSERVE(dup2(3, 10));
	OBSERVE(dup2(3, 9));
	OBSERVE(fcntl(3, F_DUPFD, 10));
	limit.rlim_cur = 100;
	OBSERVE(setrlimit(RLIMIT_NOFILE, &limit));
	OBSERVE(dup(3));
	OBSERVE(raw_close_range(4, ~0U, 0));
}

static void many(void)
{
	struct rlimit limit;
	int wrong = 0;

	section("many");
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 2000 ? limit.rlim_max : 2000;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 4; i < 900; i++)
		wrong += dup(3) != i;
	printf("wrong numbers: %d\n", wrong);
	wrong = 0;
	for (int i = 5; i < 900; i += 2)
		wrong += close(i) != 0;
	for (int i = 5; i < 900; i += 2)
		wrong += dup(3) != i;
	printf("wrong numbers: %d\n", wrong);
	OBSERVE(raw_close_range(4, 899, 4));
	OBSERVE(fcntl(899, F_GETFD));
	OBSERVE(raw_close_range(4, ~0U, 0));
}

static void forks(void)
{
	int status;

	section("fork");
	OBSERVE(lseek(3, 0, SEEK_SET));
	OBSERVE(dup2(3, 5));
	if (fork() == 0) {
		OBSERVE(lseek(3, 4, SEEK_SET));
		OBSERVE(close(5));
		OBSERVE(fcntl(3, F_SETFD, FD_CLOEXEC));
		_exit(7);
	}
	wait(&status);
	printf("status %d\n", WEXITSTATUS(status));
	OBSERVE(lseek(3, 0, SEEK_CUR));
	OBSERVE(fcntl(5, F_GETFD));
	OBSERVE(fcntl(3, F_GETFD));
}

static void path_descriptors(void)
{
	char byte = 0;

	section("O_PATH");
	OBSERVE(open("a", O_PATH));
	OBSERVE(read(4, &byte, 1));
	OBSERVE(write(4, &byte, 1));
	OBSERVE(fcntl(4, F_GETFL));
	OBSERVE(fcntl(4, F_SETFL, O_NONBLOCK));
	OBSERVE(fcntl(4, F_GETOWN));
	OBSERVE(ioctl(4, FIONREAD, &byte));
	OBSERVE(ioctl(4, FIOCLEX));
	OBSERVE(fchmod(4, 0600));
	OBSERVE(lseek(4, 0, SEEK_CUR));
	OBSERVE(ftruncate(4, 0));
	OBSERVE(dup(4));
	OBSERVE(read(6, &byte, 1));
	OBSERVE(fcntl(6, F_GETFD));
	OBSERVE(fstat(6, &(struct stat){0}));
	OBSERVE(close(6));
	OBSERVE(close(4));
}

static void controls(void)
{
	int value = 1;

	section("ioctl, fcntl");
	OBSERVE(ioctl(3, FIOCLEX));
	OBSERVE(fcntl(3, F_GETFD));
	OBSERVE(ioctl(3, FIONCLEX));
	OBSERVE(fcntl(3, F_GETFD));
	OBSERVE(ioctl(3, FIONBIO, &value));
	OBSERVE(fcntl(3, F_GETFL));
	value = 0;
	OBSERVE(ioctl(3, FIONBIO, &value));
	OBSERVE(fcntl(3, F_GETFL));
	OBSERVE(lseek(3, 1, SEEK_SET));
	OBSERVE(ioctl(3, FIONREAD, &value));
	printf("%d\n", value);
	OBSERVE(ioctl(3, 0xdead, &value));
	OBSERVE(ioctl(99, FIONREAD, &value));
	OBSERVE(ioctl(3, FIONREAD, (void *)8));
	OBSERVE(fcntl(3, 999));
	OBSERVE(fcntl(99, 999));
	OBSERVE(fcntl(3, F_GETOWN));
	OBSERVE(fcntl(3, F_SETOWN, getpid()));
	printf("own: %d\n", fcntl(3, F_GETOWN) == getpid());
	OBSERVE(fcntl(3, F_SETOWN, 0));
	OBSERVE(fcntl(3, F_GETOWN));
	OBSERVE(fcntl(3, F_SETSIG, 10));
	OBSERVE(fcntl(3, F_GETSIG));
	OBSERVE(fcntl(3, F_SETSIG, 100));
}

int main(void)
{
	lowest_numbers();
	duplicates();
	limits();
	many();
	forks();
	path_descriptors();
	controls();
	return 0;
}
