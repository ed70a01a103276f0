/* The bytes of regular files: reads and writes of a host memory file, with the volume's size as a limit. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <stdio.h>
#include <sys/stat.h>

#include <drivers/tmpfs/node.h>

#define CHUNK 65536u
#define PAGE 4096u

static NTSTATUS host_status(int64_t result)
{
	return result < 0 ? FSRTL_ERRNO(errno) : STATUS_SUCCESS;
}

void tmpfs_measure(struct tmpfs_node *node, FILE_LX_STATX_INFORMATION *attributes)
{
	int descriptor = atomic_load(&node->descriptor);
	struct stat host;

	if (descriptor < 0 || fstat(descriptor, &host) < 0)
		return;
	attributes->Size = (ULONGLONG)host.st_size;
	attributes->Blocks = (ULONGLONG)host.st_blocks;
}

static LONGLONG size_of(struct tmpfs_node *node)
{
	FILE_LX_STATX_INFORMATION attributes = {0};

	tmpfs_measure(node, &attributes);
	return (LONGLONG)attributes.Size;
}

/* data_lock held. */
static NTSTATUS make_descriptor(struct tmpfs_node *node)
{
	NTSTATUS status = fsrtl_spare_descriptor();
	int made;

	if (status != STATUS_SUCCESS)
		return status;
	made = memfd_create("tmpfs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (made < 0)
		return fsrtl_refused_descriptor(errno);
	fsrtl_note_descriptor(made);
	atomic_store(&node->descriptor, made);
	return STATUS_SUCCESS;
}

/* The memory file, made if there is none. */
static NTSTATUS need_descriptor(struct tmpfs_node *node, int *descriptor)
{
	NTSTATUS status = STATUS_SUCCESS;

	*descriptor = atomic_load(&node->descriptor);
	if (likely(*descriptor >= 0))
		return STATUS_SUCCESS;
	rtl_lock(&node->data_lock);
	if (atomic_load(&node->descriptor) < 0)
		status = make_descriptor(node);
	rtl_unlock(&node->data_lock);
	*descriptor = atomic_load(&node->descriptor);
	return status;
}

/* Count what a change, or a mapping since the last one, did to the space in use. The write turn is the caller's. */
static void account(struct tmpfs_node *node)
{
	FILE_LX_STATX_INFORMATION now = {0};

	tmpfs_measure(node, &now);
	atomic_fetch_add(&node->volume->used, now.Blocks * 512 - node->accounted);
	node->accounted = now.Blocks * 512;
}

static void note_change(struct tmpfs_node *node)
{
	rtl_lock(&node->volume->lock);
	node->attributes.ModifyTime = node->attributes.ChangeTime = fsrtl_now();
	node->attributes.Mode &= ~06000u;
	rtl_unlock(&node->volume->lock);
}

/* Bytes from `offset` on, as many as there are. */
static NTSTATUS read_all(struct tmpfs_node *node, const struct io_buffer *buffer, LONGLONG offset, size_t *done)
{
	int descriptor = atomic_load(&node->descriptor);
	size_t size = io_buffer_size(buffer), put;
	void *chunk = io_bounce(CHUNK);

	if (!chunk)
		return STATUS_NO_MEMORY;
	while (descriptor >= 0 && *done < size) {
		ssize_t got = pread(descriptor, chunk, MIN_OF(size - *done, (size_t)CHUNK), offset + (LONGLONG)*done);

		if (got <= 0)
			return host_status(got);
		put = io_buffer_put(buffer, *done, chunk, (size_t)got);
		*done += put;
		if (put < (size_t)got)
			return STATUS_ACCESS_VIOLATION;
	}
	return STATUS_SUCCESS;
}

NTSTATUS tmpfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		    ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	bool moves = !position || position->QuadPart < 0;
	size_t done = 0;
	LONGLONG offset;
	NTSTATUS status;

	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return FSRTL_ERRNO(EISDIR);
	if (moves && !ke_begin_turn(tmpfs_position_turn(file)))
		return STATUS_USER_APC;
	offset = moves ? io_position(file) : position->QuadPart;
	status = read_all(node, buffer, offset, &done);
	if (moves) {
		if (done && ke_has_turn(tmpfs_position_turn(file)))
			io_move_to(file, offset + (LONGLONG)done);
		ke_end_turn(tmpfs_position_turn(file));
	}
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/* One chunk; the write turn is the caller's. */
static NTSTATUS write_chunk(struct tmpfs_node *node, int descriptor, const struct io_buffer *buffer, size_t done,
			    LONGLONG offset, size_t *count)
{
	size_t wanted = MIN_OF(io_buffer_size(buffer) - done, (size_t)CHUNK);
	uint64_t used = atomic_load(&node->volume->used), limit = node->volume->limit;
	void *chunk = io_bounce(CHUNK);
	size_t got;
	ssize_t put;

	*count = 0;
	if (!chunk)
		return STATUS_NO_MEMORY;
	if (used >= limit && (LONGLONG)wanted > size_of(node) - offset)
		return STATUS_DISK_FULL;
	if (used < limit)
		wanted = MIN_OF(wanted, (size_t)ALIGN_UP(limit - used, (uint64_t)PAGE));
	got = io_buffer_get(buffer, done, chunk, wanted);
	if (got == 0)
		return STATUS_ACCESS_VIOLATION;
	put = pwrite(descriptor, chunk, got, offset);
	if (put < 0)
		return host_status(put);
	*count = (size_t)put;
	return STATUS_SUCCESS;
}

/* The write turn is the caller's. */
static NTSTATUS write_all(struct tmpfs_node *node, const struct io_buffer *buffer, LONGLONG offset, size_t *done)
{
	size_t size = io_buffer_size(buffer), count;
	int descriptor;
	NTSTATUS status = need_descriptor(node, &descriptor);

	while (status == STATUS_SUCCESS && *done < size) {
		status = write_chunk(node, descriptor, buffer, *done, offset + (LONGLONG)*done, &count);
		*done += count;
		if (count == 0)
			break;
		account(node);
	}
	return status;
}

/* Where the write began, with *done bytes written. */
static NTSTATUS write_at(struct io_file *file, const struct io_buffer *buffer, bool append, LONGLONG *offset, size_t *done)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	NTSTATUS status;

	if (!ke_begin_turn(&node->write_turn))
		return STATUS_USER_APC;
	if (append)
		*offset = size_of(node);
	status = write_all(node, buffer, *offset, done);
	ke_end_turn(&node->write_turn);
	return status;
}

