/* Address spaces: placing, splitting, joining, protecting, moving; what a failing host call leaves behind; fork. */
#include "process_fixture.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE MM_PAGE_SIZE
#define RW (MM_PROT_READ | MM_PROT_WRITE)
#define TOP NULL_PLATFORM_HIGHEST

static struct mm_address_space *space_of(void **state)
{
	return ((struct process_fixture *)*state)->space;
}

static void expect_byte(struct mm_address_space *space, uint64_t address, int value)
{
	uint8_t byte = 0xee;

	assert_int_equal(mm_copy_from(space, &byte, address, 1), 1);
	assert_int_equal(byte, value);
}

static void put_byte(struct mm_address_space *space, uint64_t address, uint8_t value)
{
	assert_int_equal(mm_copy_to(space, address, &value, 1), 1);
}

static void mapping_without_a_wish_takes_the_highest_hole(void **state)
{
	struct mm_address_space *space = space_of(state);

	assert_int_equal(fixture_map(space, 0, PAGE, RW, false), TOP - PAGE);
	assert_int_equal(fixture_map(space, 0, 3 * PAGE, MM_PROT_READ, false), TOP - 4 * PAGE);
	assert_success(mm_unmap(space, TOP - PAGE, PAGE));
	assert_int_equal(fixture_map(space, 0, 2 * PAGE, RW, false), TOP - 6 * PAGE);
	assert_int_equal(fixture_map(space, 0, 1, MM_PROT_EXEC, false), TOP - PAGE);
}

static void whole_huge_pages_begin_on_one(void **state)
{
	struct mm_address_space *space = space_of(state);

	fixture_map(space, 0, PAGE, RW, false);
	assert_int_equal(fixture_map(space, 0, 2 * MM_HUGE_PAGE_SIZE, RW, false) % MM_HUGE_PAGE_SIZE, 0);
}

static void wish_is_taken_if_free_and_else_ignored(void **state)
{
	struct mm_address_space *space = space_of(state);

	assert_int_equal(fixture_map(space, 0x1000123, PAGE, RW, false), 0x1000000);
	assert_int_equal(fixture_map(space, 0x1000000, PAGE, RW, false), TOP - PAGE);
	assert_int_equal(fixture_map(space, 0x1000, PAGE, RW, false), NULL_PLATFORM_LOWEST);
}

static void fixed_mapping_replaces_and_no_replace_refuses(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request request = {.address = 0x1001000, .size = PAGE, .protection = RW, .no_replace = true};
	uint64_t address;

	fixture_map(space, 0x1000000, 3 * PAGE, RW, true);
	put_byte(space, 0x1001000, 7);
	assert_status(mm_map(space, &request, &address), STATUS_CONFLICTING_ADDRESSES);
	expect_byte(space, 0x1001000, 7);
	fixture_map(space, 0x1001000, PAGE, MM_PROT_READ, true);
	expect_byte(space, 0x1001000, 0);
	assert_int_equal(fixture_vad_count(space), 3);
}

static void platform_pages_are_out_of_reach(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request request = {.address = NULL_PLATFORM_LOWEST - PAGE, .size = PAGE, .protection = RW, .fixed = true};
	unsigned calls = null_platform_call_count();
	uint64_t address;

	assert_status(mm_map(space, &request, &address), STATUS_PRIVILEGE_NOT_HELD);
	request.address = 0;
	request.size = 2 * NULL_PLATFORM_LOWEST;
	assert_status(mm_map(space, &request, &address), STATUS_PRIVILEGE_NOT_HELD);
	request.address = TOP;
	assert_status(mm_map(space, &request, &address), STATUS_NO_MEMORY);
	assert_success(mm_unmap(space, 0, NULL_PLATFORM_LOWEST));
	assert_int_equal(null_platform_call_count(), calls);
	fixture_map(space, NULL_PLATFORM_LOWEST, PAGE, RW, true);
	assert_status(mm_protect(space, NULL_PLATFORM_LOWEST - PAGE, 2 * PAGE, 0), STATUS_NOT_COMMITTED);
	assert_int_equal(null_platform_call_count(), calls + 1);
	assert_success(mm_unmap(space, 0, NULL_PLATFORM_LOWEST + PAGE));
	assert_int_equal(fixture_vad_count(space), 0);
}

