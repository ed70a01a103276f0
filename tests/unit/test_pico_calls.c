/* Host calls in a guest: batches and their order, descriptors granted to one process alone, memory from outside. */
#include "pico_fixture.h"

#include <fcntl.h>

GUEST_CODE(one_step, "sys 3004\nlogax\nend");

#define MAP(address, size, protection, flags, descriptor) \
	{SYS_mmap, {address, size, protection, MAP_FIXED | (flags), (uint64_t)(descriptor), 0}, 0}
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static void run_mixed_batch(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_host_call calls[] = {
		MAP(FREE, 2 * PAGE, RW, PRIVATE, -1),
		{SYS_mprotect, {FREE + 2 * PAGE, PAGE, PROT_READ}, 0},
		{SYS_munmap, {FREE + PAGE, PAGE}, 0},
		{SYS_madvise, {FREE, PAGE, 9999}, 0},
		{SYS_msync, {FREE, PAGE, MS_SYNC}, 0}, /* not listed: traps on its way and is let through */
	};

	record((uint64_t)platform->host_calls(thread, calls, 5, NULL, 0));
	for (size_t i = 0; i < 5; i++)
		record((uint64_t)calls[i].result);
	call->result = 42;
}

static void batch_goes_on_after_a_failure(void **state)
{
	step = run_mixed_batch;
	RUN(one_step, 1);
	assert_logged(0, FREE, (uint64_t)-ENOMEM, 0, (uint64_t)-EINVAL, 0, 42);
}

static void run_long_batches(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_host_call calls[40] = {0};

	for (size_t i = 0; i < 36; i++)
		calls[i] = (struct pico_host_call)MAP(FREE + i * 2 * PAGE, PAGE, RW, PRIVATE, -1);
	record((uint64_t)platform->host_calls(thread, calls, 36, NULL, 0));
	for (size_t i = 0; i < 36; i++)
		if (calls[i].result != (int64_t)(FREE + i * 2 * PAGE))
			record(i);
	record((uint64_t)platform->host_calls(thread, calls, 37, NULL, 0));
	record((uint64_t)platform->host_calls(thread, calls, 0, NULL, 0));
	calls[0] = (struct pico_host_call){SYS_munmap, {FREE, PAGE}, 1};
	record((uint64_t)platform->host_calls(thread, calls, 1, NULL, 0));
	record((uint64_t)calls[0].result);
}

static void batch_may_be_longer_than_a_slot(void **state)
{
	step = run_long_batches;
	RUN(one_step, 1);
	assert_logged(0, (uint64_t)-EINVAL, 0, 0, 0, (uint64_t)-ENOSYS);
}

/* A memory file that holds one number. */
static int number_file(uint64_t number)
{
	int file = memfd_create("number", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, PAGE) != 0 || pwrite(file, &number, sizeof(number), 0) != sizeof(number))
		record(0xbad);
	return file;
}

/* Map files one behind the other by one grant, and record what the guest's memory then holds. */
static void map_numbers(struct pico_thread *thread, const int *files, size_t count)
{
	struct pico_host_call calls[8];
	uint64_t number;

	for (size_t i = 0; i < count; i++)
		calls[i] = (struct pico_host_call)MAP(FREE + i * PAGE, PAGE, PROT_READ, MAP_SHARED, i);
	record((uint64_t)platform->host_calls(thread, calls, count, files, count));
	for (size_t i = 0; i < count; i++) {
		number = 0;
		platform->read_memory(platform->process_of(thread), FREE + i * PAGE, &number, sizeof(number));
		record(number);
	}
}

static void grant_eight(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_host_call late = MAP(FREE, PAGE, PROT_READ, MAP_SHARED, 0);
	int files[9];

	for (int i = 0; i < 9; i++)
		files[i] = number_file(100 + (uint64_t)i);
	map_numbers(thread, files, 8);
	/* Granted for the time of one batch. */
	platform->host_calls(thread, &late, 1, NULL, 0);
	record((uint64_t)late.result);
	record((uint64_t)platform->host_calls(thread, &late, 1, files, 9));
	for (int i = 0; i < 9; i++)
		close(files[i]);
}

