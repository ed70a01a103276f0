/*
 * Paths that go on behind a descriptor: "/proc/self/fd/N" with ".", "..", a slash or a name behind it, and the same relative
 * to the descriptor, for every kind of file. Only a directory may be gone on from.
 */
#include "observe.h"

#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

static const char *outcome(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static const char *open_outcome(int at, const char *path, int flags)
{
	int fd = openat(at, path, flags | (flags & O_PATH ? 0 : O_NONBLOCK), 0600);
	const char *said = outcome(fd);

	if (fd >= 0)
		close(fd);
	return said;
}

static void look(const char *path)
{
	struct stat status;
	char target[64];

	printf(" stat %s", outcome(stat(path, &status)));
	printf(" lstat %s", outcome(lstat(path, &status)));
	printf(" readlink %s", outcome(readlink(path, target, sizeof(target))));
	printf(" access %s", outcome(access(path, F_OK)));
	printf(" truncate %s", outcome(truncate(path, -1)));
}

static void change(const char *path)
{
	printf(" mkdir %s", outcome(mkdir(path, 0700)));
	printf(" mknod %s", outcome(mknod(path, S_IFREG | 0600, 0)));
	printf(" symlink %s", outcome(symlink("x", path)));
	printf(" rmdir %s", outcome(rmdir(path)));
	printf(" unlink %s", outcome(unlink(path)));
	printf(" rename %s", outcome(rename(path, "renamed")));
	printf(" link %s", outcome(link(path, "linked")));
	unlink("linked");
}

static void behind(const char *kind, int fd, bool writable)
{
	static const char *const suffixes[] = {"/.", "/..", "/", "//", "/./", "/../", "/x", "/./.", "/.././f", "/x/.."};
	static const int flags[] = {O_RDONLY, O_PATH, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_PATH | O_NOFOLLOW, O_RDWR, O_RDWR | O_CREAT, O_RDONLY | O_CREAT | O_EXCL};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d%s", fd, suffixes[i]);
		printf("%s%s:", kind, suffixes[i]);
		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++)
			if (writable || (flags[j] & (O_CREAT | O_RDWR)) == 0)
				printf(" %s", open_outcome(AT_FDCWD, path, flags[j]));
		look(path);
		if (writable && strcmp(kind, "directory"))
			change(path);
		putchar('\n');
	}
}

static void relative(const char *kind, int fd)
{
	static const char *const names[] = {".", "..", "", "x", "./x", "../f", "/"};
	struct stat status;

	printf("at %s:", kind);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		printf(" %s", open_outcome(fd, names[i], O_RDONLY));
		printf("/%s", outcome(fstatat(fd, names[i], &status, 0)));
		printf("/%s", outcome(fstatat(fd, names[i], &status, AT_EMPTY_PATH)));
		printf("/%s", outcome(faccessat(fd, names[i], F_OK, 0)));
	}
	putchar('\n');
}

/* What ends a name tells what a link at its end leads to. */
static void at_links(void)
{
	section("links");
	symlink("f", "to_file");
	symlink("d", "to_directory");
	symlink("/proc/self/fd/3", "to_descriptor");
	for (const char *const *name = (const char *const[]){"to_file", "to_directory", "to_descriptor", NULL}; *name; name++)
		for (const char *const *suffix = (const char *const[]){"", "/", "/.", "/..", "/x", NULL}; *suffix; suffix++) {
			char path[64];

			snprintf(path, sizeof(path), "%s%s", *name, *suffix);
			printf("%s: %s %s %s %s\n", path, open_outcome(AT_FDCWD, path, O_RDONLY), open_outcome(AT_FDCWD, path, O_PATH | O_NOFOLLOW),
			       open_outcome(AT_FDCWD, path, O_RDONLY | O_CREAT), open_outcome(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
		}
}

int main(void)
{
	int ends[2], file = open("f", O_RDWR | O_CREAT, 0600);

	OBSERVE(file);
	pipe(ends);
	mkfifo("fifo", 0600);
	mkdir("d", 0700);
	symlink("f", "link");
	const struct {
		const char *kind;
		int fd;
		bool writable;
	} kinds[] = {
		{"file", file, true}, {"pipe", ends[0], true}, {"event", eventfd(0, 0), true}, {"timer", timerfd_create(CLOCK_MONOTONIC, 0), true},
		{"null", open("/dev/null", O_RDWR), true}, {"memory", memfd_create("m", 0), true}, {"status", open("/proc/self/status", O_RDONLY), false},
		{"master", open("/dev/ptmx", O_RDWR | O_NOCTTY), true}, {"fifo", open("fifo", O_RDWR), true}, {"named file", open("f", O_PATH), true},
		{"named link", open("link", O_PATH | O_NOFOLLOW), true}, {"directory", open("d", O_RDONLY), true}, {"named directory", open("d", O_PATH), false},
		{"proc", open("/proc", O_RDONLY), false},
	};

	section("behind");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		behind(kinds[i].kind, kinds[i].fd, kinds[i].writable);
	section("relative");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		relative(kinds[i].kind, kinds[i].fd);
	at_links();
	return 0;
}