static void like_neighbours_join_and_unmapping_splits(void **state)
{
	struct mm_address_space *space = space_of(state);

	for (unsigned i = 0; i < 8; i++)
		fixture_map(space, 0, PAGE, RW, false);
	assert_int_equal(fixture_vad_count(space), 1);
	assert_success(mm_unmap(space, TOP - 4 * PAGE, PAGE));
	assert_int_equal(fixture_vad_count(space), 2);
	fixture_map(space, 0, PAGE, RW, false);
	assert_int_equal(fixture_vad_count(space), 1);
	assert_success(mm_protect(space, TOP - 4 * PAGE, PAGE, MM_PROT_READ));
	assert_int_equal(fixture_vad_count(space), 3);
	assert_success(mm_protect(space, TOP - 4 * PAGE, PAGE, RW));
	assert_int_equal(fixture_vad_count(space), 1);
}

static void growing_area_keeps_a_gap_below_it(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request stack = {.address = TOP - 16 * PAGE, .size = 16 * PAGE, .protection = RW, .flags = MM_GROWSDOWN, .fixed = true};
	uint64_t address;

	assert_success(mm_map(space, &stack, &address));
	assert_int_equal(fixture_map(space, 0, PAGE, RW, false), TOP - 16 * PAGE - MM_GUARD_SIZE - PAGE);
	assert_int_not_equal(fixture_map(space, TOP - 20 * PAGE, PAGE, RW, false), TOP - 20 * PAGE);
}

static void protection_stops_at_a_hole_with_what_came_before_changed(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_vad vad;

	fixture_map(space, 0x1000000, 4 * PAGE, RW, true);
	assert_success(mm_unmap(space, 0x1002000, PAGE));
	assert_status(mm_protect(space, 0x1001000, 3 * PAGE, MM_PROT_READ), STATUS_NOT_COMMITTED);
	assert_true(mm_query(space, 0x1001000, &vad));
	assert_int_equal(vad.protection, MM_PROT_READ);
	assert_true(mm_query(space, 0x1003000, &vad));
	assert_int_equal(vad.protection, RW);
	assert_int_equal(mm_copy_to(space, 0x1001000, "x", 1), 0);
	assert_int_equal(mm_copy_to(space, 0x1003000, "x", 1), 1);
	assert_status(mm_protect(space, 0x1002000, PAGE, MM_PROT_READ), STATUS_NOT_COMMITTED);
	assert_status(mm_protect(space, 0x1000001, PAGE, MM_PROT_READ), STATUS_INVALID_PARAMETER);
	assert_status(mm_protect(space, 0x1000000, PAGE, 0x10), STATUS_INVALID_PARAMETER);
	assert_success(mm_protect(space, 0x1002000, 0, MM_PROT_READ));
}

static void growsdown_protects_from_the_areas_start(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request stack = {.address = 0x1000000, .size = 4 * PAGE, .protection = RW, .flags = MM_GROWSDOWN, .fixed = true};
	struct mm_vad vad;
	uint64_t address;

	assert_success(mm_map(space, &stack, &address));
	assert_success(mm_protect(space, 0x1002000, PAGE, MM_PROT_READ | MM_PROT_GROWSDOWN));
	assert_true(mm_query(space, 0x1000000, &vad));
	assert_int_equal(vad.protection, MM_PROT_READ);
	assert_true(mm_query(space, 0x1003000, &vad));
	assert_int_equal(vad.protection, RW);
	fixture_map(space, 0x2000000, PAGE, RW, true);
	assert_status(mm_protect(space, 0x2000000, PAGE, MM_PROT_READ | MM_PROT_GROWSDOWN), STATUS_INVALID_PARAMETER);
}

static void limits_of_space_and_data_hold(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_space_limits limits = {.address_space = 8 * PAGE, .data = 4 * PAGE, .locked = UINT64_MAX, .stack = UINT64_MAX};
	struct mm_map_request request = {.size = 5 * PAGE, .protection = RW};
	uint64_t address;

	mm_set_limits(space, &limits);
	assert_status(mm_map(space, &request, &address), STATUS_NO_MEMORY);
	request.protection = MM_PROT_READ;
	assert_success(mm_map(space, &request, &address));
	assert_status(mm_protect(space, address, 5 * PAGE, RW), STATUS_NO_MEMORY);
	request.size = 4 * PAGE;
	assert_status(mm_map(space, &request, &address), STATUS_NO_MEMORY);
	/* What is replaced does not count twice. */
	fixture_map(space, address, 5 * PAGE, MM_PROT_READ, true);
}

