/*
 * What moving bytes refuses: read and write in all their forms, seeking, truncating, allocating, flushing, advising,
 * sendfile, splice, tee, vmsplice and copying between files.
 */
#include "observe.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_NONBLOCK 2
#endif

static int file, reader, writer, path, directory, ends[2], null, full;
static char room[64];

static void scalar(void)
{
	section("read, write");
	CALL(read, 99, room, 1);
	CALL(read, writer, room, 1);
	CALL(read, path, room, 1);
	CALL(read, directory, room, 1);
	CALL(read, file, (void *)8, 1);
	CALL(read, ends[1], room, 1);
	CALL(write, 99, room, 1);
	CALL(write, reader, room, 1);
	CALL(write, file, (void *)8, 1);
	CALL(write, full, room, 1);
	CALL(write, file, room, -1);
	CALL(pread64, 99, room, 1, 0);
	CALL(pread64, writer, room, 1, 0);
	CALL(pread64, directory, room, 1, 0);
	CALL(pread64, file, (void *)8, 1, 0);
	CALL(pread64, file, room, 1, -1);
	CALL(pread64, ends[0], room, 1, 0);
	CALL(pwrite64, 99, room, 1, 0);
	CALL(pwrite64, reader, room, 1, 0);
	CALL(pwrite64, file, (void *)8, 1, 0);
	CALL(pwrite64, file, room, 1, -1);
	CALL(pwrite64, full, room, 1, 0);
	CALL(pwrite64, ends[1], room, 1, 0);
	CALL(lseek, 99, 0, SEEK_SET);
	CALL(lseek, path, 0, SEEK_SET);
	CALL(lseek, file, 0, 77);
	CALL(lseek, file, -1, SEEK_SET);
	CALL(lseek, ends[0], 0, SEEK_SET);
	CALL(lseek, file, 1 << 20, SEEK_DATA);
	CALL(lseek, file, 1 << 20, SEEK_HOLE);
}

/* Each form of the vectored calls with each kind of vector. */
static void vectored(void)
{
	struct iovec good = {room, 1}, bad = {(void *)8, 1}, long_one = {room, (size_t)-1};

	section("vectors");
#define VECTORED(name, ...)                                                                                            \
	do {                                                                                                           \
		CALL(name, file, &good, 1 __VA_OPT__(, ) __VA_ARGS__);                                                 \
		CALL(name, 99, &good, 1 __VA_OPT__(, ) __VA_ARGS__);                                                   \
		CALL(name, path, &good, 1 __VA_OPT__(, ) __VA_ARGS__);                                                 \
		CALL(name, file, &bad, 1 __VA_OPT__(, ) __VA_ARGS__);                                                  \
		CALL(name, file, (void *)8, 1 __VA_OPT__(, ) __VA_ARGS__);                                             \
		CALL(name, file, &long_one, 1 __VA_OPT__(, ) __VA_ARGS__);                                             \
		CALL(name, file, &good, 1025 __VA_OPT__(, ) __VA_ARGS__);                                              \
		CALL(name, file, &good, -1 __VA_OPT__(, ) __VA_ARGS__);                                                \
		CALL(name, directory, &good, 1 __VA_OPT__(, ) __VA_ARGS__);                                            \
	} while (0)
	VECTORED(readv);
	VECTORED(writev);
	VECTORED(preadv, 0, 0);
	VECTORED(pwritev, 0, 0);
	VECTORED(preadv2, 0, 0, 0);
	VECTORED(pwritev2, 0, 0, 0);
	CALL(readv, writer, &good, 1);
	CALL(writev, reader, &good, 1);
	CALL(writev, full, &good, 1);
	CALL(preadv, file, &good, 1, -1, 0);
	CALL(pwritev, file, &good, 1, -1, 0);
	CALL(preadv, ends[0], &good, 1, 0, 0);
	CALL(pwritev, ends[1], &good, 1, 0, 0);
	CALL(preadv, writer, &good, 1, 0, 0);
	CALL(pwritev, reader, &good, 1, 0, 0);
	CALL(preadv2, file, &good, 1, -2, -1, 0);
	CALL(pwritev2, file, &good, 1, -2, -1, 0);
	CALL(preadv2, file, &good, 1, 0, 0, 1 << 30);
	CALL(pwritev2, file, &good, 1, 0, 0, 1 << 30);
	CALL(preadv2, ends[0], &good, 1, 0, 0, 0);
	CALL(pwritev2, ends[1], &good, 1, 0, 0, 0);
	CALL(preadv2, ends[0], &good, 1, -1, -1, RWF_NOWAIT);
	CALL(pwritev2, reader, &good, 1, 0, 0, 0);
	CALL(preadv2, writer, &good, 1, 0, 0, 0);
}

