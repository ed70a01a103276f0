/*
 * One set of attributes, shown and changed through every information class. The
 * permission rules of chmod(2), chown(2) and utimensat(2) are those of Linux'
 * setattr_prepare(), since an NT access mask can't express them.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include <drivers/fsrtl/fsrtl.h>
#include <executive/se/se.h>

FILE_LX_TIME fsrtl_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (FILE_LX_TIME){.Seconds = now.tv_sec, .Nanoseconds = (ULONG)now.tv_nsec};
}

void fsrtl_init_attributes(FILE_LX_STATX_INFORMATION *attributes, ULONG mode, ULONGLONG inode)
{
	const struct se_token *token = fsrtl_token();
	FILE_LX_TIME now = fsrtl_now();

	*attributes = (FILE_LX_STATX_INFORMATION){
		.Mask = FSRTL_STATX_BASIC,
		.BlockSize = 4096,
		.NumberOfLinks = 1,
		.Uid = token ? token->fsuid : 0,
		.Gid = token ? token->fsgid : 0,
		.Mode = mode,
		.Inode = inode,
		.AccessTime = now,
		.BirthTime = now,
		.ChangeTime = now,
		.ModifyTime = now,
	};
}

NTSTATUS fsrtl_return(const void *answer, size_t answer_size, void *data, ULONG size, ULONG_PTR *information)
{
	if (size < answer_size)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(data, answer, answer_size);
	*information = answer_size;
	return STATUS_SUCCESS;
}

static LARGE_INTEGER nt_time(FILE_LX_TIME time)
{
	return (LARGE_INTEGER){.QuadPart = time.Seconds * 10000000 + time.Nanoseconds / 100 + NT_UNIX_EPOCH};
}

static FILE_LX_TIME lx_time(LARGE_INTEGER time)
{
	LONGLONG since = time.QuadPart - NT_UNIX_EPOCH;
	LONGLONG seconds = since / 10000000 - (since % 10000000 < 0);

	return (FILE_LX_TIME){.Seconds = seconds, .Nanoseconds = (ULONG)(since - seconds * 10000000) * 100};
}

static ULONG file_attributes(ULONG mode)
{
	switch (mode & FSRTL_S_IFMT) {
	case FSRTL_S_IFDIR:
		return FILE_ATTRIBUTE_DIRECTORY;
	case FSRTL_S_IFREG:
		return mode & 0222 ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_READONLY;
	default:
		return FILE_ATTRIBUTE_REPARSE_POINT;
	}
}

static FILE_STAT_LX_INFORMATION stat_lx(const FILE_LX_STATX_INFORMATION *from)
{
	return (FILE_STAT_LX_INFORMATION){
		.FileId.QuadPart = (LONGLONG)from->Inode,
		.CreationTime = nt_time(from->BirthTime),
		.LastAccessTime = nt_time(from->AccessTime),
		.LastWriteTime = nt_time(from->ModifyTime),
		.ChangeTime = nt_time(from->ChangeTime),
		.AllocationSize.QuadPart = (LONGLONG)from->Blocks * 512,
		.EndOfFile.QuadPart = (LONGLONG)from->Size,
		.FileAttributes = file_attributes(from->Mode),
		.ReparseTag = fsrtl_reparse_tag(from->Mode),
		.NumberOfLinks = from->NumberOfLinks,
		.EffectiveAccess = FILE_ALL_ACCESS,
		.LxFlags = LX_FILE_METADATA_HAS_UID | LX_FILE_METADATA_HAS_GID | LX_FILE_METADATA_HAS_MODE |
			   LX_FILE_METADATA_HAS_DEVICE_ID,
		.LxUid = from->Uid,
		.LxGid = from->Gid,
		.LxMode = from->Mode,
		.LxDeviceIdMajor = from->RdevMajor,
		.LxDeviceIdMinor = from->RdevMinor,
	};
}

static FILE_BASIC_INFORMATION basic(const FILE_LX_STATX_INFORMATION *from)
{
	return (FILE_BASIC_INFORMATION){
		.CreationTime = nt_time(from->BirthTime),
		.LastAccessTime = nt_time(from->AccessTime),
		.LastWriteTime = nt_time(from->ModifyTime),
		.ChangeTime = nt_time(from->ChangeTime),
		.FileAttributes = file_attributes(from->Mode),
	};
}

static FILE_STANDARD_INFORMATION standard(const FILE_LX_STATX_INFORMATION *from)
{
	return (FILE_STANDARD_INFORMATION){
		.AllocationSize.QuadPart = (LONGLONG)from->Blocks * 512,
		.EndOfFile.QuadPart = (LONGLONG)from->Size,
		.NumberOfLinks = from->NumberOfLinks,
		.DeletePending = from->NumberOfLinks == 0,
		.Directory = (from->Mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR,
	};
}

NTSTATUS fsrtl_query_attributes(const FILE_LX_STATX_INFORMATION *attributes, FILE_INFORMATION_CLASS class, void *data,
				ULONG size, ULONG_PTR *information)
{
	FILE_BASIC_INFORMATION basic_answer;
	FILE_STANDARD_INFORMATION standard_answer;
	FILE_STAT_LX_INFORMATION stat_answer;
	FILE_INTERNAL_INFORMATION internal_answer;
	FILE_ATTRIBUTE_TAG_INFORMATION tag_answer;

	if (class == FileLxStatxInformation || class == FileLxStatxWantedInformation)
		return fsrtl_return(attributes, sizeof *attributes, data, size, information);
	if (class == FileStatLxInformation) {
		stat_answer = stat_lx(attributes);
		return fsrtl_return(&stat_answer, sizeof stat_answer, data, size, information);
	}
	if (class == FileBasicInformation) {
		basic_answer = basic(attributes);
		return fsrtl_return(&basic_answer, sizeof basic_answer, data, size, information);
	}
	if (class == FileStandardInformation) {
		standard_answer = standard(attributes);
		return fsrtl_return(&standard_answer, sizeof standard_answer, data, size, information);
	}
	if (class == FileInternalInformation) {
		internal_answer.IndexNumber.QuadPart = (LONGLONG)attributes->Inode;
		return fsrtl_return(&internal_answer, sizeof internal_answer, data, size, information);
	}
	if (class == FileAttributeTagInformation) {
		tag_answer = (FILE_ATTRIBUTE_TAG_INFORMATION){file_attributes(attributes->Mode),
							      fsrtl_reparse_tag(attributes->Mode)};
		return fsrtl_return(&tag_answer, sizeof tag_answer, data, size, information);
	}
	return STATUS_INVALID_INFO_CLASS;
}

void fsrtl_keep_flags(struct io_file *file, const struct io_create *create)
{
	ULONG flags = create->lx.Flags & (FSRTL_STATUS_FLAGS | FSRTL_O_PATH | FSRTL_O_DIRECTORY);

	if (create->has_packet)
		flags |= FSRTL_O_LARGEFILE;
	atomic_store(&file->lx_flags, flags);
}

ULONG fsrtl_access_mode(const struct io_file *file)
{
	bool reads = file->access & FILE_READ_DATA;
	bool writes = file->access & (FILE_WRITE_DATA | FILE_APPEND_DATA);

	return reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
}

NTSTATUS fsrtl_query_status_flags(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	ULONG flags = (atomic_load(&file->lx_flags) & ~(ULONG)O_ACCMODE) | fsrtl_access_mode(file);

	return fsrtl_return(&flags, sizeof flags, data, size, information);
}

NTSTATUS fsrtl_set_buffered_flags(struct io_file *file, const void *data, ULONG size)
{
	ULONG flags;

	if (size < sizeof flags)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(&flags, data, sizeof flags);
	return flags & FSRTL_O_DIRECT ? FSRTL_ERRNO(EINVAL) : fsrtl_set_status_flags(file, data, size);
}

NTSTATUS fsrtl_set_status_flags(struct io_file *file, const void *data, ULONG size)
{
	ULONG flags, old;

	if (size < sizeof flags)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(&flags, data, sizeof flags);
	flags &= FSRTL_SETTABLE_FLAGS;
	old = atomic_load(&file->lx_flags);
	while (!atomic_compare_exchange_weak(&file->lx_flags, &old, (old & ~FSRTL_SETTABLE_FLAGS) | flags))
		;
	return STATUS_SUCCESS;
}

static bool in_group(ULONG gid)
{
	const struct se_token *token = fsrtl_token();

	if (!token || token->fsgid == gid)
		return true;
	for (uint32_t i = 0; i < token->group_count; i++)
		if (token->groups[i] == gid)
			return true;
	return false;
}

static NTSTATUS set_mode(FILE_LX_STATX_INFORMATION *attributes, ULONG mode)
{
	if (!fsrtl_is_owner(attributes) && !fsrtl_capable(FSRTL_CAP_FOWNER))
		return FSRTL_ERRNO(EPERM);
	if (!in_group(attributes->Gid) && !fsrtl_capable(FSRTL_CAP_FSETID))
		mode &= ~02000u;
	attributes->Mode = (attributes->Mode & FSRTL_S_IFMT) | (mode & 07777);
	attributes->ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS set_owner(FILE_LX_STATX_INFORMATION *attributes, const FILE_LX_OWNER_INFORMATION *owner)
{
	bool chown_uid = owner->Uid != (ULONG)-1, chown_gid = owner->Gid != (ULONG)-1;
	bool mine = fsrtl_is_owner(attributes), able = fsrtl_capable(FSRTL_CAP_CHOWN);

	if (chown_uid && !able && !(mine && owner->Uid == attributes->Uid))
		return FSRTL_ERRNO(EPERM);
	if (chown_gid && !able && !(mine && (in_group(owner->Gid) || owner->Gid == attributes->Gid)))
		return FSRTL_ERRNO(EPERM);
	if (chown_uid)
		attributes->Uid = owner->Uid;
	if (chown_gid)
		attributes->Gid = owner->Gid;
	if ((attributes->Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR) {
		attributes->Mode &= ~04000u;
		if ((attributes->Mode & 02010) == 02010)
			attributes->Mode &= ~02000u;
	}
	attributes->ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static void set_time(FILE_LX_TIME *time, const FILE_LX_TIME *to)
{
	if (to->Flags & FILE_LX_TIME_NOW)
		*time = fsrtl_now();
	else if (!(to->Flags & FILE_LX_TIME_OMIT))
		*time = (FILE_LX_TIME){.Seconds = to->Seconds, .Nanoseconds = to->Nanoseconds};
}

static NTSTATUS set_times(FILE_LX_STATX_INFORMATION *attributes, const FILE_LX_TIMES_INFORMATION *times)
{
	bool both_now = times->AccessTime.Flags & times->ModifyTime.Flags & FILE_LX_TIME_NOW;

	if (!fsrtl_is_owner(attributes) && !fsrtl_capable(FSRTL_CAP_FOWNER)) {
		if (!both_now)
			return FSRTL_ERRNO(EPERM);
		if (!fsrtl_permitted(attributes, FSRTL_WRITE))
			return FSRTL_ERRNO(EACCES);
	}
	set_time(&attributes->AccessTime, &times->AccessTime);
	set_time(&attributes->ModifyTime, &times->ModifyTime);
	attributes->ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS set_basic(FILE_LX_STATX_INFORMATION *attributes, const FILE_BASIC_INFORMATION *from)
{
	FILE_LX_TIMES_INFORMATION times = {{.Flags = FILE_LX_TIME_OMIT}, {.Flags = FILE_LX_TIME_OMIT}};

	if (from->LastAccessTime.QuadPart > 0)
		times.AccessTime = lx_time(from->LastAccessTime);
	if (from->LastWriteTime.QuadPart > 0)
		times.ModifyTime = lx_time(from->LastWriteTime);
	return set_times(attributes, &times);
}

NTSTATUS fsrtl_set_attributes(FILE_LX_STATX_INFORMATION *attributes, FILE_INFORMATION_CLASS class, const void *data,
			      ULONG size)
{
	union {
		ULONG mode;
		FILE_LX_OWNER_INFORMATION owner;
		FILE_LX_TIMES_INFORMATION times;
		FILE_BASIC_INFORMATION basic;
	} in;
	size_t wanted;

	if (class == FileLxModeInformation)
		wanted = sizeof in.mode;
	else if (class == FileLxOwnerInformation)
		wanted = sizeof in.owner;
	else if (class == FileLxTimesInformation)
		wanted = sizeof in.times;
	else if (class == FileBasicInformation)
		wanted = sizeof in.basic;
	else
		return STATUS_INVALID_INFO_CLASS;
	if (size < wanted)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(&in, data, wanted);
	if (class == FileLxModeInformation)
		return set_mode(attributes, in.mode);
	if (class == FileLxOwnerInformation)
		return set_owner(attributes, &in.owner);
	if (class == FileLxTimesInformation)
		return set_times(attributes, &in.times);
	return set_basic(attributes, &in.basic);
}
