/* NtOpenProcessToken, NtOpenProcessTokenEx, NtOpenThreadToken: handles to the tokens of processes and threads. */
#include <executive/ps/ps_internal.h>

NTSTATUS NtOpenProcessTokenEx(HANDLE ProcessHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes, PHANDLE TokenHandle)
{
	cleanup_object struct ps_process *process = NULL;
	cleanup_object struct se_token *token = NULL;
	NTSTATUS status = ob_reference_by_handle(ProcessHandle, PROCESS_QUERY_INFORMATION, &ps_process_type, (void **)&process);

	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&process->lock);
	token = process->token;
	if (token)
		ob_reference(token);
	rtl_unlock(&process->lock);
	return token ? ob_open_by_pointer(token, HandleAttributes, DesiredAccess, TokenHandle) : STATUS_NO_TOKEN;
}

NTSTATUS NtOpenProcessToken(HANDLE ProcessHandle, ACCESS_MASK DesiredAccess, PHANDLE TokenHandle)
{
	return NtOpenProcessTokenEx(ProcessHandle, DesiredAccess, 0, TokenHandle);
}

/* Only what the thread has of its own: one that acts as its process has none. Who asks is checked as himself anyway. */
NTSTATUS NtOpenThreadToken(HANDLE ThreadHandle, ACCESS_MASK DesiredAccess, BOOLEAN OpenAsSelf, PHANDLE TokenHandle)
{
	cleanup_object struct ps_thread *thread = NULL;
	cleanup_object struct se_token *token = NULL;
	NTSTATUS status = ob_reference_by_handle(ThreadHandle, THREAD_QUERY_INFORMATION, &ps_thread_type, (void **)&thread);

	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&thread->process->lock);
	token = thread->token;
	if (token)
		ob_reference(token);
	rtl_unlock(&thread->process->lock);
	return token ? ob_open_by_pointer(token, 0, DesiredAccess, TokenHandle) : STATUS_NO_TOKEN;
}
