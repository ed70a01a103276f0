/* Mutant objects. */
#include <executive/ex/ex.h>

#include <nt/ntservices.h>

static struct dispatcher_header *mutant_dispatcher(void *object)
{
	return &((struct kmutant *)object)->header;
}

static void delete_mutant(void *object)
{
	ke_delete_mutant(object);
}

static void dump_mutant(void *object, FILE *out)
{
	struct ke_mutant_state state = ke_query_mutant(object);

	fprintf(out, "count %d%s", state.count, state.abandoned ? ", abandoned" : "");
}

static const struct ob_type_operations mutant_operations = {
    .delete = delete_mutant,
    .dispatcher = mutant_dispatcher,
    .dump = dump_mutant,
};

struct ob_type ex_mutant_type = {
    .name = "Mutant",
    .mapping = {0x20001, 0x20000, 0x120000, MUTANT_ALL_ACCESS},
    .valid_access = MUTANT_ALL_ACCESS,
    .operations = &mutant_operations,
};

NTSTATUS NtCreateMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			BOOLEAN InitialOwner)
{
	struct kmutant *mutant = ob_create_object(&ex_mutant_type, sizeof(*mutant));

	if (!mutant)
		return STATUS_INSUFFICIENT_RESOURCES;
	ke_initialize_mutant(mutant, InitialOwner);
	return ob_insert_object(mutant, ObjectAttributes, DesiredAccess, MutantHandle);
}

NTSTATUS NtOpenMutant(PHANDLE MutantHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ex_mutant_type, DesiredAccess, MutantHandle);
}

NTSTATUS NtReleaseMutant(HANDLE MutantHandle, PLONG PreviousCount)
{
	cleanup_object void *mutant = NULL;
	NTSTATUS status = ob_reference_by_handle(MutantHandle, 0, &ex_mutant_type, &mutant);

	return NT_SUCCESS(status) ? ke_release_mutant(mutant, PreviousCount) : status;
}

NTSTATUS NtQueryMutant(HANDLE MutantHandle, MUTANT_INFORMATION_CLASS MutantInformationClass, PVOID MutantInformation,
		       ULONG MutantInformationLength, PULONG ReturnLength)
{
	MUTANT_BASIC_INFORMATION *basic = MutantInformation;
	cleanup_object void *mutant = NULL;

	if (MutantInformationClass != MutantBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (MutantInformationLength != sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;

	NTSTATUS status = ob_reference_by_handle(MutantHandle, MUTANT_QUERY_STATE, &ex_mutant_type, &mutant);

	if (!NT_SUCCESS(status))
		return status;

	struct ke_mutant_state state = ke_query_mutant(mutant);

	*basic = (MUTANT_BASIC_INFORMATION){state.count, state.owned_by_caller, state.abandoned};
	if (ReturnLength)
		*ReturnLength = sizeof(*basic);
	return STATUS_SUCCESS;
}
