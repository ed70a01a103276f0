/*
 * Polling file objects.
 *
 * Each round asks every file for its state while it is registered for changes,
 * and sleeps only if none is ready: a change after the asking ends the sleep.
 * Files of the host are waited for by ppoll(2), which the wake lists of all the
 * others interrupt, so that one sleep serves both. The first round registers
 * nothing: most polls find something ready.
 */
#include <drivers/afd/afd.h>
#include <errno.h>
#include <executive/io/poll.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#define FEW 16

struct poll_request {
	AFD_POLL_INFO *info;
	struct io_file **files;
	struct io_poll_table table;
	struct pollfd *host_set;
	size_t host_capacity;
	uint64_t deadline; /* CLOCK_MONOTONIC */
};

/* Every handle's file object; NULL where there is none. */
static void reference_files(struct poll_request *request)
{
	for (ULONG i = 0; i < request->info->NumberOfHandles; i++) {
		request->files[i] = NULL;
		if (request->info->Handles[i].Handle &&
		    !NT_SUCCESS(io_reference_file(request->info->Handles[i].Handle, 0, &request->files[i])))
			request->files[i] = NULL;
	}
}

static void dereference_files(struct poll_request *request)
{
	for (ULONG i = 0; i < request->info->NumberOfHandles; i++)
		if (request->files[i])
			ob_dereference(request->files[i]);
}

/* Ask all files; with `table` also register. How many are ready. */
static ULONG sample(struct poll_request *request, struct io_poll_table *table)
{
	ULONG ready = 0;

	for (ULONG i = 0; i < request->info->NumberOfHandles; i++) {
		AFD_POLL_HANDLE_INFO *entry = &request->info->Handles[i];
		struct io_file *file = request->files[i];

		if (table)
			table->current = i;
		if (file)
			entry->Result = IO_OPERATION(file, poll)(file, entry->Events, table);
		else
			entry->Result = entry->Handle ? POLLNVAL : 0;
		ready += entry->Result != 0;
	}
	return ready;
}

static bool fill_host_set(struct poll_request *request)
{
	struct io_poll_table *table = &request->table;

	if (table->host_count > request->host_capacity) {
		struct pollfd *grown = reallocarray(request->host_set, table->host_count, sizeof(*grown));

		if (!grown)
			return false;
		request->host_set = grown;
		request->host_capacity = table->host_count;
	}
	for (size_t i = 0; i < table->host_count; i++)
		request->host_set[i] = (struct pollfd){table->hosts[i].descriptor, (short)table->hosts[i].events, 0};
	return true;
}

/* The host call keeps the time that is left in `left` up to date, so a restart needs no new one. */
static NTSTATUS sleep_on_host(struct poll_request *request)
{
	uint64_t now = hal_time(HAL_CLOCK_MONOTONIC);
	uint64_t wait = request->deadline > now ? request->deadline - now : 0;
	struct timespec left = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
	bool forever = request->deadline == UINT64_MAX;
	uint64_t arguments[6] = {0};
	NTSTATUS status;
	int64_t result;

	if (!fill_host_set(request))
		return STATUS_NO_MEMORY;
	arguments[0] = (uintptr_t)request->host_set;
	arguments[1] = request->table.host_count;
	arguments[2] = forever ? 0 : (uintptr_t)&left;
	result = ke_host_call(&status, request->table.entries, request->table.entry_count, SYS_ppoll, arguments);
	if (result == 0)
		return STATUS_TIMEOUT;
	if (result > 0 || result == -EINTR)
		return result > 0 ? STATUS_SUCCESS : status;
	return nt_status_from_errno((int)-result);
}

static NTSTATUS sleep_once(struct poll_request *request)
{
	if (request->table.host_count)
		return sleep_on_host(request);
	return ke_list_sleep(request->table.entries, request->table.entry_count, true, request->deadline);
}

/* Until something is ready, the time is up or the thread is wanted elsewhere. */
static NTSTATUS wait_until_ready(struct poll_request *request)
{
	NTSTATUS status = STATUS_SUCCESS;
	ULONG ready;

	for (;;) {
		io_poll_reset(&request->table);
		ready = sample(request, &request->table);
		if (ready)
			return STATUS_SUCCESS;
		if (status != STATUS_SUCCESS)
			return status;
		if (request->table.out_of_memory)
			return STATUS_NO_MEMORY;
		/* What ends the sleep is looked at only after a last look at the files. */
		status = sleep_once(request);
	}
}

static NTSTATUS run(struct poll_request *request)
{
	const LARGE_INTEGER *timeout = request->info->Timeout.QuadPart == INT64_MAX ? NULL : &request->info->Timeout;

	if (sample(request, NULL))
		return STATUS_SUCCESS;
	if (timeout && timeout->QuadPart == 0)
		return STATUS_TIMEOUT;
	request->deadline = ke_deadline(timeout);
	return wait_until_ready(request);
}

NTSTATUS afd_poll(AFD_POLL_INFO *info)
{
	struct io_file *few[FEW];
	cleanup_free struct io_file **many = NULL;
	struct poll_request request = {.info = info, .files = few};
	NTSTATUS status;

	if (info->NumberOfHandles > FEW) {
		many = calloc(info->NumberOfHandles, sizeof(*many));
		if (!many)
			return STATUS_NO_MEMORY;
		request.files = many;
	}
	io_poll_initialize(&request.table);
	reference_files(&request);
	status = run(&request);
	io_poll_destroy(&request.table);
	dereference_files(&request);
	free(request.host_set);
	return status;
}

static NTSTATUS afd_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	if (create->name.Length)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	create->information = FILE_OPENED;
	return STATUS_SUCCESS;
}

static NTSTATUS afd_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				   ULONG output_size, ULONG_PTR *information)
{
	AFD_POLL_INFO *info = output;
	size_t size;
	NTSTATUS status;

	if (code != IOCTL_AFD_POLL)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (input_size < sizeof(*info) || output_size < input_size)
		return STATUS_INFO_LENGTH_MISMATCH;
	size = sizeof(*info) + ((const AFD_POLL_INFO *)input)->NumberOfHandles * sizeof(info->Handles[0]);
	if (size > input_size)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (input != output)
		memcpy(output, input, size);
	status = afd_poll(info);
	*information = size;
	return status;
}

static const struct io_driver_operations operations = {
    .create = afd_create,
    .device_control = afd_device_control,
};

static struct io_driver afd_driver = {
    .name = "Afd",
    .operations = &operations,
};

NTSTATUS afd_initialize(void)
{
	struct io_device *device;
	NTSTATUS status = io_register_driver(&afd_driver);

	if (NT_SUCCESS(status))
		status = io_create_device(&afd_driver, "\\Device\\Afd", NULL, &device);
	if (NT_SUCCESS(status))
		ob_dereference(device);
	return status;
}
