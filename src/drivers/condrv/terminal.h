/* Inside condrv: terminal controls on a host descriptor. */
#ifndef CONDRV_TERMINAL_H
#define CONDRV_TERMINAL_H

#include <drivers/fsrtl/fsrtl.h>

bool condrv_is_console(int descriptor);
/* May the caller read, or write to and change, this terminal now? */
NTSTATUS condrv_check(int descriptor, bool write);
/* FSCTL_LX_IOCTL on a terminal. */
NTSTATUS condrv_ioctl(int descriptor, const void *input, ULONG input_size, void *output, ULONG output_size,
		      ULONG_PTR *information);

#endif
