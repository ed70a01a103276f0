/*
 * Signal-driven input and output (O_ASYNC, fcntl(2)): a file object that has asked for it is in the list of what its
 * readiness depends on, and whoever changes that tells the list, as it wakes who polls. Whom the signal is for, and how it
 * is sent, is the LX subsystem's: its routine is called for each file object in the list, without a lock.
 *
 * A list that nobody is in costs who tells it one load.
 */
#ifndef IO_ASYNC_H
#define IO_ASYNC_H

#include <executive/io/io.h>

/* What has happened: si_code's POLL_*. */
enum io_async_reason {
	IO_ASYNC_IN = 1,
	IO_ASYNC_OUT,
	IO_ASYNC_MESSAGE,
	IO_ASYNC_ERROR,
	IO_ASYNC_PRIORITY,
	IO_ASYNC_HANGUP,
	IO_ASYNC_UNKNOWN, /* somewhere; what a queue that ran over leaves */
};

/* F_SETOWN, F_SETOWN_EX, F_SETSIG: LX's words, kept here because they belong to the open file description. */
struct io_owner {
	int32_t kind, id; /* id 0: nobody */
	uint64_t birth;   /* of a process: its start, for the number may be another's later */
	uint32_t uid, euid; /* who named the owner */
	int32_t signal;
};

struct io_async_list {
	struct rtl_lock lock; /* guards the entries; under it: an owner's lock */
	_Atomic uint32_t count;
	LIST_HEAD(, io_async_entry) entries;
};

struct io_async_entry {
	LIST_ENTRY(io_async_entry) link;
	struct io_async_list *list; /* NULL: in none */
	struct io_file *file;
	int32_t descriptor; /* si_fd: what the file was called when it asked */
	int host;	    /* the host's descriptor whose signals are meant, for a list of those; else -1 */
};

/* What a file object has once one of the calls above was made for it. */
struct io_async {
	struct rtl_lock lock; /* guards the owner; a leaf */
	struct io_owner owner;
	struct io_async_entry entries[2]; /* a pipe that is read and written is in two lists */
};

struct io_async_notice {
	struct io_owner owner;
	int32_t descriptor;
	enum io_async_reason reason;
};

#define IO_ASYNC_LIST_INITIALIZER {.lock = RTL_LOCK_INITIALIZER}

void io_async_list_init(struct io_async_list *list);
/* Into a list, with the entry `which`; the status flags then show O_ASYNC. The descriptor is one of the host's, or -1. */
NTSTATUS io_async_join(struct io_async_list *list, unsigned which, struct io_file *file, int32_t descriptor, int host);
/* Out of all lists. */
void io_async_leave(struct io_file *file);
/* Each file of the list, the latest first; of those of the host's descriptor `host`, unless that is -1. */
void io_async_tell_some(struct io_async_list *list, enum io_async_reason reason, int host);

static inline void io_async_tell(struct io_async_list *list, enum io_async_reason reason)
{
	if (unlikely(atomic_load_explicit(&list->count, memory_order_relaxed)))
		io_async_tell_some(list, reason, -1);
}

/* The owner as it is. `once`: one that there is already stays. The signal is kept apart. */
struct io_owner io_async_owner(struct io_file *file);
NTSTATUS io_async_set_owner(struct io_file *file, const struct io_owner *owner, bool once);
NTSTATUS io_async_set_signal(struct io_file *file, int32_t signal);

/* Who is told; set once, at start. */
void io_async_set_routine(void (*routine)(const struct io_async_notice *notice));

/* The end of a file object. */
void io_async_forget(struct io_file *file);

#endif
