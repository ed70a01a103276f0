/*
 * Moving data from file to file: splice(2), tee(2), vmsplice(2), sendfile(2). One control code does it, FSCTL_LX_SPLICE: to
 * or from a pipe it is the pipe's driver's, else the I/O manager's. Here are the checks and where offsets come from.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <file/position.h>
#include <file/truncate.h>
#include <lx_syscalls.h>
#include <signal/signal.h>

#define SPLICE_FLAGS (LX_SPLICE_F_MOVE | LX_SPLICE_F_NONBLOCK | LX_SPLICE_F_MORE | LX_SPLICE_F_GIFT)
#define MAXIMUM_TRANSFER 0x7ffff000u
#define MAXIMUM_SEGMENTS 1024u

struct end {
	struct lx_stream stream;
	ULONG kinds; /* IO_SPLICE_* */
	bool is_pipe;
	bool append;
	struct lx_uptr place; /* of the offset; null: the file position */
	LONGLONG offset;
};

static int64_t look_at_end(struct lx_call *call, int32_t fd, ACCESS_MASK access, struct end *end)
{
	IO_STATUS_BLOCK block = {0};
	ULONG flags = 0;
	int64_t result = lx_fd_stream(call, fd, access, &end->stream);

	if (result < 0)
		return result;
	end->kinds = io_splice_ends(end->stream.file);
	end->is_pipe = end->kinds & IO_SPLICE_PIPE;
	if (NT_SUCCESS(ZwQueryInformationFile(end->stream.handle, &block, &flags, sizeof flags, FileLxStatusFlagsInformation)))
		end->append = flags & LX_O_APPEND;
	return 0;
}

/* Offsets: none for a pipe, not negative for a file. */
static int64_t take_offset(struct lx_call *call, struct end *end)
{
	end->offset = -1;
	if (lx_is_null(end->place))
		return 0;
	if (end->is_pipe)
		return -LX_ESPIPE;
	if (lx_copy_in(call, &end->offset, end->place, sizeof end->offset))
		return -LX_EFAULT;
	return end->offset < 0 ? -LX_EINVAL : 0;
}

/* A pipe has no offsets; then what the addresses hold; then who may read and write; then what the offsets are. */
static int64_t check_offsets(struct lx_call *call, struct end *in, struct end *out)
{
	int64_t first, second;

	if ((in->is_pipe && !lx_is_null(in->place)) || (out->is_pipe && !lx_is_null(out->place)))
		return -LX_ESPIPE;
	first = take_offset(call, out);
	second = take_offset(call, in);
	if (first == -LX_EFAULT || second == -LX_EFAULT)
		return -LX_EFAULT;
	if (!(in->stream.access & FILE_READ_DATA) || !(out->stream.access & FILE_WRITE_DATA))
		return -LX_EBADF;
	return MIN_OF(first, second);
}

static int64_t give_offset(struct lx_call *call, struct end *end, int64_t moved)
{
	if (moved < 0 || end->offset < 0)
		return moved;
	end->offset += moved;
	return lx_copy_out(call, end->place, &end->offset, sizeof end->offset) ? -LX_EFAULT : moved;
}

static int64_t run(struct lx_call *call, HANDLE pipe, FSCTL_LX_SPLICE_INPUT *input)
{
	IO_STATUS_BLOCK block = {0};
	NTSTATUS status = ZwFsControlFile(pipe, NULL, NULL, NULL, &block, FSCTL_LX_SPLICE, input, sizeof *input, NULL, 0);
	int64_t result;

	if (status == STATUS_USER_APC)
		return -LX_ERESTARTSYS;
	result = lx_result(call, status);
	if (result == -LX_EPIPE)
		lx_signal_self(call, LX_SIGPIPE);
	return result < 0 ? result : (int64_t)block.Information;
}

/* -LX_EPIPE of a pipe without readers; else 0. */
static int64_t find_room(struct lx_call *call, const struct end *out)
{
	FSCTL_LX_SPLICE_INPUT input = {.Operation = FSCTL_LX_SPLICE_BUFFER, .Flags = LX_SPLICE_F_NONBLOCK, .Offset = -1};
	struct io_buffer nothing;

	io_buffer_from_kernel(&nothing, NULL, 0);
	input.Buffer = &nothing;
	return run(call, out->stream.handle, &input) == -LX_EPIPE ? -LX_EPIPE : 0;
}

/* RLIMIT_FSIZE of the file that is spliced to. */
static int64_t limit_target(struct lx_call *call, const struct end *out, ULONGLONG *length)
{
	int64_t position = out->offset, allowed;

	if (likely(lx_limit(call->thread->process, LX_RLIMIT_FSIZE) == UINT64_MAX))
		return 0;
	if (position < 0)
		position = lx_file_position(call, out->stream.handle);
	if (position < 0)
		return 0;
	allowed = lx_limit_write(call, out->stream.handle, (uint64_t)position, *length);
	if (allowed > 0)
		*length = (ULONGLONG)allowed;
	return MIN_OF(allowed, (int64_t)0);
}