static void sizes(void)
{
	section("truncate, fallocate");
	CALL(truncate, "file", -1);
	CALL(truncate, "directory", 0);
	CALL(truncate, "fifo", 0);
	CALL(truncate, "file", 8192);
	CALL(ftruncate, file, 4096);
	CALL(ftruncate, 99, 0);
	CALL(ftruncate, reader, 0);
	CALL(ftruncate, path, 0);
	CALL(ftruncate, file, -1);
	CALL(ftruncate, ends[1], 0);
	CALL(ftruncate, directory, 0);
	CALL(fallocate, file, 0, 0, 4096);
	CALL(fallocate, 99, 0, 0, 4096);
	CALL(fallocate, reader, 0, 0, 4096);
	CALL(fallocate, path, 0, 0, 4096);
	CALL(fallocate, file, 0, -1, 4096);
	CALL(fallocate, file, 0, 0, 0);
	CALL(fallocate, file, 0, INT64_MAX, INT64_MAX);
	CALL(fallocate, file, 1 << 20, 0, 4096);
	CALL(fallocate, file, 2, 0, 4096);
	CALL(fallocate, ends[1], 0, 0, 4096);
	CALL(fallocate, null, 0, 0, 4096);
	CALL(fallocate, directory, 0, 0, 4096);
}

static void flushing(void)
{
	section("flushing, advising");
#define FLUSHED(name, ...)                                                                                             \
	do {                                                                                                           \
		CALL(name, file __VA_OPT__(, ) __VA_ARGS__);                                                           \
		CALL(name, directory __VA_OPT__(, ) __VA_ARGS__);                                                      \
		CALL(name, 99 __VA_OPT__(, ) __VA_ARGS__);                                                             \
		CALL(name, path __VA_OPT__(, ) __VA_ARGS__);                                                           \
		CALL(name, ends[0] __VA_OPT__(, ) __VA_ARGS__);                                                        \
		CALL(name, null __VA_OPT__(, ) __VA_ARGS__);                                                           \
	} while (0)
	FLUSHED(fsync);
	FLUSHED(fdatasync);
	FLUSHED(syncfs);
	FLUSHED(sync_file_range, 0, 0, 7);
	FLUSHED(readahead, 0, 4096);
	FLUSHED(fadvise64, 0, 0, 0);
	CALL(sync);
	CALL(sync_file_range, file, -1, 0, 0);
	CALL(sync_file_range, file, 0, -1, 0);
	CALL(sync_file_range, file, 0, 0, 99);
	CALL(readahead, writer, 0, 4096);
	CALL(fadvise64, file, 0, -1, 0);
	CALL(fadvise64, file, 0, 0, 99);
}

