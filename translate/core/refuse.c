/* The answer of rows without a handler; see ntstatus.h. */
#include <core/ntstatus.h>

#include <core/lx.h>

#include <stdatomic.h>
#include <stdbool.h>

int64_t lx_refuse(struct lx_call *call)
{
	static _Atomic bool reported[4096];
	const struct lx_syscall_descriptor *row = call->descriptor;

	if (row->index < sizeof(reported) / sizeof(reported[0]) && !atomic_exchange(&reported[row->index], true))
		lx_log_refused(call);
	return -(int64_t)row->refusal_errno;
}
