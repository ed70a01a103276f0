/* memfd_create(2): the close-on-exec flag is the descriptor's, everything else the file object's. */
#include <descriptor/files.h>
#include <drivers/anonfs/anonfs.h>
#include <lx_syscalls.h>

#define MEMFD_NAME_MAX 249u /* with "memfd:" in front it fits NAME_MAX */
#define MEMFD_FLAGS (LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING | LX_MFD_HUGETLB | LX_MFD_NOEXEC_SEAL | LX_MFD_EXEC)

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
