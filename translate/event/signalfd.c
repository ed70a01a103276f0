/*
 * signalfd(2): a file object whose reads take signals of the reading thread and its process.
 *
 * It lives here and not among the drivers, since what it reads is the LX subsystem's own. A file holds a set of signals,
 * changed by a further signalfd call. The readers and pollers of a process are on its list, whichever file they use, which
 * a sender wakes when somebody is on it: which thread may take a signal is the reader's own question.
 */
#include <core/thread.h>
#include <descriptor/files.h>
#include <drivers/fsrtl/fsrtl.h>
#include <lx_syscalls.h>
#include <poll.h>
#include <signal/signals.h>

#define ANONYMOUS_MODE 0600u
#define ANONYMOUS_INODE 1u

/* struct signalfd_siginfo */
struct signal_record {
	uint32_t signo;
	int32_t errno_, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t timer, band, overrun, trap_number;
	int32_t status, integer;
	uint64_t pointer, utime, stime, address;
	uint16_t address_lsb, padding;
	int32_t syscall;
	uint64_t call_address;
	uint32_t arch;
	uint8_t rest[28];
};
_Static_assert(sizeof(struct signal_record) == 128, "signalfd_siginfo");

struct signal_file {
	_Atomic uint64_t signals;
};

static bool is_fault(const struct lx_siginfo *info)
{
	return info->signo == LX_SIGSEGV || info->signo == LX_SIGBUS || info->signo == LX_SIGILL || info->signo == LX_SIGFPE ||
	       info->signo == LX_SIGTRAP;
}

static void fill_record(struct signal_record *record, const struct lx_siginfo *info)
{
	*record = (struct signal_record){.signo = (uint32_t)info->signo, .errno_ = info->errno_, .code = info->code};
	if (info->code == LX_SI_TIMER) {
		record->timer = (uint32_t)info->timer.timer;
		record->overrun = (uint32_t)info->timer.overrun;
		record->pointer = info->timer.value;
		record->integer = (int32_t)info->timer.value;
	} else if (info->code > 0 && info->code < LX_SI_KERNEL && is_fault(info)) {
		record->address = info->fault.address;
	} else {
		record->pid = (uint32_t)info->rt.pid;
		record->uid = info->rt.uid;
	}
	if (info->signo == LX_SIGCHLD && info->code > 0) {
		record->status = info->child.status;
		record->utime = (uint64_t)info->child.utime;
		record->stime = (uint64_t)info->child.stime;
	} else if (info->code < 0 && info->code != LX_SI_TIMER && info->code != LX_SI_TKILL) {
		record->pointer = info->rt.value;
		record->integer = (int32_t)info->rt.value;
	}
}

static uint64_t signals_of(struct io_file *file)
{
	struct signal_file *signals = io_file_extension(file);

	return atomic_load(&signals->signals);
}

static bool take_signal(struct io_file *file, struct lx_siginfo *info)
{
	struct lx_thread *thread = lx_current();
	bool taken;

	rtl_lock(&thread->process->signal_lock);
	taken = lx_signal_dequeue(thread, ~signals_of(file), info);
	if (taken)
		lx_signal_recalculate(thread);
	rtl_unlock(&thread->process->signal_lock);
	return taken;
}

/* The first signal, for which a blocking read waits. */
static NTSTATUS wait_signal(struct io_file *file, struct lx_siginfo *info)
{
	struct ke_wake_entry entry = {0}, *entries[] = {&entry};
	NTSTATUS status = STATUS_SUCCESS;

	for (;;) {
		bool taken;

		ke_list_enqueue(&lx_current()->process->signalfd_waiters, &entry);
		taken = take_signal(file, info);
		if (!taken && (atomic_load(&file->lx_flags) & LX_O_NONBLOCK))
			status = nt_status_from_errno(LX_EAGAIN);
		else if (!taken && NT_SUCCESS(status) && status != STATUS_USER_APC && status != STATUS_ALERTED)
			status = ke_list_sleep(entries, 1, true, UINT64_MAX);
		else if (taken)
			status = STATUS_SUCCESS;
		ke_list_dequeue(&entry);
		if (taken || status != STATUS_SUCCESS)
			return status;
	}
}

