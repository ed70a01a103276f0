/*
 * Whom a file's readiness is told by a signal, and whether: F_SETOWN, F_SETOWN_EX, F_SETSIG of fcntl(2), O_ASYNC, and
 * FIOASYNC of ioctl(2). All of it is kept with the file object, so that every descriptor of the description shows the
 * same. Who changes a file's readiness tells it (executive/io/async.h); how the signal is sent: event/sigio.c.
 */
#include <core/process.h>
#include <core/session.h>
#include <core/thread.h>
#include <descriptor/owner.h>
#include <lx_structs.h>
#include <lx_syscalls.h>

uint64_t lx_owner_birth(int32_t kind, int32_t id)
{
	struct lx_task task;

	return kind != LX_F_OWNER_PGRP && lx_task_of_number(id, &task) ? task.process->start_time_ns : 0;
}

static void count_member(struct lx_process *process, void *context)
{
	*(bool *)context = true;
}

/* Does anybody bear the number, as what it is to be? Under lx_tree_lock. */
static bool owner_exists(int32_t kind, int32_t id)
{
	bool found = false;

	if (kind == LX_F_OWNER_PGRP)
		lx_walk_group(id, count_member, &found);
	else
		found = lx_find_process(id) || lx_find_thread(id);
	return found;
}

/* The kernel takes any number that is borne by anybody as anything. */
static bool number_exists(int32_t id)
{
	return owner_exists(LX_F_OWNER_PID, id) || owner_exists(LX_F_OWNER_PGRP, id);
}

static int64_t set_owner(struct lx_call *call, const struct lx_stream *stream, int32_t kind, int32_t id, bool once)
{
	const struct se_token *token = call->thread->token;
	struct io_owner owner = {.kind = kind, .id = id, .uid = token->ruid, .euid = token->euid};
	bool exists = true;

	if (id) {
		lx_lock_tree();
		exists = number_exists(id);
		owner.birth = lx_owner_birth(kind, id);
		lx_unlock_tree();
	}
	return exists ? lx_result(call, io_async_set_owner(stream->file, &owner, once)) : -LX_ESRCH;
}

int64_t lx_sys_fcntl_f_setown(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	if (arg == INT32_MIN)
		return -LX_EINVAL;
	return set_owner(call, &stream, arg < 0 ? LX_F_OWNER_PGRP : LX_F_OWNER_PID, arg < 0 ? -arg : arg, false);
}

static int64_t get_owner(struct lx_call *call, int32_t fd, struct lx_f_owner_ex *shown)
{
	struct lx_stream stream;
	struct io_owner owner;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	owner = io_async_owner(stream.file);
	*shown = (struct lx_f_owner_ex){owner.kind, owner.id};
	if (!owner.id)
		return 0;
	lx_lock_tree();
	if (!owner_exists(owner.kind, owner.id) || lx_owner_birth(owner.kind, owner.id) != owner.birth)
		shown->pid = 0;
	lx_unlock_tree();
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
		result = lx_in_f_owner_ex(call, &owner, address);
	if (result < 0)
		return result;
	if (owner.type != LX_F_OWNER_TID && owner.type != LX_F_OWNER_PID && owner.type != LX_F_OWNER_PGRP)
		return -LX_EINVAL;
	return set_owner(call, &stream, owner.type, owner.pid, false);
}

int64_t lx_sys_fcntl_f_getown_ex(struct lx_call *call, int32_t fd, struct lx_uptr address)
{
	struct lx_f_owner_ex owner;
	int64_t result = get_owner(call, fd, &owner);

	return result < 0 ? result : lx_out_f_owner_ex(call, address, &owner);
}

int64_t lx_sys_fcntl_f_setsig(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	if (arg < 0 || arg > LX_NSIG)
		return -LX_EINVAL;
	return lx_result(call, io_async_set_signal(stream.file, arg));
}

int64_t lx_sys_fcntl_f_getsig(struct lx_call *call, int32_t fd)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	return result < 0 ? result : io_async_owner(stream.file).signal;
}

/* A terminal that nobody owns becomes its foreground group's, or the caller's. */
static int64_t own_terminal(struct lx_call *call, const struct lx_stream *stream)
{
	FSCTL_LX_TERMINAL_OUTPUT terminal;
	const struct lx_session *session;
	IO_STATUS_BLOCK block = {0};
	int32_t group = 0;

	if (!NT_SUCCESS(ZwFsControlFile(stream->handle, NULL, NULL, NULL, &block, FSCTL_LX_TERMINAL, NULL, 0, &terminal,
					sizeof(terminal))))
		return 0;
	lx_lock_tree();
	session = terminal.Master ? NULL : lx_session_with_terminal(terminal.Number);
	if (session && owner_exists(LX_F_OWNER_PGRP, session->foreground))
		group = session->foreground;
	lx_unlock_tree();
	if (group)
		return set_owner(call, stream, LX_F_OWNER_PGRP, group, true);
	return set_owner(call, stream, LX_F_OWNER_PID, call->thread->tid, true);
}

int64_t lx_set_async(struct lx_call *call, int32_t fd, const struct lx_stream *stream, bool on)
{
	FSCTL_LX_ASYNC_INPUT input = {.On = on, .Descriptor = fd};
	IO_STATUS_BLOCK block = {0};
	ULONG flags = 0;
	NTSTATUS status;
	int64_t result;

	status = ZwQueryInformationFile(stream->handle, &block, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	if (!(flags & LX_O_ASYNC) == !on)
		return 0;
	status = ZwFsControlFile(stream->handle, NULL, NULL, NULL, &block, FSCTL_LX_ASYNC, &input, sizeof(input), NULL, 0);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return -LX_ENOTTY;
	result = lx_result(call, status);
	return result == 0 && on ? own_terminal(call, stream) : result;
}

int64_t lx_sys_ioctl_fioasync(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_stream stream;
	int32_t on;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result == 0)
		result = lx_copy_in(call, &on, argp, sizeof(on));
	return result < 0 ? result : lx_set_async(call, fd, &stream, on);
}
