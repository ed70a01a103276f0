/* From NTSTATUS to the guest's errno; see ntstatus.h. */
#include <core/ntstatus.h>

#include <core/lx.h>

int64_t lx_errno_for_row(const struct lx_syscall_descriptor *row, NTSTATUS status)
{
	for (; row; row = row->parent)
		for (unsigned i = 0; i < row->override_count; i++)
			if (row->overrides[i].status == status)
				return -(int64_t)row->overrides[i].error;
	return lx_errno_from_status(status);
}

int64_t lx_result(struct lx_call *call, NTSTATUS status)
{
	return status == STATUS_SUCCESS ? 0 : lx_errno_for_row(call->descriptor, status);
}
