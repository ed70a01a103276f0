/*
 * mremap(2): shrinking, growing in place, moving, and copying of shared mappings (old size 0). The host moves the pages;
 * the tree moves the areas. MREMAP_DONTUNMAP leaves the old area behind, empty.
 */
#include <executive/mm/space.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

struct remap {
	struct mm_address_space *space;
	uint64_t old, old_size, new_size, wanted; /* sizes rounded up to pages */
	uint32_t flags;
};

static NTSTATUS check_arguments(const struct remap *remap)
{
	uint64_t highest = remap->space->platform->highest_address;

	if (remap->flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || !mm_is_aligned(remap->old) ||
	    !remap->new_size || remap->new_size > highest)
		return STATUS_INVALID_PARAMETER;
	if (!(remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return STATUS_SUCCESS;
	if (!(remap->flags & MREMAP_MAYMOVE) || ((remap->flags & MREMAP_DONTUNMAP) && remap->old_size != remap->new_size))
		return STATUS_INVALID_PARAMETER;
	if (!(remap->flags & MREMAP_FIXED))
		return STATUS_SUCCESS;
	if (!mm_is_aligned(remap->wanted) || remap->wanted > highest - remap->new_size)
		return STATUS_INVALID_PARAMETER;
	if (remap->old + remap->old_size > remap->wanted && remap->wanted + remap->new_size > remap->old)
		return STATUS_INVALID_PARAMETER;
	if (remap->wanted < remap->space->platform->lowest_address ||
	    mm_touches_platform(remap->space, remap->wanted, remap->wanted + remap->new_size))
		return STATUS_PRIVILEGE_NOT_HELD;
	return STATUS_SUCCESS;
}

/* Is the old range one area, and one that may do this? `vad` holds its start. */
static NTSTATUS check_area(const struct remap *remap, const struct mm_vad *vad)
{
	uint64_t growth = remap->new_size - remap->old_size;

	if (!remap->old_size)
		return vad->flags & MM_SHARED ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	if (remap->flags & MREMAP_DONTUNMAP && vad->flags & MM_SPECIAL)
		return STATUS_INVALID_PARAMETER;
	if (remap->old_size > vad->end - remap->old)
		return STATUS_ACCESS_VIOLATION;
	if (remap->new_size <= remap->old_size)
		return STATUS_SUCCESS;
	if (vad->flags & MM_SPECIAL)
		return STATUS_ACCESS_VIOLATION;
	if (vad->section && vad->offset + (remap->old - vad->start) + remap->new_size < vad->offset)
		return STATUS_INVALID_PARAMETER;
	if ((vad->flags & MM_LOCKED) && !mm_may_lock(remap->space, growth))
		return STATUS_RETRY;
	return STATUS_SUCCESS;
}

static bool may_grow(const struct remap *remap, const struct mm_vad *vad)
{
	uint64_t size = remap->flags & MREMAP_DONTUNMAP ? remap->new_size : remap->new_size - MIN_OF(remap->old_size, remap->new_size);

	return mm_may_expand(remap->space, size, vad->protection, vad->flags);
}

static bool fits_in_place(const struct remap *remap, const struct mm_vad *vad)
{
	uint64_t end = remap->old + remap->new_size;

	return remap->old_size && remap->old + remap->old_size == vad->end && end > vad->end &&
	       end <= remap->space->platform->highest_address && !mm_touches_platform(remap->space, vad->end, end) &&
	       !mm_vad_intersecting(remap->space, vad->end, end);
}

static NTSTATUS grow_in_place(const struct remap *remap, struct mm_vad *vad)
{
	struct mm_vad grown = *vad;
	NTSTATUS status = mm_host_call(remap->space, SYS_mremap, remap->old, remap->old_size, remap->new_size, 0,
				       mm_search_start(remap->space)); /* unused, but the filter wants it high */

	if (!NT_SUCCESS(status))
		return status;
	grown.offset += vad->end - vad->start;
	grown.start = vad->end;
	grown.end = remap->old + remap->new_size;
	mm_vad_insert(remap->space, &grown);
	mm_vad_merge(remap->space, grown.start, grown.end);
	return STATUS_SUCCESS;
}

/* The area at its new place, as the tree will show it. */
static struct mm_vad moved_area(const struct remap *remap, const struct mm_vad *vad, uint64_t target)
{
	struct mm_vad moved = *vad;

	moved.offset += remap->old - vad->start;
	moved.start = target;
	moved.end = target + remap->new_size;
	if (moved.section)
		ob_reference(moved.section);
	mm_name_reference(moved.name);
	return moved;
}

static void leave_old_area(const struct remap *remap)
{
	struct mm_address_space *space = remap->space;
	uint64_t end = remap->old + remap->old_size;

	if (!(remap->flags & MREMAP_DONTUNMAP)) {
		mm_vad_remove(space, remap->old, end);
		return;
	}
	mm_vad_carve(space, remap->old, end);
	for (struct mm_vad *vad = mm_vad_find(space, remap->old); vad && vad->start < end; vad = mm_vad_next(vad))
		mm_vad_update(space, vad, vad->protection, vad->flags & ~(MM_LOCKED | MM_LOCKONFAULT));
	mm_vad_merge(space, remap->old, end);
}

static NTSTATUS move(const struct remap *remap, const struct mm_vad *vad, uint64_t *address)
{
	struct mm_address_space *space = remap->space;
	struct mm_map_request place = {.address = remap->wanted, .section = vad->section, .fixed = remap->flags & MREMAP_FIXED};
	uint64_t target;
	struct mm_vad moved;
	NTSTATUS status;

	if (!place.fixed)
		place.address = 0;
	if (remap->flags & MREMAP_DONTUNMAP && !place.fixed)
		place.address = remap->wanted;
	status = mm_place(space, &place, remap->new_size, &target);
	if (NT_SUCCESS(status))
		status = mm_vad_reserve(space, 5);
	if (NT_SUCCESS(status))
		status = mm_host_call(space, SYS_mremap, remap->old, remap->old_size, remap->new_size,
				      remap->flags | MREMAP_MAYMOVE | MREMAP_FIXED, target);
	if (!NT_SUCCESS(status))
		return status;
	moved = moved_area(remap, vad, target);
	MM_HOLD_TREE(space);
	mm_vad_remove(space, target, target + remap->new_size);
	if (remap->old_size)
		leave_old_area(remap);
	mm_vad_insert(space, &moved);
	if (moved.section)
		ob_dereference(moved.section);
	mm_name_dereference(moved.name);
	mm_vad_merge(space, target, target + remap->new_size);
	*address = target;
	return STATUS_SUCCESS;
}

NTSTATUS mm_remap(struct mm_address_space *space, uint64_t old, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t wanted, uint64_t *address)
{
	MM_HOLD(space);
	struct remap remap = {space, old, ALIGN_UP(old_size, MM_PAGE_SIZE), ALIGN_UP(new_size, MM_PAGE_SIZE), wanted, flags};
	NTSTATUS status = check_arguments(&remap);
	struct mm_vad *vad;

	if (!NT_SUCCESS(status))
		return status;
	mm_follow_growth(space);
	vad = mm_vad_find(space, old);
	if (!vad || vad->start > old)
		return STATUS_ACCESS_VIOLATION;
	*address = old;
	/* What is cut off goes first, whatever lies in it. */
	if (remap.old_size > remap.new_size) {
		if (flags & MREMAP_FIXED && remap.old_size > vad->end - old)
			return STATUS_ACCESS_VIOLATION;
		status = mm_unmap(space, old + remap.new_size, remap.old_size - remap.new_size);
		if (!NT_SUCCESS(status) || !(flags & MREMAP_FIXED))
			return status;
		remap.old_size = remap.new_size;
		vad = mm_vad_find(space, old);
	}
	status = check_area(&remap, vad);
	if (!NT_SUCCESS(status))
		return status;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && remap.old_size == remap.new_size)
		return STATUS_SUCCESS;
	if (!may_grow(&remap, vad))
		return STATUS_NO_MEMORY;
	if (!NT_SUCCESS(mm_vad_reserve(space, 3)))
		return STATUS_NO_MEMORY;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && fits_in_place(&remap, vad))
		return grow_in_place(&remap, vad);
	if (!(flags & MREMAP_MAYMOVE))
		return STATUS_NO_MEMORY;
	return move(&remap, vad, address);
}

