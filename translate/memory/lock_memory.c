/*
 * mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2): NtLockVirtualMemory and NtUnlockVirtualMemory where they say
 * what is wanted. The host locks the pages really; the account against RLIMIT_MEMLOCK is the guest's.
 */
#include <core/thread.h>
#include <lx_syscalls.h>
#include <resources/resources.h>

static struct mm_address_space *space_of(struct lx_call *call)
{
	return call->thread->ps->process->space;
}

static bool is_privileged(struct lx_call *call)
{
	return call->thread->token->cap_effective >> LX_CAP_IPC_LOCK & 1;
}

/* The range as the kernel takes it: whole pages. False: nothing, or it wraps around. */
static bool whole_pages(uint64_t address, uint64_t size, int64_t *result)
{
	uint64_t start = ALIGN_DOWN(address, (uint64_t)LX_PAGE_SIZE), length = ALIGN_UP(size + (address - start), (uint64_t)LX_PAGE_SIZE);

	*result = start + length < start ? -LX_EINVAL : 0;
	return length && !*result;
}

static int64_t lock(struct lx_call *call, uint64_t address, uint64_t size, bool on_fault)
{
	PVOID base = (PVOID)(uintptr_t)address;
	SIZE_T region = size;
	uint64_t limit = is_privileged(call) ? UINT64_MAX : lx_limit(call->thread->process, LX_RLIMIT_MEMLOCK);
	int64_t result;

	if (!limit)
		return -LX_EPERM;
	/* A range that wraps around is above any limit, which Linux looks at first. */
	if (!whole_pages(address, size, &result))
		return result < 0 && limit != UINT64_MAX ? -LX_ENOMEM : result;
	if (on_fault)
		return lx_result(call, mm_lock(space_of(call), address, size, MM_LOCKED | MM_LOCKONFAULT, is_privileged(call)));
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
	PVOID base = (PVOID)(uintptr_t)addr;
	SIZE_T region = len;
	int64_t result;

	if (!whole_pages(addr, len, &result))
		return result;
	return lx_result(call, ZwUnlockVirtualMemory(NtCurrentProcess(), &base, &region, MAP_PROCESS));
}

int64_t lx_sys_mlockall(struct lx_call *call, uint32_t flags)
{
	uint32_t how = MM_LOCKED | (flags & LX_MCL_ONFAULT ? MM_LOCKONFAULT : 0);
	bool current = flags & LX_MCL_CURRENT;

	if (!flags || flags & ~(uint32_t)(LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT) || flags == LX_MCL_ONFAULT)
		return -LX_EINVAL;
	return lx_result(call, mm_lock_all(space_of(call), current ? how : 0, current, flags & LX_MCL_FUTURE ? how : 0, is_privileged(call)));
}

int64_t lx_sys_munlockall(struct lx_call *call)
{
	return lx_result(call, mm_lock_all(space_of(call), 0, true, 0, true));
}
