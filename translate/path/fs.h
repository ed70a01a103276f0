/* File-system contexts (CLONE_FS), as path resolution needs them; everyone else uses resolve.h. */
#ifndef TRANSLATE_FS_H
#define TRANSLATE_FS_H

#include <path/path.h>

/* References to the root directory (NULL: the instance's root) and, unless `working` is NULL, the working directory. */
void lx_fs_hold(struct lx_fs *fs, struct lx_directory **root, struct lx_directory **working);
/* The working directory as it is, whether or not it may be searched: a handle of the kernel. */
int64_t lx_fs_open_working_directory(struct lx_call *call, ACCESS_MASK access, HANDLE *handle);
/* Replace one; takes over the reference. */
void lx_fs_set_working(struct lx_fs *fs, struct lx_directory *working);
void lx_fs_set_root(struct lx_fs *fs, struct lx_directory *root);
/*
 * A path below mount `mount` as seen from a root directory (NULL: the instance's): length, with *reachable false (and the
 * instance's path) for what lies outside it.
 */
int64_t lx_fs_show_path(const struct lx_directory *root, const struct lx_mount *mount, const char *name, char *path,
			size_t size, bool *reachable);

#endif
