/*
 * Ending, suspending and opening processes and threads. Nothing is torn from a running thread: it is asked, kicked out of
 * user mode, and does it itself on its way back.
 */
#include <executive/ps/ps_internal.h>

#define MAXIMUM_SUSPEND_COUNT 127u

static void kick_locked(struct ps_thread *thread)
{
	if (thread->pico && thread->started)
		ps_platform()->kick(thread->pico);
}

void ps_terminate_thread_locked(struct ps_thread *thread, NTSTATUS status)
{
	if (thread->ke.terminating)
		return;
	thread->exit_status = status;
	thread->ke.terminating = true;
	ke_signal_apc(&thread->ke);
	kick_locked(thread);
}

void ps_terminate_process(struct ps_process *process, NTSTATUS status)
{
	struct ps_thread *thread;

	rtl_lock(&process->lock);
	if (!process->terminating)
		process->exit_status = status;
	process->terminating = true;
	TAILQ_FOREACH (thread, &process->threads, link)
		ps_terminate_thread_locked(thread, status);
	rtl_unlock(&process->lock);
	ke_set_event(&process->resumed);
}

/* NtTerminateProcess(NULL): all threads but the caller. */
static void terminate_others(struct ps_process *process, NTSTATUS status)
{
	struct ps_thread *thread;

	rtl_lock(&process->lock);
	TAILQ_FOREACH (thread, &process->threads, link)
		if (thread != ps_current_thread())
			ps_terminate_thread_locked(thread, status);
	rtl_unlock(&process->lock);
	ke_set_event(&process->resumed);
}

NTSTATUS NtTerminateProcess(HANDLE ProcessHandle, NTSTATUS ExitStatus)
{
	cleanup_object struct ps_process *process = NULL;
	NTSTATUS status;

	if (!ProcessHandle) {
		terminate_others(ps_current_process(), ExitStatus);
		return STATUS_SUCCESS;
	}
	status = ob_reference_by_handle(ProcessHandle, PROCESS_TERMINATE, &ps_process_type, (void **)&process);
	if (!NT_SUCCESS(status))
		return status;
	if (process == ps_system_process)
		return STATUS_ACCESS_DENIED;
	if (process->exited)
		return STATUS_PROCESS_IS_TERMINATING;
	ps_terminate_process(process, ExitStatus);
	return STATUS_SUCCESS;
}

NTSTATUS NtTerminateThread(HANDLE ThreadHandle, NTSTATUS ExitStatus)
{
	cleanup_object struct ps_thread *thread = NULL;
	NTSTATUS status = ob_reference_by_handle(ThreadHandle ? ThreadHandle : NtCurrentThread(), THREAD_TERMINATE, &ps_thread_type, (void **)&thread);

	if (!NT_SUCCESS(status))
		return status;
	if (thread->process == ps_system_process)
		return STATUS_ACCESS_DENIED;
	rtl_lock(&thread->process->lock);
	if (thread->exit_time.QuadPart)
		status = STATUS_THREAD_IS_TERMINATING;
	else
		ps_terminate_thread_locked(thread, ExitStatus);
	rtl_unlock(&thread->process->lock);
	ke_set_event(&thread->process->resumed);
	return status;
}

static bool is_suspended(struct ps_thread *thread)
{
	PS_HOLD(&thread->process->lock);

	if (!thread->process->suspend_count && !thread->suspend_count)
		return false;
	/* Set again by whoever resumes or terminates; until then there is nothing to look for. */
	if (!thread->ke.terminating)
		ke_reset_event(&thread->process->resumed);
	return !thread->ke.terminating;
}

void ps_wait_while_suspended(struct ps_thread *thread)
{
	while (is_suspended(thread))
		ke_wait_for_object(&thread->process->resumed.header, false, NULL);
}

