/* Handle tables, references, duplication, and the services on handles. */
#include "workers.h"

#include <executive/ob/ob.h>
#include <nt/ntps.h>
#include <nt/ntservices.h>

struct thing {
	int value;
};

static _Atomic int closes, deletes;
static ULONG last_left;

static void close_thing(void *object, ULONG left)
{
	atomic_fetch_add(&closes, 1);
	last_left = left;
}

static void delete_thing(void *object)
{
	atomic_fetch_add(&deletes, 1);
}

static const struct ob_type_operations thing_operations = {.close = close_thing, .delete = delete_thing};
static struct ob_type thing_type = {
    .name = "Thing",
    .mapping = {0x20001, 0x20002, 0x20004, 0x1F0007},
    .valid_access = 0x1F0007,
    .operations = &thing_operations,
};
static struct ob_type other_type = {.name = "Other", .valid_access = 0x1F0001};

static int start(void **state)
{
	int error = attach_main(state);

	ob_initialize();
	ob_register_type(&thing_type);
	ob_register_type(&other_type);
	return error;
}

static int fresh_table(void **state)
{
	struct ob_handle_table *table = ob_handle_table_create();

	atomic_store(&closes, 0);
	atomic_store(&deletes, 0);
	ob_set_current_table(table);
	*state = table;
	return table ? 0 : -1;
}

static int drop_table(void **state)
{
	ob_set_current_table(NULL);
	ob_handle_table_dereference(*state);
	return 0;
}

static HANDLE new_handle(ACCESS_MASK access)
{
	HANDLE handle = NULL;

	assert_int_equal(ob_insert_object(ob_create_object(&thing_type, sizeof(struct thing)), NULL, access, &handle),
			 STATUS_SUCCESS);
	return handle;
}

static void handle_grants_what_was_asked_for(void **state)
{
	HANDLE handle = new_handle(GENERIC_READ);
	ACCESS_MASK granted;
	void *object;

	assert_int_equal((uintptr_t)handle % 4, 0);
	assert_int_equal(ob_handle_access(handle, &granted), STATUS_SUCCESS);
	assert_int_equal(granted, 0x20001);
	assert_int_equal(ob_reference_by_handle(handle, 1, &thing_type, &object), STATUS_SUCCESS);
	ob_dereference(object);
	assert_int_equal(ob_reference_by_handle(handle, 2, &thing_type, &object), STATUS_ACCESS_DENIED);
	assert_null(object);
	assert_int_equal(ob_reference_by_handle(handle, 0, &other_type, &object), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(NtClose(handle), STATUS_SUCCESS);
}

static void rights_that_a_type_lacks_are_refused(void **state)
{
	HANDLE handle;

	assert_int_equal(ob_insert_object(ob_create_object(&thing_type, 1), NULL, 0x8, &handle), STATUS_ACCESS_DENIED);
	/* The reference was consumed all the same. */
	assert_int_equal(atomic_load(&deletes), 1);
}

static void invalid_values_are_invalid_handles(void **state)
{
	HANDLE handle = new_handle(1);
	const uintptr_t values[] = {0,
				    1,
				    2,
				    3,
				    (uintptr_t)handle + 1,
				    (uintptr_t)handle + 4,
				    0x7FFFFFFC,
				    0x7FFFFFFFFFFFFFFC,
				    0x8000000000000000,
				    0xFFFFFFFFFFFFFFF8,
				    (uintptr_t)-1,
				    (uintptr_t)-2};
	void *object;

	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		assert_int_equal(ob_reference_by_handle((HANDLE)values[i], 0, NULL, &object), STATUS_INVALID_HANDLE);
	assert_int_equal(NtClose((HANDLE)((uintptr_t)handle + 1)), STATUS_INVALID_HANDLE);
	assert_int_equal(NtClose(handle), STATUS_SUCCESS);
	assert_int_equal(NtClose(handle), STATUS_INVALID_HANDLE);
	assert_int_equal(ob_reference_by_handle(handle, 0, NULL, &object), STATUS_INVALID_HANDLE);
}

static void close_runs_for_each_handle_delete_for_the_last_reference(void **state)
{
	HANDLE first = new_handle(1), second;
	void *object;

	assert_int_equal(ob_reference_by_handle(first, 0, NULL, &object), STATUS_SUCCESS);
	assert_int_equal(ob_open_by_pointer(object, 0, 1, &second), STATUS_SUCCESS);
	NtClose(first);
	assert_int_equal(last_left, 1);
	NtClose(second);
	assert_int_equal(last_left, 0);
	assert_int_equal(atomic_load(&closes), 2);
	assert_int_equal(atomic_load(&deletes), 0);
	ob_dereference(object);
	assert_int_equal(atomic_load(&deletes), 1);
}

static void closed_values_are_not_reused_soon(void **state)
{
	HANDLE first = new_handle(1);

	NtClose(first);
	for (int i = 0; i < 40; i++) {
		HANDLE other = new_handle(1);

		assert_ptr_not_equal(other, first);
		NtClose(other);
	}
}

static void closed_values_are_reused_in_order_in_the_end(void **state)
{
	HANDLE handles[1000];

	for (int i = 0; i < 1000; i++)
		handles[i] = new_handle(1);
	for (int i = 0; i < 1000; i++)
		NtClose(handles[i]);
	for (int i = 0; i < 900; i++)
		assert_ptr_equal(new_handle(1), handles[i]);
}

static void tables_grow_to_many_thousand_handles(void **state)
{
	enum { MANY = 20000 };
	HANDLE *handles = calloc(MANY, sizeof(HANDLE));
	void *object;

	for (int i = 0; i < MANY; i++)
		handles[i] = new_handle(1);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ob_reference_by_handle(handles[i], 1, &thing_type, &object), STATUS_SUCCESS);
		ob_dereference(object);
	}
	free(handles);
	assert_int_equal(atomic_load(&thing_type.handle_count), MANY);
}

