/*
 * From a name to a host descriptor: one openat2(2) beneath the device's root or
 * an open directory, without following any link.
 *
 * An open that may sleep (FIFO, terminal) is alertable. Since an alert that is
 * already pending would also end the open of a plain file, which no signal can
 * interrupt on Linux, an interrupted open looks at what it was about to open.
 *
 * Each descriptor passes the gate (gate.h), of which an open that stays on its
 * directory's mount knows the answer beforehand.
 */
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>

static _Atomic bool no_openat2;

bool hostfs_walks(void)
{
	return no_openat2 || hal_lacks_openat2();
}

static struct open_how make_how(uint64_t flags, mode_t mode, uint64_t resolve)
{
	return (struct open_how){
	    .flags = flags,
	    .mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve,
	};
}

static long plain_open(int directory, const char *name, struct open_how *how)
{
	long result;
	unsigned tries = 0;

	/* A rename somewhere while ".." was taken makes the host unsure: EAGAIN, try again. */
	do
		result = syscall(SYS_openat2, directory, name, how, sizeof(*how));
	while (result < 0 && errno == EAGAIN && ++tries < 16 && strstr(name, ".."));
	return result < 0 ? -errno : result;
}

static bool is_of_blocking_kind(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/* Can opening it sleep? What can't be looked at can't be opened either. */
static bool may_block(int directory, const char *name)
{
	struct open_how how = make_how(O_PATH | O_CLOEXEC, 0, 0);
	long fd = plain_open(directory, name, &how);
	bool blocks;

	if (fd < 0)
		return false;
	blocks = is_of_blocking_kind((int)fd);
	close((int)fd);
	return blocks;
}

static long alertable_open(int directory, const char *name, struct open_how *how, NTSTATUS *status)
{
	const uint64_t arguments[6] = {(uint64_t)directory, (uintptr_t)name, (uintptr_t)how, sizeof(*how)};
	long result = ke_host_call(status, NULL, 0, SYS_openat2, arguments);

	if (likely(result != -EINTR && result != -EAGAIN))
		return result;
	if (result == -EINTR && may_block(directory, name))
		return result;
	*status = STATUS_SUCCESS;
	return plain_open(directory, name, how);
}

static bool is_instant(uint64_t flags)
{
	return (flags & (O_PATH | O_DIRECTORY)) || ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL));
}

/* `resolve`: RESOLVE_NO_XDEV for an open that stays on the mount of `directory`. */
static long open_beneath(int directory, const char *name, uint64_t flags, mode_t mode, uint64_t resolve,
			 NTSTATUS *status)
{
	struct open_how how = make_how(flags, mode, resolve);

	if (is_instant(flags) || !ke_current_thread())
		return plain_open(directory, name, &how);
	return alertable_open(directory, name, &how, status);
}

static int open_path(int directory, const char *name, uint64_t flags)
{
	struct open_how how = make_how(O_PATH | O_CLOEXEC | flags, 0, 0);

	if (unlikely(hostfs_walks()))
		return hostfs_walk(directory, name, how.flags, 0);
	return (int)plain_open(directory, name, &how);
}

/* Ask the gate about a descriptor, which is closed if it may not be had with these flags: -EACCES. */
static int pass_gate(int fd, uint64_t flags, struct hostfs_opened *opened)
{
	if (fd < 0)
		return fd;
	opened->gate = hostfs_gate_of(fd);
	if (hostfs_gate_admits(opened->gate, flags))
		return fd;
	close(fd);
	return -EACCES;
}

/* Divide a name into what is before its last component ("." for nothing) and that component. */
static const char *split_name(const char *name, char parent[PATH_MAX])
{
	const char *last = strrchr(name, '/');

	snprintf(parent, PATH_MAX, "%.*s", last ? (int)(last - name) : 1, last ? name : ".");
	return last ? last + 1 : name;
}

/* What exists, and may be a mount point itself: it is reached first, and opened from there. */
static int open_reached(int directory, const char *name, uint64_t flags, mode_t mode, struct hostfs_opened *opened)
{
	cleanup_fd int reached = pass_gate(open_path(directory, name, 0), flags, opened);
	struct stat status;

	if (reached == -ENOENT && (flags & O_CREAT))
		return -EACCES; /* its directory has already been refused */
	if (reached < 0)
		return reached;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_CREAT) && fstat(reached, &status) == 0 && S_ISDIR(status.st_mode))
		return -EISDIR;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return (int)open_beneath(reached, ".", flags, mode, RESOLVE_NO_XDEV, &opened->status);
	return hostfs_reopen(reached, flags & ~(uint64_t)O_CREAT, 0, &opened->status);
}

/*
 * An open that makes or empties a file, or opens it for writing, may have its effect before the gate can look at what was
 * opened: so the directory is looked at first.
 */
static int open_to_change(int directory, const char *name, uint64_t flags, mode_t mode, struct hostfs_opened *opened)
{
	char parent[PATH_MAX];
	const char *last = split_name(name, parent);
	cleanup_fd int holder = open_path(directory, parent, O_DIRECTORY);
	long result = -EXDEV;

	if (holder < 0)
		return holder;
	opened->gate = hostfs_gate_of(holder);
	if (opened->gate == HOSTFS_GATE_OPEN)
		result = open_beneath(holder, last, flags, mode, RESOLVE_NO_XDEV, &opened->status);
	return result == -EXDEV ? open_reached(directory, name, flags, mode, opened) : (int)result;
}

