/*
 * Pipes: pipe(2), pipe2(2), and the capacity and seal commands of fcntl(2).
 *
 * The read end is a new pipe (NtCreateNamedPipeFile with an empty name), the write
 * end a second file object on it (NtOpenFile relative to the read end).
 */
#include <descriptor/files.h>
#include <lx_syscalls.h>

#define PIPE_QUOTA 65536u

static NTSTATUS set_status_flags(HANDLE file, ULONG flags)
{
	IO_STATUS_BLOCK block;

	if (!flags)
		return STATUS_SUCCESS;
	return ZwSetInformationFile(file, &block, &flags, sizeof flags, FileLxStatusFlagsInformation);
}

static NTSTATUS create_ends(uint32_t flags, HANDLE ends[2])
{
	ULONG read_flags = flags & LX_O_NONBLOCK, write_flags = flags & (LX_O_NONBLOCK | LX_O_DIRECT);
	STRING name = rtl_string("\\Device\\NamedPipe\\"), none = {0, 0, NULL};
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK block;
	NTSTATUS status;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	status = ZwCreateNamedPipeFile(&ends[0], FILE_GENERIC_READ, &attributes, &block,
				       FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE, FILE_SYNCHRONOUS_IO_ALERT,
				       FILE_PIPE_BYTE_STREAM_TYPE, FILE_PIPE_BYTE_STREAM_TYPE,
				       read_flags ? FILE_PIPE_COMPLETE_OPERATION : FILE_PIPE_QUEUE_OPERATION, 1,
				       PIPE_QUOTA, PIPE_QUOTA, NULL);
	if (!NT_SUCCESS(status))
		return status;
	InitializeObjectAttributes(&attributes, &none, 0, ends[0], NULL);
	status = ZwOpenFile(&ends[1], FILE_GENERIC_WRITE, &attributes, &block, FILE_SHARE_READ | FILE_SHARE_WRITE,
			    FILE_SYNCHRONOUS_IO_ALERT);
	if (NT_SUCCESS(status)) {
		status = set_status_flags(ends[1], write_flags);
		if (NT_SUCCESS(status))
			return STATUS_SUCCESS;
		ZwClose(ends[1]);
	}
	ZwClose(ends[0]);
	return status;
}

int64_t lx_fd_install_pair(struct lx_call *call, const HANDLE handles[2], bool close_on_exec, struct lx_uptr to)
{
	int32_t descriptors[2];
	int64_t result = lx_fd_install(call, handles[0], close_on_exec, 0);

	if (result < 0) {
		ZwClose(handles[1]);
		return result;
	}
	descriptors[0] = (int32_t)result;
	result = lx_fd_install(call, handles[1], close_on_exec, 0);
	if (result >= 0) {
		descriptors[1] = (int32_t)result;
		result = lx_copy_out(call, to, descriptors, sizeof descriptors);
		if (result == 0)
			return 0;
		lx_fd_close(call, descriptors[1]);
	}
	lx_fd_close(call, descriptors[0]);
	return result;
}

int64_t lx_sys_pipe2(struct lx_call *call, struct lx_uptr pipefd, uint32_t flags)
{
	HANDLE ends[2];
	NTSTATUS status;

	/* O_EXCL is O_NOTIFICATION_PIPE here: ENOPKG from a kernel without watch queues. */
	if (flags & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_EXCL))
		return -LX_EINVAL;
	if (flags & LX_O_EXCL)
		return -LX_ENOPKG;
	status = create_ends(flags, ends);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install_pair(call, ends, flags & LX_O_CLOEXEC, pipefd);
}

int64_t lx_sys_pipe(struct lx_call *call, struct lx_uptr pipefd)
{
	return lx_sys_pipe2(call, pipefd, 0);
}

#define ALL_SEALS 0x3fu

/* A control with one number in (0: only ask) and one out; what is no such file says `otherwise`. */
static int64_t number_control(struct lx_call *call, int32_t fd, ULONG code, ULONG input, int64_t otherwise)
{
	IO_STATUS_BLOCK block = {0};
	ULONG output = 0;
	NTSTATUS status;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &block, code, &input, sizeof input, &output, sizeof output);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return otherwise;
	result = lx_result(call, status);
	return result < 0 ? result : (int64_t)output;
}

int64_t lx_sys_fcntl_f_setpipe_sz(struct lx_call *call, int32_t fd, uint32_t arg)
{
	/* No capacity is one page, as one byte is. */
	return number_control(call, fd, FSCTL_LX_PIPE_SIZE, arg ? arg : 1, -LX_EBADF);
}

int64_t lx_sys_fcntl_f_getpipe_sz(struct lx_call *call, int32_t fd)
{
	return number_control(call, fd, FSCTL_LX_PIPE_SIZE, 0, -LX_EBADF);
}

int64_t lx_sys_fcntl_f_add_seals(struct lx_call *call, int32_t fd, uint32_t arg)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, fd, 0, &stream);

	if (result < 0)
		return result;
	if (!(stream.access & FILE_WRITE_DATA))
		return -LX_EPERM;
	if (arg & ~ALL_SEALS)
		return -LX_EINVAL;
	result = number_control(call, fd, FSCTL_LX_SEALS, arg | FSCTL_LX_SEALS_ADD, -LX_EINVAL);

	return result < 0 ? result : 0;
}

int64_t lx_sys_fcntl_f_get_seals(struct lx_call *call, int32_t fd)
{
	return number_control(call, fd, FSCTL_LX_SEALS, 0, -LX_EINVAL);
}
