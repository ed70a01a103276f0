/*
 * hostfs: opening, names, links and attributes. With LXRUN_FORCE_FALLBACKS=1 the same holds without openat2; the test
 * runs itself once more that way.
 */
#include "io_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static NTSTATUS open_simple(const char *name, ACCESS_MASK access, ULONG options)
{
	HANDLE handle = NULL;
	NTSTATUS status = open_file((struct open_request){.name = name, .access = access, .options = options}, &handle);

	if (handle)
		NtClose(handle);
	return status;
}

static NTSTATUS open_linux(const char *name, ULONG flags, ULONG disposition, HANDLE *handle)
{
	struct lx_open_packet packet = {.Flags = flags, .Mode = 0600};
	ACCESS_MASK access = FILE_READ_ATTRIBUTES | SYNCHRONIZE;

	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR)
		access |= FILE_READ_DATA;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR)
		access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	return open_file(
	    (struct open_request){.name = name, .access = access, .disposition = disposition, .packet = &packet},
	    handle);
}

/* The status of a Linux open; nothing stays open. */
static NTSTATUS try_linux(const char *name, ULONG flags, ULONG disposition)
{
	HANDLE handle = NULL;
	NTSTATUS status = open_linux(name, flags, disposition, &handle);

	if (handle)
		NtClose(handle);
	return status;
}

static int make_tree(void **state)
{
	mkdir(host_path("dir"), 0755);
	write_host_file("file", "content");
	write_host_file("dir/inner", "inner");
	assert_int_equal(symlink("file", host_path("link")), 0);
	assert_int_equal(symlink("dir", host_path("dirlink")), 0);
	assert_int_equal(symlink("nowhere", host_path("dangling")), 0);
	return 0;
}

