/* hostfs: flock, locks of the description, and POSIX record locks of several owners, which are host locks too. */
#include "io_fixture.h"

#include <sys/file.h>
#include <sys/wait.h>

static int owner_a, owner_b, owner_c;

static HANDLE open_locked_file(void)
{
	return must_open("f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
}

static int make_file(void **state)
{
	write_host_file("f", "0123456789");
	return 0;
}

static NTSTATUS lock_range(HANDLE handle, void *owner, ULONG command, SHORT type, LONGLONG start, LONGLONG length)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {.Command = command,
					    .Owner = owner,
					    .Type = type,
					    .Start = start,
					    .Length = length,
					    .Pid = (LONG)((int *)owner - &owner_a) + 100};

	return control(handle, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock));
}

static FSCTL_LX_RECORD_LOCK_BUFFER test_range(HANDLE handle, void *owner, SHORT type, LONGLONG start, LONGLONG length)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {
	    .Command = F_GETLK, .Owner = owner, .Type = type, .Start = start, .Length = length, .Pid = 1};

	assert_status(control(handle, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock)), STATUS_SUCCESS);
	return lock;
}

/* Can a native process lock the bytes for writing? */
static bool host_can_lock(LONGLONG start, LONGLONG length)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = start, .l_len = length};
	int fd = open(host_path("f"), O_RDWR | O_CLOEXEC);
	bool can = fcntl(fd, F_OFD_SETLK, &lock) == 0;

	close(fd);
	return can;
}

static void record_lock_excludes_other_owners_and_native_programs(void **state)
{
	HANDLE handle = open_locked_file();

	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 2, 4), STATUS_SUCCESS);
	assert_errno(lock_range(handle, &owner_b, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	assert_status(lock_range(handle, &owner_b, F_SETLK, F_RDLCK, 6, 1), STATUS_SUCCESS);
	assert_false(host_can_lock(2, 1));
	assert_false(host_can_lock(6, 1));
	assert_true(host_can_lock(0, 2));
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	assert_true(host_can_lock(2, 4));
	assert_false(host_can_lock(6, 1));
	assert_status(lock_range(handle, &owner_b, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	assert_true(host_can_lock(0, 0));
	NtClose(handle);
}

static void own_locks_convert_split_and_merge(void **state)
{
	FSCTL_LX_RECORD_LOCK_BUFFER found;
	HANDLE handle = open_locked_file();

	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 0, 100), STATUS_SUCCESS);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_RDLCK, 40, 20), STATUS_SUCCESS);
	found = test_range(handle, &owner_b, F_WRLCK, 45, 1);
	assert_int_equal(found.Type, F_RDLCK);
	assert_int_equal(found.Start, 40);
	assert_int_equal(found.Length, 20);
	found = test_range(handle, &owner_b, F_RDLCK, 30, 100);
	assert_int_equal(found.Type, F_WRLCK);
	assert_int_equal(found.Start, 0);
	assert_int_equal(found.Length, 40);
	assert_int_equal(found.Pid, 100);
	assert_int_equal(test_range(handle, &owner_b, F_RDLCK, 45, 1).Type, F_UNLCK);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 40, 20), STATUS_SUCCESS);
	found = test_range(handle, &owner_b, F_RDLCK, 99, 1);
	assert_int_equal(found.Start, 0);
	assert_int_equal(found.Length, 100);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 10, 10), STATUS_SUCCESS);
	found = test_range(handle, &owner_b, F_RDLCK, 5, 50);
	assert_int_equal(found.Length, 10);
	found = test_range(handle, &owner_b, F_RDLCK, 15, 50);
	assert_int_equal(found.Start, 20);
	assert_int_equal(found.Length, 80);
	assert_true(host_can_lock(10, 10));
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	NtClose(handle);
}

static void lock_to_the_end_of_file_has_length_zero(void **state)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = {
	    .Command = F_SETLK, .Owner = &owner_a, .Type = F_WRLCK, .Whence = SEEK_END, .Start = -3};
	FSCTL_LX_RECORD_LOCK_BUFFER found;
	HANDLE handle = open_locked_file();

	assert_status(control(handle, FSCTL_LX_RECORD_LOCK, &lock, sizeof(lock), &lock, sizeof(lock)), STATUS_SUCCESS);
	found = test_range(handle, &owner_b, F_RDLCK, 0, 0);
	assert_int_equal(found.Start, 7);
	assert_int_equal(found.Length, 0);
	assert_int_equal(found.Whence, SEEK_SET);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	NtClose(handle);
}

