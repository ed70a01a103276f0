/* hostfs: transfers, positions, directories, FIFOs, sections, inherited descriptors. */
#include "io_fixture.h"

#include <dirent.h>
#include <nt/ntmm.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* A second supervisor thread that runs `routine`; joined by the event at its end. */
struct helper {
	struct kevent done, started;
	void (*routine)(void *);
	void *argument;
	struct ke_thread *thread;
};

static void helper_main(void *argument)
{
	struct helper *helper = argument;

	assert_status(ps_attach_system_thread(), STATUS_SUCCESS);
	helper->thread = ke_current_thread();
	ob_reference(helper->thread); /* for whoever alerts it */
	ke_set_event(&helper->started);
	helper->routine(helper->argument);
	ps_detach_system_thread();
	ke_set_event(&helper->done);
}

static void start_helper(struct helper *helper, void (*routine)(void *), void *argument)
{
	*helper = (struct helper){.routine = routine, .argument = argument};
	ke_initialize_event(&helper->done, NotificationEvent, false);
	ke_initialize_event(&helper->started, NotificationEvent, false);
	assert_int_equal(hal_thread_create(helper_main, helper), 0);
	ke_wait_for_object(&helper->started.header, false, NULL);
}

static void join_helper(struct helper *helper)
{
	ke_wait_for_object(&helper->done.header, false, NULL);
	ob_dereference(helper->thread);
}

static LONGLONG position_of(HANDLE handle)
{
	FILE_POSITION_INFORMATION position;
	IO_STATUS_BLOCK io;

	assert_status(NtQueryInformationFile(handle, &io, &position, sizeof(position), FilePositionInformation),
		      STATUS_SUCCESS);
	return position.CurrentByteOffset.QuadPart;
}

static void reads_move_the_position_and_end_the_file(void **state)
{
	char text[16];
	NTSTATUS status;
	HANDLE handle;

	write_host_file("f", "0123456789");
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	assert_int_equal(read_text(handle, text, 4, &status), 4);
	assert_int_equal(position_of(handle), 4);
	assert_int_equal(read_text(handle, text, 16, &status), 6);
	assert_memory_equal(text, "456789", 6);
	assert_int_equal(read_text(handle, text, 16, &status), -1);
	assert_status(status, STATUS_END_OF_FILE);
	assert_int_equal(read_text(handle, text, 0, &status), 0);
	NtClose(handle);
}

static void positioned_transfers_leave_the_position(void **state)
{
	const LARGE_INTEGER at = {.QuadPart = 3}, end = {.LowPart = FILE_WRITE_TO_END_OF_FILE, .HighPart = -1};
	struct stat status;
	HANDLE handle;

	write_host_file("f", "0123456789");
	handle = must_open("f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_status(write_text(handle, "xyz", &at), STATUS_SUCCESS);
	assert_int_equal(position_of(handle), 0);
	assert_status(write_text(handle, "END", &end), STATUS_SUCCESS);
	assert_int_equal(position_of(handle), 0);
	assert_int_equal(stat(host_path("f"), &status), 0);
	assert_int_equal(status.st_size, 13);
	NtClose(handle);
}

static void append_flag_writes_at_the_end(void **state)
{
	struct lx_open_packet packet = {.Flags = O_APPEND | O_WRONLY};
	ULONG flags = 0;
	IO_STATUS_BLOCK io;
	struct stat status;
	HANDLE handle;

	write_host_file("f", "0123456789");
	assert_status(
	    open_file((struct open_request){.name = "f", .access = FILE_GENERIC_WRITE, .packet = &packet}, &handle),
	    STATUS_SUCCESS);
	assert_status(write_text(handle, "++", NULL), STATUS_SUCCESS);
	assert_int_equal(position_of(handle), 12);
	assert_status(NtQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation),
		      STATUS_SUCCESS);
	assert_int_equal(flags & (O_APPEND | O_ACCMODE | O_NONBLOCK), O_APPEND | O_WRONLY);
	flags = O_NONBLOCK;
	assert_status(NtSetInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation),
		      STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(handle, &io, &flags, sizeof(flags), FileLxStatusFlagsInformation),
		      STATUS_SUCCESS);
	assert_int_equal(flags & (O_APPEND | O_NONBLOCK), O_NONBLOCK);
	assert_int_equal(stat(host_path("f"), &status), 0);
	assert_int_equal(status.st_size, 12);
	NtClose(handle);
}