static void plain_opens_give_linux_errnos(void **state)
{
	assert_status(open_simple("file", FILE_GENERIC_READ, 0), STATUS_SUCCESS);
	assert_status(open_simple("dir/inner", FILE_GENERIC_READ, 0), STATUS_SUCCESS);
	assert_errno(open_simple("missing", FILE_GENERIC_READ, 0), ENOENT);
	assert_errno(open_simple("missing/x", FILE_GENERIC_READ, 0), ENOENT);
	assert_errno(open_simple("file/x", FILE_GENERIC_READ, 0), ENOTDIR);
	assert_errno(open_simple("file/", FILE_GENERIC_READ, 0), ENOTDIR);
	assert_errno(open_simple("file", FILE_GENERIC_READ, FILE_DIRECTORY_FILE), ENOTDIR);
	assert_errno(open_simple("dir", FILE_GENERIC_READ | FILE_GENERIC_WRITE, 0), EISDIR);
	assert_errno(open_simple("dir", FILE_GENERIC_READ, FILE_NON_DIRECTORY_FILE), EISDIR);
	assert_status(open_simple("dir/", FILE_GENERIC_READ, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
	assert_status(open_simple(".", FILE_GENERIC_READ, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
}

static void names_too_long_are_refused(void **state)
{
	char name[4200];

	memset(name, 'a', sizeof(name));
	name[256] = 0;
	assert_errno(open_simple(name, FILE_GENERIC_READ, 0), ENAMETOOLONG);
	name[256] = 'a';
	name[sizeof(name) - 1] = 0;
	assert_errno(open_simple(name, FILE_GENERIC_READ, 0), ENAMETOOLONG);
}

static void link_on_the_way_or_at_the_end_is_the_callers_to_follow(void **state)
{
	assert_status(open_simple("link", FILE_GENERIC_READ, 0), STATUS_REPARSE);
	assert_status(open_simple("dirlink/inner", FILE_GENERIC_READ, 0), STATUS_REPARSE);
	assert_status(open_simple("dirlink/", FILE_GENERIC_READ, 0), STATUS_REPARSE);
	assert_status(open_simple("dirlink/inner", FILE_READ_ATTRIBUTES, FILE_OPEN_REPARSE_POINT), STATUS_REPARSE);
	assert_status(open_simple("dirlink/", FILE_READ_ATTRIBUTES, FILE_OPEN_REPARSE_POINT), STATUS_REPARSE);
	assert_status(try_linux("dangling", O_RDWR | O_CREAT, FILE_OPEN_IF), STATUS_REPARSE);
	assert_errno(try_linux("dangling", O_RDWR | O_CREAT | O_EXCL, FILE_CREATE), EEXIST);
	assert_status(try_linux("dirlink/x", O_RDWR | O_CREAT | O_EXCL, FILE_CREATE), STATUS_REPARSE);
}

static void nofollow_stops_at_the_last_link_alone(void **state)
{
	assert_errno(try_linux("link", O_RDONLY | O_NOFOLLOW, FILE_OPEN), ELOOP);
	assert_status(try_linux("dirlink/inner", O_RDONLY | O_NOFOLLOW, FILE_OPEN), STATUS_REPARSE);
	assert_errno(try_linux("dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, FILE_OPEN), ENOTDIR);
	assert_status(try_linux("file", O_RDONLY | O_NOFOLLOW, FILE_OPEN), STATUS_SUCCESS);
	assert_status(try_linux("link", O_PATH | O_NOFOLLOW, FILE_OPEN), STATUS_SUCCESS);
	assert_status(try_linux("link", O_PATH, FILE_OPEN), STATUS_REPARSE);
}

static void reparse_point_shows_the_target(void **state)
{
	_Alignas(8) char data[64];
	REPARSE_DATA_BUFFER *reparse = (void *)data;
	FILE_LX_STATX_INFORMATION statx;
	IO_STATUS_BLOCK io;
	HANDLE link, file;

	assert_status(open_file((struct open_request){.name = "link", .options = FILE_OPEN_REPARSE_POINT}, &link),
		      STATUS_SUCCESS);
	assert_status(control(link, FSCTL_GET_REPARSE_POINT, NULL, 0, data, sizeof(data)), STATUS_SUCCESS);
	assert_int_equal(reparse->ReparseTag, IO_REPARSE_TAG_LX_SYMLINK);
	assert_int_equal(reparse->ReparseDataLength, 8);
	assert_memory_equal(reparse->DataBuffer + 4, "file", 4);
	assert_status(control(link, FSCTL_GET_REPARSE_POINT, NULL, 0, data, 15), STATUS_BUFFER_TOO_SMALL);
	assert_status(NtQueryInformationFile(link, &io, &statx, sizeof(statx), FileLxStatxInformation), STATUS_SUCCESS);
	assert_true(S_ISLNK(statx.Mode));
	file = must_open("file", FILE_GENERIC_READ, FILE_OPEN);
	assert_status(control(file, FSCTL_GET_REPARSE_POINT, NULL, 0, data, sizeof(data)), STATUS_NOT_A_REPARSE_POINT);
	NtClose(file);
	NtClose(link);
}

static void dot_dot_above_the_start_is_not_covered(void **state)
{
	HANDLE dir, above;

	assert_status(open_simple("../x", FILE_GENERIC_READ, 0), STATUS_PATH_NOT_COVERED);
	assert_status(open_simple("dir/../../x", FILE_GENERIC_READ, 0), STATUS_PATH_NOT_COVERED);
	assert_status(open_simple("dir/../file", FILE_GENERIC_READ, 0), STATUS_SUCCESS);
	assert_status(open_simple("dir/./inner", FILE_GENERIC_READ, 0), STATUS_SUCCESS);
	assert_status(open_simple("/etc/passwd", FILE_GENERIC_READ, 0), STATUS_PATH_NOT_COVERED);
	assert_status(open_file((struct open_request){.name = "dir"}, &dir), STATUS_SUCCESS);
	assert_status(open_file((struct open_request){.root = dir, .name = "../file"}, &above), STATUS_PATH_NOT_COVERED);
	assert_status(open_file((struct open_request){.root = dir, .name = "../.."}, &above), STATUS_PATH_NOT_COVERED);
	NtClose(dir);
}

/* Alone it is what the host says, as long as that lies beneath the device. */
static void dot_dot_alone_is_the_directory_above(void **state)
{
	FILE_LX_STATX_INFORMATION statx;
	struct stat expected;
	IO_STATUS_BLOCK io;
	HANDLE dir, above;

	assert_status(open_file((struct open_request){.name = "dir"}, &dir), STATUS_SUCCESS);
	assert_status(open_file((struct open_request){.root = dir, .name = ".."}, &above), STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(above, &io, &statx, sizeof(statx), FileLxStatxInformation), STATUS_SUCCESS);
	assert_int_equal(stat(scratch, &expected), 0);
	assert_int_equal(statx.Inode, expected.st_ino);
	NtClose(above);
	NtClose(dir);
}

static void dispositions_create_truncate_and_refuse(void **state)
{
	struct stat status;
	HANDLE handle;

	assert_errno(try_linux("file", O_RDWR, FILE_CREATE), EEXIST);
	assert_status(try_linux("new", O_RDWR, FILE_CREATE), STATUS_SUCCESS);
	assert_int_equal(stat(host_path("new"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_status(try_linux("file", O_RDWR, FILE_OPEN_IF), STATUS_SUCCESS);
	assert_int_equal(stat(host_path("file"), &status), 0);
	assert_int_equal(status.st_size, 7);
	assert_status(try_linux("file", O_RDWR, FILE_OVERWRITE), STATUS_SUCCESS);
	assert_int_equal(stat(host_path("file"), &status), 0);
	assert_int_equal(status.st_size, 0);
	assert_errno(try_linux("absent", O_RDWR, FILE_OVERWRITE), ENOENT);
	assert_status(try_linux("absent", O_RDWR, FILE_OVERWRITE_IF), STATUS_SUCCESS);
	assert_errno(try_linux("slash/", O_RDWR, FILE_OPEN_IF), EISDIR);
	assert_status(
	    open_file((struct open_request){.name = "made", .disposition = FILE_CREATE, .options = FILE_DIRECTORY_FILE},
		      &handle),
	    STATUS_SUCCESS);
	NtClose(handle);
	assert_int_equal(stat(host_path("made"), &status), 0);
	assert_true(S_ISDIR(status.st_mode));
}

static void unnamed_file_has_no_name_until_it_is_linked(void **state)
{
	FSCTL_LX_LINK_NAME_INPUT link = {.Name = rtl_string("given")};
	HANDLE handle;

	assert_status(open_linux("dir", O_RDWR | O_TMPFILE, FILE_OPEN, &handle), STATUS_SUCCESS);
	assert_status(write_text(handle, "temporary", NULL), STATUS_SUCCESS);
	link.File = handle;
	assert_status(control(scratch_handle, FSCTL_LX_LINK_NAME, &link, sizeof(link), NULL, 0), STATUS_SUCCESS);
	assert_int_equal(access(host_path("given"), F_OK), 0);
	assert_errno(control(scratch_handle, FSCTL_LX_LINK_NAME, &link, sizeof(link), NULL, 0), EEXIST);
	NtClose(handle);
}

static void empty_name_opens_the_same_inode_anew(void **state)
{
	HANDLE first, second;
	char text[8];
	NTSTATUS status;

	assert_status(open_linux("file", O_RDONLY, FILE_OPEN, &first), STATUS_SUCCESS);
	assert_int_equal(unlink(host_path("file")), 0);
	assert_int_equal(read_text(first, text, 4, &status), 4);
	assert_status(
	    open_file(
		(struct open_request){.root = first, .name = "", .access = FILE_GENERIC_READ | FILE_GENERIC_WRITE},
		&second),
	    STATUS_SUCCESS);
	assert_int_equal(read_text(second, text, 8, &status), 7);
	assert_memory_equal(text, "content", 7);
	assert_status(write_text(second, "more", NULL), STATUS_SUCCESS);
	NtClose(second);
	NtClose(first);
}

static void descriptors_are_closed_on_exec_and_out_of_the_low_numbers(void **state)
{
	HANDLE handle = must_open("file", FILE_GENERIC_READ, FILE_OPEN);
	struct io_file *file;

	assert_status(io_reference_file(handle, 0, &file), STATUS_SUCCESS);
	assert_true(hostfs_descriptor(file) >= 10);
	assert_true(fcntl(hostfs_descriptor(file), F_GETFD) & FD_CLOEXEC);
	ob_dereference(file);
	NtClose(handle);
}

static NTSTATUS query_name_class(const char *text, ULONG attributes_flags, FILE_LX_STATX_INFORMATION *statx)
{
	STRING name = rtl_string(text);
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;

	InitializeObjectAttributes(&attributes, &name, attributes_flags, scratch_handle, NULL);
	return NtQueryInformationByName(&attributes, &io, statx, sizeof(*statx), FileLxStatxInformation);
}

static void query_by_name_equals_stat(void **state)
{
	FILE_LX_STATX_INFORMATION statx;
	struct stat host;

	assert_int_equal(stat(host_path("dir/inner"), &host), 0);
	assert_status(query_name_class("dir/inner", 0, &statx), STATUS_SUCCESS);
	assert_int_equal(statx.Inode, host.st_ino);
	assert_int_equal(statx.Size, host.st_size);
	assert_int_equal(statx.Mode, host.st_mode);
	assert_int_equal(statx.ModifyTime.Seconds, host.st_mtim.tv_sec);
	assert_int_equal(statx.ModifyTime.Nanoseconds, host.st_mtim.tv_nsec);
	assert_status(query_name_class("link", 0, &statx), STATUS_REPARSE);
	assert_status(query_name_class("link", OBJ_OPENLINK, &statx), STATUS_SUCCESS);
	assert_true(S_ISLNK(statx.Mode));
	assert_status(query_name_class("dirlink/inner", OBJ_OPENLINK, &statx), STATUS_REPARSE);
	assert_status(query_name_class("..", 0, &statx), STATUS_PATH_NOT_COVERED);
	assert_errno(query_name_class("file/.", 0, &statx), ENOTDIR);
	assert_errno(query_name_class("none", 0, &statx), ENOENT);
	assert_status(query_name_class("", 0, &statx), STATUS_SUCCESS);
	assert_true(S_ISDIR(statx.Mode));
}

static void name_is_the_hosts_current_one(void **state)
{
	_Alignas(8) char data[256];
	FILE_NAME_INFORMATION *name = (void *)data;
	HANDLE handle = must_open("file", FILE_GENERIC_READ, FILE_OPEN);
	IO_STATUS_BLOCK io;

	assert_int_equal(rename(host_path("file"), host_path("moved")), 0);
	assert_status(NtQueryInformationFile(handle, &io, data, sizeof(data), FileNameInformation), STATUS_SUCCESS);
	name->FileName[name->FileNameLength] = 0;
	assert_string_equal(name->FileName, host_path("moved"));
	assert_int_equal(unlink(host_path("moved")), 0);
	assert_status(NtQueryInformationFile(handle, &io, data, sizeof(data), FileNameInformation), STATUS_SUCCESS);
	name->FileName[name->FileNameLength] = 0;
	assert_non_null(strstr(name->FileName, "/moved (deleted)"));
	NtClose(handle);
}

static void device_with_a_root_shows_names_below_it(void **state)
{
	_Alignas(8) char data[256];
	FILE_NAME_INFORMATION *name = (void *)data;
	STRING text = rtl_string("\\Device\\Jail\\dir/inner");
	OBJECT_ATTRIBUTES attributes;
	struct io_device *device;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	assert_status(hostfs_create_device("\\Device\\Jail", scratch, &device), STATUS_SUCCESS);
	InitializeObjectAttributes(&attributes, &text, 0, NULL, NULL);
	assert_status(NtOpenFile(&handle, FILE_GENERIC_READ, &attributes, &io, 0, 0), STATUS_SUCCESS);
	assert_status(NtQueryInformationFile(handle, &io, data, sizeof(data), FileNameInformation), STATUS_SUCCESS);
	assert_int_equal(name->FileNameLength, strlen("/dir/inner"));
	assert_memory_equal(name->FileName, "/dir/inner", name->FileNameLength);
	NtClose(handle);
	text = rtl_string("\\Device\\Jail\\../../etc/passwd");
	assert_status(NtOpenFile(&handle, FILE_GENERIC_READ, &attributes, &io, 0, 0), STATUS_PATH_NOT_COVERED);
	ob_dereference(device);
}

static void mode_owner_and_times_change_the_host_file(void **state)
{
	ULONG mode = 0751;
	FILE_LX_OWNER_INFORMATION owner = {(ULONG)-1, (ULONG)-1};
	FILE_LX_TIMES_INFORMATION times = {.AccessTime = {.Flags = FILE_LX_TIME_OMIT},
					   .ModifyTime = {1000, 123456789, 0}};
	struct stat status;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	/* By a handle that only names the file, as chmod(2) by path does. */
	assert_status(open_linux("file", O_PATH, FILE_OPEN, &handle), STATUS_SUCCESS);
	assert_status(NtSetInformationFile(handle, &io, &mode, sizeof(mode), FileLxModeInformation), STATUS_SUCCESS);
	assert_status(NtSetInformationFile(handle, &io, &owner, sizeof(owner), FileLxOwnerInformation), STATUS_SUCCESS);
	assert_status(NtSetInformationFile(handle, &io, &times, sizeof(times), FileLxTimesInformation), STATUS_SUCCESS);
	assert_int_equal(stat(host_path("file"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0751);
	assert_int_equal(status.st_mtim.tv_sec, 1000);
	assert_int_equal(status.st_mtim.tv_nsec, 123456789);
	times.ModifyTime.Nanoseconds = 1000000000;
	assert_status(NtSetInformationFile(handle, &io, &times, sizeof(times), FileLxTimesInformation),
		      STATUS_INVALID_PARAMETER);
	times.ModifyTime.Nanoseconds = UTIME_NOW;
	assert_status(NtSetInformationFile(handle, &io, &times, sizeof(times), FileLxTimesInformation),
		      STATUS_INVALID_PARAMETER);
	NtClose(handle);
}

static void rename_by_names_has_linux_flags(void **state)
{
	FILE_LX_RENAME_INFORMATION change = {.OldName = rtl_string("file"), .NewName = rtl_string("inner")};
	IO_STATUS_BLOCK io;
	HANDLE dir;

	assert_status(open_file((struct open_request){.name = "dir", .options = FILE_DIRECTORY_FILE}, &dir),
		      STATUS_SUCCESS);
	change.RootDirectory = dir;
	change.Flags = 1; /* RENAME_NOREPLACE */
	assert_errno(NtSetInformationFile(scratch_handle, &io, &change, sizeof(change), FileLxRenameInformation),
		     EEXIST);
	change.Flags = 0;
	assert_status(NtSetInformationFile(scratch_handle, &io, &change, sizeof(change), FileLxRenameInformation),
		      STATUS_SUCCESS);
	assert_int_equal(access(host_path("file"), F_OK), -1);
	change.OldName = rtl_string("dir/inner");
	assert_status(NtSetInformationFile(scratch_handle, &io, &change, sizeof(change), FileLxRenameInformation),
		      STATUS_INVALID_PARAMETER);
	NtClose(dir);
}

static void rename_by_handle_finds_the_own_name(void **state)
{
	_Alignas(8) char data[64] = {0};
	FILE_RENAME_INFORMATION *change = (void *)data;
	HANDLE handle = must_open("file", FILE_GENERIC_READ | DELETE, FILE_OPEN);
	IO_STATUS_BLOCK io;

	change->FileNameLength = 3;
	memcpy(change->FileName, "dir", 3);
	assert_errno(NtSetInformationFile(handle, &io, data, sizeof(data), FileRenameInformationEx), EEXIST);
	memcpy(change->FileName, "new", 3);
	assert_status(NtSetInformationFile(handle, &io, data, sizeof(data), FileRenameInformationEx), STATUS_SUCCESS);
	assert_int_equal(access(host_path("new"), F_OK), 0);
	change->FileNameLength = 1000;
	assert_status(NtSetInformationFile(handle, &io, data, sizeof(data), FileRenameInformationEx),
		      STATUS_INFO_LENGTH_MISMATCH);
	NtClose(handle);
}

static void delete_pending_takes_effect_with_the_last_handle(void **state)
{
	BOOLEAN pending = 1;
	HANDLE handle = must_open("file", FILE_GENERIC_READ | DELETE, FILE_OPEN);
	IO_STATUS_BLOCK io;

	assert_status(NtSetInformationFile(handle, &io, &pending, sizeof(pending), FileDispositionInformation),
		      STATUS_SUCCESS);
	assert_int_equal(access(host_path("file"), F_OK), 0);
	NtClose(handle);
	assert_int_equal(access(host_path("file"), F_OK), -1);
}

static void nodes_are_made_and_removed_by_component(void **state)
{
	FSCTL_LX_MAKE_NODE_INPUT make = {.Mode = S_IFDIR | 0750, .Name = rtl_string("sub")};
	FSCTL_LX_REMOVE_NAME_INPUT cut = {.Directory = 1, .Name = rtl_string("sub")};
	struct stat status;

	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0), STATUS_SUCCESS);
	assert_int_equal(stat(host_path("sub"), &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0750);
	assert_errno(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0), EEXIST);
	assert_status(control(scratch_handle, FSCTL_LX_REMOVE_NAME, &cut, sizeof(cut), NULL, 0), STATUS_SUCCESS);
	make = (FSCTL_LX_MAKE_NODE_INPUT){.Mode = S_IFLNK, .Name = rtl_string("sym"), .Target = rtl_string("to/there")};
	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0), STATUS_SUCCESS);
	make = (FSCTL_LX_MAKE_NODE_INPUT){.Mode = S_IFIFO | 0600, .Name = rtl_string("fifo")};
	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0), STATUS_SUCCESS);
	make.Name = rtl_string("dir/escape");
	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0),
		      STATUS_INVALID_PARAMETER);
	make.Name = rtl_string("/abs");
	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0),
		      STATUS_INVALID_PARAMETER);
	make.Name = rtl_string("..");
	assert_errno(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make), NULL, 0), EEXIST);
	cut = (FSCTL_LX_REMOVE_NAME_INPUT){.Name = rtl_string("dirlink/inner")};
	assert_status(control(scratch_handle, FSCTL_LX_REMOVE_NAME, &cut, sizeof(cut), NULL, 0),
		      STATUS_INVALID_PARAMETER);
	assert_int_equal(access(host_path("dir/inner"), F_OK), 0);
	assert_status(control(scratch_handle, FSCTL_LX_MAKE_NODE, &make, sizeof(make) - 1, NULL, 0),
		      STATUS_INFO_LENGTH_MISMATCH);
}

