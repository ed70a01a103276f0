/*
 * The I/O manager's object types: drivers, devices, file objects.
 *
 * A driver's table is completed with defaults once, when its first device is
 * made, so that no call site tests for a missing operation. A file object
 * carries its driver's extension and its first name in the same allocation.
 * References: a file holds its device, a device its driver; both are never
 * deleted in practice, since the namespace holds them.
 */
#include <executive/io/async.h>
#include <executive/io/internal.h>

/* The driver's table with the defaults filled in, where devices and files find it. */
struct driver_object {
	struct io_driver *driver;
	struct io_driver_operations operations;
};

static void delete_file(void *object)
{
	struct io_file *file = object;

	io_forget_inode_locks(file);
	io_async_leave(file);
	if (file->operations)
		IO_OPERATION(file, close)(file);
	io_async_forget(file);
	rtl_lock_destroy(&file->lock);
	ob_dereference(file->device);
}

static void close_file_handle(void *object, ULONG left)
{
	struct io_file *file = object;

	if (left || !file->operations)
		return;
	IO_OPERATION(file, cleanup)(file);
	io_substitute_file(file);
}

static struct dispatcher_header *file_dispatcher(void *object)
{
	return &((struct io_file *)object)->header;
}

static size_t query_file_name(void *object, char *name, size_t size)
{
	struct io_file *file = object;
	size_t used = 0;

	rtl_lock(&file->lock);
	if ((size_t)file->device->name.Length + 1 + file->name.Length <= size) {
		memcpy(name, file->device->name.Buffer, file->device->name.Length);
		used = file->device->name.Length;
		if (file->name.Length) {
			name[used++] = '\\';
			memcpy(name + used, file->name.Buffer, file->name.Length);
			used += file->name.Length;
		}
	}
	rtl_unlock(&file->lock);
	return used;
}

static void dump_file(void *object, FILE *out)
{
	struct io_file *file = object;

	rtl_lock(&file->lock);
	fprintf(out, "%.*s\\%.*s access 0x%x", file->device->name.Length, file->device->name.Buffer, file->name.Length,
		file->name.Buffer, file->access);
	rtl_unlock(&file->lock);
	if (file->operations)
		/* Words about memory alone: it is called under the handle table's lock. */
		(file->operations->dump ? file->operations->dump : io_default_operations.dump)(file, out);
}

static const struct ob_type_operations file_operations = {
    .close = close_file_handle,
    .delete = delete_file,
    .dispatcher = file_dispatcher,
    .query_name = query_file_name,
    .dump = dump_file,
};

struct ob_type io_file_type = {
    .name = "File",
    .mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS},
    .valid_access = FILE_ALL_ACCESS,
    .operations = &file_operations,
};

static void delete_device(void *object)
{
	free(((struct io_device *)object)->name.Buffer);
}

static void dump_device(void *object, FILE *out)
{
	fprintf(out, "driver %s", ((struct io_device *)object)->driver->name);
}

static const struct ob_type_operations device_operations = {
    .delete = delete_device,
    .parse = io_parse_device,
    .dump = dump_device,
};

struct ob_type io_device_type = {
    .name = "Device",
    .mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS},
    .valid_access = FILE_ALL_ACCESS,
    .operations = &device_operations,
};

static const struct ob_type_operations driver_operations = {0};

struct ob_type io_driver_type = {
    .name = "Driver",
    .valid_access = STANDARD_RIGHTS_ALL,
    .operations = &driver_operations,
};

void io_initialize(void)
{
	ob_register_type(&io_file_type);
	ob_register_type(&io_device_type);
	ob_register_type(&io_driver_type);
}

/* Drivers are registered at start and stay. */
#define MAXIMUM_DRIVERS 32
static struct driver_object *drivers[MAXIMUM_DRIVERS];
static size_t driver_count;
static struct rtl_lock driver_lock = RTL_LOCK_INITIALIZER; /* guards the two above; a leaf */

static struct driver_object *find_driver_object(const struct io_driver *driver)
{
	struct driver_object *found = NULL;

	rtl_lock(&driver_lock);
	for (size_t i = 0; i < driver_count && !found; i++)
		if (drivers[i]->driver == driver)
			found = drivers[i];
	rtl_unlock(&driver_lock);
	return found;
}

/* Give an object its full name, "\Device\Null", for good. Consumes nothing. */
static NTSTATUS insert_permanent(void *object, const char *full_name)
{
	STRING name = rtl_string(full_name);
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle;
	NTSTATUS status;

	InitializeObjectAttributes(&attributes, &name, OBJ_PERMANENT | OBJ_KERNEL_HANDLE, NULL, NULL);
	ob_reference(object);
	status = ob_insert_object(object, &attributes, 0, &handle);
	if (NT_SUCCESS(status))
		ob_handle_table_close(ob_kernel_table(), handle);
	return status;
}

