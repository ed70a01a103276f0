/*
 * Every call that takes a path meets every path that there is to refuse: missing, looping, too long, unreadable memory, in
 * a directory that may not be searched, at a descriptor that is none or no directory; and some that work. As whoever runs
 * it and, for root, as nobody.
 */
#include "observe.h"

#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

struct attribute_arguments {
	uint64_t value;
	uint32_t size, flags;
};

static struct stat status;
static struct statx extended;
static struct statfs volume;
static char text[64];
static int home;
static struct attribute_arguments attribute = {(uintptr_t)text, 1, 0};
static struct open_how how = {.flags = O_RDONLY};

/* What a call is handed: a descriptor and a path behind it, and good names for its other parameters. */
#define CALLS(X)                                                                                                       \
	X(open, path, O_RDONLY)                                                                                        \
	X(creat, path, 0644)                                                                                           \
	X(openat, fd, path, O_RDONLY)                                                                                  \
	X(openat2, fd, path, &how, sizeof(how))                                                                        \
	X(stat, path, &status)                                                                                         \
	X(lstat, path, &status)                                                                                        \
	X(newfstatat, fd, path, &status, 0)                                                                            \
	X(statx, fd, path, 0, STATX_BASIC_STATS, &extended)                                                            \
	X(access, path, R_OK)                                                                                          \
	X(faccessat, fd, path, R_OK)                                                                                   \
	X(faccessat2, fd, path, R_OK, 0)                                                                               \
	X(truncate, path, 0)                                                                                           \
	X(chdir, path)                                                                                                 \
	X(mkdir, path, 0755)                                                                                           \
	X(mkdirat, fd, path, 0755)                                                                                     \
	X(rmdir, path)                                                                                                 \
	X(unlink, path)                                                                                                \
	X(unlinkat, fd, path, 0)                                                                                       \
	X(symlink, "target", path)                                                                                     \
	X(symlinkat, "target", fd, path)                                                                               \
	X(readlink, path, text, sizeof(text))                                                                          \
	X(readlinkat, fd, path, text, sizeof(text))                                                                    \
	X(mknod, path, S_IFIFO | 0644, 0)                                                                              \
	X(mknodat, fd, path, S_IFIFO | 0644, 0)                                                                        \
	X(chmod, path, 0755)                                                                                           \
	X(fchmodat, fd, path, 0755)                                                                                    \
	X(fchmodat2, fd, path, 0755, 0)                                                                                \
	X(chown, path, geteuid(), getegid())                                                                           \
	X(lchown, path, geteuid(), getegid())                                                                          \
	X(fchownat, fd, path, geteuid(), getegid(), 0)                                                                 \
	X(utime, path, NULL)                                                                                           \
	X(utimes, path, NULL)                                                                                          \
	X(futimesat, fd, path, NULL)                                                                                   \
	X(utimensat, fd, path, NULL, 0)                                                                                \
	X(statfs, path, &volume)                                                                                       \
	X(setxattr, path, "user.name", "v", 1, 0)                                                                      \
	X(lsetxattr, path, "user.name", "v", 1, 0)                                                                     \
	X(getxattr, path, "user.there", text, sizeof(text))                                                            \
	X(lgetxattr, path, "user.there", text, sizeof(text))                                                           \
	X(listxattr, path, NULL, 0)                                                                                    \
	X(llistxattr, path, NULL, 0)                                                                                   \
	X(removexattr, path, "user.there")                                                                             \
	X(lremovexattr, path, "user.there")                                                                            \
	X(setxattrat, fd, path, 0, "user.name", &attribute, sizeof(attribute))                                         \
	X(getxattrat, fd, path, 0, "user.there", &attribute, sizeof(attribute))                                        \
	X(listxattrat, fd, path, 0, NULL, 0)                                                                           \
	X(removexattrat, fd, path, 0, "user.there")                                                                    \
	X(rename, path, "renamed")                                                                                     \
	X(renameat, fd, path, AT_FDCWD, "renamed")                                                                     \
	X(renameat2, fd, path, AT_FDCWD, "renamed", 0)                                                                 \
	X(link, path, "linked")                                                                                        \
	X(linkat, fd, path, AT_FDCWD, "linked", 0)

/* Calls with a second path, which is the one that is tried. */
#define SECOND_CALLS(X)                                                                                                \
	X(rename, "good", path)                                                                                        \
	X(renameat, AT_FDCWD, "good", fd, path)                                                                        \
	X(renameat2, AT_FDCWD, "good", fd, path, 0)                                                                    \
	X(link, "good", path)                                                                                          \
	X(linkat, AT_FDCWD, "good", fd, path, 0)

