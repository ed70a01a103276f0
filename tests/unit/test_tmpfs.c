/* tmpfs without a guest: names, data, attributes and locks of an instance of its own. */
#include "io_fixture.h"
#include "workers.h"

#include <drivers/tmpfs/node.h>
#include <fcntl.h>
#include <sys/mman.h>

static HANDLE root;
static struct ob_handle_table *test_table;

static int start(void **state)
{
	STRING name = rtl_string("\\Device\\TmpFs-test\\");
	struct io_device *device;
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;

	start_executive(state);
	assert_status(tmpfs_initialize(), STATUS_SUCCESS);
	assert_status(tmpfs_create_instance("test", 1 << 20, &device), STATUS_SUCCESS);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&root, FILE_GENERIC_READ, &attributes, &io, 0, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
	test_table = ob_current_table();
	return 0;
}

static NTSTATUS make_node(const char *name, ULONG mode, const char *target)
{
	FSCTL_LX_MAKE_NODE_INPUT input = {.Mode = mode, .Name = rtl_string(name)};

	if (target)
		input.Target = rtl_string(target);
	return control(root, FSCTL_LX_MAKE_NODE, &input, sizeof input, NULL, 0);
}

static NTSTATUS remove_name(HANDLE directory, const char *name, ULONG is_directory)
{
	FSCTL_LX_REMOVE_NAME_INPUT input = {.Directory = is_directory, .Name = rtl_string(name)};

	return control(directory, FSCTL_LX_REMOVE_NAME, &input, sizeof input, NULL, 0);
}

static NTSTATUS rename_name(HANDLE from, const char *old, HANDLE to, const char *new, ULONG flags)
{
	FILE_LX_RENAME_INFORMATION input = {
		.Flags = flags, .RootDirectory = to, .OldName = rtl_string(old), .NewName = rtl_string(new)};
	IO_STATUS_BLOCK io;

	return NtSetInformationFile(from, &io, &input, sizeof input, FileLxRenameInformation);
}

static NTSTATUS try_open(HANDLE from, const char *name, ACCESS_MASK access, ULONG disposition, ULONG options, HANDLE *handle)
{
	struct lx_open_packet packet = {.Mode = 0644};

	return open_file((struct open_request){.root = from, .name = name, .access = access, .disposition = disposition,
					       .options = options, .packet = &packet}, handle);
}

static HANDLE opened(HANDLE from, const char *name, ULONG disposition)
{
	HANDLE handle = NULL;

	assert_status(try_open(from, name, FILE_GENERIC_READ | FILE_GENERIC_WRITE, disposition, 0, &handle), STATUS_SUCCESS);
	return handle;
}

static FILE_LX_STATX_INFORMATION stat_handle(HANDLE handle)
{
	FILE_LX_STATX_INFORMATION attributes;
	IO_STATUS_BLOCK io;

	assert_status(NtQueryInformationFile(handle, &io, &attributes, sizeof attributes, FileLxStatxInformation), STATUS_SUCCESS);
	return attributes;
}

static NTSTATUS stat_name(const char *name)
{
	HANDLE handle;
	NTSTATUS status = try_open(root, name, FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, &handle);

	if (status == STATUS_SUCCESS)
		NtClose(handle);
	return status;
}

