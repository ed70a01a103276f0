/* Pipes: \Device\NamedPipe. What a pipe can do beyond read and write is in its file-system controls. */
#ifndef NPFS_NPFS_H
#define NPFS_NPFS_H

#include <executive/io/io.h>

/* Register the driver and its device. */
NTSTATUS npfs_initialize(void);
/* Is this an end of a pipe? What splice(2) asks. */
bool npfs_is_pipe(const struct io_file *file);

#endif
