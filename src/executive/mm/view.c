/* Section services: NtCreateSection, NtOpenSection, NtMapViewOfSection, NtUnmapViewOfSection, NtQuerySection, NtExtendSection. */
#include <executive/mm/space.h>
#include <executive/ps/ps.h>
#include <nt/ntservices.h>

NTSTATUS NtCreateSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			 PLARGE_INTEGER MaximumSize, ULONG SectionPageProtection, ULONG AllocationAttributes, HANDLE FileHandle)
{
	cleanup_object struct io_file *file = NULL;
	struct mm_section *section;
	NTSTATUS status;

	if (AllocationAttributes & ~(SEC_FILE | SEC_COMMIT | SEC_RESERVE | SEC_LX_BEYOND_END | SEC_LX_ONE_VIEW) || (MaximumSize && MaximumSize->QuadPart < 0))
		return STATUS_INVALID_PARAMETER_6;
	if (!FileHandle && !MaximumSize)
		return STATUS_INVALID_PARAMETER_4;
	if (FileHandle) {
		status = io_reference_file(FileHandle, 0, &file);
		if (!NT_SUCCESS(status))
			return status;
	}
	status = mm_create_section_ex(file, MaximumSize ? (uint64_t)MaximumSize->QuadPart : 0, SectionPageProtection,
				      AllocationAttributes | (file ? SEC_FILE : 0), &section);
	if (!NT_SUCCESS(status))
		return status;
	return ob_insert_object(section, ObjectAttributes, DesiredAccess, SectionHandle);
}

NTSTATUS NtOpenSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &mm_section_type, DesiredAccess, SectionHandle);
}

/* What a view's protection asks of the handle. */
static ACCESS_MASK view_access(uint32_t protection, bool copy_on_write)
{
	ACCESS_MASK access = SECTION_MAP_READ;

	if ((protection & MM_PROT_WRITE) && !copy_on_write)
		access = SECTION_MAP_WRITE | SECTION_MAP_READ;
	if (protection & MM_PROT_EXEC)
		access |= SECTION_MAP_EXECUTE;
	return access;
}

/* A section made for private views gives no others; every other gives shared ones, unless copies are asked for. */
static bool view_is_shared(const struct mm_section *section, bool copy_on_write)
{
	return !copy_on_write && !(section->protection & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY));
}

static NTSTATUS view_size(const struct mm_section *section, uint64_t offset, SIZE_T wanted, uint64_t *size)
{
	*size = wanted;
	if (section->attributes & SEC_LX_BEYOND_END)
		return wanted ? STATUS_SUCCESS : STATUS_INVALID_VIEW_SIZE;
	if (offset >= section->size)
		return STATUS_INVALID_VIEW_SIZE;
	if (!wanted)
		*size = section->size - offset;
	return *size <= ALIGN_UP(section->size, MM_PAGE_SIZE) - offset ? STATUS_SUCCESS : STATUS_INVALID_VIEW_SIZE;
}

/* False: it has had its one view. */
static bool take_view(struct mm_section *section)
{
	bool viewed;

	if (!(section->attributes & SEC_LX_ONE_VIEW))
		return true;
	rtl_lock(&section->lock);
	viewed = section->viewed;
	section->viewed = true;
	rtl_unlock(&section->lock);
	return !viewed;
}

