/* Moving bytes: read, write, their vectored and positioned forms, lseek, faults in the middle, limits, append. */
#include "observe.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

static void plain(void)
{
	char buffer[64] = {0}, *edge = at_page_end(4);
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644), reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);

	section("read, write");
	OBSERVE(write(fd, "0123456789", 10));
	OBSERVE(read(fd, buffer, sizeof(buffer)));
	OBSERVE(lseek(fd, 0, SEEK_SET));
	OBSERVE(read(fd, buffer, 4));
	OBSERVE(read(fd, buffer, sizeof(buffer)));
	OBSERVE(read(fd, buffer, 0));
	OBSERVE(write(fd, buffer, 0));
	OBSERVE(read(writer, buffer, 1));
	OBSERVE(write(reader, buffer, 1));
	OBSERVE(read(99, buffer, 1));
	OBSERVE(read(99, NULL, 0));
	OBSERVE(read(reader, NULL, 10));
	OBSERVE(read(reader, NULL, 0));
	OBSERVE(write(writer, NULL, 10));
	OBSERVE(write(writer, NULL, 0));
	OBSERVE(read(reader, buffer, (size_t)-1));
	OBSERVE(read(reader, (void *)-4096L, 1));
	section("faults");
	OBSERVE(lseek(reader, 0, SEEK_SET));
	OBSERVE(read(reader, edge, 4));
	OBSERVE(read(reader, edge, 8));
	OBSERVE(lseek(reader, 0, SEEK_CUR));
	OBSERVE(read(reader, edge + 4, 8));
	OBSERVE(lseek(reader, 0, SEEK_END));
	OBSERVE(read(reader, edge + 4, 8));
	OBSERVE(lseek(writer, 0, SEEK_SET));
	memcpy(edge, "abcd", 4);
	OBSERVE(write(writer, edge, 4));
	OBSERVE(write(writer, edge + 4, 4));
	OBSERVE(lseek(writer, 0, SEEK_CUR));
	show_file("f");
	close(fd);
	close(reader);
	close(writer);
}

