/*
 * Opening by path: open, openat, openat2, creat; lx_path_open() and its kin for
 * the rest of the subsystem.
 *
 * As on Linux the flags are checked first, then the path is copied, then a
 * descriptor is reserved, and only then anything is opened: with a full
 * descriptor table no file is created.
 */
#include <core/thread.h>
#include <descriptor/fd.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/fs.h>
#include <path/path.h>
#include <path/resolve.h>
#include <terminal/tty.h>

#define TMPFILE_BIT (LX_O_TMPFILE & ~LX_O_DIRECTORY)
#define SYNC_BIT (LX_O_SYNC & ~LX_O_DSYNC)
#define VALID_FLAGS                                                                                                    \
	(LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND | LX_O_NONBLOCK | LX_O_SYNC |      \
	 LX_O_DSYNC | LX_O_ASYNC | LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_NOATIME |          \
	 LX_O_CLOEXEC | LX_O_PATH | LX_O_TMPFILE)
#define PATH_FLAGS (LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_PATH | LX_O_CLOEXEC)
#define PERMISSION_BITS 07777u
#define VALID_RESOLVE                                                                                                  \
	(LX_RESOLVE_NO_XDEV | LX_RESOLVE_NO_MAGICLINKS | LX_RESOLVE_NO_SYMLINKS | LX_RESOLVE_BENEATH |                     \
	 LX_RESOLVE_IN_ROOT | LX_RESOLVE_CACHED)

static bool creates(uint64_t flags)
{
	return flags & (LX_O_CREAT | TMPFILE_BIT);
}

/* What the Linux kernel's build_open_flags() refuses. */
static int64_t check_how(const struct lx_open_how *how)
{
	uint64_t flags = how->flags & ~(uint64_t)LX_O_CLOEXEC;

	if ((how->flags & ~(uint64_t)VALID_FLAGS) || (how->resolve & ~(uint64_t)VALID_RESOLVE))
		return -LX_EINVAL;
	if ((how->resolve & LX_RESOLVE_BENEATH) && (how->resolve & LX_RESOLVE_IN_ROOT))
		return -LX_EINVAL;
	if (creates(flags) ? how->mode & ~(uint64_t)PERMISSION_BITS : how->mode)
		return -LX_EINVAL;
	if ((flags & LX_O_DIRECTORY) && (flags & LX_O_CREAT))
		return -LX_EINVAL;
	if ((flags & TMPFILE_BIT) && (!(flags & LX_O_DIRECTORY) || !(flags & (LX_O_WRONLY | LX_O_RDWR))))
		return -LX_EINVAL;
	if ((flags & LX_O_PATH) && (flags & ~(uint64_t)PATH_FLAGS))
		return -LX_EINVAL;
	if ((how->resolve & LX_RESOLVE_CACHED) && (flags & (LX_O_TRUNC | LX_O_CREAT | TMPFILE_BIT)))
		return -LX_EAGAIN;
	return 0;
}

/* open(2) ignores what it does not know. */
static struct lx_open_how how_of_open(uint32_t flags, uint32_t mode)
{
	struct lx_open_how how = {.flags = flags & VALID_FLAGS, .mode = mode & PERMISSION_BITS};

	if (how.flags & LX_O_PATH)
		how.flags &= PATH_FLAGS;
	if (!creates(how.flags))
		how.mode = 0;
	return how;
}

/* Rights that a descriptor has on Linux whatever its access mode: looking at and changing the inode's attributes. */
#define ATTRIBUTE_ACCESS                                                                                               \
	(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_READ_EA | FILE_WRITE_EA | READ_CONTROL | SYNCHRONIZE)

static ACCESS_MASK access_of(uint32_t flags)
{
	ACCESS_MASK access = ATTRIBUTE_ACCESS;
	uint32_t mode = flags & LX_O_ACCMODE;

	if (flags & LX_O_PATH)
		return access | FILE_TRAVERSE;
	if (mode == LX_O_RDONLY || mode == LX_O_RDWR)
		access |= FILE_READ_DATA;
	if (mode == LX_O_WRONLY || mode == LX_O_RDWR)
		access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	return access;
}

static ULONG disposition_of(uint32_t flags)
{
	bool truncates = (flags & LX_O_TRUNC) && !(flags & LX_O_DIRECTORY);

	if (!(flags & LX_O_CREAT))
		return truncates ? FILE_OVERWRITE : FILE_OPEN;
	if (flags & LX_O_EXCL)
		return FILE_CREATE;
	return truncates ? FILE_OVERWRITE_IF : FILE_OPEN_IF;
}

static ULONG options_of(uint32_t flags)
{
	ULONG options = 0;

	if ((flags & LX_O_DIRECTORY) && !(flags & TMPFILE_BIT))
		options |= FILE_DIRECTORY_FILE;
	if ((flags & LX_O_PATH) && (flags & LX_O_NOFOLLOW))
		options |= FILE_OPEN_REPARSE_POINT;
	if (flags & LX_O_DSYNC)
		options |= FILE_WRITE_THROUGH;
	return options;
}

