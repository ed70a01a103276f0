/* Descriptor tables, path walks and guest strings of the LX subsystem, with allocations that fail. */
#include "failing.h"
#include "lx_fixture.h"

#include <descriptor/fd.h>
#include <path/fs.h>
#include <path/path.h>

static int64_t open_at(struct lx_fixture *fixture, const char *path, uint32_t flags, HANDLE *handle)
{
	struct lx_path_open open = {.dirfd = LX_AT_FDCWD, .path = path, .flags = flags, .mode = 0600};

	return lx_path_open(&fixture->call, &open, handle);
}

/* Opens and closes: 0 or -errno. */
static int64_t try_open(struct lx_fixture *fixture, const char *path, uint32_t flags)
{
	HANDLE handle;
	int64_t result = open_at(fixture, path, flags, &handle);

	if (result == 0)
		ZwClose(handle);
	else
		assert_null(handle);
	return result;
}

static int64_t open_descriptor(struct lx_fixture *fixture)
{
	HANDLE handle;

	assert_int_equal(open_at(fixture, ".", LX_O_RDONLY, &handle), 0);
	return lx_fd_install(&fixture->call, handle, false, 0);
}

static void descriptors_are_the_lowest_free(void **state)
{
	struct lx_fixture *fixture = *state;

	for (int i = 0; i < 200; i++)
		assert_int_equal(open_descriptor(fixture), i);
	assert_int_equal(lx_fd_close(&fixture->call, 130), 0);
	assert_int_equal(lx_fd_close(&fixture->call, 3), 0);
	assert_int_equal(lx_fd_close(&fixture->call, 3), -LX_EBADF);
	assert_int_equal(open_descriptor(fixture), 3);
	assert_int_equal(open_descriptor(fixture), 130);
	assert_int_equal(open_descriptor(fixture), 200);
	assert_int_equal(lx_fd_duplicate(&fixture->call, 5, 300, false), 300);
	assert_int_equal(lx_fd_duplicate(&fixture->call, 5, 300, false), 301);
	assert_int_equal(lx_fd_duplicate(&fixture->call, 5, 0, false), 201);
}

static void a_reserved_descriptor_is_not_open(void **state)
{
	struct lx_fixture *fixture = *state;
	HANDLE handle;

	assert_int_equal(lx_fd_reserve(&fixture->call, 0, false), 0);
	assert_int_equal(lx_fd_handle(&fixture->call, 0, true, &handle), -LX_EBADF);
	assert_int_equal(lx_fd_close(&fixture->call, 0), -LX_EBADF);
	assert_int_equal(open_descriptor(fixture), 1);
	assert_int_equal(lx_fd_duplicate_to(&fixture->call, 1, 0, false), -LX_EBUSY);
	lx_fd_release(&fixture->call, 0);
	assert_int_equal(open_descriptor(fixture), 0);
}

static void a_full_table_consumes_the_handle(void **state)
{
	struct lx_fixture *fixture = *state;
	size_t handles;

	fixture->process.limits[LX_RLIMIT_NOFILE].rlim_cur = 2;
	assert_int_equal(open_descriptor(fixture), 0);
	assert_int_equal(open_descriptor(fixture), 1);
	handles = lx_fixture_handles(lx_files_handles(fixture->thread.files));
	assert_int_equal(open_descriptor(fixture), -LX_EMFILE);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), handles);
	assert_int_equal(lx_fd_duplicate_to(&fixture->call, 0, 2, false), -LX_EBADF);
}

static void a_copy_has_the_descriptors_and_nothing_under_way(void **state)
{
	struct lx_fixture *fixture = *state;
	struct lx_files *copy;
	HANDLE stray;

	assert_int_equal(open_descriptor(fixture), 0);
	assert_int_equal(open_descriptor(fixture), 1);
	assert_int_equal(lx_fd_reserve(&fixture->call, 0, false), 2);
	assert_int_equal(open_at(fixture, ".", LX_O_RDONLY, &stray), 0);
	copy = lx_files_clone(fixture->thread.files);
	assert_non_null(copy);
	assert_int_equal(lx_fixture_handles(lx_files_handles(copy)), 2);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), 3);
	lx_fd_release(&fixture->call, 2);
	ZwClose(stray);

	struct lx_files *own = fixture->thread.files;

	fixture->thread.files = copy;
	ob_set_current_table(lx_files_handles(copy));
	assert_int_equal(open_descriptor(fixture), 2);
	fixture->thread.files = own;
	ob_set_current_table(lx_files_handles(own));
	lx_files_dereference(copy);
}

