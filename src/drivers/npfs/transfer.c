/*
 * Reading and writing a pipe: pipe_read() and pipe_write() of the kernel, rule for
 * rule. One slot goes straight from or to the caller's buffer. Several go by way of
 * a bounce buffer: reaching into another address space costs more than copying a
 * page once again (64 KiB in and out: 40 us instead of 50).
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
	bool made_room; /* the pipe was full and no longer is */
	bool packet_read;
};

/* One slot, or as much of it as fits. */
static NTSTATUS read_slot(struct npfs_pipe *pipe, struct reading *reading)
{
	struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
	uint32_t count = (uint32_t)MIN_OF((size_t)slot->length, reading->total - reading->done);
	bool was_full = npfs_full(pipe);

	if (io_buffer_put(reading->buffer, reading->done, slot->page + slot->offset, count) < count)
		return STATUS_ACCESS_VIOLATION;
	reading->done += count;
	if (slot->flags & NPFS_SLOT_PACKET) {
		reading->packet_read = true;
		count = slot->length;
	}
	npfs_consume(pipe, count);
	reading->made_room |= was_full && !npfs_full(pipe);
	return STATUS_SUCCESS;
}

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

/* Several slots at once. What a fault cuts off stays in the pipe, the slot that it cuts through included. */
static NTSTATUS read_many(struct npfs_pipe *pipe, struct reading *reading)
{
	size_t bytes, filled = 0, put, taken = 0;
	uint32_t count = count_whole_slots(pipe, reading, BOUNCE_SIZE, &bytes);
	UCHAR *bounce = count > 1 ? io_bounce(BOUNCE_SIZE) : NULL;
	bool was_full = npfs_full(pipe);

	if (!bounce)
		return STATUS_SUCCESS;
	for (uint32_t i = 0; i < count; i++) {
		const struct npfs_slot *slot = npfs_slot(pipe, pipe->tail + i);

		memcpy(bounce + filled, slot->page + slot->offset, slot->length);
		filled += slot->length;
	}
	put = io_buffer_put(reading->buffer, reading->done, bounce, bytes);
	while (count-- && taken + npfs_slot(pipe, pipe->tail)->length <= put) {
		taken += npfs_slot(pipe, pipe->tail)->length;
		npfs_consume(pipe, npfs_slot(pipe, pipe->tail)->length);
	}
	reading->done += taken;
	reading->made_room |= was_full && taken;
	return put < bytes ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

static NTSTATUS read_available(struct npfs_pipe *pipe, struct reading *reading)
{
	NTSTATUS status = read_many(pipe, reading);

	while (status == STATUS_SUCCESS && !npfs_empty(pipe) && reading->done < reading->total && !reading->packet_read)
		status = read_slot(pipe, reading);
	return status;
}

NTSTATUS npfs_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
		   ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	struct reading reading = {.buffer = buffer, .total = io_buffer_size(buffer)};
	NTSTATUS status = STATUS_SUCCESS;
	bool slept = false;

	*information = 0;
	if (position && position->QuadPart >= 0)
		return FSRTL_ERRNO(ESPIPE);
	if (reading.total == 0)
		return STATUS_SUCCESS;
	rtl_lock(&pipe->lock);
	for (;;) {
		if (likely(!pipe->taken)) {
			status = read_available(pipe, &reading);
			if (status != STATUS_SUCCESS || reading.done || reading.packet_read || pipe->writers == 0)
				break;
		}
		if (non_blocking(file, flags)) {
			status = FSRTL_ERRNO(EAGAIN);
			break;
		}
		slept = true;
		status = npfs_wait(pipe, &pipe->read_waiters, npfs_ready_to_read);
		if (status != STATUS_SUCCESS)
			break;
	}
	if (reading.made_room)
		npfs_wake_writers(pipe);
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
};

/* Append the odd bytes of the write to the newest slot, if they fit there as a whole. */
static NTSTATUS merge(struct npfs_pipe *pipe, struct writing *writing)
{
	uint32_t odd = (uint32_t)(writing->total & (NPFS_PAGE - 1));
	struct npfs_slot *slot;

	if (odd == 0 || npfs_empty(pipe))
		return STATUS_SUCCESS;
	slot = npfs_slot(pipe, pipe->head - 1);
	if (!(slot->flags & NPFS_SLOT_MERGE) || slot->offset + slot->length + odd > NPFS_PAGE)
		return STATUS_SUCCESS;
	if (io_buffer_get(writing->buffer, 0, slot->page + slot->offset + slot->length, odd) < odd)
		return STATUS_ACCESS_VIOLATION;
	slot->length += odd;
	writing->done = odd;
	return STATUS_SUCCESS;
}