static void transfer_through_many_segments_and_chunks_is_whole(void **state)
{
	const size_t size = 3 * 1024 * 1024 + 17;
	char *out = malloc(size), *back = calloc(1, size);
	struct io_segment segments[5];
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;
	HANDLE handle = must_open("big", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_CREATE);
	LARGE_INTEGER zero = {.QuadPart = 0};

	for (size_t i = 0; i < size; i++)
		out[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < 5; i++)
		segments[i] =
		    (struct io_segment){(uintptr_t)out + i * (size / 5), i < 4 ? size / 5 : size - 4 * (size / 5)};
	io_buffer_from_user(&buffer, NULL, segments, 5);
	assert_status(NtWriteFile(handle, NULL, NULL, NULL, &io, &buffer, (ULONG)size, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(io.Information, size);
	for (size_t i = 0; i < 5; i++)
		segments[i].base += (uint64_t)(uintptr_t)back - (uint64_t)(uintptr_t)out;
	assert_status(NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, (ULONG)size, &zero, NULL), STATUS_SUCCESS);
	assert_int_equal(io.Information, size);
	assert_memory_equal(out, back, size);
	assert_int_equal(position_of(handle), size);
	NtClose(handle);
	free(out);
	free(back);
}

static void seek_speaks_linux(void **state)
{
	FSCTL_LX_SEEK_INPUT seek = {.Offset = -2, .Whence = SEEK_END};
	LONGLONG at = 0;
	HANDLE handle;

	write_host_file("f", "0123456789");
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	assert_status(control(handle, FSCTL_LX_SEEK, &seek, sizeof(seek), &at, sizeof(at)), STATUS_SUCCESS);
	assert_int_equal(at, 8);
	seek = (FSCTL_LX_SEEK_INPUT){.Offset = 3, .Whence = SEEK_HOLE};
	assert_status(control(handle, FSCTL_LX_SEEK, &seek, sizeof(seek), &at, sizeof(at)), STATUS_SUCCESS);
	assert_int_equal(at, 10);
	seek = (FSCTL_LX_SEEK_INPUT){.Offset = -1, .Whence = SEEK_SET};
	assert_errno(control(handle, FSCTL_LX_SEEK, &seek, sizeof(seek), &at, sizeof(at)), EINVAL);
	assert_status(control(handle, FSCTL_LX_SEEK, &seek, sizeof(seek), &at, 4), STATUS_INFO_LENGTH_MISMATCH);
	NtClose(handle);
}

static void wrong_kinds_of_access_fail_as_on_linux(void **state)
{
	char text[4];
	NTSTATUS status;
	HANDLE handle;

	write_host_file("f", "x");
	handle = must_open("f", FILE_READ_ATTRIBUTES, FILE_OPEN);
	assert_int_equal(read_text(handle, text, 4, &status), -1);
	assert_status(status, STATUS_ACCESS_DENIED);
	NtClose(handle);
	assert_int_equal(read_text(scratch_handle, text, 4, &status), -1);
	assert_errno(status, EISDIR);
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	assert_status(write_text(handle, "y", NULL), STATUS_ACCESS_DENIED);
	NtClose(handle);
}

static void truncating_and_allocating_change_the_size(void **state)
{
	FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = 4};
	FSCTL_LX_FALLOCATE_INPUT allocate = {.Mode = 0, .Offset = 0, .Length = 8192};
	FILE_STANDARD_INFORMATION standard;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	write_host_file("f", "0123456789");
	handle = must_open("f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_status(NtSetInformationFile(handle, &io, &end, sizeof(end), FileEndOfFileInformation), STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(handle, &io, &standard, sizeof(standard), FileStandardInformation),
		      STATUS_SUCCESS);
	assert_int_equal(standard.EndOfFile.QuadPart, 4);
	assert_status(control(handle, FSCTL_LX_FALLOCATE, &allocate, sizeof(allocate), NULL, 0), STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(handle, &io, &standard, sizeof(standard), FileStandardInformation),
		      STATUS_SUCCESS);
	assert_int_equal(standard.EndOfFile.QuadPart, 8192);
	end.EndOfFile.QuadPart = -1;
	assert_errno(NtSetInformationFile(handle, &io, &end, sizeof(end), FileEndOfFileInformation), EINVAL);
	NtClose(handle);
}

