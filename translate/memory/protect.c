/*
 * mprotect(2), madvise(2), msync(2), mincore(2), membarrier(2): what is done to memory that is there.
 *
 * Advice that leaves the mappings as they are, residence and barriers concern the guest's own memory alone: after a check
 * that no address lies among the platform's pages the host runs the call as the guest made it.
 */
#include <core/thread.h>
#include <cpuid.h>
#include <lx_syscalls.h>

#define PROT_ACCESS (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC)

static struct mm_address_space *space_of(struct lx_call *call)
{
	return call->thread->ps->process->space;
}

/* NT's protection for the range, or 0 where the memory manager has to be asked directly. */
static ULONG page_protection(struct lx_call *call, uint64_t address, uint32_t protection)
{
	static const ULONG pages[8] = {PAGE_NOACCESS, PAGE_READONLY, 0, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ, 0, PAGE_EXECUTE_READWRITE};
	struct mm_vad vad;

	if (protection & ~(uint32_t)(PROT_ACCESS | LX_PROT_SEM) || !mm_query(space_of(call), address, &vad))
		return 0;
	if (vad.section && !(vad.flags & MM_SHARED) && (protection & 3) == 3)
		return protection & LX_PROT_EXEC ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
	return pages[protection & 7];
}

/* Does the host's processor have protection keys that its kernel uses? */
static bool has_keys(void)
{
	unsigned a, b, c = 0, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & bit_OSPKE;
}

/* As on a processor without protection keys, or where all are taken: there is the default, and 0 where there are keys. */
static int64_t protect(struct lx_call *call, uint64_t addr, uint64_t len, uint64_t prot, int32_t key)
{
	uint64_t size = ALIGN_UP(len, (uint64_t)LX_PAGE_SIZE);
	PVOID base = (PVOID)(uintptr_t)addr;
	SIZE_T region = len;
	ULONG page, old;

	if (addr & (LX_PAGE_SIZE - 1))
		return -LX_EINVAL;
	if ((prot & (LX_PROT_GROWSDOWN | LX_PROT_GROWSUP)) == (LX_PROT_GROWSDOWN | LX_PROT_GROWSUP))
		return -LX_EINVAL;
	if (!len)
		return 0;
	if (addr + size <= addr)
		return -LX_ENOMEM;
	if (prot & ~(uint64_t)(PROT_ACCESS | LX_PROT_SEM | LX_PROT_GROWSDOWN | LX_PROT_GROWSUP))
		return -LX_EINVAL;
	if (key != -1 && (key || !has_keys()))
		return -LX_EINVAL;
	page = page_protection(call, addr, (uint32_t)prot);
	if (page)
		return lx_result(call, ZwProtectVirtualMemory(NtCurrentProcess(), &base, &region, page, &old));
	return lx_result(call, mm_protect(space_of(call), addr, len, (uint32_t)prot & ~(uint32_t)LX_PROT_SEM));
}

int64_t lx_sys_mprotect(struct lx_call *call, uint64_t addr, uint64_t len, uint64_t prot)
{
	return protect(call, addr, len, prot, -1);
}

int64_t lx_sys_pkey_mprotect(struct lx_call *call, uint64_t addr, uint64_t len, uint64_t prot, int32_t pkey)
{
	return protect(call, addr, len, prot, pkey);
}

/* Advice that fork heeds, which Mm must know, or whose range needs care. */
static bool changes_areas(int32_t advice)
{
	return advice == LX_MADV_DONTFORK || advice == LX_MADV_DOFORK || advice == LX_MADV_WIPEONFORK || advice == LX_MADV_KEEPONFORK;
}

int64_t lx_sys_madvise(struct lx_call *call, uint64_t addr, uint64_t length, int32_t advice)
{
	uint64_t size = ALIGN_UP(length, (uint64_t)LX_PAGE_SIZE);

	if (!changes_areas(advice) && mm_is_guest_range(space_of(call), addr, size) && size >= length)
		return lx_run_on_host(call);
	return lx_result(call, mm_advise(space_of(call), addr, length, advice));
}

int64_t lx_sys_msync(struct lx_call *call, uint64_t addr, uint64_t length, uint32_t flags)
{
	PVOID base = (PVOID)(uintptr_t)addr;
	SIZE_T size = length;
	IO_STATUS_BLOCK io;

	if (flags == LX_MS_SYNC && !(addr & (LX_PAGE_SIZE - 1)) && length && ALIGN_UP(length, (uint64_t)LX_PAGE_SIZE) &&
	    mm_is_guest_range(space_of(call), addr, length))
		return lx_result(call, ZwFlushVirtualMemory(NtCurrentProcess(), &base, &size, &io));
	return lx_result(call, mm_flush(space_of(call), addr, length, flags));
}

int64_t lx_sys_mincore(struct lx_call *call, uint64_t addr, uint64_t length, struct lx_uptr vec)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_membarrier(struct lx_call *call, int32_t cmd, uint32_t flags, int32_t cpu_id)
{
	return lx_run_on_host(call);
}
