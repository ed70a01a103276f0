/*
 * The hostfs driver: its devices, inherited descriptors, and its table of
 * operations.
 *
 * Numbers 0 to 9 of the host's descriptor table are never a file object's: what
 * is free among them at the start gets a placeholder, so that neither the
 * supervisor's messages nor a library's go into a guest's file.
 */
#include <drivers/condrv/condrv.h>
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <stdio.h>

#define INHERITED_MAXIMUM 1024

static struct hostfs_device host_root;
static struct io_device *host_device; /* \Device\HostFs */
static ULONG inherited_umask;
static bool inherited[INHERITED_MAXIMUM];

static NTSTATUS open_root(struct hostfs_device *device, const char *root)
{
	char canonical[PATH_MAX];
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return nt_status_from_errno(errno);
	device->root = hostfs_raise_descriptor(fd);
	if (device->root < 0)
		return nt_status_from_errno(-device->root);
	if (!realpath(root, canonical))
		snprintf(canonical, sizeof(canonical), "%s", root);
	if (!strcmp(canonical, "/"))
		canonical[0] = 0;
	device->path = strdup(canonical);
	if (!device->path) {
		close(device->root);
		return STATUS_NO_MEMORY;
	}
	device->path_size = strlen(device->path);
	return STATUS_SUCCESS;
}

NTSTATUS hostfs_create_device(const char *name, const char *root, struct io_device **device)
{
	cleanup_free struct hostfs_device *extension = calloc(1, sizeof(*extension));
	NTSTATUS status = extension ? open_root(extension, root) : STATUS_NO_MEMORY;

	if (!NT_SUCCESS(status))
		return status;
	status = io_create_device(&hostfs_driver, name, extension, device);
	if (!NT_SUCCESS(status)) {
		close(extension->root);
		free(extension->path);
		return status;
	}
	steal_pointer(&extension);
	return STATUS_SUCCESS;
}

static void note_inherited(void)
{
	for (int fd = 0; fd < INHERITED_MAXIMUM; fd++) {
		int flags = fcntl(fd, F_GETFD);

		inherited[fd] = flags >= 0 && !(flags & FD_CLOEXEC);
	}
}

static NTSTATUS fill_low_numbers(void)
{
	for (;;) {
		int fd = open("/", O_PATH | O_CLOEXEC);

		if (fd < 0)
			return nt_status_from_errno(errno);
		if (fd >= HOSTFS_LOWEST_DESCRIPTOR) {
			close(fd);
			return STATUS_SUCCESS;
		}
	}
}

NTSTATUS hostfs_initialize(void)
{
	NTSTATUS status;

	note_inherited();
	inherited_umask = umask(0);
	status = fill_low_numbers();
	if (NT_SUCCESS(status))
		status = io_register_driver(&hostfs_driver);
	if (NT_SUCCESS(status))
		status = open_root(&host_root, "/");
	if (NT_SUCCESS(status))
		status = io_create_device(&hostfs_driver, "\\Device\\HostFs", &host_root, &host_device);
	return status;
}

ULONG hostfs_inherited_umask(void)
{
	return inherited_umask;
}

int hostfs_next_inherited(int from)
{
	for (int fd = MAX_OF(from, 0); fd < INHERITED_MAXIMUM; fd++)
		if (inherited[fd] && fcntl(fd, F_GETFD) >= 0)
			return fd;
	return -1;
}

/* The number keeps meaning something, but not the description any more. */
static void leave_placeholder(int fd)
{
	int root;

	if (fd == STDERR_FILENO)
		return;
	root = open("/", O_PATH | O_CLOEXEC);
	if (root >= 0) {
		dup3(root, fd, O_CLOEXEC);
		close(root);
	}
	if (fd >= 0 && fd < INHERITED_MAXIMUM)
		inherited[fd] = false;
}

static ACCESS_MASK access_of_flags(int flags)
{
	const ACCESS_MASK always = FILE_READ_ATTRIBUTES | FILE_READ_EA | READ_CONTROL | SYNCHRONIZE;
	const ACCESS_MASK change = FILE_WRITE_ATTRIBUTES | FILE_WRITE_EA;
	ACCESS_MASK access = always | change;

	if (flags & O_PATH)
		return always;
	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR)
		access |= FILE_READ_DATA | FILE_EXECUTE;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR)
		access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	return access;
}

NTSTATUS hostfs_wrap_descriptor(int fd, struct io_file **result)
{
	int flags = fcntl(fd, F_GETFL);
	struct io_file *file;
	NTSTATUS status = io_create_file_object(host_device, access_of_flags(flags), FILE_SYNCHRONOUS_IO_ALERT, &file);

	if (!NT_SUCCESS(status)) {
		close(fd);
		return status;
	}
	hostfs_file(file)->fd = fd;
	hostfs_file(file)->path_only = flags & O_PATH;
	hostfs_file(file)->is_seen = true;
	*result = file;
	return STATUS_SUCCESS;
}

/* What a descriptor from outside may be used for. What may not be had at all names its file and no more: O_PATH. */
static NTSTATUS pass_gate(int *fd, enum hostfs_gate *gate)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	int flags = fcntl(*fd, F_GETFL), named;
	struct stat status;

	*gate = hostfs_gate_of(*fd);
	if (fstat(*fd, &status) == 0 && hostfs_is_kernel_memory(&status))
		*gate = HOSTFS_GATE_SHUT;
	if (*gate == HOSTFS_GATE_OPEN || (*gate == HOSTFS_GATE_LOOK && (flags & O_ACCMODE) == O_RDONLY))
		return STATUS_SUCCESS;
	*gate = HOSTFS_GATE_SEALED;
	if (flags & O_PATH)
		return STATUS_SUCCESS;
	hostfs_proc_path(*fd, path);
	named = hostfs_raise_descriptor(open(path, O_PATH | O_CLOEXEC));
	if (named < 0)
		return nt_status_from_errno(errno);
	close(*fd);
	*fd = named;
	return STATUS_SUCCESS;
}

