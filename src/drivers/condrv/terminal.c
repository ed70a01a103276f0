/*
 * Terminal controls: ioctl_tty(2). A request that is not in the table does not
 * reach the host: some would act on the host's own sessions (TIOCSCTTY, TIOCSPGRP:
 * the LX subsystem's), inject input into the user's shell (TIOCSTI) or take the
 * system console over (TIOCCONS).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/serial.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include <drivers/condrv/condrv.h>
#include <drivers/condrv/terminal.h>

enum terminal_form {
	BY_VALUE, /* the argument is a number */
	INWARD,
	OUTWARD,
};

/* What is changed, and so on whose behalf a background group is stopped with SIGTTOU. */
enum terminal_check {
	NOTHING,
	THIS_SIDE, /* a master is nobody's controlling terminal */
	THE_LINE,  /* the terminal itself, through either side */
};

struct terminal_request {
	ULONG request;
	enum terminal_form form;
	ULONG size; /* bytes of the structure */
	enum terminal_check check;
	bool waits; /* may sleep until output has drained */
};

/* struct termios of the kernel has 19 control characters and no speeds; termios2 adds them. */
#define KERNEL_TERMIOS 36u
#define KERNEL_TERMIOS2 44u
#define KERNEL_TERMIO 18u
#define LARGEST 80u

static const struct terminal_request requests[] = {
	{TCGETS, OUTWARD, KERNEL_TERMIOS, NOTHING, false},
	{TCSETS, INWARD, KERNEL_TERMIOS, THE_LINE, false},
	{TCSETSW, INWARD, KERNEL_TERMIOS, THE_LINE, true},
	{TCSETSF, INWARD, KERNEL_TERMIOS, THE_LINE, true},
	{0x802C542A /* TCGETS2 */, OUTWARD, KERNEL_TERMIOS2, NOTHING, false},
	{0x402C542B /* TCSETS2 */, INWARD, KERNEL_TERMIOS2, THE_LINE, false},
	{0x402C542C /* TCSETSW2 */, INWARD, KERNEL_TERMIOS2, THE_LINE, true},
	{0x402C542D /* TCSETSF2 */, INWARD, KERNEL_TERMIOS2, THE_LINE, true},
	{TCGETA, OUTWARD, KERNEL_TERMIO, NOTHING, false},
	{TCSETA, INWARD, KERNEL_TERMIO, THE_LINE, false},
	{TCSETAW, INWARD, KERNEL_TERMIO, THE_LINE, true},
	{TCSETAF, INWARD, KERNEL_TERMIO, THE_LINE, true},
	{TCSBRK, BY_VALUE, 0, THIS_SIDE, true},
	{TCSBRKP, BY_VALUE, 0, THIS_SIDE, true},
	{TIOCSBRK, BY_VALUE, 0, THIS_SIDE, false},
	{TIOCCBRK, BY_VALUE, 0, THIS_SIDE, false},
	{TCXONC, BY_VALUE, 0, THIS_SIDE, false},
	{TCFLSH, BY_VALUE, 0, THIS_SIDE, false},
	{TIOCEXCL, BY_VALUE, 0, NOTHING, false},
	{TIOCNXCL, BY_VALUE, 0, NOTHING, false},
	{TIOCGEXCL, OUTWARD, 4, NOTHING, false},
	{TIOCOUTQ, OUTWARD, 4, NOTHING, false},
	{FIONREAD, OUTWARD, 4, NOTHING, false},
	{TIOCGWINSZ, OUTWARD, sizeof(struct winsize), NOTHING, false},
	{TIOCSWINSZ, INWARD, sizeof(struct winsize), NOTHING, false},
	{TIOCGETD, OUTWARD, 4, NOTHING, false},
	{TIOCMGET, OUTWARD, 4, NOTHING, false},
	{TIOCMSET, INWARD, 4, NOTHING, false},
	{TIOCMBIS, INWARD, 4, NOTHING, false},
	{TIOCMBIC, INWARD, 4, NOTHING, false},
	{TIOCGSOFTCAR, OUTWARD, 4, NOTHING, false},
	{TIOCSSOFTCAR, INWARD, 4, NOTHING, false},
	{TIOCGLCKTRMIOS, OUTWARD, KERNEL_TERMIOS, NOTHING, false},
	{TIOCSLCKTRMIOS, INWARD, KERNEL_TERMIOS, NOTHING, false},
	{TIOCGICOUNT, OUTWARD, sizeof(struct serial_icounter_struct), NOTHING, false},
	{TIOCGSERIAL, OUTWARD, sizeof(struct serial_struct), NOTHING, false},
	{FIGETBSZ, OUTWARD, 4, NOTHING, false},
	{TIOCVHANGUP, BY_VALUE, 0, NOTHING, false},
	{TIOCPKT, INWARD, 4, NOTHING, false},
	{TIOCGPKT, OUTWARD, 4, NOTHING, false},
	{TIOCGPTN, OUTWARD, 4, NOTHING, false},
	{TIOCSPTLCK, INWARD, 4, NOTHING, false},
	{TIOCGPTLCK, OUTWARD, 4, NOTHING, false},
	{TIOCGDEV, OUTWARD, 4, NOTHING, false},
};