static void close_on_exec_leaves_a_shared_table_alone(void **state)
{
	struct lx_fixture *fixture = *state;
	struct lx_files *shared = lx_files_reference(fixture->thread.files);

	assert_int_equal(open_descriptor(fixture), 0);
	assert_int_equal(lx_fd_duplicate(&fixture->call, 0, 0, true), 1);
	fail_allocation(1);
	assert_false(lx_files_close_on_exec(&fixture->call));
	allocation_failed();
	assert_ptr_equal(fixture->thread.files, shared);
	assert_true(lx_files_close_on_exec(&fixture->call));
	assert_ptr_not_equal(fixture->thread.files, shared);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), 1);
	assert_int_equal(lx_fixture_handles(lx_files_handles(shared)), 2);
	lx_files_dereference(shared);
}

static void copying_survives_failed_allocations(void **state)
{
	struct lx_fixture *fixture = *state;
	unsigned failures = 0;

	for (int i = 0; i < 70; i++)
		open_descriptor(fixture);
	for (unsigned n = 1; n < 50; n++) {
		struct lx_files *copy;

		fail_allocation(n);
		copy = lx_files_clone(fixture->thread.files);
		allocation_failed();
		failures += !copy;
		if (copy)
			lx_files_dereference(copy);
	}
	assert_true(failures >= 2);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), 70);
}

static void growing_survives_failed_allocations(void **state)
{
	struct lx_fixture *fixture = *state;

	for (int i = 0; i < 64; i++)
		open_descriptor(fixture);
	fail_allocation(1);
	assert_int_equal(lx_fd_reserve(&fixture->call, 0, false), -LX_ENOMEM);
	allocation_failed();
	assert_int_equal(lx_fd_reserve(&fixture->call, 0, false), 64);
}

static void walks_survive_failed_allocations(void **state)
{
	struct lx_fixture *fixture = *state;
	unsigned failures = 0;
	size_t kernel = lx_fixture_handles(ob_kernel_table());

	assert_int_equal(mkdir(lx_fixture_path(fixture, "real"), 0755), 0);
	lx_fixture_file(fixture, "real/file");
	assert_int_equal(symlink("real", lx_fixture_path(fixture, "link")), 0);
	assert_int_equal(symlink("../link/file", lx_fixture_path(fixture, "real/again")), 0);
	for (unsigned n = 1; n < 40; n++) {
		int64_t result;

		fail_allocation(n);
		result = try_open(fixture, "link/../link/again", LX_O_RDONLY);
		allocation_failed();
		assert_true(result == 0 || result == -LX_ENOMEM);
		failures += result != 0;
	}
	assert_true(failures >= 3);
	assert_int_equal(try_open(fixture, "link/../link/again", LX_O_RDONLY), 0);
	assert_int_equal(lx_fixture_handles(ob_kernel_table()), kernel);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), 0);
}

/* Links that are each within PATH_MAX, and together far beyond it. */
static void expansions_may_exceed_a_path(void **state)
{
	struct lx_fixture *fixture = *state;
	char target[4000] = "";
	size_t size = 0;

	assert_int_equal(mkdir(lx_fixture_path(fixture, "d"), 0755), 0);
	for (int i = 0; i < 780; i++)
		size += (size_t)sprintf(target + size, "d/..%s", i < 779 ? "/" : "");
	assert_int_equal(symlink(target, lx_fixture_path(fixture, "long")), 0);
	lx_fixture_file(fixture, "end");
	assert_int_equal(try_open(fixture, "long/long/long/end", LX_O_RDONLY), 0);
	assert_int_equal(try_open(fixture, "long/long/long/end/", LX_O_RDONLY), -LX_ENOTDIR);
	assert_int_equal(try_open(fixture, "long/long/missing", LX_O_RDONLY), -LX_ENOENT);
}

