/*
 * timerfd_create(2): the host's own timer descriptors behind file objects, so that reading, polling, and what a step of
 * the clock does to them are exact.
 */
#include <core/thread.h>
#include <descriptor/files.h>
#include <drivers/anonfs/anonfs.h>
#include <lx_syscalls.h>
#include <time/times.h>

int64_t lx_sys_timerfd_create(struct lx_call *call, int32_t clockid, uint32_t flags)
{
	struct io_file *file;
	NTSTATUS status;

	if (flags & ~(uint32_t)(LX_TFD_CLOEXEC | LX_TFD_NONBLOCK))
		return -LX_EINVAL;
	if (lx_clock_wakes_machine(clockid) && !lx_capable(call->thread, LX_CAP_WAKE_ALARM))
		return -LX_EPERM;
	status = anonfs_create_timer(clockid, flags & LX_TFD_NONBLOCK, &file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install_file(call, file, flags & LX_TFD_CLOEXEC);
}

static int64_t reference_timer(struct lx_call *call, int32_t fd, struct io_file **file)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result)
		return result;
	return NT_SUCCESS(io_reference_file(handle, 0, file)) ? 0 : -LX_EINVAL;
}

int64_t lx_sys_timerfd_settime(struct lx_call *call, int32_t fd, uint32_t flags, struct lx_uptr new_value,
			       struct lx_uptr old_value)
{
	cleanup_object struct io_file *file = NULL;
	struct lx_itimerspec new, old;
	NTSTATUS status;
	int64_t result;

	if (lx_in_itimerspec(call, &new, new_value))
		return -LX_EFAULT;
	if ((flags & ~(uint32_t)(LX_TFD_TIMER_ABSTIME | LX_TFD_TIMER_CANCEL_ON_SET)) ||
	    !lx_timespec_is_valid(&new.it_value) || !lx_timespec_is_valid(&new.it_interval))
		return -LX_EINVAL;
	result = reference_timer(call, fd, &file);
	if (result)
		return result;
	status = anonfs_set_timer(file, flags, (const LONGLONG *)&new, (LONGLONG *)&old);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_is_null(old_value) ? 0 : lx_out_itimerspec(call, old_value, &old);
}

int64_t lx_sys_timerfd_gettime(struct lx_call *call, int32_t fd, struct lx_uptr curr_value)
{
	cleanup_object struct io_file *file = NULL;
	struct lx_itimerspec current;
	int64_t result = reference_timer(call, fd, &file);
	NTSTATUS status;

	if (result)
		return result;
	status = anonfs_query_timer(file, (LONGLONG *)&current);
	return NT_SUCCESS(status) ? lx_out_itimerspec(call, curr_value, &current) : lx_result(call, status);
}
