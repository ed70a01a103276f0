/* Pipes without a guest: the rules of pipe(7), through NT's services. */
#include "io_fixture.h"
#include "workers.h"

#include <drivers/npfs/npfs.h>
#include <poll.h>

#define PAGE 4096u
#define CAPACITY (16 * PAGE)

static struct ob_handle_table *test_table;

static int start(void **state)
{
	start_executive(state);
	assert_status(npfs_initialize(), STATUS_SUCCESS);
	test_table = ob_current_table();
	return 0;
}

struct pipe {
	HANDLE read_end, write_end;
};

static void set_flags(HANDLE handle, ULONG flags)
{
	IO_STATUS_BLOCK io;

	assert_status(NtSetInformationFile(handle, &io, &flags, sizeof flags, FileLxStatusFlagsInformation), STATUS_SUCCESS);
}

static HANDLE reopen(HANDLE root, ACCESS_MASK access)
{
	STRING none = {0, 0, NULL};
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	HANDLE handle = NULL;

	InitializeObjectAttributes(&attributes, &none, 0, root, NULL);
	assert_status(NtOpenFile(&handle, access, &attributes, &io, 0, FILE_SYNCHRONOUS_IO_ALERT), STATUS_SUCCESS);
	return handle;
}

static struct pipe make_pipe(ULONG flags)
{
	STRING name = rtl_string("\\Device\\NamedPipe\\");
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	struct pipe pipe;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtCreateNamedPipeFile(&pipe.read_end, FILE_GENERIC_READ, &attributes, &io, 0, FILE_CREATE,
					    FILE_SYNCHRONOUS_IO_ALERT, FILE_PIPE_BYTE_STREAM_TYPE, 0,
					    FILE_PIPE_QUEUE_OPERATION, 1, 65536, 65536, NULL),
		      STATUS_SUCCESS);
	pipe.write_end = reopen(pipe.read_end, FILE_GENERIC_WRITE);
	set_flags(pipe.read_end, flags & O_NONBLOCK);
	set_flags(pipe.write_end, flags);
	return pipe;
}

static void drop_pipe(struct pipe *pipe)
{
	if (pipe->read_end)
		NtClose(pipe->read_end);
	if (pipe->write_end)
		NtClose(pipe->write_end);
	*pipe = (struct pipe){0};
}

/* Bytes written, or -1 with *status. */
static long put(HANDLE handle, const void *data, size_t size, NTSTATUS *status)
{
	struct io_buffer buffer;
	IO_STATUS_BLOCK io = {0};

	io_buffer_from_kernel(&buffer, (void *)(uintptr_t)data, size);
	*status = NtWriteFile(handle, NULL, NULL, NULL, &io, &buffer, (ULONG)size, NULL, NULL);
	return *status == STATUS_SUCCESS ? (long)io.Information : -1;
}

static long put_filler(HANDLE handle, size_t size)
{
	static const char filler[2 * CAPACITY];
	NTSTATUS status;

	return put(handle, filler, size, &status);
}

static ULONG readable(HANDLE handle)
{
	struct {
		FSCTL_LX_IOCTL_BUFFER header;
		ULONG value[2];
	} buffer = {.header.Request = 0x541B};
	IO_STATUS_BLOCK io;
	ULONG value;

	assert_status(NtDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, &buffer, sizeof buffer, &buffer,
					    sizeof buffer),
		      STATUS_SUCCESS);
	memcpy(&value, buffer.header.Data, sizeof value);
	return value;
}

static ULONG poll_now(HANDLE handle)
{
	struct io_file *file;
	ULONG ready;

	assert_status(io_reference_file(handle, 0, &file), STATUS_SUCCESS);
	ready = file->operations->poll(file, POLLIN | POLLOUT, NULL);
	ob_dereference(file);
	return ready & (POLLIN | POLLOUT | POLLERR | POLLHUP);
}

static void bytes_come_out_in_order(void **state)
{
	struct pipe pipe = make_pipe(0);
	NTSTATUS status;
	char text[8] = "";

	assert_int_equal(put(pipe.write_end, "abc", 3, &status), 3);
	assert_int_equal(put(pipe.write_end, "de", 2, &status), 2);
	assert_int_equal(read_text(pipe.read_end, text, 4, &status), 4);
	assert_memory_equal(text, "abcd", 4);
	assert_int_equal(read_text(pipe.read_end, text, 4, &status), 1);
	assert_int_equal(text[0], 'e');
	drop_pipe(&pipe);
}

