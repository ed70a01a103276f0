/*
 * The buffer of an I/O request: NT's MDL in spirit. It says where bytes are
 * copied to or from without saying how, so that services and drivers need not
 * know whether that is the supervisor's memory or a guest's.
 *
 * A buffer is a list of segments; offsets count over the whole list. All copy
 * functions stop at the first byte that can't be reached and say how far they
 * came: a fault after n > 0 bytes is a short transfer, not an error.
 */
#ifndef NT_IOBUFFER_H
#define NT_IOBUFFER_H

#include <nt/ntdef.h>

struct mm_address_space;

struct io_segment {
	uint64_t base; /* address in the buffer's space */
	uint64_t size; /* bytes */
};

struct io_buffer {
	struct mm_address_space *space; /* NULL: the supervisor's own memory */
	const struct io_segment *segments;
	uint32_t count;
	struct io_segment single; /* storage for the common case; segments may point here */
};

/* Initialise for `size` bytes of the supervisor's memory. */
void io_buffer_from_kernel(struct io_buffer *buffer, void *base, size_t size);
/* Initialise for guest memory; `segments` must outlive the buffer. */
void io_buffer_from_user(struct io_buffer *buffer, struct mm_address_space *space,
			 const struct io_segment *segments, uint32_t count);
void io_buffer_from_user_single(struct io_buffer *buffer, struct mm_address_space *space,
				uint64_t base, size_t size);

/* Total bytes. */
size_t io_buffer_size(const struct io_buffer *buffer);
/* Copy `size` bytes of `data` into the buffer at `offset`; returns the bytes copied (short at a fault or the end). */
size_t io_buffer_put(const struct io_buffer *buffer, size_t offset, const void *data, size_t size);
/* Copy `size` bytes at `offset` of the buffer to `data`; returns the bytes copied. */
size_t io_buffer_get(const struct io_buffer *buffer, size_t offset, void *data, size_t size);
/* The supervisor address of the bytes at `offset` and how many are contiguous, or NULL for guest memory. */
void *io_buffer_direct(const struct io_buffer *buffer, size_t offset, size_t *contiguous);

#endif
