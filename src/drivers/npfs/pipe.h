/*
 * A pipe: a ring of slots of at most one page each, as the Linux kernel keeps it,
 * because capacity, atomicity and merging can be observed by programs.
 *
 * Invariants: head - tail <= slot_count; the slots tail..head-1 hold at least one
 * byte each (a packet may hold none); `readers` and `writers` count open file
 * objects, not handles.
 *
 * Lock: npfs_pipe.lock guards everything but the wake lists, and is let go while a splice
 * reads or writes another file, which may sleep: `taken` and `given` keep the pipe's ends for it; copies from and to a
 * guest are made under it, as they must be for a write of PIPE_BUF to be atomic.
 * The two-pipe operations take both locks in the order of addresses.
 */
#ifndef NPFS_PIPE_H
#define NPFS_PIPE_H

#include <drivers/fsrtl/fsrtl.h>
#include <drivers/npfs/npfs.h>
#include <executive/io/async.h>

#define NPFS_PAGE 4096u
#define NPFS_DEFAULT_SLOTS 16u
#define NPFS_FEWEST_SLOTS 2u /* of a new pipe whose user has too many */
#define NPFS_SLOT_MERGE 1u  /* the next small write may be appended */
#define NPFS_SLOT_PACKET 2u /* O_DIRECT: one read takes it, whole or cut */

struct npfs_slot {
	UCHAR *page; /* NPFS_PAGE bytes */
	uint32_t offset, length, flags;
};

struct npfs_pipe {
	struct rtl_lock lock;
	struct npfs_slot *slots; /* slot_count of them, a power of two */
	uint32_t slot_count;
	uint32_t head, tail;
	uint32_t readers, writers, files;
	uint32_t uid; /* whose slots they are: its maker's */
	/* A splice takes slots out or puts some in, the lock let go meanwhile: nobody else does, but poll and close need not wait. */
	bool taken, given;
	UCHAR *spare[2]; /* pages kept for the next write */
	FILE_LX_STATX_INFORMATION attributes;
	struct ke_wake_list read_waiters, write_waiters, pollers;
	struct io_async_list async_readers, async_writers; /* told without the lock, as the kernel does it */
	_Atomic uint32_t poller_seen; /* somebody has registered for polling: wake them too */
};

static inline bool npfs_empty(const struct npfs_pipe *pipe)
{
	return pipe->head == pipe->tail;
}

static inline bool npfs_full(const struct npfs_pipe *pipe)
{
	return pipe->head - pipe->tail >= pipe->slot_count;
}

static inline struct npfs_slot *npfs_slot(struct npfs_pipe *pipe, uint32_t index)
{
	return &pipe->slots[index & (pipe->slot_count - 1)];
}

/* A pipe of the caller's, counted against what its user may have. */
NTSTATUS npfs_create_pipe(struct npfs_pipe **pipe);
void npfs_free_pipe(struct npfs_pipe *pipe);
UCHAR *npfs_take_page(struct npfs_pipe *pipe);
void npfs_put_page(struct npfs_pipe *pipe, UCHAR *page);
/* Append a filled page as a slot; there is a free one. */
void npfs_push(struct npfs_pipe *pipe, UCHAR *page, uint32_t length, uint32_t flags);
/* Take `count` bytes off the oldest slot; it goes when it is empty. */
void npfs_consume(struct npfs_pipe *pipe, uint32_t count);
ULONG npfs_readable_bytes(struct npfs_pipe *pipe);
/* FSCTL_LX_PIPE_SIZE: bytes wanted -> bytes of the new capacity. */
NTSTATUS npfs_resize(struct npfs_pipe *pipe, ULONG wanted, ULONG *capacity);

/* quota.c: the host's limits, once; a new pipe's slots, which it settles (0 if it fails); another number of slots, and back; no pipe any more. */
void npfs_read_limits(void);
NTSTATUS npfs_charge_new(struct npfs_pipe *pipe);
NTSTATUS npfs_charge_resize(struct npfs_pipe *pipe, uint32_t slots);
void npfs_discharge_resize(struct npfs_pipe *pipe, uint32_t slots);
void npfs_discharge(struct npfs_pipe *pipe);

/* Wake those who wait for data, or for room. */
void npfs_wake_readers(struct npfs_pipe *pipe);
void npfs_wake_writers(struct npfs_pipe *pipe);
void npfs_wake_everybody(struct npfs_pipe *pipe);
/*
 * Sleep with the lock held (released meanwhile) until the pipe changes in the
 * wanted direction: STATUS_SUCCESS, or why an alertable wait ended.
 */
NTSTATUS npfs_wait(struct npfs_pipe *pipe, struct ke_wake_list *list, bool (*ready)(const struct npfs_pipe *pipe));
bool npfs_ready_to_read(const struct npfs_pipe *pipe);
bool npfs_ready_to_write(const struct npfs_pipe *pipe);

NTSTATUS npfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		   ULONG_PTR *information);
NTSTATUS npfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		    ULONG_PTR *information);
/* FSCTL_LX_SPLICE. */
NTSTATUS npfs_splice(struct io_file *file, const FSCTL_LX_SPLICE_INPUT *input, ULONG_PTR *information);

#endif
