/*
 * The first program's descriptors: what lxrun itself was started with.
 *
 * Numbers stay the same, as they would across a native exec. The driver hands
 * out each inherited host descriptor as a file object; lxrun's own are told from
 * them by their close-on-exec flag.
 */
#include <descriptor/fd.h>
#include <drivers/hostfs/hostfs.h>

/* Does it only name its file? Many calls refuse such a descriptor before anything else. */
static bool is_path(HANDLE handle)
{
	IO_STATUS_BLOCK io;
	ULONG flags;
	NTSTATUS status = ZwQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation);

	return NT_SUCCESS(status) && (flags & LX_O_PATH);
}

static NTSTATUS adopt(struct lx_files *files, int fd)
{
	cleanup_object struct io_file *file = NULL;
	struct ob_handle_table *current = ob_current_table();
	HANDLE handle = NULL;
	NTSTATUS status = hostfs_adopt_descriptor(fd, &file);

	if (!NT_SUCCESS(status))
		return status;
	ob_set_current_table(lx_files_handles(files));
	status = ob_open_by_pointer(file, 0, file->access, &handle);
	if (NT_SUCCESS(status) && !lx_files_place(files, fd, handle, is_path(handle))) {
		ZwClose(handle);
		status = STATUS_NO_MEMORY;
	}
	ob_set_current_table(current);
	return status;
}

NTSTATUS lx_files_adopt_host(struct lx_files *files)
{
	for (int fd = hostfs_next_inherited(0); fd >= 0; fd = hostfs_next_inherited(fd + 1)) {
		NTSTATUS status = adopt(files, fd);

		if (!NT_SUCCESS(status))
			return status;
	}
	return STATUS_SUCCESS;
}
