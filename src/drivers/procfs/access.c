/* Who may open what in /proc and how, and what of its attributes can be set. */
#include <drivers/procfs/tree.h>
#include <errno.h>

bool procfs_takes_writes(const struct procfs_node *node)
{
	return node->store || (node->bytes && node->bytes->write);
}

/*
 * Something that can be set on the host, or a value of /proc/sys, which nobody may open who may not set it. What nobody can
 * write is opened for writing by who may write everything, and refuses to be written.
 */
static bool is_setting(const struct procfs_place *place, const FILE_LX_STATX_INFORMATION *attributes)
{
	return attributes->Mode & 0222 || (place->depth > 1 && !strcmp(place->way[1].node->name, "sys"));
}

NTSTATUS procfs_check_open(const struct io_create *create, const struct procfs_place *place)
{
	const struct procfs_node *node = procfs_node_of(place);
	unsigned wanted = fsrtl_wanted(create->access);
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = procfs_attributes(place, &attributes);

	if (status != STATUS_SUCCESS)
		return status;
	if (create->disposition == FILE_CREATE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (create->options & FILE_DIRECTORY_FILE && node->kind != PROCFS_DIRECTORY)
		return STATUS_NOT_A_DIRECTORY;
	if (create->lx.Flags & FSRTL_O_PATH || node->kind == PROCFS_LINK || node->kind == PROCFS_MAGIC)
		return STATUS_SUCCESS;
	/* A file without a name would have to be made in the directory first: may it be written at all? */
	if (node->kind == PROCFS_DIRECTORY && create->lx.Flags & FSRTL_O_TMPFILE)
		return fsrtl_permitted(&attributes, FSRTL_WRITE | FSRTL_EXECUTE) ? FSRTL_ERRNO(EOPNOTSUPP) :
										     STATUS_ACCESS_DENIED;
	if (node->kind == PROCFS_DIRECTORY) {
		if (wanted & FSRTL_WRITE || create->disposition != FILE_OPEN || create->options & FILE_NON_DIRECTORY_FILE)
			return STATUS_FILE_IS_A_DIRECTORY;
		wanted &= ~FSRTL_EXECUTE;
	}
	if (create->lx.Flags & FSRTL_O_TMPFILE && node->kind != PROCFS_DIRECTORY)
		return STATUS_NOT_A_DIRECTORY;
	if (!procfs_permitted(place, &attributes, wanted))
		return STATUS_ACCESS_DENIED;
	if (node->guard == PROCFS_LOOK_AT_OPEN && wanted && !procfs_provider()->may_look(procfs_subject_of(place)))
		return STATUS_ACCESS_DENIED;
	if (node->kind == PROCFS_FILE && wanted & FSRTL_WRITE && !procfs_takes_writes(node) && is_setting(place, &attributes))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

NTSTATUS procfs_check_access(struct procfs_open *open, ULONG wanted)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = procfs_attributes(&open->place, &attributes);

	if (status != STATUS_SUCCESS)
		return status;
	return procfs_permitted(&open->place, &attributes, wanted & 7) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/* No file here has extended attributes, but who may not touch the file is told that first. */
NTSTATUS procfs_refuse_attribute(struct procfs_open *open, ULONG code, const void *input, ULONG input_size)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = procfs_attributes(&open->place, &attributes);

	return status == STATUS_SUCCESS ? fsrtl_refuse_xattr(&attributes, false, code, input, input_size) : status;
}

/* The folder of a process or of a thread, which a number names. */
static bool is_task(const struct procfs_place *place)
{
	const struct procfs_numbers *numbers = place->depth ? place->way[place->depth - 1].node->numbers : NULL;
	const struct procfs_node *node = procfs_node_of(place);

	return node->kind == PROCFS_DIRECTORY && numbers && numbers->child == node;
}

/* Owner and times of what belongs to a process: who may set them does so, and they are what they were at the next look. */
NTSTATUS procfs_set_attributes(const struct procfs_place *place, FILE_INFORMATION_CLASS class, const void *data, ULONG size)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = procfs_attributes(place, &attributes);

	if (status == STATUS_SUCCESS)
		status = procfs_subject_of(place)->pid && !is_task(place) ?
				 fsrtl_set_attributes(&attributes, class, data, size) :
				 FSRTL_ERRNO(EPERM);
	return status;
}
