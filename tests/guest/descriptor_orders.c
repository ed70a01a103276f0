/*
 * Which of several faults a call tells: descriptors of many kinds, asked for what they can't do with arguments that are wrong too.
 */
#include "observe.h"

#include <linux/fs.h>
#include <linux/random.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <termios.h>


static struct {
	const char *name;
	int fd;
} kinds[24];
static int count;

static void add(const char *name, int fd)
{
	kinds[count].name = name;
	kinds[count++].fd = fd;
}

static void open_kinds(void)
{
	int ends[2], lonely[2];
	sigset_t set;

	pipe2(ends, O_NONBLOCK);
	pipe2(lonely, O_NONBLOCK);
	close(lonely[0]);
	add("pipe, read", ends[0]);
	add("pipe, written", ends[1]);
	add("pipe without reader", lonely[1]);
	add("eventfd", eventfd(0, EFD_NONBLOCK));
	add("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	sigemptyset(&set);
	add("signalfd", signalfd(-1, &set, SFD_NONBLOCK));
	add("regular", open("orders.file", O_RDWR | O_CREAT, 0600));
	add("regular, written", open("orders.file", O_WRONLY));
	add("regular, read", open("orders.file", O_RDONLY));
	add("directory", open(".", O_RDONLY));
	add("/dev/null", open("/dev/null", O_RDWR));
	add("/dev/zero", open("/dev/zero", O_RDWR));
	add("/dev/full", open("/dev/full", O_RDWR));
	add("/dev/urandom", open("/dev/urandom", O_RDONLY));
	add("/proc/self/stat", open("/proc/self/stat", O_RDONLY));
	add("/proc/self/comm", open("/proc/self/comm", O_RDWR));
	add("/proc", open("/proc", O_RDONLY));
	add("terminal", posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
	add("memfd", memfd_create("orders", MFD_ALLOW_SEALING));
	unlink("orders.file");
}

/* Of a file of /proc that can't be written Linux tells that it has no positions. */
static int readable_only(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static void transfers(int fd)
{
	char byte = 0;
	struct iovec none = {&byte, 0}, *volatile many = &none;
	const struct iovec *volatile bad_vector = (void *)8;

	OBSERVE(readv(fd, bad_vector, 1));
	OBSERVE(readv(fd, many, 2000));
	OBSERVE(writev(fd, bad_vector, 1));
	OBSERVE(writev(fd, many, 2000));
	OBSERVE(preadv(fd, bad_vector, 1, 0));
	OBSERVE(preadv2(fd, &none, 1, 0, 0x1000));
	OBSERVE(read(fd, &byte, 0) > 0);
	if (readable_only(fd))
		return;
	OBSERVE(pwritev(fd, bad_vector, 1, 0));
	OBSERVE(pwritev2(fd, bad_vector, 1, 0, 0x1000));
}

static void room(int fd)
{
	OBSERVE(fallocate(fd, 0, 0, 0));
	OBSERVE(fallocate(fd, 4, 0, 16));
	OBSERVE(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 16));
	OBSERVE(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 16));
	OBSERVE(posix_fadvise(fd, 0, -1, 0));
	OBSERVE(posix_fadvise(fd, 0, 0, 100));
	OBSERVE(posix_fadvise(fd, 0, 0, 0));
	OBSERVE(readahead(fd, 0, -1) == 0);
}

static void commands(int fd)
{
	OBSERVE(fcntl(fd, F_ADD_SEALS, 0));
	OBSERVE(fcntl(fd, F_ADD_SEALS, 0x100));
	OBSERVE(fcntl(fd, F_GETFL) & (O_ACCMODE | O_DIRECTORY));
	OBSERVE_SUCCESS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	OBSERVE(mkdirat(fd, ".", 0700));
	OBSERVE(unlinkat(fd, "..", 0));
	OBSERVE(unlinkat(fd, ".", AT_REMOVEDIR));
}

static void no_directory(int fd)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
		return;
	OBSERVE(renameat(fd, "a", fd, ""));
	OBSERVE(renameat(fd, ".", fd, "a"));
	OBSERVE(renameat(fd, "a", fd, (void *)8));
	OBSERVE(symlinkat("x", fd, "/"));
}

static void requests(int fd)
{
	static const unsigned unknown[] = {0, 0x1234, 0xffffffff, 0x80000000, RNDRESEEDCRNG + 100, TIOCGWINSZ, BLKGETSIZE64};
	char buffer[256] = {0};
	loff_t size;
	int number;

	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		if (unknown[i] != TIOCGWINSZ || !isatty(fd))
			OBSERVE(ioctl(fd, unknown[i], buffer));
	OBSERVE_SUCCESS(ioctl(fd, RNDGETENTCNT, &number));
	OBSERVE(ioctl(fd, RNDGETENTCNT, (void *)8));
	OBSERVE(ioctl(fd, FIGETBSZ, &number));
	OBSERVE(ioctl(fd, FIGETBSZ, (void *)8));
	OBSERVE_SUCCESS(ioctl(fd, FIOQSIZE, &size));
	OBSERVE(ioctl(fd, FIONREAD, (void *)8));
	OBSERVE(ioctl(fd, FIDEDUPERANGE, (void *)8));
	OBSERVE(ioctl(fd, FS_IOC_FSSETXATTR, (void *)8));
}

static void pairs(void)
{
	off_t place;

	for (int in = 0; in < count; in++) {
		for (int out = 0; out < count; out++) {
			if (strcmp(kinds[in].name, "/dev/zero") == 0 || strcmp(kinds[in].name, "/dev/full") == 0)
				continue;
			printf("%s to %s\n", kinds[in].name, kinds[out].name);
			place = -1;
			OBSERVE(splice(kinds[in].fd, &place, kinds[out].fd, NULL, 1, SPLICE_F_NONBLOCK));
			OBSERVE(splice(kinds[in].fd, (void *)8, kinds[out].fd, NULL, 1, SPLICE_F_NONBLOCK));
			OBSERVE(sendfile(kinds[out].fd, kinds[in].fd, &place, 1));
		}
	}
}

int main(void)
{
	struct statfs volume;

	signal(SIGPIPE, SIG_IGN);
	open_kinds();
	for (int i = 0; i < count; i++) {
		printf("--- %s\n", kinds[i].name);
		transfers(kinds[i].fd);
		room(kinds[i].fd);
		commands(kinds[i].fd);
		no_directory(kinds[i].fd);
		requests(kinds[i].fd);
		if (strncmp(kinds[i].name, "/dev", 4) == 0 || strncmp(kinds[i].name, "/proc", 5) == 0)
			OBSERVE(fcntl(kinds[i].fd, F_SETFL, O_DIRECT));
		OBSERVE(fstatfs(kinds[i].fd, &volume));
	}
	pairs();
	return 0;
}
