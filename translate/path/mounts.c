/*
 * The instance's mount table. See mounts.h.
 *
 * A mount that its device does not exist for is left out, and what the parent
 * shows there remains visible. No lock: the table is made before the first guest
 * thread and read-only afterwards.
 */
#include <path/mounts.h>
#include <path/path.h>
#include <path/resolve.h>

enum { ROOT, DEVICES, PROCESSES, SHARED_MEMORY, PSEUDO_TERMINALS, MOUNT_COUNT };

static struct lx_mount mounts[MOUNT_COUNT] = {
	[ROOT] = {.point = "/"},
	[DEVICES] = {.point = "/dev", .name = "dev", .parent = &mounts[ROOT]},
	[PROCESSES] = {.point = "/proc", .name = "proc", .parent = &mounts[ROOT]},
	[SHARED_MEMORY] = {.point = "/dev/shm", .name = "shm", .parent = &mounts[DEVICES]},
	[PSEUDO_TERMINALS] = {.point = "/dev/pts", .name = "pts", .parent = &mounts[DEVICES]},
};

/* What each mount's root is opened by: an object name, or a name below the root mount. */
static const struct {
	const char *device;
	const char *below_root;
} sources[MOUNT_COUNT] = {
	[ROOT] = {.device = "\\Device\\HostFs"},
	[DEVICES] = {.device = "\\Device\\DevFs"},
	[PROCESSES] = {.device = "\\Device\\ProcFs"},
	[SHARED_MEMORY] = {.below_root = "dev/shm"},
	[PSEUDO_TERMINALS] = {.below_root = "dev/pts"},
};

/* What tells the roots from other directories of their devices; valid while the mount's file is held. */
static FILE_LX_STATX_INFORMATION identities[MOUNT_COUNT];

const struct lx_mount *lx_mounts_root(void)
{
	return &mounts[ROOT];
}

static NTSTATUS identify(struct io_file *file, FILE_LX_STATX_INFORMATION *identity)
{
	HANDLE handle = NULL;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, FILE_READ_ATTRIBUTES, &handle);

	if (!NT_SUCCESS(status))
		return status;
	status = ZwQueryInformationFile(handle, &io, identity, sizeof(*identity), FileLxStatxInformation);
	ZwClose(handle);
	return status;
}

/* The same directory on the same mount of the host: what is bound elsewhere as well is another place. */
static bool same_place(const FILE_LX_STATX_INFORMATION *a, const FILE_LX_STATX_INFORMATION *b)
{
	return a->Inode == b->Inode && a->DevMajor == b->DevMajor && a->DevMinor == b->DevMinor && a->MountId == b->MountId;
}

static NTSTATUS open_root(size_t i, HANDLE *handle)
{
	const char *below = sources[i].below_root;
	STRING name = rtl_string(below ? below : sources[i].device);
	OBJECT_ATTRIBUTES attributes;

	InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, below ? mounts[ROOT].handle : NULL, NULL);
	return lx_open_place(&attributes, true, false, handle);
}

static NTSTATUS mount(size_t i)
{
	struct lx_mount *mount = &mounts[i];
	HANDLE handle = NULL;
	NTSTATUS status;

	if (mount->handle)
		return STATUS_SUCCESS;
	if (mount->parent && !mount->parent->handle)
		return STATUS_OBJECT_PATH_NOT_FOUND;
	status = open_root(i, &handle);
	if (status == STATUS_REPARSE)
		return STATUS_REPARSE_POINT_NOT_RESOLVED;
	if (!NT_SUCCESS(status))
		return status;
	status = io_reference_file(handle, 0, &mount->file);
	if (NT_SUCCESS(status))
		status = identify(mount->file, &identities[i]);
	if (!NT_SUCCESS(status)) {
		ZwClose(handle);
		return status;
	}
	mount->handle = handle;
	return STATUS_SUCCESS;
}

NTSTATUS lx_mounts_initialize(void)
{
	NTSTATUS status = mount(ROOT);

	for (size_t i = ROOT + 1; NT_SUCCESS(status) && i < MOUNT_COUNT; i++)
		mount(i);
	return status;
}

const struct lx_mount *lx_mounts_child(const struct lx_mount *parent, const char *name, size_t size)
{
	for (size_t i = 0; i < MOUNT_COUNT; i++) {
		const struct lx_mount *mount = &mounts[i];

		if (mount->parent == parent && mount->handle && strlen(mount->name) == size &&
		    !memcmp(mount->name, name, size))
			return mount;
	}
	return NULL;
}

