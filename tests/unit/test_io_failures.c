/* The n-th allocation fails: each operation says STATUS_NO_MEMORY or ENOLCK and leaves nothing behind, or does without.
 */
#include "failing.h"
#include "io_fixture.h"

#include <poll.h>
#include <stdlib.h>

static unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 200; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Run `operation` with its first, second, ... allocation failing, until it succeeds without a failure. */
static unsigned fail_each(NTSTATUS (*operation)(void))
{
	unsigned descriptors = open_descriptors();
	unsigned failures = 0;

	for (unsigned nth = 1; nth <= 100; nth++) {
		NTSTATUS status;

		fail_allocation(nth);
		status = operation();
		if (!allocation_failed()) {
			assert_status(status, STATUS_SUCCESS);
			assert_int_equal(open_descriptors(), descriptors);
			return failures;
		}
		if (status != STATUS_SUCCESS) {
			failures++;
			if (status != STATUS_NO_MEMORY && status != STATUS_INSUFFICIENT_RESOURCES)
				assert_errno(status, ENOLCK);
		}
		assert_int_equal(open_descriptors(), descriptors);
	}
	fail_msg("never ends");
	return 0;
}

static NTSTATUS open_and_close(void)
{
	HANDLE handle = NULL;
	NTSTATUS status =
	    open_file((struct open_request){.name = "f", .access = FILE_GENERIC_READ | FILE_GENERIC_WRITE}, &handle);

	if (handle)
		NtClose(handle);
	return status;
}

static HANDLE file;

static NTSTATUS lock_and_unlock(void)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {
	    .Command = F_SETLK, .Owner = &file, .Type = F_WRLCK, .Start = 0, .Length = 100};
	NTSTATUS status = control(file, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock));
	NTSTATUS released;

	lock.Type = F_UNLCK;
	released = control(file, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock));
	/* An unlock that fails is tried again, as a program would have to. */
	if (!NT_SUCCESS(released))
		assert_status(control(file, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock)),
			      STATUS_SUCCESS);
	return status != STATUS_SUCCESS ? status : released;
}

static NTSTATUS poll_many(void)
{
	struct {
		AFD_POLL_INFO info;
		AFD_POLL_HANDLE_INFO handles[20];
	} request = {.info = {.Timeout.QuadPart = 0, .NumberOfHandles = 20}};

	for (unsigned i = 0; i < 20; i++)
		request.handles[i] = (AFD_POLL_HANDLE_INFO){file, POLLIN, 0};
	return afd_poll(&request.info);
}

static NTSTATUS query_attributes(void)
{
	char data[256];
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtQueryEaFile(file, &io, data, sizeof(data), 0, NULL, 0, NULL, 1);

	return status == STATUS_NO_EAS_ON_FILE || status == STATUS_NOT_SUPPORTED ? STATUS_SUCCESS : status;
}

static void open_fails_cleanly(void **state)
{
	assert_true(fail_each(open_and_close) >= 1);
}

static void record_lock_fails_cleanly(void **state)
{
	assert_true(fail_each(lock_and_unlock) >= 3);
}

static void poll_of_many_fails_cleanly(void **state)
{
	assert_int_equal(fail_each(poll_many), 1);
}

static void attribute_query_fails_cleanly(void **state)
{
	assert_int_equal(fail_each(query_attributes), 1);
}

static int start(void **state)
{
	start_executive(state);
	write_host_file("f", "x");
	file = must_open("f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	return 0;
}

static int stop(void **state)
{
	NtClose(file);
	return stop_executive(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open_fails_cleanly),
	    cmocka_unit_test(record_lock_fails_cleanly),
	    cmocka_unit_test(poll_of_many_fails_cleanly),
	    cmocka_unit_test(attribute_query_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
