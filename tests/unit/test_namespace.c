/* The object namespace: names, directories, symbolic links, parse routines. */
#include "workers.h"

#include <executive/ex/ex.h>
#include <nt/ntservices.h>
#include <stdio.h>

static int start(void **state)
{
	int error = attach_main(state);

	ob_initialize();
	ex_initialize();
	return error;
}

static OBJECT_ATTRIBUTES named(STRING *name, const char *text, ULONG flags)
{
	*name = rtl_string(text);
	return (OBJECT_ATTRIBUTES){sizeof(OBJECT_ATTRIBUTES), NULL, name, flags, NULL, NULL};
}

static NTSTATUS create_event(const char *name, ULONG flags, HANDLE *handle)
{
	STRING text;
	OBJECT_ATTRIBUTES attributes = named(&text, name, flags);

	*handle = NULL;
	return NtCreateEvent(handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, false);
}

static NTSTATUS open_event(const char *name, ULONG flags, HANDLE *handle)
{
	STRING text;
	OBJECT_ATTRIBUTES attributes = named(&text, name, flags);

	*handle = NULL;
	return NtOpenEvent(handle, EVENT_ALL_ACCESS, &attributes);
}

static NTSTATUS open_status(const char *name)
{
	HANDLE handle;
	NTSTATUS status = open_event(name, 0, &handle);

	if (handle)
		NtClose(handle);
	return status;
}

static void temporary_name_lives_as_long_as_its_handles(void **state)
{
	HANDLE first, second;

	assert_int_equal(create_event("\\BaseNamedObjects\\one", 0, &first), STATUS_SUCCESS);
	assert_int_equal(open_event("\\BaseNamedObjects\\one", 0, &second), STATUS_SUCCESS);
	assert_int_equal(NtCompareObjects(first, second), STATUS_SUCCESS);
	NtClose(first);
	assert_int_equal(open_status("\\BaseNamedObjects\\one"), STATUS_SUCCESS);
	NtClose(second);
	assert_int_equal(open_status("\\BaseNamedObjects\\one"), STATUS_OBJECT_NAME_NOT_FOUND);
}

