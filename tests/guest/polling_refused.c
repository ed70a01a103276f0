/* What poll, ppoll, select and pselect6 refuse, and what ends their waits. */
#include "observe.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

struct mask {
	const void *set;
	size_t size;
};

static int ends[2];

/* A set of one descriptor; the call may change it. */
static fd_set *only(int fd)
{
	static fd_set sets[2];
	static int next;
	fd_set *set = &sets[next++ % 2];

	FD_ZERO(set);
	FD_SET(fd, set);
	return set;
}

static void polls(void)
{
	struct pollfd entry = {ends[1], POLLOUT, 0};
	struct timespec none = {0, 0}, negative = {-1, 0}, wrong = {0, 1000000000};
	struct rlimit old, limit;
	sigset_t set;

	section("poll, ppoll");
	sigemptyset(&set);
	CALL(poll, &entry, 1, 0);
	CALL(poll, (void *)8, 1, 0);
	CALL(poll, NULL, 0, 0);
	CALL(ppoll, &entry, 1, &none, &set, 8);
	CALL(ppoll, &entry, 1, &none, NULL, 0);
	CALL(ppoll, (void *)8, 1, &none, NULL, 0);
	CALL(ppoll, &entry, 1, (void *)8, NULL, 0);
	CALL(ppoll, &entry, 1, &none, (void *)8, 8);
	CALL(ppoll, &entry, 1, &none, &set, 4);
	CALL(ppoll, &entry, 1, &negative, NULL, 0);
	CALL(ppoll, &entry, 1, &wrong, NULL, 0);
	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = 20;
	setrlimit(RLIMIT_NOFILE, &limit);
	CALL(poll, &entry, 21, 0);
	CALL(ppoll, &entry, 21, &none, NULL, 0);
	CALL(poll, NULL, -1, 0);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void selects(void)
{
	struct timeval none = {0, 0}, negative = {-1, 0};
	struct timespec exact_none = {0, 0}, exact_negative = {-1, 0}, wrong = {0, 1000000000};
	sigset_t set;
	struct mask good = {&set, 8}, bad = {(void *)8, 8}, short_one = {&set, 4};

	section("select, pselect6");
	sigemptyset(&set);
	CALL(select, 64, NULL, only(ends[1]), NULL, &none);
	CALL(select, 64, only(50), NULL, NULL, &none);
	CALL(select, -1, NULL, NULL, NULL, &none);
	CALL(select, 64, (void *)8, NULL, NULL, &none);
	CALL(select, 64, NULL, only(ends[1]), NULL, (void *)8);
	CALL(select, 64, NULL, only(ends[1]), NULL, &negative);
	CALL(pselect6, 64, NULL, only(ends[1]), NULL, &exact_none, &good);
	CALL(pselect6, 64, NULL, only(ends[1]), NULL, &exact_none, NULL);
	CALL(pselect6, 64, only(50), NULL, NULL, &exact_none, NULL);
	CALL(pselect6, -1, NULL, NULL, NULL, &exact_none, NULL);
	CALL(pselect6, 64, (void *)8, NULL, NULL, &exact_none, NULL);
	CALL(pselect6, 64, NULL, NULL, NULL, (void *)8, NULL);
	CALL(pselect6, 64, NULL, NULL, NULL, &exact_negative, NULL);
	CALL(pselect6, 64, NULL, NULL, NULL, &wrong, NULL);
	CALL(pselect6, 64, NULL, NULL, NULL, &exact_none, &bad);
	CALL(pselect6, 64, NULL, NULL, NULL, &exact_none, &short_one);
	CALL(pselect6, 64, NULL, NULL, NULL, &exact_none, (void *)8);
}

static void nothing(int signal)
{
}

/* The timer repeats until one of its signals finds the call waiting. */
static void interrupted(void)
{
	struct itimerval repeated = {{0, 20000}, {0, 20000}}, off = {0};
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	struct pollfd entry = {ends[0], POLLIN, 0};

	section("interrupted");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &repeated, NULL);
	CALL(poll, &entry, 1, -1);
	CALL(ppoll, &entry, 1, NULL, NULL, 0);
	CALL(select, 64, only(ends[0]), NULL, NULL, NULL);
	CALL(pselect6, 64, only(ends[0]), NULL, NULL, NULL, NULL);
	setitimer(ITIMER_REAL, &off, NULL);
}

int main(void)
{
	if (pipe(ends))
		return 99;
	polls();
	selects();
	interrupted();
	return 0;
}
