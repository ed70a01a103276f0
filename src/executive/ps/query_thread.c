/* NtQueryInformationThread and NtSetInformationThread: one function a class. */
#include <executive/ps/ps_internal.h>

typedef NTSTATUS (*thread_query)(struct ps_thread *thread, PVOID buffer, ULONG length, PULONG returned);
typedef NTSTATUS (*thread_change)(struct ps_thread *thread, const void *data, ULONG length);

static NTSTATUS query_basic(struct ps_thread *thread, PVOID buffer, ULONG length, PULONG returned)
{
	THREAD_BASIC_INFORMATION answer = {0};
	struct hal_system system;

	hal_query_system(&system);
	rtl_lock(&thread->process->lock);
	answer.ExitStatus = thread->exit_time.QuadPart ? thread->exit_status : STATUS_PENDING;
	answer.ClientId.UniqueProcess = (HANDLE)thread->process->unique_id;
	answer.ClientId.UniqueThread = (HANDLE)thread->unique_id;
	answer.AffinityMask = system.processor_mask;
	answer.BasePriority = answer.Priority = thread->process->base_priority + thread->priority_increment;
	rtl_unlock(&thread->process->lock);
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static NTSTATUS query_times(struct ps_thread *thread, PVOID buffer, ULONG length, PULONG returned)
{
	KERNEL_USER_TIMES answer;
	struct pico_cpu_time time;

	rtl_lock(&thread->process->lock);
	time = ps_thread_cpu_time_locked(thread);
	answer = (KERNEL_USER_TIMES){
		.CreateTime = thread->create_time,
		.ExitTime = thread->exit_time,
		.KernelTime.QuadPart = (LONGLONG)(time.system_ns / 100),
		.UserTime.QuadPart = (LONGLONG)(time.user_ns / 100),
	};
	rtl_unlock(&thread->process->lock);
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static NTSTATUS query_name(struct ps_thread *thread, PVOID buffer, ULONG length, PULONG returned)
{
	THREAD_NAME_INFORMATION *answer = buffer;
	USHORT size;
	PS_HOLD(&thread->process->lock);

	size = (USHORT)strnlen(thread->name, sizeof(thread->name));
	if (returned)
		*returned = (ULONG)sizeof(*answer) + size;
	if (length < sizeof(*answer) + size)
		return STATUS_BUFFER_TOO_SMALL;
	answer->ThreadName = (STRING){size, size, (PCHAR)(answer + 1)};
	memcpy(answer->ThreadName.Buffer, thread->name, size);
	return STATUS_SUCCESS;
}

static NTSTATUS query_subsystem(struct ps_thread *thread, PVOID buffer, ULONG length, PULONG returned)
{
	SUBSYSTEM_INFORMATION_TYPE type = thread->pico_context ? SubsystemInformationTypeWSL : SubsystemInformationTypeWin32;

	return ps_answer(&type, sizeof(type), buffer, length, returned);
}

/* What host tools show changes only if the thread names itself: its own half alone can do it. */
static NTSTATUS set_name(struct ps_thread *thread, const void *data, ULONG length)
{
	const THREAD_NAME_INFORMATION *information = data;
	size_t size;

	if (length != sizeof(*information))
		return STATUS_INFO_LENGTH_MISMATCH;
	size = MIN_OF((size_t)information->ThreadName.Length, sizeof(thread->name) - 1);
	rtl_lock(&thread->process->lock);
	memset(thread->name, 0, sizeof(thread->name));
	memcpy(thread->name, information->ThreadName.Buffer, size);
	rtl_unlock(&thread->process->lock);
	if (thread == ps_current_thread() && thread->pico)
		ps_platform()->set_name(thread->pico, thread->name);
	return STATUS_SUCCESS;
}

static NTSTATUS set_affinity(struct ps_thread *thread, const void *data, ULONG length)
{
	struct hal_system system;
	int error = 0;

	if (length != sizeof(ULONG_PTR))
		return STATUS_INFO_LENGTH_MISMATCH;
	hal_query_system(&system);
	if (!(*(const ULONG_PTR *)data & system.processor_mask))
		return STATUS_INVALID_PARAMETER;
	PS_HOLD(&thread->process->lock);
	if (thread->pico && thread->started)
		error = ps_platform()->set_affinity(thread->pico, data, sizeof(ULONG_PTR));
	return nt_status_from_errno(-error);
}

/* The increment over the process' priority: NT's -2..2 and the saturating -15 and 15; all of nice's -20..19 is taken, negated. */
static NTSTATUS set_base_priority(struct ps_thread *thread, const void *data, ULONG length)
{
	LONG increment;
	int error = 0;

	if (length != sizeof(LONG))
		return STATUS_INFO_LENGTH_MISMATCH;
	increment = *(const LONG *)data;
	if (increment < -19 || increment > 20)
		return STATUS_INVALID_PARAMETER;
	PS_HOLD(&thread->process->lock);
	if (thread->pico && thread->started)
		error = ps_platform()->set_nice(thread->pico, -increment);
	if (!error)
		thread->priority_increment = increment;
	return error == -13 ? STATUS_PRIVILEGE_NOT_HELD : nt_status_from_errno(-error);
}

static const struct {
	THREADINFOCLASS class;
	thread_query query;
	thread_change change;
} classes[] = {
	{ThreadBasicInformation, query_basic, NULL},
	{ThreadTimes, query_times, NULL},
	{ThreadBasePriority, NULL, set_base_priority},
	{ThreadAffinityMask, NULL, set_affinity},
	{ThreadNameInformation, query_name, set_name},
	{ThreadSubsystemInformation, query_subsystem, NULL},
};

NTSTATUS NtQueryInformationThread(HANDLE ThreadHandle, THREADINFOCLASS ThreadInformationClass, PVOID ThreadInformation,
				  ULONG ThreadInformationLength, PULONG ReturnLength)
{
	cleanup_object struct ps_thread *thread = NULL;
	NTSTATUS status;

	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		if (classes[i].class != ThreadInformationClass || !classes[i].query)
			continue;
		status = ob_reference_by_handle(ThreadHandle, THREAD_QUERY_INFORMATION, &ps_thread_type, (void **)&thread);
		return NT_SUCCESS(status) ? classes[i].query(thread, ThreadInformation, ThreadInformationLength, ReturnLength) : status;
	}
	return STATUS_INVALID_INFO_CLASS;
}

NTSTATUS NtSetInformationThread(HANDLE ThreadHandle, THREADINFOCLASS ThreadInformationClass, PVOID ThreadInformation, ULONG ThreadInformationLength)
{
	cleanup_object struct ps_thread *thread = NULL;
	NTSTATUS status;

	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		if (classes[i].class != ThreadInformationClass || !classes[i].change)
			continue;
		status = ob_reference_by_handle(ThreadHandle, THREAD_SET_INFORMATION, &ps_thread_type, (void **)&thread);
		return NT_SUCCESS(status) ? classes[i].change(thread, ThreadInformation, ThreadInformationLength) : status;
	}
	return STATUS_INVALID_INFO_CLASS;
}
