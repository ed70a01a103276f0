/*
 * Names: mkdir, rmdir, unlink, rename, link, symlink, mknod, readlink.
 *
 * A name is an entry of its parent directory: the walker opens the directory that
 * holds the last component (which is not followed), and one control request on
 * that directory does the work. A slash behind the last component is part of the
 * name that the driver gets; it asks for a directory.
 *
 * What is not a name (".", "..", "/") each call refuses in its own way, and so
 * are mount points, which the parent's device knows nothing of.
 */
#include <core/thread.h>
#include <lx_syscalls.h>
#include <path/path.h>
#include <path/resolve.h>

/* A parent directory and a last component, with the walk that found them. */
struct lx_place {
	struct lx_walk walk;
	HANDLE directory;
	bool owned;
	char path[LX_PATH_MAX];
};

static NTSTATUS control(HANDLE directory, ULONG code, void *input, ULONG size)
{
	IO_STATUS_BLOCK io;

	return ZwFsControlFile(directory, NULL, NULL, NULL, &io, code, input, size, NULL, 0);
}

static int64_t check_directory(const struct lx_place *place)
{
	FILE_LX_STATX_INFORMATION information;
	ULONG mode = LX_X_OK;
	IO_STATUS_BLOCK io;

	if (NT_SUCCESS(ZwQueryInformationFile(place->directory, &io, &information, sizeof(information), FileLxStatxInformation)) &&
	    (information.Mode & LX_S_IFMT) != LX_S_IFDIR)
		return -LX_ENOTDIR;
	/* What is no name is looked for in it all the same. */
	return place->walk.last_kind == LX_LAST_ROOT ? 0 :
						       lx_result(place->walk.call, control(place->directory, FSCTL_LX_ACCESS, &mode, sizeof(mode)));
}

static int64_t find_place(struct lx_call *call, struct lx_place *place, int32_t dirfd, struct lx_uptr pathname)
{
	int64_t result = lx_copy_in_path(call, place->path, pathname, false);

	place->owned = false;
	place->walk.call = NULL;
	if (result < 0)
		return result;
	result = lx_walk_begin(&place->walk, call, dirfd, place->path, LX_WALK_PARENT, 0);
	if (result == 0)
		result = lx_walk_parent(&place->walk, &place->directory, &place->owned);
	/* That it is a directory is noticed by who looks for a name in it, but not by who refuses what is no name. */
	if (result >= 0 && place->walk.last_kind != LX_LAST_NAME)
		result = check_directory(place);
	return result < 0 ? result : 0;
}

static void leave_place(struct lx_place *place)
{
	if (place->owned)
		ZwClose(place->directory);
	if (place->walk.call)
		lx_walk_end(&place->walk);
}

static STRING last_name(const struct lx_place *place)
{
	USHORT size = (USHORT)place->walk.last_size;

	return (STRING){size, size, (PCHAR)(uintptr_t)place->walk.last};
}

static bool ends_in_slash(const struct lx_place *place)
{
	return place->walk.last[place->walk.last_size - 1] == '/';
}

static bool is_mount_point(const struct lx_place *place)
{
	const struct lx_walk *walk = &place->walk;
	size_t size = walk->last_size - (ends_in_slash(place) ? 1 : 0);

	return walk->last_kind == LX_LAST_NAME && !walk->name_size && walk->base.mount &&
	       lx_mounts_child(walk->base.mount, walk->last, size);
}

/* Whether the caller may change the directory comes before what is wrong with a mount point in it. */
static int64_t refuse(struct lx_call *call, const struct lx_place *place, int64_t error)
{
	ULONG mode = LX_W_OK | LX_X_OK;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwFsControlFile(place->directory, NULL, NULL, NULL, &io, FSCTL_LX_ACCESS, &mode, sizeof(mode),
					  NULL, 0);

	return NT_SUCCESS(status) ? -error : lx_result(call, status);
}

/* Make a node at a place. A slash behind the name is for directories alone. */
static int64_t make_node(struct lx_call *call, struct lx_place *place, FSCTL_LX_MAKE_NODE_INPUT *input)
{
	if (place->walk.last_kind != LX_LAST_NAME || is_mount_point(place))
		return -LX_EEXIST;
	input->Name = last_name(place);
	return lx_result(call, control(place->directory, FSCTL_LX_MAKE_NODE, input, sizeof(*input)));
}