NTSTATUS NtSuspendThread(HANDLE ThreadHandle, PULONG PreviousSuspendCount)
{
	cleanup_object struct ps_thread *thread = NULL;
	NTSTATUS status = ob_reference_by_handle(ThreadHandle, THREAD_SUSPEND_RESUME, &ps_thread_type, (void **)&thread);

	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&thread->process->lock);
	if (thread->exit_time.QuadPart || thread->ke.terminating)
		return STATUS_THREAD_IS_TERMINATING;
	if (thread->suspend_count == MAXIMUM_SUSPEND_COUNT)
		return STATUS_SUSPEND_COUNT_EXCEEDED;
	if (PreviousSuspendCount)
		*PreviousSuspendCount = thread->suspend_count;
	thread->suspend_count++;
	kick_locked(thread);
	return STATUS_SUCCESS;
}

NTSTATUS NtResumeThread(HANDLE ThreadHandle, PULONG PreviousSuspendCount)
{
	cleanup_object struct ps_thread *thread = NULL;
	NTSTATUS status = ob_reference_by_handle(ThreadHandle, THREAD_SUSPEND_RESUME, &ps_thread_type, (void **)&thread);

	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&thread->process->lock);
	if (PreviousSuspendCount)
		*PreviousSuspendCount = thread->suspend_count;
	if (thread->suspend_count)
		thread->suspend_count--;
	ke_set_event(&thread->process->resumed);
	return STATUS_SUCCESS;
}

NTSTATUS NtSuspendProcess(HANDLE ProcessHandle)
{
	cleanup_object struct ps_process *process = NULL;
	struct ps_thread *thread;
	NTSTATUS status = ob_reference_by_handle(ProcessHandle, PROCESS_SUSPEND_RESUME, &ps_process_type, (void **)&process);

	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&process->lock);
	if (process->terminating || process->exited)
		return STATUS_PROCESS_IS_TERMINATING;
	if (process->suspend_count == MAXIMUM_SUSPEND_COUNT)
		return STATUS_SUSPEND_COUNT_EXCEEDED;
	process->suspend_count++;
	TAILQ_FOREACH (thread, &process->threads, link)
		kick_locked(thread);
	return STATUS_SUCCESS;
}

NTSTATUS NtResumeProcess(HANDLE ProcessHandle)
{
	cleanup_object struct ps_process *process = NULL;
	NTSTATUS status = ob_reference_by_handle(ProcessHandle, PROCESS_SUSPEND_RESUME, &ps_process_type, (void **)&process);

	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&process->lock);
	if (process->suspend_count)
		process->suspend_count--;
	ke_set_event(&process->resumed);
	return STATUS_SUCCESS;
}

/* By CLIENT_ID; the names of objects are not for processes and threads. */
NTSTATUS NtOpenProcess(PHANDLE ProcessHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, PCLIENT_ID ClientId)
{
	cleanup_object struct ps_process *process = NULL;

	if (!ClientId || (ObjectAttributes && ObjectAttributes->ObjectName))
		return ClientId ? STATUS_INVALID_PARAMETER_MIX : STATUS_INVALID_PARAMETER;
	process = ps_lookup_process((ULONG_PTR)ClientId->UniqueProcess);
	if (!process)
		return STATUS_INVALID_CID;
	return ob_open_by_pointer(process, ObjectAttributes ? ObjectAttributes->Attributes : 0, DesiredAccess, ProcessHandle);
}

NTSTATUS NtOpenThread(PHANDLE ThreadHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, PCLIENT_ID ClientId)
{
	cleanup_object struct ps_thread *thread = NULL;

	if (!ClientId || (ObjectAttributes && ObjectAttributes->ObjectName))
		return ClientId ? STATUS_INVALID_PARAMETER_MIX : STATUS_INVALID_PARAMETER;
	thread = ps_lookup_thread((ULONG_PTR)ClientId->UniqueThread);
	if (!thread || (ClientId->UniqueProcess && (ULONG_PTR)ClientId->UniqueProcess != thread->process->unique_id))
		return STATUS_INVALID_CID;
	return ob_open_by_pointer(thread, ObjectAttributes ? ObjectAttributes->Attributes : 0, DesiredAccess, ThreadHandle);
}
