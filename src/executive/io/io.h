/*
 * I/O manager: drivers, devices, file objects.
 *
 * A driver is a table of operations, one for each IRP major function; a missing one has a named default (io_default_*:
 * STATUS_INVALID_DEVICE_REQUEST mostly). There are no IRPs: requests are synchronous, an operation returns a final
 * status, and sleeps, if it must, through ke_* alertably (STATUS_USER_APC: interrupted before any effect). A stack of
 * drivers is a file object whose operations create has replaced.
 *
 * Services (NtReadFile ...) reference the file object once and call its driver; bytes travel in an io_buffer, which
 * says whose memory they are in, so that a driver needs not know whether a guest or the supervisor asks. A guest's
 * bytes are copied once, through the thread's bounce buffer or straight into what the driver keeps, and never under a
 * lock.
 *
 * Position, status flags, locks and FIFO ends belong to the file object as the guest sees it. hostfs leaves them to the
 * host description; other drivers use the common helpers (io_position_*, struct io_lock_list). Linux' own questions
 * that NT has no class for are information classes and controls above 0x4c00, FileLx... and FSCTL_LX_....
 */
#ifndef IO_IO_H
#define IO_IO_H

#include <executive/ob/ob.h>
#include <nt/iobuffer.h>
#include <nt/ntio.h>
#include <rtl/lock.h>

struct io_driver;
struct io_device;
struct io_control_area;
struct io_file;
struct se_token;

/*
 * What a Linux open says that NtCreateFile's arguments can't: passed, as AFD does it, in an extended attribute
 * named LX_OPEN_PACKET_EA. Without it flags derive from CreateOptions, and the mode is 0666/0777.
 */
#define LX_OPEN_PACKET_EA "LxOpenPacketXX"
struct lx_open_packet {
	ULONG Flags; /* LX_O_*: O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME, O_PATH, O_TMPFILE, O_SYNC, O_NOCTTY, ... */
	ULONG Mode;  /* permission bits of a new file, umask already applied */
};

/* One create request. Names are relative to the device or to `root`, components divided by '/', no leading slash; empty: the root itself. */
struct io_create {
	struct io_file *root; /* directory the name is relative to (same device), or NULL: the device's root */
	STRING name;
	ACCESS_MASK access;
	ULONG options;      /* FILE_DIRECTORY_FILE, FILE_OPEN_REPARSE_POINT, ... */
	ULONG disposition;  /* FILE_OPEN ... */
	ULONG attributes;   /* OBJ_* */
	struct lx_open_packet lx;
	bool has_packet;    /* lx came with the request; otherwise its mode is a default and its flags 0 */
	ULONG_PTR information; /* out: FILE_OPENED, FILE_CREATED, ... */
	struct io_file *reparse_file; /* out, with STATUS_REPARSE: a magic link (procfs): continue at this open file; referenced */
};

/* Where poll's wake-ups come from; filled by a driver's poll operation. */
struct io_poll_table;
/* The file object's state changes wake `list`. */
void io_poll_add_list(struct io_poll_table *table, struct ke_wake_list *list);
/* The host says: wait for `events` (POLL*) on a host descriptor. The current state was sampled by the driver. */
void io_poll_add_host(struct io_poll_table *table, int descriptor, ULONG events);

/* What a section over a file object maps. */
struct io_section_backing {
	int host_fd; /* owned by the caller (mm); opened with no more access than the file object has */
	bool anonymous; /* each view is fresh memory, and there is no descriptor */
};

/*
 * What create and query_by_name answer beside plain success and failure:
 * - STATUS_REPARSE: a symbolic link lies on the way, the last component included unless FILE_OPEN_REPARSE_POINT is
 *   given; nothing was opened. For a magic link reparse_file is set, and NtCreateFile returns STATUS_REPARSE with
 *   *FileHandle a handle to that file; for any other link *FileHandle is NULL.
 * - STATUS_PATH_NOT_COVERED: the name leads with ".." above the directory that it is relative to (or is absolute).
 * lx.Flags with O_NOFOLLOW and without O_PATH makes a link as last component fail as Linux does (ELOOP).
 * A name that is empty, relative to an open file: that file is opened anew (its inode, not its name).
 * NtQueryInformationByName has no create options: OBJ_OPENLINK among its attributes stands for FILE_OPEN_REPARSE_POINT
 * (a link as last component is the subject itself), and OBJ_DONT_REPARSE is not used. It answers STATUS_REPARSE as create.
 * Names never hold "." or ".." components, but a lone "." (a directory by itself, with the check of search permission)
 * or one as last component; LX leaves a directory upwards by FileNameInformation.
 */

