/*
 * Guest memory as handlers see it: copies in and out of the calling thread's
 * address space, and strings.
 *
 * Nothing is read twice: a handler that has copied a value works with its copy.
 * A string is read in pieces that end at page ends, so that one which ends right
 * before unmapped memory is no fault, and one that is short costs one copy.
 */
#include <core/thread.h>
#include <lx_structs.h>

static struct mm_address_space *space_of(struct lx_call *call)
{
	return call->thread->ps->process->space;
}

int64_t lx_copy_in(struct lx_call *call, void *data, struct lx_uptr from, size_t size)
{
	rtl_assert_lock_free();
	return mm_copy_from(space_of(call), data, from.address, size) == size ? 0 : -LX_EFAULT;
}

int64_t lx_copy_out(struct lx_call *call, struct lx_uptr to, const void *data, size_t size)
{
	rtl_assert_lock_free();
	return mm_copy_to(space_of(call), to.address, data, size) == size ? 0 : -LX_EFAULT;
}

static int64_t check_zero_tail(struct lx_call *call, struct lx_uptr from, uint64_t size, uint64_t known)
{
	uint8_t piece[256];

	for (uint64_t at = known; at < size; at += sizeof(piece)) {
		size_t part = MIN_OF(size - at, (uint64_t)sizeof(piece));

		if (lx_copy_in(call, piece, lx_uptr_add(from, at), part) < 0)
			return -LX_EFAULT;
		for (size_t i = 0; i < part; i++)
			if (piece[i])
				return -LX_E2BIG;
	}
	return 0;
}

/* The tail first, as the kernel looks. */
int64_t lx_copy_in_sized(struct lx_call *call, void *data, size_t known, struct lx_uptr from, uint64_t size)
{
	int64_t result = check_zero_tail(call, from, size, known);

	if (result < 0)
		return result;
	memset(data, 0, known);
	return lx_copy_in(call, data, from, MIN_OF(size, (uint64_t)known));
}

/* What the executive moves is laid out as a guest's vectors are. */
_Static_assert(sizeof(struct io_segment) == sizeof(struct lx_iovec), "struct iovec");
_Static_assert(offsetof(struct io_segment, base) == offsetof(struct lx_iovec, iov_base), "iov_base");
_Static_assert(offsetof(struct io_segment, size) == offsetof(struct lx_iovec, iov_len), "iov_len");

int64_t lx_copy_in_segments(struct lx_call *call, struct io_segment *segments, struct lx_uptr from, uint64_t count)
{
	return count ? lx_copy_in(call, segments, from, count * sizeof(*segments)) : 0;
}

int64_t lx_copy_in_string(struct lx_call *call, char *data, struct lx_uptr from, size_t size)
{
	size_t done = 0;

	rtl_assert_lock_free();
	while (done < size) {
		uint64_t address = from.address + done;
		size_t to_page_end = LX_PAGE_SIZE - (address & (LX_PAGE_SIZE - 1));
		size_t piece = MIN_OF(size - done, to_page_end);
		size_t copied = mm_copy_from(space_of(call), data + done, address, piece);
		const char *end = memchr(data + done, 0, copied);

		if (end)
			return end - data;
		if (copied < piece)
			return -LX_EFAULT;
		done += piece;
	}
	return -LX_ENAMETOOLONG;
}

int64_t lx_copy_in_path(struct lx_call *call, char *path, struct lx_uptr from, bool allow_empty)
{
	int64_t length = lx_copy_in_string(call, path, from, LX_PATH_MAX);

	return length == 0 && !allow_empty ? -LX_ENOENT : length;
}
