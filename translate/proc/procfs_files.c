/*
 * /proc/<pid>/fd, fdinfo, and the links to a task's program and directories.
 *
 * They are followed to the object, not by name: a deleted file, a pipe and a file
 * out of the reach of the reader's root are reached all the same.
 */
#include <exec/exec.h>
#include <path/fs.h>
#include <path/resolve.h>
#include <proc/procfs.h>

#define LX_O_LARGEFILE_SHOWN 0100000u

/* --- a descriptor of a task */

/* The lowest descriptor of the subject that is not below *fd. */
static bool find_descriptor(const struct procfs_subject *subject, int32_t *fd)
{
	cleanup_proc_view struct lx_proc_view view;

	return lx_proc_look(subject, &view) == STATUS_SUCCESS && view.files && lx_files_next(view.files, fd, NULL, NULL);
}

/* The file object behind a descriptor of any task, referenced. */
static NTSTATUS file_of(const struct procfs_subject *subject, bool *close_on_exec, struct io_file **file)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_object struct io_file *found = NULL;
	int32_t fd = subject->number;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	if (!view.files || !lx_files_next(view.files, &fd, &found, close_on_exec) || fd != subject->number)
		return lx_proc_error(LX_ENOENT);
	*file = steal_pointer(&found);
	return STATUS_SUCCESS;
}

static int64_t path_of(struct io_file *file, char *target, size_t size)
{
	int64_t length = lx_file_path(file, target, size);

	return length < 0 ? lx_proc_error((int)-length) : length;
}

static int64_t fd_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = file_of(subject, NULL, &file);

	return status == STATUS_SUCCESS ? path_of(file, target, size) : status;
}

static NTSTATUS fd_follow(const struct procfs_subject *subject, struct io_file **file)
{
	return file_of(subject, NULL, file);
}

/* The link's bits say what the descriptor may: l-wx for one that only writes. */
static ULONG fd_permissions(const struct procfs_subject *subject)
{
	cleanup_object struct io_file *file = NULL;
	ULONG bits = 0;

	if (file_of(subject, NULL, &file) != STATUS_SUCCESS)
		return 0;
	if (file->access & FILE_READ_DATA)
		bits |= 0500;
	if (file->access & FILE_WRITE_DATA)
		bits |= 0300;
	return bits;
}

/* --- fdinfo */

static uint32_t flags_of(struct io_file *file, bool close_on_exec)
{
	ULONG flags = 0;

	io_query_file(file, FileLxStatusFlagsInformation, &flags, sizeof flags);
	if (close_on_exec)
		flags |= LX_O_CLOEXEC;
	return flags | (file->name.Length ? LX_O_LARGEFILE_SHOWN : 0);
}

static NTSTATUS show_fdinfo(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_object struct io_file *file = NULL;
	FILE_LX_STATX_INFORMATION attributes = {.Mask = FILE_LX_STATX_KNOWN};
	bool close_on_exec = false;
	NTSTATUS status = file_of(subject, &close_on_exec, &file);

	if (status != STATUS_SUCCESS)
		return status;
	io_query_file(file, FileLxStatxWantedInformation, &attributes, sizeof attributes);
	procfs_printf(text, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%llu\nino:\t%llu\n", (long long)io_file_position(file),
		      flags_of(file, close_on_exec), (unsigned long long)attributes.MountId,
		      (unsigned long long)attributes.Inode);
	return STATUS_SUCCESS;
}

/* --- the two directories */

static bool fd_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	int32_t fd = (int32_t)number;

	*child = *directory;
	child->number = (int32_t)number;
	return find_descriptor(directory, &fd) && fd == (int32_t)number;
}

static bool next_fd(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	int32_t fd = (int32_t)*number;

	if (*number > INT32_MAX || !find_descriptor(directory, &fd))
		return false;
	*number = (uint64_t)fd;
	*child = *directory;
	child->number = fd;
	return true;
}

static const struct procfs_node fd_node = {.name = "fd",
					   .kind = PROCFS_MAGIC,
					   .permissions_of = fd_permissions,
					   .target = fd_target,
					   .follow = fd_follow};
static const struct procfs_node fdinfo_node = {
	.name = "fdinfo", .kind = PROCFS_FILE, .permissions = 0444, .show = show_fdinfo};
const struct procfs_numbers lx_proc_descriptors = {.lookup = fd_exists, .next = next_fd, .child = &fd_node};
const struct procfs_numbers lx_proc_descriptor_information = {
	.lookup = fd_exists, .next = next_fd, .child = &fdinfo_node};

/* --- exe, cwd, root */

NTSTATUS lx_proc_exe_follow(const struct procfs_subject *subject, struct io_file **file)
{
	NTSTATUS status = lx_proc_error(LX_ENOENT);
	struct lx_task task;

	lx_lock_tree();
	if (lx_proc_find(subject, &task) && task.thread && task.process->executable_file) {
		*file = io_control_area_file(task.process->executable_file->area);
		status = STATUS_SUCCESS;
	}
	lx_unlock_tree();
	return status;
}

int64_t lx_proc_exe_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = lx_proc_exe_follow(subject, &file);

	return status == STATUS_SUCCESS ? path_of(file, target, size) : status;
}

NTSTATUS lx_proc_cwd_follow(const struct procfs_subject *subject, struct io_file **file)
{
	cleanup_proc_view struct lx_proc_view view;
	struct lx_directory *root, *working;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.fs)
		return lx_proc_error(LX_ENOENT);
	lx_fs_hold(view.fs, &root, &working);
	*file = working->file;
	ob_reference(*file);
	if (root)
		lx_directory_dereference(root);
	lx_directory_dereference(working);
	return STATUS_SUCCESS;
}

int64_t lx_proc_cwd_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = lx_proc_cwd_follow(subject, &file);

	return status == STATUS_SUCCESS ? path_of(file, target, size) : status;
}

NTSTATUS lx_proc_root_follow(const struct procfs_subject *subject, struct io_file **file)
{
	cleanup_proc_view struct lx_proc_view view;
	struct lx_directory *root;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.fs)
		return lx_proc_error(LX_ENOENT);
	lx_fs_hold(view.fs, &root, NULL);
	*file = root ? root->file : lx_mounts_root()->file;
	ob_reference(*file);
	if (root)
		lx_directory_dereference(root);
	return STATUS_SUCCESS;
}

int64_t lx_proc_root_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = lx_proc_root_follow(subject, &file);

	return status == STATUS_SUCCESS ? path_of(file, target, size) : status;
}
