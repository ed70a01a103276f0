/*
 * Opening and creating: NtCreateFile's arguments become flags of one host open.
 *
 * The descriptor is checked once more after it is open: is it a terminal (then
 * it is condrv's), is the file being executed (then it can't be written). What
 * would truncate a file that is being executed is looked at before.
 */
#include <drivers/condrv/condrv.h>
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <stdio.h>

/* Status flags that come through from a Linux open as they are; LX's values are the host's. */
#define PASSED_FLAGS                                                                                                   \
	(O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_DIRECT | O_NOATIME | O_ASYNC | O_DIRECTORY | O_NOFOLLOW |        \
	 O_TMPFILE)

static bool creates(ULONG disposition)
{
	return disposition == FILE_CREATE || disposition == FILE_OPEN_IF || disposition == FILE_OVERWRITE_IF ||
	       disposition == FILE_SUPERSEDE;
}

static bool truncates(ULONG disposition)
{
	return disposition == FILE_OVERWRITE || disposition == FILE_OVERWRITE_IF || disposition == FILE_SUPERSEDE;
}

static uint64_t disposition_flags(ULONG disposition)
{
	return (creates(disposition) ? O_CREAT : 0) | (truncates(disposition) ? O_TRUNC : 0) |
	       (disposition == FILE_CREATE ? O_EXCL : 0);
}

/* Options stand for status flags where no Linux open came with them. */
static uint64_t option_flags(const struct io_create *create)
{
	const ACCESS_MASK writing = FILE_WRITE_DATA | FILE_APPEND_DATA;

	if (create->has_packet)
		return 0;
	return (create->options & FILE_WRITE_THROUGH ? O_SYNC : 0) |
	       (create->options & FILE_NO_INTERMEDIATE_BUFFERING ? O_DIRECT : 0) |
	       ((create->access & writing) == FILE_APPEND_DATA ? O_APPEND : 0);
}

static uint64_t path_flags(const struct io_create *create)
{
	bool nofollow = (create->lx.Flags & O_NOFOLLOW) || (create->options & FILE_OPEN_REPARSE_POINT);
	bool directory = (create->lx.Flags & O_DIRECTORY) || (create->options & FILE_DIRECTORY_FILE);

	return O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0) | (directory ? O_DIRECTORY : 0);
}

static uint64_t access_mode(const struct io_create *create)
{
	bool writing = create->access & (FILE_WRITE_DATA | FILE_APPEND_DATA);

	/* The fourth access mode: permission for both is checked, and only ioctl works. */
	if ((create->lx.Flags & O_ACCMODE) == O_ACCMODE)
		return O_ACCMODE;
	if (writing)
		return create->access & FILE_READ_DATA ? O_RDWR : O_WRONLY;
	return O_RDONLY;
}

static bool needs_data(const struct io_create *create)
{
	ACCESS_MASK data = FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA;

	/* A directory opened for traversal needs no permission to read it. */
	if (!(create->options & FILE_DIRECTORY_FILE))
		data |= FILE_EXECUTE;
	return (create->access & data) || create->disposition != FILE_OPEN ||
	       (create->lx.Flags & O_ACCMODE) == O_ACCMODE || (create->lx.Flags & O_TMPFILE) == O_TMPFILE;
}

static uint64_t open_flags(const struct io_create *create)
{
	uint64_t flags;

	if ((create->lx.Flags & O_PATH) || !needs_data(create))
		return path_flags(create);
	flags = O_CLOEXEC | O_NOCTTY | access_mode(create) | disposition_flags(create->disposition) |
		option_flags(create) | (create->lx.Flags & PASSED_FLAGS);
	if ((create->lx.Flags & O_TMPFILE) == O_TMPFILE)
		flags = (flags & ~(uint64_t)(O_CREAT | O_TRUNC)) | (create->lx.Flags & O_EXCL);
	else if (create->options & FILE_DIRECTORY_FILE)
		flags |= O_DIRECTORY;
	return flags;
}

/* O_TRUNC would have its effect before the descriptor can be looked at. */
static NTSTATUS check_truncation(struct io_device *device, struct io_create *create, const char *name, uint64_t flags)
{
	struct hostfs_opened ignored;
	struct stat status;
	bool denied;
	int fd;

	if (!(flags & O_TRUNC) || !hostfs_any_denied())
		return STATUS_SUCCESS;
	fd = hostfs_open(device, create->root, name, O_PATH | O_CLOEXEC, 0, &ignored);
	if (fd < 0)
		return STATUS_SUCCESS; /* the open itself will say what is wrong */
	denied = fstat(fd, &status) == 0 && hostfs_is_denied(&status);
	close(fd);
	return denied ? STATUS_SHARING_VIOLATION : STATUS_SUCCESS;
}

/* The host met a link: the last component itself may be what is wanted. Its descriptor, or -errno with the status. */
static int open_link(struct io_device *device, struct io_create *create, const char *name, uint64_t flags,
		     struct hostfs_opened *opened)
{
	bool refused = create->lx.Flags & O_NOFOLLOW;
	int fd;

