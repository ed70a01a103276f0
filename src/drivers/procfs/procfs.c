/*
 * File objects of /proc. A file's content is generated as a whole when it is read
 * at offset 0 (or for the first time) and kept for the rest of the reading, as
 * seq_file does: a reader sees one consistent state.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/vfs.h>

#include <drivers/procfs/tree.h>

#define PROC_MAGIC 0x9fa0
#define STORE_LIMIT 4096u
#define TEXT_LIMIT (64u << 20)
#define FIRST_ROOM 1024u

static struct io_device *procfs_device;

/* --- content */

static bool make_room(struct procfs_text *text, size_t more)
{
	size_t wanted = text->size + more;

	if (!text->failed)
		text->failed = wanted > TEXT_LIMIT || !rtl_grow(&text->data, &text->room, wanted, FIRST_ROOM);
	return !text->failed;
}

void procfs_append(struct procfs_text *text, const void *data, size_t size)
{
	if (size && make_room(text, size)) {
		memcpy(text->data + text->size, data, size);
		text->size += size;
	}
}

void procfs_printf(struct procfs_text *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length > 0 && make_room(text, (size_t)length + 1)) {
		vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
		text->size += (size_t)length;
	}
	va_end(arguments);
}

void procfs_append_host_lines(struct procfs_text *text, const char *path, const char *prefix)
{
	FILE *host = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (!host)
		return;
	while ((length = getline(&line, &room, host)) > 0)
		if (!strncmp(line, prefix, strlen(prefix)))
			procfs_append(text, line, (size_t)length);
	free(line);
	fclose(host);
}

static NTSTATUS show_host(const char *path, struct procfs_text *text)
{
	cleanup_fd int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t got;

	if (descriptor < 0)
		return FSRTL_ERRNO(errno);
	while ((got = read(descriptor, chunk, sizeof chunk)) > 0)
		procfs_append(text, chunk, (size_t)got);
	return got < 0 ? FSRTL_ERRNO(errno) : STATUS_SUCCESS;
}

static NTSTATUS check_reader(const struct procfs_place *place)
{
	enum procfs_guard guard = procfs_node_of(place)->guard;

	if ((guard != PROCFS_LOOK_AT_READ && guard != PROCFS_TRACE_AT_READ) ||
	    procfs_provider()->may_look(procfs_subject_of(place)))
		return STATUS_SUCCESS;
	return guard == PROCFS_LOOK_AT_READ ? STATUS_ACCESS_DENIED : FSRTL_ERRNO(EPERM);
}

/* At the gate. */
static NTSTATUS generate(struct procfs_open *open)
{
	const struct procfs_node *node = procfs_node_of(&open->place);
	NTSTATUS status = check_reader(&open->place);

	if (status != STATUS_SUCCESS)
		return status;
	open->text.size = 0;
	open->text.failed = false;
	open->generated = false;
	if (node->host_path)
		status = show_host(node->host_path, &open->text);
	else if (node->show)
		status = node->show(procfs_subject_of(&open->place), &open->text);
	else
		return FSRTL_ERRNO(EINVAL);
	if (status == STATUS_SUCCESS && open->text.failed)
		status = STATUS_NO_MEMORY;
	open->generated = status == STATUS_SUCCESS;
	return status;
}

/* --- operations */

/* Each reader's text has no places to write at; process files have no writing at all, those of the system fail in it. */
static NTSTATUS refuse_write(const struct procfs_open *open, const LARGE_INTEGER *position)
{
	const struct procfs_node *node = procfs_node_of(&open->place);

	if (position && position->QuadPart >= 0 && node->seek == PROCFS_SEEK_RECORDS && !node->bytes)
		return FSRTL_ERRNO(ESPIPE);
	return FSRTL_ERRNO(node->kind == PROCFS_FILE && !open->place.way[open->place.depth].subject.pid ? EIO : EINVAL);
}

static NTSTATUS open_bytes(const struct io_create *create, struct procfs_open *open)
{
	const struct procfs_node *node = procfs_node_of(&open->place);
	NTSTATUS status = STATUS_SUCCESS;

	if (create->lx.Flags & FSRTL_O_PATH || !fsrtl_wanted(create->access))
		return STATUS_SUCCESS;
	if (node->check)
		status = node->check(procfs_subject_of(&open->place));
	if (status != STATUS_SUCCESS || !node->bytes)
		return status;
	return node->bytes->open(procfs_subject_of(&open->place), &open->state);
}

static NTSTATUS procfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	cleanup_free struct procfs_open *open = calloc(1, sizeof *open);
	NTSTATUS status;

	if (!open)
		return STATUS_NO_MEMORY;
	status = procfs_walk(create, &open->place);
	if (status == STATUS_SUCCESS)
		status = procfs_check_open(create, &open->place);
	if (status == STATUS_SUCCESS)
		status = open_bytes(create, open);
	if (status != STATUS_SUCCESS)
		return status;
	procfs_path(&open->place, open->name, sizeof open->name);
	file->context = steal_pointer(&open);
	file->access = create->access;
	fsrtl_keep_flags(file, create);
	create->information = FILE_OPENED;
	return STATUS_SUCCESS;
}

