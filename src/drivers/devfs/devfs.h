/* /dev: \Device\DevFs, a fixed directory of the devices that every program expects. */
#ifndef DEVFS_DEVFS_H
#define DEVFS_DEVFS_H

#include <executive/io/io.h>

NTSTATUS devfs_initialize(void);

#endif
