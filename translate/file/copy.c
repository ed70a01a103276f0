/*
 * copy_file_range(2): the driver's where both files are its own (the host then shares extents where it can), else the I/O
 * manager's (FSCTL_LX_COPY_RANGE). Here are the checks and where offsets come from.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <file/position.h>
#include <file/truncate.h>
#include <lx_syscalls.h>

#define MAXIMUM_TRANSFER 0x7ffff000u

/* A descriptor opened for `access`, or -LX_EBADF. */
static int64_t open_for(struct lx_call *call, int32_t fd, ACCESS_MASK access, HANDLE *handle)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, access, &stream);

	*handle = result < 0 ? NULL : stream.handle;
	return result;
}

int64_t lx_file_position(struct lx_call *call, HANDLE file)
{
	FSCTL_LX_SEEK_INPUT input = {.Whence = LX_SEEK_CUR};
	LONGLONG position = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwFsControlFile(file, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &input, sizeof(input), &position,
					  sizeof(position));

	return NT_SUCCESS(status) ? position : lx_result(call, status);
}

/* The offset argument of one side: copied in, not yet looked at. */
static int64_t take_offset(struct lx_call *call, struct lx_uptr address, int64_t *position)
{
	*position = 0;
	return lx_is_null(address) ? 0 : lx_copy_in(call, position, address, sizeof(*position));
}

/* Offsets wrap before they are negative, as the Linux kernel sees it. */
static int64_t check_offset(int64_t position, uint64_t size)
{
	if ((uint64_t)position + size < (uint64_t)position)
		return -LX_EOVERFLOW;
	return position < 0 ? -LX_EINVAL : 0;
}

/* Where one side starts: at its own position if no offset is given, which matters only where a size could lead around. */
static int64_t start_of(struct lx_call *call, HANDLE file, struct lx_uptr address, int64_t offset, uint64_t size)
{
	return lx_is_null(address) && (int64_t)size < 0 ? lx_file_position(call, file) : offset;
}

static int64_t give_offset(struct lx_call *call, struct lx_uptr address, int64_t position, int64_t moved)
{
	int64_t end = position + moved;

	return lx_is_null(address) || moved <= 0 ? 0 : lx_copy_out(call, address, &end, sizeof(end));
}

/* Kinds of files that can't be copied so: -LX_EISDIR, -LX_EINVAL. */
static int64_t check_kind(HANDLE handle)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;

	if (!NT_SUCCESS(ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation)))
		return -LX_EINVAL;
	if ((information.Mode & LX_S_IFMT) == LX_S_IFDIR)
		return -LX_EISDIR;
	return (information.Mode & LX_S_IFMT) == LX_S_IFREG ? 0 : -LX_EINVAL;
}

/* Directories are told first, whichever of the two it is. */
static int64_t check_kinds(HANDLE source, HANDLE target)
{
	int64_t first = check_kind(source), second = check_kind(target);

	if (first == -LX_EISDIR || second == -LX_EISDIR)
		return -LX_EISDIR;
	return first < 0 ? first : second;
}

/* Where each write goes to the end, no range has a place. */
static bool appends(HANDLE target)
{
	ULONG flags = 0;
	IO_STATUS_BLOCK io;

	ZwQueryInformationFile(target, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	return flags & LX_O_APPEND;
}

static int64_t copy_range(struct lx_call *call, HANDLE source, HANDLE target, int64_t source_offset,
			  int64_t target_offset, uint64_t size)
{
	FSCTL_LX_COPY_RANGE_INPUT input = {
	    .Source = source, .SourceOffset = source_offset, .TargetOffset = target_offset, .Length = size};
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status =
	    ZwFsControlFile(target, NULL, NULL, NULL, &io, FSCTL_LX_COPY_RANGE, &input, sizeof(input), NULL, 0);
	int64_t result = lx_result(call, status);

	return result < 0 ? result : (int64_t)io.Information;
}

int64_t lx_sys_copy_file_range(struct lx_call *call, int32_t fd_in, struct lx_uptr off_in, int32_t fd_out,
			       struct lx_uptr off_out, uint64_t len, uint32_t flags)
{
	int64_t source_offset, target_offset, position, result, given;
	HANDLE source, target;

	result = lx_fd_handle(call, fd_in, false, &source);
	if (result == 0)
		result = lx_fd_handle(call, fd_out, false, &target);
	if (result == 0)
		result = take_offset(call, off_in, &source_offset);
	if (result == 0)
		result = take_offset(call, off_out, &target_offset);
	if (result == 0 && flags)
		result = -LX_EINVAL;
	if (result == 0)
		result = check_kinds(source, target);
	if (result == 0)
		result = open_for(call, fd_in, FILE_READ_DATA, &source);
	if (result == 0)
		result = open_for(call, fd_out, FILE_WRITE_DATA | FILE_APPEND_DATA, &target);
	if (result == 0 && appends(target))
		result = -LX_EBADF;
	if (result == 0)
		result = check_offset(start_of(call, source, off_in, source_offset, len), len);
	if (result == 0)
		result = check_offset(start_of(call, target, off_out, target_offset, len), len);
	if (result < 0)
		return result;
	len = MIN_OF(len, (uint64_t)MAXIMUM_TRANSFER);
	if (len && lx_limit(call->thread->process, LX_RLIMIT_FSIZE) != UINT64_MAX) {
		position = lx_is_null(off_out) ? MAX_OF(lx_file_position(call, target), (int64_t)0) : target_offset;
		result = lx_limit_write(call, target, (uint64_t)position, len);
		if (result < 0)
			return result;
		len = (uint64_t)result;
	}
	result = copy_range(call, source, target, lx_is_null(off_in) ? -1 : source_offset,
			    lx_is_null(off_out) ? -1 : target_offset, len);
	given = give_offset(call, off_in, source_offset, result);
	if (given == 0)
		given = give_offset(call, off_out, target_offset, result);
	return given < 0 ? given : result;
}