static void procfs_close(struct io_file *file)
{
	struct procfs_open *open = file->context;

	if (open->state)
		procfs_node_of(&open->place)->bytes->close(open->state);
	free(open->text.data);
	free(open);
}

/* At the gate. */
static NTSTATUS read_at(struct procfs_open *open, const struct io_buffer *buffer, uint64_t offset,
			ULONG_PTR *information)
{
	NTSTATUS status = STATUS_SUCCESS;
	size_t size;

	if (offset == 0 || !open->generated)
		status = generate(open);
	if (status != STATUS_SUCCESS || offset >= open->text.size)
		return status;
	size = MIN_OF(open->text.size - offset, io_buffer_size(buffer));
	*information = io_buffer_put(buffer, 0, open->text.data + offset, size);
	return size && !*information ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

/* Another process' memory may stay away for long: no lock is held meanwhile, and the last of two readers sets the position. */
static NTSTATUS transfer_bytes(struct io_file *file, const struct procfs_open *open,
			       NTSTATUS (*transfer)(void *, uint64_t, const struct io_buffer *, ULONG_PTR *),
			       const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG_PTR *information)
{
	bool moves = !position || position->QuadPart < 0;
	uint64_t offset;
	NTSTATUS status;

	if (!transfer || !open->state)
		return FSRTL_ERRNO(EINVAL);
	offset = (uint64_t)(moves ? io_position(file) : position->QuadPart);
	status = transfer(open->state, offset, buffer, information);
	if (status == STATUS_SUCCESS && moves)
		io_move_to(file, (LONGLONG)(offset + *information));
	return status;
}

static NTSTATUS procfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			    ULONG flags, ULONG_PTR *information)
{
	struct procfs_open *open = file->context;
	const struct procfs_node *node = procfs_node_of(&open->place);
	bool moves = !position || position->QuadPart < 0;
	uint64_t offset;
	NTSTATUS status;

	*information = 0;
	if (node->kind != PROCFS_FILE)
		return FSRTL_ERRNO(EISDIR);
	if (node->bytes)
		return transfer_bytes(file, open, node->bytes->read, buffer, position, information);
	/* Reads one after the other, as each goes on where the last ended. */
	if (!ke_enter_gate(&open->gate, true))
		return STATUS_USER_APC;
	offset = (uint64_t)(moves ? io_position(file) : position->QuadPart);
	status = read_at(open, buffer, offset, information);
	if (moves)
		io_move_to(file, (LONGLONG)(offset + *information));
	ke_leave_gate(&open->gate);
	return status;
}

static NTSTATUS procfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			     ULONG flags, ULONG_PTR *information)
{
	struct procfs_open *open = file->context;
	const struct procfs_node *node = procfs_node_of(&open->place);
	size_t size = MIN_OF(io_buffer_size(buffer), (size_t)STORE_LIMIT - 1);
	char data[STORE_LIMIT];
	NTSTATUS status;

	*information = 0;
	if (node->kind != PROCFS_FILE || !procfs_takes_writes(node))
		return refuse_write(open, position);
	if (node->bytes)
		return transfer_bytes(file, open, node->bytes->write, buffer, position, information);
	/* What is made anew for each reader is written where it stands; settings of the system are values. */
	if (position && position->QuadPart >= 0 && strncmp(open->name, "sys/", 4) != 0)
		return FSRTL_ERRNO(ESPIPE);
	if (io_buffer_get(buffer, 0, data, size) < size)
		return STATUS_ACCESS_VIOLATION;
	data[size] = 0;
	status = node->store(procfs_subject_of(&open->place), data, size);
	if (status != STATUS_SUCCESS)
		return status;
	*information = size;
	if (!position || position->QuadPart < 0) {
		rtl_lock(&file->lock);
		file->position += (LONGLONG)size;
		rtl_unlock(&file->lock);
	}
	return STATUS_SUCCESS;
}

static NTSTATUS procfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					 ULONG_PTR *information)
{
	struct procfs_open *open = file->context;
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status;

	if (class == FileNameInformation)
		return fsrtl_return_name(open->name, strlen(open->name), data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	status = procfs_attributes(&open->place, &attributes);
	return status == STATUS_SUCCESS ? fsrtl_query_attributes(&attributes, class, data, size, information) : status;
}

static NTSTATUS procfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
				     void *data, ULONG size, ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION attributes;
	struct procfs_place place;
	NTSTATUS status = procfs_walk(create, &place);

	if (status == STATUS_SUCCESS)
		status = procfs_attributes(&place, &attributes);
	return status == STATUS_SUCCESS ? fsrtl_query_attributes(&attributes, class, data, size, information) : status;
}