static void descriptors_are_granted_by_number_for_one_batch(void **state)
{
	step = grant_eight;
	RUN(one_step, 1);
	assert_logged(0, 100, 101, 102, 103, 104, 105, 106, 107, (uint64_t)-EBADF, (uint64_t)-EINVAL, (uint64_t)-ENOSYS);
}

static _Atomic int mixed_up;

/* The guest says in rdi who it is: its grants must be its own whatever others get at the same moment. */
static void grant_own_number(struct pico_thread *thread, struct pico_system_call *call)
{
	uint64_t number = call->arguments[0], seen = 0;
	int file = number_file(number);
	struct pico_host_call calls[] = {MAP(FREE, PAGE, PROT_READ, MAP_SHARED, 0), {SYS_munmap, {FREE + PAGE, PAGE}, 0}};

	if (platform->host_calls(thread, calls, 2, &file, 1) != 0)
		mixed_up++;
	platform->read_memory(platform->process_of(thread), FREE, &seen, sizeof(seen));
	mixed_up += seen != number;
	close(file);
	call->result = 0;
}

static void grants_after_fork_reach_the_process_they_are_for(void **state)
{
	/* Three generations, each of which asks twenty times for what is its own. */
	GUEST_CODE(family, "mov $1, %r12d\nmov $3, %r13d\n"
			   "1: mov $20, %r14d\n2: mov %r12, %rdi\nsys 3004\ndec %r14d\njnz 2b\n"
			   "sys 3001\nlea (%rax, %r12, 2), %r12\ndec %r13d\njnz 1b\nend");

	mixed_up = 0;
	step = grant_own_number;
	RUN(family, 8);
	assert_int_equal(mixed_up, 0);
}

static void threads_of_one_process_share_its_grants_in_turn(void **state)
{
	GUEST_CODE(team, "sys 3002\nsys 3002\nmov $50, %r14d\n2: sys 3004\ndec %r14d\njnz 2b\nend");

	mixed_up = 0;
	step = grant_own_number; /* rdi is the same in all of them, and what is mapped is the same number */
	RUN(team, 4);
	assert_int_equal(mixed_up, 0);
}

static void swap_words(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_process *process = platform->process_of(thread);
	uint32_t word = 7, expected = 7;

	platform->write_memory(process, DATA, &word, sizeof(word));
	record((uint64_t)platform->compare_exchange(thread, DATA, &expected, 9));
	record((uint64_t)platform->compare_exchange(thread, DATA, &expected, 11));
	record(expected);
	platform->read_memory(process, DATA, &word, sizeof(word));
	record(word);
	record((uint64_t)platform->compare_exchange(thread, FREE, &expected, 1));
	record((uint64_t)platform->compare_exchange(thread, STACK, &expected, 1)); /* read-only */
	call->result = 5;
}

static void compare_exchange_swaps_tells_or_faults(void **state)
{
	step = swap_words;
	RUN(one_step, 1);
	assert_logged(1, 0, 9, 9, (uint64_t)-EFAULT, (uint64_t)-EFAULT, 5);
}

static void swap_for_everyone(struct pico_thread *thread, struct pico_system_call *call)
{
	uint32_t expected = 0;
	int result;

	do
		result = platform->compare_exchange(thread, DATA, &expected, expected + 1);
	while (result == 0);
	if (result < 0)
		mixed_up++;
}

static void compare_exchange_is_atomic_between_threads(void **state)
{
	GUEST_CODE(adders, "sys 3002\nmov $200, %r14d\n2: sys 3004\ndec %r14d\njnz 2b\n"
			   "mov $0x410000, %ebx\n3: pause\ncmpl $400, (%rbx)\njb 3b\nmov (%rbx), %edi\nlog\nend");

	mixed_up = 0;
	step = swap_for_everyone;
	RUN(adders, 2);
	assert_int_equal(mixed_up, 0);
	assert_logged(400, 400);
}

static char bytes[8 * PAGE];

static int64_t read_guest(struct pico_thread *thread, uint64_t address, size_t size)
{
	return platform->read_memory(platform->process_of(thread), address, bytes, size);
}

static int64_t write_guest(struct pico_thread *thread, uint64_t address, size_t size)
{
	return platform->write_memory(platform->process_of(thread), address, bytes, size);
}

