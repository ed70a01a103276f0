/* The numbers of POSIX timers, calls that fail included, and what a user may have of timers and queued signals. */
#include "observe.h"

#include <sys/resource.h>
#include <time.h>

enum { MANY = 4000, LIMIT = 50 };

/* The kernel's own structure: its members are the same on every libc. */
struct event {
	union sigval value;
	int signo, notify, tid, padding[11];
};

static int create(int clock, struct event *event, int *id)
{
	return (int)syscall(SYS_timer_create, clock, event, id);
}

static int next_id(void)
{
	struct event none = {.notify = SIGEV_NONE};
	int id = -1;

	if (create(CLOCK_MONOTONIC, &none, &id))
		return -errno;
	syscall(SYS_timer_delete, id);
	return id;
}

#define AFTER(...)                                                                                                     \
	do {                                                                                                           \
		OBSERVE(create(__VA_ARGS__));                                                                          \
		printf("the next is %d\n", next_id());                                                                 \
	} while (0)

/* Which failures use a number up. */
static void failures(void)
{
	struct event good = {.notify = SIGEV_NONE};
	struct event no_signal = {.notify = SIGEV_SIGNAL, .signo = 0}, no_kind = {.notify = 77};
	struct event no_thread = {.notify = SIGEV_THREAD_ID, .signo = SIGUSR1, .tid = 0x7ffffff0};
	const int nobodys_cpu = (int)(~0x0ffffff0u << 3 | 2), descriptors = (int)(~0u << 3 | 3), odd_cpu = (int)(~0u << 3 | 7);
	int id;

	printf("the first is %d\n", next_id());
	AFTER(CLOCK_MONOTONIC, &no_signal, &id);
	AFTER(CLOCK_MONOTONIC, &no_kind, &id);
	AFTER(CLOCK_MONOTONIC, &no_thread, &id);
	AFTER(CLOCK_MONOTONIC, (struct event *)8, &id);
	AFTER(CLOCK_MONOTONIC, &good, (int *)8);
	AFTER(CLOCK_MONOTONIC, NULL, NULL);
	AFTER(99, &good, &id);
	AFTER(99, &no_kind, &id);
	AFTER(CLOCK_MONOTONIC_RAW, &good, &id);
	AFTER(CLOCK_REALTIME_COARSE, &no_kind, &id);
	AFTER(nobodys_cpu, &good, &id);
	AFTER(nobodys_cpu, &no_kind, &id);
	AFTER(nobodys_cpu, &good, (int *)8);
	AFTER(descriptors, &good, &id);
	AFTER(descriptors, &no_kind, &id);
	AFTER(odd_cpu, &good, &id);
	AFTER(CLOCK_PROCESS_CPUTIME_ID, &good, &id);
	AFTER(CLOCK_REALTIME_ALARM, &no_kind, &id);
	AFTER(CLOCK_REALTIME_ALARM, &good, (int *)8);
}

static void of_children(void)
{
	printf("a child begins with %d\n", next_id());
}

/* Many of them, in any order, that all expire at once. */
static void many(void)
{
	struct event event = {.notify = SIGEV_SIGNAL, .signo = SIGRTMIN};
	struct itimerspec soon = {.it_value.tv_nsec = 1};
	static int ids[MANY];
	struct timespec limit = {10, 0};
	siginfo_t info;
	sigset_t set;
	int count = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < MANY; i++)
		if (create(CLOCK_MONOTONIC, &event, &ids[i]))
			printf("timer %d: %s\n", i, strerrorname_np(errno));
	printf("%d to %d\n", ids[0], ids[MANY - 1] - ids[0]);
	for (int i = MANY - 1; i >= 0; i--)
		syscall(SYS_timer_settime, ids[i], 0, &soon, NULL);
	while (count < MANY && sigtimedwait(&set, &info, &limit) > 0)
		count++;
	printf("%d expired\n", count);
	for (int i = 0; i < MANY; i += 2)
		syscall(SYS_timer_delete, ids[i]);
	OBSERVE(syscall(SYS_timer_delete, ids[0]));
	OBSERVE(syscall(SYS_timer_gettime, ids[1], &soon));
}

static void become(unsigned user)
{
	if (syscall(SYS_setresuid, user, user, user))
		_exit(98);
}

/* What is queued, or a timer, counts for the user of who is to get it. */
static void fill(const char *who)
{
	struct event none = {.notify = SIGEV_NONE};
	union sigval value = {0};
	int signals = 0, timers = 0, id;

	while (timers < LIMIT / 2 && create(CLOCK_MONOTONIC, &none, &id) == 0)
		timers++;
	while (signals <= LIMIT && sigqueue(getpid(), SIGRTMIN, value) == 0)
		signals++;
	printf("%s: %d timers, %d signals, %s\n", who, timers, signals, strerrorname_np(errno));
	OBSERVE(create(CLOCK_MONOTONIC, &none, &id));
	OBSERVE(kill(getpid(), SIGRTMIN + 1));
	fflush(stdout);
}

static void users(void)
{
	struct rlimit limit = {LIMIT, LIMIT};
	unsigned user = 70000 + (unsigned)getpid() % 5000 * 2;
	sigset_t set;
	int ready[2], status;
	char byte;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	if (pipe(ready))
		_exit(99);
	if (fork() == 0) {
		become(user);
		fill("one user");
		if (fork() == 0) {
			OBSERVE(sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
			_exit(0);
		}
		wait(&status);
		if (write(ready[1], "", 1) != 1)
			_exit(99);
		pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		_exit(99);
	if (fork() == 0) {
		become(user + 1);
		fill("another user");
		_exit(0);
	}
	wait(&status);
	kill(0, SIGKILL);
}

static void limited(void)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		setpgid(0, 0);
		users();
	}
	wait(&status);
	printf("%x\n", status);
}

int main(void)
{
	failures();
	in_child(of_children);
	in_child(many);
	if (geteuid() == 0)
		limited();
	return 0;
}
