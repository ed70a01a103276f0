/*
 * mprotect(2). Linux changes one area after the other and stops at the first that refuses; what came before it stays
 * changed. Mm finds that point on the tree, has the host change what lies before it, and follows.
 */
#include <executive/mm/space.h>

#include <sys/syscall.h>

/* Would the area, made writable, exceed RLIMIT_DATA? */
static bool may_become_data(struct mm_address_space *space, const struct mm_vad *vad, uint64_t size, uint32_t protection)
{
	if (!mm_vad_is_data(protection, vad->flags) || mm_vad_is_data(vad->protection, vad->flags))
		return true;
	return mm_may_have_data(space, size);
}

/* How far the change may go, and why no further. */
static NTSTATUS find_obstacle(struct mm_address_space *space, uint64_t start, uint64_t end, uint32_t protection, uint64_t *reach)
{
	struct mm_vad *vad = mm_vad_find(space, start);

	for (*reach = start; *reach < end; vad = mm_vad_next(vad)) {
		if (!vad || vad->start > *reach)
			return STATUS_NOT_COMMITTED;
		if (protection & ~vad->maximum_protection)
			return STATUS_SECTION_PROTECTION;
		if (!may_become_data(space, vad, MIN_OF(vad->end, end) - *reach, protection))
			return STATUS_NO_MEMORY;
		*reach = MIN_OF(vad->end, end);
	}
	return STATUS_SUCCESS;
}

/* The tree after the host has done the same. */
static void protect_range(struct mm_address_space *space, uint64_t start, uint64_t end, uint32_t protection)
{
	mm_vad_carve(space, start, end);
	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end; vad = mm_vad_next(vad))
		mm_vad_update(space, vad, protection, mm_vad_accounted(vad->section, protection, vad->flags));
	mm_vad_merge(space, start, end);
}

/* Area by area, after the host refused the whole for a reason that only it knows (a file system without exec). */
static NTSTATUS protect_each(struct mm_address_space *space, uint64_t start, uint64_t end, uint32_t protection)
{
	while (start < end) {
		const struct mm_vad *vad = mm_vad_find(space, start);
		uint64_t stop = MIN_OF(vad->end, end);
		NTSTATUS status = mm_vad_reserve(space, 2);

		if (NT_SUCCESS(status))
			status = mm_host_call(space, SYS_mprotect, start, stop - start, protection, 0, 0);
		if (!NT_SUCCESS(status))
			return status;
		protect_range(space, start, stop, protection);
		start = stop;
	}
	return STATUS_SUCCESS;
}

/* PROT_GROWSDOWN and PROT_GROWSUP move the range's start to the start of a growing area. */
static NTSTATUS find_start(struct mm_address_space *space, uint64_t *start, uint64_t end, uint32_t protection)
{
	const struct mm_vad *vad = mm_vad_find(space, *start);

	if (!vad)
		return STATUS_NOT_COMMITTED;
	if (protection & MM_PROT_GROWSDOWN) {
		if (vad->start >= end)
			return STATUS_NOT_COMMITTED;
		if (!(vad->flags & MM_GROWSDOWN))
			return STATUS_INVALID_PARAMETER;
		*start = vad->start;
		return STATUS_SUCCESS;
	}
	if (vad->start > *start)
		return STATUS_NOT_COMMITTED;
	/* Nothing grows up on x86. */
	return protection & MM_PROT_GROWSUP ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NTSTATUS mm_protect(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t protection)
{
	MM_HOLD(space);
	uint64_t end = address + ALIGN_UP(size, MM_PAGE_SIZE), reach = address;
	uint32_t grows = protection & (MM_PROT_GROWSDOWN | MM_PROT_GROWSUP), access = protection & MM_PROT_ALL;
	NTSTATUS status, obstacle;

	if (grows == (MM_PROT_GROWSDOWN | MM_PROT_GROWSUP) || !mm_is_aligned(address))
		return STATUS_INVALID_PARAMETER;
	if (!size)
		return STATUS_SUCCESS;
	if (end <= address)
		return STATUS_NOT_COMMITTED;
	if (protection & ~(grows | MM_PROT_ALL))
		return STATUS_INVALID_PARAMETER;
	mm_follow_growth(space);
	status = find_start(space, &address, end, protection);
	if (NT_SUCCESS(status))
		status = mm_vad_reserve(space, 2);
	if (!NT_SUCCESS(status))
		return status;
	obstacle = find_obstacle(space, address, end, access, &reach);
	if (reach > address) {
		status = mm_host_call(space, SYS_mprotect, address, reach - address, access, 0, 0);
		if (!NT_SUCCESS(status))
			return protect_each(space, address, reach, access);
		protect_range(space, address, reach, access);
	}
	return obstacle;
}
