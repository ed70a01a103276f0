/*
 * Mapping and unmapping. The order is always: decide on the tree, set nodes aside, let the guest's host task do it, then
 * change the tree. What the host refuses leaves the tree as it was.
 */
#include <executive/mm/space.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

static uint64_t host_flags(const struct mm_map_request *request, uint32_t flags)
{
	uint64_t host = MAP_FIXED;

	if (flags & MM_DROPPABLE)
		host |= MAP_DROPPABLE;
	else
		host |= flags & MM_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (!request->section || request->section->anonymous)
		host |= MAP_ANONYMOUS;
	/* The initial stack is mapped to its limit: the host, which has none, must not let it grow beyond. */
	if ((flags & MM_GROWSDOWN) && !(flags & MM_STACK))
		host |= MAP_GROWSDOWN;
	if (flags & (MM_STACK | MM_NO_HUGE))
		host |= MAP_STACK;
	if (flags & MM_NORESERVE)
		host |= MAP_NORESERVE;
	if (flags & MM_POPULATE)
		host |= MAP_POPULATE;
	if ((flags & MM_LOCKED) && !(flags & (MM_LOCKONFAULT | MM_GROWSDOWN)))
		host |= MAP_LOCKED;
	return host;
}

/* What mprotect may ever give the area: private ones anything, shared ones what the section allows. */
static uint32_t maximum_protection(const struct mm_map_request *request)
{
	if (request->section && (request->flags & MM_SHARED) && !mm_section_is_writable(request->section))
		return MM_PROT_READ | MM_PROT_EXEC;
	return MM_PROT_ALL;
}

static NTSTATUS check_request(struct mm_address_space *space, const struct mm_map_request *request, uint64_t size)
{
	if (!size)
		return request->size ? STATUS_NO_MEMORY : STATUS_INVALID_PARAMETER; /* rounding up wrapped around */
	if (request->protection & ~maximum_protection(request))
		return STATUS_SECTION_PROTECTION;
	if (!mm_is_aligned(request->offset))
		return STATUS_INVALID_PARAMETER;
	if (request->offset + size < request->offset)
		return NT_STATUS_FROM_ERRNO(EOVERFLOW);
	return STATUS_SUCCESS;
}

/* RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK; what a fixed mapping replaces does not count twice. */
static NTSTATUS check_limits(struct mm_address_space *space, const struct mm_map_request *request, uint64_t address, uint64_t size, uint32_t flags)
{
	uint64_t replaced = request->fixed ? mm_vad_mapped_size(space, address, address + size) : 0;

	if ((flags & MM_LOCKED) && !mm_may_lock(space, size))
		return NT_STATUS_FROM_ERRNO(EAGAIN);
	if (!mm_may_expand(space, size, request->protection, flags) &&
	    !mm_may_expand(space, size - replaced, request->protection, flags))
		return STATUS_NO_MEMORY;
	return STATUS_SUCCESS;
}

static uint32_t effective_flags(const struct mm_address_space *space, const struct mm_map_request *request)
{
	return request->flags | ((request->flags & MM_DROPPABLE) ? 0 : space->default_flags);
}

/* Add the calls that make the mapping; the first one's result is its address. */
static NTSTATUS add_mapping(struct mm_batch *batch, const struct mm_map_request *request, uint64_t address, uint64_t size, uint32_t flags)
{
	int descriptor = -1;
	NTSTATUS status = STATUS_SUCCESS;

	if (request->section && !request->section->anonymous)
		status = mm_batch_grant(batch, request->section, &descriptor);
	if (!NT_SUCCESS(status))
		return status;
	mm_batch_add(batch, SYS_mmap, address, size, request->protection, host_flags(request, flags), (uint64_t)(int64_t)descriptor,
		     request->offset);
	return STATUS_SUCCESS;
}

static NTSTATUS enter_mapping(struct mm_address_space *space, const struct mm_map_request *request, uint64_t address, uint64_t size,
			      uint32_t flags, char *name)
{
	struct mm_vad vad = {
		.start = address,
		.end = address + size,
		.protection = request->protection & MM_PROT_ALL,
		.maximum_protection = maximum_protection(request),
		.flags = mm_vad_accounted(request->section, request->protection, flags & ~MM_REQUEST_FLAGS),
		.section = request->section,
		.offset = request->offset,
		.name = name,
	};

	if ((vad.flags & MM_STACK) && !space->stack_account)
		space->stack_account = vad.end - MIN_OF(size, MM_INITIAL_STACK);
	MM_HOLD_TREE(space);
	mm_vad_remove(space, vad.start, vad.end);
	mm_vad_insert(space, &vad);
	return STATUS_SUCCESS;
}

