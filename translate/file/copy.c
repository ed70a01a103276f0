/*
 * Copying between descriptors without the guest's memory: copy_file_range(2) and
 * sendfile(2).
 *
 * copy_file_range is the driver's where both files are its own (the host then
 * shares extents where it can). sendfile, and files of a driver that can't, go
 * through a buffer here: the source is read at explicit positions, and only what
 * was written counts as read.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <file/truncate.h>
#include <lx_syscalls.h>
#include <signal/signal.h>

#define CHUNK 65536u
#define MAXIMUM_TRANSFER 0x7ffff000u

struct copy {
	struct lx_call *call;
	HANDLE source, target;
	int64_t source_offset;
	int64_t target_offset; /* -1: the target's own position */
	uint64_t size, done;
	void *buffer;
};

/* A descriptor opened for `access`, or -LX_EBADF. */
static int64_t open_for(struct lx_call *call, int32_t fd, ACCESS_MASK access, HANDLE *handle)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, access, &stream);

	*handle = result < 0 ? NULL : stream.handle;
	return result;
}

/* To the kernel sendfile is a splice through a pipe of its own: both files must have the operations. */
static bool can_send(struct lx_call *call, int32_t in_fd, int32_t out_fd)
{
	struct lx_stream in, out;

	return lx_fd_object(call, in_fd, &in) == 0 && lx_fd_object(call, out_fd, &out) == 0 &&
	       io_splice_ends(in.file) & IO_SPLICE_SOURCE && io_splice_ends(out.file) & IO_SPLICE_TARGET;
}

static int64_t seek(struct lx_call *call, HANDLE handle, int64_t offset, uint32_t whence)
{
	FSCTL_LX_SEEK_INPUT input = {.Offset = offset, .Whence = whence};
	LONGLONG position = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &input, sizeof(input),
					  &position, sizeof(position));

	return NT_SUCCESS(status) ? position : lx_result(call, status);
}

static ULONG status_flags(HANDLE handle)
{
	ULONG flags = 0;
	IO_STATUS_BLOCK io;

	ZwQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	return flags;
}

static int64_t transfer_result(struct copy *copy, NTSTATUS status, const IO_STATUS_BLOCK *io)
{
	int64_t result;

	if (status == STATUS_SUCCESS)
		return (int64_t)io->Information;
	if (status == STATUS_END_OF_FILE)
		return 0;
	if (status == STATUS_USER_APC || status == STATUS_ALERTED)
		return -LX_ERESTARTSYS;
	result = lx_result(copy->call, status);
	return result ? result : (int64_t)io->Information;
}

static int64_t read_chunk(struct copy *copy, size_t size)
{
	LARGE_INTEGER offset = {.QuadPart = copy->source_offset + (int64_t)copy->done};
	struct io_buffer buffer;
	IO_STATUS_BLOCK io = {0};

	io_buffer_from_kernel(&buffer, copy->buffer, size);
	return transfer_result(
	    copy, ZwReadFile(copy->source, NULL, NULL, NULL, &io, &buffer, (ULONG)size, &offset, NULL), &io);
}

static int64_t write_chunk(struct copy *copy, size_t size)
{
	LARGE_INTEGER offset = {.QuadPart = copy->target_offset + (int64_t)copy->done};
	uint64_t position = copy->target_offset < 0 ? 0 : (uint64_t)offset.QuadPart;
	struct io_buffer buffer;
	IO_STATUS_BLOCK io = {0};
	int64_t allowed;

	if (copy->target_offset < 0 && lx_limit(copy->call->thread->process, LX_RLIMIT_FSIZE) != UINT64_MAX)
		position = (uint64_t)MAX_OF(seek(copy->call, copy->target, 0, LX_SEEK_CUR), (int64_t)0);
	allowed = lx_limit_write(copy->call, copy->target, position, size);
	if (allowed < 0)
		return allowed;
	io_buffer_from_kernel(&buffer, copy->buffer, (size_t)allowed);
	return transfer_result(copy,
			       ZwWriteFile(copy->target, NULL, NULL, NULL, &io, &buffer, (ULONG)allowed,
					   copy->target_offset < 0 ? NULL : &offset, NULL),
			       &io);
}

