/* flock, POSIX record locks and locks of the description: who excludes whom, what close and fork do, and what waits. */
#include "observe.h"

#include <stdbool.h>
#include <sys/select.h>

#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct flock range(short type, off_t start, off_t length)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static int lock(int fd, int command, short type, off_t start, off_t length)
{
	struct flock request = range(type, start, length);

	return fcntl(fd, command, &request);
}

static void show_holder(int fd, int command, short type, off_t start, off_t length, pid_t expected)
{
	struct flock request = range(type, start, length);
	int result = fcntl(fd, command, &request);

	if (result < 0)
		printf("getlk %ld+%ld: %s\n", (long)start, (long)length, strerrorname_np(errno));
	else if (request.l_type == F_UNLCK)
		printf("getlk %ld+%ld: free (start %ld length %ld pid %d)\n", (long)start, (long)length,
		       (long)request.l_start, (long)request.l_len, request.l_pid);
	else
		printf("getlk %ld+%ld: %s by %s from %ld for %ld\n", (long)start, (long)length,
		       request.l_type == F_WRLCK ? "write" : "read",
		       request.l_pid == expected ? "the expected process"
		       : request.l_pid == -1	 ? "a description"
						 : "somebody",
		       (long)request.l_start, (long)request.l_len);
	fflush(stdout);
}

/* Run `routine` in a child and wait for it. */
static void from_child(void (*routine)(int fd), int fd)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		routine(fd);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void child_sees_parents_locks(int fd)
{
	int own = open("f", O_RDWR);

	show_holder(own, F_GETLK, F_WRLCK, 0, 0, getppid());
	show_holder(own, F_GETLK, F_RDLCK, 15, 1, getppid());
	show_holder(own, F_GETLK, F_RDLCK, 50, 1, getppid());
	OBSERVE(lock(own, F_SETLK, F_RDLCK, 5, 1));
	OBSERVE(lock(own, F_SETLK, F_RDLCK, 15, 1));
	OBSERVE(lock(own, F_SETLK, F_WRLCK, 15, 1));
	/* Inherited descriptors carry no locks, and closing them drops none of the parent's. */
	OBSERVE(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	OBSERVE(close(fd));
	show_holder(own, F_GETLK, F_WRLCK, 0, 1, getppid());
}

static void record_locks(void)
{
	int fd = open("f", O_RDWR), other = open("f", O_RDWR);

	section("record locks");
	OBSERVE(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, 10, 10));
	OBSERVE(lock(other, F_SETLK, F_WRLCK, 5, 1));
	show_holder(fd, F_GETLK, F_WRLCK, 0, 0, 0);
	from_child(child_sees_parents_locks, fd);
	OBSERVE(lock(fd, F_SETLK, F_UNLCK, 3, 4));
	from_child(child_sees_parents_locks, fd);
	section("closing any descriptor drops them");
	OBSERVE(close(other));
	from_child(child_sees_parents_locks, fd);
	close(fd);
}

static void checks(void)
{
	int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY), place = open("f", O_PATH),
	    fd = open("f", O_RDWR);
	struct flock *edge = at_page_end(sizeof(*edge));

	section("checks");
	OBSERVE(lock(reader, F_SETLK, F_WRLCK, 0, 1));
	OBSERVE(lock(reader, F_SETLK, F_RDLCK, 0, 1));
	OBSERVE(lock(writer, F_SETLK, F_RDLCK, 0, 1));
	OBSERVE(lock(writer, F_SETLK, F_WRLCK, 0, 1));
	OBSERVE(lock(place, F_SETLK, F_RDLCK, 0, 1));
	OBSERVE(lock(-1, F_SETLK, F_RDLCK, 0, 1));
	OBSERVE(lock(fd, F_SETLK, 7, 0, 1));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, -1, 1));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, 5, -6));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, 5, -5));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, INT64_MAX, 2));
	OBSERVE(lock(fd, F_SETLK, F_RDLCK, INT64_MAX, 1));
	OBSERVE(lock(fd, F_GETLK, F_UNLCK, 0, 1));
	OBSERVE(fcntl(fd, F_SETLK, NULL));
	OBSERVE(fcntl(fd, F_SETLK, (char *)edge + 1));
	*edge = range(F_RDLCK, 0, 1);
	edge->l_whence = 9;
	OBSERVE(fcntl(fd, F_SETLK, edge));
	*edge = range(F_RDLCK, -2, 0);
	edge->l_whence = SEEK_END;
	OBSERVE(fcntl(fd, F_SETLK, edge));
	*edge = range(F_RDLCK, 0, 1);
	edge->l_pid = 1;
	OBSERVE(fcntl(fd, F_OFD_SETLK, edge));
	OBSERVE(flock(fd, 0));
	OBSERVE(flock(fd, 77));
	OBSERVE(flock(-1, LOCK_SH));
	OBSERVE(flock(place, LOCK_SH));
	close(reader);
	close(writer);
	close(place);
	close(fd);
}