static void ranges_that_linux_refuses_are_refused(void **state)
{
	HANDLE handle = open_locked_file(), reader = must_open("f", FILE_GENERIC_READ, FILE_OPEN);

	assert_errno(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	assert_errno(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 3, -5), EINVAL);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 3, -3), STATUS_SUCCESS);
	assert_int_equal(test_range(handle, &owner_b, F_RDLCK, 0, 0).Length, 3);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	assert_errno(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, INT64_MAX, 2), EOVERFLOW);
	assert_errno(lock_range(handle, &owner_a, F_SETLK, 9, 0, 2), EINVAL);
	assert_errno(lock_range(handle, &owner_a, F_GETLK, F_UNLCK, 0, 2), EINVAL);
	assert_errno(lock_range(handle, &owner_a, 99, F_WRLCK, 0, 2), EINVAL);
	assert_errno(lock_range(reader, &owner_a, F_SETLK, F_WRLCK, 0, 1), EBADF);
	assert_status(lock_range(reader, &owner_a, F_SETLK, F_UNLCK, 0, 1), STATUS_SUCCESS);
	NtClose(reader);
	NtClose(handle);
}

static void locks_of_one_owner_hold_through_any_handle(void **state)
{
	HANDLE first = open_locked_file(), second = open_locked_file();

	assert_status(lock_range(first, &owner_a, F_SETLK, F_WRLCK, 0, 5), STATUS_SUCCESS);
	assert_status(lock_range(second, &owner_a, F_SETLK, F_WRLCK, 3, 5), STATUS_SUCCESS);
	NtClose(first);
	assert_errno(lock_range(second, &owner_b, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	/* What close(2) of any descriptor does to the owner's locks. */
	assert_status(lock_range(second, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	assert_status(lock_range(second, &owner_b, F_SETLK, F_WRLCK, 0, 1), STATUS_SUCCESS);
	assert_status(lock_range(second, &owner_b, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	NtClose(second);
}

static void host_holder_is_seen_without_its_pid(void **state)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = 4, .l_len = 2};
	FSCTL_LX_RECORD_LOCK_BUFFER found;
	HANDLE handle = open_locked_file();
	int ready[2], hold[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready) | pipe(hold), 0);
	child = fork();
	if (child == 0) {
		int fd = open(host_path("f"), O_RDWR);

		fcntl(fd, F_SETLK, &lock);
		close(hold[1]);
		_exit(write(ready[1], "x", 1) != 1 || read(hold[0], &byte, 1) != 0);
	}
	close(hold[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	found = test_range(handle, &owner_a, F_RDLCK, 0, 0);
	assert_int_equal(found.Type, F_WRLCK);
	assert_int_equal(found.Start, 4);
	assert_int_equal(found.Pid, 0);
	assert_errno(lock_range(handle, &owner_a, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	close(hold[1]);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	NtClose(handle);
}

struct waiter {
	void *owner;
	LONGLONG start;
	NTSTATUS status;
	bool unlock;
	struct kevent started, done;
	struct ke_thread *thread;
};

static void wait_for_range(void *argument)
{
	struct waiter *waiter = argument;
	char full[128];
	STRING name;
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	HANDLE handle;

	assert_status(ps_attach_system_thread(), STATUS_SUCCESS);
	waiter->thread = ke_current_thread();
	ob_reference(waiter->thread); /* for whoever alerts it */
	snprintf(full, sizeof(full), "\\Device\\HostFs\\%s/f", scratch + 1);
	name = rtl_string(full);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(NtOpenFile(&handle, FILE_GENERIC_READ | FILE_GENERIC_WRITE, &attributes, &io, 0, 0),
		      STATUS_SUCCESS);
	ke_set_event(&waiter->started);
	waiter->status = lock_range(handle, waiter->owner, F_SETLKW, F_WRLCK, waiter->start, 1);
	if (waiter->unlock)
		lock_range(handle, waiter->owner, F_SETLK, F_UNLCK, 0, 0);
	NtClose(handle);
	ps_detach_system_thread();
	ke_set_event(&waiter->done);
}

static void start_waiter(struct waiter *waiter)
{
	ke_initialize_event(&waiter->started, NotificationEvent, false);
	ke_initialize_event(&waiter->done, NotificationEvent, false);
	assert_int_equal(hal_thread_create(wait_for_range, waiter), 0);
	ke_wait_for_object(&waiter->started.header, false, NULL);
}

static void join_waiter(struct waiter *waiter)
{
	ke_wait_for_object(&waiter->done.header, false, NULL);
	ob_dereference(waiter->thread);
}

static void waiting_lock_is_granted_when_the_holder_lets_go(void **state)
{
	struct waiter waiter = {.owner = &owner_b, .unlock = true};
	HANDLE handle = open_locked_file();

	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 0, 1), STATUS_SUCCESS);
	start_waiter(&waiter);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 1), STATUS_SUCCESS);
	join_waiter(&waiter);
	assert_status(waiter.status, STATUS_SUCCESS);
	assert_true(host_can_lock(0, 1));
	NtClose(handle);
}

static void waiting_lock_is_interruptible_and_leaves_nothing(void **state)
{
	struct waiter waiter = {.owner = &owner_b};
	HANDLE handle = open_locked_file();

	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 0, 1), STATUS_SUCCESS);
	start_waiter(&waiter);
	ke_alert_thread(waiter.thread);
	join_waiter(&waiter);
	assert_status(waiter.status, STATUS_ALERTED);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 1), STATUS_SUCCESS);
	assert_true(host_can_lock(0, 1));
	NtClose(handle);
}