/* Bytes moved, or the error if there were none. */
static int64_t run(struct copy *copy)
{
	cleanup_free void *buffer = aligned_alloc(IO_BOUNCE_ALIGNMENT, CHUNK); /* either file may be open with O_DIRECT */
	int64_t result = 0;

	if (!buffer)
		return -LX_ENOMEM;
	copy->buffer = buffer;
	while (copy->done < copy->size) {
		int64_t got = read_chunk(copy, (size_t)MIN_OF(copy->size - copy->done, (uint64_t)CHUNK));

		/* A directory can be read as little as sent. */
		result = got > 0 ? write_chunk(copy, (size_t)got) : got == -LX_EISDIR ? -LX_EINVAL : got;
		if (result > 0)
			copy->done += (uint64_t)result;
		if (result <= 0 || result < got)
			break;
	}
	if (copy->done)
		return (int64_t)copy->done;
	if (result == -LX_EPIPE)
		lx_signal_self(copy->call, LX_SIGPIPE);
	return result;
}

/* Where to read: *offset if there is one, else the file's own position. */
static int64_t take_source_offset(struct lx_call *call, HANDLE source, struct lx_uptr address, int64_t *offset)
{
	int64_t position = seek(call, source, 0, LX_SEEK_CUR);

	if (lx_is_null(address)) {
		*offset = position;
		return position < 0 ? -LX_EINVAL : 0;
	}
	if (position < 0)
		return -LX_ESPIPE;
	return *offset < 0 ? -LX_EINVAL : 0;
}

/*
 * Into a pipe sendfile(2) is splice(2): a slot of the pipe for each page of the file, and no more than there is room for now.
 * STATUS_INVALID_DEVICE_REQUEST: the target is no pipe, or one of the host's, which takes what is written.
 */
static NTSTATUS send_to_pipe(struct copy *copy)
{
	FSCTL_LX_SPLICE_INPUT input = {.Operation = FSCTL_LX_SPLICE_FROM, .Other = copy->source,
				       .Offset = copy->source_offset, .Length = copy->size};
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status = ZwFsControlFile(copy->target, NULL, NULL, NULL, &io, FSCTL_LX_SPLICE, &input, sizeof(input), NULL, 0);

	copy->done = NT_SUCCESS(status) ? io.Information : 0;
	return status;
}

static int64_t send(struct copy *copy)
{
	NTSTATUS status = copy->size ? send_to_pipe(copy) : STATUS_INVALID_DEVICE_REQUEST;
	int64_t result;

	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return run(copy);
	if (status == STATUS_USER_APC || status == STATUS_ALERTED)
		return -LX_ERESTARTSYS;
	result = lx_result(copy->call, status);
	if (result == -LX_EPIPE)
		lx_signal_self(copy->call, LX_SIGPIPE);
	if (result < 0)
		return result == -LX_EISDIR ? -LX_EINVAL : result;
	return (int64_t)copy->done;
}

/* Can the file be read at a place? Those that can't say so to the emptiest read. */
static bool has_places(HANDLE source)
{
	LARGE_INTEGER start = {.QuadPart = 0};
	struct io_buffer nothing;
	IO_STATUS_BLOCK io;

	io_buffer_from_kernel(&nothing, NULL, 0);
	return ZwReadFile(source, NULL, NULL, NULL, &io, &nothing, 0, &start, NULL) != nt_status_from_errno(LX_ESPIPE);
}

static int64_t open_both(struct copy *copy, int32_t out_fd, int32_t in_fd, struct lx_uptr offset, uint64_t count)
{
	int64_t result = open_for(copy->call, in_fd, FILE_READ_DATA, &copy->source);

	if (result == 0 && !lx_is_null(offset) && !has_places(copy->source))
		result = -LX_ESPIPE;
	if (result == 0)
		result = take_source_offset(copy->call, copy->source, offset, &copy->source_offset);
	/* Who may write comes before what can't be sent at all. */
	if (result == -LX_EINVAL && lx_is_null(offset) &&
	    open_for(copy->call, out_fd, FILE_WRITE_DATA | FILE_APPEND_DATA, &copy->target) < 0)
		result = -LX_EBADF;
	/* A size is a signed one, and must not lead beyond the last offset. */
	if (result == 0 && ((int64_t)count < 0 || count > (uint64_t)(INT64_MAX - copy->source_offset)))
		result = -LX_EINVAL;
	if (result == 0)
		result = open_for(copy->call, out_fd, FILE_WRITE_DATA | FILE_APPEND_DATA, &copy->target);
	if (result == 0 && (!can_send(copy->call, in_fd, out_fd) || status_flags(copy->target) & LX_O_APPEND))
		result = -LX_EINVAL;
	return result;
}