static void last_dereference_of_a_table_closes_its_handles(void **state)
{
	struct ob_handle_table *table = ob_handle_table_create();

	ob_set_current_table(table);
	for (int i = 0; i < 100; i++)
		new_handle(1);
	ob_handle_table_reference(table);
	ob_handle_table_dereference(table);
	assert_int_equal(atomic_load(&closes), 0);
	ob_set_current_table(*state);
	ob_handle_table_dereference(table);
	assert_int_equal(atomic_load(&closes), 100);
	assert_int_equal(atomic_load(&deletes), 100);
}

static void clone_has_the_same_values_for_the_same_objects(void **state)
{
	HANDLE kept = new_handle(3), closed = new_handle(1), last = new_handle(1);
	void *original, *copied;

	NtClose(closed);
	struct ob_handle_table *copy = ob_handle_table_clone(*state);

	assert_int_equal(ob_reference_by_handle(kept, 0, NULL, &original), STATUS_SUCCESS);
	ob_set_current_table(copy);
	assert_int_equal(ob_reference_by_handle(kept, 3, NULL, &copied), STATUS_SUCCESS);
	assert_ptr_equal(original, copied);
	ob_dereference(original);
	ob_dereference(copied);
	assert_int_equal(ob_reference_by_handle(closed, 0, NULL, &copied), STATUS_INVALID_HANDLE);
	/* The tables part here. */
	assert_int_equal(NtClose(last), STATUS_SUCCESS);
	assert_int_equal(last_left, 1);
	ob_set_current_table(*state);
	assert_int_equal(NtClose(last), STATUS_SUCCESS);
	assert_int_equal(last_left, 0);
	ob_handle_table_dereference(copy);
}

