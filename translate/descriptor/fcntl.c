/*
 * fcntl(2) on the open file description: status flags and the owner of SIGIO.
 * Duplicates and close-on-exec are in descriptors.c; locks, pipes and seals with
 * their objects.
 *
 * O_PATH descriptors answer F_GETFL alone of these. The owner is kept in the file
 * object, so that all descriptors of the description show the same.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_syscalls.h>

#define SETTABLE_FLAGS (LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME | LX_O_ASYNC)

struct lx_f_owner_ex {
	int32_t type, pid;
};

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

static int64_t set_status_flags(struct lx_call *call, HANDLE handle, ULONG flags)
{
	IO_STATUS_BLOCK io;

	return lx_result(call, ZwSetInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation));
}

int64_t lx_sys_fcntl_f_setfl(struct lx_call *call, int32_t fd, uint32_t arg)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : set_status_flags(call, handle, arg & SETTABLE_FLAGS);
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

/* Does the number name a task, a process, or a process group of the instance? */
static bool owner_exists(int32_t type, int32_t id)
{
	bool exists;

	lx_lock_tree();
	if (type == LX_F_OWNER_TID)
		exists = lx_find_thread(id) != NULL;
	else
		exists = lx_find_process(id) != NULL || lx_find_thread(id) != NULL;
	lx_unlock_tree();
	return exists;
}

static int64_t set_owner(struct lx_call *call, int32_t fd, int32_t type, int32_t id)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	if (id && !owner_exists(type, id))
		return -LX_ESRCH;
	stream.file->lx_owner = (ULONGLONG)type << 32 | (uint32_t)id;
	return 0;
}

int64_t lx_sys_fcntl_f_setown(struct lx_call *call, int32_t fd, int32_t arg)
{
	if (arg == INT32_MIN)
		return -LX_EINVAL;
	return set_owner(call, fd, arg < 0 ? LX_F_OWNER_PGRP : LX_F_OWNER_PID, arg < 0 ? -arg : arg);
}

static int64_t get_owner(struct lx_call *call, int32_t fd, struct lx_f_owner_ex *owner)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	owner->type = (int32_t)(stream.file->lx_owner >> 32);
	owner->pid = (int32_t)(uint32_t)stream.file->lx_owner;
	if (owner->pid && !owner_exists(owner->type, owner->pid))
		owner->pid = 0;
	return 0;
}

int64_t lx_sys_fcntl_f_getown(struct lx_call *call, int32_t fd)
{
	struct lx_f_owner_ex owner;
	int64_t result = get_owner(call, fd, &owner);

	if (result < 0)
		return result;
	return owner.type == LX_F_OWNER_PGRP ? -owner.pid : owner.pid;
}

int64_t lx_sys_fcntl_f_setown_ex(struct lx_call *call, int32_t fd, struct lx_uptr address)
{
	struct lx_f_owner_ex owner;
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result == 0)
		result = lx_copy_in(call, &owner, address, sizeof(owner));
	if (result < 0)
		return result;
	if (owner.type != LX_F_OWNER_TID && owner.type != LX_F_OWNER_PID && owner.type != LX_F_OWNER_PGRP)
		return -LX_EINVAL;
	return set_owner(call, fd, owner.type, owner.pid);
}

int64_t lx_sys_fcntl_f_getown_ex(struct lx_call *call, int32_t fd, struct lx_uptr address)
{
	struct lx_f_owner_ex owner;
	int64_t result = get_owner(call, fd, &owner);

	return result < 0 ? result : lx_copy_out(call, address, &owner, sizeof(owner));
}

int64_t lx_sys_fcntl_f_setsig(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	if (arg < 0 || arg > LX_NSIG)
		return -LX_EINVAL;
	stream.file->lx_signal = (ULONG)arg;
	return 0;
}

int64_t lx_sys_fcntl_f_getsig(struct lx_call *call, int32_t fd)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	return result < 0 ? result : (int64_t)stream.file->lx_signal;
}

/* A command that no sub-row takes. */
int64_t lx_sys_fcntl(struct lx_call *call, int32_t fd, uint32_t cmd, uint64_t arg)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	return result < 0 ? result : -LX_EINVAL;
}
