/*
 * Terminals: the sub-rows of ioctl(2) that ioctl_tty(2) describes.
 *
 * What concerns the line itself goes to the driver with its structure, as bytes.
 * What concerns sessions and process groups is LX's own (terminal.c).
 */
#include <core/thread.h>
#include <descriptor/files.h>
#include <drivers/condrv/condrv.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <terminal/tty.h>

#define TERMIO_SIZE sizeof(struct lx_termio)
#define TERMIOS_SIZE sizeof(struct lx_termios)
#define TERMIOS2_SIZE sizeof(struct lx_termios2)
#define WINSIZE_SIZE sizeof(struct lx_winsize)
#define INT_SIZE sizeof(int32_t)
#define SERIAL_SIZE sizeof(struct lx_serial_struct)
#define COUNTERS_SIZE sizeof(struct lx_serial_icounter_struct)
#define LARGEST COUNTERS_SIZE

struct terminal_control {
	FSCTL_LX_IOCTL_BUFFER header;
	UCHAR data[LARGEST];
};

static int64_t control(struct lx_call *call, int32_t fd, struct terminal_control *buffer)
{
	IO_STATUS_BLOCK block = {0};
	NTSTATUS status;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	status = ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &block, FSCTL_LX_IOCTL, buffer, sizeof *buffer, buffer,
				       sizeof *buffer);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return -LX_ENOTTY;
	return lx_result(call, status);
}

/* A structure into the terminal. Whether there is a terminal, and whose it is, comes before the guest's memory. */
static int64_t control_in(struct lx_call *call, int32_t fd, uint32_t request, struct lx_uptr from, uint32_t size)
{
	struct terminal_control buffer = {.header = {.Request = request, .Size = size, .Argument = from.address}};

	/* The driver is told, and says when it matters. */
	if (lx_copy_in(call, buffer.header.Data, from, size))
		buffer.header.Size = 0;
	return control(call, fd, &buffer);
}

static int64_t control_out(struct lx_call *call, int32_t fd, uint32_t request, struct lx_uptr to, uint32_t size)
{
	struct terminal_control buffer = {.header = {.Request = request, .Argument = to.address}};
	int64_t result = control(call, fd, &buffer);

	return result < 0 ? result : lx_copy_out(call, to, buffer.header.Data, size);
}

static int64_t control_value(struct lx_call *call, int32_t fd, uint32_t request, uint64_t argument)
{
	struct terminal_control buffer = {.header = {.Request = request, .Argument = argument}};

	return control(call, fd, &buffer);
}

