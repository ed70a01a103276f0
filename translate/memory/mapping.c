/*
 * mmap(2), munmap(2), mremap(2), remap_file_pages(2), brk(2).
 *
 * A mapping is memory (NtAllocateVirtualMemory) or a view of a section (NtCreateSection, NtMapViewOfSection); the flags that
 * NT has no word for travel in its allocation type. Where NT has no form at all (write-only pages, ranges across allocations,
 * moving), the memory manager is asked directly. The order of the checks is the kernel's, since errnos show it.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_syscalls.h>

#define HUGE_SHIFT 26
#define HUGE_MASK 0x3fu

/* Of statfs(2). */
#define ST_NOEXEC 8
#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define PROC_SUPER_MAGIC 0x9fa0

/* What MAP_SHARED_VALIDATE knows without the help of a file system. */
#define LEGACY_FLAGS \
	(LX_MAP_SHARED | LX_MAP_PRIVATE | LX_MAP_FIXED | LX_MAP_ANONYMOUS | LX_MAP_DENYWRITE | LX_MAP_EXECUTABLE | \
	 LX_MAP_GROWSDOWN | LX_MAP_LOCKED | LX_MAP_NORESERVE | LX_MAP_POPULATE | LX_MAP_NONBLOCK | LX_MAP_STACK | LX_MAP_HUGETLB | \
	 LX_MAP_32BIT | 0x80u | HUGE_MASK << HUGE_SHIFT)

struct mapping {
	struct lx_call *call;
	uint64_t address, size, offset;
	uint32_t protection, flags;
	HANDLE file; /* NULL: anonymous */
	ACCESS_MASK file_access;
	bool shared;
};

static struct mm_address_space *space_of(struct lx_call *call)
{
	return call->thread->ps->process->space;
}

/* As a kernel whose pools of huge pages are empty: known sizes are out of memory, others invalid. */
static int64_t refuse_huge(uint32_t flags)
{
	uint32_t shift = flags >> HUGE_SHIFT & HUGE_MASK;

	if (!(flags & LX_MAP_ANONYMOUS) || (shift && shift != 21 && shift != 30))
		return -LX_EINVAL;
	return -LX_ENOMEM;
}

