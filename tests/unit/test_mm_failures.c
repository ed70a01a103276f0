/*
 * Every allocation on the way of a change to an address space, and of the making of processes, fails once: the caller is
 * told, tree and guest stay in step, nothing leaks, and the same change works when asked for again. Linked with malloc and
 * calloc wrapped.
 */
#include "failing.h"
#include "process_fixture.h"

#include <sys/mman.h>

#define PAGE MM_PAGE_SIZE
#define RW (MM_PROT_READ | MM_PROT_WRITE)

/* What the tree says is mapped can be read, and the rest can't. */
static void expect_tree_and_guest_agree(struct mm_address_space *space)
{
	for (uint64_t at = 0x1000000; at < 0x1010000; at += PAGE) {
		struct mm_vad vad;
		char byte;
		bool readable = mm_query(space, at, &vad) && vad.protection & MM_PROT_READ;

		assert_int_equal(mm_copy_from(space, &byte, at, 1), readable);
	}
}

/* The spare nodes of a space hide allocations: each run starts without them. */
static void drop_spares(struct mm_address_space *space)
{
	struct mm_vad *vad;

	while ((vad = space->spare)) {
		space->spare = RB_RIGHT(vad, tree);
		free(vad);
	}
	space->spare_count = 0;
}

/* `change` once for each of its allocations, which fails; then once undisturbed. `prepare` makes the start equal. */
static void fail_each(struct process_fixture *fixture, void (*prepare)(struct process_fixture *fixture),
		      NTSTATUS (*change)(struct process_fixture *fixture), unsigned at_least)
{
	unsigned nth = 1;

	for (;; nth++) {
		NTSTATUS status;
		bool failed;

		prepare(fixture);
		drop_spares(fixture->space);
		fail_allocation(nth);
		status = change(fixture);
		failed = allocation_failed();
		expect_tree_and_guest_agree(fixture->space);
		if (!failed) {
			assert_success(status);
			break;
		}
		assert_true(status == STATUS_NO_MEMORY || status == STATUS_INSUFFICIENT_RESOURCES);
	}
	assert_true(nth > at_least);
}

static void fresh_area(struct process_fixture *fixture)
{
	assert_success(mm_unmap(fixture->space, 0x1000000, 0x10000));
	fixture_map(fixture->space, 0x1000000, 8 * PAGE, RW, true);
}

static NTSTATUS map_in_the_middle(struct process_fixture *fixture)
{
	struct mm_map_request request = {.address = 0x1003000, .size = PAGE, .protection = MM_PROT_READ, .fixed = true, .name = "name"};
	uint64_t address;

	return mm_map(fixture->space, &request, &address);
}

static NTSTATUS unmap_in_the_middle(struct process_fixture *fixture)
{
	return mm_unmap(fixture->space, 0x1002000, PAGE);
}

static NTSTATUS protect_in_the_middle(struct process_fixture *fixture)
{
	return mm_protect(fixture->space, 0x1002000, PAGE, 0);
}

static NTSTATUS move_the_middle(struct process_fixture *fixture)
{
	uint64_t address;

	return mm_remap(fixture->space, 0x1002000, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x100a000, &address);
}

static NTSTATUS advise_the_middle(struct process_fixture *fixture)
{
	return mm_advise(fixture->space, 0x1002000, PAGE, MADV_DONTFORK);
}

static NTSTATUS lock_the_middle(struct process_fixture *fixture)
{
	return mm_lock(fixture->space, 0x1002000, PAGE, MM_LOCKED);
}

static NTSTATUS name_the_middle(struct process_fixture *fixture)
{
	return mm_set_name(fixture->space, 0x1002000, PAGE, "name");
}

