/*
 * Reading and writing a pipe: pipe_read() and pipe_write() of the kernel, rule for
 * rule. Who reads keeps the turn (pipe.h: taking) while the lock is let go for the copy
 * to the caller, and takes out what arrived there. Who writes fetches as much as there is room for, without
 * the lock, and puts it in at once. Several slots go by way of the thread's bounce buffer: reaching into another
 * address space costs more than copying a page once again (64 KiB in and out: 40 us instead of 50).
 */
#include <errno.h>
#include <sys/uio.h>

#include <drivers/npfs/pipe.h>

#define BOUNCE_SIZE 65536u

/* O_NONBLOCK of the end, or RWF_NOWAIT of the call. */
static bool non_blocking(struct io_file *file, ULONG flags)
{
	return flags & RWF_NOWAIT ||
	       atomic_load_explicit(&file->lx_flags, memory_order_relaxed) & FSRTL_O_NONBLOCK;
}

/* The outcome of a transfer that stopped with `reason` after `done` bytes: what was done counts first. */
static NTSTATUS outcome(size_t done, NTSTATUS reason, ULONG_PTR *information)
{
	*information = done;
	return done ? STATUS_SUCCESS : reason;
}

struct reading {
	const struct io_buffer *buffer;
	size_t total, done;
	bool made_room; /* the pipe was full and no longer is, and no writer knows yet */
	bool packet_read;
};

/* Bytes of the oldest slots that go to the caller by one copy. */
struct piece {
	const UCHAR *data;
	size_t size;
};

/* Whole slots, none of them a packet, that fit into what is left of the read; at most `most` bytes. */
static uint32_t count_whole_slots(struct npfs_pipe *pipe, const struct reading *reading, size_t most, size_t *bytes)
{
	uint32_t count = 0;

	*bytes = 0;
	most = MIN_OF(most, reading->total - reading->done);
	while (pipe->tail + count != pipe->head) {
		const struct npfs_slot *slot = npfs_slot(pipe, pipe->tail + count);

		if (slot->flags & NPFS_SLOT_PACKET || *bytes + slot->length > most)
			break;
		*bytes += slot->length;
		count++;
	}
	return count;
}

/*
 * Whole slots, gathered, or as much as fits of the first. A copy to a guest is made from memory of the thread's own: who
 * hangs there may have lost its turn, and the slots their pages, long before the host is done.
 */
static struct piece look(struct npfs_pipe *pipe, const struct reading *reading)
{
	const struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
	size_t part = MIN_OF((size_t)slot->length, reading->total - reading->done), bytes, filled = 0;
	UCHAR *bounce;
	uint32_t count;

	if (!reading->buffer->space)
		return (struct piece){slot->page + slot->offset, part};
	count = count_whole_slots(pipe, reading, BOUNCE_SIZE, &bytes);
	bounce = io_bounce(count > 1 ? bytes : part);
	if (!bounce)
		return (struct piece){NULL, 0};
	if (count <= 1)
		return (struct piece){memcpy(bounce, slot->page + slot->offset, part), part};
	for (uint32_t i = 0; i < count; i++) {
		slot = npfs_slot(pipe, pipe->tail + i);
		memcpy(bounce + filled, slot->page + slot->offset, slot->length);
		filled += slot->length;
	}
	return (struct piece){bounce, bytes};
}

/* What a fault cuts off stays in the pipe, the slot that it cuts through included; so does what was merged meanwhile. */
static void take_out(struct npfs_pipe *pipe, struct reading *reading, size_t size, size_t put)
{
	bool was_full = npfs_full(pipe);
	size_t taken = 0;

	reading->packet_read = put == size && npfs_slot(pipe, pipe->tail)->flags & NPFS_SLOT_PACKET;
	if (reading->packet_read) {
		npfs_consume(pipe, npfs_slot(pipe, pipe->tail)->length);
		taken = size;
	}
	while (taken < size) {
		uint32_t part = (uint32_t)MIN_OF((size_t)npfs_slot(pipe, pipe->tail)->length, size - taken);

		if (taken + part > put)
			break;
		npfs_consume(pipe, part);
		taken += part;
	}
	reading->done += taken;
	reading->made_room |= was_full && !npfs_full(pipe);
}

/* Before the lock is let go for what may take long: who waits for what was done must not wait for that too. */
static void tell_of_room(struct npfs_pipe *pipe, struct reading *reading)
{
	if (reading->made_room)
		npfs_wake_writers(pipe);
	reading->made_room = false;
}

/* The lock is held, and let go for each copy; the turn is the caller's. */
static NTSTATUS read_available(struct npfs_pipe *pipe, struct reading *reading)
{
	while (!npfs_empty(pipe) && reading->done < reading->total && !reading->packet_read) {
		struct piece piece = look(pipe, reading);
		size_t put;

		if (!piece.data)
			return STATUS_NO_MEMORY;
		tell_of_room(pipe, reading);
		rtl_unlock(&pipe->lock);
		put = io_buffer_put(reading->buffer, reading->done, piece.data, piece.size);
		rtl_lock(&pipe->lock);
		if (!ke_has_turn(&pipe->taking))
			return STATUS_THREAD_IS_TERMINATING;
		take_out(pipe, reading, piece.size, put);
		if (put < piece.size)
			return STATUS_ACCESS_VIOLATION;
	}
	return STATUS_SUCCESS;
}