NTSTATUS tmpfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		     ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	bool append = atomic_load(&file->lx_flags) & FSRTL_O_APPEND || (position && position->QuadPart == -1);
	bool moves = !position || position->QuadPart < 0;
	LONGLONG offset;
	size_t done = 0;
	NTSTATUS status;

	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return FSRTL_ERRNO(EISDIR);
	if (io_buffer_size(buffer) == 0)
		return STATUS_SUCCESS;
	if (moves && !ke_begin_turn(tmpfs_position_turn(file)))
		return STATUS_USER_APC;
	offset = moves ? io_position(file) : position->QuadPart;
	status = write_at(file, buffer, append, &offset, &done);
	if (moves) {
		if (done && ke_has_turn(tmpfs_position_turn(file)))
			io_move_to(file, offset + (LONGLONG)done);
		ke_end_turn(tmpfs_position_turn(file));
	}
	if (done)
		note_change(node);
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

NTSTATUS tmpfs_truncate(struct tmpfs_node *node, LONGLONG size)
{
	int descriptor;
	NTSTATUS status;

	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return tmpfs_type(node) == FSRTL_S_IFDIR ? FSRTL_ERRNO(EISDIR) : FSRTL_ERRNO(EINVAL);
	if (size < 0)
		return FSRTL_ERRNO(EINVAL);
	if (!ke_begin_turn(&node->write_turn))
		return STATUS_USER_APC;
	/* What has no memory yet is empty. */
	status = size ? need_descriptor(node, &descriptor) : STATUS_SUCCESS;
	if (!size)
		descriptor = atomic_load(&node->descriptor);
	if (status == STATUS_SUCCESS && descriptor >= 0) {
		status = host_status(ftruncate(descriptor, size));
		account(node);
	}
	ke_end_turn(&node->write_turn);
	if (status == STATUS_SUCCESS)
		note_change(node);
	return status;
}

