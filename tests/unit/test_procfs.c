/* The framework of /proc on a tree of the test's own: generators, snapshots, links, numbers that come and go. */
#include "io_fixture.h"

#include <drivers/procfs/procfs.h>

static HANDLE root;
static unsigned generated;
static uint32_t present; /* bit n: entry n of "numbers" exists */
static char stored[16];
static struct io_file *magic_target;
static char missing_path[64];

static NTSTATUS show_counter(const struct procfs_subject *subject, struct procfs_text *text)
{
	procfs_printf(text, "generation %u\n", ++generated);
	return STATUS_SUCCESS;
}

static NTSTATUS show_number(const struct procfs_subject *subject, struct procfs_text *text)
{
	if (!(present >> subject->number & 1))
		return nt_status_from_errno(ESRCH);
	procfs_printf(text, "%d", subject->number);
	return STATUS_SUCCESS;
}

static NTSTATUS show_large(const struct procfs_subject *subject, struct procfs_text *text)
{
	for (int i = 0; i < 5000; i++)
		procfs_printf(text, "line %d\n", i);
	return STATUS_SUCCESS;
}

static NTSTATUS store(const struct procfs_subject *subject, const char *data, size_t size)
{
	if (size >= sizeof stored)
		return nt_status_from_errno(EINVAL);
	memcpy(stored, data, size + 1);
	return STATUS_SUCCESS;
}

static int64_t link_target(const struct procfs_subject *subject, char *target, size_t size)
{
	return snprintf(target, size, "counter");
}

static NTSTATUS follow(const struct procfs_subject *subject, struct io_file **file)
{
	ob_reference(magic_target);
	*file = magic_target;
	return STATUS_SUCCESS;
}

static bool number_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	*child = (struct procfs_subject){.pid = (int32_t)number, .number = (int32_t)number};
	return number < 32 && present >> number & 1;
}

static bool next_number(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	while (*number < 32 && !(present >> *number & 1))
		++*number;
	*child = (struct procfs_subject){.pid = (int32_t)*number, .number = (int32_t)*number};
	return *number < 32;
}

static const struct procfs_node number_children[] = {{.name = "value", .kind = PROCFS_FILE, .permissions = 0444, .show = show_number}, {0}};
static const struct procfs_node number_node = {.name = "n", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = number_children};
static const struct procfs_numbers numbers = {.lookup = number_exists, .next = next_number, .child = &number_node};
static const struct procfs_node top[] = {
	{.name = "counter", .kind = PROCFS_FILE, .permissions = 0444, .show = show_counter},
	{.name = "large", .kind = PROCFS_FILE, .permissions = 0444, .show = show_large},
	{.name = "knob", .kind = PROCFS_FILE, .permissions = 0644, .show = show_counter, .store = store},
	{.name = "link", .kind = PROCFS_LINK, .permissions = 0777, .target = link_target},
	{.name = "magic", .kind = PROCFS_MAGIC, .permissions = 0777, .target = link_target, .follow = follow},
	{.name = "version", .kind = PROCFS_FILE, .host_path = "/proc/version"},
	{.name = "absent", .kind = PROCFS_FILE, .host_path = "/proc/no-such-file-on-any-host"},
	{.name = "numbers", .kind = PROCFS_DIRECTORY, .permissions = 0555, .numbers = &numbers},
	{0},
};
static const struct procfs_node root_node = {.name = "", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = top};

static bool owner(const struct procfs_subject *subject, bool open_directory, ULONG *uid, ULONG *gid)
{
	*uid = *gid = 0;
	return !subject->pid || present >> subject->pid & 1;
}

static bool anybody(const struct procfs_subject *subject)
{
	return true;
}

static void missing(const char *path)
{
	snprintf(missing_path, sizeof missing_path, "%s", path);
}

static int start(void **state)
{
	static const struct procfs_provider provider = {
		.root = &root_node, .owner = owner, .may_look = anybody, .is_own = anybody, .missing = missing};
	STRING name = rtl_string("\\Device\\ProcFs\\");
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;

	start_executive(state);
	assert_status(procfs_initialize(), STATUS_SUCCESS);
	procfs_register(&provider);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&root, FILE_GENERIC_READ, &attributes, &io, 0, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
	return 0;
}

static NTSTATUS try_open(const char *name, ACCESS_MASK access, ULONG options, HANDLE *handle)
{
	return open_file((struct open_request){.root = root, .name = name, .access = access, .options = options}, handle);
}

static HANDLE opened(const char *name, ACCESS_MASK access)
{
	HANDLE handle = NULL;

	assert_status(try_open(name, access, 0, &handle), STATUS_SUCCESS);
	return handle;
}

static void seek(HANDLE file, LONGLONG offset)
{
	FSCTL_LX_SEEK_INPUT input = {.Offset = offset};
	LONGLONG position;

	assert_status(control(file, FSCTL_LX_SEEK, &input, sizeof input, &position, sizeof position), STATUS_SUCCESS);
	assert_int_equal(position, offset);
}

static void a_reader_sees_one_state_until_it_starts_anew(void **state)
{
	HANDLE file = opened("counter", FILE_GENERIC_READ);
	char text[64] = "";
	NTSTATUS status;

	generated = 0;
	assert_int_equal(read_text(file, text, 11, &status), 11);
	assert_int_equal(read_text(file, text + 11, 10, &status), 2);
	assert_string_equal(text, "generation 1\n");
	assert_int_equal(read_text(file, text, 10, &status), 0);
	assert_int_equal(generated, 1);
	seek(file, 0);
	assert_int_equal(read_text(file, text, 64, &status), 13);
	assert_memory_equal(text, "generation 2\n", 13);
	NtClose(file);
}

