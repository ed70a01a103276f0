/*
 * ioctl(2) on files as such; terminals have theirs in tty.c.
 *
 * A request whose argument points to one flat structure travels to the driver by
 * number, with the structure copied in and out here (FSCTL_LX_IOCTL).
 */
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>

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

int64_t lx_sys_ioctl_fionread(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FIONREAD, argp, sizeof(int32_t), false, true);
}

int64_t lx_sys_ioctl_fioqsize(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FIOQSIZE, argp, sizeof(int64_t), false, true);
}

int64_t lx_sys_ioctl_figetbsz(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	return send_request(call, fd, LX_FIGETBSZ, argp, sizeof(int32_t), false, true);
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
