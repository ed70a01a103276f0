/* /dev: the usual devices, their numbers, and what they answer. */
#include "observe.h"

#include <dirent.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

static void describe(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	printf("%s: mode %o rdev %u:%u uid %u\n", path, status.st_mode, major(status.st_rdev), minor(status.st_rdev),
	       status.st_uid);
}

static void device(const char *path)
{
	char buffer[64];
	struct pollfd entry;
	int fd = open(path, O_RDWR), value;
	void *map;

	section(path);
	memset(buffer, 1, sizeof buffer);
	printf("open %d flags %o\n", fd >= 0, fcntl(fd, F_GETFL));
	OBSERVE(read(fd, buffer, 16));
	OBSERVE(write(fd, buffer, 16));
	OBSERVE(write(fd, buffer, 0));
	OBSERVE(read(fd, (void *)8, 16) == -1 ? errno : 0);
	OBSERVE(pread(fd, buffer, 16, 1 << 20));
	OBSERVE(lseek(fd, 100, SEEK_SET));
	OBSERVE(lseek(fd, 0, SEEK_END));
	OBSERVE(ftruncate(fd, 0));
	OBSERVE(ioctl(fd, 0x5401, buffer));
	OBSERVE(ioctl(fd, FIONREAD, &value));
	OBSERVE(fsync(fd));
	entry = (struct pollfd){fd, POLLIN | POLLOUT, 0};
	poll(&entry, 1, 0);
	printf("poll %x\n", entry.revents);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("map %s\n", map == MAP_FAILED ? strerrorname_np(errno) : "works");
	if (map != MAP_FAILED)
		*(int *)map = 1;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	printf("private map %s %d\n", map == MAP_FAILED ? strerrorname_np(errno) : "works", map == MAP_FAILED ? 0 : *(int *)map);
	close(fd);
}

int main(void)
{
	static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
					    "/dev/ptmx", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/shm",
					    "/dev/pts", "/dev/no-such-device"};
	char link[64] = "";
	DIR *directory;
	int found = 0;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		describe(paths[i]);
	device("/dev/null");
	device("/dev/zero");
	device("/dev/full");
	section("others");
	OBSERVE(readlink("/dev/fd", link, sizeof link));
	printf("%s\n", link);
	OBSERVE(open("/dev/null/x", O_RDONLY));
	OBSERVE(open("/dev/null", O_RDONLY | O_DIRECTORY));
	OBSERVE(open("/dev/null", O_RDWR | O_CREAT | O_EXCL, 0600));
	OBSERVE_SUCCESS(open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	OBSERVE(open("/dev", O_WRONLY));
	OBSERVE(mkdir("/dev/null", 0700));
	directory = opendir("/dev");
	for (struct dirent *entry; (entry = readdir(directory));)
		if (!strcmp(entry->d_name, "null") || !strcmp(entry->d_name, "fd") || !strcmp(entry->d_name, "pts"))
			found += entry->d_type;
	printf("types %d\n", found);
	return 0;
}
