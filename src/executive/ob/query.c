/* NtQueryObject and NtSetInformationObject: one function for each information class. */
#include "ob_internal.h"

#include <nt/ntservices.h>

#define MAX_NAME 65535u

/* What a class needs to answer. `length`: out, the bytes that the whole answer has. */
struct query {
	struct ob_header *header;
	const struct ob_handle_information *handle;
	void *data;
	ULONG size;
	ULONG length;
};

static NTSTATUS query_basic(struct query *query)
{
	struct ob_header *header = query->header;
	OBJECT_BASIC_INFORMATION *basic = query->data;

	query->length = sizeof(*basic);
	if (query->size != sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;
	*basic = (OBJECT_BASIC_INFORMATION){
	    .Attributes = query->handle->attributes & OBJ_INHERIT,
	    .GrantedAccess = query->handle->access,
	    .HandleCount = atomic_load(&header->handles),
	    /* Without the reference that this query holds. */
	    .PointerCount = (ULONG)atomic_load(&header->references) - 1,
	    .TypeInfoSize = (ULONG)(sizeof(OBJECT_TYPE_INFORMATION) + strlen(header->type->name)),
	};
	if (atomic_load(&header->exclusive))
		basic->Attributes |= OBJ_EXCLUSIVE;
	rtl_lock(&ob_namespace_lock);
	if (header->permanent)
		basic->Attributes |= OBJ_PERMANENT;
	rtl_unlock(&ob_namespace_lock);
	if (header->type == &ob_symbolic_link_type)
		basic->CreationTime = ((struct ob_symbolic_link *)ob_body_of(header))->created;
	return STATUS_SUCCESS;
}

static NTSTATUS query_name(struct query *query)
{
	cleanup_free char *name = malloc(MAX_NAME);
	OBJECT_NAME_INFORMATION *information = query->data;

	if (!name)
		return STATUS_INSUFFICIENT_RESOURCES;

	size_t length = ob_query_name(ob_body_of(query->header), name, MAX_NAME);

	query->length = (ULONG)(sizeof(*information) + length);
	if (query->size < sizeof(*information))
		return STATUS_INFO_LENGTH_MISMATCH;
	if (query->size < query->length)
		return STATUS_BUFFER_OVERFLOW;
	information->Name = (STRING){(USHORT)length, (USHORT)length, length ? (char *)(information + 1) : NULL};
	memcpy(information + 1, name, length);
	return STATUS_SUCCESS;
}

static void describe_type(struct ob_type *type, OBJECT_TYPE_INFORMATION *information)
{
	USHORT length = (USHORT)strlen(type->name);

	*information = (OBJECT_TYPE_INFORMATION){
	    .TypeName = {length, length, (char *)(information + 1)},
	    .TotalNumberOfObjects = atomic_load(&type->object_count),
	    .TotalNumberOfHandles = atomic_load(&type->handle_count),
	    .GenericMapping = type->mapping,
	    .ValidAccessMask = type->valid_access,
	    .TypeIndex = (UCHAR)type->index,
	};
	memcpy(information + 1, type->name, length);
}

static NTSTATUS query_type(struct query *query)
{
	struct ob_type *type = query->header->type;

	query->length = (ULONG)(sizeof(OBJECT_TYPE_INFORMATION) + strlen(type->name));
	if (query->size < query->length)
		return STATUS_INFO_LENGTH_MISMATCH;
	describe_type(type, query->data);
	return STATUS_SUCCESS;
}

/* A count, then each type's information, aligned to 8 bytes. */
static NTSTATUS query_types(struct query *query)
{
	ULONG count = ob_type_count();
	size_t offset = 8;

	for (ULONG i = 1; i <= count; i++)
		offset += ALIGN_UP(sizeof(OBJECT_TYPE_INFORMATION) + strlen(ob_type_at(i)->name), 8);
	query->length = (ULONG)offset;
	if (query->size < query->length)
		return STATUS_INFO_LENGTH_MISMATCH;
	memset(query->data, 0, 8);
	*(ULONG *)query->data = count;
	offset = 8;
	for (ULONG i = 1; i <= count; i++) {
		describe_type(ob_type_at(i), (void *)((char *)query->data + offset));
		offset += ALIGN_UP(sizeof(OBJECT_TYPE_INFORMATION) + strlen(ob_type_at(i)->name), 8);
	}
	return STATUS_SUCCESS;
}

static NTSTATUS query_handle_flags(struct query *query)
{
	OBJECT_HANDLE_FLAG_INFORMATION *flags = query->data;

	query->length = sizeof(*flags);
	if (query->size != sizeof(*flags))
		return STATUS_INFO_LENGTH_MISMATCH;
	flags->Inherit = (query->handle->attributes & OBJ_INHERIT) != 0;
	flags->ProtectFromClose = (query->handle->attributes & OB_PROTECT_FROM_CLOSE) != 0;
	return STATUS_SUCCESS;
}

static NTSTATUS (*const classes[])(struct query *) = {
    [ObjectBasicInformation] = query_basic,
    [ObjectNameInformation] = query_name,
    [ObjectTypeInformation] = query_type,
    [ObjectTypesInformation] = query_types,
    [ObjectHandleFlagInformation] = query_handle_flags,
};

NTSTATUS NtQueryObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass, PVOID ObjectInformation,
		       ULONG ObjectInformationLength, PULONG ReturnLength)
{
	struct ob_handle_information information = {0};
	struct query query = {.handle = &information, .data = ObjectInformation, .size = ObjectInformationLength};
	cleanup_object void *object = NULL;

	if ((unsigned)ObjectInformationClass >= ARRAY_COUNT(classes))
		return STATUS_INVALID_INFO_CLASS;
	/* The list of types is no object's. */
	if (ObjectInformationClass != ObjectTypesInformation) {
		NTSTATUS status = ob_reference_with_information(Handle, &query.header, &information);

		if (!NT_SUCCESS(status))
			return status;
		object = ob_body_of(query.header);
	}

	NTSTATUS status = classes[ObjectInformationClass](&query);

	if (ReturnLength)
		*ReturnLength = query.length;
	return status;
}

NTSTATUS NtSetInformationObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass, PVOID ObjectInformation,
				ULONG ObjectInformationLength)
{
	const OBJECT_HANDLE_FLAG_INFORMATION *flags = ObjectInformation;

	if (ObjectInformationClass != ObjectHandleFlagInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (ObjectInformationLength != sizeof(*flags))
		return STATUS_INFO_LENGTH_MISMATCH;
	if (ob_is_pseudo_handle(Handle))
		return STATUS_INVALID_HANDLE;
	return ob_handle_table_set_attributes(ob_table_of_handle(Handle), Handle, OBJ_INHERIT | OB_PROTECT_FROM_CLOSE,
					      (flags->Inherit ? OBJ_INHERIT : 0) |
						  (flags->ProtectFromClose ? OB_PROTECT_FROM_CLOSE : 0));
}
