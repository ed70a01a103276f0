/*
 * mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2): NtLockVirtualMemory and NtUnlockVirtualMemory where they say
 * what is wanted. The host locks the pages really; the account against RLIMIT_MEMLOCK is the guest's.
 */
#include <core/process.h>
#include <core/thread.h>
#include <lx_syscalls.h>

static struct mm_address_space *space_of(struct lx_call *call)
{
	return call->thread->ps->process->space;
}

static bool is_privileged(struct lx_call *call)
{
	return call->thread->token->cap_effective >> LX_CAP_IPC_LOCK & 1;
}

/* The range as the kernel takes it: whole pages, of a size that may have wrapped around to little. */
static uint64_t whole_pages(uint64_t *address, uint64_t size)
{
	uint64_t start = ALIGN_DOWN(*address, (uint64_t)LX_PAGE_SIZE), length = ALIGN_UP(size + (*address - start), (uint64_t)LX_PAGE_SIZE);

	*address = start;
	return length;
}

static int64_t lock(struct lx_call *call, uint64_t address, uint64_t size, bool on_fault)
{
	uint64_t limit = is_privileged(call) ? UINT64_MAX : lx_limit(call->thread->process, LX_RLIMIT_MEMLOCK);
	SIZE_T region = whole_pages(&address, size);
	PVOID base = (PVOID)(uintptr_t)address;

	if (!limit)
		return -LX_EPERM;
	if (!region)
		return 0;
	/* The limit is looked at before the range. */
	if (address + region < address)
		return region > limit ? -LX_ENOMEM : -LX_EINVAL;
	if (on_fault)
		return lx_result(call, mm_lock(space_of(call), address, region, MM_LOCKED | MM_LOCKONFAULT));
	return lx_result(call, ZwLockVirtualMemory(NtCurrentProcess(), &base, &region, MAP_PROCESS));
}

int64_t lx_sys_mlock(struct lx_call *call, uint64_t addr, uint64_t len)
{
	return lock(call, addr, len, false);
}

int64_t lx_sys_mlock2(struct lx_call *call, uint64_t addr, uint64_t len, uint32_t flags)
{
	if (flags & ~(uint32_t)LX_MLOCK_ONFAULT)
		return -LX_EINVAL;
	return lock(call, addr, len, flags & LX_MLOCK_ONFAULT);
}

int64_t lx_sys_munlock(struct lx_call *call, uint64_t addr, uint64_t len)
{
	SIZE_T region = whole_pages(&addr, len);
	PVOID base = (PVOID)(uintptr_t)addr;

	if (!region || addr + region < addr)
		return region ? -LX_EINVAL : 0;
	return lx_result(call, ZwUnlockVirtualMemory(NtCurrentProcess(), &base, &region, MAP_PROCESS));
}

int64_t lx_sys_mlockall(struct lx_call *call, uint32_t flags)
{
	uint32_t how = MM_LOCKED | (flags & LX_MCL_ONFAULT ? MM_LOCKONFAULT : 0);
	bool current = flags & LX_MCL_CURRENT;

	if (!flags || flags & ~(uint32_t)(LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT) || flags == LX_MCL_ONFAULT)
		return -LX_EINVAL;
	return lx_result(call, mm_lock_all(space_of(call), current ? how : 0, current, flags & LX_MCL_FUTURE ? how : 0));
}

int64_t lx_sys_munlockall(struct lx_call *call)
{
	return lx_result(call, mm_lock_all(space_of(call), 0, true, 0));
}