NTSTATUS mm_remap_file_pages(struct mm_address_space *space, uint64_t address, uint64_t size, uint64_t page, uint32_t flags)
{
	MM_HOLD(space);
	struct mm_vad *vad = mm_vad_find(space, address), *first;
	uint64_t end = address + size;
	struct mm_vad moved;
	NTSTATUS status;

	if (!vad || vad->start > address || !vad->section || !(vad->flags & MM_SHARED) || !mm_is_guest_range(space, address, size))
		return STATUS_INVALID_PARAMETER;
	/* Also over several areas of one object side by side, of one kind. */
	for (first = vad; vad->end < end; vad = mm_vad_next(vad)) {
		const struct mm_vad *next = mm_vad_next(vad);

		if (!next || next->start != vad->end || next->section != first->section || next->flags != first->flags || next->protection != first->protection)
			return STATUS_INVALID_PARAMETER;
	}
	if (!NT_SUCCESS(mm_vad_reserve(space, 3)))
		return STATUS_NO_MEMORY;
	status = mm_host_call(space, SYS_remap_file_pages, address, size, 0, page, flags);
	if (!NT_SUCCESS(status))
		return status;
	moved = *first;
	moved.start = address;
	moved.end = end;
	moved.offset = page * MM_PAGE_SIZE;
	ob_reference(moved.section);
	mm_name_reference(moved.name);
	MM_HOLD_TREE(space);
	mm_vad_remove(space, address, end);
	mm_vad_insert(space, &moved);
	ob_dereference(moved.section);
	mm_name_dereference(moved.name);
	mm_vad_merge(space, address, end);
	return STATUS_SUCCESS;
}
