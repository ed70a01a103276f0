/*
 * The signals of the line discipline, for terminals that guests make. The host
 * echoes ^C and flushes the line, but has nobody to send the signal to: the
 * terminal belongs to no host session. So what is written to a master is looked
 * at here by the rules of N_TTY's input, and the LX subsystem sends the signal.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <drivers/condrv/terminal.h>

#define SETTLE_TRIES 100

/* The signal of one character, as n_tty_receive_char_special() finds it; 0: none. */
static UCHAR signal_of(const struct termios *attributes, cc_t character)
{
	if (character == _POSIX_VDISABLE)
		return 0;
	if (attributes->c_iflag & IXON &&
	    (character == attributes->c_cc[VSTART] || character == attributes->c_cc[VSTOP]))
		return 0;
	if (character == attributes->c_cc[VINTR])
		return SIGINT;
	if (character == attributes->c_cc[VQUIT])
		return SIGQUIT;
	return character == attributes->c_cc[VSUSP] ? SIGTSTP : 0;
}

/* What the discipline makes of a byte before it compares it. */
static cc_t input_character(const struct termios *attributes, UCHAR byte)
{
	if (attributes->c_iflag & ISTRIP)
		byte &= 0x7f;
	if (attributes->c_iflag & IUCLC && attributes->c_lflag & IEXTEN && byte >= 'A' && byte <= 'Z')
		byte += 'a' - 'A';
	return byte;
}

size_t condrv_find_signals(struct condrv_file *master, const UCHAR *data, size_t size, UCHAR signals[CONDRV_TYPED_SIGNALS])
{
	const tcflag_t quoting = ICANON | IEXTEN;
	struct termios attributes;
	size_t count = 0;

	/* Of a master, the attributes are the other side's. */
	if (tcgetattr(master->descriptor, &attributes) < 0 || attributes.c_lflag & EXTPROC)
		return 0;
	for (size_t i = 0; i < size; i++) {
		cc_t character = input_character(&attributes, data[i]);
		UCHAR signal = attributes.c_lflag & ISIG ? signal_of(&attributes, character) : 0;

		if (master->literal_next) {
			master->literal_next = false;
			continue;
		}
		master->literal_next = !signal && character && character == attributes.c_cc[VLNEXT] &&
				       (attributes.c_lflag & quoting) == quoting;
		if (signal && count < CONDRV_TYPED_SIGNALS)
			signals[count++] = signal;
	}
	return count;
}

/*
 * The host takes input in from a work queue, and with a signal's character it throws away output that was not read yet.
 * Were the signal delivered before that, the program's answer to it could be lost. Polling a slave that has no input
 * waits for the work queue; input from before goes with the flush.
 */
void condrv_settle(const struct condrv_file *master)
{
	int slave = ioctl(master->descriptor, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct pollfd sample = {.fd = slave, .events = POLLIN};

	if (slave < 0)
		return;
	for (int i = 0; i < SETTLE_TRIES && poll(&sample, 1, 0) == 1; i++)
		sched_yield();
	close(slave);
}
