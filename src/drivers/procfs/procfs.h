/*
 * /proc: \Device\ProcFs. The driver is a tree of node descriptors with file objects
 * on it; what a node says is registered from above, since the driver knows neither
 * processes nor descriptors. A subject tells a generator whose node it is.
 */
#ifndef PROCFS_PROCFS_H
#define PROCFS_PROCFS_H

#include <executive/io/io.h>

/* Content being made. It grows as needed; running out of memory is remembered and reported at the end. */
struct procfs_text {
	char *data;
	size_t size, room;
	bool failed;
};
void procfs_printf(struct procfs_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void procfs_append(struct procfs_text *text, const void *data, size_t size);
/* The lines of a host file that begin with `prefix`: facts of the machine inside a file that is otherwise the guest's. */
void procfs_append_host_lines(struct procfs_text *text, const char *path, const char *prefix);

/* Whose node: 0 where it does not apply. `number` is a descriptor or whatever a dynamic directory counts. */
struct procfs_subject {
	int32_t pid, tid, number;
};

enum procfs_kind {
	PROCFS_FILE,
	PROCFS_DIRECTORY,
	PROCFS_LINK,  /* a symbolic link by name */
	PROCFS_MAGIC, /* a symbolic link that is followed to an open file */
};

struct procfs_node;

/* Entries that come and go, each a number as its name, all of one shape. */
struct procfs_numbers {
	/* Is there such an entry? Fills the child's subject. */
	bool (*lookup)(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child);
	/* The first entry with a number >= *number, which is changed to it. */
	bool (*next)(const struct procfs_subject *directory, uint32_t *number, struct procfs_subject *child);
	const struct procfs_node *child; /* its name is not used */
};

struct procfs_node {
	const char *name;
	enum procfs_kind kind;
	ULONG permissions;
	/* FILE. Generate the content; a failure is what read says. */
	NTSTATUS (*show)(const struct procfs_subject *subject, struct procfs_text *text);
	/* FILE, optional: what a write does with its bytes. */
	NTSTATUS (*store)(const struct procfs_subject *subject, const char *data, size_t size);
	/* FILE or LINK, instead of show and target: the host's own, as it is; the node exists if that does. */
	const char *host_path;
	/* LINK and MAGIC: what readlink says. Length, or a negative NTSTATUS. */
	int64_t (*target)(const struct procfs_subject *subject, char *target, size_t size);
	/* MAGIC: the file to continue at, referenced. */
	NTSTATUS (*follow)(const struct procfs_subject *subject, struct io_file **file);
	/* Permission bits of one entry, instead of `permissions`: /proc/<pid>/fd. */
	ULONG (*permissions_of)(const struct procfs_subject *subject);
	/* DIRECTORY: fixed entries, ended by one without a name, then numbers. */
	const struct procfs_node *children;
	const struct procfs_numbers *numbers;
	/* Only the subject's owner (or CAP_SYS_PTRACE) may open it: ptrace access of Linux. */
	bool private;
};

/* Everything about subjects that the driver has to ask. */
struct procfs_provider {
	const struct procfs_node *root; /* a DIRECTORY */
	/* Owner of the subject's nodes; false: it is gone. A subject of zeroes is the system. */
	bool (*owner)(const struct procfs_subject *subject, ULONG *uid, ULONG *gid);
	/* A name was looked for that is not there; may be NULL. `path` is relative to the root. */
	void (*missing)(const char *path);
};

NTSTATUS procfs_initialize(void);
/* Before the first open. The provider and its nodes stay. */
void procfs_register(const struct procfs_provider *provider);

#endif
