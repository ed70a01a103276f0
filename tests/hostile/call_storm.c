/*
 * Timer signals as fast as they come, whose handlers leave by siglongjmp or make
 * calls of their own, during calls of every family; and faults that do the same.
 *
 * A periodic timer that expires again before its handler has returned lets the
 * program beneath it do nothing at all, on any kernel: only the period differs
 * at which that begins (5 microseconds natively). So whoever gets no further
 * gives itself more room, and the storm is as dense as the machine bears.
 */
#include "attack.h"

#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/stat.h>

static sigjmp_buf back;
static volatile sig_atomic_t armed, jumps, handled;

static timer_t timer;
static long period, room = 40; /* microseconds */
static volatile sig_atomic_t in_vain;

enum { PATIENCE = 30, ROOM_MAX = 20000 };

static void set_timer(long first)
{
	struct itimerspec times = {.it_value = {0, first * 1000}, .it_interval = {0, first ? (period + room) * 1000 : 0}};

	timer_settime(timer, 0, &times, NULL);
}

/* Called by handlers: so many in a row, and what they interrupt stays where it was. */
static void give_room(void)
{
	if (++in_vain < PATIENCE || room >= ROOM_MAX || !period)
		return;
	in_vain = 0;
	room *= 2;
	set_timer(period + room);
}

static void leave(int signal)
{
	handled++;
	give_room();
	if (armed) {
		armed = 0;
		jumps++;
		siglongjmp(back, signal);
	}
}

static void make_calls(int signal)
{
	int error = errno;

	(void)signal;
	handled++;
	give_room();
	getppid();
	close(open("/dev/null", O_RDONLY));
	errno = error;
}

/* Soon, and then again and again. 0: no more. */
static void start_timer(long microseconds)
{
	static bool made;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

	if (!made && timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		_exit(9);
	made = true;
	period = microseconds;
	set_timer(microseconds);
}

static void one_call(int kind, const int *ends)
{
	static uint32_t word;
	struct timespec moment = {0, 300000};
	struct pollfd polled = {ends[0], POLLIN, 0};
	struct stat status;
	char data[100];
	void *mapping;
	pid_t child;

	switch (kind) {
	case 0: read(ends[0], data, sizeof(data)); break;
	case 1: nanosleep(&moment, NULL); break;
	case 2: poll(&polled, 1, 1); break;
	case 3: syscall(SYS_futex, &word, FUTEX_WAIT, 0, &moment, NULL, 0); break;
	case 4: stat("/usr/bin/env", &status); break;
	case 5:
		mapping = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mapping != MAP_FAILED)
			munmap(mapping, 8192);
		break;
	case 6:
		child = fork();
		if (child == 0)
			_exit(0);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			continue;
		break;
	case 7: close(open("/etc/passwd", O_RDONLY)); break;
	default: sched_yield(); break;
	}
	in_vain = 0;
}

/* Whole calls with handlers in between: their results stay what they are. */
static void storm_with_returns(void *argument)
{
	int ends[2];
	char data[8];

	(void)argument;
	if (pipe2(ends, O_NONBLOCK) != 0)
		_exit(1);
	signal(SIGUSR1, make_calls);
	start_timer(100);
	for (int i = 0; i < 3000; i++) {
		ssize_t written, got;

		while ((written = write(ends[1], "12345678", 8)) < 0 && errno == EINTR)
			continue;
		while ((got = read(ends[0], data, 8)) < 0 && errno == EINTR)
			continue;
		if (written != 8 || got != 8 || memcmp(data, "12345678", 8) != 0)
			_exit(2);
		one_call(1 + i % 8, ends);
	}
	start_timer(0);
	_exit(handled > 0 ? 0 : 3);
}

static void storm_with_jumps(void *argument)
{
	int ends[2];

	if (pipe(ends) != 0)
		_exit(1);
	signal(SIGUSR1, leave);
	for (volatile int i = 0; i < 500; i++) {
		if (sigsetjmp(back, 1) == 0) {
			start_timer(1 + i % 200);
			armed = 1;
			for (volatile int n = 0; n < 50; n++)
				one_call((int)(uintptr_t)argument, ends);
		}
		armed = 0;
		in_vain = 0;
	}
	start_timer(0);
	/* Children that a jump left behind. */
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	_exit(0);
}

static void fault(int signal)
{
	siglongjmp(back, signal);
}

static void storm_of_faults(void *argument)
{
	volatile int faults = 0;

	(void)argument;
	signal(SIGUSR1, make_calls);
	signal(SIGSEGV, fault);
	signal(SIGILL, fault);
	signal(SIGFPE, fault);
	start_timer(100);
	for (volatile int i = 0; i < 3000; i++) {
		if (sigsetjmp(back, 1) == 0) {
			if (i % 3 == 0)
				*(volatile int *)(uintptr_t)(i & 1 ? 8 : 0x120000) = 1;
			else if (i % 3 == 1)
				__asm__ volatile("ud2");
			else
				__asm__ volatile("hlt");
		} else {
			faults++;
		}
		in_vain = 0;
	}
	start_timer(0);
	_exit(faults == 3000 ? 0 : 1);
}

int main(void)
{
	int status;

	if ((status = in_child(30000000, storm_with_returns, NULL)) != 0)
		fail("calls between handlers: status %#x", status);
	for (uintptr_t kind = 0; kind < 9; kind++)
		if ((status = in_child(30000000, storm_with_jumps, (void *)kind)) != 0)
			fail("jumps out of call %lu: status %#x", (unsigned long)kind, status);
	if ((status = in_child(30000000, storm_of_faults, NULL)) != 0)
		fail("faults: status %#x", status);
	return finish("storms", 11);
}
