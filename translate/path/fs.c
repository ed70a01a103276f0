/*
 * File-system contexts: what CLONE_FS shares. Root, working directory, umask.
 *
 * Directories are immutable objects shared by reference, so that fork copies two
 * pointers. They are held by kernel handles: no guest's descriptor table shows
 * them.
 *
 * Lock: lx_fs.lock guards the members; no service is called under it.
 */
#include <core/process.h>
#include <core/thread.h>
#include <drivers/hostfs/hostfs.h>
#include <path/fs.h>
#include <path/resolve.h>

struct lx_fs {
	_Atomic uint32_t references;
	struct rtl_lock lock;
	uint32_t umask;
	struct lx_directory *root; /* NULL: the instance's root */
	struct lx_directory *working;
};

static struct lx_directory *reference(struct lx_directory *directory)
{
	if (directory)
		directory->references++;
	return directory;
}

/* A directory of the instance by its absolute path without links. */
static struct lx_directory *open_directory(const char *path)
{
	const struct lx_mount *mount = lx_mounts_root(), *child;
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle = NULL;
	STRING name;
	NTSTATUS status;

	for (;;) {
		path += strspn(path, "/");
		child = lx_mounts_child(mount, path, strcspn(path, "/"));
		if (!child)
			break;
		path += strcspn(path, "/");
		mount = child;
	}
	name = rtl_string(path);
	InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, mount->handle, NULL);
	status = lx_open_place(&attributes, true, false, &handle);
	if (status == STATUS_REPARSE && handle)
		ZwClose(handle);
	return status == STATUS_SUCCESS ? lx_directory_create(handle) : NULL;
}

/* Where lxrun itself stands, which may have no name (deleted, or out of reach), or be below what its user may search. */
static struct lx_directory *open_inherited(void)
{
	cleanup_object struct io_file *file = NULL;
	HANDLE handle = NULL;
	NTSTATUS status = hostfs_adopt_working_directory(&file);

	if (NT_SUCCESS(status))
		status = ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, file->access, &handle);
	return NT_SUCCESS(status) ? lx_directory_create(handle) : NULL;
}

static struct lx_directory *find_start(const char *path)
{
	struct lx_directory *named = *path ? open_directory(path) : NULL;

	return named ? named : open_inherited();
}

struct lx_fs *lx_fs_create(const char *working_directory)
{
	struct lx_fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->references = 1;
	fs->umask = hostfs_inherited_umask();
	rtl_lock_initialize(&fs->lock);
	fs->working = find_start(working_directory);
	if (!fs->working) {
		lx_fs_dereference(fs);
		return NULL;
	}
	return fs;
}

struct lx_fs *lx_fs_reference(struct lx_fs *fs)
{
	fs->references++;
	return fs;
}

void lx_fs_dereference(struct lx_fs *fs)
{
	if (--fs->references)
		return;
	if (fs->root)
		lx_directory_dereference(fs->root);
	if (fs->working)
		lx_directory_dereference(fs->working);
	rtl_lock_destroy(&fs->lock);
	free(fs);
}

struct lx_fs *lx_fs_clone(struct lx_fs *fs)
{
	struct lx_fs *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->references = 1;
	rtl_lock_initialize(&copy->lock);
	rtl_lock(&fs->lock);
	copy->umask = fs->umask;
	copy->root = reference(fs->root);
	copy->working = reference(fs->working);
	rtl_unlock(&fs->lock);
	return copy;
}

int64_t lx_fs_unshare(struct lx_call *call)
{
	struct lx_fs *old = call->thread->fs, *own;

	if (old->references == 1)
		return 0;
	own = lx_fs_clone(old);
	if (!own)
		return -LX_ENOMEM;
	lx_lock_tree();
	call->thread->fs = own;
	lx_unlock_tree();
	lx_fs_dereference(old);
	return 0;
}

void lx_fs_hold(struct lx_fs *fs, struct lx_directory **root, struct lx_directory **working)
{
	rtl_lock(&fs->lock);
	*root = reference(fs->root);
	if (working)
		*working = reference(fs->working);
	rtl_unlock(&fs->lock);
}

static void replace(struct lx_fs *fs, struct lx_directory **member, struct lx_directory *directory)
{
	struct lx_directory *old;

	rtl_lock(&fs->lock);
	old = *member;
	*member = directory;
	rtl_unlock(&fs->lock);
	if (old)
		lx_directory_dereference(old);
}

void lx_fs_set_working(struct lx_fs *fs, struct lx_directory *working)
{
	replace(fs, &fs->working, working);
}

void lx_fs_set_root(struct lx_fs *fs, struct lx_directory *root)
{
	replace(fs, &fs->root, root);
}

uint32_t lx_fs_umask(struct lx_fs *fs)
{
	uint32_t mask;

	rtl_lock(&fs->lock);
	mask = fs->umask;
	rtl_unlock(&fs->lock);
	return mask;
}