static void allocated_ranges_skip_holes(void **state)
{
	LONGLONG range[2] = {0, 1 << 20}, out[8] = {0};
	const LARGE_INTEGER at = {.QuadPart = 1 << 19};
	IO_STATUS_BLOCK io;
	HANDLE handle = must_open("sparse", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_CREATE);

	assert_status(write_text(handle, "island", &at), STATUS_SUCCESS);
	assert_status(NtFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_QUERY_ALLOCATED_RANGES, range, sizeof(range),
				      out, sizeof(out)),
		      STATUS_SUCCESS);
	assert_int_equal(io.Information, 16);
	assert_int_equal(out[0], 1 << 19);
	assert_int_equal(position_of(handle), 0);
	NtClose(handle);
}

static ULONG collect_names(HANDLE handle, void *data, ULONG size, char *names, bool restart)
{
	FILE_ID_EXTD_DIR_INFORMATION *record = data;
	IO_STATUS_BLOCK io;
	ULONG count = 0;
	NTSTATUS status = NtQueryDirectoryFile(handle, NULL, NULL, NULL, &io, data, size,
					       FileIdExtdDirectoryInformation, 0, NULL, restart);

	if (status == STATUS_NO_MORE_FILES)
		return 0;
	assert_status(status, STATUS_SUCCESS);
	for (;;) {
		assert_true((char *)record + offsetof(FILE_ID_EXTD_DIR_INFORMATION, FileName) +
				record->FileNameLength <=
			    (char *)data + io.Information);
		names[0] = 0;
		snprintf(names + strlen(names), 260, "%.*s", (int)record->FileNameLength, record->FileName);
		count++;
		if (!record->NextEntryOffset)
			return count;
		record = (void *)((char *)record + record->NextEntryOffset);
	}
}

static void directory_is_read_whole_in_any_buffer(void **state)
{
	_Alignas(8) static char data[65536];
	char name[300];
	HANDLE dir;
	ULONG total = 0, count;

	assert_int_equal(mkdir(host_path("d"), 0755), 0);
	for (int i = 0; i < 300; i++) {
		memset(name, 'n', sizeof(name));
		memcpy(name, "d/", 2);
		snprintf(name + 2 + i % 240, 20, "%d", i);
		write_host_file(name, "");
	}
	assert_status(open_file((struct open_request){.name = "d", .options = FILE_DIRECTORY_FILE}, &dir),
		      STATUS_SUCCESS);
	while ((count = collect_names(dir, data, 2048, name, false)))
		total += count;
	assert_int_equal(total, 302);
	total = collect_names(dir, data, sizeof(data), name, true);
	while ((count = collect_names(dir, data, sizeof(data), name, false)))
		total += count;
	assert_int_equal(total, 302);
	NtClose(dir);
}

