/*
 * Splicing by way of a pipe of the host's: FIFOs with a name, and pipes that lxrun
 * was started with. Between two of the host's files the host does it. To and from
 * others the bytes go through memory: what is taken from the pipe is looked at
 * first, by tee(2), and consumed when it has been written, so that nothing is lost
 * when that fails. No lock is held anywhere.
 */
#include <drivers/hostfs/internal.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define CHUNK 65536u

struct splice {
	struct io_file *file, *other;
	const FSCTL_LX_SPLICE_INPUT *input;
	bool no_wait;
};

ULONG hostfs_splice_ends(struct io_file *file)
{
	const ULONG both = IO_SPLICE_SOURCE | IO_SPLICE_TARGET;
	struct stat status;

	if (hostfs_file(file)->path_only || hostfs_kind(file) == HOSTFS_DIRECTORY)
		return 0;
	if (hostfs_kind(file) != HOSTFS_STREAM)
		return both;
	/* eventfd and timerfd have no kind, and none of the operations. */
	if (fstat(hostfs_file(file)->fd, &status) < 0 || !(status.st_mode & S_IFMT))
		return 0;
	return S_ISFIFO(status.st_mode) ? both | IO_SPLICE_PIPE : both;
}

static NTSTATUS host_status(long result, NTSTATUS status, ULONG_PTR *information)
{
	if (result == -EINTR && status != STATUS_SUCCESS)
		return status;
	if (result < 0)
		return result == -EPIPE ? STATUS_PIPE_DISCONNECTED : nt_status_from_errno((int)-result);
	*information = (ULONG_PTR)result;
	return STATUS_SUCCESS;
}

/* Both are the host's. */
static NTSTATUS splice_on_host(const struct splice *splice, int other, ULONG_PTR *information)
{
	const FSCTL_LX_SPLICE_INPUT *input = splice->input;
	bool from = input->Operation == FSCTL_LX_SPLICE_FROM;
	uint64_t own = (uint64_t)hostfs_file(splice->file)->fd, source = from ? (uint64_t)other : own;
	uint64_t target = from ? own : (uint64_t)other, length = input->Length;
	LONGLONG offset = input->Offset;
	uintptr_t place = offset < 0 ? 0 : (uintptr_t)&offset;
	const uint64_t tee_arguments[6] = {source, target, length, input->Flags};
	const uint64_t arguments[6] = {source, from ? place : 0, target, from ? 0 : place, length, input->Flags};
	bool tee = input->Operation == FSCTL_LX_SPLICE_TEE;
	NTSTATUS status = STATUS_SUCCESS;
	long result = ke_host_call(&status, NULL, 0, tee ? SYS_tee : SYS_splice, tee ? tee_arguments : arguments);

	return host_status(result, status, information);
}

/* Until the pipe is ready in the wanted direction, or has lost its other side. */
static NTSTATUS wait_for_pipe(const struct splice *splice, short events)
{
	struct pollfd entry = {hostfs_file(splice->file)->fd, events, 0};
	const uint64_t arguments[6] = {(uintptr_t)&entry, 1};
	NTSTATUS status = STATUS_SUCCESS;
	long result = poll(&entry, 1, 0);

	if (result == 0 && splice->no_wait)
		return nt_status_from_errno(EAGAIN);
	if (result == 0)
		result = ke_host_call(&status, NULL, 0, SYS_ppoll, arguments);
	if (result == -EINTR && status != STATUS_SUCCESS)
		return status;
	return result < 0 ? nt_status_from_errno(EINTR) : STATUS_SUCCESS;
}

static size_t bytes_in(int fd)
{
	int count = 0;

	return ioctl(fd, FIONREAD, &count) < 0 || count < 0 ? 0 : (size_t)count;
}

/* What the pipe can take at once, as far as can be said from outside: at least a page if it can take anything. */
static size_t room_in(int fd)
{
	long capacity = fcntl(fd, F_GETPIPE_SZ);
	size_t used = bytes_in(fd);

	return capacity > (long)used + 4096 ? (size_t)capacity - used : 4096;
}

/* All of `data` into the pipe: how much went. */
static size_t put(const struct splice *splice, const UCHAR *data, size_t size, NTSTATUS *status)
{
	size_t done = 0;

	while (done < size) {
		const uint64_t arguments[6] = {(uint64_t)hostfs_file(splice->file)->fd, (uintptr_t)(data + done), size - done};
		ULONG_PTR written = 0;
		NTSTATUS why = STATUS_SUCCESS;
		long result = ke_host_call(&why, NULL, 0, SYS_write, arguments);

		*status = host_status(result, why, &written);
		if (*status != STATUS_SUCCESS || !written)
			break;
		done += written;
	}
	return done;
}