/* A directory deeper than PATH_MAX is reached through links that each go part of the way. */
static void names_longer_than_a_path_are_walked_in_parts(void **state)
{
	struct lx_fixture *fixture = *state;
	char component[201], part[2048] = "";
	int top = open(fixture->scratch, O_RDONLY | O_DIRECTORY), fd = dup(top);

	memset(component, 'x', 200);
	component[200] = 0;
	for (int i = 0; i < 9; i++)
		sprintf(part + strlen(part), "%s%s", i ? "/" : "", component);
	for (int level = 0; level < 3; level++) {
		for (int i = 0; i < 9; i++) {
			int next;

			assert_int_equal(mkdirat(fd, component, 0755), 0);
			next = openat(fd, component, O_RDONLY | O_DIRECTORY);
			close(fd);
			fd = next;
		}
		if (level < 2)
			assert_int_equal(symlinkat(part, fd, "on"), 0);
	}
	close(openat(fd, "bottom", O_CREAT | O_RDWR, 0600));
	assert_int_equal(symlinkat(part, top, "on"), 0);
	assert_int_equal(try_open(fixture, "on/on/on/bottom", LX_O_RDONLY), 0);
	assert_int_equal(try_open(fixture, "on/on/on/../on", LX_O_RDONLY), -LX_ENOENT);
	close(fd);
	/* nftw() does not reach that deep. */
	for (int level = 2; level >= 0; level--) {
		for (int i = 9; i > 0; i--) {
			fd = dup(top);
			for (int step = 0; step < level * 9 + i - 1; step++) {
				int next = openat(fd, component, O_RDONLY | O_DIRECTORY);

				close(fd);
				fd = next;
			}
			unlinkat(fd, "on", 0);
			int deepest = openat(fd, component, O_RDONLY | O_DIRECTORY);

			unlinkat(deepest, "bottom", 0);
			unlinkat(deepest, "on", 0);
			close(deepest);
			assert_int_equal(unlinkat(fd, component, AT_REMOVEDIR), 0);
			close(fd);
		}
	}
	close(top);
}

static struct lx_directory *directory_at(struct lx_fixture *fixture, const char *path)
{
	HANDLE handle, kernel = NULL;
	struct io_file *file;

	assert_int_equal(open_at(fixture, path, LX_O_PATH | LX_O_DIRECTORY, &handle), 0);
	assert_success(io_reference_file(handle, 0, &file));
	assert_success(ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, file->access, &kernel));
	ob_dereference(file);
	ZwClose(handle);
	return lx_directory_create(kernel);
}

static void a_changed_root_is_not_left(void **state)
{
	struct lx_fixture *fixture = *state;
	char path[64];

	assert_int_equal(mkdir(lx_fixture_path(fixture, "jail"), 0755), 0);
	assert_int_equal(mkdir(lx_fixture_path(fixture, "jail/in"), 0755), 0);
	lx_fixture_file(fixture, "outside");
	lx_fixture_file(fixture, "jail/inside");
	assert_int_equal(symlink("/inside", lx_fixture_path(fixture, "jail/absolute")), 0);
	assert_int_equal(symlink("../../../outside", lx_fixture_path(fixture, "jail/in/escape")), 0);
	lx_fs_set_root(fixture->thread.fs, directory_at(fixture, "jail"));
	assert_int_equal(try_open(fixture, "/outside", LX_O_RDONLY), -LX_ENOENT);
	assert_int_equal(try_open(fixture, "/../outside", LX_O_RDONLY), -LX_ENOENT);
	assert_int_equal(try_open(fixture, "/in/../../outside", LX_O_RDONLY), -LX_ENOENT);
	assert_int_equal(try_open(fixture, "/in/escape", LX_O_RDONLY), -LX_ENOENT);
	assert_int_equal(try_open(fixture, "/../in/../inside", LX_O_RDONLY), 0);
	assert_int_equal(try_open(fixture, "/absolute", LX_O_RDONLY), 0);
	assert_int_equal(try_open(fixture, "/dev/null", LX_O_RDONLY), -LX_ENOENT);
	/* The working directory still lies outside. */
	assert_int_equal(try_open(fixture, "outside", LX_O_RDONLY), 0);
	assert_true(lx_fs_working_directory(fixture->thread.fs, path, sizeof(path)) > 0);
	assert_memory_equal(path, "(unreachable)/", 14);
	lx_fs_set_working(fixture->thread.fs, directory_at(fixture, "/in"));
	assert_int_equal(lx_fs_working_directory(fixture->thread.fs, path, sizeof(path)), 4);
	assert_string_equal(path, "/in");
	assert_int_equal(try_open(fixture, "../../../outside", LX_O_RDONLY), -LX_ENOENT);
	assert_int_equal(try_open(fixture, "../inside", LX_O_RDONLY), 0);
	assert_int_equal(lx_fs_working_directory(fixture->thread.fs, path, 3), -LX_ERANGE);
}

