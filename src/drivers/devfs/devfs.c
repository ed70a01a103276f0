/*
 * \Device\DevFs: the file objects of /dev. The tree is fixed: nothing can be made
 * or removed in it (EACCES, as for a user in a /dev that is the administrator's).
 * Attributes may be changed for the instance's life time, since programs do chown
 * and touch their devices.
 *
 * Lock: attribute_lock guards the attributes of all nodes. A file object's context
 * is the index of its node, plus one; 0 is the directory itself.
 */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <drivers/condrv/condrv.h>
#include <drivers/devfs/devfs.h>
#include <drivers/devfs/nodes.h>

#define TMPFS_MAGIC 0x01021994
#define MAX_NODES 32
#define ROOT 0u

static struct io_device *devfs_device;
static struct rtl_lock attribute_lock = RTL_LOCK_INITIALIZER;
static FILE_LX_STATX_INFORMATION attributes[MAX_NODES + 1];

static size_t index_of(const struct io_file *file)
{
	return (size_t)(uintptr_t)file->context;
}

/* The node behind an index; NULL for the root. */
static const struct devfs_node *node_of(size_t index)
{
	return index == ROOT ? NULL : &devfs_nodes[index - 1];
}

static FILE_LX_STATX_INFORMATION attributes_of(size_t index)
{
	FILE_LX_STATX_INFORMATION copy;

	rtl_lock(&attribute_lock);
	copy = attributes[index];
	rtl_unlock(&attribute_lock);
	return copy;
}