static const struct terminal_request *find_request(ULONG number)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		if (requests[i].request == number)
			return &requests[i];
	return NULL;
}

/* The host call, alertable where it may wait for output to drain. */
static NTSTATUS call_host(int descriptor, const struct terminal_request *request, uint64_t argument)
{
	uint64_t arguments[6] = {(uint64_t)descriptor, request->request, argument};
	NTSTATUS status = STATUS_SUCCESS;
	int64_t result;

	if (!request->waits)
		return ioctl(descriptor, request->request, argument) < 0 ? FSRTL_ERRNO(errno) : STATUS_SUCCESS;
	do
		result = ke_host_call(&status, NULL, 0, SYS_ioctl, arguments);
	while (result == -EINTR && status == STATUS_SUCCESS);
	if (result < 0 && status == STATUS_SUCCESS)
		status = FSRTL_ERRNO((int)-result);
	return status;
}

bool condrv_is_hung_up(const struct condrv_file *terminal)
{
	int exclusive;

	return ioctl(terminal->descriptor, TIOCGEXCL, &exclusive) < 0 && errno == EIO;
}

static NTSTATUS check_change(const struct condrv_file *terminal, const struct terminal_request *request)
{
	if (request->check == NOTHING || (request->check == THIS_SIDE && terminal->master))
		return STATUS_SUCCESS;
	return condrv_check(terminal, true);
}

/* The structure that came with the request. False: none did, for the caller could not read it. */
static bool take_in(const struct terminal_request *request, const FSCTL_LX_IOCTL_BUFFER *in, ULONG input_size, UCHAR *data)
{
	if (in->Size < request->size || input_size < sizeof *in + request->size)
		return false;
	memcpy(data, in->Data, request->size);
	return true;
}

/* What no structure lies at: the host says when it is that this matters. */
#define UNREADABLE UINT64_MAX

NTSTATUS condrv_ioctl(const struct condrv_file *terminal, const void *input, ULONG input_size, void *output, ULONG output_size,
		      ULONG_PTR *information)
{
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;
	const struct terminal_request *request;
	_Alignas(8) UCHAR data[LARGEST] = {0};
	uint64_t argument;
	NTSTATUS status;

	if (input_size < sizeof *in)
		return STATUS_INVALID_PARAMETER;
	request = find_request(in->Request);
	if (!request)
		return FSRTL_ERRNO(in->Request != FIOQSIZE && condrv_is_hung_up(terminal) ? EIO : ENOTTY);
	if (request->form == OUTWARD && output_size < sizeof *out + request->size)
		return STATUS_BUFFER_TOO_SMALL;
	status = check_change(terminal, request);
	if (status != STATUS_SUCCESS)
		return status;
	argument = request->form == BY_VALUE ? in->Argument : (uint64_t)(uintptr_t)data;
	if (request->form == INWARD && !take_in(request, in, input_size, data))
		argument = UNREADABLE;
	else if (request->check == THE_LINE && terminal->number == condrv_console())
		condrv_console_changing();
	status = call_host(terminal->descriptor, request, argument);
	if (status != STATUS_SUCCESS || request->form != OUTWARD)
		return status;
	*out = (FSCTL_LX_IOCTL_BUFFER){.Request = request->request, .Size = request->size, .Argument = in->Argument};
	memcpy(out->Data, data, request->size);
	*information = sizeof *out + request->size;
	return STATUS_SUCCESS;
}