static void kernel_handles_work_with_any_table(void **state)
{
	OBJECT_ATTRIBUTES attributes = {sizeof(attributes), NULL, NULL, OBJ_KERNEL_HANDLE, NULL, NULL};
	HANDLE handle;
	void *object;

	assert_int_equal(ob_insert_object(ob_create_object(&thing_type, 1), &attributes, 1, &handle), STATUS_SUCCESS);
	assert_true((intptr_t)handle < 0);
	ob_set_current_table(NULL);
	assert_int_equal(ob_reference_by_handle(handle, 1, NULL, &object), STATUS_SUCCESS);
	ob_set_current_table(*state);
	ob_dereference(object);
	assert_int_equal(NtClose(handle), STATUS_SUCCESS);
	assert_int_equal(NtClose(handle), STATUS_INVALID_HANDLE);
}

static NTSTATUS duplicate(HANDLE source, ACCESS_MASK access, ULONG attributes, ULONG options, HANDLE *target)
{
	return NtDuplicateObject(NtCurrentProcess(), source, NtCurrentProcess(), target, access, attributes, options);
}

static void duplicate_shares_the_object(void **state)
{
	HANDLE source = new_handle(3), copy;
	ACCESS_MASK granted;

	assert_int_equal(duplicate(source, 0, 0, DUPLICATE_SAME_ACCESS, &copy), STATUS_SUCCESS);
	assert_int_equal(NtCompareObjects(source, copy), STATUS_SUCCESS);
	assert_int_equal(ob_handle_access(copy, &granted), STATUS_SUCCESS);
	assert_int_equal(granted, 3);
	assert_int_equal(duplicate(source, 1, 0, 0, &copy), STATUS_SUCCESS);
	assert_int_equal(ob_handle_access(copy, &granted), STATUS_SUCCESS);
	assert_int_equal(granted, 1);
	/* Never more than the source has. */
	assert_int_equal(duplicate(copy, 3, 0, 0, &copy), STATUS_ACCESS_DENIED);
	assert_int_equal(NtCompareObjects(source, new_handle(1)), STATUS_NOT_SAME_OBJECT);
}

static void duplicate_can_close_its_source(void **state)
{
	HANDLE source = new_handle(1), copy;

	assert_int_equal(duplicate(source, 0, 0, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE, &copy),
			 STATUS_SUCCESS);
	assert_int_equal(NtClose(source), STATUS_INVALID_HANDLE);
	assert_int_equal(NtDuplicateObject(NtCurrentProcess(), copy, NULL, NULL, 0, 0, DUPLICATE_CLOSE_SOURCE),
			 STATUS_SUCCESS);
	assert_int_equal(NtClose(copy), STATUS_INVALID_HANDLE);
	assert_int_equal(atomic_load(&deletes), 1);
}

static void protected_handle_does_not_close(void **state)
{
	OBJECT_HANDLE_FLAG_INFORMATION flags = {.Inherit = 1, .ProtectFromClose = 1}, seen = {0};
	HANDLE handle = new_handle(1);

	assert_int_equal(NtSetInformationObject(handle, ObjectHandleFlagInformation, &flags, sizeof(flags)),
			 STATUS_SUCCESS);
	assert_int_equal(NtQueryObject(handle, ObjectHandleFlagInformation, &seen, sizeof(seen), NULL), STATUS_SUCCESS);
	assert_memory_equal(&flags, &seen, sizeof(flags));
	assert_int_equal(NtClose(handle), STATUS_HANDLE_NOT_CLOSABLE);
	flags.ProtectFromClose = 0;
	assert_int_equal(NtSetInformationObject(handle, ObjectHandleFlagInformation, &flags, sizeof(flags)),
			 STATUS_SUCCESS);
	assert_int_equal(NtClose(handle), STATUS_SUCCESS);
	assert_int_equal(NtSetInformationObject(handle, ObjectHandleFlagInformation, &flags, sizeof(flags)),
			 STATUS_INVALID_HANDLE);
}

