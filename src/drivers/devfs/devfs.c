/*
 * \Device\DevFs: /dev, a memory file system of the instance's, as the host's devtmpfs is one: its administrator makes and
 * removes names in it, for as long as the instance lives. A character device is known by its number, under whatever name;
 * what has no device here is told so when it is opened (ENXIO). There is nobody to carry pipes and sockets with a name, so
 * these can't be made (EPERM).
 */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <drivers/condrv/condrv.h>
#include <drivers/devfs/devfs.h>
#include <drivers/devfs/nodes.h>
#include <executive/io/async.h>
#include <drivers/tmpfs/node.h>

#define TMPFS_MAGIC 0x01021994

static struct io_device *devfs_device;
static struct fsrtl_file_system host_directory;
/* tmpfs' operations, but for what devices do in their own way. */
static struct io_driver_operations directory_operations, device_operations;

/* The extension of each file object; of no use once the file is condrv's. */
struct devfs_file {
	struct tmpfs_open tmpfs; /* first: most operations are tmpfs' own */
	const struct devfs_device *device;
};

static const struct devfs_device *device_of(struct io_file *file)
{
	return ((struct devfs_file *)io_file_extension(file))->device;
}

static FILE_LX_STATX_INFORMATION attributes_of(struct tmpfs_node *node)
{
	FILE_LX_STATX_INFORMATION copy;

	rtl_lock(&node->volume->lock);
	copy = node->attributes;
	rtl_unlock(&node->volume->lock);
	return copy;
}

/* The row that has a device's number, or NULL. */
static const struct devfs_node *find_device(const FILE_LX_STATX_INFORMATION *attributes)
{
	for (size_t i = 0; i < devfs_node_count; i++)
		if ((devfs_nodes[i].mode & FSRTL_S_IFMT) == FSRTL_S_IFCHR && devfs_nodes[i].major == attributes->RdevMajor &&
		    devfs_nodes[i].minor == attributes->RdevMinor)
			return &devfs_nodes[i];
	return NULL;
}

/* The open file becomes its device's. tmpfs has let the caller open it; after a failure nothing of that is left. */
static NTSTATUS open_device(struct io_create *create, struct io_file *file)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	const FILE_LX_STATX_INFORMATION found = attributes_of(node);
	const struct devfs_node *device = find_device(&found);
	struct condrv_guise guise = {device ? device->name : NULL, found};
	NTSTATUS status;

	if (device && device->device) {
		((struct devfs_file *)io_file_extension(file))->device = device->device;
		file->operations = &device_operations;
		return STATUS_SUCCESS;
	}
	tmpfs_forget_open(node);
	if (!device)
		return FSRTL_ERRNO(ENXIO);
	status = device->open(file, create->lx.Flags);
	if (status == STATUS_SUCCESS)
		condrv_show_as(file, &guise);
	return status;
}

static NTSTATUS devfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	NTSTATUS status = tmpfs_create(device, create, file);

	if (status != STATUS_SUCCESS || tmpfs_type(tmpfs_node_of(file)) != FSRTL_S_IFCHR || create->lx.Flags & FSRTL_O_PATH ||
	    !fsrtl_wanted(create->access))
		return status;
	return open_device(create, file);
}

static NTSTATUS devfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			   ULONG flags, ULONG_PTR *information)
{
	return device_of(file)->read(buffer, information);
}

static NTSTATUS devfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			    ULONG flags, ULONG_PTR *information)
{
	return device_of(file)->write(buffer, information);
}

static NTSTATUS devfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				   ULONG_PTR *information)
{
	FILE_FS_DEVICE_INFORMATION kind = {.DeviceType = FILE_DEVICE_UNKNOWN};

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&kind, sizeof kind, data, size, information);
	return tmpfs_query_volume(file, class, data, size, information);
}

/* Pipes and sockets: whether the name is there, and whether it may be made, comes first, as anywhere. */
static NTSTATUS refuse_name(struct io_file *file, const STRING *name)
{
	struct io_create create = {.root = file, .name = *name, .options = FILE_OPEN_REPARSE_POINT};
	FILE_LX_STATX_INFORMATION found, directory = attributes_of(tmpfs_node_of(file));
	ULONG_PTR information;
	NTSTATUS status = tmpfs_query_by_name(devfs_device, &create, FileLxStatxInformation, &found, sizeof found, &information);

	if (status == STATUS_SUCCESS)
		return STATUS_OBJECT_NAME_COLLISION;
	if (status != STATUS_OBJECT_NAME_NOT_FOUND)
		return status;
	return fsrtl_permitted(&directory, FSRTL_WRITE | FSRTL_EXECUTE) ? FSRTL_ERRNO(EPERM) : STATUS_ACCESS_DENIED;
}

static NTSTATUS directory_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_MAKE_NODE_INPUT *make = input;
	ULONG type = code == FSCTL_LX_MAKE_NODE && input_size >= sizeof(*make) ? make->Mode & FSRTL_S_IFMT : 0;

	if (type == FSRTL_S_IFIFO || type == FSRTL_S_IFSOCK)
		return refuse_name(file, &make->Name);
	return tmpfs_fs_control(file, code, input, input_size, output, output_size, information);
}

static NTSTATUS device_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				       struct io_file *target)
{
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_buffered_flags(file, data, size);
	return tmpfs_operations.set_information(file, class, data, size, target);
}

