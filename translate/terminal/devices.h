/*
 * Where the LX subsystem meets the drivers that it fills: the console's job
 * control, the content of /proc.
 */
#ifndef TRANSLATE_DEVICES_H
#define TRANSLATE_DEVICES_H

#include <core/lx.h>

/* Once, before the first guest runs; the drivers have been started. */
void lx_devices_initialize(void);

/* A kernel handle to \Device\Afd, through which any file object is polled; NULL when it can't be opened. */
HANDLE lx_afd_device(void);
/* anonymous.c: a descriptor for a new file object, whose reference is consumed; -LX_EMFILE, -LX_ENOMEM. */
int64_t lx_fd_install_file(struct lx_call *call, struct io_file *file, bool close_on_exec);
/* Install two handles at once as pipe(2) does: descriptors to the guest, all or nothing. Handles are consumed. */
int64_t lx_fd_install_pair(struct lx_call *call, const HANDLE handles[2], bool close_on_exec, struct lx_uptr to);

void lx_tty_initialize(void);
void lx_procfs_initialize(void);

#endif