int64_t lx_sys_mkdirat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode)
{
	uint32_t permissions = mode & (0777 | LX_S_ISVTX) & ~lx_fs_umask(call->thread->fs);
	FSCTL_LX_MAKE_NODE_INPUT input = {.Mode = LX_S_IFDIR | permissions};
	struct lx_place place;
	int64_t result = find_place(call, &place, dirfd, pathname);

	if (result == 0)
		result = make_node(call, &place, &input);
	leave_place(&place);
	return result;
}

int64_t lx_sys_mkdir(struct lx_call *call, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_mkdirat(call, LX_AT_FDCWD, pathname, mode);
}

int64_t lx_sys_mknodat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode, uint32_t dev)
{
	uint32_t type = mode & LX_S_IFMT ? mode & LX_S_IFMT : LX_S_IFREG;
	FSCTL_LX_MAKE_NODE_INPUT input = {
		.Mode = type | (mode & 07777 & ~lx_fs_umask(call->thread->fs)),
		.DeviceMajor = dev >> 8 & 0xfff,
		.DeviceMinor = (dev & 0xff) | (dev >> 12 & 0xfff00),
	};
	struct lx_place place;
	int64_t result;

	if (type == LX_S_IFDIR)
		return -LX_EPERM;
	if (type != LX_S_IFREG && type != LX_S_IFCHR && type != LX_S_IFBLK && type != LX_S_IFIFO && type != LX_S_IFSOCK)
		return -LX_EINVAL;
	result = find_place(call, &place, dirfd, pathname);
	if (result == 0)
		result = make_node(call, &place, &input);
	leave_place(&place);
	return result;
}

int64_t lx_sys_mknod(struct lx_call *call, struct lx_uptr pathname, uint32_t mode, uint32_t dev)
{
	return lx_sys_mknodat(call, LX_AT_FDCWD, pathname, mode, dev);
}

int64_t lx_sys_symlinkat(struct lx_call *call, struct lx_uptr target, int32_t newdirfd, struct lx_uptr linkpath)
{
	FSCTL_LX_MAKE_NODE_INPUT input = {.Mode = LX_S_IFLNK | 0777};
	char text[LX_PATH_MAX];
	struct lx_place place;
	int64_t result = lx_copy_in_path(call, text, target, false);

	if (result < 0)
		return result;
	input.Target = (STRING){(USHORT)result, (USHORT)result, text};
	result = find_place(call, &place, newdirfd, linkpath);
	if (result == 0)
		result = make_node(call, &place, &input);
	leave_place(&place);
	return result;
}

int64_t lx_sys_symlink(struct lx_call *call, struct lx_uptr target, struct lx_uptr linkpath)
{
	return lx_sys_symlinkat(call, target, LX_AT_FDCWD, linkpath);
}

static int64_t remove_directory(struct lx_call *call, struct lx_place *place)
{
	FSCTL_LX_REMOVE_NAME_INPUT input = {.Directory = 1};

	switch (place->walk.last_kind) {
	case LX_LAST_DOTDOT:
		return -LX_ENOTEMPTY;
	case LX_LAST_DOT:
		return -LX_EINVAL;
	case LX_LAST_ROOT:
		return -LX_EBUSY;
	case LX_LAST_NAME:
		break;
	}
	if (is_mount_point(place))
		return refuse(call, place, LX_EBUSY);
	input.Name = last_name(place);
	return lx_result(call, control(place->directory, FSCTL_LX_REMOVE_NAME, &input, sizeof(input)));
}

static int64_t remove_file(struct lx_call *call, struct lx_place *place)
{
	FSCTL_LX_REMOVE_NAME_INPUT input = {.Directory = 0};

	if (place->walk.last_kind != LX_LAST_NAME)
		return -LX_EISDIR;
	if (is_mount_point(place))
		return refuse(call, place, LX_EISDIR);
	input.Name = last_name(place);
	return lx_result(call, control(place->directory, FSCTL_LX_REMOVE_NAME, &input, sizeof(input)));
}

