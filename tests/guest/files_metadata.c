/* What stat shows and what changes it: modes, owners, times, access; the working directory, chroot's refusals, umask. */
#include "observe.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void show(const char *path, int follow)
{
	struct stat status;
	int result = follow ? stat(path, &status) : lstat(path, &status);

	if (result < 0)
		printf("%s: %s\n", path, strerrorname_np(errno));
	else
		printf("%s: mode %o links %ld size %ld own %d\n", path, status.st_mode, (long)status.st_nlink,
		       S_ISDIR(status.st_mode) ? 0L : (long)status.st_size, status.st_uid == geteuid());
	fflush(stdout);
}

static void show_times(const char *path)
{
	struct stat status;

	lstat(path, &status);
	printf("%s: %ld.%09ld %ld.%09ld\n", path, (long)status.st_atim.tv_sec, status.st_atim.tv_nsec,
	       (long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
	fflush(stdout);
}

static void looking(void)
{
	struct stat status, other, *edge = at_page_end(sizeof(*edge));
	int fd = open("f", O_RDONLY), place = open("to_f", O_PATH | O_NOFOLLOW);

	section("stat");
	show("f", 1);
	show("d", 1);
	show("to_f", 1);
	show("to_f", 0);
	show("to_d", 0);
	show("to_d/", 0);
	show("to_d/.", 0);
	show("dangling", 1);
	show("dangling", 0);
	show("dangling/", 0);
	show("f/", 1);
	show("to_f/", 0);
	show("f/x", 1);
	show("", 1);
	show("loop", 1);
	show("loop", 0);
	show("d/../f", 1);
	show("missing/..", 1);
	OBSERVE(stat("f", NULL));
	OBSERVE(stat(NULL, &status));
	OBSERVE(stat("f", edge));
	OBSERVE(stat("f", (void *)((char *)edge + 8)));
	OBSERVE(fstat(99, &status));
	OBSERVE(fstat(place, &status));
	printf("mode %o size %ld\n", status.st_mode, (long)status.st_size);
	OBSERVE(fstatat(fd, "", &status, AT_EMPTY_PATH));
	OBSERVE(fstatat(fd, "", &status, 0));
	OBSERVE(fstatat(fd, "x", &status, 0));
	OBSERVE(fstatat(AT_FDCWD, "", &status, AT_EMPTY_PATH));
	OBSERVE(fstatat(99, "", &status, AT_EMPTY_PATH));
	OBSERVE(fstatat(AT_FDCWD, "f", &status, 0x8000));
	OBSERVE(stat("/dev/null", &status));
	printf("mode %o device %u:%u\n", status.st_mode, major(status.st_rdev), minor(status.st_rdev));
	stat(".", &status);
	stat("d/..", &other);
	printf("same directory %d\n", status.st_ino == other.st_ino && status.st_dev == other.st_dev);
	stat("/", &status);
	stat("/..", &other);
	printf("same root %d\n", status.st_ino == other.st_ino && status.st_dev == other.st_dev);
	stat("/dev/..", &other);
	printf("same root %d\n", status.st_ino == other.st_ino && status.st_dev == other.st_dev);
	fstat(fd, &status);
	printf("blocks %d size of block %d\n", status.st_blocks > 0, status.st_blksize >= 512);
	close(fd);
	close(place);
}

static void extended(void)
{
	struct statx status;
	int fd = open("f", O_RDONLY);

	section("statx");
	OBSERVE(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &status));
	printf("mask %x mode %o size %llu\n", status.stx_mask & 0xfff, status.stx_mode, status.stx_size);
	OBSERVE(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &status));
	printf("mask %x\n", status.stx_mask & 0xfff);
	OBSERVE(statx(AT_FDCWD, "to_f", AT_SYMLINK_NOFOLLOW, STATX_MODE, &status));
	printf("mode %o\n", status.stx_mode);
	OBSERVE(statx(AT_FDCWD, "f", 0, 0x80000000u, &status));
	OBSERVE(statx(AT_FDCWD, "f", 0x6000, 0, &status));
	OBSERVE(statx(AT_FDCWD, "f", 0x100000, 0, &status));
	OBSERVE(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, NULL));
	OBSERVE(syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, STATX_ALL, &status));
	close(fd);
}

