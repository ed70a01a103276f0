/*
 * What the rest of LX asks of paths: file-system contexts (CLONE_FS) and the object that a path names.
 *
 * NT resolves a name in one go: the object manager parses, a driver gets what is left. Linux resolves component by
 * component, and "..", links, mounts and permissions act on the way. Here both meet. A path is turned into what a
 * service takes, a directory handle and a name beneath it, and tried whole, which is one host call for most paths. Only
 * when a driver answers that a symbolic link lies on the way (STATUS_REPARSE) is the path walked: the link is read, its
 * target put in its place, and the service asked again (path.c, follow.c). Drivers never follow a link, so that none
 * leads past the guest's root, and the sticky directories' rules for links are this room's too (sticky.c).
 *
 * Mounts (mounts.c) are few and fixed: the root, /dev, /proc, /dev/shm and their kin. Which one a name falls to is
 * found by where the walk is, not by what the name looks like. Root and working directory are references to open
 * directories (fs.c), not names: they may be renamed, and removed.
 */
#ifndef TRANSLATE_PATH_RESOLVE_H
#define TRANSLATE_PATH_RESOLVE_H

#include <core/lx.h>

/*
 * Root, working directory and umask. `working_directory` is an absolute guest path; "" or one that can't be opened: lxrun's
 * own working directory. NULL: out of memory, or that can't be opened either. It needs the mount table, and a thread that
 * may call services.
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
