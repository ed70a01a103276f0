/*
 * Looking at files: stat, lstat, fstat, newfstatat, statx, and the access family.
 *
 * A path costs one NtQueryInformationByName, a descriptor one
 * NtQueryInformationFile; both answer with everything that statx(2) shows.
 */
#include <credentials/credentials.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/path.h>
#include <path/resolve.h>

#define STATX_RESERVED 0x80000000u

static uint64_t encode_device(ULONG major, ULONG minor)
{
	return (minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

static int64_t put_stat(struct lx_call *call, struct lx_uptr to, const FILE_LX_STATX_INFORMATION *from)
{
	struct lx_stat stat = {
		.st_dev = encode_device(from->DevMajor, from->DevMinor),
		.st_ino = from->Inode,
		.st_nlink = from->NumberOfLinks,
		.st_mode = from->Mode,
		.st_uid = from->Uid,
		.st_gid = from->Gid,
		.st_rdev = encode_device(from->RdevMajor, from->RdevMinor),
		.st_size = (int64_t)from->Size,
		.st_blksize = from->BlockSize,
		.st_blocks = (int64_t)from->Blocks,
		.st_atime = from->AccessTime.Seconds,
		.st_atime_nsec = from->AccessTime.Nanoseconds,
		.st_mtime = from->ModifyTime.Seconds,
		.st_mtime_nsec = from->ModifyTime.Nanoseconds,
		.st_ctime = from->ChangeTime.Seconds,
		.st_ctime_nsec = from->ChangeTime.Nanoseconds,
	};

	return lx_out_stat(call, to, &stat);
}

/* What a file is asked: all that stat(2) shows, or what statx(2) names, for which the host may answer otherwise. */
static FILE_INFORMATION_CLASS class_for(FILE_LX_STATX_INFORMATION *information, uint32_t wanted)
{
	information->Mask = wanted;
	return wanted == LX_STATX_BASIC_STATS ? FileLxStatxInformation : FileLxStatxWantedInformation;
}

static int64_t query_handle(struct lx_call *call, HANDLE handle, uint32_t wanted, FILE_LX_STATX_INFORMATION *information)
{
	FILE_INFORMATION_CLASS class = class_for(information, wanted);
	IO_STATUS_BLOCK io;

	return lx_result(call, ZwQueryInformationFile(handle, &io, information, sizeof(*information), class));
}

/* Ask by name; a link as last component is the subject itself if the walk stops at it. */
static int64_t query_walked(struct lx_walk *walk, uint32_t wanted, FILE_LX_STATX_INFORMATION *information)
{
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	int64_t result;

	do {
		/* The root of a mount, or what a magic link leads to, is open already. */
		if (!walk->name_size && (walk->base.mount || walk->jumped))
			return query_handle(walk->call, walk->base.handle, wanted, information);
		status = ZwQueryInformationByName(lx_walk_attributes(walk, lx_walk_stops_at_link(walk) ? OBJ_OPENLINK : 0),
						  &io, information, sizeof(*information), class_for(information, wanted));
	} while (lx_walk_again(walk, status, &result));
	if (result == 0 && walk->directory && (information->Mode & LX_S_IFMT) != LX_S_IFDIR)
		return -LX_ENOTDIR;
	return result;
}

static int64_t query_path(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, uint32_t wanted,
			  FILE_LX_STATX_INFORMATION *information)
{
	struct lx_walk walk;
	int64_t result = lx_walk_begin(&walk, call, dirfd, path,
				       at_flags & LX_AT_SYMLINK_NOFOLLOW ? LX_WALK_NOFOLLOW : 0, 0);

	if (result == 0)
		result = query_walked(&walk, wanted, information);
	lx_walk_end(&walk);
	return result;
}

static int64_t query_descriptor(struct lx_call *call, int32_t fd, uint32_t wanted, FILE_LX_STATX_INFORMATION *information)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, true, &handle);

	return result < 0 ? result : query_handle(call, handle, wanted, information);
}

/* The working directory by itself, whether or not it may be searched. */
static int64_t query_working_directory(struct lx_call *call, uint32_t wanted, FILE_LX_STATX_INFORMATION *information)
{
	HANDLE handle;
	bool owned;
	int64_t result = lx_path_object(call, LX_AT_FDCWD, NULL, LX_AT_EMPTY_PATH, &handle, &owned);

	if (result < 0)
		return result;
	result = query_handle(call, handle, wanted, information);
	ZwClose(handle);
	return result;
}