static void positions(void)
{
	char buffer[64];
	int fd = open("f", O_RDWR), pipes[2];

	section("pread, pwrite, lseek");
	OBSERVE(pread(fd, buffer, 4, 2));
	printf("%.4s\n", buffer);
	OBSERVE(pread(fd, buffer, 4, -1));
	OBSERVE(pread(99, buffer, 4, -1));
	OBSERVE(pread(fd, buffer, 4, 100));
	OBSERVE(pwrite(fd, "XY", 2, 12));
	OBSERVE(pwrite(fd, "XY", 2, -1));
	OBSERVE(lseek(fd, 0, SEEK_CUR));
	OBSERVE(lseek(fd, 0, SEEK_END));
	OBSERVE(lseek(fd, -20, SEEK_END));
	OBSERVE(lseek(fd, -1, SEEK_SET));
	OBSERVE(lseek(fd, 5, 99));
	OBSERVE(lseek(fd, 5, -1));
	OBSERVE(lseek(fd, 3, SEEK_SET));
	OBSERVE(lseek(fd, LONG_MAX, SEEK_CUR));
	OBSERVE(lseek(fd, 0, SEEK_DATA));
	OBSERVE(lseek(fd, 0, SEEK_HOLE));
	OBSERVE(lseek(fd, 100, SEEK_DATA));
	OBSERVE(lseek(99, 0, SEEK_SET));
	OBSERVE(pipe(pipes));
	OBSERVE(lseek(pipes[0], 0, SEEK_CUR));
	OBSERVE(pread(pipes[0], buffer, 1, 0));
	OBSERVE(pwrite(pipes[1], buffer, 1, 0));
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void vectors(void)
{
	char a[4] = "aaaa", b[8] = "bbbbbbbb", *edge = at_page_end(2);
	struct iovec vector[4] = {{a, 4}, {NULL, 0}, {b, 8}, {edge, 2}}, bad[2] = {{a, 4}, {b, (size_t)-1}};
	struct iovec over[2] = {{a, 4}, {edge + 2, 4}}, *many = calloc(1025, sizeof(*many));
	struct iovec *at_edge = at_page_end(sizeof(*at_edge));
	int fd = open("v", O_RDWR | O_CREAT | O_TRUNC, 0644);

	section("vectors");
	memcpy(edge, "ee", 2);
	OBSERVE(writev(fd, vector, 4));
	OBSERVE(lseek(fd, 0, SEEK_SET));
	OBSERVE(readv(fd, vector, 2));
	OBSERVE(readv(fd, vector, 4));
	OBSERVE(writev(fd, bad, 2));
	OBSERVE(writev(fd, over, 2));
	OBSERVE(writev(fd, vector, 0));
	OBSERVE(writev(fd, vector, -1));
	OBSERVE(writev(fd, NULL, 1));
	OBSERVE(writev(99, NULL, 1));
	OBSERVE(writev(fd, many, 1024));
	OBSERVE(writev(fd, many, 1025));
	*at_edge = (struct iovec){a, 2};
	OBSERVE(writev(fd, at_edge, 1));
	OBSERVE(writev(fd, at_edge, 2));
	OBSERVE(preadv(fd, vector, 1, 3));
	OBSERVE(preadv(fd, vector, 1, -1));
	OBSERVE(pwritev(fd, vector, 1, 30));
	OBSERVE(preadv2(fd, vector, 1, -1, 0));
	OBSERVE(lseek(fd, 0, SEEK_CUR));
	OBSERVE(preadv2(fd, vector, 1, -2, 0));
	OBSERVE(pwritev2(fd, vector, 1, 0, RWF_APPEND));
	OBSERVE(pwritev2(fd, vector, 1, -1, RWF_APPEND | RWF_DSYNC));
	OBSERVE(lseek(fd, 0, SEEK_CUR));
	OBSERVE(lseek(fd, 0, SEEK_END));
	OBSERVE(pwritev2(fd, vector, 1, 0, 0x40000000));
	OBSERVE(preadv2(fd, vector, 1, 0, RWF_HIPRI));
	close(fd);
	free(many);
}

static void appending(void)
{
	int fd = open("f", O_WRONLY | O_TRUNC), tail = open("f", O_WRONLY | O_APPEND);

	section("O_APPEND");
	OBSERVE(write(fd, "one", 3));
	OBSERVE(write(tail, "two", 3));
	OBSERVE(lseek(tail, 0, SEEK_CUR));
	OBSERVE(write(fd, "X", 1));
	OBSERVE(lseek(tail, 0, SEEK_SET));
	OBSERVE(write(tail, "three", 5));
	OBSERVE(pwrite(tail, "four", 4, 0));
	show_file("f");
	OBSERVE(fcntl(tail, F_SETFL, 0));
	OBSERVE(pwrite(tail, "FIVE", 4, 0));
	show_file("f");
	close(fd);
	close(tail);
}

static volatile int exceeded;

static void count_exceeded(int signal)
{
	exceeded++;
}

static void limited(void)
{
	struct rlimit old, limit;
	int fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0644), pipes[2];

	section("RLIMIT_FSIZE");
	signal(SIGXFSZ, count_exceeded);
	signal(SIGPIPE, count_exceeded);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 10;
	OBSERVE(setrlimit(RLIMIT_FSIZE, &limit));
	OBSERVE(write(fd, "01234567", 8));
	OBSERVE(write(fd, "89abcdef", 8));
	OBSERVE(write(fd, "x", 1));
	printf("signals %d\n", exceeded);
	OBSERVE(pwrite(fd, "xyz", 3, 20));
	OBSERVE(pwrite(fd, "xyz", 3, 9));
	OBSERVE(write(fd, "x", 0));
	printf("signals %d\n", exceeded);
	OBSERVE(pipe(pipes));
	OBSERVE(write(pipes[1], "more than ten bytes", 19));
	close(pipes[0]);
	OBSERVE(write(pipes[1], "x", 1));
	printf("signals %d\n", exceeded);
	setrlimit(RLIMIT_FSIZE, &old);
	fflush(stdout);
	close(pipes[1]);
	close(fd);
}

