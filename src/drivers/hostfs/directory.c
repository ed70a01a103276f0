/*
 * NtQueryDirectoryFile over getdents64(2).
 *
 * The host's records are read into the tail of the caller's buffer and turned
 * into NT's from its front, which works without any other memory because NT's
 * record is never more than four times the host's (96 bytes against 24 for the
 * shortest name): the host is asked for a quarter of the size. So the host's
 * position is exactly behind the last record that the caller gets.
 */
#include <assert.h>
#include <dirent.h>
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <sys/types.h>

struct host_entry {
	uint64_t inode;
	int64_t cookie;
	uint16_t size;
	uint8_t type;
	char name[];
};

#define HOST_HEADER offsetof(struct host_entry, name)
#define RECORD_HEADER offsetof(FILE_ID_EXTD_DIR_INFORMATION, FileName)

_Static_assert(RECORD_HEADER + 1 <= 96, "four times the host's shortest record");

/* NT's record of an entry, whose name may lie in what is overwritten; the record's size. */
static size_t put_record(UCHAR *at, const struct host_entry *entry, const char *name)
{
	FILE_ID_EXTD_DIR_INFORMATION *record = (FILE_ID_EXTD_DIR_INFORMATION *)at;
	size_t length = strnlen(name, entry->size - HOST_HEADER);
	size_t size = ALIGN_UP(RECORD_HEADER + length, (size_t)8);
	ULONG mode = DTTOIF((ULONG)entry->type);

	memmove(record->FileName, name, length);
	memset(record, 0, RECORD_HEADER);
	record->NextEntryOffset = (ULONG)size;
	record->FileIndex = (ULONG)entry->cookie;
	record->FileAttributes = fsrtl_entry_attributes(mode);
	record->ReparsePointTag = fsrtl_reparse_tag(mode);
	record->FileNameLength = (ULONG)length;
	record->FileIdLow = entry->inode;
	record->PositionCookie = (ULONGLONG)entry->cookie;
	return size;
}

/*
 * Turn `host_size` bytes of host records at `host` into records from `data` on; with `single` only the first. A name is as
 * long as the host's record is: file systems that keep UTF-16 give 765 bytes, those in user space up to PATH_MAX.
 */
static size_t convert(UCHAR *data, const UCHAR *host, size_t host_size, bool single, int64_t *cookie)
{
	struct host_entry entry;
	size_t used = 0, last = 0;

	for (size_t at = 0; at < host_size; at += entry.size) {
		assert(host_size - at > HOST_HEADER);
		memcpy(&entry, host + at, HOST_HEADER);
		assert(entry.size > HOST_HEADER && entry.size <= host_size - at);
		last = used;
		/* The record being written may reach over the one being read, but never over the next. */
		used += put_record(data + used, &entry, (const char *)host + at + HOST_HEADER);
		*cookie = entry.cookie;
		if (single)
			break;
	}
	if (used)
		((FILE_ID_EXTD_DIR_INFORMATION *)(data + last))->NextEntryOffset = 0;
	return used;
}

NTSTATUS hostfs_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				bool restart, bool single, ULONG_PTR *information)
{
	int fd = hostfs_file(file)->fd;
	size_t room = ALIGN_DOWN((size_t)size, (size_t)8), host_room = ALIGN_DOWN(room / 4, (size_t)8);
	UCHAR *host = (UCHAR *)data + room - host_room;
	NTSTATUS status = STATUS_SUCCESS;
	int64_t cookie = 0;
	long result;

	if (class != FileIdExtdDirectoryInformation)
		return STATUS_INVALID_INFO_CLASS;
	if ((uintptr_t)data % 8)
		return STATUS_DATATYPE_MISALIGNMENT;
	if (!ke_begin_turn(&hostfs_file(file)->position_turn))
		return STATUS_USER_APC;
	if (restart && lseek(fd, 0, SEEK_SET) < 0)
		status = nt_status_from_errno(errno);
	else if ((result = syscall(SYS_getdents64, fd, host, host_room)) < 0)
		/* EINVAL: not even one fits. */
		status = errno == EINVAL ? STATUS_INFO_LENGTH_MISMATCH : nt_status_from_errno(errno);
	else if (result == 0)
		status = STATUS_NO_MORE_FILES;
	else
		*information = convert(data, host, (size_t)result, single, &cookie);
	if (status == STATUS_SUCCESS && single && lseek(fd, cookie, SEEK_SET) < 0)
		status = nt_status_from_errno(errno);
	ke_end_turn(&hostfs_file(file)->position_turn);
	return status;
}