/* (dirfd, path, AT_ flags), the flags checked. A null path stands for an empty one where that is allowed. */
static int64_t query_at(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags, uint32_t wanted,
			FILE_LX_STATX_INFORMATION *information)
{
	bool may_be_empty = at_flags & LX_AT_EMPTY_PATH;
	char path[LX_PATH_MAX];
	int64_t length = 0;

	if (!(may_be_empty && lx_is_null(pathname)))
		length = lx_copy_in_path(call, path, pathname, may_be_empty);
	if (length < 0)
		return length;
	if (length)
		return query_path(call, dirfd, path, at_flags, wanted, information);
	return dirfd == LX_AT_FDCWD ? query_working_directory(call, wanted, information) :
				      query_descriptor(call, dirfd, wanted, information);
}

/* None, or an empty one. */
static bool is_no_path(struct lx_call *call, struct lx_uptr pathname)
{
	char first;

	return lx_is_null(pathname) || (!lx_copy_in(call, &first, pathname, 1) && !first);
}

int64_t lx_sys_newfstatat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr statbuf,
			  uint32_t flags)
{
	FILE_LX_STATX_INFORMATION information;
	int64_t result;

	/* Without a path it is fstat(2), which takes no flags and heeds none. */
	if ((flags & LX_AT_EMPTY_PATH) && dirfd >= 0 && is_no_path(call, pathname))
		return lx_sys_fstat(call, dirfd, statbuf);
	if (flags & ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	result = query_at(call, dirfd, pathname, flags, LX_STATX_BASIC_STATS, &information);
	return result < 0 ? result : put_stat(call, statbuf, &information);
}

int64_t lx_sys_stat(struct lx_call *call, struct lx_uptr pathname, struct lx_uptr statbuf)
{
	return lx_sys_newfstatat(call, LX_AT_FDCWD, pathname, statbuf, 0);
}

int64_t lx_sys_lstat(struct lx_call *call, struct lx_uptr pathname, struct lx_uptr statbuf)
{
	return lx_sys_newfstatat(call, LX_AT_FDCWD, pathname, statbuf, LX_AT_SYMLINK_NOFOLLOW);
}

int64_t lx_sys_fstat(struct lx_call *call, int32_t fd, struct lx_uptr statbuf)
{
	FILE_LX_STATX_INFORMATION information;
	int64_t result = query_descriptor(call, fd, LX_STATX_BASIC_STATS, &information);

	return result < 0 ? result : put_stat(call, statbuf, &information);
}

static struct lx_statx_timestamp timestamp(FILE_LX_TIME time)
{
	return (struct lx_statx_timestamp){.tv_sec = time.Seconds, .tv_nsec = time.Nanoseconds};
}

/* A driver may answer more than it was asked: basics and a mount are shown always, in one of its forms, the rest when asked. */
static uint32_t shown_mask(const FILE_LX_STATX_INFORMATION *from, uint32_t wanted)
{
	uint32_t mask = from->Mask & (wanted | LX_STATX_BASIC_STATS | LX_STATX_MNT_ID);

	return mask & LX_STATX_MNT_ID_UNIQUE ? mask & ~LX_STATX_MNT_ID : mask;
}

/* What direct and atomic transfers and subvolumes are like. */
static void put_alignments(struct lx_statx *statx, const FILE_LX_STATX_INFORMATION *from)
{
	if (statx->stx_mask & LX_STATX_DIOALIGN) {
		statx->stx_dio_mem_align = from->DioMemAlign;
		statx->stx_dio_offset_align = from->DioOffsetAlign;
	}
	if (statx->stx_mask & LX_STATX_DIO_READ_ALIGN)
		statx->stx_dio_read_offset_align = from->DioReadOffsetAlign;
	if (statx->stx_mask & LX_STATX_SUBVOL)
		statx->stx_subvol = from->Subvolume;
	if (statx->stx_mask & LX_STATX_WRITE_ATOMIC) {
		statx->stx_atomic_write_unit_min = from->AtomicWriteUnitMin;
		statx->stx_atomic_write_unit_max = from->AtomicWriteUnitMax;
		statx->stx_atomic_write_segments_max = from->AtomicWriteSegmentsMax;
		statx->stx_atomic_write_unit_max_opt = from->AtomicWriteUnitMaxOpt;
	}
}

static int64_t put_statx(struct lx_call *call, struct lx_uptr to, const FILE_LX_STATX_INFORMATION *from, uint32_t wanted)
{
	uint32_t mask = shown_mask(from, wanted);
	struct lx_statx statx = {
		.stx_mask = mask,
		.stx_blksize = from->BlockSize,
		.stx_attributes = from->Attributes,
		.stx_nlink = from->NumberOfLinks,
		.stx_uid = from->Uid,
		.stx_gid = from->Gid,
		.stx_mode = (uint16_t)from->Mode,
		.stx_ino = from->Inode,
		.stx_size = from->Size,
		.stx_blocks = from->Blocks,
		.stx_attributes_mask = from->AttributesMask,
		.stx_atime = timestamp(from->AccessTime),
		.stx_ctime = timestamp(from->ChangeTime),
		.stx_mtime = timestamp(from->ModifyTime),
		.stx_rdev_major = from->RdevMajor,
		.stx_rdev_minor = from->RdevMinor,
		.stx_dev_major = from->DevMajor,
		.stx_dev_minor = from->DevMinor,
	};

	if (mask & LX_STATX_BTIME)
		statx.stx_btime = timestamp(from->BirthTime);
	if (mask & LX_STATX_MNT_ID)
		statx.stx_mnt_id = from->MountId;
	if (mask & LX_STATX_MNT_ID_UNIQUE)
		statx.stx_mnt_id = from->MountIdUnique;
	put_alignments(&statx, from);
	return lx_out_statx(call, to, &statx);
}

int64_t lx_sys_statx(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t flags, uint32_t mask,
		     struct lx_uptr statxbuf)
{
	FILE_LX_STATX_INFORMATION information;
	uint32_t wanted;
	int64_t result;

	if ((mask & STATX_RESERVED) || (flags & LX_AT_STATX_SYNC_TYPE) == LX_AT_STATX_SYNC_TYPE)
		return -LX_EINVAL;
	if (flags & ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH | LX_AT_STATX_SYNC_TYPE))
		return -LX_EINVAL;
	wanted = mask | ((flags & LX_AT_STATX_SYNC_TYPE) == LX_AT_STATX_DONT_SYNC ? FILE_LX_STATX_KNOWN : 0);
	result = query_at(call, dirfd, pathname, flags, wanted, &information);
	return result < 0 ? result : put_statx(call, statxbuf, &information, mask);
}