static void large(void)
{
	size_t size = 5 << 20, wrong = 0;
	unsigned char *data = malloc(size), *back = malloc(size);
	int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);

	section("large");
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(i * 7 + (i >> 12));
	OBSERVE(write(fd, data, size));
	OBSERVE(pread(fd, back, size, 0));
	OBSERVE(memcmp(data, back, size));
	OBSERVE(lseek(fd, 4097, SEEK_SET));
	for (size_t i = 0; i < 100; i++) {
		ssize_t got = read(fd, back, 777);

		wrong += got != 777 || memcmp(back, data + 4097 + i * 777, 777) != 0;
	}
	printf("wrong %zu\n", wrong);
	close(fd);
	free(data);
	free(back);
}

/* O_DIRECT asks for alignment; what the host refuses depends on its file system, and is refused here where it is there. */
static void direct(void)
{
	static const size_t sizes[] = {4096, 512, 100, 300 * 1024}, places[] = {0, 1, 8, 256, 512, 2048};
	unsigned char *data = aligned_alloc(4096, 1 << 20), *back = aligned_alloc(4096, 1 << 20);
	struct iovec whole[2] = {{data + 4096, 4096}, {data, 4096}}, parts[2] = {{data, 4090}, {data + 4090, 4102}}, apart[2] = {{data, 4090}, {data + 8192, 4102}};
	int fd = open("direct", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644), copy;

	section("direct");
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (unsigned char)(i * 7 + (i >> 12));
	for (size_t i = 0; i < 4 * 6; i++) {
		size_t size = sizes[i / 6], place = places[i % 6];

		printf("%zu bytes at %zu: ", size, place);
		OBSERVE(pwrite(fd, data + place, size, 0));
		memset(back, 0, 1 << 20);
		OBSERVE(pread(fd, back + place, size, 0));
		printf("%d\n", memcmp(back + place, data + place, size) == 0);
	}
	OBSERVE(pwritev(fd, whole, 2, 0));
	OBSERVE(pread(fd, back, 8192, 0));
	printf("%d %d\n", memcmp(back, data + 4096, 4096), memcmp(back + 4096, data, 4096));
	OBSERVE(pwritev(fd, parts, 2, 0));
	OBSERVE(pwritev(fd, apart, 2, 0));
	OBSERVE(pwrite(fd, data, 4096, 1));
	copy = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644);
	OBSERVE(lseek(fd, 0, SEEK_SET));
	OBSERVE(sendfile(copy, fd, NULL, 8192));
	OBSERVE(lseek(copy, 0, SEEK_SET));
	OBSERVE(sendfile(fd, copy, NULL, 4096));
	close(copy);
	close(fd);
	free(data);
	free(back);
}

static void devices(void)
{
	char buffer[8] = "xxxxxxx";
	int fd = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
	int directory = open(".", O_RDONLY);

	section("devices");
	OBSERVE(write(fd, buffer, 8));
	OBSERVE(read(fd, buffer, 8));
	OBSERVE(lseek(fd, 5, SEEK_SET));
	OBSERVE(read(zero, buffer, 8));
	printf("%d\n", buffer[0] | buffer[7]);
	OBSERVE(write(full, buffer, 8));
	OBSERVE(read(directory, buffer, 8));
	OBSERVE(read(directory, NULL, 0));
	OBSERVE(pread(directory, buffer, 8, 0));
	OBSERVE(write(directory, buffer, 8));
	close(fd);
	close(zero);
	close(full);
	close(directory);
}

int main(void)
{
	plain();
	positions();
	vectors();
	appending();
	limited();
	large();
	direct();
	devices();
	return 0;
}
