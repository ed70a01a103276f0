/*
 * Moving bytes between a pipe and another file without a detour through the
 * guest: splice(2), tee(2), vmsplice(2). Between two pipes whole slots change hands.
 * Another file may sleep when it is read or written, and a guest's page may be long in coming, so the lock is let go
 * for either (pipe.h: taking, reserved).
 */
#include <errno.h>
#include <poll.h>

#include <drivers/npfs/pipe.h>

#define SPLICE_F_NONBLOCK 2u
#define LARGEST_READ 0x100000u /* one read of another file, one copy of a guest's pages */

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

/* The turn of taking slots out, once there are some or nobody is left to put any in. Lock held. */
static NTSTATUS begin_with_data(struct npfs_pipe *pipe, bool non_blocking)
{
	for (;;) {
		NTSTATUS status = wait_for_data(pipe, non_blocking);

		if (status != STATUS_SUCCESS)
			return status;
		if (!npfs_begin_taking(pipe))
			return STATUS_USER_APC;
		if (npfs_ready_to_read(pipe))
			return STATUS_SUCCESS;
		ke_end_turn(&pipe->taking);
	}
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

/* `size` bytes as slots of at most a page, the first of `first` bytes. Pages that can't be had leave the rest behind. */
static size_t push_bytes(struct npfs_pipe *pipe, const UCHAR *data, size_t size, uint32_t first)
{
	size_t done = 0;

	while (done < size) {
		uint32_t part = (uint32_t)MIN_OF((size_t)(done ? NPFS_PAGE : first), size - done);
		UCHAR *page = npfs_take_page(pipe);

		if (!page)
			break;
		memcpy(page, data + done, part);
		npfs_push(pipe, page, part, 0);
		done += part;
	}
	return done;
}

/*
 * One read of `other`, of as much as there is room for: the slots are reserved, and the lock is let go for it. A page of
 * the file is a slot of the pipe.
 */
static NTSTATUS fill_slots(struct npfs_pipe *pipe, struct io_file *other, const LARGE_INTEGER *position, uint64_t wanted,
			   ULONG_PTR *count)
{
	uint32_t slots = MIN_OF(npfs_free_slots(pipe), LARGEST_READ / NPFS_PAGE);
	uint32_t first = NPFS_PAGE - (position ? (uint32_t)(position->QuadPart & (NPFS_PAGE - 1)) : 0);
	size_t size = (size_t)MIN_OF((uint64_t)(slots - 1) * NPFS_PAGE + first, wanted);
	cleanup_free UCHAR *data = NULL;
	struct io_buffer buffer;
	NTSTATUS status;

	*count = 0;
	pipe->reserved += slots;
	rtl_unlock(&pipe->lock);
	data = aligned_alloc(IO_BOUNCE_ALIGNMENT, ALIGN_UP(size, (size_t)IO_BOUNCE_ALIGNMENT));
	io_buffer_from_kernel(&buffer, data, size);
	status = data ? IO_OPERATION(other, read)(other, &buffer, position, 0, count) : STATUS_NO_MEMORY;
	rtl_lock(&pipe->lock);
	pipe->reserved -= slots;
	if (status == STATUS_END_OF_FILE)
		status = STATUS_SUCCESS;
	if (status == STATUS_SUCCESS && *count) {
		*count = push_bytes(pipe, data, *count, first);
		status = *count ? STATUS_SUCCESS : STATUS_NO_MEMORY;
	}
	return status;
}

/* Files with places are read on until the pipe is full; others, until there would be something to wait for. */
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
	while (status == STATUS_SUCCESS && count && done < input->Length && npfs_free_slots(pipe)) {
		status = fill_slots(pipe, other, position, input->Length - done, &count);
		done += count;
		offset.QuadPart += (LONGLONG)count;
		if (!position)
			break;
	}
	if (done)
		npfs_wake_readers(pipe);
	/* What was reserved, and is free after all. */
	if (npfs_free_slots(pipe))
		ke_wake_one(&pipe->write_waiters);
	rtl_unlock(&pipe->lock);
	if (done)
		io_async_tell(&pipe->async_readers, IO_ASYNC_IN);
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/*
 * The oldest slot to `other`, and out of the pipe as far as it went. The lock is let go while `other` is written, from a copy:
 * a thread that hangs there may lose its turn, and the slot its page.
 */
static NTSTATUS drain_slot(struct npfs_pipe *pipe, struct io_file *other, LARGE_INTEGER *position, uint64_t wanted,
			   ULONG_PTR *count)
{
	const struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
	size_t size = (size_t)MIN_OF((uint64_t)slot->length, wanted);
	UCHAR data[NPFS_PAGE];
	struct io_buffer buffer;
	NTSTATUS status;

	*count = 0;
	memcpy(data, slot->page + slot->offset, size);
	io_buffer_from_kernel(&buffer, data, size);
	rtl_unlock(&pipe->lock);
	status = IO_OPERATION(other, write)(other, &buffer, position, 0, count);
	rtl_lock(&pipe->lock);
	if (position)
		position->QuadPart += (LONGLONG)*count;
	if (!ke_has_turn(&pipe->taking))
		return STATUS_THREAD_IS_TERMINATING;
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
	status = begin_with_data(pipe, non_blocking);
	if (status != STATUS_SUCCESS) {
		rtl_unlock(&pipe->lock);
		return status;
	}
	while (status == STATUS_SUCCESS && done < input->Length && !npfs_empty(pipe)) {
		status = drain_slot(pipe, other, position, input->Length - done, &count);
		done += count;
		if (count == 0)
			break;
	}
	ke_end_turn(&pipe->taking);
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

	while (index != source->head && npfs_free_slots(target) && *done < length) {
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

/* What both ends were found ready for, if they still are: bytes moved or copied. */
static NTSTATUS move_once(struct npfs_pipe *source, struct npfs_pipe *target, uint64_t length, bool keep, uint64_t *done,
			  bool *over)
{
	NTSTATUS status;

	/* Slots that somebody copies from stay where they are. */
	if (!keep && !ke_begin_turn(&source->taking))
		return STATUS_USER_APC;
	lock_both(source, target);
	status = target->readers ? move_slots(source, target, length, keep, done) : STATUS_PIPE_DISCONNECTED;
	*over = *done || status != STATUS_SUCCESS || (npfs_empty(source) && source->writers == 0);
	if (*done)
		npfs_wake_readers(target);
	if (*done && !keep)
		npfs_wake_writers(source);
	unlock_both(source, target);
	if (!keep)
		ke_end_turn(&source->taking);
	if (*done)
		io_async_tell(&target->async_readers, IO_ASYNC_IN);
	if (*done && !keep)
		io_async_tell(&source->async_writers, IO_ASYNC_OUT);
	return status;
}

static NTSTATUS splice_pipes(struct npfs_pipe *source, struct npfs_pipe *target, uint64_t length, bool non_blocking,
			     bool keep, ULONG_PTR *information)
{
	uint64_t done = 0;
	NTSTATUS status = STATUS_SUCCESS;
	bool over = false;

	if (source == target)
		return FSRTL_ERRNO(EINVAL);
	while (!over && status == STATUS_SUCCESS) {
		rtl_lock(&source->lock);
		status = wait_for_data(source, non_blocking);
		rtl_unlock(&source->lock);
		if (status != STATUS_SUCCESS)
			return status;
		rtl_lock(&target->lock);
		status = wait_for_room(target, non_blocking);
		rtl_unlock(&target->lock);
		if (status == STATUS_SUCCESS)
			status = move_once(source, target, length, keep, &done, &over);
	}
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

/* The part of what lies at `done` in the buffer that is in one page of the guest's. */
static uint32_t page_part(const struct io_buffer *buffer, size_t done)
{
	uint32_t i = 0;

	while (done >= buffer->segments[i].size)
		done -= buffer->segments[i++].size;
	return (uint32_t)MIN_OF(NPFS_PAGE - ((buffer->segments[i].base + done) & (NPFS_PAGE - 1)),
				buffer->segments[i].size - done);
}

/* How many bytes of the buffer fill `slots` slots. */
static size_t size_of_pages(const struct io_buffer *buffer, uint32_t slots)
{
	size_t total = io_buffer_size(buffer), size = 0;

	while (slots-- && size < total)
		size += page_part(buffer, size);
	return size;
}

/*
 * vmsplice into the pipe: a slot for each page of the guest's that a segment touches; how far it came. The lock is let go
 * while the bytes are fetched, so that there may be no room any more: then it came nowhere.
 */
static size_t take_pages(struct npfs_pipe *pipe, const struct io_buffer *buffer, NTSTATUS *status)
{
	size_t wanted = MIN_OF(size_of_pages(buffer, npfs_free_slots(pipe)), (size_t)LARGEST_READ), got, done = 0;
	UCHAR *data = io_bounce(wanted);

	if (!data) {
		*status = STATUS_NO_MEMORY;
		return 0;
	}
	rtl_unlock(&pipe->lock);
	got = io_buffer_get(buffer, 0, data, wanted);
	rtl_lock(&pipe->lock);
	while (done < got && npfs_free_slots(pipe)) {
		uint32_t part = MIN_OF(page_part(buffer, done), (uint32_t)(wanted - done));

		if (done + part > got || !push_bytes(pipe, data + done, part, part))
			break;
		done += part;
	}
	if (got < wanted && npfs_free_slots(pipe))
		*status = STATUS_ACCESS_VIOLATION;
	return done;
}

/* vmsplice out of the pipe: what is there. The turn is the caller's; the lock is let go for each copy. */
static size_t give_slots(struct npfs_pipe *pipe, const struct io_buffer *buffer, NTSTATUS *status)
{
	size_t size = io_buffer_size(buffer), done = 0;
	UCHAR *data = io_bounce(NPFS_PAGE);

	if (!data)
		*status = STATUS_NO_MEMORY;
	while (data && done < size && !npfs_empty(pipe)) {
		const struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);
		uint32_t part = (uint32_t)MIN_OF((size_t)slot->length, size - done);
		size_t put;

		memcpy(data, slot->page + slot->offset, part);
		rtl_unlock(&pipe->lock);
		put = io_buffer_put(buffer, done, data, part);
		rtl_lock(&pipe->lock);
		if (!ke_has_turn(&pipe->taking)) {
			*status = STATUS_THREAD_IS_TERMINATING;
			break;
		}
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

/* Lock held. A pipe without readers is told even of an empty buffer. */
static NTSTATUS fill_from_buffer(struct npfs_pipe *pipe, const struct io_buffer *buffer, bool nowait, ULONG_PTR *information)
{
	NTSTATUS status;

	do {
		status = wait_for_room(pipe, nowait);
		if (status == STATUS_SUCCESS && io_buffer_size(buffer))
			*information = take_pages(pipe, buffer, &status);
	} while (status == STATUS_SUCCESS && !*information && io_buffer_size(buffer));
	if (*information)
		npfs_wake_readers(pipe);
	return status;
}

static NTSTATUS drain_to_buffer(struct npfs_pipe *pipe, const struct io_buffer *buffer, bool nowait, ULONG_PTR *information)
{
	NTSTATUS status = begin_with_data(pipe, nowait);

	if (status != STATUS_SUCCESS)
		return status;
	*information = give_slots(pipe, buffer, &status);
	ke_end_turn(&pipe->taking);
	if (*information)
		npfs_wake_writers(pipe);
	return status;
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
	status = (writing ? fill_from_buffer : drain_to_buffer)(pipe, input->Buffer, nowait, information);
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
