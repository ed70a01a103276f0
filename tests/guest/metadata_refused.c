/*
 * What the calls on metadata refuse: by descriptor, with flags, times and names that are wrong, of files that may not be
 * changed at all (immutable, append-only), and the ioctls of files.
 */
#include "observe.h"

#include <linux/fs.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#ifndef PROCMAP_QUERY
#define PROCMAP_QUERY 0xc0686611ul
#endif

static int file, path, directory;

static void by_descriptor(void)
{
	struct stat status;
	struct statx extended;
	struct statfs volume;

	section("stat, statfs");
	CALL(fstat, file, &status);
	CALL(fstat, path, &status);
	CALL(fstat, 99, &status);
	CALL(fstat, file, (void *)8);
	CALL(stat, "file", (void *)8);
	CALL(lstat, "file", (void *)8);
	CALL(newfstatat, AT_FDCWD, "file", (void *)8, 0);
	CALL(newfstatat, AT_FDCWD, "file", &status, 1 << 20);
	CALL(newfstatat, file, "", &status, AT_EMPTY_PATH);
	CALL(statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended);
	CALL(statx, AT_FDCWD, "file", 1 << 20, STATX_BASIC_STATS, &extended);
	CALL(statx, AT_FDCWD, "file", 0, 1u << 31, &extended);
	CALL(statx, AT_FDCWD, "file", 0, STATX_BASIC_STATS, (void *)8);
	CALL(statfs, "file", (void *)8);
	CALL(fstatfs, file, &volume);
	CALL(fstatfs, 99, &volume);
	CALL(fstatfs, file, (void *)8);
	CALL(access, "file", 99);
	CALL(faccessat, AT_FDCWD, "file", 99);
	CALL(faccessat2, AT_FDCWD, "file", R_OK, 1);
	CALL(faccessat2, AT_FDCWD, "file", 99, 0);
	CALL(faccessat2, file, "", R_OK, AT_EMPTY_PATH);
}

static void modes_and_owners(void)
{
	section("modes and owners");
	CALL(fchmod, file, 0644);
	CALL(fchmod, 99, 0644);
	CALL(fchmod, path, 0644);
	CALL(fchmodat2, AT_FDCWD, "file", 0644, 1 << 20);
	CALL(fchmodat2, AT_FDCWD, "link", 0644, AT_SYMLINK_NOFOLLOW);
	CALL(fchmodat2, file, "", 0644, AT_EMPTY_PATH);
	CALL(fchown, file, -1, getegid());
	CALL(fchown, 99, -1, -1);
	CALL(fchown, path, -1, -1);
	CALL(fchownat, AT_FDCWD, "file", -1, -1, 1 << 20);
	CALL(fchownat, file, "", -1, getegid(), AT_EMPTY_PATH);
	CALL(umask, 022);
}

