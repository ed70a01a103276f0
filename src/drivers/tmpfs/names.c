/* Names: finding, opening, making and removing them, by the rules of path_resolution(7), open(2), unlink(2), link(2). */
#include <errno.h>

#include <drivers/tmpfs/node.h>

#define SHORT_TARGET 128u /* with its NUL it lies in the node up to this, as in Linux' tmpfs */

/* Down one component. */
static NTSTATUS step(struct tmpfs_node **node, const STRING *component)
{
	struct tmpfs_node *directory = *node;
	struct tmpfs_entry *entry;

	if (tmpfs_type(directory) == FSRTL_S_IFLNK)
		return STATUS_REPARSE;
	if (tmpfs_type(directory) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (!fsrtl_permitted(&directory->attributes, FSRTL_EXECUTE))
		return STATUS_ACCESS_DENIED;
	if (fsrtl_name_is(component, "."))
		return STATUS_SUCCESS;
	if (fsrtl_name_is(component, "..")) {
		if (!directory->parent)
			return STATUS_STOPPED_ON_SYMLINK;
		*node = directory->parent;
		return STATUS_SUCCESS;
	}
	if (component->Length > TMPFS_NAME_MAX)
		return STATUS_NAME_TOO_LONG;
	entry = tmpfs_find_entry(directory, component);
	if (!entry)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*node = entry->node;
	return STATUS_SUCCESS;
}

/* Where a walk ended: the node, or the directory in which the last component is missing. */
struct walked {
	struct tmpfs_node *node, *directory;
	STRING last;
};

static NTSTATUS walk(struct tmpfs_volume *volume, const struct io_create *create, struct walked *walked)
{
	STRING rest = create->name;
	NTSTATUS status = STATUS_SUCCESS;

	*walked = (struct walked){.node = create->root ? tmpfs_node_of(create->root) : volume->root};
	while (status == STATUS_SUCCESS && fsrtl_next_component(&rest, &walked->last)) {
		walked->directory = walked->node;
		status = step(&walked->node, &walked->last);
	}
	return status == STATUS_OBJECT_NAME_NOT_FOUND ? fsrtl_missing(rest) : status;
}

static NTSTATUS check_existing(const struct io_create *create, const struct tmpfs_node *node)
{
	unsigned wanted = fsrtl_wanted(create->access);
	ULONG type = tmpfs_type(node);

	if (create->disposition == FILE_CREATE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (type == FSRTL_S_IFLNK && !(create->options & FILE_OPEN_REPARSE_POINT))
		return STATUS_REPARSE;
	if (create->options & FILE_DIRECTORY_FILE && type != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (type == FSRTL_S_IFDIR) {
		if (wanted & FSRTL_WRITE || create->disposition != FILE_OPEN || create->options & FILE_NON_DIRECTORY_FILE)
			return STATUS_FILE_IS_A_DIRECTORY;
		wanted &= ~FSRTL_EXECUTE;
	}
	if (create->lx.Flags & FSRTL_O_PATH || type == FSRTL_S_IFLNK)
		return STATUS_SUCCESS;
	if (!fsrtl_permitted(&node->attributes, wanted))
		return STATUS_ACCESS_DENIED;
	/* Devices, pipes and sockets have nothing behind them here. */
	if (wanted && type != FSRTL_S_IFREG && type != FSRTL_S_IFDIR &&
	    !(type == FSRTL_S_IFCHR && node->volume->has_devices))
		return FSRTL_ERRNO(ENXIO);
	return STATUS_SUCCESS;
}

static NTSTATUS may_add(const struct tmpfs_node *directory)
{
	/* A directory that was removed takes no more names. */
	if (directory->attributes.NumberOfLinks == 0)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	return fsrtl_permitted(&directory->attributes, FSRTL_WRITE | FSRTL_EXECUTE) ? STATUS_SUCCESS :
										      STATUS_ACCESS_DENIED;
}

/* A new node under a name; volume.lock held. */
static NTSTATUS add_node(struct tmpfs_node *directory, const STRING *name, ULONG mode, struct tmpfs_node **added)
{
	NTSTATUS status = may_add(directory);
	struct tmpfs_node *node;

	if (status != STATUS_SUCCESS)
		return status;
	status = tmpfs_create_node(directory->volume, mode, directory, &node);
	if (status != STATUS_SUCCESS)
		return status;
	status = tmpfs_add_entry(directory, name, node);
	if (status != STATUS_SUCCESS) {
		node->attributes.NumberOfLinks = 0;
		tmpfs_release_node(node);
		return status;
	}
	*added = node;
	return STATUS_SUCCESS;
}

/* An unlinked file in a directory: O_TMPFILE. */
static NTSTATUS create_unnamed(const struct io_create *create, struct walked *walked)
{
	NTSTATUS status;

	if (tmpfs_type(walked->node) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	status = may_add(walked->node);
	if (status != STATUS_SUCCESS)
		return status;
	return tmpfs_create_node(walked->node->volume, FSRTL_S_IFREG | (create->lx.Mode & 07777), walked->node, &walked->node);
}

static bool creates(const struct io_create *create)
{
	return create->disposition == FILE_CREATE || create->disposition == FILE_OPEN_IF ||
	       create->disposition == FILE_OVERWRITE_IF;
}

/* volume.lock held. */
static NTSTATUS resolve(struct tmpfs_volume *volume, struct io_create *create, struct walked *walked)
{
	NTSTATUS status = walk(volume, create, walked);
	ULONG type = create->options & FILE_DIRECTORY_FILE ? FSRTL_S_IFDIR : FSRTL_S_IFREG;

	create->information = FILE_OPENED;
	if (status == STATUS_SUCCESS && create->lx.Flags & FSRTL_O_TMPFILE)
		return create_unnamed(create, walked);
	if (status == STATUS_SUCCESS)
		return check_existing(create, walked->node);
	if (status != STATUS_OBJECT_NAME_NOT_FOUND || !creates(create))
		return status;
	create->information = FILE_CREATED;
	return add_node(walked->directory, &walked->last, type | (create->lx.Mode & 07777), &walked->node);
}

/* O_TRUNC, of what was there already. */
static NTSTATUS overwrite(struct io_create *create, struct tmpfs_node *node)
{
	NTSTATUS status;

	if (create->information != FILE_OPENED ||
	    (create->disposition != FILE_OVERWRITE && create->disposition != FILE_OVERWRITE_IF))
		return STATUS_SUCCESS;
	/* A name for a device, pipe or socket has nothing to cut. */
	if (tmpfs_type(node) != FSRTL_S_IFREG)
		return STATUS_SUCCESS;
	status = tmpfs_truncate(node, 0);
	if (status == STATUS_SUCCESS)
		create->information = FILE_OVERWRITTEN;
	return status;
}

void tmpfs_forget_open(struct tmpfs_node *node)
{
	struct tmpfs_volume *volume = node->volume;

	rtl_lock(&volume->lock);
	node->opens--;
	tmpfs_release_node(node);
	rtl_unlock(&volume->lock);
}

NTSTATUS tmpfs_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	struct tmpfs_volume *volume = device->extension;
	struct walked walked;
	NTSTATUS status;

	rtl_lock(&volume->lock);
	status = resolve(volume, create, &walked);
	if (status == STATUS_SUCCESS)
		walked.node->opens++;
	rtl_unlock(&volume->lock);
	if (status != STATUS_SUCCESS)
		return status;
	status = overwrite(create, walked.node);
	if (status != STATUS_SUCCESS) {
		tmpfs_forget_open(walked.node);
		return status;
	}
	file->context = walked.node;
	file->access = create->access;
	fsrtl_keep_flags(file, create);
	return STATUS_SUCCESS;
}

NTSTATUS tmpfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
			     void *data, ULONG size, ULONG_PTR *information)
{
	struct tmpfs_volume *volume = device->extension;
	FILE_LX_STATX_INFORMATION attributes;
	struct walked walked;
	NTSTATUS status;

	rtl_lock(&volume->lock);
	status = walk(volume, create, &walked);
	if (status == STATUS_SUCCESS && tmpfs_type(walked.node) == FSRTL_S_IFLNK &&
	    !(create->options & FILE_OPEN_REPARSE_POINT))
		status = STATUS_REPARSE;
	if (status == STATUS_SUCCESS) {
		attributes = walked.node->attributes;
		tmpfs_measure(walked.node, &attributes);
	}
	rtl_unlock(&volume->lock);
	return status == STATUS_SUCCESS ? fsrtl_query_attributes(&attributes, class, data, size, information) : status;
}

bool tmpfs_trim_slashes(STRING *name)
{
	USHORT length = name->Length;

	while (name->Length && name->Buffer[name->Length - 1] == '/')
		name->Length--;
	return name->Length < length;
}

/* What every change of a directory by name begins with. */
static NTSTATUS check_name(const struct tmpfs_node *directory, const STRING *name)
{
	if (tmpfs_type(directory) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (!name->Length || memchr(name->Buffer, '/', name->Length))
		return STATUS_OBJECT_NAME_INVALID;
	return name->Length > TMPFS_NAME_MAX ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
}

/* A new symbolic link gets its target. volume.lock held. */
static NTSTATUS set_target(struct tmpfs_node *node, char **target, size_t length)
{
	struct tmpfs_volume *volume = node->volume;

	if (length >= SHORT_TARGET && !tmpfs_reserve(&volume->used, volume->limit, TMPFS_PAGE))
		return STATUS_DISK_FULL;
	node->target_has_page = length >= SHORT_TARGET;
	node->attributes.Size = length;
	node->target = steal_pointer(target);
	return STATUS_SUCCESS;
}

/* An entry just made, and its node, were for nothing. volume.lock held. */
static void take_back(struct tmpfs_node *directory, const STRING *name)
{
	tmpfs_remove_entry(directory, tmpfs_find_entry(directory, name));
}

NTSTATUS tmpfs_make_node(struct tmpfs_node *directory, const FSCTL_LX_MAKE_NODE_INPUT *input)
{
	cleanup_free char *target = NULL;
	struct tmpfs_node *node = NULL;
	STRING name = input->Name;
	bool slash = tmpfs_trim_slashes(&name);
	NTSTATUS status = check_name(directory, &name);
	ULONG type = input->Mode & FSRTL_S_IFMT;

	if (status != STATUS_SUCCESS)
		return status;
	if (type == FSRTL_S_IFLNK) {
		target = strndup(input->Target.Buffer, input->Target.Length);
		if (!target)
			return STATUS_NO_MEMORY;
	}
	rtl_lock(&directory->volume->lock);
	if (tmpfs_find_entry(directory, &name))
		status = STATUS_OBJECT_NAME_COLLISION;
	else if (slash && type != FSRTL_S_IFDIR)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	else
		status = add_node(directory, &name, type ? input->Mode : input->Mode | FSRTL_S_IFREG, &node);
	if (status == STATUS_SUCCESS) {
		node->attributes.RdevMajor = input->DeviceMajor;
		node->attributes.RdevMinor = input->DeviceMinor;
		status = target ? set_target(node, &target, input->Target.Length) : status;
		if (status != STATUS_SUCCESS)
			take_back(directory, &name);
	}
	rtl_unlock(&directory->volume->lock);
	return status;
}

static NTSTATUS check_removal(struct tmpfs_node *directory, const struct tmpfs_node *victim, bool as_directory)
{
	NTSTATUS status = tmpfs_may_delete(directory, victim);

	if (status != STATUS_SUCCESS)
		return status;
	if (as_directory && tmpfs_type(victim) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (!as_directory && tmpfs_type(victim) == FSRTL_S_IFDIR)
		return STATUS_FILE_IS_A_DIRECTORY;
	if (as_directory && !RB_EMPTY(&victim->names))
		return STATUS_DIRECTORY_NOT_EMPTY;
	return STATUS_SUCCESS;
}

NTSTATUS tmpfs_remove_name(struct tmpfs_node *directory, const FSCTL_LX_REMOVE_NAME_INPUT *input)
{
	struct tmpfs_entry *entry;
	STRING name = input->Name;
	bool slash = tmpfs_trim_slashes(&name);
	NTSTATUS status = check_name(directory, &name);

	if (status != STATUS_SUCCESS)
		return status;
	rtl_lock(&directory->volume->lock);
	entry = tmpfs_find_entry(directory, &name);
	if (!entry)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	else if (slash && tmpfs_type(entry->node) != FSRTL_S_IFDIR)
		status = STATUS_NOT_A_DIRECTORY;
	else
		status = check_removal(directory, entry->node, input->Directory);
	if (status == STATUS_SUCCESS)
		tmpfs_unlink_entry(directory, entry);
	rtl_unlock(&directory->volume->lock);
	return status;
}

/* A name for a node that has some already, or was made without. volume.lock held. */
static NTSTATUS add_link(struct tmpfs_node *directory, const STRING *name, struct tmpfs_node *node)
{
	struct tmpfs_volume *volume = directory->volume;
	uint64_t space = node->attributes.NumberOfLinks ? TMPFS_INODE_SPACE : 0;
	NTSTATUS status;

	if (!tmpfs_reserve(&volume->inode_used, volume->inode_limit, space))
		return STATUS_DISK_FULL;
	status = tmpfs_add_entry(directory, name, node);
	if (status != STATUS_SUCCESS)
		atomic_fetch_sub(&volume->inode_used, space);
	return status;
}

NTSTATUS tmpfs_link_name(struct tmpfs_node *directory, const FSCTL_LX_LINK_NAME_INPUT *input)
{
	cleanup_object struct io_file *file = NULL;
	struct tmpfs_node *node;
	STRING name = input->Name;
	bool slash = tmpfs_trim_slashes(&name);
	NTSTATUS status = check_name(directory, &name);

	if (status == STATUS_SUCCESS)
		status = io_reference_file(input->File, 0, &file);
	if (status != STATUS_SUCCESS)
		return status;
	if (file->device->extension != directory->volume)
		return STATUS_NOT_SAME_DEVICE;
	node = tmpfs_node_of(file);
	rtl_lock(&directory->volume->lock);
	if (tmpfs_type(node) == FSRTL_S_IFDIR)
		status = FSRTL_ERRNO(EPERM);
	else if (tmpfs_find_entry(directory, &name))
		status = STATUS_OBJECT_NAME_COLLISION;
	else if (slash)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	else
		status = may_add(directory);
	if (status == STATUS_SUCCESS)
		status = add_link(directory, &name, node);
	rtl_unlock(&directory->volume->lock);
	return status;
}
