/*
 * Control codes of hostfs: a table from code to handler, and the handlers that
 * are one host call each. Links to names are in rename.c, extended attributes in
 * xattr.c, locks in lock.c.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <executive/se/se.h>
#include <limits.h>
#include <sys/sysmacros.h>

/* Newer than the C library's headers. */
#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif

static NTSTATUS give_number(const void *number, size_t number_size, void *output, ULONG output_size,
			    ULONG_PTR *information)
{
	if (output_size < number_size)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(output, number, number_size);
	*information = number_size;
	return STATUS_SUCCESS;
}

static NTSTATUS control_fallocate(struct io_file *file, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_FALLOCATE_INPUT *in = input;

	return hostfs_status(fallocate(hostfs_file(file)->fd, (int)in->Mode, in->Offset, in->Length));
}

static NTSTATUS control_seek(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			     ULONG_PTR *information)
{
	const FSCTL_LX_SEEK_INPUT *in = input;
	LONGLONG position;

	/* Not between the chunks of another thread's transfer. */
	if (!ke_begin_turn(&hostfs_file(file)->position_turn))
		return STATUS_USER_APC;
	position = lseek(hostfs_file(file)->fd, in->Offset, (int)in->Whence);
	ke_end_turn(&hostfs_file(file)->position_turn);
	return position < 0 ? nt_status_from_errno(errno)
			    : give_number(&position, sizeof(position), output, output_size, information);
}

NTSTATUS hostfs_make_node(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	const FSCTL_LX_MAKE_NODE_INPUT *in = input;
	int directory = hostfs_file(file)->fd;
	char name[PATH_MAX], target[PATH_MAX];
	NTSTATUS status = hostfs_copy_component(&in->Name, name, sizeof(name));

	if (!NT_SUCCESS(status))
		return status;
	if (S_ISDIR(in->Mode))
		return hostfs_status(mkdirat(directory, name, in->Mode & 07777));
	if (!S_ISLNK(in->Mode))
		return hostfs_status(mknodat(directory, name, in->Mode, makedev(in->DeviceMajor, in->DeviceMinor)));
	status = hostfs_copy_name(&in->Target, target, sizeof(target));
	return NT_SUCCESS(status) ? hostfs_status(symlinkat(target, directory, name)) : status;
}

NTSTATUS hostfs_remove_name(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			    ULONG_PTR *information)
{
	const FSCTL_LX_REMOVE_NAME_INPUT *in = input;
	char name[PATH_MAX];
	NTSTATUS status = hostfs_copy_component(&in->Name, name, sizeof(name));

	if (!NT_SUCCESS(status))
		return status;
	return hostfs_status(unlinkat(hostfs_file(file)->fd, name, in->Directory ? AT_REMOVEDIR : 0));
}

NTSTATUS hostfs_get_reparse_point(struct io_file *file, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(hostfs_file(file)->fd, "", target, sizeof(target));

	if (length < 0)
		return errno == ENOENT || errno == EINVAL || errno == ENOTDIR ? STATUS_NOT_A_REPARSE_POINT
									      : nt_status_from_errno(errno);
	return fsrtl_return_link(target, (size_t)length, output, output_size, information);
}

/* By the identity that files are opened with, which is the thread's on the host too: its real ids are lxrun's, not the
 * subject's. */
static NTSTATUS control_access(struct io_file *file, const void *input, ULONG input_size, void *output,
			       ULONG output_size, ULONG_PTR *information)
{
	ULONG mode = *(const ULONG *)input;
	char path[HOSTFS_PROC_PATH_SIZE];
	long result = syscall(SYS_faccessat2, hostfs_file(file)->fd, "", mode, AT_EMPTY_PATH | AT_EACCESS);

	if (result < 0 && errno == ENOSYS) {
		hostfs_proc_path(hostfs_file(file)->fd, path);
		result = faccessat(AT_FDCWD, path, (int)mode, AT_EACCESS);
	}
	return hostfs_status(result);
}

static NTSTATUS control_pipe_size(struct io_file *file, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	ULONG wanted = *(const ULONG *)input;
	int fd = hostfs_file(file)->fd;
	int size = wanted ? fcntl(fd, F_SETPIPE_SZ, wanted) : fcntl(fd, F_GETPIPE_SZ);

	return size < 0 ? nt_status_from_errno(errno)
			: give_number(&(ULONG){(ULONG)size}, sizeof(ULONG), output, output_size, information);
}

static NTSTATUS control_copy_range(struct io_file *file, const void *input, ULONG input_size, void *output,
				   ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_COPY_RANGE_INPUT *in = input;
	cleanup_object struct io_file *source = NULL;
	off_t source_offset = in->SourceOffset, target_offset = in->TargetOffset;
	NTSTATUS status = io_reference_file(in->Source, FILE_READ_DATA, &source);
	ssize_t copied;

	if (!NT_SUCCESS(status))
		return status;
	if (hostfs_descriptor(source) < 0)
		return STATUS_NOT_SAME_DEVICE;
	copied =
	    copy_file_range(hostfs_descriptor(source), in->SourceOffset < 0 ? NULL : &source_offset,
			    hostfs_file(file)->fd, in->TargetOffset < 0 ? NULL : &target_offset, in->Length, in->Flags);
	if (copied < 0)
		return nt_status_from_errno(errno);
	*information = (ULONG_PTR)copied;
	return STATUS_SUCCESS;
}

