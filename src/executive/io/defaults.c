/*
 * Named defaults of driver operations: what a driver that leaves an operation
 * out answers. STATUS_INVALID_DEVICE_REQUEST is Linux' ENOTTY or, where the row
 * of the call says so, EINVAL.
 */
#include <executive/io/internal.h>

static NTSTATUS default_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	return STATUS_INVALID_DEVICE_REQUEST;
}

static void default_cleanup(struct io_file *file)
{
}

static void default_close(struct io_file *file)
{
}

static NTSTATUS default_transfer(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
				 ULONG flags, ULONG_PTR *information)
{
	return STATUS_INVALID_PARAMETER; /* Linux: EINVAL for an object without read or write */
}

static NTSTATUS default_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					  ULONG_PTR *information)
{
	return STATUS_INVALID_INFO_CLASS;
}

static NTSTATUS default_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data,
					ULONG size, struct io_file *target)
{
	return STATUS_INVALID_INFO_CLASS;
}

/* Open for attributes, ask, close. */
static NTSTATUS default_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
				      void *data, ULONG size, ULONG_PTR *information)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_create_on_device(device, create, &file);

	return status == STATUS_SUCCESS ? IO_OPERATION(file, query_information)(file, class, data, size, information)
					: status;
}

static NTSTATUS default_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					bool restart, bool single, ULONG_PTR *information)
{
	return STATUS_NOT_A_DIRECTORY;
}

static NTSTATUS default_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				     ULONG_PTR *information)
{
	return STATUS_NOT_IMPLEMENTED;
}

static NTSTATUS default_query_ea(struct io_file *file, void *data, ULONG size, const void *list, ULONG list_size,
				 bool restart, bool single, ULONG_PTR *information)
{
	return STATUS_EAS_NOT_SUPPORTED;
}

static NTSTATUS default_set_ea(struct io_file *file, const void *data, ULONG size)
{
	return STATUS_EAS_NOT_SUPPORTED;
}

static NTSTATUS default_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				ULONG output_size, ULONG_PTR *information)
{
	return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS default_flush(struct io_file *file, ULONG flags)
{
	return STATUS_INVALID_PARAMETER; /* fsync(2): EINVAL, bound to a special file that does not support it */
}

/* Always ready: Linux' DEFAULT_POLLMASK, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM. */
static ULONG default_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	return events & 0x145u;
}

static ULONG default_splice_ends(struct io_file *file)
{
	return IO_SPLICE_SOURCE | IO_SPLICE_TARGET;
}

ULONG io_splice_ends(struct io_file *file)
{
	return IO_OPERATION(file, splice_ends)(file);
}

static NTSTATUS default_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	return STATUS_NO_SUCH_DEVICE; /* mmap(2): ENODEV */
}

static struct io_file *default_substitute(struct io_file *file)
{
	return NULL;
}

static void default_dump(struct io_file *file, FILE *out)
{
}

const struct io_driver_operations io_default_operations = {
    .create = default_create,
    .cleanup = default_cleanup,
    .close = default_close,
    .read = default_transfer,
    .write = default_transfer,
    .query_information = default_query_information,
    .set_information = default_set_information,
    .query_by_name = default_query_by_name,
    .query_directory = default_query_directory,
    .query_volume = default_query_volume,
    .query_ea = default_query_ea,
    .set_ea = default_set_ea,
    .fs_control = default_control,
    .device_control = default_control,
    .flush = default_flush,
    .poll = default_poll,
    .splice_ends = default_splice_ends,
    .section = default_section,
    .substitute = default_substitute,
    .dump = default_dump,
};

void io_fill_defaults(struct io_driver_operations *operations, const struct io_driver_operations *given)
{
	/* Every member is a pointer to a function. */
	typedef void (*operation)(void);
	const operation *from = (const operation *)given, *otherwise = (const operation *)&io_default_operations;
	operation *to = (operation *)operations;

	_Static_assert(sizeof(*operations) % sizeof(operation) == 0, "function pointers alone");
	for (size_t i = 0; i < sizeof(*operations) / sizeof(operation); i++)
		to[i] = from[i] ? from[i] : otherwise[i];
}
