/* splice, tee, vmsplice and sendfile from and to every kind of file, pipes with a name and inherited ones included. */
#include "observe.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define KINDS 13

static struct kind {
	const char *name;
	int fd;
} kinds[KINDS];

static char large[1 << 17] __attribute__((aligned(4096)));

static int filled_pipe(int ends[2])
{
	pipe2(ends, O_NONBLOCK);
	return (int)write(ends[1], "hello world", 11);
}

static int fifo(const char *name)
{
	mkfifo(name, 0600);
	return open(name, O_RDWR | O_NONBLOCK);
}

static void make_kinds(void)
{
	int count = 0;
	sigset_t none;

	sigemptyset(&none);
	kinds[count++] = (struct kind){"file", open("file", O_RDWR | O_CREAT, 0600)};
	kinds[count++] = (struct kind){"append", open("append", O_RDWR | O_CREAT | O_APPEND, 0600)};
	kinds[count++] = (struct kind){"directory", open(".", O_RDONLY)};
	kinds[count++] = (struct kind){"fifo", fifo("fifo")};
	kinds[count++] = (struct kind){"null", open("/dev/null", O_RDWR)};
	kinds[count++] = (struct kind){"zero", open("/dev/zero", O_RDWR)};
	kinds[count++] = (struct kind){"full", open("/dev/full", O_RDWR)};
	kinds[count++] = (struct kind){"urandom", open("/dev/urandom", O_RDWR)};
	kinds[count++] = (struct kind){"event", eventfd(0, EFD_NONBLOCK)};
	kinds[count++] = (struct kind){"timer", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)};
	kinds[count++] = (struct kind){"signal", signalfd(-1, &none, SFD_NONBLOCK)};
	kinds[count++] = (struct kind){"memory", (int)syscall(SYS_memfd_create, "m", 0)};
	kinds[count++] = (struct kind){"comm", open("/proc/self/comm", O_RDWR)};
	write(kinds[0].fd, "0123456789", 10);
	write(kinds[11].fd, "0123456789", 10);
}

static void by_pipe(void)
{
	for (int i = 0; i < KINDS; i++) {
		int ends[2];

		section(kinds[i].name);
		filled_pipe(ends);
		OBSERVE(splice(ends[0], NULL, kinds[i].fd, NULL, 4, SPLICE_F_NONBLOCK));
		OBSERVE(splice(ends[0], NULL, kinds[i].fd, NULL, (size_t)-1, SPLICE_F_NONBLOCK) > 0);
		lseek(kinds[i].fd, 0, SEEK_SET);
		OBSERVE(splice(kinds[i].fd, NULL, ends[1], NULL, 4, SPLICE_F_NONBLOCK));
		OBSERVE(tee(ends[0], kinds[i].fd, 4, SPLICE_F_NONBLOCK));
		OBSERVE(tee(kinds[i].fd, ends[1], 4, SPLICE_F_NONBLOCK));
		OBSERVE(sendfile(kinds[i].fd, kinds[5].fd, NULL, 3));
		lseek(kinds[i].fd, 0, SEEK_SET);
		OBSERVE(sendfile(kinds[11].fd, kinds[i].fd, NULL, 3));
		OBSERVE(sendfile(kinds[11].fd, kinds[i].fd, NULL, (size_t)-1));
		OBSERVE(sendfile(kinds[11].fd, kinds[i].fd, NULL, 0));
		OBSERVE(sendfile(kinds[5].fd, kinds[i].fd, NULL, 0));
		OBSERVE(sendfile(kinds[i].fd, kinds[5].fd, NULL, 0));
		OBSERVE(sendfile(ends[1], kinds[i].fd, NULL, 0));
		close(ends[0]);
		close(ends[1]);
	}
}

static void by_fifo(int named)
{
	char got[32] = "";
	int ends[2], other;
	struct iovec vector = {got, 5};

	section("a FIFO and others");
	filled_pipe(ends);
	OBSERVE(splice(ends[0], NULL, named, NULL, 5, 0));
	OBSERVE(tee(ends[0], named, 3, 0));
	OBSERVE(splice(named, NULL, ends[1], NULL, 4, 0));
	OBSERVE(read(named, got, sizeof(got)));
	printf("%s\n", got);
	memset(got, 0, sizeof(got));
	OBSERVE(read(ends[0], got, sizeof(got)));
	printf("%s\n", got);
	OBSERVE(splice(named, NULL, ends[1], NULL, 4, SPLICE_F_NONBLOCK));
	OBSERVE(splice(kinds[5].fd, NULL, named, NULL, 4, 0));
	OBSERVE(splice(named, NULL, kinds[4].fd, NULL, 4, 0));
	OBSERVE(vmsplice(named, &vector, 1, SPLICE_F_NONBLOCK));
	other = fifo("other");
	OBSERVE(tee(named, other, 3, 0));
	OBSERVE(splice(named, NULL, other, NULL, 9, 0));
	OBSERVE(splice(named, NULL, other, NULL, 9, SPLICE_F_NONBLOCK));
	OBSERVE(tee(other, ends[1], 3, 0));
	close(other);
	close(ends[0]);
	close(ends[1]);
}

static void vectors(void)
{
	struct iovec whole = {large, sizeof(large)}, odd = {large + 1, sizeof(large) - 1}, two[2] = {{large, 40960}, {large, 40960}};
	struct iovec nowhere = {(void *)4096, 4096};
	int ends[2];

	section("vmsplice");
	pipe(ends);
	OBSERVE(vmsplice(ends[1], &whole, 1, 0));
	OBSERVE(vmsplice(ends[1], &whole, 1, SPLICE_F_NONBLOCK));
	OBSERVE(vmsplice(ends[0], &whole, 1, 0));
	OBSERVE(vmsplice(ends[0], &whole, 1, SPLICE_F_NONBLOCK));
	OBSERVE(vmsplice(ends[1], &odd, 1, 0));
	OBSERVE(vmsplice(ends[0], &whole, 1, 0));
	OBSERVE(vmsplice(ends[1], two, 2, SPLICE_F_NONBLOCK));
	OBSERVE(vmsplice(ends[0], &whole, 1, 0));
	OBSERVE(write(ends[1], large, 60000));
	OBSERVE(vmsplice(ends[1], &whole, 1, 0));
	OBSERVE(vmsplice(ends[0], two, 2, 0));
	OBSERVE(vmsplice(ends[1], &nowhere, 1, 0));
	close(ends[0]);
	OBSERVE(vmsplice(ends[1], &whole, 1, 0));
	close(ends[1]);
}

static void size_limit(void)
{
	const struct rlimit limit = {8, RLIM_INFINITY};
	struct rlimit before;
	int ends[2], fd = open("limited", O_RDWR | O_CREAT, 0600);
	loff_t offset = 8;
	long moved[3];
	int error;

	section("RLIMIT_FSIZE");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	filled_pipe(ends);
	setrlimit(RLIMIT_FSIZE, &limit);
	moved[0] = splice(ends[0], NULL, fd, NULL, 11, 0);
	moved[1] = splice(ends[0], NULL, fd, NULL, 11, 0);
	moved[2] = splice(ends[0], NULL, fd, &offset, 11, 0);
	error = errno;
	setrlimit(RLIMIT_FSIZE, &before);
	printf("%ld %ld %ld %s\n", moved[0], moved[1], moved[2], strerrorname_np(error));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_kinds();
	by_pipe();
	by_fifo(kinds[3].fd);
	vectors();
	size_limit();
	return 0;
}
