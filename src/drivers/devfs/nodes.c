/*
 * The devices of /dev: mem(4), random(4), full(4), null(4). They hold no state;
 * randomness comes from the host's generator.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>

#include <drivers/condrv/condrv.h>
#include <drivers/devfs/nodes.h>
#include <executive/io/async.h>

#define READ_CHUNK 65536u
#define RNDGETENTCNT_REQUEST 0x80045200u

static NTSTATUS read_nothing(const struct io_buffer *buffer, ULONG_PTR *information)
{
	*information = 0;
	return STATUS_SUCCESS;
}

static NTSTATUS write_anything(const struct io_buffer *buffer, ULONG_PTR *information)
{
	*information = io_buffer_size(buffer);
	return STATUS_SUCCESS;
}

/* The outcome of a copy that may have stopped at a fault. */
static NTSTATUS copied(size_t done, size_t wanted, ULONG_PTR *information)
{
	*information = done;
	return done || !wanted ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

static NTSTATUS read_zeroes(const struct io_buffer *buffer, ULONG_PTR *information)
{
	static const UCHAR zeroes[READ_CHUNK];
	size_t size = io_buffer_size(buffer), done = 0;

	while (done < size) {
		size_t chunk = MIN_OF(size - done, sizeof zeroes), put = io_buffer_put(buffer, done, zeroes, chunk);

		done += put;
		if (put < chunk)
			break;
	}
	return copied(done, size, information);
}

static NTSTATUS write_full(const struct io_buffer *buffer, ULONG_PTR *information)
{
	*information = 0;
	return FSRTL_ERRNO(ENOSPC);
}

static NTSTATUS read_random(const struct io_buffer *buffer, ULONG_PTR *information)
{
	size_t size = io_buffer_size(buffer), done = 0;
	UCHAR *chunk = io_bounce(READ_CHUNK);

	if (!chunk)
		return STATUS_NO_MEMORY;
	while (done < size) {
		ssize_t got = getrandom(chunk, MIN_OF(size - done, (size_t)READ_CHUNK), 0);
		size_t put;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FSRTL_ERRNO(errno);
		put = io_buffer_put(buffer, done, chunk, (size_t)got);
		done += put;
		if (put < (size_t)got)
			break;
	}
	return copied(done, size, information);
}

/* Written to be mixed in: faults are noticed, the bytes are the host's generator's no more than a guest's word is. */
static NTSTATUS write_random(const struct io_buffer *buffer, ULONG_PTR *information)
{
	size_t size = io_buffer_size(buffer), done = 0;
	UCHAR *chunk = io_bounce(READ_CHUNK);

	if (!chunk)
		return STATUS_NO_MEMORY;
	while (done < size) {
		size_t wanted = MIN_OF(size - done, (size_t)READ_CHUNK), got = io_buffer_get(buffer, done, chunk, wanted);

		done += got;
		if (got < wanted)
			break;
	}
	return copied(done, size, information);
}

/* What changes the generator, which is the host's: no guest may. */
static bool is_privileged(ULONG request)
{
	return request == RNDADDTOENTCNT || request == RNDADDENTROPY || request == RNDZAPENTCNT || request == RNDCLEARPOOL ||
	       request == RNDRESEEDCRNG;
}

static NTSTATUS random_ioctl(ULONG request, void *data, ULONG size, ULONG *used)
{
	FILE *host;
	int bits = 256;

	if (request != RNDGETENTCNT_REQUEST)
		return is_privileged(request) ? FSRTL_ERRNO(EPERM) : FSRTL_ERRNO(EINVAL);
	if (size < sizeof bits)
		return STATUS_BUFFER_TOO_SMALL;
	host = fopen("/proc/sys/kernel/random/entropy_avail", "re");
	if (host) {
		if (fscanf(host, "%d", &bits) != 1)
			bits = 256;
		fclose(host);
	}
	memcpy(data, &bits, sizeof bits);
	*used = sizeof bits;
	return STATUS_SUCCESS;
}

#define READY (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)

/* It has always been ready: nobody is ever told. */
static struct io_async_list random_async = IO_ASYNC_LIST_INITIALIZER;
static const struct devfs_device null_device = {read_nothing, write_anything, true, false, NULL, READY,
						 IO_SPLICE_TARGET, NULL};
static const struct devfs_device zero_device = {read_zeroes, write_anything, true, true, NULL, READY,
						 IO_SPLICE_SOURCE | IO_SPLICE_TARGET, NULL};
static const struct devfs_device full_device = {read_zeroes, write_full, true, false, NULL, READY, IO_SPLICE_SOURCE,
						 NULL};
static const struct devfs_device random_device = {read_random, write_random, true, false, random_ioctl, READY,
						   IO_SPLICE_SOURCE | IO_SPLICE_TARGET, &random_async};

/* A pseudo-terminal of the host's: its other side appears in /dev/pts, which is the host's too. */
static NTSTATUS open_ptmx(struct io_file *file, ULONG lx_flags)
{
	int access = file->access & FILE_WRITE_DATA ? (file->access & FILE_READ_DATA ? O_RDWR : O_WRONLY) : O_RDONLY;
	int descriptor = open("/dev/ptmx", access | O_CLOEXEC | O_NOCTTY | (int)(lx_flags & O_NONBLOCK));

	NTSTATUS status = descriptor < 0 ? FSRTL_ERRNO(errno) : condrv_take(file, descriptor);

	if (status == STATUS_NO_MEMORY && descriptor >= 0)
		close(descriptor);
	return status;
}

const struct devfs_node devfs_nodes[] = {
	{"console", FSRTL_S_IFCHR | 0600, 5, 1, NULL, NULL, condrv_open_controlling},
	{"fd", FSRTL_S_IFLNK | 0777, 0, 0, "/proc/self/fd", NULL, NULL},
	{"full", FSRTL_S_IFCHR | 0666, 1, 7, NULL, &full_device, NULL},
	{"null", FSRTL_S_IFCHR | 0666, 1, 3, NULL, &null_device, NULL},
	{"ptmx", FSRTL_S_IFCHR | 0666, 5, 2, NULL, NULL, open_ptmx},
	{"pts", FSRTL_S_IFDIR | 0755, 0, 0, NULL, NULL, NULL},
	{"random", FSRTL_S_IFCHR | 0666, 1, 8, NULL, &random_device, NULL},
	{"shm", FSRTL_S_IFDIR | 01777, 0, 0, NULL, NULL, NULL},
	{"stderr", FSRTL_S_IFLNK | 0777, 0, 0, "/proc/self/fd/2", NULL, NULL},
	{"stdin", FSRTL_S_IFLNK | 0777, 0, 0, "/proc/self/fd/0", NULL, NULL},
	{"stdout", FSRTL_S_IFLNK | 0777, 0, 0, "/proc/self/fd/1", NULL, NULL},
	{"tty", FSRTL_S_IFCHR | 0666, 5, 0, NULL, NULL, condrv_open_controlling},
	{"urandom", FSRTL_S_IFCHR | 0666, 1, 9, NULL, &random_device, NULL},
	{"zero", FSRTL_S_IFCHR | 0666, 1, 5, NULL, &zero_device, NULL},
};
const size_t devfs_node_count = ARRAY_COUNT(devfs_nodes);