#define TERMINAL_IN(name, REQUEST, size)                                                                               \
	int64_t lx_sys_ioctl_##name(struct lx_call *call, int32_t fd, struct lx_uptr argp)                             \
	{                                                                                                              \
		return control_in(call, fd, LX_##REQUEST, argp, size);                                                 \
	}
#define TERMINAL_OUT(name, REQUEST, size)                                                                              \
	int64_t lx_sys_ioctl_##name(struct lx_call *call, int32_t fd, struct lx_uptr argp)                             \
	{                                                                                                              \
		return control_out(call, fd, LX_##REQUEST, argp, size);                                                \
	}
#define TERMINAL_VALUE(name, REQUEST, type)                                                                            \
	int64_t lx_sys_ioctl_##name(struct lx_call *call, int32_t fd, type arg)                                        \
	{                                                                                                              \
		return control_value(call, fd, LX_##REQUEST, (uint64_t)arg);                                           \
	}
#define TERMINAL_PLAIN(name, REQUEST)                                                                                  \
	int64_t lx_sys_ioctl_##name(struct lx_call *call, int32_t fd)                                                  \
	{                                                                                                              \
		return control_value(call, fd, LX_##REQUEST, 0);                                                       \
	}

TERMINAL_OUT(tcgets, TCGETS, TERMIOS_SIZE)
TERMINAL_IN(tcsets, TCSETS, TERMIOS_SIZE)
TERMINAL_IN(tcsetsw, TCSETSW, TERMIOS_SIZE)
TERMINAL_IN(tcsetsf, TCSETSF, TERMIOS_SIZE)
TERMINAL_OUT(tcgets2, TCGETS2, TERMIOS2_SIZE)
TERMINAL_IN(tcsets2, TCSETS2, TERMIOS2_SIZE)
TERMINAL_IN(tcsetsw2, TCSETSW2, TERMIOS2_SIZE)
TERMINAL_IN(tcsetsf2, TCSETSF2, TERMIOS2_SIZE)
TERMINAL_OUT(tcgeta, TCGETA, TERMIO_SIZE)
TERMINAL_IN(tcseta, TCSETA, TERMIO_SIZE)
TERMINAL_IN(tcsetaw, TCSETAW, TERMIO_SIZE)
TERMINAL_IN(tcsetaf, TCSETAF, TERMIO_SIZE)
TERMINAL_OUT(tiocglcktrmios, TIOCGLCKTRMIOS, TERMIOS_SIZE)
TERMINAL_OUT(tiocgsoftcar, TIOCGSOFTCAR, INT_SIZE)
TERMINAL_IN(tiocssoftcar, TIOCSSOFTCAR, INT_SIZE)
TERMINAL_OUT(tiocmget, TIOCMGET, INT_SIZE)
TERMINAL_IN(tiocmset, TIOCMSET, INT_SIZE)
TERMINAL_IN(tiocmbis, TIOCMBIS, INT_SIZE)
TERMINAL_IN(tiocmbic, TIOCMBIC, INT_SIZE)
TERMINAL_OUT(tiocgicount, TIOCGICOUNT, COUNTERS_SIZE)
TERMINAL_OUT(tiocgserial, TIOCGSERIAL, SERIAL_SIZE)
TERMINAL_PLAIN(tiocsbrk, TIOCSBRK)
TERMINAL_PLAIN(tioccbrk, TIOCCBRK)
TERMINAL_VALUE(tcsbrk, TCSBRK, int32_t)
TERMINAL_VALUE(tcsbrkp, TCSBRKP, int32_t)
TERMINAL_VALUE(tcxonc, TCXONC, int32_t)
TERMINAL_VALUE(tcflsh, TCFLSH, int32_t)
TERMINAL_OUT(tiocgwinsz, TIOCGWINSZ, WINSIZE_SIZE)
TERMINAL_OUT(tiocoutq, TIOCOUTQ, INT_SIZE)
TERMINAL_PLAIN(tiocexcl, TIOCEXCL)
TERMINAL_PLAIN(tiocnxcl, TIOCNXCL)
TERMINAL_OUT(tiocgexcl, TIOCGEXCL, INT_SIZE)
TERMINAL_OUT(tiocgetd, TIOCGETD, INT_SIZE)
TERMINAL_OUT(tiocgdev, TIOCGDEV, INT_SIZE)
TERMINAL_IN(tiocpkt, TIOCPKT, INT_SIZE)
TERMINAL_OUT(tiocgpkt, TIOCGPKT, INT_SIZE)
TERMINAL_OUT(tiocgptn, TIOCGPTN, INT_SIZE)
TERMINAL_IN(tiocsptlck, TIOCSPTLCK, INT_SIZE)
TERMINAL_OUT(tiocgptlck, TIOCGPTLCK, INT_SIZE)

/* A terminal at all? 0 or -LX_EBADF, -LX_ENOTTY. */
static int64_t check_terminal(struct lx_call *call, int32_t fd)
{
	struct terminal_control buffer = {.header = {.Request = LX_TCGETS}};

	return control(call, fd, &buffer);
}

int64_t lx_terminal_of_handle(struct lx_call *call, HANDLE handle, struct lx_terminal *terminal)
{
	FSCTL_LX_TERMINAL_OUTPUT answer;
	IO_STATUS_BLOCK block = {0};

	if (!NT_SUCCESS(ZwFsControlFile(handle, NULL, NULL, NULL, &block, FSCTL_LX_TERMINAL, NULL, 0, &answer, sizeof answer)) ||
	    block.Information != sizeof answer || !answer.Number)
		return -LX_ENOTTY;
	*terminal = (struct lx_terminal){answer.Number, answer.Master, answer.Readable, answer.HungUp};
	return 0;
}

/* The terminal behind a descriptor: 0 or -LX_EBADF, -LX_ENOTTY; -LX_EIO if it was hung up. */
static int64_t find_terminal(struct lx_call *call, int32_t fd, struct lx_terminal *terminal)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result == 0)
		result = lx_terminal_of_handle(call, handle, terminal);
	return result == 0 && terminal->hung_up ? -LX_EIO : result;
}

/* What takes privilege: 0, or why the descriptor or the caller is none for it. */
static int64_t find_for_administrator(struct lx_call *call, int32_t fd, struct lx_terminal *terminal)
{
	int64_t result = find_terminal(call, fd, terminal);

	return result == 0 && !lx_capable(call->thread, LX_CAP_SYS_ADMIN) ? -LX_EPERM : result;
}

int64_t lx_sys_ioctl_tiocslcktrmios(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	int64_t result = find_for_administrator(call, fd, &terminal);

	return result < 0 ? result : control_in(call, fd, LX_TIOCSLCKTRMIOS, argp, TERMIOS_SIZE);
}

int64_t lx_sys_ioctl_tiocvhangup(struct lx_call *call, int32_t fd)
{
	struct lx_terminal terminal;
	int64_t result = find_for_administrator(call, fd, &terminal);

	return result < 0 ? result : control_value(call, fd, LX_TIOCVHANGUP, 0);
}

/* The system console's messages stay where the host has them. */
int64_t lx_sys_ioctl_tioccons(struct lx_call *call, int32_t fd)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);

	if (result < 0)
		return result;
	return terminal.master ? -LX_EINVAL : -LX_EPERM;
}

