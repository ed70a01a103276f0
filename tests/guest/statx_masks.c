/*
 * statx(2): which members a mask gets, which the kernel gives unasked, and in which form the mount is named; of every kind of
 * file. And what a file without a name, made in the root of a mount, is like.
 */
#include "observe.h"

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* Newer than the headers. */
struct newer_statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, pad;
	uint64_t inode, size, blocks, attributes_mask;
	struct {
		int64_t seconds;
		uint32_t nanoseconds;
		int32_t pad;
	} access, birth, change, modify;
	uint32_t rdev[2], dev[2];
	uint64_t mount;
	uint32_t dio[2];
	uint64_t subvolume;
	uint32_t atomic[3], dio_read, atomic_opt, pad2;
	uint64_t spare[8];
};

static const unsigned masks[] = {
	0, STATX_BASIC_STATS, STATX_ATIME, STATX_MTIME, STATX_CTIME, STATX_BTIME, STATX_MNT_ID, 0x2000, 0x4000, 0x5000,
	0x8000, 0x10000, 0x20000, 0x7fffffff, 0x80000000,
};

static void show(const char *what, int fd, const char *path, int flags, unsigned mask)
{
	struct newer_statx seen;

	memset(&seen, 0x55, sizeof seen);
	if (syscall(SYS_statx, fd, path, flags, mask, &seen) < 0) {
		printf("%s %#x: %s\n", what, mask, strerrorname_np(errno));
		return;
	}
	printf("%s %#x: %#x mode %o born %d changed %d dio %u %u %u atomic %u %u %u mount %s spare %d\n", what, mask, seen.mask,
	       seen.mode, seen.birth.seconds != 0, mask & STATX_CTIME || seen.change.seconds != 0, seen.dio[0], seen.dio[1],
	       seen.dio_read, seen.atomic[0], seen.atomic[1], seen.atomic[2],
	       seen.mount > UINT32_MAX / 2 ? "unique" : seen.mount ? "reused" : "none", seen.spare[0] != 0);
}

static void show_all(const char *what, int fd, const char *path, int flags)
{
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
		show(what, fd, path, flags, masks[i]);
}

static void nameless_in(const char *directory)
{
	struct stat status;
	int fd = open(directory, O_TMPFILE | O_RDWR, 0640);

	if (fd < 0 || fstat(fd, &status) < 0)
		printf("%s: %s\n", directory, strerrorname_np(errno));
	else
		printf("%s: mode %o links %d\n", directory, status.st_mode, (int)status.st_nlink);
	close(fd);
}

int main(void)
{
	static const char *const names[] = {"/",	   "/proc",	"/proc/self/stat", "/proc/self/exe", "/proc/sys/kernel/pid_max",
					    "/dev",	   "/dev/null", "/dev/shm",	   "/bin/sh",	     ".",
					    "/proc/self/fd/0", "/sys"};
	int ends[2], terminal = posix_openpt(O_RDWR | O_NOCTTY), lock = 0;
	sigset_t set;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		show_all(names[i], AT_FDCWD, names[i], 0);
	show_all("link", AT_FDCWD, "/proc/self", AT_SYMLINK_NOFOLLOW);
	pipe(ends);
	show_all("pipe", ends[0], "", AT_EMPTY_PATH);
	show_all("eventfd", eventfd(0, 0), "", AT_EMPTY_PATH);
	show_all("timerfd", timerfd_create(CLOCK_MONOTONIC, 0), "", AT_EMPTY_PATH);
	sigemptyset(&set);
	show_all("signalfd", signalfd(-1, &set, 0), "", AT_EMPTY_PATH);
	show_all("memfd", memfd_create("x", 0), "", AT_EMPTY_PATH);
	show_all("master", terminal, "", AT_EMPTY_PATH);
	ioctl(terminal, TIOCSPTLCK, &lock);
	show_all("slave", ioctl(terminal, 0x5441, O_RDWR | O_NOCTTY), "", AT_EMPTY_PATH);
	umask(022);
	nameless_in("/dev/shm");
	nameless_in(".");
	nameless_in("/proc");
	return 0;
}
