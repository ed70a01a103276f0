/*
 * Descriptor tables (CLONE_FILES) and file-system contexts (CLONE_FS).
 *
 * A descriptor is an entry {NT handle, close-on-exec} in an lx_files; the handle
 * lives in the lx_files' own handle table, so that sharing and copying descriptor
 * tables is sharing and copying handle tables. The open file description is the
 * FILE_OBJECT. Lock: lx_files.lock guards the entries; services are called
 * without it.
 */
#ifndef TRANSLATE_FILES_H
#define TRANSLATE_FILES_H

#include <core/lx.h>

struct lx_files *lx_files_create(void);
struct lx_files *lx_files_reference(struct lx_files *files);
/* The last dereference closes every descriptor. `owner`: POSIX record locks of it on those files are dropped. */
void lx_files_dereference(struct lx_files *files);
/* fork: a copy with the same descriptors. NULL: out of memory. */
struct lx_files *lx_files_clone(struct lx_files *files);
struct ob_handle_table *lx_files_handles(struct lx_files *files);
/* exec: the caller's table is its own from here on, without the descriptors marked close-on-exec. False: there is no memory for it. */
bool lx_files_close_on_exec(struct lx_call *call);
/* The calling thread gets a table of its own if it shares one: unshare(CLONE_FILES), exec. 0 or -LX_ENOMEM. */
int64_t lx_files_unshare(struct lx_call *call);
/*
 * The owner of POSIX record locks that the caller takes; asked for before a lock is taken, for from then on every
 * descriptor that is closed in this table drops the owner's locks on its file (FSCTL_LX_RECORD_LOCK, F_UNLCK of all).
 */
PVOID lx_files_lock_owner(struct lx_call *call);

/* The handle behind a descriptor of the caller, or -LX_EBADF. O_PATH descriptors are refused unless allow_path. */
int64_t lx_fd_handle(struct lx_call *call, int32_t fd, bool allow_path, HANDLE *handle);
/* Give the caller the lowest free descriptor >= minimum for `handle` (consumed also on failure): fd or -LX_EMFILE. */
int64_t lx_fd_install(struct lx_call *call, HANDLE handle, bool close_on_exec, int32_t minimum);
/*
 * The same in two steps, so that running out of descriptors is noticed before anything is opened: a reserved descriptor
 * is taken but answers EBADF until it is filled with a handle, or given back with lx_fd_release().
 */
int64_t lx_fd_reserve(struct lx_call *call, int32_t minimum, bool close_on_exec);
void lx_fd_fill(struct lx_call *call, int32_t fd, HANDLE handle, bool is_path);
void lx_fd_release(struct lx_call *call, int32_t fd);
/* Is it an O_PATH descriptor? False too for one that is not open. */
bool lx_fd_is_path(struct lx_call *call, int32_t fd);
int64_t lx_fd_close(struct lx_call *call, int32_t fd);
/* For /proc/<pid>/fd and /fdinfo: visit each descriptor in order. */
void lx_files_walk(struct lx_files *files, void (*visit)(int32_t fd, HANDLE handle, bool close_on_exec, void *context), void *context);
/* At start: adopt the host descriptors 0, 1, 2 and further inherited ones. */
NTSTATUS lx_files_adopt_host(struct lx_files *files);

/*
 * Root, working directory and umask. `working_directory` is an absolute guest path; NULL: none could be found, or out of
 * memory. It needs the mount table, and a thread that may call services.
 */
struct lx_fs *lx_fs_create(const char *working_directory);
struct lx_fs *lx_fs_reference(struct lx_fs *fs);
void lx_fs_dereference(struct lx_fs *fs);
struct lx_fs *lx_fs_clone(struct lx_fs *fs);
uint32_t lx_fs_umask(struct lx_fs *fs);
uint32_t lx_fs_set_umask(struct lx_fs *fs, uint32_t mask);
/* unshare(CLONE_FS), exec. 0 or -LX_ENOMEM. */
int64_t lx_fs_unshare(struct lx_call *call);
/* The working directory's path as getcwd(2) shows it, NUL-terminated: its length with NUL, or -LX_ENOENT, -LX_ERANGE. */
int64_t lx_fs_working_directory(struct lx_fs *fs, char *path, size_t size);

/*
 * Path resolution: the instance's mount table (root = hostfs, /dev, /proc, ...)
 * and symbolic links, in LX; everything below is NtCreateFile by (root handle,
 * relative name).
 */
struct lx_path_open {
	int32_t dirfd;        /* LX_AT_FDCWD or a descriptor */
	const char *path;
	uint32_t flags;       /* LX_O_* */
	uint32_t mode;
	uint64_t resolve;     /* LX_RESOLVE_* of openat2 */
};
/*
 * Open by path for the kernel itself or a descriptor: a handle in the caller's table. With LX_O_PATH the handle serves to
 * look at and change attributes (also of a symbolic link with LX_O_NOFOLLOW); an empty path is an error here, and flags
 * are taken as checked.
 */
int64_t lx_path_open(struct lx_call *call, const struct lx_path_open *open, HANDLE *handle);
/* exec: open for execution (follows links; EACCES unless executable and regular), with its resolved absolute path. */
int64_t lx_path_open_executable(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, HANDLE *handle, char *resolved, size_t resolved_size);
/*
 * The object of a call that takes (dirfd, path, AT_ flags): path NULL or (with LX_AT_EMPTY_PATH) empty means dirfd itself,
 * O_PATH or not; LX_AT_SYMLINK_NOFOLLOW means the link itself. *owned says that the handle is to be closed.
 */
int64_t lx_path_object(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, HANDLE *handle, bool *owned);
/* The absolute guest path of an open file: /proc/<pid>/exe, fd links, maps. Length or -errno. */
int64_t lx_file_path(struct io_file *file, char *path, size_t size);
/* Build the instance's mount table over the registered devices. */
NTSTATUS lx_mounts_initialize(void);

#endif
