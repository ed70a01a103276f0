/* The I/O manager with a driver of the test's own: what it does before and after a driver's operations. */
#include "io_fixture.h"

static struct {
	unsigned creates, cleanups, closes, reads;
	char name[64];
	struct lx_open_packet lx;
	bool has_packet;
	const void *root;
	LONGLONG position;
	ULONG flags;
	size_t size;
	NTSTATUS create_status;
} seen;

static NTSTATUS fake_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	seen.creates++;
	snprintf(seen.name, sizeof(seen.name), "%.*s", create->name.Length, create->name.Buffer);
	seen.lx = create->lx;
	seen.has_packet = create->has_packet;
	seen.root = create->root;
	create->information = FILE_OPENED;
	assert_int_equal(*(uint64_t *)io_file_extension(file), 0);
	*(uint64_t *)io_file_extension(file) = 0x1234;
	return seen.create_status;
}

static void fake_cleanup(struct io_file *file)
{
	seen.cleanups++;
}

static void fake_close(struct io_file *file)
{
	assert_int_equal(*(uint64_t *)io_file_extension(file), 0x1234);
	seen.closes++;
}

static NTSTATUS fake_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			  ULONG flags, ULONG_PTR *information)
{
	seen.reads++;
	seen.position = position ? position->QuadPart : -7;
	seen.flags = flags;
	seen.size = io_buffer_size(buffer);
	*information = io_buffer_put(buffer, 0, "data", 4);
	return STATUS_SUCCESS;
}

static const struct io_driver_operations fake_operations = {
    .create = fake_create, .cleanup = fake_cleanup, .close = fake_close, .read = fake_read};
static struct io_driver fake_driver = {.name = "Fake", .operations = &fake_operations, .file_extension_size = 8};
static struct io_device *fake_device;

static int start(void **state)
{
	start_executive(state);
	assert_status(io_register_driver(&fake_driver), STATUS_SUCCESS);
	assert_status(io_create_device(&fake_driver, "\\Device\\Fake", NULL, &fake_device), STATUS_SUCCESS);
	return 0;
}

static int stop(void **state)
{
	ob_dereference(fake_device);
	return stop_executive(state);
}

