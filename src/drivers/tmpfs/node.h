/*
 * Inside tmpfs: volumes, nodes, directory entries.
 *
 * A node lives while a name leads to it or a file object has it open. The bytes of
 * a regular file are a host memory file, made with the first byte, so that it can be
 * mapped and so that holes cost nothing.
 *
 * Locks: volume.lock guards the tree, attributes, extended attributes and counts. node.data_lock guards that the memory
 * file is made once.
 * Turns, which are kept while a guest's memory is copied: tmpfs_open.position_turn, outermost, orders who moves a file
 * object's position; node.write_turn orders what changes one file (append, size limits).
 */
#ifndef TMPFS_NODE_H
#define TMPFS_NODE_H

#include <bsd/sys/tree.h>
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/tmpfs/tmpfs.h>
#include <executive/io/locks.h>

#define TMPFS_NAME_MAX 255u
#define TMPFS_PAGE 4096u
#define TMPFS_INODE_SPACE 1024u /* what a node counts for, and each name behind its first */

struct tmpfs_node;

struct tmpfs_entry {
	RB_ENTRY(tmpfs_entry) by_name, by_cookie;
	struct tmpfs_node *node;
	uint64_t cookie; /* never used twice in a directory: positions stay valid whatever is made or removed */
	size_t name_length;
	char name[];
};
RB_HEAD(tmpfs_names, tmpfs_entry);
RB_HEAD(tmpfs_cookies, tmpfs_entry);

struct tmpfs_xattr {
	TAILQ_ENTRY(tmpfs_xattr) link;
	char *name;
	size_t size;
	UCHAR value[];
};

struct tmpfs_volume {
	struct rtl_lock lock;
	struct tmpfs_node *root;
	uint64_t limit;       /* bytes */
	_Atomic uint64_t used; /* of it, by memory files and long targets of links */
	uint64_t inode_limit;      /* bytes, of which each node, further name and attribute takes some */
	_Atomic uint64_t inode_used;
	ULONGLONG next_inode;
	bool has_devices; /* character devices may be opened: whoever made the volume takes them from there */
	const struct fsrtl_file_system *where; /* the host's file system that its files are shown in, or NULL */
};

struct tmpfs_node {
	struct tmpfs_volume *volume;
	FILE_LX_STATX_INFORMATION attributes; /* size and blocks of regular files come from the memory file */
	uint32_t opens;
	/* directory */
	struct tmpfs_names names;
	struct tmpfs_cookies cookies;
	uint64_t next_cookie;
	struct tmpfs_node *parent; /* NULL for the root and for what was removed */
	/* regular file */
	_Atomic int descriptor; /* -1: no bytes yet */
	struct rtl_lock data_lock;
	struct ke_turn write_turn;
	uint64_t accounted; /* bytes of the memory file that volume.used has */
	struct io_lock_list locks;
	/* symbolic link */
	char *target;
	bool target_has_page; /* too long to be kept in the node, as tmpfs has it */
	TAILQ_HEAD(, tmpfs_xattr) xattrs;
};

/* What a file object has for itself, those of devfs included, first in the extension. */
struct tmpfs_open {
	struct ke_turn position_turn;
};

static inline struct ke_turn *tmpfs_position_turn(struct io_file *file)
{
	return &((struct tmpfs_open *)io_file_extension(file))->position_turn;
}

static inline ULONG tmpfs_type(const struct tmpfs_node *node)
{
	return node->attributes.Mode & FSRTL_S_IFMT;
}

static inline struct tmpfs_node *tmpfs_node_of(struct io_file *file)
{
	return file->context;
}

/* driver.c: a volume with a root directory of these permissions; `size` as in tmpfs_create_instance(). NULL: out of memory. */
struct tmpfs_volume *tmpfs_create_volume(uint64_t size, ULONG mode, const struct fsrtl_file_system *where);
extern const struct io_driver_operations tmpfs_operations;
NTSTATUS tmpfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
			    ULONG_PTR *information);

/* node.c; all under volume.lock. STATUS_DISK_FULL, STATUS_NO_MEMORY or a node. */
NTSTATUS tmpfs_create_node(struct tmpfs_volume *volume, ULONG mode, const struct tmpfs_node *parent, struct tmpfs_node **made);
/* Take `size` of what is limited and has `used` in use; false: not as much is left. */
bool tmpfs_reserve(_Atomic uint64_t *used, uint64_t limit, uint64_t size);
/* Free the node if nothing holds it any more. */
void tmpfs_release_node(struct tmpfs_node *node);
struct tmpfs_entry *tmpfs_find_entry(struct tmpfs_node *directory, const STRING *name);
/* STATUS_NO_MEMORY, or the entry is in: link counts and times follow. */
NTSTATUS tmpfs_add_entry(struct tmpfs_node *directory, const STRING *name, struct tmpfs_node *node);
/* The entry goes; so does the node, if that was its last name and nobody has it open. */
void tmpfs_remove_entry(struct tmpfs_node *directory, struct tmpfs_entry *entry);
/* The same, of a name that is given up for good: what a further name counted for is given back. */
void tmpfs_unlink_entry(struct tmpfs_node *directory, struct tmpfs_entry *entry);
/* What an attribute counts for. */
uint64_t tmpfs_xattr_space(const char *name, size_t size);
/* First entry with a cookie >= `cookie`. */
struct tmpfs_entry *tmpfs_entry_from(struct tmpfs_node *directory, uint64_t cookie);

/* names.c */
NTSTATUS tmpfs_create(struct io_device *device, struct io_create *create, struct io_file *file);
/* Undo an open, whose file object will not be closed. */
void tmpfs_forget_open(struct tmpfs_node *node);
NTSTATUS tmpfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
			     void *data, ULONG size, ULONG_PTR *information);
/* A slash behind a name asks for a directory: taken off, and told. */
bool tmpfs_trim_slashes(STRING *name);
NTSTATUS tmpfs_make_node(struct tmpfs_node *directory, const FSCTL_LX_MAKE_NODE_INPUT *input);
NTSTATUS tmpfs_remove_name(struct tmpfs_node *directory, const FSCTL_LX_REMOVE_NAME_INPUT *input);
NTSTATUS tmpfs_link_name(struct tmpfs_node *directory, const FSCTL_LX_LINK_NAME_INPUT *input);

/* rename.c */
NTSTATUS tmpfs_rename(struct tmpfs_node *from, struct tmpfs_node *to, const FILE_LX_RENAME_INFORMATION *input);
/* May an entry of the directory be removed by the caller (write permission, sticky bit)? */
NTSTATUS tmpfs_may_delete(struct tmpfs_node *directory, const struct tmpfs_node *victim);

/* data.c */
NTSTATUS tmpfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		    ULONG_PTR *information);
NTSTATUS tmpfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		     ULONG_PTR *information);
NTSTATUS tmpfs_truncate(struct tmpfs_node *node, LONGLONG size);
NTSTATUS tmpfs_allocate(struct tmpfs_node *node, const FSCTL_LX_FALLOCATE_INPUT *input);
NTSTATUS tmpfs_seek(struct io_file *file, const FSCTL_LX_SEEK_INPUT *input, LONGLONG *result);
NTSTATUS tmpfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing);
/* Size and blocks as they are now. */
void tmpfs_measure(struct tmpfs_node *node, FILE_LX_STATX_INFORMATION *attributes);

/* control.c */
NTSTATUS tmpfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			  ULONG output_size, ULONG_PTR *information);

#endif
