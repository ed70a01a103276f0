/* pipe(7): capacity, merging, atomicity, packets, ends, and what a pipe refuses. */
#include "observe.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/wait.h>

static char filler[1 << 20];

static long long now_ready(int fd)
{
	int bytes = -1;

	ioctl(fd, FIONREAD, &bytes);
	return bytes;
}

static short events(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};

	poll(&entry, 1, 0);
	return entry.revents;
}

static void ends(void)
{
	int p[2], flags;
	char byte;

	section("ends");
	OBSERVE(pipe2(p, O_NONBLOCK | O_CLOEXEC));
	OBSERVE(fcntl(p[0], F_GETFD));
	printf("flags %o %o\n", fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL));
	OBSERVE(read(p[0], &byte, 1));
	OBSERVE(read(p[1], &byte, 1));
	OBSERVE(write(p[0], "x", 1));
	OBSERVE(read(p[0], &byte, 0));
	printf("poll %x %x\n", events(p[0]), events(p[1]));
	OBSERVE(close(p[1]));
	OBSERVE(read(p[0], &byte, 1));
	printf("poll %x\n", events(p[0]));
	close(p[0]);
	OBSERVE(pipe(p));
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	OBSERVE(write(p[1], "x", 1));
	OBSERVE(write(p[1], "x", 0));
	printf("poll %x\n", events(p[1]));
	close(p[1]);
	OBSERVE(pipe2(p, O_DIRECT));
	flags = fcntl(p[1], F_GETFL);
	printf("packet flags %o %o\n", fcntl(p[0], F_GETFL), flags);
	close(p[0]);
	close(p[1]);
	OBSERVE(pipe2(p, O_APPEND));
	OBSERVE(pipe2(p, O_RDWR));
	OBSERVE(syscall(SYS_pipe, (void *)8));
	OBSERVE(syscall(SYS_pipe2, at_page_end(4), 0));
	OBSERVE(pipe(p));
	printf("descriptors %d %d\n", p[0], p[1]);
	close(p[0]);
	close(p[1]);
}

static void slots(void)
{
	int p[2];

	section("slots");
	pipe2(p, O_NONBLOCK);
	for (int i = 0; i < 16; i++)
		OBSERVE(write(p[1], filler, 2049));
	OBSERVE(write(p[1], filler, 2049));
	OBSERVE(write(p[1], filler, 2047));
	OBSERVE(write(p[1], filler, 1));
	printf("bytes %lld\n", now_ready(p[0]));
	OBSERVE(read(p[0], filler, 100));
	OBSERVE(write(p[1], filler, 1));
	OBSERVE(read(p[0], filler, 1949));
	OBSERVE(write(p[1], filler, 4096));
	OBSERVE(write(p[1], filler, 1));
	OBSERVE(read(p[0], filler, sizeof filler));
	OBSERVE(write(p[1], filler, 100));
	OBSERVE(read(p[0], filler, 50));
	OBSERVE(write(p[1], filler, 4046));
	OBSERVE(write(p[1], filler, 3996));
	printf("bytes %lld\n", now_ready(p[0]));
	OBSERVE(write(p[1], filler, sizeof filler));
	OBSERVE(read(p[0], filler, 4095));
	printf("poll %x\n", events(p[1]));
	OBSERVE(read(p[0], filler, 1));
	printf("poll %x\n", events(p[1]));
	close(p[0]);
	close(p[1]);
}

static void capacity(void)
{
	int p[2], fifo;

	section("capacity");
	pipe2(p, O_NONBLOCK);
	OBSERVE(fcntl(p[0], F_GETPIPE_SZ));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 0));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 1));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 4097));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 12289));
	OBSERVE(write(p[1], filler, sizeof filler));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 8192));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
	OBSERVE(fcntl(p[1], F_GETPIPE_SZ));
	OBSERVE(write(p[1], filler, sizeof filler));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, -1));
	OBSERVE(fcntl(p[1], F_SETPIPE_SZ, 0x80000001));
	mkfifo("fifo", 0600);
	fifo = open("fifo", O_RDWR);
	OBSERVE(fcntl(fifo, F_GETPIPE_SZ));
	OBSERVE(fcntl(fifo, F_SETPIPE_SZ, 0));
	close(fifo);
	fifo = open("/dev/null", O_RDONLY);
	OBSERVE(fcntl(fifo, F_GETPIPE_SZ));
	close(fifo);
	close(p[0]);
	close(p[1]);
}