static void permanent_object_stays_until_made_temporary(void **state)
{
	HANDLE handle;

	assert_int_equal(create_event("\\BaseNamedObjects\\kept", OBJ_PERMANENT, &handle), STATUS_SUCCESS);
	NtClose(handle);
	assert_int_equal(open_event("\\BaseNamedObjects\\kept", 0, &handle), STATUS_SUCCESS);
	assert_int_equal(NtMakeTemporaryObject(handle), STATUS_SUCCESS);
	NtClose(handle);
	assert_int_equal(open_status("\\BaseNamedObjects\\kept"), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(create_event("\\BaseNamedObjects\\kept", 0, &handle), STATUS_SUCCESS);
	assert_int_equal(NtMakePermanentObject(handle), STATUS_SUCCESS);
	NtClose(handle);
	assert_int_equal(open_event("\\BaseNamedObjects\\kept", 0, &handle), STATUS_SUCCESS);
	assert_int_equal(NtMakeTemporaryObject(handle), STATUS_SUCCESS);
	NtClose(handle);
}

static void collisions_open_only_with_openif_and_the_same_type(void **state)
{
	HANDLE first, second, semaphore = NULL;
	STRING text;
	OBJECT_ATTRIBUTES attributes = named(&text, "\\BaseNamedObjects\\both", OBJ_OPENIF);

	assert_int_equal(create_event("\\BaseNamedObjects\\both", OBJ_OPENIF, &first), STATUS_SUCCESS);
	assert_int_equal(create_event("\\BaseNamedObjects\\both", 0, &second), STATUS_OBJECT_NAME_COLLISION);
	assert_null(second);
	assert_int_equal(create_event("\\BaseNamedObjects\\both", OBJ_OPENIF, &second), STATUS_OBJECT_NAME_EXISTS);
	assert_int_equal(NtCompareObjects(first, second), STATUS_SUCCESS);
	assert_int_equal(NtCreateSemaphore(&semaphore, SEMAPHORE_ALL_ACCESS, &attributes, 0, 1),
			 STATUS_OBJECT_TYPE_MISMATCH);
	assert_null(semaphore);
	NtClose(first);
	NtClose(second);
}

static void names_are_bytes_unless_case_is_ignored(void **state)
{
	HANDLE handle, found;

	assert_int_equal(create_event("\\BaseNamedObjects\\Case\xC3\x84", 0, &handle), STATUS_SUCCESS);
	assert_int_equal(open_status("\\BaseNamedObjects\\case\xC3\x84"), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(open_event("\\basenamedobjects\\CASE\xC3\x84", OBJ_CASE_INSENSITIVE, &found), STATUS_SUCCESS);
	NtClose(found);
	NtClose(handle);
}

static void bad_names_are_told_apart(void **state)
{
	HANDLE handle;

	assert_int_equal(open_status("relative"), STATUS_OBJECT_PATH_SYNTAX_BAD);
	assert_int_equal(open_status("\\nowhere\\x"), STATUS_OBJECT_PATH_NOT_FOUND);
	assert_int_equal(open_status("\\nowhere"), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(open_status("\\\\x"), STATUS_OBJECT_NAME_INVALID);
	assert_int_equal(open_status("\\Device"), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(create_event("\\nowhere\\x", 0, &handle), STATUS_OBJECT_PATH_NOT_FOUND);
	assert_int_equal(create_event("\\", 0, &handle), STATUS_OBJECT_NAME_INVALID);
	assert_int_equal(create_event("\\BaseNamedObjects\\x\\", 0, &handle), STATUS_OBJECT_NAME_INVALID);
	assert_int_equal(create_event("\\BaseNamedObjects\\leaf", 0, &handle), STATUS_SUCCESS);
	assert_int_equal(open_status("\\BaseNamedObjects\\leaf\\below"), STATUS_OBJECT_TYPE_MISMATCH);
	NtClose(handle);
}

static void failed_creation_leaves_nothing_behind(void **state)
{
	ULONG before = atomic_load(&ex_event_type.object_count);
	HANDLE handle;

	create_event("\\nowhere\\x", 0, &handle);
	create_event("relative", 0, &handle);
	assert_int_equal(atomic_load(&ex_event_type.object_count), before);
}

static void names_can_start_at_a_directory_handle(void **state)
{
	STRING text, leaf = rtl_string("inner"), absolute = rtl_string("\\inner");
	OBJECT_ATTRIBUTES attributes = named(&text, "\\BaseNamedObjects\\sub", 0);
	HANDLE directory, event, found;

	assert_int_equal(NtCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
	attributes = (OBJECT_ATTRIBUTES){sizeof(attributes), directory, &leaf, 0, NULL, NULL};
	assert_int_equal(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, true), STATUS_SUCCESS);
	assert_int_equal(open_event("\\BaseNamedObjects\\sub\\inner", 0, &found), STATUS_SUCCESS);
	NtClose(found);
	attributes.ObjectName = &absolute;
	assert_int_equal(NtOpenEvent(&found, EVENT_ALL_ACCESS, &attributes), STATUS_OBJECT_PATH_SYNTAX_BAD);
	attributes.RootDirectory = event;
	attributes.ObjectName = &leaf;
	assert_int_equal(NtOpenEvent(&found, EVENT_ALL_ACCESS, &attributes), STATUS_OBJECT_TYPE_MISMATCH);
	NtClose(event);
	NtClose(directory);
	assert_int_equal(open_status("\\BaseNamedObjects\\sub"), STATUS_OBJECT_NAME_NOT_FOUND);
}

static void symbolic_links_lead_on(void **state)
{
	STRING text, target = rtl_string("\\BaseNamedObjects"), buffer;
	OBJECT_ATTRIBUTES attributes = named(&text, "\\??\\there", 0);
	char read[32];
	HANDLE link, opened, event;
	ULONG length;

	assert_int_equal(NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, &attributes, &target),
			 STATUS_SUCCESS);
	assert_int_equal(create_event("\\DosDevices\\there\\through", 0, &event), STATUS_SUCCESS);
	assert_int_equal(open_status("\\BaseNamedObjects\\through"), STATUS_SUCCESS);
	assert_int_equal(NtOpenSymbolicLinkObject(&opened, SYMBOLIC_LINK_QUERY, &attributes), STATUS_SUCCESS);
	buffer = (STRING){0, sizeof(read), read};
	assert_int_equal(NtQuerySymbolicLinkObject(opened, &buffer, &length), STATUS_SUCCESS);
	assert_int_equal(length, target.Length);
	assert_memory_equal(read, target.Buffer, target.Length);
	buffer.MaximumLength = 3;
	assert_int_equal(NtQuerySymbolicLinkObject(opened, &buffer, NULL), STATUS_BUFFER_TOO_SMALL);
	NtClose(opened);
	NtClose(event);
	NtClose(link);
}

static void circles_of_links_end(void **state)
{
	STRING text, target = rtl_string("\\??\\circle");
	OBJECT_ATTRIBUTES attributes = named(&text, "\\??\\circle", 0);
	HANDLE link, handle;

	assert_int_equal(NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, &attributes, &target),
			 STATUS_SUCCESS);
	assert_int_equal(open_status("\\??\\circle\\x"), STATUS_REPARSE_POINT_NOT_RESOLVED);
	assert_int_equal(open_event("\\??\\circle", OBJ_DONT_REPARSE, &handle), STATUS_REPARSE_POINT_ENCOUNTERED);
	NtClose(link);
}

static void links_never_make_names_too_long(void **state)
{
	static char long_name[60000];
	STRING text, target = rtl_string("\\BaseNamedObjects\\a-target-that-makes-it-too-long-if-it-is-put-in-front");
	OBJECT_ATTRIBUTES attributes = named(&text, "\\??\\l", 0);
	HANDLE link, handle;

	assert_int_equal(NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, &attributes, &target),
			 STATUS_SUCCESS);
	memset(long_name, 'x', sizeof(long_name) - 1);
	memcpy(long_name, "\\??\\l\\", 6);
	assert_int_equal(open_event(long_name, 0, &handle), STATUS_OBJECT_PATH_NOT_FOUND);

	char *longest = malloc(65536);

	memset(longest, 'x', 65535);
	memcpy(longest, "\\??\\l\\", 6);
	longest[65535] = '\0';
	assert_int_equal(open_event(longest, 0, &handle), STATUS_NAME_TOO_LONG);
	free(longest);
	NtClose(link);
}

static void directory_lists_its_entries(void **state)
{
	STRING text;
	OBJECT_ATTRIBUTES attributes = named(&text, "\\BaseNamedObjects\\list", 0);
	_Alignas(8) char buffer[1024];
	OBJECT_DIRECTORY_INFORMATION *records = (void *)buffer;
	HANDLE directory, a, b;
	ULONG context, length;

	assert_int_equal(NtCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
	assert_int_equal(NtQueryDirectoryObject(directory, buffer, sizeof(buffer), false, true, &context, &length),
			 STATUS_NO_MORE_ENTRIES);
	create_event("\\BaseNamedObjects\\list\\b", 0, &b);
	create_event("\\BaseNamedObjects\\list\\a", 0, &a);
	assert_int_equal(NtQueryDirectoryObject(directory, buffer, sizeof(buffer), false, true, &context, &length),
			 STATUS_SUCCESS);
	assert_int_equal(context, 2);
	assert_memory_equal(records[0].Name.Buffer, "a", 1);
	assert_memory_equal(records[1].Name.Buffer, "b", 1);
	assert_memory_equal(records[1].TypeName.Buffer, "Event", 5);
	assert_int_equal(records[2].Name.Length, 0);
	assert_int_equal(NtQueryDirectoryObject(directory, buffer, sizeof(buffer), true, true, &context, &length),
			 STATUS_SUCCESS);
	assert_int_equal(context, 1);
	/* Room for one and the empty record behind it. */
	assert_int_equal(NtQueryDirectoryObject(directory, buffer, length, false, true, &context, &length),
			 STATUS_MORE_ENTRIES);
	assert_int_equal(NtQueryDirectoryObject(directory, buffer, length - 1, false, true, &context, &length),
			 STATUS_BUFFER_TOO_SMALL);
	NtClose(a);
	NtClose(b);
	NtClose(directory);
}

static void objects_know_their_full_names(void **state)
{
	_Alignas(8) char buffer[256];
	OBJECT_NAME_INFORMATION *name = (void *)buffer;
	HANDLE handle, unnamed;
	ULONG length;

	create_event("\\BaseNamedObjects\\Global\\named", 0, &handle);
	assert_int_equal(NtQueryObject(handle, ObjectNameInformation, buffer, sizeof(*name), &length),
			 STATUS_BUFFER_OVERFLOW);
	assert_int_equal(NtQueryObject(handle, ObjectNameInformation, buffer, length, NULL), STATUS_SUCCESS);
	assert_int_equal(name->Name.Length, strlen("\\BaseNamedObjects\\named"));
	assert_memory_equal(name->Name.Buffer, "\\BaseNamedObjects\\named", name->Name.Length);
	NtCreateEvent(&unnamed, EVENT_ALL_ACCESS, NULL, NotificationEvent, false);
	assert_int_equal(NtQueryObject(unnamed, ObjectNameInformation, buffer, sizeof(buffer), NULL), STATUS_SUCCESS);
	assert_int_equal(name->Name.Length, 0);
	NtClose(unnamed);
	NtClose(handle);
}

static void exclusive_object_has_handles_in_one_table(void **state)
{
	struct ob_handle_table *first = ob_handle_table_create(), *second = ob_handle_table_create();
	HANDLE handle, again;

	ob_set_current_table(first);
	assert_int_equal(create_event("\\BaseNamedObjects\\mine", OBJ_EXCLUSIVE, &handle), STATUS_SUCCESS);
	assert_int_equal(open_event("\\BaseNamedObjects\\mine", OBJ_EXCLUSIVE, &again), STATUS_SUCCESS);
	ob_set_current_table(second);
	assert_int_equal(open_event("\\BaseNamedObjects\\mine", 0, &again), STATUS_ACCESS_DENIED);
	assert_int_equal(open_event("\\BaseNamedObjects\\mine", OBJ_EXCLUSIVE, &again), STATUS_ACCESS_DENIED);
	ob_set_current_table(NULL);
	ob_handle_table_dereference(first);
	ob_handle_table_dereference(second);
}

/* A device: what is behind its name is its own business. */
struct device {
	char seen[64];
	void *context;
	bool reparse;
};

static NTSTATUS parse_device(void *object, struct ob_parse *parse)
{
	struct device *device = object;

	snprintf(device->seen, sizeof(device->seen), "%.*s", parse->remaining.Length, parse->remaining.Buffer);
	device->context = parse->context;
	if (device->reparse) {
		parse->reparse = rtl_string(strdup("\\BaseNamedObjects\\elsewhere"));
		return STATUS_REPARSE;
	}
	parse->object = object;
	ob_reference(object);
	return STATUS_SUCCESS;
}

static const struct ob_type_operations device_operations = {.parse = parse_device};
static struct ob_type device_type = {.name = "TestDevice", .valid_access = 0x1F0001, .operations = &device_operations};

static void parse_routines_get_the_rest_of_the_name(void **state)
{
	STRING text, relative = rtl_string("lib/libc.so");
	OBJECT_ATTRIBUTES attributes = named(&text, "\\Device\\Test", 0);
	struct device *device = ob_create_object(&device_type, sizeof(*device));
	int context;
	HANDLE handle, event;
	void *object;

	ob_reference(device);
	assert_int_equal(ob_insert_object(device, &attributes, 1, &handle), STATUS_SUCCESS);
	attributes = named(&text, "\\Device\\Test\\usr/bin\\odd", 0);
	assert_int_equal(ob_lookup_name(&attributes, NULL, 0, &context, &object), STATUS_SUCCESS);
	assert_string_equal(device->seen, "usr/bin\\odd");
	assert_ptr_equal(device->context, &context);
	ob_dereference(object);
	attributes = (OBJECT_ATTRIBUTES){sizeof(attributes), handle, &relative, 0, NULL, NULL};
	assert_int_equal(ob_lookup_name(&attributes, &device_type, 0, NULL, &object), STATUS_SUCCESS);
	assert_string_equal(device->seen, "lib/libc.so");
	ob_dereference(object);
	/* No name at all: the object behind the handle itself. */
	attributes.ObjectName = NULL;
	assert_int_equal(ob_lookup_name(&attributes, &device_type, 0, NULL, &object), STATUS_SUCCESS);
	assert_string_equal(device->seen, "");
	ob_dereference(object);
	assert_int_equal(create_event("\\Device\\Test\\inside", 0, &event), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(open_status("\\Device\\Test\\x"), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(create_event("\\BaseNamedObjects\\elsewhere", 0, &event), STATUS_SUCCESS);
	device->reparse = true;
	assert_int_equal(open_status("\\Device\\Test\\x"), STATUS_SUCCESS);
	NtClose(event);
	NtClose(handle);
	ob_dereference(device);
}

static void dump_shows_the_tree(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	HANDLE handle;

	create_event("\\BaseNamedObjects\\shown", 0, &handle);
	ob_dump_namespace(out);
	ob_dump_handle_table(ob_current_table(), out);
	fclose(out);
	assert_non_null(strstr(text, "    shown  Event  1 handles"));
	assert_non_null(strstr(text, "\\BaseNamedObjects\\shown"));
	assert_non_null(strstr(text, "DosDevices  SymbolicLink"));
	free(text);
	NtClose(handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(temporary_name_lives_as_long_as_its_handles),
	    cmocka_unit_test(permanent_object_stays_until_made_temporary),
	    cmocka_unit_test(collisions_open_only_with_openif_and_the_same_type),
	    cmocka_unit_test(names_are_bytes_unless_case_is_ignored),
	    cmocka_unit_test(bad_names_are_told_apart),
	    cmocka_unit_test(failed_creation_leaves_nothing_behind),
	    cmocka_unit_test(names_can_start_at_a_directory_handle),
	    cmocka_unit_test(symbolic_links_lead_on),
	    cmocka_unit_test(circles_of_links_end),
	    cmocka_unit_test(links_never_make_names_too_long),
	    cmocka_unit_test(directory_lists_its_entries),
	    cmocka_unit_test(objects_know_their_full_names),
	    cmocka_unit_test(exclusive_object_has_handles_in_one_table),
	    cmocka_unit_test(parse_routines_get_the_rest_of_the_name),
	    cmocka_unit_test(dump_shows_the_tree),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