static void directory_records_carry_type_inode_and_position(void **state)
{
	_Alignas(8) char data[4096];
	FILE_ID_EXTD_DIR_INFORMATION *record = (void *)data;
	FSCTL_LX_SEEK_INPUT seek = {.Whence = SEEK_SET};
	char first[256];
	LONGLONG at;
	struct stat status;
	IO_STATUS_BLOCK io;
	HANDLE dir;

	assert_int_equal(mkdir(host_path("d"), 0755), 0);
	write_host_file("d/regular", "");
	assert_int_equal(symlink("x", host_path("d/link")), 0);
	assert_int_equal(mkfifo(host_path("d/fifo"), 0600), 0);
	assert_status(open_file((struct open_request){.name = "d", .options = FILE_DIRECTORY_FILE}, &dir),
		      STATUS_SUCCESS);
	for (;;) {
		char name[256] = "d/";
		NTSTATUS got = NtQueryDirectoryFile(dir, NULL, NULL, NULL, &io, data, sizeof(data),
						    FileIdExtdDirectoryInformation, 1, NULL, 0);

		if (got == STATUS_NO_MORE_FILES)
			break;
		assert_status(got, STATUS_SUCCESS);
		assert_int_equal(record->NextEntryOffset, 0);
		memcpy(name + 2, record->FileName, record->FileNameLength);
		name[2 + record->FileNameLength] = 0;
		assert_int_equal(lstat(host_path(name), &status), 0);
		if (strcmp(name, "d/..") != 0)
			assert_int_equal(record->FileIdLow, status.st_ino);
		if (S_ISDIR(status.st_mode))
			assert_int_equal(record->FileAttributes, FILE_ATTRIBUTE_DIRECTORY);
		else if (S_ISREG(status.st_mode))
			assert_int_equal(record->FileAttributes, FILE_ATTRIBUTE_NORMAL);
		else
			assert_int_equal(record->ReparsePointTag,
					 S_ISLNK(status.st_mode) ? IO_REPARSE_TAG_LX_SYMLINK : IO_REPARSE_TAG_LX_FIFO);
	}
	/* Back to behind the first record, by its cookie. */
	assert_status(NtQueryDirectoryFile(dir, NULL, NULL, NULL, &io, data, sizeof(data),
					   FileIdExtdDirectoryInformation, 1, NULL, 1),
		      STATUS_SUCCESS);
	seek.Offset = (LONGLONG)record->PositionCookie;
	assert_status(NtQueryDirectoryFile(dir, NULL, NULL, NULL, &io, data, sizeof(data),
					   FileIdExtdDirectoryInformation, 1, NULL, 0),
		      STATUS_SUCCESS);
	snprintf(first, sizeof(first), "%.*s", (int)record->FileNameLength, record->FileName);
	assert_status(control(dir, FSCTL_LX_SEEK, &seek, sizeof(seek), &at, sizeof(at)), STATUS_SUCCESS);
	assert_status(NtQueryDirectoryFile(dir, NULL, NULL, NULL, &io, data, sizeof(data),
					   FileIdExtdDirectoryInformation, 1, NULL, 0),
		      STATUS_SUCCESS);
	assert_int_equal(record->FileNameLength, strlen(first));
	assert_memory_equal(record->FileName, first, strlen(first));
	assert_status(
	    NtQueryDirectoryFile(dir, NULL, NULL, NULL, &io, data, 64, FileIdExtdDirectoryInformation, 0, NULL, 1),
	    STATUS_INFO_LENGTH_MISMATCH);
	NtClose(dir);
}

struct fifo_open {
	ACCESS_MASK access;
	NTSTATUS status;
	HANDLE handle;
};

static void open_fifo(void *argument)
{
	struct fifo_open *open = argument;
	OBJECT_ATTRIBUTES attributes;
	STRING name;
	IO_STATUS_BLOCK io;
	char full[128];

	snprintf(full, sizeof(full), "\\Device\\HostFs\\%s/fifo", scratch + 1);
	name = rtl_string(full);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	open->status = NtOpenFile(&open->handle, open->access, &attributes, &io, 0, 0);
}

static void open_of_a_fifo_waits_for_the_other_end(void **state)
{
	struct fifo_open reader = {.access = FILE_GENERIC_READ};
	struct helper helper;
	char text[8];
	NTSTATUS status;
	HANDLE writer;

	assert_int_equal(mkfifo(host_path("fifo"), 0600), 0);
	start_helper(&helper, open_fifo, &reader);
	writer = must_open("fifo", FILE_GENERIC_WRITE, FILE_OPEN);
	join_helper(&helper);
	assert_status(reader.status, STATUS_SUCCESS);
	assert_status(write_text(writer, "ping", NULL), STATUS_SUCCESS);
	assert_int_equal(read_text(reader.handle, text, 8, &status), 4);
	NtClose(writer);
	/* The end of a stream is a read of nothing. */
	assert_int_equal(read_text(reader.handle, text, 8, &status), 0);
	NtClose(reader.handle);
}

static void interrupted_open_of_a_fifo_has_no_effect(void **state)
{
	struct fifo_open reader = {.access = FILE_GENERIC_READ};
	struct helper helper;

	assert_int_equal(mkfifo(host_path("fifo"), 0600), 0);
	start_helper(&helper, open_fifo, &reader);
	ke_alert_thread(helper.thread);
	join_helper(&helper);
	assert_status(reader.status, STATUS_ALERTED);
	assert_null(reader.handle);
}

