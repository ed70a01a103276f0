/*
 * Virtual memory services: NtAllocateVirtualMemory, NtFreeVirtualMemory, NtProtectVirtualMemory and what locks and flushes.
 * Granularity is the page, as NT gives it to pico processes. A range may cross allocations, which NT proper refuses, because
 * Linux programs' ranges do. Only the calling process' own space can be changed.
 */
#include <executive/mm/space.h>
#include <executive/ps/ps.h>
#include <nt/ntservices.h>

#include <sys/mman.h>

NTSTATUS mm_space_by_handle(HANDLE handle, ACCESS_MASK access, struct mm_address_space **space)
{
	cleanup_object struct ps_process *process = NULL;
	NTSTATUS status = ob_reference_by_handle(handle, access, &ps_process_type, (void **)&process);

	*space = NULL;
	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&process->lock);
	*space = process->space;
	if (*space)
		mm_reference_space(*space);
	rtl_unlock(&process->lock);
	return *space ? STATUS_SUCCESS : STATUS_PROCESS_IS_TERMINATING;
}

static const struct {
	uint32_t nt, protection;
	bool copy_on_write;
} protections[] = {
	{PAGE_NOACCESS, 0, false},
	{PAGE_READONLY, MM_PROT_READ, false},
	{PAGE_READWRITE, MM_PROT_READ | MM_PROT_WRITE, false},
	{PAGE_WRITECOPY, MM_PROT_READ | MM_PROT_WRITE, true},
	{PAGE_EXECUTE, MM_PROT_EXEC, false},
	{PAGE_EXECUTE_READ, MM_PROT_READ | MM_PROT_EXEC, false},
	{PAGE_EXECUTE_READWRITE, MM_PROT_ALL, false},
	{PAGE_EXECUTE_WRITECOPY, MM_PROT_ALL, true},
};

NTSTATUS mm_protection_from_nt(uint32_t nt, uint32_t *protection, bool *copy_on_write)
{
	for (size_t i = 0; i < ARRAY_COUNT(protections); i++) {
		if (protections[i].nt == nt) {
			*protection = protections[i].protection;
			*copy_on_write = protections[i].copy_on_write;
			return STATUS_SUCCESS;
		}
	}
	return STATUS_INVALID_PAGE_PROTECTION;
}

uint32_t mm_protection_to_nt(const struct mm_vad *vad, uint32_t protection)
{
	bool copy_on_write = vad->section && !(vad->flags & MM_SHARED);

	if (protection & MM_PROT_WRITE)
		protection |= MM_PROT_READ; /* NT has no write-only page, and neither has the processor */
	for (size_t i = 0; i < ARRAY_COUNT(protections); i++)
		if (protections[i].protection == protection && (!(protection & MM_PROT_WRITE) || protections[i].copy_on_write == copy_on_write))
			return protections[i].nt;
	return PAGE_NOACCESS;
}

static const struct {
	ULONG type;
	uint32_t flag;
} flag_map[] = {
	{MEM_LX_GROWSDOWN, MM_GROWSDOWN}, {MEM_LX_STACK, MM_NO_HUGE}, {MEM_LX_NORESERVE, MM_NORESERVE}, {MEM_LX_POPULATE, MM_POPULATE},
	{MEM_LX_LOCKED, MM_LOCKED}, {MEM_LX_DROPPABLE, MM_DROPPABLE},
};

NTSTATUS mm_request_from_nt(struct mm_map_request *request, PVOID base, ULONG type)
{
	if ((type & MEM_LX_HINT) && (type & MEM_LX_REPLACE))
		return STATUS_INVALID_PARAMETER_MIX;
	request->address = (uintptr_t)base;
	request->fixed = type & MEM_LX_REPLACE;
	request->no_replace = base && !(type & (MEM_LX_HINT | MEM_LX_REPLACE));
	request->low_2g = type & MEM_LX_LOW;
	for (size_t i = 0; i < ARRAY_COUNT(flag_map); i++)
		if (type & flag_map[i].type)
			request->flags |= flag_map[i].flag;
	return STATUS_SUCCESS;
}

/* MEM_COMMIT of what was reserved before: memory appears with the protection asked for. */
static NTSTATUS commit_reserved(struct mm_address_space *space, uint64_t start, uint64_t end, uint32_t protection)
{
	MM_HOLD(space);
	NTSTATUS status;

	if (!mm_is_guest_range(space, start, end - start) || mm_vad_mapped_size(space, start, end) != end - start)
		return STATUS_CONFLICTING_ADDRESSES;
	status = mm_protect(space, start, end - start, protection);
	if (!NT_SUCCESS(status) || !NT_SUCCESS(status = mm_vad_reserve(space, 2)))
		return status;
	mm_vad_carve(space, start, end);
	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end; vad = mm_vad_next(vad))
		mm_vad_update(space, vad, vad->protection, vad->flags & ~MM_RESERVED);
	mm_vad_merge(space, start, end);
	return STATUS_SUCCESS;
}