static void description_locks(void)
{
	int first = open("f", O_RDWR), second = open("f", O_RDWR), duplicate = dup(first);

	section("locks of the description");
	OBSERVE(lock(first, F_OFD_SETLK, F_WRLCK, 0, 10));
	OBSERVE(lock(duplicate, F_OFD_SETLK, F_WRLCK, 5, 10));
	OBSERVE(lock(second, F_OFD_SETLK, F_RDLCK, 9, 1));
	OBSERVE(lock(second, F_SETLK, F_RDLCK, 9, 1));
	show_holder(second, F_OFD_GETLK, F_RDLCK, 9, 1, 0);
	show_holder(second, F_GETLK, F_RDLCK, 9, 1, 0);
	close(first);
	OBSERVE(lock(second, F_OFD_SETLK, F_RDLCK, 9, 1));
	close(duplicate);
	OBSERVE(lock(second, F_OFD_SETLK, F_RDLCK, 9, 1));
	close(second);
}

static void whole_file_locks(void)
{
	int first = open("f", O_RDONLY), second = open("f", O_RDONLY), duplicate = dup(first);

	section("flock");
	OBSERVE(flock(first, LOCK_SH));
	OBSERVE(flock(second, LOCK_SH | LOCK_NB));
	OBSERVE(flock(second, LOCK_EX | LOCK_NB));
	OBSERVE(flock(first, LOCK_UN));
	OBSERVE(flock(second, LOCK_EX | LOCK_NB));
	OBSERVE(flock(first, LOCK_SH | LOCK_NB));
	OBSERVE(flock(second, LOCK_UN));
	OBSERVE(flock(first, LOCK_EX));
	OBSERVE(flock(duplicate, LOCK_EX | LOCK_NB));
	close(first);
	OBSERVE(flock(second, LOCK_EX | LOCK_NB));
	close(duplicate);
	OBSERVE(flock(second, LOCK_EX | LOCK_NB));
	close(second);
}

static void no_action(int signal)
{
}

/* A child that holds a lock until a byte comes. */
static pid_t start_holder(int *release, int use_flock)
{
	int ready[2], hold[2];
	pid_t child;
	char byte;

	if (pipe(ready) < 0 || pipe(hold) < 0)
		exit(99);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int fd = open("f", O_RDWR);

		close(hold[1]);
		if ((use_flock ? flock(fd, LOCK_EX) : lock(fd, F_SETLK, F_WRLCK, 0, 0)) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		if (read(hold[0], &byte, 1) < 0)
			_exit(2);
		_exit(0);
	}
	close(ready[1]);
	close(hold[0]);
	if (read(ready[0], &byte, 1) != 1)
		exit(98);
	close(ready[0]);
	*release = hold[1];
	return child;
}

/* An alarm that comes again in case it comes too early. */
static void alarm_interrupts(int fd, int use_flock)
{
	const struct sigaction action = {.sa_handler = no_action};
	const struct itimerval soon = {.it_value.tv_usec = 50000, .it_interval.tv_usec = 50000}, never = {0};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (use_flock)
		OBSERVE(flock(fd, LOCK_SH));
	else
		OBSERVE(lock(fd, F_SETLKW, F_RDLCK, 0, 1));
	setitimer(ITIMER_REAL, &never, NULL);
}

static void waiting(void)
{
	int fd = open("f", O_RDWR), release;
	pid_t holder;

	section("waiting is interrupted");
	holder = start_holder(&release, 0);
	alarm_interrupts(fd, 0);
	section("waiting ends when the holder does");
	close(release);
	OBSERVE(lock(fd, F_SETLKW, F_RDLCK, 0, 1));
	waitpid(holder, NULL, 0);
	OBSERVE(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	holder = start_holder(&release, 1);
	alarm_interrupts(fd, 1);
	close(release);
	OBSERVE(flock(fd, LOCK_SH));
	waitpid(holder, NULL, 0);
	close(fd);
}

/* Each of two processes holds what the other waits for: one is told, the other gets its lock. */
static void deadlock(void)
{
	int to_child[2], to_parent[2], fd = open("f", O_RDWR), result;
	pid_t child;
	char byte;
	int status;

	section("deadlock");
	if (pipe(to_child) < 0 || pipe(to_parent) < 0)
		exit(99);
	lock(fd, F_SETLK, F_WRLCK, 0, 1);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int own = open("f", O_RDWR);

		lock(own, F_SETLK, F_WRLCK, 1, 1);
		if (write(to_parent[1], "x", 1) != 1 || read(to_child[0], &byte, 1) != 1)
			_exit(9);
		result = lock(own, F_SETLKW, F_WRLCK, 0, 1);
		_exit(result == 0 ? 0 : errno == EDEADLK ? 1 : 2);
	}
	if (read(to_parent[0], &byte, 1) != 1 || write(to_child[1], "x", 1) != 1)
		exit(98);
	result = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
	status = result == 0 ? 0 : errno == EDEADLK ? 1 : 2;
	lock(fd, F_SETLK, F_UNLCK, 0, 0);
	waitpid(child, &result, 0);
	printf("told: %d\n", status + WEXITSTATUS(result));
	close(fd);
}