NTSTATUS NtMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits, SIZE_T CommitSize,
			    PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize, SECTION_INHERIT InheritDisposition, ULONG AllocationType,
			    ULONG Win32Protect)
{
	cleanup_space struct mm_address_space *space = NULL;
	cleanup_object struct mm_section *section = NULL;
	struct mm_map_request request = {.offset = SectionOffset ? (uint64_t)SectionOffset->QuadPart : 0};
	bool copy_on_write;
	uint64_t address;
	NTSTATUS status = mm_protection_from_nt(Win32Protect, &request.protection, &copy_on_write);

	if (AllocationType & ~(MEM_RESERVE | MEM_TOP_DOWN | MEM_LX_ALL))
		return STATUS_INVALID_PARAMETER_9;
	if (InheritDisposition != ViewShare && InheritDisposition != ViewUnmap)
		return STATUS_INVALID_PARAMETER_8;
	if (NT_SUCCESS(status))
		status = mm_request_from_nt(&request, *BaseAddress, AllocationType);
	if (NT_SUCCESS(status))
		status = ob_reference_by_handle(SectionHandle, view_access(request.protection, copy_on_write), &mm_section_type, (void **)&section);
	if (NT_SUCCESS(status))
		status = view_size(section, request.offset, *ViewSize, &request.size);
	if (NT_SUCCESS(status))
		status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);
	if (NT_SUCCESS(status) && !take_view(section))
		status = STATUS_CONFLICTING_ADDRESSES;
	if (!NT_SUCCESS(status))
		return status;
	request.section = section;
	if (view_is_shared(section, copy_on_write))
		request.flags |= MM_SHARED;
	if (InheritDisposition == ViewUnmap)
		request.flags |= MM_DONTFORK;
	status = mm_map(space, &request, &address);
	if (!NT_SUCCESS(status))
		return status;
	/* ViewUnmap is what the host calls MADV_DONTFORK. */
	if (InheritDisposition == ViewUnmap)
		status = mm_advise(space, address, request.size, 10);
	*BaseAddress = (PVOID)(uintptr_t)address;
	*ViewSize = ALIGN_UP(request.size, MM_PAGE_SIZE);
	return status;
}

NTSTATUS NtUnmapViewOfSection(HANDLE ProcessHandle, PVOID BaseAddress)
{
	cleanup_space struct mm_address_space *space = NULL;
	uint64_t start, end;
	struct mm_vad vad;
	NTSTATUS status = mm_space_by_handle(ProcessHandle, PROCESS_VM_OPERATION, &space);

	if (!NT_SUCCESS(status))
		return status;
	MM_HOLD(space);
	if (!mm_query(space, (uintptr_t)BaseAddress, &vad) || !vad.section || !mm_query_view(space, (uintptr_t)BaseAddress, &start, &end))
		return STATUS_NOT_MAPPED_VIEW;
	return mm_unmap(space, start, end - start);
}

NTSTATUS NtQuerySection(HANDLE SectionHandle, SECTION_INFORMATION_CLASS SectionInformationClass, PVOID SectionInformation,
			SIZE_T SectionInformationLength, PSIZE_T ReturnLength)
{
	cleanup_object struct mm_section *section = NULL;
	SECTION_BASIC_INFORMATION *basic = SectionInformation;
	NTSTATUS status;

	if (SectionInformationClass != SectionBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (SectionInformationLength < sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_reference_by_handle(SectionHandle, SECTION_QUERY, &mm_section_type, (void **)&section);
	if (!NT_SUCCESS(status))
		return status;
	rtl_lock(&section->lock);
	*basic = (SECTION_BASIC_INFORMATION){.AllocationAttributes = section->attributes, .MaximumSize.QuadPart = (LONGLONG)section->size};
	rtl_unlock(&section->lock);
	if (ReturnLength)
		*ReturnLength = sizeof(*basic);
	return STATUS_SUCCESS;
}

NTSTATUS NtExtendSection(HANDLE SectionHandle, PLARGE_INTEGER NewSectionSize)
{
	cleanup_object struct mm_section *section = NULL;
	NTSTATUS status = ob_reference_by_handle(SectionHandle, SECTION_EXTEND_SIZE, &mm_section_type, (void **)&section);

	if (!NT_SUCCESS(status))
		return status;
	if (NewSectionSize->QuadPart < 0)
		return STATUS_INVALID_PARAMETER_2;
	status = mm_section_extend(section, (uint64_t)NewSectionSize->QuadPart);
	NewSectionSize->QuadPart = (LONGLONG)section->size;
	return status;
}
