/*
 * Where a new mapping goes: Linux' rules for x86-64. Without a wish the highest hole below mmap_base that is large enough;
 * a wish is taken if it is free; an area that grows down keeps a guard gap below it. Limits are checked here too.
 */
#include <executive/mm/space.h>
#include <executive/ps/ps.h>
#include <executive/se/se.h>

#define LOW_2G_START 0x40000000ull
#define LOW_2G_END 0x80000000ull

/* The end of what may be used below an area. */
static uint64_t guarded_start(const struct mm_vad *vad)
{
	if (!(vad->flags & MM_GROWSDOWN))
		return vad->start;
	return vad->start > MM_GUARD_SIZE ? vad->start - MM_GUARD_SIZE : 0;
}

struct hole_search {
	uint64_t low, high, size;
	bool top_down;
};

static uint64_t take_hole(const struct hole_search *search, uint64_t left, uint64_t right)
{
	left = MAX_OF(left, search->low);
	right = MIN_OF(right, search->high);
	if (right <= left || right - left < search->size)
		return 0;
	return search->top_down ? right - search->size : left;
}

/* Is there, going by the summaries alone, a hole below `vad` between the edges that would do? */
static bool may_have_hole(const struct hole_search *search, const struct mm_vad *vad, uint64_t left, uint64_t right)
{
	if (right <= search->low || left >= search->high)
		return false;
	return vad->subtree_hole >= search->size || vad->subtree_start - left >= search->size ||
	       (right > vad->subtree_end && right - vad->subtree_end >= search->size);
}

/* The holes of a subtree lie between left (an area's end) and right (the next one's guarded start). As deep as the tree. */
static uint64_t search_holes(const struct hole_search *search, const struct mm_vad *vad, uint64_t left, uint64_t right)
{
	uint64_t found;

	if (!vad)
		return take_hole(search, left, right);
	if (!may_have_hole(search, vad, left, right))
		return 0;
	if (search->top_down) {
		found = search_holes(search, RB_RIGHT(vad, tree), vad->end, right);
		return found ? found : search_holes(search, RB_LEFT(vad, tree), left, guarded_start(vad));
	}
	found = search_holes(search, RB_LEFT(vad, tree), left, guarded_start(vad));
	return found ? found : search_holes(search, RB_RIGHT(vad, tree), vad->end, right);
}

uint64_t mm_find_top_down(struct mm_address_space *space, uint64_t low, uint64_t high, uint64_t size)
{
	struct hole_search search = {low, high, size, true};

	return search_holes(&search, RB_ROOT(&space->tree), 0, UINT64_MAX);
}

uint64_t mm_find_bottom_up(struct mm_address_space *space, uint64_t low, uint64_t high, uint64_t size)
{
	struct hole_search search = {low, high, size, false};

	return search_holes(&search, RB_ROOT(&space->tree), 0, UINT64_MAX);
}

/* Huge pages can only back a mapping of whole ones if it begins on one. */
static uint64_t find_huge_aligned(struct mm_address_space *space, uint64_t high, uint64_t size)
{
	uint64_t found = mm_find_top_down(space, mm_search_start(space), high, size + MM_HUGE_PAGE_SIZE);

	if (!found)
		return 0;
	return found % MM_HUGE_PAGE_SIZE ? ALIGN_UP(found, MM_HUGE_PAGE_SIZE) : found + MM_HUGE_PAGE_SIZE;
}

static uint64_t find_anywhere(struct mm_address_space *space, const struct mm_map_request *request, uint64_t size)
{
	uint64_t low = mm_search_start(space), high = space->mmap_base, found = 0;

	if (request->low_2g)
		return mm_find_bottom_up(space, MAX_OF(low, LOW_2G_START), LOW_2G_END, size);
	if (!request->section && !request->address && size % MM_HUGE_PAGE_SIZE == 0)
		found = find_huge_aligned(space, high, size);
	if (!found)
		found = mm_find_top_down(space, low, high, size);
	if (!found) /* what lies above mmap_base, and below it from a third of the space upwards */
		found = mm_find_bottom_up(space, MAX_OF(low, ALIGN_UP(space->platform->highest_address / 3, MM_PAGE_SIZE)),
					  space->platform->highest_address, size);
	return found;
}

static bool hint_is_free(struct mm_address_space *space, const struct mm_map_request *request, uint64_t hint, uint64_t size)
{
	uint64_t end = request->low_2g ? LOW_2G_END : space->platform->highest_address;
	struct mm_vad *vad;

	if (size > end || hint > end - size || mm_touches_platform(space, hint, hint + size))
		return false;
	vad = mm_vad_find(space, hint);
	return !vad || hint + size <= guarded_start(vad);
}

static NTSTATUS place_fixed(struct mm_address_space *space, const struct mm_map_request *request, uint64_t size)
{
	if (request->address > space->platform->highest_address - size)
		return STATUS_NO_MEMORY;
	if (!mm_is_aligned(request->address))
		return STATUS_INVALID_PARAMETER;
	/* The platform's own pages are refused as what lies below vm.mmap_min_addr. */
	if (request->address < space->platform->lowest_address || mm_touches_platform(space, request->address, request->address + size))
		return STATUS_PRIVILEGE_NOT_HELD;
	if (request->no_replace && mm_vad_intersecting(space, request->address, request->address + size))
		return STATUS_CONFLICTING_ADDRESSES;
	return STATUS_SUCCESS;
}

NTSTATUS mm_place(struct mm_address_space *space, const struct mm_map_request *request, uint64_t size, uint64_t *address)
{
	uint64_t hint = ALIGN_DOWN(request->address, MM_PAGE_SIZE);

	if (size > space->platform->highest_address)
		return STATUS_NO_MEMORY;
	*address = request->address;
	if (request->fixed || request->no_replace)
		return place_fixed(space, request, size);
	if (hint && hint < space->platform->lowest_address)
		hint = space->platform->lowest_address;
	if (hint && hint_is_free(space, request, hint, size)) {
		*address = hint;
		return STATUS_SUCCESS;
	}
	*address = find_anywhere(space, request, size);
	return *address ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

bool mm_may_have_data(const struct mm_address_space *space, uint64_t size)
{
	/* A soft limit of nothing at all is one of the heap alone, as on Linux: old programs set it. */
	uint64_t limit = space->limits.data ?: space->limits.data_most;

	return size <= limit && space->usage.data <= limit - size;
}

bool mm_may_expand(struct mm_address_space *space, uint64_t size, uint32_t protection, uint32_t flags)
{
	const struct mm_space_limits *limits = &space->limits;

	if (size > limits->address_space || space->usage.virtual_size > limits->address_space - size)
		return false;
	return !mm_vad_is_data(protection, flags) || mm_may_have_data(space, size);
}

/* SeLockMemoryPrivilege, which is CAP_IPC_LOCK. */
bool mm_may_lock_freely(void)
{
	const struct ps_thread *thread = ps_current_thread();
	const struct se_token *token = !thread ? NULL : thread->token ? thread->token : thread->process->token;

	return token && se_effective(token) >> 14 & 1;
}

bool mm_may_lock(struct mm_address_space *space, uint64_t size)
{
	if (mm_may_lock_freely())
		return true;
	return size <= space->limits.locked && space->usage.locked <= space->limits.locked - size;
}
