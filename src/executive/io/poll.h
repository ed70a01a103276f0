/*
 * What a poll waits for: wake lists of file objects and host descriptors, as
 * the drivers' poll operations add them. Filled by one thread for itself; the
 * wake entries are queued as soon as they are added, so that no change after
 * the sampling is lost.
 */
#ifndef IO_POLL_H
#define IO_POLL_H

#include <executive/io/io.h>

struct io_poll_host {
	int descriptor;
	ULONG events;
	ULONG index; /* of the request's handle that it belongs to */
};

struct io_poll_table {
	struct ke_wake_entry **entries;
	size_t entry_count, entry_capacity;
	struct io_poll_host *hosts;
	size_t host_count, host_capacity;
	ULONG current;	    /* index given to host descriptors added now */
	bool out_of_memory; /* something could not be added */
};

void io_poll_initialize(struct io_poll_table *table);
/* Leave all wake lists, forget the host descriptors; the memory stays for another round. */
void io_poll_reset(struct io_poll_table *table);
void io_poll_destroy(struct io_poll_table *table);

#endif
