/* Memory file systems: \Device\TmpFs-<instance>. */
#ifndef TMPFS_TMPFS_H
#define TMPFS_TMPFS_H

#include <executive/io/io.h>

NTSTATUS tmpfs_initialize(void);
/* A new, empty file system as the device \Device\TmpFs-<name>; `size` bytes at most, 0: half of the host's memory. */
NTSTATUS tmpfs_create_instance(const char *name, uint64_t size, struct io_device **device);

#endif