/* A name as it was opened, without the "." that asks for a directory by itself. */
static STRING plain_name(const STRING *name)
{
	STRING plain = *name;

	while (plain.Length && plain.Buffer[plain.Length - 1] == '.' &&
	       (plain.Length == 1 || plain.Buffer[plain.Length - 2] == '/'))
		plain.Length -= plain.Length == 1 ? 1 : 2;
	return plain;
}

static bool same_name(const STRING *a, const STRING *b)
{
	STRING left = plain_name(a), right = plain_name(b);

	return left.Length == right.Length && (!left.Length || !memcmp(left.Buffer, right.Buffer, left.Length));
}

/* What an open was given as its name decides nothing: an inherited directory has none, as the root has none. */
static bool is_root(struct io_file *file, size_t i)
{
	FILE_LX_STATX_INFORMATION identity;

	return same_name(&file->name, &mounts[i].file->name) && NT_SUCCESS(identify(file, &identity)) &&
	       same_place(&identity, &identities[i]);
}

const struct lx_mount *lx_mounts_of_root(struct io_file *file)
{
	for (size_t i = 0; i < MOUNT_COUNT; i++) {
		const struct lx_mount *mount = &mounts[i];

		if (!mount->handle || mount->file->device != file->device)
			continue;
		if (file == mount->file || is_root(file, i))
			return mount;
	}
	return NULL;
}

bool lx_mounts_have_device(const struct io_device *device)
{
	for (size_t i = 0; i < MOUNT_COUNT; i++)
		if (mounts[i].handle && mounts[i].file->device == device)
			return true;
	return false;
}

bool lx_mounts_is_host_device(const struct io_device *device)
{
	return mounts[ROOT].handle && mounts[ROOT].file->device == device;
}

/* What the device calls the file now. Length, or -errno. */
static int64_t query_name(struct io_file *file, char *name, size_t size)
{
	char buffer[offsetof(FILE_NAME_INFORMATION, FileName) + LX_PATH_MAX];
	FILE_NAME_INFORMATION *information = (void *)buffer;
	HANDLE handle = NULL;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, FILE_READ_ATTRIBUTES, &handle);

	if (!NT_SUCCESS(status))
		return -LX_ENOMEM;
	status = ZwQueryInformationFile(handle, &io, buffer, sizeof(buffer), FileNameInformation);
	ZwClose(handle);
	if (status == STATUS_BUFFER_OVERFLOW || status == STATUS_NAME_TOO_LONG)
		return -LX_ENAMETOOLONG;
	if (!NT_SUCCESS(status))
		return -LX_ENOENT;
	if (information->FileNameLength >= size)
		return -LX_ENAMETOOLONG;
	memcpy(name, information->FileName, information->FileNameLength);
	name[information->FileNameLength] = 0;
	return information->FileNameLength;
}

/* The bytes of `name` that a mount's root covers (with the slash behind), or -1. */
static int64_t covered_size(const struct lx_mount *mount, const struct io_device *device, const char *name)
{
	STRING root;

	if (!mount->handle || mount->file->device != device)
		return -1;
	root = plain_name(&mount->file->name);
	if (!root.Length)
		return 0;
	if (strncmp(name, root.Buffer, root.Length) != 0 || (name[root.Length] && name[root.Length] != '/'))
		return -1;
	return root.Length + (name[root.Length] == '/');
}

int64_t lx_mounts_locate(struct io_file *file, const struct lx_mount **mount, char *name, size_t size)
{
	int64_t length = query_name(file, name, size), longest = -1;
	size_t slashes;

	*mount = NULL;
	if (length < 0)
		return length;
	/* A host object that has a name but no path: "pipe:[4711]", "anon_inode:[eventfd]". */
	if (name[0] != '/' && strchr(name, ':') && !file->name.Length)
		return length;
	if (!lx_mounts_have_device(file->device))
		return length;
	slashes = strspn(name, "/");
	length -= (int64_t)slashes;
	memmove(name, name + slashes, (size_t)length + 1);
	for (size_t i = 0; i < MOUNT_COUNT; i++) {
		int64_t covered = covered_size(&mounts[i], file->device, name);

		if (covered > longest) {
			longest = covered;
			*mount = &mounts[i];
		}
	}
	if (!*mount)
		return -LX_ENOENT;
	length -= longest;
	memmove(name, name + longest, (size_t)length + 1);
	return length;
}
