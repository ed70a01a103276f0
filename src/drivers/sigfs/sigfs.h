/*
 * Files from which a subsystem's threads read their signals: signalfd(2).
 */
#ifndef SIGFS_SIGFS_H
#define SIGFS_SIGFS_H

#include <executive/io/io.h>
#include <stdint.h>

/* What a read gives for one signal: struct signalfd_siginfo of signalfd(2), which the source fills in. */
struct sigfs_record {
	uint8_t bytes[128];
};

/* Where signals come from; all of it is about the calling thread. */
struct sigfs_source {
	/* Take one of `signals` (signal n is bit n-1) that is pending; false: none is. */
	bool (*take)(uint64_t signals, struct sigfs_record *record);
	/* Those that are pending for it and its process. */
	uint64_t (*pending)(void);
	/* Woken when a signal comes; NULL: the thread can have none. */
	struct ke_wake_list *(*waiters)(void);
};

/* `flags` is O_NONBLOCK or 0; one reference to the caller. STATUS_NO_MEMORY. */
NTSTATUS sigfs_create(const struct sigfs_source *source, uint64_t signals, ULONG flags, struct io_file **file);
/* Another set; EINVAL if the file is none of these. */
NTSTATUS sigfs_change(struct io_file *file, uint64_t signals);

#endif
