/*
 * What a file object and its file are: NtQueryInformationFile and its relatives.
 *
 * Classes that belong to the file object are answered here, all others by the
 * driver. A class that names another directory by handle gets it resolved here,
 * so that drivers see file objects only.
 */
#include <executive/io/internal.h>

static NTSTATUS give(const void *answer, size_t answer_size, void *data, ULONG size, ULONG_PTR *information)
{
	if (size < answer_size)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(data, answer, answer_size);
	*information = answer_size;
	return STATUS_SUCCESS;
}

static NTSTATUS query_access(HANDLE handle, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_ACCESS_INFORMATION answer;
	NTSTATUS status = ob_handle_access(handle, &answer.AccessFlags);

	return NT_SUCCESS(status) ? give(&answer, sizeof(answer), data, size, information) : status;
}

static NTSTATUS query_mode(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	const ULONG shown = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_NO_INTERMEDIATE_BUFFERING |
			    FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT | FILE_DELETE_ON_CLOSE;
	FILE_MODE_INFORMATION answer = {file->options & shown};

	return give(&answer, sizeof(answer), data, size, information);
}

/* The name as it was opened, for drivers that know no better. */
static NTSTATUS query_name(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	const size_t header = offsetof(FILE_NAME_INFORMATION, FileName);
	FILE_NAME_INFORMATION *answer = data;
	NTSTATUS status = STATUS_SUCCESS;

	if (size < header)
		return STATUS_INFO_LENGTH_MISMATCH;
	rtl_lock(&file->lock);
	answer->FileNameLength = file->name.Length;
	if (size - header < file->name.Length)
		status = STATUS_BUFFER_OVERFLOW;
	memcpy(answer->FileName, file->name.Buffer, MIN_OF(size - header, (size_t)file->name.Length));
	*information = header + MIN_OF(size - header, (size_t)file->name.Length);
	rtl_unlock(&file->lock);
	return status;
}

static NTSTATUS query_position(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_POSITION_INFORMATION answer;

	rtl_lock(&file->lock);
	answer.CurrentByteOffset.QuadPart = file->position;
	rtl_unlock(&file->lock);
	return give(&answer, sizeof(answer), data, size, information);
}

/* The file object's own answer to a class that the driver leaves alone. */
static NTSTATUS query_generic(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
			      ULONG_PTR *information)
{
	if (class == FileNameInformation)
		return query_name(file, data, size, information);
	if (class == FilePositionInformation)
		return query_position(file, data, size, information);
	return STATUS_INVALID_INFO_CLASS;
}

NTSTATUS io_query_file(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size)
{
	ULONG_PTR information = 0;

	return IO_OPERATION(file, query_information)(file, class, data, size, &information);
}

LONGLONG io_file_position(struct io_file *file)
{
	FSCTL_LX_SEEK_INPUT seek = {.Offset = 0, .Whence = SEEK_CUR};
	LONGLONG position = 0;
	ULONG_PTR information = 0;
	NTSTATUS status = IO_OPERATION(file, fs_control)(file, FSCTL_LX_SEEK, &seek, sizeof seek, &position, sizeof position,
							 &information);

	return status == STATUS_SUCCESS ? position : 0;
}

static NTSTATUS query_information(HANDLE handle, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				  ULONG_PTR *information)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (!NT_SUCCESS(status))
		return status;
	if (class == FileAccessInformation)
		return query_access(handle, data, size, information);
	if (class == FileModeInformation)
		return query_mode(file, data, size, information);
	status = IO_OPERATION(file, query_information)(file, class, data, size, information);
	return status == STATUS_INVALID_INFO_CLASS ? query_generic(file, class, data, size, information) : status;
}

NTSTATUS NtQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID FileInformation, ULONG Length,
				FILE_INFORMATION_CLASS FileInformationClass)
{
	ULONG_PTR information = 0;
	NTSTATUS status = query_information(FileHandle, FileInformationClass, FileInformation, Length, &information);

	return io_complete(status, information, IoStatusBlock, NULL, NULL, NULL);
}

/* The directory that a class names by handle, if it is one of those. */
static NTSTATUS reference_target(FILE_INFORMATION_CLASS class, const void *data, ULONG size, struct io_file **target)
{
	HANDLE directory = NULL;

	switch ((int)class) {
	case FileRenameInformation:
	case FileRenameInformationEx:
	case FileLinkInformation:
	case FileLinkInformationEx:
		if (size < offsetof(FILE_RENAME_INFORMATION, FileName) ||
		    ((const FILE_RENAME_INFORMATION *)data)->FileNameLength >
			size - offsetof(FILE_RENAME_INFORMATION, FileName))
			return STATUS_INFO_LENGTH_MISMATCH;
		directory = ((const FILE_RENAME_INFORMATION *)data)->RootDirectory;
		break;
	case FileLxRenameInformation:
		if (size < sizeof(FILE_LX_RENAME_INFORMATION))
			return STATUS_INFO_LENGTH_MISMATCH;
		directory = ((const FILE_LX_RENAME_INFORMATION *)data)->RootDirectory;
		break;
	default:
		break;
	}
	return directory ? io_reference_file(directory, 0, target) : STATUS_SUCCESS;
}

