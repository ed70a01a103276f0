/*
 * Objects and their types: headers, reference counts, deletion.
 *
 * Whoever holds a pointer holds a reference. Handles and names each hold one of
 * their own, so an object that is being deleted has neither.
 */
#include "ob_internal.h"

#include <assert.h>

#define MAX_TYPES 64

static struct rtl_lock types_lock = RTL_LOCK_INITIALIZER; /* guards the list of types */
static struct ob_type *types[MAX_TYPES];
static _Atomic ULONG type_count;

static NTSTATUS check_nothing(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted)
{
	return ob_map_access(type, desired, granted);
}
static _Atomic(ob_access_check) access_check = check_nothing;

static const struct ob_process_hooks no_hooks;
static _Atomic(const struct ob_process_hooks *) process_hooks = &no_hooks;

void ob_set_process_hooks(const struct ob_process_hooks *hooks)
{
	atomic_store(&process_hooks, hooks ? hooks : &no_hooks);
}

const struct ob_process_hooks *ob_process_hooks(void)
{
	return atomic_load(&process_hooks);
}

void ob_set_access_check(ob_access_check check)
{
	atomic_store(&access_check, check ? check : check_nothing);
}

ULONG ob_type_count(void)
{
	return atomic_load(&type_count);
}

struct ob_type *ob_type_at(ULONG index)
{
	return types[index - 1];
}

void ob_register_type(struct ob_type *type)
{
	rtl_lock(&types_lock);
	if (!type->index) {
		ULONG count = atomic_load(&type_count);

		assert(count < MAX_TYPES);
		types[count] = type;
		type->index = count + 1;
		atomic_store(&type_count, count + 1);
	}
	rtl_unlock(&types_lock);
	ob_publish_types();
}

void *ob_create_object(struct ob_type *type, size_t size)
{
	struct ob_header *header = calloc(1, sizeof(*header) + size);

	if (!header)
		return NULL;
	atomic_store_explicit(&header->references, 1, memory_order_relaxed);
	header->type = type;
	atomic_fetch_add_explicit(&type->object_count, 1, memory_order_relaxed);
	return ob_body_of(header);
}

void ob_reference(void *object)
{
	atomic_fetch_add_explicit(&ob_header_of(object)->references, 1, memory_order_relaxed);
}

bool ob_reference_safe(void *object)
{
	struct ob_header *header = ob_header_of(object);
	uint64_t count = atomic_load_explicit(&header->references, memory_order_relaxed);

	while (count)
		if (atomic_compare_exchange_weak(&header->references, &count, count + 1))
			return true;
	return false;
}

static void delete_object(struct ob_header *header)
{
	struct ob_type *type = header->type;

	if (type->operations && type->operations->delete)
		type->operations->delete (ob_body_of(header));
	atomic_fetch_sub_explicit(&type->object_count, 1, memory_order_relaxed);
	free(header);
}

void ob_dereference(void *object)
{
	struct ob_header *header = ob_header_of(object);

	if (atomic_fetch_sub_explicit(&header->references, 1, memory_order_acq_rel) == 1)
		delete_object(header);
}

struct ob_type *ob_type_of(const void *object)
{
	return ob_header_of(object)->type;
}

struct dispatcher_header *ob_dispatcher(void *object)
{
	const struct ob_type_operations *operations = ob_type_of(object)->operations;

	return operations && operations->dispatcher ? operations->dispatcher(object) : NULL;
}

void ob_count_handle(struct ob_header *header)
{
	atomic_fetch_add_explicit(&header->handles, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&header->type->handle_count, 1, memory_order_relaxed);
}

static void handle_went(struct ob_header *header, ULONG left)
{
	const struct ob_type_operations *operations = header->type->operations;

	if (operations && operations->close)
		operations->close(ob_body_of(header), left);
	if (!left) {
		atomic_store(&header->exclusive, NULL);
		if (atomic_load(&header->name))
			ob_forget_name_without_handles(header);
	}
}

void ob_uncount_handle(struct ob_header *header)
{
	ULONG left = atomic_fetch_sub(&header->handles, 1) - 1;

	atomic_fetch_sub_explicit(&header->type->handle_count, 1, memory_order_relaxed);
	handle_went(header, left);
	ob_dereference(ob_body_of(header));
}

void ob_last_handle_went(struct ob_header *header)
{
	handle_went(header, 0);
}

NTSTATUS ob_map_access(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted)
{
	const GENERIC_MAPPING *mapping = &type->mapping;
	ACCESS_MASK mapped =
	    desired & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL | MAXIMUM_ALLOWED);

	if (desired & GENERIC_READ)
		mapped |= mapping->GenericRead;
	if (desired & GENERIC_WRITE)
		mapped |= mapping->GenericWrite;
	if (desired & GENERIC_EXECUTE)
		mapped |= mapping->GenericExecute;
	if (desired & GENERIC_ALL)
		mapped |= mapping->GenericAll;
	if (mapped & ~(type->valid_access | ACCESS_SYSTEM_SECURITY))
		return STATUS_ACCESS_DENIED;
	*granted = desired & MAXIMUM_ALLOWED ? mapped | type->valid_access : mapped;
	return STATUS_SUCCESS;
}

