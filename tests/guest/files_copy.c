/* copy_file_range and sendfile: offsets, positions, kinds of files, short transfers, overlap. */
#include "observe.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

static long position(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

static void ranges(void)
{
	int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0644),
	    appending = open("out", O_WRONLY | O_APPEND);
	int directory = open(".", O_RDONLY), ends[2];
	off_t from = 2, to = 5, negative = -1, far = 100;

	section("copy_file_range");
	OBSERVE(pipe(ends));
	OBSERVE(copy_file_range(in, NULL, out, NULL, 4, 0));
	printf("positions %ld %ld\n", position(in), position(out));
	OBSERVE(copy_file_range(in, &from, out, &to, 3, 0));
	printf("offsets %ld %ld positions %ld %ld\n", (long)from, (long)to, position(in), position(out));
	show_file("out");
	OBSERVE(copy_file_range(in, NULL, out, NULL, 100, 0));
	OBSERVE(copy_file_range(in, NULL, out, NULL, 100, 0));
	OBSERVE(copy_file_range(in, &far, out, NULL, 100, 0));
	show_file("out");
	OBSERVE(copy_file_range(in, &negative, out, NULL, 1, 0));
	OBSERVE(copy_file_range(in, NULL, out, &negative, 1, 0));
	OBSERVE(copy_file_range(in, NULL, out, NULL, 1, 1));
	OBSERVE(copy_file_range(in, NULL, out, NULL, 0, 0));
	OBSERVE(copy_file_range(out, NULL, in, NULL, 1, 0));
	OBSERVE(copy_file_range(in, NULL, appending, NULL, 1, 0));
	OBSERVE(copy_file_range(directory, NULL, out, NULL, 1, 0));
	OBSERVE(copy_file_range(in, NULL, ends[1], NULL, 1, 0));
	OBSERVE(copy_file_range(ends[0], NULL, out, NULL, 1, 0));
	OBSERVE(copy_file_range(-1, NULL, out, NULL, 1, 0));
	OBSERVE(copy_file_range(in, NULL, -1, NULL, 1, 0));
	OBSERVE(copy_file_range(in, (off_t *)8, out, NULL, 1, 0));
	from = 0;
	to = 3;
	OBSERVE(copy_file_range(out, &from, out, &to, 5, 0));
	to = 5;
	OBSERVE(copy_file_range(out, &from, out, &to, 5, 0));
	show_file("out");
	close(in);
	close(out);
	close(appending);
	close(directory);
	close(ends[0]);
	close(ends[1]);
}

static void sending(void)
{
	int in = open("in", O_RDONLY), out = open("sent", O_RDWR | O_CREAT, 0644),
	    appending = open("sent", O_WRONLY | O_APPEND);
	int directory = open(".", O_RDONLY), zero = open("/dev/zero", O_RDONLY), ends[2];
	char text[32] = "";
	off_t from = 3, negative = -1, far = 100;

	section("sendfile");
	OBSERVE(pipe(ends));
	OBSERVE(sendfile(out, in, NULL, 4));
	printf("positions %ld %ld\n", position(in), position(out));
	OBSERVE(sendfile(out, in, &from, 3));
	printf("offset %ld positions %ld %ld\n", (long)from, position(in), position(out));
	OBSERVE(sendfile(out, in, NULL, 1000));
	OBSERVE(sendfile(out, in, NULL, 1000));
	OBSERVE(sendfile(out, in, &far, 1000));
	show_file("sent");
	OBSERVE(sendfile(ends[1], in, &from, 2));
	OBSERVE(read(ends[0], text, sizeof(text)));
	printf("%s\n", text);
	OBSERVE(sendfile(out, zero, NULL, 5));
	OBSERVE(sendfile(out, in, &negative, 1));
	OBSERVE(sendfile(in, out, NULL, 1));
	OBSERVE(sendfile(appending, in, NULL, 1));
	OBSERVE(sendfile(out, directory, NULL, 1));
	OBSERVE(sendfile(out, ends[0], NULL, 1));
	OBSERVE(sendfile(out, ends[0], &from, 1));
	OBSERVE(sendfile(-1, in, NULL, 1));
	OBSERVE(sendfile(out, -1, NULL, 1));
	OBSERVE(sendfile(out, in, (off_t *)8, 1));
	OBSERVE(sendfile(out, in, NULL, 0));
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	from = 0;
	OBSERVE(sendfile(ends[1], in, &from, 1));
	printf("offset %ld\n", (long)from);
	close(ends[1]);
	close(in);
	close(out);
	close(appending);
	close(directory);
	close(zero);
}

static void much(void)
{
	static char data[1 << 20], back[1 << 20];
	int in = open("big", O_RDWR | O_CREAT, 0644), out = open("bigger", O_RDWR | O_CREAT, 0644), ends[2];

	section("much");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 2654435761u >> 11);
	OBSERVE(write(in, data, sizeof(data)));
	OBSERVE(lseek(in, 0, SEEK_SET));
	OBSERVE(sendfile(out, in, NULL, sizeof(data) + 5));
	OBSERVE(pread(out, back, sizeof(back), 0));
	printf("same: %d\n", !memcmp(data, back, sizeof(data)));
	/* What a pipe can't take stays in the file. */
	OBSERVE(pipe2(ends, O_NONBLOCK));
	OBSERVE(lseek(in, 0, SEEK_SET));
	OBSERVE(sendfile(ends[1], in, NULL, sizeof(data)));
	printf("position %ld\n", position(in));
	OBSERVE(sendfile(ends[1], in, NULL, 1));
	close(in);
	close(out);
	close(ends[0]);
	close(ends[1]);
}

static int waiting_in(int fd)
{
	int count = -1;

	ioctl(fd, FIONREAD, &count);
	return count;
}

/* How much a pipe takes depends on where in the file's pages it comes from. */
static void sending_to_a_pipe(void)
{
	static const struct {
		off_t from;
		size_t size;
	} parts[] = {{0, 1}, {100, 5000}, {0, 300000}, {10, 300000}, {4095, 2}, {299999, 5}};
	int in = open("large", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
	static char sink[300000];

	section("sendfile to a pipe");
	if (in < 0 || ftruncate(in, sizeof sink) || pipe2(ends, O_NONBLOCK))
		return;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		ssize_t sent;
		off_t offset;
		int times = 0;

		do {
			offset = parts[i].from;
			sent = sendfile(ends[1], in, &offset, parts[i].size);
			times++;
		} while (sent > 0);
		printf("%d times, then %s; %d bytes, %zd read\n", times, sent < 0 ? strerrorname_np(errno) : "nothing",
		       waiting_in(ends[0]), read(ends[0], sink, sizeof sink));
		offset = parts[i].from;
		OBSERVE(sendfile(ends[1], in, &offset, parts[i].size));
		printf("offset %ld, %zd read\n", (long)offset, read(ends[0], sink, sizeof sink));
	}
	OBSERVE(lseek(in, 8190, SEEK_SET));
	OBSERVE(sendfile(ends[1], in, NULL, 10));
	printf("position %ld\n", position(in));
	OBSERVE(write(ends[1], "not merged", 10));
	printf("%d bytes\n", waiting_in(ends[0]));
	close(ends[0]);
	close(ends[1]);
	close(in);
}

int main(void)
{
	make_file("in", "0123456789");
	ranges();
	sending();
	sending_to_a_pipe();
	much();
	return 0;
}
