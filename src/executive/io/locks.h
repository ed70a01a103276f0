/*
 * Advisory locks of a file: POSIX and open-file-description record locks, and
 * flock(2). For drivers whose files are lxrun's own: hostfs takes them on the host.
 *
 * Lock: io_lock_list.lock guards its list; the global lock over who waits for whom
 * (deadlock detection) may be taken under it.
 */
#ifndef IO_LOCKS_H
#define IO_LOCKS_H

#include <executive/io/io.h>

struct io_lock;

struct io_lock_list {
	struct rtl_lock lock;
	TAILQ_HEAD(, io_lock) records; /* by start; those of one owner never overlap */
	TAILQ_HEAD(, io_lock) whole;   /* flock */
	struct ke_wake_list waiters;
};

void io_lock_list_init(struct io_lock_list *list);
/* Nobody holds or waits for a lock any more. */
void io_lock_list_destroy(struct io_lock_list *list);

/*
 * fcntl(2) F_GETLK .. F_OFD_SETLKW for `file`, whose position and size resolve the
 * range. EAGAIN, EDEADLK, EINVAL, EOVERFLOW, EBADF, ENOLCK as statuses, or
 * STATUS_USER_APC.
 */
NTSTATUS io_lock_record(struct io_lock_list *list, struct io_file *file, LONGLONG size,
			FSCTL_LX_RECORD_LOCK_BUFFER *buffer);
/* flock(2): LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB. */
NTSTATUS io_lock_whole(struct io_lock_list *list, struct io_file *file, ULONG operation);
/* Drop everything that the file object holds, when it goes. */
void io_lock_release_file(struct io_lock_list *list, struct io_file *file);

#endif
