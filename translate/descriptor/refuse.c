/* The answer of rows without a handler; see ntstatus.h. */
#include <core/ntstatus.h>

#include <core/lx.h>
#include <descriptor/files.h>

#include <stdatomic.h>
#include <stdbool.h>

/* A request or command that is not done still is asked of a descriptor, which the kernel looks up before it looks at the request. */
static int64_t check_descriptor(struct lx_call *call)
{
	const struct lx_syscall_descriptor *row = call->descriptor;
	struct lx_stream stream;

	if (row->refusal_errno == LX_ENOSYS || !row->argument_count || row->arguments[0].kind != LX_KIND_FD)
		return 0;
	return lx_fd_stream(call, (int32_t)call->arguments[0], 0, &stream);
}

int64_t lx_refuse(struct lx_call *call)
{
	static _Atomic bool reported[4096];
	const struct lx_syscall_descriptor *row = call->descriptor;
	int64_t result = check_descriptor(call);

	if (result < 0)
		return result;

	if (row->index < sizeof(reported) / sizeof(reported[0]) && !atomic_exchange(&reported[row->index], true))
		lx_log_refused(call);
	return -(int64_t)row->refusal_errno;
}