/* SeLockMemoryPrivilege: who holds it is not limited. */
static void hold_privilege(void **state, bool held)
{
	const struct process_fixture *fixture = *state;

	se_set_effective(fixture->process->token, held ? 1ull << 14 : 0);
}

static void locking_counts_against_its_limit(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_space_limits limits = {UINT64_MAX, UINT64_MAX, 4 * PAGE, UINT64_MAX, UINT64_MAX};
	struct mm_statistics statistics;

	hold_privilege(state, false);
	mm_set_limits(space, &limits);
	fixture_map(space, 0x1000000, 8 * PAGE, RW, true);
	assert_success(mm_lock(space, 0x1000010, 3 * PAGE, MM_LOCKED));
	mm_statistics(space, &statistics);
	assert_int_equal(statistics.locked, 4 * PAGE);
	assert_success(mm_lock(space, 0x1000000, 4 * PAGE, MM_LOCKED));
	assert_status(mm_lock(space, 0x1000000, 5 * PAGE, MM_LOCKED), STATUS_WORKING_SET_QUOTA);
	hold_privilege(state, true);
	assert_success(mm_lock(space, 0x1000000, 5 * PAGE, MM_LOCKED));
	hold_privilege(state, false);
	assert_success(mm_lock(space, 0x1000000, 8 * PAGE, 0));
	mm_statistics(space, &statistics);
	assert_int_equal(statistics.locked, 0);
	assert_int_equal(fixture_vad_count(space), 1);
}

static void lock_all_locks_what_comes_later_too(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_statistics statistics;

	fixture_map(space, 0x1000000, PAGE, RW, true);
	hold_privilege(state, true);
	assert_success(mm_lock_all(space, MM_LOCKED, true, MM_LOCKED));
	fixture_map(space, 0x2000000, PAGE, RW, true);
	mm_statistics(space, &statistics);
	assert_int_equal(statistics.locked, 2 * PAGE);
	assert_success(mm_lock_all(space, 0, true, 0));
	mm_statistics(space, &statistics);
	assert_int_equal(statistics.locked, 0);
}

static void remap_shrinks_grows_and_moves_with_contents(void **state)
{
	struct mm_address_space *space = space_of(state);
	uint64_t address;

	fixture_map(space, 0x1000000, 4 * PAGE, RW, true);
	put_byte(space, 0x1001000, 5);
	assert_success(mm_remap(space, 0x1000000, 4 * PAGE, 2 * PAGE, 0, 0, &address));
	assert_int_equal(address, 0x1000000);
	assert_false(mm_is_mapped(space, 0x1002000, PAGE));
	assert_success(mm_remap(space, 0x1000000, 2 * PAGE, 6 * PAGE, 0, 0, &address));
	assert_true(mm_is_mapped(space, 0x1000000, 6 * PAGE));
	assert_int_equal(fixture_vad_count(space), 1);
	fixture_map(space, 0x1006000, PAGE, MM_PROT_READ, true);
	assert_status(mm_remap(space, 0x1000000, 6 * PAGE, 8 * PAGE, 0, 0, &address), STATUS_NO_MEMORY);
	assert_success(mm_remap(space, 0x1000000, 6 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0, &address));
	assert_int_not_equal(address, 0x1000000);
	expect_byte(space, address + PAGE, 5);
	assert_false(mm_is_mapped(space, 0x1000000, PAGE));
	assert_success(mm_remap(space, address, 8 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x3000000, &address));
	assert_int_equal(address, 0x3000000);
	expect_byte(space, 0x3001000, 5);
	assert_int_equal(fixture_vad_count(space), 2);
}

static void remap_may_leave_the_old_area_behind(void **state)
{
	struct mm_address_space *space = space_of(state);
	uint64_t address;

	fixture_map(space, 0x1000000, 2 * PAGE, RW, true);
	put_byte(space, 0x1000000, 9);
	assert_success(mm_remap(space, 0x1000000, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4, 0, &address));
	expect_byte(space, address, 9);
	expect_byte(space, 0x1000000, 0);
	assert_int_equal(fixture_vad_count(space), 2);
}

