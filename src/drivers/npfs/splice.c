/*
 * Moving bytes between a pipe and another file without a detour through the
 * guest: splice(2), tee(2), vmsplice(2). Between two pipes whole slots change hands.
 * Another file may sleep when it is read or written, so the lock is let go for that:
 * a turn (pipe.h: taken, given) keeps the pipe's end meanwhile.
 */
#include <errno.h>
#include <poll.h>

#include <drivers/npfs/pipe.h>

#define SPLICE_F_NONBLOCK 2u

static void lock_both(struct npfs_pipe *a, struct npfs_pipe *b)
{
	rtl_lock(a < b ? &a->lock : &b->lock);
	rtl_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct npfs_pipe *a, struct npfs_pipe *b)
{
	rtl_unlock(&a->lock);
	rtl_unlock(&b->lock);
}

/* Until there is something to take, or nobody left to give it. Lock held. */
static NTSTATUS wait_for_data(struct npfs_pipe *pipe, bool non_blocking)
{
	if (npfs_ready_to_read(pipe))
		return STATUS_SUCCESS;
	return non_blocking ? FSRTL_ERRNO(EAGAIN) : npfs_wait(pipe, &pipe->read_waiters, npfs_ready_to_read);
}

/* Until there is room. Lock held. */
static NTSTATUS wait_for_room(struct npfs_pipe *pipe, bool non_blocking)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (!npfs_ready_to_write(pipe))
		status = non_blocking ? FSRTL_ERRNO(EAGAIN) :
					npfs_wait(pipe, &pipe->write_waiters, npfs_ready_to_write);
	if (status == STATUS_SUCCESS && pipe->readers == 0)
		return STATUS_PIPE_DISCONNECTED;
	return status;
}

/* Somebody's sleeping turn is over; the lock is held. */
static void end_turn(struct npfs_pipe *pipe, bool *turn)
{
	*turn = false;
	ke_wake_one(turn == &pipe->taken ? &pipe->read_waiters : &pipe->write_waiters);
}

/* One page of `other` into a new slot; *count 0 at its end. The lock is let go while `other` is read. */
static NTSTATUS fill_slot(struct npfs_pipe *pipe, struct io_file *other, LARGE_INTEGER *position, uint64_t wanted,
			  ULONG_PTR *count)
{
	uint32_t room = NPFS_PAGE - (position ? (uint32_t)(position->QuadPart & (NPFS_PAGE - 1)) : 0);
	UCHAR *page = npfs_take_page(pipe);
	struct io_buffer buffer;
	NTSTATUS status;

	*count = 0;
	if (!page)
		return STATUS_NO_MEMORY;
	rtl_unlock(&pipe->lock);
	io_buffer_from_kernel(&buffer, page, MIN_OF((uint64_t)room, wanted));
	status = IO_OPERATION(other, read)(other, &buffer, position, 0, count);
	rtl_lock(&pipe->lock);
	if (status == STATUS_END_OF_FILE)
		status = STATUS_SUCCESS;
	if (status != STATUS_SUCCESS || *count == 0) {
		npfs_put_page(pipe, page);
		return status;
	}
	if (position)
		position->QuadPart += (LONGLONG)*count;
	npfs_push(pipe, page, (uint32_t)*count, 0);
	return STATUS_SUCCESS;
}

