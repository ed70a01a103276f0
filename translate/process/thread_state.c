/* What belongs to one thread alone: its id word, its robust list, its segment bases. */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_structs.h>
#include <lx_syscalls.h>


int64_t lx_sys_set_tid_address(struct lx_call *call, struct lx_uptr tidptr)
{
	call->thread->clear_child_tid = tidptr;
	return call->thread->tid;
}

int64_t lx_sys_set_robust_list(struct lx_call *call, uint64_t head, uint64_t len)
{
	if (len != sizeof(struct lx_robust_list_head))
		return -LX_EINVAL;
	call->thread->robust_list = lx_uptr(head);
	return 0;
}

int64_t lx_sys_get_robust_list(struct lx_call *call, int32_t pid, struct lx_uptr head_ptr, struct lx_uptr len_ptr)
{
	const uint64_t size = sizeof(struct lx_robust_list_head);
	struct lx_task task;
	uint64_t head = 0;
	int64_t result = 0;

	lx_lock_tree();
	if (!lx_find_task(call->thread, pid, &task))
		result = -LX_ESRCH;
	else if (!lx_may_access(call->thread, &task))
		result = -LX_EPERM;
	else if (task.thread)
		head = task.thread->robust_list.address;
	lx_unlock_tree();
	/* The length first, as the kernel writes them. */
	if (!result)
		result = lx_copy_out(call, len_ptr, &size, sizeof(size)) ?: lx_copy_out(call, head_ptr, &head, sizeof(head));
	return result;
}

/* --- arch_prctl(2) */

int64_t lx_sys_arch_prctl(struct lx_call *call, uint32_t code, uint64_t addr)
{
	return -LX_EINVAL;
}

static int64_t get_base(struct lx_call *call, struct lx_uptr to, size_t offset)
{
	struct pico_registers registers;

	if (ps_platform()->get_registers(call->thread->ps->pico, &registers))
		return -LX_ESRCH;
	return lx_copy_out(call, to, (char *)&registers + offset, sizeof(uint64_t));
}

static int64_t set_base(struct lx_call *call, uint64_t address, size_t offset)
{
	const struct pico_platform *platform = ps_platform();
	struct pico_registers registers;

	if (address >= platform->highest_address)
		return -LX_EPERM;
	if (platform->get_registers(call->thread->ps->pico, &registers))
		return -LX_ESRCH;
	memcpy((char *)&registers + offset, &address, sizeof(address));
	registers.rax = 0;
	if (platform->set_registers(call->thread->ps->pico, &registers))
		return -LX_ESRCH;
	call->trap->action = PICO_REGISTERS;
	return 0;
}

int64_t lx_sys_arch_prctl_arch_set_fs(struct lx_call *call, uint64_t addr)
{
	return set_base(call, addr, offsetof(struct pico_registers, fs_base));
}

int64_t lx_sys_arch_prctl_arch_set_gs(struct lx_call *call, uint64_t addr)
{
	return set_base(call, addr, offsetof(struct pico_registers, gs_base));
}

int64_t lx_sys_arch_prctl_arch_get_fs(struct lx_call *call, struct lx_uptr addr)
{
	return get_base(call, addr, offsetof(struct pico_registers, fs_base));
}

int64_t lx_sys_arch_prctl_arch_get_gs(struct lx_call *call, struct lx_uptr addr)
{
	return get_base(call, addr, offsetof(struct pico_registers, gs_base));
}

/* CPUID never faults in guests, and that can't be changed: as on a processor without the feature. */
int64_t lx_sys_arch_prctl_arch_get_cpuid(struct lx_call *call)
{
	return 1;
}