static void mounts_are_crossed_both_ways(void **state)
{
	struct lx_fixture *fixture = *state;

	assert_int_equal(try_open(fixture, "/dev/null", LX_O_RDWR), 0);
	assert_int_equal(try_open(fixture, "/dev/../dev/./null", LX_O_RDWR), 0);
	assert_int_equal(try_open(fixture, "/dev/shm/../null", LX_O_RDWR), 0);
	assert_int_equal(try_open(fixture, "/dev/shm/../../etc/passwd", LX_O_RDONLY), 0);
	assert_int_equal(try_open(fixture, "/etc/../dev/null/", LX_O_RDONLY), -LX_ENOTDIR);
	assert_int_equal(try_open(fixture, "../../../dev/null", LX_O_RDWR), 0);
	lx_fs_set_working(fixture->thread.fs, directory_at(fixture, "/dev"));
	assert_int_equal(try_open(fixture, "null", LX_O_RDWR), 0);
	assert_int_equal(try_open(fixture, "shm/../null", LX_O_RDWR), 0);
	assert_int_equal(try_open(fixture, "../etc/passwd", LX_O_RDONLY), 0);
	lx_fs_set_working(fixture->thread.fs, directory_at(fixture, "/dev/shm"));
	assert_int_equal(try_open(fixture, "../null", LX_O_RDWR), 0);
	lx_fs_set_working(fixture->thread.fs, directory_at(fixture, "/"));
	assert_int_equal(try_open(fixture, "dev/null", LX_O_RDWR), 0);
}

static void executables_are_regular_and_executable(void **state)
{
	struct lx_fixture *fixture = *state;
	char resolved[LX_PATH_MAX], expected[128];
	HANDLE handle;

	lx_fixture_file(fixture, "plain");
	lx_fixture_file(fixture, "program");
	chmod(lx_fixture_path(fixture, "program"), 0755);
	assert_int_equal(symlink("program", lx_fixture_path(fixture, "link")), 0);
	assert_int_equal(mkfifo(lx_fixture_path(fixture, "fifo"), 0777), 0);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, "plain", 0, &handle, resolved, sizeof(resolved)),
			 -LX_EACCES);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, ".", 0, &handle, resolved, sizeof(resolved)),
			 -LX_EACCES);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, "fifo", 0, &handle, resolved, sizeof(resolved)),
			 -LX_EACCES);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, "", 0, &handle, resolved, sizeof(resolved)),
			 -LX_ENOENT);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, "link", LX_AT_SYMLINK_NOFOLLOW, &handle, resolved,
						 sizeof(resolved)),
			 -LX_ELOOP);
	assert_int_equal(lx_path_open_executable(&fixture->call, LX_AT_FDCWD, "link", 0, &handle, resolved, sizeof(resolved)), 0);
	ZwClose(handle);
	snprintf(expected, sizeof(expected), "%s/program", fixture->scratch);
	assert_string_equal(resolved, expected);
}