/* NT rounds the base down and the end up to pages. */
static NTSTATUS round_range(PVOID base, SIZE_T size, uint64_t *start, uint64_t *end)
{
	*start = ALIGN_DOWN((uint64_t)(uintptr_t)base, MM_PAGE_SIZE);
	if ((uint64_t)(uintptr_t)base > UINT64_MAX - MM_PAGE_SIZE)
		return STATUS_INVALID_PARAMETER_2;
	if (size > UINT64_MAX - MM_PAGE_SIZE - (uint64_t)(uintptr_t)base)
		return STATUS_INVALID_PARAMETER_4;
	*end = ALIGN_UP((uint64_t)(uintptr_t)base + size, MM_PAGE_SIZE);
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits, PSIZE_T RegionSize,
				 ULONG AllocationType, ULONG Protect)
{
	cleanup_space struct mm_address_space *space = NULL;
	struct mm_map_request request = {0};
	uint64_t start, end;
	bool copy_on_write;
	NTSTATUS status;

	if (AllocationType & ~(MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_TOP_DOWN | MEM_LX_ALL) || !(AllocationType & (MEM_COMMIT | MEM_RESERVE | MEM_RESET)))
		return STATUS_INVALID_PARAMETER_5;
	if (!*RegionSize)
		return STATUS_INVALID_PARAMETER_4;
	status = mm_protection_from_nt(Protect, &request.protection, &copy_on_write);
	if (!NT_SUCCESS(status) || copy_on_write)
		return STATUS_INVALID_PAGE_PROTECTION;
	status = round_range(*BaseAddress, *RegionSize, &start, &end);
	if (NT_SUCCESS(status))
		status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);
	if (!NT_SUCCESS(status))
		return status;
	SIZE_T size = end - start;

	if (AllocationType & MEM_RESET) {
		status = mm_advise(space, start, size, MADV_FREE);
	} else if (*BaseAddress && !(AllocationType & (MEM_RESERVE | MEM_LX_ALL))) {
		status = commit_reserved(space, start, end, request.protection);
	} else {
		if (!(AllocationType & MEM_COMMIT)) {
			request.protection = 0;
			request.flags = MM_RESERVED | MM_NORESERVE;
		}
		status = mm_request_from_nt(&request, (PVOID)(uintptr_t)start, AllocationType);
		request.size = size;
		if (NT_SUCCESS(status))
			status = mm_map(space, &request, &start);
	}
	if (!NT_SUCCESS(status))
		return status;
	*BaseAddress = (PVOID)(uintptr_t)start;
	*RegionSize = size;
	return STATUS_SUCCESS;
}

/* Memory goes, the address range stays reserved. */
static NTSTATUS decommit(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	struct mm_map_request request = {.address = start, .size = end - start, .flags = MM_RESERVED | MM_NORESERVE, .fixed = true};
	uint64_t address;

	return mm_map(space, &request, &address);
}

/* Private memory all over? Views are NtUnmapViewOfSection's. */
static NTSTATUS check_private(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	if (!mm_is_guest_range(space, start, end - start) || mm_vad_mapped_size(space, start, end) != end - start)
		return STATUS_MEMORY_NOT_ALLOCATED;
	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end; vad = mm_vad_next(vad))
		if (vad->section || vad->flags & MM_SPECIAL)
			return STATUS_UNABLE_TO_FREE_VM;
	return STATUS_SUCCESS;
}

NTSTATUS NtFreeVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize, ULONG FreeType)
{
	cleanup_space struct mm_address_space *space = NULL;
	uint64_t start, end;
	NTSTATUS status;

	if (FreeType != MEM_RELEASE && FreeType != MEM_DECOMMIT)
		return STATUS_INVALID_PARAMETER_4;
	status = round_range(*BaseAddress, *RegionSize, &start, &end);
	if (NT_SUCCESS(status))
		status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);
	if (!NT_SUCCESS(status))
		return status;
	MM_HOLD(space);
	/* No size: the whole allocation, named by its base. */
	if (!*RegionSize) {
		uint64_t base;

		if (!mm_query_view(space, start, &base, &end))
			return STATUS_MEMORY_NOT_ALLOCATED;
		if (base != start)
			return STATUS_FREE_VM_NOT_AT_BASE;
	}
	status = check_private(space, start, end);
	if (NT_SUCCESS(status))
		status = FreeType == MEM_RELEASE ? mm_unmap(space, start, end - start) : decommit(space, start, end);
	if (!NT_SUCCESS(status))
		return status;
	*BaseAddress = (PVOID)(uintptr_t)start;
	*RegionSize = end - start;
	return STATUS_SUCCESS;
}

