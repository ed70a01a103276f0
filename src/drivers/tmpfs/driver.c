/* \Driver\TmpFs: instances are devices that tmpfs_create_instance() makes; there is none at start. */
#include <drivers/tmpfs/tmpfs.h>

static const struct io_driver_operations tmpfs_operations;
static struct io_driver tmpfs_driver = {.name = "TmpFs", .operations = &tmpfs_operations};

NTSTATUS tmpfs_initialize(void)
{
	return io_register_driver(&tmpfs_driver);
}
