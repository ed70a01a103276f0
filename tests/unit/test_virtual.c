/* NT's services on ranges of memory that Linux calls mlock, msync and madvise. */
#include "process_fixture.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE MM_PAGE_SIZE
#define SELF NtCurrentProcess()
#define RW (MM_PROT_READ | MM_PROT_WRITE)
#define AREA 0x1000000ull

static struct mm_address_space *space_of(void **state)
{
	return ((struct process_fixture *)*state)->space;
}

static uint64_t locked(struct mm_address_space *space)
{
	struct mm_statistics statistics;

	mm_statistics(space, &statistics);
	return statistics.locked;
}

static void take_privileges(void **state, uint64_t limit)
{
	struct process_fixture *fixture = *state;
	const struct mm_space_limits limits = {UINT64_MAX, UINT64_MAX, limit, UINT64_MAX, UINT64_MAX};

	fixture->process->token->cap_effective = 0;
	mm_set_limits(fixture->space, &limits);
}

static void locking_rounds_to_pages_and_is_counted(void **state)
{
	PVOID base = (PVOID)(AREA + 100);
	SIZE_T size = PAGE;

	take_privileges(state, 8 * PAGE);
	fixture_map(space_of(state), AREA, 4 * PAGE, RW, true);
	assert_success(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS));
	assert_ptr_equal(base, AREA);
	assert_int_equal(size, 2 * PAGE);
	assert_int_equal(locked(space_of(state)), 2 * PAGE);
	base = (PVOID)AREA;
	size = PAGE;
	assert_success(NtUnlockVirtualMemory(SELF, &base, &size, MAP_PROCESS));
	assert_int_equal(locked(space_of(state)), PAGE);
}

static void allocating_across_a_page_tells_the_whole_range(void **state)
{
	PVOID base = (PVOID)(AREA + PAGE / 2);
	SIZE_T size = PAGE;

	assert_success(NtAllocateVirtualMemory(SELF, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
	assert_ptr_equal(base, AREA);
	assert_int_equal(size, 2 * PAGE);
}

static void locking_more_than_the_quota_is_refused(void **state)
{
	PVOID base = (PVOID)AREA;
	SIZE_T size = 3 * PAGE;

	take_privileges(state, 2 * PAGE);
	fixture_map(space_of(state), AREA, 4 * PAGE, RW, true);
	assert_status(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS), STATUS_WORKING_SET_QUOTA);
	assert_int_equal(locked(space_of(state)), 0);
	size = 2 * PAGE;
	assert_success(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS));
	/* What is locked already counts once. */
	assert_success(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS));
	take_privileges(state, 0);
	assert_status(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS), STATUS_PRIVILEGE_NOT_HELD);
}

static void lock_services_check_their_arguments(void **state)
{
	PVOID base = (PVOID)AREA, last = (PVOID)-4096;
	SIZE_T size = PAGE;
	HANDLE limited;

	take_privileges(state, 8 * PAGE);
	fixture_map(space_of(state), AREA, PAGE, RW, true);
	assert_status(NtLockVirtualMemory(SELF, &base, &size, 0), STATUS_INVALID_PARAMETER);
	assert_status(NtUnlockVirtualMemory(SELF, &base, &size, 8), STATUS_INVALID_PARAMETER);
	assert_status(NtLockVirtualMemory(SELF, &base, &size, MAP_SYSTEM), STATUS_PRIVILEGE_NOT_HELD);
	assert_status(NtLockVirtualMemory(SELF, &last, &size, MAP_PROCESS), STATUS_INVALID_PARAMETER_2);
	last = (PVOID)-16384;
	size = 5 * PAGE;
	assert_status(NtLockVirtualMemory(SELF, &last, &size, MAP_PROCESS), STATUS_INVALID_PARAMETER_4);
	size = PAGE;
	assert_status(NtLockVirtualMemory((HANDLE)0x4444, &base, &size, MAP_PROCESS), STATUS_INVALID_HANDLE);
	assert_success(ob_open_by_pointer(((struct process_fixture *)*state)->process, 0, PROCESS_VM_READ, &limited));
	assert_status(NtLockVirtualMemory(limited, &base, &size, MAP_PROCESS), STATUS_ACCESS_DENIED);
	assert_status(NtUnlockVirtualMemory(limited, &base, &size, MAP_PROCESS), STATUS_ACCESS_DENIED);
	NtClose(limited);
	size = 2 * PAGE; /* a hole behind the page */
	assert_false(NT_SUCCESS(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS)));
}