static NTSTATUS control_fadvise(struct io_file *file, const void *input, ULONG input_size, void *output,
				ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_FADVISE_INPUT *in = input;
	int error = posix_fadvise(hostfs_file(file)->fd, in->Offset, in->Length, (int)in->Advice);

	return error ? nt_status_from_errno(error) : STATUS_SUCCESS;
}

static NTSTATUS control_sync_fs(struct io_file *file, const void *input, ULONG input_size, void *output,
				ULONG output_size, ULONG_PTR *information)
{
	if (input_size >= sizeof(ULONG) && *(const ULONG *)input) {
		sync();
		return STATUS_SUCCESS;
	}
	return hostfs_status(syncfs(hostfs_file(file)->fd));
}

static NTSTATUS control_sync_range(struct io_file *file, const void *input, ULONG input_size, void *output,
				   ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_SYNC_RANGE_INPUT *in = input;

	return hostfs_status(sync_file_range(hostfs_file(file)->fd, in->Offset, in->Length, in->Flags));
}

static NTSTATUS control_readahead(struct io_file *file, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_SYNC_RANGE_INPUT *in = input;

	return hostfs_status(readahead(hostfs_file(file)->fd, in->Offset, (size_t)in->Length));
}

static NTSTATUS control_async(struct io_file *file, const void *input, ULONG input_size, void *output,
			      ULONG output_size, ULONG_PTR *information)
{
	if (hostfs_kind(file) != HOSTFS_STREAM)
		return STATUS_INVALID_DEVICE_REQUEST;
	return fsrtl_control_async(file, hostfs_file(file)->fd, input, input_size);
}

static NTSTATUS control_seals(struct io_file *file, const void *input, ULONG input_size, void *output,
			      ULONG output_size, ULONG_PTR *information)
{
	ULONG added = *(const ULONG *)input;
	int fd = hostfs_file(file)->fd, seals;

	if (added && fcntl(fd, F_ADD_SEALS, added & ~FSCTL_LX_SEALS_ADD) < 0)
		return nt_status_from_errno(errno);
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return nt_status_from_errno(errno);
	return output_size ? give_number(&(ULONG){(ULONG)seals}, sizeof(ULONG), output, output_size, information)
			   : STATUS_SUCCESS;
}

/* NT's FILE_ZERO_DATA_INFORMATION: from the first offset to behind the last. */
static NTSTATUS control_zero_data(struct io_file *file, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	const LONGLONG *range = input;

	if (range[0] < 0 || range[1] < range[0])
		return STATUS_INVALID_PARAMETER;
	if (range[0] == range[1])
		return STATUS_SUCCESS;
	return hostfs_status(fallocate(hostfs_file(file)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0],
				       range[1] - range[0]));
}

/* In: offset and length. Out: as many {offset, length} of data as there is room for; STATUS_BUFFER_OVERFLOW if there
 * are more. */
static NTSTATUS control_allocated_ranges(struct io_file *file, const void *input, ULONG input_size, void *output,
					 ULONG output_size, ULONG_PTR *information)
{
	LONGLONG at = ((const LONGLONG *)input)[0], end, *out = output;
	/* A description of its own: the guest's offset stays. */
	char path[HOSTFS_PROC_PATH_SIZE];
	cleanup_fd int fd = -1;

	if (__builtin_add_overflow(at, ((const LONGLONG *)input)[1], &end) || at < 0 || end < at)
		return STATUS_INVALID_PARAMETER;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return nt_status_from_errno(errno);
	*information = 0;
	while (at < end && (at = lseek(fd, at, SEEK_DATA)) >= 0 && at < end) {
		LONGLONG hole = lseek(fd, at, SEEK_HOLE);

		if (hole < 0)
			return nt_status_from_errno(errno);
		if (output_size - *information < 2 * sizeof(*out))
			return STATUS_BUFFER_OVERFLOW;
		*out++ = at;
		*out++ = MIN_OF(hole, end) - at;
		*information += 2 * sizeof(*out);
		at = hole;
	}
	return at < 0 && errno != ENXIO ? nt_status_from_errno(errno) : STATUS_SUCCESS;
}

/* The host knows whether its open made the file, if it is new enough to be asked. */
static NTSTATUS control_created(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
				ULONG_PTR *information)
{
	int created = fcntl(hostfs_file(file)->fd, F_CREATED_QUERY);

	if (created < 0)
		return nt_status_from_errno(errno);
	*(ULONG *)output = (ULONG)created;
	*information = sizeof(ULONG);
	return STATUS_SUCCESS;
}