/* Down one component: STATUS_SUCCESS with *index changed. */
static NTSTATUS step(size_t *index, const STRING *component)
{
	bool in_root = *index == ROOT;

	if ((attributes[*index].Mode & FSRTL_S_IFMT) == FSRTL_S_IFLNK)
		return STATUS_REPARSE;
	if ((attributes[*index].Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (fsrtl_name_is(component, "."))
		return STATUS_SUCCESS;
	if (fsrtl_name_is(component, "..")) {
		if (in_root)
			return STATUS_STOPPED_ON_SYMLINK;
		*index = ROOT;
		return STATUS_SUCCESS;
	}
	for (size_t i = 0; in_root && i < devfs_node_count; i++)
		if (fsrtl_name_is(component, devfs_nodes[i].name)) {
			*index = i + 1;
			return STATUS_SUCCESS;
		}
	return STATUS_OBJECT_NAME_NOT_FOUND;
}

/* The node that a create request names. A last component that does not exist is told from a missing way there. */
static NTSTATUS walk(const struct io_create *create, size_t *index)
{
	STRING rest = create->name, component;
	NTSTATUS status = STATUS_SUCCESS;

	*index = create->root ? index_of(create->root) : ROOT;
	while (status == STATUS_SUCCESS && fsrtl_next_component(&rest, &component))
		status = step(index, &component);
	return status == STATUS_OBJECT_NAME_NOT_FOUND ? fsrtl_missing(rest) : status;
}

/* What open(2) checks of a node that exists. */
static NTSTATUS check_open(const struct io_create *create, const FILE_LX_STATX_INFORMATION *node)
{
	ULONG type = node->Mode & FSRTL_S_IFMT;
	unsigned wanted = fsrtl_wanted(create->access);

	if (type == FSRTL_S_IFLNK && !(create->options & FILE_OPEN_REPARSE_POINT))
		return STATUS_REPARSE;
	if (create->disposition == FILE_CREATE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (create->options & FILE_DIRECTORY_FILE && type != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (type == FSRTL_S_IFDIR && (wanted & FSRTL_WRITE || create->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_FILE_IS_A_DIRECTORY;
	if (type == FSRTL_S_IFDIR)
		wanted &= ~FSRTL_EXECUTE;
	if (create->lx.Flags & FSRTL_O_PATH || type == FSRTL_S_IFLNK || fsrtl_permitted(node, wanted))
		return STATUS_SUCCESS;
	return STATUS_ACCESS_DENIED;
}

static NTSTATUS devfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	FILE_LX_STATX_INFORMATION found;
	const struct devfs_node *node;
	size_t index;
	NTSTATUS status = walk(create, &index);

	if (status == STATUS_OBJECT_NAME_NOT_FOUND && create->disposition != FILE_OPEN &&
	    create->disposition != FILE_OVERWRITE)
		return STATUS_ACCESS_DENIED;
	if (status != STATUS_SUCCESS)
		return status;
	found = attributes_of(index);
	status = check_open(create, &found);
	if (status != STATUS_SUCCESS)
		return status;
	node = node_of(index);
	file->context = (void *)(uintptr_t)index;
	file->access = create->access;
	fsrtl_keep_flags(file, create);
	create->information = FILE_OPENED;
	if (node && node->open && !(create->lx.Flags & FSRTL_O_PATH) && fsrtl_wanted(create->access)) {
		struct condrv_guise guise = {node->name, found};

		status = node->open(file, create->lx.Flags);
		if (status == STATUS_SUCCESS)
			condrv_show_as(file, &guise);
	}
	return status;
}

static const struct devfs_device *device_of(const struct io_file *file)
{
	const struct devfs_node *node = node_of(index_of(file));

	return node ? node->device : NULL;
}

static NTSTATUS devfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			   ULONG flags, ULONG_PTR *information)
{
	const struct devfs_device *device = device_of(file);

	if (!device)
		return node_of(index_of(file)) && (attributes[index_of(file)].Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR ?
			       FSRTL_ERRNO(ENXIO) :
			       FSRTL_ERRNO(EISDIR);
	return device->read(buffer, information);
}

static NTSTATUS devfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			    ULONG flags, ULONG_PTR *information)
{
	const struct devfs_device *device = device_of(file);

	return device ? device->write(buffer, information) : FSRTL_ERRNO(EINVAL);
}

static NTSTATUS query_name(size_t index, void *data, ULONG size, ULONG_PTR *information)
{
	const struct devfs_node *node = node_of(index);
	const char *name = node ? node->name : "";

	return fsrtl_return_name(name, strlen(name), data, size, information);
}

static NTSTATUS devfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION copy = attributes_of(index_of(file));

	if (class == FileNameInformation)
		return query_name(index_of(file), data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	return fsrtl_query_attributes(&copy, class, data, size, information);
}

static NTSTATUS devfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
				    void *data, ULONG size, ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION copy;
	size_t index;
	NTSTATUS status = walk(create, &index);

	if (status != STATUS_SUCCESS)
		return status;
	copy = attributes_of(index);
	if ((copy.Mode & FSRTL_S_IFMT) == FSRTL_S_IFLNK && !(create->options & FILE_OPEN_REPARSE_POINT))
		return STATUS_REPARSE;
	return fsrtl_query_attributes(&copy, class, data, size, information);
}

static NTSTATUS devfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				      struct io_file *target)
{
	NTSTATUS status;

	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_status_flags(file, data, size);
	if (class == FileEndOfFileInformation)
		return FSRTL_ERRNO(EINVAL);
	if (class == FileLxRenameInformation || class == FileRenameInformationEx || class == FileDispositionInformationEx)
		return STATUS_ACCESS_DENIED;
	rtl_lock(&attribute_lock);
	status = fsrtl_set_attributes(&attributes[index_of(file)], class, data, size);
	rtl_unlock(&attribute_lock);
	return status;
}

/* Entry n of a listing: ".", "..", then the nodes (none in pts and shm, over which other file systems are mounted). */
static bool directory_entry(size_t directory, size_t position, struct fsrtl_directory_entry *entry)
{
	static const char *const dots[] = {".", ".."};
	size_t index = directory;

	if (position >= 2 && (directory != ROOT || position - 2 >= devfs_node_count))
		return false;
	if (position == 1)
		index = ROOT;
	else if (position >= 2)
		index = position - 1;
	*entry = (struct fsrtl_directory_entry){
		.name = position < 2 ? dots[position] : devfs_nodes[position - 2].name,
		.inode = attributes[index].Inode,
		.cookie = position + 1,
		.mode = attributes[index].Mode,
	};
	entry->name_length = strlen(entry->name);
	return true;
}

static NTSTATUS devfs_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				      bool restart, bool single, ULONG_PTR *information)
{
	struct fsrtl_directory_writer writer = {.data = data, .size = size};
	struct fsrtl_directory_entry entry;
	NTSTATUS status = STATUS_SUCCESS;

	if (class != FileIdExtdDirectoryInformation)
		return STATUS_INVALID_INFO_CLASS;
	if ((attributes[index_of(file)].Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR)
		return FSRTL_ERRNO(ENOTDIR);
	rtl_lock(&file->lock);
	if (restart)
		file->position = 0;
	while (directory_entry(index_of(file), (size_t)file->position, &entry)) {
		if (!fsrtl_add_entry(&writer, &entry)) {
			status = writer.used ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
			break;
		}
		file->position++;
		if (single)
			break;
	}
	rtl_unlock(&file->lock);
	*information = writer.used;
	return status == STATUS_SUCCESS && !writer.used ? STATUS_NO_MORE_FILES : status;
}

static NTSTATUS devfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				   ULONG_PTR *information)
{
	FILE_FS_DEVICE_INFORMATION kind = {.DeviceType = FILE_DEVICE_UNKNOWN};
	FILE_FS_LX_STATFS_INFORMATION answer = {
		.Type = TMPFS_MAGIC,
		.BlockSize = 4096,
		.FragmentSize = 4096,
		.NameLength = 255,
		.Files = devfs_node_count,
		.Flags = 0x20,
	};

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&kind, sizeof kind, data, size, information);
	if (class == FileFsLxStatfsInformation)
		return fsrtl_return(&answer, sizeof answer, data, size, information);
	return STATUS_INVALID_INFO_CLASS;
}

