/* Handles as callers use them: which table a value means, pseudo handles, references with an access check. */
#include "ob_internal.h"

bool ob_is_pseudo_handle(HANDLE handle)
{
	return handle == NtCurrentProcess() || handle == NtCurrentThread();
}

struct ob_handle_table *ob_table_of_handle(HANDLE handle)
{
	return (intptr_t)handle < 0 ? ob_kernel_table() : ob_current_table();
}

static NTSTATUS reference_pseudo(HANDLE handle, struct ob_header **header, struct ob_handle_information *information)
{
	const struct ob_process_hooks *hooks = ob_process_hooks();
	void *(*current)(void) = handle == NtCurrentProcess() ? hooks->current_process : hooks->current_thread;
	void *object = current ? current() : NULL;

	if (!object)
		return STATUS_INVALID_HANDLE;
	ob_reference(object);
	*header = ob_header_of(object);
	*information = (struct ob_handle_information){ob_type_of(object)->valid_access, 0};
	return STATUS_SUCCESS;
}

NTSTATUS ob_reference_with_information(HANDLE handle, struct ob_header **header,
				       struct ob_handle_information *information)
{
	struct ob_handle_table *table = ob_table_of_handle(handle);

	if (unlikely(ob_is_pseudo_handle(handle)))
		return reference_pseudo(handle, header, information);
	if (ob_reference_pinned(table, handle, header, information))
		return STATUS_SUCCESS;
	return ob_handle_table_lookup(table, handle, header, information);
}

NTSTATUS ob_reference_by_handle(HANDLE handle, ACCESS_MASK access, struct ob_type *type, void **object)
{
	struct ob_handle_information information;
	struct ob_header *header;
	NTSTATUS status = ob_reference_with_information(handle, &header, &information);

	*object = NULL;
	if (!NT_SUCCESS(status))
		return status;
	if (type && header->type != type)
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else if (access & ~information.access)
		status = STATUS_ACCESS_DENIED;
	if (!NT_SUCCESS(status)) {
		ob_dereference(ob_body_of(header));
		return status;
	}
	*object = ob_body_of(header);
	return STATUS_SUCCESS;
}

NTSTATUS ob_handle_access(HANDLE handle, ACCESS_MASK *granted)
{
	struct ob_handle_information information;
	struct ob_header *header;
	NTSTATUS status = ob_reference_with_information(handle, &header, &information);

	if (NT_SUCCESS(status)) {
		*granted = information.access;
		ob_dereference(ob_body_of(header));
	}
	return status;
}