static NTSTATUS procfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				       struct io_file *target)
{
	struct procfs_open *open = file->context;

	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_buffered_flags(file, data, size);
	/* Nothing to cut off. */
	if (class == FileEndOfFileInformation && procfs_node_of(&open->place)->kind == PROCFS_FILE)
		return STATUS_SUCCESS;
	return class == FileLxOwnerInformation || class == FileLxTimesInformation ?
		       procfs_set_attributes(&open->place, class, data, size) :
		       FSRTL_ERRNO(EPERM);
}

static NTSTATUS procfs_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				       bool restart, bool single, ULONG_PTR *information)
{
	struct procfs_open *open = file->context;
	struct fsrtl_directory_writer writer = {.data = data, .size = size};
	struct fsrtl_directory_entry entry;
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t next;
	char name[PROCFS_NAME_SIZE];

	if (class != FileIdExtdDirectoryInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (procfs_node_of(&open->place)->kind != PROCFS_DIRECTORY)
		return FSRTL_ERRNO(ENOTDIR);
	rtl_lock(&file->lock);
	if (restart)
		file->position = 0;
	for (next = (uint64_t)file->position; procfs_entry(&open->place, &next, name, &entry);) {
		if (!fsrtl_add_entry(&writer, &entry)) {
			status = writer.used ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
			break;
		}
		file->position = (LONGLONG)next;
		if (single)
			break;
	}
	rtl_unlock(&file->lock);
	*information = writer.used;
	return status == STATUS_SUCCESS && !writer.used ? STATUS_NO_MORE_FILES : status;
}

static NTSTATUS procfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				    ULONG_PTR *information)
{
	FILE_FS_DEVICE_INFORMATION kind = {.DeviceType = FILE_DEVICE_UNKNOWN};
	FILE_FS_LX_STATFS_INFORMATION answer = {.Type = PROC_MAGIC, .BlockSize = 4096, .FragmentSize = 4096,
						.NameLength = 255, .Flags = 0x102e};
	struct statfs host;

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&kind, sizeof kind, data, size, information);
	if (class != FileFsLxStatfsInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (statfs("/proc", &host) == 0) {
		answer.Flags = host.f_flags;
		memcpy(answer.FsId, &host.f_fsid, sizeof answer.FsId);
	}
	return fsrtl_return(&answer, sizeof answer, data, size, information);
}

/* Offsets that are addresses: the result may look like an error, as it does natively. */
static LONGLONG seek_anywhere(struct io_file *file, const FSCTL_LX_SEEK_INPUT *in)
{
	LONGLONG result;

	rtl_lock(&file->lock);
	result = (LONGLONG)((ULONGLONG)(in->Whence ? file->position : 0) + (ULONGLONG)in->Offset);
	file->position = result;
	rtl_unlock(&file->lock);
	return result;
}

static NTSTATUS move(struct io_file *file, const struct procfs_node *node, const FSCTL_LX_SEEK_INPUT *in, LONGLONG *result)
{
	enum procfs_seek kind = node->kind == PROCFS_DIRECTORY ? PROCFS_SEEK_BOUNDED : node->seek;
	LONGLONG base = kind == PROCFS_SEEK_BOUNDED && in->Whence == 1 ? io_position(file) : 0, target;

	if (kind == PROCFS_SEEK_NOWHERE) {
		*result = io_position(file);
		return STATUS_SUCCESS;
	}
	if (in->Whence > 1 && kind != PROCFS_SEEK_PLAIN && kind != PROCFS_SEEK_BOUNDED)
		return FSRTL_ERRNO(EINVAL);
	if (kind == PROCFS_SEEK_ANYWHERE) {
		*result = seek_anywhere(file, in);
		return STATUS_SUCCESS;
	}
	if (kind == PROCFS_SEEK_BOUNDED && in->Whence < 3 &&
	    (__builtin_add_overflow(base, in->Offset, &target) || target > INT32_MAX))
		return FSRTL_ERRNO(EINVAL);
	return io_position_seek(file, in->Offset, in->Whence, 0, result);
}

static NTSTATUS seek(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
		     ULONG_PTR *information)
{
	const struct procfs_open *open = file->context;
	FSCTL_LX_SEEK_INPUT in;
	LONGLONG result;
	NTSTATUS status;

	if (input_size < sizeof in)
		return STATUS_INVALID_PARAMETER;
	memcpy(&in, input, sizeof in);
	status = move(file, procfs_node_of(&open->place), &in, &result);
	return status == STATUS_SUCCESS ? fsrtl_return(&result, sizeof result, output, output_size, information) :
					  status;
}