/* Of what is there; nothing if somebody else was faster. */
static NTSTATUS take_turn(struct npfs_pipe *pipe, struct reading *reading)
{
	NTSTATUS status;

	if (npfs_empty(pipe))
		return STATUS_SUCCESS;
	if (!npfs_begin_taking(pipe))
		return STATUS_USER_APC;
	status = read_available(pipe, reading);
	ke_end_turn(&pipe->taking);
	return status;
}

/* The lock is held. */
static NTSTATUS read_some(struct io_file *file, struct npfs_pipe *pipe, struct reading *reading, ULONG flags, bool *slept)
{
	for (;;) {
		NTSTATUS status = take_turn(pipe, reading);

		if (status != STATUS_SUCCESS || reading->done || reading->packet_read)
			return status;
		if (!npfs_empty(pipe))
			continue;
		if (pipe->writers == 0)
			return STATUS_SUCCESS;
		if (non_blocking(file, flags))
			return FSRTL_ERRNO(EAGAIN);
		*slept = true;
		status = npfs_wait(pipe, &pipe->read_waiters, npfs_ready_to_read);
		if (status != STATUS_SUCCESS)
			return status;
	}
}

NTSTATUS npfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		   ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	struct reading reading = {.buffer = buffer, .total = io_buffer_size(buffer)};
	bool slept = false;
	NTSTATUS status;

	*information = 0;
	if (position && position->QuadPart >= 0)
		return FSRTL_ERRNO(ESPIPE);
	if (reading.total == 0)
		return STATUS_SUCCESS;
	rtl_lock(&pipe->lock);
	status = read_some(file, pipe, &reading, flags, &slept);
	tell_of_room(pipe, &reading);
	if (slept && !npfs_empty(pipe))
		ke_wake_one(&pipe->read_waiters);
	if (reading.done)
		pipe->attributes.AccessTime = fsrtl_now();
	rtl_unlock(&pipe->lock);
	/* Not after an interrupted sleep; else always, as the kernel does it. */
	if (!slept || status == STATUS_SUCCESS)
		io_async_tell(&pipe->async_writers, IO_ASYNC_OUT);
	return outcome(reading.done, status, information);
}

struct writing {
	const struct io_buffer *buffer;
	size_t total, done;
	uint32_t slot_flags;
	bool merges;    /* the odd bytes may still be appended to the newest slot */
	bool was_empty; /* before what was put in, of which no reader knows yet */
	/* What was fetched: the bytes from `base` to `end` of the write. A fault ended it. */
	const UCHAR *fetched;
	size_t base, end;
	bool faulted;
};

static uint32_t odd_bytes(const struct writing *writing)
{
	return (uint32_t)(writing->total & (NPFS_PAGE - 1));
}

/* Do the odd bytes of the write fit into the newest slot as a whole? */
static bool can_merge(struct npfs_pipe *pipe, const struct writing *writing)
{
	const struct npfs_slot *slot;

	if (!writing->merges || npfs_empty(pipe))
		return false;
	slot = npfs_slot(pipe, pipe->head - 1);
	return slot->flags & NPFS_SLOT_MERGE && slot->offset + slot->length + odd_bytes(writing) <= NPFS_PAGE;
}

/* Bytes of the write that can go in now. */
static size_t room_for(struct npfs_pipe *pipe, const struct writing *writing)
{
	return (size_t)npfs_free_slots(pipe) * NPFS_PAGE + (can_merge(pipe, writing) ? odd_bytes(writing) : 0);
}

/* Before the lock is let go for what may take long: who waits for what was done must not wait for that too. */
static void tell_of_data(struct npfs_pipe *pipe, struct writing *writing)
{
	if (writing->was_empty)
		npfs_wake_readers(pipe);
	writing->was_empty = false;
}

/* The lock is held, and let go for the copy. */
static NTSTATUS fetch(struct npfs_pipe *pipe, struct writing *writing, size_t room)
{
	size_t wanted = MIN_OF(MIN_OF(room, (size_t)IO_BOUNCE_MAXIMUM), writing->total - writing->done), got = wanted, contiguous;
	UCHAR *data = io_buffer_direct(writing->buffer, writing->done, &contiguous);

	if (!data || contiguous < wanted) {
		data = io_bounce(wanted);
		if (!data)
			return STATUS_NO_MEMORY;
		tell_of_data(pipe, writing);
		rtl_unlock(&pipe->lock);
		got = io_buffer_get(writing->buffer, writing->done, data, wanted);
		rtl_lock(&pipe->lock);
	}
	writing->fetched = data;
	writing->base = writing->done;
	writing->end = writing->done + got;
	writing->faulted = got < wanted;
	/* Tried once, with what is the newest slot first. */
	writing->merges = can_merge(pipe, writing);
	return STATUS_SUCCESS;
}

