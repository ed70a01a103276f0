/*
 * What a host file is: statx(2), shown in NT's classes by the file system
 * run-time library, and what belongs to the description: its name as the host
 * knows it, its offset, its status flags.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <stdio.h>

/* The host's path, cut off at the device's root; whatever lies outside of it is shown whole. */
static NTSTATUS query_name(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	struct hostfs_device *device = hostfs_device(file->device);
	char link[HOSTFS_PROC_PATH_SIZE], path[PATH_MAX];
	const char *name = path;
	ssize_t length;

	hostfs_proc_path(hostfs_file(file)->fd, link);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return nt_status_from_errno(errno);
	path[length] = 0;
	if (device->path_size && !strncmp(path, device->path, device->path_size)) {
		if (path[device->path_size] == '/')
			name = path + device->path_size;
		else if (!path[device->path_size])
			name = "/";
	}
	return fsrtl_return_name(name, strlen(name), data, size, information);
}

static NTSTATUS query_position(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_POSITION_INFORMATION answer;
	off_t position = lseek(hostfs_file(file)->fd, 0, SEEK_CUR);

	if (position < 0)
		return nt_status_from_errno(errno);
	answer.CurrentByteOffset.QuadPart = position;
	return fsrtl_return(&answer, sizeof(answer), data, size, information);
}

static NTSTATUS query_status_flags(struct io_file *file, void *data, ULONG size, ULONG_PTR *information)
{
	int flags = fcntl(hostfs_file(file)->fd, F_GETFL);

	if (flags < 0)
		return nt_status_from_errno(errno);
	if (hostfs_file(file)->hides_directory)
		flags &= ~O_DIRECTORY;
	if (hostfs_file(file)->hides_nofollow)
		flags &= ~O_NOFOLLOW;
	return fsrtl_return(&(ULONG){(ULONG)flags}, sizeof(ULONG), data, size, information);
}

NTSTATUS hostfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				  ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION answer;
	NTSTATUS status;

	switch ((int)class) {
	case FileNameInformation:
		return query_name(file, data, size, information);
	case FilePositionInformation:
		return query_position(file, data, size, information);
	case FileLxStatusFlagsInformation:
		return query_status_flags(file, data, size, information);
	default:
		break;
	}
	status = fsrtl_query_host_for(hostfs_file(file)->fd, "", AT_EMPTY_PATH, fsrtl_statx_wanted(class, data, size), &answer);
	return NT_SUCCESS(status) ? fsrtl_query_attributes(&answer, class, data, size, information) : status;
}

/* A name of one component that is not "..": no link lies on the way to it, so it needs no open. */
static bool is_single(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, "..") != 0;
}

static NTSTATUS query_single(int directory, const char *name, ULONG options, ULONG wanted, FILE_LX_STATX_INFORMATION *answer)
{
	NTSTATUS status = fsrtl_query_host_for(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, answer);

	if (NT_SUCCESS(status) && S_ISLNK(answer->Mode) && !(options & FILE_OPEN_REPARSE_POINT))
		return STATUS_REPARSE;
	return status;
}

static NTSTATUS query_path(struct io_device *device, struct io_create *create, const char *name, ULONG wanted,
			   FILE_LX_STATX_INFORMATION *answer)
{
	uint64_t flags = O_PATH | O_CLOEXEC | (create->options & FILE_OPEN_REPARSE_POINT ? O_NOFOLLOW : 0);
	struct hostfs_opened opened;
	NTSTATUS status;
	int fd = hostfs_open(device, create->root, name, flags, 0, &opened);

	if (fd == -ELOOP)
		return STATUS_REPARSE;
	if (fd == -EXDEV)
		return STATUS_PATH_NOT_COVERED;
	if (fd < 0)
		return nt_status_from_errno(-fd);
	status = fsrtl_query_host_for(fd, "", AT_EMPTY_PATH, wanted, answer);
	close(fd);
	return status;
}

NTSTATUS hostfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
			      void *data, ULONG size, ULONG_PTR *information)
{
	int directory = create->root ? hostfs_file(create->root)->fd : hostfs_device(device)->root;
	ULONG wanted = fsrtl_statx_wanted(class, data, size);
	FILE_LX_STATX_INFORMATION answer;
	char name[PATH_MAX];
	NTSTATUS status = hostfs_copy_name(&create->name, name, sizeof(name));

	if (!NT_SUCCESS(status))
		return status;
	if (name[0] && create->root && hostfs_file(create->root)->gate == HOSTFS_GATE_SEALED)
		return STATUS_ACCESS_DENIED;
	if (!name[0])
		status = fsrtl_query_host_for(directory, "", AT_EMPTY_PATH, wanted, &answer);
	else if (is_single(name))
		status = query_single(directory, name, create->options, wanted, &answer);
	else
		status = query_path(device, create, name, wanted, &answer);
	return status == STATUS_SUCCESS ? fsrtl_query_attributes(&answer, class, data, size, information) : status;
}
