/* The file system that a host file lies on, and writing it out. */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static NTSTATUS query_statfs(const struct statfs *from, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_FS_LX_STATFS_INFORMATION answer = {
	    .Type = from->f_type,
	    .BlockSize = from->f_bsize,
	    .Blocks = from->f_blocks,
	    .BlocksFree = from->f_bfree,
	    .BlocksAvailable = from->f_bavail,
	    .Files = from->f_files,
	    .FilesFree = from->f_ffree,
	    .NameLength = from->f_namelen,
	    .FragmentSize = from->f_frsize,
	    .Flags = from->f_flags,
	};

	_Static_assert(sizeof(answer.FsId) == sizeof(from->f_fsid), "fsid");
	memcpy(answer.FsId, &from->f_fsid, sizeof(answer.FsId));
	return fsrtl_return(&answer, sizeof(answer), data, size, information);
}

static NTSTATUS query_full_size(const struct statfs *from, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_FS_FULL_SIZE_INFORMATION answer = {
	    .TotalAllocationUnits.QuadPart = (LONGLONG)from->f_blocks,
	    .CallerAvailableAllocationUnits.QuadPart = (LONGLONG)from->f_bavail,
	    .ActualAvailableAllocationUnits.QuadPart = (LONGLONG)from->f_bfree,
	    .SectorsPerAllocationUnit = (ULONG)(from->f_bsize / 512 ? from->f_bsize / 512 : 1),
	    .BytesPerSector = from->f_bsize / 512 ? 512 : (ULONG)from->f_bsize,
	};

	return fsrtl_return(&answer, sizeof(answer), data, size, information);
}

static NTSTATUS query_device(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_FS_DEVICE_INFORMATION answer = {.DeviceType = FILE_DEVICE_DISK_FILE_SYSTEM};
	struct stat status;

	if (hostfs_known_status(hostfs_file(file)->fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
		answer.DeviceType = FILE_DEVICE_NAMED_PIPE;
	else if (S_ISCHR(status.st_mode))
		answer.DeviceType = FILE_DEVICE_UNKNOWN;
	return fsrtl_return(&answer, sizeof(answer), data, size, information);
}

NTSTATUS hostfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
			     ULONG_PTR *information)
{
	struct statfs status;

	if (class == FileFsDeviceInformation)
		return query_device(file, data, size, information);
	if (class != FileFsLxStatfsInformation && class != FileFsFullSizeInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (fstatfs(hostfs_file(file)->fd, &status) < 0)
		return nt_status_from_errno(errno);
	if (class == FileFsLxStatfsInformation)
		return query_statfs(&status, data, size, information);
	return query_full_size(&status, data, size, information);
}

NTSTATUS hostfs_flush(struct io_file *file, ULONG flags)
{
	int fd = hostfs_file(file)->fd;

	/* Data on its way, without waiting for it and without the device's cache. */
	if (flags & (FLUSH_FLAGS_NO_SYNC | FLUSH_FLAGS_FILE_DATA_ONLY))
		return hostfs_status(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	return hostfs_status(flags & FLUSH_FLAGS_FILE_DATA_SYNC_ONLY ? fdatasync(fd) : fsync(fd));
}

int hostfs_known_status(int fd, struct stat *status)
{
	struct statx known;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE, &known) < 0)
		return -1;
	*status = (struct stat){.st_dev = makedev(known.stx_dev_major, known.stx_dev_minor), .st_ino = known.stx_ino,
				.st_mode = known.stx_mode, .st_size = (off_t)known.stx_size};
	return 0;
}
