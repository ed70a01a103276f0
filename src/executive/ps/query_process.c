/* NtQueryInformationProcess and NtSetInformationProcess: one function a class. */
#include <executive/ps/ps_internal.h>

NTSTATUS ps_answer(const void *answer, ULONG size, PVOID buffer, ULONG length, PULONG returned)
{
	if (returned)
		*returned = size;
	if (length < size)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(buffer, answer, size);
	return STATUS_SUCCESS;
}

typedef NTSTATUS (*process_query)(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned);

static ULONG_PTR all_processors(void)
{
	struct hal_system system;

	hal_query_system(&system);
	return system.processor_mask;
}

static NTSTATUS query_basic(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	PROCESS_BASIC_INFORMATION answer = {.AffinityMask = all_processors()};

	rtl_lock(&process->lock);
	answer.ExitStatus = process->exited ? process->exit_status : STATUS_PENDING;
	answer.BasePriority = process->base_priority;
	answer.UniqueProcessId = process->unique_id;
	answer.InheritedFromUniqueProcessId = process->parent_id;
	rtl_unlock(&process->lock);
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static NTSTATUS query_memory(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	struct mm_address_space *space = ps_reference_space(process);
	struct mm_statistics statistics = {0};
	struct pico_resident resident = {0};
	VM_COUNTERS answer = {0};

	if (space) {
		mm_statistics(space, &statistics);
		resident = mm_resident(space);
		mm_dereference_space(space);
	}
	answer.VirtualSize = statistics.virtual_size;
	answer.PeakVirtualSize = statistics.peak_virtual_size;
	answer.PagefileUsage = statistics.data;
	answer.PeakWorkingSetSize = resident.peak;
	answer.WorkingSetSize = resident.anonymous + resident.file + resident.shared;
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static NTSTATUS query_times(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	struct pico_cpu_time time = ps_process_cpu_time(process);
	KERNEL_USER_TIMES answer = {
		.CreateTime = process->create_time,
		.ExitTime = process->exit_time,
		.KernelTime.QuadPart = (LONGLONG)(time.system_ns / 100),
		.UserTime.QuadPart = (LONGLONG)(time.user_ns / 100),
	};

	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static void count_handle(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	++*(ULONG *)context;
}

static NTSTATUS query_handle_count(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	struct ob_handle_table *handles = NULL;
	ULONG count = 0;

	rtl_lock(&process->lock);
	if (process->handles)
		handles = ob_handle_table_reference(process->handles);
	rtl_unlock(&process->lock);
	if (handles) {
		ob_handle_table_walk(handles, count_handle, &count);
		ob_handle_table_dereference(handles);
	}
	return ps_answer(&count, sizeof(count), buffer, length, returned);
}

static NTSTATUS query_image_name(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	PSTRING string = buffer;
	USHORT size;
	PS_HOLD(&process->lock);

	size = (USHORT)strlen(process->image_name);
	if (returned)
		*returned = (ULONG)sizeof(*string) + size;
	if (length < sizeof(*string) + size)
		return STATUS_INFO_LENGTH_MISMATCH;
	*string = (STRING){size, size, (PCHAR)(string + 1)};
	memcpy(string->Buffer, process->image_name, size);
	return STATUS_SUCCESS;
}

static NTSTATUS query_subsystem(struct ps_process *process, PVOID buffer, ULONG length, PULONG returned)
{
	SUBSYSTEM_INFORMATION_TYPE type = process->pico_context ? SubsystemInformationTypeWSL : SubsystemInformationTypeWin32;

	return ps_answer(&type, sizeof(type), buffer, length, returned);
}

static const struct {
	PROCESSINFOCLASS class;
	process_query query;
} queries[] = {
	{ProcessBasicInformation, query_basic},	    {ProcessVmCounters, query_memory},
	{ProcessTimes, query_times},		    {ProcessHandleCount, query_handle_count},
	{ProcessImageFileName, query_image_name},   {ProcessSubsystemInformation, query_subsystem},
};

NTSTATUS NtQueryInformationProcess(HANDLE ProcessHandle, PROCESSINFOCLASS ProcessInformationClass, PVOID ProcessInformation,
				   ULONG ProcessInformationLength, PULONG ReturnLength)
{
	cleanup_object struct ps_process *process = NULL;
	NTSTATUS status;

	for (size_t i = 0; i < ARRAY_COUNT(queries); i++) {
		if (queries[i].class != ProcessInformationClass)
			continue;
		status = ob_reference_by_handle(ProcessHandle, PROCESS_QUERY_LIMITED_INFORMATION, &ps_process_type, (void **)&process);
		return NT_SUCCESS(status) ? queries[i].query(process, ProcessInformation, ProcessInformationLength, ReturnLength) : status;
	}
	return STATUS_INVALID_INFO_CLASS;
}

/* Every thread of the process; the first failure is reported, and the others are tried all the same. */
static NTSTATUS each_thread(struct ps_process *process, int (*apply)(struct ps_thread *thread, const void *argument), const void *argument)
{
	struct ps_thread *thread;
	int error = 0;
	PS_HOLD(&process->lock);

	TAILQ_FOREACH (thread, &process->threads, link) {
		int one = thread->pico && thread->started ? apply(thread, argument) : 0;

		error = error ? error : one;
	}
	return nt_status_from_errno(-error);
}

static int apply_affinity(struct ps_thread *thread, const void *argument)
{
	return ps_platform()->set_affinity(thread->pico, argument, sizeof(ULONG_PTR));
}

/* Base priority 8 is nice 0; one class of four is five steps of nice. */
static int nice_of(KPRIORITY base, LONG increment)
{
	int nice = (8 - base) * 5 / 4 - increment;

	return nice < -20 ? -20 : nice > 19 ? 19 : nice;
}

static int apply_priority(struct ps_thread *thread, const void *argument)
{
	return ps_platform()->set_nice(thread->pico, nice_of(*(const KPRIORITY *)argument, thread->priority_increment));
}

NTSTATUS NtSetInformationProcess(HANDLE ProcessHandle, PROCESSINFOCLASS ProcessInformationClass, PVOID ProcessInformation,
				 ULONG ProcessInformationLength)
{
	cleanup_object struct ps_process *process = NULL;
	bool affinity = ProcessInformationClass == ProcessAffinityMask;
	NTSTATUS status;

	if (!affinity && ProcessInformationClass != ProcessBasePriority)
		return STATUS_INVALID_INFO_CLASS;
	if (ProcessInformationLength != (affinity ? sizeof(ULONG_PTR) : sizeof(KPRIORITY)))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_reference_by_handle(ProcessHandle, PROCESS_SET_INFORMATION, &ps_process_type, (void **)&process);
	if (!NT_SUCCESS(status))
		return status;
	if (affinity) {
		if (!(*(ULONG_PTR *)ProcessInformation & all_processors()))
			return STATUS_INVALID_PARAMETER;
		return each_thread(process, apply_affinity, ProcessInformation);
	}
	if (*(KPRIORITY *)ProcessInformation < 1 || *(KPRIORITY *)ProcessInformation > 31)
		return STATUS_INVALID_PARAMETER;
	status = each_thread(process, apply_priority, ProcessInformation);
	if (NT_SUCCESS(status))
		process->base_priority = *(KPRIORITY *)ProcessInformation;
	return status;
}