static struct lx_open_request make_request(const struct lx_walk *walk, const struct lx_path_open *open)
{
	uint32_t flags = open->flags & ~LX_O_CLOEXEC;
	struct lx_open_request request = {.access = access_of(flags), .mode = open->mode};

	if (flags & SYNC_BIT)
		flags |= LX_O_DSYNC;
	/* A slash behind a link asks for the directory that it leads to. */
	if (walk->directory)
		flags &= ~LX_O_NOFOLLOW;
	request.flags = flags;
	request.disposition = disposition_of(flags);
	request.options = options_of(flags);
	if (walk->directory && request.disposition == FILE_OPEN && !(flags & TMPFILE_BIT))
		request.options |= FILE_DIRECTORY_FILE;
	return request;
}

/* O_CREAT of a path that ends as a directory does never creates: say why not. */
static int64_t refuse_creation(struct lx_walk *walk, uint32_t flags)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	int64_t result;
	bool slash = walk->slash;
	size_t size;

	/* With a slash behind it a link is not followed. */
	do {
		status = ZwQueryInformationByName(lx_walk_attributes(walk, slash ? OBJ_OPENLINK : 0), &io, &information, sizeof(information),
						  FileLxStatxInformation);
		if (NT_SUCCESS(status) && status != STATUS_REPARSE)
			return !slash && (flags & LX_O_EXCL) ? -LX_EEXIST : -LX_EISDIR;
	} while (lx_walk_again(walk, status, &result));
	if (result != -LX_ENOENT || !slash)
		return result;
	for (size = walk->name_size; size && walk->name[size - 1] != '/'; size--)
		;
	walk->name_size = size ? size - 1 : 0;
	status = ZwQueryInformationByName(lx_walk_attributes(walk, 0), &io, &information, sizeof(information),
					  FileLxStatxInformation);
	return NT_SUCCESS(status) ? -LX_EISDIR : lx_result(walk->call, status);
}

/* RESOLVE_NO_XDEV inside the host's own tree: what is opened must lie on the mount that the walk stands on. */
static int64_t check_same_mount(struct lx_walk *walk, bool must_exist)
{
	FILE_LX_STATX_INFORMATION base, target;
	size_t size = walk->name_size;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwQueryInformationFile(walk->base.handle, &io, &base, sizeof(base), FileLxStatxInformation);

	if (!NT_SUCCESS(status) || !walk->name_size)
		return 0;
	status = ZwQueryInformationByName(lx_walk_attributes(walk, OBJ_OPENLINK), &io, &target, sizeof(target),
					  FileLxStatxInformation);
	if (status == STATUS_OBJECT_NAME_NOT_FOUND && !must_exist) {
		while (walk->name_size && walk->name[walk->name_size - 1] != '/')
			walk->name_size--;
		walk->name_size -= walk->name_size != 0;
		status = ZwQueryInformationByName(lx_walk_attributes(walk, 0), &io, &target, sizeof(target),
						  FileLxStatxInformation);
		walk->name_size = size;
	}
	if (status != STATUS_SUCCESS)
		return 0; /* the open itself says why */
	return base.MountId == target.MountId && base.DevMajor == target.DevMajor && base.DevMinor == target.DevMinor ?
		       0 : -LX_EXDEV;
}

static int64_t open_walked(struct lx_walk *walk, const struct lx_path_open *open, HANDLE *handle)
{
	int64_t result = 0;

	for (;;) {
		struct lx_open_request request = make_request(walk, open);
		NTSTATUS status;

		if (walk->directory && (open->flags & LX_O_CREAT))
			return refuse_creation(walk, open->flags);
		if (open->resolve & LX_RESOLVE_NO_XDEV)
			result = check_same_mount(walk, !(open->flags & LX_O_CREAT));
		if (result < 0)
			return result;
		status = lx_open_by_attributes(&request, lx_walk_attributes(walk, 0), handle);
		if (status == STATUS_SUCCESS && !((open->flags & LX_O_DIRECTORY) && (open->flags & LX_O_TRUNC)))
			return 0;
		if (*handle)
			ZwClose(*handle);
		*handle = NULL;
		if (status == STATUS_SUCCESS)
			return -LX_EISDIR;
		if (!lx_walk_again(walk, status, &result))
			return result;
	}
}

int64_t lx_path_open(struct lx_call *call, const struct lx_path_open *open, HANDLE *handle)
{
	struct lx_walk walk;
	uint32_t flags = open->flags & LX_O_NOFOLLOW ? LX_WALK_NOFOLLOW : 0;
	int64_t result;

	*handle = NULL;
	if (!*open->path)
		return -LX_ENOENT;
	result = lx_walk_begin(&walk, call, open->dirfd, open->path, flags, open->resolve);
	if (result == 0)
		result = open_walked(&walk, open, handle);
	lx_walk_end(&walk);
	return result;
}

