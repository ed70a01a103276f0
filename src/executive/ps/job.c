/*
 * Jobs: sets of processes that are counted, limited and ended together. A process is in at most one; its children are born
 * into it. The job keeps no process alive: a process leaves as it exits and adds its times to the job's account.
 */
#include <executive/ps/ps_internal.h>

struct ps_job {
	struct rtl_lock lock; /* guards all below; a leaf */
	TAILQ_HEAD(, ps_process) members;
	ULONG active, total, terminated;
	ULONG limit_flags, active_limit;
	struct pico_cpu_time retired;
	struct dispatcher_header header; /* signalled when a time limit ends the job: never, so far */
};

/* The members at one moment, referenced; the caller frees. NULL if out of memory or there are none. */
static struct ps_process **take_members(struct ps_job *job, size_t *count)
{
	struct ps_process **members, *process;
	PS_HOLD(&job->lock);

	*count = 0;
	members = calloc(job->active + 1, sizeof(struct ps_process *));
	if (members)
		TAILQ_FOREACH (process, &job->members, job_link)
			if (ob_reference_safe(process))
				members[(*count)++] = process;
	return members;
}

static void terminate_members(struct ps_job *job, NTSTATUS status)
{
	size_t count;
	struct ps_process **members = take_members(job, &count);

	for (size_t i = 0; i < count; i++) {
		ps_terminate_process(members[i], status);
		ob_dereference(members[i]);
	}
	free(members);
}

static void job_close(void *object, ULONG left)
{
	struct ps_job *job = object;

	if (!left && job->limit_flags & JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)
		terminate_members(job, STATUS_SUCCESS);
}

static void job_delete(void *object)
{
	rtl_lock_destroy(&((struct ps_job *)object)->lock);
}

static struct dispatcher_header *job_dispatcher(void *object)
{
	return &((struct ps_job *)object)->header;
}

static void job_dump(void *object, FILE *out)
{
	struct ps_job *job = object;

	fprintf(out, "%u active of %u", job->active, job->total);
}

static const struct ob_type_operations job_operations = {
	.close = job_close,
	.delete = job_delete,
	.dispatcher = job_dispatcher,
	.dump = job_dump,
};

struct ob_type ps_job_type = {
	.name = "Job",
	.mapping = {READ_CONTROL | JOB_OBJECT_QUERY, READ_CONTROL | JOB_OBJECT_ASSIGN_PROCESS | JOB_OBJECT_SET_ATTRIBUTES | JOB_OBJECT_TERMINATE,
		    READ_CONTROL | SYNCHRONIZE, JOB_OBJECT_ALL_ACCESS},
	.valid_access = JOB_OBJECT_ALL_ACCESS,
	.operations = &job_operations,
};

NTSTATUS ps_job_join(struct ps_job *job, struct ps_process *process)
{
	PS_HOLD(&job->lock);

	if (job->limit_flags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS && job->active >= job->active_limit)
		return STATUS_QUOTA_EXCEEDED;
	TAILQ_INSERT_TAIL(&job->members, process, job_link);
	job->active++;
	job->total++;
	ob_reference(job);
	process->job = job;
	return STATUS_SUCCESS;
}

void ps_job_leave(struct ps_process *process)
{
	struct ps_job *job;

	rtl_lock(&process->lock);
	job = steal_pointer(&process->job);
	rtl_unlock(&process->lock);
	if (!job)
		return;
	rtl_lock(&job->lock);
	TAILQ_REMOVE(&job->members, process, job_link);
	job->active--;
	if (process->terminating)
		job->terminated++;
	job->retired.user_ns += process->retired.user_ns;
	job->retired.system_ns += process->retired.system_ns;
	rtl_unlock(&job->lock);
	ob_dereference(job);
}

