/*
 * Access by Linux' rules on the caller's token, and the small matters of names
 * and directory records.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <executive/ps/ps.h>

const struct se_token *fsrtl_token(void)
{
	struct ps_thread *thread = ps_current_thread();

	if (!thread)
		return NULL;
	if (thread->token)
		return thread->token;
	return thread->process ? thread->process->token : NULL;
}

bool fsrtl_capable(unsigned capability)
{
	const struct se_token *token = fsrtl_token();

	return !token || token->cap_effective >> capability & 1;
}

bool fsrtl_is_owner(const FILE_LX_STATX_INFORMATION *attributes)
{
	const struct se_token *token = fsrtl_token();

	return !token || token->fsuid == attributes->Uid;
}

static unsigned class_bits(const struct se_token *token, const FILE_LX_STATX_INFORMATION *attributes)
{
	if (token->fsuid == attributes->Uid)
		return attributes->Mode >> 6 & 7;
	if (token->fsgid == attributes->Gid)
		return attributes->Mode >> 3 & 7;
	for (uint32_t i = 0; i < token->group_count; i++)
		if (token->groups[i] == attributes->Gid)
			return attributes->Mode >> 3 & 7;
	return attributes->Mode & 7;
}

bool fsrtl_permitted(const FILE_LX_STATX_INFORMATION *attributes, unsigned wanted)
{
	const struct se_token *token = fsrtl_token();
	bool directory = (attributes->Mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR;

	if (!token || (wanted & ~class_bits(token, attributes)) == 0)
		return true;
	if (directory && !(wanted & FSRTL_WRITE) && fsrtl_capable(FSRTL_CAP_DAC_READ_SEARCH))
		return true;
	if (!directory && wanted == FSRTL_READ && fsrtl_capable(FSRTL_CAP_DAC_READ_SEARCH))
		return true;
	if (directory || !(wanted & FSRTL_EXECUTE) || attributes->Mode & 0111)
		return fsrtl_capable(FSRTL_CAP_DAC_OVERRIDE);
	return false;
}

unsigned fsrtl_wanted(ACCESS_MASK access)
{
	unsigned wanted = 0;

	if (access & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL))
		wanted |= FSRTL_READ;
	if (access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL))
		wanted |= FSRTL_WRITE;
	if (access & (FILE_EXECUTE | GENERIC_EXECUTE))
		wanted |= FSRTL_EXECUTE;
	return wanted;
}

static ULONG entry_attributes(ULONG mode)
{
	if ((mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR)
		return FILE_ATTRIBUTE_DIRECTORY;
	return (mode & FSRTL_S_IFMT) == FSRTL_S_IFREG ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_REPARSE_POINT;
}

static ULONG entry_tag(ULONG mode)
{
	static const struct {
		ULONG type, tag;
	} tags[] = {
		{FSRTL_S_IFLNK, IO_REPARSE_TAG_LX_SYMLINK}, {FSRTL_S_IFIFO, IO_REPARSE_TAG_LX_FIFO},
		{FSRTL_S_IFCHR, IO_REPARSE_TAG_LX_CHR},	    {FSRTL_S_IFBLK, IO_REPARSE_TAG_LX_BLK},
		{FSRTL_S_IFSOCK, IO_REPARSE_TAG_AF_UNIX},
	};

	for (size_t i = 0; i < ARRAY_COUNT(tags); i++)
		if (tags[i].type == (mode & FSRTL_S_IFMT))
			return tags[i].tag;
	return 0;
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
		.FileAttributes = entry_attributes(entry->mode),
		.FileNameLength = (ULONG)entry->name_length,
		.ReparsePointTag = entry_tag(entry->mode),
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

bool fsrtl_next_component(STRING *name, STRING *component)
{
	USHORT length = 0;

	while (name->Length && *name->Buffer == '/') {
		name->Buffer++;
		name->Length--;
	}
	while (length < name->Length && name->Buffer[length] != '/')
		length++;
	*component = (STRING){length, length, name->Buffer};
	name->Buffer += length;
	name->Length = (USHORT)(name->Length - length);
	return length != 0;
}

bool fsrtl_name_is(const STRING *name, const char *text)
{
	return name->Length == strlen(text) && !memcmp(name->Buffer, text, name->Length);
}