static void remap_of_no_size_copies_shared_areas_alone(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_section *section;
	struct mm_map_request request = {.address = 0x1000000, .size = 2 * PAGE, .protection = RW, .flags = MM_SHARED, .fixed = true};
	uint64_t address;

	assert_success(mm_create_section(NULL, 2 * PAGE, PAGE_READWRITE, &section));
	request.section = section;
	assert_success(mm_map(space, &request, &address));
	ob_dereference(section);
	assert_success(mm_remap(space, 0x1000000, 0, 2 * PAGE, MREMAP_MAYMOVE, 0, &address));
	put_byte(space, 0x1000000, 3);
	expect_byte(space, address, 3);
	fixture_map(space, 0x2000000, PAGE, RW, true);
	assert_status(mm_remap(space, 0x2000000, 0, PAGE, MREMAP_MAYMOVE, 0, &address), STATUS_INVALID_PARAMETER);
}

static void remap_refuses_what_linux_refuses(void **state)
{
	struct mm_address_space *space = space_of(state);
	uint64_t address;

	fixture_map(space, 0x1000000, 2 * PAGE, RW, true);
	assert_status(mm_remap(space, 0x1000001, PAGE, PAGE, 0, 0, &address), STATUS_INVALID_PARAMETER);
	assert_status(mm_remap(space, 0x1000000, PAGE, 0, 0, 0, &address), STATUS_INVALID_PARAMETER);
	assert_status(mm_remap(space, 0x1000000, PAGE, PAGE, 8, 0, &address), STATUS_INVALID_PARAMETER);
	assert_status(mm_remap(space, 0x1000000, PAGE, PAGE, MREMAP_FIXED, 0x2000000, &address), STATUS_INVALID_PARAMETER);
	assert_status(mm_remap(space, 0x1000000, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 0x1001000, &address), STATUS_INVALID_PARAMETER);
	assert_status(mm_remap(space, 0x1000000, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 0x1000, &address), STATUS_PRIVILEGE_NOT_HELD);
	assert_status(mm_remap(space, 0x5000000, PAGE, PAGE, 0, 0, &address), STATUS_ACCESS_VIOLATION);
	assert_status(mm_remap(space, 0x1000000, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0, &address), STATUS_ACCESS_VIOLATION);
	assert_int_equal(fixture_vad_count(space), 1);
}

static void break_grows_shrinks_and_stops_before_a_neighbour(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_vad vad;

	mm_set_break_area(space, 0x1000800, 0x1000800);
	assert_int_equal(mm_set_break(space, 0), 0x1000800);
	assert_int_equal(mm_set_break(space, 0x1004010), 0x1004010);
	assert_true(mm_query(space, 0x1004000, &vad));
	assert_int_equal(vad.flags, MM_HEAP);
	put_byte(space, 0x1001000, 1);
	assert_int_equal(mm_set_break(space, 0x1002000), 0x1002000);
	assert_false(mm_is_mapped(space, 0x1002000, PAGE));
	fixture_map(space, 0x1004000, PAGE, RW, true);
	assert_int_equal(mm_set_break(space, 0x1003001), 0x1002000);
	assert_int_equal(mm_set_break(space, 0x1003000), 0x1003000);
	expect_byte(space, 0x1001000, 1);
}

static void advice_for_fork_is_kept_and_holes_are_reported(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_vad vad;

	fixture_map(space, 0x1000000, 4 * PAGE, RW, true);
	put_byte(space, 0x1000000, 1);
	assert_success(mm_advise(space, 0x1000000, PAGE, MADV_DONTNEED));
	expect_byte(space, 0x1000000, 0);
	assert_success(mm_advise(space, 0x1001000, PAGE, MADV_DONTFORK));
	assert_success(mm_advise(space, 0x1002000, PAGE, MADV_WIPEONFORK));
	assert_int_equal(fixture_vad_count(space), 4);
	assert_true(mm_query(space, 0x1001000, &vad));
	assert_int_equal(vad.flags, MM_DONTFORK);
	assert_status(mm_advise(space, 0x1003000, 2 * PAGE, MADV_DONTFORK), STATUS_NO_MEMORY);
	assert_true(mm_query(space, 0x1003000, &vad));
	assert_int_equal(vad.flags, MM_DONTFORK);
	assert_success(mm_advise(space, 0x1000000, 4 * PAGE, MADV_DOFORK));
	assert_success(mm_advise(space, 0x1000000, 4 * PAGE, MADV_KEEPONFORK));
	assert_int_equal(fixture_vad_count(space), 1);
	assert_status(mm_advise(space, 0x1000001, PAGE, MADV_DONTNEED), STATUS_INVALID_PARAMETER);
}

