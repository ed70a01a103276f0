/*
 * Sections: what views show. One over a file object asks the file's driver for a host descriptor for every mapping, so that
 * no view keeps a descriptor open; one of memory is a memfd, kept as long as somebody can map it again, or nothing but its
 * view where there will be only one: no limit of file sizes can be in its way then. Views hold a reference to the section,
 * and it one to the file object's control area, as a Linux area holds its open file.
 */
#include <executive/mm/space.h>

#include <errno.h>
#include <sys/mman.h>

static void section_drop_descriptor(struct mm_section *section)
{
	int descriptor;

	rtl_lock(&section->lock);
	descriptor = steal_fd(&section->host_fd);
	rtl_unlock(&section->lock);
	if (descriptor >= 0)
		hal_close(descriptor);
}

static void section_close(void *object, ULONG left)
{
	/* Without a handle nobody maps it any more; the views there are stay. */
	if (!left)
		section_drop_descriptor(object);
}

static void section_delete(void *object)
{
	struct mm_section *section = object;

	if (section->host_fd >= 0)
		hal_close(section->host_fd);
	if (section->area)
		io_control_area_dereference(section->area);
	rtl_lock_destroy(&section->lock);
}

static void section_dump(void *object, FILE *out)
{
	struct mm_section *section = object;

	fprintf(out, "%s, %llu bytes, protection 0x%x", section->area ? "file" : "memory", (unsigned long long)section->size, section->protection);
}

static const struct ob_type_operations section_operations = {
	.close = section_close,
	.delete = section_delete,
	.dump = section_dump,
};

struct ob_type mm_section_type = {
	.name = "Section",
	.mapping = {READ_CONTROL | SECTION_QUERY | SECTION_MAP_READ, READ_CONTROL | SECTION_MAP_WRITE,
		    READ_CONTROL | SECTION_MAP_EXECUTE, SECTION_ALL_ACCESS},
	.valid_access = SECTION_ALL_ACCESS | SYNCHRONIZE,
	.operations = &section_operations,
};

void mm_initialize(void)
{
	ob_register_type(&mm_section_type);
}

bool mm_section_is_writable(const struct mm_section *section)
{
	return section->protection & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);
}

struct io_file *mm_section_file(struct mm_section *section)
{
	return section->area ? io_control_area_file(section->area) : NULL;
}

struct io_control_area *mm_section_area(struct mm_section *section)
{
	return section->area;
}

static NTSTATUS open_file_backing(struct mm_section *section, int *descriptor)
{
	cleanup_object struct io_file *file = mm_section_file(section);
	struct io_section_backing backing = {.host_fd = -1};
	NTSTATUS status = file->operations->section(file, section->protection, &backing);

	*descriptor = backing.host_fd;
	section->anonymous = NT_SUCCESS(status) && backing.anonymous;
	return status;
}

NTSTATUS mm_section_descriptor(struct mm_section *section, int *descriptor, bool *owned)
{
	NTSTATUS status = STATUS_SUCCESS;

	rtl_lock(&section->lock);
	*owned = section->area;
	*descriptor = section->area ? steal_fd(&section->host_fd) : section->host_fd;
	rtl_unlock(&section->lock);
	if (*descriptor < 0 && section->area)
		status = open_file_backing(section, descriptor);
	if (NT_SUCCESS(status) && *descriptor < 0)
		status = STATUS_INVALID_FILE_FOR_SECTION;
	return status;
}