static int64_t check_file_mapping(struct mapping *mapping)
{
	uint32_t flags = mapping->flags, type = flags & LX_MAP_TYPE;

	if (type == LX_MAP_SHARED_VALIDATE && flags & ~((uint32_t)LEGACY_FLAGS))
		return -LX_EOPNOTSUPP;
	if (type != LX_MAP_SHARED && type != LX_MAP_SHARED_VALIDATE && type != LX_MAP_PRIVATE)
		return -LX_EINVAL;
	mapping->shared = type != LX_MAP_PRIVATE;
	if (mapping->shared && mapping->protection & LX_PROT_WRITE && !(mapping->file_access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return -LX_EACCES;
	if (!(mapping->file_access & FILE_READ_DATA))
		return -LX_EACCES;
	return 0;
}

static int64_t check_anonymous_mapping(struct mapping *mapping)
{
	uint32_t flags = mapping->flags, type = flags & LX_MAP_TYPE;

	mapping->offset = 0;
	mapping->shared = type == LX_MAP_SHARED;
	if (type != LX_MAP_SHARED && type != LX_MAP_PRIVATE && type != LX_MAP_DROPPABLE)
		return -LX_EINVAL;
	if (type == LX_MAP_SHARED && flags & LX_MAP_GROWSDOWN)
		return -LX_EINVAL;
	if (type == LX_MAP_DROPPABLE && flags & (LX_MAP_LOCKED | LX_MAP_GROWSDOWN))
		return -LX_EINVAL;
	return 0;
}

static ULONG allocation_type(const struct mapping *mapping)
{
	static const struct {
		uint32_t lx;
		ULONG nt;
	} types[] = {
		{LX_MAP_32BIT, MEM_LX_LOW},	    {LX_MAP_GROWSDOWN, MEM_LX_GROWSDOWN}, {LX_MAP_STACK, MEM_LX_STACK},
		{LX_MAP_NORESERVE, MEM_LX_NORESERVE}, {LX_MAP_POPULATE, MEM_LX_POPULATE},	  {LX_MAP_LOCKED, MEM_LX_LOCKED},
	};
	ULONG type = 0;

	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		if (mapping->flags & types[i].lx)
			type |= types[i].nt;
	if ((mapping->flags & LX_MAP_TYPE) == LX_MAP_DROPPABLE)
		type |= MEM_LX_DROPPABLE;
	if (mapping->flags & LX_MAP_NONBLOCK)
		type &= ~MEM_LX_POPULATE;
	if (mapping->flags & LX_MAP_FIXED_NOREPLACE)
		return type;
	if (mapping->flags & LX_MAP_FIXED)
		return type | MEM_LX_REPLACE;
	return mapping->address ? type | MEM_LX_HINT : type;
}

/* NT's protection of a page; 0: it has none such (writable but not readable). */
static ULONG page_protection(uint32_t protection, bool copy_on_write)
{
	static const ULONG plain[8] = {PAGE_NOACCESS, PAGE_READONLY, 0, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ, 0, PAGE_EXECUTE_READWRITE};

	if (copy_on_write && (protection & 3) == 3)
		return protection & LX_PROT_EXEC ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
	return plain[protection & 7];
}

static NTSTATUS map_memory(struct mapping *mapping, ULONG page)
{
	PVOID base = (PVOID)(uintptr_t)mapping->address;
	SIZE_T size = mapping->size;
	NTSTATUS status = ZwAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &size, MEM_RESERVE | MEM_COMMIT | allocation_type(mapping), page);

	mapping->address = (uintptr_t)base;
	return status;
}

/* What the section allows: all that mprotect may want later. */
static ULONG section_protection(const struct mapping *mapping)
{
	bool executable = mapping->protection & LX_PROT_EXEC;

	if (!mapping->shared)
		return executable ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
	if (!mapping->file || mapping->file_access & (FILE_WRITE_DATA | FILE_APPEND_DATA))
		return executable ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
	return executable ? PAGE_EXECUTE_READ : PAGE_READONLY;
}

static NTSTATUS map_section(struct mapping *mapping, ULONG page)
{
	LARGE_INTEGER maximum = {.QuadPart = (LONGLONG)mapping->size}, offset = {.QuadPart = (LONGLONG)mapping->offset};
	PVOID base = (PVOID)(uintptr_t)mapping->address;
	SIZE_T size = mapping->size;
	HANDLE section;
	NTSTATUS status = ZwCreateSection(&section, SECTION_ALL_ACCESS, NULL, mapping->file ? NULL : &maximum, section_protection(mapping),
					  mapping->file ? SEC_FILE | SEC_LX_BEYOND_END : SEC_COMMIT | SEC_LX_ONE_VIEW, mapping->file);

	if (!NT_SUCCESS(status))
		return status;
	status = ZwMapViewOfSection(section, NtCurrentProcess(), &base, 0, 0, &offset, &size, ViewShare, allocation_type(mapping), page);
	ZwClose(section);
	mapping->address = (uintptr_t)base;
	return status;
}

/* Write-only pages: the processor lets them be read, but protections shown elsewhere must be what was asked for. */
static NTSTATUS narrow_protection(struct mapping *mapping)
{
	return mm_protect(space_of(mapping->call), mapping->address, mapping->size, mapping->protection);
}

static int64_t make_mapping(struct mapping *mapping)
{
	ULONG page = page_protection(mapping->protection, mapping->file && !mapping->shared);
	bool narrow = !page, mapped;
	NTSTATUS status;

	if (narrow)
		page = page_protection(mapping->protection | LX_PROT_READ, mapping->file && !mapping->shared);
	status = mapping->file || mapping->shared ? map_section(mapping, page) : map_memory(mapping, page);
	mapped = NT_SUCCESS(status);
	if (mapped && narrow)
		status = narrow_protection(mapping);
	if (!NT_SUCCESS(status) && mapped)
		mm_unmap(space_of(mapping->call), mapping->address, mapping->size);
	if (status == STATUS_CONFLICTING_ADDRESSES)
		return -LX_EEXIST;
	return NT_SUCCESS(status) ? (int64_t)mapping->address : lx_result(mapping->call, status);
}

static int64_t check_lock(struct mapping *mapping)
{
	struct lx_thread *thread = mapping->call->thread;

	if (mapping->flags & LX_MAP_LOCKED && !lx_limit(thread->process, LX_RLIMIT_MEMLOCK) && !(thread->token->cap_effective >> LX_CAP_IPC_LOCK & 1))
		return -LX_EPERM;
	return 0;
}

static int64_t map(struct mapping *mapping)
{
	int64_t result;

	if (!mapping->size)
		return -LX_EINVAL;
	/* The pages of an open file are rounded up; a length that wraps around then is none at all. */
	if (!ALIGN_UP(mapping->size, (uint64_t)LX_PAGE_SIZE))
		return -LX_ENOMEM;
	if (mapping->flags & LX_MAP_FIXED && mapping->address & (LX_PAGE_SIZE - 1))
		return -LX_EINVAL;
	mapping->address = ALIGN_DOWN(mapping->address, (uint64_t)LX_PAGE_SIZE);
	if (mapping->size > ps_platform()->highest_address)
		return -LX_ENOMEM;
	if (mapping->file && mapping->offset + ALIGN_UP(mapping->size, (uint64_t)LX_PAGE_SIZE) > INT64_MAX)
		return -LX_EOVERFLOW;
	result = check_lock(mapping);
	if (!result)
		result = mapping->file ? check_file_mapping(mapping) : check_anonymous_mapping(mapping);
	return result ? result : make_mapping(mapping);
}

/* Is the file on a mount without programs? Pipes, sockets and files without names always are. */
static bool is_noexec(HANDLE file)
{
	FILE_FS_LX_STATFS_INFORMATION volume;
	IO_STATUS_BLOCK io;

	if (!NT_SUCCESS(ZwQueryVolumeInformationFile(file, &io, &volume, sizeof(volume), FileFsLxStatfsInformation)))
		return false;
	return volume.Flags & ST_NOEXEC || volume.Type == PIPEFS_MAGIC || volume.Type == SOCKFS_MAGIC ||
	       volume.Type == ANON_INODE_FS_MAGIC || volume.Type == PROC_SUPER_MAGIC;
}

int64_t lx_sys_mmap(struct lx_call *call, uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int32_t fd, uint64_t offset)
{
	struct mapping mapping = {.call = call, .address = addr, .size = length, .offset = offset, .flags = flags,
				  .protection = prot & (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC)};
	struct lx_stream stream;
	int64_t result = 0;

	if (offset & (LX_PAGE_SIZE - 1))
		return -LX_EINVAL;
	if (flags & LX_MAP_FIXED_NOREPLACE)
		mapping.flags |= LX_MAP_FIXED;
	if (!(flags & LX_MAP_ANONYMOUS)) {
		result = lx_fd_stream(call, fd, 0, &stream);
		if (result < 0)
			return result;
		mapping.file = stream.handle;
		mapping.file_access = stream.file->access;
	}
	if (flags & LX_MAP_HUGETLB)
		return refuse_huge(flags);
	if (mapping.file && flags & LX_MAP_GROWSDOWN)
		return -LX_EINVAL;
	result = map(&mapping);
	/* Where no program may lie is told before that there is nothing to map. */
	if (result == -LX_ENODEV && mapping.file && prot & LX_PROT_EXEC && is_noexec(mapping.file))
		return -LX_EPERM;
	return result;
}

/* The NT service whose word the range is, if it is one: private memory, or exactly one view. */
static bool unmap_by_service(struct lx_call *call, uint64_t address, uint64_t size, NTSTATUS *status)
{
	struct mm_address_space *space = space_of(call);
	PVOID base = (PVOID)(uintptr_t)address;
	uint64_t start, end;
	struct mm_vad vad;
	SIZE_T region = size;

	if (!mm_query(space, address, &vad) || vad.flags & MM_SPECIAL || address + size < address)
		return false;
	if (!vad.section) {
		if (address + size > vad.end)
			return false;
		*status = ZwFreeVirtualMemory(NtCurrentProcess(), &base, &region, MEM_RELEASE);
		return true;
	}
	if (!mm_query_view(space, address, &start, &end) || start != address || end != address + size)
		return false;
	*status = ZwUnmapViewOfSection(NtCurrentProcess(), base);
	return true;
}

int64_t lx_sys_munmap(struct lx_call *call, uint64_t addr, uint64_t length)
{
	uint64_t size = ALIGN_UP(length, (uint64_t)LX_PAGE_SIZE);
	NTSTATUS status;

	if (addr & (LX_PAGE_SIZE - 1) || !size)
		return -LX_EINVAL;
	/* Another thread may change the range meanwhile; then the general way decides. */
	if (!unmap_by_service(call, addr, size, &status) || status == STATUS_MEMORY_NOT_ALLOCATED || status == STATUS_UNABLE_TO_FREE_VM ||
	    status == STATUS_NOT_MAPPED_VIEW)
		status = mm_unmap(space_of(call), addr, length);
	return lx_result(call, status);
}

int64_t lx_sys_mremap(struct lx_call *call, uint64_t old_address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address)
{
	uint64_t address;
	NTSTATUS status = mm_remap(space_of(call), old_address, old_size, new_size, flags, new_address, &address);

	return NT_SUCCESS(status) ? (int64_t)address : lx_result(call, status);
}

int64_t lx_sys_remap_file_pages(struct lx_call *call, uint64_t addr, uint64_t size, uint32_t prot, uint64_t pgoff, uint32_t flags)
{
	uint64_t start = ALIGN_DOWN(addr, (uint64_t)LX_PAGE_SIZE), length = ALIGN_DOWN(size, (uint64_t)LX_PAGE_SIZE);

	if (prot || start + length <= start || pgoff + length / LX_PAGE_SIZE < pgoff)
		return -LX_EINVAL;
	return lx_result(call, mm_remap_file_pages(space_of(call), start, length, pgoff, flags & LX_MAP_NONBLOCK));
}

int64_t lx_sys_brk(struct lx_call *call, uint64_t brk)
{
	return (int64_t)mm_set_break(space_of(call), brk);
}