/* What goes in next: the odd bytes to the newest slot, else a page's worth or the rest. */
static uint32_t next_size(struct npfs_pipe *pipe, const struct writing *writing)
{
	return can_merge(pipe, writing) ? odd_bytes(writing)
					: (uint32_t)MIN_OF((size_t)NPFS_PAGE, writing->total - writing->done);
}

static NTSTATUS put_in(struct npfs_pipe *pipe, struct writing *writing, uint32_t size)
{
	const UCHAR *data = writing->fetched + (writing->done - writing->base);
	bool was_empty = npfs_empty(pipe);
	struct npfs_slot *slot;
	UCHAR *page;

	if (can_merge(pipe, writing)) {
		slot = npfs_slot(pipe, pipe->head - 1);
		memcpy(slot->page + slot->offset + slot->length, data, size);
		slot->length += size;
	} else {
		page = npfs_take_page(pipe);
		if (!page)
			return STATUS_NO_MEMORY;
		memcpy(page, data, size);
		npfs_push(pipe, page, size, writing->slot_flags);
	}
	writing->merges = false;
	writing->was_empty |= was_empty;
	writing->done += size;
	return STATUS_SUCCESS;
}

/* The lock is held, and let go while more is fetched. What a fault leaves of a page is not written. */
static NTSTATUS write_available(struct npfs_pipe *pipe, struct writing *writing)
{
	NTSTATUS status = STATUS_SUCCESS;
	size_t room;

	writing->end = 0;
	writing->faulted = false;
	while (status == STATUS_SUCCESS && writing->done < writing->total && (room = room_for(pipe, writing))) {
		uint32_t size = next_size(pipe, writing);

		if (pipe->readers == 0)
			status = STATUS_PIPE_DISCONNECTED;
		else if (writing->done + size <= writing->end)
			status = put_in(pipe, writing, size);
		else
			status = writing->faulted ? STATUS_ACCESS_VIOLATION : fetch(pipe, writing, room);
	}
	return status;
}

/* Before a sleep; the lock is held, and let go for it. */
static void tell_readers(struct npfs_pipe *pipe)
{
	if (likely(!atomic_load_explicit(&pipe->async_readers.count, memory_order_relaxed)))
		return;
	rtl_unlock(&pipe->lock);
	io_async_tell(&pipe->async_readers, IO_ASYNC_IN);
	rtl_lock(&pipe->lock);
}

/* The lock is held. */
static NTSTATUS write_all(struct io_file *file, struct npfs_pipe *pipe, struct writing *writing, ULONG flags)
{
	NTSTATUS status = pipe->readers ? STATUS_SUCCESS : STATUS_PIPE_DISCONNECTED;
	bool slept = false;

	writing->merges = odd_bytes(writing) != 0;
	while (status == STATUS_SUCCESS && writing->done < writing->total) {
		status = write_available(pipe, writing);
		if (status != STATUS_SUCCESS || writing->done == writing->total)
			break;
		writing->merges = false;
		if (pipe->readers == 0)
			status = STATUS_PIPE_DISCONNECTED;
		else if (non_blocking(file, flags))
			status = FSRTL_ERRNO(EAGAIN);
		else {
			tell_of_data(pipe, writing);
			tell_readers(pipe);
			status = npfs_wait(pipe, &pipe->write_waiters, npfs_ready_to_write);
			slept = true;
		}
	}
	if (slept && npfs_free_slots(pipe))
		ke_wake_one(&pipe->write_waiters);
	/* A poller wants to know of every write (edge-triggered epoll); a reader sleeps only on an empty pipe. */
	if (writing->done && (writing->was_empty || atomic_load(&pipe->poller_seen)))
		npfs_wake_readers(pipe);
	return status;
}

NTSTATUS npfs_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		    ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	struct writing writing = {.buffer = buffer, .total = io_buffer_size(buffer), .slot_flags = NPFS_SLOT_MERGE};
	NTSTATUS status;

	*information = 0;
	/* FILE_WRITE_TO_END_OF_FILE is what O_APPEND asks for; a pipe has no other place to write to. */
	if (position && position->QuadPart >= 0)
		return FSRTL_ERRNO(ESPIPE);
	if (writing.total == 0)
		return STATUS_SUCCESS;
	if (atomic_load_explicit(&file->lx_flags, memory_order_relaxed) & FSRTL_O_DIRECT)
		writing.slot_flags = NPFS_SLOT_PACKET;
	rtl_lock(&pipe->lock);
	status = write_all(file, pipe, &writing, flags);
	if (writing.done)
		pipe->attributes.ModifyTime = pipe->attributes.ChangeTime = fsrtl_now();
	rtl_unlock(&pipe->lock);
	io_async_tell(&pipe->async_readers, IO_ASYNC_IN);
	/* SIGPIPE is due even if part of it was written: the caller is told by a success of another name. */
	if (status == STATUS_PIPE_DISCONNECTED && writing.done) {
		*information = writing.done;
		return STATUS_NOTIFY_CLEANUP;
	}
	return outcome(writing.done, status, information);
}
