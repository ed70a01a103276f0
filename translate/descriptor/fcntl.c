/*
 * fcntl(2) on the open file description: status flags. Duplicates and close-on-exec
 * are in descriptors.c; the owner of SIGIO in owner.c; locks, pipes and seals with
 * their objects.
 *
 * O_PATH descriptors answer F_GETFL alone of these.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/owner.h>
#include <lx_syscalls.h>

#define SETTABLE_FLAGS (LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME)

int64_t lx_sys_fcntl_f_getfl(struct lx_call *call, int32_t fd)
{
	struct lx_stream stream;
	ULONG flags = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	int64_t result = lx_fd_object(call, fd, &stream);

	if (result < 0)
		return result;
	status = ZwQueryInformationFile(stream.handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	flags &= ~(ULONG)LX_O_CLOEXEC;
	return stream.is_path ? flags | LX_O_PATH : flags;
}

/* Nobody can take one. */
int64_t lx_sys_fcntl_f_getlease(struct lx_call *call, int32_t fd)
{
	struct lx_stream stream;

	return lx_fd_stream(call, fd, 0, &stream) ?: LX_F_UNLCK;
}

static int64_t set_status_flags(struct lx_call *call, HANDLE handle, ULONG flags)
{
	IO_STATUS_BLOCK io;

	return lx_result(call, ZwSetInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation));
}

int64_t lx_sys_fcntl_f_setfl(struct lx_call *call, int32_t fd, uint32_t arg)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result == 0)
		result = set_status_flags(call, stream.handle, arg & SETTABLE_FLAGS);
	/* A file that sends no signals takes no notice. */
	if (result == 0 && lx_async_may_change(&stream, arg & LX_O_ASYNC))
		result = lx_set_async(call, fd, &stream, arg & LX_O_ASYNC);
	return result == -LX_ENOTTY ? 0 : result;
}

/* One status flag by an int in memory. */
int64_t lx_sys_ioctl_fionbio(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	ULONG flags = 0;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int32_t on;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result == 0)
		result = lx_copy_in(call, &on, argp, sizeof(on));
	if (result < 0)
		return result;
	status = ZwQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	flags = (flags & SETTABLE_FLAGS & ~(ULONG)LX_O_NONBLOCK) | (on ? LX_O_NONBLOCK : 0);
	return set_status_flags(call, handle, flags);
}

/* A command that no sub-row takes. */
int64_t lx_sys_fcntl(struct lx_call *call, int32_t fd, uint32_t cmd, uint64_t arg)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : -LX_EINVAL;
}