int64_t lx_sys_splice(struct lx_call *call, int32_t fd_in, struct lx_uptr off_in, int32_t fd_out,
		      struct lx_uptr off_out, uint64_t len, uint32_t flags)
{
	struct end in = {.place = off_in}, out = {.place = off_out};
	FSCTL_LX_SPLICE_INPUT input = {.Flags = flags, .Length = MIN_OF(len, (uint64_t)MAXIMUM_TRANSFER)};
	int64_t result;

	if (len == 0)
		return 0;
	if (flags & ~(uint32_t)SPLICE_FLAGS)
		return -LX_EINVAL;
	result = look_at_end(call, fd_in, 0, &in);
	if (result == 0)
		result = look_at_end(call, fd_out, 0, &out);
	if (result == 0)
		result = check_offsets(call, &in, &out);
	if (result < 0)
		return result;
	/* Room in the pipe is waited for before the file is asked, and a pipe that nobody reads has none. */
	if (!in.is_pipe && out.is_pipe && !(in.kinds & IO_SPLICE_SOURCE) && (result = find_room(call, &out)) < 0)
		return result;
	if ((!in.is_pipe && !out.is_pipe) || (!out.is_pipe && out.append) || !(in.kinds & IO_SPLICE_SOURCE) ||
	    !(out.kinds & IO_SPLICE_TARGET))
		return -LX_EINVAL;
	if (!(in.is_pipe && out.is_pipe) && (int64_t)len < 0)
		return -LX_EINVAL;
	if (!out.is_pipe && (result = limit_target(call, &out, &input.Length)) < 0)
		return result;
	input.Operation = in.is_pipe ? FSCTL_LX_SPLICE_TO : FSCTL_LX_SPLICE_FROM;
	input.Other = in.is_pipe ? out.stream.handle : in.stream.handle;
	input.Offset = in.is_pipe ? out.offset : in.offset;
	result = run(call, in.is_pipe ? in.stream.handle : out.stream.handle, &input);
	/* A directory has nothing to splice from, which Linux says otherwise than of reading one. */
	if (result == -LX_EISDIR)
		return -LX_EINVAL;
	return give_offset(call, in.is_pipe ? &out : &in, result);
}

int64_t lx_sys_tee(struct lx_call *call, int32_t fd_in, int32_t fd_out, uint64_t len, uint32_t flags)
{
	struct end in = {0}, out = {0};
	FSCTL_LX_SPLICE_INPUT input = {.Operation = FSCTL_LX_SPLICE_TEE, .Flags = flags, .Offset = -1};
	int64_t result;

	if (flags & ~(uint32_t)SPLICE_FLAGS)
		return -LX_EINVAL;
	if (len == 0)
		return 0;
	result = look_at_end(call, fd_in, FILE_READ_DATA, &in);
	if (result == 0)
		result = look_at_end(call, fd_out, FILE_WRITE_DATA, &out);
	if (result < 0)
		return result;
	if (!in.is_pipe || !out.is_pipe)
		return -LX_EINVAL;
	input.Other = out.stream.handle;
	input.Length = MIN_OF(len, (uint64_t)MAXIMUM_TRANSFER);
	return run(call, in.stream.handle, &input);
}

/* The segments of an iovec; the total is cut to what one call may move. */
static int64_t take_segments(struct lx_call *call, struct lx_uptr iov, uint64_t count, struct io_segment *segments)
{
	uint64_t total = 0;

	if (count > MAXIMUM_SEGMENTS)
		return -LX_EINVAL;
	if (lx_copy_in_segments(call, segments, iov, count))
		return -LX_EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		if ((int64_t)segments[i].size < 0)
			return -LX_EINVAL;
		segments[i].size = MIN_OF(segments[i].size, MAXIMUM_TRANSFER - total);
		total += segments[i].size;
	}
	return (int64_t)total;
}

int64_t lx_sys_vmsplice(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t nr_segs, uint32_t flags)
{
	FSCTL_LX_SPLICE_INPUT input = {.Operation = FSCTL_LX_SPLICE_BUFFER, .Flags = flags, .Offset = -1};
	cleanup_free struct io_segment *segments = NULL;
	struct io_buffer buffer;
	struct end end = {0};
	int64_t result;

	nr_segs = (uint32_t)nr_segs; /* as the kernel counts them */
	if (flags & ~(uint32_t)SPLICE_FLAGS)
		return -LX_EINVAL;
	result = look_at_end(call, fd, FILE_READ_DATA | FILE_WRITE_DATA, &end);
	if (result < 0)
		return result;
	segments = calloc(MIN_OF(nr_segs, (uint64_t)MAXIMUM_SEGMENTS) + 1, sizeof *segments);
	if (!segments)
		return -LX_ENOMEM;
	result = take_segments(call, iov, nr_segs, segments);
	if (result <= 0)
		return result;
	if (!end.is_pipe)
		return -LX_EBADF;
	io_buffer_from_user(&buffer, call->thread->ps->process->space, segments, (uint32_t)nr_segs);
	input.Buffer = &buffer;
	input.Length = (uint64_t)result;
	return run(call, end.stream.handle, &input);
}

