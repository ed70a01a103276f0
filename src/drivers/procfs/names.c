/* Names that are to be made or removed in procfs: none ever is, and what the name means decides how that is refused. */
#include <errno.h>

#include <drivers/procfs/tree.h>

/* The attributes of what a name of one component means here; slashes behind it ask for a directory, as everywhere. */
static NTSTATUS find_name(struct io_file *file, const STRING *name, FILE_LX_STATX_INFORMATION *attributes)
{
	struct io_create create = {.root = file, .name = *name, .options = FILE_OPEN_REPARSE_POINT};
	struct procfs_place place;
	NTSTATUS status;

	*attributes = (FILE_LX_STATX_INFORMATION){0};
	while (create.name.Length && create.name.Buffer[create.name.Length - 1] == '/')
		create.name.Length--;
	status = procfs_walk(&create, &place);
	if (status == STATUS_SUCCESS)
		status = procfs_attributes(&place, attributes);
	if (status == STATUS_SUCCESS && create.name.Length < name->Length && (attributes->Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	return status;
}

/* No name can be made here: the directories have no such operation, which shows as if they were about to go. */
NTSTATUS procfs_refuse_making(struct io_file *file, const STRING *name)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = find_name(file, name, &attributes);

	if (status == STATUS_SUCCESS || (status == STATUS_NOT_A_DIRECTORY && attributes.Mode))
		return STATUS_OBJECT_NAME_COLLISION;
	return status == STATUS_NOT_A_DIRECTORY ? status : STATUS_OBJECT_NAME_NOT_FOUND;
}

/* None can be removed, and what the name means says why: may_delete(). */
NTSTATUS procfs_refuse_removal(struct io_file *file, const FSCTL_LX_REMOVE_NAME_INPUT *input, NTSTATUS writable)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = find_name(file, &input->Name, &attributes);

	if (status != STATUS_SUCCESS)
		return status;
	if (writable != STATUS_SUCCESS)
		return writable;
	if (input->Directory && (attributes.Mode & FSRTL_S_IFMT) != FSRTL_S_IFDIR)
		return STATUS_NOT_A_DIRECTORY;
	return !input->Directory && (attributes.Mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR ? STATUS_FILE_IS_A_DIRECTORY :
										       FSRTL_ERRNO(EPERM);
}
