/*
 * Files without a name that the host makes as the guest's calls would: memory files,
 * event counters and timers. Their semantics (seals, semaphore mode, polling) are the
 * host's own; the file objects are hostfs'.
 */
#ifndef ANONFS_ANONFS_H
#define ANONFS_ANONFS_H

#include <executive/io/io.h>

/* memfd_create(2). `flags` are MFD_* without MFD_CLOEXEC; one reference to the caller. */
NTSTATUS anonfs_create_memory(const char *name, ULONG flags, struct io_file **file);
/* eventfd2(2). `flags` are EFD_SEMAPHORE and EFD_NONBLOCK. */
NTSTATUS anonfs_create_event(ULONG count, ULONG flags, struct io_file **file);
/* timerfd_create(2). `flags` is TFD_NONBLOCK or 0. */
NTSTATUS anonfs_create_timer(LONG clock, ULONG flags, struct io_file **file);
/*
 * timerfd_settime(2), timerfd_gettime(2): the interval's seconds and nanoseconds, then those to the next expiry. EINVAL
 * if the file is no timer.
 */
NTSTATUS anonfs_set_timer(struct io_file *file, ULONG flags, const LONGLONG value[4], LONGLONG old[4]);
NTSTATUS anonfs_query_timer(struct io_file *file, LONGLONG value[4]);

#endif