static void query_object_counts_handles_and_references(void **state)
{
	OBJECT_BASIC_INFORMATION basic;
	HANDLE handle = new_handle(3), copy;
	ULONG length;

	duplicate(handle, 0, OBJ_INHERIT, DUPLICATE_SAME_ACCESS, &copy);
	assert_int_equal(NtQueryObject(copy, ObjectBasicInformation, &basic, sizeof(basic), &length), STATUS_SUCCESS);
	assert_int_equal(length, sizeof(basic));
	assert_int_equal(basic.HandleCount, 2);
	assert_int_equal(basic.PointerCount, 2);
	assert_int_equal(basic.GrantedAccess, 3);
	assert_int_equal(basic.Attributes, OBJ_INHERIT);
	assert_int_equal(NtQueryObject(copy, ObjectBasicInformation, &basic, sizeof(basic) - 1, NULL),
			 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(NtQueryObject(copy, 77, &basic, sizeof(basic), NULL), STATUS_INVALID_INFO_CLASS);
}

static void query_object_names_its_type(void **state)
{
	_Alignas(8) char buffer[4096];
	OBJECT_TYPE_INFORMATION *type = (void *)buffer;
	HANDLE handle = new_handle(1);
	ULONG length;

	assert_int_equal(NtQueryObject(handle, ObjectTypeInformation, buffer, 8, &length), STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(NtQueryObject(handle, ObjectTypeInformation, buffer, length, NULL), STATUS_SUCCESS);
	assert_int_equal(type->TypeName.Length, 5);
	assert_memory_equal(type->TypeName.Buffer, "Thing", 5);
	assert_int_equal(type->ValidAccessMask, 0x1F0007);
	assert_int_equal(NtQueryObject(NULL, ObjectTypesInformation, buffer, sizeof(buffer), &length), STATUS_SUCCESS);
	assert_true(*(ULONG *)buffer >= 4);
}

struct process {
	struct ob_handle_table *table;
};
static struct ob_type process_type = {.name = "Process", .valid_access = PROCESS_ALL_ACCESS};
static struct process *current;

static void *current_process(void)
{
	return current;
}

static struct ob_handle_table *process_handles(void *object)
{
	struct process *process = object;

	return process->table ? ob_handle_table_reference(process->table) : NULL;
}

static void duplicate_crosses_processes(void **state)
{
	const struct ob_process_hooks hooks = {
	    .process_type = &process_type,
	    .current_process = current_process,
	    .process_handles = process_handles,
	};
	struct process *process = ob_create_object(&process_type, sizeof(*process));
	HANDLE source = new_handle(1), target, process_handle;
	void *object;

	ob_set_process_hooks(&hooks);
	process->table = ob_handle_table_create();
	current = process;
	assert_int_equal(ob_reference_by_handle(NtCurrentProcess(), PROCESS_DUP_HANDLE, &process_type, &object),
			 STATUS_SUCCESS);
	assert_ptr_equal(object, process);
	ob_dereference(object);
	assert_int_equal(ob_reference_by_handle(NtCurrentThread(), 0, NULL, &object), STATUS_INVALID_HANDLE);
	assert_int_equal(ob_open_by_pointer(process, 0, PROCESS_DUP_HANDLE, &process_handle), STATUS_SUCCESS);
	assert_int_equal(
	    NtDuplicateObject(NtCurrentProcess(), source, process_handle, &target, 0, 0, DUPLICATE_SAME_ACCESS),
	    STATUS_SUCCESS);
	ob_handle_table_dereference(process->table);
	process->table = NULL;
	assert_int_equal(atomic_load(&closes), 1);
	assert_int_equal(
	    NtDuplicateObject(NtCurrentProcess(), source, process_handle, &target, 0, 0, DUPLICATE_SAME_ACCESS),
	    STATUS_PROCESS_IS_TERMINATING);
	ob_set_process_hooks(NULL);
	current = NULL;
	ob_dereference(process);
}

static void count_visit(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	uintptr_t *last = context;

	assert_true((uintptr_t)handle > *last);
	*last = (uintptr_t)handle;
}

static void walk_visits_handles_in_order(void **state)
{
	uintptr_t last = 0;
	HANDLE final = NULL;

	for (int i = 0; i < 200; i++)
		final = new_handle(1);
	ob_handle_table_walk(*state, count_visit, &last);
	assert_int_equal(last, (uintptr_t) final);
}

static void pinned_handle_means_its_object_after_its_close(void **state)
{
	HANDLE handle = new_handle(0x20001), copy = NULL;
	void *object, *again;

	assert_int_equal(ob_reference_by_handle(handle, 0, NULL, &object), STATUS_SUCCESS);
	ob_hold(object);
	ob_dereference(object);
	assert_int_equal(ob_pin(*state, handle, object, 0x20001, true), STATUS_SUCCESS);
	assert_int_equal(NtClose(handle), STATUS_SUCCESS);
	/* It has no handle any more, but is as open as before. */
	assert_true(last_left > 0);
	assert_int_equal(ob_reference_by_handle(handle, 1, &thing_type, &again), STATUS_SUCCESS);
	assert_ptr_equal(again, object);
	ob_dereference(again);
	assert_int_equal(ob_reference_by_handle(handle, 2, &thing_type, &again), STATUS_ACCESS_DENIED);
	assert_int_equal(NtDuplicateObject(NtCurrentProcess(), handle, NtCurrentProcess(), &copy, 0, 0, DUPLICATE_SAME_ACCESS),
			 STATUS_SUCCESS);
	assert_int_equal(NtClose(copy), STATUS_SUCCESS);
	assert_int_equal(atomic_load(&deletes), 0);
	ob_unpin_all();
	assert_int_equal(last_left, 0);
	assert_int_equal(atomic_load(&deletes), 1);
	assert_int_equal(ob_reference_by_handle(handle, 0, NULL, &again), STATUS_INVALID_HANDLE);
}

static void pinned_values_are_not_given_out(void **state)
{
	HANDLE pinned[40];

	for (size_t i = 0; i < ARRAY_COUNT(pinned); i++) {
		void *object;

		pinned[i] = new_handle(1);
		assert_int_equal(ob_reference_by_handle(pinned[i], 0, NULL, &object), STATUS_SUCCESS);
		ob_hold(object);
		ob_dereference(object);
		assert_int_equal(ob_pin(*state, pinned[i], object, 1, true), STATUS_SUCCESS);
	}
	for (size_t i = 0; i < ARRAY_COUNT(pinned); i++)
		assert_int_equal(NtClose(pinned[i]), STATUS_SUCCESS);
	for (int i = 0; i < 200; i++) {
		HANDLE other = new_handle(1);

		for (size_t j = 0; j < ARRAY_COUNT(pinned); j++)
			assert_ptr_not_equal(other, pinned[j]);
		assert_int_equal(NtClose(other), STATUS_SUCCESS);
	}
	ob_unpin_all();
	assert_int_equal(atomic_load(&deletes), 240);
}

#define TABLE_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_table, drop_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TABLE_TEST(handle_grants_what_was_asked_for),
	    TABLE_TEST(rights_that_a_type_lacks_are_refused),
	    TABLE_TEST(invalid_values_are_invalid_handles),
	    TABLE_TEST(close_runs_for_each_handle_delete_for_the_last_reference),
	    TABLE_TEST(closed_values_are_not_reused_soon),
	    TABLE_TEST(closed_values_are_reused_in_order_in_the_end),
	    TABLE_TEST(tables_grow_to_many_thousand_handles),
	    TABLE_TEST(last_dereference_of_a_table_closes_its_handles),
	    TABLE_TEST(clone_has_the_same_values_for_the_same_objects),
	    TABLE_TEST(kernel_handles_work_with_any_table),
	    TABLE_TEST(duplicate_shares_the_object),
	    TABLE_TEST(duplicate_can_close_its_source),
	    TABLE_TEST(protected_handle_does_not_close),
	    TABLE_TEST(query_object_counts_handles_and_references),
	    TABLE_TEST(query_object_names_its_type),
	    TABLE_TEST(duplicate_crosses_processes),
	    TABLE_TEST(walk_visits_handles_in_order),
	    TABLE_TEST(pinned_handle_means_its_object_after_its_close),
	    TABLE_TEST(pinned_values_are_not_given_out),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
