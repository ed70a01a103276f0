/* Names: walked component by component, packed into directory records, given out as a file's name or a link's target. */
#include <drivers/fsrtl/fsrtl.h>

ULONG fsrtl_reparse_tag(ULONG mode)
{
	switch (mode & FSRTL_S_IFMT) {
	case FSRTL_S_IFLNK:
		return IO_REPARSE_TAG_LX_SYMLINK;
	case FSRTL_S_IFIFO:
		return IO_REPARSE_TAG_LX_FIFO;
	case FSRTL_S_IFCHR:
		return IO_REPARSE_TAG_LX_CHR;
	case FSRTL_S_IFBLK:
		return IO_REPARSE_TAG_LX_BLK;
	case FSRTL_S_IFSOCK:
		return IO_REPARSE_TAG_AF_UNIX;
	default:
		return 0;
	}
}

ULONG fsrtl_entry_attributes(ULONG mode)
{
	ULONG type = mode & FSRTL_S_IFMT;

	if (type == FSRTL_S_IFDIR)
		return FILE_ATTRIBUTE_DIRECTORY;
	if (type == FSRTL_S_IFREG)
		return FILE_ATTRIBUTE_NORMAL;
	return fsrtl_reparse_tag(mode) ? FILE_ATTRIBUTE_REPARSE_POINT : 0;
}

bool fsrtl_add_entry(struct fsrtl_directory_writer *writer, const struct fsrtl_directory_entry *entry)
{
	size_t start = ALIGN_UP(writer->used, (size_t)8);
	size_t record = offsetof(FILE_ID_EXTD_DIR_INFORMATION, FileName) + entry->name_length;
	size_t shown = ALIGN_UP(19 + entry->name_length + 1, (size_t)8);
	FILE_ID_EXTD_DIR_INFORMATION *out;

	if (start > writer->size || record > writer->size - start || writer->shown + shown > writer->size / 4)
		return false;
	writer->shown += shown;
	out = (void *)(writer->data + start);
	*out = (FILE_ID_EXTD_DIR_INFORMATION){
		.FileIndex = (ULONG)entry->cookie,
		.FileAttributes = fsrtl_entry_attributes(entry->mode),
		.FileNameLength = (ULONG)entry->name_length,
		.ReparsePointTag = fsrtl_reparse_tag(entry->mode),
		.FileIdLow = entry->inode,
		.PositionCookie = entry->cookie,
	};
	memcpy((UCHAR *)out + offsetof(FILE_ID_EXTD_DIR_INFORMATION, FileName), entry->name, entry->name_length);
	if (writer->last)
		writer->last->NextEntryOffset = (ULONG)((UCHAR *)out - (UCHAR *)writer->last);
	writer->last = out;
	writer->used = start + record;
	return true;
}

static void skip_slashes(STRING *name)
{
	while (name->Length && *name->Buffer == '/') {
		name->Buffer++;
		name->Length--;
	}
}

bool fsrtl_next_component(STRING *name, STRING *component)
{
	USHORT length = 0;

	skip_slashes(name);
	while (length < name->Length && name->Buffer[length] != '/')
		length++;
	*component = (STRING){length, length, name->Buffer};
	name->Buffer += length;
	name->Length = (USHORT)(name->Length - length);
	return length != 0;
}

NTSTATUS fsrtl_missing(STRING rest)
{
	skip_slashes(&rest);
	return rest.Length ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
}

bool fsrtl_name_is(const STRING *name, const char *text)
{
	return name->Length == strlen(text) && !memcmp(name->Buffer, text, name->Length);
}

NTSTATUS fsrtl_return_name(const char *name, size_t length, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_NAME_INFORMATION *answer = data;
	size_t room;

	if (size < sizeof *answer)
		return STATUS_INFO_LENGTH_MISMATCH;
	room = size - offsetof(FILE_NAME_INFORMATION, FileName);
	answer->FileNameLength = (ULONG)length;
	memcpy(answer->FileName, name, MIN_OF(length, room));
	*information = offsetof(FILE_NAME_INFORMATION, FileName) + MIN_OF(length, room);
	return length <= room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

/* An LX_SYMLINK's data: u32 2, then the target without a NUL. */
NTSTATUS fsrtl_return_link(const char *target, size_t length, void *data, ULONG size, ULONG_PTR *information)
{
	REPARSE_DATA_BUFFER *answer = data;
	const ULONG version = 2;

	if (size < sizeof *answer + sizeof version + length)
		return STATUS_BUFFER_TOO_SMALL;
	*answer = (REPARSE_DATA_BUFFER){.ReparseTag = IO_REPARSE_TAG_LX_SYMLINK,
					.ReparseDataLength = (USHORT)(sizeof version + length)};
	memcpy(answer->DataBuffer, &version, sizeof version);
	memcpy(answer->DataBuffer + sizeof version, target, length);
	*information = sizeof *answer + sizeof version + length;
	return STATUS_SUCCESS;
}