static void executing_a_file_keeps_writers_out(void **state)
{
	HANDLE image = must_open("file", FILE_GENERIC_READ, FILE_OPEN), writer;
	struct hostfs_inode *first, *second;
	struct io_file *file;
	struct stat status;

	assert_status(io_reference_file(image, 0, &file), STATUS_SUCCESS);
	writer = must_open("file", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_errno(hostfs_deny_write(file, &first), ETXTBSY);
	NtClose(writer);
	assert_status(hostfs_deny_write(file, &first), STATUS_SUCCESS);
	assert_status(hostfs_deny_write(file, &second), STATUS_SUCCESS);
	assert_errno(try_linux("file", O_WRONLY, FILE_OPEN), ETXTBSY);
	assert_errno(try_linux("file", O_WRONLY, FILE_OVERWRITE), ETXTBSY);
	assert_errno(try_linux("file", O_RDONLY, FILE_OVERWRITE), ETXTBSY);
	assert_int_equal(stat(host_path("file"), &status), 0);
	assert_int_equal(status.st_size, 7);
	assert_status(try_linux("file", O_RDONLY, FILE_OPEN), STATUS_SUCCESS);
	assert_status(try_linux("dir/inner", O_WRONLY, FILE_OPEN), STATUS_SUCCESS);
	hostfs_allow_write(first);
	assert_errno(try_linux("file", O_WRONLY, FILE_OPEN), ETXTBSY);
	hostfs_allow_write(second);
	assert_status(try_linux("file", O_WRONLY, FILE_OPEN), STATUS_SUCCESS);
	hostfs_allow_write(NULL);
	ob_dereference(file);
	NtClose(image);
}

static void maximum_allowed_grants_what_the_host_grants(void **state)
{
	ACCESS_MASK granted;
	HANDLE handle;

	assert_status(open_file((struct open_request){.name = "file", .access = MAXIMUM_ALLOWED}, &handle),
		      STATUS_SUCCESS);
	assert_status(ob_handle_access(handle, &granted), STATUS_SUCCESS);
	assert_true(granted & FILE_WRITE_DATA);
	NtClose(handle);
	assert_status(open_file((struct open_request){.name = "dir", .access = MAXIMUM_ALLOWED}, &handle),
		      STATUS_SUCCESS);
	assert_status(ob_handle_access(handle, &granted), STATUS_SUCCESS);
	assert_false(granted & FILE_WRITE_DATA);
	assert_true(granted & FILE_READ_DATA);
	NtClose(handle);
}

static void access_control_answers_like_access(void **state)
{
	const ULONG read_write = R_OK | W_OK, execute = X_OK;
	HANDLE handle = must_open("file", FILE_READ_ATTRIBUTES, FILE_OPEN);

	assert_status(control(handle, FSCTL_LX_ACCESS, &read_write, sizeof(read_write), NULL, 0), STATUS_SUCCESS);
	assert_errno(control(handle, FSCTL_LX_ACCESS, &execute, sizeof(execute), NULL, 0), EACCES);
	NtClose(handle);
}

static void extended_attributes_round_trip(void **state)
{
	FSCTL_LX_SET_XATTR_INPUT set = {
	    .Flags = 1, .Name = rtl_string("user.key"), .Value = (PVOID)(uintptr_t) "value", .Size = 5};
	char data[64];
	NTSTATUS status;
	HANDLE handle = must_open("file", FILE_GENERIC_READ | FILE_WRITE_EA, FILE_OPEN);

	status = control(handle, FSCTL_LX_SET_XATTR, &set, sizeof(set), NULL, 0);
	if (status == STATUS_NOT_SUPPORTED) {
		NtClose(handle);
		skip();
	}
	assert_status(status, STATUS_SUCCESS);
	assert_errno(control(handle, FSCTL_LX_SET_XATTR, &set, sizeof(set), NULL, 0), EEXIST);
	memset(data, 0, sizeof(data));
	assert_status(control(handle, FSCTL_LX_GET_XATTR, "user.key", 9, data, sizeof(data)), STATUS_SUCCESS);
	assert_memory_equal(data, "value\0", 6);
	assert_errno(control(handle, FSCTL_LX_GET_XATTR, "user.key", 9, data, 2), ERANGE);
	assert_errno(control(handle, FSCTL_LX_GET_XATTR, "user.none", 10, data, 2), ENODATA);
	assert_status(control(handle, FSCTL_LX_LIST_XATTR, NULL, 0, data, sizeof(data)), STATUS_SUCCESS);
	assert_memory_equal(data, "user.key", 9);
	assert_status(control(handle, FSCTL_LX_REMOVE_XATTR, "user.key", 9, NULL, 0), STATUS_SUCCESS);
	assert_errno(control(handle, FSCTL_LX_REMOVE_XATTR, "user.key", 9, NULL, 0), ENODATA);
	NtClose(handle);
}

static void nt_attributes_are_kept_in_the_user_namespace(void **state)
{
	_Alignas(4) char data[64] = {0}, back[64];
	FILE_FULL_EA_INFORMATION *ea = (void *)data, *got = (void *)back;
	HANDLE handle = must_open("file", FILE_ALL_ACCESS, FILE_OPEN);
	IO_STATUS_BLOCK io;
	NTSTATUS status;

	ea->EaNameLength = 6;
	ea->EaValueLength = 4;
	memcpy(ea->EaName, "$LXUID\0\1\2\3\4", 11);
	status = NtSetEaFile(handle, &io, data, sizeof(data));
	if (status == STATUS_NOT_SUPPORTED) {
		NtClose(handle);
		skip();
	}
	assert_status(status, STATUS_SUCCESS);
	assert_status(NtQueryEaFile(handle, &io, back, sizeof(back), 0, NULL, 0, NULL, 1), STATUS_SUCCESS);
	assert_int_equal(got->EaNameLength, 6);
	assert_int_equal(got->EaValueLength, 4);
	assert_memory_equal(got->EaName, "$LXUID\0\1\2\3\4", 11);
	assert_status(NtQueryEaFile(handle, &io, back, 16, 0, NULL, 0, NULL, 1), STATUS_BUFFER_OVERFLOW);
	ea->EaValueLength = 0;
	assert_status(NtSetEaFile(handle, &io, data, sizeof(data)), STATUS_SUCCESS);
	assert_status(NtQueryEaFile(handle, &io, back, sizeof(back), 0, NULL, 0, NULL, 1), STATUS_NO_EAS_ON_FILE);
	ea->EaNameLength = 255;
	assert_status(NtSetEaFile(handle, &io, data, sizeof(data)), STATUS_EA_LIST_INCONSISTENT);
	NtClose(handle);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_tree, clear_scratch)

/* Once more without openat2, in a process of its own. */
static int run_with_fallbacks(const char *program)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("LXRUN_FORCE_FALLBACKS", "1", 1);
		execl("/proc/self/exe", program, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(plain_opens_give_linux_errnos),
	    TEST(names_too_long_are_refused),
	    TEST(link_on_the_way_or_at_the_end_is_the_callers_to_follow),
	    TEST(nofollow_stops_at_the_last_link_alone),
	    TEST(reparse_point_shows_the_target),
	    TEST(dot_dot_above_the_start_is_not_covered),
	    TEST(dot_dot_alone_is_the_directory_above),
	    TEST(dispositions_create_truncate_and_refuse),
	    TEST(unnamed_file_has_no_name_until_it_is_linked),
	    TEST(empty_name_opens_the_same_inode_anew),
	    TEST(descriptors_are_closed_on_exec_and_out_of_the_low_numbers),
	    TEST(query_by_name_equals_stat),
	    TEST(name_is_the_hosts_current_one),
	    TEST(device_with_a_root_shows_names_below_it),
	    TEST(mode_owner_and_times_change_the_host_file),
	    TEST(rename_by_names_has_linux_flags),
	    TEST(rename_by_handle_finds_the_own_name),
	    TEST(delete_pending_takes_effect_with_the_last_handle),
	    TEST(nodes_are_made_and_removed_by_component),
	    TEST(executing_a_file_keeps_writers_out),
	    TEST(maximum_allowed_grants_what_the_host_grants),
	    TEST(access_control_answers_like_access),
	    TEST(extended_attributes_round_trip),
	    TEST(nt_attributes_are_kept_in_the_user_namespace),
	};
	int failed = cmocka_run_group_tests(tests, start_executive, stop_executive);

	if (!failed && !getenv("LXRUN_FORCE_FALLBACKS"))
		failed = run_with_fallbacks(argv[0]);
	return failed;
}
