/*
 * Areas that grow down (MAP_GROWSDOWN): the host extends them at a fault, without a word. Before the tree is used for a
 * change, the pages below each such area are asked for; msync(2) without a wait tells what is mapped and does nothing else.
 * The initial stack is no case of it: exec maps its whole reserve.
 */
#include <executive/mm/space.h>

#include <sys/mman.h>
#include <sys/syscall.h>

/* Is all between the address and the area mapped? */
static bool has_grown_to(struct mm_address_space *space, const struct mm_vad *vad, uint64_t address)
{
	return NT_SUCCESS(mm_host_call(space, SYS_msync, address, vad->start - address, MS_ASYNC, 0, 0));
}

/* Growth has no holes: double the distance while it is mapped, then halve it. */
static uint64_t find_start(struct mm_address_space *space, const struct mm_vad *vad, uint64_t lowest)
{
	uint64_t mapped = vad->start, step = MM_PAGE_SIZE;

	while (mapped - lowest >= step && has_grown_to(space, vad, mapped - step)) {
		mapped -= step;
		step *= 2;
	}
	while ((step /= 2) >= MM_PAGE_SIZE)
		if (mapped - lowest >= step && has_grown_to(space, vad, mapped - step))
			mapped -= step;
	return mapped;
}

void mm_follow_growth(struct mm_address_space *space)
{
	const struct mm_vad *first = mm_vad_first(space);
	uint64_t lowest = space->platform->lowest_address;

	if (!space->growing_count)
		return;
	if (first->start >= space->platform->own_end)
		lowest = mm_search_start(space);
	for (struct mm_vad *vad = mm_vad_first(space); vad; vad = mm_vad_next(vad)) {
		if (mm_is_growing(vad)) {
			uint64_t start = find_start(space, vad, lowest);

			if (start < vad->start)
				mm_vad_extend_down(space, vad, start);
		}
		lowest = vad->end;
		if (lowest <= space->platform->own_start && mm_vad_next(vad) && mm_vad_next(vad)->start >= space->platform->own_end)
			lowest = space->platform->own_end;
	}
}