static void a_name_is_made_found_and_removed(void **state)
{
	HANDLE file;

	assert_status(stat_name("new"), STATUS_OBJECT_NAME_NOT_FOUND);
	file = opened(root, "new", FILE_CREATE);
	assert_int_equal(stat_handle(file).Mode, S_IFREG | 0644);
	assert_status(try_open(root, "new", FILE_GENERIC_READ, FILE_CREATE, 0, &(HANDLE){NULL}), STATUS_OBJECT_NAME_COLLISION);
	assert_errno(stat_name("new/x"), ENOTDIR);
	assert_status(remove_name(root, "new", 1), STATUS_NOT_A_DIRECTORY);
	assert_status(remove_name(root, "new", 0), STATUS_SUCCESS);
	assert_status(stat_name("new"), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(stat_handle(file).NumberOfLinks, 0);
	assert_status(write_text(file, "still here", NULL), STATUS_SUCCESS);
	NtClose(file);
}

static void an_open_that_cannot_empty_the_file_fails_and_holds_nothing(void **state)
{
	HANDLE file = opened(root, "sealed", FILE_CREATE);
	struct io_file *object;

	assert_status(write_text(file, "kept", NULL), STATUS_SUCCESS);
	assert_status(ob_reference_by_handle(file, 0, &io_file_type, (void **)&object), STATUS_SUCCESS);
	assert_int_equal(fcntl(atomic_load(&tmpfs_node_of(object)->descriptor), F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_errno(try_open(root, "sealed", FILE_GENERIC_WRITE, FILE_OVERWRITE, 0, &(HANDLE){NULL}), EPERM);
	assert_errno(try_open(root, "sealed", FILE_GENERIC_WRITE, FILE_OVERWRITE_IF, 0, &(HANDLE){NULL}), EPERM);
	assert_int_equal(tmpfs_node_of(object)->opens, 1);
	assert_int_equal(stat_handle(file).Size, 4);
	ob_dereference(object);
	assert_status(remove_name(root, "sealed", 0), STATUS_SUCCESS);
	NtClose(file);
}

static void directories_count_their_links_and_refuse_removal_when_full(void **state)
{
	HANDLE directory;

	assert_status(make_node("dir", S_IFDIR | 0755, NULL), STATUS_SUCCESS);
	assert_status(try_open(root, "dir", FILE_GENERIC_READ, FILE_OPEN, FILE_DIRECTORY_FILE, &directory), STATUS_SUCCESS);
	assert_int_equal(stat_handle(directory).NumberOfLinks, 2);
	assert_status(make_node("dir", S_IFDIR | 0755, NULL), STATUS_OBJECT_NAME_COLLISION);
	NtClose(opened(directory, "inner", FILE_CREATE));
	assert_status(stat_name("dir/inner"), STATUS_SUCCESS);
	assert_status(remove_name(root, "dir", 0), STATUS_FILE_IS_A_DIRECTORY);
	assert_status(remove_name(root, "dir", 1), STATUS_DIRECTORY_NOT_EMPTY);
	assert_status(remove_name(directory, "inner", 0), STATUS_SUCCESS);
	assert_status(remove_name(root, "dir", 1), STATUS_SUCCESS);
	assert_status(try_open(directory, "late", FILE_GENERIC_WRITE, FILE_CREATE, 0, &(HANDLE){NULL}),
		      STATUS_OBJECT_NAME_NOT_FOUND);
	NtClose(directory);
}

static void symbolic_links_are_left_to_the_caller(void **state)
{
	UCHAR data[64];
	const REPARSE_DATA_BUFFER *answer = (void *)data;
	HANDLE link;

	assert_status(make_node("link", S_IFLNK | 0777, "target"), STATUS_SUCCESS);
	assert_status(try_open(root, "link", FILE_GENERIC_READ, FILE_OPEN, 0, &link), STATUS_REPARSE);
	assert_status(try_open(root, "link/x", FILE_GENERIC_READ, FILE_OPEN, 0, &link), STATUS_REPARSE);
	assert_status(try_open(root, "link", FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, &link), STATUS_SUCCESS);
	assert_status(control(link, FSCTL_GET_REPARSE_POINT, NULL, 0, data, sizeof data), STATUS_SUCCESS);
	assert_int_equal(answer->ReparseDataLength, 4 + 6);
	assert_memory_equal(answer->DataBuffer + 4, "target", 6);
	NtClose(link);
	assert_status(remove_name(root, "link", 0), STATUS_SUCCESS);
}

static void data_is_kept_and_holes_read_as_zeroes(void **state)
{
	HANDLE file = opened(root, "data", FILE_CREATE);
	LARGE_INTEGER far = {.QuadPart = 100000};
	char text[16] = "x";
	NTSTATUS status;

	assert_status(write_text(file, "begin", NULL), STATUS_SUCCESS);
	assert_status(write_text(file, "end", &far), STATUS_SUCCESS);
	assert_int_equal(stat_handle(file).Size, 100003);
	assert_true(stat_handle(file).Blocks < 100003 / 512);
	assert_int_equal(read_text(file, text, 4, &status), 4);
	assert_int_equal(text[0] | text[1] | text[2] | text[3], 0);
	NtClose(file);
	file = opened(root, "data", FILE_OVERWRITE);
	assert_int_equal(stat_handle(file).Size, 0);
	NtClose(file);
	assert_status(remove_name(root, "data", 0), STATUS_SUCCESS);
}

static void the_volume_has_an_end(void **state)
{
	static char filler[1 << 20];
	HANDLE file = opened(root, "big", FILE_CREATE);
	LARGE_INTEGER behind = {.QuadPart = 1 << 20};

	memset(filler, 'x', sizeof filler - 1);
	assert_status(write_text(file, filler, NULL), STATUS_SUCCESS);
	assert_status(write_text(file, "more", &behind), STATUS_DISK_FULL);
	NtClose(file);
	assert_status(remove_name(root, "big", 0), STATUS_SUCCESS);
	file = opened(root, "big", FILE_CREATE);
	assert_status(write_text(file, "room again", NULL), STATUS_SUCCESS);
	NtClose(file);
	assert_status(remove_name(root, "big", 0), STATUS_SUCCESS);
}

static void rename_replaces_exchanges_and_refuses_circles(void **state)
{
	HANDLE directory;

	NtClose(opened(root, "a", FILE_CREATE));
	NtClose(opened(root, "b", FILE_CREATE));
	assert_status(make_node("d", S_IFDIR | 0755, NULL), STATUS_SUCCESS);
	assert_status(try_open(root, "d", FILE_GENERIC_READ, FILE_OPEN, 0, &directory), STATUS_SUCCESS);
	assert_status(rename_name(root, "a", root, "b", 1), STATUS_OBJECT_NAME_COLLISION);
	assert_status(rename_name(root, "a", root, "b", 0), STATUS_SUCCESS);
	assert_status(stat_name("a"), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_status(rename_name(root, "b", directory, "c", 0), STATUS_SUCCESS);
	assert_status(stat_name("d/c"), STATUS_SUCCESS);
	assert_errno(rename_name(root, "d", directory, "inside", 0), EINVAL);
	assert_status(rename_name(directory, "c", root, "d", 0), STATUS_DIRECTORY_NOT_EMPTY);
	NtClose(opened(root, "a", FILE_CREATE));
	assert_status(rename_name(root, "a", root, "d", 2), STATUS_SUCCESS);
	assert_status(stat_name("a/c"), STATUS_SUCCESS);
	assert_int_equal(stat_handle(directory).NumberOfLinks, 2);
	assert_errno(rename_name(root, "a", root, "d", 3), EINVAL);
	NtClose(directory);
	assert_status(try_open(root, "a", FILE_GENERIC_READ, FILE_OPEN, 0, &directory), STATUS_SUCCESS);
	assert_status(remove_name(directory, "c", 0), STATUS_SUCCESS);
	NtClose(directory);
	assert_status(remove_name(root, "a", 1), STATUS_SUCCESS);
	assert_status(remove_name(root, "d", 0), STATUS_SUCCESS);
}

static void a_listing_survives_removal_under_way(void **state)
{
	_Alignas(8) UCHAR data[4 * 72];
	const FILE_ID_EXTD_DIR_INFORMATION *record = (void *)data;
	unsigned names = 0;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	bool first = true;

	for (int i = 0; i < 5; i++)
		NtClose(opened(root, (char[]){'n', (char)('0' + i), 0}, FILE_CREATE));
	for (;;) {
		status = NtQueryDirectoryFile(root, NULL, NULL, NULL, &io, data, sizeof data, FileIdExtdDirectoryInformation, 1,
					      NULL, first);
		first = false;
		if (status != STATUS_SUCCESS)
			break;
		if (record->FileName[0] == 'n') {
			names++;
			assert_status(remove_name(root, (char[]){'n', record->FileName[1], 0}, 0), STATUS_SUCCESS);
		}
	}
	assert_status(status, STATUS_NO_MORE_FILES);
	assert_int_equal(names, 5);
}

static void a_section_maps_what_is_written(void **state)
{
	HANDLE file = opened(root, "mapped", FILE_CREATE);
	struct io_section_backing backing;
	struct io_file *object;
	char *map;

	assert_status(write_text(file, "bytes", NULL), STATUS_SUCCESS);
	assert_status(io_reference_file(file, 0, &object), STATUS_SUCCESS);
	assert_status(object->operations->section(object, 4, &backing), STATUS_SUCCESS);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, backing.host_fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_string_equal(map, "bytes");
	munmap(map, 4096);
	close(backing.host_fd);
	ob_dereference(object);
	NtClose(file);
	assert_status(remove_name(root, "mapped", 0), STATUS_SUCCESS);
}

static void user_attributes_are_kept(void **state)
{
	HANDLE file = opened(root, "xattr", FILE_CREATE);
	FSCTL_LX_SET_XATTR_INPUT set = {.Name = rtl_string("user.key"), .Value = "value", .Size = 5};
	char value[8] = "";

	assert_status(control(file, FSCTL_LX_SET_XATTR, &set, sizeof set, NULL, 0), STATUS_SUCCESS);
	set.Flags = 1;
	assert_errno(control(file, FSCTL_LX_SET_XATTR, &set, sizeof set, NULL, 0), EEXIST);
	assert_status(control(file, FSCTL_LX_GET_XATTR, "user.key", 9, value, sizeof value), STATUS_SUCCESS);
	assert_string_equal(value, "value");
	assert_errno(control(file, FSCTL_LX_GET_XATTR, "user.key", 9, value, 2), ERANGE);
	assert_errno(control(file, FSCTL_LX_GET_XATTR, "other.key", 10, value, 2), EOPNOTSUPP);
	assert_status(control(file, FSCTL_LX_REMOVE_XATTR, "user.key", 9, NULL, 0), STATUS_SUCCESS);
	assert_errno(control(file, FSCTL_LX_GET_XATTR, "user.key", 9, value, sizeof value), ENODATA);
	NtClose(file);
	assert_status(remove_name(root, "xattr", 0), STATUS_SUCCESS);
}

/* --- locks */

enum { READ_LOCK, WRITE_LOCK, NO_LOCK };

static NTSTATUS lock(HANDLE file, ULONG command, const void *owner, SHORT type, LONGLONG from, LONGLONG length,
		     FSCTL_LX_RECORD_LOCK_BUFFER *result)
{
	FSCTL_LX_RECORD_LOCK_BUFFER buffer = {
		.Command = command, .Owner = (PVOID)(uintptr_t)owner, .Type = type, .Start = from, .Length = length, .Pid = 42};
	NTSTATUS status = control(file, FSCTL_LX_RECORD_LOCK, &buffer, sizeof buffer, &buffer, sizeof buffer);

	if (result)
		*result = buffer;
	return status;
}

static FILE_FS_LX_STATFS_INFORMATION statfs_root(void)
{
	FILE_FS_LX_STATFS_INFORMATION volume;
	IO_STATUS_BLOCK io;

	assert_status(NtQueryVolumeInformationFile(root, &io, &volume, sizeof volume, FileFsLxStatfsInformation), STATUS_SUCCESS);
	return volume;
}

static NTSTATUS set_xattr(HANDLE file, const char *name, char *value, ULONG size)
{
	FSCTL_LX_SET_XATTR_INPUT input = {.Name = rtl_string(name), .Value = value, .Size = size};

	return control(file, FSCTL_LX_SET_XATTR, &input, sizeof input, NULL, 0);
}

static const char *numbered(unsigned number)
{
	static char name[16];

	snprintf(name, sizeof name, "%u", number);
	return name;
}

/* As many as 1 MiB has pages, the root among them. */
static void names_have_an_end(void **state)
{
	FSCTL_LX_LINK_NAME_INPUT link = {.Name = rtl_string("further")};
	unsigned made = 0;

	assert_int_equal(statfs_root().Files, 256);
	assert_int_equal(statfs_root().FilesFree, 255);
	while (made < 1000 && make_node(numbered(made), S_IFREG | 0644, NULL) == STATUS_SUCCESS)
		made++;
	assert_int_equal(made, 255);
	assert_int_equal(statfs_root().FilesFree, 0);
	assert_status(make_node("d", S_IFDIR | 0755, NULL), STATUS_DISK_FULL);
	assert_status(make_node("s", S_IFLNK | 0777, "target"), STATUS_DISK_FULL);
	assert_status(try_open(root, "f", FILE_GENERIC_READ, FILE_CREATE, 0, &(HANDLE){NULL}), STATUS_DISK_FULL);
	link.File = opened(root, "0", FILE_OPEN);
	assert_status(control(root, FSCTL_LX_LINK_NAME, &link, sizeof link, NULL, 0), STATUS_DISK_FULL);
	assert_status(rename_name(root, "1", root, "renamed", 0), STATUS_SUCCESS);
	assert_status(rename_name(root, "renamed", root, "2", 0), STATUS_SUCCESS);
	assert_status(control(root, FSCTL_LX_LINK_NAME, &link, sizeof link, NULL, 0), STATUS_SUCCESS);
	NtClose(link.File);
	assert_status(remove_name(root, "further", 0), STATUS_SUCCESS);
	for (unsigned i = 0; i < made; i++)
		if (i != 1)
			assert_status(remove_name(root, numbered(i), 0), STATUS_SUCCESS);
	assert_int_equal(statfs_root().FilesFree, 255);
}

static void attributes_and_long_targets_have_an_end(void **state)
{
	static char value[4000], target[201];
	HANDLE file = opened(root, "f", FILE_CREATE);
	unsigned set = 0, links = 0;
	char name[32];

	memset(target, 't', sizeof target - 1);
	for (; set < 1000; set++) {
		snprintf(name, sizeof name, "user.%u", set);
		if (set_xattr(file, name, value, sizeof value) != STATUS_SUCCESS)
			break;
	}
	assert_in_range(set, 50, 65);
	assert_errno(set_xattr(file, "user.more", value, sizeof value), ENOSPC);
	NtClose(file);
	assert_status(remove_name(root, "f", 0), STATUS_SUCCESS);
	assert_int_equal(statfs_root().FilesFree, 255);
	while (links < 1000 && make_node(numbered(links), S_IFLNK | 0777, links ? target : "short") == STATUS_SUCCESS)
		links++;
	assert_int_equal(statfs_root().BlocksFree, 256 - (links - 1));
	while (links)
		assert_status(remove_name(root, numbered(--links), 0), STATUS_SUCCESS);
	assert_int_equal(statfs_root().BlocksFree, 256);
}

static void record_locks_split_join_and_conflict(void **state)
{
	HANDLE file = opened(root, "locked", FILE_CREATE);
	static const char a, b;
	FSCTL_LX_RECORD_LOCK_BUFFER found;

	assert_status(lock(file, 6, &a, WRITE_LOCK, 0, 100, NULL), STATUS_SUCCESS);
	assert_errno(lock(file, 6, &b, READ_LOCK, 50, 1, NULL), EAGAIN);
	assert_status(lock(file, 6, &a, NO_LOCK, 40, 20, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 6, &b, READ_LOCK, 50, 1, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 5, &b, WRITE_LOCK, 0, 0, &found), STATUS_SUCCESS);
	assert_int_equal(found.Start, 0);
	assert_int_equal(found.Length, 40);
	assert_int_equal(found.Pid, 42);
	assert_status(lock(file, 6, &b, NO_LOCK, 0, 0, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 6, &a, WRITE_LOCK, 40, 20, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 5, &b, WRITE_LOCK, 99, 1, &found), STATUS_SUCCESS);
	assert_int_equal(found.Start, 0);
	assert_int_equal(found.Length, 100);
	assert_status(lock(file, 6, &a, NO_LOCK, 0, 0, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 5, &b, WRITE_LOCK, 0, 0, &found), STATUS_SUCCESS);
	assert_int_equal(found.Type, NO_LOCK);
	assert_errno(lock(file, 6, &a, WRITE_LOCK, -1, 1, NULL), EINVAL);
	assert_errno(lock(file, 6, &a, 7, 0, 1, NULL), EINVAL);
	NtClose(file);
	assert_status(remove_name(root, "locked", 0), STATUS_SUCCESS);
}

struct waiting {
	HANDLE file;
	const void *owner;
	LONGLONG start;
};

static void wait_for_lock(struct worker *worker)
{
	const struct waiting *waiting = worker->context;

	ob_set_current_table(test_table);
	worker->result = lock(waiting->file, 7, waiting->owner, WRITE_LOCK, waiting->start, 1, NULL);
}

static void a_waiter_gets_the_lock_and_a_circle_is_refused(void **state)
{
	HANDLE file = opened(root, "circle", FILE_CREATE);
	static const char a, b;
	struct waiting waiting = {file, &a, 1};
	struct worker worker;

	assert_status(lock(file, 6, &a, WRITE_LOCK, 0, 1, NULL), STATUS_SUCCESS);
	assert_status(lock(file, 6, &b, WRITE_LOCK, 1, 1, NULL), STATUS_SUCCESS);
	worker_start(&worker, wait_for_lock, &waiting);
	worker_wait_asleep(&worker);
	assert_errno(lock(file, 7, &b, WRITE_LOCK, 0, 1, NULL), EDEADLK);
	assert_status(lock(file, 6, &b, NO_LOCK, 1, 1, NULL), STATUS_SUCCESS);
	assert_status(worker_join(&worker), STATUS_SUCCESS);
	NtClose(file);
	assert_status(remove_name(root, "circle", 0), STATUS_SUCCESS);
}

static NTSTATUS flock_handle(HANDLE file, ULONG operation)
{
	return control(file, FSCTL_LX_FLOCK, &operation, sizeof operation, NULL, 0);
}

static void whole_locks_go_with_their_file_object(void **state)
{
	HANDLE first = opened(root, "flock", FILE_CREATE), second = opened(root, "flock", FILE_OPEN);

	assert_status(flock_handle(first, 1), STATUS_SUCCESS);
	assert_status(flock_handle(second, 1), STATUS_SUCCESS);
	assert_errno(flock_handle(second, 2 | 4), EAGAIN);
	assert_status(flock_handle(first, 8), STATUS_SUCCESS);
	assert_status(flock_handle(second, 2), STATUS_SUCCESS);
	assert_errno(flock_handle(first, 1 | 4), EAGAIN);
	NtClose(second);
	assert_status(flock_handle(first, 1 | 4), STATUS_SUCCESS);
	assert_errno(flock_handle(first, 3), EINVAL);
	NtClose(first);
	assert_status(remove_name(root, "flock", 0), STATUS_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_made_found_and_removed),
		cmocka_unit_test(an_open_that_cannot_empty_the_file_fails_and_holds_nothing),
		cmocka_unit_test(directories_count_their_links_and_refuse_removal_when_full),
		cmocka_unit_test(symbolic_links_are_left_to_the_caller),
		cmocka_unit_test(data_is_kept_and_holes_read_as_zeroes),
		cmocka_unit_test(the_volume_has_an_end),
		cmocka_unit_test(rename_replaces_exchanges_and_refuses_circles),
		cmocka_unit_test(a_listing_survives_removal_under_way),
		cmocka_unit_test(a_section_maps_what_is_written),
		cmocka_unit_test(user_attributes_are_kept),
		cmocka_unit_test(names_have_an_end),
		cmocka_unit_test(attributes_and_long_targets_have_an_end),
		cmocka_unit_test(record_locks_split_join_and_conflict),
		cmocka_unit_test(a_waiter_gets_the_lock_and_a_circle_is_refused),
		cmocka_unit_test(whole_locks_go_with_their_file_object),
	};

	return cmocka_run_group_tests_name("tmpfs", tests, start, stop_executive);
}
