/* The observer of NT services: kernel-mode callers' calls are seen, with their arguments and their status. */
#include <nt/ntobserver.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
	const char *entered;
	const char *left;
	uint64_t argument;
	NTSTATUS status;
	unsigned calls;
} seen;

static void enter(const struct nt_service_descriptor *service, const uint64_t *arguments)
{
	seen.entered = service->name;
	seen.argument = arguments[0];
	seen.calls++;
}

static void leave(const struct nt_service_descriptor *service, const uint64_t *arguments, NTSTATUS status)
{
	seen.left = service->name;
	seen.status = status;
	seen.calls++;
}

static int set_up(void **state)
{
	static const struct nt_service_observer observer = {.enter = enter, .leave = leave};

	memset(&seen, 0, sizeof(seen));
	nt_service_observer = &observer;
	return 0;
}

static int tear_down(void **state)
{
	nt_service_observer = NULL;
	return 0;
}

static void a_zw_call_is_seen_before_and_after(void **state)
{
	LARGE_INTEGER time = {.QuadPart = 0};

	assert_int_equal(ZwQuerySystemTime(&time), STATUS_SUCCESS);
	assert_true(time.QuadPart > NT_UNIX_EPOCH);
	assert_string_equal(seen.entered, "NtQuerySystemTime");
	assert_string_equal(seen.left, "NtQuerySystemTime");
	assert_int_equal(seen.argument, (uintptr_t)&time);
	assert_int_equal(seen.status, STATUS_SUCCESS);
	assert_int_equal(seen.calls, 2);
}

static void an_nt_call_inside_the_executive_is_not_seen(void **state)
{
	LARGE_INTEGER time;

	assert_int_equal(NtQuerySystemTime(&time), STATUS_SUCCESS);
	assert_int_equal(seen.calls, 0);
}

static void without_an_observer_the_call_just_happens(void **state)
{
	LARGE_INTEGER time = {.QuadPart = 0};

	nt_service_observer = NULL;
	assert_int_equal(ZwQuerySystemTime(&time), STATUS_SUCCESS);
	assert_true(time.QuadPart > NT_UNIX_EPOCH);
	assert_int_equal(seen.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_zw_call_is_seen_before_and_after, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_nt_call_inside_the_executive_is_not_seen, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_an_observer_the_call_just_happens, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