static int reset(void **state)
{
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static NTSTATUS open_name(const char *text, HANDLE root, HANDLE *handle)
{
	STRING name = rtl_string(text);
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;

	InitializeObjectAttributes(&attributes, &name, 0, root, NULL);
	return NtOpenFile(handle, FILE_GENERIC_READ, &attributes, &io, 0, 0);
}

static void name_walk_hands_the_rest_to_the_device(void **state)
{
	HANDLE handle;

	assert_status(open_name("\\Device\\Fake\\a/b\\c", NULL, &handle), STATUS_SUCCESS);
	assert_string_equal(seen.name, "a/b\\c");
	assert_null(seen.root);
	assert_false(seen.has_packet);
	NtClose(handle);
	assert_int_equal(seen.cleanups, 1);
	assert_int_equal(seen.closes, 1);
}

static void name_relative_to_a_file_skips_the_namespace(void **state)
{
	HANDLE directory, handle;
	struct io_file *file;

	assert_status(open_name("\\Device\\Fake\\top", NULL, &directory), STATUS_SUCCESS);
	assert_status(open_name("sub/x", directory, &handle), STATUS_SUCCESS);
	assert_string_equal(seen.name, "sub/x");
	assert_non_null(seen.root);
	assert_status(io_reference_file(handle, 0, &file), STATUS_SUCCESS);
	assert_int_equal(file->name.Length, strlen("top/sub/x"));
	assert_memory_equal(file->name.Buffer, "top/sub/x", 9);
	ob_dereference(file);
	NtClose(handle);
	NtClose(directory);
}

static void failed_create_closes_nothing(void **state)
{
	HANDLE handle = (HANDLE)1;

	seen.create_status = STATUS_DISK_FULL;
	assert_status(open_name("\\Device\\Fake\\x", NULL, &handle), STATUS_DISK_FULL);
	assert_null(handle);
	assert_int_equal(seen.creates, 1);
	assert_int_equal(seen.closes, 0);
	assert_int_equal(seen.cleanups, 0);
}

static void reparse_reaches_the_caller_whether_by_name_or_relative(void **state)
{
	HANDLE directory, handle;

	assert_status(open_name("\\Device\\Fake", NULL, &directory), STATUS_SUCCESS);
	seen.create_status = STATUS_REPARSE;
	assert_status(open_name("\\Device\\Fake\\x", NULL, &handle), STATUS_REPARSE);
	assert_null(handle);
	assert_status(open_name("x", directory, &handle), STATUS_REPARSE);
	NtClose(directory);
}

static void open_packet_reaches_the_driver(void **state)
{
	struct lx_open_packet packet = {.Flags = 0x801, .Mode = 0640};
	HANDLE directory, handle;

	assert_status(open_name("\\Device\\Fake", NULL, &directory), STATUS_SUCCESS);
	assert_status(open_file((struct open_request){.root = directory, .name = "x", .packet = &packet}, &handle),
		      STATUS_SUCCESS);
	assert_true(seen.has_packet);
	assert_int_equal(seen.lx.Flags, 0x801);
	assert_int_equal(seen.lx.Mode, 0640);
	NtClose(handle);
	NtClose(directory);
}

static void inconsistent_attribute_list_is_refused(void **state)
{
	FILE_FULL_EA_INFORMATION ea = {.EaNameLength = 200, .EaValueLength = 60000};
	STRING name = rtl_string("\\Device\\Fake");
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(
	    NtCreateFile(&handle, FILE_GENERIC_READ, &attributes, &io, NULL, 0, 0, FILE_OPEN, 0, &ea, sizeof(ea)),
	    STATUS_EA_LIST_INCONSISTENT);
	assert_status(NtCreateFile(&handle, FILE_GENERIC_READ, &attributes, &io, NULL, 0, 0, FILE_OPEN, 0, &ea, 3),
		      STATUS_EA_LIST_INCONSISTENT);
	ea = (FILE_FULL_EA_INFORMATION){.NextEntryOffset = 0xffffffff};
	assert_status(
	    NtCreateFile(&handle, FILE_GENERIC_READ, &attributes, &io, NULL, 0, 0, FILE_OPEN, 0, &ea, sizeof(ea) + 1),
	    STATUS_EA_LIST_INCONSISTENT);
	assert_int_equal(seen.creates, 0);
}

static void name_with_a_nul_is_invalid(void **state)
{
	STRING name = {15, 15, (PCHAR)(uintptr_t) "\\Device\\Fake\\a\0b"};
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&handle, FILE_GENERIC_READ, &attributes, &io, 0, 0), STATUS_OBJECT_NAME_INVALID);
}

static void read_passes_position_flags_and_length(void **state)
{
	char data[16];
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;
	LARGE_INTEGER offset = {.QuadPart = 42};
	ULONG key = 8;
	HANDLE handle;

	assert_status(open_name("\\Device\\Fake", NULL, &handle), STATUS_SUCCESS);
	io_buffer_from_kernel(&buffer, data, sizeof(data));
	assert_status(NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, 8, &offset, &key), STATUS_SUCCESS);
	assert_int_equal(io.Information, 4);
	assert_int_equal(seen.position, 42);
	assert_int_equal(seen.flags, 8);
	assert_int_equal(seen.size, 8);
	offset = (LARGE_INTEGER){.LowPart = FILE_USE_FILE_POINTER_POSITION, .HighPart = -1};
	assert_status(NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, 16, &offset, NULL), STATUS_SUCCESS);
	assert_int_equal(seen.position, -7);
	offset.QuadPart = -5;
	assert_status(NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, 16, &offset, NULL), STATUS_INVALID_PARAMETER);
	NtClose(handle);
}

