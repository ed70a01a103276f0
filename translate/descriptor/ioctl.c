/*
 * ioctl(2) on files as such; terminals have theirs in tty.c.
 *
 * A request whose argument points to one flat structure travels to the driver by
 * number, with the structure copied in and out here (FSCTL_LX_IOCTL).
 */
#include <descriptor/fd.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <nt/ntstatus_errno.h>

enum { LARGEST_ARGUMENT = 64 };

struct ioctl_packet {
	FSCTL_LX_IOCTL_BUFFER head;
	UCHAR data[LARGEST_ARGUMENT];
};

/* Send a request whose argument is `size` bytes that go `in`, come `out`, or both. */
static int64_t send_request(struct lx_call *call, int32_t fd, uint32_t request, struct lx_uptr argp, size_t size, bool in,
			    bool out)
{
	struct ioctl_packet packet = {.head = {.Request = request, .Size = (ULONG)size, .Argument = argp.address}};
	const ULONG total = (ULONG)(offsetof(FSCTL_LX_IOCTL_BUFFER, Data) + size);
	UCHAR *data = packet.head.Data;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result == 0 && in)
		result = lx_copy_in(call, data, argp, size);
	if (result < 0)
		return result;
	result = lx_result(call, ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, &packet, total,
						       &packet, total));
	return result < 0 || !out ? result : lx_copy_out(call, argp, data, size);
}

/* What the kernel answers for files without asking a driver: the size of a file, directory or link; else -LX_ENOTTY. */
static int64_t file_size(struct lx_call *call, int32_t fd, bool regular_only, FILE_LX_STATX_INFORMATION *information)
{
	IO_STATUS_BLOCK io;
	HANDLE handle;

	if (lx_fd_handle(call, fd, false, &handle) < 0 ||
	    !NT_SUCCESS(ZwQueryInformationFile(handle, &io, information, sizeof(*information), FileLxStatxInformation)))
		return -LX_ENOTTY;
	switch (information->Mode & LX_S_IFMT) {
	case LX_S_IFREG:
		return 0;
	case LX_S_IFDIR:
	case LX_S_IFLNK:
		return regular_only ? -LX_ENOTTY : 0;
	default:
		return -LX_ENOTTY;
	}
}

/* Bytes behind the position. */
int64_t lx_sys_ioctl_fionread(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	int64_t result = send_request(call, fd, LX_FIONREAD, argp, sizeof(int32_t), false, true), position = 0;
	FSCTL_LX_SEEK_INPUT seek = {.Offset = 0, .Whence = LX_SEEK_CUR};
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int32_t left;

	if (result != -LX_ENOTTY || file_size(call, fd, true, &information) < 0 || lx_fd_handle(call, fd, false, &handle) < 0)
		return result;
	ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &seek, sizeof(seek), &position, sizeof(position));
	left = (int32_t)((int64_t)information.Size - position);
	return lx_copy_out(call, argp, &left, sizeof(left));
}

int64_t lx_sys_ioctl_fioqsize(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	int64_t result = send_request(call, fd, LX_FIOQSIZE, argp, sizeof(int64_t), false, true);
	FILE_LX_STATX_INFORMATION information;

	if (result != -LX_ENOTTY && result != -LX_EINVAL)
		return result;
	result = file_size(call, fd, false, &information);
	return result < 0 ? result : lx_copy_out(call, argp, &information.Size, sizeof(int64_t));
}

int64_t lx_sys_ioctl_fs_ioc_getversion(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FS_IOC_GETVERSION, argp, sizeof(int32_t), false, true);
}

int64_t lx_sys_ioctl_fs_ioc_fssetxattr(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FS_IOC_FSSETXATTR, argp, 28, true, false);
}

/* The checks of FIDEDUPERANGE; no file system of which lxrun could know shares extents. */
int64_t lx_sys_ioctl_fideduperange(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_file_dedupe_range_head head;
	struct lx_file_dedupe_range_info targets[(LX_PAGE_SIZE - sizeof(head)) / sizeof(struct lx_file_dedupe_range_info)];
	FILE_LX_STATX_INFORMATION information = {0};
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result == 0)
		result = lx_copy_in(call, &head, argp, sizeof(head));
	if (result < 0)
		return result;
	if (head.dest_count > ARRAY_COUNT(targets))
		return -LX_ENOMEM;
	if (head.dest_count && lx_copy_in(call, targets, lx_uptr(argp.address + sizeof(head)), head.dest_count * sizeof(targets[0])) < 0)
		return -LX_EFAULT;
	if (!(stream.access & FILE_READ_DATA) || head.reserved1 || head.reserved2)
		return -LX_EINVAL;
	result = file_size(call, fd, true, &information);
	if (result < 0)
		return (information.Mode & LX_S_IFMT) == LX_S_IFDIR ? -LX_EISDIR : -LX_EINVAL;
	return -LX_EOPNOTSUPP;
}

/* Of what has no answer of its own: the size of its blocks, as stat(2) shows it. */
int64_t lx_sys_ioctl_figetbsz(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	int64_t result = send_request(call, fd, LX_FIGETBSZ, argp, sizeof(int32_t), false, true);
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	if (result != -LX_ENOTTY && result != -LX_EINVAL)
		return result;
	if (lx_fd_handle(call, fd, false, &handle) < 0 ||
	    !NT_SUCCESS(ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation)))
		return result;
	return lx_copy_out(call, argp, &information.BlockSize, sizeof(int32_t));
}

int64_t lx_sys_ioctl_rndgetentcnt(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_RNDGETENTCNT, argp, sizeof(int32_t), false, true);
}

/*
 * Whatever request it was, some devices say of those that they don't know that they are invalid. What files as such answer
 * never comes to a device.
 */
int64_t lx_ioctl_refused(struct lx_call *call)
{
	uint32_t request = (uint32_t)call->arguments[1];
	FSCTL_LX_IOCTL_BUFFER unknown = {.Request = 0, .Argument = request};
	IO_STATUS_BLOCK io;
	HANDLE handle;
	NTSTATUS status;

	if (request == LX_FIOQSIZE || request == LX_FIOASYNC || request == LX_FIONBIO ||
	    lx_fd_handle(call, (int32_t)call->arguments[0], false, &handle) < 0)
		return -LX_ENOTTY;
	status = ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, &unknown, sizeof(unknown), &unknown,
				       sizeof(unknown));
	if (status == nt_status_from_errno(LX_EINVAL) || status == nt_status_from_errno(LX_EPERM))
		return lx_result(call, status);
	return -LX_ENOTTY;
}

int64_t lx_sys_ioctl_fs_ioc_getflags(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FS_IOC_GETFLAGS, argp, sizeof(int32_t), false, true);
}

int64_t lx_sys_ioctl_fs_ioc_setflags(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FS_IOC_SETFLAGS, argp, sizeof(int32_t), true, false);
}

int64_t lx_sys_ioctl_fs_ioc_fsgetxattr(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FS_IOC_FSGETXATTR, argp, sizeof(struct lx_fsxattr), false, true);
}

int64_t lx_sys_ioctl_blkgetsize64(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_BLKGETSIZE64, argp, sizeof(uint64_t), false, true);
}