static int64_t check_access(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, ULONG mode, uint32_t flags)
{
	char path[LX_PATH_MAX];
	IO_STATUS_BLOCK io;
	HANDLE handle;
	bool owned;
	int64_t result = lx_copy_in_path(call, path, pathname, flags & LX_AT_EMPTY_PATH);

	if (result < 0)
		return result;
	result = lx_path_object(call, dirfd, path, flags, &handle, &owned);
	if (result < 0)
		return result;
	if (mode)
		result = lx_result(call, ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_ACCESS, &mode,
							 sizeof(mode), NULL, 0));
	if (owned)
		ZwClose(handle);
	return result;
}

int64_t lx_sys_faccessat2(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode, uint32_t flags)
{
	struct lx_real_identity real = {0};
	int64_t result;

	if (mode & ~(uint32_t)(LX_R_OK | LX_W_OK | LX_X_OK))
		return -LX_EINVAL;
	if (flags & ~(LX_AT_EACCESS | LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	if (!(flags & LX_AT_EACCESS))
		result = lx_begin_real(call->thread, &real);
	else
		result = 0;
	if (!result)
		result = check_access(call, dirfd, pathname, mode, flags);
	lx_end_real(call->thread, &real);
	return result;
}

int64_t lx_sys_faccessat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_faccessat2(call, dirfd, pathname, mode, 0);
}

int64_t lx_sys_access(struct lx_call *call, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_faccessat2(call, LX_AT_FDCWD, pathname, mode, 0);
}
