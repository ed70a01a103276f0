/* Services on handles: close, duplicate, compare, permanence. */
#include "ob_internal.h"

#include <nt/ntps.h>
#include <nt/ntservices.h>

NTSTATUS NtClose(HANDLE Handle)
{
	/* Closing a pseudo handle means nothing, and succeeds. */
	if (ob_is_pseudo_handle(Handle))
		return STATUS_SUCCESS;
	return ob_handle_table_close(ob_table_of_handle(Handle), Handle);
}

/* The handle table of a process, referenced. */
static NTSTATUS table_of_process(HANDLE process_handle, struct ob_handle_table **table)
{
	const struct ob_process_hooks *hooks = ob_process_hooks();
	cleanup_object void *process = NULL;

	*table = NULL;
	if (process_handle == NtCurrentProcess()) {
		struct ob_handle_table *current = ob_current_table();

		*table = current == ob_kernel_table() ? current : ob_handle_table_reference(current);
		return STATUS_SUCCESS;
	}

	NTSTATUS status = ob_reference_by_handle(process_handle, PROCESS_DUP_HANDLE, hooks->process_type, &process);

	if (!NT_SUCCESS(status))
		return status;
	if (hooks->process_handles)
		*table = hooks->process_handles(process);
	return *table ? STATUS_SUCCESS : STATUS_PROCESS_IS_TERMINATING;
}

static void cleanup_table(struct ob_handle_table **table)
{
	if (*table && *table != ob_kernel_table())
		ob_handle_table_dereference(*table);
}
#define cleanup_handle_table __attribute__((cleanup(cleanup_table)))

static NTSTATUS reference_source(struct ob_handle_table *table, HANDLE handle, struct ob_header **header,
				 struct ob_handle_information *information)
{
	if (ob_is_pseudo_handle(handle))
		return ob_reference_with_information(handle, header, information);
	if (ob_reference_pinned(table, handle, header, information))
		return STATUS_SUCCESS;
	return ob_handle_table_lookup((intptr_t)handle < 0 ? ob_kernel_table() : table, handle, header, information);
}

/* A duplicate never grants more than its source. */
static NTSTATUS duplicate_access(struct ob_header *header, ACCESS_MASK source, ACCESS_MASK desired, ULONG options,
				 ACCESS_MASK *granted)
{
	NTSTATUS status;

	*granted = source;
	if (options & DUPLICATE_SAME_ACCESS || desired & MAXIMUM_ALLOWED)
		return STATUS_SUCCESS;
	status = ob_map_access(header->type, desired, granted);
	if (NT_SUCCESS(status) && *granted & ~source)
		status = STATUS_ACCESS_DENIED;
	return status;
}

static NTSTATUS duplicate(struct ob_handle_table *source, HANDLE handle, struct ob_handle_table *target, PHANDLE result,
			  ACCESS_MASK desired, ULONG attributes, ULONG options)
{
	struct ob_handle_information information;
	struct ob_header *header;
	ACCESS_MASK granted;
	NTSTATUS status = reference_source(source, handle, &header, &information);

	if (!NT_SUCCESS(status))
		return status;

	cleanup_object void *object = ob_body_of(header);
	struct ob_handle_table *exclusive = atomic_load(&header->exclusive);

	if (options & DUPLICATE_SAME_ATTRIBUTES)
		attributes = information.attributes;
	if (attributes & OBJ_KERNEL_HANDLE)
		target = ob_kernel_table();
	if (exclusive && exclusive != target)
		return STATUS_ACCESS_DENIED;
	status = duplicate_access(header, information.access, desired, options, &granted);
	if (!NT_SUCCESS(status))
		return status;
	return ob_handle_table_insert(target, header, granted, attributes & OBJ_INHERIT, result);
}

NTSTATUS NtDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle, HANDLE TargetProcessHandle,
			   PHANDLE TargetHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
	cleanup_handle_table struct ob_handle_table *source = NULL;
	cleanup_handle_table struct ob_handle_table *target = NULL;
	HANDLE duplicated = NULL;
	NTSTATUS status = table_of_process(SourceProcessHandle, &source);

	if (!NT_SUCCESS(status))
		return status;
	if (TargetProcessHandle) {
		status = table_of_process(TargetProcessHandle, &target);
		if (NT_SUCCESS(status))
			status = duplicate(source, SourceHandle, target, &duplicated, DesiredAccess, HandleAttributes,
					   Options);
	} else if (!(Options & DUPLICATE_CLOSE_SOURCE)) {
		return STATUS_INVALID_PARAMETER;
	}
	/* The source goes also if there is no duplicate. */
	if (Options & DUPLICATE_CLOSE_SOURCE && !ob_is_pseudo_handle(SourceHandle)) {
		NTSTATUS closed =
		    ob_handle_table_close((intptr_t)SourceHandle < 0 ? ob_kernel_table() : source, SourceHandle);

		status = NT_SUCCESS(status) && !TargetProcessHandle ? closed : status;
	}
	if (TargetHandle)
		*TargetHandle = duplicated;
	return status;
}

NTSTATUS NtCompareObjects(HANDLE FirstObjectHandle, HANDLE SecondObjectHandle)
{
	cleanup_object void *first = NULL;
	cleanup_object void *second = NULL;
	NTSTATUS status = ob_reference_by_handle(FirstObjectHandle, 0, NULL, &first);

	if (NT_SUCCESS(status))
		status = ob_reference_by_handle(SecondObjectHandle, 0, NULL, &second);
	if (!NT_SUCCESS(status))
		return status;
	return first == second ? STATUS_SUCCESS : STATUS_NOT_SAME_OBJECT;
}

static NTSTATUS set_permanence(HANDLE handle, ACCESS_MASK access, bool permanent)
{
	cleanup_object void *object = NULL;
	NTSTATUS status = ob_reference_by_handle(handle, access, NULL, &object);

	if (NT_SUCCESS(status))
		ob_set_permanent(ob_header_of(object), permanent);
	return status;
}

NTSTATUS NtMakeTemporaryObject(HANDLE Handle)
{
	return set_permanence(Handle, DELETE, false);
}

NTSTATUS NtMakePermanentObject(HANDLE Handle)
{
	return set_permanence(Handle, 0, true);
}
