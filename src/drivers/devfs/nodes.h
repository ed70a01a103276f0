/* Inside devfs: the nodes and the devices behind them. */
#ifndef DEVFS_NODES_H
#define DEVFS_NODES_H

#include <drivers/fsrtl/fsrtl.h>

/* A character device of lxrun's own: what differs from "always ready, nothing to control". */
struct devfs_device {
	NTSTATUS (*read)(const struct io_buffer *buffer, ULONG_PTR *information);
	NTSTATUS (*write)(const struct io_buffer *buffer, ULONG_PTR *information);
	bool seekable;   /* lseek answers 0 or a position, instead of ESPIPE */
	bool zero_pages; /* may be mapped: fresh memory */
	NTSTATUS (*ioctl)(ULONG request, void *data, ULONG size, ULONG *used);
	ULONG poll_events; /* what it is ready for */
	ULONG splice_ends; /* IO_SPLICE_* */
	struct io_async_list *async; /* who has asked for a signal; NULL: nobody may */
};

struct devfs_node {
	const char *name;
	ULONG mode;       /* type and permissions */
	ULONG major, minor;
	const char *target; /* of a symbolic link */
	const struct devfs_device *device;
	/* Instead: the file object becomes another driver's. */
	NTSTATUS (*open)(struct io_file *file, ULONG lx_flags);
};

extern const struct devfs_node devfs_nodes[];
extern const size_t devfs_node_count;

#endif