/* Setting the position of a file whose driver keeps none. */
static NTSTATUS set_generic(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size)
{
	LONGLONG offset;

	if (class != FilePositionInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (size < sizeof(FILE_POSITION_INFORMATION))
		return STATUS_INFO_LENGTH_MISMATCH;
	offset = ((const FILE_POSITION_INFORMATION *)data)->CurrentByteOffset.QuadPart;
	if (offset < 0)
		return STATUS_INVALID_PARAMETER;
	rtl_lock(&file->lock);
	file->position = offset;
	rtl_unlock(&file->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS set_information(HANDLE handle, FILE_INFORMATION_CLASS class, const void *data, ULONG size)
{
	cleanup_object struct io_file *file = NULL;
	cleanup_object struct io_file *target = NULL;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (NT_SUCCESS(status))
		status = reference_target(class, data, size, &target);
	if (!NT_SUCCESS(status))
		return status;
	if (target && target->device != file->device)
		return STATUS_NOT_SAME_DEVICE;
	status = IO_OPERATION(file, set_information)(file, class, data, size, target);
	return status == STATUS_INVALID_INFO_CLASS ? set_generic(file, class, data, size) : status;
}

NTSTATUS NtSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID FileInformation, ULONG Length,
			      FILE_INFORMATION_CLASS FileInformationClass)
{
	return io_complete(set_information(FileHandle, FileInformationClass, FileInformation, Length), 0, IoStatusBlock,
			   NULL, NULL, NULL);
}

/* A pattern is for drivers that have one; Linux' directories are always read whole. */
static bool is_everything(const STRING *pattern)
{
	return !pattern || !pattern->Length || (pattern->Length == 1 && pattern->Buffer[0] == '*');
}

NTSTATUS NtQueryDirectoryFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
			      PIO_STATUS_BLOCK IoStatusBlock, PVOID FileInformation, ULONG Length,
			      FILE_INFORMATION_CLASS FileInformationClass, BOOLEAN ReturnSingleEntry, PSTRING FileName,
			      BOOLEAN RestartScan)
{
	cleanup_object struct io_file *file = NULL;
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(FileHandle, FILE_LIST_DIRECTORY, &file);

	if (NT_SUCCESS(status) && !is_everything(FileName))
		status = STATUS_NOT_SUPPORTED;
	if (NT_SUCCESS(status))
		status = IO_OPERATION(file, query_directory)(file, FileInformationClass, FileInformation, Length,
							     RestartScan, ReturnSingleEntry, &information);
	return io_complete(status, information, IoStatusBlock, Event, ApcRoutine, ApcContext);
}

NTSTATUS NtQueryVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID FsInformation,
				      ULONG Length, FS_INFORMATION_CLASS FsInformationClass)
{
	cleanup_object struct io_file *file = NULL;
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(FileHandle, 0, &file);

	if (NT_SUCCESS(status))
		status =
		    IO_OPERATION(file, query_volume)(file, FsInformationClass, FsInformation, Length, &information);
	return io_complete(status, information, IoStatusBlock, NULL, NULL, NULL);
}

NTSTATUS NtQueryEaFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length,
		       BOOLEAN ReturnSingleEntry, PVOID EaList, ULONG EaListLength, PULONG EaIndex, BOOLEAN RestartScan)
{
	cleanup_object struct io_file *file = NULL;
	ULONG_PTR information = 0;
	NTSTATUS status = io_reference_file(FileHandle, FILE_READ_EA, &file);

	if (NT_SUCCESS(status) && EaIndex)
		status = STATUS_NOT_SUPPORTED; /* Linux' attributes have no stable numbering */
	if (NT_SUCCESS(status))
		status = IO_OPERATION(file, query_ea)(file, Buffer, Length, EaList, EaListLength, RestartScan,
						      ReturnSingleEntry, &information);
	return io_complete(status, information, IoStatusBlock, NULL, NULL, NULL);
}

NTSTATUS NtSetEaFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(FileHandle, FILE_WRITE_EA, &file);

	if (NT_SUCCESS(status))
		status = IO_OPERATION(file, set_ea)(file, Buffer, Length);
	return io_complete(status, 0, IoStatusBlock, NULL, NULL, NULL);
}
