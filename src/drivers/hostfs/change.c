/*
 * Changing a host file: size, permissions, owner, times, offset, status flags,
 * and by class the names (rename.c). The host decides what is permitted.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>

#define CHANGEABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

typedef NTSTATUS change_routine(struct io_file *file, const void *data, struct io_file *target);

static NTSTATUS set_end_of_file(struct io_file *file, const void *data, struct io_file *target)
{
	const FILE_END_OF_FILE_INFORMATION *change = data;

	return hostfs_status(ftruncate(hostfs_file(file)->fd, change->EndOfFile.QuadPart));
}

static NTSTATUS set_allocation(struct io_file *file, const void *data, struct io_file *target)
{
	LONGLONG wanted = ((const FILE_ALLOCATION_INFORMATION *)data)->AllocationSize.QuadPart;
	int fd = hostfs_file(file)->fd;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return nt_status_from_errno(errno);
	if (wanted < status.st_size)
		return hostfs_status(ftruncate(fd, wanted));
	return wanted ? hostfs_status(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, wanted)) : STATUS_SUCCESS;
}

static NTSTATUS set_mode(struct io_file *file, const void *data, struct io_file *target)
{
	struct hostfs_file *own = hostfs_file(file);
	mode_t mode = *(const ULONG *)data & 07777;
	char path[HOSTFS_PROC_PATH_SIZE];

	if (!own->path_only)
		return hostfs_status(fchmod(own->fd, mode));
	/* chmod through the descriptor's link would refuse a symbolic link with another error than fchmodat2 does. */
	if (hostfs_kind(file) == HOSTFS_LINK)
		return STATUS_NOT_SUPPORTED;
	hostfs_proc_path(own->fd, path);
	return hostfs_status(chmod(path, mode));
}

static NTSTATUS set_owner(struct io_file *file, const void *data, struct io_file *target)
{
	const FILE_LX_OWNER_INFORMATION *owner = data;

	return hostfs_status(fchownat(hostfs_file(file)->fd, "", owner->Uid, owner->Gid, AT_EMPTY_PATH));
}

/* Both left out: the host would not even look at the descriptor, and so do we. */
static NTSTATUS set_host_times(struct io_file *file, const struct timespec times[2])
{
	struct hostfs_file *own = hostfs_file(file);
	char path[HOSTFS_PROC_PATH_SIZE];

	if (!own->path_only)
		return hostfs_status(futimens(own->fd, times));
	if (utimensat(own->fd, "", times, AT_EMPTY_PATH) == 0)
		return STATUS_SUCCESS;
	if (errno != EINVAL)
		return nt_status_from_errno(errno);
	/* A host before 5.8 knows no empty path here. */
	hostfs_proc_path(own->fd, path);
	return hostfs_status(utimensat(AT_FDCWD, path, times, 0));
}

static struct timespec host_time(const FILE_LX_TIME *time)
{
	if (time->Flags & FILE_LX_TIME_OMIT)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (time->Flags & FILE_LX_TIME_NOW)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return (struct timespec){.tv_sec = time->Seconds, .tv_nsec = time->Nanoseconds};
}

static NTSTATUS set_times(struct io_file *file, const void *data, struct io_file *target)
{
	const FILE_LX_TIMES_INFORMATION *change = data;
	const struct timespec times[2] = {host_time(&change->AccessTime), host_time(&change->ModifyTime)};

	/* UTIME_NOW and UTIME_OMIT are no nanoseconds that a guest may smuggle in here. */
	if ((!change->AccessTime.Flags && change->AccessTime.Nanoseconds >= 1000000000) ||
	    (!change->ModifyTime.Flags && change->ModifyTime.Nanoseconds >= 1000000000))
		return STATUS_INVALID_PARAMETER;
	return set_host_times(file, times);
}

/* NT: 0 and -1 leave a time as it is. */
static struct timespec host_time_of_nt(LARGE_INTEGER time)
{
	LONGLONG since = time.QuadPart - NT_UNIX_EPOCH;
	LONGLONG seconds = since / 10000000 - (since % 10000000 < 0);

	if (time.QuadPart == 0 || time.QuadPart == -1)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	return (struct timespec){.tv_sec = seconds, .tv_nsec = (since - seconds * 10000000) * 100};
}