NTSTATUS NtProtectVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize, ULONG NewProtect, PULONG OldProtect)
{
	cleanup_space struct mm_address_space *space = NULL;
	uint64_t start, end;
	uint32_t protection;
	bool copy_on_write;
	struct mm_vad vad;
	NTSTATUS status = mm_protection_from_nt(NewProtect, &protection, &copy_on_write);

	if (NT_SUCCESS(status))
		status = round_range(*BaseAddress, *RegionSize, &start, &end);
	if (NT_SUCCESS(status))
		status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);
	if (!NT_SUCCESS(status))
		return status;
	MM_HOLD(space);
	if (!mm_query(space, start, &vad))
		return STATUS_NOT_COMMITTED;
	if (vad.flags & MM_RESERVED)
		return STATUS_NOT_COMMITTED;
	status = mm_protect(space, start, end - start, protection);
	if (!NT_SUCCESS(status))
		return status;
	*OldProtect = mm_protection_to_nt(&vad, vad.protection);
	*BaseAddress = (PVOID)(uintptr_t)start;
	*RegionSize = end - start;
	return STATUS_SUCCESS;
}

static NTSTATUS lock_range(HANDLE process, PVOID *base, PSIZE_T size, ULONG map_type, uint32_t flags)
{
	cleanup_space struct mm_address_space *space = NULL;
	uint64_t start, end;
	NTSTATUS status;

	if (!map_type || map_type & ~(MAP_PROCESS | MAP_SYSTEM))
		return STATUS_INVALID_PARAMETER;
	if (map_type & MAP_SYSTEM)
		return STATUS_PRIVILEGE_NOT_HELD;
	status = round_range(*base, *size, &start, &end);
	if (NT_SUCCESS(status))
		status = mm_space_by_handle(process, PROCESS_VM_OPERATION, &space);
	if (NT_SUCCESS(status))
		status = mm_lock(space, start, end - start, flags);
	if (!NT_SUCCESS(status))
		return status;
	*base = (PVOID)(uintptr_t)start;
	*size = end - start;
	return STATUS_SUCCESS;
}

NTSTATUS NtLockVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize, ULONG MapType)
{
	return lock_range(ProcessHandle, BaseAddress, RegionSize, MapType, MM_LOCKED);
}

NTSTATUS NtUnlockVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize, ULONG MapType)
{
	return lock_range(ProcessHandle, BaseAddress, RegionSize, MapType, 0);
}

NTSTATUS NtFlushVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress, PSIZE_T RegionSize, PIO_STATUS_BLOCK IoStatus)
{
	cleanup_space struct mm_address_space *space = NULL;
	uint64_t start, end, base;
	NTSTATUS status = round_range(*BaseAddress, *RegionSize, &start, &end);

	if (NT_SUCCESS(status))
		status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);
	if (!NT_SUCCESS(status))
		return status;
	/* No size: to the end of the view. */
	if (!*RegionSize && !mm_query_view(space, start, &base, &end))
		return STATUS_NOT_MAPPED_VIEW;
	status = mm_flush(space, start, end - start, MS_SYNC);
	IoStatus->Status = status;
	IoStatus->Information = NT_SUCCESS(status) ? end - start : 0;
	if (!NT_SUCCESS(status))
		return status;
	*BaseAddress = (PVOID)(uintptr_t)start;
	*RegionSize = end - start;
	return STATUS_SUCCESS;
}

NTSTATUS NtSetInformationVirtualMemory(HANDLE ProcessHandle, VIRTUAL_MEMORY_INFORMATION_CLASS VmInformationClass,
				       ULONG_PTR NumberOfEntries, PMEMORY_RANGE_ENTRY VirtualAddresses, PVOID VmInformation,
				       ULONG VmInformationLength)
{
	cleanup_space struct mm_address_space *space = NULL;
	NTSTATUS status;

	if (VmInformationClass != VmPrefetchInformation)
		return STATUS_INVALID_PARAMETER_2;
	/* Its information is a ULONG of flags without a defined bit. */
	if (VmInformationLength != sizeof(ULONG))
		return STATUS_INVALID_PARAMETER_6;
	if (*(ULONG *)VmInformation)
		return STATUS_INVALID_PARAMETER_5;
	if (!NumberOfEntries)
		return STATUS_INVALID_PARAMETER_3;
	status = mm_space_by_handle(ProcessHandle, PROCESS_SET_INFORMATION, &space);
	for (ULONG_PTR i = 0; i < NumberOfEntries && NT_SUCCESS(status); i++) {
		uint64_t start, end;

		status = round_range(VirtualAddresses[i].VirtualAddress, VirtualAddresses[i].NumberOfBytes, &start, &end);
		if (NT_SUCCESS(status))
			status = mm_advise(space, start, end - start, MADV_WILLNEED);
	}
	return status;
}