static void end_of_file_comes_with_the_last_writer_only(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	HANDLE second = reopen(pipe.read_end, FILE_GENERIC_WRITE);
	NTSTATUS status;
	char byte;

	NtClose(pipe.write_end);
	pipe.write_end = NULL;
	assert_int_equal(read_text(pipe.read_end, &byte, 1, &status), -1);
	assert_errno(status, EAGAIN);
	NtClose(second);
	assert_int_equal(read_text(pipe.read_end, &byte, 1, &status), 0);
	assert_int_equal(poll_now(pipe.read_end), POLLHUP);
	drop_pipe(&pipe);
}

static void writing_without_readers_is_epipe(void **state)
{
	struct pipe pipe = make_pipe(0);
	NTSTATUS status;

	NtClose(pipe.read_end);
	pipe.read_end = NULL;
	assert_int_equal(put(pipe.write_end, "x", 1, &status), -1);
	assert_status(status, STATUS_PIPE_DISCONNECTED);
	assert_int_equal(put(pipe.write_end, "", 0, &status), 0);
	assert_int_equal(poll_now(pipe.write_end), POLLOUT | POLLERR);
	drop_pipe(&pipe);
}

static void small_writes_share_a_slot_and_full_slots_do_not(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	NTSTATUS status;

	/* 16 slots of 2049 bytes: none can be merged into the one before. */
	for (int i = 0; i < 16; i++)
		assert_int_equal(put_filler(pipe.write_end, 2049), 2049);
	assert_int_equal(put(pipe.write_end, "x", 1, &status), 1);
	assert_int_equal(put_filler(pipe.write_end, 2049), -1);
	assert_int_equal(readable(pipe.read_end), 16 * 2049 + 1);
	drop_pipe(&pipe);
}

static void a_write_of_pipe_buf_is_whole_or_nothing(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	NTSTATUS status;

	assert_int_equal(put_filler(pipe.write_end, CAPACITY - PAGE), CAPACITY - PAGE);
	assert_int_equal(put(pipe.write_end, "x", 1, &status), 1);
	assert_int_equal(put_filler(pipe.write_end, PAGE), -1);
	assert_int_equal(readable(pipe.read_end), CAPACITY - PAGE + 1);
	drop_pipe(&pipe);
}

static void a_larger_write_is_partial_when_non_blocking(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	NTSTATUS status;

	assert_int_equal(put_filler(pipe.write_end, CAPACITY + 1), CAPACITY);
	assert_int_equal(put(pipe.write_end, "x", 1, &status), -1);
	assert_errno(status, EAGAIN);
	assert_int_equal(poll_now(pipe.write_end), 0);
	drop_pipe(&pipe);
}

static void a_packet_is_read_alone_and_cut(void **state)
{
	struct pipe pipe = make_pipe(O_DIRECT);
	NTSTATUS status;
	char text[8];

	assert_int_equal(put(pipe.write_end, "first", 5, &status), 5);
	assert_int_equal(put(pipe.write_end, "second", 6, &status), 6);
	assert_int_equal(read_text(pipe.read_end, text, 3, &status), 3);
	assert_int_equal(read_text(pipe.read_end, text, 8, &status), 6);
	assert_memory_equal(text, "second", 6);
	drop_pipe(&pipe);
}

static NTSTATUS resize(HANDLE handle, ULONG wanted, ULONG *capacity)
{
	return control(handle, FSCTL_LX_PIPE_SIZE, &wanted, sizeof wanted, capacity, sizeof *capacity);
}

static void capacity_is_rounded_up_and_never_below_what_is_in_it(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	ULONG capacity = 0;

	assert_status(resize(pipe.read_end, 0, &capacity), STATUS_SUCCESS);
	assert_int_equal(capacity, CAPACITY);
	assert_status(resize(pipe.read_end, 1, &capacity), STATUS_SUCCESS);
	assert_int_equal(capacity, PAGE);
	assert_status(resize(pipe.read_end, 3 * PAGE, &capacity), STATUS_SUCCESS);
	assert_int_equal(capacity, 4 * PAGE);
	assert_int_equal(put_filler(pipe.write_end, 5 * PAGE), 4 * PAGE);
	assert_errno(resize(pipe.read_end, 2 * PAGE, &capacity), EBUSY);
	assert_errno(resize(pipe.read_end, 0x80000001u, &capacity), EINVAL);
	assert_int_equal(readable(pipe.read_end), 4 * PAGE);
	drop_pipe(&pipe);
}

