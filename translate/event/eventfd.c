/* eventfd(2): the close-on-exec flag is the descriptor's, the count the file object's. */
#include <descriptor/files.h>
#include <drivers/anonfs/anonfs.h>
#include <lx_syscalls.h>

int64_t lx_sys_eventfd2(struct lx_call *call, uint32_t initval, uint32_t flags)
{
	struct io_file *file;
	NTSTATUS status;

	if (flags & ~(uint32_t)(LX_EFD_SEMAPHORE | LX_EFD_CLOEXEC | LX_EFD_NONBLOCK))
		return -LX_EINVAL;
	status = anonfs_create_event(initval, flags & (LX_EFD_SEMAPHORE | LX_EFD_NONBLOCK), &file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install_file(call, file, flags & LX_EFD_CLOEXEC);
}

int64_t lx_sys_eventfd(struct lx_call *call, uint32_t initval)
{
	return lx_sys_eventfd2(call, initval, 0);
}