static int set(int fd, int command, int type, int start, int length)
{
	struct flock range = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(fd, command, &range) < 0 ? errno : 0;
}

/* Hold a range; told to, wait for another (or let go of all if there is none), and report the outcome as who it is. */
static pid_t holder(int fd, int own, int start, int length, const int turn[2], int report, char name)
{
	pid_t child = fork();
	char outcome[2] = {name, '?'}, go;
	int error;

	if (child)
		return child;
	set(fd, F_SETLK, F_WRLCK, own, 5);
	write(report, outcome, 2);
	read(turn[0], &go, 1);
	write(report, outcome, 2);
	if (!length) {
		set(fd, F_SETLK, F_UNLCK, 0, 0);
		pause();
	}
	error = set(fd, F_SETLKW, F_WRLCK, start, length);
	outcome[1] = error == EDEADLK ? 'D' : error ? 'E' : '0';
	write(report, outcome, 2);
	pause();
	_exit(0);
}

static bool sleeps(pid_t child)
{
	char path[32], text[256] = "";
	int file, size;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	file = open(path, O_RDONLY);
	size = (int)read(file, text, sizeof(text) - 1);
	close(file);
	return size > 0 && strstr(text, ") S ");
}

/* Let it go on, and see it asleep: several times in a row, for it may sleep shortly on its way. */
static void give_turn(pid_t child, const int turn[2], int report)
{
	char said[2];

	write(turn[1], "", 1);
	read(report, said, 2);
	for (int seen = 0; seen < 20; usleep(5000))
		seen = sleeps(child) ? seen + 1 : 0;
}

/*
 * B waits for C; C waits for A, then, since A lets go, for B: the circle closes while C sleeps, and C is told. `order`: which
 * of the two sleeps first.
 */
static void deadlock_by_release(int fd, int order)
{
	static const int own[3] = {2, 9, 17}, start[3] = {0, 17, 2}, length[3] = {0, 5, 14};
	int report[2], turns[3][2];
	pid_t children[3];
	char outcome[2] = "??";
	struct timeval patience = {20, 0};
	fd_set set;

	pipe(report);
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		pipe(turns[i]);
		children[i] = holder(fd, own[i], start[i], length[i], turns[i], report[1], (char)('A' + i));
		read(report[0], outcome, 2);
	}
	give_turn(children[order ? 2 : 1], turns[order ? 2 : 1], report[0]);
	give_turn(children[order ? 1 : 2], turns[order ? 1 : 2], report[0]);
	write(turns[0][1], "", 1);
	read(report[0], outcome, 2);
	outcome[1] = '?';
	FD_ZERO(&set);
	FD_SET(report[0], &set);
	if (select(report[0] + 1, &set, NULL, NULL, &patience) == 1)
		read(report[0], outcome, 2);
	printf("%c\n", outcome[1]);
	for (int i = 0; i < 3; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
		close(turns[i][0]);
		close(turns[i][1]);
	}
	close(report[0]);
	close(report[1]);
}

static void late_deadlocks(void)
{
	int fd = open("late", O_RDWR | O_CREAT, 0600), memory = (int)syscall(SYS_memfd_create, "late", 0);
	char name[32];

	section("a circle that closes during a wait");
	deadlock_by_release(fd, 0);
	deadlock_by_release(fd, 1);
	deadlock_by_release(memory, 0);
	close(fd);
	close(memory);
	/* Its directory is everybody's: this test's runs beside each other must not meet in it. */
	snprintf(name, sizeof(name), "/dev/shm/lxrun-late.XXXXXX");
	fd = mkstemp(name);
	deadlock_by_release(fd, 0);
	deadlock_by_release(fd, 1);
	unlink(name);
	close(fd);
}

int main(void)
{
	make_file("f", "0123456789");
	record_locks();
	checks();
	description_locks();
	whole_file_locks();
	waiting();
	deadlock();
	late_deadlocks();
	return 0;
}
