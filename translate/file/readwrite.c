/*
 * Moving bytes: the read and write family, and lseek.
 *
 * All of it ends in transfer(): segments of guest memory, a position or none,
 * RWF_ flags. A request is one NtReadFile or NtWriteFile; the driver copies
 * straight from or to the guest. The checks come in the Linux kernel's order:
 * descriptor, access mode, addresses, position, size.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_syscalls.h>
#include <signal/signal.h>

/* The most that one call moves. */
#define MAXIMUM_TRANSFER 0x7ffff000u
/* Addresses from here up are never a user's. */
#define USER_ADDRESS_LIMIT 0x7ffffffff000u
/* RWF_ flags that some kernel knows; the driver says which of them it does. */
#define VALID_RWF 0x1ffu
#define RWF_NOSIGNAL 0x100u /* no SIGPIPE */
enum { MAXIMUM_SEGMENTS = 1024 };

struct transfer {
	struct lx_call *call;
	struct lx_stream stream;
	bool writing;
	const struct io_segment *segments;
	uint32_t count;
	uint64_t size;      /* of all segments; at most MAXIMUM_TRANSFER */
	bool at_position;   /* else at the file's own */
	int64_t position;
	uint32_t flags;     /* RWF_* */
};

static bool is_user_range(uint64_t base, uint64_t size)
{
	return size <= USER_ADDRESS_LIMIT && base <= USER_ADDRESS_LIMIT - size;
}

static ACCESS_MASK access_for(bool writing)
{
	return writing ? FILE_WRITE_DATA | FILE_APPEND_DATA : FILE_READ_DATA;
}

static int64_t seek_file(struct lx_call *call, HANDLE handle, int64_t offset, uint32_t whence)
{
	FSCTL_LX_SEEK_INPUT seek = {.Offset = offset, .Whence = whence};
	LONGLONG position = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &seek, sizeof(seek), &position,
					  sizeof(position));

	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return -LX_ESPIPE;
	return NT_SUCCESS(status) ? position : lx_result(call, status);
}

/*
 * What comes of a transfer that is refused before it starts. At a position it is ESPIPE first, whatever else is wrong, where
 * the file has no positions: the kernel asks for that before it looks at the access mode.
 */
static int64_t refuse(const struct transfer *transfer, int64_t error)
{
	LARGE_INTEGER position = {.QuadPart = 0};
	bool writes = transfer->stream.access & FILE_WRITE_DATA;
	bool reads = transfer->stream.access & FILE_READ_DATA && !(transfer->writing && writes);
	ULONG vector = LX_RWF_HIPRI; /* as one of no length is not refused for that */
	struct io_buffer nothing;
	IO_STATUS_BLOCK io;

	io_buffer_from_kernel(&nothing, &position, 0);
	if (transfer->at_position &&
	    (reads ? ZwReadFile : ZwWriteFile)(transfer->stream.handle, NULL, NULL, NULL, &io, &nothing, 0, &position, NULL) ==
		    nt_status_from_errno(LX_ESPIPE))
		return -LX_ESPIPE;
	/* What can't be written at all says so before it looks at an address. */
	if (error != -LX_EBADF && transfer->writing && writes &&
	    ZwWriteFile(transfer->stream.handle, NULL, NULL, NULL, &io, &nothing, 0, NULL, &vector) == nt_status_from_errno(LX_EINVAL))
		return -LX_EINVAL;
	return error;
}

static bool appends(HANDLE handle)
{
	ULONG flags = 0;
	IO_STATUS_BLOCK io;

	return NT_SUCCESS(ZwQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation)) &&
	       (flags & LX_O_APPEND);
}

/* RLIMIT_FSIZE of a regular file: how much may be written, or -LX_EFBIG with SIGXFSZ sent. */
static int64_t limit_size(const struct transfer *transfer, uint64_t limit)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	int64_t position = transfer->position;

	if (!NT_SUCCESS(ZwQueryInformationFile(transfer->stream.handle, &io, &information, sizeof(information),
					       FileLxStatxInformation)) ||
	    (information.Mode & LX_S_IFMT) != LX_S_IFREG)
		return (int64_t)transfer->size;
	if ((transfer->flags & LX_RWF_APPEND) || appends(transfer->stream.handle))
		position = (int64_t)information.Size;
	else if (!transfer->at_position)
		position = seek_file(transfer->call, transfer->stream.handle, 0, LX_SEEK_CUR);
	if (position < 0)
		return position;
	if ((uint64_t)position >= limit) {
		lx_signal_self(transfer->call, LX_SIGXFSZ);
		return -LX_EFBIG;
	}
	return (int64_t)MIN_OF(transfer->size, limit - (uint64_t)position);
}