/* As mmap(2) wants it: reading always, writing for what writes through. */
static NTSTATUS check_file(struct io_file *file, uint32_t protection)
{
	bool executable = protection & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_WRITECOPY);
	bool writable = protection & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);

	if (!(file->access & (executable ? FILE_READ_DATA | FILE_EXECUTE : FILE_READ_DATA)))
		return STATUS_ACCESS_DENIED;
	if (writable && !(file->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return STATUS_ACCESS_DENIED;
	return file->operations->section ? STATUS_SUCCESS : STATUS_INVALID_FILE_FOR_SECTION;
}

static NTSTATUS file_size(struct io_file *file, uint64_t *size)
{
	FILE_STANDARD_INFORMATION information;
	ULONG_PTR written;
	NTSTATUS status;

	*size = 0;
	if (!file->operations->query_information)
		return STATUS_INVALID_DEVICE_REQUEST;
	status = file->operations->query_information(file, FileStandardInformation, &information, sizeof(information), &written);
	if (NT_SUCCESS(status))
		*size = (uint64_t)information.EndOfFile.QuadPart;
	return status;
}

/* NT's rules for sizes; those of mmap(2) are to have none. */
static NTSTATUS settle_file_size(struct mm_section *section, struct io_file *file)
{
	FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = (LONGLONG)section->size};
	uint64_t current;
	NTSTATUS status;

	if (section->attributes & SEC_LX_BEYOND_END)
		return STATUS_SUCCESS;
	status = file_size(file, &current);
	if (!NT_SUCCESS(status))
		return status;
	if (!section->size)
		section->size = current;
	if (!section->size)
		return STATUS_MAPPED_FILE_SIZE_ZERO;
	if (section->size <= current)
		return STATUS_SUCCESS;
	if (!mm_section_is_writable(section))
		return STATUS_SECTION_TOO_BIG;
	if (!file->operations->set_information)
		return STATUS_SECTION_NOT_EXTENDED;
	return file->operations->set_information(file, FileEndOfFileInformation, &end, sizeof(end), NULL);
}

static NTSTATUS back_with_file(struct mm_section *section, struct io_file *file)
{
	NTSTATUS status = check_file(file, section->protection);

	if (!NT_SUCCESS(status))
		return status;
	section->area = io_control_area_of(file);
	if (!section->area)
		return STATUS_NO_MEMORY;
	status = settle_file_size(section, file);
	/* Whether it can be mapped at all is only known by trying. */
	if (NT_SUCCESS(status))
		status = open_file_backing(section, &section->host_fd);
	return status;
}

static NTSTATUS back_with_memory(struct mm_section *section)
{
	if (!section->size || section->size > INT64_MAX - MM_PAGE_SIZE)
		return STATUS_INVALID_PARAMETER_4;
	section->size = ALIGN_UP(section->size, MM_PAGE_SIZE);
	section->anonymous = section->attributes & SEC_LX_ONE_VIEW;
	if (section->anonymous)
		return STATUS_SUCCESS;
	section->host_fd = memfd_create("section", MFD_CLOEXEC);
	if (section->host_fd < 0)
		return nt_status_from_errno(errno);
	return ftruncate(section->host_fd, (off_t)section->size) ? nt_status_from_errno(errno) : STATUS_SUCCESS;
}

static bool is_section_protection(uint32_t protection)
{
	static const uint32_t valid[] = {PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE, PAGE_EXECUTE_READ,
					 PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY};

	for (size_t i = 0; i < ARRAY_COUNT(valid); i++)
		if (valid[i] == protection)
			return true;
	return false;
}

NTSTATUS mm_create_section_ex(struct io_file *file, uint64_t size, uint32_t protection, uint32_t attributes, struct mm_section **result)
{
	struct mm_section *section;
	NTSTATUS status;

	if (!is_section_protection(protection))
		return STATUS_INVALID_PAGE_PROTECTION;
	section = ob_create_object(&mm_section_type, sizeof(*section));
	if (!section)
		return STATUS_NO_MEMORY;
	rtl_lock_initialize(&section->lock);
	section->size = size;
	section->protection = protection;
	section->attributes = attributes;
	section->host_fd = -1;
	status = file ? back_with_file(section, file) : back_with_memory(section);
	if (!NT_SUCCESS(status)) {
		ob_dereference(section);
		return status;
	}
	*result = section;
	return STATUS_SUCCESS;
}

NTSTATUS mm_create_section(struct io_file *file, uint64_t size, uint32_t protection, struct mm_section **section)
{
	return mm_create_section_ex(file, size, protection, file ? SEC_FILE | SEC_LX_BEYOND_END : SEC_COMMIT, section);
}

NTSTATUS mm_section_extend(struct mm_section *section, uint64_t size)
{
	FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = (LONGLONG)size};
	cleanup_object struct io_file *file = mm_section_file(section);
	NTSTATUS status = STATUS_SECTION_NOT_EXTENDED;

	if (size <= section->size)
		return STATUS_SUCCESS;
	if (file && mm_section_is_writable(section) && file->operations->set_information)
		status = file->operations->set_information(file, FileEndOfFileInformation, &end, sizeof(end), NULL);
	if (!NT_SUCCESS(status))
		return STATUS_SECTION_NOT_EXTENDED;
	rtl_lock(&section->lock);
	section->size = size;
	rtl_unlock(&section->lock);
	return STATUS_SUCCESS;
}
