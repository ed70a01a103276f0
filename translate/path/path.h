/*
 * The path walker: from (dirfd, path) to what Nt services take, a directory
 * handle and a name relative to it.
 *
 *	struct lx_walk walk;
 *	int64_t result = lx_walk_begin(&walk, call, dirfd, path, flags, 0);
 *
 *	while (result == 0) {
 *		status = ZwSomething(lx_walk_attributes(&walk, 0), ...);
 *		if (!lx_walk_again(&walk, status, &result))
 *			break;
 *	}
 *	lx_walk_end(&walk);
 *
 * Usually the service succeeds at once with the whole path as one name. When a
 * symbolic link lies on the way it answers STATUS_REPARSE; lx_walk_again() then
 * finds the link, puts its target in its place and lets the caller try again.
 *
 * Invariants: a name given to a service holds no ".." and no "." but a lone one
 * or one as last component; the first `verified` bytes of it were directories
 * and no links when looked at, so that ".." may remove their last component.
 */
#ifndef TRANSLATE_PATH_H
#define TRANSLATE_PATH_H

#include <descriptor/files.h>
#include <path/mounts.h>

/* The last component is not followed if it is a link (unless a slash behind it asks for a directory). */
#define LX_WALK_NOFOLLOW 1u
/* Stop before the last component: it is in walk.last. */
#define LX_WALK_PARENT 2u

#define LX_MAXIMUM_LINKS 40

/* A directory that is held open for walks to start from: immutable, shared by reference. */
struct lx_directory {
	_Atomic uint32_t references;
	HANDLE handle; /* kernel handle */
	struct io_file *file;
	const struct lx_mount *mount; /* whose root it is, or NULL */
};

/* Takes over a kernel handle, also on failure (NULL: out of memory). */
struct lx_directory *lx_directory_create(HANDLE handle);
void lx_directory_dereference(struct lx_directory *directory);

struct lx_base {
	HANDLE handle;
	struct io_file *file;
	const struct lx_mount *mount; /* whose root it is, or NULL */
};

enum lx_last { LX_LAST_NAME, LX_LAST_ROOT, LX_LAST_DOT, LX_LAST_DOTDOT };

struct lx_walk {
	struct lx_call *call;
	uint32_t flags;
	uint32_t links;
	uint64_t resolve;          /* LX_RESOLVE_* */
	bool directory;            /* the path ends in "/", "." or "..": only a directory will do */
	bool slash;                /* ... in a "/" behind a name */
	bool dot;                  /* ... in a ".": asks for permission to search the directory */
	bool jumped;               /* the base was arrived at as a whole: by a magic link, or by ".." */
	struct lx_base root, base;
	const char *rest;          /* not yet taken apart */
	/* LX_WALK_PARENT: the last component, with the slash behind it if the path ends in one. */
	enum lx_last last_kind;
	const char *last;
	size_t last_size;
	size_t name_size, verified;
	STRING string;
	OBJECT_ATTRIBUTES attributes;
	/* What the walk holds: */
	struct lx_directory *held_root, *held_working;
	struct io_file *held_file, *held_scope;
	HANDLE owned_handle;
	char *expansion;           /* what rest points into, once a link was followed */
	char name[LX_PATH_MAX + 2];
};

int64_t lx_walk_begin(struct lx_walk *walk, struct lx_call *call, int32_t dirfd, const char *path, uint32_t flags, uint64_t resolve);
void lx_walk_end(struct lx_walk *walk);
/* Does the walk stop at a link as last component? */
bool lx_walk_stops_at_link(const struct lx_walk *walk);
/* Attributes for a service: base and name, as they stand now. */
OBJECT_ATTRIBUTES *lx_walk_attributes(struct lx_walk *walk, ULONG object_flags);
/* The service answered `status`: true if it is to be asked again; else *result is the call's result. */
bool lx_walk_again(struct lx_walk *walk, NTSTATUS status, int64_t *result);
/* LX_WALK_PARENT: a handle of the directory that holds the last component; *owned: to be closed. */
int64_t lx_walk_parent(struct lx_walk *walk, HANDLE *handle, bool *owned);

/* follow.c: put the target of the first link in the walk's name in its place. 0 or -errno. */
int64_t lx_walk_follow(struct lx_walk *walk);
/*
 * sticky.c: may the caller follow the link whose name ends at `end`, the path's last component, and whose owner this is? 0 or
 * -LX_EACCES.
 */
int64_t lx_walk_check_sticky(struct lx_walk *walk, size_t end, ULONG owner);
/* path.c, for follow.c: stand at an open file, taking over its kernel handle and a reference; `jumped`: what is there
 * need not be searched for itself. */
void lx_walk_adopt(struct lx_walk *walk, HANDLE handle, struct io_file *file, bool jumped);
/* What names are looked up in must be a directory: 0, -LX_ENOTDIR or another errno. */
int64_t lx_walk_check_directory(struct lx_walk *walk, HANDLE handle);
/* Stand at the root that absolute links lead to. */
void lx_walk_restart_at_root(struct lx_walk *walk);
/* path.c: take `rest` apart. 0 or -errno. */
int64_t lx_walk_consume(struct lx_walk *walk);

/* One open by attributes, with the open packet. `flags` are LX_O_*; *handle is NULL unless it succeeds or names a magic link's target. */
struct lx_open_request {
	ACCESS_MASK access;
	ULONG disposition, options;
	uint32_t flags, mode;
};
NTSTATUS lx_open_by_attributes(const struct lx_open_request *request, OBJECT_ATTRIBUTES *attributes, HANDLE *handle);
/* ... of an object just to name it or to look at it (O_PATH), not following a link if `link`. */
NTSTATUS lx_open_place(OBJECT_ATTRIBUTES *attributes, bool directory, bool link, HANDLE *handle);

#endif
