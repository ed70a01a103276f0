/* Polling file objects: host descriptors, wake lists, both at once, time limits and interruptions. */
#include "io_fixture.h"

#include <executive/io/poll.h>
#include <poll.h>

/* A device whose readiness the test sets. */
static _Atomic ULONG fake_ready;
static struct ke_wake_list fake_list;

static NTSTATUS fake_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	return STATUS_SUCCESS;
}

static ULONG fake_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	if (table)
		io_poll_add_list(table, &fake_list);
	return fake_ready & events;
}

static const struct io_driver_operations fake_operations = {.create = fake_create, .poll = fake_poll};
static struct io_driver fake_driver = {.name = "FakePoll", .operations = &fake_operations};
static HANDLE fake_handle, afd_handle, pipe_handle;
static int pipe_end = -1;

static HANDLE open_device(const char *text)
{
	STRING name = rtl_string(text);
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&handle, FILE_GENERIC_READ, &attributes, &io, 0, 0), STATUS_SUCCESS);
	return handle;
}

static int start(void **state)
{
	struct io_device *device;

	start_executive(state);
	ke_wake_list_init(&fake_list);
	assert_status(io_register_driver(&fake_driver), STATUS_SUCCESS);
	assert_status(io_create_device(&fake_driver, "\\Device\\FakePoll", NULL, &device), STATUS_SUCCESS);
	ob_dereference(device);
	fake_handle = open_device("\\Device\\FakePoll");
	afd_handle = open_device("\\Device\\Afd");
	return 0;
}

static int stop(void **state)
{
	NtClose(fake_handle);
	NtClose(afd_handle);
	return stop_executive(state);
}

static int make_pipe(void **state)
{
	struct io_file *file;
	int ends[2];

	fake_ready = 0;
	assert_int_equal(pipe(ends), 0);
	assert_status(hostfs_adopt_descriptor(ends[0], &file), STATUS_SUCCESS);
	close(ends[0]);
	assert_status(ob_open_by_pointer(file, 0, file->access, &pipe_handle), STATUS_SUCCESS);
	ob_dereference(file);
	pipe_end = ends[1];
	return 0;
}

static int drop_pipe(void **state)
{
	NtClose(pipe_handle);
	close(pipe_end);
	return 0;
}

struct request {
	AFD_POLL_INFO info;
	AFD_POLL_HANDLE_INFO handles[3];
};

static NTSTATUS poll_handles(struct request *request, LONGLONG timeout, ULONG count)
{
	IO_STATUS_BLOCK io;

	request->info.Timeout.QuadPart = timeout;
	request->info.NumberOfHandles = count;
	return NtDeviceIoControlFile(afd_handle, NULL, NULL, NULL, &io, IOCTL_AFD_POLL, request, sizeof(*request),
				     request, sizeof(*request));
}

static void ready_and_idle_are_told_at_once(void **state)
{
	struct request request = {
	    .handles = {{pipe_handle, POLLIN, 9}, {fake_handle, POLLIN | POLLOUT, 9}, {NULL, POLLIN, 9}}};

	assert_status(poll_handles(&request, 0, 3), STATUS_TIMEOUT);
	assert_int_equal(request.handles[0].Result | request.handles[1].Result | request.handles[2].Result, 0);
	fake_ready = POLLOUT;
	assert_int_equal(write(pipe_end, "x", 1), 1);
	assert_status(poll_handles(&request, INT64_MAX, 3), STATUS_SUCCESS);
	assert_int_equal(request.handles[0].Result, POLLIN);
	assert_int_equal(request.handles[1].Result, POLLOUT);
	assert_int_equal(request.handles[2].Result, 0);
}

static void bad_handle_is_invalid_and_files_are_always_ready(void **state)
{
	struct request request = {.handles = {{(HANDLE)0x7fffff0, POLLIN, 0}, {scratch_handle, POLLIN | POLLPRI, 0}}};

	assert_status(poll_handles(&request, 0, 2), STATUS_SUCCESS);
	assert_int_equal(request.handles[0].Result, POLLNVAL);
	assert_int_equal(request.handles[1].Result, POLLIN);
}

static void hang_up_is_told_unasked(void **state)
{
	struct request request = {.handles = {{pipe_handle, 0, 0}}};

	close(pipe_end);
	pipe_end = -1;
	assert_status(poll_handles(&request, INT64_MAX, 1), STATUS_SUCCESS);
	assert_int_equal(request.handles[0].Result, POLLHUP);
}

static void time_limit_ends_the_wait_after_it_has_passed(void **state)
{
	struct request request = {.handles = {{pipe_handle, POLLIN, 0}, {fake_handle, POLLIN, 0}}};
	uint64_t before = hal_time(HAL_CLOCK_MONOTONIC);

	assert_status(poll_handles(&request, -100000, 1), STATUS_TIMEOUT);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) - before >= 10000000);
	before = hal_time(HAL_CLOCK_MONOTONIC);
	request.handles[0] = request.handles[1];
	assert_status(poll_handles(&request, -100000, 1), STATUS_TIMEOUT);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) - before >= 10000000);
}

struct waiter {
	struct kevent started, done;
	struct ke_thread *thread;
	bool host, list;
	NTSTATUS status;
	ULONG results[2];
};

