/*
 * Moving data: NtReadFile, NtWriteFile, flushing, cancelling, and completion.
 *
 * Requests are synchronous, so a service returns the final status and never
 * STATUS_PENDING; event and APC are served for callers written against NT. The
 * path of a read is: handle, access, driver; nothing is allocated on it.
 */
#include <executive/io/internal.h>
#include <executive/ps/ps.h>

NTSTATUS io_complete(NTSTATUS status, ULONG_PTR information, IO_STATUS_BLOCK *block, HANDLE event,
		     PIO_APC_ROUTINE routine, PVOID context)
{
	block->Status = status;
	block->Information = information;
	if (unlikely(event))
		NtSetEvent(event, NULL);
	if (unlikely(routine) && NT_SUCCESS(status))
		/* An APC routine's arguments are pointer-sized: context, status block, reserved. */
		NtQueueApcThread(NtCurrentThread(), (PPS_APC_ROUTINE)(void (*)(void))routine, context, block, NULL);
	return status;
}

/* Before a request starts: its event must exist, and shows the request as under way. */
static NTSTATUS prepare_event(HANDLE event)
{
	return unlikely(event) ? NtResetEvent(event, NULL) : STATUS_SUCCESS;
}

/* NULL: at the current position. FILE_WRITE_TO_END_OF_FILE reaches the driver as such. */
static const LARGE_INTEGER *position_of(const LARGE_INTEGER *offset)
{
	if (!offset || (offset->HighPart == -1 && offset->LowPart == FILE_USE_FILE_POINTER_POSITION))
		return NULL;
	return offset;
}

static bool valid_offset(const LARGE_INTEGER *position, bool writing)
{
	return !position || position->QuadPart >= 0 ||
	       (writing && position->HighPart == -1 && position->LowPart == FILE_WRITE_TO_END_OF_FILE);
}

/* The part of `buffer` that the request uses: the whole or, when Length says less, a copy cut short. */
static const struct io_buffer *limit_buffer(const struct io_buffer *buffer, ULONG length, struct io_buffer *cut)
{
	if (buffer->count != 1 || buffer->segments[0].size <= length)
		return buffer;
	*cut = *buffer;
	cut->single = (struct io_segment){buffer->segments[0].base, length};
	cut->segments = &cut->single;
	return cut;
}

NTSTATUS NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
		    PIO_STATUS_BLOCK IoStatusBlock, PIO_BUFFER Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
		    PULONG Key)
{
	cleanup_object struct io_file *file = NULL;
	const LARGE_INTEGER *position = position_of(ByteOffset);
	struct io_buffer cut;
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(FileHandle, FILE_READ_DATA, &file);

	if (NT_SUCCESS(status) && !valid_offset(position, false))
		status = STATUS_INVALID_PARAMETER;
	if (NT_SUCCESS(status))
		status = prepare_event(Event);
	if (!NT_SUCCESS(status)) {
		*IoStatusBlock = (IO_STATUS_BLOCK){status, 0};
		return status;
	}
	status =
	    IO_OPERATION(file, read)(file, limit_buffer(Buffer, Length, &cut), position, Key ? *Key : 0, &information);
	ps_count_transfer(false, status, information);
	return io_complete(status, information, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

NTSTATUS NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
		     PIO_STATUS_BLOCK IoStatusBlock, PIO_BUFFER Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
		     PULONG Key)
{
	cleanup_object struct io_file *file = NULL;
	const LARGE_INTEGER *position = position_of(ByteOffset);
	struct io_buffer cut;
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(FileHandle, 0, &file);

	if (NT_SUCCESS(status) && !(file->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		status = STATUS_ACCESS_DENIED;
	if (NT_SUCCESS(status) && !valid_offset(position, true))
		status = STATUS_INVALID_PARAMETER;
	if (NT_SUCCESS(status))
		status = prepare_event(Event);
	if (!NT_SUCCESS(status)) {
		*IoStatusBlock = (IO_STATUS_BLOCK){status, 0};
		return status;
	}
	status =
	    IO_OPERATION(file, write)(file, limit_buffer(Buffer, Length, &cut), position, Key ? *Key : 0, &information);
	ps_count_transfer(true, status, information);
	return io_complete(status, information, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

NTSTATUS NtFlushBuffersFileEx(HANDLE FileHandle, ULONG Flags, PVOID Parameters, ULONG ParametersSize,
			      PIO_STATUS_BLOCK IoStatusBlock)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(FileHandle, 0, &file);

	if (NT_SUCCESS(status) &&
	    (Flags & ~(FLUSH_FLAGS_FILE_DATA_ONLY | FLUSH_FLAGS_NO_SYNC | FLUSH_FLAGS_FILE_DATA_SYNC_ONLY)))
		status = STATUS_INVALID_PARAMETER;
	if (NT_SUCCESS(status))
		status = IO_OPERATION(file, flush)(file, Flags);
	return io_complete(status, 0, IoStatusBlock, NULL, NULL, NULL);
}

/* Linux lets a descriptor without write access be flushed, and so does this. */
NTSTATUS NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
	return NtFlushBuffersFileEx(FileHandle, 0, NULL, 0, IoStatusBlock);
}

/* The caller's own requests are finished when it can call this: there is nothing left to cancel. */
NTSTATUS NtCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(FileHandle, 0, &file);

	return io_complete(status, 0, IoStatusBlock, NULL, NULL, NULL);
}
