/*
 * Renames and links.
 *
 * Linux renames names, NT renames by handle. By handle, the name is the one that
 * the host shows for the description, and it is used only while it still means
 * the same inode; the host has no call that closes the moment in between.
 */
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>

/* What asks for nothing new does not need the newer call, which a host may lack or refuse. */
static int rename_on_host(int directory, const char *name, int new_directory, const char *new_name, unsigned flags)
{
	return flags ? renameat2(directory, name, new_directory, new_name, flags) : renameat(directory, name, new_directory, new_name);
}

NTSTATUS hostfs_rename_names(struct io_file *file, const FILE_LX_RENAME_INFORMATION *rename, struct io_file *target)
{
	char old_name[PATH_MAX], new_name[PATH_MAX];
	NTSTATUS status = hostfs_copy_component(&rename->OldName, old_name, sizeof(old_name));

	if (NT_SUCCESS(status))
		status = hostfs_copy_component(&rename->NewName, new_name, sizeof(new_name));
	if (!NT_SUCCESS(status))
		return status;
	return hostfs_status(rename_on_host(hostfs_file(file)->fd, old_name, hostfs_file(target ? target : file)->fd, new_name,
					    rename->Flags));
}

/* The directory that holds the file and the name there: a descriptor, or -errno. `path` is PATH_MAX bytes, of which *name points into. */
static int open_own_parent(struct io_file *file, char *path, const char **name)
{
	char link[HOSTFS_PROC_PATH_SIZE];
	struct stat own, there;
	ssize_t length;
	char *slash;
	int fd;

	hostfs_proc_path(hostfs_file(file)->fd, link);
	length = readlink(link, path, PATH_MAX - 1);
	if (length < 0)
		return -errno;
	path[length] = 0;
	slash = strrchr(path, '/');
	if (path[0] != '/' || !slash[1])
		return -EBUSY;
	*slash = 0;
	*name = slash + 1;
	fd = open(slash == path ? "/" : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(hostfs_file(file)->fd, &own) == 0 && fstatat(fd, *name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    own.st_dev == there.st_dev && own.st_ino == there.st_ino)
		return fd;
	close(fd);
	return -ENOENT;
}

NTSTATUS hostfs_remove_own_name(struct io_file *file)
{
	char path[PATH_MAX];
	const char *name;
	cleanup_fd int parent = open_own_parent(file, path, &name);

	if (parent < 0)
		return nt_status_from_errno(-parent);
	return hostfs_status(unlinkat(parent, name, hostfs_kind(file) == HOSTFS_DIRECTORY ? AT_REMOVEDIR : 0));
}

static NTSTATUS copy_new_name(const FILE_RENAME_INFORMATION *rename, char *name, size_t size)
{
	STRING given = {(USHORT)rename->FileNameLength, (USHORT)rename->FileNameLength,
			(PCHAR)(uintptr_t)rename->FileName};

	if (rename->FileNameLength > UINT16_MAX)
		return STATUS_NAME_TOO_LONG;
	return hostfs_copy_component(&given, name, size);
}

NTSTATUS hostfs_rename_handle(struct io_file *file, const FILE_RENAME_INFORMATION *rename, struct io_file *target)
{
	char path[PATH_MAX], new_name[PATH_MAX];
	const char *name;
	NTSTATUS status = copy_new_name(rename, new_name, sizeof(new_name));
	cleanup_fd int parent = NT_SUCCESS(status) ? open_own_parent(file, path, &name) : -1;

	if (!NT_SUCCESS(status))
		return status;
	if (parent < 0)
		return nt_status_from_errno(-parent);
	return hostfs_status(rename_on_host(parent, name, target ? hostfs_file(target)->fd : parent, new_name,
					    rename->Flags & FILE_RENAME_REPLACE_IF_EXISTS ? 0 : RENAME_NOREPLACE));
}

/* Give the inode behind a descriptor another name. */
static NTSTATUS link_descriptor(int fd, int directory, const char *name)
{
	char path[HOSTFS_PROC_PATH_SIZE];

	hostfs_proc_path(fd, path);
	return hostfs_status(linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW));
}

NTSTATUS hostfs_link_handle(struct io_file *file, const FILE_LINK_INFORMATION *link, struct io_file *target)
{
	char path[PATH_MAX], new_name[PATH_MAX];
	const char *name;
	NTSTATUS status = copy_new_name(link, new_name, sizeof(new_name));
	cleanup_fd int parent = -1;
	int directory = target ? hostfs_file(target)->fd : -1;

	if (!NT_SUCCESS(status))
		return status;
	if (!target) {
		directory = parent = open_own_parent(file, path, &name);
		if (parent < 0)
			return nt_status_from_errno(-parent);
	}
	status = link_descriptor(hostfs_file(file)->fd, directory, new_name);
	if (status == STATUS_OBJECT_NAME_COLLISION && (link->Flags & FILE_LINK_REPLACE_IF_EXISTS)) {
		/* A link under a private name, then over the old one in one step. */
		char private_name[64];

		snprintf(private_name, sizeof(private_name), ".lxrun-link-%d-%d", getpid(), hostfs_file(file)->fd);
		status = link_descriptor(hostfs_file(file)->fd, directory, private_name);
		if (NT_SUCCESS(status)) {
			status = hostfs_status(renameat(directory, private_name, directory, new_name));
			/* Left behind if the rename failed, or did nothing since both are one file already. */
			unlinkat(directory, private_name, 0);
		}
	}
	return status;
}

NTSTATUS hostfs_link_name(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	const FSCTL_LX_LINK_NAME_INPUT *link = input;
	cleanup_object struct io_file *source = NULL;
	char name[PATH_MAX];
	NTSTATUS status = hostfs_copy_component(&link->Name, name, sizeof(name));

	if (NT_SUCCESS(status))
		status = io_reference_file(link->File, 0, &source);
	if (!NT_SUCCESS(status))
		return status;
	if (hostfs_descriptor(source) < 0)
		return STATUS_NOT_SAME_DEVICE;
	return link_descriptor(hostfs_descriptor(source), hostfs_file(file)->fd, name);
}
