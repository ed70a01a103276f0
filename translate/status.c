/* From NTSTATUS to the guest's errno, and the answer of rows without a handler; see status.h. */
#include <status.h>

#include <lx.h>

#include <stdatomic.h>
#include <stdbool.h>

int64_t lx_errno_for_row(const struct lx_syscall_descriptor *row, NTSTATUS status)
{
	for (unsigned i = 0; row && i < row->override_count; i++)
		if (row->overrides[i].status == status)
			return -(int64_t)row->overrides[i].error;
	return lx_errno_from_status(status);
}

int64_t lx_result(struct lx_call *call, NTSTATUS status)
{
	return status == STATUS_SUCCESS ? 0 : lx_errno_for_row(call->descriptor, status);
}

int64_t lx_refuse(struct lx_call *call)
{
	static _Atomic bool reported[4096];
	const struct lx_syscall_descriptor *row = call->descriptor;

	if (row->index < sizeof(reported) / sizeof(reported[0]) && !atomic_exchange(&reported[row->index], true))
		lx_log_refused(call);
	return -(int64_t)row->refusal_errno;
}