static void large_content_is_complete(void **state)
{
	HANDLE file = opened("large", FILE_GENERIC_READ);
	static char text[65536];
	NTSTATUS status;
	long size = read_text(file, text, sizeof text - 1, &status);

	text[size] = 0;
	assert_non_null(strstr(text, "\nline 4999\n"));
	assert_int_equal(strlen(text), size);
	NtClose(file);
}

static void what_is_passed_through_is_the_hosts(void **state)
{
	HANDLE file = opened("version", FILE_GENERIC_READ), none;
	char text[512] = "", host[512] = "";
	FILE *version = fopen("/proc/version", "re");
	NTSTATUS status;

	read_text(file, text, sizeof text - 1, &status);
	assert_non_null(fgets(host, sizeof host, version));
	assert_string_equal(text, host);
	fclose(version);
	NtClose(file);
	assert_errno(try_open("absent", FILE_GENERIC_READ, 0, &none), ENOENT);
}

static void writes_reach_the_store_and_only_where_there_is_one(void **state)
{
	HANDLE file = opened("knob", FILE_GENERIC_READ | FILE_GENERIC_WRITE);

	assert_status(write_text(file, "value", NULL), STATUS_SUCCESS);
	assert_string_equal(stored, "value");
	assert_errno(write_text(file, "much too long for it", NULL), EINVAL);
	NtClose(file);
	/* What nobody can write, who may write everything may open for it. */
	file = opened("counter", FILE_GENERIC_WRITE);
	assert_errno(write_text(file, "value", NULL), EIO);
	NtClose(file);
}

static void links_are_reparsed_and_magic_ones_name_their_file(void **state)
{
	HANDLE handle = NULL, target = opened("counter", FILE_GENERIC_READ);
	struct io_file *found;

	assert_status(try_open("link", FILE_GENERIC_READ, 0, &handle), STATUS_REPARSE);
	assert_null(handle);
	assert_status(io_reference_file(target, 0, &magic_target), STATUS_SUCCESS);
	assert_status(try_open("magic", FILE_GENERIC_READ, 0, &handle), STATUS_REPARSE);
	assert_non_null(handle);
	assert_status(io_reference_file(handle, 0, &found), STATUS_SUCCESS);
	assert_ptr_equal(found, magic_target);
	ob_dereference(found);
	ob_dereference(magic_target);
	NtClose(handle);
	NtClose(target);
	assert_status(try_open("magic", FILE_READ_ATTRIBUTES, FILE_OPEN_REPARSE_POINT, &handle), STATUS_SUCCESS);
	NtClose(handle);
	assert_status(try_open("magic/x", FILE_GENERIC_READ, 0, &handle), STATUS_REPARSE);
}

static void numbers_come_and_go(void **state)
{
	HANDLE file, none;
	NTSTATUS status;
	char text[8];

	present = 1u << 7 | 1u << 30;
	assert_errno(try_open("numbers/8", FILE_GENERIC_READ, 0, &none), ENOENT);
	assert_errno(try_open("numbers/07", FILE_GENERIC_READ, 0, &none), ENOENT);
	assert_errno(try_open("numbers/99999999999", FILE_GENERIC_READ, 0, &none), ENOENT);
	file = opened("numbers/7/value", FILE_GENERIC_READ);
	assert_int_equal(read_text(file, text, sizeof text, &status), 1);
	present = 0;
	seek(file, 0);
	assert_int_equal(read_text(file, text, sizeof text, &status), -1);
	assert_errno(status, ESRCH);
	NtClose(file);
}

static void a_listing_shows_fixed_entries_then_numbers(void **state)
{
	_Alignas(8) UCHAR data[4 * 64];
	const FILE_ID_EXTD_DIR_INFORMATION *record = (void *)data;
	HANDLE directory = opened("numbers", FILE_GENERIC_READ);
	char names[64] = "";
	IO_STATUS_BLOCK io;

	present = 1u << 3 | 1u << 12;
	for (bool first = true;; first = false) {
		if (NtQueryDirectoryFile(directory, NULL, NULL, NULL, &io, data, sizeof data, FileIdExtdDirectoryInformation, 1,
					 NULL, first) != STATUS_SUCCESS)
			break;
		strncat(names, record->FileName, record->FileNameLength);
		strcat(names, " ");
	}
	assert_string_equal(names, ". .. 3 12 ");
	NtClose(directory);
}

static void what_is_looked_for_in_vain_is_reported(void **state)
{
	HANDLE none;

	assert_status(try_open("sys/unknown", FILE_GENERIC_READ, 0, &none), STATUS_OBJECT_PATH_NOT_FOUND);
	assert_string_equal(missing_path, "sys/unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_one_state_until_it_starts_anew),
		cmocka_unit_test(large_content_is_complete),
		cmocka_unit_test(what_is_passed_through_is_the_hosts),
		cmocka_unit_test(writes_reach_the_store_and_only_where_there_is_one),
		cmocka_unit_test(links_are_reparsed_and_magic_ones_name_their_file),
		cmocka_unit_test(numbers_come_and_go),
		cmocka_unit_test(a_listing_shows_fixed_entries_then_numbers),
		cmocka_unit_test(what_is_looked_for_in_vain_is_reported),
	};

	return cmocka_run_group_tests_name("procfs", tests, start, stop_executive);
}
