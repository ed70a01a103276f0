/*
 * What else programs do with a host description: poll it, map it, and a few
 * ioctls that concern the file and not a device of its own.
 */
#include <asm/ioctls.h>
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <linux/fs.h>
#include <nt/ntmm.h>
#include <poll.h>
#include <sys/ioctl.h>

/* Files and directories are always ready: Linux' DEFAULT_POLLMASK. */
#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

ULONG hostfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	struct pollfd entry = {hostfs_file(file)->fd, (short)events, 0};

	if (hostfs_file(file)->path_only)
		return POLLNVAL;
	if (hostfs_kind(file) != HOSTFS_STREAM)
		return events & ALWAYS_READY;
	if (poll(&entry, 1, 0) < 0)
		return POLLERR;
	if (table)
		io_poll_add_host(table, hostfs_file(file)->fd, events);
	return (ULONG)(USHORT)entry.revents;
}

/* A description of its own, which can do no more than the file object's. */
static int open_backing(struct io_file *file, bool write)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	int fd = -1;

	hostfs_proc_path(hostfs_file(file)->fd, path);
	/* Opening a device again may have effects of its own. */
	if (hostfs_kind(file) == HOSTFS_REGULAR)
		fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	/* Once opened it may not be openable again: its permissions have changed. */
	if (fd < 0)
		fd = fcntl(hostfs_file(file)->fd, F_DUPFD_CLOEXEC, HOSTFS_LOWEST_DESCRIPTOR);
	return fd < 0 ? -errno : hostfs_raise_descriptor(fd);
}

NTSTATUS hostfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	bool write = protection & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);
	struct stat status;
	int fd;

	if (hostfs_file(file)->path_only)
		return STATUS_INVALID_HANDLE;
	/* Views of the kernel can't be mapped: some files of sysfs are a device's registers. */
	if (hostfs_file(file)->gate != HOSTFS_GATE_OPEN)
		return STATUS_NO_SUCH_DEVICE;
	if (!(file->access & FILE_READ_DATA) || (write && !(file->access & FILE_WRITE_DATA)))
		return STATUS_ACCESS_DENIED;
	if (hostfs_known_status(hostfs_file(file)->fd, &status) < 0)
		return nt_status_from_errno(errno);
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
		return STATUS_NO_SUCH_DEVICE;
	fd = open_backing(file, write);
	if (fd < 0)
		return fsrtl_refused_descriptor(-fd);
	*backing = (struct io_section_backing){.host_fd = fd};
	return STATUS_SUCCESS;
}

/* The ioctls that come through: those whose argument is one flat structure and that reach nothing but the file. */
static const struct {
	ULONG request, size; /* size of what the argument points to; 0: the argument is a number */
	bool inward;         /* it is read, too */
} passed[] = {
    {FIONREAD, sizeof(int), false},
    {FIONBIO, sizeof(int), true},
    {TIOCOUTQ, sizeof(int), false},
    {FIOQSIZE, sizeof(long), false},
    {FIGETBSZ, sizeof(int), false},
    {(ULONG)FS_IOC_GETFLAGS, sizeof(int), false},
    {(ULONG)FS_IOC_SETFLAGS, sizeof(int), true},
    {(ULONG)FS_IOC_GETVERSION, sizeof(int), false},
    {(ULONG)FS_IOC_FSGETXATTR, sizeof(struct fsxattr), false},
    {(ULONG)FS_IOC_FSSETXATTR, sizeof(struct fsxattr), true},
    {BLKROGET, sizeof(int), false},
    {BLKGETSIZE, sizeof(long), false},
    {BLKSSZGET, sizeof(int), false},
    {(ULONG)BLKBSZGET, sizeof(int), false},
    {(ULONG)BLKGETSIZE64, sizeof(uint64_t), false},
    {BLKPBSZGET, sizeof(int), false},
};

static NTSTATUS control_ioctl(struct io_file *file, const FSCTL_LX_IOCTL_BUFFER *in, ULONG input_size,
			      FSCTL_LX_IOCTL_BUFFER *out, ULONG output_size, ULONG_PTR *information)
{
	const ULONG header = offsetof(FSCTL_LX_IOCTL_BUFFER, Data);
	_Alignas(8) UCHAR data[64] = {0};

	if (input_size < header || in->Size > input_size - header)
		return STATUS_INFO_LENGTH_MISMATCH;
	for (size_t i = 0; i < ARRAY_COUNT(passed); i++) {
		if (passed[i].request != in->Request)
			continue;
		if ((passed[i].inward && in->Size < passed[i].size) || output_size < header + passed[i].size)
			return STATUS_INFO_LENGTH_MISMATCH;
		memcpy(data, in->Data, MIN_OF(in->Size, passed[i].size));
		if (ioctl(hostfs_file(file)->fd, in->Request, data) < 0)
			return nt_status_from_errno(errno);
		*out = *in;
		memcpy(out->Data, data, passed[i].size);
		*information = header + passed[i].size;
		return STATUS_SUCCESS;
	}
	return STATUS_INVALID_DEVICE_REQUEST;
}

NTSTATUS hostfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			       ULONG output_size, ULONG_PTR *information)
{
	if (code != FSCTL_LX_IOCTL)
		return STATUS_INVALID_DEVICE_REQUEST;
	return control_ioctl(file, input, input_size, output, output_size, information);
}