	opened->status = STATUS_REPARSE;
	if (!refused && !(create->options & FILE_OPEN_REPARSE_POINT))
		return -ELOOP;
	fd = hostfs_open(device, create->root, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, opened);
	if (fd < 0) {
		opened->status = fd == -ELOOP ? STATUS_REPARSE : nt_status_from_errno(-fd);
		return fd;
	}
	opened->status = STATUS_SUCCESS;
	if (!refused && !(flags & O_DIRECTORY))
		return fd;
	close(fd);
	opened->status = nt_status_from_errno(flags & O_DIRECTORY ? ENOTDIR : ELOOP);
	return -ELOOP;
}

/*
 * ".." alone is taken as it is, if what it leads to lies beneath the device's root. Where the host can't tell, because
 * the path is too long, it does.
 */
static int open_above(const struct io_create *create, const char *name, uint64_t flags, enum hostfs_gate *gate)
{
	const struct hostfs_device *device = create->root ? hostfs_device(create->root->device) : NULL;
	char link[HOSTFS_PROC_PATH_SIZE], path[PATH_MAX];
	ssize_t length;
	int fd;

	if (!device || strcmp(name, "..") != 0 || device->path_size > PATH_MAX / 2)
		return -EXDEV;
	if (hostfs_file(create->root)->gate == HOSTFS_GATE_SEALED)
		return -EACCES;
	fd = openat(hostfs_file(create->root)->fd, "..", (int)flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*gate = hostfs_gate_of(fd);
	if (!hostfs_gate_admits(*gate, flags)) {
		close(fd);
		return -EACCES;
	}
	hostfs_proc_path(fd, link);
	length = readlink(link, path, sizeof(path) - 1);
	path[MAX_OF(length, (ssize_t)0)] = 0;
	if (length >= 0 ? !strncmp(path, device->path, device->path_size) &&
				  (!device->path_size || !path[device->path_size] || path[device->path_size] == '/') :
			  errno == ENAMETOOLONG)
		return hostfs_raise_descriptor(fd);
	close(fd);
	return -EXDEV;
}

static NTSTATUS open_name(struct io_device *device, struct io_create *create, struct io_file *file, const char *name,
			  uint64_t *flags)
{
	struct hostfs_file *own = hostfs_file(file);
	NTSTATUS status = check_truncation(device, create, name, *flags);
	struct hostfs_opened opened;
	int fd;

	if (NT_SUCCESS(status))
		status = fsrtl_spare_descriptor();
	if (!NT_SUCCESS(status))
		return status;
	fd = hostfs_open(device, create->root, name, *flags, create->lx.Mode, &opened);
	if (fd == -EINTR && opened.status != STATUS_SUCCESS)
		return opened.status;
	if (fd == -EXDEV)
		fd = open_above(create, name, *flags, &opened.gate);
	if (fd == -EXDEV)
		return STATUS_PATH_NOT_COVERED;
	if (fd == -ELOOP) {
		fd = open_link(device, create, name, *flags, &opened);
		if (opened.status != STATUS_SUCCESS)
			return opened.status;
		*flags = O_PATH;
	}
	if (fd < 0)
		return fsrtl_refused_descriptor(-fd);
	fsrtl_note_descriptor(fd);
	own->fd = fd;
	own->gate = opened.gate;
	return STATUS_SUCCESS;
}

/* An empty name relative to an open file: its inode once more, with other access. */
static NTSTATUS open_again(struct io_create *create, struct io_file *file, uint64_t flags)
{
	NTSTATUS status;
	struct stat stat;
	int source = hostfs_file(create->root)->fd, fd;

	if (!hostfs_gate_admits(hostfs_file(create->root)->gate, flags))
		return STATUS_ACCESS_DENIED;
	if ((flags & O_TRUNC) && hostfs_any_denied() && fstat(source, &stat) == 0 && hostfs_is_denied(&stat))
		return STATUS_SHARING_VIOLATION;
	status = fsrtl_spare_descriptor();
	if (!NT_SUCCESS(status))
		return status;
	fd = hostfs_reopen(source, flags, create->lx.Mode & 07777, &status);
	if (fd == -EINTR && status != STATUS_SUCCESS)
		return status;
	if (fd < 0)
		return fsrtl_refused_descriptor(-fd);
	fsrtl_note_descriptor(fd);
	hostfs_file(file)->fd = fd;
	hostfs_file(file)->gate = hostfs_file(create->root)->gate;
	return STATUS_SUCCESS;
}

/* NT creates directories by NtCreateFile; Linux programs come through FSCTL_LX_MAKE_NODE. */
static NTSTATUS make_directory(struct io_device *device, struct io_create *create, const char *name)
{
	char parent[PATH_MAX];
	const char *last = strrchr(name, '/');
	struct hostfs_opened opened;
	NTSTATUS status;
	int fd, result;

	snprintf(parent, sizeof(parent), "%.*s", last ? (int)(last - name) : 1, last ? name : ".");
	fd = hostfs_open(device, create->root, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, &opened);
	if (fd < 0)
		return fd == -ELOOP   ? STATUS_REPARSE
		       : fd == -EXDEV ? STATUS_PATH_NOT_COVERED
				      : nt_status_from_errno(-fd);
	if (opened.gate != HOSTFS_GATE_OPEN) {
		close(fd);
		return STATUS_ACCESS_DENIED;
	}
	result = mkdirat(fd, last ? last + 1 : name, create->lx.Mode & 07777);
	status = hostfs_status(result);
	if (status == STATUS_OBJECT_NAME_COLLISION && create->disposition == FILE_OPEN_IF)
		status = STATUS_SUCCESS;
	else if (NT_SUCCESS(status))
		create->information = FILE_CREATED;
	close(fd);
	return status;
}

/*
 * The host does not say whether O_CREAT made the file: FILE_OPEN_IF reports FILE_OPENED and FILE_OVERWRITE_IF
 * FILE_OVERWRITTEN in both cases, rather than pay two opens.
 */
static ULONG_PTR outcome(ULONG disposition)
{
	if (disposition == FILE_CREATE)
		return FILE_CREATED;
	if (disposition == FILE_SUPERSEDE)
		return FILE_SUPERSEDED;
	return truncates(disposition) ? FILE_OVERWRITTEN : FILE_OPENED;
}

static NTSTATUS check_opened(struct io_create *create, struct io_file *file, uint64_t flags)
{
	struct hostfs_file *own = hostfs_file(file);
	struct stat status;
	int fd = own->fd;

	own->path_only = flags & O_PATH;
	own->hides_nofollow = !(create->lx.Flags & O_NOFOLLOW) && hostfs_walks();
	own->hides_directory = create->has_packet && !(create->lx.Flags & O_DIRECTORY);
	own->delete_on_close = create->options & FILE_DELETE_ON_CLOSE;
	if (own->path_only && !(create->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_SUCCESS;
	if (fstat(fd, &status) < 0)
		return nt_status_from_errno(errno);
	own->kind = hostfs_kind_of_mode(status.st_mode);
	if ((create->options & FILE_NON_DIRECTORY_FILE) && own->kind == HOSTFS_DIRECTORY)
		return STATUS_FILE_IS_A_DIRECTORY;
	if (own->path_only)
		return STATUS_SUCCESS;
	if (hostfs_is_kernel_memory(&status))
		return STATUS_ACCESS_DENIED;
	if (S_ISCHR(status.st_mode) && isatty(fd)) {
		NTSTATUS taken = condrv_take(file, fd);

		if (taken == STATUS_SUCCESS)
			own->fd = -1;
		return taken;
	}
	return (flags & O_ACCMODE) == O_RDONLY ? STATUS_SUCCESS : hostfs_register_writer(own, &status);
}

static NTSTATUS create_once(struct io_device *device, struct io_create *create, struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);
	uint64_t flags = open_flags(create);
	char name[PATH_MAX];
	NTSTATUS status = hostfs_copy_name(&create->name, name, sizeof(name));

	own->fd = -1;
	if (!NT_SUCCESS(status))
		return status;
	create->information = outcome(create->disposition);
	if ((create->options & FILE_DIRECTORY_FILE) && creates(create->disposition) && !create->has_packet && name[0]) {
		if (create->disposition == FILE_OPEN_IF)
			create->information = FILE_OPENED;
		status = make_directory(device, create, name);
		if (status != STATUS_SUCCESS)
			return status;
		flags &= ~(uint64_t)(O_CREAT | O_EXCL);
	}
	if (!name[0] && create->root)
		status = open_again(create, file, flags);
	else
		status = open_name(device, create, file, name[0] ? name : ".", &flags);
	if (status == STATUS_SUCCESS)
		status = check_opened(create, file, flags);
	if (status != STATUS_SUCCESS && own->fd >= 0) {
		close(own->fd);
		own->fd = -1;
	}
	return status;
}

/* MAXIMUM_ALLOWED: as much as the host grants. */
static NTSTATUS create_with_most(struct io_device *device, struct io_create *create, struct io_file *file)
{
	static const ACCESS_MASK wishes[] = {FILE_ALL_ACCESS, FILE_GENERIC_READ | FILE_GENERIC_EXECUTE,
					     FILE_READ_ATTRIBUTES | SYNCHRONIZE};
	ACCESS_MASK asked = create->access & ~MAXIMUM_ALLOWED;
	NTSTATUS status = STATUS_ACCESS_DENIED;

	for (size_t i = 0; i < ARRAY_COUNT(wishes); i++) {
		create->access = file->access = wishes[i] | asked;
		status = create_once(device, create, file);
		if (status != STATUS_ACCESS_DENIED && status != STATUS_FILE_IS_A_DIRECTORY &&
		    status != STATUS_MEDIA_WRITE_PROTECTED && status != STATUS_SHARING_VIOLATION)
			break;
	}
	return status;
}

NTSTATUS hostfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	if (create->access & MAXIMUM_ALLOWED)
		return create_with_most(device, create, file);
	return create_once(device, create, file);
}
