/* Inside procfs: finding nodes. */
#ifndef PROCFS_TREE_H
#define PROCFS_TREE_H

#include <drivers/fsrtl/fsrtl.h>
#include <drivers/procfs/procfs.h>

#define PROCFS_DEPTH 12

/* A node and the way to it, so that ".." needs no parents in the descriptors. */
struct procfs_place {
	struct {
		const struct procfs_node *node;
		struct procfs_subject subject;
	} way[PROCFS_DEPTH];
	uint32_t depth; /* of the node itself; 0 is the root */
};

/* A file object's own. Guarded by io_file.lock. */
struct procfs_open {
	struct procfs_place place;
	struct ke_gate gate;     /* guards the text: making it, and giving it away, may take long */
	struct procfs_text text; /* what was generated for the reader that is under way */
	bool generated;
	void *state; /* of a node with bytes */
	char name[256]; /* path below the root */
};

static inline const struct procfs_node *procfs_node_of(const struct procfs_place *place)
{
	return place->way[place->depth].node;
}

static inline const struct procfs_subject *procfs_subject_of(const struct procfs_place *place)
{
	return &place->way[place->depth].subject;
}

const struct procfs_provider *procfs_provider(void);
/* Where a create request leads. STATUS_REPARSE: a link is on the way, or at its end without FILE_OPEN_REPARSE_POINT; create->reparse_file is set for a magic one at the end. */
NTSTATUS procfs_walk(struct io_create *create, struct procfs_place *place);
/* The path of a place below the root; its length. */
size_t procfs_path(const struct procfs_place *place, char *path, size_t size);
/* STATUS_NO_SUCH_FILE's errno ESRCH if the subject has gone. */
NTSTATUS procfs_attributes(const struct procfs_place *place, FILE_LX_STATX_INFORMATION *attributes);
/* Is the caller permitted this by the node's bits, or because the subject is its own? */
bool procfs_permitted(const struct procfs_place *place, const FILE_LX_STATX_INFORMATION *attributes, unsigned wanted);
/* Entry at a directory position; false at the end. *position is moved behind it. `name` gets a number's digits. */
bool procfs_entry(const struct procfs_place *place, uint64_t *position, char name[PROCFS_NAME_SIZE],
		  struct fsrtl_directory_entry *entry);

/* access.c */
bool procfs_takes_writes(const struct procfs_node *node);
NTSTATUS procfs_check_open(const struct io_create *create, const struct procfs_place *place);
NTSTATUS procfs_check_access(struct procfs_open *open, ULONG wanted);
NTSTATUS procfs_refuse_attribute(struct procfs_open *open, ULONG code, const void *input, ULONG input_size);
NTSTATUS procfs_set_attributes(const struct procfs_place *place, FILE_INFORMATION_CLASS class, const void *data, ULONG size);

/* names.c: what mkdir(2) and its kin, and unlink(2) and rmdir(2) in a directory say; `writable`: may the caller write to it? */
NTSTATUS procfs_refuse_making(struct io_file *file, const STRING *name);
NTSTATUS procfs_refuse_removal(struct io_file *file, const FSCTL_LX_REMOVE_NAME_INPUT *input, NTSTATUS writable);

#endif
