/*
 * Reading and writing a host description.
 *
 * Bytes of a guest pass through the thread's bounce buffer. At the current
 * position the host's own offset moves, so a transfer that the guest's memory
 * cuts short puts the offset back; a turn makes that and transfers of
 * more than one chunk one step for the other users of the file object. What may
 * sleep (FIFOs, sockets, devices) is one alertable host call at a time, with no
 * lock held.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <poll.h>
#include <sys/uio.h>

/* Fits the second-level cache together with the guest's side. */
#define FILE_CHUNK 0x40000u
#define STREAM_CHUNK IO_BOUNCE_MAXIMUM
/* Linux transfers at most this much in one call. */
#define TRANSFER_MAXIMUM 0x7ffff000u

struct transfer {
	struct io_file *file;
	const struct io_buffer *buffer;
	bool write;
	bool stream;
	LONGLONG offset; /* -1: at the current position */
	ULONG flags;	 /* RWF_* */
	size_t size, done;
	size_t shift; /* of the data in the bounce buffer */
};

/* One host transfer of supervisor memory: bytes, or -errno. Never sleeps alertably. */
static long plain_transfer(const struct transfer *transfer, void *data, size_t size, ULONG more_flags)
{
	struct iovec vector = {data, size};
	LONGLONG offset = transfer->offset < 0 ? -1 : transfer->offset + (LONGLONG)transfer->done;
	int fd = hostfs_file(transfer->file)->fd;
	ULONG flags = transfer->flags | more_flags;
	long result;

	if (flags)
		result = transfer->write ? pwritev2(fd, &vector, 1, offset, (int)flags)
					 : preadv2(fd, &vector, 1, offset, (int)flags);
	else if (offset >= 0)
		result = transfer->write ? pwrite(fd, data, size, offset) : pread(fd, data, size, offset);
	else
		result = transfer->write ? write(fd, data, size) : read(fd, data, size);
	return result < 0 ? -errno : result;
}