static void splicing(void)
{
	struct iovec good = {room, 1}, bad = {(void *)8, 1}, long_one = {room, (size_t)-1};
	int other[2], append = open("file", O_WRONLY | O_APPEND);
	long offset = 0, negative = -1;

	section("splice, tee, vmsplice, sendfile");
	if (pipe2(other, O_NONBLOCK))
		exit(99);
	write(ends[1], "0123456789", 10);
	CALL(splice, ends[0], NULL, other[1], NULL, 1, 0);
	CALL(splice, 99, NULL, other[1], NULL, 1, 0);
	CALL(splice, ends[0], NULL, 99, NULL, 1, 0);
	CALL(splice, ends[1], NULL, other[1], NULL, 1, 0);
	CALL(splice, ends[0], NULL, other[0], NULL, 1, 0);
	CALL(splice, ends[0], NULL, ends[1], NULL, 1, 0);
	CALL(splice, file, NULL, null, NULL, 1, 0);
	CALL(splice, ends[0], &offset, other[1], NULL, 1, 0);
	CALL(splice, ends[0], NULL, other[1], &offset, 1, 0);
	CALL(splice, ends[0], NULL, append, NULL, 1, 0);
	CALL(splice, file, (void *)8, other[1], NULL, 1, 0);
	CALL(splice, file, &negative, other[1], NULL, 1, 0);
	CALL(splice, ends[0], NULL, other[1], NULL, 1, 1 << 20);
	CALL(splice, directory, NULL, other[1], NULL, 1, 0);
	CALL(read, other[0], room, 64);
	CALL(splice, other[0], NULL, null, NULL, 1, 0);
	CALL(tee, ends[0], other[1], 3, 0);
	CALL(tee, 99, other[1], 3, 0);
	CALL(tee, ends[0], 99, 3, 0);
	CALL(tee, file, other[1], 3, 0);
	CALL(tee, ends[0], file, 3, 0);
	CALL(tee, ends[0], ends[1], 3, 0);
	CALL(tee, ends[0], other[1], 3, 1 << 20);
	CALL(tee, ends[1], other[1], 3, 0);
	CALL(read, other[0], room, 64);
	CALL(tee, other[0], ends[1], 3, SPLICE_F_NONBLOCK);
	CALL(vmsplice, other[1], &good, 1, 0);
	CALL(vmsplice, 99, &good, 1, 0);
	CALL(vmsplice, file, &good, 1, 0);
	CALL(vmsplice, other[1], &bad, 1, 0);
	CALL(vmsplice, other[1], (void *)8, 1, 0);
	CALL(vmsplice, other[1], &good, 1025, 0);
	CALL(vmsplice, other[1], &long_one, 1, 0);
	CALL(vmsplice, other[1], &good, 1, 1 << 20);
	CALL(sendfile, other[1], file, NULL, 1);
	CALL(sendfile, 99, file, NULL, 1);
	CALL(sendfile, other[1], 99, NULL, 1);
	CALL(sendfile, other[1], writer, NULL, 1);
	CALL(sendfile, reader, file, NULL, 1);
	CALL(sendfile, append, file, NULL, 1);
	CALL(sendfile, other[1], file, (void *)8, 1);
	CALL(sendfile, other[1], file, &negative, 1);
	CALL(sendfile, other[1], ends[0], &offset, 1);
	CALL(sendfile, other[1], directory, NULL, 1);
	CALL(read, other[0], room, sizeof(room));
	CALL(lseek, file, 0, SEEK_SET);
	CALL(fcntl, other[1], F_SETPIPE_SZ, 4096);
	CALL(sendfile, other[1], file, NULL, 4096);
	CALL(lseek, file, 0, SEEK_SET);
	CALL(sendfile, other[1], file, NULL, 4096);
	close(other[0]);
	CALL(sendfile, other[1], file, NULL, 1);
	close(other[1]);
	close(append);
}

static void copying(void)
{
	int target = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600), append = open("copy", O_WRONLY | O_APPEND);
	int elsewhere = memfd_create("elsewhere", 0);
	long offset = 0, negative = -1, large = INT64_MAX - 10;

	section("copy_file_range");
	CALL(copy_file_range, file, &offset, target, NULL, 10, 0);
	CALL(copy_file_range, 99, NULL, target, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, 99, NULL, 10, 0);
	CALL(copy_file_range, writer, NULL, target, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, reader, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, append, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, directory, NULL, 10, 0);
	CALL(copy_file_range, directory, NULL, target, NULL, 10, 0);
	CALL(copy_file_range, ends[0], NULL, target, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, target, NULL, 10, 1);
	CALL(copy_file_range, file, NULL, elsewhere, NULL, 10, 0);
	CALL(copy_file_range, file, (void *)8, target, NULL, 10, 0);
	CALL(copy_file_range, file, &negative, target, NULL, 10, 0);
	CALL(copy_file_range, file, NULL, target, &large, 4096, 0);
	CALL(copy_file_range, file, &large, target, NULL, 4096, 0);
	offset = 0;
	large = 5;
	CALL(copy_file_range, file, &offset, file, &large, 10, 0);
	close(target);
	close(append);
}

static volatile int signals;

static void count(int signal)
{
	signals++;
}

