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

/* Whose node: 0 where it does not apply. `number` is a descriptor or whatever a dynamic directory counts; start and end are a range of memory. */
struct procfs_subject {
	int32_t pid, tid, number;
	uint64_t start, end;
};

enum procfs_kind {
	PROCFS_FILE,
	PROCFS_DIRECTORY,
	PROCFS_LINK,  /* a symbolic link by name */
	PROCFS_MAGIC, /* a symbolic link that is followed to an open file */
};

struct procfs_node;

#define PROCFS_NAME_SIZE 40

/* Entries that come and go, each a number as its name, all of one shape. */
struct procfs_numbers {
	/* Is there such an entry? Fills the child's subject. */
	bool (*lookup)(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child);
	/* The first entry with a number >= *number, which is changed to it. */
	bool (*next)(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child);
	const struct procfs_node *child; /* its name is not used */
	/* Of entries whose names are no plain numbers, both: instead of `lookup`, and what the child is called. */
	bool (*named)(const struct procfs_subject *directory, const STRING *name, struct procfs_subject *child);
	int (*print)(const struct procfs_subject *child, char name[PROCFS_NAME_SIZE]);
	/* Optional, where entries are directories: how many there are, for the link count. */
	uint32_t (*count)(const struct procfs_subject *directory);
};

/*
 * A file that is no text, but bytes at places. What `open` leaves in *state is the file object's until `close`; read and
 * write are told where, and how many bytes they did.
 */
struct procfs_bytes {
	NTSTATUS (*open)(const struct procfs_subject *subject, void **state);
	void (*close)(void *state);
	NTSTATUS (*read)(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done);
	NTSTATUS (*write)(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done);
};

/* What lseek(2) does; only DIRECTORY and FILE can be asked. */
enum procfs_seek {
	PROCFS_SEEK_RECORDS,  /* no end is known */
	PROCFS_SEEK_PLAIN,    /* the end is at 0 */
	PROCFS_SEEK_BOUNDED,  /* ... and 2 GiB are the limit: directories always */
	PROCFS_SEEK_ANYWHERE, /* offsets are addresses, with the highest bit too */
	PROCFS_SEEK_NOWHERE,  /* nothing moves */
};

/* Who may use a node besides what its permission bits say. */
enum procfs_guard {
	PROCFS_OPEN,
	PROCFS_LOOK_AT_OPEN, /* who opens it or goes through it must be allowed to look into the subject: EACCES */
	PROCFS_LOOK_AT_READ, /* who reads it: EACCES */
	PROCFS_TRACE_AT_READ, /* the same, but EPERM */
	PROCFS_OWN_TASKS,    /* a directory: the subject's own threads need no permission bits */
};

struct procfs_node {
	const char *name;
	enum procfs_kind kind;
	ULONG permissions;
	/* FILE. Generate the content; a failure is what read says. */
	NTSTATUS (*show)(const struct procfs_subject *subject, struct procfs_text *text);
	/* FILE, optional: what a write does with its bytes. */
	NTSTATUS (*store)(const struct procfs_subject *subject, const char *data, size_t size);
	/* FILE, optional: ioctl(2) by FSCTL_LX_IOCTL, whose data are changed in place. */
	NTSTATUS (*control)(const struct procfs_subject *subject, ULONG request, void *data, ULONG size);
	/* FILE, instead of show and store. */
	const struct procfs_bytes *bytes;
	/* FILE or LINK, instead of show and target: the host's own, as it is; the node exists if that does. */
	const char *host_path;
	/* LINK and MAGIC: what readlink says. Length, or a negative NTSTATUS. */
	int64_t (*target)(const struct procfs_subject *subject, char *target, size_t size);
	/* MAGIC: the file to continue at, referenced; NULL: the host's own, of host_path. */
	NTSTATUS (*follow)(const struct procfs_subject *subject, struct io_file **file);
	/* MAGIC: who follows it must have these capabilities (a mask), or else EPERM. */
	uint64_t follow_capabilities;
	/* Permission bits of one entry, instead of `permissions`: /proc/<pid>/fd. */
	ULONG (*permissions_of)(const struct procfs_subject *subject);
	/* DIRECTORY: fixed entries, ended by one without a name, then numbers. */
	const struct procfs_node *children;
	const struct procfs_numbers *numbers;
	enum procfs_guard guard;
	enum procfs_seek seek;
	/* FILE, MAGIC, optional: may it be opened, or read as a link, now? Asked last. */
	NTSTATUS (*check)(const struct procfs_subject *subject);
	/* The node exists if the host has this, whatever it says itself. */
	const char *exists_with;
};

/* Everything about subjects that the driver has to ask. */
struct procfs_provider {
	const struct procfs_node *root; /* a DIRECTORY */
	/*
	 * Owner of the subject's nodes; false: it is gone. A subject of zeroes is the system. `open_directory`: of one that
	 * everybody may list, which belongs to the subject's user even if nothing else of it does.
	 */
	bool (*owner)(const struct procfs_subject *subject, bool open_directory, ULONG *uid, ULONG *gid);
	/* May the caller look into the subject, as ptrace(2) asks? Yes where there is no subject or no caller. */
	bool (*may_look)(const struct procfs_subject *subject);
	/* Is the caller a thread of it? */
	bool (*is_own)(const struct procfs_subject *subject);
	/* A name was looked for that is not there; may be NULL. `path` is relative to the root. */
	void (*missing)(const char *path);
};

NTSTATUS procfs_initialize(void);
/* Before the first open. The provider and its nodes stay. */
void procfs_register(const struct procfs_provider *provider);

#endif