/* Consumes the descriptor. */
static NTSTATUS wrap_foreign_descriptor(int fd, struct io_file **file)
{
	enum hostfs_gate gate;
	NTSTATUS status = pass_gate(&fd, &gate);

	if (!NT_SUCCESS(status)) {
		close(fd);
		return status;
	}
	status = hostfs_wrap_descriptor(fd, file);
	if (NT_SUCCESS(status))
		hostfs_file(*file)->gate = gate;
	return status;
}

NTSTATUS hostfs_adopt_descriptor(int fd, struct io_file **file)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HOSTFS_LOWEST_DESCRIPTOR);
	NTSTATUS status;

	if (high < 0)
		return nt_status_from_errno(errno);
	status = condrv_adopt(high, file);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		status = wrap_foreign_descriptor(high, file);
	else if (!NT_SUCCESS(status))
		close(high);
	if (NT_SUCCESS(status))
		leave_placeholder(fd);
	return status;
}

NTSTATUS hostfs_adopt_working_directory(struct io_file **file)
{
	/* By ".", permission to search it would be asked for. */
	int fd = hostfs_raise_descriptor(open("/proc/self/cwd", O_PATH | O_DIRECTORY | O_CLOEXEC));

	return fd < 0 ? nt_status_from_errno(errno) : wrap_foreign_descriptor(fd, file);
}

int hostfs_descriptor(struct io_file *file)
{
	return file->device->driver == &hostfs_driver ? hostfs_file(file)->fd : -1;
}

void hostfs_proc_path(int fd, char path[HOSTFS_PROC_PATH_SIZE])
{
	snprintf(path, HOSTFS_PROC_PATH_SIZE, "/proc/self/fd/%d", fd);
}

int hostfs_raise_descriptor(int fd)
{
	int high;

	if (likely(fd < 0 || fd >= HOSTFS_LOWEST_DESCRIPTOR))
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, HOSTFS_LOWEST_DESCRIPTOR);
	if (high < 0)
		high = -errno;
	close(fd);
	return high;
}

NTSTATUS hostfs_copy_name(const STRING *name, char *path, size_t size)
{
	if (name->Length >= size)
		return STATUS_NAME_TOO_LONG;
	if (name->Length && !name->Buffer)
		return STATUS_ACCESS_VIOLATION;
	memcpy(path, name->Length ? name->Buffer : "", name->Length);
	path[name->Length] = 0;
	return strlen(path) == name->Length ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

NTSTATUS hostfs_copy_component(const STRING *name, char *path, size_t size)
{
	NTSTATUS status = hostfs_copy_name(name, path, size);
	const char *slash;

	if (!NT_SUCCESS(status))
		return status;
	slash = strchr(path, '/');
	if (slash && (slash == path || slash[strspn(slash, "/")]))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

enum hostfs_kind hostfs_kind_of_mode(mode_t mode)
{
	if (S_ISREG(mode) || S_ISBLK(mode))
		return HOSTFS_REGULAR;
	if (S_ISDIR(mode))
		return HOSTFS_DIRECTORY;
	return S_ISLNK(mode) ? HOSTFS_LINK : HOSTFS_STREAM;
}

enum hostfs_kind hostfs_kind(struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);
	struct stat status;

	if (unlikely(own->kind == HOSTFS_UNKNOWN)) {
		if (hostfs_known_status(own->fd, &status) < 0)
			return HOSTFS_STREAM;
		own->kind = hostfs_kind_of_mode(status.st_mode);
	}
	return own->kind;
}

static void hostfs_cleanup(struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);

	if (own->delete_on_close || own->delete_pending)
		hostfs_remove_own_name(file);
}

static void hostfs_close(struct io_file *file)
{
	hostfs_forget_shared(file);
	hostfs_release_inode(hostfs_file(file));
	close(hostfs_file(file)->fd);
}

static void hostfs_dump(struct io_file *file, FILE *out)
{
	fprintf(out, " host descriptor %d", hostfs_file(file)->fd);
}

static const struct io_driver_operations operations = {
    .create = hostfs_create,
    .cleanup = hostfs_cleanup,
    .close = hostfs_close,
    .read = hostfs_read,
    .splice_ends = hostfs_splice_ends,
    .write = hostfs_write,
    .query_information = hostfs_query_information,
    .set_information = hostfs_set_information,
    .query_by_name = hostfs_query_by_name,
    .query_directory = hostfs_query_directory,
    .query_volume = hostfs_query_volume,
    .query_ea = hostfs_query_ea,
    .set_ea = hostfs_set_ea,
    .fs_control = hostfs_fs_control,
    .device_control = hostfs_device_control,
    .flush = hostfs_flush,
    .poll = hostfs_poll,
    .section = hostfs_section,
    .substitute = hostfs_substitute,
    .dump = hostfs_dump,
};

struct io_driver hostfs_driver = {
    .name = "HostFs",
    .operations = &operations,
    .file_extension_size = sizeof(struct hostfs_file),
};