static void pending_alert_disturbs_neither_plain_open_nor_ready_read(void **state)
{
	HANDLE fifo, handle;
	char text[8];
	NTSTATUS status;

	write_host_file("f", "x");
	assert_int_equal(mkfifo(host_path("fifo"), 0600), 0);
	assert_status(
	    open_file((struct open_request){.name = "fifo", .access = FILE_GENERIC_READ | FILE_GENERIC_WRITE}, &fifo),
	    STATUS_SUCCESS);
	assert_status(write_text(fifo, "ready", NULL), STATUS_SUCCESS);
	ke_alert_thread(ke_current_thread());
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	ke_alert_thread(ke_current_thread());
	assert_int_equal(read_text(fifo, text, 8, &status), 5);
	ke_alert_thread(ke_current_thread());
	assert_int_equal(read_text(fifo, text, 8, &status), -1);
	assert_status(status, STATUS_ALERTED);
	NtClose(handle);
	NtClose(fifo);
}

static void write_to_a_fifo_without_reader_breaks(void **state)
{
	struct lx_open_packet packet = {.Flags = O_RDONLY | O_NONBLOCK};
	HANDLE reader, writer;
	char text[4];
	NTSTATUS status;

	assert_int_equal(mkfifo(host_path("fifo"), 0600), 0);
	packet.Flags = O_WRONLY | O_NONBLOCK;
	assert_errno(
	    open_file((struct open_request){.name = "fifo", .access = FILE_GENERIC_WRITE, .packet = &packet}, &writer),
	    ENXIO);
	packet.Flags = O_RDONLY | O_NONBLOCK;
	assert_status(
	    open_file((struct open_request){.name = "fifo", .access = FILE_GENERIC_READ, .packet = &packet}, &reader),
	    STATUS_SUCCESS);
	writer = must_open("fifo", FILE_GENERIC_WRITE, FILE_OPEN);
	assert_int_equal(read_text(reader, text, 4, &status), -1);
	assert_errno(status, EAGAIN);
	NtClose(reader);
	assert_errno(write_text(writer, "x", NULL), EPIPE);
	NtClose(writer);
}

static void adopted_descriptor_shares_the_description(void **state)
{
	int ends[2];
	struct io_file *file;
	HANDLE handle;
	char text[8];
	NTSTATUS status;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_status(hostfs_adopt_descriptor(ends[0], &file), STATUS_SUCCESS);
	assert_int_equal(file->access & (FILE_READ_DATA | FILE_WRITE_DATA), FILE_READ_DATA);
	assert_status(ob_open_by_pointer(file, 0, file->access, &handle), STATUS_SUCCESS);
	ob_dereference(file);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	assert_int_equal(read_text(handle, text, 8, &status), 5);
	assert_int_equal(read_text(handle, text, 8, &status), -1);
	assert_errno(status, EAGAIN);
	NtClose(handle);
	/* The number that it had holds no reader any more. */
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[0]);
	close(ends[1]);
}