static void packets(void)
{
	struct iovec two[2] = {{filler, 3}, {filler + 100, 2}};
	int p[2];

	section("packets");
	pipe2(p, O_DIRECT | O_NONBLOCK);
	OBSERVE(write(p[1], "first", 5));
	OBSERVE(write(p[1], "second", 6));
	OBSERVE(write(p[1], filler, 5000));
	printf("bytes %lld\n", now_ready(p[0]));
	OBSERVE(read(p[0], filler, 2));
	OBSERVE(readv(p[0], two, 2));
	OBSERVE(read(p[0], filler, 8192));
	OBSERVE(read(p[0], filler, 8192));
	OBSERVE(read(p[0], filler, 8192));
	OBSERVE(fcntl(p[1], F_SETFL, O_NONBLOCK));
	OBSERVE(write(p[1], "a", 1));
	OBSERVE(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
	OBSERVE(write(p[1], "bc", 2));
	OBSERVE(write(p[1], "de", 2));
	OBSERVE(read(p[0], filler, 8192));
	OBSERVE(read(p[0], filler, 8192));
	close(p[0]);
	close(p[1]);
}

static void refusals(void)
{
	struct iovec bad[2] = {{filler, 10}, {(void *)8, 10}};
	struct statfs volume;
	struct stat status;
	int p[2], value;

	section("refusals");
	pipe2(p, O_NONBLOCK);
	OBSERVE(lseek(p[0], 0, SEEK_CUR));
	OBSERVE(pread(p[0], filler, 1, 0));
	OBSERVE(pwrite(p[1], filler, 1, 0));
	OBSERVE(ftruncate(p[1], 0));
	OBSERVE(fsync(p[1]));
	OBSERVE(fchmod(p[0], 0640));
	OBSERVE(fstat(p[1], &status));
	printf("mode %o links %lu size %ld block %ld dev %lx\n", status.st_mode, (unsigned long)status.st_nlink,
	       (long)status.st_size, (long)status.st_blksize, (unsigned long)status.st_dev);
	OBSERVE(fstatfs(p[0], &volume));
	printf("type %lx\n", (unsigned long)volume.f_type);
	OBSERVE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0], 0) == MAP_FAILED ? errno : 0);
	OBSERVE(ioctl(p[0], 0x5401, filler));
	OBSERVE(ioctl(p[0], FIONREAD, (void *)8));
	OBSERVE(ioctl(p[1], FIONREAD, &value));
	OBSERVE(fchdir(p[0]));
	OBSERVE(write(p[1], (void *)8, 1));
	OBSERVE(write(p[1], "abc", 3));
	OBSERVE(read(p[0], (void *)8, 1));
	OBSERVE(writev(p[1], bad, 2));
	printf("bytes %lld\n", now_ready(p[0]));
	OBSERVE(read(p[0], filler, 100));
	close(p[0]);
	close(p[1]);
}

static void reopening(void)
{
	char path[64];
	int p[2], again;
	char byte = 0;

	section("reopening");
	pipe(p);
	snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
	again = open(path, O_WRONLY | O_NONBLOCK);
	printf("opened %d flags %o\n", again >= 0, fcntl(again, F_GETFL));
	OBSERVE(write(again, "z", 1));
	OBSERVE(read(p[0], &byte, 1));
	close(p[1]);
	printf("byte %c poll %x\n", byte, events(p[0]));
	close(again);
	printf("poll %x\n", events(p[0]));
	OBSERVE(read(p[0], &byte, 1));
	again = open(path, O_RDWR);
	printf("opened %d flags %o poll %x\n", again >= 0, fcntl(again, F_GETFL), events(again));
	close(again);
	close(p[0]);
}

static void blocking(void)
{
	int p[2], status;
	ssize_t total = 0, got;
	char byte;
	pid_t child;

	section("blocking");
	pipe(p);
	child = fork();
	if (child == 0) {
		close(p[0]);
		_exit(write(p[1], filler, 200000) == 200000 ? 0 : 1);
	}
	close(p[1]);
	while ((got = read(p[0], filler, 3000)) > 0)
		total += got;
	waitpid(child, &status, 0);
	printf("total %zd last %zd status %x\n", total, got, status);
	close(p[0]);
	pipe(p);
	child = fork();
	if (child == 0) {
		close(p[1]);
		_exit(read(p[0], &byte, 1) == 0 ? 7 : 1);
	}
	close(p[0]);
	close(p[1]);
	waitpid(child, &status, 0);
	printf("status %x\n", status);
	pipe(p);
	child = fork();
	if (child == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(p[0]);
		_exit(write(p[1], filler, 200000) > 0 ? 0 : 1);
	}
	close(p[1]);
	while (now_ready(p[0]) < 65536)
		sched_yield();
	close(p[0]);
	waitpid(child, &status, 0);
	printf("status %x\n", status);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	int p[2];
	char byte;

	section("interrupted");
	pipe(p);
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	OBSERVE(read(p[0], &byte, 1));
	alarm(1);
	OBSERVE(write(p[1], filler, 100000));
	alarm(1);
	OBSERVE(write(p[1], filler, 1));
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	ends();
	slots();
	capacity();
	packets();
	refusals();
	reopening();
	blocking();
	interrupted();
	return 0;
}
