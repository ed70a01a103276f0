/*
 * Every request of ioctl_tty(2) on every end of a pseudo-terminal: what each says to a good argument, to one that can't be
 * read or written, from a session that has the terminal, one that hasn't, a background group, and after the hangup.
 */
#include "observe.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/serial.h>
#include <linux/fs.h>
#include <linux/tty.h>

int ioctl(int fd, unsigned long request, ...);

#ifndef TIOCGLCKTRMIOS
#define TIOCGLCKTRMIOS 0x5456
#define TIOCSLCKTRMIOS 0x5457
#endif

enum form { VALUE, IN, OUT, OUT_SECRET };

struct request {
	const char *name;
	unsigned long number;
	enum form form;
	unsigned long fill; /* IN: the request that tells the present value; 0: zeros. VALUE: the argument */
};

#define R(request, ...) {#request, request, __VA_ARGS__}

/* The harmless ones, in an order in which none changes what a later one says. TIOCSTI is left out: a host may allow it. */
static const struct request requests[] = {
	R(TCGETS, OUT, 0),
	R(TCGETS2, OUT, 0),
	R(TCGETA, OUT, 0),
	R(TIOCGLCKTRMIOS, OUT, 0),
	R(TIOCGSOFTCAR, OUT, 0),
	R(TIOCGWINSZ, OUT, 0),
	R(TIOCGETD, OUT, 0),
	R(TIOCGEXCL, OUT, 0),
	R(TIOCGDEV, OUT_SECRET, 0),
	R(TIOCOUTQ, OUT, 0),
	R(FIONREAD, OUT, 0),
	R(TIOCGPTN, OUT_SECRET, 0),
	R(TIOCGPTLCK, OUT, 0),
	R(TIOCGPKT, OUT, 0),
	R(TIOCMGET, OUT, 0),
	R(TIOCGICOUNT, OUT, 0),
	R(TIOCGSERIAL, OUT, 0),
	R(TIOCGRS485, OUT, 0),
	R(TIOCGISO7816, OUT, 0),
	R(TIOCMIWAIT, VALUE, 0),
	R(TIOCMSET, IN, 0),
	R(TIOCMBIS, IN, 0),
	R(TIOCMBIC, IN, 0),
	R(TIOCSSERIAL, IN, 0),
	R(TIOCSRS485, IN, 0),
	R(TIOCSISO7816, IN, 0),
	R(TIOCSERGETLSR, OUT, 0),
	R(TIOCSERCONFIG, VALUE, 0),
	R(TIOCLINUX, IN, 0),
	R(TCGETX, OUT, 0),
	R(TCSETX, IN, 0),
	R(TCSETXF, IN, 0),
	R(TCSETXW, IN, 0),
	R(TCSETS, IN, TCGETS),
	R(TCSETSW, IN, TCGETS),
	R(TCSETSF, IN, TCGETS),
	R(TCSETS2, IN, TCGETS2),
	R(TCSETSW2, IN, TCGETS2),
	R(TCSETSF2, IN, TCGETS2),
	R(TCSETA, IN, TCGETA),
	R(TCSETAW, IN, TCGETA),
	R(TCSETAF, IN, TCGETA),
	R(TIOCSLCKTRMIOS, IN, 0),
	R(TIOCSSOFTCAR, IN, 0),
	R(TIOCSWINSZ, IN, TIOCGWINSZ),
	R(TIOCSETD, IN, 0),
	R(TIOCSBRK, VALUE, 0),
	R(TIOCCBRK, VALUE, 0),
	R(TCSBRK, VALUE, 0),
	R(TCSBRK, VALUE, 1),
	R(TCSBRKP, VALUE, 0),
	R(TCFLSH, VALUE, 0),
	R(TCFLSH, VALUE, 2),
	R(TCFLSH, VALUE, 3),
	R(TCXONC, VALUE, 1),
	R(TCXONC, VALUE, 4),
	R(TIOCEXCL, VALUE, 0),
	R(TIOCGEXCL, OUT, 0),
	R(TIOCNXCL, VALUE, 0),
	R(TIOCPKT, IN, 0),
	R(TIOCSPTLCK, IN, 0),
	R(TIOCSIG, VALUE, 0),
	R(TIOCSIG, VALUE, 64),
	R(TIOCSIG, VALUE, SIGTSTP),
	R(TIOCGPGRP, OUT_SECRET, 0),
	R(TIOCGSID, OUT_SECRET, 0),
	R(TIOCSPGRP, IN, 0),
	R(FIOQSIZE, OUT, 0),
	R(FIGETBSZ, OUT_SECRET, 0),
	{"unknown", 0x54fe, OUT, 0},
	{"no terminal's", 0x12345678, OUT, 0},
};

static int ticks, stops;

static void count(int signo)
{
	(void)signo;
	ticks++;
}

static void caught(int signo)
{
	(void)signo;
	stops++;
}

/* A call with this argument. */
static void ask(int fd, const struct request *request, const char *kind, unsigned long argument)
{
	long value;
	int before = ticks;

	errno = 0;
	value = syscall(SYS_ioctl, fd, request->number, argument);
	printf("SYS_ioctl(%s, %s) = ", request->name, kind);
	if (value < 0)
		printf("%s", strerrorname_np(errno));
	else
		printf("%ld", value);
	if (ticks > before)
		printf(" after SIGTTOU");
}

static void show_bytes(const unsigned char *bytes, size_t size)
{
	size_t used = size;

	while (used && bytes[used - 1] == 0xee)
		used--;
	printf(" [%zu]", used);
	for (size_t i = 0; i < used; i++)
		printf(" %x", bytes[i]);
}

