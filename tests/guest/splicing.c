/* splice(2), tee(2), vmsplice(2), and files without a name: memfd_create(2), eventfd(2). */
#include "observe.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static int a[2], b[2];

static int bytes(int fd)
{
	int count = -1;

	ioctl(fd, FIONREAD, &count);
	return count;
}

static void between_pipes(void)
{
	char text[64] = "";

	section("pipes");
	OBSERVE(write(a[1], "abcdef", 6));
	OBSERVE(tee(a[0], b[1], 4, 0));
	OBSERVE(splice(a[0], NULL, b[1], NULL, 100, 0));
	printf("%d %d\n", bytes(a[0]), bytes(b[0]));
	OBSERVE(read(b[0], text, sizeof text));
	printf("%s\n", text);
	OBSERVE(splice(a[0], NULL, b[1], NULL, 100, SPLICE_F_NONBLOCK));
	OBSERVE(tee(a[0], b[1], 4, SPLICE_F_NONBLOCK));
	OBSERVE(splice(a[0], NULL, a[1], NULL, 100, SPLICE_F_NONBLOCK));
	OBSERVE(tee(a[0], a[1], 100, SPLICE_F_NONBLOCK));
	OBSERVE(splice(a[0], NULL, b[1], NULL, 0, 0));
	OBSERVE(tee(a[0], b[1], 0, 0));
	OBSERVE(splice(a[1], NULL, b[1], NULL, 1, 0));
	OBSERVE(splice(a[0], NULL, b[0], NULL, 1, 0));
	OBSERVE(splice(a[0], NULL, b[1], NULL, 1, 0x100));
	OBSERVE(splice(777, NULL, b[1], NULL, 1, 0));
	OBSERVE(tee(0, b[1], 1, 0) == -1);
}

static void with_files(void)
{
	int in = open("in", O_RDWR | O_CREAT | O_TRUNC, 0600), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int append = open("out", O_WRONLY | O_APPEND);
	char text[64] = "";
	loff_t offset = 2, bad = -1;

	section("files");
	OBSERVE(write(in, "0123456789", 10));
	OBSERVE(splice(in, &offset, a[1], NULL, 3, 0));
	printf("offset %lld position %lld bytes %d\n", (long long)offset, (long long)lseek(in, 0, SEEK_CUR), bytes(a[0]));
	lseek(in, 8, SEEK_SET);
	OBSERVE(splice(in, NULL, a[1], NULL, 100, 0));
	printf("position %lld bytes %d\n", (long long)lseek(in, 0, SEEK_CUR), bytes(a[0]));
	OBSERVE(splice(in, NULL, a[1], NULL, 100, 0));
	OBSERVE(splice(a[0], NULL, out, NULL, 4, 0));
	offset = 10;
	OBSERVE(splice(a[0], NULL, out, &offset, 100, 0));
	printf("offset %lld\n", (long long)offset);
	OBSERVE(pread(out, text, sizeof text, 0));
	printf("%.4s %s\n", text, text + 10);
	OBSERVE(splice(in, NULL, out, NULL, 1, 0));
	OBSERVE(write(a[1], "x", 1));
	OBSERVE(splice(a[0], NULL, append, NULL, 1, 0));
	OBSERVE(splice(a[0], &offset, out, NULL, 1, 0));
	OBSERVE(splice(in, NULL, a[1], &offset, 1, 0));
	OBSERVE(splice(in, &bad, a[1], NULL, 1, 0));
	OBSERVE(splice(in, (void *)8, a[1], NULL, 1, 0));
	OBSERVE(read(a[0], text, sizeof text));
	OBSERVE(splice(open("/dev/zero", O_RDONLY), NULL, a[1], NULL, 10, 0));
	OBSERVE(splice(a[0], NULL, open("/dev/null", O_WRONLY), NULL, 100, 0));
	printf("bytes %d\n", bytes(a[0]));
}

static void from_memory(void)
{
	struct iovec parts[2] = {{"abc", 3}, {"defg", 4}}, bad = {(void *)8, 1};
	char text[64] = "";
	struct iovec into = {text, 5};

	section("memory");
	OBSERVE(vmsplice(a[1], parts, 2, 0));
	OBSERVE(vmsplice(a[0], &into, 1, 0));
	printf("%s\n", text);
	OBSERVE(vmsplice(a[1], parts, 0, 0));
	OBSERVE(vmsplice(a[1], &bad, 1, 0));
	OBSERVE(vmsplice(a[1], parts, 2000, 0));
	OBSERVE(vmsplice(open("in", O_RDWR), parts, 2, 0));
	OBSERVE(vmsplice(a[1], parts, 2, 0x100));
	OBSERVE(read(a[0], text, sizeof text));
	OBSERVE(vmsplice(a[0], &into, 1, SPLICE_F_NONBLOCK));
}

static void memory_files(void)
{
	char link[64] = "", path[64];
	int fd = memfd_create("name", MFD_ALLOW_SEALING), again;
	struct stat status;
	char *map;

	section("memfd");
	OBSERVE(fstat(fd, &status));
	printf("mode %o links %lu size %ld\n", status.st_mode, (unsigned long)status.st_nlink, (long)status.st_size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	OBSERVE(readlink(path, link, sizeof link));
	printf("%s\n", link);
	OBSERVE(fcntl(fd, F_GET_SEALS));
	OBSERVE(ftruncate(fd, 8192));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(map, "mapped");
	OBSERVE(pread(fd, link, 7, 0));
	printf("%s\n", link);
	OBSERVE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(map, 8192);
	OBSERVE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	OBSERVE(ftruncate(fd, 0));
	OBSERVE(pwrite(fd, "x", 1, 8192));
	OBSERVE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	OBSERVE(write(fd, "x", 1));
	OBSERVE(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0);
	OBSERVE(fcntl(fd, F_GET_SEALS));
	again = open(path, O_RDONLY);
	OBSERVE(read(again, link, 7));
	OBSERVE(fcntl(again, F_ADD_SEALS, F_SEAL_SEAL));
	OBSERVE(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	OBSERVE(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	OBSERVE(fcntl(a[0], F_GET_SEALS));
	OBSERVE(fcntl(memfd_create("plain", MFD_CLOEXEC), F_GET_SEALS));
	OBSERVE(memfd_create("bad", 0x80));
	OBSERVE(memfd_create((void *)8, 0));
	memset(path, 'x', sizeof path);
	OBSERVE(memfd_create(memset(calloc(1, 300), 'x', 250), 0));
}

static void counters(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), semaphore = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
	struct pollfd entry = {fd, POLLIN | POLLOUT, 0};
	uint64_t value = 5;

	section("eventfd");
	OBSERVE(write(fd, &value, 8));
	OBSERVE(read(fd, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	OBSERVE(read(fd, &value, 8));
	OBSERVE(read(fd, &value, 4));
	poll(&entry, 1, 0);
	printf("poll %x\n", entry.revents);
	OBSERVE(read(semaphore, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	OBSERVE(read(semaphore, &value, 8));
	OBSERVE(read(semaphore, &value, 8));
	value = UINT64_MAX;
	OBSERVE(write(fd, &value, 8));
	value--;
	OBSERVE(write(fd, &value, 8));
	OBSERVE(write(fd, &value, 8));
	OBSERVE(eventfd(0, 2));
}

int main(void)
{
	pipe(a);
	pipe(b);
	between_pipes();
	with_files();
	from_memory();
	memory_files();
	counters();
	return 0;
}