uint32_t lx_fs_set_umask(struct lx_fs *fs, uint32_t mask)
{
	uint32_t old;

	rtl_lock(&fs->lock);
	old = fs->umask;
	fs->umask = mask & 0777;
	rtl_unlock(&fs->lock);
	return old;
}

/* The instance's path of a name below a mount. Length or -LX_ENAMETOOLONG. */
static int64_t join_mount(const struct lx_mount *mount, const char *name, char *path, size_t size)
{
	const char *point = mount->parent ? mount->point : "";
	int length = snprintf(path, size, "%s%s%s", point, *name || !mount->parent ? "/" : "", name);

	return length < 0 || (size_t)length >= size ? -LX_ENAMETOOLONG : length;
}

int64_t lx_fs_show_path(const struct lx_directory *root, const struct lx_mount *mount, const char *name, char *path,
			size_t size, bool *reachable)
{
	const struct lx_mount *root_mount;
	char root_name[LX_PATH_MAX], root_path[LX_PATH_MAX];
	int64_t length = join_mount(mount, name, path, size), root_length;

	*reachable = true;
	if (length < 0 || !root || (root->mount && !root->mount->parent))
		return length;
	root_length = lx_mounts_locate(root->file, &root_mount, root_name, sizeof(root_name));
	if (root_length < 0 || !root_mount)
		return -LX_ENOENT;
	root_length = join_mount(root_mount, root_name, root_path, sizeof(root_path));
	if (root_length < 0)
		return root_length;
	if (length < root_length || memcmp(path, root_path, (size_t)root_length) != 0 ||
	    (path[root_length] && path[root_length] != '/')) {
		*reachable = false;
		return length;
	}
	length -= root_length;
	memmove(path, path + root_length, (size_t)length + 1);
	if (!length && size > 1) {
		memcpy(path, "/", 2);
		length = 1;
	}
	return length;
}

static bool ends_deleted(const char *name, int64_t length)
{
	static const char deleted[] = " (deleted)";
	const int64_t suffix = sizeof(deleted) - 1;

	return length > suffix && !strcmp(name + length - suffix, deleted);
}

/* The path of `working` as seen from `root`, with its NUL: its size or -errno. */
static int64_t show_working(const struct lx_directory *root, const struct lx_directory *working, char *path, size_t size)
{
	static const char outside[] = "(unreachable)";
	char name[LX_PATH_MAX], shown[LX_PATH_MAX];
	const struct lx_mount *mount;
	bool reachable;
	int64_t length = lx_mounts_locate(working->file, &mount, name, sizeof(name));
	size_t prefix;

	if (length < 0 || !mount || ends_deleted(name, length))
		return length == -LX_ENAMETOOLONG ? length : -LX_ENOENT;
	length = lx_fs_show_path(root, mount, name, shown, sizeof(shown), &reachable);
	if (length < 0)
		return length;
	prefix = reachable ? 0 : sizeof(outside) - 1;
	if (prefix + (size_t)length + 1 > size)
		return -LX_ERANGE;
	memcpy(path, outside, prefix);
	memcpy(path + prefix, shown, (size_t)length + 1);
	return (int64_t)prefix + length + 1;
}

int64_t lx_fs_working_directory(struct lx_fs *fs, char *path, size_t size)
{
	struct lx_directory *root, *working;
	int64_t result;

	lx_fs_hold(fs, &root, &working);
	result = show_working(root, working, path, size);
	if (root)
		lx_directory_dereference(root);
	lx_directory_dereference(working);
	return result;
}

int64_t lx_file_path(struct io_file *file, char *path, size_t size)
{
	struct lx_thread *thread = lx_current();
	struct lx_directory *root = NULL;
	const struct lx_mount *mount;
	char name[LX_PATH_MAX];
	bool reachable;
	int64_t length = lx_mounts_locate(file, &mount, name, sizeof(name));

	if (length < 0)
		return length;
	if (!mount) {
		if ((size_t)length >= size)
			return -LX_ENAMETOOLONG;
		memcpy(path, name, (size_t)length + 1);
		return length;
	}
	if (thread && thread->fs)
		lx_fs_hold(thread->fs, &root, NULL);
	length = lx_fs_show_path(root, mount, name, path, size, &reachable);
	if (root)
		lx_directory_dereference(root);
	return length;
}

int64_t lx_fs_open_working_directory(struct lx_call *call, ACCESS_MASK access, HANDLE *handle)
{
	struct lx_directory *root, *working;
	NTSTATUS status;

	lx_fs_hold(call->thread->fs, &root, &working);
	status = ob_open_by_pointer(working->file, OBJ_KERNEL_HANDLE, access, handle);
	if (root)
		lx_directory_dereference(root);
	lx_directory_dereference(working);
	return lx_result(call, status);
}
