/* What the log says of calls that are not done: each once a run. */
#include <core/ntstatus.h>
#include <core/thread.h>

#include <core/process.h>
#include <executive/ex/debug.h>

void lx_log_refused(struct lx_call *call)
{
	const struct lx_syscall_descriptor *row = call->descriptor;

	ex_debug_print("%s[%d]: %s: %s: %s", call->thread->comm, call->thread->tid, row->name,
		       row->status == LX_SYSCALL_REFUSED ? "refused" : "not implemented",
		       row->note && *row->note ? row->note : lx_errno_name(row->refusal_errno));
}