static void positions_are_espipe(void **state)
{
	struct pipe pipe = make_pipe(0);
	LARGE_INTEGER start_of_file = {0};

	assert_errno(write_text(pipe.write_end, "x", &start_of_file), ESPIPE);
	drop_pipe(&pipe);
}

struct transfer {
	HANDLE handle;
	size_t size;
	char data[2 * CAPACITY];
	NTSTATUS status;
};

static void read_once(struct worker *worker)
{
	struct transfer *transfer = worker->context;

	ob_set_current_table(test_table);
	worker->result = read_text(transfer->handle, transfer->data, transfer->size, &transfer->status);
}

static void write_once(struct worker *worker)
{
	struct transfer *transfer = worker->context;

	ob_set_current_table(test_table);
	worker->result = put(transfer->handle, transfer->data, transfer->size, &transfer->status);
}

static void a_reader_sleeps_until_there_is_something(void **state)
{
	static struct transfer transfer;
	struct pipe pipe = make_pipe(0);
	struct worker reader;
	NTSTATUS status;

	transfer = (struct transfer){.handle = pipe.read_end, .size = 10};
	worker_start(&reader, read_once, &transfer);
	worker_wait_asleep(&reader);
	assert_int_equal(put(pipe.write_end, "hello", 5, &status), 5);
	assert_int_equal(worker_join(&reader), 5);
	drop_pipe(&pipe);
}

static void closing_the_last_writer_wakes_readers(void **state)
{
	static struct transfer transfers[2];
	struct pipe pipe = make_pipe(0);
	struct worker readers[2];

	for (int i = 0; i < 2; i++) {
		transfers[i] = (struct transfer){.handle = pipe.read_end, .size = 1};
		worker_start(&readers[i], read_once, &transfers[i]);
		worker_wait_asleep(&readers[i]);
	}
	NtClose(pipe.write_end);
	pipe.write_end = NULL;
	for (int i = 0; i < 2; i++)
		assert_int_equal(worker_join(&readers[i]), 0);
	drop_pipe(&pipe);
}