static NTSTATUS write_slot(struct npfs_pipe *pipe, struct writing *writing)
{
	uint32_t count = (uint32_t)MIN_OF((size_t)NPFS_PAGE, writing->total - writing->done);
	UCHAR *page = npfs_take_page(pipe);

	if (!page)
		return STATUS_NO_MEMORY;
	if (io_buffer_get(writing->buffer, writing->done, page, count) < count) {
		npfs_put_page(pipe, page);
		return STATUS_ACCESS_VIOLATION;
	}
	npfs_push(pipe, page, count, writing->slot_flags);
	writing->done += count;
	return STATUS_SUCCESS;
}

/* Several slots at once; what a fault leaves of a page is not written. */
static NTSTATUS write_many(struct npfs_pipe *pipe, struct writing *writing)
{
	size_t room = (size_t)(pipe->slot_count - (pipe->head - pipe->tail)) * NPFS_PAGE;
	size_t wanted = MIN_OF(MIN_OF(room, (size_t)BOUNCE_SIZE), writing->total - writing->done), got, used = 0;
	UCHAR *bounce = wanted > NPFS_PAGE && pipe->readers ? io_bounce(BOUNCE_SIZE) : NULL;

	if (!bounce)
		return STATUS_SUCCESS;
	got = io_buffer_get(writing->buffer, writing->done, bounce, wanted);
	while (used < wanted && used + MIN_OF((size_t)NPFS_PAGE, wanted - used) <= got) {
		uint32_t count = (uint32_t)MIN_OF((size_t)NPFS_PAGE, wanted - used);
		UCHAR *page = npfs_take_page(pipe);

		if (!page)
			return STATUS_NO_MEMORY;
		memcpy(page, bounce + used, count);
		npfs_push(pipe, page, count, writing->slot_flags);
		used += count;
		writing->done += count;
	}
	return got < wanted ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

static NTSTATUS write_available(struct npfs_pipe *pipe, struct writing *writing)
{
	NTSTATUS status = STATUS_SUCCESS;

	size_t before;

	do {
		before = writing->done;
		status = write_many(pipe, writing);
	} while (status == STATUS_SUCCESS && writing->done > before);
	while (status == STATUS_SUCCESS && !npfs_full(pipe) && writing->done < writing->total)
		status = pipe->readers ? write_slot(pipe, writing) : STATUS_PIPE_DISCONNECTED;
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
	NTSTATUS status;
	bool was_empty = npfs_empty(pipe), slept = false;

	if (unlikely(pipe->given)) {
		status = non_blocking(file, flags) ? FSRTL_ERRNO(EAGAIN) :
						     npfs_wait(pipe, &pipe->write_waiters, npfs_ready_to_write);
		if (status != STATUS_SUCCESS)
			return status;
		was_empty = npfs_empty(pipe);
	}
	if (pipe->readers == 0)
		return STATUS_PIPE_DISCONNECTED;
	status = merge(pipe, writing);
	while (status == STATUS_SUCCESS && writing->done < writing->total) {
		status = write_available(pipe, writing);
		if (status != STATUS_SUCCESS || writing->done == writing->total)
			break;
		if (pipe->readers == 0)
			status = STATUS_PIPE_DISCONNECTED;
		else if (non_blocking(file, flags))
			status = FSRTL_ERRNO(EAGAIN);
		else {
			if (was_empty)
				npfs_wake_readers(pipe);
			tell_readers(pipe);
			status = npfs_wait(pipe, &pipe->write_waiters, npfs_ready_to_write);
			was_empty = npfs_empty(pipe);
			slept = true;
		}
	}
	if (slept && !npfs_full(pipe))
		ke_wake_one(&pipe->write_waiters);
	/* A poller wants to know of every write (edge-triggered epoll); a reader sleeps only on an empty pipe. */
	if (writing->done && (was_empty || atomic_load(&pipe->poller_seen)))
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
