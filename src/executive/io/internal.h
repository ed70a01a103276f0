/* Shared by the files of the I/O manager. */
#ifndef IO_INTERNAL_H
#define IO_INTERNAL_H

#include <executive/io/io.h>
#include <nt/ntservices.h>
#include <nt/ntstatus_errno.h>

/* Fill the missing operations of a driver's table with the named defaults. */
void io_fill_defaults(struct io_driver_operations *operations, const struct io_driver_operations *given);
/* As io_create_file_object, with room for a first name of `name_size` bytes in file->name. */
NTSTATUS io_create_named_file_object(struct io_device *device, ACCESS_MASK access, ULONG options, size_t name_size,
				     struct io_file **file);
/* IopParseDevice: a name walk reached a device. The parse context is the io_create of NtCreateFile. */
NTSTATUS io_parse_device(void *object, struct ob_parse *parse);
/* inode_locks.c: FSCTL_LX_FLOCK and FSCTL_LX_RECORD_LOCK of a file whose driver has no locks, and the end of such a file. */
NTSTATUS io_lock_inode(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
		       ULONG output_size, ULONG_PTR *information);
/* copy.c: FSCTL_LX_SPLICE and FSCTL_LX_COPY_RANGE of a file whose driver has no way of its own. */
NTSTATUS io_copy_spliced(struct io_file *file, const void *input, ULONG input_size, ULONG_PTR *information);
NTSTATUS io_copy_range(struct io_file *file, const void *input, ULONG input_size, ULONG_PTR *information);
void io_forget_inode_locks(struct io_file *file);
/* control_area.c: the last handle went. */
void io_substitute_file(struct io_file *file);
/*
 * Give the result to who waits for it: status block, event (by handle, NULL:
 * none), APC to the calling thread. Returns `status`.
 */
NTSTATUS io_complete(NTSTATUS status, ULONG_PTR information, IO_STATUS_BLOCK *block, HANDLE event,
		     PIO_APC_ROUTINE routine, PVOID context);

#endif
