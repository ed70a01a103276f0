/* prctl(2): what a thread or process says about itself. Capability sets are in capabilities.c. */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>

#define TSC_ENABLE 1
#define SET_MM_AUXV 12
#define SET_MM_MAP 14
#define SET_MM_MAP_SIZE 15
#define TIMING_STATISTICAL 0
#define SAVED_AUXV_SIZE 448u /* what the kernel keeps of the vector, zeros at its end included */

/* What no sub-row takes. */
int64_t lx_sys_prctl(struct lx_call *call, uint32_t option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	return -LX_EINVAL;
}

int64_t lx_sys_prctl_pr_set_pdeathsig(struct lx_call *call, int32_t sig)
{
	if (call->arguments[1] > LX_NSIG)
		return -LX_EINVAL;
	call->thread->process->parent_death_signal = sig;
	return 0;
}

int64_t lx_sys_prctl_pr_get_pdeathsig(struct lx_call *call, struct lx_uptr sig)
{
	return lx_copy_out(call, sig, &call->thread->process->parent_death_signal, sizeof(int32_t));
}

int64_t lx_sys_prctl_pr_get_dumpable(struct lx_call *call)
{
	return call->thread->process->dumpable;
}

int64_t lx_sys_prctl_pr_set_dumpable(struct lx_call *call, int32_t dumpable)
{
	if (call->arguments[1] > LX_SUID_DUMP_USER)
		return -LX_EINVAL;
	call->thread->process->dumpable = dumpable;
	return 0;
}

/* --- names */

void lx_set_comm(struct lx_thread *thread, const char *name)
{
	STRING text;

	lx_lock_tree();
	memset(thread->comm, 0, sizeof(thread->comm));
	memcpy(thread->comm, name, strnlen(name, sizeof(thread->comm) - 1));
	lx_unlock_tree();
	/* The host's tools are told by the thread's own half alone. */
	if (thread != lx_current())
		return;
	text = rtl_string(thread->comm);
	ZwSetInformationThread(NtCurrentThread(), ThreadNameInformation, &text, sizeof(text));
}

int64_t lx_sys_prctl_pr_set_name(struct lx_call *call, struct lx_uptr name)
{
	char text[16] = {0};
	/* A longer name is cut: the kernel reads at most 15 bytes of it. */
	int64_t length = lx_copy_in_string(call, text, name, sizeof(text) - 1);

	if (length == -LX_EFAULT)
		return length;
	lx_set_comm(call->thread, text);
	return 0;
}

int64_t lx_sys_prctl_pr_get_name(struct lx_call *call, struct lx_uptr name)
{
	return lx_copy_out(call, name, call->thread->comm, sizeof(call->thread->comm));
}

/* --- privileges that go away */

int64_t lx_sys_prctl_pr_set_no_new_privs(struct lx_call *call, uint64_t value, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	struct se_token *token;

	if (value != 1 || arg3 || arg4 || arg5)
		return -LX_EINVAL;
	token = se_duplicate_token(call->thread->token);
	if (!token)
		return -LX_ENOMEM;
	token->no_new_privileges = true;
	return lx_set_token(call->thread, token);
}

int64_t lx_sys_prctl_pr_get_no_new_privs(struct lx_call *call, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	if (arg2 || arg3 || arg4 || arg5)
		return -LX_EINVAL;
	return call->thread->token->no_new_privileges;
}

/* Guests have no filters of their own yet: this is a kernel without CONFIG_SECCOMP_FILTER, where mode 0 is all there is. */
int64_t lx_sys_prctl_pr_get_seccomp(struct lx_call *call)
{
	return 0;
}

int64_t lx_sys_seccomp(struct lx_call *call, uint32_t operation, uint32_t flags, struct lx_uptr args)
{
	return -LX_EINVAL;
}

/* Dispatch of calls to the program's own handler is not done; there is nothing to leave off, and that can be said. */
int64_t lx_sys_prctl_pr_set_syscall_user_dispatch(struct lx_call *call, uint64_t mode, uint64_t offset, uint64_t size,
						  struct lx_uptr selector)
{
	return mode || offset || size || !lx_is_null(selector) ? -LX_EINVAL : 0;
}

/* --- what the host does for the calling task */

/* What becomes of a task whose memory the machine finds broken. */
int64_t lx_sys_prctl_pr_mce_kill(struct lx_call *call, uint64_t operation, uint64_t policy, uint64_t arg4, uint64_t arg5)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_prctl_pr_mce_kill_get(struct lx_call *call, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	return lx_run_on_host(call);
}

/* How far the processor may run ahead in the calling task. */
int64_t lx_sys_prctl_pr_get_speculation_ctrl(struct lx_call *call, uint64_t which, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	return lx_run_on_host(call);
}

int64_t lx_sys_prctl_pr_set_speculation_ctrl(struct lx_call *call, uint64_t which, uint64_t control, uint64_t arg4, uint64_t arg5)
{
	return lx_run_on_host(call);
}

/* Futexes that wait are the host's, and so is their table. */
int64_t lx_sys_prctl_pr_futex_hash(struct lx_call *call, uint64_t operation, uint64_t arg3, uint64_t arg4)
{
	return lx_run_on_host(call);
}

/* --- timers and memory */

#define SET_MM_MAP_BYTES 104u /* struct prctl_mm_map */

