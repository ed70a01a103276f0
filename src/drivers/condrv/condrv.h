/*
 * Terminals: file objects on host terminal descriptors, \Device\ConDrv.
 *
 * The line discipline is the host's; whose terminal it is, and which guest process
 * group is in its foreground, is the LX subsystem's, since guests' sessions and
 * groups are not the host's. A terminal is known by a number, the same for both
 * sides of a pseudo-terminal; the console is the one that lxrun was started on.
 */
#ifndef CONDRV_CONDRV_H
#define CONDRV_CONDRV_H

#include <executive/io/io.h>

NTSTATUS condrv_initialize(void);
/* An inherited host terminal becomes a file object, which owns the descriptor from then on. STATUS_INVALID_DEVICE_REQUEST if it is no terminal; after any failure the caller keeps the descriptor. */
NTSTATUS condrv_adopt(int descriptor, struct io_file **file);
/* A driver's create has opened a host terminal by path: the file object is condrv's from then on, with the descriptor. */
NTSTATUS condrv_take(struct io_file *file, int descriptor);
/* Open the caller's controlling terminal anew for /dev/tty: ENXIO without one. */
NTSTATUS condrv_open_controlling(struct io_file *file, ULONG lx_flags);
/* The file object was opened by the name of another device (/dev/tty, /dev/ptmx): it shows that one's name and attributes. `name` must stay. */
struct condrv_guise {
	const char *name;
	FILE_LX_STATX_INFORMATION attributes;
};
void condrv_show_as(struct io_file *file, const struct condrv_guise *guise);
/* lxrun's own controlling terminal; 0: none. Its low half is the device number as Linux encodes it. */
ULONGLONG condrv_console(void);

/* What the LX subsystem decides; called without locks. */
struct condrv_job_control {
	/* The caller wants to read, or (`write`) to write or change the terminal: STATUS_SUCCESS, or what ends its call. */
	NTSTATUS (*check)(ULONGLONG terminal, bool write);
	/* The controlling terminal of the caller's session; 0: none. */
	ULONGLONG (*controlling)(void);
	/* A character that stands for a signal was typed; the host has echoed it and flushed the line. */
	void (*typed)(ULONGLONG terminal, LONG signal);
	/* The master is gone, and the host has hung the terminal up. */
	void (*hangup)(ULONGLONG terminal);
};
void condrv_set_job_control(const struct condrv_job_control *job_control);

/* The instance ended in good order: the console keeps the attributes that its programs gave it. */
void condrv_finish(void);

#endif
