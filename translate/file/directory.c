/*
 * Reading directories: getdents64 and its ancestor getdents.
 *
 * The driver is asked for no more than fits after translation (executive/io/io.h
 * says how), so the position that it keeps is the one that the guest sees.
 */
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>

enum {
	/* NT's records are larger than Linux' by at most this factor. */
	GROWTH = 4,
	LARGEST_REQUEST = 32768,
	SMALLEST_RECORD = 24,
};

/* Where translated records go. */
struct dirent_writer {
	uint8_t *data;
	size_t size, capacity;
	size_t last; /* offset of the last record */
};

struct dirent {
	uint64_t inode;
	int64_t position;
	uint8_t type;
	const char *name;
	size_t name_size;
};

static uint8_t type_of(const FILE_ID_EXTD_DIR_INFORMATION *record)
{
	switch (record->ReparsePointTag) {
	case IO_REPARSE_TAG_LX_SYMLINK:
	case IO_REPARSE_TAG_SYMLINK:
		return LX_DT_LNK;
	case IO_REPARSE_TAG_AF_UNIX:
		return LX_DT_SOCK;
	case IO_REPARSE_TAG_LX_FIFO:
		return LX_DT_FIFO;
	case IO_REPARSE_TAG_LX_CHR:
		return LX_DT_CHR;
	case IO_REPARSE_TAG_LX_BLK:
		return LX_DT_BLK;
	default:
		break;
	}
	if (record->FileAttributes & FILE_ATTRIBUTE_DIRECTORY)
		return LX_DT_DIR;
	return record->FileAttributes & FILE_ATTRIBUTE_NORMAL ? LX_DT_REG : LX_DT_UNKNOWN;
}

/* A record but for its type: the name begins at `name`, and at least `end` zeros follow it. */
static bool write_record(struct dirent_writer *out, const struct dirent *entry, size_t name, size_t end)
{
	size_t size = ALIGN_UP(name + entry->name_size + end, (size_t)8);
	const struct lx_linux_dirent head = {
		.d_ino = entry->inode, .d_off = entry->position, .d_reclen = (uint16_t)size};
	uint8_t *at = out->data + out->size;

	if (size > out->capacity - out->size)
		return false;
	memset(at, 0, size);
	memcpy(at, &head, offsetof(struct lx_linux_dirent, d_name));
	memcpy(at + name, entry->name, entry->name_size);
	out->last = out->size;
	out->size += size;
	return true;
}

/* Both forms begin alike. */
_Static_assert(offsetof(struct lx_linux_dirent, d_reclen) == offsetof(struct lx_linux_dirent64, d_reclen), "d_reclen");

static bool write_dirent64(struct dirent_writer *out, const struct dirent *entry)
{
	if (!write_record(out, entry, offsetof(struct lx_linux_dirent64, d_name), 1))
		return false;
	out->data[out->last + offsetof(struct lx_linux_dirent64, d_type)] = entry->type;
	return true;
}

/* The type is in the record's last byte. */
static bool write_dirent(struct dirent_writer *out, const struct dirent *entry)
{
	if (!write_record(out, entry, offsetof(struct lx_linux_dirent, d_name), 2))
		return false;
	out->data[out->size - 1] = entry->type;
	return true;
}

static void seek_to(HANDLE handle, int64_t position)
{
	FSCTL_LX_SEEK_INPUT seek = {.Offset = position, .Whence = LX_SEEK_SET};
	LONGLONG reached;
	IO_STATUS_BLOCK io;

	ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &seek, sizeof(seek), &reached, sizeof(reached));
}

/* Where the directory is read next; -1 where it does not say. */
static int64_t tell(HANDLE handle)
{
	FSCTL_LX_SEEK_INPUT seek = {.Whence = LX_SEEK_CUR};
	LONGLONG position = -1;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_SEEK, &seek, sizeof(seek), &position,
					  sizeof(position));

	return NT_SUCCESS(status) ? position : -1;
}

/* Could the first record meet memory that can't be written? Asked of the mappings alone: it decides only what to note. */
static bool may_fault(struct lx_call *call, struct lx_uptr to)
{
	struct mm_vad vad;

	return !mm_query(call->thread->ps->process->space, to.address, &vad) || !(vad.protection & MM_PROT_WRITE) ||
	       vad.section || vad.end - to.address < SMALLEST_RECORD + LX_PATH_MAX;
}