NTSTATUS io_register_driver(struct io_driver *driver)
{
	cleanup_object struct driver_object *object = ob_create_object(&io_driver_type, sizeof(*object));
	char name[128];
	NTSTATUS status;

	if (!object)
		return STATUS_NO_MEMORY;
	object->driver = driver;
	io_fill_defaults(&object->operations, driver->operations);
	snprintf(name, sizeof(name), "\\Driver\\%s", driver->name);
	status = insert_permanent(object, name);
	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&driver_lock);
	if (driver_count < MAXIMUM_DRIVERS)
		drivers[driver_count++] = steal_pointer(&object);
	else
		status = STATUS_INSUFFICIENT_RESOURCES;
	rtl_unlock(&driver_lock);
	return status;
}

NTSTATUS io_create_device(struct io_driver *driver, const char *name, void *extension, struct io_device **device)
{
	struct driver_object *object = find_driver_object(driver);
	cleanup_object struct io_device *made = NULL;
	NTSTATUS status;

	if (!object)
		return STATUS_NO_SUCH_DEVICE;
	made = ob_create_object(&io_device_type, sizeof(*made));
	if (!made)
		return STATUS_NO_MEMORY;
	made->driver = driver;
	made->operations = &object->operations;
	made->extension = extension;
	made->name.Buffer = strdup(name ? name : "");
	if (!made->name.Buffer)
		return STATUS_NO_MEMORY;
	made->name.Length = made->name.MaximumLength = (USHORT)strlen(made->name.Buffer);
	if (name) {
		status = insert_permanent(made, name);
		if (!NT_SUCCESS(status))
			return status;
	}
	*device = steal_pointer(&made);
	return STATUS_SUCCESS;
}

NTSTATUS io_create_named_file_object(struct io_device *device, ACCESS_MASK access, ULONG options, size_t name_size,
				     struct io_file **result)
{
	size_t extension = device->driver->file_extension_size;
	struct io_file *file;

	if (name_size > UINT16_MAX)
		return STATUS_NAME_TOO_LONG;
	file = ob_create_object(&io_file_type, sizeof(*file) + extension + name_size + 1);
	if (!file)
		return STATUS_NO_MEMORY;
	ke_initialize_header(&file->header, KE_EVENT_NOTIFICATION);
	file->header.signal_state = 1;
	ob_reference(device);
	file->device = device;
	file->operations = device->operations;
	file->access = access;
	file->options = options;
	file->name = (STRING){(USHORT)name_size, (USHORT)name_size, file->extension + extension};
	rtl_lock_initialize(&file->lock);
	*result = file;
	return STATUS_SUCCESS;
}

NTSTATUS io_create_file_object(struct io_device *device, ACCESS_MASK access, ULONG options, struct io_file **file)
{
	return io_create_named_file_object(device, access, options, 0, file);
}

NTSTATUS io_reference_file(HANDLE handle, ACCESS_MASK access, struct io_file **file)
{
	return ob_reference_by_handle(handle, access, &io_file_type, (void **)file);
}

LONGLONG io_position(struct io_file *file)
{
	LONGLONG position;

	rtl_lock(&file->lock);
	position = file->position;
	rtl_unlock(&file->lock);
	return position;
}

void io_move_to(struct io_file *file, LONGLONG position)
{
	rtl_lock(&file->lock);
	file->position = position;
	rtl_unlock(&file->lock);
}

NTSTATUS io_position_seek(struct io_file *file, LONGLONG offset, ULONG whence, LONGLONG end, LONGLONG *result)
{
	LONGLONG base = 0, position;
	NTSTATUS status = STATUS_SUCCESS;

	rtl_lock(&file->lock);
	switch (whence) {
	case 0: /* SEEK_SET */
		break;
	case 1: /* SEEK_CUR */
		base = file->position;
		break;
	case 2: /* SEEK_END */
		base = end;
		break;
	case 3: /* SEEK_DATA: all of the file is data */
	case 4: /* SEEK_HOLE: its end is the one hole */
		if (offset < 0 || offset >= end)
			status = nt_status_from_errno(6); /* ENXIO */
		base = whence == 4 ? end - offset : 0;
		break;
	default:
		status = STATUS_INVALID_PARAMETER;
	}
	if (NT_SUCCESS(status)) {
		if (__builtin_add_overflow(base, offset, &position) || position < 0)
			status = STATUS_INVALID_PARAMETER;
		else
			*result = file->position = position;
	}
	rtl_unlock(&file->lock);
	return status;
}
