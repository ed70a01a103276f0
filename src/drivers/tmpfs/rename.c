/* rename(2) and renameat2(2): one change of the tree under the volume's lock, checked as a whole before it is made. */
#include <errno.h>

#include <drivers/tmpfs/node.h>

#define NO_REPLACE 1u
#define EXCHANGE 2u

NTSTATUS tmpfs_may_delete(struct tmpfs_node *directory, const struct tmpfs_node *victim)
{
	if (!fsrtl_permitted(&directory->attributes, FSRTL_WRITE | FSRTL_EXECUTE))
		return STATUS_ACCESS_DENIED;
	if (directory->attributes.Mode & 01000 && !fsrtl_is_owner(&directory->attributes) &&
	    !fsrtl_is_owner(&victim->attributes) && !fsrtl_capable(FSRTL_CAP_FOWNER))
		return FSRTL_ERRNO(EPERM);
	return STATUS_SUCCESS;
}

/* Is `directory` the node or below it? */
static bool lies_in(const struct tmpfs_node *directory, const struct tmpfs_node *node)
{
	for (; directory; directory = directory->parent)
		if (directory == node)
			return true;
	return false;
}

/* What replacing the target by the source needs. */
static NTSTATUS check_replace(struct tmpfs_node *to, const struct tmpfs_node *source, const struct tmpfs_node *target)
{
	bool source_directory = tmpfs_type(source) == FSRTL_S_IFDIR, target_directory = tmpfs_type(target) == FSRTL_S_IFDIR;
	NTSTATUS status = tmpfs_may_delete(to, target);

	if (status != STATUS_SUCCESS)
		return status;
	if (source_directory && !target_directory)
		return STATUS_NOT_A_DIRECTORY;
	if (!source_directory && target_directory)
		return STATUS_FILE_IS_A_DIRECTORY;
	return target_directory && !RB_EMPTY(&target->names) ? STATUS_DIRECTORY_NOT_EMPTY : STATUS_SUCCESS;
}

/* Two entries swap their nodes. */
static NTSTATUS exchange(struct tmpfs_node *from, struct tmpfs_entry *source, struct tmpfs_node *to,
			 struct tmpfs_entry *target)
{
	struct tmpfs_node *moved = source->node, *other = target->node;
	NTSTATUS status = tmpfs_may_delete(to, other);

	if (status != STATUS_SUCCESS)
		return status;
	if (tmpfs_type(other) == FSRTL_S_IFDIR && lies_in(from, other))
		return FSRTL_ERRNO(EINVAL);
	source->node = other;
	target->node = moved;
	if (tmpfs_type(moved) == FSRTL_S_IFDIR) {
		moved->parent = to;
		from->attributes.NumberOfLinks--;
		to->attributes.NumberOfLinks++;
	}
	if (tmpfs_type(other) == FSRTL_S_IFDIR) {
		other->parent = from;
		to->attributes.NumberOfLinks--;
		from->attributes.NumberOfLinks++;
	}
	moved->attributes.ChangeTime = other->attributes.ChangeTime = fsrtl_now();
	from->attributes.ModifyTime = from->attributes.ChangeTime = fsrtl_now();
	to->attributes.ModifyTime = to->attributes.ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

/* The new name exists: its entry takes the node over, and the old name leaves with the node that was there. Nothing can fail. */
static void replace(struct tmpfs_node *from, struct tmpfs_entry *source, struct tmpfs_node *to, struct tmpfs_entry *target)
{
	struct tmpfs_node *node = source->node;

	source->node = target->node;
	target->node = node;
	if (tmpfs_type(node) == FSRTL_S_IFDIR)
		node->parent = to;
	node->attributes.ChangeTime = to->attributes.ModifyTime = to->attributes.ChangeTime = fsrtl_now();
	tmpfs_unlink_entry(from, source);
}

/* The new name first, which is all that can fail and keeps the node's link count above zero. */
static NTSTATUS move(struct tmpfs_node *from, struct tmpfs_entry *source, struct tmpfs_node *to, const STRING *name)
{
	struct tmpfs_node *node = source->node;
	NTSTATUS status = tmpfs_add_entry(to, name, node);

	if (status != STATUS_SUCCESS)
		return status;
	tmpfs_remove_entry(from, source);
	if (tmpfs_type(node) == FSRTL_S_IFDIR) {
		node->parent = to;
		node->attributes.NumberOfLinks++;
	}
	return STATUS_SUCCESS;
}

/* volume.lock held. */
static NTSTATUS rename_locked(struct tmpfs_node *from, struct tmpfs_node *to, const FILE_LX_RENAME_INFORMATION *input)
{
	STRING old_name = input->OldName, new_name = input->NewName;
	bool old_slash = tmpfs_trim_slashes(&old_name), new_slash = tmpfs_trim_slashes(&new_name);
	struct tmpfs_entry *source = tmpfs_find_entry(from, &old_name);
	struct tmpfs_entry *target = tmpfs_find_entry(to, &new_name);
	NTSTATUS status;

	if (!source)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (target && input->Flags & NO_REPLACE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (!target && input->Flags & EXCHANGE)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (tmpfs_type(source->node) != FSRTL_S_IFDIR && (old_slash || (new_slash && !(input->Flags & EXCHANGE))))
		return STATUS_NOT_A_DIRECTORY;
	if (tmpfs_type(source->node) == FSRTL_S_IFDIR && lies_in(to, source->node))
		return FSRTL_ERRNO(EINVAL);
	if (target && !(input->Flags & EXCHANGE) && lies_in(from, target->node))
		return STATUS_DIRECTORY_NOT_EMPTY;
	if (target && target->node == source->node)
		return STATUS_SUCCESS;
	status = tmpfs_may_delete(from, source->node);
	if (status == STATUS_SUCCESS && !fsrtl_permitted(&to->attributes, FSRTL_WRITE | FSRTL_EXECUTE))
		status = STATUS_ACCESS_DENIED;
	if (status != STATUS_SUCCESS)
		return status;
	if (input->Flags & EXCHANGE)
		return exchange(from, source, to, target);
	if (to->attributes.NumberOfLinks == 0)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = target ? check_replace(to, source->node, target->node) : STATUS_SUCCESS;
	if (status == STATUS_SUCCESS && !target)
		return move(from, source, to, &new_name);
	if (status == STATUS_SUCCESS)
		replace(from, source, to, target);
	return status;
}

NTSTATUS tmpfs_rename(struct tmpfs_node *from, struct tmpfs_node *to, const FILE_LX_RENAME_INFORMATION *input)
{
	NTSTATUS status;

	/* RENAME_WHITEOUT is for a union's upper layer, which tmpfs is not. */
	if (input->Flags & ~(NO_REPLACE | EXCHANGE) || input->Flags == (NO_REPLACE | EXCHANGE))
		return FSRTL_ERRNO(EINVAL);
	if (tmpfs_type(from) != FSRTL_S_IFDIR || tmpfs_type(to) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	if (input->NewName.Length > TMPFS_NAME_MAX || input->OldName.Length > TMPFS_NAME_MAX)
		return STATUS_NAME_TOO_LONG;
	rtl_lock(&from->volume->lock);
	status = rename_locked(from, to, input);
	rtl_unlock(&from->volume->lock);
	return status;
}
