/* /dev without a guest: the tree, its attributes, and the devices of lxrun's own. */
#include "io_fixture.h"

#include <drivers/devfs/devfs.h>
#include <sys/sysmacros.h>

static HANDLE root;

static int start(void **state)
{
	STRING name = rtl_string("\\Device\\DevFs\\");
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;

	start_executive(state);
	assert_status(devfs_initialize(), STATUS_SUCCESS);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&root, FILE_GENERIC_READ, &attributes, &io, 0, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
	return 0;
}

static NTSTATUS try_open(const char *name, ACCESS_MASK access, ULONG options, HANDLE *handle)
{
	return open_file((struct open_request){.root = root, .name = name, .access = access, .options = options}, handle);
}

static HANDLE device(const char *name)
{
	HANDLE handle = NULL;

	assert_status(try_open(name, FILE_GENERIC_READ | FILE_GENERIC_WRITE, 0, &handle), STATUS_SUCCESS);
	return handle;
}

static void null_swallows_and_gives_nothing(void **state)
{
	HANDLE null = device("null");
	NTSTATUS status;
	char byte = 'x';

	assert_status(write_text(null, "anything", NULL), STATUS_SUCCESS);
	assert_int_equal(read_text(null, &byte, 1, &status), 0);
	NtClose(null);
}

static void zero_gives_zeroes_without_end(void **state)
{
	static char bytes[100000];
	HANDLE zero = device("zero");
	NTSTATUS status;

	memset(bytes, 'x', sizeof bytes);
	assert_int_equal(read_text(zero, bytes, sizeof bytes, &status), sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		assert_int_equal(bytes[i], 0);
	NtClose(zero);
}

static void full_has_no_space(void **state)
{
	HANDLE full = device("full");

	assert_errno(write_text(full, "x", NULL), ENOSPC);
	NtClose(full);
}

static void random_differs_from_read_to_read(void **state)
{
	HANDLE random = device("urandom");
	char first[32] = "", second[32] = "";
	NTSTATUS status;

	assert_int_equal(read_text(random, first, sizeof first, &status), sizeof first);
	assert_int_equal(read_text(random, second, sizeof second, &status), sizeof second);
	assert_memory_not_equal(first, second, sizeof first);
	NtClose(random);
}

static void devices_show_their_numbers(void **state)
{
	FILE_LX_STATX_INFORMATION attributes;
	IO_STATUS_BLOCK io;
	HANDLE null = device("null");

	assert_status(NtQueryInformationFile(null, &io, &attributes, sizeof attributes, FileLxStatxInformation), STATUS_SUCCESS);
	assert_int_equal(attributes.Mode, S_IFCHR | 0666);
	assert_int_equal(makedev(attributes.RdevMajor, attributes.RdevMinor), makedev(1, 3));
	NtClose(null);
}

static void names_are_walked_as_linux_does(void **state)
{
	HANDLE handle;

	assert_errno(try_open("missing", FILE_GENERIC_READ, 0, &handle), ENOENT);
	assert_status(try_open("missing/x", FILE_GENERIC_READ, 0, &handle), STATUS_OBJECT_PATH_NOT_FOUND);
	assert_errno(try_open("null/x", FILE_GENERIC_READ, 0, &handle), ENOTDIR);
	assert_errno(try_open("null", FILE_GENERIC_READ, FILE_DIRECTORY_FILE, &handle), ENOTDIR);
	assert_errno(try_open("", FILE_GENERIC_WRITE, 0, &handle), EISDIR);
	assert_status(try_open("stdin", FILE_GENERIC_READ, 0, &handle), STATUS_REPARSE);
	assert_status(try_open("fd/1", FILE_GENERIC_READ, 0, &handle), STATUS_REPARSE);
	assert_status(try_open("pts/../null", FILE_GENERIC_READ, 0, &handle), STATUS_SUCCESS);
	NtClose(handle);
	assert_errno(try_open("tty", FILE_GENERIC_READ, 0, &handle), ENXIO);
}

static void names_are_made_and_removed_by_those_who_may(void **state)
{
	FSCTL_LX_MAKE_NODE_INPUT make = {.Mode = S_IFDIR | 0755, .Name = rtl_string("new")};
	FSCTL_LX_REMOVE_NAME_INPUT remove_new = {.Name = rtl_string("new"), .Directory = 1};
	HANDLE handle;

	assert_status(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), STATUS_SUCCESS);
	assert_errno(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), EEXIST);
	assert_status(control(root, FSCTL_LX_REMOVE_NAME, &remove_new, sizeof remove_new, NULL, 0), STATUS_SUCCESS);
	assert_errno(control(root, FSCTL_LX_REMOVE_NAME, &remove_new, sizeof remove_new, NULL, 0), ENOENT);
	make = (FSCTL_LX_MAKE_NODE_INPUT){.Mode = S_IFIFO | 0600, .Name = rtl_string("null")};
	assert_errno(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), EEXIST);
	make.Name = rtl_string("pipe");
	assert_errno(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), EPERM);
	make = (FSCTL_LX_MAKE_NODE_INPUT){.Mode = S_IFCHR | 0600, .Name = rtl_string("another"), .DeviceMajor = 240, .DeviceMinor = 7};
	assert_status(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), STATUS_SUCCESS);
	assert_errno(try_open("another", FILE_GENERIC_READ, 0, &handle), ENXIO);
	remove_new = (FSCTL_LX_REMOVE_NAME_INPUT){.Name = rtl_string("another/")};
	assert_errno(control(root, FSCTL_LX_REMOVE_NAME, &remove_new, sizeof remove_new, NULL, 0), ENOTDIR);
	remove_new = (FSCTL_LX_REMOVE_NAME_INPUT){.Name = rtl_string("another")};
	assert_status(control(root, FSCTL_LX_REMOVE_NAME, &remove_new, sizeof remove_new, NULL, 0), STATUS_SUCCESS);
}