/* Translate the driver's records; true if all found room. */
static bool translate_records(struct dirent_writer *out, const uint8_t *records, size_t size,
			      bool (*write)(struct dirent_writer *, const struct dirent *))
{
	const size_t header = offsetof(FILE_ID_EXTD_DIR_INFORMATION, FileName);
	size_t at = 0;

	while (at + header <= size) {
		const FILE_ID_EXTD_DIR_INFORMATION *record = (const void *)(records + at);
		struct dirent entry = {
			.inode = record->FileIdLow,
			.position = (int64_t)record->PositionCookie,
			.type = type_of(record),
			.name = record->FileName,
			.name_size = record->FileNameLength,
		};

		if (entry.name_size > size - at - header)
			break;
		if (!write(out, &entry))
			return false;
		if (!record->NextEntryOffset)
			break;
		at += record->NextEntryOffset;
	}
	return true;
}

/* The whole records among the first `copied` bytes, as the guest will find them; *position, if any, is behind the last. */
static size_t whole_records(const struct dirent_writer *out, size_t copied, int64_t *position)
{
	size_t at = 0;

	for (;;) {
		struct lx_linux_dirent head;

		if (at + SMALLEST_RECORD > copied)
			return at;
		memcpy(&head, out->data + at, offsetof(struct lx_linux_dirent, d_name));
		if (at + head.d_reclen > copied)
			return at;
		*position = head.d_off;
		at += head.d_reclen;
	}
}

static int64_t put_records(struct lx_call *call, HANDLE handle, struct lx_uptr to, struct dirent_writer *out, bool seek,
			   int64_t start)
{
	size_t copied = mm_copy_to(call->thread->ps->process->space, to.address, out->data, out->size);
	size_t whole = out->size;
	int64_t position = start;

	if (copied < out->size)
		whole = whole_records(out, copied, &position);
	else if (seek)
		memcpy(&position, out->data + out->last + offsetof(struct lx_linux_dirent, d_off), sizeof(position));
	if ((whole < out->size || seek) && position >= 0)
		seek_to(handle, position);
	return whole ? (int64_t)whole : -LX_EFAULT;
}

static int64_t read_directory(struct lx_call *call, int32_t fd, struct lx_uptr dirp, uint32_t count,
			      bool (*write)(struct dirent_writer *, const struct dirent *))
{
	/* The kernel counts in an int: what is above fits nothing. */
	size_t capacity = count > INT32_MAX ? 0 : MIN_OF(count, (uint32_t)LARGEST_REQUEST);
	ULONG asked = (ULONG)(capacity * GROWTH);
	cleanup_free uint8_t *records = NULL;
	struct dirent_writer out = {.capacity = capacity};
	IO_STATUS_BLOCK io = {0};
	HANDLE handle;
	NTSTATUS status;
	bool all;
	int64_t result = lx_fd_handle(call, fd, false, &handle), start = -1;

	if (result < 0)
		return result;
	if (may_fault(call, dirp))
		start = tell(handle);
	records = malloc(asked + capacity + 16);
	if (!records)
		return -LX_ENOMEM;
	out.data = records + ALIGN_UP(asked, 8u);
	status = ZwQueryDirectoryFile(handle, NULL, NULL, NULL, &io, records, asked, FileIdExtdDirectoryInformation,
				      false, NULL, false);
	if (status == STATUS_NO_MORE_FILES || status == STATUS_NO_SUCH_FILE)
		return 0;
	if (status == STATUS_BUFFER_OVERFLOW || status == STATUS_BUFFER_TOO_SMALL ||
	    status == STATUS_INFO_LENGTH_MISMATCH)
		return -LX_EINVAL;
	/* A descriptor that can't be read can be no directory's. */
	if (status == STATUS_ACCESS_DENIED)
		return -LX_ENOTDIR;
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	all = translate_records(&out, records, io.Information, write);
	if (!out.size)
		return all ? 0 : -LX_EINVAL;
	return put_records(call, handle, dirp, &out, !all, start);
}

/* The kernel counts down in an int: what is more than one holds is less than any record. */
static uint32_t room(uint32_t count)
{
	return count > INT32_MAX ? 0 : count;
}

int64_t lx_sys_getdents64(struct lx_call *call, int32_t fd, struct lx_uptr dirp, uint32_t count)
{
	return read_directory(call, fd, dirp, room(count), write_dirent64);
}

int64_t lx_sys_getdents(struct lx_call *call, int32_t fd, struct lx_uptr dirp, uint32_t count)
{
	return read_directory(call, fd, dirp, room(count), write_dirent);
}