static int64_t check_limit(struct transfer *transfer)
{
	uint64_t limit;
	int64_t allowed;

	if (!transfer->writing || !transfer->size)
		return 0;
	limit = lx_limit(transfer->call->thread->process, LX_RLIMIT_FSIZE);
	if (likely(limit == UINT64_MAX))
		return 0;
	allowed = limit_size(transfer, limit);
	if (allowed < 0)
		return allowed;
	transfer->size = (uint64_t)allowed;
	return 0;
}

static int64_t transfer_result(const struct transfer *transfer, NTSTATUS status, const IO_STATUS_BLOCK *io)
{
	struct lx_call *call = transfer->call;
	int64_t result;

	if (status == STATUS_SUCCESS)
		return (int64_t)io->Information;
	if (status == STATUS_END_OF_FILE)
		return 0;
	/* A pipe's last reader went while part was written already. */
	if (status == STATUS_NOTIFY_CLEANUP && transfer->writing && !(transfer->flags & RWF_NOSIGNAL))
		lx_signal_self(call, LX_SIGPIPE);
	if (status == STATUS_USER_APC || status == STATUS_ALERTED)
		return -LX_ERESTARTSYS;
	/* A pipe without writers is read to its end; one without readers can't be written. */
	if (!transfer->writing && status == STATUS_PIPE_BROKEN)
		return 0;
	/* An object that can neither be read nor written says so as for a device request. */
	result = status == STATUS_INVALID_DEVICE_REQUEST ? -LX_EINVAL : lx_result(call, status);
	if (result == 0)
		return (int64_t)io->Information;
	if (result == -LX_EPIPE && transfer->writing && !(transfer->flags & RWF_NOSIGNAL))
		lx_signal_self(call, LX_SIGPIPE);
	return result;
}

/* Segments cut to `size` bytes in all. */
static uint32_t cut_segments(struct io_segment *cut, const struct io_segment *segments, uint32_t count, uint64_t size)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count && size; i++) {
		cut[used] = segments[i];
		cut[used].size = MIN_OF(cut[used].size, size);
		size -= cut[used++].size;
	}
	return used;
}

static int64_t request(struct transfer *transfer, const struct io_segment *segments, uint32_t count)
{
	LARGE_INTEGER position = {.QuadPart = transfer->position};
	PLARGE_INTEGER offset = transfer->at_position ? &position : NULL;
	ULONG key = transfer->flags & ~RWF_NOSIGNAL;
	PULONG flags = key ? &key : NULL;
	struct io_buffer buffer;
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status;

	if (transfer->writing && (key & LX_RWF_APPEND))
		position = (LARGE_INTEGER){.LowPart = FILE_WRITE_TO_END_OF_FILE, .HighPart = -1};
	if (count == 1)
		io_buffer_from_user_single(&buffer, transfer->call->thread->ps->process->space, segments->base,
					   segments->size);
	else
		io_buffer_from_user(&buffer, transfer->call->thread->ps->process->space, segments, count);
	status = (transfer->writing ? ZwWriteFile : ZwReadFile)(transfer->stream.handle, NULL, NULL, NULL, &io, &buffer,
								(ULONG)transfer->size, offset, flags);
	return transfer_result(transfer, status, &io);
}

static int64_t run(struct transfer *transfer)
{
	uint64_t wanted = transfer->size;
	int64_t result = check_limit(transfer);

	if (result < 0)
		return refuse(transfer, result);
	if (transfer->size < wanted) {
		struct io_segment cut[MAXIMUM_SEGMENTS];

		return request(transfer, cut, cut_segments(cut, transfer->segments, transfer->count, transfer->size));
	}
	result = request(transfer, transfer->segments, transfer->count);
	return unlikely(result == -LX_EINVAL) ? refuse(transfer, result) : result;
}

/* One buffer. */
static int64_t transfer_buffer(struct lx_call *call, int32_t fd, struct lx_uptr buffer, uint64_t count, bool writing,
			       const int64_t *position)
{
	struct io_segment segment = {buffer.address, MIN_OF(count, (uint64_t)MAXIMUM_TRANSFER)};
	struct transfer transfer = {
		.call = call,
		.writing = writing,
		.segments = &segment,
		.count = 1,
		.size = segment.size,
		.at_position = position != NULL,
		.position = position ? *position : 0,
	};
	int64_t result = lx_fd_stream(call, fd, 0, &transfer.stream);

	if (result < 0)
		return result;
	if (!(transfer.stream.access & access_for(writing)))
		return refuse(&transfer, -LX_EBADF);
	if (!is_user_range(buffer.address, count))
		return refuse(&transfer, -LX_EFAULT);
	return run(&transfer);
}