/* Nothing goes from whatever can be read into whatever can be written, but for what appends; from a pipe into a pipe alone. */
static bool sends_nothing(struct copy *copy, int32_t out_fd, int32_t in_fd)
{
	struct lx_stream in, out;

	if (!copy->source || open_for(copy->call, out_fd, FILE_WRITE_DATA | FILE_APPEND_DATA, &copy->target) < 0 ||
	    lx_fd_object(copy->call, in_fd, &in) < 0 || lx_fd_object(copy->call, out_fd, &out) < 0)
		return false;
	if (io_splice_ends(out.file) & IO_SPLICE_PIPE)
		return true;
	return !(io_splice_ends(in.file) & IO_SPLICE_PIPE) && !(status_flags(copy->target) & LX_O_APPEND);
}

int64_t lx_sys_sendfile(struct lx_call *call, int32_t out_fd, int32_t in_fd, struct lx_uptr offset, uint64_t count)
{
	struct copy copy = {.call = call, .target_offset = -1, .size = MIN_OF(count, (uint64_t)MAXIMUM_TRANSFER)};
	int64_t result, end;

	if (!lx_is_null(offset) && lx_copy_in(call, &copy.source_offset, offset, sizeof(copy.source_offset)) < 0)
		return -LX_EFAULT;
	result = open_both(&copy, out_fd, in_fd, offset, count);
	if (result == -LX_EINVAL && !count && lx_is_null(offset) && sends_nothing(&copy, out_fd, in_fd))
		return 0;
	if (result == 0)
		result = send(&copy);
	end = copy.source_offset + (int64_t)copy.done;
	/* The offset is written back whatever came of it. */
	if (!lx_is_null(offset))
		return lx_copy_out(call, offset, &end, sizeof(end)) ?: result;
	if (copy.done)
		seek(call, copy.source, end, LX_SEEK_SET);
	return result;
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
	return lx_is_null(address) && (int64_t)size < 0 ? seek(call, file, 0, LX_SEEK_CUR) : offset;
}

static int64_t give_offset(struct lx_call *call, struct lx_uptr address, int64_t position, int64_t moved)
{
	int64_t end = position + moved;

	return lx_is_null(address) || moved <= 0 ? 0 : lx_copy_out(call, address, &end, sizeof(end));
}

/* For drivers that have no copying of their own: only within one, as Linux copies only within one kind of file system.
 */
static int64_t copy_through_buffer(struct lx_call *call, HANDLE source, HANDLE target, int64_t source_offset,
				   int64_t target_offset, uint64_t size)
{
	struct copy copy = {.call = call,
			    .source = source,
			    .target = target,
			    .source_offset = source_offset,
			    .target_offset = target_offset,
			    .size = size};
	int64_t result;

	if (source_offset < 0)
		copy.source_offset = seek(call, source, 0, LX_SEEK_CUR);
	if (copy.source_offset < 0)
		return -LX_EINVAL;
	result = run(&copy);
	if (source_offset < 0 && copy.done)
		seek(call, source, copy.source_offset + (int64_t)copy.done, LX_SEEK_SET);
	return result;
}

static bool same_device(HANDLE source, HANDLE target)
{
	cleanup_object struct io_file *first = NULL, *second = NULL;

	return NT_SUCCESS(io_reference_file(source, 0, &first)) && NT_SUCCESS(io_reference_file(target, 0, &second)) &&
	       first->device == second->device;
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

static int64_t copy_range(struct lx_call *call, HANDLE source, HANDLE target, int64_t source_offset,
			  int64_t target_offset, uint64_t size)
{
	FSCTL_LX_COPY_RANGE_INPUT input = {
	    .Source = source, .SourceOffset = source_offset, .TargetOffset = target_offset, .Length = size};
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status =
	    ZwFsControlFile(target, NULL, NULL, NULL, &io, FSCTL_LX_COPY_RANGE, &input, sizeof(input), NULL, 0);
	int64_t result;

	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return same_device(source, target)
			   ? copy_through_buffer(call, source, target, source_offset, target_offset, size)
			   : -LX_EXDEV;
	result = lx_result(call, status);
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
	if (result == 0)
		result = check_offset(start_of(call, source, off_in, source_offset, len), len);
	if (result == 0)
		result = check_offset(start_of(call, target, off_out, target_offset, len), len);
	if (result < 0)
		return result;
	len = MIN_OF(len, (uint64_t)MAXIMUM_TRANSFER);
	if (len && lx_limit(call->thread->process, LX_RLIMIT_FSIZE) != UINT64_MAX) {
		position = lx_is_null(off_out) ? MAX_OF(seek(call, target, 0, LX_SEEK_CUR), (int64_t)0) : target_offset;
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