static void clone_shares_copies_wipes_and_leaves_out(void **state)
{
	struct process_fixture *fixture = *state;
	struct mm_address_space *space = fixture->space, *child;
	struct mm_map_request request = {.address = 0x2000000, .size = PAGE, .protection = RW, .flags = MM_SHARED, .fixed = true};
	struct pico_process *process;
	struct pico_thread *first;
	uint64_t address;

	fixture_map(space, 0x1000000, 3 * PAGE, RW, true);
	for (unsigned i = 0; i < 3; i++)
		put_byte(space, 0x1000000 + i * PAGE, 1);
	assert_success(mm_advise(space, 0x1001000, PAGE, MADV_DONTFORK));
	assert_success(mm_advise(space, 0x1002000, PAGE, MADV_WIPEONFORK));
	assert_success(mm_create_section(NULL, PAGE, PAGE_READWRITE, &request.section));
	assert_success(mm_map(space, &request, &address));
	ob_dereference(request.section);
	mm_lock_space(space);
	assert_int_equal(null_platform.process_fork(fixture->pico, &process, &first), 0);
	assert_success(mm_clone_space(space, process, &child));
	mm_unlock_space(space);
	put_byte(space, 0x1000000, 2);
	put_byte(space, 0x2000000, 4);
	expect_byte(child, 0x1000000, 1);
	assert_false(mm_is_mapped(child, 0x1001000, PAGE));
	expect_byte(child, 0x1002000, 0);
	expect_byte(child, 0x2000000, 4);
	null_platform.thread_abandon(first);
	mm_dereference_space(child);
}

static void names_show_and_keep_areas_apart(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_vad vad;

	fixture_map(space, 0x1000000, 4 * PAGE, RW, true);
	assert_success(mm_set_name(space, 0x1001000, PAGE, "[anon: heap]"));
	assert_int_equal(fixture_vad_count(space), 3);
	assert_true(mm_query(space, 0x1001000, &vad));
	assert_string_equal(vad.name, "[anon: heap]");
	assert_success(mm_set_name(space, 0x1000000, 4 * PAGE, NULL));
	assert_int_equal(fixture_vad_count(space), 1);
}

static void many_mappings_are_one_batch(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request requests[MM_BATCH_CALLS] = {{0}};
	uint64_t addresses[MM_BATCH_CALLS];
	unsigned batches = null_platform_batch_count();

	for (unsigned i = 0; i < MM_BATCH_CALLS; i++)
		requests[i] = (struct mm_map_request){.size = PAGE, .protection = i & 1 ? RW : MM_PROT_READ};
	assert_success(mm_map_many(space, requests, MM_BATCH_CALLS, addresses));
	assert_int_equal(null_platform_batch_count(), batches + 1);
	assert_int_equal(fixture_vad_count(space), MM_BATCH_CALLS);
	assert_int_equal(addresses[0], TOP - PAGE);
	assert_int_equal(addresses[1], TOP - 2 * PAGE);
	null_platform_fail_call(3, ENOMEM);
	assert_status(mm_map_many(space, requests, 4, addresses), STATUS_NO_MEMORY);
	assert_int_equal(fixture_vad_count(space), MM_BATCH_CALLS);
}

static void more_mappings_than_a_batch_holds_are_several(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request requests[2 * MM_BATCH_CALLS + 1] = {{0}};
	unsigned batches = null_platform_batch_count();

	for (unsigned i = 0; i < ARRAY_COUNT(requests); i++)
		requests[i] = (struct mm_map_request){.size = PAGE, .protection = i & 1 ? RW : MM_PROT_READ};
	assert_success(mm_map_many(space, requests, ARRAY_COUNT(requests), NULL));
	assert_int_equal(null_platform_batch_count(), batches + 3);
	assert_int_equal(fixture_vad_count(space), ARRAY_COUNT(requests));
}