/* What can be had without sleeping, whatever the status flags say: bytes, or -errno. */
static long ready_transfer(const struct transfer *transfer, void *data, size_t size)
{
	int fd = hostfs_file(transfer->file)->fd, again;
	long result = plain_transfer(transfer, data, size, RWF_NOWAIT);
	char path[HOSTFS_PROC_PATH_SIZE];

	if (result != -EOPNOTSUPP)
		return result;
	/* A FIFO with a name does not know RWF_NOWAIT; another description of it does not sleep, and has the same
	 * bytes. */
	hostfs_proc_path(fd, path);
	if (fcntl(fd, F_GETPIPE_SZ) < 0)
		return result;
	again = open(path, (transfer->write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	if (again < 0)
		return result;
	result = transfer->write ? write(again, data, size) : read(again, data, size);
	if (result < 0)
		result = -errno;
	close(again);
	return result;
}

/* By the oldest call that does it: a host may lack newer ones, or refuse them. */
static long call_host(const struct transfer *transfer, void *data, size_t size, NTSTATUS *status)
{
	struct iovec vector = {data, size};
	LONGLONG offset = transfer->offset < 0 ? -1 : transfer->offset + (LONGLONG)transfer->done;
	uint64_t fd = (uint64_t)hostfs_file(transfer->file)->fd;
	const uint64_t flagged[6] = {fd, (uintptr_t)&vector, 1, (uint64_t)offset, 0, transfer->flags};
	const uint64_t plain[6] = {fd, (uintptr_t)data, size, (uint64_t)offset};

	if (transfer->flags)
		return ke_host_call(status, NULL, 0, transfer->write ? SYS_pwritev2 : SYS_preadv2, flagged);
	if (offset < 0)
		return ke_host_call(status, NULL, 0, transfer->write ? SYS_write : SYS_read, plain);
	return ke_host_call(status, NULL, 0, transfer->write ? SYS_pwrite64 : SYS_pread64, plain);
}

/* The same where it may sleep. An interruption that had no need to sleep is none: what is ready is transferred. */
static long alertable_transfer(const struct transfer *transfer, void *data, size_t size, NTSTATUS *status)
{
	long result;

	*status = STATUS_SUCCESS;
	/* Nothing at all is not waited for, and some files say that it is too little, but not of a vector. */
	if (!ke_current_thread() || (!size && !transfer->flags))
		return plain_transfer(transfer, data, size, 0);
	result = call_host(transfer, data, size, status);
	if (likely(result != -EINTR || *status == STATUS_SUCCESS))
		return result;
	result = ready_transfer(transfer, data, size);
	if (result == -EOPNOTSUPP ||
	    (result == -EAGAIN && !(fcntl(hostfs_file(transfer->file)->fd, F_GETFL) & O_NONBLOCK)))
		return -EINTR;
	*status = STATUS_SUCCESS;
	return result;
}

static long one_transfer(const struct transfer *transfer, void *data, size_t size, NTSTATUS *status)
{
	*status = STATUS_SUCCESS;
	if (transfer->stream)
		return alertable_transfer(transfer, data, size, status);
	return plain_transfer(transfer, data, size, 0);
}

/* After a full chunk of a stream: go on only with what is there already, as one call of the guest's would. */
static bool more_is_ready(const struct transfer *transfer)
{
	struct pollfd poll_fd = {hostfs_file(transfer->file)->fd, POLLIN, 0};

	return !transfer->stream || transfer->write || (poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN));
}

/* The guest took fewer bytes than the host gave: the rest stays unread, where the host can take it back. */
static void give_back(const struct transfer *transfer, long excess)
{
	if (transfer->offset < 0 && !transfer->stream && ke_has_turn(&hostfs_file(transfer->file)->position_turn))
		lseek(hostfs_file(transfer->file)->fd, -excess, SEEK_CUR);
}

/*
 * How far behind a page's begin the data lies, or the worst of its segments:
 * put there in the bounce buffer, the host accepts and refuses it for O_DIRECT
 * as it would the guest's own memory.
 */
static size_t guest_alignment(const struct io_buffer *buffer)
{
	uint64_t bits = buffer->segments[0].base;

	for (uint32_t i = 1; i < buffer->count; i++)
		if (buffer->segments[i].base != buffer->segments[i - 1].base + buffer->segments[i - 1].size)
			bits |= buffer->segments[i].base | buffer->segments[i - 1].size;
	return bits % IO_BOUNCE_ALIGNMENT;
}

/* One chunk. Returns bytes moved, 0 at the end, -errno. *last: the transfer ends here. */
static long transfer_chunk(struct transfer *transfer, size_t chunk, bool *last, NTSTATUS *status)
{
	size_t contiguous, copied;
	void *data = io_buffer_direct(transfer->buffer, transfer->done, &contiguous);
	bool direct = data && contiguous >= MIN_OF(chunk, transfer->size - transfer->done);
	long result;

	if (!direct) {
		data = io_bounce(MAX_OF(chunk + transfer->shift, (size_t)1));
		data = data ? (char *)data + transfer->shift : NULL;
	}
	*status = STATUS_SUCCESS;
	if (!data)
		return -ENOMEM;
	if (transfer->write && !direct) {
		copied = io_buffer_get(transfer->buffer, transfer->done, data, chunk);
		*last = copied < chunk;
		if (copied == 0 && chunk)
			return -EFAULT;
		chunk = copied;
	}
	result = one_transfer(transfer, data, chunk, status);
	if (result < (long)chunk)
		*last = true;
	if (result <= 0 || transfer->write || direct)
		return result;
	copied = io_buffer_put(transfer->buffer, transfer->done, data, (size_t)result);
	if (copied == (size_t)result)
		return result;
	give_back(transfer, result - (long)copied);
	*last = true;
	return copied ? (long)copied : -EFAULT;
}

static NTSTATUS run_transfer(struct transfer *transfer, ULONG_PTR *information)
{
	size_t limit = transfer->stream ? STREAM_CHUNK : FILE_CHUNK;
	NTSTATUS status = STATUS_SUCCESS;
	bool last = false;
	long result;

	do {
		result = transfer_chunk(transfer, MIN_OF(transfer->size - transfer->done, limit), &last, &status);
		if (result > 0)
			transfer->done += (size_t)result;
	} while (result > 0 && !last && transfer->done < transfer->size && more_is_ready(transfer));
	*information = transfer->done;
	/* What has been moved counts; the reason for stopping shows at the next call. */
	if (transfer->done || result >= 0)
		return STATUS_SUCCESS;
	return status != STATUS_SUCCESS ? status : nt_status_from_errno((int)-result);
}

static NTSTATUS start_transfer(struct transfer *transfer, ULONG_PTR *information)
{
	struct io_file *file = transfer->file;
	bool locked = transfer->offset < 0 && !transfer->stream;
	NTSTATUS status;

	transfer->size = MIN_OF(io_buffer_size(transfer->buffer), (size_t)TRANSFER_MAXIMUM);
	transfer->shift = transfer->stream || !transfer->buffer->count ? 0 : guest_alignment(transfer->buffer);
	if (locked && !ke_begin_turn(&hostfs_file(file)->position_turn))
		return STATUS_USER_APC;
	status = run_transfer(transfer, information);
	if (locked)
		ke_end_turn(&hostfs_file(file)->position_turn);
	return status;
}

NTSTATUS hostfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		     ULONG_PTR *information)
{
	struct transfer transfer = {
	    .file = file,
	    .buffer = buffer,
	    .stream = hostfs_kind(file) == HOSTFS_STREAM,
	    .offset = position ? position->QuadPart : -1,
	    .flags = flags,
	};
	NTSTATUS status = start_transfer(&transfer, information);

	if (transfer.stream)
		fsrtl_async_settle();
	/* NT says so; a stream's end and an empty buffer are plain successes without bytes. */
	if (status == STATUS_SUCCESS && !*information && transfer.size && !transfer.stream)
		return STATUS_END_OF_FILE;
	return status;
}

NTSTATUS hostfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		      ULONG_PTR *information)
{
	struct transfer transfer = {
	    .file = file,
	    .buffer = buffer,
	    .write = true,
	    .stream = hostfs_kind(file) == HOSTFS_STREAM,
	    .offset = position ? position->QuadPart : -1,
	    .flags = flags,
	};
	NTSTATUS status;

	/* FILE_WRITE_TO_END_OF_FILE: append, and leave the position alone. */
	if (position && position->QuadPart < 0) {
		transfer.offset = 0;
		transfer.flags |= RWF_APPEND;
	}
	status = start_transfer(&transfer, information);
	if (transfer.stream)
		fsrtl_async_settle();
	return status;
}