static void try_one(int fd, const struct request *request)
{
	unsigned char room[256];

	if (request->form == VALUE) {
		ask(fd, request, "a value", request->fill);
		putchar('\n');
		return;
	}
	memset(room, request->form == IN ? 0 : 0xee, sizeof room);
	if (request->form == IN && request->fill)
		syscall(SYS_ioctl, fd, request->fill, room);
	ask(fd, request, "argument", (unsigned long)room);
	if (request->form == OUT)
		show_bytes(room, sizeof room);
	putchar('\n');
	ask(fd, request, "NULL", 0);
	putchar('\n');
	ask(fd, request, "unreadable", -1ul);
	putchar('\n');
}

static void try_requests(int fd)
{
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		try_one(fd, &requests[i]);
	fflush(stdout);
}

static void try_all(const char *end, int fd)
{
	section(end);
	try_requests(fd);
}

static int master, slave;

static void open_pair(void)
{
	int unlock = 0;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	ioctl(master, TIOCSPTLCK, &unlock);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0) {
		perror("pseudo-terminal");
		exit(99);
	}
}

static void strangers(void)
{
	open_pair();
	try_all("master", master);
	try_all("slave", slave);
	try_all("slave for writing", ioctl(master, TIOCGPTPEER, O_WRONLY | O_NOCTTY));
}

static void in_session(void)
{
	open_pair();
	setsid();
	signal(SIGHUP, SIG_IGN);
	signal(SIGTSTP, caught);
	OBSERVE(ioctl(master, TIOCNOTTY));
	/* Through the master as well as through the slave. */
	OBSERVE(ioctl(master, TIOCSCTTY, 0));
	OBSERVE(ioctl(slave, TIOCSCTTY, 0));
	try_all("master of one's terminal", master);
	try_all("one's terminal", slave);
	try_all("/dev/tty", open("/dev/tty", O_RDWR));
	OBSERVE(ioctl(master, TIOCNOTTY));
	printf("%d times stopped\n", stops);
}

/* Each call from a group that is not in the foreground; SIGTTOU is caught, so that it ends the call. */
static void behind(int disposition)
{
	struct sigaction action = {.sa_handler = disposition == 1 ? SIG_IGN : count};

	setpgid(0, 0);
	sigaction(SIGTTOU, &action, NULL);
	signal(SIGTSTP, SIG_IGN);
	if (disposition == 2) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGTTOU);
		sigprocmask(SIG_BLOCK, &set, NULL);
	}
	try_all("master, in the background", master);
	try_all("slave, in the background", slave);
	fflush(stdout);
	_exit(0);
}

static void in_background(void)
{
	open_pair();
	setsid();
	signal(SIGTSTP, SIG_IGN);
	OBSERVE(ioctl(slave, TIOCSCTTY, 0));
	for (int disposition = 0; disposition < 3; disposition++) {
		fflush(stdout);
		if (fork() == 0)
			behind(disposition);
		wait(NULL);
	}
}

/* The last of the master is closed: its slaves say EIO to everything. */
static void hung_up(void)
{
	int session = fork() == 0;
	int tty = -1, hangups = ticks;

	if (!session) {
		wait(NULL);
		section("a stranger's");
	} else {
		setsid();
	}
	open_pair();
	signal(SIGHUP, count);
	if (session) {
		OBSERVE(ioctl(slave, TIOCSCTTY, 0));
		tty = open("/dev/tty", O_RDWR);
	}
	close(master);
	try_all("slave after the hangup", slave);
	if (session)
		try_all("/dev/tty after the hangup", tty);
	printf("%d hangups\n", ticks - hangups);
	OBSERVE(ioctl(slave, TIOCNOTTY));
	OBSERVE(ioctl(slave, TIOCSCTTY, 0));
	OBSERVE(ioctl(slave, TIOCVHANGUP));
	OBSERVE(ioctl(slave, TIOCGPTPEER, 0));
	OBSERVE(read(slave, &tty, 1));
	OBSERVE(write(slave, "x", 1));
	OBSERVE(open("/dev/tty", O_RDWR));
	fflush(stdout);
	if (session)
		_exit(0);
}

/* vhangup's request: root's alone. */
static void hang_up(void)
{
	open_pair();
	OBSERVE(ioctl(slave, TIOCVHANGUP));
	OBSERVE(ioctl(slave, TCSBRK, 1));
	OBSERVE(read(slave, &ticks, 0));
	close(master);
	close(slave);
	open_pair();
	setsid();
	signal(SIGHUP, count);
	ticks = 0;
	OBSERVE(ioctl(slave, TIOCSCTTY, 0));
	OBSERVE(ioctl(master, TIOCVHANGUP));
	OBSERVE(ioctl(slave, TCSBRK, 1));
	OBSERVE(ioctl(master, TCSBRK, 1));
	printf("%d hangups\n", ticks);
}

static void no_end(void)
{
	char path[64];

	open_pair();
	snprintf(path, sizeof path, "/proc/self/fd/%d", slave);
	try_all("a path alone", open(path, O_PATH));
	try_all("no descriptor", 99);
}

int main(int argc, char **argv)
{
	/* At a terminal, as tests/terminal does it. What is printed comes last, for some requests throw output away. */
	static char output[1 << 16];

	if (argc > 1 && !strcmp(argv[1], "here")) {
		setvbuf(stdout, output, _IOFBF, sizeof output);
		try_requests(0);
		return 0;
	}
	in_child(strangers);
	in_child(in_session);
	in_child(in_background);
	in_child(hung_up);
	in_child(hang_up);
	in_child(no_end);
	as_nobody(strangers);
	return 0;
}
