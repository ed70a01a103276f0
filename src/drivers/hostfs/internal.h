/* Shared by the files of hostfs. */
#ifndef HOSTFS_INTERNAL_H
#define HOSTFS_INTERNAL_H

#include <bsd/sys/tree.h>
#include <drivers/hostfs/gate.h>
#include <drivers/hostfs/hostfs.h>
#include <errno.h>
#include <fcntl.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>
#include <rtl/rtl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Lowest number that a descriptor of a file object may have. */
#define HOSTFS_LOWEST_DESCRIPTOR 10
#define HOSTFS_PROC_PATH_SIZE 40

struct hostfs_device {
	int root;   /* O_PATH */
	char *path; /* of root, canonical; "" for "/" */
	size_t path_size;
};

enum hostfs_kind {
	HOSTFS_UNKNOWN,
	HOSTFS_REGULAR, /* transfers never sleep for long; block devices too */
	HOSTFS_DIRECTORY,
	HOSTFS_STREAM, /* FIFO, socket, character device: may block */
	HOSTFS_LINK,
};

struct hostfs_lock_owner;
struct hostfs_shared;

/* What lxrun knows about a host inode; exists while somebody has a reason for it. The lock of its bucket
 * guards it (inode.c), but for record locks (lock.c). */
struct hostfs_inode {
	TAILQ_ENTRY(hostfs_inode) link;
	dev_t device;
	ino_t number;
	unsigned references;
	unsigned writers; /* file objects open for writing */
	unsigned denials; /* executions under way */
	struct ke_gate lock_gate; /* held while the host changes record locks */
	TAILQ_HEAD(, hostfs_lock_owner) lock_owners;
};

/* The extension of each file object. */
struct hostfs_file {
	int fd;
	_Atomic enum hostfs_kind kind;
	enum hostfs_gate gate; /* never HOSTFS_GATE_SHUT */
	bool path_only;	     /* opened with O_PATH */
	bool hides_directory; /* O_DIRECTORY is what the name asked for, by a slash or a dot behind it */
	bool hides_nofollow; /* O_NOFOLLOW among the status flags is the walk's, not the guest's */
	bool delete_on_close;
	_Atomic bool delete_pending;
	struct hostfs_inode *writer_inode; /* where this file counts as a writer, or NULL */
	_Atomic bool is_seen;  /* that this very description stays open: it has had locks, or came from outside */
	struct hostfs_shared *shared; /* it stands for others: inode.c; guarded by its inode's bucket's lock */
	struct ke_turn position_turn; /* held while a call moves the position or depends on it, however long it takes */
};

extern struct io_driver hostfs_driver;

static inline struct hostfs_file *hostfs_file(struct io_file *file)
{
	return io_file_extension(file);
}

static inline struct hostfs_device *hostfs_device(struct io_device *device)
{
	return device->extension;
}

static inline NTSTATUS hostfs_status(long result)
{
	return result < 0 ? nt_status_from_errno(errno) : STATUS_SUCCESS;
}

/* What kind of file it is; asked once. */
/*
 * As fstat(2), of device, inode, type and size: what the host knows without asking the file's server, which may never answer.
 * The kernel itself asks nobody where these are used.
 */
int hostfs_known_status(int fd, struct stat *status);
enum hostfs_kind hostfs_kind(struct io_file *file);
enum hostfs_kind hostfs_kind_of_mode(mode_t mode);
/* "/proc/self/fd/N" */
void hostfs_proc_path(int fd, char path[HOSTFS_PROC_PATH_SIZE]);
/* Move a descriptor out of the low numbers; consumes it. -errno on failure. */
int hostfs_raise_descriptor(int fd);
/* A name as a NUL-terminated path of at most PATH_MAX bytes; STATUS_NAME_TOO_LONG, STATUS_OBJECT_NAME_INVALID. */
NTSTATUS hostfs_copy_name(const STRING *name, char *path, size_t size);
/* The same for a name that must be a single component; slashes may trail. */
NTSTATUS hostfs_copy_component(const STRING *name, char *path, size_t size);

