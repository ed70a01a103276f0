/*
 * brk(2): a heap that begins where exec says and ends at the break. Failure is the old break, never an error. The heap is
 * ordinary private memory, so what the guest unmaps or protects in it is the tree's business.
 */
#include <executive/mm/space.h>

void mm_set_break_area(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	MM_HOLD(space);
	space->break_start = start;
	space->break_end = end;
}

static bool shrink_break(struct mm_address_space *space, uint64_t new_end, uint64_t old_end)
{
	return NT_SUCCESS(mm_unmap(space, new_end, old_end - new_end));
}

/* Room for the new pages, with a page to spare below what comes next, and the guard gap of a stack. */
static bool grow_break(struct mm_address_space *space, uint64_t old_end, uint64_t new_end)
{
	struct mm_vad *next = mm_vad_find(space, old_end);
	struct mm_map_request request = {
		.address = old_end,
		.size = new_end - old_end,
		.protection = MM_PROT_READ | MM_PROT_WRITE,
		.flags = MM_HEAP,
		.no_replace = true,
	};
	uint64_t guard = next && (next->flags & MM_GROWSDOWN) ? MM_GUARD_SIZE : 0, address;

	if (next && new_end + MM_PAGE_SIZE + guard > next->start)
		return false;
	return NT_SUCCESS(mm_map(space, &request, &address));
}

uint64_t mm_set_break(struct mm_address_space *space, uint64_t wanted)
{
	MM_HOLD(space);
	uint64_t old_end = ALIGN_UP(space->break_end, MM_PAGE_SIZE), new_end = ALIGN_UP(wanted, MM_PAGE_SIZE);

	/* RLIMIT_DATA is checked for the whole heap, before anything else, as Linux does. */
	if (wanted < space->break_start || wanted > space->platform->highest_address || wanted - space->break_start > space->limits.data)
		return space->break_end;
	if (new_end < old_end ? shrink_break(space, new_end, old_end) : new_end == old_end || grow_break(space, old_end, new_end))
		space->break_end = wanted;
	return space->break_end;
}
