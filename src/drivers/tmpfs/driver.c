/*
 * \Driver\TmpFs: the operations of tmpfs' file objects, and its instances, which are
 * devices that tmpfs_create_instance() makes; there is none at start.
 */
#include <errno.h>
#include <poll.h>
#include <sys/sysinfo.h>

#include <drivers/tmpfs/node.h>

#define TMPFS_MAGIC 0x01021994
#define PAGE TMPFS_PAGE

static void tmpfs_close(struct io_file *file)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	struct tmpfs_volume *volume = node->volume;

	io_lock_release_file(&node->locks, file);
	rtl_lock(&volume->lock);
	node->opens--;
	tmpfs_release_node(node);
	rtl_unlock(&volume->lock);
}

static NTSTATUS query_name(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	return fsrtl_return_name(file->name.Buffer, file->name.Length, data, size, information);
}

static NTSTATUS tmpfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	FILE_LX_STATX_INFORMATION attributes;

	if (class == FileNameInformation)
		return query_name(file, data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	rtl_lock(&node->volume->lock);
	attributes = node->attributes;
	rtl_unlock(&node->volume->lock);
	tmpfs_measure(node, &attributes);
	return fsrtl_query_attributes(&attributes, class, data, size, information);
}

static NTSTATUS tmpfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				      struct io_file *target)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	NTSTATUS status;

	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_status_flags(file, data, size);
	if (class == FileEndOfFileInformation && size >= sizeof(LARGE_INTEGER))
		return tmpfs_truncate(node, ((const FILE_END_OF_FILE_INFORMATION *)data)->EndOfFile.QuadPart);
	if (class == FileLxRenameInformation && size >= sizeof(FILE_LX_RENAME_INFORMATION)) {
		if (!target || target->device != file->device)
			return STATUS_NOT_SAME_DEVICE;
		return tmpfs_rename(node, tmpfs_node_of(target), data);
	}
	rtl_lock(&node->volume->lock);
	status = fsrtl_set_attributes(&node->attributes, class, data, size);
	rtl_unlock(&node->volume->lock);
	return status;
}

/* The entry at a position; volume.lock held. */
static bool entry_at(struct tmpfs_node *directory, uint64_t position, struct fsrtl_directory_entry *out)
{
	const struct tmpfs_node *node = directory;
	const struct tmpfs_entry *entry = NULL;

	if (position == 1 && directory->parent)
		node = directory->parent;
	if (position >= 2) {
		entry = tmpfs_entry_from(directory, position);
		if (!entry)
			return false;
		node = entry->node;
	}
	*out = (struct fsrtl_directory_entry){
		.name = entry ? entry->name : "..",
		.name_length = entry ? entry->name_length : position + 1,
		.inode = node->attributes.Inode,
		.cookie = (entry ? entry->cookie : position) + 1,
		.mode = node->attributes.Mode,
	};
	return true;
}

static NTSTATUS tmpfs_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				      bool restart, bool single, ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	struct fsrtl_directory_writer writer = {.data = data, .size = size};
	struct fsrtl_directory_entry entry;
	NTSTATUS status = STATUS_SUCCESS;

	if (class != FileIdExtdDirectoryInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (tmpfs_type(node) != FSRTL_S_IFDIR)
		return FSRTL_ERRNO(ENOTDIR);
	rtl_lock(&file->lock);
	rtl_lock(&node->volume->lock);
	if (restart)
		file->position = 0;
	while (entry_at(node, (uint64_t)file->position, &entry)) {
		if (!fsrtl_add_entry(&writer, &entry)) {
			status = writer.used ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
			break;
		}
		file->position = (LONGLONG)entry.cookie;
		if (single)
			break;
	}
	rtl_unlock(&node->volume->lock);
	rtl_unlock(&file->lock);
	*information = writer.used;
	return status == STATUS_SUCCESS && !writer.used ? STATUS_NO_MORE_FILES : status;
}

