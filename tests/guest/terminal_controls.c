/* Every ioctl of terminals on a pair of its own, and on what is no terminal. */
#include "observe.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

int ioctl(int fd, unsigned long request, ...);

struct size {
	unsigned short rows, columns, width, height;
};

static int master, slave, file;

static void show_size(int fd)
{
	struct size size = {0};

	CALL(ioctl, fd, TIOCGWINSZ, &size);
	printf("%u rows, %u columns\n", size.rows, size.columns);
}

static void opening(void)
{
	int unlock = 0, locked = -1, number = -1, peer;

	section("opening");
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	printf("master %d\n", master >= 0);
	CALL(ioctl, master, TIOCGPTLCK, &locked);
	printf("locked %d\n", locked);
	CALL(ioctl, master, TIOCSPTLCK, &unlock);
	CALL(ioctl, master, TIOCGPTLCK, &locked);
	printf("locked %d\n", locked);
	CALL_SUCCESS(ioctl, master, TIOCGPTN, &number);
	printf("number %d\n", number >= 0);
	peer = (int)CALL_SUCCESS(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	slave = peer;
	printf("slave %d\n", isatty(slave));
	CALL(ioctl, slave, TIOCGPTN, &number);
	CALL(ioctl, slave, TIOCSPTLCK, &unlock);
	CALL(ioctl, slave, TIOCGPTLCK, &locked);
	CALL(ioctl, slave, TIOCGPTPEER, O_RDWR);
	CALL(ioctl, master, TIOCGPTLCK, (void *)8);
	CALL(ioctl, master, TIOCSPTLCK, (void *)8);
	CALL(ioctl, master, TIOCGPTN, (void *)8);
}

static void attributes(void)
{
	struct termios old = {0};
	struct termios2 new = {0};

	section("attributes");
	CALL(ioctl, slave, TCGETS, &old);
	printf("%x %x %x %x\n", old.c_iflag, old.c_oflag, old.c_cflag, old.c_lflag);
	CALL(ioctl, slave, TCGETS2, &new);
	printf("%x %x %x %x %u %u\n", new.c_iflag, new.c_oflag, new.c_cflag, new.c_lflag, new.c_ispeed, new.c_ospeed);
	old.c_lflag &= ~(tcflag_t)ECHO;
	CALL(ioctl, slave, TCSETS, &old);
	old.c_lflag &= ~(tcflag_t)ICANON;
	CALL(ioctl, slave, TCSETSW, &old);
	old.c_iflag &= ~(tcflag_t)ICRNL;
	CALL(ioctl, slave, TCSETSF, &old);
	CALL(ioctl, slave, TCGETS2, &new);
	printf("%x %x %x %x\n", new.c_iflag, new.c_oflag, new.c_cflag, new.c_lflag);
	new.c_lflag |= ECHO;
	CALL(ioctl, slave, TCSETS2, &new);
	new.c_lflag |= ICANON;
	CALL(ioctl, slave, TCSETSW2, &new);
	new.c_iflag |= ICRNL;
	CALL(ioctl, slave, TCSETSF2, &new);
	CALL(ioctl, master, TCGETS, &old);
	printf("%x %x %x %x\n", old.c_iflag, old.c_oflag, old.c_cflag, old.c_lflag);
	CALL(ioctl, slave, TCGETS, (void *)8);
	CALL(ioctl, slave, TCGETS2, (void *)8);
	CALL(ioctl, slave, TCSETS, (void *)8);
	CALL(ioctl, slave, TCSETSW, (void *)8);
	CALL(ioctl, slave, TCSETSF, (void *)8);
	CALL(ioctl, slave, TCSETS2, (void *)8);
	CALL(ioctl, slave, TCSETSW2, (void *)8);
	CALL(ioctl, slave, TCSETSF2, (void *)8);
}

static void queues(void)
{
	struct pollfd entry = {slave, POLLIN, 0};
	char text[16];
	int count = -1;

	section("queues");
	CALL(write, master, "line\n", 5);
	/* The line comes through the kernel's own worker. */
	CALL(poll, &entry, 1, -1);
	CALL(ioctl, slave, FIONREAD, &count);
	printf("%d to be read\n", count);
	CALL(ioctl, slave, TCFLSH, TCIFLUSH);
	CALL(ioctl, slave, FIONREAD, &count);
	printf("%d to be read\n", count);
	CALL(ioctl, slave, TCFLSH, 99);
	CALL(ioctl, slave, TIOCOUTQ, &count);
	CALL(ioctl, slave, TIOCOUTQ, (void *)8);
	CALL(ioctl, slave, FIONREAD, (void *)8);
	CALL(ioctl, slave, TCXONC, TCOOFF);
	CALL(ioctl, slave, TCXONC, TCOON);
	CALL(ioctl, slave, TCXONC, 99);
	CALL(ioctl, slave, TCSBRK, 1);
	CALL(ioctl, slave, TCSBRKP, 0);
	CALL(write, master, "more\n", 5);
	CALL(read, slave, text, sizeof(text));
}

static void modes(void)
{
	struct size size = {24, 80, 0, 0};
	int value = -1, zero = 0, one = 1;
	char path[64];

	section("modes");
	CALL(ioctl, master, TIOCSWINSZ, &size);
	show_size(slave);
	size.rows = 50;
	CALL(ioctl, slave, TIOCSWINSZ, &size);
	show_size(master);
	CALL(ioctl, slave, TIOCGWINSZ, (void *)8);
	CALL(ioctl, slave, TIOCSWINSZ, (void *)8);
	CALL(ioctl, slave, TIOCGETD, &value);
	printf("discipline %d\n", value);
	CALL(ioctl, slave, TIOCGETD, (void *)8);
	CALL(ioctl, master, TIOCPKT, &one);
	CALL(ioctl, master, TIOCPKT, &zero);
	CALL(ioctl, master, TIOCPKT, (void *)8);
	CALL(ioctl, slave, TIOCPKT, &one);
	CALL(ioctl, slave, TIOCEXCL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
	value = open(path, O_RDWR | O_NOCTTY);
	printf("exclusive %s\n", value < 0 ? strerrorname_np(errno) : "opened");
	if (value >= 0)
		close(value);
	CALL(ioctl, slave, TIOCNXCL);
	CALL(ioctl, slave, FIONBIO, &one);
	CALL(read, slave, path, 1);
	CALL(ioctl, slave, FIONBIO, &zero);
	CALL(ioctl, slave, FIOCLEX);
	CALL(fcntl, slave, F_GETFD);
	CALL(ioctl, slave, FIONCLEX);
}

/* Without a controlling terminal, the questions about its session have no answer. */
static void sessions(void)
{
	int value = 0;

	section("sessions");
	CALL(setsid);
	CALL(ioctl, slave, TIOCGPGRP, &value);
	CALL(ioctl, slave, TIOCGSID, &value);
	CALL(ioctl, slave, TIOCSPGRP, &value);
	CALL(ioctl, slave, TIOCNOTTY);
	CALL(ioctl, master, TIOCGPGRP, &value);
	CALL(ioctl, master, TIOCGSID, &value);
}

static void in_session(void)
{
	pid_t group = 0, session = 0, own = getpid(), other = 0x7ffffff0, negative = -5;

	CALL_SUCCESS(setsid);
	CALL(ioctl, slave, TIOCSCTTY, 0);
	CALL(ioctl, slave, TIOCGPGRP, &group);
	CALL(ioctl, slave, TIOCGSID, &session);
	printf("own group %d, own session %d\n", group == getpid(), session == getpid());
	CALL(ioctl, slave, TIOCSPGRP, &own);
	CALL(ioctl, slave, TIOCSPGRP, &other);
	CALL(ioctl, slave, TIOCSPGRP, &negative);
	CALL(ioctl, slave, TIOCSPGRP, (void *)8);
	CALL(ioctl, slave, TIOCGPGRP, (void *)8);
	CALL(ioctl, slave, TIOCGSID, (void *)8);
	CALL(ioctl, master, TIOCGPGRP, &group);
	printf("of the other end %d\n", group == getpid());
	signal(SIGHUP, SIG_IGN);
	CALL(ioctl, slave, TIOCNOTTY);
	CALL(ioctl, slave, TIOCGPGRP, &group);
	CALL(ioctl, slave, TIOCNOTTY);
}

static void controlling(void)
{
	int status;

	section("a controlling terminal");
	fflush(stdout);
	if (fork() == 0) {
		in_session();
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	printf("status %x\n", status);
}

/* A request to a file and to no file at all. */
#define REFUSED(request, argument)                                                                                     \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		observe_result("SYS_ioctl(file, " #request ")", syscall(SYS_ioctl, file, request, argument));          \
		errno = 0;                                                                                             \
		observe_result("SYS_ioctl(99, " #request ")", syscall(SYS_ioctl, 99, request, argument));              \
	} while (0)

static void no_terminal(void)
{
	char room[256];

	section("no terminal");
	memset(room, 0, sizeof(room));
	REFUSED(TCGETS, room);
	REFUSED(TCGETS2, room);
	REFUSED(TCSETS, room);
	REFUSED(TCSETSW, room);
	REFUSED(TCSETSF, room);
	REFUSED(TCSETS2, room);
	REFUSED(TCSETSW2, room);
	REFUSED(TCSETSF2, room);
	REFUSED(TCSBRK, 0);
	REFUSED(TCSBRKP, 0);
	REFUSED(TCXONC, 0);
	REFUSED(TCFLSH, 0);
	REFUSED(TIOCEXCL, 0);
	REFUSED(TIOCNXCL, 0);
	REFUSED(TIOCGPGRP, room);
	REFUSED(TIOCSPGRP, room);
	REFUSED(TIOCGSID, room);
	REFUSED(TIOCNOTTY, 0);
	REFUSED(TIOCOUTQ, room);
	REFUSED(TIOCGWINSZ, room);
	REFUSED(TIOCSWINSZ, room);
	REFUSED(TIOCGETD, room);
	REFUSED(TIOCPKT, room);
	REFUSED(TIOCGPTN, room);
	REFUSED(TIOCGPTLCK, room);
	REFUSED(TIOCSPTLCK, room);
	REFUSED(TIOCGPTPEER, 0);
}

int main(void)
{
	make_file("file", "content");
	file = open("file", O_RDWR);
	opening();
	attributes();
	queues();
	modes();
	sessions();
	controlling();
	no_terminal();
	return 0;
}
