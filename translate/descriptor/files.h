/*
 * Descriptors: numbers of a process' table (CLONE_FILES) that refer to open file descriptions.
 *
 * In NT's words a descriptor is a handle and an open file description a FILE_OBJECT: dup(2) makes a second handle to
 * one object, so that offset and status flags are shared, and fork copies a table of handles. But a handle is a name,
 * and a name can be given to something else while a call is under way. So an entry is a reference: it holds the file
 * object and the access that it was opened with, a call takes its reference once and keeps it to its end, and the NT
 * handle is what traces and --objects show. dup2(2) exchanges what an entry refers to: whoever looks at the same moment
 * gets the old file or the new one, as in Linux, and never EBADF.
 *
 * POSIX record locks go when any descriptor of their file is closed in the table (lx_files_lock_owner); flock(2)'s and
 * open file description locks belong to the file object. An O_PATH descriptor refers to an object that grants no
 * access.
 *
 * Locks: an lx_files' own for who changes the table, an entry's bit, the last of all, for the moment in which a lookup
 * adds its reference (fd.c). What a descriptor is to fcntl(2) and ioctl(2) is found here; what is done with a file's
 * content is in file/, waiting for it in event/.
 */
#ifndef TRANSLATE_FILES_H
#define TRANSLATE_FILES_H

#include <core/lx.h>

struct lx_files *lx_files_create(void);
struct lx_files *lx_files_reference(struct lx_files *files);
/* The last dereference closes every descriptor. `owner`: POSIX record locks of it on those files are dropped. */
void lx_files_dereference(struct lx_files *files);
/* A table that no other thread shares loses all descriptors before its end: its thread hangs. Any thread. */
void lx_files_close_all(struct lx_files *files);
/* fork: a copy with the same descriptors. NULL: out of memory. */
struct lx_files *lx_files_clone(struct lx_files *files);
struct ob_handle_table *lx_files_handles(struct lx_files *files);
/* exec: the caller's table is its own from here on, without the descriptors marked close-on-exec. False: there is no memory for it. */
bool lx_files_close_on_exec(struct lx_call *call);
/* The calling thread gets a table of its own if it shares one: unshare(CLONE_FILES), exec. 0 or -LX_ENOMEM. */
int64_t lx_files_unshare(struct lx_call *call);
/*
 * The owner of POSIX record locks that the caller takes; asked for before a lock is taken, for from then on every
 * descriptor that is closed in this table drops the owner's locks on its file (FSCTL_LX_RECORD_LOCK, F_UNLCK of all).
 */
PVOID lx_files_lock_owner(struct lx_call *call);

/*
 * The file behind a descriptor of the caller, O_PATH or not, or -LX_EBADF. It is looked up once in a call: until the call's
 * end it stays open, its handle means it, and another lookup of the number gives the same.
 */
int64_t lx_fd_object(struct lx_call *call, int32_t fd, struct lx_stream *stream);
/* The same of a descriptor that is no O_PATH one and grants one of `access` (0: any), or -LX_EBADF. */
int64_t lx_fd_stream(struct lx_call *call, int32_t fd, ACCESS_MASK access, struct lx_stream *stream);
/* For who needs the handle alone. O_PATH descriptors are refused unless allow_path. */
int64_t lx_fd_handle(struct lx_call *call, int32_t fd, bool allow_path, HANDLE *handle);
/* The end of a call with a result; the result. */
int64_t lx_fd_end_call(struct lx_call *call, int64_t result);
/* The end of a call, or of the table that it looked descriptors up in. */
void lx_fd_let_go(struct lx_call *call);
/* Give the caller the lowest free descriptor >= minimum for `handle` (consumed also on failure): fd or -LX_EMFILE. */
int64_t lx_fd_install(struct lx_call *call, HANDLE handle, bool close_on_exec, int32_t minimum);
/* For a new file object, whose reference is consumed; -LX_EMFILE, -LX_ENOMEM. */
int64_t lx_fd_install_file(struct lx_call *call, struct io_file *file, bool close_on_exec);
/* pipe.c: two handles at once as pipe(2) does: descriptors to the guest, all or nothing. Handles are consumed. */
int64_t lx_fd_install_pair(struct lx_call *call, const HANDLE handles[2], bool close_on_exec, struct lx_uptr to);
/*
 * lx_fd_install() in two steps, so that running out of descriptors is noticed before anything is opened: a reserved descriptor
 * is taken but answers EBADF until it is filled with a handle, or given back with lx_fd_release().
 */
int64_t lx_fd_reserve(struct lx_call *call, int32_t minimum, bool close_on_exec);
void lx_fd_fill(struct lx_call *call, int32_t fd, HANDLE handle, bool is_path);
void lx_fd_release(struct lx_call *call, int32_t fd);
int64_t lx_fd_close(struct lx_call *call, int32_t fd);
/*
 * For /proc/<pid>/fd and its like, of any task's table: the lowest open descriptor >= *fd, its file (referenced) and its
 * mark where they are asked for. False: there is none.
 */
bool lx_files_next(struct lx_files *files, int32_t *fd, struct io_file **file, bool *close_on_exec);
/* Goes up whenever a number comes to mean another file, or none. */
uint32_t lx_files_changes(struct lx_files *files);
/* The size of the table, as select(2) and /proc/<pid>/status know it: no descriptor lies beyond it. */
uint32_t lx_files_capacity(struct lx_files *files);
/* At start: adopt the host descriptors 0, 1, 2 and further inherited ones. */
NTSTATUS lx_files_adopt_host(struct lx_files *files);

#endif