static int open_across(int directory, const char *name, uint64_t flags, mode_t mode, struct hostfs_opened *opened)
{
	if (hostfs_changes(flags))
		return open_to_change(directory, name, flags, mode, opened);
	return pass_gate((int)open_beneath(directory, name, flags, mode, 0, &opened->status), flags, opened);
}

/* A file that exists, or else the directory that it would be made in, must pass the gate for a change. */
static int check_change(int directory, const char *name, uint64_t flags)
{
	char parent[PATH_MAX];
	struct hostfs_opened opened;
	int fd = open_path(directory, name, 0);

	if (fd == -ENOENT && (flags & O_CREAT)) {
		split_name(name, parent);
		fd = open_path(directory, parent, O_DIRECTORY);
	}
	if (fd < 0)
		return 0; /* the open itself will say why */
	fd = pass_gate(fd, flags, &opened);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* O_CREAT of what exists asks more than a plain open (fs.protected_fifos), so it keeps its flag, and with it its directory. */
static int open_in_holder(int directory, const char *name, uint64_t flags, NTSTATUS *status)
{
	char parent[PATH_MAX];
	const char *last = split_name(name, parent);
	cleanup_fd int holder = open_path(directory, parent, O_DIRECTORY);
	const uint64_t arguments[6] = {(uint64_t)holder, (uintptr_t)last, flags | O_NOFOLLOW, 0};

	return holder < 0 ? holder : (int)ke_host_call(status, NULL, 0, SYS_openat, arguments);
}

/* Without openat2: what may sleep is reached first, and opened alertably from there. */
static int walk_and_open(int directory, const char *name, uint64_t flags, mode_t mode, struct hostfs_opened *opened)
{
	int refused = hostfs_changes(flags) ? check_change(directory, name, flags) : 0;
	int reached, result;

	if (refused < 0)
		return refused;
	reached = is_instant(flags) || !ke_current_thread() ? -1 : hostfs_walk(directory, name, O_PATH | O_CLOEXEC, 0);
	if (reached >= 0 && is_of_blocking_kind(reached))
		result = flags & O_CREAT ? open_in_holder(directory, name, flags, &opened->status) :
					   hostfs_reopen(reached, flags, 0, &opened->status);
	else
		result = hostfs_walk(directory, name, flags, mode);
	if (reached >= 0)
		close(reached);
	return hostfs_raise_descriptor(pass_gate(result, flags, opened));
}

/*
 * First components of absolute names below which another mount was met, by hash: a hint that saves an open that would
 * fail. A wrong one costs a question to the gate.
 */
static _Atomic bool crossings[256];

static _Atomic bool *crossing_hint(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name && *name != '/')
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return &crossings[(hash ^ hash >> 8 ^ hash >> 16) & 255];
}

int hostfs_open(struct io_device *device, struct io_file *root, const char *name, uint64_t flags, mode_t mode,
		struct hostfs_opened *opened)
{
	int directory = root ? hostfs_file(root)->fd : hostfs_device(device)->root;
	enum hostfs_gate gate = root ? hostfs_file(root)->gate : HOSTFS_GATE_OPEN;
	_Atomic bool *crosses = root ? NULL : crossing_hint(name);
	long result = -EXDEV;

	*opened = (struct hostfs_opened){.gate = HOSTFS_GATE_OPEN, .status = STATUS_SUCCESS};
	if (gate == HOSTFS_GATE_SEALED)
		return -EACCES;
	if (unlikely(hostfs_walks()))
		return walk_and_open(directory, name, flags, mode, opened);
	/* On one mount everything is of one file system, and the gate has let its directory pass. */
	if (gate == HOSTFS_GATE_OPEN && !(crosses && *crosses))
		result = open_beneath(directory, name, flags, mode, RESOLVE_NO_XDEV, &opened->status);
	if (result == -EXDEV) {
		result = open_across(directory, name, flags, mode, opened);
		if (crosses && result != -EXDEV && result != -ENOSYS)
			*crosses = true;
	}
	if (result == -ENOSYS && !no_openat2) {
		no_openat2 = true;
		return hostfs_open(device, root, name, flags, mode, opened);
	}
	return hostfs_raise_descriptor((int)result);
}

int hostfs_reopen(int fd, uint64_t flags, mode_t mode, NTSTATUS *status)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	const uint64_t arguments[6] = {(uint64_t)AT_FDCWD, (uintptr_t)path, flags & ~(uint64_t)O_NOFOLLOW, mode};
	long result;

	*status = STATUS_SUCCESS;
	hostfs_proc_path(fd, path);
	if (ke_current_thread() && !is_instant(flags)) {
		result = ke_host_call(status, NULL, 0, SYS_openat, arguments);
	} else {
		result = openat(AT_FDCWD, path, (int)(flags & ~(uint64_t)O_NOFOLLOW), mode);
		result = result < 0 ? -errno : result;
	}
	return hostfs_raise_descriptor((int)result);
}
