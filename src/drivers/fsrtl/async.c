/*
 * O_ASYNC of files whose readiness the host knows: FIFOs, terminals, what is inherited. The host's description gets a
 * real-time signal and one thread of lxrun's as owner, which takes its signals by sigwaitinfo(2) and tells those who asked
 * for the descriptor that the signal names. The thread is made when it is first needed. It alone may be sent these
 * signals, and it blocks them, so that no other thread and no disposition has to do with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <drivers/fsrtl/fsrtl.h>
#include <executive/io/async.h>
#include <hal/hal.h>
#include <hal/host.h>

#define HOST_SIGNAL (HAL_INTERRUPT_SIGNAL - 1)

static struct io_async_list host_files = IO_ASYNC_LIST_INITIALIZER;
static _Atomic int listener; /* the thread; 0: not yet */

/* Settling: how many have asked, and up to which of them the thread has come. Both wrap. */
static _Atomic int asked, settled;

static void wait_until(_Atomic int *word, int least)
{
	int now;

	while ((now = atomic_load(word), (int)((unsigned)now - (unsigned)least) < 0))
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
}

static void set_word(_Atomic int *word, int value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* Signals that the host could not queue are told by a SIGIO that names nobody. */
static void listen_to_host(void *context)
{
	sigset_t signals;
	siginfo_t info;

	sigemptyset(&signals);
	sigaddset(&signals, HOST_SIGNAL);
	sigaddset(&signals, SIGIO);
	set_word(&listener, (int)syscall(SYS_gettid));
	for (;;) {
		int signal = sigwaitinfo(&signals, &info);

		if (signal > 0 && info.si_code <= 0 && info.si_pid != getpid())
			hal_signal_pass_on(&info); /* somebody outside means a guest */
		else if (signal == SIGIO)
			io_async_tell_some(&host_files, IO_ASYNC_UNKNOWN, -1);
		else if (signal == HOST_SIGNAL && info.si_code == SI_QUEUE)
			set_word(&settled, info.si_int);
		else if (signal == HOST_SIGNAL && info.si_code >= POLL_IN && info.si_code <= POLL_HUP)
			io_async_tell_some(&host_files, (enum io_async_reason)info.si_code, info.si_fd);
	}
}

/* 0 or an errno. */
static int start_listener(void)
{
	static struct rtl_lock lock = RTL_LOCK_INITIALIZER;
	static bool started;
	int error = 0;

	if (atomic_load(&listener))
		return 0;
	rtl_lock(&lock);
	if (!started)
		error = -hal_thread_create(listen_to_host, NULL);
	started = !error;
	rtl_unlock(&lock);
	if (!error)
		wait_until(&listener, 1);
	return error;
}

/* A signal of the same number is taken after all that came before it. */
void fsrtl_async_settle(void)
{
	siginfo_t info = {.si_signo = HOST_SIGNAL, .si_code = SI_QUEUE};

	if (likely(!atomic_load_explicit(&host_files.count, memory_order_relaxed)))
		return;
	info.si_pid = getpid();
	info.si_int = (int)((unsigned)atomic_fetch_add(&asked, 1) + 1);
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), atomic_load(&listener), HOST_SIGNAL, &info) == 0)
		wait_until(&settled, info.si_int);
}

int fsrtl_async_flag(struct io_file *file)
{
	return atomic_load(&file->lx_flags) & FSRTL_O_ASYNC ? O_ASYNC : 0;
}

static int switch_on(int descriptor)
{
	struct f_owner_ex owner = {F_OWNER_TID, atomic_load(&listener)};
	int on = 1;

	if (fcntl(descriptor, F_SETOWN_EX, &owner) < 0 || fcntl(descriptor, F_SETSIG, HOST_SIGNAL) < 0 ||
	    ioctl(descriptor, FIOASYNC, &on) < 0)
		return errno;
	return 0;
}

NTSTATUS fsrtl_control_async(struct io_file *file, int descriptor, const void *input, ULONG input_size)
{
	const FSCTL_LX_ASYNC_INPUT *in = input;
	int off = 0, error;
	NTSTATUS status;

	if (input_size < sizeof *in)
		return STATUS_INVALID_PARAMETER;
	if (!in->On) {
		error = ioctl(descriptor, FIOASYNC, &off) < 0 ? errno : 0;
		io_async_leave(file);
		return error == ENOTTY ? STATUS_INVALID_DEVICE_REQUEST : FSRTL_ERRNO(error);
	}
	error = start_listener();
	if (error)
		return FSRTL_ERRNO(error);
	status = io_async_join(&host_files, 0, file, in->Descriptor, descriptor);
	if (status != STATUS_SUCCESS)
		return status;
	error = switch_on(descriptor);
	if (!error)
		return STATUS_SUCCESS;
	io_async_leave(file);
	return error == ENOTTY ? STATUS_INVALID_DEVICE_REQUEST : FSRTL_ERRNO(error);
}
