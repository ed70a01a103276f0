/*
 * Files without a name that the host makes as the guest's calls would: memory files
 * and event counters. Their semantics (seals, semaphore mode, polling) are the
 * host's own; the file objects are hostfs'.
 */
#ifndef ANONFS_ANONFS_H
#define ANONFS_ANONFS_H

#include <executive/io/io.h>

/* memfd_create(2). `flags` are MFD_* without MFD_CLOEXEC; one reference to the caller. */
NTSTATUS anonfs_create_memory(const char *name, ULONG flags, struct io_file **file);
/* eventfd2(2). `flags` are EFD_SEMAPHORE and EFD_NONBLOCK. */
NTSTATUS anonfs_create_event(ULONG count, ULONG flags, struct io_file **file);

#endif