static NTSTATUS seek(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
		     ULONG_PTR *information)
{
	const struct devfs_device *device = device_of(file);
	FSCTL_LX_SEEK_INPUT in;
	LONGLONG result = 0;
	NTSTATUS status = STATUS_SUCCESS;

	if (input_size < sizeof in)
		return STATUS_INVALID_PARAMETER;
	memcpy(&in, input, sizeof in);
	/* Memory devices answer 0 whatever is asked (null_lseek); a directory's position is a cookie. */
	if (!device)
		status = io_position_seek(file, in.Offset, in.Whence, 0, &result);
	else if (!device->seekable)
		return FSRTL_ERRNO(ESPIPE);
	return status == STATUS_SUCCESS ? fsrtl_return(&result, sizeof result, output, output_size, information) :
					  status;
}

static NTSTATUS read_link(struct io_file *file, void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct devfs_node *node = node_of(index_of(file));

	if (!node || !node->target)
		return STATUS_NOT_A_REPARSE_POINT;
	return fsrtl_return_link(node->target, strlen(node->target), output, output_size, information);
}

/* Names can't be made or removed; whether the name is there comes first, as anywhere. */
static NTSTATUS refuse_name(struct io_file *file, const STRING *name, bool making)
{
	size_t index = index_of(file);
	NTSTATUS status = step(&index, name);

	if (making && status == STATUS_SUCCESS)
		return STATUS_OBJECT_NAME_COLLISION;
	if (!making && status == STATUS_OBJECT_NAME_NOT_FOUND)
		return status;
	return STATUS_ACCESS_DENIED;
}

static NTSTATUS devfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				 ULONG output_size, ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION copy = attributes_of(index_of(file));

	if (code == FSCTL_LX_SEEK)
		return seek(file, input, input_size, output, output_size, information);
	if (code == FSCTL_GET_REPARSE_POINT)
		return read_link(file, output, output_size, information);
	if (code == FSCTL_LX_ACCESS && input_size >= sizeof(ULONG))
		return fsrtl_permitted(&copy, *(const ULONG *)input & 7) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
	if (code == FSCTL_LX_MAKE_NODE && input_size >= sizeof(FSCTL_LX_MAKE_NODE_INPUT))
		return refuse_name(file, &((const FSCTL_LX_MAKE_NODE_INPUT *)input)->Name, true);
	if (code == FSCTL_LX_LINK_NAME && input_size >= sizeof(FSCTL_LX_LINK_NAME_INPUT))
		return refuse_name(file, &((const FSCTL_LX_LINK_NAME_INPUT *)input)->Name, true);
	if (code == FSCTL_LX_REMOVE_NAME && input_size >= sizeof(FSCTL_LX_REMOVE_NAME_INPUT))
		return refuse_name(file, &((const FSCTL_LX_REMOVE_NAME_INPUT *)input)->Name, false);
	if (code == FSCTL_LX_FALLOCATE)
		return FSRTL_ERRNO(ENODEV);
	if (code == FSCTL_LX_GET_XATTR || code == FSCTL_LX_SET_XATTR || code == FSCTL_LX_REMOVE_XATTR)
		return FSRTL_ERRNO(EOPNOTSUPP);
	if (code == FSCTL_LX_LIST_XATTR || code == FSCTL_LX_FADVISE || code == FSCTL_LX_SYNC_FS) {
		*information = 0;
		return STATUS_SUCCESS;
	}
	return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS devfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size,
				     void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct devfs_device *device = device_of(file);
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;
	ULONG used = 0;
	NTSTATUS status;

	if (code != FSCTL_LX_IOCTL || input_size < sizeof *in || output_size < sizeof *out || !device || !device->ioctl)
		return FSRTL_ERRNO(ENOTTY);
	status = device->ioctl(in->Request, out->Data, output_size - (ULONG)sizeof *out, &used);
	if (status == STATUS_SUCCESS) {
		out->Size = used;
		*information = sizeof *out + used;
	}
	return status;
}

