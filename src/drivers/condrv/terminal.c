/*
 * Terminal controls: ioctl_tty(2). A request that is not in the table does not
 * reach the host: some would act on the host's own sessions (TIOCSCTTY, TIOCSPGRP:
 * the LX subsystem's), inject input into the user's shell (TIOCSTI) or take the
 * system console over (TIOCCONS).
 */
#include <errno.h>
#include <fcntl.h>
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

struct terminal_request {
	ULONG request;
	enum terminal_form form;
	ULONG size;   /* bytes of the structure */
	bool changes; /* a background group is stopped with SIGTTOU */
	bool waits;   /* may sleep until output has drained */
};

/* struct termios of the kernel has 19 control characters and no speeds; termios2 adds them. */
#define KERNEL_TERMIOS 36u
#define KERNEL_TERMIOS2 44u
#define KERNEL_TERMIO 18u

static const struct terminal_request requests[] = {
	{TCGETS, OUTWARD, KERNEL_TERMIOS, false, false},
	{TCSETS, INWARD, KERNEL_TERMIOS, true, false},
	{TCSETSW, INWARD, KERNEL_TERMIOS, true, true},
	{TCSETSF, INWARD, KERNEL_TERMIOS, true, true},
	{0x802C542A /* TCGETS2 */, OUTWARD, KERNEL_TERMIOS2, false, false},
	{0x402C542B /* TCSETS2 */, INWARD, KERNEL_TERMIOS2, true, false},
	{0x402C542C /* TCSETSW2 */, INWARD, KERNEL_TERMIOS2, true, true},
	{0x402C542D /* TCSETSF2 */, INWARD, KERNEL_TERMIOS2, true, true},
	{TCGETA, OUTWARD, KERNEL_TERMIO, false, false},
	{TCSETA, INWARD, KERNEL_TERMIO, true, false},
	{TCSETAW, INWARD, KERNEL_TERMIO, true, true},
	{TCSETAF, INWARD, KERNEL_TERMIO, true, true},
	{TCSBRK, BY_VALUE, 0, true, true},
	{TCSBRKP, BY_VALUE, 0, true, true},
	{TIOCSBRK, BY_VALUE, 0, true, false},
	{TIOCCBRK, BY_VALUE, 0, true, false},
	{TCXONC, BY_VALUE, 0, true, false},
	{TCFLSH, BY_VALUE, 0, true, false},
	{TIOCEXCL, BY_VALUE, 0, false, false},
	{TIOCNXCL, BY_VALUE, 0, false, false},
	{TIOCGEXCL, OUTWARD, 4, false, false},
	{TIOCOUTQ, OUTWARD, 4, false, false},
	{FIONREAD, OUTWARD, 4, false, false},
	{TIOCGWINSZ, OUTWARD, sizeof(struct winsize), false, false},
	{TIOCSWINSZ, INWARD, sizeof(struct winsize), false, false},
	{TIOCGETD, OUTWARD, 4, false, false},
	{TIOCMGET, OUTWARD, 4, false, false},
	{TIOCMSET, INWARD, 4, false, false},
	{TIOCMBIS, INWARD, 4, false, false},
	{TIOCMBIC, INWARD, 4, false, false},
	{TIOCGSOFTCAR, OUTWARD, 4, false, false},
	{TIOCGLCKTRMIOS, OUTWARD, KERNEL_TERMIOS, false, false},
	{TIOCPKT, INWARD, 4, false, false},
	{TIOCGPKT, OUTWARD, 4, false, false},
	{TIOCGPTN, OUTWARD, 4, false, false},
	{TIOCSPTLCK, INWARD, 4, false, false},
	{TIOCGPTLCK, OUTWARD, 4, false, false},
	{TIOCGDEV, OUTWARD, 4, false, false},
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

NTSTATUS condrv_ioctl(const struct condrv_file *terminal, const void *input, ULONG input_size, void *output, ULONG output_size,
		      ULONG_PTR *information)
{
	const FSCTL_LX_IOCTL_BUFFER *in = input;
	FSCTL_LX_IOCTL_BUFFER *out = output;
	const struct terminal_request *request;
	_Alignas(8) UCHAR data[64] = {0};
	NTSTATUS status;

	if (input_size < sizeof *in)
		return STATUS_INVALID_PARAMETER;
	request = find_request(in->Request);
	if (!request)
		return FSRTL_ERRNO(ENOTTY);
	if (request->form == INWARD) {
		if (input_size < sizeof *in + request->size)
			return STATUS_INVALID_PARAMETER;
		memcpy(data, in->Data, request->size);
	}
	if (request->form == OUTWARD && output_size < sizeof *out + request->size)
		return STATUS_BUFFER_TOO_SMALL;
	status = request->changes ? condrv_check(terminal, true) : STATUS_SUCCESS;
	if (status != STATUS_SUCCESS)
		return status;
	if (request->changes && request->form == INWARD && terminal->number == condrv_console())
		condrv_console_changing();
	status = call_host(terminal->descriptor, request, request->form == BY_VALUE ? in->Argument : (uint64_t)(uintptr_t)data);
	if (status != STATUS_SUCCESS || request->form != OUTWARD)
		return status;
	*out = (FSCTL_LX_IOCTL_BUFFER){.Request = request->request, .Size = request->size, .Argument = in->Argument};
	memcpy(out->Data, data, request->size);
	*information = sizeof *out + request->size;
	return STATUS_SUCCESS;
}
