/*
 * mlock(2) and mlockall(2). Mm keeps account against the guest's RLIMIT_MEMLOCK; the host locks the pages really, and its
 * own refusal is the guest's.
 */
#include <executive/mm/space.h>

#include <sys/syscall.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define LOCK_FLAGS (MM_LOCKED | MM_LOCKONFAULT)

/* Bytes of the range that are locked already, and how far it is mapped without a hole. */
static uint64_t locked_size(struct mm_address_space *space, uint64_t start, uint64_t end, uint64_t *reach)
{
	struct mm_vad *vad = mm_vad_find(space, start);
	uint64_t locked = 0;

	for (*reach = start; *reach < end && vad && vad->start <= *reach; vad = mm_vad_next(vad)) {
		uint64_t stop = MIN_OF(vad->end, end);

		if (vad->flags & MM_LOCKED)
			locked += stop - *reach;
		*reach = stop;
	}
	return locked;
}

static void follow(struct mm_address_space *space, uint64_t start, uint64_t end, uint32_t flags)
{
	mm_vad_carve(space, start, end);
	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end; vad = mm_vad_next(vad))
		if (!(vad->flags & (MM_SPECIAL | MM_DROPPABLE)))
			mm_vad_update(space, vad, vad->protection, (vad->flags & ~LOCK_FLAGS) | flags);
	mm_vad_merge(space, start, end);
}

/* The host's part for a range of areas without a hole. */
static NTSTATUS host_lock(struct mm_address_space *space, uint64_t start, uint64_t size, uint32_t flags)
{
	if (!flags)
		return mm_host_call(space, SYS_munlock, start, size, 0, 0, 0);
	if (flags & MM_LOCKONFAULT)
		return mm_host_call(space, SYS_mlock2, start, size, MLOCK_ONFAULT, 0, 0);
	return mm_host_call(space, SYS_mlock, start, size, 0, 0, 0);
}

/*
 * The same for any areas. What the host adds below an area that grows is locked if its lowest page is, whatever a task with
 * the privilege to lock has locked already: so that page is not.
 */
static NTSTATUS host_lock_areas(struct mm_address_space *space, uint64_t start, uint64_t size, uint32_t flags)
{
	uint64_t at = start, end = start + size;
	NTSTATUS status = STATUS_SUCCESS;

	if (!flags || !space->growing_count)
		return host_lock(space, start, size, flags);
	while (at < end && NT_SUCCESS(status)) {
		struct mm_vad *vad = mm_vad_find(space, at);
		uint64_t from = at;

		if (!vad || vad->start > at)
			return STATUS_NO_MEMORY;
		if (mm_is_growing(vad) && vad->start == at)
			from += MM_PAGE_SIZE;
		at = MIN_OF(vad->end, end);
		if (from < at)
			status = host_lock(space, from, at - from, flags);
	}
	return status;
}

void mm_lock_new(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags)
{
	if ((flags & MM_LOCKED) && ((flags & MM_LOCKONFAULT) || (flags & MM_GROWSDOWN)))
		host_lock_areas(space, address, size, flags & LOCK_FLAGS);
}

NTSTATUS mm_lock(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags)
{
	uint64_t start = ALIGN_DOWN(address, MM_PAGE_SIZE), length = ALIGN_UP(size + (address - start), MM_PAGE_SIZE), reach;
	MM_HOLD(space);
	uint64_t locked;
	NTSTATUS status;

	if (flags && !space->limits.locked && !mm_may_lock_freely())
		return STATUS_PRIVILEGE_NOT_HELD;
	if (size && (!length || start + length < start))
		return STATUS_INVALID_PARAMETER;
	if (flags && !mm_may_lock(space, length)) {
		locked = locked_size(space, start, start + length, &reach);
		if (length < locked || !mm_may_lock(space, length - locked))
			return STATUS_WORKING_SET_QUOTA;
	}
	if (!length)
		return STATUS_SUCCESS;
	/* The platform's pages are a hole: what lies before them is done. */
	if (start < space->platform->own_start && mm_touches_platform(space, start, start + length)) {
		status = mm_lock(space, start, space->platform->own_start - start, flags);
		return NT_SUCCESS(status) ? STATUS_NO_MEMORY : status;
	}
	if (!mm_is_guest_range(space, start, length))
		return STATUS_NO_MEMORY;
	status = mm_vad_reserve(space, 2);
	if (!NT_SUCCESS(status))
		return status;
	mm_follow_growth(space);
	locked_size(space, start, start + length, &reach);
	status = host_lock_areas(space, start, length, flags);
	/* A hole stops Linux where it is found, with all before it locked. */
	if (NT_SUCCESS(status) || reach < start + length)
		follow(space, start, reach, flags);
	return status;
}

NTSTATUS mm_lock_all(struct mm_address_space *space, uint32_t current, bool change_current, uint32_t future)
{
	MM_HOLD(space);
	struct mm_vad *vad, *next;

	if ((current || future) && !mm_may_lock_freely()) {
		if (!space->limits.locked)
			return STATUS_PRIVILEGE_NOT_HELD;
		if (current && space->usage.virtual_size > space->limits.locked)
			return STATUS_WORKING_SET_QUOTA;
	}
	space->default_flags = future;
	for (vad = change_current ? mm_vad_first(space) : NULL; vad; vad = next) {
		uint64_t end = vad->end;

		/* Linux leaves alone what it can't lock and answers success: the host's refusal of one area is not an error. */
		if (!(vad->flags & (MM_SPECIAL | MM_DROPPABLE)) && (vad->flags & LOCK_FLAGS) != current &&
		    NT_SUCCESS(host_lock_areas(space, vad->start, vad->end - vad->start, current)))
			mm_vad_update(space, vad, vad->protection, (vad->flags & ~LOCK_FLAGS) | current);
		next = mm_vad_find(space, end);
	}
	mm_vad_merge(space, 0, UINT64_MAX - 1);
	return STATUS_SUCCESS;
}