/* What a read of `size` bytes at the start of the file, or at `offset`, says. */
static NTSTATUS probe(const struct end *end, int64_t offset, size_t size)
{
	LARGE_INTEGER place = {.QuadPart = offset};
	char byte;
	struct io_buffer buffer;
	IO_STATUS_BLOCK block;

	io_buffer_from_kernel(&buffer, &byte, size);
	return ZwReadFile(end->stream.handle, NULL, NULL, NULL, &block, &buffer, (ULONG)size, &place, NULL);
}

/* sendfile(2) begins at the offset that it is given, or at the position, or, of what has none, wherever a read does (-1). */
static int64_t find_start(struct lx_call *call, struct end *in, uint64_t count)
{
	int64_t position = lx_file_position(call, in->stream.handle);

	if (lx_is_null(in->place))
		in->offset = MAX_OF(position, (int64_t)-1);
	else if (position < 0 || probe(in, 0, 0) == nt_status_from_errno(LX_ESPIPE))
		return -LX_ESPIPE;
	else if (in->offset < 0)
		return -LX_EINVAL;
	/* A size is a signed one, and must not lead beyond the last offset. */
	return (int64_t)count < 0 || count > (uint64_t)(INT64_MAX - MAX_OF(in->offset, (LONGLONG)0)) ? -LX_EINVAL : 0;
}

/*
 * Room in a pipe is waited for before the file is asked, and a pipe that nobody reads has none; else what is read must have
 * places. Nothing goes from whatever can be read into whatever can be written.
 */
static int64_t check_sending(struct lx_call *call, const struct end *in, const struct end *out, uint64_t count)
{
	if (out->is_pipe && find_room(call, out) < 0)
		return -LX_EPIPE;
	if (!out->is_pipe && (out->append || in->is_pipe))
		return -LX_EINVAL;
	if (!count)
		return 0;
	if (!(in->kinds & IO_SPLICE_SOURCE) || !(out->kinds & IO_SPLICE_TARGET) || in->is_pipe)
		return -LX_EINVAL;
	return !out->is_pipe && in->offset < 0 ? -LX_EINVAL : 0;
}

static int64_t send(struct lx_call *call, const struct end *in, const struct end *out, uint64_t count)
{
	FSCTL_LX_SPLICE_INPUT input = {.Operation = FSCTL_LX_SPLICE_FROM, .Other = in->stream.handle, .Offset = in->offset,
				       .Length = MIN_OF(count, (uint64_t)MAXIMUM_TRANSFER)};
	int64_t result = check_sending(call, in, out, count);

	if (result < 0 || !count)
		return result;
	/* A limit that is reached matters to who has something to write. */
	if (!out->is_pipe && lx_limit(call->thread->process, LX_RLIMIT_FSIZE) != UINT64_MAX &&
	    probe(in, in->offset, 1) == STATUS_SUCCESS)
		result = limit_target(call, out, &input.Length);
	if (result == 0)
		result = run(call, out->stream.handle, &input);
	/* A directory can be read as little as sent. */
	return result == -LX_EISDIR ? -LX_EINVAL : result;
}

static void move_position(const struct end *end, int64_t position)
{
	FSCTL_LX_SEEK_INPUT input = {.Offset = position, .Whence = LX_SEEK_SET};
	LONGLONG now;
	IO_STATUS_BLOCK block;

	ZwFsControlFile(end->stream.handle, NULL, NULL, NULL, &block, FSCTL_LX_SEEK, &input, sizeof input, &now, sizeof now);
}

int64_t lx_sys_sendfile(struct lx_call *call, int32_t out_fd, int32_t in_fd, struct lx_uptr offset, uint64_t count)
{
	struct end in = {.place = offset}, out = {.offset = -1};
	int64_t result;

	if (!lx_is_null(offset) && lx_copy_in(call, &in.offset, offset, sizeof in.offset))
		return -LX_EFAULT;
	result = look_at_end(call, in_fd, FILE_READ_DATA, &in);
	if (result == 0)
		result = find_start(call, &in, count);
	if (result == 0)
		result = look_at_end(call, out_fd, FILE_WRITE_DATA | FILE_APPEND_DATA, &out);
	if (result == 0)
		result = send(call, &in, &out, count);
	if (in.offset >= 0)
		in.offset += MAX_OF(result, (int64_t)0);
	/* The offset is written back whatever came of it. */
	if (!lx_is_null(offset))
		return lx_copy_out(call, offset, &in.offset, sizeof in.offset) ? -LX_EFAULT : result;
	if (result > 0 && in.offset >= 0)
		move_position(&in, in.offset);
	return result;
}
