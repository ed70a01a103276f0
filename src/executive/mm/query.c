/* Looking at memory and copying it by process handle: NtQueryVirtualMemory, NtReadVirtualMemory, NtWriteVirtualMemory. */
#include <executive/mm/space.h>
#include <executive/ps/ps.h>
#include <nt/ntservices.h>

/* Areas that one request made: the same kind side by side, and in a section the bytes that follow. */
static bool same_view(const struct mm_vad *low, const struct mm_vad *high)
{
	if (low->end != high->start || low->section != high->section || (low->flags ^ high->flags) & (MM_SPECIAL | MM_HEAP | MM_GROWSDOWN | MM_SHARED))
		return false;
	if (low->flags & MM_SPECIAL)
		return false;
	return !low->section || low->offset + (low->end - low->start) == high->offset;
}

bool mm_query_view(struct mm_address_space *space, uint64_t address, uint64_t *start, uint64_t *end)
{
	MM_HOLD(space);
	struct mm_vad *first = mm_vad_find(space, address), *last = first, *other;

	if (!first || first->start > address)
		return false;
	while ((other = mm_vad_previous(first)) && same_view(other, first))
		first = other;
	while ((other = mm_vad_next(last)) && same_view(last, other))
		last = other;
	*start = first->start;
	*end = last->end;
	return true;
}

static void describe_hole(struct mm_address_space *space, uint64_t address, MEMORY_BASIC_INFORMATION *information)
{
	const struct mm_vad *next = mm_vad_find(space, address);

	information->RegionSize = (next ? next->start : space->platform->highest_address) - address;
	information->State = MEM_FREE;
	information->Protect = PAGE_NOACCESS;
}

static NTSTATUS query_basic(struct mm_address_space *space, uint64_t address, MEMORY_BASIC_INFORMATION *information)
{
	MM_HOLD(space);
	const struct mm_vad *vad = mm_vad_find(space, address);
	uint64_t start, end;

	if (address >= space->platform->highest_address)
		return STATUS_INVALID_PARAMETER;
	address = ALIGN_DOWN(address, MM_PAGE_SIZE);
	*information = (MEMORY_BASIC_INFORMATION){.BaseAddress = (PVOID)(uintptr_t)address};
	if (!mm_query_view(space, address, &start, &end)) {
		describe_hole(space, address, information);
		return STATUS_SUCCESS;
	}
	information->AllocationBase = (PVOID)(uintptr_t)start;
	information->AllocationProtect = mm_protection_to_nt(vad, vad->protection);
	information->RegionSize = vad->end - address;
	information->State = vad->flags & MM_RESERVED ? MEM_RESERVE : MEM_COMMIT;
	information->Protect = vad->flags & MM_RESERVED ? 0 : mm_protection_to_nt(vad, vad->protection);
	information->Type = vad->section ? MEM_MAPPED : MEM_PRIVATE;
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress, MEMORY_INFORMATION_CLASS MemoryInformationClass,
			      PVOID MemoryInformation, SIZE_T MemoryInformationLength, PSIZE_T ReturnLength)
{
	cleanup_space struct mm_address_space *space = NULL;
	NTSTATUS status;

	/* Residence would need the host's word for each page; nobody asks for it this way. */
	if (MemoryInformationClass != MemoryBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (MemoryInformationLength < sizeof(MEMORY_BASIC_INFORMATION))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = mm_space_by_handle(ProcessHandle, PROCESS_QUERY_INFORMATION, &space);
	if (NT_SUCCESS(status))
		status = query_basic(space, (uintptr_t)BaseAddress, MemoryInformation);
	if (NT_SUCCESS(status) && ReturnLength)
		*ReturnLength = sizeof(MEMORY_BASIC_INFORMATION);
	return status;
}

static NTSTATUS copied_status(SIZE_T wanted, SIZE_T done)
{
	return done == wanted ? STATUS_SUCCESS : STATUS_PARTIAL_COPY;
}

NTSTATUS NtReadVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress, PVOID Buffer, SIZE_T BufferSize, PSIZE_T NumberOfBytesRead)
{
	cleanup_space struct mm_address_space *space = NULL;
	NTSTATUS status = mm_space_by_handle(ProcessHandle, PROCESS_VM_READ, &space);
	SIZE_T done = NT_SUCCESS(status) ? mm_copy_from(space, Buffer, (uintptr_t)BaseAddress, BufferSize) : 0;

	if (NumberOfBytesRead)
		*NumberOfBytesRead = done;
	return NT_SUCCESS(status) ? copied_status(BufferSize, done) : status;
}

NTSTATUS NtWriteVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress, PVOID Buffer, SIZE_T BufferSize, PSIZE_T NumberOfBytesWritten)
{
	cleanup_space struct mm_address_space *space = NULL;
	NTSTATUS status = mm_space_by_handle(ProcessHandle, PROCESS_VM_WRITE, &space);
	SIZE_T done = NT_SUCCESS(status) ? mm_copy_to(space, (uintptr_t)BaseAddress, Buffer, BufferSize) : 0;

	if (NumberOfBytesWritten)
		*NumberOfBytesWritten = done;
	return NT_SUCCESS(status) ? copied_status(BufferSize, done) : status;
}
