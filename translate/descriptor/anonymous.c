/*
 * Files without a name: memfd_create(2), eventfd(2). The close-on-exec flag is the
 * descriptor's; everything else is the file object's.
 */
#include <descriptor/files.h>
#include <drivers/anonfs/anonfs.h>
#include <lx_syscalls.h>
#include <terminal/devices.h>

#define MEMFD_NAME_MAX 249u /* with "memfd:" in front it fits NAME_MAX */
#define MEMFD_FLAGS (LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING | LX_MFD_HUGETLB | LX_MFD_NOEXEC_SEAL | LX_MFD_EXEC)

int64_t lx_fd_install_file(struct lx_call *call, struct io_file *file, bool close_on_exec)
{
	HANDLE handle;
	NTSTATUS status = ob_open_by_pointer(file, 0, file->access, &handle);

	ob_dereference(file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install(call, handle, close_on_exec, 0);
}

int64_t lx_sys_memfd_create(struct lx_call *call, struct lx_uptr name, uint32_t flags)
{
	char text[MEMFD_NAME_MAX + 1];
	struct io_file *file;
	NTSTATUS status;
	int64_t result;

	/* A huge page's size may stand in the high bits, but a kernel without huge pages has none. */
	if (flags & ~(uint32_t)MEMFD_FLAGS && !(flags & LX_MFD_HUGETLB))
		return -LX_EINVAL;
	if (flags & LX_MFD_EXEC && flags & LX_MFD_NOEXEC_SEAL)
		return -LX_EINVAL;
	result = lx_copy_in_string(call, text, name, sizeof text);
	if (result < 0)
		return result == -LX_ENAMETOOLONG ? -LX_EINVAL : result;
	status = anonfs_create_memory(text, flags & ~(uint32_t)LX_MFD_CLOEXEC, &file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install_file(call, file, flags & LX_MFD_CLOEXEC);
}

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
