/*
 * Changing what stat shows: the chmod, chown and utime families.
 *
 * A path is opened as a place (O_PATH), the attribute set by one
 * NtSetInformationFile on it, and closed; a descriptor is used as it is.
 */
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/path.h>
#include <path/resolve.h>

/* Set one class of information of the object that (dirfd, path, AT_ flags) means; a null path means dirfd. */
static int64_t set_at(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags, void *data,
		      ULONG size, FILE_INFORMATION_CLASS class)
{
	char path[LX_PATH_MAX];
	IO_STATUS_BLOCK io;
	HANDLE handle;
	bool owned;
	int64_t result = lx_copy_in_path(call, path, pathname, at_flags & LX_AT_EMPTY_PATH);

	if (result < 0)
		return result;
	result = lx_path_object(call, dirfd, path, at_flags, &handle, &owned);
	if (result < 0)
		return result;
	result = lx_result(call, ZwSetInformationFile(handle, &io, data, size, class));
	if (owned)
		ZwClose(handle);
	return result;
}

static int64_t set_descriptor(struct lx_call *call, int32_t fd, void *data, ULONG size, FILE_INFORMATION_CLASS class)
{
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : lx_result(call, ZwSetInformationFile(handle, &io, data, size, class));
}

int64_t lx_sys_fchmodat2(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode, uint32_t flags)
{
	ULONG permissions = mode & 07777;

	if (flags & ~(uint32_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	return set_at(call, dirfd, pathname, flags, &permissions, sizeof(permissions), FileLxModeInformation);
}

int64_t lx_sys_fchmodat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_fchmodat2(call, dirfd, pathname, mode, 0);
}

int64_t lx_sys_chmod(struct lx_call *call, struct lx_uptr pathname, uint32_t mode)
{
	return lx_sys_fchmodat2(call, LX_AT_FDCWD, pathname, mode, 0);
}

int64_t lx_sys_fchmod(struct lx_call *call, int32_t fd, uint32_t mode)
{
	ULONG permissions = mode & 07777;

	return set_descriptor(call, fd, &permissions, sizeof(permissions), FileLxModeInformation);
}

int64_t lx_sys_fchownat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t owner, uint32_t group,
			uint32_t flags)
{
	FILE_LX_OWNER_INFORMATION information = {owner, group};

	if (flags & ~(uint32_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	return set_at(call, dirfd, pathname, flags, &information, sizeof(information), FileLxOwnerInformation);
}

int64_t lx_sys_chown(struct lx_call *call, struct lx_uptr pathname, uint32_t owner, uint32_t group)
{
	return lx_sys_fchownat(call, LX_AT_FDCWD, pathname, owner, group, 0);
}

int64_t lx_sys_lchown(struct lx_call *call, struct lx_uptr pathname, uint32_t owner, uint32_t group)
{
	return lx_sys_fchownat(call, LX_AT_FDCWD, pathname, owner, group, LX_AT_SYMLINK_NOFOLLOW);
}

int64_t lx_sys_fchown(struct lx_call *call, int32_t fd, uint32_t owner, uint32_t group)
{
	FILE_LX_OWNER_INFORMATION information = {owner, group};

	return set_descriptor(call, fd, &information, sizeof(information), FileLxOwnerInformation);
}

static const FILE_LX_TIMES_INFORMATION times_now = {
	.AccessTime = {.Flags = FILE_LX_TIME_NOW},
	.ModifyTime = {.Flags = FILE_LX_TIME_NOW},
};

/* One time as utimensat(2) takes them; false: nanoseconds out of range. */
static bool make_time(const struct lx_timespec *from, FILE_LX_TIME *time)
{
	*time = (FILE_LX_TIME){.Seconds = from->tv_sec};
	if (from->tv_nsec == LX_UTIME_NOW)
		time->Flags = FILE_LX_TIME_NOW;
	else if (from->tv_nsec == LX_UTIME_OMIT)
		time->Flags = FILE_LX_TIME_OMIT;
	else if (from->tv_nsec < 0 || from->tv_nsec > 999999999)
		return false;
	else
		time->Nanoseconds = (ULONG)from->tv_nsec;
	return true;
}

/* struct timespec[2] */
static int64_t copy_in_timespecs(struct lx_call *call, struct lx_uptr from, struct lx_timespec times[2])
{
	return lx_copy_in(call, times, from, 2 * sizeof(*times));
}

/* struct timeval[2] */
static int64_t copy_in_timevals(struct lx_call *call, struct lx_uptr from, struct lx_timespec times[2])
{
	struct lx_timeval values[2];

	if (lx_copy_in(call, values, from, sizeof(values)))
		return -LX_EFAULT;
	for (unsigned i = 0; i < ARRAY_COUNT(values); i++) {
		if (values[i].tv_usec < 0 || values[i].tv_usec >= 1000000)
			return -LX_EINVAL;
		times[i] = (struct lx_timespec){values[i].tv_sec, values[i].tv_usec * 1000};
	}
	return 0;
}

/* Access and modification, as `copy` finds them there; null: now. */
static int64_t copy_times(struct lx_call *call, struct lx_uptr from, FILE_LX_TIMES_INFORMATION *times,
			  int64_t (*copy)(struct lx_call *, struct lx_uptr, struct lx_timespec[2]))
{
	struct lx_timespec raw[2];
	int64_t result;

	*times = times_now;
	if (lx_is_null(from))
		return 0;
	result = copy(call, from, raw);
	if (result < 0)
		return result;
	return make_time(&raw[0], &times->AccessTime) && make_time(&raw[1], &times->ModifyTime) ? 0 : -LX_EINVAL;
}

static int64_t set_times(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, FILE_LX_TIMES_INFORMATION *times,
			 uint32_t flags)
{
	if (!lx_is_null(pathname) || dirfd == LX_AT_FDCWD)
		return set_at(call, dirfd, pathname, flags, times, sizeof(*times), FileLxTimesInformation);
	if (flags)
		return -LX_EINVAL;
	return set_descriptor(call, dirfd, times, sizeof(*times), FileLxTimesInformation);
}

int64_t lx_sys_utimensat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr times_address,
			 uint32_t flags)
{
	FILE_LX_TIMES_INFORMATION times;
	int64_t result = copy_times(call, times_address, &times, copy_in_timespecs), found;

	if (result == -LX_EFAULT)
		return result;
	/* Nothing to do is done without a look at the path. */
	if (times.AccessTime.Flags == FILE_LX_TIME_OMIT && times.ModifyTime.Flags == FILE_LX_TIME_OMIT)
		return 0;
	if (flags & ~(uint32_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	if (result == 0)
		return set_times(call, dirfd, pathname, &times, flags);
	/* A time that none can be is refused once the file is found. */
	times = (FILE_LX_TIMES_INFORMATION){{.Flags = FILE_LX_TIME_OMIT}, {.Flags = FILE_LX_TIME_OMIT}};
	found = set_times(call, dirfd, pathname, &times, flags);
	return found < 0 ? found : result;
}

int64_t lx_sys_futimesat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr times_address)
{
	FILE_LX_TIMES_INFORMATION times;
	int64_t result = copy_times(call, times_address, &times, copy_in_timevals);

	return result < 0 ? result : set_times(call, dirfd, pathname, &times, 0);
}

int64_t lx_sys_utimes(struct lx_call *call, struct lx_uptr filename, struct lx_uptr times_address)
{
	return lx_sys_futimesat(call, LX_AT_FDCWD, filename, times_address);
}

int64_t lx_sys_utime(struct lx_call *call, struct lx_uptr filename, struct lx_uptr times_address)
{
	FILE_LX_TIMES_INFORMATION times = times_now;
	struct lx_utimbuf raw;

	if (!lx_is_null(times_address)) {
		if (lx_in_utimbuf(call, &raw, times_address))
			return -LX_EFAULT;
		times.AccessTime = (FILE_LX_TIME){.Seconds = raw.actime};
		times.ModifyTime = (FILE_LX_TIME){.Seconds = raw.modtime};
	}
	return set_times(call, LX_AT_FDCWD, filename, &times, 0);
}