/* Ports and interrupts of serial lines are the host's to set. */
int64_t lx_sys_ioctl_tiocsserial(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	UCHAR settings[SERIAL_SIZE];
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);

	if (result == 0)
		result = lx_copy_in(call, settings, argp, sizeof settings);
	return result < 0 ? result : -LX_ENOTTY;
}

/* A master's way to press ^C, ^\\ or ^Z. */
int64_t lx_sys_ioctl_tiocsig(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);

	if (result < 0)
		return result;
	if (!terminal.master)
		return -LX_ENOTTY;
	if (arg != LX_SIGINT && arg != LX_SIGQUIT && arg != LX_SIGTSTP)
		return -LX_EINVAL;
	lx_terminal_signal(terminal.number, arg);
	return 0;
}

/* A request that no sub-row takes, of a terminal or of any other file. */
int64_t lx_sys_ioctl(struct lx_call *call, int32_t fd, uint32_t request, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	if (result < 0)
		return result;
	return lx_terminal_of_handle(call, handle, &terminal) == 0 && terminal.hung_up ? -LX_EIO : -LX_ENOTTY;
}

int64_t lx_sys_ioctl_tiocswinsz(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct terminal_control old = {.header = {.Request = LX_TIOCGWINSZ}};
	struct terminal_control now = {.header = {.Request = LX_TIOCGWINSZ}};
	struct lx_terminal terminal;
	int64_t result = control(call, fd, &old);

	if (result == 0)
		result = control_in(call, fd, LX_TIOCSWINSZ, argp, WINSIZE_SIZE);
	if (result < 0)
		return result;
	/* Of the console the host tells its own foreground group; if lxrun is that, it passes the news on. */
	if (find_terminal(call, fd, &terminal) == 0 && terminal.number != condrv_console() &&
	    control(call, fd, &now) == 0 && memcmp(old.header.Data, now.header.Data, WINSIZE_SIZE))
		lx_terminal_signal(terminal.number, LX_SIGWINCH);
	return 0;
}

int64_t lx_sys_ioctl_tiocgpgrp(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);
	int32_t group;

	if (result == 0)
		result = lx_terminal_foreground(call, &terminal);
	if (result < 0)
		return result;
	group = (int32_t)result;
	return lx_copy_out(call, argp, &group, sizeof group);
}

int64_t lx_sys_ioctl_tiocspgrp(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);
	int32_t group;

	if (result == 0)
		result = lx_terminal_check_change(call, terminal.number, LX_SIGTTOU);
	if (result < 0)
		return result == -LX_EIO ? -LX_ENOTTY : result;
	if (lx_copy_in(call, &group, argp, sizeof group))
		return -LX_EFAULT;
	return lx_terminal_set_foreground(call, &terminal, group);
}