static NTSTATUS set_basic(struct io_file *file, const void *data, struct io_file *target)
{
	const FILE_BASIC_INFORMATION *change = data;
	const struct timespec times[2] = {host_time_of_nt(change->LastAccessTime),
					  host_time_of_nt(change->LastWriteTime)};

	/* No host call sets a birth or change time, and Linux has no attribute bits. */
	if ((change->CreationTime.QuadPart && change->CreationTime.QuadPart != -1) ||
	    (change->ChangeTime.QuadPart && change->ChangeTime.QuadPart != -1) ||
	    (change->FileAttributes & ~FILE_ATTRIBUTE_NORMAL))
		return STATUS_NOT_SUPPORTED;
	return set_host_times(file, times);
}

static NTSTATUS set_position(struct io_file *file, const void *data, struct io_file *target)
{
	const FILE_POSITION_INFORMATION *change = data;

	return hostfs_status(lseek(hostfs_file(file)->fd, change->CurrentByteOffset.QuadPart, SEEK_SET));
}

static NTSTATUS set_status_flags(struct io_file *file, const void *data, struct io_file *target)
{
	return hostfs_status(fcntl(hostfs_file(file)->fd, F_SETFL,
				   (int)(*(const ULONG *)data & CHANGEABLE_FLAGS) | fsrtl_async_flag(file)));
}

static NTSTATUS set_disposition(struct io_file *file, const void *data, struct io_file *target)
{
	ULONG flags = *(const ULONG *)data;

	if ((flags & (FILE_DISPOSITION_DELETE | FILE_DISPOSITION_POSIX_SEMANTICS)) ==
	    (FILE_DISPOSITION_DELETE | FILE_DISPOSITION_POSIX_SEMANTICS))
		return hostfs_remove_own_name(file);
	hostfs_file(file)->delete_pending = flags & FILE_DISPOSITION_DELETE;
	return STATUS_SUCCESS;
}

static NTSTATUS set_disposition_boolean(struct io_file *file, const void *data, struct io_file *target)
{
	hostfs_file(file)->delete_pending = *(const BOOLEAN *)data;
	return STATUS_SUCCESS;
}

static NTSTATUS set_rename(struct io_file *file, const void *data, struct io_file *target)
{
	return hostfs_rename_handle(file, data, target);
}

static NTSTATUS set_link(struct io_file *file, const void *data, struct io_file *target)
{
	return hostfs_link_handle(file, data, target);
}

static NTSTATUS set_lx_rename(struct io_file *file, const void *data, struct io_file *target)
{
	return hostfs_rename_names(file, data, target);
}

static const struct {
	int class;
	ULONG size;
	change_routine *change;
} changes[] = {
    {FileEndOfFileInformation, sizeof(FILE_END_OF_FILE_INFORMATION), set_end_of_file},
    {FileAllocationInformation, sizeof(FILE_ALLOCATION_INFORMATION), set_allocation},
    {FileLxModeInformation, sizeof(ULONG), set_mode},
    {FileLxOwnerInformation, sizeof(FILE_LX_OWNER_INFORMATION), set_owner},
    {FileLxTimesInformation, sizeof(FILE_LX_TIMES_INFORMATION), set_times},
    {FileBasicInformation, sizeof(FILE_BASIC_INFORMATION), set_basic},
    {FilePositionInformation, sizeof(FILE_POSITION_INFORMATION), set_position},
    {FileLxStatusFlagsInformation, sizeof(ULONG), set_status_flags},
    {FileDispositionInformation, sizeof(BOOLEAN), set_disposition_boolean},
    {FileDispositionInformationEx, sizeof(FILE_DISPOSITION_INFORMATION_EX), set_disposition},
    {FileRenameInformation, sizeof(FILE_RENAME_INFORMATION), set_rename},
    {FileRenameInformationEx, sizeof(FILE_RENAME_INFORMATION), set_rename},
    {FileLinkInformation, sizeof(FILE_LINK_INFORMATION), set_link},
    {FileLinkInformationEx, sizeof(FILE_LINK_INFORMATION), set_link},
    {FileLxRenameInformation, sizeof(FILE_LX_RENAME_INFORMATION), set_lx_rename},
};

NTSTATUS hostfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				struct io_file *target)
{
	bool of_description = (int)class == FilePositionInformation || (int)class == FileLxStatusFlagsInformation;

	if (hostfs_file(file)->gate != HOSTFS_GATE_OPEN && !of_description)
		return nt_status_from_errno(EPERM);
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		if (changes[i].class == (int)class)
			return size < changes[i].size ? STATUS_INFO_LENGTH_MISMATCH
						      : changes[i].change(file, data, target);
	return STATUS_INVALID_INFO_CLASS;
}