static void one_write_wakes_one_reader_after_the_other(void **state)
{
	static struct transfer transfers[2];
	struct pipe pipe = make_pipe(0);
	struct worker readers[2];
	NTSTATUS status;

	for (int i = 0; i < 2; i++) {
		transfers[i] = (struct transfer){.handle = pipe.read_end, .size = 1};
		worker_start(&readers[i], read_once, &transfers[i]);
		worker_wait_asleep(&readers[i]);
	}
	assert_int_equal(put(pipe.write_end, "ab", 2, &status), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(worker_join(&readers[i]), 1);
	assert_int_equal(transfers[0].data[0] + transfers[1].data[0], 'a' + 'b');
	drop_pipe(&pipe);
}

static void a_write_larger_than_capacity_blocks_until_read(void **state)
{
	static struct transfer transfer;
	static char sink[2 * CAPACITY];
	struct pipe pipe = make_pipe(0);
	struct worker writer;
	NTSTATUS status;
	long total = 0;

	transfer = (struct transfer){.handle = pipe.write_end, .size = CAPACITY + 100};
	worker_start(&writer, write_once, &transfer);
	worker_wait_asleep(&writer);
	while (total < (long)CAPACITY + 100)
		total += read_text(pipe.read_end, sink, sizeof sink, &status);
	assert_int_equal(worker_join(&writer), CAPACITY + 100);
	drop_pipe(&pipe);
}

static void an_interrupted_write_says_how_much_it_wrote(void **state)
{
	static struct transfer transfer;
	struct pipe pipe = make_pipe(0);
	struct worker writer;

	transfer = (struct transfer){.handle = pipe.write_end, .size = CAPACITY + 100};
	worker_start(&writer, write_once, &transfer);
	worker_wait_asleep(&writer);
	ke_signal_apc(&writer.ke);
	assert_int_equal(worker_join(&writer), CAPACITY);
	drop_pipe(&pipe);
}

static void an_interrupted_read_has_no_effect(void **state)
{
	static struct transfer transfer;
	struct pipe pipe = make_pipe(0);
	struct worker reader;

	transfer = (struct transfer){.handle = pipe.read_end, .size = 1};
	worker_start(&reader, read_once, &transfer);
	worker_wait_asleep(&reader);
	ke_signal_apc(&reader.ke);
	assert_int_equal(worker_join(&reader), -1);
	assert_status(transfer.status, STATUS_USER_APC);
	drop_pipe(&pipe);
}

static long run_splice(HANDLE pipe, ULONG operation, HANDLE other, LONGLONG offset, ULONGLONG length, NTSTATUS *status)
{
	FSCTL_LX_SPLICE_INPUT input = {.Operation = operation, .Flags = 2, .Other = other, .Offset = offset, .Length = length};
	IO_STATUS_BLOCK io = {0};

	*status = NtFsControlFile(pipe, NULL, NULL, NULL, &io, FSCTL_LX_SPLICE, &input, sizeof input, NULL, 0);
	return *status == STATUS_SUCCESS ? (long)io.Information : -1;
}

static void tee_copies_and_splice_moves(void **state)
{
	struct pipe from = make_pipe(O_NONBLOCK), to = make_pipe(O_NONBLOCK);
	NTSTATUS status;
	char text[8];

	assert_int_equal(put(from.write_end, "abcdef", 6, &status), 6);
	assert_int_equal(run_splice(from.read_end, FSCTL_LX_SPLICE_TEE, to.write_end, -1, 4, &status), 4);
	assert_int_equal(readable(from.read_end), 6);
	assert_int_equal(run_splice(from.read_end, FSCTL_LX_SPLICE_TO, to.write_end, -1, 100, &status), 6);
	assert_int_equal(readable(from.read_end), 0);
	assert_int_equal(read_text(to.read_end, text, 8, &status), 8);
	assert_memory_equal(text, "abcdabcd", 8);
	assert_int_equal(run_splice(from.read_end, FSCTL_LX_SPLICE_TO, to.write_end, -1, 1, &status), -1);
	assert_errno(status, EAGAIN);
	assert_int_equal(run_splice(to.read_end, FSCTL_LX_SPLICE_TO, to.write_end, -1, 1, &status), -1);
	assert_errno(status, EINVAL);
	drop_pipe(&from);
	drop_pipe(&to);
}

static void splice_moves_between_a_file_and_a_pipe(void **state)
{
	struct pipe pipe = make_pipe(O_NONBLOCK);
	HANDLE file;
	NTSTATUS status;
	char text[8] = "";

	write_host_file("source", "0123456789");
	file = must_open("source", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_int_equal(run_splice(pipe.write_end, FSCTL_LX_SPLICE_FROM, file, 2, 3, &status), 3);
	assert_int_equal(readable(pipe.read_end), 3);
	assert_int_equal(run_splice(pipe.read_end, FSCTL_LX_SPLICE_TO, file, 0, 10, &status), 3);
	assert_int_equal(read_text(file, text, 6, &status), 6);
	assert_memory_equal(text, "234345", 6);
	assert_int_equal(run_splice(pipe.write_end, FSCTL_LX_SPLICE_FROM, file, 10, 1, &status), 0);
	NtClose(file);
	drop_pipe(&pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(end_of_file_comes_with_the_last_writer_only),
		cmocka_unit_test(writing_without_readers_is_epipe),
		cmocka_unit_test(small_writes_share_a_slot_and_full_slots_do_not),
		cmocka_unit_test(a_write_of_pipe_buf_is_whole_or_nothing),
		cmocka_unit_test(a_larger_write_is_partial_when_non_blocking),
		cmocka_unit_test(a_packet_is_read_alone_and_cut),
		cmocka_unit_test(capacity_is_rounded_up_and_never_below_what_is_in_it),
		cmocka_unit_test(positions_are_espipe),
		cmocka_unit_test(a_reader_sleeps_until_there_is_something),
		cmocka_unit_test(closing_the_last_writer_wakes_readers),
		cmocka_unit_test(one_write_wakes_one_reader_after_the_other),
		cmocka_unit_test(a_write_larger_than_capacity_blocks_until_read),
		cmocka_unit_test(an_interrupted_write_says_how_much_it_wrote),
		cmocka_unit_test(an_interrupted_read_has_no_effect),
		cmocka_unit_test(tee_copies_and_splice_moves),
		cmocka_unit_test(splice_moves_between_a_file_and_a_pipe),
	};

	return cmocka_run_group_tests_name("npfs", tests, start, stop_executive);
}
