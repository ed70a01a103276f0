/*
 * From a name to a host descriptor: one openat2(2) beneath the device's root or
 * an open directory, without following any link.
 *
 * An open that may sleep (FIFO, terminal) is alertable. Since an alert that is
 * already pending would also end the open of a plain file, which no signal can
 * interrupt on Linux, an interrupted open looks at what it was about to open.
 */
#include <drivers/hostfs/internal.h>
#include <linux/openat2.h>

static _Atomic bool no_openat2;

bool hostfs_walks(void)
{
	return no_openat2 || hal_force_fallbacks();
}

static struct open_how make_how(uint64_t flags, mode_t mode)
{
	return (struct open_how){
	    .flags = flags,
	    .mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
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
	struct open_how how = make_how(O_PATH | O_CLOEXEC, 0);
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

/* Without openat2: what may sleep is reached first, and opened alertably from there. */
static int walk_and_open(int directory, const char *name, uint64_t flags, mode_t mode, NTSTATUS *status)
{
	int reached = is_instant(flags) || !ke_current_thread() ? -1 : hostfs_walk(directory, name, O_PATH | O_CLOEXEC, 0);
	int result;

	if (reached >= 0 && is_of_blocking_kind(reached))
		result = hostfs_reopen(reached, flags & ~(uint64_t)O_CREAT, status);
	else
		result = hostfs_raise_descriptor(hostfs_walk(directory, name, flags, mode));
	if (reached >= 0)
		close(reached);
	return result;
}

int hostfs_open(struct io_device *device, struct io_file *root, const char *name, uint64_t flags, mode_t mode,
		NTSTATUS *status)
{
	int directory = root ? hostfs_file(root)->fd : hostfs_device(device)->root;
	struct open_how how = make_how(flags, mode);
	long result;

	*status = STATUS_SUCCESS;
	if (unlikely(hostfs_walks()))
		return walk_and_open(directory, name, flags, how.mode, status);
	if (is_instant(flags) || !ke_current_thread())
		result = plain_open(directory, name, &how);
	else
		result = alertable_open(directory, name, &how, status);
	if (result == -ENOSYS) {
		no_openat2 = true;
		return hostfs_open(device, root, name, flags, mode, status);
	}
	return hostfs_raise_descriptor((int)result);
}

int hostfs_reopen(int fd, uint64_t flags, NTSTATUS *status)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	const uint64_t arguments[6] = {(uint64_t)AT_FDCWD, (uintptr_t)path, flags & ~(uint64_t)O_NOFOLLOW, 0};
	long result;

	*status = STATUS_SUCCESS;
	hostfs_proc_path(fd, path);
	if (ke_current_thread() && !is_instant(flags)) {
		result = ke_host_call(status, NULL, 0, SYS_openat, arguments);
	} else {
		result = openat(AT_FDCWD, path, (int)(flags & ~(uint64_t)O_NOFOLLOW));
		result = result < 0 ? -errno : result;
	}
	return hostfs_raise_descriptor((int)result);
}
