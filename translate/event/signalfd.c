/*
 * signalfd(2): a file object whose reads take signals of the reading thread and its process. The file is sigfs'; which
 * thread may take a signal is the reader's own question, and a sender wakes the process' readers when there are some.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <drivers/sigfs/sigfs.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <signal/signals.h>

_Static_assert(sizeof(struct lx_signalfd_siginfo) == sizeof(struct sigfs_record), "signalfd_siginfo");

static bool is_fault(const struct lx_siginfo *info)
{
	int32_t signal = info->si_signo;

	return signal == LX_SIGSEGV || signal == LX_SIGBUS || signal == LX_SIGILL || signal == LX_SIGFPE ||
	       signal == LX_SIGTRAP;
}

static void fill_record(struct lx_signalfd_siginfo *record, const struct lx_siginfo *info)
{
	*record = (struct lx_signalfd_siginfo){
		.ssi_signo = (uint32_t)info->si_signo, .ssi_errno = info->si_errno, .ssi_code = info->si_code};
	if (info->si_code == LX_SI_TIMER) {
		record->ssi_tid = (uint32_t)info->_sifields._timer._tid;
		record->ssi_overrun = (uint32_t)info->_sifields._timer._overrun;
		record->ssi_ptr = info->_sifields._timer._sigval;
		record->ssi_int = (int32_t)info->_sifields._timer._sigval;
	} else if (info->si_code > 0 && info->si_code < LX_SI_KERNEL && is_fault(info)) {
		record->ssi_addr = info->_sifields._sigfault._addr;
	} else {
		record->ssi_pid = (uint32_t)info->_sifields._rt._pid;
		record->ssi_uid = info->_sifields._rt._uid;
	}
	if (info->si_signo == LX_SIGCHLD && info->si_code > 0) {
		record->ssi_status = info->_sifields._sigchld._status;
		record->ssi_utime = (uint64_t)info->_sifields._sigchld._utime;
		record->ssi_stime = (uint64_t)info->_sifields._sigchld._stime;
	} else if (info->si_code < 0 && info->si_code != LX_SI_TIMER && info->si_code != LX_SI_TKILL) {
		record->ssi_ptr = info->_sifields._rt._sigval;
		record->ssi_int = (int32_t)info->_sifields._rt._sigval;
	}
}

static bool take(uint64_t signals, struct sigfs_record *to)
{
	struct lx_thread *thread = lx_current();
	struct lx_signalfd_siginfo record;
	struct lx_siginfo info;
	bool taken;

	rtl_lock(&thread->process->signal_lock);
	taken = lx_signal_dequeue(thread, ~signals, &info);
	if (taken)
		lx_signal_recalculate(thread);
	rtl_unlock(&thread->process->signal_lock);
	if (!taken)
		return false;
	fill_record(&record, &info);
	memcpy(to, &record, sizeof(record));
	return true;
}

static uint64_t pending(void)
{
	struct lx_thread *thread = lx_current();
	uint64_t signals;

	rtl_lock(&thread->process->signal_lock);
	signals = thread->pending.set.bits | thread->process->pending.set.bits;
	rtl_unlock(&thread->process->signal_lock);
	return signals;
}

static struct ke_wake_list *waiters(void)
{
	struct lx_thread *thread = lx_current();

	return thread ? &thread->process->signalfd_waiters : NULL;
}

static const struct sigfs_source source = {.take = take, .pending = pending, .waiters = waiters};

static int64_t create_file(struct lx_call *call, uint64_t signals, uint32_t flags)
{
	struct io_file *file;
	NTSTATUS status = sigfs_create(&source, signals, flags & LX_SFD_NONBLOCK, &file);

	return NT_SUCCESS(status) ? lx_fd_install_file(call, file, flags & LX_SFD_CLOEXEC) : lx_result(call, status);
}

static int64_t change_file(struct lx_call *call, int32_t fd, uint64_t signals)
{
	cleanup_object struct io_file *file = NULL;
	HANDLE handle;
	NTSTATUS status;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result)
		return result;
	if (!NT_SUCCESS(io_reference_file(handle, 0, &file)))
		return -LX_EINVAL;
	status = sigfs_change(file, signals);
	return NT_SUCCESS(status) ? fd : lx_result(call, status);
}

int64_t lx_sys_signalfd4(struct lx_call *call, int32_t fd, struct lx_uptr mask, uint64_t sizemask, uint32_t flags)
{
	struct lx_sigset set;

	if (sizemask != sizeof(set))
		return -LX_EINVAL;
	if (lx_copy_in(call, &set, mask, sizeof(set)))
		return -LX_EFAULT;
	if (flags & ~(uint32_t)(LX_SFD_CLOEXEC | LX_SFD_NONBLOCK))
		return -LX_EINVAL;
	set.bits &= ~LX_UNBLOCKABLE_SIGNALS;
	return fd == -1 ? create_file(call, set.bits, flags) : change_file(call, fd, set.bits);
}

int64_t lx_sys_signalfd(struct lx_call *call, int32_t fd, struct lx_uptr mask, uint64_t sizemask)
{
	return lx_sys_signalfd4(call, fd, mask, sizemask, 0);
}