static const struct {
	ULONG code, input_size, output_size;
	hostfs_control *handler;
} controls[] = {
    {FSCTL_LX_SPLICE, sizeof(FSCTL_LX_SPLICE_INPUT), 0, hostfs_splice},
    {FSCTL_LX_CREATED, 0, sizeof(ULONG), control_created},
    {FSCTL_LX_SEEK, sizeof(FSCTL_LX_SEEK_INPUT), sizeof(LONGLONG), control_seek},
    {FSCTL_GET_REPARSE_POINT, 0, 0, hostfs_get_reparse_point},
    {FSCTL_LX_ACCESS, sizeof(ULONG), 0, control_access},
    {FSCTL_LX_MAKE_NODE, sizeof(FSCTL_LX_MAKE_NODE_INPUT), 0, hostfs_make_node},
    {FSCTL_LX_REMOVE_NAME, sizeof(FSCTL_LX_REMOVE_NAME_INPUT), 0, hostfs_remove_name},
    {FSCTL_LX_LINK_NAME, sizeof(FSCTL_LX_LINK_NAME_INPUT), 0, hostfs_link_name},
    {FSCTL_LX_GET_XATTR, 1, 0, hostfs_get_xattr},
    {FSCTL_LX_SET_XATTR, sizeof(FSCTL_LX_SET_XATTR_INPUT), 0, hostfs_set_xattr},
    {FSCTL_LX_LIST_XATTR, 0, 0, hostfs_list_xattr},
    {FSCTL_LX_REMOVE_XATTR, 1, 0, hostfs_remove_xattr},
    {FSCTL_LX_FALLOCATE, sizeof(FSCTL_LX_FALLOCATE_INPUT), 0, control_fallocate},
    {FSCTL_LX_FLOCK, sizeof(ULONG), 0, hostfs_flock},
    {FSCTL_LX_RECORD_LOCK, sizeof(FSCTL_LX_RECORD_LOCK_BUFFER), sizeof(FSCTL_LX_RECORD_LOCK_BUFFER),
     hostfs_record_lock},
    {FSCTL_LX_PIPE_SIZE, sizeof(ULONG), sizeof(ULONG), control_pipe_size},
    {FSCTL_LX_COPY_RANGE, sizeof(FSCTL_LX_COPY_RANGE_INPUT), 0, control_copy_range},
    {FSCTL_LX_FADVISE, sizeof(FSCTL_LX_FADVISE_INPUT), 0, control_fadvise},
    {FSCTL_LX_SYNC_FS, 0, 0, control_sync_fs},
    {FSCTL_LX_SYNC_RANGE, sizeof(FSCTL_LX_SYNC_RANGE_INPUT), 0, control_sync_range},
    {FSCTL_LX_READAHEAD, sizeof(FSCTL_LX_SYNC_RANGE_INPUT), 0, control_readahead},
    {FSCTL_LX_ASYNC, sizeof(FSCTL_LX_ASYNC_INPUT), 0, control_async},
    {FSCTL_LX_SEALS, sizeof(ULONG), 0, control_seals},
    {FSCTL_SET_ZERO_DATA, 2 * sizeof(LONGLONG), 0, control_zero_data},
    {FSCTL_QUERY_ALLOCATED_RANGES, 2 * sizeof(LONGLONG), 0, control_allocated_ranges},
};

/* Views of the host's kernel may be looked at, at most: gate.h. */
static NTSTATUS check_gate(enum hostfs_gate gate, ULONG code, const void *input)
{
	const ULONG refused = gate == HOSTFS_GATE_SEALED ? R_OK | W_OK | X_OK : W_OK;

	switch (code) {
	case FSCTL_LX_ACCESS:
		return *(const ULONG *)input & refused ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
	case FSCTL_LX_SEEK:
	case FSCTL_LX_CREATED:
	case FSCTL_LX_GET_XATTR:
	case FSCTL_LX_LIST_XATTR:
	case FSCTL_GET_REPARSE_POINT:
	case FSCTL_LX_FADVISE:
	case FSCTL_LX_READAHEAD:
	case FSCTL_LX_SYNC_FS:
	case FSCTL_LX_SYNC_RANGE:
		return STATUS_SUCCESS;
	case FSCTL_LX_MAKE_NODE:
	case FSCTL_LX_REMOVE_NAME:
	case FSCTL_LX_LINK_NAME:
	case FSCTL_LX_FLOCK:
	case FSCTL_LX_RECORD_LOCK:
		/* What may be listed makes and removes no names for anybody, and the host says so. */
		return gate == HOSTFS_GATE_LOOK ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
	default:
		return nt_status_from_errno(EPERM);
	}
}

NTSTATUS hostfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			   ULONG output_size, ULONG_PTR *information)
{
	enum hostfs_gate gate = hostfs_file(file)->gate;
	NTSTATUS status;

	for (size_t i = 0; i < ARRAY_COUNT(controls); i++) {
		if (controls[i].code != code)
			continue;
		if (input_size < controls[i].input_size || output_size < controls[i].output_size)
			return STATUS_INFO_LENGTH_MISMATCH;
		status = likely(gate == HOSTFS_GATE_OPEN) ? STATUS_SUCCESS : check_gate(gate, code, input);
		if (!NT_SUCCESS(status))
			return status;
		return controls[i].handler(file, input, input_size, output, output_size, information);
	}
	return STATUS_INVALID_DEVICE_REQUEST;
}