static void wait_in_thread(void *argument)
{
	struct waiter *waiter = argument;
	struct request request = {.info = {.Timeout.QuadPart = INT64_MAX, .NumberOfHandles = 2},
				  .handles = {{waiter->host ? pipe_handle : NULL, POLLIN, 0},
					      {waiter->list ? fake_handle : NULL, POLLIN, 0}}};

	assert_status(ps_attach_system_thread(), STATUS_SUCCESS);
	waiter->thread = ke_current_thread();
	ob_reference(waiter->thread); /* for whoever alerts it */
	ke_set_event(&waiter->started);
	waiter->status = afd_poll(&request.info);
	waiter->results[0] = request.handles[0].Result;
	waiter->results[1] = request.handles[1].Result;
	ps_detach_system_thread();
	ke_set_event(&waiter->done);
}

static void start_waiter(struct waiter *waiter)
{
	ke_initialize_event(&waiter->started, NotificationEvent, false);
	ke_initialize_event(&waiter->done, NotificationEvent, false);
	assert_int_equal(hal_thread_create(wait_in_thread, waiter), 0);
	ke_wait_for_object(&waiter->started.header, false, NULL);
}

static void join_waiter(struct waiter *waiter)
{
	ke_wait_for_object(&waiter->done.header, false, NULL);
	ob_dereference(waiter->thread);
}

static void make_list_ready(void)
{
	fake_ready = POLLIN;
	ke_wake_all(&fake_list);
}

static void either_side_ends_a_wait_on_both(void **state)
{
	for (int turn = 0; turn < 50; turn++) {
		struct waiter waiter = {.host = true, .list = true};
		char byte;

		fake_ready = 0;
		start_waiter(&waiter);
		if (turn % 2)
			make_list_ready();
		else
			assert_int_equal(write(pipe_end, "x", 1), 1);
		join_waiter(&waiter);
		assert_status(waiter.status, STATUS_SUCCESS);
		assert_int_equal(waiter.results[turn % 2], POLLIN);
		assert_int_equal(waiter.results[!(turn % 2)], 0);
		if (!(turn % 2)) {
			NTSTATUS status;

			assert_int_equal(read_text(pipe_handle, &byte, 1, &status), 1);
		}
	}
}

static void list_alone_ends_the_wait(void **state)
{
	for (int turn = 0; turn < 50; turn++) {
		struct waiter waiter = {.list = true};

		fake_ready = 0;
		start_waiter(&waiter);
		make_list_ready();
		join_waiter(&waiter);
		assert_status(waiter.status, STATUS_SUCCESS);
	}
}

static void wake_without_readiness_goes_on_waiting(void **state)
{
	struct waiter waiter = {.host = true, .list = true};

	start_waiter(&waiter);
	for (int i = 0; i < 100; i++)
		ke_wake_all(&fake_list);
	assert_int_equal(ke_read_state(&waiter.done.header), 0);
	make_list_ready();
	join_waiter(&waiter);
	assert_status(waiter.status, STATUS_SUCCESS);
}

static void alert_interrupts_each_kind_of_wait(void **state)
{
	for (int kind = 1; kind < 4; kind++) {
		struct waiter waiter = {.host = kind & 1, .list = kind & 2};

		start_waiter(&waiter);
		ke_alert_thread(waiter.thread);
		join_waiter(&waiter);
		assert_status(waiter.status, STATUS_ALERTED);
	}
}

static void request_that_does_not_fit_its_buffer_is_refused(void **state)
{
	struct request request = {.info.NumberOfHandles = 0xffffffff};
	IO_STATUS_BLOCK io;

	assert_status(NtDeviceIoControlFile(afd_handle, NULL, NULL, NULL, &io, IOCTL_AFD_POLL, &request,
					    sizeof(request), &request, sizeof(request)),
		      STATUS_INFO_LENGTH_MISMATCH);
	request.info.NumberOfHandles = 1;
	assert_status(NtDeviceIoControlFile(afd_handle, NULL, NULL, NULL, &io, IOCTL_AFD_POLL, &request,
					    sizeof(request.info), &request, sizeof(request)),
		      STATUS_INFO_LENGTH_MISMATCH);
	assert_status(NtDeviceIoControlFile(afd_handle, NULL, NULL, NULL, &io, 0x12020, &request, sizeof(request),
					    &request, sizeof(request)),
		      STATUS_INVALID_DEVICE_REQUEST);
}

static void many_handles_are_polled(void **state)
{
	const ULONG count = 500;
	AFD_POLL_INFO *info = calloc(1, sizeof(*info) + count * sizeof(info->Handles[0]));

	info->NumberOfHandles = count;
	info->Timeout.QuadPart = -100000;
	for (ULONG i = 0; i < count; i++)
		info->Handles[i] = (AFD_POLL_HANDLE_INFO){i % 2 ? pipe_handle : fake_handle, POLLIN, 1};
	assert_status(afd_poll(info), STATUS_TIMEOUT);
	assert_int_equal(write(pipe_end, "x", 1), 1);
	assert_status(afd_poll(info), STATUS_SUCCESS);
	for (ULONG i = 0; i < count; i++)
		assert_int_equal(info->Handles[i].Result, i % 2 ? POLLIN : 0);
	free(info);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_pipe, drop_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(ready_and_idle_are_told_at_once),
	    TEST(bad_handle_is_invalid_and_files_are_always_ready),
	    TEST(hang_up_is_told_unasked),
	    TEST(time_limit_ends_the_wait_after_it_has_passed),
	    TEST(either_side_ends_a_wait_on_both),
	    TEST(list_alone_ends_the_wait),
	    TEST(wake_without_readiness_goes_on_waiting),
	    TEST(alert_interrupts_each_kind_of_wait),
	    TEST(request_that_does_not_fit_its_buffer_is_refused),
	    TEST(many_handles_are_polled),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
