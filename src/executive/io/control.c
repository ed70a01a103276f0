/*
 * Control codes and byte-range locks: NtFsControlFile, NtDeviceIoControlFile,
 * NtLockFile, NtUnlockFile.
 *
 * NT's own locks are taken as locks of the open file description (FSCTL_LX_RECORD_LOCK
 * without an owner), so that they meet those of Linux programs on the same file.
 * They stay advisory, as every lock on a Linux host is.
 */
#include <executive/io/internal.h>

/* F_OFD_* and lock types: Linux' values. */
enum { OFD_SETLK = 37, OFD_SETLKW = 38 };
enum { LOCK_READ = 0, LOCK_WRITE = 1, LOCK_NONE = 2 };
enum { HOST_EAGAIN = 11, HOST_EACCES = 13 };

/* What the I/O manager does for files whose driver has nothing of its own. */
static NTSTATUS control_by_default(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				   ULONG output_size, ULONG_PTR *information)
{
	switch (code) {
	case FSCTL_LX_FLOCK:
	case FSCTL_LX_RECORD_LOCK:
		return io_lock_inode(file, code, input, input_size, output, output_size, information);
	case FSCTL_LX_SPLICE:
		return io_copy_spliced(file, input, input_size, information);
	case FSCTL_LX_COPY_RANGE:
		return io_copy_range(file, input, input_size, information);
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

struct control {
	ULONG code, input_size, output_size;
	const void *input;
	void *output;
};

/* Both services; of devices nothing is done by default. */
static NTSTATUS run_control(HANDLE handle, bool device, const struct control *control, ULONG_PTR *information)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (!NT_SUCCESS(status))
		return status;
	status = (device ? IO_OPERATION(file, device_control) : IO_OPERATION(file, fs_control))(
		file, control->code, control->input, control->input_size, control->output, control->output_size, information);
	if (unlikely(status == STATUS_INVALID_DEVICE_REQUEST) && !device)
		status = control_by_default(file, control->code, control->input, control->input_size, control->output,
					    control->output_size, information);
	return status;
}

NTSTATUS NtFsControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
			 PIO_STATUS_BLOCK IoStatusBlock, ULONG FsControlCode, PVOID InputBuffer,
			 ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength)
{
	const struct control control = {FsControlCode, InputBufferLength, OutputBufferLength, InputBuffer, OutputBuffer};
	ULONG_PTR information = 0;
	NTSTATUS status = run_control(FileHandle, false, &control, &information);

	return io_complete(status, information, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

NTSTATUS NtDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
			       PIO_STATUS_BLOCK IoStatusBlock, ULONG IoControlCode, PVOID InputBuffer,
			       ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength)
{
	const struct control control = {IoControlCode, InputBufferLength, OutputBufferLength, InputBuffer, OutputBuffer};
	ULONG_PTR information = 0;
	NTSTATUS status = run_control(FileHandle, true, &control, &information);

	return io_complete(status, information, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

/* One lock operation; a length of 0 locks nothing in NT and everything behind in Linux, so it is refused. */
static NTSTATUS lock_operation(HANDLE handle, LARGE_INTEGER offset, LARGE_INTEGER length, ULONG command, SHORT type)
{
	cleanup_object struct io_file *file = NULL;
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {
	    .Command = command, .Type = type, .Start = offset.QuadPart, .Length = length.QuadPart};
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (!NT_SUCCESS(status))
		return status;
	if (!(file->access & (FILE_READ_DATA | FILE_WRITE_DATA)))
		return STATUS_ACCESS_DENIED;
	if (length.QuadPart <= 0 || offset.QuadPart < 0)
		return STATUS_INVALID_LOCK_RANGE;
	return IO_OPERATION(file, fs_control)(file, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock),
					      &information);
}

NTSTATUS NtLockFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
		    PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Length, ULONG Key,
		    BOOLEAN FailImmediately, BOOLEAN ExclusiveLock)
{
	NTSTATUS status = lock_operation(FileHandle, *ByteOffset, *Length, FailImmediately ? OFD_SETLK : OFD_SETLKW,
					 ExclusiveLock ? LOCK_WRITE : LOCK_READ);

	if (status == nt_status_from_errno(HOST_EAGAIN) ||
	    (status == nt_status_from_errno(HOST_EACCES) && FailImmediately))
		status = STATUS_LOCK_NOT_GRANTED;
	return io_complete(status, 0, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

NTSTATUS NtUnlockFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER ByteOffset,
		      PLARGE_INTEGER Length, ULONG Key)
{
	NTSTATUS status = lock_operation(FileHandle, *ByteOffset, *Length, OFD_SETLK, LOCK_NONE);

	return io_complete(status, 0, IoStatusBlock, NULL, NULL, NULL);
}
