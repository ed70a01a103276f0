/*
 * /proc/<pid>/fd, fdinfo, and the links to a task's program and directories.
 *
 * They are followed to the object, not by name: a deleted file, a pipe and a file
 * out of the reach of the reader's root are reached all the same.
 */
#include <path/fs.h>
#include <path/resolve.h>
#include <proc/procfs.h>

#define LX_O_LARGEFILE_SHOWN 0100000u

/* --- a descriptor of a task */

struct descriptor {
	int32_t wanted; /* in: the descriptor, or the lowest that may be meant */
	bool exact;
	bool found;
	int32_t fd;
	HANDLE handle;
	bool close_on_exec;
};

static void consider(int32_t fd, HANDLE handle, bool close_on_exec, void *context)
{
	struct descriptor *search = context;

	if (search->found || fd < search->wanted || (search->exact && fd != search->wanted))
		return;
	search->found = true;
	search->fd = fd;
	search->handle = handle;
	search->close_on_exec = close_on_exec;
}

static bool find_descriptor(const struct procfs_subject *subject, struct descriptor *search)
{
	cleanup_proc_view struct lx_proc_view view;

	if (lx_proc_look(subject, &view) != STATUS_SUCCESS || !view.files)
		return false;
	lx_files_walk(view.files, consider, search);
	return search->found;
}

/* The file object behind a descriptor of any task, referenced. */
static NTSTATUS file_of(const struct procfs_subject *subject, struct descriptor *search, struct io_file **file)
{
	cleanup_proc_view struct lx_proc_view view;
	struct ob_handle_table *own = ob_current_table();
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	*search = (struct descriptor){.wanted = subject->number, .exact = true};
	if (view.files)
		lx_files_walk(view.files, consider, search);
	if (!search->found)
		return lx_proc_error(LX_ENOENT);
	ob_set_current_table(lx_files_handles(view.files));
	status = ob_reference_by_handle(search->handle, 0, &io_file_type, (void **)file);
	ob_set_current_table(own);
	return status == STATUS_SUCCESS ? STATUS_SUCCESS : lx_proc_error(LX_ENOENT);
}

static int64_t path_of(struct io_file *file, char *target, size_t size)
{
	int64_t length = lx_file_path(file, target, size);

	return length < 0 ? lx_proc_error((int)-length) : length;
}

static int64_t fd_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	struct descriptor search;
	NTSTATUS status = file_of(subject, &search, &file);

	return status == STATUS_SUCCESS ? path_of(file, target, size) : status;
}

static NTSTATUS fd_follow(const struct procfs_subject *subject, struct io_file **file)
{
	struct descriptor search;

	return file_of(subject, &search, file);
}

/* The link's bits say what the descriptor may: l-wx for one that only writes. */
static ULONG fd_permissions(const struct procfs_subject *subject)
{
	cleanup_object struct io_file *file = NULL;
	struct descriptor search;
	ULONG bits = 0;

	if (file_of(subject, &search, &file) != STATUS_SUCCESS)
		return 0;
	if (file->access & FILE_READ_DATA)
		bits |= 0500;
	if (file->access & FILE_WRITE_DATA)
		bits |= 0300;
	return bits;
}

/* --- fdinfo */

static LONGLONG position_of(struct io_file *file)
{
	FSCTL_LX_SEEK_INPUT seek = {.Offset = 0, .Whence = LX_SEEK_CUR};
	LONGLONG position = 0;
	ULONG_PTR information = 0;

	if (IO_OPERATION(file, fs_control)(file, FSCTL_LX_SEEK, &seek, sizeof seek, &position, sizeof position,
					 &information) != STATUS_SUCCESS)
		return 0;
	return position;
}

static uint32_t flags_of(struct io_file *file, bool close_on_exec)
{
	ULONG_PTR information = 0;
	ULONG flags = 0;

	IO_OPERATION(file, query_information)(file, FileLxStatusFlagsInformation, &flags, sizeof flags, &information);
	if (file->access & FILE_WRITE_DATA)
		flags |= file->access & FILE_READ_DATA ? LX_O_RDWR : LX_O_WRONLY;
	if (close_on_exec)
		flags |= LX_O_CLOEXEC;
	return flags | (file->name.Length ? LX_O_LARGEFILE_SHOWN : 0);
}

static NTSTATUS show_fdinfo(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_object struct io_file *file = NULL;
	FILE_LX_STATX_INFORMATION attributes = {0};
	struct descriptor search;
	ULONG_PTR information = 0;
	NTSTATUS status = file_of(subject, &search, &file);

	if (status != STATUS_SUCCESS)
		return status;
	IO_OPERATION(file, query_information)(file, FileLxStatxInformation, &attributes, sizeof attributes,
					      &information);
	procfs_printf(text, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%llu\nino:\t%llu\n", (long long)position_of(file),
		      flags_of(file, search.close_on_exec), (unsigned long long)attributes.MountId,
		      (unsigned long long)attributes.Inode);
	return STATUS_SUCCESS;
}

/* --- the two directories */

static bool fd_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	struct descriptor search = {.wanted = (int32_t)number, .exact = true};

	*child = *directory;
	child->number = (int32_t)number;
	return find_descriptor(directory, &search);
}

static bool next_fd(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	struct descriptor search = {.wanted = (int32_t)*number};

	if (*number > INT32_MAX || !find_descriptor(directory, &search))
		return false;
	*number = (uint64_t)search.fd;
	*child = *directory;
	child->number = search.fd;
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
		*file = task.process->executable_file;
		ob_reference(*file);
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
