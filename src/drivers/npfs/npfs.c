/*
 * \Device\NamedPipe: file objects on pipes.
 *
 * An empty name without a root makes a new pipe and is its read end; an empty
 * name relative to an open end makes a further file object on the same pipe,
 * with whatever access it asks for: how the write end is made, and how a pipe is
 * reopened through /proc/self/fd. An end counts as long as its file object lives,
 * not only as long as its handles do: a read under way keeps the pipe open, as in
 * Linux.
 */
#include <errno.h>
#include <poll.h>

#include <drivers/npfs/pipe.h>

#define PIPEFS_MAGIC 0x50495045
#define LX_FIONREAD 0x541Bu
#define LX_FIGETBSZ 2u

static struct io_device *npfs_device;

static NTSTATUS npfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	struct npfs_pipe *pipe;
	NTSTATUS status = STATUS_SUCCESS;

	if (create->name.Length)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (create->options & FILE_DIRECTORY_FILE)
		return STATUS_NOT_A_DIRECTORY;
	if (create->root)
		pipe = create->root->context;
	else if (create->disposition == FILE_CREATE)
		status = npfs_create_pipe(&pipe);
	else
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (status != STATUS_SUCCESS)
		return status;
	rtl_lock(&pipe->lock);
	if (create->root && !(create->lx.Flags & FSRTL_O_PATH) &&
	    !fsrtl_permitted(&pipe->attributes, fsrtl_wanted(create->access) & (FSRTL_READ | FSRTL_WRITE))) {
		rtl_unlock(&pipe->lock);
		return STATUS_ACCESS_DENIED;
	}
	pipe->files++;
	if (create->access & FILE_READ_DATA)
		pipe->readers++;
	if (create->access & FILE_WRITE_DATA)
		pipe->writers++;
	rtl_unlock(&pipe->lock);
	file->context = pipe;
	file->access = create->access;
	fsrtl_keep_flags(file, create);
	if (!create->root)
		atomic_fetch_and(&file->lx_flags, ~FSRTL_O_LARGEFILE);
	create->information = create->root ? FILE_OPENED : FILE_CREATED;
	return STATUS_SUCCESS;
}

static void npfs_close(struct io_file *file)
{
	struct npfs_pipe *pipe = file->context;
	bool last, one_sided;

	rtl_lock(&pipe->lock);
	if (file->access & FILE_READ_DATA)
		pipe->readers--;
	if (file->access & FILE_WRITE_DATA)
		pipe->writers--;
	one_sided = !pipe->readers != !pipe->writers;
	if (one_sided)
		npfs_wake_everybody(pipe);
	rtl_unlock(&pipe->lock);
	if (one_sided) {
		io_async_tell(&pipe->async_readers, IO_ASYNC_IN);
		io_async_tell(&pipe->async_writers, IO_ASYNC_OUT);
	}
	rtl_lock(&pipe->lock);
	last = --pipe->files == 0;
	rtl_unlock(&pipe->lock);
	if (last)
		npfs_free_pipe(pipe);
}

static NTSTATUS query_name(struct npfs_pipe *pipe, void *data, ULONG size, ULONG_PTR *information)
{
	char name[40];
	int length = snprintf(name, sizeof name, "pipe:[%llu]", (unsigned long long)pipe->attributes.Inode);

	return fsrtl_return_name(name, (size_t)length, data, size, information);
}

static NTSTATUS npfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				       ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	FILE_LX_STATX_INFORMATION attributes;

	if (class == FileNameInformation)
		return query_name(pipe, data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	rtl_lock(&pipe->lock);
	attributes = pipe->attributes;
	rtl_unlock(&pipe->lock);
	return fsrtl_query_attributes(&attributes, class, data, size, information);
}