/* A device is known by its number, not by its name. */
static void another_name_for_a_number_is_the_same_device(void **state)
{
	FSCTL_LX_MAKE_NODE_INPUT make = {.Mode = S_IFCHR | 0666, .Name = rtl_string("full2"), .DeviceMajor = 1, .DeviceMinor = 7};
	FSCTL_LX_REMOVE_NAME_INPUT remove_it = {.Name = rtl_string("full2")};
	HANDLE full;

	assert_status(control(root, FSCTL_LX_MAKE_NODE, &make, sizeof make, NULL, 0), STATUS_SUCCESS);
	full = device("full2");
	assert_errno(write_text(full, "x", NULL), ENOSPC);
	NtClose(full);
	assert_status(control(root, FSCTL_LX_REMOVE_NAME, &remove_it, sizeof remove_it, NULL, 0), STATUS_SUCCESS);
}

static void a_listing_in_pieces_shows_each_name_once(void **state)
{
	_Alignas(8) UCHAR data[4 * 40];
	const FILE_ID_EXTD_DIR_INFORMATION *record = (void *)data;
	unsigned dots = 0, nulls = 0, total = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status;

	for (bool first = true;; first = false) {
		status = NtQueryDirectoryFile(root, NULL, NULL, NULL, &io, data, sizeof data, FileIdExtdDirectoryInformation, 0,
					      NULL, first);
		if (status != STATUS_SUCCESS)
			break;
		total++;
		dots += record->FileName[0] == '.';
		nulls += record->FileNameLength == 4 && !memcmp(record->FileName, "null", 4);
	}
	assert_status(status, STATUS_NO_MORE_FILES);
	assert_int_equal(dots, 2);
	assert_int_equal(nulls, 1);
	assert_true(total > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_swallows_and_gives_nothing),
		cmocka_unit_test(zero_gives_zeroes_without_end),
		cmocka_unit_test(full_has_no_space),
		cmocka_unit_test(random_differs_from_read_to_read),
		cmocka_unit_test(devices_show_their_numbers),
		cmocka_unit_test(names_are_walked_as_linux_does),
		cmocka_unit_test(names_are_made_and_removed_by_those_who_may),
		cmocka_unit_test(another_name_for_a_number_is_the_same_device),
		cmocka_unit_test(a_listing_in_pieces_shows_each_name_once),
	};

	return cmocka_run_group_tests_name("devfs", tests, start, stop_executive);
}