static NTSTATUS move_in(const struct splice *splice, UCHAR *data, ULONG_PTR *information)
{
	LARGE_INTEGER offset = {.QuadPart = splice->input->Offset};
	size_t room = room_in(hostfs_file(splice->file)->fd);
	struct io_buffer buffer;
	ULONG_PTR got = 0;
	NTSTATUS status;

	io_buffer_from_kernel(&buffer, data, (size_t)MIN_OF(splice->input->Length, (uint64_t)MIN_OF(room, (size_t)CHUNK)));
	status = IO_OPERATION(splice->other, read)(splice->other, &buffer, offset.QuadPart < 0 ? NULL : &offset, 0, &got);
	if (status == STATUS_END_OF_FILE || (status == STATUS_SUCCESS && !got))
		return STATUS_SUCCESS;
	if (status == STATUS_SUCCESS)
		*information = put(splice, data, got, &status);
	return *information ? STATUS_SUCCESS : status;
}

/* The first bytes of the pipe, which stay there: how many, 0 at its end, -errno. */
static long look(int fd, UCHAR *data, size_t size)
{
	int ends[2];
	long result;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	result = tee(fd, ends[1], size, SPLICE_F_NONBLOCK);
	result = result > 0 ? read(ends[0], data, (size_t)result) : result;
	if (result < 0)
		result = -errno;
	close(ends[0]);
	close(ends[1]);
	return result;
}

static NTSTATUS move_out(const struct splice *splice, UCHAR *data, ULONG_PTR *information)
{
	LARGE_INTEGER offset = {.QuadPart = splice->input->Offset};
	int fd = hostfs_file(splice->file)->fd;
	long got = look(fd, data, (size_t)MIN_OF(splice->input->Length, (uint64_t)CHUNK));
	struct io_buffer buffer;
	NTSTATUS status;

	if (got <= 0)
		return got ? nt_status_from_errno((int)-got) : STATUS_SUCCESS;
	io_buffer_from_kernel(&buffer, data, (size_t)got);
	status = IO_OPERATION(splice->other, write)(splice->other, &buffer, offset.QuadPart < 0 ? NULL : &offset,
						    splice->no_wait && io_splice_ends(splice->other) & IO_SPLICE_PIPE ? RWF_NOWAIT : 0,
						    information);
	if (*information && splice->input->Operation != FSCTL_LX_SPLICE_TEE && read(fd, data, *information) < 0)
		return nt_status_from_errno(errno);
	return *information ? STATUS_SUCCESS : status;
}

/* vmsplice. What goes in is copied, so a gift is as good as a loan. */
static NTSTATUS move_buffer(const struct splice *splice, UCHAR *data, ULONG_PTR *information)
{
	int fd = hostfs_file(splice->file)->fd;
	size_t size = (size_t)MIN_OF(splice->input->Length, (uint64_t)CHUNK);
	NTSTATUS status = STATUS_SUCCESS;
	long got;

	if (splice->file->access & FILE_WRITE_DATA) {
		size = io_buffer_get(splice->input->Buffer, 0, data, MIN_OF(size, room_in(fd)));
		if (!size)
			return STATUS_ACCESS_VIOLATION;
		*information = put(splice, data, size, &status);
		return *information ? STATUS_SUCCESS : status;
	}
	got = bytes_in(fd) ? read(fd, data, MIN_OF(size, bytes_in(fd))) : 0;
	if (got <= 0)
		return got ? nt_status_from_errno(errno) : STATUS_SUCCESS;
	*information = io_buffer_put(splice->input->Buffer, 0, data, (size_t)got);
	return *information ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

static NTSTATUS splice_by_copy(const struct splice *splice, ULONG_PTR *information)
{
	bool buffer = splice->input->Operation == FSCTL_LX_SPLICE_BUFFER;
	bool in = buffer ? (splice->file->access & FILE_WRITE_DATA) != 0 : splice->input->Operation == FSCTL_LX_SPLICE_FROM;
	cleanup_free UCHAR *data = malloc(CHUNK);
	NTSTATUS status = data ? wait_for_pipe(splice, in ? POLLOUT : POLLIN) : STATUS_NO_MEMORY;

	if (status != STATUS_SUCCESS)
		return status;
	if (buffer)
		return move_buffer(splice, data, information);
	return in ? move_in(splice, data, information) : move_out(splice, data, information);
}

NTSTATUS hostfs_splice(struct io_file *file, const void *data, ULONG input_size, void *output, ULONG output_size,
		       ULONG_PTR *information)
{
	const FSCTL_LX_SPLICE_INPUT *input = data;
	cleanup_object struct io_file *other = NULL;
	struct splice splice = {.file = file, .input = input, .no_wait = input->Flags & SPLICE_F_NONBLOCK};
	NTSTATUS status;

	*information = 0;
	if (!(hostfs_splice_ends(file) & IO_SPLICE_PIPE))
		return STATUS_INVALID_DEVICE_REQUEST;
	if (input->Operation == FSCTL_LX_SPLICE_BUFFER)
		return splice_by_copy(&splice, information);
	status = io_reference_file(input->Other, 0, &other);
	if (status != STATUS_SUCCESS)
		return status;
	splice.other = other;
	if (hostfs_descriptor(other) >= 0)
		return splice_on_host(&splice, hostfs_descriptor(other), information);
	splice.no_wait |= (fcntl(hostfs_file(file)->fd, F_GETFL) & O_NONBLOCK) != 0;
	return splice_by_copy(&splice, information);
}
