/* Where a process stands in the tree: chdir, fchdir, getcwd, chroot, umask. */
#include <core/thread.h>
#include <lx_syscalls.h>
#include <path/fs.h>
#include <path/resolve.h>

/* May the caller search the directory, as path resolution would ask? */
static int64_t check_search(struct lx_call *call, HANDLE handle)
{
	ULONG mode = LX_X_OK;
	IO_STATUS_BLOCK io;

	return lx_result(call, ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_ACCESS, &mode, sizeof(mode),
					       NULL, 0));
}

static int64_t check_directory(struct lx_call *call, HANDLE handle)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	int64_t result = lx_result(call, ZwQueryInformationFile(handle, &io, &information, sizeof(information),
								FileLxStatxInformation));

	if (result < 0)
		return result;
	return (information.Mode & LX_S_IFMT) == LX_S_IFDIR ? 0 : -LX_ENOTDIR;
}

/* A kernel handle on the object behind a handle of the caller's. */
static int64_t make_kernel_handle(struct lx_call *call, HANDLE handle, HANDLE *kernel)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (NT_SUCCESS(status))
		status = ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, file->access, kernel);
	return lx_result(call, status);
}

/* The directory behind a handle of the caller's, if it may be searched. */
static int64_t make_directory(struct lx_call *call, HANDLE handle, struct lx_directory **directory)
{
	HANDLE kernel;
	int64_t result = check_directory(call, handle);

	if (result == 0)
		result = check_search(call, handle);
	if (result == 0)
		result = make_kernel_handle(call, handle, &kernel);
	if (result < 0)
		return result;
	*directory = lx_directory_create(kernel);
	return *directory ? 0 : -LX_ENOMEM;
}

static int64_t find_directory(struct lx_call *call, struct lx_uptr pathname, struct lx_directory **directory)
{
	char path[LX_PATH_MAX];
	struct lx_path_open open = {.dirfd = LX_AT_FDCWD, .path = path, .flags = LX_O_PATH | LX_O_DIRECTORY};
	HANDLE handle;
	int64_t result = lx_copy_in_path(call, path, pathname, false);

	if (result >= 0)
		result = lx_path_open(call, &open, &handle);
	if (result < 0)
		return result;
	result = make_directory(call, handle, directory);
	ZwClose(handle);
	return result;
}

int64_t lx_sys_chdir(struct lx_call *call, struct lx_uptr path)
{
	struct lx_directory *directory;
	int64_t result = find_directory(call, path, &directory);

	if (result == 0)
		lx_fs_set_working(call->thread->fs, directory);
	return result;
}

int64_t lx_sys_fchdir(struct lx_call *call, int32_t fd)
{
	struct lx_directory *directory;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, true, &handle);

	if (result == 0)
		result = make_directory(call, handle, &directory);
	if (result == 0)
		lx_fs_set_working(call->thread->fs, directory);
	return result;
}

int64_t lx_sys_chroot(struct lx_call *call, struct lx_uptr path)
{
	const struct se_token *token = call->thread->token;
	struct lx_directory *directory;
	int64_t result = find_directory(call, path, &directory);

	if (result < 0)
		return result;
	if (!token || !(token->cap_effective >> LX_CAP_SYS_CHROOT & 1)) {
		lx_directory_dereference(directory);
		return -LX_EPERM;
	}
	lx_fs_set_root(call->thread->fs, directory);
	return 0;
}

int64_t lx_sys_getcwd(struct lx_call *call, struct lx_uptr buf, uint64_t size)
{
	char path[LX_PATH_MAX];
	int64_t length = lx_fs_working_directory(call->thread->fs, path, sizeof(path));

	if (length == -LX_ERANGE)
		return -LX_ENAMETOOLONG;
	if (length < 0)
		return length;
	if ((uint64_t)length > size)
		return -LX_ERANGE;
	return lx_copy_out(call, buf, path, (size_t)length) < 0 ? -LX_EFAULT : length;
}

int64_t lx_sys_umask(struct lx_call *call, uint32_t mask)
{
	return lx_fs_set_umask(call->thread->fs, mask);
}