/* One call under a limit of ten bytes a file; what is printed may itself go to a file. */
#define LIMITED(name, ...)                                                                                             \
	do {                                                                                                           \
		long arguments_[6] = {OBSERVE_WIDEN(__VA_ARGS__)}, result_;                                            \
                                                                                                                       \
		setrlimit(RLIMIT_FSIZE, &limit);                                                                       \
		errno = 0;                                                                                             \
		result_ = observe_call(SYS_##name, arguments_);                                                        \
		setrlimit(RLIMIT_FSIZE, &old);                                                                         \
		observe_result("SYS_" #name "(" #__VA_ARGS__ ")", result_);                                            \
	} while (0)

static void limited(void)
{
	struct rlimit old, limit;
	struct iovec vector = {room, 1};
	long offset = 0;
	int target = open("limited", O_RDWR | O_CREAT, 0600);

	section("RLIMIT_FSIZE");
	signal(SIGXFSZ, count);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 10;
	CALL(lseek, target, 10, SEEK_SET);
	LIMITED(write, target, room, 1);
	LIMITED(writev, target, &vector, 1);
	LIMITED(pwrite64, target, room, 1, 10);
	LIMITED(pwritev, target, &vector, 1, 10, 0);
	LIMITED(pwritev2, target, &vector, 1, 10, 0, 0);
	LIMITED(truncate, "limited", 11);
	LIMITED(ftruncate, target, 11);
	LIMITED(fallocate, target, 0, 0, 11);
	LIMITED(copy_file_range, file, &offset, target, NULL, 1, 0);
	LIMITED(sendfile, target, file, &offset, 1);
	printf("signals %d\n", signals);
	close(target);
}

/* Transfers that wait are ended by a signal; the timer repeats until one finds the call waiting. */
static void interrupted(void)
{
	struct itimerval repeated = {{0, 20000}, {0, 20000}}, off = {0};
	struct sigaction action = {.sa_handler = count};
	struct iovec vector = {room, 1};
	int pair[2], other[2];

	section("interrupted, would wait");
	if (pipe(pair) || pipe(other))
		exit(99);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &repeated, NULL);
	CALL(read, pair[0], room, 1);
	CALL(readv, pair[0], &vector, 1);
	CALL(preadv2, pair[0], &vector, 1, -1, -1, 0);
	CALL(splice, pair[0], NULL, null, NULL, 1, 0);
	CALL(tee, pair[0], other[1], 1, 0);
	CALL(fcntl, pair[0], F_SETPIPE_SZ, 4096);
	CALL(write, pair[1], memset(malloc(4096), 'x', 4096), 4096);
	CALL(write, pair[1], room, 1);
	CALL(writev, pair[1], &vector, 1);
	CALL(vmsplice, pair[1], &vector, 1, 0);
	setitimer(ITIMER_REAL, &off, NULL);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	CALL(write, pair[1], room, 1);
	CALL(writev, pair[1], &vector, 1);
	CALL(vmsplice, pair[1], &vector, 1, SPLICE_F_NONBLOCK);
	CALL(splice, file, NULL, pair[1], NULL, 1, SPLICE_F_NONBLOCK);
	CALL(read, pair[0], malloc(4096), 4096);
	CALL(read, pair[0], room, 1);
	CALL(readv, pair[0], &vector, 1);
	close(pair[0]);
	CALL(write, pair[1], room, 1);
	CALL(writev, pair[1], &vector, 1);
	CALL(vmsplice, pair[1], &vector, 1, 0);
	CALL(tee, other[0], pair[1], 1, SPLICE_F_NONBLOCK);
	close(pair[1]);
	close(other[0]);
	close(other[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_file("file", "the content of a file");
	mkdir("directory", 0755);
	mknod("fifo", S_IFIFO | 0600, 0);
	file = open("file", O_RDWR);
	reader = open("file", O_RDONLY);
	writer = open("file", O_WRONLY);
	path = open("file", O_PATH);
	directory = open("directory", O_RDONLY);
	null = open("/dev/null", O_RDWR);
	full = open("/dev/full", O_RDWR);
	if (pipe(ends))
		return 99;
	scalar();
	vectored();
	sizes();
	flushing();
	splicing();
	copying();
	limited();
	interrupted();
	return 0;
}
