/*
 * The way down a name, component by component, for hosts without openat2(2).
 *
 * Same answers as RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS: ELOOP where a symbolic
 * link would have to be followed, EXDEV where ".." leads above the start or the
 * name is absolute. A directory that is moved away while the walk is below it
 * can lead the walk's ".." elsewhere; the host's openat2 is the one without
 * that gap. The description has O_NOFOLLOW among its status flags, which is hidden.
 */
#include <drivers/hostfs/internal.h>
#include <limits.h>

struct walk {
	int at; /* directory reached; owned unless it is the start */
	int start;
	unsigned depth;
};

static void move_to(struct walk *walk, int fd)
{
	if (walk->at != walk->start)
		close(walk->at);
	walk->at = fd;
}

/* -ELOOP for a link, -ENOTDIR for anything else that is no directory. */
static int check_directory(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

static int enter(struct walk *walk, const char *component)
{
	int fd, result;

	if (!strcmp(component, ".")) {
		/* Search permission is checked for it, too. */
		fd = openat(walk->at, ".", O_PATH | O_CLOEXEC);
	} else if (!strcmp(component, "..")) {
		if (walk->depth == 0)
			return -EXDEV;
		walk->depth--;
		fd = openat(walk->at, "..", O_PATH | O_CLOEXEC);
	} else {
		walk->depth++;
		fd = openat(walk->at, component, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	result = check_directory(fd);
	if (result < 0) {
		close(fd);
		return result;
	}
	move_to(walk, fd);
	return 0;
}

static bool is_link(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/* The last component; `slash`: one or more slashes stood behind it. */
static int open_last(struct walk *walk, const char *name, bool slash, uint64_t flags, mode_t mode)
{
	bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	int fd;

	if (!strcmp(name, "..")) {
		if (walk->depth == 0)
			return -EXDEV;
	}
	if (slash && is_link(walk->at, name))
		return -ELOOP;
	if (slash && (flags & O_CREAT))
		return -EISDIR;
	if (slash)
		flags |= O_DIRECTORY;
	fd = openat(walk->at, name, (int)flags | O_NOFOLLOW, mode);
	if (fd < 0) {
		int error = errno;

		/* In a sticky directory O_CREAT refuses a link that it does not follow, before it is told that it is one. */
		if (error == EACCES && (flags & O_CREAT) && !(flags & O_NOFOLLOW) && is_link(walk->at, name))
			return -ELOOP;
		if (error == ENOTDIR && (flags & O_DIRECTORY) && !(flags & O_NOFOLLOW) && is_link(walk->at, name))
			return -ELOOP;
		return -error;
	}
	/* O_PATH | O_NOFOLLOW opens a link; that was not asked for here. */
	if ((flags & O_PATH) && !(flags & O_NOFOLLOW) && !exclusive && check_directory(fd) == -ELOOP) {
		close(fd);
		return -ELOOP;
	}
	return fd;
}

int hostfs_walk(int directory, const char *name, uint64_t flags, mode_t mode)
{
	struct walk walk = {.at = directory, .start = directory};
	/* How long a name may be is the file system's to say: not all stop at NAME_MAX. */
	char component[PATH_MAX];
	int result = 0;

	if (*name == '/')
		return -EXDEV;
	while (result == 0) {
		size_t size = strcspn(name, "/");
		const char *rest = name + size + strspn(name + size, "/");

		if (size >= sizeof(component)) {
			result = -ENAMETOOLONG;
			break;
		}
		memcpy(component, name, size);
		component[size] = 0;
		if (!*rest) {
			result = open_last(&walk, component, rest != name + size, flags, mode);
			break;
		}
		result = enter(&walk, component);
		name = rest;
	}
	if (walk.at != walk.start)
		close(walk.at);
	return result;
}
