/*
 * The files of a task's memory that are bytes at places: mem, pagemap, and clear_refs, which is only written. They belong to
 * the memory that the task had when they were opened, and say so when that is gone, whatever the task has become.
 */
#include <core/thread.h>
#include <proc/procfs.h>

#define CHUNK_SIZE (16u << 10)
#define ENTRY_SIZE sizeof(uint64_t)
#define FRAME_BITS ((1ull << 55) - 1)
#define CLEAR_REFS_LAST 5

struct memory {
	struct mm_address_space *space;
	struct lx_process *process; /* whose it was; referenced */
	bool shows_frames; /* the opener may know where pages lie in the machine's memory */
};

NTSTATUS lx_proc_has_memory(const struct procfs_subject *subject)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	return status != STATUS_SUCCESS || view.space ? status : lx_proc_error(LX_ESRCH);
}

static NTSTATUS open_memory(const struct procfs_subject *subject, void **state)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	const struct lx_thread *self = lx_current();
	struct memory *memory;

	if (status != STATUS_SUCCESS || !view.space)
		return lx_proc_error(LX_ESRCH);
	memory = calloc(1, sizeof *memory);
	if (!memory)
		return STATUS_NO_MEMORY;
	memory->space = steal_pointer(&view.space);
	memory->process = steal_pointer(&view.process);
	memory->shows_frames = !self || lx_capable(self, LX_CAP_SYS_ADMIN);
	*state = memory;
	return STATUS_SUCCESS;
}

static void close_memory(void *state)
{
	struct memory *memory = state;

	mm_dereference_space(memory->space);
	lx_process_dereference(memory->process);
	free(memory);
}

/* Its process has ended or runs another program: the host may take a moment longer to give the memory up. */
static bool is_gone(const struct memory *memory)
{
	struct mm_address_space *now;

	if (atomic_load(&memory->process->shares_space))
		return false;
	if (memory->process->state >= LX_ZOMBIE)
		return true;
	now = ps_reference_space(memory->process->ps);
	if (now)
		mm_dereference_space(now);
	return now != memory->space;
}

/* --- mem */

/* No bytes, where there were to be some, are an error; with no task left in the memory there is nothing to be read or written. */
static NTSTATUS copied(NTSTATUS status, size_t total, ULONG_PTR *done)
{
	*done = total;
	if (total || status == lx_proc_error(LX_ESRCH))
		return STATUS_SUCCESS;
	return status;
}

/* One piece, at `at` of the buffer, from or to the memory: *got bytes. */
static NTSTATUS copy_piece(struct memory *memory, uint64_t address, const struct io_buffer *buffer, size_t at, size_t size,
			   bool write, size_t *got)
{
	uint8_t chunk[CHUNK_SIZE];
	NTSTATUS status;

	if (write && io_buffer_get(buffer, at, chunk, size) < size)
		return STATUS_ACCESS_VIOLATION;
	status = mm_force_copy(memory->space, address, chunk, size, write, got);
	if (status == STATUS_SUCCESS && !write && io_buffer_put(buffer, at, chunk, *got) < *got)
		return STATUS_ACCESS_VIOLATION;
	return status;
}

static NTSTATUS copy_mem(struct memory *memory, uint64_t offset, const struct io_buffer *buffer, bool write, ULONG_PTR *done)
{
	size_t size = is_gone(memory) ? 0 : io_buffer_size(buffer), total = 0, got = 1;
	NTSTATUS status = STATUS_SUCCESS;

	while (total < size && status == STATUS_SUCCESS && got) {
		status = copy_piece(memory, offset + total, buffer, total, MIN_OF(size - total, (size_t)CHUNK_SIZE), write, &got);
		total += status == STATUS_SUCCESS ? got : 0;
	}
	return copied(status, total, done);
}

static NTSTATUS read_mem(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done)
{
	return copy_mem(state, offset, buffer, false, done);
}

static NTSTATUS write_mem(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done)
{
	return copy_mem(state, offset, buffer, true, done);
}

const struct procfs_bytes lx_proc_mem = {open_memory, close_memory, read_mem, write_mem};

/* --- pagemap: eight bytes a page */

static NTSTATUS read_pagemap(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done)
{
	struct memory *memory = state;
	const uint64_t end = ps_platform()->highest_address / LX_PAGE_SIZE * ENTRY_SIZE;
	size_t size = io_buffer_size(buffer), total = 0;
	uint64_t entries[CHUNK_SIZE / ENTRY_SIZE];

	if (offset % ENTRY_SIZE || size % ENTRY_SIZE)
		return lx_proc_error(LX_EINVAL);
	size = offset < end && !is_gone(memory) ? (size_t)MIN_OF((uint64_t)size, end - offset) : 0;
	while (total < size) {
		size_t count = MIN_OF(size - total, sizeof entries) / ENTRY_SIZE;

		if (mm_page_map(memory->space, (offset + total) / ENTRY_SIZE * LX_PAGE_SIZE, entries, count) != STATUS_SUCCESS)
			break;
		for (size_t i = 0; i < count && !memory->shows_frames; i++)
			entries[i] &= ~FRAME_BITS;
		if (io_buffer_put(buffer, total, entries, count * ENTRY_SIZE) < count * ENTRY_SIZE)
			return STATUS_ACCESS_VIOLATION;
		total += count * ENTRY_SIZE;
	}
	*done = total;
	return STATUS_SUCCESS;
}

const struct procfs_bytes lx_proc_pagemap = {open_memory, close_memory, read_pagemap, NULL};

/* --- clear_refs */

static NTSTATUS open_subject(const struct procfs_subject *subject, void **state)
{
	struct procfs_subject *copy = malloc(sizeof *copy);

	if (!copy)
		return STATUS_NO_MEMORY;
	*copy = *subject;
	*state = copy;
	return STATUS_SUCCESS;
}

static NTSTATUS write_clear_refs(void *state, uint64_t offset, const struct io_buffer *buffer, ULONG_PTR *done)
{
	cleanup_proc_view struct lx_proc_view view = {0};
	size_t size = io_buffer_size(buffer);
	char data[13] = {0}, *end;
	NTSTATUS status;
	long which;

	if (io_buffer_get(buffer, 0, data, MIN_OF(size, sizeof data - 1)) < MIN_OF(size, sizeof data - 1))
		return STATUS_ACCESS_VIOLATION;
	which = strtol(data, &end, 10);
	if (end == data || (*end && *end != '\n') || which < 1 || which > CLEAR_REFS_LAST)
		return lx_proc_error(LX_EINVAL);
	status = lx_proc_look(state, &view);
	if (status == STATUS_SUCCESS && view.space)
		status = mm_clear_references(view.space, (int)which);
	if (status == STATUS_SUCCESS)
		*done = size;
	return status;
}

const struct procfs_bytes lx_proc_clear_refs = {open_subject, free, NULL, write_clear_refs};