static NTSTATUS read_link(struct procfs_open *open, void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct procfs_node *node = procfs_node_of(&open->place);
	char target[4096];
	int64_t length;

	if (node->kind != PROCFS_LINK && node->kind != PROCFS_MAGIC)
		return STATUS_NOT_A_REPARSE_POINT;
	if (node->kind == PROCFS_MAGIC && !procfs_provider()->may_look(procfs_subject_of(&open->place)))
		return STATUS_ACCESS_DENIED;
	if (node->check && node->check(procfs_subject_of(&open->place)) != STATUS_SUCCESS)
		return node->check(procfs_subject_of(&open->place));
	if (node->host_path) {
		length = readlink(node->host_path, target, sizeof target);
		if (length < 0)
			return FSRTL_ERRNO(errno);
	} else {
		length = node->target(procfs_subject_of(&open->place), target, sizeof target);
	}
	if (length < 0)
		return (NTSTATUS)length;
	return fsrtl_return_link(target, (size_t)length, output, output_size, information);
}

static NTSTATUS procfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	struct procfs_open *open = file->context;

	*information = 0;
	if (code == FSCTL_LX_SEEK)
		return seek(file, input, input_size, output, output_size, information);
	if (code == FSCTL_GET_REPARSE_POINT)
		return read_link(open, output, output_size, information);
	if (code == FSCTL_LX_ACCESS && input_size >= sizeof(ULONG))
		return procfs_check_access(open, *(const ULONG *)input);
	if (code == FSCTL_LX_MAKE_NODE && input_size >= sizeof(FSCTL_LX_MAKE_NODE_INPUT))
		return procfs_refuse_making(file, &((const FSCTL_LX_MAKE_NODE_INPUT *)input)->Name);
	if (code == FSCTL_LX_LINK_NAME && input_size >= sizeof(FSCTL_LX_LINK_NAME_INPUT))
		return procfs_refuse_making(file, &((const FSCTL_LX_LINK_NAME_INPUT *)input)->Name);
	if (code == FSCTL_LX_REMOVE_NAME && input_size >= sizeof(FSCTL_LX_REMOVE_NAME_INPUT))
		return procfs_refuse_removal(file, input, procfs_check_access(open, FSRTL_WRITE | FSRTL_EXECUTE));
	if (code == FSCTL_LX_FALLOCATE)
		return FSRTL_ERRNO(EOPNOTSUPP);
	if (code == FSCTL_LX_GET_XATTR || code == FSCTL_LX_SET_XATTR || code == FSCTL_LX_REMOVE_XATTR)
		return procfs_refuse_attribute(open, code, input, input_size);
	if (code == FSCTL_LX_LIST_XATTR || code == FSCTL_LX_FADVISE || code == FSCTL_LX_SYNC_FS)
		return STATUS_SUCCESS;
	return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS procfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size,
				      void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct procfs_open *open = file->context;
	const struct procfs_node *node = procfs_node_of(&open->place);
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;

	if (code != FSCTL_LX_IOCTL || !node->control || input_size < sizeof *in || in->Size > input_size - sizeof *in ||
	    output_size < input_size)
		return FSRTL_ERRNO(ENOTTY);
	memmove(out, in, input_size);
	*information = input_size;
	return node->control(procfs_subject_of(&open->place), out->Request, out->Data, out->Size);
}

static NTSTATUS procfs_flush(struct io_file *file, ULONG flags)
{
	return FSRTL_ERRNO(EINVAL);
}

static ULONG procfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	return (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) & events;
}

static NTSTATUS procfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	return FSRTL_ERRNO(ENODEV);
}

/* In Linux the files of a task have no operations for it, and those of the system mostly one to read. */
static ULONG procfs_splice_ends(struct io_file *file)
{
	const struct procfs_open *open = file->context;

	return procfs_subject_of(&open->place)->pid ? 0 : IO_SPLICE_SOURCE;
}

static const struct io_driver_operations procfs_operations = {
	.splice_ends = procfs_splice_ends,
	.create = procfs_create,
	.close = procfs_close,
	.read = procfs_read,
	.write = procfs_write,
	.query_information = procfs_query_information,
	.set_information = procfs_set_information,
	.query_by_name = procfs_query_by_name,
	.query_directory = procfs_query_directory,
	.query_volume = procfs_query_volume,
	.fs_control = procfs_fs_control,
	.device_control = procfs_device_control,
	.flush = procfs_flush,
	.poll = procfs_poll,
	.section = procfs_section,
};

static struct io_driver procfs_driver = {.name = "ProcFs", .operations = &procfs_operations};

NTSTATUS procfs_initialize(void)
{
	NTSTATUS status = io_register_driver(&procfs_driver);

	if (!NT_SUCCESS(status))
		return status;
	return io_create_device(&procfs_driver, "\\Device\\ProcFs", NULL, &procfs_device);
}
