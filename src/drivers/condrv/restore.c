/*
 * The console's attributes when lxrun is killed or crashes.
 *
 * A program that is killed leaves its terminal as it is, and so do guests. But a
 * shell in raw mode whose whole kernel goes is a terminal that nobody puts right.
 * So at the first change that a guest makes, a keeper is forked: it waits for the
 * end of a pipe that only lxrun holds. If lxrun ended in good order a byte came
 * before, and nothing is done; else the attributes from before the first change
 * are put back, unless who started lxrun has taken the terminal already.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <drivers/condrv/condrv.h>
#include <drivers/condrv/terminal.h>
#include <hal/host.h>

/* Descriptors in the keeper. */
enum { KEEPER_TERMINAL = 0, KEEPER_PIPE = 1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct termios attributes;
static int keeper_pipe = -1;
static pid_t keeper;
static pid_t own_group;

/* After fork() of a process with threads: async-signal-safe calls alone. */
static void __attribute__((noreturn)) keep(int terminal, int end)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	char byte;

	if (dup2(terminal, KEEPER_TERMINAL) < 0 || dup2(end, KEEPER_PIPE) < 0)
		_exit(1);
	/* Nothing of the guests' may stay open because of the keeper. */
	hal_close_range(KEEPER_PIPE + 1, ~0U);
	/* Out of the group, so that what kills that spares the keeper. It is in the background then. */
	setpgid(0, 0);
	sigaction(SIGTTOU, &ignore, NULL);
	if (read(KEEPER_PIPE, &byte, 1) == 0 && tcgetpgrp(KEEPER_TERMINAL) == own_group)
		tcsetattr(KEEPER_TERMINAL, TCSANOW, &attributes);
	_exit(0);
}

static void start_keeper(void)
{
	int ends[2];

	own_group = getpgrp();
	if (tcgetattr(hal_terminal(), &attributes) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return;
	keeper = fork();
	if (keeper == 0)
		keep(hal_terminal(), ends[0]);
	close(ends[0]);
	if (keeper < 0)
		close(ends[1]);
	else
		keeper_pipe = fcntl(ends[1], F_DUPFD_CLOEXEC, 200);
	if (keeper >= 0)
		close(ends[1]);
}

void condrv_console_changing(void)
{
	if (hal_terminal() >= 0)
		pthread_once(&once, start_keeper);
}

void condrv_finish(void)
{
	/* It ends at the byte; if it was killed, nothing is lost. */
	if (keeper_pipe >= 0 && write(keeper_pipe, "", 1) >= 0)
		waitpid(keeper, NULL, 0);
}
