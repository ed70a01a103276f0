/*
 * Copying from file to file for drivers that have no way of their own: what sendfile(2) and copy_file_range(2) come down to.
 * The bytes go through a buffer of the call's. The source is read at places, so that only what was written counts as read.
 * No lock is held while either file is asked.
 */
#include <executive/io/internal.h>
#include <executive/ps/ps.h>

#define CHUNK 65536u

struct copy {
	struct io_file *source, *target;
	LONGLONG source_offset;
	LONGLONG target_offset; /* -1: the target's own position */
	uint64_t size, done;
	void *buffer;
};

static NTSTATUS seek(struct io_file *file, LONGLONG offset, ULONG whence, LONGLONG *position)
{
	FSCTL_LX_SEEK_INPUT input = {.Offset = offset, .Whence = whence};
	ULONG_PTR information = 0;

	return IO_OPERATION(file, fs_control)(file, FSCTL_LX_SEEK, &input, sizeof(input), position, sizeof(*position), &information);
}

static NTSTATUS read_chunk(struct copy *copy, size_t *count)
{
	LARGE_INTEGER offset = {.QuadPart = copy->source_offset + (LONGLONG)copy->done};
	struct io_buffer buffer;
	ULONG_PTR information = 0;
	NTSTATUS status;

	io_buffer_from_kernel(&buffer, copy->buffer, *count);
	status = IO_OPERATION(copy->source, read)(copy->source, &buffer, &offset, 0, &information);
	ps_count_transfer(false, status, information);
	*count = information;
	return status == STATUS_END_OF_FILE ? STATUS_SUCCESS : status;
}

static NTSTATUS write_chunk(struct copy *copy, size_t *count)
{
	LARGE_INTEGER offset = {.QuadPart = copy->target_offset + (LONGLONG)copy->done};
	struct io_buffer buffer;
	ULONG_PTR information = 0;
	NTSTATUS status;

	io_buffer_from_kernel(&buffer, copy->buffer, *count);
	status = IO_OPERATION(copy->target, write)(copy->target, &buffer, copy->target_offset < 0 ? NULL : &offset, 0, &information);
	ps_count_transfer(true, status, information);
	*count = information;
	return status;
}

/* What was moved counts; without anything, why not. */
static NTSTATUS run(struct copy *copy, ULONG_PTR *information)
{
	cleanup_free void *buffer = aligned_alloc(IO_BOUNCE_ALIGNMENT, CHUNK); /* either file may be open with O_DIRECT */
	NTSTATUS status = buffer ? STATUS_SUCCESS : STATUS_NO_MEMORY;

	copy->buffer = buffer;
	while (status == STATUS_SUCCESS && copy->done < copy->size) {
		size_t got = (size_t)MIN_OF(copy->size - copy->done, (uint64_t)CHUNK), put;

		status = read_chunk(copy, &got);
		if (status != STATUS_SUCCESS || !got)
			break;
		put = got;
		status = write_chunk(copy, &put);
		copy->done += put;
		if (put < got)
			break;
	}
	*information = copy->done;
	return copy->done ? STATUS_SUCCESS : status;
}

/* No further than the source is long, whatever a read of it would give: of /proc's files, nothing. */
static void bound_by_size(struct copy *copy)
{
	FILE_LX_STATX_INFORMATION source;
	uint64_t start = (uint64_t)copy->source_offset;

	if (io_query_file(copy->source, FileLxStatxInformation, &source, sizeof(source)) != STATUS_SUCCESS)
		return;
	copy->size = source.Size > start ? MIN_OF(copy->size, source.Size - start) : 0;
}

/* From the source's own position, which moves, if no place is given. */
static NTSTATUS run_from(struct copy *copy, LONGLONG offset, bool bounded, ULONG_PTR *information)
{
	NTSTATUS status = STATUS_SUCCESS;

	copy->source_offset = offset;
	if (offset < 0)
		status = seek(copy->source, 0, 1, &copy->source_offset);
	if (!NT_SUCCESS(status))
		return STATUS_INVALID_PARAMETER;
	if (bounded)
		bound_by_size(copy);
	status = run(copy, information);
	if (offset < 0 && copy->done)
		seek(copy->source, copy->source_offset + (LONGLONG)copy->done, 0, &copy->source_offset);
	return status;
}

NTSTATUS io_copy_spliced(struct io_file *file, const void *input, ULONG input_size, ULONG_PTR *information)
{
	const FSCTL_LX_SPLICE_INPUT *in = input;
	struct copy copy = {.target = file, .target_offset = -1};
	cleanup_object struct io_file *source = NULL;
	NTSTATUS status;

	if (input_size < sizeof(*in))
		return STATUS_INVALID_PARAMETER;
	if (in->Operation != FSCTL_LX_SPLICE_FROM)
		return STATUS_INVALID_DEVICE_REQUEST;
	status = io_reference_file(in->Other, FILE_READ_DATA, &source);
	if (!NT_SUCCESS(status))
		return status;
	copy.source = source;
	copy.size = in->Length;
	return run_from(&copy, in->Offset, false, information);
}

/* Only within one device, as Linux copies only within one kind of file system. */
NTSTATUS io_copy_range(struct io_file *file, const void *input, ULONG input_size, ULONG_PTR *information)
{
	const FSCTL_LX_COPY_RANGE_INPUT *in = input;
	struct copy copy = {.target = file};
	cleanup_object struct io_file *source = NULL;
	NTSTATUS status;

	if (input_size < sizeof(*in))
		return STATUS_INVALID_PARAMETER;
	status = io_reference_file(in->Source, FILE_READ_DATA, &source);
	if (!NT_SUCCESS(status))
		return status;
	if (source->device != file->device)
		return STATUS_NOT_SAME_DEVICE;
	copy.source = source;
	copy.target_offset = in->TargetOffset;
	copy.size = in->Length;
	return run_from(&copy, in->SourceOffset, true, information);
}