#define DEFINE(name, ...)                                                                                              \
	static long try_##name(int fd, const char *path)                                                               \
	{                                                                                                              \
		long arguments[6] = {OBSERVE_WIDEN(__VA_ARGS__)};                                                      \
                                                                                                                       \
		return observe_call(SYS_##name, arguments);                                                            \
	}
#define DEFINE_SECOND(name, ...)                                                                                       \
	static long second_##name(int fd, const char *path)                                                            \
	{                                                                                                              \
		long arguments[6] = {OBSERVE_WIDEN(__VA_ARGS__)};                                                      \
                                                                                                                       \
		return observe_call(SYS_##name, arguments);                                                            \
	}
CALLS(DEFINE)
SECOND_CALLS(DEFINE_SECOND)

#define ENTRY(name, ...) {"SYS_" #name "(" #__VA_ARGS__ ")", try_##name, strstr(#__VA_ARGS__, "fd") != NULL},
#define ENTRY_SECOND(name, ...) {"SYS_" #name "(" #__VA_ARGS__ ")", second_##name, strstr(#__VA_ARGS__, "fd") != NULL},

/* Everything that a call may have changed is as it was: the names, their kinds and their modes. */
static void restore(void)
{
	static const char *const names[] = {"new", "linked", "renamed", "good", "directory", "missing", "closed/x"};

	fchdir(home);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (unlink(names[i]) < 0)
			rmdir(names[i]);
	mkdir("directory", 0755);
	make_file("good", "content");
	setxattr("good", "user.there", "v", 1, 0);
	unlink("link");
	symlink("good", "link");
	unlink("dangling");
	symlink("missing", "dangling");
	unlink("loop");
	symlink("loop", "loop");
	make_file("file", "content");
	chmod("closed", 0755);
	make_file("closed/file", "hidden");
	chmod("closed", 0);
}

static void prepare(void)
{
	umask(022);
	home = open(".", O_RDONLY | O_DIRECTORY);
	mkdir("closed", 0755);
	restore();
}

/* Print what becomes of one path; a descriptor is closed, and what its number is does not matter. */
static void attempt(const char *what, long (*call)(int, const char *), int fd, const char *name, const char *path)
{
	char label[256];
	long result;

	errno = 0;
	result = call(fd, path);
	snprintf(label, sizeof(label), "%s with %s", what, name);
	if (result > 0 && strstr(what, "SYS_open") == what)
		close((int)result);
	observe_result(label, result > 0 ? 0 : result);
	if (result >= 0)
		restore();
}

static void attempt_all(const char *what, long (*call)(int, const char *), int takes_descriptor, int file)
{
	static char component[300], whole[5000];
	char *cut = at_page_end(4);

	memset(component, 'c', 256);
	memset(whole, '/', 4096);
	memcpy(cut, "good", 4);
	attempt(what, call, AT_FDCWD, "good", "good");
	attempt(what, call, AT_FDCWD, "new", "new");
	attempt(what, call, AT_FDCWD, "directory", "directory");
	attempt(what, call, AT_FDCWD, "link", "link");
	attempt(what, call, AT_FDCWD, "good/", "good/");
	attempt(what, call, AT_FDCWD, "empty", "");
	attempt(what, call, AT_FDCWD, "null", NULL);
	attempt(what, call, AT_FDCWD, "cut", cut);
	attempt(what, call, AT_FDCWD, "kernel", (char *)-4096L);
	attempt(what, call, AT_FDCWD, "long component", component);
	attempt(what, call, AT_FDCWD, "long path", whole);
	attempt(what, call, AT_FDCWD, "loop", "loop");
	attempt(what, call, AT_FDCWD, "loop/x", "loop/x");
	attempt(what, call, AT_FDCWD, "dangling", "dangling");
	attempt(what, call, AT_FDCWD, "dangling/x", "dangling/x");
	attempt(what, call, AT_FDCWD, "file/x", "file/x");
	attempt(what, call, AT_FDCWD, "missing/x", "missing/x");
	attempt(what, call, AT_FDCWD, "closed/file", "closed/file");
	attempt(what, call, AT_FDCWD, "closed/x", "closed/x");
	attempt(what, call, AT_FDCWD, "closed/../good", "closed/../good");
	if (takes_descriptor) {
		attempt(what, call, home, "directory's good", "good");
		attempt(what, call, 99, "bad fd", "good");
		attempt(what, call, -1, "no fd", "good");
		attempt(what, call, 99, "bad fd, missing", "missing/x");
		attempt(what, call, 99, "bad fd, null", NULL);
		attempt(what, call, file, "file's good", "good");
		attempt(what, call, file, "file's empty", "");
	}
}

static void everything(void)
{
	const struct {
		const char *what;
		long (*call)(int, const char *);
		int takes_descriptor;
	} calls[] = {CALLS(ENTRY) SECOND_CALLS(ENTRY_SECOND)};
	int file;

	prepare();
	file = open("file", O_RDONLY);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		section(calls[i].what);
		attempt_all(calls[i].what, calls[i].call, calls[i].takes_descriptor, file);
	}
}

/* What nobody may not do to files of root that every system has. */
static void others(void)
{
	struct timeval times[2] = {{1, 0}, {1, 0}};
	struct utimbuf old = {1, 1};

	if (geteuid() == 0)
		return;
	section("what is root's");
	CALL(open, "/etc/passwd", O_RDWR);
	CALL(creat, "/etc/passwd", 0644);
	CALL(openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_NOATIME);
	CALL(truncate, "/etc/passwd", 0);
	CALL(chmod, "/etc/passwd", 0644);
	CALL(fchmodat, AT_FDCWD, "/etc/passwd", 0644);
	CALL(fchmodat2, AT_FDCWD, "/etc/passwd", 0644, 0);
	CALL(chown, "/etc/passwd", 65534, -1);
	CALL(lchown, "/etc/passwd", 65534, -1);
	CALL(fchownat, AT_FDCWD, "/etc/passwd", 65534, -1, 0);
	CALL(chown, "/etc/passwd", -1, -1);
	CALL(utime, "/etc/passwd", &old);
	CALL(utime, "/etc/passwd", NULL);
	CALL(utimes, "/etc/passwd", times);
	CALL(utimes, "/etc/passwd", NULL);
	CALL(futimesat, AT_FDCWD, "/etc/passwd", times);
	CALL(futimesat, AT_FDCWD, "/etc/passwd", NULL);
	CALL(unlink, "/etc/passwd");
	CALL(unlinkat, AT_FDCWD, "/etc/passwd", 0);
	CALL(rename, "/etc/passwd", "/etc/passwd.old");
	CALL(mkdir, "/etc/new", 0755);
	CALL(rmdir, "/etc/ssl");
	CALL(symlink, "target", "/etc/new");
	CALL(mknod, "device", S_IFCHR | 0600, 0x103);
	CALL(mknodat, AT_FDCWD, "device", S_IFBLK | 0600, 0x700);
	CALL(setxattr, "/etc/passwd", "user.name", "v", 1, 0);
	CALL(setxattr, "good", "trusted.name", "v", 1, 0);
	CALL(lsetxattr, "good", "trusted.name", "v", 1, 0);
	CALL(getxattr, "good", "trusted.name", text, sizeof(text));
	CALL(removexattr, "/etc/passwd", "user.name");
	CALL(removexattr, "good", "trusted.name");
	CALL(setxattr, "good", "security.name", "v", 1, 0);
	CALL(setxattr, "good", "security.capability", "v", 1, 0);
	CALL(setxattr, "good", "security.capability", "\0\0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0);
	CALL(removexattr, "good", "security.name");
	CALL(chroot, "directory");
	CALL(chroot, "missing");
	CALL(chroot, "closed/file");
}

/* chroot() of a child that ends with what it got. */
static void rooted(const char *path, const char *name)
{
	char label[64];
	int result;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		result = (int)syscall(SYS_chroot, path);
		_exit(result < 0 ? errno : access("/good", F_OK) == 0 ? 255 : 0);
	}
	waitpid(child, &result, 0);
	snprintf(label, sizeof(label), "SYS_chroot(%s)", name);
	errno = WEXITSTATUS(result) == 255 ? 0 : WEXITSTATUS(result);
	observe_result(label, errno ? -1 : WEXITSTATUS(result) == 255);
}

static void roots(void)
{
	static char component[300], whole[5000];

	memset(component, 'c', 256);
	memset(whole, '/', 4096);
	restore();
	section("chroot");
	rooted(".", "here");
	rooted("directory", "directory");
	rooted("good", "file");
	rooted("missing", "missing");
	rooted("loop", "loop");
	rooted("", "empty");
	rooted(NULL, "null");
	rooted(component, "long component");
	rooted(whole, "long path");
	rooted("closed", "closed");
	rooted("closed/x", "below closed");
}

static void all_of_nobody(void)
{
	everything();
	roots();
	others();
}

int main(void)
{
	if (geteuid() == 0) {
		everything();
		roots();
	}
	as_nobody(all_of_nobody);
	return 0;
}