/* Nobody may move the marks of a space; a wrong number of arguments is told first, and anybody may ask for the size. */
int64_t lx_sys_prctl_pr_set_mm(struct lx_call *call, uint64_t field, uint64_t addr, uint64_t arg4, uint64_t arg5)
{
	bool has_size = field == SET_MM_AUXV || field == SET_MM_MAP || field == SET_MM_MAP_SIZE;

	uint32_t size = SET_MM_MAP_BYTES;

	if (arg5 || (arg4 && !has_size) || (field == SET_MM_MAP && arg4 != size))
		return -LX_EINVAL;
	return field == SET_MM_MAP_SIZE ? lx_copy_out(call, lx_uptr(addr), &size, sizeof(size)) : -LX_EPERM;
}

int64_t lx_sys_prctl_pr_set_timerslack(struct lx_call *call, uint64_t nanoseconds)
{
	struct lx_thread *thread = call->thread;

	thread->timer_slack_ns = (int64_t)nanoseconds <= 0 ? thread->default_timer_slack_ns : nanoseconds;
	return 0;
}

int64_t lx_sys_prctl_pr_get_timerslack(struct lx_call *call)
{
	return (int64_t)call->thread->timer_slack_ns;
}

int64_t lx_sys_prctl_pr_set_thp_disable(struct lx_call *call, uint64_t disable, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	if (arg3 || arg4 || arg5)
		return -LX_EINVAL;
	call->thread->process->thp_disabled = disable != 0;
	return 0;
}

int64_t lx_sys_prctl_pr_get_thp_disable(struct lx_call *call, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	if (arg2 || arg3 || arg4 || arg5)
		return -LX_EINVAL;
	return call->thread->process->thp_disabled;
}

/* Up to 80 bytes of printable text without []\$`. */
#define ANON_NAME_MAX 80

static bool is_anonymous_name(const char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || strchr("\\`$[]", *name))
			return false;
	return true;
}

int64_t lx_sys_prctl_pr_set_vma(struct lx_call *call, int32_t attribute, uint64_t addr, uint64_t size, struct lx_uptr name)
{
	char text[ANON_NAME_MAX] = {0};
	NTSTATUS status;

	if (call->arguments[1] != LX_PR_SET_VMA_ANON_NAME)
		return -LX_EINVAL;
	if (!lx_is_null(name)) {
		int64_t length = lx_copy_in_string(call, text, name, sizeof(text));

		if (length < 0)
			return length == -LX_EFAULT ? length : -LX_EINVAL;
		if (!is_anonymous_name(text))
			return -LX_EINVAL;
	}
	if (addr % LX_PAGE_SIZE)
		return -LX_EINVAL;
	size = ALIGN_UP(size, (uint64_t)LX_PAGE_SIZE);
	if (addr + size < addr)
		return -LX_EINVAL;
	if (!size)
		return 0;
	status = mm_set_name(call->thread->ps->process->space, addr, size, lx_is_null(name) ? NULL : text);
	return lx_result(call, status);
}

/* --- ancestors */

int64_t lx_sys_prctl_pr_set_child_subreaper(struct lx_call *call, uint64_t enable)
{
	lx_lock_tree();
	call->thread->process->is_subreaper = enable != 0;
	lx_unlock_tree();
	return 0;
}

int64_t lx_sys_prctl_pr_get_child_subreaper(struct lx_call *call, struct lx_uptr enabled)
{
	int32_t value = call->thread->process->is_subreaper;

	return lx_copy_out(call, enabled, &value, sizeof(value));
}

/* --- what this machine has to say */

int64_t lx_sys_prctl_pr_get_tsc(struct lx_call *call, struct lx_uptr mode)
{
	const int32_t enabled = TSC_ENABLE;

	return lx_copy_out(call, mode, &enabled, sizeof(enabled));
}

int64_t lx_sys_prctl_pr_get_tid_address(struct lx_call *call, struct lx_uptr address)
{
	return lx_copy_out(call, address, &call->thread->clear_child_tid.address, sizeof(uint64_t));
}

int64_t lx_sys_prctl_pr_set_tsc(struct lx_call *call, int32_t mode)
{
	return call->arguments[1] == TSC_ENABLE ? 0 : -LX_EINVAL;
}

int64_t lx_sys_prctl_pr_get_timing(struct lx_call *call)
{
	return TIMING_STATISTICAL;
}

int64_t lx_sys_prctl_pr_set_timing(struct lx_call *call, int32_t method)
{
	return call->arguments[1] == TIMING_STATISTICAL ? 0 : -LX_EINVAL;
}

int64_t lx_sys_prctl_pr_task_perf_events_disable(struct lx_call *call)
{
	return 0;
}

int64_t lx_sys_prctl_pr_task_perf_events_enable(struct lx_call *call)
{
	return 0;
}

int64_t lx_sys_prctl_pr_get_auxv(struct lx_call *call, struct lx_uptr auxv, uint64_t size, uint64_t arg4, uint64_t arg5)
{
	const struct lx_process *process = call->thread->process;
	uint8_t vector[SAVED_AUXV_SIZE] = {0};

	if (arg4 || arg5)
		return -LX_EINVAL;
	memcpy(vector, process->auxv, MIN_OF(process->auxv_size, sizeof(vector)));
	if (lx_copy_out(call, auxv, vector, MIN_OF(size, sizeof(vector))))
		return -LX_EFAULT;
	return SAVED_AUXV_SIZE;
}
