/*
 * How much room a file takes: truncate, ftruncate, fallocate, and the limit that
 * RLIMIT_FSIZE sets to its size.
 */
#include <core/process.h>
#include <core/thread.h>
#include <file/truncate.h>
#include <lx_syscalls.h>
#include <path/path.h>
#include <path/resolve.h>
#include <signal/signal.h>

#define FALLOC_FL_WRITE_ZEROES 0x80u

static bool query_statx(HANDLE handle, FILE_LX_STATX_INFORMATION *information)
{
	IO_STATUS_BLOCK io;

	return NT_SUCCESS(
	    ZwQueryInformationFile(handle, &io, information, sizeof(*information), FileLxStatxInformation));
}

static int64_t refuse_growth(struct lx_call *call)
{
	lx_signal_self(call, LX_SIGXFSZ);
	return -LX_EFBIG;
}

int64_t lx_check_growth(struct lx_call *call, HANDLE handle, uint64_t end)
{
	uint64_t limit = lx_limit(call->thread->process, LX_RLIMIT_FSIZE);
	FILE_LX_STATX_INFORMATION information;

	if (likely(end <= limit) || !query_statx(handle, &information) ||
	    (information.Mode & LX_S_IFMT) != LX_S_IFREG || end <= information.Size)
		return 0;
	return refuse_growth(call);
}

int64_t lx_limit_write(struct lx_call *call, HANDLE handle, uint64_t position, uint64_t size)
{
	uint64_t limit = lx_limit(call->thread->process, LX_RLIMIT_FSIZE);
	FILE_LX_STATX_INFORMATION information;

	if (likely(limit == UINT64_MAX) || !query_statx(handle, &information) ||
	    (information.Mode & LX_S_IFMT) != LX_S_IFREG)
		return (int64_t)size;
	return position >= limit ? refuse_growth(call) : (int64_t)MIN_OF(size, limit - position);
}

static int64_t set_size(struct lx_call *call, HANDLE handle, int64_t length)
{
	FILE_END_OF_FILE_INFORMATION information = {.EndOfFile.QuadPart = length};
	IO_STATUS_BLOCK io;
	int64_t result = lx_check_growth(call, handle, (uint64_t)length);

	if (result < 0)
		return result;
	return lx_result(
	    call, ZwSetInformationFile(handle, &io, &information, sizeof(information), FileEndOfFileInformation));
}

/* The file that `place` names, opened for writing; nothing but a regular file, so that no FIFO is waited for. */
static int64_t open_for_writing(struct lx_call *call, HANDLE place, HANDLE *handle)
{
	const struct lx_open_request request = {.access = FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
						.disposition = FILE_OPEN,
						.flags = LX_O_WRONLY};
	FILE_LX_STATX_INFORMATION information;
	OBJECT_ATTRIBUTES attributes;
	STRING empty = {0};

	if (!query_statx(place, &information))
		return -LX_EINVAL;
	if ((information.Mode & LX_S_IFMT) == LX_S_IFDIR)
		return -LX_EISDIR;
	if ((information.Mode & LX_S_IFMT) != LX_S_IFREG)
		return -LX_EINVAL;
	InitializeObjectAttributes(&attributes, &empty, 0, place, NULL);
	return lx_result(call, lx_open_by_attributes(&request, &attributes, handle));
}

int64_t lx_sys_truncate(struct lx_call *call, struct lx_uptr path_address, int64_t length)
{
	char path[LX_PATH_MAX];
	struct lx_path_open open = {.dirfd = LX_AT_FDCWD, .path = path, .flags = LX_O_PATH};
	HANDLE place, handle;
	int64_t result;

	if (length < 0)
		return -LX_EINVAL;
	result = lx_copy_in_path(call, path, path_address, false);
	if (result >= 0)
		result = lx_path_open(call, &open, &place);
	if (result < 0)
		return result;
	result = open_for_writing(call, place, &handle);
	ZwClose(place);
	if (result < 0)
		return result;
	result = set_size(call, handle, length);
	ZwClose(handle);
	return result;
}

int64_t lx_sys_ftruncate(struct lx_call *call, int32_t fd, int64_t length)
{
	FILE_LX_STATX_INFORMATION information;
	ACCESS_MASK access;
	HANDLE handle;
	int64_t result;

	if (length < 0)
		return -LX_EINVAL;
	result = lx_fd_handle(call, fd, false, &handle);
	if (result < 0)
		return result;
	if (!query_statx(handle, &information) || (information.Mode & LX_S_IFMT) != LX_S_IFREG)
		return -LX_EINVAL;
	if (!NT_SUCCESS(ob_handle_access(handle, &access)) || !(access & FILE_WRITE_DATA))
		return -LX_EINVAL;
	return set_size(call, handle, length);
}

/* What a driver without space of its own would have been refused by the Linux kernel for. */
static int64_t refuse_allocation(HANDLE handle)
{
	FILE_LX_STATX_INFORMATION information;

	if (!query_statx(handle, &information))
		return -LX_ENODEV;
	switch (information.Mode & LX_S_IFMT) {
	case LX_S_IFREG:
		return -LX_EOPNOTSUPP;
	case LX_S_IFIFO:
		return -LX_ESPIPE;
	case LX_S_IFDIR:
		return -LX_EISDIR;
	default:
		return -LX_ENODEV;
	}
}

/* One operation; where the size is kept or must be, that is said. */
static bool is_allocation_mode(uint32_t mode)
{
	switch (mode & ~(uint32_t)LX_FALLOC_FL_KEEP_SIZE) {
	case 0:
	case LX_FALLOC_FL_UNSHARE_RANGE:
	case LX_FALLOC_FL_ZERO_RANGE:
		return true;
	case LX_FALLOC_FL_PUNCH_HOLE:
		return mode & LX_FALLOC_FL_KEEP_SIZE;
	case LX_FALLOC_FL_COLLAPSE_RANGE:
	case LX_FALLOC_FL_INSERT_RANGE:
	case FALLOC_FL_WRITE_ZEROES:
		return !(mode & LX_FALLOC_FL_KEEP_SIZE);
	default:
		return false;
	}
}

int64_t lx_sys_fallocate(struct lx_call *call, int32_t fd, uint32_t mode, int64_t offset, int64_t len)
{
	FSCTL_LX_FALLOCATE_INPUT input = {.Mode = mode, .Offset = offset, .Length = len};
	IO_STATUS_BLOCK io;
	ACCESS_MASK access;
	HANDLE handle;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	if (offset < 0 || len <= 0)
		return -LX_EINVAL;
	if (!is_allocation_mode(mode))
		return -LX_EOPNOTSUPP;
	if (!NT_SUCCESS(ob_handle_access(handle, &access)) || !(access & FILE_WRITE_DATA))
		return -LX_EBADF;
	if (!(mode & LX_FALLOC_FL_KEEP_SIZE))
		result = lx_check_growth(call, handle, (uint64_t)offset + (uint64_t)len);
	if (result < 0)
		return result;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_FALLOCATE, &input, sizeof(input), NULL, 0);
	return status == STATUS_INVALID_DEVICE_REQUEST ? refuse_allocation(handle) : lx_result(call, status);
}