static NTSTATUS splice_from_file(struct npfs_pipe *pipe, struct io_file *other, const FSCTL_LX_SPLICE_INPUT *input,
				 bool non_blocking, ULONG_PTR *information)
{
	LARGE_INTEGER offset = {.QuadPart = input->Offset};
	LARGE_INTEGER *position = input->Offset >= 0 ? &offset : NULL;
	uint64_t done = 0;
	ULONG_PTR count = 1;
	NTSTATUS status;

	rtl_lock(&pipe->lock);
	status = wait_for_room(pipe, non_blocking);
	if (status != STATUS_SUCCESS) {
		rtl_unlock(&pipe->lock);
		return status;
	}
	pipe->given = true;
	while (status == STATUS_SUCCESS && count && done < input->Length && !npfs_full(pipe)) {
		status = fill_slot(pipe, other, position, input->Length - done, &count);
		done += count;
		/* A short page means that more would have to be waited for. */
		if (count < NPFS_PAGE && !position)
			break;
	}
	end_turn(pipe, &pipe->given);
	if (done)
		npfs_wake_readers(pipe);
	rtl_unlock(&pipe->lock);
	if (done)
		io_async_tell(&pipe->async_readers, IO_ASYNC_IN);
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/* The oldest slot to `other`, and out of the pipe as far as it went. The lock is let go while `other` is written. */
static NTSTATUS drain_slot(struct npfs_pipe *pipe, struct io_file *other, LARGE_INTEGER *position, uint64_t wanted,
			   ULONG_PTR *count)
{
	struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
	struct io_buffer buffer;
	NTSTATUS status;

	*count = 0;
	io_buffer_from_kernel(&buffer, slot->page + slot->offset, MIN_OF((uint64_t)slot->length, wanted));
	rtl_unlock(&pipe->lock);
	status = IO_OPERATION(other, write)(other, &buffer, position, 0, count);
	rtl_lock(&pipe->lock);
	if (position)
		position->QuadPart += (LONGLONG)*count;
	if (*count)
		npfs_consume(pipe, (uint32_t)*count);
	return status;
}

static NTSTATUS splice_to_file(struct npfs_pipe *pipe, struct io_file *other, const FSCTL_LX_SPLICE_INPUT *input,
			       bool non_blocking, ULONG_PTR *information)
{
	LARGE_INTEGER offset = {.QuadPart = input->Offset};
	LARGE_INTEGER *position = input->Offset >= 0 ? &offset : NULL;
	uint64_t done = 0;
	ULONG_PTR count;
	NTSTATUS status;

	rtl_lock(&pipe->lock);
	status = wait_for_data(pipe, non_blocking);
	if (status != STATUS_SUCCESS) {
		rtl_unlock(&pipe->lock);
		return status;
	}
	pipe->taken = true;
	while (status == STATUS_SUCCESS && done < input->Length && !npfs_empty(pipe)) {
		status = drain_slot(pipe, other, position, input->Length - done, &count);
		done += count;
		if (count == 0)
			break;
	}
	end_turn(pipe, &pipe->taken);
	if (done)
		npfs_wake_writers(pipe);
	rtl_unlock(&pipe->lock);
	if (done)
		io_async_tell(&pipe->async_writers, IO_ASYNC_OUT);
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/* tee to a pipe of the host's: what the first slots hold, copied out under the lock. */
static NTSTATUS tee_to_file(struct npfs_pipe *pipe, struct io_file *other, uint64_t length, bool non_blocking,
			    ULONG_PTR *information)
{
	cleanup_free UCHAR *data = malloc(NPFS_DEFAULT_SLOTS * NPFS_PAGE);
	size_t size = 0;
	struct io_buffer buffer;
	NTSTATUS status;

	if (!data)
		return STATUS_NO_MEMORY;
	rtl_lock(&pipe->lock);
	status = wait_for_data(pipe, non_blocking);
	for (uint32_t i = pipe->tail; status == STATUS_SUCCESS && i != pipe->head && i - pipe->tail < NPFS_DEFAULT_SLOTS; i++) {
		const struct npfs_slot *slot = npfs_slot(pipe, i);
		size_t part = (size_t)MIN_OF((uint64_t)slot->length, length - size);

		memcpy(data + size, slot->page + slot->offset, part);
		size += part;
	}
	rtl_unlock(&pipe->lock);
	if (status != STATUS_SUCCESS || !size)
		return status;
	io_buffer_from_kernel(&buffer, data, size);
	return IO_OPERATION(other, write)(other, &buffer, NULL, 0, information);
}

/* Copy `count` bytes of the source's slot `index` to a new slot of the target. */
static NTSTATUS copy_slot(struct npfs_pipe *source, uint32_t index, struct npfs_pipe *target, uint32_t count)
{
	struct npfs_slot *slot = npfs_slot(source, index);
	UCHAR *page = npfs_take_page(target);

	if (!page)
		return STATUS_NO_MEMORY;
	memcpy(page, slot->page + slot->offset, count);
	npfs_push(target, page, count, slot->flags & NPFS_SLOT_PACKET);
	return STATUS_SUCCESS;
}

/* Both locks held: as much as is there and fits. */
static NTSTATUS move_slots(struct npfs_pipe *source, struct npfs_pipe *target, uint64_t length, bool keep,
			   uint64_t *done)
{
	NTSTATUS status = STATUS_SUCCESS;
	uint32_t index = source->tail;

	while (index != source->head && !npfs_full(target) && *done < length) {
		struct npfs_slot *slot = npfs_slot(source, index);
		uint32_t count = (uint32_t)MIN_OF((uint64_t)slot->length, length - *done);

		if (!keep && count == slot->length) {
			*npfs_slot(target, target->head++) = *slot;
			slot->page = NULL;
			source->tail++;
		} else {
			status = copy_slot(source, index, target, count);
			if (status != STATUS_SUCCESS)
				break;
			if (!keep)
				npfs_consume(source, count);
		}
		index++;
		*done += count;
	}
	return status;
}

static NTSTATUS splice_pipes(struct npfs_pipe *source, struct npfs_pipe *target, uint64_t length, bool non_blocking,
			     bool keep, ULONG_PTR *information)
{
	uint64_t done = 0;
	NTSTATUS status;
	bool over = false;

	if (source == target)
		return FSRTL_ERRNO(EINVAL);
	while (!over) {
		rtl_lock(&source->lock);
		status = wait_for_data(source, non_blocking);
		rtl_unlock(&source->lock);
		if (status != STATUS_SUCCESS)
			return status;
		rtl_lock(&target->lock);
		status = wait_for_room(target, non_blocking);
		rtl_unlock(&target->lock);
		if (status != STATUS_SUCCESS)
			return status;
		lock_both(source, target);
		if (source->taken || target->given) {
			unlock_both(source, target);
			continue;
		}
		status = target->readers ? move_slots(source, target, length, keep, &done) : STATUS_PIPE_DISCONNECTED;
		over = done || status != STATUS_SUCCESS || (npfs_empty(source) && source->writers == 0);
		if (done)
			npfs_wake_readers(target);
		if (done && !keep)
			npfs_wake_writers(source);
		unlock_both(source, target);
		if (done)
			io_async_tell(&target->async_readers, IO_ASYNC_IN);
		if (done && !keep)
			io_async_tell(&source->async_writers, IO_ASYNC_OUT);
	}
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/* vmsplice into the pipe: a slot for each page of the guest's that a segment touches. How far it came. */
static size_t take_pages(struct npfs_pipe *pipe, const struct io_buffer *buffer, NTSTATUS *status)
{
	size_t done = 0;

	for (uint32_t i = 0; i < buffer->count; i++) {
		const struct io_segment *segment = &buffer->segments[i];

		for (uint64_t at = 0; at < segment->size;) {
			uint32_t part = (uint32_t)MIN_OF(NPFS_PAGE - ((segment->base + at) & (NPFS_PAGE - 1)), segment->size - at);
			UCHAR *page = npfs_full(pipe) ? NULL : npfs_take_page(pipe);

			if (!page)
				return done;
			if (io_buffer_get(buffer, done, page, part) < part) {
				npfs_put_page(pipe, page);
				*status = STATUS_ACCESS_VIOLATION;
				return done;
			}
			npfs_push(pipe, page, part, 0);
			done += part;
			at += part;
		}
	}
	return done;
}

/* vmsplice out of the pipe: what is there. */
static size_t give_slots(struct npfs_pipe *pipe, const struct io_buffer *buffer, NTSTATUS *status)
{
	size_t size = io_buffer_size(buffer), done = 0;

	while (done < size && !npfs_empty(pipe)) {
		struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
		uint32_t part = (uint32_t)MIN_OF((size_t)slot->length, size - done);
		size_t put = io_buffer_put(buffer, done, slot->page + slot->offset, part);

		done += put;
		if (put)
			npfs_consume(pipe, (uint32_t)put);
		if (put < part) {
			*status = STATUS_ACCESS_VIOLATION;
			break;
		}
	}
	return done;
}

/*
 * vmsplice: the pages are copied at once, so a gift is as good as a loan. It waits for the first room or byte, whatever
 * O_NONBLOCK says, and for no more.
 */
static NTSTATUS splice_buffer(struct io_file *file, const FSCTL_LX_SPLICE_INPUT *input, ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	bool writing = file->access & FILE_WRITE_DATA, nowait = input->Flags & SPLICE_F_NONBLOCK;
	NTSTATUS status;

	rtl_lock(&pipe->lock);
	status = writing ? wait_for_room(pipe, nowait) : wait_for_data(pipe, nowait);
	if (status == STATUS_SUCCESS)
		*information = (writing ? take_pages : give_slots)(pipe, input->Buffer, &status);
	if (*information && writing)
		npfs_wake_readers(pipe);
	else if (*information)
		npfs_wake_writers(pipe);
	rtl_unlock(&pipe->lock);
	if (*information)
		io_async_tell(writing ? &pipe->async_readers : &pipe->async_writers, writing ? IO_ASYNC_IN : IO_ASYNC_OUT);
	return *information ? STATUS_SUCCESS : status;
}

static bool non_blocking(struct io_file *file)
{
	return atomic_load(&file->lx_flags) & FSRTL_O_NONBLOCK;
}

/* Between two pipes, either end's O_NONBLOCK counts; to or from a file, the pipe's. */
static NTSTATUS splice_other(struct io_file *file, struct io_file *other, const FSCTL_LX_SPLICE_INPUT *input,
			     ULONG_PTR *information)
{
	struct npfs_pipe *pipe = file->context;
	bool nowait = input->Flags & SPLICE_F_NONBLOCK;
	bool from = input->Operation == FSCTL_LX_SPLICE_FROM;

	if (npfs_is_pipe(other)) {
		struct npfs_pipe *second = other->context;

		nowait |= non_blocking(file) || non_blocking(other);
		return splice_pipes(from ? second : pipe, from ? pipe : second, input->Length, nowait,
				    input->Operation == FSCTL_LX_SPLICE_TEE, information);
	}
	nowait |= non_blocking(file);
	if (nowait && io_splice_ends(other) & IO_SPLICE_PIPE &&
	    !IO_OPERATION(other, poll)(other, from ? POLLIN : POLLOUT, NULL))
		return FSRTL_ERRNO(EAGAIN);
	if (input->Operation == FSCTL_LX_SPLICE_TEE)
		return tee_to_file(pipe, other, input->Length, nowait, information);
	return (from ? splice_from_file : splice_to_file)(pipe, other, input, nowait, information);
}

NTSTATUS npfs_splice(struct io_file *file, const FSCTL_LX_SPLICE_INPUT *input, ULONG_PTR *information)
{
	struct io_file *other = NULL;
	NTSTATUS status;
	ACCESS_MASK own = FILE_WRITE_DATA, others = FILE_READ_DATA;

	*information = 0;
	if (input->Operation == FSCTL_LX_SPLICE_BUFFER)
		return splice_buffer(file, input, information);
	if (input->Operation < FSCTL_LX_SPLICE_FROM || input->Operation > FSCTL_LX_SPLICE_TEE)
		return STATUS_INVALID_PARAMETER;
	if (input->Operation != FSCTL_LX_SPLICE_FROM) {
		own = FILE_READ_DATA;
		others = FILE_WRITE_DATA;
	}
	if (!(file->access & own))
		return FSRTL_ERRNO(EBADF);
	status = io_reference_file(input->Other, others, &other);
	if (status == STATUS_ACCESS_DENIED)
		return FSRTL_ERRNO(EBADF);
	if (status != STATUS_SUCCESS)
		return status;
	status = splice_other(file, other, input, information);
	ob_dereference(other);
	return status;
}