int64_t lx_sys_unlinkat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t flags)
{
	struct lx_place place;
	int64_t result;

	if (flags & ~(uint32_t)LX_AT_REMOVEDIR)
		return -LX_EINVAL;
	result = find_place(call, &place, dirfd, pathname);
	if (result == 0)
		result = flags & LX_AT_REMOVEDIR ? remove_directory(call, &place) : remove_file(call, &place);
	leave_place(&place);
	return result;
}

int64_t lx_sys_unlink(struct lx_call *call, struct lx_uptr pathname)
{
	return lx_sys_unlinkat(call, LX_AT_FDCWD, pathname, 0);
}

int64_t lx_sys_rmdir(struct lx_call *call, struct lx_uptr pathname)
{
	return lx_sys_unlinkat(call, LX_AT_FDCWD, pathname, LX_AT_REMOVEDIR);
}

static bool same_device(const struct lx_place *a, const struct lx_place *b)
{
	return a->walk.base.file->device == b->walk.base.file->device;
}

/* Nothing takes a mount point's place; what kind of thing tried decides the errno. */
static int64_t refuse_target(struct lx_call *call, const struct lx_place *old, const struct lx_place *new)
{
	FILE_LX_STATX_INFORMATION information;
	STRING name = last_name(old);
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	NTSTATUS status;

	InitializeObjectAttributes(&attributes, &name, OBJ_OPENLINK, old->directory, NULL);
	status = ZwQueryInformationByName(&attributes, &io, &information, sizeof(information), FileLxStatxInformation);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return refuse(call, new, (information.Mode & LX_S_IFMT) == LX_S_IFDIR ? LX_EBUSY : LX_EISDIR);
}

static int64_t rename_place(struct lx_call *call, struct lx_place *old, struct lx_place *new, uint32_t flags)
{
	FILE_LX_RENAME_INFORMATION information = {.Flags = flags, .RootDirectory = new->directory};
	IO_STATUS_BLOCK io;

	if (!same_device(old, new))
		return -LX_EXDEV;
	if (old->walk.last_kind != LX_LAST_NAME)
		return -LX_EBUSY;
	if (new->walk.last_kind != LX_LAST_NAME)
		return flags & LX_RENAME_NOREPLACE ? -LX_EEXIST : -LX_EBUSY;
	if (is_mount_point(new) && (flags & LX_RENAME_NOREPLACE))
		return -LX_EEXIST;
	if (is_mount_point(new))
		return refuse_target(call, old, new);
	if (is_mount_point(old))
		return refuse(call, old, LX_EBUSY);
	information.OldName = last_name(old);
	information.NewName = last_name(new);
	return lx_result(call, ZwSetInformationFile(old->directory, &io, &information, sizeof(information),
						    FileLxRenameInformation));
}

int64_t lx_sys_renameat2(struct lx_call *call, int32_t olddirfd, struct lx_uptr oldpath, int32_t newdirfd,
			 struct lx_uptr newpath, uint32_t flags)
{
	struct lx_place old, new;
	int64_t result;

	if (flags & ~(uint32_t)(LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE | LX_RENAME_WHITEOUT))
		return -LX_EINVAL;
	if ((flags & LX_RENAME_EXCHANGE) && (flags & (LX_RENAME_NOREPLACE | LX_RENAME_WHITEOUT)))
		return -LX_EINVAL;
	result = find_place(call, &old, olddirfd, oldpath);
	if (result == 0) {
		result = find_place(call, &new, newdirfd, newpath);
		if (result < 0 && check_directory(&old) < 0)
			result = -LX_ENOTDIR;
		if (result == 0)
			result = rename_place(call, &old, &new, flags);
		leave_place(&new);
	}
	leave_place(&old);
	return result;
}

int64_t lx_sys_renameat(struct lx_call *call, int32_t olddirfd, struct lx_uptr oldpath, int32_t newdirfd,
			struct lx_uptr newpath)
{
	return lx_sys_renameat2(call, olddirfd, oldpath, newdirfd, newpath, 0);
}

int64_t lx_sys_rename(struct lx_call *call, struct lx_uptr oldpath, struct lx_uptr newpath)
{
	return lx_sys_renameat2(call, LX_AT_FDCWD, oldpath, LX_AT_FDCWD, newpath, 0);
}

