/* Signal-driven input and output: owner.c. */
#ifndef TRANSLATE_OWNER_H
#define TRANSLATE_OWNER_H

#include <descriptor/files.h>
#include <executive/io/async.h>

/* Might O_ASYNC be other than `on`? What usual callers of F_SETFL ask for nothing. */
static inline bool lx_async_may_change(const struct lx_stream *stream, bool on)
{
	return on || atomic_load_explicit(&stream->file->lx_flags, memory_order_relaxed) & LX_O_ASYNC;
}

/* O_ASYNC on or off: 0 also when it is so already, -LX_ENOTTY of what sends no signals. */
int64_t lx_set_async(struct lx_call *call, int32_t fd, const struct lx_stream *stream, bool on);
/* When the process that bears the number now began to bear it, so that the next one is no owner; 0 for a group. Under lx_tree_lock. */
uint64_t lx_owner_birth(int32_t kind, int32_t id);

#endif