/* FREE: three pages, of which the middle one can't be touched and the third only be read; then a hole, then a page. */
static void copy_over_holes(struct pico_thread *thread, struct pico_system_call *call)
{
	struct pico_host_call calls[] = {
		MAP(FREE, 5 * PAGE, RW, PRIVATE, -1),
		{SYS_mprotect, {FREE + PAGE, PAGE, PROT_NONE}, 0},
		{SYS_mprotect, {FREE + 2 * PAGE, PAGE, PROT_READ}, 0},
		{SYS_munmap, {FREE + 3 * PAGE, PAGE}, 0},
	};
	const uint64_t limit = platform->highest_address;

	record((uint64_t)platform->host_calls(thread, calls, 4, NULL, 0));
	record((uint64_t)read_guest(thread, FREE, 3 * PAGE));
	record((uint64_t)read_guest(thread, FREE + PAGE - 5, 10));
	record((uint64_t)write_guest(thread, FREE + 100, 5 * PAGE));
	record((uint64_t)read_guest(thread, FREE + PAGE, 1));
	record((uint64_t)read_guest(thread, FREE + 2 * PAGE + 10, 2 * PAGE));
	record((uint64_t)write_guest(thread, FREE + 2 * PAGE, 8));
	record((uint64_t)read_guest(thread, FREE + 3 * PAGE + 4090, 12));
	record((uint64_t)write_guest(thread, FREE + 4 * PAGE, 2 * PAGE));
	record((uint64_t)read_guest(thread, FREE, 0));
	record((uint64_t)read_guest(thread, limit, 1));
	record((uint64_t)read_guest(thread, UINT64_MAX - 3, 8));
	record((uint64_t)read_guest(thread, CODE - 8, 16));
}

static void copies_end_where_memory_does(void **state)
{
	const uint64_t fault_ = (uint64_t)-EFAULT;

	step = copy_over_holes;
	RUN(one_step, 1);
	assert_int_equal(log_count, 14);
	assert_int_equal(logged[1], PAGE);
	assert_int_equal(logged[2], 5);
	assert_int_equal(logged[3], PAGE - 100);
	assert_int_equal(logged[4], fault_);
	assert_int_equal(logged[5], PAGE - 10);
	assert_int_equal(logged[6], fault_);
	assert_int_equal(logged[7], fault_);
	assert_int_equal(logged[8], PAGE);
	assert_int_equal(logged[9], 0);
	/* Nothing of the host's own half of addresses is ever asked for. */
	assert_true(logged[10] == 0 || logged[10] == fault_);
	assert_true(logged[11] == 0 || logged[11] == fault_);
	assert_int_equal(logged[12], fault_);
}

static void large_copies_arrive_whole(void **state)
{
	GUEST_CODE(nothing, "end");
	static char back[sizeof(bytes)];
	struct pico_process *process;
	struct pico_thread *thread;

	assert_int_equal(platform->process_create(&process, &thread), 0);
	assert_int_equal(prepare(NULL, thread, nothing, (size_t)(nothing_end - nothing)), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / PAGE);
	for (size_t shift = 0; shift < 3; shift++) {
		assert_int_equal(platform->write_memory(process, DATA + shift, bytes, sizeof(bytes)), sizeof(bytes));
		assert_int_equal(platform->read_memory(process, DATA + shift, back, sizeof(back)), sizeof(back));
		assert_memory_equal(bytes, back, sizeof(back));
	}
	assert_int_equal(platform->thread_start(thread, &first_registers, NULL), 0);
	while (sem_wait(&ended) != 0)
		continue;
	/* Its task goes after its last moment; then there is no memory. */
	while (platform->read_memory(process, DATA, back, 1) != -ESRCH)
		continue;
	platform->process_dereference(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		pico_test(batch_goes_on_after_a_failure),
		pico_test(batch_may_be_longer_than_a_slot),
		pico_test(descriptors_are_granted_by_number_for_one_batch),
		pico_test(grants_after_fork_reach_the_process_they_are_for),
		pico_test(threads_of_one_process_share_its_grants_in_turn),
		pico_test(compare_exchange_swaps_tells_or_faults),
		pico_test(compare_exchange_is_atomic_between_threads),
		pico_test(copies_end_where_memory_does),
		pico_test(large_copies_arrive_whole),
	};

	return cmocka_run_group_tests_name("pico calls", tests, start_platform, stop_platform);
}