static NTSTATUS devfs_flush(struct io_file *file, ULONG flags)
{
	return device_of(file) ? FSRTL_ERRNO(EINVAL) : STATUS_SUCCESS;
}

static ULONG devfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	const struct devfs_device *device = device_of(file);

	return (device ? device->poll_events : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) & events;
}

/* Mapping /dev/zero is asking for fresh memory. */
static NTSTATUS devfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	const struct devfs_device *device = device_of(file);
	int descriptor;

	if (!device || !device->zero_pages)
		return FSRTL_ERRNO(ENODEV);
	descriptor = memfd_create("dev-zero", MFD_CLOEXEC);
	if (descriptor < 0)
		return FSRTL_ERRNO(errno);
	/* As large as any mapping of it can be: untouched pages cost nothing. */
	if (ftruncate(descriptor, INT64_MAX & ~4095ll) < 0) {
		close(descriptor);
		return FSRTL_ERRNO(ENOMEM);
	}
	*backing = (struct io_section_backing){.host_fd = descriptor};
	return STATUS_SUCCESS;
}

static const struct io_driver_operations devfs_operations = {
	.create = devfs_create,
	.read = devfs_read,
	.write = devfs_write,
	.query_information = devfs_query_information,
	.set_information = devfs_set_information,
	.query_by_name = devfs_query_by_name,
	.query_directory = devfs_query_directory,
	.query_volume = devfs_query_volume,
	.fs_control = devfs_fs_control,
	.device_control = devfs_device_control,
	.flush = devfs_flush,
	.poll = devfs_poll,
	.section = devfs_section,
};

static struct io_driver devfs_driver = {.name = "DevFs", .operations = &devfs_operations};

static void make_attributes(void)
{
	struct fsrtl_file_system where = fsrtl_file_system_at("/dev", 6);

	fsrtl_init_attributes(&attributes[ROOT], FSRTL_S_IFDIR | 0755, 1);
	fsrtl_place_in(&attributes[ROOT], &where);
	attributes[ROOT].Attributes = attributes[ROOT].AttributesMask & FSRTL_STATX_ATTR_MOUNT_ROOT;
	attributes[ROOT].NumberOfLinks = 4;
	for (size_t i = 0; i < devfs_node_count; i++) {
		FILE_LX_STATX_INFORMATION *node = &attributes[i + 1];

		fsrtl_init_attributes(node, devfs_nodes[i].mode, i + 2);
		fsrtl_place_in(node, &where);
		node->RdevMajor = devfs_nodes[i].major;
		node->RdevMinor = devfs_nodes[i].minor;
		if (devfs_nodes[i].target)
			node->Size = strlen(devfs_nodes[i].target);
		if ((devfs_nodes[i].mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR)
			node->NumberOfLinks = 2;
	}
	/* The administrator's, whoever runs lxrun. */
	for (size_t i = 0; i <= devfs_node_count; i++)
		attributes[i].Uid = attributes[i].Gid = 0;
}

NTSTATUS devfs_initialize(void)
{
	NTSTATUS status;

	_Static_assert(MAX_NODES >= 14, "room for every node");
	make_attributes();
	status = io_register_driver(&devfs_driver);
	if (!NT_SUCCESS(status))
		return status;
	return io_create_device(&devfs_driver, "\\Device\\DevFs", NULL, &devfs_device);
}
