/* Alerts and user APCs between threads. A thread object's body begins with its ke_thread. */
#include <executive/ex/ex.h>

#include <nt/ntps.h>
#include <nt/ntservices.h>

static NTSTATUS reference_thread(HANDLE handle, ACCESS_MASK access, void **thread)
{
	struct ob_type *type = ob_process_hooks()->thread_type;

	*thread = NULL;
	return type ? ob_reference_by_handle(handle, access, type, thread) : STATUS_INVALID_HANDLE;
}

NTSTATUS NtAlertThread(HANDLE ThreadHandle)
{
	cleanup_object void *thread = NULL;
	NTSTATUS status = reference_thread(ThreadHandle, THREAD_ALERT, &thread);

	if (NT_SUCCESS(status))
		ke_alert_thread(thread);
	return status;
}

NTSTATUS NtTestAlert(void)
{
	struct ke_thread *thread = ke_current_thread();

	if (!thread)
		return STATUS_SUCCESS;

	NTSTATUS status = ke_test_alert(thread);

	/* A queued APC is reported by being delivered. */
	if (status == STATUS_USER_APC) {
		ke_deliver_user_apcs();
		status = STATUS_SUCCESS;
	}
	return status;
}

NTSTATUS NtAlertThreadByThreadId(HANDLE ThreadId)
{
	const struct ob_process_hooks *hooks = ob_process_hooks();
	cleanup_object void *thread = hooks->thread_by_id ? hooks->thread_by_id((ULONG_PTR)ThreadId) : NULL;

	if (!thread)
		return STATUS_INVALID_CID;
	ke_alert_thread_by_id(thread);
	return STATUS_SUCCESS;
}

NTSTATUS NtWaitForAlertByThreadId(PVOID Address, PLARGE_INTEGER Timeout)
{
	/* The address is for debuggers alone. */
	return ke_wait_for_alert_by_id(Timeout);
}

struct queued_apc {
	struct ke_apc apc;
	PPS_APC_ROUTINE routine;
	PVOID arguments[3];
};

static void run_apc(struct ke_apc *apc)
{
	struct queued_apc queued = *container_of(apc, struct queued_apc, apc);

	free(apc);
	queued.routine(queued.arguments[0], queued.arguments[1], queued.arguments[2]);
}

static void drop_apc(struct ke_apc *apc)
{
	free(apc);
}

NTSTATUS NtQueueApcThread(HANDLE ThreadHandle, PPS_APC_ROUTINE ApcRoutine, PVOID ApcArgument1, PVOID ApcArgument2,
			  PVOID ApcArgument3)
{
	cleanup_object void *thread = NULL;
	NTSTATUS status = reference_thread(ThreadHandle, THREAD_SET_CONTEXT, &thread);

	if (!NT_SUCCESS(status))
		return status;
	if (!ApcRoutine)
		return STATUS_INVALID_PARAMETER_2;
	if (ke_read_state(&((struct ke_thread *)thread)->header))
		return STATUS_THREAD_IS_TERMINATING;

	struct queued_apc *queued = malloc(sizeof(*queued));

	if (!queued)
		return STATUS_INSUFFICIENT_RESOURCES;
	*queued = (struct queued_apc){
	    .apc = {.routine = run_apc, .rundown = drop_apc},
	    .routine = ApcRoutine,
	    .arguments = {ApcArgument1, ApcArgument2, ApcArgument3},
	};
	ke_queue_apc(thread, &queued->apc, true);
	return STATUS_SUCCESS;
}