NTSTATUS NtCreateJobObject(PHANDLE JobHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	struct ps_job *job = ob_create_object(&ps_job_type, sizeof(*job));

	if (!job)
		return STATUS_NO_MEMORY;
	rtl_lock_initialize(&job->lock);
	TAILQ_INIT(&job->members);
	ke_initialize_header(&job->header, KE_EVENT_NOTIFICATION);
	return ob_insert_object(job, ObjectAttributes, DesiredAccess, JobHandle);
}

NTSTATUS NtOpenJobObject(PHANDLE JobHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ps_job_type, DesiredAccess, JobHandle);
}

NTSTATUS NtAssignProcessToJobObject(HANDLE JobHandle, HANDLE ProcessHandle)
{
	cleanup_object struct ps_job *job = NULL;
	cleanup_object struct ps_process *process = NULL;
	NTSTATUS status = ob_reference_by_handle(JobHandle, JOB_OBJECT_ASSIGN_PROCESS, &ps_job_type, (void **)&job);

	if (NT_SUCCESS(status))
		status = ob_reference_by_handle(ProcessHandle, PROCESS_SET_QUOTA | PROCESS_TERMINATE, &ps_process_type, (void **)&process);
	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&process->lock);
	if (process->exited || process->terminating)
		status = STATUS_PROCESS_IS_TERMINATING;
	else if (process->job)
		status = process->job == job ? STATUS_SUCCESS : STATUS_ACCESS_DENIED; /* no nesting */
	else
		status = ps_job_join(job, process);
	rtl_unlock(&process->lock);
	/* NT ends a process that is one too many. */
	if (status == STATUS_QUOTA_EXCEEDED)
		ps_terminate_process(process, STATUS_QUOTA_EXCEEDED);
	return status;
}

NTSTATUS NtTerminateJobObject(HANDLE JobHandle, NTSTATUS ExitStatus)
{
	cleanup_object struct ps_job *job = NULL;
	NTSTATUS status = ob_reference_by_handle(JobHandle, JOB_OBJECT_TERMINATE, &ps_job_type, (void **)&job);

	if (NT_SUCCESS(status))
		terminate_members(job, ExitStatus);
	return status;
}

NTSTATUS NtIsProcessInJob(HANDLE ProcessHandle, HANDLE JobHandle)
{
	cleanup_object struct ps_process *process = NULL;
	cleanup_object struct ps_job *job = NULL;
	NTSTATUS status = ob_reference_by_handle(ProcessHandle, PROCESS_QUERY_LIMITED_INFORMATION, &ps_process_type, (void **)&process);

	if (NT_SUCCESS(status) && JobHandle)
		status = ob_reference_by_handle(JobHandle, JOB_OBJECT_QUERY, &ps_job_type, (void **)&job);
	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&process->lock);
	return process->job && (!job || process->job == job) ? STATUS_PROCESS_IN_JOB : STATUS_PROCESS_NOT_IN_JOB;
}