int64_t lx_sys_ioctl_tiocgsid(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);
	int32_t session;

	if (result == 0)
		result = lx_terminal_session(call, &terminal);
	if (result < 0)
		return result;
	session = (int32_t)result;
	return lx_copy_out(call, argp, &session, sizeof session);
}

int64_t lx_sys_ioctl_tiocsctty(struct lx_call *call, int32_t fd, int32_t arg)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);

	return result < 0 ? result : lx_terminal_acquire(call, &terminal, arg == 1);
}

int64_t lx_sys_ioctl_tiocnotty(struct lx_call *call, int32_t fd)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);

	if (result == 0 && terminal.master)
		result = -LX_ENOTTY;
	return result < 0 ? result : lx_terminal_release(call, &terminal);
}

void lx_terminal_take(struct lx_call *call, HANDLE handle, uint32_t flags)
{
	struct lx_terminal terminal;

	if (flags & (LX_O_NOCTTY | LX_O_PATH) || !lx_terminal_wanted(call->thread))
		return;
	if (lx_terminal_of_handle(call, handle, &terminal) == 0)
		lx_terminal_opened(call, &terminal);
}

/* Would type into the user's own shell: EIO, as from a kernel with dev.tty.legacy_tiocsti=0. */
int64_t lx_sys_ioctl_tiocsti(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	int64_t result = check_terminal(call, fd);

	return result < 0 ? result : -LX_EIO;
}

/* N_TTY is what the terminal has; no other line discipline is to be had. */
int64_t lx_sys_ioctl_tiocsetd(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct lx_terminal terminal;
	int64_t result = find_terminal(call, fd, &terminal);
	int32_t discipline;

	if (result == 0 && !terminal.master)
		result = lx_terminal_check_change(call, terminal.number, LX_SIGTTOU);
	if (result < 0)
		return result;
	if (lx_copy_in(call, &discipline, argp, sizeof discipline))
		return -LX_EFAULT;
	return discipline == 0 ? 0 : -LX_EINVAL;
}

/* The other side of a pseudo-terminal's master: "/Peer" relative to it. */
int64_t lx_sys_ioctl_tiocgptpeer(struct lx_call *call, int32_t fd, uint32_t flags)
{
	STRING name = rtl_string("/Peer");
	ACCESS_MASK access = FILE_GENERIC_READ;
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK block;
	HANDLE master, peer;
	NTSTATUS status;
	int64_t result = check_terminal(call, fd);

	if (result == 0)
		result = lx_fd_handle(call, fd, false, &master);
	if (result < 0)
		return result;
	if ((flags & LX_O_ACCMODE) == LX_O_WRONLY)
		access = FILE_GENERIC_WRITE;
	if ((flags & LX_O_ACCMODE) == LX_O_RDWR)
		access |= FILE_GENERIC_WRITE;
	InitializeObjectAttributes(&attributes, &name, 0, master, NULL);
	status = ZwOpenFile(&peer, access, &attributes, &block, FILE_SHARE_READ | FILE_SHARE_WRITE,
			    FILE_SYNCHRONOUS_IO_ALERT);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	lx_terminal_take(call, peer, flags);
	flags &= LX_O_NONBLOCK;
	if (flags)
		ZwSetInformationFile(peer, &block, &flags, sizeof(flags), FileLxStatusFlagsInformation);
	return lx_fd_install(call, peer, flags & LX_O_CLOEXEC, 0);
}

/* --- what the driver asks and tells */

static NTSTATUS check_background(ULONGLONG terminal, bool write)
{
	struct lx_thread *thread = lx_current();
	int64_t result;

	if (!thread || !thread->call)
		return STATUS_SUCCESS;
	result = lx_terminal_check_change(thread->call, terminal, write ? LX_SIGTTOU : LX_SIGTTIN);
	if (result == -LX_ERESTARTSYS)
		return STATUS_USER_APC;
	return result < 0 ? nt_status_from_errno((int)-result) : STATUS_SUCCESS;
}

void lx_tty_initialize(void)
{
	static const struct condrv_job_control job_control = {
		.check = check_background,
		.controlling = lx_terminal_of_caller,
		.typed = lx_terminal_signal,
		.hangup = lx_terminal_hangup,
	};

	condrv_set_job_control(&job_control);
}