static void access_is_checked_before_the_driver(void **state)
{
	STRING name = rtl_string("\\Device\\Fake");
	OBJECT_ATTRIBUTES attributes;
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;
	char data[4];
	HANDLE handle;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&handle, FILE_READ_ATTRIBUTES, &attributes, &io, 0, 0), STATUS_SUCCESS);
	io_buffer_from_kernel(&buffer, data, sizeof(data));
	assert_status(NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, 4, NULL, NULL), STATUS_ACCESS_DENIED);
	assert_status(NtWriteFile(handle, NULL, NULL, NULL, &io, &buffer, 4, NULL, NULL), STATUS_ACCESS_DENIED);
	assert_int_equal(seen.reads, 0);
	NtClose(handle);
}

static void missing_operations_have_answers(void **state)
{
	char data[64];
	IO_STATUS_BLOCK io;
	HANDLE handle;

	assert_status(open_name("\\Device\\Fake", NULL, &handle), STATUS_SUCCESS);
	assert_status(control(handle, FSCTL_LX_SEEK, data, 16, data, 16), STATUS_INVALID_DEVICE_REQUEST);
	assert_status(
	    NtQueryDirectoryFile(handle, NULL, NULL, NULL, &io, data, 64, FileIdExtdDirectoryInformation, 0, NULL, 0),
	    STATUS_NOT_A_DIRECTORY);
	assert_status(NtQueryInformationFile(handle, &io, data, 64, FileStandardInformation),
		      STATUS_INVALID_INFO_CLASS);
	NtClose(handle);
}

static void file_object_answers_access_mode_position_and_name(void **state)
{
	FILE_ACCESS_INFORMATION access;
	FILE_POSITION_INFORMATION position = {.CurrentByteOffset.QuadPart = 77};
	_Alignas(8) char text[64];
	FILE_NAME_INFORMATION *name = (void *)text;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	assert_status(open_name("\\Device\\Fake\\some", NULL, &handle), STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(handle, &io, &access, sizeof(access), FileAccessInformation),
		      STATUS_SUCCESS);
	assert_int_equal(access.AccessFlags, FILE_GENERIC_READ);
	assert_status(NtSetInformationFile(handle, &io, &position, sizeof(position), FilePositionInformation),
		      STATUS_SUCCESS);
	position.CurrentByteOffset.QuadPart = 0;
	assert_status(NtQueryInformationFile(handle, &io, &position, sizeof(position), FilePositionInformation),
		      STATUS_SUCCESS);
	assert_int_equal(position.CurrentByteOffset.QuadPart, 77);
	assert_status(NtQueryInformationFile(handle, &io, text, sizeof(text), FileNameInformation), STATUS_SUCCESS);
	assert_int_equal(name->FileNameLength, 4);
	assert_memory_equal(name->FileName, "some", 4);
	assert_status(NtQueryInformationFile(handle, &io, text, 6, FileNameInformation), STATUS_BUFFER_OVERFLOW);
	NtClose(handle);
}

static void completion_sets_the_event(void **state)
{
	char data[4];
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;
	HANDLE handle, event;
	EVENT_BASIC_INFORMATION information;

	assert_status(open_name("\\Device\\Fake", NULL, &handle), STATUS_SUCCESS);
	assert_status(NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, 0), STATUS_SUCCESS);
	io_buffer_from_kernel(&buffer, data, sizeof(data));
	assert_status(NtReadFile(handle, event, NULL, NULL, &io, &buffer, 4, NULL, NULL), STATUS_SUCCESS);
	assert_status(NtQueryEvent(event, EventBasicInformation, &information, sizeof(information), NULL),
		      STATUS_SUCCESS);
	assert_int_equal(information.EventState, 1);
	assert_status(NtReadFile(handle, handle, NULL, NULL, &io, &buffer, 4, NULL, NULL), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(seen.reads, 1);
	NtClose(event);
	NtClose(handle);
}

