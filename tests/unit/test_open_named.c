/* Opening by name, for every kind of object that is shared so: what is found, what the handle grants, who is refused. */
#include "process_fixture.h"

static NTSTATUS create_event(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateEvent(handle, EVENT_ALL_ACCESS, attributes, NotificationEvent, false);
}

static NTSTATUS create_mutant(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateMutant(handle, MUTANT_ALL_ACCESS, attributes, false);
}

static NTSTATUS create_semaphore(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateSemaphore(handle, SEMAPHORE_ALL_ACCESS, attributes, 0, 1);
}

static NTSTATUS create_timer(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateTimer(handle, TIMER_ALL_ACCESS, attributes, NotificationTimer);
}

static NTSTATUS create_completion(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateIoCompletion(handle, IO_COMPLETION_ALL_ACCESS, attributes, 0);
}

static NTSTATUS create_job(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	return NtCreateJobObject(handle, JOB_OBJECT_ALL_ACCESS, attributes);
}

static NTSTATUS create_section(PHANDLE handle, OBJECT_ATTRIBUTES *attributes)
{
	LARGE_INTEGER size = {.QuadPart = 4096};

	return NtCreateSection(handle, SECTION_ALL_ACCESS, attributes, &size, PAGE_READWRITE, SEC_COMMIT, NULL);
}

static const struct kind {
	const char *name;
	NTSTATUS (*create)(PHANDLE handle, OBJECT_ATTRIBUTES *attributes);
	NTSTATUS (*open)(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes);
	ACCESS_MASK query, change; /* a right that every subject may have, and one that only the owner may */
} kinds[] = {
	{"event", create_event, NtOpenEvent, EVENT_QUERY_STATE, EVENT_MODIFY_STATE},
	{"mutant", create_mutant, NtOpenMutant, MUTANT_QUERY_STATE, WRITE_DAC},
	{"semaphore", create_semaphore, NtOpenSemaphore, SEMAPHORE_QUERY_STATE, SEMAPHORE_MODIFY_STATE},
	{"timer", create_timer, NtOpenTimer, TIMER_QUERY_STATE, TIMER_MODIFY_STATE},
	{"port", create_completion, NtOpenIoCompletion, IO_COMPLETION_QUERY_STATE, IO_COMPLETION_MODIFY_STATE},
	{"job", create_job, NtOpenJobObject, JOB_OBJECT_QUERY, JOB_OBJECT_TERMINATE},
	{"section", create_section, NtOpenSection, SECTION_QUERY, SECTION_MAP_WRITE},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static OBJECT_ATTRIBUTES *named(const struct kind *kind, const char *suffix)
{
	static OBJECT_ATTRIBUTES attributes;
	static char text[64];
	static STRING name;

	snprintf(text, sizeof(text), "\\BaseNamedObjects\\%s%s", kind->name, suffix);
	name = rtl_string(text);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	return &attributes;
}

static void opened_handle_is_the_same_object_with_the_access_asked_for(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		HANDLE made, opened;
		ACCESS_MASK granted;

		assert_success(kinds[i].create(&made, named(&kinds[i], "")));
		assert_success(kinds[i].open(&opened, kinds[i].query, named(&kinds[i], "")));
		assert_success(NtCompareObjects(made, opened));
		assert_success(ob_handle_access(opened, &granted));
		assert_int_equal(granted, kinds[i].query);
		assert_success(NtClose(opened));
		assert_status(kinds[i].create(&opened, named(&kinds[i], "")), STATUS_OBJECT_NAME_COLLISION);
		assert_success(NtClose(made));
		/* Temporary: the name went with the last handle. */
		assert_status(kinds[i].open(&opened, kinds[i].query, named(&kinds[i], "")), STATUS_OBJECT_NAME_NOT_FOUND);
	}
}

static void name_of_another_kind_is_a_type_mismatch(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *other = &kinds[(i + 1) % KINDS];
		HANDLE made, opened;

		assert_success(kinds[i].create(&made, named(&kinds[i], "")));
		assert_status(other->open(&opened, other->query, named(&kinds[i], "")), STATUS_OBJECT_TYPE_MISMATCH);
		NtClose(made);
	}
}

static void what_is_no_name_is_refused(void **state)
{
	STRING relative = rtl_string("relative"), none = rtl_string("");
	OBJECT_ATTRIBUTES attributes;
	HANDLE opened;

	for (size_t i = 0; i < KINDS; i++) {
		InitializeObjectAttributes(&attributes, &relative, 0, NULL, NULL);
		assert_status(kinds[i].open(&opened, kinds[i].query, &attributes), STATUS_OBJECT_PATH_SYNTAX_BAD);
		InitializeObjectAttributes(&attributes, &none, 0, NULL, NULL);
		assert_false(NT_SUCCESS(kinds[i].open(&opened, kinds[i].query, &attributes)));
		assert_status(kinds[i].open(&opened, kinds[i].query, named(&kinds[i], "\\below")), STATUS_OBJECT_PATH_NOT_FOUND);
	}
}

static void strangers_may_look_but_not_change(void **state)
{
	struct process_fixture *fixture = *state;
	struct se_token *stranger = se_create_host_token();

	stranger->euid = geteuid() + 1;
	stranger->cap_effective = 0;
	for (size_t i = 0; i < KINDS; i++) {
		HANDLE made, opened;

		assert_success(kinds[i].create(&made, named(&kinds[i], "")));
		fixture->thread->token = stranger;
		assert_status(kinds[i].open(&opened, kinds[i].change, named(&kinds[i], "")), STATUS_ACCESS_DENIED);
		assert_success(kinds[i].open(&opened, kinds[i].query, named(&kinds[i], "")));
		fixture->thread->token = NULL;
		NtClose(opened);
		assert_success(kinds[i].open(&opened, kinds[i].change, named(&kinds[i], "")));
		NtClose(opened);
		NtClose(made);
	}
	ob_dereference(stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(opened_handle_is_the_same_object_with_the_access_asked_for),
		fixture_test(name_of_another_kind_is_a_type_mismatch),
		fixture_test(what_is_no_name_is_refused),
		fixture_test(strangers_may_look_but_not_change),
	};

	return cmocka_run_group_tests(tests, fixture_start_executive, NULL);
}