static NTSTATUS npfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				     struct io_file *target)
{
	struct npfs_pipe *pipe = file->context;
	NTSTATUS status;

	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_status_flags(file, data, size);
	if (class == FilePositionInformation)
		return FSRTL_ERRNO(ESPIPE);
	if (class == FileEndOfFileInformation)
		return FSRTL_ERRNO(EINVAL);
	rtl_lock(&pipe->lock);
	status = fsrtl_set_attributes(&pipe->attributes, class, data, size);
	rtl_unlock(&pipe->lock);
	return status;
}

static NTSTATUS npfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				  ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	FILE_FS_DEVICE_INFORMATION device = {.DeviceType = FILE_DEVICE_NAMED_PIPE};
	FILE_FS_LX_STATFS_INFORMATION statfs = {
		.Type = PIPEFS_MAGIC,
		.BlockSize = NPFS_PAGE,
		.FragmentSize = NPFS_PAGE,
		.NameLength = 255,
		.FsId = {(LONG)pipe->attributes.DevMinor},
		.Flags = 0x20,
	};

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&device, sizeof device, data, size, information);
	if (class == FileFsLxStatfsInformation)
		return fsrtl_return(&statfs, sizeof statfs, data, size, information);
	return STATUS_INVALID_INFO_CLASS;
}

static NTSTATUS pipe_size(struct npfs_pipe *pipe, const void *input, ULONG input_size, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	ULONG wanted, capacity;
	NTSTATUS status = STATUS_SUCCESS;

	if (input_size < sizeof wanted || output_size < sizeof capacity)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(&wanted, input, sizeof wanted);
	rtl_lock(&pipe->lock);
	capacity = pipe->slot_count * NPFS_PAGE;
	if (wanted)
		status = npfs_resize(pipe, wanted, &capacity);
	rtl_unlock(&pipe->lock);
	if (status == STATUS_SUCCESS)
		status = fsrtl_return(&capacity, sizeof capacity, output, output_size, information);
	return status;
}

/* Whoever reads is told of what is written, and the reverse. */
static NTSTATUS set_async(struct io_file *file, const void *input, ULONG input_size)
{
	struct npfs_pipe *pipe = file->context;
	const FSCTL_LX_ASYNC_INPUT *in = input;
	NTSTATUS status = STATUS_SUCCESS;

	if (input_size < sizeof *in)
		return STATUS_INVALID_PARAMETER;
	if (in->On && file->access & FILE_READ_DATA)
		status = io_async_join(&pipe->async_readers, 0, file, in->Descriptor, -1);
	if (in->On && file->access & FILE_WRITE_DATA && status == STATUS_SUCCESS)
		status = io_async_join(&pipe->async_writers, 1, file, in->Descriptor, -1);
	if (!in->On || status != STATUS_SUCCESS)
		io_async_leave(file);
	return status;
}

