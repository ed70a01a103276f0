/* I/O buffers over the supervisor's memory; guest memory is mm's to test. */
#include "io_fixture.h"

static void put_and_get_cross_segment_borders(void **state)
{
	char first[3], second[4], third[5], back[12];
	const struct io_segment segments[] = {{(uintptr_t)first, sizeof(first)},
					      {(uintptr_t)second, 0},
					      {(uintptr_t)second, sizeof(second)},
					      {(uintptr_t)third, sizeof(third)}};
	struct io_buffer buffer;

	io_buffer_from_user(&buffer, NULL, segments, 4);
	assert_int_equal(io_buffer_size(&buffer), 12);
	assert_int_equal(io_buffer_put(&buffer, 0, "abcdefghijkl", 12), 12);
	assert_memory_equal(first, "abc", 3);
	assert_memory_equal(second, "defg", 4);
	assert_memory_equal(third, "hijkl", 5);
	assert_int_equal(io_buffer_get(&buffer, 2, back, 6), 6);
	assert_memory_equal(back, "cdefgh", 6);
}

static void copies_stop_at_the_end(void **state)
{
	char memory[4] = "....", back[8];
	struct io_buffer buffer;

	io_buffer_from_kernel(&buffer, memory, 4);
	assert_int_equal(io_buffer_put(&buffer, 3, "xyz", 3), 1);
	assert_memory_equal(memory, "...x", 4);
	assert_int_equal(io_buffer_get(&buffer, 4, back, 8), 0);
	assert_int_equal(io_buffer_get(&buffer, 1000, back, 8), 0);
}

static void direct_access_gives_what_is_contiguous(void **state)
{
	char first[3], second[4];
	const struct io_segment segments[] = {{(uintptr_t)first, sizeof(first)}, {(uintptr_t)second, sizeof(second)}};
	struct io_buffer buffer;
	size_t contiguous = 0;

	io_buffer_from_user(&buffer, NULL, segments, 2);
	assert_ptr_equal(io_buffer_direct(&buffer, 1, &contiguous), first + 1);
	assert_int_equal(contiguous, 2);
	assert_ptr_equal(io_buffer_direct(&buffer, 3, &contiguous), second);
	assert_int_equal(contiguous, 4);
	assert_null(io_buffer_direct(&buffer, 7, &contiguous));
	io_buffer_from_user(&buffer, (struct mm_address_space *)first, segments, 2);
	assert_null(io_buffer_direct(&buffer, 0, &contiguous));
}

static void size_of_hostile_segments_does_not_wrap(void **state)
{
	const struct io_segment segments[] = {{0, UINT64_MAX}, {0, 2}};
	struct io_buffer buffer;

	io_buffer_from_user(&buffer, NULL, segments, 2);
	assert_int_equal(io_buffer_size(&buffer), SIZE_MAX);
}

static void bounce_buffer_is_kept_grows_and_is_bounded(void **state)
{
	void *small = io_bounce(1), *large;

	assert_non_null(small);
	assert_ptr_equal(io_bounce(4096), small);
	large = io_bounce(IO_BOUNCE_MAXIMUM);
	assert_non_null(large);
	memset(large, 1, IO_BOUNCE_MAXIMUM);
	assert_ptr_equal(io_bounce(1), large);
	assert_null(io_bounce(IO_BOUNCE_MAXIMUM + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put_and_get_cross_segment_borders),
	    cmocka_unit_test(copies_stop_at_the_end),
	    cmocka_unit_test(direct_access_gives_what_is_contiguous),
	    cmocka_unit_test(size_of_hostile_segments_does_not_wrap),
	    cmocka_unit_test(bounce_buffer_is_kept_grows_and_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
