/*
 * madvise(2) and msync(2). The host does what the advice says, in the guest; the tree remembers what fork needs to know.
 * As Linux does, the whole range is gone through even if it has holes, and then the answer is ENOMEM.
 */
#include <executive/mm/space.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct advice_effect {
	int32_t advice;
	uint32_t set, clear;
	bool (*allowed)(const struct mm_vad *vad);
};

static bool any_area(const struct mm_vad *vad)
{
	return true;
}

static bool private_memory(const struct mm_vad *vad)
{
	return !vad->section && !(vad->flags & (MM_SHARED | MM_SPECIAL));
}

static bool no_special(const struct mm_vad *vad)
{
	return !(vad->flags & MM_SPECIAL);
}

static bool not_droppable(const struct mm_vad *vad)
{
	return !(vad->flags & MM_DROPPABLE);
}

static const struct advice_effect effects[] = {
	{MADV_DONTFORK, MM_DONTFORK, 0, any_area},
	{MADV_DOFORK, 0, MM_DONTFORK, no_special},
	{MADV_WIPEONFORK, MM_WIPEONFORK, 0, private_memory},
	{MADV_KEEPONFORK, 0, MM_WIPEONFORK, not_droppable},
};

static const struct advice_effect *find_effect(int32_t advice)
{
	for (size_t i = 0; i < ARRAY_COUNT(effects); i++)
		if (effects[i].advice == advice)
			return &effects[i];
	return NULL;
}

/* Follow the host up to the first area that it refuses. */
static void apply_effect(struct mm_address_space *space, uint64_t start, uint64_t end, const struct advice_effect *effect)
{
	mm_vad_carve(space, start, end);
	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end && effect->allowed(vad); vad = mm_vad_next(vad))
		mm_vad_update(space, vad, vad->protection, (vad->flags | effect->set) & ~effect->clear);
	mm_vad_merge(space, start, end);
}

NTSTATUS mm_advise(struct mm_address_space *space, uint64_t address, uint64_t size, int32_t advice)
{
	MM_HOLD(space);
	uint64_t length = ALIGN_UP(size, MM_PAGE_SIZE), start = MAX_OF(address, space->platform->lowest_address);
	uint64_t end = MIN_OF(address + length, space->platform->highest_address);
	const struct advice_effect *effect = find_effect(advice);
	bool clipped = start != address || end != address + length || mm_touches_platform(space, start, end);
	NTSTATUS status;

	if (!mm_is_aligned(address) || (size && !length) || address + length < address)
		return STATUS_INVALID_PARAMETER;
	/* Out of the guest's range nothing is mapped; a call of no length still checks the advice. */
	if (!length || start >= end) {
		status = mm_host_call(space, SYS_madvise, mm_search_start(space), 0, (uint32_t)advice, 0, 0);
		return NT_SUCCESS(status) && length ? STATUS_NO_MEMORY : status;
	}
	if (effect) {
		mm_follow_growth(space);
		status = mm_vad_reserve(space, 2);
		if (!NT_SUCCESS(status))
			return status;
	}
	status = mm_host_call_around(space, SYS_madvise, start, end, (uint32_t)advice);
	if (effect)
		apply_effect(space, start, end, effect);
	return NT_SUCCESS(status) && clipped ? STATUS_NO_MEMORY : status;
}

NTSTATUS mm_flush(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags)
{
	uint64_t length = ALIGN_UP(size, MM_PAGE_SIZE);
	MM_HOLD(space);
	NTSTATUS status;

	if (!mm_is_aligned(address) || (flags & ~(uint32_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (flags & MS_ASYNC && flags & MS_SYNC))
		return STATUS_INVALID_PARAMETER;
	if (address + length < address)
		return STATUS_NOT_MAPPED_VIEW;
	if (!length)
		return STATUS_SUCCESS;
	if (address < space->platform->lowest_address || address > space->platform->highest_address - length)
		return STATUS_NOT_MAPPED_VIEW;
	status = mm_host_call_around(space, SYS_msync, address, address + length, flags);
	if (NT_SUCCESS(status) && mm_touches_platform(space, address, address + length))
		return STATUS_NOT_MAPPED_VIEW;
	return status == nt_status_from_errno(ENOMEM) ? STATUS_NOT_MAPPED_VIEW : status;
}
