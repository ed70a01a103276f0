/*
 * I/O buffers: the one place that knows whether an I/O request's bytes lie in
 * the supervisor or in a guest.
 *
 * Invariant: a copy never runs past the buffer's end, and stops at the first
 * byte that can't be reached. Segments are the caller's; nothing here locks.
 */
#include <executive/io/io.h>
#include <executive/mm/mm.h>

void io_buffer_from_kernel(struct io_buffer *buffer, void *base, size_t size)
{
	*buffer = (struct io_buffer){.count = 1, .single = {(uint64_t)(uintptr_t)base, size}};
	buffer->segments = &buffer->single;
}

void io_buffer_from_user(struct io_buffer *buffer, struct mm_address_space *space, const struct io_segment *segments,
			 uint32_t count)
{
	*buffer = (struct io_buffer){.space = space, .segments = segments, .count = count};
}

void io_buffer_from_user_single(struct io_buffer *buffer, struct mm_address_space *space, uint64_t base, size_t size)
{
	*buffer = (struct io_buffer){.space = space, .count = 1, .single = {base, size}};
	buffer->segments = &buffer->single;
}

size_t io_buffer_size(const struct io_buffer *buffer)
{
	size_t size = 0;

	for (uint32_t i = 0; i < buffer->count; i++)
		if (__builtin_add_overflow(size, buffer->segments[i].size, &size))
			return SIZE_MAX;
	return size;
}

static size_t copy_to_segment(const struct io_buffer *buffer, uint64_t base, const void *data, size_t size)
{
	if (buffer->space)
		return mm_copy_to(buffer->space, base, data, size);
	memcpy((void *)(uintptr_t)base, data, size);
	return size;
}

static size_t copy_from_segment(const struct io_buffer *buffer, uint64_t base, void *data, size_t size)
{
	if (buffer->space)
		return mm_copy_from(buffer->space, data, base, size);
	memcpy(data, (const void *)(uintptr_t)base, size);
	return size;
}

/* Where `offset` lies: the segment's index, with the offset within it; count if behind the end. */
static uint32_t find_segment(const struct io_buffer *buffer, size_t *offset)
{
	uint32_t i = 0;

	while (i < buffer->count && *offset >= buffer->segments[i].size)
		*offset -= buffer->segments[i++].size;
	return i;
}

size_t io_buffer_put(const struct io_buffer *buffer, size_t offset, const void *data, size_t size)
{
	size_t done = 0;

	for (uint32_t i = find_segment(buffer, &offset); i < buffer->count && done < size; i++, offset = 0) {
		size_t part = MIN_OF(buffer->segments[i].size - offset, size - done);
		size_t copied =
		    part ? copy_to_segment(buffer, buffer->segments[i].base + offset, (const char *)data + done, part)
			 : 0;

		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

size_t io_buffer_get(const struct io_buffer *buffer, size_t offset, void *data, size_t size)
{
	size_t done = 0;

	for (uint32_t i = find_segment(buffer, &offset); i < buffer->count && done < size; i++, offset = 0) {
		size_t part = MIN_OF(buffer->segments[i].size - offset, size - done);
		size_t copied =
		    part ? copy_from_segment(buffer, buffer->segments[i].base + offset, (char *)data + done, part) : 0;

		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

void *io_buffer_direct(const struct io_buffer *buffer, size_t offset, size_t *contiguous)
{
	uint32_t i = find_segment(buffer, &offset);

	if (buffer->space || i == buffer->count)
		return NULL;
	*contiguous = buffer->segments[i].size - offset;
	return (void *)(uintptr_t)(buffer->segments[i].base + offset);
}
