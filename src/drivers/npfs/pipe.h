/*
 * A pipe: a ring of slots of at most one page each, as the Linux kernel keeps it,
 * because capacity, atomicity and merging can be observed by programs.
 *
 * Invariants: head - tail <= slot_count; the slots tail..head-1 hold at least one
 * byte each (a packet may hold none); `readers` and `writers` count open file
 * objects, not handles.
 *
 * Lock: npfs_pipe.lock guards everything but the wake lists, and is let go while a guest's memory is copied or another
 * file is read or written, for any of which may take as long as somebody else likes. Meanwhile `taking` keeps the oldest
 * slots where they are for who empties them: the next one who wants to take some waits for it, and can be killed, while
 * those who write, poll and close go on. Who fills slots needs no such turn: it fetches first, and what is there is put in
 * as one piece, so that a write of PIPE_BUF is atomic; one that must not find the pipe full afterwards, because
 * what a splice has read can't be given back, has `reserved` the slots.
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
	uint32_t reserved; /* free slots that splices are about to fill: head - tail + reserved <= slot_count */
	struct ke_turn taking;
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

/* Slots that may be filled. */
static inline uint32_t npfs_free_slots(const struct npfs_pipe *pipe)
{
	return pipe->slot_count - (pipe->head - pipe->tail) - pipe->reserved;
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
/*
 * The turn of who takes slots out. The lock is held, and let go if somebody else has the turn. False: the thread is to end.
 * Who let the lock go meanwhile takes something out only if it still has the turn (ke_has_turn).
 */
bool npfs_begin_taking(struct npfs_pipe *pipe);
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