static NTSTATUS signalfd_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
			      ULONG_PTR *information)
{
	size_t room = io_buffer_size(buffer) / sizeof(struct signal_record), done = 0;
	struct lx_siginfo info;
	NTSTATUS status;

	if (position)
		return nt_status_from_errno(LX_ESPIPE);
	if (!room)
		return nt_status_from_errno(LX_EINVAL);
	status = wait_signal(file, &info);
	while (status == STATUS_SUCCESS) {
		struct signal_record record;

		fill_record(&record, &info);
		if (io_buffer_put(buffer, done * sizeof(record), &record, sizeof(record)) != sizeof(record))
			return done ? STATUS_SUCCESS : nt_status_from_errno(LX_EFAULT);
		*information = ++done * sizeof(record);
		if (done == room || !take_signal(file, &info))
			break;
	}
	return status;
}

static ULONG signalfd_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	struct lx_thread *thread = lx_current();
	uint64_t pending;

	if (!thread)
		return 0;
	if (table)
		io_poll_add_list(table, &thread->process->signalfd_waiters);
	rtl_lock(&thread->process->signal_lock);
	pending = thread->pending.set.bits | thread->process->pending.set.bits;
	rtl_unlock(&thread->process->signal_lock);
	return pending & signals_of(file) ? events & (POLLIN | POLLRDNORM) : 0;
}

static struct fsrtl_file_system file_system;

static void find_file_system(void)
{
	file_system = fsrtl_file_system_of_anonymous(15);
}

static NTSTATUS signalfd_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					   ULONG_PTR *information)
{
	static const char name[] = "anon_inode:[signalfd]";
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	FILE_LX_STATX_INFORMATION attributes;

	if (class == FileNameInformation)
		return fsrtl_return_name(name, sizeof(name) - 1, data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	pthread_once(&once, find_file_system);
	fsrtl_init_attributes(&attributes, ANONYMOUS_MODE, ANONYMOUS_INODE);
	fsrtl_place_in(&attributes, &file_system);
	return fsrtl_query_attributes(&attributes, class, data, size, information);
}

static NTSTATUS signalfd_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
					 struct io_file *target)
{
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_status_flags(file, data, size);
	return nt_status_from_errno(class == FilePositionInformation ? LX_ESPIPE : LX_EINVAL);
}

/* Seeking succeeds and does nothing. */
static NTSTATUS signalfd_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				 ULONG output_size, ULONG_PTR *information)
{
	const LONGLONG position = 0;

	return code == FSCTL_LX_SEEK ? fsrtl_return(&position, sizeof(position), output, output_size, information) :
				       STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS signalfd_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			       ULONG flags, ULONG_PTR *information)
{
	return nt_status_from_errno(LX_EINVAL);
}

static ULONG signalfd_splice_ends(struct io_file *file)
{
	return 0;
}

static const struct io_driver_operations signalfd_operations = {
	.splice_ends = signalfd_splice_ends,
	.read = signalfd_read,
	.write = signalfd_write,
	.query_information = signalfd_query_information,
	.set_information = signalfd_set_information,
	.fs_control = signalfd_control,
	.poll = signalfd_poll,
};

static struct io_driver signalfd_driver = {
	.name = "LxSignal",
	.operations = &signalfd_operations,
	.file_extension_size = sizeof(struct signal_file),
};
static struct io_device *signalfd_device;
static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
	if (NT_SUCCESS(io_register_driver(&signalfd_driver)))
		io_create_device(&signalfd_driver, NULL, NULL, &signalfd_device);
}

static int64_t create_file(struct lx_call *call, uint64_t signals, uint32_t flags)
{
	struct signal_file *extension;
	struct io_file *file;
	NTSTATUS status;

	pthread_once(&started, start);
	if (!signalfd_device)
		return -LX_ENOMEM;
	status = io_create_file_object(signalfd_device, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, 0, &file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	extension = io_file_extension(file);
	atomic_store(&extension->signals, signals);
	atomic_store(&file->lx_flags, LX_O_RDWR | (flags & LX_SFD_NONBLOCK));
	return lx_fd_install_file(call, file, flags & LX_SFD_CLOEXEC);
}

static int64_t change_file(struct lx_call *call, int32_t fd, uint64_t signals)
{
	cleanup_object struct io_file *file = NULL;
	struct signal_file *extension;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result)
		return result;
	if (!NT_SUCCESS(io_reference_file(handle, 0, &file)) || file->device != signalfd_device || !signalfd_device)
		return -LX_EINVAL;
	extension = io_file_extension(file);
	atomic_store(&extension->signals, signals);
	ke_wake_all(&call->thread->process->signalfd_waiters);
	return fd;
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