static NTSTATUS query_accounting(struct ps_job *job, PVOID buffer, ULONG length, PULONG returned)
{
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION answer = {0};
	struct pico_cpu_time time;
	size_t count;
	struct ps_process **members = take_members(job, &count);

	rtl_lock(&job->lock);
	time = job->retired;
	answer.TotalProcesses = job->total;
	answer.ActiveProcesses = job->active;
	answer.TotalTerminatedProcesses = job->terminated;
	rtl_unlock(&job->lock);
	for (size_t i = 0; i < count; i++) {
		struct pico_cpu_time one = ps_process_cpu_time(members[i]);

		time.user_ns += one.user_ns;
		time.system_ns += one.system_ns;
		ob_dereference(members[i]);
	}
	free(members);
	answer.TotalUserTime.QuadPart = answer.ThisPeriodTotalUserTime.QuadPart = (LONGLONG)(time.user_ns / 100);
	answer.TotalKernelTime.QuadPart = answer.ThisPeriodTotalKernelTime.QuadPart = (LONGLONG)(time.system_ns / 100);
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static NTSTATUS query_ids(struct ps_job *job, PVOID buffer, ULONG length, PULONG returned)
{
	JOBOBJECT_BASIC_PROCESS_ID_LIST *list = buffer;
	const ULONG head = offsetof(JOBOBJECT_BASIC_PROCESS_ID_LIST, ProcessIdList);
	struct ps_process *process;
	ULONG room;
	PS_HOLD(&job->lock);

	if (length < sizeof(*list))
		return STATUS_INFO_LENGTH_MISMATCH;
	room = (length - head) / sizeof(list->ProcessIdList[0]);
	list->NumberOfAssignedProcesses = job->active;
	list->NumberOfProcessIdsInList = 0;
	TAILQ_FOREACH (process, &job->members, job_link)
		if (list->NumberOfProcessIdsInList < room)
			list->ProcessIdList[list->NumberOfProcessIdsInList++] = process->unique_id;
	if (returned)
		*returned = head + list->NumberOfProcessIdsInList * (ULONG)sizeof(list->ProcessIdList[0]);
	return list->NumberOfProcessIdsInList < job->active ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS query_limits(struct ps_job *job, PVOID buffer, ULONG length, PULONG returned)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION answer = {0};

	rtl_lock(&job->lock);
	answer.BasicLimitInformation.LimitFlags = job->limit_flags;
	answer.BasicLimitInformation.ActiveProcessLimit = job->active_limit;
	rtl_unlock(&job->lock);
	return ps_answer(&answer, sizeof(answer), buffer, length, returned);
}

static struct ps_job *callers_job(void)
{
	struct ps_process *process = ps_current_process();
	PS_HOLD(&process->lock);

	if (process->job)
		ob_reference(process->job);
	return process->job;
}

NTSTATUS NtQueryInformationJobObject(HANDLE JobHandle, JOBOBJECTINFOCLASS JobObjectInformationClass, PVOID JobObjectInformation,
				     ULONG JobObjectInformationLength, PULONG ReturnLength)
{
	cleanup_object struct ps_job *job = NULL;
	NTSTATUS status = STATUS_SUCCESS;

	if (JobHandle)
		status = ob_reference_by_handle(JobHandle, JOB_OBJECT_QUERY, &ps_job_type, (void **)&job);
	else if (!(job = callers_job()))
		status = STATUS_ACCESS_DENIED;
	if (!NT_SUCCESS(status))
		return status;
	switch (JobObjectInformationClass) {
	case JobObjectBasicAccountingInformation:
		return query_accounting(job, JobObjectInformation, JobObjectInformationLength, ReturnLength);
	case JobObjectBasicProcessIdList:
		return query_ids(job, JobObjectInformation, JobObjectInformationLength, ReturnLength);
	case JobObjectExtendedLimitInformation:
		return query_limits(job, JobObjectInformation, JobObjectInformationLength, ReturnLength);
	}
	return STATUS_INVALID_INFO_CLASS;
}

NTSTATUS NtSetInformationJobObject(HANDLE JobHandle, JOBOBJECTINFOCLASS JobObjectInformationClass, PVOID JobObjectInformation,
				   ULONG JobObjectInformationLength)
{
	const JOBOBJECT_EXTENDED_LIMIT_INFORMATION *limits = JobObjectInformation;
	const ULONG known = JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
	cleanup_object struct ps_job *job = NULL;
	NTSTATUS status;

	if (JobObjectInformationClass != JobObjectExtendedLimitInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (JobObjectInformationLength != sizeof(*limits))
		return STATUS_INFO_LENGTH_MISMATCH;
	/* A limit that would not be kept is refused. */
	if (limits->BasicLimitInformation.LimitFlags & ~known)
		return STATUS_INVALID_PARAMETER;
	status = ob_reference_by_handle(JobHandle, JOB_OBJECT_SET_ATTRIBUTES, &ps_job_type, (void **)&job);
	if (!NT_SUCCESS(status))
		return status;
	PS_HOLD(&job->lock);
	job->limit_flags = limits->BasicLimitInformation.LimitFlags;
	job->active_limit = limits->BasicLimitInformation.ActiveProcessLimit;
	return STATUS_SUCCESS;
}