static NTSTATUS set_async(struct io_file *file, const void *input, ULONG input_size)
{
	const FSCTL_LX_ASYNC_INPUT *in = input;

	if (!device_of(file)->async || input_size < sizeof *in)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (in->On)
		return io_async_join(device_of(file)->async, 0, file, in->Descriptor, -1);
	io_async_leave(file);
	return STATUS_SUCCESS;
}

/* Memory devices answer 0 whatever is asked (null_lseek). */
static NTSTATUS device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			       ULONG output_size, ULONG_PTR *information)
{
	static const LONGLONG start = 0;

	if (code == FSCTL_LX_SEEK)
		return device_of(file)->seekable ? fsrtl_return(&start, sizeof start, output, output_size, information) :
						   FSRTL_ERRNO(ESPIPE);
	if (code == FSCTL_LX_FALLOCATE)
		return FSRTL_ERRNO(ENODEV);
	if (code == FSCTL_LX_ASYNC)
		return set_async(file, input, input_size);
	return tmpfs_fs_control(file, code, input, input_size, output, output_size, information);
}

static NTSTATUS devfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size,
				     void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct devfs_device *device = device_of(file);
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;
	ULONG used = 0;
	NTSTATUS status;

	if (code != FSCTL_LX_IOCTL || input_size < sizeof *in || output_size < sizeof *out || !device->ioctl)
		return FSRTL_ERRNO(ENOTTY);
	status = device->ioctl(in->Request ? in->Request : (ULONG)in->Argument, out->Data, output_size - (ULONG)sizeof *out, &used);
	if (status == STATUS_SUCCESS) {
		out->Size = used;
		*information = sizeof *out + used;
	}
	return status;
}

static NTSTATUS devfs_flush(struct io_file *file, ULONG flags)
{
	return FSRTL_ERRNO(EINVAL);
}

static ULONG devfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	return device_of(file)->poll_events & events;
}

static ULONG devfs_splice_ends(struct io_file *file)
{
	return device_of(file)->splice_ends;
}

/* Mapping /dev/zero is asking for fresh memory. */
static NTSTATUS devfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	if (!device_of(file)->zero_pages)
		return FSRTL_ERRNO(ENODEV);
	*backing = (struct io_section_backing){.host_fd = -1, .anonymous = true};
	return STATUS_SUCCESS;
}

static void make_operations(void)
{
	directory_operations = tmpfs_operations;
	directory_operations.create = devfs_create;
	directory_operations.query_volume = devfs_query_volume;
	directory_operations.fs_control = directory_control;
	device_operations = directory_operations;
	device_operations.read = devfs_read;
	device_operations.write = devfs_write;
	device_operations.set_information = device_set_information;
	device_operations.fs_control = device_control;
	device_operations.device_control = devfs_device_control;
	device_operations.flush = devfs_flush;
	device_operations.poll = devfs_poll;
	device_operations.splice_ends = devfs_splice_ends;
	device_operations.section = devfs_section;
}

static struct io_driver devfs_driver = {
	.name = "DevFs", .operations = &directory_operations, .file_extension_size = sizeof(struct devfs_file)};

/* The administrator's, whoever runs lxrun. */
static void give_away(struct tmpfs_node *node)
{
	node->attributes.Uid = node->attributes.Gid = 0;
}

static NTSTATUS make_nodes(struct tmpfs_volume *volume)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (size_t i = 0; status == STATUS_SUCCESS && i < devfs_node_count; i++) {
		const struct devfs_node *node = &devfs_nodes[i];
		FSCTL_LX_MAKE_NODE_INPUT make = {.Mode = node->mode,
						 .Name = rtl_string(node->name),
						 .DeviceMajor = node->major,
						 .DeviceMinor = node->minor};

		if (node->target)
			make.Target = rtl_string(node->target);
		status = tmpfs_make_node(volume->root, &make);
		if (status == STATUS_SUCCESS)
			give_away(tmpfs_find_entry(volume->root, &make.Name)->node);
	}
	give_away(volume->root);
	return status;
}

/* As much room, for bytes and names, as the host's own /dev has, where that is in memory, too, and is limited. */
static void limit_as_host(struct tmpfs_volume *volume)
{
	struct statfs host;

	if (statfs("/dev", &host) < 0 || host.f_type != TMPFS_MAGIC)
		return;
	if (host.f_blocks)
		volume->limit = ALIGN_UP((uint64_t)host.f_blocks * (uint64_t)host.f_bsize, (uint64_t)TMPFS_PAGE);
	if (host.f_files)
		volume->inode_limit = MAX_OF((uint64_t)host.f_files, 2 * (uint64_t)devfs_node_count) * TMPFS_INODE_SPACE;
}

NTSTATUS devfs_initialize(void)
{
	struct tmpfs_volume *volume;
	NTSTATUS status;

	make_operations();
	host_directory = fsrtl_file_system_at("/dev", 6);
	volume = tmpfs_create_volume(0, 0755, &host_directory);
	if (volume)
		limit_as_host(volume);
	status = volume ? make_nodes(volume) : STATUS_NO_MEMORY;
	if (!NT_SUCCESS(status))
		return status;
	volume->has_devices = true;
	volume->root->attributes.Attributes = host_directory.attributes_mask & FSRTL_STATX_ATTR_MOUNT_ROOT;
	status = io_register_driver(&devfs_driver);
	return NT_SUCCESS(status) ? io_create_device(&devfs_driver, "\\Device\\DevFs", volume, &devfs_device) : status;
}