static void host_refusal_leaves_the_tree_as_it_was(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_map_request request = {.address = 0x1001000, .size = PAGE, .protection = MM_PROT_READ, .fixed = true};
	uint64_t address;

	fixture_map(space, 0x1000000, 4 * PAGE, RW, true);
	null_platform_fail_call(1, EAGAIN);
	assert_status(mm_map(space, &request, &address), STATUS_RETRY);
	null_platform_fail_call(1, ENOMEM);
	assert_status(mm_unmap(space, 0x1001000, PAGE), STATUS_NO_MEMORY);
	null_platform_fail_call(1, ENOMEM);
	assert_status(mm_remap(space, 0x1000000, 4 * PAGE, 8 * PAGE, 0, 0, &address), STATUS_NO_MEMORY);
	null_platform_fail_call(1, ENOMEM);
	assert_status(mm_remap(space, 0x1000000, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x3000000, &address), STATUS_NO_MEMORY);
	mm_set_break_area(space, 0x4000000, 0x4000000);
	null_platform_fail_call(1, ENOMEM);
	assert_int_equal(mm_set_break(space, 0x4001000), 0x4000000);
	null_platform_fail_call(1, ENOMEM);
	hold_privilege(state, true);
	assert_status(mm_lock(space, 0x1000000, PAGE, MM_LOCKED), STATUS_NO_MEMORY);
	assert_int_equal(fixture_vad_count(space), 1);
	assert_true(mm_is_mapped(space, 0x1000000, 4 * PAGE));
	assert_int_equal(space->usage.virtual_size, 4 * PAGE);
	assert_int_equal(space->usage.locked, 0);
}

static void protection_refused_by_the_host_is_tried_area_by_area(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct mm_vad vad;

	fixture_map(space, 0x1000000, PAGE, RW, true);
	fixture_map(space, 0x1001000, PAGE, MM_PROT_READ, true);
	null_platform_fail_call(1, EACCES);
	assert_success(mm_protect(space, 0x1000000, 2 * PAGE, 0));
	assert_true(mm_query(space, 0x1000000, &vad));
	assert_int_equal(vad.protection, 0);
	assert_int_equal(vad.end, 0x1002000);
}

/* A model of one byte a page: protection + 1, or 0 for nothing. */
#define MODEL_PAGES 64u
#define MODEL_BASE 0x1000000ull
struct model {
	uint8_t pages[MODEL_PAGES];
	uint8_t seen[MODEL_PAGES];
};

static void see_area(const struct mm_vad *vad, void *context)
{
	struct model *model = context;

	assert_true(vad->start < vad->end);
	for (uint64_t at = vad->start; at < vad->end; at += PAGE) {
		assert_in_range(at, MODEL_BASE, MODEL_BASE + (MODEL_PAGES - 1) * PAGE);
		assert_int_equal(model->seen[(at - MODEL_BASE) / PAGE], 0);
		model->seen[(at - MODEL_BASE) / PAGE] = (uint8_t)(vad->protection + 1);
	}
}

/* Each node's summary against what it sums up. */
static void check_summaries(const struct mm_vad *vad)
{
	const struct mm_vad *left = vad ? RB_LEFT(vad, tree) : NULL, *right = vad ? RB_RIGHT(vad, tree) : NULL;
	uint64_t hole = 0;

	if (!vad)
		return;
	check_summaries(left);
	check_summaries(right);
	assert_int_equal(vad->subtree_start, left ? left->subtree_start : vad->start);
	assert_int_equal(vad->subtree_end, right ? right->subtree_end : vad->end);
	if (left)
		hole = MAX_OF(left->subtree_hole, vad->start - left->subtree_end);
	if (right)
		hole = MAX_OF(hole, MAX_OF(right->subtree_hole, right->subtree_start - vad->end));
	assert_int_equal(vad->subtree_hole, hole);
}

