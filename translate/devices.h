/*
 * Where the LX subsystem meets the drivers that it fills: the console's job
 * control, the content of /proc.
 */
#ifndef TRANSLATE_DEVICES_H
#define TRANSLATE_DEVICES_H

#include <process.h>

/* Register npfs, condrv, devfs, tmpfs and procfs with the I/O manager, and what LX puts into them. Once, before mounts. */
NTSTATUS lx_devices_initialize(void);

/* A kernel handle to \Device\Afd, through which any file object is polled; NULL when it can't be opened. */
HANDLE lx_afd_device(void);
/* The same file object as `handle`, which another device's handle is not: 0 or -LX_EBADF. */
int64_t lx_fd_file(struct lx_call *call, int32_t fd, ACCESS_MASK access, struct io_file **file);
/* Install two handles at once as pipe(2) does: descriptors to the guest, all or nothing. Handles are consumed. */
int64_t lx_fd_install_pair(struct lx_call *call, const HANDLE handles[2], bool close_on_exec, struct lx_uptr to);

void lx_tty_initialize(void);
void lx_procfs_initialize(void);

#endif