static void position_seek_follows_linux(void **state)
{
	struct io_file *file;
	LONGLONG at;

	assert_status(io_create_file_object(fake_device, FILE_ALL_ACCESS, 0, &file), STATUS_SUCCESS);
	*(uint64_t *)io_file_extension(file) = 0x1234;
	assert_status(io_position_seek(file, 10, 0, 100, &at), STATUS_SUCCESS);
	assert_status(io_position_seek(file, -3, 1, 100, &at), STATUS_SUCCESS);
	assert_int_equal(at, 7);
	assert_status(io_position_seek(file, 5, 2, 100, &at), STATUS_SUCCESS);
	assert_int_equal(at, 105);
	assert_status(io_position_seek(file, -101, 2, 100, &at), STATUS_INVALID_PARAMETER);
	assert_status(io_position_seek(file, INT64_MAX, 1, 100, &at), STATUS_INVALID_PARAMETER);
	assert_status(io_position_seek(file, 40, 3, 100, &at), STATUS_SUCCESS);
	assert_int_equal(at, 40);
	assert_status(io_position_seek(file, 40, 4, 100, &at), STATUS_SUCCESS);
	assert_int_equal(at, 100);
	assert_errno(io_position_seek(file, 100, 3, 100, &at), ENXIO);
	assert_status(io_position_seek(file, 0, 9, 100, &at), STATUS_INVALID_PARAMETER);
	ob_dereference(file);
}

static void flush_reaches_the_driver_with_its_flags(void **state)
{
	struct open_request request = {.name = "flushed", .access = FILE_GENERIC_READ | FILE_GENERIC_WRITE, .disposition = FILE_CREATE};
	static const ULONG kinds[] = {0, FLUSH_FLAGS_FILE_DATA_ONLY, FLUSH_FLAGS_NO_SYNC, FLUSH_FLAGS_FILE_DATA_SYNC_ONLY};
	IO_STATUS_BLOCK io = {.Status = 1};
	HANDLE handle, fake;

	clear_scratch(state);
	assert_status(open_file(request, &handle), STATUS_SUCCESS);
	write_text(handle, "text", NULL);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_status(NtFlushBuffersFileEx(handle, kinds[i], NULL, 0, &io), STATUS_SUCCESS);
		assert_status(io.Status, STATUS_SUCCESS);
	}
	assert_status(NtFlushBuffersFileEx(handle, 8, NULL, 0, &io), STATUS_INVALID_PARAMETER);
	assert_status(io.Status, STATUS_INVALID_PARAMETER);
	assert_status(open_name("\\Device\\Fake\\any", NULL, &fake), STATUS_SUCCESS);
	assert_errno(NtFlushBuffersFileEx(fake, 0, NULL, 0, &io), EINVAL);
	NtClose(fake);
	NtClose(handle);
	assert_status(NtFlushBuffersFileEx(handle, 0, NULL, 0, &io), STATUS_INVALID_HANDLE);
}

static void cancelling_finds_nothing_left_to_cancel(void **state)
{
	HANDLE fake, event;
	IO_STATUS_BLOCK io = {.Status = 1, .Information = 9};

	assert_status(open_name("\\Device\\Fake\\any", NULL, &fake), STATUS_SUCCESS);
	assert_status(NtCancelIoFile(fake, &io), STATUS_SUCCESS);
	assert_status(io.Status, STATUS_SUCCESS);
	assert_int_equal(io.Information, 0);
	assert_status(NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, 0), STATUS_SUCCESS);
	assert_status(NtCancelIoFile(event, &io), STATUS_OBJECT_TYPE_MISMATCH);
	NtClose(event);
	NtClose(fake);
	assert_status(NtCancelIoFile(fake, &io), STATUS_INVALID_HANDLE);
}

#define TEST(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(name_walk_hands_the_rest_to_the_device),
	    TEST(name_relative_to_a_file_skips_the_namespace),
	    TEST(failed_create_closes_nothing),
	    TEST(reparse_reaches_the_caller_whether_by_name_or_relative),
	    TEST(open_packet_reaches_the_driver),
	    TEST(inconsistent_attribute_list_is_refused),
	    TEST(name_with_a_nul_is_invalid),
	    TEST(read_passes_position_flags_and_length),
	    TEST(access_is_checked_before_the_driver),
	    TEST(missing_operations_have_answers),
	    TEST(file_object_answers_access_mode_position_and_name),
	    TEST(completion_sets_the_event),
	    TEST(position_seek_follows_linux),
	    TEST(flush_reaches_the_driver_with_its_flags),
	    TEST(cancelling_finds_nothing_left_to_cancel),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