static void hosts_refusal_to_lock_is_the_callers(void **state)
{
	PVOID base = (PVOID)AREA;
	SIZE_T size = PAGE;

	take_privileges(state, 8 * PAGE);
	fixture_map(space_of(state), AREA, PAGE, RW, true);
	null_platform_fail_call(1, EAGAIN);
	assert_status(NtLockVirtualMemory(SELF, &base, &size, MAP_PROCESS), nt_status_from_errno(EAGAIN));
}

static void flushing_a_view_tells_how_much(void **state)
{
	LARGE_INTEGER maximum = {.QuadPart = 2 * PAGE};
	PVOID view = NULL, base, hole = (PVOID)AREA;
	SIZE_T view_size = 0, size = 0;
	IO_STATUS_BLOCK io;
	HANDLE section;

	assert_success(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &maximum, PAGE_READWRITE, SEC_COMMIT, NULL));
	assert_success(NtMapViewOfSection(section, SELF, &view, 0, 0, NULL, &view_size, ViewShare, 0, PAGE_READWRITE));
	/* No size: to the end of the view. */
	base = (char *)view + PAGE + 5;
	assert_success(NtFlushVirtualMemory(SELF, &base, &size, &io));
	assert_ptr_equal(base, (char *)view + PAGE);
	assert_int_equal(size, PAGE);
	assert_int_equal(io.Information, PAGE);
	size = PAGE;
	assert_status(NtFlushVirtualMemory(SELF, &hole, &size, &io), STATUS_NOT_MAPPED_VIEW);
	size = 0;
	assert_status(NtFlushVirtualMemory(SELF, &hole, &size, &io), STATUS_NOT_MAPPED_VIEW);
	size = PAGE;
	null_platform_fail_call(1, EIO);
	assert_status(NtFlushVirtualMemory(SELF, &view, &size, &io), nt_status_from_errno(EIO));
	assert_status(io.Status, nt_status_from_errno(EIO));
	assert_int_equal(io.Information, 0);
	assert_status(NtFlushVirtualMemory(NULL, &view, &size, &io), STATUS_INVALID_HANDLE);
	NtClose(section);
}

static void prefetch_advises_each_range(void **state)
{
	MEMORY_RANGE_ENTRY ranges[] = {{(PVOID)AREA, PAGE}, {(PVOID)(AREA + 2 * PAGE), 1}};
	unsigned calls;
	ULONG flags = 0;

	fixture_map(space_of(state), AREA, 4 * PAGE, RW, true);
	calls = null_platform_call_count();
	assert_success(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 2, ranges, &flags, sizeof(flags)));
	assert_int_equal(null_platform_call_count() - calls, 2);
	null_platform_fail_call(2, EIO);
	assert_status(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 2, ranges, &flags, sizeof(flags)), nt_status_from_errno(EIO));
	ranges[1].VirtualAddress = (PVOID)-1;
	assert_status(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 2, ranges, &flags, sizeof(flags)), STATUS_INVALID_PARAMETER_2);
	assert_status(NtSetInformationVirtualMemory(SELF, 1, 1, ranges, &flags, sizeof(flags)), STATUS_INVALID_PARAMETER_2);
	assert_status(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 0, ranges, &flags, sizeof(flags)), STATUS_INVALID_PARAMETER_3);
	assert_status(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 1, ranges, &flags, 2), STATUS_INVALID_PARAMETER_6);
	flags = 1;
	assert_status(NtSetInformationVirtualMemory(SELF, VmPrefetchInformation, 1, ranges, &flags, sizeof(flags)), STATUS_INVALID_PARAMETER_5);
	flags = 0;
	assert_status(NtSetInformationVirtualMemory(NULL, VmPrefetchInformation, 1, ranges, &flags, sizeof(flags)), STATUS_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(allocating_across_a_page_tells_the_whole_range),
		fixture_test(locking_rounds_to_pages_and_is_counted),
		fixture_test(locking_more_than_the_quota_is_refused),
		fixture_test(lock_services_check_their_arguments),
		fixture_test(hosts_refusal_to_lock_is_the_callers),
		fixture_test(flushing_a_view_tells_how_much),
		fixture_test(prefetch_advises_each_range),
	};

	return cmocka_run_group_tests(tests, fixture_start_executive, NULL);
}