static void circle_of_waiters_is_a_deadlock(void **state)
{
	struct waiter waiter = {.owner = &owner_b, .start = 1, .unlock = true};
	HANDLE handle = open_locked_file();
	NTSTATUS status;

	assert_status(lock_range(handle, &owner_a, F_SETLK, F_WRLCK, 1, 1), STATUS_SUCCESS);
	assert_status(lock_range(handle, &owner_b, F_SETLK, F_WRLCK, 0, 1), STATUS_SUCCESS);
	start_waiter(&waiter);
	/* Whoever comes second to the wait is told; if the other thread is it, its unlock lets this one through. */
	status = lock_range(handle, &owner_a, F_SETLKW, F_WRLCK, 0, 1);
	if (status != STATUS_SUCCESS)
		assert_errno(status, EDEADLK);
	assert_status(lock_range(handle, &owner_a, F_SETLK, F_UNLCK, 0, 0), STATUS_SUCCESS);
	join_waiter(&waiter);
	if (status == STATUS_SUCCESS)
		assert_errno(waiter.status, EDEADLK);
	else
		assert_status(waiter.status, STATUS_SUCCESS);
	NtClose(handle);
}

static void description_locks_and_nt_locks_belong_to_the_handle(void **state)
{
	HANDLE first = open_locked_file(), second = open_locked_file();
	LARGE_INTEGER start = {.QuadPart = 0}, length = {.QuadPart = 4};
	IO_STATUS_BLOCK io;

	assert_status(lock_range(first, NULL, F_OFD_SETLK, F_WRLCK, 8, 1), STATUS_SUCCESS);
	assert_errno(lock_range(second, NULL, F_OFD_SETLK, F_WRLCK, 8, 1), EAGAIN);
	assert_int_equal(test_range(second, &owner_a, F_WRLCK, 8, 1).Pid, -1);
	assert_status(NtLockFile(first, NULL, NULL, NULL, &io, &start, &length, 0, 1, 1), STATUS_SUCCESS);
	assert_status(NtLockFile(second, NULL, NULL, NULL, &io, &start, &length, 0, 1, 0), STATUS_LOCK_NOT_GRANTED);
	assert_status(NtUnlockFile(first, &io, &start, &length, 0), STATUS_SUCCESS);
	assert_status(NtLockFile(second, NULL, NULL, NULL, &io, &start, &length, 0, 1, 0), STATUS_SUCCESS);
	NtClose(second);
	assert_true(host_can_lock(0, 4));
	NtClose(first);
	assert_true(host_can_lock(8, 1));
}

static void flock_is_the_descriptions(void **state)
{
	const ULONG exclusive = LOCK_EX | LOCK_NB, blocking = LOCK_SH, unlock = LOCK_UN, bad = 77;
	HANDLE first = open_locked_file(), second = open_locked_file();

	assert_status(control(first, FSCTL_LX_FLOCK, &exclusive, 4, NULL, 0), STATUS_SUCCESS);
	assert_errno(control(second, FSCTL_LX_FLOCK, &exclusive, 4, NULL, 0), EAGAIN);
	ke_alert_thread(ke_current_thread());
	assert_status(control(second, FSCTL_LX_FLOCK, &blocking, 4, NULL, 0), STATUS_ALERTED);
	assert_status(control(first, FSCTL_LX_FLOCK, &unlock, 4, NULL, 0), STATUS_SUCCESS);
	ke_alert_thread(ke_current_thread());
	assert_status(control(second, FSCTL_LX_FLOCK, &blocking, 4, NULL, 0), STATUS_SUCCESS);
	assert_status(ke_test_alert(ke_current_thread()), STATUS_ALERTED);
	assert_errno(control(second, FSCTL_LX_FLOCK, &bad, 4, NULL, 0), EINVAL);
	NtClose(first);
	NtClose(second);
}

static void locks_on_a_fifo_are_kept_here(void **state)
{
	HANDLE handle;

	assert_int_equal(mkfifo(host_path("fifo"), 0600), 0);
	handle = must_open("fifo", FILE_GENERIC_READ | FILE_GENERIC_WRITE, FILE_OPEN);
	assert_status(lock_range(handle, &owner_c, F_SETLK, F_WRLCK, 0, 1), STATUS_SUCCESS);
	NtClose(handle);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_file, clear_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(record_lock_excludes_other_owners_and_native_programs),
	    TEST(own_locks_convert_split_and_merge),
	    TEST(lock_to_the_end_of_file_has_length_zero),
	    TEST(ranges_that_linux_refuses_are_refused),
	    TEST(locks_of_one_owner_hold_through_any_handle),
	    TEST(host_holder_is_seen_without_its_pid),
	    TEST(waiting_lock_is_granted_when_the_holder_lets_go),
	    TEST(waiting_lock_is_interruptible_and_leaves_nothing),
	    TEST(circle_of_waiters_is_a_deadlock),
	    TEST(description_locks_and_nt_locks_belong_to_the_handle),
	    TEST(flock_is_the_descriptions),
	    TEST(locks_on_a_fifo_are_kept_here),
	};

	return cmocka_run_group_tests(tests, start_executive, stop_executive);
}
