/*
 * File systems as a whole, and what is written out when: statfs, sync and its
 * relatives, and advice about caching.
 */
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/mounts.h>
#include <path/resolve.h>

static int64_t give_statfs(struct lx_call *call, HANDLE handle, struct lx_uptr to)
{
	FILE_FS_LX_STATFS_INFORMATION from;
	struct lx_statfs statfs;
	IO_STATUS_BLOCK io;
	int64_t result =
	    lx_result(call, ZwQueryVolumeInformationFile(handle, &io, &from, sizeof(from), FileFsLxStatfsInformation));

	if (result < 0)
		return result;
	statfs = (struct lx_statfs){
	    .f_type = from.Type,
	    .f_bsize = from.BlockSize,
	    .f_blocks = from.Blocks,
	    .f_bfree = from.BlocksFree,
	    .f_bavail = from.BlocksAvailable,
	    .f_files = from.Files,
	    .f_ffree = from.FilesFree,
	    .f_fsid = {from.FsId[0], from.FsId[1]},
	    .f_namelen = from.NameLength,
	    .f_frsize = from.FragmentSize,
	    .f_flags = from.Flags,
	};
	return lx_out_statfs(call, to, &statfs);
}

int64_t lx_sys_statfs(struct lx_call *call, struct lx_uptr path_address, struct lx_uptr buf)
{
	char path[LX_PATH_MAX];
	struct lx_path_open open = {.dirfd = LX_AT_FDCWD, .path = path, .flags = LX_O_PATH};
	HANDLE handle;
	int64_t result = lx_copy_in_path(call, path, path_address, false);

	if (result >= 0)
		result = lx_path_open(call, &open, &handle);
	if (result < 0)
		return result;
	result = give_statfs(call, handle, buf);
	ZwClose(handle);
	return result;
}

int64_t lx_sys_fstatfs(struct lx_call *call, int32_t fd, struct lx_uptr buf)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, true, &handle);

	return result < 0 ? result : give_statfs(call, handle, buf);
}

static int64_t control(struct lx_call *call, HANDLE handle, ULONG code, void *input, ULONG size)
{
	IO_STATUS_BLOCK io;

	return lx_result(call, ZwFsControlFile(handle, NULL, NULL, NULL, &io, code, input, size, NULL, 0));
}

/* All file systems are the host's or need no writing out. */
int64_t lx_sys_sync(struct lx_call *call)
{
	ULONG all = 1;

	control(call, lx_mounts_root()->handle, FSCTL_LX_SYNC_FS, &all, sizeof(all));
	return 0;
}

/* A driver without a medium has nothing to write out. */
int64_t lx_sys_syncfs(struct lx_call *call, int32_t fd)
{
	IO_STATUS_BLOCK io;
	HANDLE handle;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SYNC_FS, NULL, 0, NULL, 0);
	return status == STATUS_INVALID_DEVICE_REQUEST ? 0 : lx_result(call, status);
}

static int64_t flush(struct lx_call *call, int32_t fd, ULONG flags)
{
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	return lx_result(call,
			 flags ? ZwFlushBuffersFileEx(handle, flags, NULL, 0, &io) : ZwFlushBuffersFile(handle, &io));
}

int64_t lx_sys_fsync(struct lx_call *call, int32_t fd)
{
	return flush(call, fd, 0);
}

int64_t lx_sys_fdatasync(struct lx_call *call, int32_t fd)
{
	return flush(call, fd, FLUSH_FLAGS_FILE_DATA_SYNC_ONLY);
}

static bool is_pipe(HANDLE handle)
{
	FILE_FS_DEVICE_INFORMATION device = {0};
	IO_STATUS_BLOCK io;

	return NT_SUCCESS(
		   ZwQueryVolumeInformationFile(handle, &io, &device, sizeof(device), FileFsDeviceInformation)) &&
	       device.DeviceType == FILE_DEVICE_NAMED_PIPE;
}

static bool is_kind(HANDLE handle, uint32_t kind)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;

	return NT_SUCCESS(
		   ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation)) &&
	       (information.Mode & LX_S_IFMT) == kind;
}

int64_t lx_sys_sync_file_range(struct lx_call *call, int32_t fd, int64_t offset, int64_t nbytes, uint32_t flags)
{
	FSCTL_LX_SYNC_RANGE_INPUT input = {.Offset = offset, .Length = nbytes, .Flags = flags};
	const uint32_t valid =
	    LX_SYNC_FILE_RANGE_WAIT_BEFORE | LX_SYNC_FILE_RANGE_WRITE | LX_SYNC_FILE_RANGE_WAIT_AFTER;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	NTSTATUS status;
	int64_t end, result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SYNC_RANGE, &input, sizeof(input), NULL, 0);
	if (status != STATUS_INVALID_DEVICE_REQUEST)
		return lx_result(call, status);
	if ((flags & ~valid) || offset < 0 || nbytes < 0 || __builtin_add_overflow(offset, nbytes, &end))
		return -LX_EINVAL;
	/* Memory is where it belongs already. */
	return is_kind(handle, LX_S_IFREG) || is_kind(handle, LX_S_IFDIR) ? 0 : -LX_ESPIPE;
}

/* Advice may be left alone by who has no cache, but not be nonsense. */
int64_t lx_sys_fadvise64(struct lx_call *call, int32_t fd, int64_t offset, uint64_t len, int32_t advice)
{
	FSCTL_LX_FADVISE_INPUT input = {.Offset = offset, .Length = (LONGLONG)len, .Advice = (ULONG)advice};
	IO_STATUS_BLOCK io;
	HANDLE handle;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	if ((int64_t)len < 0 || (uint32_t)advice > LX_POSIX_FADV_NOREUSE)
		return is_pipe(handle) ? -LX_ESPIPE : -LX_EINVAL;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_FADVISE, &input, sizeof(input), NULL, 0);
	if (status != STATUS_INVALID_DEVICE_REQUEST)
		return lx_result(call, status);
	return is_pipe(handle) ? -LX_ESPIPE : 0;
}

int64_t lx_sys_readahead(struct lx_call *call, int32_t fd, int64_t offset, uint64_t count)
{
	FSCTL_LX_SYNC_RANGE_INPUT input = {.Offset = offset, .Length = (LONGLONG)count};
	ACCESS_MASK access;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	if (!NT_SUCCESS(ob_handle_access(handle, &access)) || !(access & FILE_READ_DATA))
		return -LX_EBADF;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_READAHEAD, &input, sizeof(input), NULL, 0);
	if (status != STATUS_INVALID_DEVICE_REQUEST)
		return lx_result(call, status);
	return is_kind(handle, LX_S_IFREG) && (int64_t)count >= 0 ? 0 : -LX_EINVAL;
}
