/*
 * The host's statx(2) as attributes: the one place that reads what it fills in. Drivers whose files are their own show them
 * in the file system that a native program would find there, with its device and mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drivers/fsrtl/fsrtl.h>

#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000U
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif
#define WANTED (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID | STATX_DIOALIGN)

/* struct statx' last members, which are newer than the C library's headers. */
struct newer_statx {
	uint8_t older[160];
	uint64_t subvolume;
	uint32_t atomic_write_unit_min, atomic_write_unit_max, atomic_write_segments_max;
	uint32_t dio_read_offset_align, atomic_write_unit_max_opt;
};
union host_statx {
	struct statx older;
	struct newer_statx newer;
};

static FILE_LX_TIME lx_time(struct statx_timestamp time)
{
	return (FILE_LX_TIME){.Seconds = time.tv_sec, .Nanoseconds = time.tv_nsec};
}

NTSTATUS fsrtl_query_host(int fd, const char *name, int flags, FILE_LX_STATX_INFORMATION *answer)
{
	return fsrtl_query_host_for(fd, name, flags, WANTED, answer);
}

ULONG fsrtl_statx_wanted(FILE_INFORMATION_CLASS class, const void *data, ULONG size)
{
	const FILE_LX_STATX_INFORMATION *in = data;

	return class == FileLxStatxWantedInformation && size >= sizeof *in ? in->Mask : WANTED;
}

NTSTATUS fsrtl_query_host_for(int fd, const char *name, int flags, ULONG wanted, FILE_LX_STATX_INFORMATION *answer)
{
	union host_statx host = {0};
	const struct statx *from = &host.older;

	if (wanted & FILE_LX_STATX_KNOWN)
		flags |= AT_STATX_DONT_SYNC;
	if (statx(fd, name, flags, wanted & ~FILE_LX_STATX_KNOWN, &host.older) < 0)
		return FSRTL_ERRNO(errno);
	*answer = (FILE_LX_STATX_INFORMATION){
		.Mask = from->stx_mask,
		.BlockSize = from->stx_blksize,
		.Attributes = from->stx_attributes,
		.AttributesMask = from->stx_attributes_mask,
		.NumberOfLinks = from->stx_nlink,
		.Uid = from->stx_uid,
		.Gid = from->stx_gid,
		.Mode = from->stx_mode,
		.Inode = from->stx_ino,
		.Size = from->stx_size,
		.Blocks = from->stx_blocks,
		.AccessTime = lx_time(from->stx_atime),
		.BirthTime = lx_time(from->stx_btime),
		.ChangeTime = lx_time(from->stx_ctime),
		.ModifyTime = lx_time(from->stx_mtime),
		.RdevMajor = from->stx_rdev_major,
		.RdevMinor = from->stx_rdev_minor,
		.DevMajor = from->stx_dev_major,
		.DevMinor = from->stx_dev_minor,
		.MountId = from->stx_mask & STATX_MNT_ID_UNIQUE ? 0 : from->stx_mnt_id,
		.MountIdUnique = from->stx_mask & STATX_MNT_ID_UNIQUE ? from->stx_mnt_id : 0,
		.DioMemAlign = from->stx_dio_mem_align,
		.DioOffsetAlign = from->stx_dio_offset_align,
		.Subvolume = host.newer.subvolume,
		.AtomicWriteUnitMin = host.newer.atomic_write_unit_min,
		.AtomicWriteUnitMax = host.newer.atomic_write_unit_max,
		.AtomicWriteSegmentsMax = host.newer.atomic_write_segments_max,
		.DioReadOffsetAlign = host.newer.dio_read_offset_align,
		.AtomicWriteUnitMaxOpt = host.newer.atomic_write_unit_max_opt,
	};
	return STATUS_SUCCESS;
}

void fsrtl_place_in(FILE_LX_STATX_INFORMATION *attributes, const struct fsrtl_file_system *where)
{
	attributes->Mask |= where->mask;
	attributes->AttributesMask = where->attributes_mask;
	attributes->MountId = where->mount;
	attributes->MountIdUnique = where->unique_mount;
	attributes->DevMajor = where->major;
	attributes->DevMinor = where->minor;
}

static struct fsrtl_file_system described(const FILE_LX_STATX_INFORMATION *file)
{
	return (struct fsrtl_file_system){.mask = file->Mask & (STATX_MNT_ID | STATX_BTIME), .major = file->DevMajor,
					  .minor = file->DevMinor, .mount = file->MountId,
					  .attributes_mask = file->AttributesMask};
}

/* The two numbers of a mount take the same place in an answer. */
static struct fsrtl_file_system file_system_of(int fd, const char *path, int flags, ULONG minor)
{
	FILE_LX_STATX_INFORMATION file = {0}, unique = {0};
	struct fsrtl_file_system found = {.minor = minor};

	if (!NT_SUCCESS(fsrtl_query_host(fd, path, flags, &file)))
		return found;
	found = described(&file);
	if (NT_SUCCESS(fsrtl_query_host_for(fd, path, flags, STATX_MNT_ID_UNIQUE, &unique))) {
		found.mask |= unique.Mask & STATX_MNT_ID_UNIQUE;
		found.unique_mount = unique.MountIdUnique;
	}
	return found;
}

struct fsrtl_file_system fsrtl_file_system_at(const char *path, ULONG minor)
{
	return file_system_of(AT_FDCWD, path, 0, minor);
}

struct fsrtl_file_system fsrtl_file_system_of_pipes(ULONG minor)
{
	struct fsrtl_file_system found;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return (struct fsrtl_file_system){.minor = minor};
	found = file_system_of(ends[0], "", AT_EMPTY_PATH, minor);
	close(ends[0]);
	close(ends[1]);
	return found;
}

struct fsrtl_file_system fsrtl_file_system_of_anonymous(ULONG minor)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct fsrtl_file_system found = file_system_of(event, "", AT_EMPTY_PATH, minor);

	if (event >= 0)
		close(event);
	return found;
}