static void strings_end_where_memory_does(void **state)
{
	struct lx_fixture *fixture = *state;
	struct process_fixture *base = fixture->base;
	uint64_t area = fixture_map(base->space, 0, 2 * LX_PAGE_SIZE, MM_PROT_READ | MM_PROT_WRITE, false);
	char text[LX_PATH_MAX], data[64];

	memset(text, 'a', sizeof(text));
	assert_int_equal(mm_copy_to(base->space, area, text, LX_PAGE_SIZE), LX_PAGE_SIZE);
	assert_int_equal(mm_copy_to(base->space, area + LX_PAGE_SIZE, text, LX_PAGE_SIZE), LX_PAGE_SIZE);
	assert_int_equal(mm_copy_to(base->space, area + 2 * LX_PAGE_SIZE - 1, "", 1), 1);
	assert_int_equal(lx_copy_in_string(&fixture->call, data, lx_uptr(area + 2 * LX_PAGE_SIZE - 10), sizeof(data)), 9);
	assert_int_equal(lx_copy_in_string(&fixture->call, data, lx_uptr(area), sizeof(data)), -LX_ENAMETOOLONG);
	assert_int_equal(lx_copy_in_string(&fixture->call, text, lx_uptr(area + LX_PAGE_SIZE + 1), sizeof(text)),
			 LX_PAGE_SIZE - 2);
	assert_int_equal(lx_copy_in_path(&fixture->call, text, lx_uptr(area + 2 * LX_PAGE_SIZE - 1), false), -LX_ENOENT);
	assert_int_equal(lx_copy_in_path(&fixture->call, text, lx_uptr(area + 2 * LX_PAGE_SIZE - 1), true), 0);
	assert_int_equal(mm_copy_to(base->space, area + 2 * LX_PAGE_SIZE - 1, "x", 1), 1);
	assert_int_equal(lx_copy_in_string(&fixture->call, data, lx_uptr(area + 2 * LX_PAGE_SIZE - 10), sizeof(data)), -LX_EFAULT);
	assert_int_equal(lx_copy_in_string(&fixture->call, data, lx_uptr(UINT64_MAX - 3), sizeof(data)), -LX_EFAULT);
	assert_int_equal(lx_copy_in_string(&fixture->call, data, lx_uptr(0), sizeof(data)), -LX_EFAULT);
}

static void umasks_and_directories_are_copied_by_fork(void **state)
{
	struct lx_fixture *fixture = *state;
	struct lx_fs *copy;
	char path[64];

	assert_int_equal(mkdir(lx_fixture_path(fixture, "d"), 0755), 0);
	lx_fs_set_umask(fixture->thread.fs, 0777077);
	copy = lx_fs_clone(fixture->thread.fs);
	assert_non_null(copy);
	lx_fs_set_umask(copy, 0);
	lx_fs_set_working(copy, directory_at(fixture, "d"));
	assert_int_equal(lx_fs_umask(fixture->thread.fs), 0077);
	assert_int_equal(lx_fs_working_directory(fixture->thread.fs, path, sizeof(path)), (int64_t)strlen(fixture->scratch) + 1);
	assert_int_equal(rmdir(lx_fixture_path(fixture, "d")), 0);
	assert_int_equal(lx_fs_working_directory(copy, path, sizeof(path)), -LX_ENOENT);
	lx_fs_dereference(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lx_fixture_test(descriptors_are_the_lowest_free),
		lx_fixture_test(a_reserved_descriptor_is_not_open),
		lx_fixture_test(a_full_table_consumes_the_handle),
		lx_fixture_test(a_copy_has_the_descriptors_and_nothing_under_way),
		lx_fixture_test(close_on_exec_leaves_a_shared_table_alone),
		lx_fixture_test(copying_survives_failed_allocations),
		lx_fixture_test(growing_survives_failed_allocations),
		lx_fixture_test(walks_survive_failed_allocations),
		lx_fixture_test(expansions_may_exceed_a_path),
		lx_fixture_test(names_longer_than_a_path_are_walked_in_parts),
		lx_fixture_test(a_changed_root_is_not_left),
		lx_fixture_test(mounts_are_crossed_both_ways),
		lx_fixture_test(executables_are_regular_and_executable),
		lx_fixture_test(strings_end_where_memory_does),
		lx_fixture_test(umasks_and_directories_are_copied_by_fork),
	};

	return cmocka_run_group_tests(tests, lx_fixture_start, NULL);
}