NTSTATUS tmpfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				   ULONG_PTR *information)
{
	struct tmpfs_volume *volume = tmpfs_node_of(file)->volume;
	uint64_t used = MIN_OF(atomic_load(&volume->used), volume->limit);
	uint64_t inode_used = MIN_OF(atomic_load(&volume->inode_used), volume->inode_limit);
	FILE_FS_DEVICE_INFORMATION kind = {.DeviceType = FILE_DEVICE_DISK_FILE_SYSTEM};
	FILE_FS_LX_STATFS_INFORMATION answer = {
		.Type = TMPFS_MAGIC,
		.BlockSize = PAGE,
		.FragmentSize = PAGE,
		.NameLength = TMPFS_NAME_MAX,
		.Flags = 0x1020,
		.Blocks = volume->limit / PAGE,
		.BlocksFree = (volume->limit - used) / PAGE,
		.BlocksAvailable = (volume->limit - used) / PAGE,
		.Files = volume->inode_limit / TMPFS_INODE_SPACE,
		.FilesFree = (volume->inode_limit - inode_used) / TMPFS_INODE_SPACE,
	};

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&kind, sizeof kind, data, size, information);
	if (class == FileFsLxStatfsInformation)
		return fsrtl_return(&answer, sizeof answer, data, size, information);
	return STATUS_INVALID_INFO_CLASS;
}

static NTSTATUS tmpfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size,
				     void *output, ULONG output_size, ULONG_PTR *information)
{
	return FSRTL_ERRNO(ENOTTY);
}

static NTSTATUS tmpfs_flush(struct io_file *file, ULONG flags)
{
	return STATUS_SUCCESS;
}

static ULONG tmpfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	return (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) & events;
}

const struct io_driver_operations tmpfs_operations = {
	.create = tmpfs_create,
	.close = tmpfs_close,
	.read = tmpfs_read,
	.write = tmpfs_write,
	.query_information = tmpfs_query_information,
	.set_information = tmpfs_set_information,
	.query_by_name = tmpfs_query_by_name,
	.query_directory = tmpfs_query_directory,
	.query_volume = tmpfs_query_volume,
	.fs_control = tmpfs_fs_control,
	.device_control = tmpfs_device_control,
	.flush = tmpfs_flush,
	.poll = tmpfs_poll,
	.section = tmpfs_section,
};

static struct io_driver tmpfs_driver = {
	.name = "TmpFs", .operations = &tmpfs_operations, .file_extension_size = sizeof(struct tmpfs_open)};

NTSTATUS tmpfs_initialize(void)
{
	return io_register_driver(&tmpfs_driver);
}

static uint64_t default_limit(void)
{
	struct sysinfo host;

	return sysinfo(&host) < 0 ? (uint64_t)1 << 30 : (uint64_t)host.totalram * host.mem_unit / 2;
}

struct tmpfs_volume *tmpfs_create_volume(uint64_t size, ULONG mode, const struct fsrtl_file_system *where)
{
	struct tmpfs_volume *volume = calloc(1, sizeof *volume);

	if (!volume)
		return NULL;
	rtl_lock_initialize(&volume->lock);
	volume->limit = ALIGN_UP(size ? size : default_limit(), (uint64_t)PAGE);
	volume->inode_limit = volume->limit / PAGE * TMPFS_INODE_SPACE;
	volume->where = where;
	if (tmpfs_create_node(volume, FSRTL_S_IFDIR | mode, NULL, &volume->root) != STATUS_SUCCESS) {
		free(volume);
		return NULL;
	}
	/* The volume's own hold: ".." of the root and its name. */
	volume->root->attributes.NumberOfLinks = 2;
	return volume;
}

NTSTATUS tmpfs_create_instance(const char *name, uint64_t size, struct io_device **device)
{
	struct tmpfs_volume *volume = tmpfs_create_volume(size, 01777, NULL);
	char path[128];
	NTSTATUS status;

	if (!volume)
		return STATUS_NO_MEMORY;
	snprintf(path, sizeof path, "\\Device\\TmpFs%s%s", *name ? "-" : "", name);
	status = io_create_device(&tmpfs_driver, path, volume, device);
	if (NT_SUCCESS(status))
		return status;
	volume->root->attributes.NumberOfLinks = 0;
	tmpfs_release_node(volume->root);
	free(volume);
	return status;
}