NTSTATUS mm_map(struct mm_address_space *space, const struct mm_map_request *request, uint64_t *result)
{
	MM_HOLD(space);
	cleanup_batch struct mm_batch batch;
	uint64_t size = ALIGN_UP(request->size, MM_PAGE_SIZE), address;
	uint32_t flags = effective_flags(space, request);
	char *name = NULL;
	NTSTATUS status = check_request(space, request, size);

	mm_batch_begin(&batch, space);
	mm_follow_growth(space);
	if (NT_SUCCESS(status))
		status = mm_place(space, request, size, &address);
	if (NT_SUCCESS(status))
		status = check_limits(space, request, address, size, flags);
	if (NT_SUCCESS(status))
		status = mm_vad_reserve(space, 3);
	if (NT_SUCCESS(status) && request->name && !(name = mm_name_create(request->name)))
		status = STATUS_NO_MEMORY;
	if (NT_SUCCESS(status))
		status = add_mapping(&batch, request, address, size, flags);
	if (NT_SUCCESS(status))
		status = mm_batch_run(&batch);
	if (NT_SUCCESS(status))
		status = mm_batch_status(&batch, 0);
	if (NT_SUCCESS(status)) {
		enter_mapping(space, request, address, size, flags, name);
		mm_vad_merge(space, address, address + size);
		mm_lock_new(space, address, size, flags);
		*result = address;
	}
	mm_name_dereference(name);
	return status;
}

/* Decide on one mapping of many and enter it, so that the next one's place is known; the batch comes later. */
static NTSTATUS plan_mapping(struct mm_batch *batch, const struct mm_map_request *request, uint64_t *result)
{
	struct mm_address_space *space = batch->space;
	uint64_t size = ALIGN_UP(request->size, MM_PAGE_SIZE), address;
	uint32_t flags = effective_flags(space, request);
	char *name = NULL;
	NTSTATUS status = check_request(space, request, size);

	if (NT_SUCCESS(status))
		status = mm_place(space, request, size, &address);
	if (NT_SUCCESS(status))
		status = check_limits(space, request, address, size, flags);
	if (NT_SUCCESS(status))
		status = mm_vad_reserve(space, 3);
	if (NT_SUCCESS(status) && request->name && !(name = mm_name_create(request->name)))
		status = STATUS_NO_MEMORY;
	if (NT_SUCCESS(status))
		status = add_mapping(batch, request, address, size, flags);
	if (NT_SUCCESS(status)) {
		enter_mapping(space, request, address, size, flags, name);
		*result = address;
	}
	mm_name_dereference(name);
	return status;
}

/* As many as a batch has room for. Under the space's lock. */
static NTSTATUS map_batch(struct mm_address_space *space, const struct mm_map_request *requests, size_t count, uint64_t *addresses)
{
	cleanup_batch struct mm_batch batch;
	NTSTATUS status = STATUS_SUCCESS;
	size_t planned = 0;

	mm_batch_begin(&batch, space);
	while (planned < count && NT_SUCCESS(status)) {
		status = plan_mapping(&batch, &requests[planned], &addresses[planned]);
		if (NT_SUCCESS(status))
			planned++;
	}
	if (NT_SUCCESS(status) && count)
		status = mm_batch_run(&batch);
	for (size_t i = 0; i < batch.count && NT_SUCCESS(status); i++)
		status = mm_batch_status(&batch, i);
	for (size_t i = 0; i < planned; i++) {
		uint64_t end = addresses[i] + ALIGN_UP(requests[i].size, MM_PAGE_SIZE);

		if (NT_SUCCESS(status))
			mm_vad_merge(space, addresses[i], end);
		else if (NT_SUCCESS(mm_vad_reserve(space, 2)))
			mm_vad_remove(space, addresses[i], end);
	}
	return status;
}

NTSTATUS mm_map_many(struct mm_address_space *space, const struct mm_map_request *requests, size_t count, uint64_t *addresses)
{
	MM_HOLD(space);
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t unasked[MM_BATCH_CALLS];

	for (size_t done = 0; done < count && NT_SUCCESS(status); done += MM_BATCH_CALLS) {
		size_t some = MIN_OF(count - done, (size_t)MM_BATCH_CALLS);

		status = map_batch(space, requests + done, some, addresses ? addresses + done : unasked);
	}
	return status;
}

NTSTATUS mm_unmap(struct mm_address_space *space, uint64_t address, uint64_t size)
{
	MM_HOLD(space);
	const struct pico_platform *platform = space->platform;
	uint64_t start = MAX_OF(address, platform->lowest_address), end;
	NTSTATUS status;

	if (!mm_is_aligned(address) || address > platform->highest_address || size > platform->highest_address - address ||
	    !ALIGN_UP(size, MM_PAGE_SIZE))
		return STATUS_INVALID_PARAMETER;
	end = address + ALIGN_UP(size, MM_PAGE_SIZE);
	if (end <= start)
		return STATUS_SUCCESS;
	mm_follow_growth(space);
	status = mm_vad_reserve(space, 2);
	/* Also where the tree has nothing: the host may have grown a stack into it. */
	if (NT_SUCCESS(status))
		status = mm_host_call_around(space, SYS_munmap, start, end, 0);
	if (NT_SUCCESS(status))
		mm_vad_remove(space, start, end);
	return status;
}