/*
 * The operations. `position` NULL: at the file object's current position, which
 * moves. *information: bytes transferred or as NT says. Class structures are
 * those of <nt/ntio.h>. `flags` of read and write: RWF_* of preadv2(2), what NtReadFile's and NtWriteFile's Key
 * points to. A position of FILE_WRITE_TO_END_OF_FILE (-1) appends whatever the status flags say.
 *
 * query_directory of `size` bytes gives what getdents64(2) of size / 4 bytes does, so that a caller who translates
 * into a buffer of n bytes asks for 4 n and needs no seeking back. d_type is ReparsePointTag; where that is 0,
 * FILE_ATTRIBUTE_DIRECTORY is a directory, FILE_ATTRIBUTE_NORMAL a regular file, and no attribute unknown. Times and
 * sizes of records may be 0.
 */
struct io_driver_operations {
	NTSTATUS (*create)(struct io_device *device, struct io_create *create, struct io_file *file);
	void (*cleanup)(struct io_file *file); /* the last handle went */
	void (*close)(struct io_file *file);   /* the last reference went; not called if create failed */
	NTSTATUS (*read)(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags, ULONG_PTR *information);
	NTSTATUS (*write)(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags, ULONG_PTR *information);
	NTSTATUS (*query_information)(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size, ULONG_PTR *information);
	NTSTATUS (*set_information)(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size, struct io_file *target);
	/* The same by name, without a file object; `create` as for create, disposition FILE_OPEN. */
	NTSTATUS (*query_by_name)(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class, void *data, ULONG size, ULONG_PTR *information);
	NTSTATUS (*query_directory)(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size, bool restart, bool single, ULONG_PTR *information);
	NTSTATUS (*query_volume)(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size, ULONG_PTR *information);
	NTSTATUS (*query_ea)(struct io_file *file, void *data, ULONG size, const void *list, ULONG list_size, bool restart, bool single, ULONG_PTR *information);
	NTSTATUS (*set_ea)(struct io_file *file, const void *data, ULONG size);
	NTSTATUS (*fs_control)(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output, ULONG output_size, ULONG_PTR *information);
	NTSTATUS (*device_control)(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output, ULONG output_size, ULONG_PTR *information);
	NTSTATUS (*flush)(struct io_file *file, ULONG flags);
	/* Ready events now (POLL* bits among `events` plus POLLERR, POLLHUP, POLLNVAL); if `table`, also register for changes. */
	ULONG (*poll)(struct io_file *file, ULONG events, struct io_poll_table *table);
	/* What the file can be to splice(2) and its relatives: IO_SPLICE_*. The default: a source and a target. */
	ULONG (*splice_ends)(struct io_file *file);
	/* A host descriptor for a section with page protection `protection`. */
	NTSTATUS (*section)(struct io_file *file, ULONG protection, struct io_section_backing *backing);
	/* The last handle went, but sections and programs still have the file: another file object that shows the same to them, referenced; or NULL. */
	struct io_file *(*substitute)(struct io_file *file);
	void (*dump)(struct io_file *file, FILE *out);
};

#define IO_SPLICE_SOURCE 1u
#define IO_SPLICE_TARGET 2u
#define IO_SPLICE_PIPE 4u /* a pipe or FIFO, which takes FSCTL_LX_SPLICE */
/* For the LX subsystem's checks. */
ULONG io_splice_ends(struct io_file *file);

struct io_driver {
	const char *name; /* \Driver\<name> */
	const struct io_driver_operations *operations;
	size_t file_extension_size; /* bytes of each file object that are the driver's own, zeroed: io_file_extension() */
};