static bool on_same_device(HANDLE handle, const struct lx_place *place)
{
	cleanup_object struct io_file *file = NULL;

	return NT_SUCCESS(io_reference_file(handle, 0, &file)) && file->device == place->walk.base.file->device;
}

static int64_t link_at(struct lx_call *call, HANDLE file, struct lx_place *place)
{
	FSCTL_LX_LINK_NAME_INPUT input = {.File = file};

	if (place->walk.last_kind != LX_LAST_NAME || is_mount_point(place))
		return -LX_EEXIST;
	if (!on_same_device(file, place))
		return -LX_EXDEV;
	input.Name = last_name(place);
	return lx_result(call, control(place->directory, FSCTL_LX_LINK_NAME, &input, sizeof(input)));
}

int64_t lx_sys_linkat(struct lx_call *call, int32_t olddirfd, struct lx_uptr oldpath, int32_t newdirfd,
		      struct lx_uptr newpath, uint32_t flags)
{
	uint32_t at_flags = flags & LX_AT_EMPTY_PATH;
	char path[LX_PATH_MAX];
	struct lx_place place;
	HANDLE file;
	bool owned;
	int64_t result;

	if (flags & ~(uint32_t)(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	if (!(flags & LX_AT_SYMLINK_FOLLOW))
		at_flags |= LX_AT_SYMLINK_NOFOLLOW;
	result = lx_copy_in_path(call, path, oldpath, flags & LX_AT_EMPTY_PATH);
	if (result >= 0)
		result = lx_path_object(call, olddirfd, path, at_flags, &file, &owned);
	if (result < 0)
		return result;
	result = find_place(call, &place, newdirfd, newpath);
	if (result == 0)
		result = link_at(call, file, &place);
	leave_place(&place);
	if (owned)
		ZwClose(file);
	return result;
}

int64_t lx_sys_link(struct lx_call *call, struct lx_uptr oldpath, struct lx_uptr newpath)
{
	return lx_sys_linkat(call, LX_AT_FDCWD, oldpath, LX_AT_FDCWD, newpath, 0);
}

/* The text of the link behind a handle to the guest: bytes put, cut without notice at `size`. */
static int64_t put_link(struct lx_call *call, HANDLE handle, struct lx_uptr to, int32_t size)
{
	char buffer[offsetof(REPARSE_DATA_BUFFER, DataBuffer) + 4 + LX_PATH_MAX] __attribute__((aligned(8)));
	const REPARSE_DATA_BUFFER *reparse = (const void *)buffer;
	const size_t header = offsetof(REPARSE_DATA_BUFFER, DataBuffer), version = 4;
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_GET_REPARSE_POINT, NULL, 0, buffer,
					  sizeof(buffer));
	size_t length;

	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return -LX_EINVAL;
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	if (io.Information < header + version || reparse->ReparseTag != IO_REPARSE_TAG_LX_SYMLINK)
		return -LX_EINVAL;
	length = MIN_OF(io.Information - header, (size_t)reparse->ReparseDataLength) - version;
	length = MIN_OF(length, (size_t)size);
	return lx_copy_out(call, to, reparse->DataBuffer + version, length) < 0 ? -LX_EFAULT : (int64_t)length;
}

int64_t lx_sys_readlinkat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr buf,
			  uint64_t bufsiz)
{
	int32_t size = (int32_t)bufsiz;
	char path[LX_PATH_MAX];
	HANDLE handle;
	bool owned;
	int64_t length, result;

	if (size <= 0)
		return -LX_EINVAL;
	length = lx_copy_in_path(call, path, pathname, true);
	if (length < 0)
		return length;
	/* An empty path means the descriptor, if that is a link's; nothing else is found there. */
	if (!length && dirfd == LX_AT_FDCWD)
		return -LX_ENOENT;
	result = lx_path_object(call, dirfd, path, LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH, &handle, &owned);
	if (result < 0)
		return result;
	result = put_link(call, handle, buf, size);
	if (owned)
		ZwClose(handle);
	return result == -LX_EINVAL && !length ? -LX_ENOENT : result;
}

int64_t lx_sys_readlink(struct lx_call *call, struct lx_uptr pathname, struct lx_uptr buf, uint64_t bufsiz)
{
	return lx_sys_readlinkat(call, LX_AT_FDCWD, pathname, buf, bufsiz);
}