static void compare_with_model(struct mm_address_space *space, struct model *model)
{
	memset(model->seen, 0, sizeof(model->seen));
	mm_walk(space, see_area, model);
	assert_memory_equal(model->seen, model->pages, sizeof(model->seen));
	check_summaries(RB_ROOT(&space->tree));
}

static void random_step(struct mm_address_space *space, struct model *model, unsigned random)
{
	unsigned start = random % MODEL_PAGES, count = 1 + (random >> 8) % 12, protection = (random >> 16) % 4;
	uint64_t address = MODEL_BASE + start * PAGE;

	count = MIN_OF(count, MODEL_PAGES - start);
	switch ((random >> 20) % 4) {
	case 0:
	case 1:
		fixture_map(space, address, count * PAGE, protection, true);
		memset(model->pages + start, (int)protection + 1, count);
		break;
	case 2:
		assert_success(mm_unmap(space, address, count * PAGE));
		memset(model->pages + start, 0, count);
		break;
	default:
		mm_protect(space, address, count * PAGE, protection);
		for (unsigned i = start; i < start + count && model->pages[i]; i++)
			model->pages[i] = (uint8_t)(protection + 1);
	}
}

static void random_changes_match_a_model_of_pages(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct model model = {{0}, {0}};
	unsigned random = 12345;

	for (unsigned i = 0; i < 3000; i++) {
		random = random * 1103515245u + 12345u;
		random_step(space, &model, random ^ random >> 11);
		compare_with_model(space, &model);
	}
}

/* The slow way to find what mm_find_top_down() finds. */
static uint64_t find_slowly(struct mm_address_space *space, uint64_t size)
{
	for (uint64_t at = MODEL_BASE + MODEL_PAGES * PAGE - size; at >= MODEL_BASE; at -= PAGE)
		if (!mm_vad_intersecting(space, at, at + size))
			return at;
	return 0;
}

static void holes_are_found_as_by_looking_at_every_page(void **state)
{
	struct mm_address_space *space = space_of(state);
	struct model model = {{0}, {0}};
	unsigned random = 99;

	for (unsigned i = 0; i < 300; i++) {
		random = random * 1103515245u + 12345u;
		random_step(space, &model, random ^ random >> 11);
		for (uint64_t size = PAGE; size < 12 * PAGE; size += PAGE)
			assert_int_equal(mm_find_top_down(space, MODEL_BASE, MODEL_BASE + MODEL_PAGES * PAGE, size), find_slowly(space, size));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(mapping_without_a_wish_takes_the_highest_hole),
		fixture_test(whole_huge_pages_begin_on_one),
		fixture_test(wish_is_taken_if_free_and_else_ignored),
		fixture_test(fixed_mapping_replaces_and_no_replace_refuses),
		fixture_test(platform_pages_are_out_of_reach),
		fixture_test(like_neighbours_join_and_unmapping_splits),
		fixture_test(growing_area_keeps_a_gap_below_it),
		fixture_test(protection_stops_at_a_hole_with_what_came_before_changed),
		fixture_test(growsdown_protects_from_the_areas_start),
		fixture_test(limits_of_space_and_data_hold),
		fixture_test(locking_counts_against_its_limit),
		fixture_test(lock_all_locks_what_comes_later_too),
		fixture_test(remap_shrinks_grows_and_moves_with_contents),
		fixture_test(remap_may_leave_the_old_area_behind),
		fixture_test(remap_of_no_size_copies_shared_areas_alone),
		fixture_test(remap_refuses_what_linux_refuses),
		fixture_test(break_grows_shrinks_and_stops_before_a_neighbour),
		fixture_test(advice_for_fork_is_kept_and_holes_are_reported),
		fixture_test(clone_shares_copies_wipes_and_leaves_out),
		fixture_test(names_show_and_keep_areas_apart),
		fixture_test(many_mappings_are_one_batch),
		fixture_test(more_mappings_than_a_batch_holds_are_several),
		fixture_test(host_refusal_leaves_the_tree_as_it_was),
		fixture_test(protection_refused_by_the_host_is_tried_area_by_area),
		fixture_test(random_changes_match_a_model_of_pages),
		fixture_test(holes_are_found_as_by_looking_at_every_page),
	};

	return cmocka_run_group_tests(tests, fixture_start_executive, NULL);
}