static void times(void)
{
	struct timespec wrong[2] = {{0, 1000000000}, {0, 0}}, omitted[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	struct timeval wrong_old[2] = {{0, 1000000}, {0, 0}}, good_old[2] = {{1, 2}, {3, 4}};
	struct utimbuf seconds = {1, 2};

	section("times");
	CALL(utime, "file", &seconds);
	CALL(utime, "file", (void *)8);
	CALL(utimes, "file", good_old);
	CALL(utimes, "file", wrong_old);
	CALL(utimes, "file", (void *)8);
	CALL(futimesat, AT_FDCWD, "file", good_old);
	CALL(futimesat, AT_FDCWD, "file", wrong_old);
	CALL(futimesat, AT_FDCWD, "file", (void *)8);
	CALL(futimesat, file, NULL, good_old);
	CALL(utimensat, AT_FDCWD, "file", wrong, 0);
	CALL(utimensat, AT_FDCWD, "file", (void *)8, 0);
	CALL(utimensat, AT_FDCWD, "file", NULL, 1 << 20);
	CALL(utimensat, AT_FDCWD, "missing", omitted, 0);
	CALL(utimensat, file, NULL, NULL, 0);
	CALL(utimensat, path, NULL, NULL, 0);
	CALL(utimensat, 99, NULL, NULL, 0);
	CALL(utimensat, AT_FDCWD, NULL, NULL, 0);
	CALL(utimensat, AT_FDCWD, "link", NULL, AT_SYMLINK_NOFOLLOW);
}

/* Flags of files by ioctl; only root may set these two, and then nobody may change the file. */
static void protected_by(int flag, const char *what)
{
	struct timeval times_old[2] = {{1, 2}, {3, 4}};
	struct timespec exact[2] = {{1, 2}, {3, 4}};
	struct utimbuf seconds = {1, 2};
	int target = open("target", O_RDWR | O_CREAT, 0644), flags = 0, changed;

	section(what);
	CALL(ioctl, target, FS_IOC_GETFLAGS, &flags);
	changed = flags | flag;
	CALL(ioctl, target, FS_IOC_SETFLAGS, &changed);
	CALL_CLOSE(open, "target", O_RDONLY, 0);
	CALL_CLOSE(open, "target", O_RDWR, 0);
	CALL_CLOSE(openat, AT_FDCWD, "target", O_RDWR, 0);
	CALL_CLOSE(open, "target", O_RDONLY | O_TRUNC, 0);
	CALL_CLOSE(creat, "target", 0644);
	CALL(access, "target", W_OK);
	CALL(faccessat, AT_FDCWD, "target", W_OK);
	CALL(faccessat2, AT_FDCWD, "target", W_OK, 0);
	CALL(truncate, "target", 0);
	CALL(ftruncate, target, 0);
	CALL(fallocate, target, 0, 0, 4096);
	CALL(write, target, "x", 1);
	CALL(pwrite64, target, "x", 1, 0);
	CALL(chmod, "target", 0600);
	CALL(fchmod, target, 0600);
	CALL(fchmodat, AT_FDCWD, "target", 0600);
	CALL(fchmodat2, AT_FDCWD, "target", 0600, 0);
	CALL(chown, "target", 1, 1);
	CALL(lchown, "target", 1, 1);
	CALL(fchown, target, 1, 1);
	CALL(fchownat, AT_FDCWD, "target", 1, 1, 0);
	CALL(utime, "target", &seconds);
	CALL(utimes, "target", times_old);
	CALL(futimesat, AT_FDCWD, "target", times_old);
	CALL(utimensat, AT_FDCWD, "target", exact, 0);
	CALL(utimensat, AT_FDCWD, "target", NULL, 0);
	CALL(unlink, "target");
	CALL(unlinkat, AT_FDCWD, "target", 0);
	CALL(rename, "target", "moved");
	CALL(renameat, AT_FDCWD, "target", AT_FDCWD, "moved");
	CALL(renameat2, AT_FDCWD, "target", AT_FDCWD, "moved", 0);
	CALL(link, "target", "linked");
	CALL(linkat, AT_FDCWD, "target", AT_FDCWD, "linked", 0);
	CALL(setxattr, "target", "user.name", "v", 1, 0);
	CALL(lsetxattr, "target", "user.name", "v", 1, 0);
	CALL(fsetxattr, target, "user.name", "v", 1, 0);
	CALL(removexattr, "target", "user.name");
	CALL(fremovexattr, target, "user.name");
	CALL(copy_file_range, file, NULL, target, NULL, 1, 0);
	CALL(ioctl, target, FS_IOC_SETFLAGS, &flags);
	unlink("target");
	unlink("moved");
	unlink("linked");
	close(target);
}

static void protected_directory(void)
{
	int target, flags = 0, changed;

	section("immutable directory");
	mkdir("immutable", 0755);
	make_file("immutable/file", "content");
	target = open("immutable", O_RDONLY);
	CALL(ioctl, target, FS_IOC_GETFLAGS, &flags);
	changed = flags | FS_IMMUTABLE_FL;
	if (CALL(ioctl, target, FS_IOC_SETFLAGS, &changed) == 0) {
		CALL(mkdir, "immutable/new", 0755);
		CALL(mkdirat, AT_FDCWD, "immutable/new", 0755);
		CALL(mknod, "immutable/new", S_IFIFO | 0600, 0);
		CALL(mknodat, AT_FDCWD, "immutable/new", S_IFIFO | 0600, 0);
		CALL(symlink, "target", "immutable/new");
		CALL(symlinkat, "target", AT_FDCWD, "immutable/new");
		CALL(rmdir, "immutable");
		CALL(unlink, "immutable/file");
		CALL(open, "immutable/new", O_CREAT | O_RDWR, 0644);
		CALL(openat, AT_FDCWD, "immutable/new", O_CREAT | O_RDWR, 0644);
		CALL(creat, "immutable/new", 0644);
		CALL(ioctl, target, FS_IOC_SETFLAGS, &flags);
	}
	close(target);
}

static void random_and_maps(int pipe_end)
{
	uint64_t query[13] = {sizeof query, 0x10};
	int random = open("/dev/urandom", O_RDONLY), maps = open("/proc/self/maps", O_RDONLY), value;

	CALL_SUCCESS(ioctl, random, RNDGETENTCNT, &value);
	CALL(ioctl, random, RNDGETENTCNT, (void *)8);
	CALL(ioctl, pipe_end, RNDGETENTCNT, &value);
	CALL(ioctl, pipe_end, PROCMAP_QUERY, query);
	CALL_SUCCESS(ioctl, maps, PROCMAP_QUERY, query);
	query[2] = -1;
	CALL(ioctl, maps, PROCMAP_QUERY, query);
	query[1] = 0x40;
	CALL(ioctl, maps, PROCMAP_QUERY, query);
	query[0] = 5000;
	CALL(ioctl, maps, PROCMAP_QUERY, query);
	close(random);
	close(maps);
}

static void file_controls(void)
{
	struct fsxattr fields;
	int ends[2], value, on = 1;
	loff_t size;

	section("ioctls of files");
	if (pipe(ends))
		exit(99);
	CALL(ioctl, 99, FS_IOC_GETFLAGS, &value);
	CALL(ioctl, path, FS_IOC_GETFLAGS, &value);
	CALL(ioctl, file, FS_IOC_GETFLAGS, (void *)8);
	CALL(ioctl, file, FS_IOC_SETFLAGS, (void *)8);
	CALL(ioctl, ends[0], FS_IOC_GETFLAGS, &value);
	CALL(ioctl, ends[0], FS_IOC_SETFLAGS, &value);
	CALL(ioctl, file, FS_IOC_FSGETXATTR, &fields);
	CALL(ioctl, file, FS_IOC_FSGETXATTR, (void *)8);
	CALL(ioctl, ends[0], FS_IOC_FSGETXATTR, &fields);
	CALL(ioctl, file, FS_IOC_FSSETXATTR, (void *)8);
	CALL(ioctl, ends[0], FS_IOC_FSSETXATTR, &fields);
	CALL(ioctl, ends[0], FS_IOC_GETVERSION, &value);
	random_and_maps(ends[0]);
	CALL(ioctl, file, FIGETBSZ, &value);
	CALL(ioctl, file, FIGETBSZ, (void *)8);
	CALL(ioctl, 99, FIGETBSZ, &value);
	CALL(ioctl, file, FIOQSIZE, &size);
	CALL(ioctl, file, FIOQSIZE, (void *)8);
	CALL(ioctl, ends[0], FIOQSIZE, &size);
	CALL(ioctl, file, FIONREAD, &value);
	CALL(ioctl, file, FIONREAD, (void *)8);
	CALL(ioctl, ends[0], FIONREAD, &value);
	CALL(ioctl, ends[0], FIONREAD, (void *)8);
	CALL(ioctl, directory, FIONREAD, &value);
	CALL(ioctl, file, FIOCLEX);
	CALL(ioctl, 99, FIOCLEX);
	CALL(ioctl, path, FIOCLEX);
	CALL(ioctl, file, FIONCLEX);
	CALL(ioctl, 99, FIONCLEX);
	CALL(ioctl, file, FIONBIO, &on);
	CALL(ioctl, ends[0], FIOASYNC, &on);
	CALL(ioctl, file, FIOASYNC, &on);
	CALL(ioctl, file, FIOASYNC, (void *)8);
	CALL(ioctl, 99, FIOASYNC, &on);
	CALL(fcntl, file, F_GETFL);
	CALL(ioctl, file, FIONBIO, (void *)8);
	CALL(ioctl, 99, FIONBIO, &on);
	CALL(ioctl, file, BLKGETSIZE64, &size);
	CALL(ioctl, file, 0xdeadbeef, &size);
	CALL(ioctl, ends[0], 0xdeadbeef, &size);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	umask(022);
	make_file("file", "content");
	symlink("file", "link");
	mkdir("directory", 0755);
	file = open("file", O_RDWR);
	path = open("file", O_PATH);
	directory = open("directory", O_RDONLY);
	by_descriptor();
	modes_and_owners();
	times();
	protected_by(FS_IMMUTABLE_FL, "immutable");
	protected_by(FS_APPEND_FL, "append-only");
	protected_directory();
	file_controls();
	return 0;
}
