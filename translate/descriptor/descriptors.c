/* Calls on descriptors as such: close, close_range, the dup family, and fcntl's duplicates. */
#include <descriptor/fd.h>
#include <lx_syscalls.h>

int64_t lx_sys_close(struct lx_call *call, int32_t fd)
{
	return lx_fd_close(call, fd);
}

int64_t lx_sys_close_range(struct lx_call *call, uint32_t first, uint32_t last, uint32_t flags)
{
	if (flags & ~(uint32_t)(LX_CLOSE_RANGE_UNSHARE | LX_CLOSE_RANGE_CLOEXEC))
		return -LX_EINVAL;
	if (first > last)
		return -LX_EINVAL;
	if ((flags & LX_CLOSE_RANGE_UNSHARE) && lx_files_unshare(call) < 0)
		return -LX_ENOMEM;
	if (flags & LX_CLOSE_RANGE_CLOEXEC)
		lx_fd_mark_range(call, first, last);
	else
		lx_fd_close_range(call, first, last);
	return 0;
}

int64_t lx_sys_dup(struct lx_call *call, int32_t oldfd)
{
	return lx_fd_duplicate(call, oldfd, 0, false);
}

int64_t lx_sys_dup2(struct lx_call *call, int32_t oldfd, int32_t newfd)
{
	HANDLE handle;
	int64_t result;

	if (oldfd != newfd)
		return lx_fd_duplicate_to(call, oldfd, newfd, false);
	result = lx_fd_handle(call, oldfd, true, &handle);
	return result < 0 ? result : newfd;
}

int64_t lx_sys_dup3(struct lx_call *call, int32_t oldfd, int32_t newfd, uint32_t flags)
{
	if ((flags & ~(uint32_t)LX_O_CLOEXEC) || oldfd == newfd)
		return -LX_EINVAL;
	return lx_fd_duplicate_to(call, oldfd, newfd, flags & LX_O_CLOEXEC);
}

static int64_t duplicate_from(struct lx_call *call, int32_t fd, int32_t minimum, bool close_on_exec)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, true, &handle);

	if (result < 0)
		return result;
	if (!lx_fd_is_in_limit(call, minimum))
		return -LX_EINVAL;
	return lx_fd_duplicate(call, fd, minimum, close_on_exec);
}

int64_t lx_sys_fcntl_f_dupfd(struct lx_call *call, int32_t fd, int32_t arg)
{
	return duplicate_from(call, fd, arg, false);
}

int64_t lx_sys_fcntl_f_dupfd_cloexec(struct lx_call *call, int32_t fd, int32_t arg)
{
	return duplicate_from(call, fd, arg, true);
}

/* Do both descriptors lead to one open file description? */
int64_t lx_sys_fcntl_f_dupfd_query(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_stream stream, other;
	int64_t result = lx_fd_object(call, fd, &stream);

	if (result == 0)
		result = lx_fd_object(call, arg, &other);
	return result < 0 ? result : stream.file == other.file;
}

/* Did the open(2) of this description make the file? */
int64_t lx_sys_fcntl_f_created_query(struct lx_call *call, int32_t fd)
{
	struct lx_stream stream;
	IO_STATUS_BLOCK io;
	ULONG created = 0;
	NTSTATUS status;
	int64_t result = lx_fd_object(call, fd, &stream);

	if (result < 0)
		return result;
	status = ZwFsControlFile(stream.handle, NULL, NULL, NULL, &io, FSCTL_LX_CREATED, NULL, 0, &created, sizeof(created));
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return stream.file->created;
	return NT_SUCCESS(status) ? (int64_t)created : lx_result(call, status);
}

int64_t lx_sys_fcntl_f_getfd(struct lx_call *call, int32_t fd)
{
	int64_t result = lx_fd_close_on_exec(call, fd);

	return result > 0 ? LX_FD_CLOEXEC : result;
}

int64_t lx_sys_fcntl_f_setfd(struct lx_call *call, int32_t fd, uint32_t arg)
{
	return lx_fd_set_close_on_exec(call, fd, arg & LX_FD_CLOEXEC);
}

int64_t lx_sys_ioctl_fioclex(struct lx_call *call, int32_t fd)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : lx_fd_set_close_on_exec(call, fd, true);
}

int64_t lx_sys_ioctl_fionclex(struct lx_call *call, int32_t fd)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : lx_fd_set_close_on_exec(call, fd, false);
}