int64_t lx_path_object(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, HANDLE *handle,
		       bool *owned)
{
	struct lx_path_open open = {
		.dirfd = dirfd,
		.path = path,
		.flags = LX_O_PATH | (at_flags & LX_AT_SYMLINK_NOFOLLOW ? LX_O_NOFOLLOW : 0),
	};

	*owned = true;
	*handle = NULL;
	if (path && (*path || !(at_flags & LX_AT_EMPTY_PATH)))
		return lx_path_open(call, &open, handle);
	if (dirfd == LX_AT_FDCWD)
		return lx_fs_open_working_directory(call, access_of(LX_O_PATH), handle);
	*owned = false;
	return lx_fd_handle(call, dirfd, true, handle);
}

static NTSTATUS check_executable(HANDLE handle)
{
	ULONG mode = LX_X_OK;
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation);

	if (!NT_SUCCESS(status))
		return status;
	if ((information.Mode & LX_S_IFMT) != LX_S_IFREG)
		return STATUS_ACCESS_DENIED;
	return ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_ACCESS, &mode, sizeof(mode), NULL, 0);
}

static int64_t resolved_path(HANDLE handle, char *resolved, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	int64_t length;

	if (!NT_SUCCESS(io_reference_file(handle, 0, &file)))
		return -LX_EBADF;
	length = lx_file_path(file, resolved, size);
	return length < 0 ? length : 0;
}

/* fexecve(3): the file behind a descriptor, opened anew for reading. */
static int64_t open_descriptor_executable(struct lx_call *call, int32_t fd, HANDLE *handle)
{
	struct lx_open_request request = {.access = access_of(LX_O_RDONLY), .disposition = FILE_OPEN};
	STRING empty = {0};
	OBJECT_ATTRIBUTES attributes;
	HANDLE descriptor;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, true, &descriptor);

	if (result < 0)
		return result;
	InitializeObjectAttributes(&attributes, &empty, 0, descriptor, NULL);
	status = lx_open_by_attributes(&request, &attributes, handle);
	return status == STATUS_REPARSE ? -LX_ELOOP : lx_result(call, status);
}

int64_t lx_path_open_executable(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, HANDLE *handle,
				char *resolved, size_t resolved_size)
{
	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	struct lx_path_open open = {
		.dirfd = dirfd,
		.path = path,
		.flags = LX_O_NONBLOCK | (at_flags & LX_AT_SYMLINK_NOFOLLOW ? LX_O_NOFOLLOW : 0),
	};
	int64_t result;

	*handle = NULL;
	if (!*path && (at_flags & LX_AT_EMPTY_PATH) && dirfd == LX_AT_FDCWD)
		return -LX_EACCES; /* a directory is no program */
	if (!*path && (at_flags & LX_AT_EMPTY_PATH))
		result = open_descriptor_executable(call, dirfd, handle);
	else
		result = lx_path_open(call, &open, handle);
	if (result < 0)
		return result == -LX_ENXIO ? -LX_EACCES : result;
	result = lx_result(call, check_executable(*handle));
	if (result == 0)
		result = resolved_path(*handle, resolved, resolved_size);
	if (result < 0) {
		ZwClose(*handle);
		*handle = NULL;
	}
	return result;
}

static int64_t open_how(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, const struct lx_open_how *how)
{
	struct lx_path_open open = {
		.dirfd = dirfd,
		.flags = (uint32_t)how->flags,
		.mode = (uint32_t)how->mode & ~lx_fs_umask(call->thread->fs),
		.resolve = how->resolve,
	};
	char path[LX_PATH_MAX];
	HANDLE handle;
	int64_t result = check_how(how), fd;

	if (result == 0)
		result = lx_copy_in_path(call, path, pathname, false);
	if (result < 0)
		return result;
	fd = lx_fd_reserve(call, 0, how->flags & LX_O_CLOEXEC);
	if (fd < 0)
		return fd;
	open.path = path;
	if (!(open.flags & LX_O_PATH))
		open.flags |= LX_O_LARGEFILE;
	result = lx_path_open(call, &open, &handle);
	if (result < 0) {
		lx_fd_release(call, (int32_t)fd);
		return result;
	}
	lx_terminal_take(call, handle, open.flags);
	lx_fd_fill(call, (int32_t)fd, handle, open.flags & LX_O_PATH);
	return fd;
}

int64_t lx_sys_openat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t flags, uint32_t mode)
{
	struct lx_open_how how = how_of_open(flags, mode);

	return open_how(call, dirfd, pathname, &how);
}

int64_t lx_sys_open(struct lx_call *call, struct lx_uptr pathname, uint32_t flags, uint32_t mode)
{
	return lx_sys_openat(call, LX_AT_FDCWD, pathname, flags, mode);
}

int64_t lx_sys_creat(struct lx_call *call, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_openat(call, LX_AT_FDCWD, pathname, LX_O_CREAT | LX_O_WRONLY | LX_O_TRUNC, mode);
}

int64_t lx_sys_openat2(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr how_address,
		       uint64_t size)
{
	struct lx_open_how how;
	int64_t result;

	if (size < sizeof(how))
		return -LX_EINVAL;
	if (size > LX_PAGE_SIZE)
		return -LX_E2BIG;
	result = lx_copy_in_sized(call, &how, sizeof(how), how_address, size);
	return result < 0 ? result : open_how(call, dirfd, pathname, &how);
}
