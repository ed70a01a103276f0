/*
 * What the host alone can tell of a space, and a debugger's way to its memory: for /proc/<pid>. Areas that are not the guest's
 * own don't show. No lock is held while the host is asked.
 */
#include <executive/mm/space.h>

size_t mm_host_text(struct mm_address_space *space, enum pico_text which, char **text)
{
	int64_t size = -1;

	*text = NULL;
	if (space->platform->process_text)
		size = space->platform->process_text(space->process, which, text);
	return size < 0 ? 0 : (size_t)size;
}

/* The part of a range that lies in one area, or in the hole before it. True: an area. */
static bool next_part(struct mm_address_space *space, uint64_t address, uint64_t end, uint64_t *part_end)
{
	MM_HOLD_TREE(space);
	const struct mm_vad *vad = mm_vad_find(space, address);
	bool inside = vad && vad->start <= address;

	*part_end = !vad ? end : MIN_OF(end, inside ? vad->end : vad->start);
	return inside;
}

NTSTATUS mm_page_map(struct mm_address_space *space, uint64_t address, uint64_t *entries, size_t count)
{
	uint64_t end = address + count * MM_PAGE_SIZE, part_end;
	int64_t got;

	memset(entries, 0, count * sizeof(*entries));
	for (uint64_t at = address; at < end; at = part_end) {
		if (!next_part(space, at, end, &part_end))
			continue;
		got = !space->platform->page_map ? -1 :
						   space->platform->page_map(space->process, at, entries + (at - address) / MM_PAGE_SIZE,
									     (part_end - at) / MM_PAGE_SIZE);
		if (got < 0)
			return nt_status_from_errno(3); /* ESRCH */
	}
	return STATUS_SUCCESS;
}

#define PAGES_AT_ONCE 512
#define PAGE_IS_THERE (3ull << 62) /* in memory, or swapped out */

uint64_t mm_stack_start(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	uint64_t entries[PAGES_AT_ONCE], used = MIN_OF(end, MAX_OF(start, space->stack_account));
	size_t count;

	for (uint64_t at = start; at < used; at += count * MM_PAGE_SIZE) {
		count = MIN_OF((used - at) / MM_PAGE_SIZE, (uint64_t)PAGES_AT_ONCE);
		if (!NT_SUCCESS(mm_page_map(space, at, entries, count)))
			break;
		for (size_t i = 0; i < count; i++)
			if (entries[i] & PAGE_IS_THERE)
				return at + i * MM_PAGE_SIZE;
	}
	return used;
}

NTSTATUS mm_clear_references(struct mm_address_space *space, int which)
{
	int error = space->platform->clear_references ? space->platform->clear_references(space->process, which) : 0;

	return error ? nt_status_from_errno(-error) : STATUS_SUCCESS;
}

NTSTATUS mm_force_copy(struct mm_address_space *space, uint64_t address, void *data, size_t size, bool writing, size_t *done)
{
	uint64_t end = address + size, part_end;
	int64_t copied;

	*done = 0;
	if (end < address || !mm_is_guest_range(space, address, size) || !next_part(space, address, end, &part_end) ||
	    !space->platform->force_memory)
		return nt_status_from_errno(5); /* EIO */
	copied = space->platform->force_memory(space->process, address, data, part_end - address, writing);
	if (copied < 0)
		return nt_status_from_errno((int)-copied);
	*done = (size_t)copied;
	return STATUS_SUCCESS;
}

struct pico_usage mm_usage(struct mm_address_space *space)
{
	struct pico_usage usage = {0};

	if (space->platform->process_usage)
		space->platform->process_usage(space->process, false, &usage);
	return usage;
}

struct pico_process *mm_reference_process(struct mm_address_space *space)
{
	space->platform->process_reference(space->process);
	return space->process;
}
