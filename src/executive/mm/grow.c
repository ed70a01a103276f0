/*
 * Areas that grow down (MAP_GROWSDOWN): the host extends them at a fault, without a word. Before the tree is used for a
 * change, the pages below each such area are asked for; msync(2) without a wait tells what is mapped and does nothing else.
 * The initial stack is no case of it: exec maps its whole reserve, up to the limit, and what a changed limit makes of that is
 * done here: a lower one takes away what has not been used, and below a higher one faults are answered with more.
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

#define STACK_GUARD (1ull << 20) /* stays free below it */
#define STACK_STEP (64ull << 10)

/* The end of the initial stack of which this is a part. */
static uint64_t stack_top(struct mm_vad *vad)
{
	struct mm_vad *next;

	while ((next = mm_vad_next(vad)) && (next->flags & MM_STACK) && next->start == vad->end)
		vad = next;
	return vad->end;
}

/* What there is to be mapped so that the stack reaches an address below it. False: it is not below the stack, or too far. */
static bool plan_growth(struct mm_address_space *space, uint64_t address, struct mm_map_request *request)
{
	MM_HOLD(space);
	struct mm_vad *vad = mm_vad_find(space, address);
	uint64_t start = ALIGN_DOWN(address, MM_PAGE_SIZE), lowest;

	if (!vad || vad->start <= address || !(vad->flags & MM_STACK) || !mm_is_guest_range(space, start, vad->start - start))
		return false;
	lowest = stack_top(vad);
	lowest -= MIN_OF(lowest, ALIGN_DOWN(space->limits.stack, MM_PAGE_SIZE));
	if (start < lowest || start < space->platform->lowest_address + STACK_GUARD ||
	    mm_vad_intersecting(space, start - STACK_GUARD, vad->start))
		return false;
	start = MAX_OF(start - STACK_STEP, lowest);
	if (mm_vad_intersecting(space, start - STACK_GUARD, vad->start))
		start = ALIGN_DOWN(address, MM_PAGE_SIZE);
	*request = (struct mm_map_request){.address = start,
					   .size = vad->start - start,
					   .protection = vad->protection,
					   .flags = MM_STACK | MM_GROWSDOWN | MM_NORESERVE,
					   .no_replace = true};
	return true;
}

bool mm_grow_stack(struct mm_address_space *space, uint64_t address)
{
	struct mm_map_request request;
	uint64_t at;

	return plan_growth(space, address, &request) && NT_SUCCESS(mm_map(space, &request, &at));
}

/* What lies beyond the limit and below the page under the one in use: the red zone may reach there. */
static bool plan_trim(struct mm_address_space *space, uint64_t used, uint64_t *start, uint64_t *end)
{
	MM_HOLD(space);
	struct mm_vad *vad = mm_vad_find(space, used);

	if (!vad || vad->start > used || !(vad->flags & MM_STACK))
		return false;
	*start = vad->start;
	*end = stack_top(vad);
	*end -= MIN_OF(*end, ALIGN_DOWN(space->limits.stack, MM_PAGE_SIZE));
	*end = MIN_OF(*end, ALIGN_DOWN(used, MM_PAGE_SIZE) - MM_PAGE_SIZE);
	return *start < *end;
}

void mm_trim_stack(struct mm_address_space *space, uint64_t used)
{
	uint64_t start, end;

	if (plan_trim(space, used, &start, &end))
		mm_unmap(space, start, end - start);
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