/* open.c */
struct hostfs_opened {
	NTSTATUS status; /* after -EINTR: the reason, if it is an interruption */
	enum hostfs_gate gate;
};
/* A descriptor that has passed the gate, or -errno. */
int hostfs_open(struct io_device *device, struct io_file *root, const char *name, uint64_t flags, mode_t mode,
		struct hostfs_opened *opened);
/* The inode behind a descriptor once more, or with O_TMPFILE a new one in that directory; what the gate says of it stays the same, and is the caller's to ask. */
int hostfs_reopen(int fd, uint64_t flags, mode_t mode, NTSTATUS *status);
/* Is openat2 missing, so that the description shows O_NOFOLLOW? */
bool hostfs_walks(void);
/* walk.c: openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS for hosts without it. */
int hostfs_walk(int directory, const char *name, uint64_t flags, mode_t mode);

/* inode.c */
/* With a reference; NULL: out of memory. */
struct hostfs_inode *hostfs_get_inode(dev_t device, ino_t number);
void hostfs_put_inode(struct hostfs_inode *inode);
/* Count a file that is open for writing: STATUS_SHARING_VIOLATION while it is being executed. */
NTSTATUS hostfs_register_writer(struct hostfs_file *file, const struct stat *status);
void hostfs_release_inode(struct hostfs_file *file);
/* See io_driver_operations. */
struct io_file *hostfs_substitute(struct io_file *file);
void hostfs_forget_shared(struct io_file *file);
bool hostfs_any_denied(void);
bool hostfs_is_denied(const struct stat *status);

/* The operations, by file. */
NTSTATUS hostfs_create(struct io_device *device, struct io_create *create, struct io_file *file);
NTSTATUS hostfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		     ULONG_PTR *information);
NTSTATUS hostfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		      ULONG_PTR *information);
NTSTATUS hostfs_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				  ULONG_PTR *information);
NTSTATUS hostfs_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
			      void *data, ULONG size, ULONG_PTR *information);
NTSTATUS hostfs_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				struct io_file *target);
NTSTATUS hostfs_query_directory(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
				bool restart, bool single, ULONG_PTR *information);
NTSTATUS hostfs_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
			     ULONG_PTR *information);
NTSTATUS hostfs_flush(struct io_file *file, ULONG flags);
NTSTATUS hostfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			   ULONG output_size, ULONG_PTR *information);
NTSTATUS hostfs_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			       ULONG output_size, ULONG_PTR *information);
NTSTATUS hostfs_query_ea(struct io_file *file, void *data, ULONG size, const void *list, ULONG list_size, bool restart,
			 bool single, ULONG_PTR *information);
NTSTATUS hostfs_set_ea(struct io_file *file, const void *data, ULONG size);
/* splice.c */
ULONG hostfs_splice_ends(struct io_file *file);
NTSTATUS hostfs_splice(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
		       ULONG_PTR *information);
ULONG hostfs_poll(struct io_file *file, ULONG events, struct io_poll_table *table);
NTSTATUS hostfs_section(struct io_file *file, ULONG protection, struct io_section_backing *backing);

/* A control code's handler; input and output are at least as large as its row says. */
typedef NTSTATUS hostfs_control(struct io_file *file, const void *input, ULONG input_size, void *output,
				ULONG output_size, ULONG_PTR *information);
hostfs_control hostfs_make_node, hostfs_remove_name, hostfs_link_name, hostfs_get_reparse_point;
hostfs_control hostfs_get_xattr, hostfs_set_xattr, hostfs_list_xattr, hostfs_remove_xattr;
hostfs_control hostfs_flock, hostfs_record_lock;

/* rename.c: renames and links by handle. */
NTSTATUS hostfs_rename_names(struct io_file *file, const FILE_LX_RENAME_INFORMATION *rename, struct io_file *target);
NTSTATUS hostfs_rename_handle(struct io_file *file, const FILE_RENAME_INFORMATION *rename, struct io_file *target);
NTSTATUS hostfs_link_handle(struct io_file *file, const FILE_LINK_INFORMATION *link, struct io_file *target);
/* Remove the name that the file object is known by, if it still means this file. */
NTSTATUS hostfs_remove_own_name(struct io_file *file);

#endif
