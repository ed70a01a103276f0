/*
 * Advisory locks: flock(2), and the record locks of fcntl(2), POSIX' own and
 * those of the open file description.
 *
 * The lock is the driver's (FSCTL_LX_FLOCK, FSCTL_LX_RECORD_LOCK): on host files
 * it is the host's, so that native programs meet it. The owner of POSIX locks is
 * the descriptor table; closing drops them there (fd.c).
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>

static int64_t interruptible(struct lx_call *call, NTSTATUS status)
{
	return status == STATUS_USER_APC || status == STATUS_ALERTED ? -LX_ERESTARTSYS : lx_result(call, status);
}

#define LOCK_MANDATORY 32u

int64_t lx_sys_flock(struct lx_call *call, int32_t fd, uint32_t operation)
{
	ULONG kind = operation & ~(uint32_t)LX_LOCK_NB;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result;

	/* Mandatory locks, which never were; asking for one is no error, whatever else was asked. */
	if (operation & LOCK_MANDATORY)
		return 0;
	if (kind != LX_LOCK_SH && kind != LX_LOCK_EX && kind != LX_LOCK_UN)
		return -LX_EINVAL;
	result = lx_fd_handle(call, fd, false, &handle);
	if (result < 0)
		return result;
	return interruptible(call, ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_FLOCK, &operation,
						   sizeof(operation), NULL, 0));
}

static bool is_description_lock(ULONG command)
{
	return command == LX_F_OFD_GETLK || command == LX_F_OFD_SETLK || command == LX_F_OFD_SETLKW;
}

static int64_t give_lock(struct lx_call *call, struct lx_uptr to, const FSCTL_LX_RECORD_LOCK_BUFFER *lock, int32_t pid)
{
	struct lx_flock flock = {
	    .l_type = lock->Type,
	    .l_whence = lock->Whence,
	    .l_start = lock->Start,
	    .l_len = lock->Length,
	    /* Nobody holds it: the caller's own value stays. */
	    .l_pid = lock->Type == LX_F_UNLCK ? pid : lock->Pid,
	};

	return lx_out_flock(call, to, &flock);
}

static int64_t record_lock(struct lx_call *call, int32_t fd, struct lx_uptr address, ULONG command)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {.Command = command, .Pid = call->thread->process->pid};
	struct lx_flock flock;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	if (lx_in_flock(call, &flock, address) < 0)
		return -LX_EFAULT;
	if (is_description_lock(command) && flock.l_pid)
		return -LX_EINVAL;
	if (!is_description_lock(command))
		lock.Owner = lx_files_lock_owner(call);
	lock.Type = flock.l_type;
	lock.Whence = flock.l_whence;
	lock.Start = flock.l_start;
	lock.Length = flock.l_len;
	result = interruptible(call, ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_RECORD_LOCK, &lock,
						     sizeof(lock), &lock, sizeof(lock)));
	if (result < 0 || (command != LX_F_GETLK && command != LX_F_OFD_GETLK))
		return result;
	return give_lock(call, address, &lock, flock.l_pid);
}

int64_t lx_sys_fcntl_f_getlk(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_GETLK);
}

int64_t lx_sys_fcntl_f_setlk(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_SETLK);
}

int64_t lx_sys_fcntl_f_setlkw(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_SETLKW);
}

int64_t lx_sys_fcntl_f_ofd_getlk(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_OFD_GETLK);
}

int64_t lx_sys_fcntl_f_ofd_setlk(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_OFD_SETLK);
}

int64_t lx_sys_fcntl_f_ofd_setlkw(struct lx_call *call, int32_t fd, struct lx_uptr lock)
{
	return record_lock(call, fd, lock, LX_F_OFD_SETLKW);
}