static void section_has_no_more_access_than_the_file(void **state)
{
	struct io_section_backing backing;
	struct io_file *file;
	HANDLE handle;

	write_host_file("f", "mapped");
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	assert_status(io_reference_file(handle, 0, &file), STATUS_SUCCESS);
	assert_status(file->operations->section(file, PAGE_READWRITE, &backing), STATUS_ACCESS_DENIED);
	assert_status(file->operations->section(file, PAGE_WRITECOPY, &backing), STATUS_SUCCESS);
	assert_int_equal(fcntl(backing.host_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(fcntl(backing.host_fd, F_GETFD) & FD_CLOEXEC);
	close(backing.host_fd);
	ob_dereference(file);
	NtClose(handle);
	handle = must_open("f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_status(io_reference_file(handle, 0, &file), STATUS_SUCCESS);
	assert_status(file->operations->section(file, PAGE_READWRITE, &backing), STATUS_SUCCESS);
	assert_int_equal(fcntl(backing.host_fd, F_GETFL) & O_ACCMODE, O_RDWR);
	close(backing.host_fd);
	ob_dereference(file);
	NtClose(handle);
}

static void copy_range_moves_bytes_between_files(void **state)
{
	FSCTL_LX_COPY_RANGE_INPUT copy = {.SourceOffset = 2, .TargetOffset = -1, .Length = 5};
	IO_STATUS_BLOCK io;
	HANDLE source, target;
	char text[8];
	FILE *host;

	write_host_file("from", "0123456789");
	source = must_open("from", FILE_GENERIC_READ, FILE_OPEN);
	target = must_open("to", FILE_GENERIC_WRITE, FILE_CREATE);
	copy.Source = source;
	assert_status(NtFsControlFile(target, NULL, NULL, NULL, &io, FSCTL_LX_COPY_RANGE, &copy, sizeof(copy), NULL, 0),
		      STATUS_SUCCESS);
	assert_int_equal(io.Information, 5);
	assert_int_equal(position_of(target), 5);
	host = fopen(host_path("to"), "r");
	assert_non_null(fgets(text, sizeof(text), host));
	assert_string_equal(text, "23456");
	fclose(host);
	NtClose(source);
	NtClose(target);
}

static void fionread_comes_through_and_unknown_requests_do_not(void **state)
{
	_Alignas(8) char data[64] = {0};
	FSCTL_LX_IOCTL_BUFFER *in = (void *)data;
	const ULONG size = offsetof(FSCTL_LX_IOCTL_BUFFER, Data) + sizeof(int);
	IO_STATUS_BLOCK io;
	HANDLE handle;

	write_host_file("f", "12345");
	handle = must_open("f", FILE_GENERIC_READ, FILE_OPEN);
	in->Request = FIONREAD;
	in->Size = sizeof(int);
	assert_status(NtDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, data, size, data, size),
		      STATUS_SUCCESS);
	assert_int_equal(*(int *)in->Data, 5);
	in->Request = 0x12345678;
	assert_status(NtDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, data, size, data, size),
		      STATUS_INVALID_DEVICE_REQUEST);
	in->Size = 0xffffffff;
	assert_status(NtDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, data, size, data, size),
		      STATUS_INFO_LENGTH_MISMATCH);
	NtClose(handle);
}

static void volume_equals_statfs(void **state)
{
	FILE_FS_LX_STATFS_INFORMATION statfs_information;
	FILE_FS_FULL_SIZE_INFORMATION full;
	IO_STATUS_BLOCK io;

	assert_status(NtQueryVolumeInformationFile(scratch_handle, &io, &statfs_information, sizeof(statfs_information),
						   FileFsLxStatfsInformation),
		      STATUS_SUCCESS);
	assert_int_equal(statfs_information.NameLength, pathconf(scratch, _PC_NAME_MAX));
	assert_status(NtQueryVolumeInformationFile(scratch_handle, &io, &full, sizeof(full), FileFsFullSizeInformation),
		      STATUS_SUCCESS);
	assert_int_equal(full.TotalAllocationUnits.QuadPart, statfs_information.Blocks);
	assert_int_equal((LONGLONG)full.SectorsPerAllocationUnit * full.BytesPerSector, statfs_information.BlockSize);
	assert_status(NtFlushBuffersFile(scratch_handle, &io), STATUS_SUCCESS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, clear_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_move_the_position_and_end_the_file),
	    TEST(positioned_transfers_leave_the_position),
	    TEST(append_flag_writes_at_the_end),
	    TEST(transfer_through_many_segments_and_chunks_is_whole),
	    TEST(seek_speaks_linux),
	    TEST(wrong_kinds_of_access_fail_as_on_linux),
	    TEST(truncating_and_allocating_change_the_size),
	    TEST(allocated_ranges_skip_holes),
	    TEST(directory_is_read_whole_in_any_buffer),
	    TEST(directory_records_carry_type_inode_and_position),
	    TEST(open_of_a_fifo_waits_for_the_other_end),
	    TEST(interrupted_open_of_a_fifo_has_no_effect),
	    TEST(pending_alert_disturbs_neither_plain_open_nor_ready_read),
	    TEST(write_to_a_fifo_without_reader_breaks),
	    TEST(adopted_descriptor_shares_the_description),
	    TEST(section_has_no_more_access_than_the_file),
	    TEST(copy_range_moves_bytes_between_files),
	    TEST(fionread_comes_through_and_unknown_requests_do_not),
	    TEST(volume_equals_statfs),
	};

	return cmocka_run_group_tests(tests, start_executive, stop_executive);
}