static NTSTATUS check_access(struct npfs_pipe *pipe, ULONG wanted)
{
	FILE_LX_STATX_INFORMATION attributes;

	rtl_lock(&pipe->lock);
	attributes = pipe->attributes;
	rtl_unlock(&pipe->lock);
	return fsrtl_permitted(&attributes, wanted & 7) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

static NTSTATUS npfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				ULONG output_size, ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	FSCTL_LX_SPLICE_INPUT splice;

	if (code == FSCTL_LX_PIPE_SIZE)
		return pipe_size(pipe, input, input_size, output, output_size, information);
	if (code == FSCTL_LX_ASYNC)
		return set_async(file, input, input_size);
	if (code == FSCTL_LX_SEEK || code == FSCTL_LX_FALLOCATE || code == FSCTL_LX_FADVISE)
		return FSRTL_ERRNO(ESPIPE);
	if (code == FSCTL_LX_SPLICE) {
		if (input_size < sizeof splice)
			return STATUS_INVALID_PARAMETER;
		memcpy(&splice, input, sizeof splice);
		return npfs_splice(file, &splice, information);
	}
	if (code == FSCTL_LX_ACCESS && input_size >= sizeof(ULONG))
		return check_access(pipe, *(const ULONG *)input);
	if (fsrtl_is_xattr(code)) {
		const FILE_LX_STATX_INFORMATION shown = {.Mode = FSRTL_S_IFIFO | 0600};

		*information = 0;
		return fsrtl_refuse_xattr(&shown, false, code, input, input_size);
	}
	return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS npfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				    ULONG output_size, ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;
	ULONG bytes;

	if (code != FSCTL_LX_IOCTL || input_size < sizeof *in || (in->Request != LX_FIONREAD && in->Request != LX_FIGETBSZ))
		return FSRTL_ERRNO(ENOTTY);
	if (output_size < sizeof *out + sizeof bytes)
		return STATUS_BUFFER_TOO_SMALL;
	rtl_lock(&pipe->lock);
	bytes = in->Request == LX_FIGETBSZ ? NPFS_PAGE : npfs_readable_bytes(pipe);
	rtl_unlock(&pipe->lock);
	memmove(out, in, sizeof *in);
	out->Size = sizeof bytes;
	memcpy(out->Data, &bytes, sizeof bytes);
	*information = sizeof *out + sizeof bytes;
	return STATUS_SUCCESS;
}

static NTSTATUS npfs_flush(struct io_file *file, ULONG flags)
{
	return FSRTL_ERRNO(EINVAL);
}

static ULONG npfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	struct npfs_pipe *pipe = file->context;
	ULONG ready = 0;

	if (table) {
		atomic_store(&pipe->poller_seen, 1);
		io_poll_add_list(table, &pipe->pollers);
	}
	rtl_lock(&pipe->lock);
	if (file->access & FILE_READ_DATA) {
		if (!npfs_empty(pipe))
			ready |= POLLIN | POLLRDNORM;
		if (pipe->writers == 0)
			ready |= POLLHUP;
	}
	if (file->access & FILE_WRITE_DATA) {
		if (!npfs_full(pipe))
			ready |= POLLOUT | POLLWRNORM;
		if (pipe->readers == 0)
			ready |= POLLERR;
	}
	rtl_unlock(&pipe->lock);
	return ready & (events | POLLERR | POLLHUP);
}

static ULONG npfs_splice_ends(struct io_file *file)
{
	return IO_SPLICE_SOURCE | IO_SPLICE_TARGET | IO_SPLICE_PIPE;
}

static void npfs_dump(struct io_file *file, FILE *out)
{
	struct npfs_pipe *pipe = file->context;

	rtl_lock(&pipe->lock);
	fprintf(out, "pipe:[%llu] %u bytes in %u of %u slots, %u readers, %u writers",
		(unsigned long long)pipe->attributes.Inode, npfs_readable_bytes(pipe), pipe->head - pipe->tail,
		pipe->slot_count, pipe->readers, pipe->writers);
	rtl_unlock(&pipe->lock);
}

static const struct io_driver_operations npfs_operations = {
	.create = npfs_create,
	.close = npfs_close,
	.read = npfs_read,
	.write = npfs_write,
	.query_information = npfs_query_information,
	.set_information = npfs_set_information,
	.query_volume = npfs_query_volume,
	.fs_control = npfs_fs_control,
	.device_control = npfs_device_control,
	.flush = npfs_flush,
	.poll = npfs_poll,
	.splice_ends = npfs_splice_ends,
	.dump = npfs_dump,
};

static struct io_driver npfs_driver = {.name = "Npfs", .operations = &npfs_operations};

bool npfs_is_pipe(const struct io_file *file)
{
	return file->device == npfs_device;
}

NTSTATUS npfs_initialize(void)
{
	NTSTATUS status = io_register_driver(&npfs_driver);

	if (!NT_SUCCESS(status))
		return status;
	return io_create_device(&npfs_driver, "\\Device\\NamedPipe", NULL, &npfs_device);
}