int64_t lx_sys_read(struct lx_call *call, int32_t fd, struct lx_uptr buf, uint64_t count)
{
	return transfer_buffer(call, fd, buf, count, false, NULL);
}

int64_t lx_sys_write(struct lx_call *call, int32_t fd, struct lx_uptr buf, uint64_t count)
{
	return transfer_buffer(call, fd, buf, count, true, NULL);
}

int64_t lx_sys_pread64(struct lx_call *call, int32_t fd, struct lx_uptr buf, uint64_t count, int64_t offset)
{
	return offset < 0 ? -LX_EINVAL : transfer_buffer(call, fd, buf, count, false, &offset);
}

int64_t lx_sys_pwrite64(struct lx_call *call, int32_t fd, struct lx_uptr buf, uint64_t count, int64_t offset)
{
	return offset < 0 ? -LX_EINVAL : transfer_buffer(call, fd, buf, count, true, &offset);
}

/*
 * Check and cut what was copied in: the total, -LX_EINVAL for a length beyond SSIZE_MAX, -LX_EFAULT for an address no
 * user can have.
 */
static int64_t check_segments(struct io_segment *segments, uint64_t count)
{
	uint64_t total = 0;

	for (uint64_t i = 0; i < count; i++)
		if ((int64_t)segments[i].size < 0)
			return -LX_EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		if (!is_user_range(segments[i].base, segments[i].size))
			return -LX_EFAULT;
		segments[i].size = MIN_OF(segments[i].size, MAXIMUM_TRANSFER - total);
		total += segments[i].size;
	}
	return (int64_t)total;
}

/* The count is an unsigned int, whatever its register holds. */
static int64_t transfer_vector(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint32_t count, bool writing,
			       const int64_t *position, uint32_t flags)
{
	struct io_segment segments[MAXIMUM_SEGMENTS];
	struct transfer transfer = {
		.call = call,
		.writing = writing,
		.segments = segments,
		.count = (uint32_t)count,
		.at_position = position != NULL,
		.position = position ? *position : 0,
		.flags = flags,
	};
	int64_t result = lx_fd_stream(call, fd, 0, &transfer.stream);

	if (result < 0)
		return result;
	if (!(transfer.stream.access & access_for(writing)))
		return refuse(&transfer, -LX_EBADF);
	if (count > MAXIMUM_SEGMENTS)
		return refuse(&transfer, -LX_EINVAL);
	if (lx_copy_in_segments(call, segments, iov, count) < 0)
		return refuse(&transfer, -LX_EFAULT);
	result = check_segments(segments, count);
	if (result <= 0)
		return refuse(&transfer, result);
	transfer.size = (uint64_t)result;
	if (flags & ~(uint32_t)VALID_RWF)
		return refuse(&transfer, -LX_EOPNOTSUPP);
	result = run(&transfer);
	/* A directory takes no flags, which comes first. */
	return result == -LX_EISDIR && flags & ~(uint32_t)LX_RWF_HIPRI ? -LX_EOPNOTSUPP : result;
}

int64_t lx_sys_readv(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt)
{
	return transfer_vector(call, fd, iov, iovcnt, false, NULL, 0);
}

int64_t lx_sys_writev(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt)
{
	return transfer_vector(call, fd, iov, iovcnt, true, NULL, 0);
}

int64_t lx_sys_preadv(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt, int64_t pos_l, uint64_t pos_h)
{
	return pos_l < 0 ? -LX_EINVAL : transfer_vector(call, fd, iov, iovcnt, false, &pos_l, 0);
}

int64_t lx_sys_pwritev(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt, int64_t pos_l, uint64_t pos_h)
{
	return pos_l < 0 ? -LX_EINVAL : transfer_vector(call, fd, iov, iovcnt, true, &pos_l, 0);
}

int64_t lx_sys_preadv2(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt, int64_t pos_l,
		       uint64_t pos_h, uint32_t flags)
{
	if (pos_l < -1)
		return -LX_EINVAL;
	return transfer_vector(call, fd, iov, iovcnt, false, pos_l == -1 ? NULL : &pos_l, flags);
}

int64_t lx_sys_pwritev2(struct lx_call *call, int32_t fd, struct lx_uptr iov, uint64_t iovcnt, int64_t pos_l,
			uint64_t pos_h, uint32_t flags)
{
	if (pos_l < -1)
		return -LX_EINVAL;
	return transfer_vector(call, fd, iov, iovcnt, true, pos_l == -1 ? NULL : &pos_l, flags);
}

int64_t lx_sys_lseek(struct lx_call *call, int32_t fd, int64_t offset, int32_t whence)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	if ((uint32_t)whence > LX_SEEK_HOLE)
		return -LX_EINVAL;
	return seek_file(call, handle, offset, (uint32_t)whence);
}
