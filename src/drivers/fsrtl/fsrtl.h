/*
 * File system run-time library: what every driver with files of its own needs,
 * after NT's FsRtl. Attributes are kept once, as a FILE_LX_STATX_INFORMATION,
 * and shown in NT's classes from there; access is checked by Linux' rules on the
 * caller's token; directory records are packed in one place.
 *
 * Nothing here locks: the caller holds whatever guards the attributes.
 */
#ifndef FSRTL_FSRTL_H
#define FSRTL_FSRTL_H

#include <executive/io/io.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

#define FSRTL_READ 4u
#define FSRTL_WRITE 2u
#define FSRTL_EXECUTE 1u

/* File type bits of st_mode, and the d_type values that belong to them. */
#define FSRTL_S_IFMT 0170000u
#define FSRTL_S_IFIFO 0010000u
#define FSRTL_S_IFCHR 0020000u
#define FSRTL_S_IFDIR 0040000u
#define FSRTL_S_IFBLK 0060000u
#define FSRTL_S_IFREG 0100000u
#define FSRTL_S_IFLNK 0120000u
#define FSRTL_S_IFSOCK 0140000u

/* Status flags that F_SETFL may change, and those that a file object keeps. */
#define FSRTL_O_APPEND 02000u
#define FSRTL_O_NONBLOCK 04000u
#define FSRTL_O_ASYNC 020000u
#define FSRTL_O_DIRECT 040000u
#define FSRTL_O_LARGEFILE 0100000u
#define FSRTL_O_DIRECTORY 0200000u
#define FSRTL_O_NOATIME 01000000u
#define FSRTL_O_PATH 010000000u
#define FSRTL_O_TMPFILE 020000000u
#define FSRTL_STATUS_FLAGS (FSRTL_O_APPEND | FSRTL_O_NONBLOCK | FSRTL_O_ASYNC | FSRTL_O_DIRECT | FSRTL_O_NOATIME)
/* O_ASYNC changes by FSCTL_LX_ASYNC alone. */
#define FSRTL_SETTABLE_FLAGS (FSRTL_STATUS_FLAGS & ~FSRTL_O_ASYNC)

#define FSRTL_CAP_CHOWN 0
#define FSRTL_CAP_DAC_OVERRIDE 1
#define FSRTL_CAP_DAC_READ_SEARCH 2
#define FSRTL_CAP_FOWNER 3
#define FSRTL_CAP_FSETID 4
#define FSRTL_CAP_SYS_ADMIN 21
#define FSRTL_CAP_SETFCAP 31
#define FSRTL_CAP_SYS_RESOURCE 24

/* STATX_BASIC_STATS */
#define FSRTL_STATX_BASIC 0x7ffu
#define FSRTL_STATX_BTIME 0x800u
#define FSRTL_STATX_ATTR_MOUNT_ROOT 0x2000u

/* The status that carries a host or Linux errno. */
#define FSRTL_ERRNO(error) nt_status_from_errno(error)

/* Before the host opens something that a guest keeps: STATUS_SUCCESS, or ENFILE when what is left is for others. And its number, afterwards. */
NTSTATUS fsrtl_spare_descriptor(void);
void fsrtl_note_descriptor(int descriptor);
/* When the host has not given one: EMFILE of lxrun is the ENFILE of guests. */
NTSTATUS fsrtl_refused_descriptor(int error);

FILE_LX_TIME fsrtl_now(void);
/* Owner, times and link count of a new file that the caller makes; `mode` has type bits. Of no device: see fsrtl_place_in(). */
void fsrtl_init_attributes(FILE_LX_STATX_INFORMATION *attributes, ULONG mode, ULONGLONG inode);

/* The host's statx(2) of a file: the arguments are the call's. */
NTSTATUS fsrtl_query_host(int fd, const char *name, int flags, FILE_LX_STATX_INFORMATION *answer);

/* The same for what a FileLxStatxWantedInformation asks for, and what that is: everything lxrun knows, of any other class. */
NTSTATUS fsrtl_query_host_for(int fd, const char *name, int flags, ULONG wanted, FILE_LX_STATX_INFORMATION *answer);
ULONG fsrtl_statx_wanted(FILE_INFORMATION_CLASS class, const void *data, ULONG size);

/* A file system of the host's, in which a driver shows files of its own. */
struct fsrtl_file_system {
	ULONG mask; /* STATX_MNT_ID, STATX_MNT_ID_UNIQUE, STATX_BTIME: what its files have */
	ULONG major, minor;
	ULONGLONG mount, unique_mount, attributes_mask;
};
/* The one that holds a path, pipes, or anonymous inodes; where the host has none, a device 0:`minor` that is mounted nowhere. */
struct fsrtl_file_system fsrtl_file_system_at(const char *path, ULONG minor);
struct fsrtl_file_system fsrtl_file_system_of_pipes(ULONG minor);
struct fsrtl_file_system fsrtl_file_system_of_anonymous(ULONG minor);
void fsrtl_place_in(FILE_LX_STATX_INFORMATION *attributes, const struct fsrtl_file_system *where);

/* One of NT's or lxrun's attribute classes out of the attributes; STATUS_INVALID_INFO_CLASS for any other class. */
NTSTATUS fsrtl_query_attributes(const FILE_LX_STATX_INFORMATION *attributes, FILE_INFORMATION_CLASS class, void *data,
				ULONG size, ULONG_PTR *information);