static NTSTATUS map_many(struct process_fixture *fixture)
{
	struct mm_map_request requests[3] = {{.address = 0x1001000, .size = PAGE, .protection = MM_PROT_READ, .fixed = true},
					     {.address = 0x1009000, .size = PAGE, .protection = RW, .fixed = true, .name = "name"},
					     {.address = 0x100b000, .size = PAGE, .protection = RW, .fixed = true}};
	uint64_t addresses[3];
	NTSTATUS status = mm_map_many(fixture->space, requests, 3, addresses);

	/* A space whose building failed is thrown away: it need not agree. */
	if (!NT_SUCCESS(status))
		assert_success(mm_unmap(fixture->space, 0x1000000, 0x10000));
	return status;
}

static NTSTATUS map_a_section(struct process_fixture *fixture)
{
	LARGE_INTEGER size = {.QuadPart = PAGE};
	PVOID base = (PVOID)0x100c000;
	SIZE_T length = 0;
	HANDLE section;
	NTSTATUS status = NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &size, PAGE_READWRITE, SEC_COMMIT, NULL);

	if (!NT_SUCCESS(status))
		return status;
	status = NtMapViewOfSection(section, NtCurrentProcess(), &base, 0, 0, NULL, &length, ViewShare, 0, PAGE_READWRITE);
	NtClose(section);
	return status;
}

static NTSTATUS clone_space(struct process_fixture *fixture)
{
	struct mm_address_space *child;
	struct pico_process *process;
	struct pico_thread *first;
	unsigned due = failure_due;
	NTSTATUS status;

	failure_due = 0;
	assert_int_equal(null_platform.process_fork(fixture->pico, &process, &first), 0);
	failure_due = due;
	status = mm_clone_space(fixture->space, process, &child);
	failure_due = 0;
	if (NT_SUCCESS(status))
		mm_dereference_space(child);
	else
		null_platform.process_dereference(process);
	null_platform.thread_abandon(first);
	return status;
}

static NTSTATUS make_process(struct process_fixture *fixture)
{
	struct ps_process_attributes attributes = {.parent = fixture->process, .unique_id = 300};
	struct ps_process *process;
	struct ps_thread *thread = NULL;
	NTSTATUS status = ps_create_process(&attributes, &process);

	if (!NT_SUCCESS(status))
		return status;
	status = ps_create_thread(process, 300, NULL, NULL, &thread);
	if (NT_SUCCESS(status)) {
		ps_abandon_thread(thread);
		ob_dereference(thread);
	}
	ps_exit_process(process, STATUS_SUCCESS);
	ob_dereference(process);
	return status;
}

static NTSTATUS make_job(struct process_fixture *fixture)
{
	HANDLE job;
	NTSTATUS status = NtCreateJobObject(&job, JOB_OBJECT_ALL_ACCESS, NULL);

	if (NT_SUCCESS(status))
		NtClose(job);
	return status;
}

static void changes_bear_a_lack_of_memory(void **state)
{
	fail_each(*state, fresh_area, map_in_the_middle, 3);
	fail_each(*state, fresh_area, unmap_in_the_middle, 2);
	fail_each(*state, fresh_area, protect_in_the_middle, 2);
	fail_each(*state, fresh_area, move_the_middle, 3);
	fail_each(*state, fresh_area, advise_the_middle, 2);
	fail_each(*state, fresh_area, lock_the_middle, 2);
	fail_each(*state, fresh_area, name_the_middle, 2);
	fail_each(*state, fresh_area, map_many, 3);
	fail_each(*state, fresh_area, map_a_section, 2);
}

static void clone_bears_a_lack_of_memory(void **state)
{
	fail_each(*state, fresh_area, clone_space, 2);
}

static void processes_and_jobs_bear_a_lack_of_memory(void **state)
{
	fail_each(*state, fresh_area, make_process, 2);
	fail_each(*state, fresh_area, make_job, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(changes_bear_a_lack_of_memory),
		fixture_test(clone_bears_a_lack_of_memory),
		fixture_test(processes_and_jobs_bear_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, fixture_start_executive, NULL);
}
