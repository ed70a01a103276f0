/* Semaphore objects. */
#include <executive/ex/ex.h>

#include <nt/ntservices.h>

static struct dispatcher_header *semaphore_dispatcher(void *object)
{
	return &((struct ksemaphore *)object)->header;
}

static void dump_semaphore(void *object, FILE *out)
{
	struct ksemaphore *semaphore = object;

	fprintf(out, "count %d of %d", ke_read_state(&semaphore->header), semaphore->limit);
}

static const struct ob_type_operations semaphore_operations = {.dispatcher = semaphore_dispatcher,
							       .dump = dump_semaphore};

struct ob_type ex_semaphore_type = {
    .name = "Semaphore",
    .mapping = {0x20001, 0x20002, 0x120000, SEMAPHORE_ALL_ACCESS},
    .valid_access = SEMAPHORE_ALL_ACCESS,
    .operations = &semaphore_operations,
};

NTSTATUS NtCreateSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			   LONG InitialCount, LONG MaximumCount)
{
	if (MaximumCount <= 0 || InitialCount < 0 || InitialCount > MaximumCount)
		return STATUS_INVALID_PARAMETER;

	struct ksemaphore *semaphore = ob_create_object(&ex_semaphore_type, sizeof(*semaphore));

	if (!semaphore)
		return STATUS_INSUFFICIENT_RESOURCES;
	ke_initialize_semaphore(semaphore, InitialCount, MaximumCount);
	return ob_insert_object(semaphore, ObjectAttributes, DesiredAccess, SemaphoreHandle);
}

NTSTATUS NtOpenSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ex_semaphore_type, DesiredAccess, SemaphoreHandle);
}

NTSTATUS NtReleaseSemaphore(HANDLE SemaphoreHandle, LONG ReleaseCount, PLONG PreviousCount)
{
	cleanup_object void *semaphore = NULL;

	if (ReleaseCount <= 0)
		return STATUS_INVALID_PARAMETER;

	NTSTATUS status =
	    ob_reference_by_handle(SemaphoreHandle, SEMAPHORE_MODIFY_STATE, &ex_semaphore_type, &semaphore);

	return NT_SUCCESS(status) ? ke_release_semaphore(semaphore, ReleaseCount, PreviousCount) : status;
}

NTSTATUS NtQuerySemaphore(HANDLE SemaphoreHandle, SEMAPHORE_INFORMATION_CLASS SemaphoreInformationClass,
			  PVOID SemaphoreInformation, ULONG SemaphoreInformationLength, PULONG ReturnLength)
{
	SEMAPHORE_BASIC_INFORMATION *basic = SemaphoreInformation;
	cleanup_object void *object = NULL;

	if (SemaphoreInformationClass != SemaphoreBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (SemaphoreInformationLength != sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;

	NTSTATUS status = ob_reference_by_handle(SemaphoreHandle, SEMAPHORE_QUERY_STATE, &ex_semaphore_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	struct ksemaphore *semaphore = object;

	*basic = (SEMAPHORE_BASIC_INFORMATION){ke_read_state(&semaphore->header), semaphore->limit};
	if (ReturnLength)
		*ReturnLength = sizeof(*basic);
	return STATUS_SUCCESS;
}