static void show_place(const char *what, int fd, const char *path)
{
	const unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID | STATX_DIOALIGN;
	struct statx status, basic;

	if (statx(fd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, wanted, &status) ||
	    statx(fd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &basic)) {
		printf("%s: %s\n", what, strerrorname_np(errno));
		return;
	}
	printf("%s: mask %x, basic %x, attributes %llx of %llx, device %u:%u, mount %llu, direct %u %u\n", what, status.stx_mask,
	       basic.stx_mask, status.stx_attributes, status.stx_attributes_mask, status.stx_dev_major, status.stx_dev_minor,
	       status.stx_mnt_id, status.stx_dio_mem_align, status.stx_dio_offset_align);
}

/* Where each kind of file seems to be: device and mount, and what statx(2) knows of it. */
static void places(void)
{
	static const char *const paths[] = {".", "f", "to_f", "/", "/dev", "/dev/null", "/dev/zero", "/dev/ptmx", "/dev/tty",
					    "/dev/fd", "/dev/pts", "/proc", "/proc/self", "/proc/self/status", "/proc/self/fd/1"};
	int ends[2], master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	sigset_t none;

	section("places");
	sigemptyset(&none);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		show_place(paths[i], AT_FDCWD, paths[i]);
	if (pipe(ends) || master < 0 || unlockpt(master))
		return;
	show_place("an open device", open("/dev/null", O_RDONLY), "");
	show_place("an open directory", open("/dev", O_RDONLY), "");
	show_place("a pipe", ends[0], "");
	show_place("a master", master, "");
	show_place("a terminal", open(ptsname(master), O_RDWR | O_NOCTTY), "");
	show_place("memory", memfd_create("memory", 0), "");
	show_place("an event", eventfd(0, 0), "");
	show_place("a timer", timerfd_create(CLOCK_MONOTONIC, 0), "");
	show_place("signals", signalfd(-1, &none, 0), "");
	close_range(3, ~0u, 0);
}

static void modes(void)
{
	int fd = open("f", O_RDONLY);

	section("chmod, chown");
	OBSERVE(chmod("f", 0600));
	OBSERVE(chmod("to_f", 0640));
	show("f", 1);
	OBSERVE(fchmod(fd, 0644));
	OBSERVE(chmod("d", 01777));
	OBSERVE(chmod("f", 0177777));
	show("f", 1);
	OBSERVE(chmod("f", 0644));
	OBSERVE(chmod("missing", 0644));
	OBSERVE(chmod("f/", 0644));
	OBSERVE(fchmod(99, 0644));
	OBSERVE(syscall(SYS_fchmodat2, AT_FDCWD, "to_f", 0600, AT_SYMLINK_NOFOLLOW));
	OBSERVE(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0644, AT_SYMLINK_NOFOLLOW));
	OBSERVE(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0644, 1));
	OBSERVE(syscall(SYS_fchmodat2, fd, "", 0644, AT_EMPTY_PATH));
	OBSERVE(chown("f", -1, -1));
	OBSERVE(chown("f", getuid(), getgid()));
	OBSERVE(lchown("dangling", getuid(), -1));
	OBSERVE(chown("dangling", getuid(), -1));
	OBSERVE(fchown(fd, -1, getgid()));
	OBSERVE(fchownat(fd, "", -1, -1, AT_EMPTY_PATH));
	OBSERVE(fchownat(fd, "", -1, -1, 0));
	OBSERVE(fchownat(AT_FDCWD, "f", -1, -1, 1));
	close(fd);
}

