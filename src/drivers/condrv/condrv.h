/*
 * The user's terminal: file objects on host terminal descriptors, \Device\ConDrv.
 *
 * The line discipline is the host's; which guest process group is in the
 * foreground is the LX subsystem's, since guests' groups are not the host's.
 */
#ifndef CONDRV_CONDRV_H
#define CONDRV_CONDRV_H

#include <executive/io/io.h>

NTSTATUS condrv_initialize(void);
/* An inherited host terminal becomes a file object, which owns the descriptor from then on; the first is the console. STATUS_INVALID_DEVICE_REQUEST if it is no terminal: the caller keeps the descriptor. */
NTSTATUS condrv_adopt(int descriptor, struct io_file **file);
/* A driver's create has opened a host terminal by path: the file object is condrv's from then on, with the descriptor. */
NTSTATUS condrv_take(struct io_file *file, int descriptor);
/* Open the console anew for /dev/tty: ENXIO without one. */
NTSTATUS condrv_open_console(struct io_file *file, ULONG lx_flags);
/* Which terminal the console is, as st_rdev; 0: none. For /proc/<pid>/stat. */
dev_t condrv_console_number(void);

/* What the LX subsystem decides; called without locks before a transfer on the console. */
struct condrv_job_control {
	/* The caller wants to read, or (`write`) to write or change the terminal: STATUS_SUCCESS, or what ends its call. */
	NTSTATUS (*check)(bool write);
	/* Does the caller's session have the console? */
	bool (*has_console)(void);
};
void condrv_set_job_control(const struct condrv_job_control *job_control);

/* Put the console's attributes back to what they were at start. Async-signal-safe: for a supervisor that dies; a guest that ends leaves them as it set them, as natively. */
void condrv_restore(void);

#endif