/* The status flags of an open into file->lx_flags; O_LARGEFILE for what open(2) opened, as F_GETFL shows it. */
void fsrtl_keep_flags(struct io_file *file, const struct io_create *create);
/* O_RDONLY, O_WRONLY or O_RDWR, as the file was opened. */
ULONG fsrtl_access_mode(const struct io_file *file);
/* FileLxStatusFlagsInformation kept in file->lx_flags, with the access mode. */
NTSTATUS fsrtl_query_status_flags(struct io_file *file, void *data, ULONG size, ULONG_PTR *information);
NTSTATUS fsrtl_set_status_flags(struct io_file *file, const void *data, ULONG size);
/* The same for what has no direct transfers: O_DIRECT is EINVAL. */
NTSTATUS fsrtl_set_buffered_flags(struct io_file *file, const void *data, ULONG size);
/* FileLxMode, FileLxOwner, FileLxTimes and FileBasic, with Linux' permission rules. */
NTSTATUS fsrtl_set_attributes(FILE_LX_STATX_INFORMATION *attributes, FILE_INFORMATION_CLASS class, const void *data,
			      ULONG size);
/* A FILE_NAME_INFORMATION; STATUS_BUFFER_OVERFLOW when it does not fit. */
NTSTATUS fsrtl_return_name(const char *name, size_t length, void *data, ULONG size, ULONG_PTR *information);
/* FSCTL_GET_REPARSE_POINT's answer for a symbolic link; STATUS_BUFFER_TOO_SMALL when it does not fit. */
NTSTATUS fsrtl_return_link(const char *target, size_t length, void *data, ULONG size, ULONG_PTR *information);
/* Copy a whole fixed-size answer out: STATUS_INFO_LENGTH_MISMATCH if there is no room. */
NTSTATUS fsrtl_return(const void *answer, size_t answer_size, void *data, ULONG size, ULONG_PTR *information);

/* FSCTL_LX_ASYNC for a file whose readiness is a host description's: the host's signals are passed on. */
NTSTATUS fsrtl_control_async(struct io_file *file, int descriptor, const void *input, ULONG input_size);
/* Until those have been told who are to know of what the caller has done: natively it is so when a call returns. */
void fsrtl_async_settle(void);
/* The description's O_ASYNC, for those who set its other flags. */
int fsrtl_async_flag(struct io_file *file);

/* The calling thread's token; NULL for a supervisor thread without one, which may do everything. */
const struct se_token *fsrtl_token(void);
bool fsrtl_capable(unsigned capability);
/* ... any of a mask of them. */
bool fsrtl_capable_of_any(uint64_t capabilities);
bool fsrtl_is_owner(const FILE_LX_STATX_INFORMATION *attributes);
/* May the caller have `wanted` (FSRTL_READ | ...)? generic_permission() of Linux. */
bool fsrtl_permitted(const FILE_LX_STATX_INFORMATION *attributes, unsigned wanted);
/* FSRTL_* bits that an access mask asks for. */
unsigned fsrtl_wanted(ACCESS_MASK access);

#define FSRTL_XATTR_NAME_MAX 255u
/* Sizes that a value of "security.capability" may have. */
#define FSRTL_XATTR_CAPABILITIES_2 20u
#define FSRTL_XATTR_CAPABILITIES_3 24u

/* A request for an extended attribute; no name in FSCTL_LX_LIST_XATTR. */
struct fsrtl_xattr {
	ULONG code, size, flags;
	const void *value;
	char name[FSRTL_XATTR_NAME_MAX + 1];
};
/* Is it one of the four codes? */
bool fsrtl_is_xattr(ULONG code);
NTSTATUS fsrtl_parse_xattr(ULONG code, const void *input, ULONG input_size, struct fsrtl_xattr *request);
/*
 * May the caller ask this of the file, and can there be such an attribute? `kept`: its file system keeps user, trusted and
 * security attributes and access control lists (of which lxrun's never have any), as Linux' memory file systems do; else none.
 */
NTSTATUS fsrtl_check_xattr(const FILE_LX_STATX_INFORMATION *file, const struct fsrtl_xattr *request, bool kept);
bool fsrtl_is_acl(const char *name);
/* The whole answer for a file that has no attributes at all; *information of a list stays 0. */
NTSTATUS fsrtl_refuse_xattr(const FILE_LX_STATX_INFORMATION *file, bool kept, ULONG code, const void *input, ULONG input_size);

/* NtQueryDirectoryFile's output being filled. */
struct fsrtl_directory_writer {
	UCHAR *data;
	size_t size, used;
	size_t shown; /* bytes of linux_dirent64 records so far: at most size / 4, see io_driver_operations */
	FILE_ID_EXTD_DIR_INFORMATION *last;
};
struct fsrtl_directory_entry {
	const char *name;
	size_t name_length;
	ULONGLONG inode, cookie; /* the position behind the entry */
	ULONG mode;              /* type bits */
};
/* What a record says of an entry of these type bits; 0 for both where the type is unknown. */
ULONG fsrtl_entry_attributes(ULONG mode);
ULONG fsrtl_reparse_tag(ULONG mode);
/* False when there is no room for the entry. */
bool fsrtl_add_entry(struct fsrtl_directory_writer *writer, const struct fsrtl_directory_entry *entry);

/* Split the first component off `name`; false at the end. Empty components are skipped. */
bool fsrtl_next_component(STRING *name, STRING *component);
/* A component is missing before `rest`: STATUS_OBJECT_NAME_NOT_FOUND if it was the last one, else _PATH_NOT_FOUND. */
NTSTATUS fsrtl_missing(STRING rest);
bool fsrtl_name_is(const STRING *name, const char *text);

#endif