static void times(void)
{
	struct timespec some[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
	struct timespec part[2] = {{0, UTIME_OMIT}, {1200000000, 5}}, none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	struct timespec wrong[2] = {{0, 1000000000}, {0, 0}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
	struct timeval micro[2] = {{1300000000, 5}, {1400000000, 999999}}, bad[2] = {{0, 1000000}, {0, 0}};
	struct utimbuf whole = {1500000000, 1600000000};
	struct timespec old[2] = {{-5, 0}, {-6, 1}};
	struct stat status;
	int fd = open("f", O_RDONLY);

	section("times");
	OBSERVE(utimensat(AT_FDCWD, "f", some, 0));
	show_times("f");
	OBSERVE(utimensat(AT_FDCWD, "f", part, 0));
	show_times("f");
	OBSERVE(utimensat(AT_FDCWD, "missing", none, 0));
	OBSERVE(utimensat(AT_FDCWD, "f", wrong, 0));
	OBSERVE(utimensat(AT_FDCWD, "f", old, 0));
	show_times("f");
	OBSERVE(utimensat(AT_FDCWD, "to_f", some, AT_SYMLINK_NOFOLLOW));
	show_times("to_f");
	OBSERVE(syscall(SYS_utimensat, fd, NULL, some, 0));
	show_times("f");
	OBSERVE(syscall(SYS_utimensat, fd, NULL, some, AT_SYMLINK_NOFOLLOW));
	OBSERVE(syscall(SYS_utimensat, AT_FDCWD, NULL, some, 0));
	OBSERVE(syscall(SYS_utimensat, 99, NULL, some, 0));
	OBSERVE(syscall(SYS_utimensat, AT_FDCWD, "f", (void *)8, 0));
	OBSERVE(syscall(SYS_utimensat, AT_FDCWD, "f", some, 1));
	OBSERVE(utimes("f", micro));
	show_times("f");
	OBSERVE(utimes("f", bad));
	OBSERVE(utime("f", &whole));
	show_times("f");
	OBSERVE(utime("missing", NULL));
	OBSERVE(utimensat(AT_FDCWD, "f", now, 0));
	stat("f", &status);
	printf("now %d, kept %ld\n", status.st_atim.tv_sec > 1600000001, (long)status.st_mtim.tv_sec);
	close(fd);
}

static void accessing(void)
{
	section("access");
	chmod("f", 0644);
	OBSERVE(access("f", F_OK));
	OBSERVE(access("f", R_OK | W_OK));
	OBSERVE(access("f", X_OK));
	OBSERVE(access("f", 8));
	OBSERVE(access("d", X_OK | R_OK));
	OBSERVE(access("missing", F_OK));
	OBSERVE(access("dangling", F_OK));
	OBSERVE(access("f/", F_OK));
	OBSERVE(access("", F_OK));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 1));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "", F_OK, AT_EMPTY_PATH));
}

static void working(void)
{
	char path[4096], start[4096], *edge;
	int fd = open("d", O_PATH), top;

	section("working directory");
	printf("getcwd %d\n", getcwd(start, sizeof(start)) != NULL);
	top = open(".", O_RDONLY);
	OBSERVE(chdir("d"));
	getcwd(path, sizeof(path));
	printf("%s\n", path + strlen(start));
	OBSERVE(mkdir("deep", 0755));
	OBSERVE(chdir("deep/../deep"));
	getcwd(path, sizeof(path));
	printf("%s\n", path + strlen(start));
	OBSERVE(syscall(SYS_getcwd, path, 3));
	OBSERVE(syscall(SYS_getcwd, NULL, 4096));
	edge = at_page_end(strlen(path) + 1);
	printf("length %d\n", syscall(SYS_getcwd, edge, 8192) == (long)strlen(path) + 1);
	OBSERVE(access("../../f", F_OK));
	OBSERVE(chdir(".."));
	OBSERVE(rmdir("deep"));
	OBSERVE(chdir("../f"));
	OBSERVE(chdir("../missing"));
	OBSERVE(chdir("../to_d"));
	getcwd(path, sizeof(path));
	printf("%s\n", path + strlen(start));
	OBSERVE(fchdir(top));
	OBSERVE(fchdir(fd));
	OBSERVE(fchdir(99));
	OBSERVE(fchdir(top));
	mkdir("going", 0755);
	OBSERVE(chdir("going"));
	OBSERVE(rmdir("../going"));
	OBSERVE(syscall(SYS_getcwd, path, 4096));
	OBSERVE(open("x", O_CREAT | O_RDWR, 0600));
	OBSERVE(access(".", F_OK));
	OBSERVE(access("..", F_OK));
	OBSERVE(chdir(".."));
	OBSERVE(rename("d", "moved"));
	OBSERVE(fchdir(fd));
	getcwd(path, sizeof(path));
	printf("%s\n", path + strlen(start));
	OBSERVE(fchdir(top));
	OBSERVE(rename("moved", "d"));
	OBSERVE(chdir("/proc/self"));
	OBSERVE(access("stat", F_OK));
	OBSERVE(chdir("/dev"));
	OBSERVE(access("null", F_OK));
	OBSERVE(access("../dev/../proc/self/../self/stat", F_OK));
	OBSERVE(fchdir(top));
	OBSERVE(umask(0777));
	OBSERVE(umask(022));
	OBSERVE(chroot("f"));
	OBSERVE(chroot("missing"));
	close(top);
	close(fd);
}

int main(void)
{
	umask(022);
	make_file("f", "some content");
	mkdir("d", 0755);
	symlink("f", "to_f");
	symlink("d", "to_d");
	symlink("missing", "dangling");
	symlink("loop", "loop");
	looking();
	extended();
	places();
	modes();
	times();
	accessing();
	working();
	return 0;
}