struct io_device {
	struct io_driver *driver;
	void *extension; /* the driver's own */
	STRING name;
	const struct io_driver_operations *operations; /* the driver's, completed with the defaults */
};

/* What an operation that a driver leaves out does. */
extern const struct io_driver_operations io_default_operations;
/* An operation of a file object whose table may be one that create put there, with gaps. */
#define IO_OPERATION(file, name) (rtl_assert_lock_free(), (file)->operations->name ? (file)->operations->name : io_default_operations.name)

/* The open file description: FILE_OBJECT. */
struct io_file {
	struct dispatcher_header header;
	struct io_device *device;
	const struct io_driver_operations *operations; /* the device's, unless create replaced them */
	void *context;          /* FsContext */
	ACCESS_MASK access;     /* granted at creation */
	ULONG options;          /* FILE_SYNCHRONOUS_IO_ALERT, ... */
	struct io_inode_locks *locks; /* inode_locks.c: once one was taken by this file */
	bool created;           /* by an open with O_CREAT that found no such file */
	_Atomic ULONG lx_flags; /* status flags (LX_O_*) where the driver does not keep them itself */
	struct rtl_lock lock;   /* guards position and what the driver says */
	LONGLONG position;
	STRING name;            /* within the device, as opened (with the root's name in front), behind the extension */
	struct io_control_area *_Atomic control_area; /* not held; changed under the lock */
	struct io_async *_Atomic async; /* async.h: who gets a signal, once somebody asked */
	_Alignas(16) char extension[]; /* of driver->file_extension_size bytes, then the first name */
};

static inline void *io_file_extension(struct io_file *file)
{
	return file->extension;
}

extern struct ob_type io_file_type, io_device_type, io_driver_type;

void io_initialize(void);
/* Make \Driver\<name>; the driver structure must stay. */
NTSTATUS io_register_driver(struct io_driver *driver);
/* Make a device under a full object name such as \Device\HostFs (NULL: unnamed). One reference to the caller. */
NTSTATUS io_create_device(struct io_driver *driver, const char *name, void *extension, struct io_device **device);
/* What NtCreateFile does once the device is known: a file object, made by the device's create operation. */
NTSTATUS io_create_on_device(struct io_device *device, struct io_create *create, struct io_file **file);
/* A file object on a device without a name walk (pipes, inherited descriptors). One reference to the caller. */
NTSTATUS io_create_file_object(struct io_device *device, ACCESS_MASK access, ULONG options, struct io_file **file);
/* Reference a file object by handle and check access. */
NTSTATUS io_reference_file(HANDLE handle, ACCESS_MASK access, struct io_file **file);

/* What is held of a file that is mapped or executed (control_area.c), with a reference; NULL: out of memory. */
struct io_control_area *io_control_area_of(struct io_file *file);
struct io_control_area *io_control_area_reference(struct io_control_area *area);
void io_control_area_dereference(struct io_control_area *area);
/* The file object that stands for it now, referenced. The next one that is asked for may be another. */
struct io_file *io_control_area_file(struct io_control_area *area);

/* What a driver says of a file that the executive or a subsystem holds itself: as NtQueryInformationFile, without a handle. */
NTSTATUS io_query_file(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size);
/* Where the next read begins; 0 of a file that has no position. */
LONGLONG io_file_position(struct io_file *file);
/* Common helpers for drivers that keep no position of their own. */
LONGLONG io_position(struct io_file *file);
void io_move_to(struct io_file *file, LONGLONG position);
NTSTATUS io_position_seek(struct io_file *file, LONGLONG offset, ULONG whence, LONGLONG end, LONGLONG *result);

/*
 * A bounce buffer of the calling thread, kept between calls; at least `size` bytes (bounded: IO_BOUNCE_MAXIMUM), aligned
 * to a page, or NULL.
 * It belongs to drivers, between their entry and return; nothing else may be called meanwhile that could use it.
 */
#define IO_BOUNCE_MAXIMUM 0x100000u
#define IO_BOUNCE_ALIGNMENT 4096u
void *io_bounce(size_t size);

#endif