NTSTATUS tmpfs_allocate(struct tmpfs_node *node, const FSCTL_LX_FALLOCATE_INPUT *input)
{
	int descriptor;
	NTSTATUS status;

	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return FSRTL_ERRNO(tmpfs_type(node) == FSRTL_S_IFDIR ? EISDIR : ENODEV);
	if (!ke_begin_turn(&node->write_turn))
		return STATUS_USER_APC;
	status = need_descriptor(node, &descriptor);
	if (status == STATUS_SUCCESS && !(input->Mode & FALLOC_FL_PUNCH_HOLE) && input->Length > 0 &&
	    (uint64_t)input->Length > node->volume->limit - MIN_OF(node->volume->limit, atomic_load(&node->volume->used)))
		status = STATUS_DISK_FULL;
	if (status == STATUS_SUCCESS) {
		status = host_status(fallocate(descriptor, (int)input->Mode, input->Offset, input->Length));
		account(node);
	}
	ke_end_turn(&node->write_turn);
	if (status == STATUS_SUCCESS)
		note_change(node);
	return status;
}

/* SEEK_DATA and SEEK_HOLE: what the memory file says; without one, all is beyond the end. */
static NTSTATUS seek_extent(struct io_file *file, const FSCTL_LX_SEEK_INPUT *input, LONGLONG *result)
{
	int descriptor = atomic_load(&tmpfs_node_of(file)->descriptor);

	if (descriptor < 0)
		return FSRTL_ERRNO(ENXIO);
	rtl_lock(&file->lock);
	*result = lseek(descriptor, input->Offset, (int)input->Whence);
	if (*result >= 0)
		file->position = *result;
	rtl_unlock(&file->lock);
	return host_status(*result);
}

NTSTATUS tmpfs_seek(struct io_file *file, const FSCTL_LX_SEEK_INPUT *input, LONGLONG *result)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	NTSTATUS status;

	/* A directory has a position, but no end. */
	if (tmpfs_type(node) == FSRTL_S_IFDIR && input->Whence != SEEK_SET && input->Whence != SEEK_CUR)
		return FSRTL_ERRNO(EINVAL);
	/* After the transfer that is moving the position. */
	if (!ke_begin_turn(tmpfs_position_turn(file)))
		return STATUS_USER_APC;
	if (tmpfs_type(node) == FSRTL_S_IFREG && (input->Whence == SEEK_DATA || input->Whence == SEEK_HOLE))
		status = seek_extent(file, input, result);
	else
		status = io_position_seek(file, input->Offset, input->Whence, size_of(node), result);
	ke_end_turn(tmpfs_position_turn(file));
	return status;
}

NTSTATUS tmpfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	char path[40];
	int descriptor, opened;
	NTSTATUS status;

	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return FSRTL_ERRNO(ENODEV);
	status = need_descriptor(node, &descriptor);
	if (status != STATUS_SUCCESS)
		return status;
	/* Opened anew, so that the mapping has no more access than the file object. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	opened = open(path, (file->access & FILE_WRITE_DATA ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (opened < 0)
		return FSRTL_ERRNO(errno);
	*backing = (struct io_section_backing){.host_fd = opened};
	return STATUS_SUCCESS;
}
