/*
 * Every allocation on the way of a service fails once: the service says so,
 * leaves nothing behind, and succeeds when asked again. Targets named
 * test_*_failures are linked with malloc and calloc wrapped.
 */
#include "failing.h"
#include "workers.h"

#include <executive/ex/ex.h>
#include <executive/se/se.h>
#include <nt/ntservices.h>

static int start(void **state)
{
	int error = attach_main(state);

	ob_initialize();
	se_initialize();
	ex_initialize();
	return error;
}

static ULONG all_objects(void)
{
	struct ob_type *const types[] = {&ex_event_type, &ex_completion_type, &se_token_type, &ob_directory_type,
					 &ob_symbolic_link_type};
	ULONG count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		count += atomic_load(&types[i]->object_count) + atomic_load(&types[i]->handle_count);
	return count;
}

/* Run `operation`, which cleans up after itself, with its first, second, ... allocation failing, until none is left to
 * fail. */
static void fail_each_allocation(NTSTATUS (*operation)(void), unsigned at_least)
{
	ULONG before = all_objects();
	unsigned nth = 1;

	for (;; nth++) {
		fail_allocation(nth);

		NTSTATUS status = operation();
		bool failed = allocation_failed();

		assert_int_equal(all_objects(), before);
		if (!failed) {
			assert_int_equal(status, STATUS_SUCCESS);
			break;
		}
		assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
	}
	/* The loop has met the allocations that it is here for. */
	assert_true(nth > at_least);
}

static OBJECT_ATTRIBUTES named(STRING *name, const char *text)
{
	*name = rtl_string(text);
	return (OBJECT_ATTRIBUTES){sizeof(OBJECT_ATTRIBUTES), NULL, name, 0, NULL, NULL};
}

static NTSTATUS create_named_event(void)
{
	STRING name;
	OBJECT_ATTRIBUTES attributes = named(&name, "\\DosDevices\\failing");
	HANDLE handle = NULL;
	NTSTATUS status = NtCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, false);

	if (NT_SUCCESS(status))
		NtClose(handle);
	return status;
}

static void creation_of_a_named_object(void **state)
{
	/* The object, the name behind the link, the entry. */
	fail_each_allocation(create_named_event, 3);
}

static NTSTATUS create_in_fresh_table(void)
{
	struct ob_handle_table *table = ob_handle_table_create();
	HANDLE handle = NULL;

	if (!table)
		return STATUS_INSUFFICIENT_RESOURCES;
	ob_set_current_table(table);
	NTSTATUS status = STATUS_SUCCESS;

	for (int i = 0; i < 70 && NT_SUCCESS(status); i++)
		status = NtCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, false);
	ob_set_current_table(NULL);
	ob_handle_table_dereference(table);
	return status;
}

static void growth_of_a_handle_table(void **state)
{
	fail_each_allocation(create_in_fresh_table, 1 + 2 + 70);
}

static struct ob_handle_table *original;

static NTSTATUS clone_original(void)
{
	struct ob_handle_table *copy = ob_handle_table_clone(original);

	if (!copy)
		return STATUS_INSUFFICIENT_RESOURCES;
	ob_handle_table_dereference(copy);
	return STATUS_SUCCESS;
}

static void clone_of_a_handle_table(void **state)
{
	HANDLE handle;

	original = ob_handle_table_create();
	ob_set_current_table(original);
	for (int i = 0; i < 300; i++)
		assert_int_equal(NtCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, false),
				 STATUS_SUCCESS);
	ob_set_current_table(NULL);
	fail_each_allocation(clone_original, 4);
	ob_handle_table_dereference(original);
}

static NTSTATUS create_link_and_directory(void)
{
	STRING first, second, target = rtl_string("\\Device");
	OBJECT_ATTRIBUTES link_name = named(&first, "\\??\\link"), directory_name = named(&second, "\\??\\directory");
	HANDLE link = NULL, directory = NULL;
	NTSTATUS status = NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, &link_name, &target);

	if (!NT_SUCCESS(status))
		return status;
	status = NtCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &directory_name);
	if (NT_SUCCESS(status))
		NtClose(directory);
	NtClose(link);
	return status;
}

static void creation_of_links_and_directories(void **state)
{
	fail_each_allocation(create_link_and_directory, 5);
}

static NTSTATUS copy_token(void)
{
	struct se_token *token = se_create_host_token();
	HANDLE handle = NULL, copy = NULL;
	NTSTATUS status;

	if (!token)
		return STATUS_INSUFFICIENT_RESOURCES;
	status = ob_insert_object(token, NULL, TOKEN_ALL_ACCESS, &handle);
	if (!NT_SUCCESS(status))
		return status;
	status = NtDuplicateToken(handle, TOKEN_QUERY, NULL, false, TokenPrimary, &copy);
	if (NT_SUCCESS(status))
		NtClose(copy);
	NtClose(handle);
	return status;
}

static void creation_and_copy_of_tokens(void **state)
{
	fail_each_allocation(copy_token, 2);
}

static NTSTATUS post_and_query(void)
{
	_Alignas(8) char buffer[64];
	HANDLE port = NULL;
	NTSTATUS status = NtCreateIoCompletion(&port, IO_COMPLETION_ALL_ACCESS, NULL, 0);

	if (!NT_SUCCESS(status))
		return status;
	status = NtSetIoCompletion(port, NULL, NULL, STATUS_SUCCESS, 0);
	if (NT_SUCCESS(status))
		status = NtQueryObject(port, ObjectNameInformation, buffer, sizeof(buffer), NULL);
	NtClose(port);
	return status;
}

static void packets_and_name_queries(void **state)
{
	fail_each_allocation(post_and_query, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(creation_of_a_named_object),  cmocka_unit_test(growth_of_a_handle_table),
	    cmocka_unit_test(clone_of_a_handle_table),	   cmocka_unit_test(creation_of_links_and_directories),
	    cmocka_unit_test(creation_and_copy_of_tokens), cmocka_unit_test(packets_and_name_queries),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
