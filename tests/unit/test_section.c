/* Sections and virtual memory by NT's services: views, copies on write, sizes, protections, what a closed handle leaves. */
#include "process_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE MM_PAGE_SIZE
#define SELF NtCurrentProcess()

/* A driver whose files are memory of the test: one page of 'f', then half a page. */
static int backing_fd = -1;
static ULONG asked_protection;
static unsigned section_calls;

static NTSTATUS file_section(struct io_file *file, ULONG protection, struct io_section_backing *backing)
{
	char path[64];

	section_calls++;
	asked_protection = protection;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", backing_fd);
	backing->host_fd = open(path, (protection & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE) ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	return backing->host_fd < 0 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

static NTSTATUS file_query(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size, ULONG_PTR *information)
{
	FILE_STANDARD_INFORMATION *answer = data;

	if (class != FileStandardInformation)
		return STATUS_INVALID_INFO_CLASS;
	*answer = (FILE_STANDARD_INFORMATION){.EndOfFile.QuadPart = lseek(backing_fd, 0, SEEK_END)};
	*information = sizeof(*answer);
	return STATUS_SUCCESS;
}

static NTSTATUS file_set(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size, struct io_file *target)
{
	const FILE_END_OF_FILE_INFORMATION *end = data;

	return class == FileEndOfFileInformation && !ftruncate(backing_fd, end->EndOfFile.QuadPart) ? STATUS_SUCCESS : STATUS_DISK_FULL;
}

static const struct io_driver_operations file_operations = {.section = file_section, .query_information = file_query, .set_information = file_set};
static const struct io_driver_operations pipe_operations = {.query_information = file_query};
static struct io_driver driver = {.name = "SectionTest", .operations = &file_operations};
static struct io_device *device;

static int start(void **state)
{
	char bytes[6144];

	if (fixture_start_executive(state))
		return -1;
	memset(bytes, 'f', sizeof(bytes));
	backing_fd = memfd_create("file", MFD_CLOEXEC);
	if (write(backing_fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return -1;
	if (!NT_SUCCESS(io_register_driver(&driver)))
		return -1;
	return NT_SUCCESS(io_create_device(&driver, NULL, NULL, &device)) ? 0 : -1;
}

static HANDLE open_test_file(ACCESS_MASK access, const struct io_driver_operations *operations)
{
	struct io_file *file;
	HANDLE handle;

	assert_success(io_create_file_object(device, access, 0, &file));
	file->operations = operations;
	assert_success(ob_open_by_pointer(file, 0, access, &handle));
	ob_dereference(file);
	return handle;
}

static NTSTATUS create_section(HANDLE *section, uint64_t size, ULONG protection, ULONG attributes, HANDLE file)
{
	LARGE_INTEGER maximum = {.QuadPart = (LONGLONG)size};

	return NtCreateSection(section, SECTION_ALL_ACCESS, NULL, size ? &maximum : NULL, protection, attributes, file);
}

static NTSTATUS map_view(HANDLE section, uint64_t *address, uint64_t offset, uint64_t size, ULONG protection)
{
	LARGE_INTEGER at = {.QuadPart = (LONGLONG)offset};
	PVOID base = (PVOID)(uintptr_t)*address;
	SIZE_T length = size;
	NTSTATUS status = NtMapViewOfSection(section, SELF, &base, 0, 0, &at, &length, ViewShare, 0, protection);

	*address = (uintptr_t)base;
	return status;
}

static char peek(uint64_t address)
{
	char byte = 0;

	assert_success(NtReadVirtualMemory(SELF, (PVOID)(uintptr_t)address, &byte, 1, NULL));
	return byte;
}

static void poke(uint64_t address, char byte)
{
	assert_success(NtWriteVirtualMemory(SELF, (PVOID)(uintptr_t)address, &byte, 1, NULL));
}

static void two_views_of_memory_show_the_same(void **state)
{
	uint64_t first = 0, second = 0;
	HANDLE section;

	assert_success(create_section(&section, 2 * PAGE, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_success(map_view(section, &first, 0, 0, PAGE_READWRITE));
	assert_success(map_view(section, &second, PAGE, PAGE, PAGE_READONLY));
	poke(first + PAGE + 5, 'x');
	assert_int_equal(peek(second + 5), 'x');
	assert_int_equal(mm_copy_to(((struct process_fixture *)*state)->space, second, "y", 1), 0);
	assert_success(NtClose(section));
	assert_int_equal(peek(second + 5), 'x');
	assert_success(NtUnmapViewOfSection(SELF, (PVOID)(uintptr_t)first));
	assert_status(NtUnmapViewOfSection(SELF, (PVOID)(uintptr_t)first), STATUS_NOT_MAPPED_VIEW);
}

static void copy_on_write_view_leaves_the_file_alone(void **state)
{
	HANDLE file = open_test_file(FILE_GENERIC_READ, &file_operations), section;
	uint64_t address = 0;
	char byte;

	assert_success(create_section(&section, 0, PAGE_WRITECOPY, SEC_FILE, file));
	assert_int_equal(asked_protection, PAGE_WRITECOPY);
	assert_success(map_view(section, &address, 0, 0, PAGE_WRITECOPY));
	assert_int_equal(peek(address), 'f');
	poke(address, 'g');
	assert_int_equal(pread(backing_fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'f');
	assert_success(NtClose(section));
	assert_success(NtClose(file));
	assert_int_equal(peek(address), 'g');
}

static void shared_view_writes_the_file(void **state)
{
	HANDLE file = open_test_file(FILE_GENERIC_READ | FILE_GENERIC_WRITE, &file_operations), section;
	uint64_t address = 0;
	char byte;

	assert_success(create_section(&section, 0, PAGE_READWRITE, SEC_FILE, file));
	assert_success(map_view(section, &address, 0, 0, PAGE_READWRITE));
	poke(address + 1, 'w');
	assert_int_equal(pread(backing_fd, &byte, 1, 1), 1);
	assert_int_equal(byte, 'w');
	poke(address + 1, 'f');
	assert_success(NtClose(section));
	assert_success(NtClose(file));
}

static void access_of_the_file_bounds_the_section(void **state)
{
	HANDLE reader = open_test_file(FILE_GENERIC_READ, &file_operations), writer = open_test_file(FILE_GENERIC_WRITE, &file_operations);
	HANDLE pipe = open_test_file(FILE_GENERIC_READ, &pipe_operations), section;
	uint64_t address = 0;
	PVOID base;
	SIZE_T size = PAGE;
	ULONG old;

	assert_status(create_section(&section, 0, PAGE_READWRITE, SEC_FILE, reader), STATUS_ACCESS_DENIED);
	assert_status(create_section(&section, 0, PAGE_READONLY, SEC_FILE, writer), STATUS_ACCESS_DENIED);
	assert_status(create_section(&section, 0, PAGE_READONLY, SEC_FILE, pipe), STATUS_INVALID_FILE_FOR_SECTION);
	assert_success(create_section(&section, 0, PAGE_READONLY, SEC_FILE, reader));
	assert_status(map_view(section, &address, 0, 0, PAGE_READWRITE), STATUS_SECTION_PROTECTION);
	assert_success(map_view(section, &address, 0, 0, PAGE_READONLY));
	base = (PVOID)(uintptr_t)address;
	assert_status(NtProtectVirtualMemory(SELF, &base, &size, PAGE_READWRITE, &old), STATUS_SECTION_PROTECTION);
	NtClose(section);
	NtClose(reader);
	NtClose(writer);
	NtClose(pipe);
}

static void sizes_follow_nt_unless_views_may_pass_the_end(void **state)
{
	HANDLE file = open_test_file(FILE_GENERIC_READ | FILE_GENERIC_WRITE, &file_operations), section;
	uint64_t address = 0;
	SECTION_BASIC_INFORMATION information;
	LARGE_INTEGER grown = {.QuadPart = 3 * PAGE};

	assert_status(create_section(&section, 3 * PAGE, PAGE_READONLY, SEC_FILE, file), STATUS_SECTION_TOO_BIG);
	assert_success(create_section(&section, 0, PAGE_READWRITE, SEC_FILE, file));
	assert_success(NtQuerySection(section, SectionBasicInformation, &information, sizeof(information), NULL));
	assert_int_equal(information.MaximumSize.QuadPart, 6144);
	assert_status(map_view(section, &address, 0, 3 * PAGE, PAGE_READONLY), STATUS_INVALID_VIEW_SIZE);
	assert_status(map_view(section, &address, 2 * PAGE, 0, PAGE_READONLY), STATUS_INVALID_VIEW_SIZE);
	assert_success(NtExtendSection(section, &grown));
	assert_success(map_view(section, &address, 0, 3 * PAGE, PAGE_READONLY));
	assert_int_equal(peek(address + 2 * PAGE), 0);
	NtClose(section);
	assert_int_equal(ftruncate(backing_fd, 6144), 0);
	address = 0;
	assert_success(create_section(&section, 0, PAGE_READONLY, SEC_FILE | SEC_LX_BEYOND_END, file));
	assert_success(map_view(section, &address, 0, 8 * PAGE, PAGE_READONLY));
	assert_int_equal(peek(address + PAGE + 2048), 0);
	/* What lies behind the file's last page is there, and can't be read. */
	assert_status(NtReadVirtualMemory(SELF, (PVOID)(uintptr_t)(address + 2 * PAGE), &address, 1, NULL), STATUS_PARTIAL_COPY);
	NtClose(section);
	NtClose(file);
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void views_keep_no_descriptor_open(void **state)
{
	HANDLE file = open_test_file(FILE_GENERIC_READ, &file_operations), section;
	unsigned before = open_descriptors();
	uint64_t address;

	for (unsigned i = 0; i < 16; i++) {
		address = 0;
		assert_success(create_section(&section, 0, PAGE_WRITECOPY, SEC_FILE, file));
		assert_success(map_view(section, &address, 0, 0, PAGE_READONLY));
		assert_success(NtClose(section));
	}
	assert_success(create_section(&section, PAGE, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_int_equal(open_descriptors(), before + 1);
	address = 0;
	assert_success(map_view(section, &address, 0, 0, PAGE_READWRITE));
	assert_success(NtClose(section));
	assert_int_equal(open_descriptors(), before);
	NtClose(file);
}

static void section_found_by_name_is_the_same(void **state)
{
	STRING name = rtl_string("\\BaseNamedObjects\\TestSection");
	OBJECT_ATTRIBUTES attributes;
	LARGE_INTEGER size = {.QuadPart = PAGE};
	HANDLE made, opened;
	uint64_t first = 0, second = 0;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_success(NtCreateSection(&made, SECTION_ALL_ACCESS, &attributes, &size, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_success(NtOpenSection(&opened, SECTION_MAP_READ, &attributes));
	assert_success(map_view(made, &first, 0, 0, PAGE_READWRITE));
	assert_success(map_view(opened, &second, 0, 0, PAGE_READONLY));
	assert_status(map_view(opened, &second, 0, 0, PAGE_READWRITE), STATUS_ACCESS_DENIED);
	poke(first, 'n');
	assert_int_equal(peek(second), 'n');
	NtClose(made);
	NtClose(opened);
}

static void view_that_children_do_not_inherit(void **state)
{
	struct process_fixture *fixture = *state;
	PVOID base = NULL;
	SIZE_T size = 0;
	struct mm_vad vad;
	HANDLE section;

	assert_success(create_section(&section, PAGE, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_success(NtMapViewOfSection(section, SELF, &base, 0, 0, NULL, &size, ViewUnmap, 0, PAGE_READWRITE));
	assert_true(mm_query(fixture->space, (uintptr_t)base, &vad));
	assert_true(vad.flags & MM_DONTFORK);
	NtClose(section);
}

static void reserved_memory_is_committed_later(void **state)
{
	PVOID base = NULL, part;
	SIZE_T size = 8 * PAGE, piece = PAGE;
	MEMORY_BASIC_INFORMATION information;
	ULONG old;

	assert_success(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE));
	assert_success(NtQueryVirtualMemory(SELF, base, MemoryBasicInformation, &information, sizeof(information), NULL));
	assert_int_equal(information.State, MEM_RESERVE);
	assert_int_equal(information.RegionSize, 8 * PAGE);
	assert_status(NtProtectVirtualMemory(SELF, &base, &piece, PAGE_READONLY, &old), STATUS_NOT_COMMITTED);
	part = (char *)base + 2 * PAGE;
	assert_success(NtAllocateVirtualMemory(SELF, &part, 0, &piece, MEM_COMMIT, PAGE_READWRITE));
	poke((uintptr_t)part, 'c');
	assert_success(NtQueryVirtualMemory(SELF, part, MemoryBasicInformation, &information, sizeof(information), NULL));
	assert_int_equal(information.State, MEM_COMMIT);
	assert_int_equal(information.Protect, PAGE_READWRITE);
	assert_ptr_equal(information.AllocationBase, base);
	assert_success(NtFreeVirtualMemory(SELF, &part, &piece, MEM_DECOMMIT));
	assert_success(NtAllocateVirtualMemory(SELF, &part, 0, &piece, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(peek((uintptr_t)part), 0);
	size = 0;
	part = (char *)base + PAGE;
	assert_status(NtFreeVirtualMemory(SELF, &part, &size, MEM_RELEASE), STATUS_FREE_VM_NOT_AT_BASE);
	assert_success(NtFreeVirtualMemory(SELF, &base, &size, MEM_RELEASE));
	assert_int_equal(size, 8 * PAGE);
	assert_success(NtQueryVirtualMemory(SELF, base, MemoryBasicInformation, &information, sizeof(information), NULL));
	assert_int_equal(information.State, MEM_FREE);
}

static void free_refuses_holes_and_views(void **state)
{
	PVOID base = (PVOID)0x1000000;
	SIZE_T size = PAGE;
	uint64_t address = 0;
	HANDLE section;

	assert_status(NtFreeVirtualMemory(SELF, &base, &size, MEM_RELEASE), STATUS_MEMORY_NOT_ALLOCATED);
	assert_success(create_section(&section, PAGE, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_success(map_view(section, &address, 0, 0, PAGE_READWRITE));
	base = (PVOID)(uintptr_t)address;
	assert_status(NtFreeVirtualMemory(SELF, &base, &size, MEM_RELEASE), STATUS_UNABLE_TO_FREE_VM);
	assert_status(NtFreeVirtualMemory(SELF, &base, &size, MEM_RELEASE | MEM_DECOMMIT), STATUS_INVALID_PARAMETER_4);
	NtClose(section);
}

static void base_address_means_exactly_there(void **state)
{
	PVOID base = (PVOID)0x1000000;
	SIZE_T size = PAGE;

	assert_success(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
	assert_ptr_equal(base, 0x1000000);
	assert_status(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_success(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT | MEM_LX_HINT, PAGE_READWRITE));
	assert_ptr_not_equal(base, 0x1000000);
	assert_status(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_WRITECOPY), STATUS_INVALID_PAGE_PROTECTION);
	assert_status(NtAllocateVirtualMemory(SELF, &base, 0, &size, 0, PAGE_READWRITE), STATUS_INVALID_PARAMETER_5);
}

static void protection_answers_with_the_old_one(void **state)
{
	PVOID base = NULL;
	SIZE_T size = 2 * PAGE;
	ULONG old = 0;

	assert_success(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READ));
	size = 10;
	base = (char *)base + PAGE - 5;
	assert_success(NtProtectVirtualMemory(SELF, &base, &size, PAGE_READWRITE, &old));
	assert_int_equal(old, PAGE_EXECUTE_READ);
	assert_int_equal(size, 2 * PAGE);
	assert_status(NtProtectVirtualMemory(SELF, &base, &size, 0x1234, &old), STATUS_INVALID_PAGE_PROTECTION);
}

static void reading_stops_at_a_hole(void **state)
{
	struct process_fixture *fixture = *state;
	char bytes[2 * PAGE];
	SIZE_T done;

	fixture_map(fixture->space, 0x1000000, PAGE, MM_PROT_READ, true);
	assert_status(NtReadVirtualMemory(SELF, (PVOID)0x1000800, bytes, PAGE, &done), STATUS_PARTIAL_COPY);
	assert_int_equal(done, 0x800);
	assert_status(NtWriteVirtualMemory(SELF, (PVOID)0x1000000, bytes, 1, &done), STATUS_PARTIAL_COPY);
	assert_int_equal(done, 0);
}

static void another_process_space_can_be_read_but_not_changed(void **state)
{
	struct process_fixture *fixture = *state;
	struct pico_process *pico;
	struct pico_thread *first;
	struct mm_address_space *space;
	struct ps_process *other;
	PVOID base = NULL;
	SIZE_T size = PAGE;
	HANDLE handle;
	char byte = 'q';

	assert_int_equal(null_platform.process_create(&pico, &first), 0);
	assert_success(mm_create_space(&null_platform, pico, &space));
	mm_space_set_target(space, first);
	fixture_map(space, 0x1000000, PAGE, MM_PROT_READ | MM_PROT_WRITE, true);
	mm_space_set_target(space, NULL);
	other = fixture_make_process(101, fixture->process, space);
	assert_success(ob_open_by_pointer(other, 0, PROCESS_ALL_ACCESS, &handle));
	assert_success(NtWriteVirtualMemory(handle, (PVOID)0x1000000, &byte, 1, NULL));
	byte = 0;
	assert_success(NtReadVirtualMemory(handle, (PVOID)0x1000000, &byte, 1, NULL));
	assert_int_equal(byte, 'q');
	assert_status(NtAllocateVirtualMemory(handle, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), STATUS_NOT_SUPPORTED);
	NtClose(handle);
	ps_exit_process(other, STATUS_SUCCESS);
	ob_dereference(other);
	mm_dereference_space(space);
	null_platform.thread_abandon(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(two_views_of_memory_show_the_same),
		fixture_test(copy_on_write_view_leaves_the_file_alone),
		fixture_test(shared_view_writes_the_file),
		fixture_test(access_of_the_file_bounds_the_section),
		fixture_test(sizes_follow_nt_unless_views_may_pass_the_end),
		fixture_test(views_keep_no_descriptor_open),
		fixture_test(section_found_by_name_is_the_same),
		fixture_test(view_that_children_do_not_inherit),
		fixture_test(reserved_memory_is_committed_later),
		fixture_test(free_refuses_holes_and_views),
		fixture_test(base_address_means_exactly_there),
		fixture_test(protection_answers_with_the_old_one),
		fixture_test(reading_stops_at_a_hole),
		fixture_test(another_process_space_can_be_read_but_not_changed),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