/* What the subject may do with an existing object that it names. */
static NTSTATUS check_access(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted)
{
	return atomic_load(&access_check)(type, desired, granted);
}

static struct ob_handle_table *table_for(ULONG attributes)
{
	return attributes & OBJ_KERNEL_HANDLE ? ob_kernel_table() : ob_current_table();
}

/* OBJ_EXCLUSIVE: handles in one table only, from the first such open on. */
static bool may_open(struct ob_header *header, struct ob_handle_table *table, ULONG attributes)
{
	struct ob_handle_table *owner = NULL;

	if (!(attributes & OBJ_EXCLUSIVE)) {
		owner = atomic_load(&header->exclusive);
		return !owner || owner == table;
	}
	if (atomic_load(&header->handles) && atomic_load(&header->exclusive) != table)
		return false;
	return atomic_compare_exchange_strong(&header->exclusive, &owner, table) || owner == table;
}

static NTSTATUS make_handle(void *object, ULONG attributes, ACCESS_MASK granted, PHANDLE handle)
{
	struct ob_header *header = ob_header_of(object);
	struct ob_handle_table *table = table_for(attributes);

	if (!may_open(header, table, attributes))
		return STATUS_ACCESS_DENIED;

	NTSTATUS status = ob_handle_table_insert(table, header, granted, attributes & OBJ_INHERIT, handle);

	if (!NT_SUCCESS(status) && !atomic_load(&header->handles))
		atomic_store(&header->exclusive, NULL);
	return status;
}

NTSTATUS ob_open_by_pointer(void *object, ULONG attributes, ACCESS_MASK access, PHANDLE handle)
{
	ACCESS_MASK granted;
	NTSTATUS status = ob_map_access(ob_type_of(object), access, &granted);

	return NT_SUCCESS(status) ? make_handle(object, attributes, granted, handle) : status;
}

/* The name is taken: OBJ_OPENIF means that one. */
static NTSTATUS open_existing(void *existing, struct ob_type *type, ULONG attributes, ACCESS_MASK access,
			      PHANDLE handle)
{
	ACCESS_MASK granted;

	if (!(attributes & OBJ_OPENIF))
		return STATUS_OBJECT_NAME_COLLISION;
	if (ob_type_of(existing) != type)
		return STATUS_OBJECT_TYPE_MISMATCH;

	NTSTATUS status = check_access(type, access, &granted);

	if (NT_SUCCESS(status) && handle)
		status = make_handle(existing, attributes, granted, handle);
	return NT_SUCCESS(status) ? STATUS_OBJECT_NAME_EXISTS : status;
}

NTSTATUS ob_insert_object(void *object, const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, PHANDLE handle)
{
	cleanup_object void *inserted = object;
	ULONG flags = attributes ? attributes->Attributes : 0;
	ACCESS_MASK granted;
	NTSTATUS status = ob_map_access(ob_type_of(object), access, &granted);

	if (!NT_SUCCESS(status))
		return status;
	if (ob_has_name(attributes)) {
		struct ob_walk walk = {.attributes = attributes, .insert = ob_header_of(object)};

		status = ob_walk_name(&walk);

		cleanup_object void *existing = walk.object;

		if (status == STATUS_OBJECT_NAME_COLLISION && existing)
			return open_existing(existing, ob_type_of(object), flags, access, handle);
		if (!NT_SUCCESS(status))
			return status;
	}
	if (!handle)
		return STATUS_SUCCESS;
	status = make_handle(object, flags, granted, handle);
	if (!NT_SUCCESS(status))
		ob_withdraw_name(ob_header_of(object));
	return status;
}

NTSTATUS ob_lookup_name(const OBJECT_ATTRIBUTES *attributes, struct ob_type *type, ACCESS_MASK access, void *context,
			void **object)
{
	struct ob_walk walk = {.attributes = attributes, .type = type, .access = access, .context = context};
	NTSTATUS status = STATUS_SUCCESS;

	*object = NULL;
	if (type)
		status = ob_map_access(type, access, &walk.access);
	if (NT_SUCCESS(status))
		status = ob_walk_name(&walk);
	*object = walk.object;
	return status;
}

NTSTATUS ob_open_by_name(const OBJECT_ATTRIBUTES *attributes, struct ob_type *type, ACCESS_MASK access, PHANDLE handle)
{
	cleanup_object void *object = NULL;
	ACCESS_MASK granted;
	NTSTATUS status = ob_lookup_name(attributes, type, access, NULL, &object);

	if (NT_SUCCESS(status))
		status = check_access(ob_type_of(object), access, &granted);
	return NT_SUCCESS(status) ? make_handle(object, attributes->Attributes, granted, handle) : status;
}
