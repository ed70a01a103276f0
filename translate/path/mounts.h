/*
 * The instance's mount table: which device shows itself under which directory.
 *
 * It is made once, at start, and never changes. A mount point is one component
 * in the root of its parent mount, so only roots of mounts can have mount points
 * below them: a path that starts anywhere else needs no look at the table.
 */
#ifndef TRANSLATE_MOUNTS_H
#define TRANSLATE_MOUNTS_H

#include <executive/io/io.h>

struct lx_mount {
	const char *point; /* guest path: "/dev/shm" */
	const char *name;  /* its last component; NULL for the root mount */
	const struct lx_mount *parent;
	HANDLE handle;     /* kernel handle of its root directory; NULL: not mounted */
	struct io_file *file;
};

/* The root mount: "/". */
const struct lx_mount *lx_mounts_root(void);
/* The mount at `name` in the root of `parent`, or NULL. */
const struct lx_mount *lx_mounts_child(const struct lx_mount *parent, const char *name, size_t size);
/* The mount whose root directory an open file is, or NULL. */
const struct lx_mount *lx_mounts_of_root(struct io_file *file);
/* Is a file of this device found by path at all (else it is a pipe, a socket, ...)? */
bool lx_mounts_have_device(const struct io_device *device);
bool lx_mounts_is_host_device(const struct io_device *device);
/*
 * Where an open file lies now: the mount that shows it, and its name below that mount's root in `name` (NUL-terminated,
 * "" for the root). Length, -LX_ENOENT if no mount shows it (its own name is in `name`), -LX_ENAMETOOLONG. *mount is NULL
 * for what has a name but no path, such as "pipe:[4711]".
 */
int64_t lx_mounts_locate(struct io_file *file, const struct lx_mount **mount, char *name, size_t size);

#endif
