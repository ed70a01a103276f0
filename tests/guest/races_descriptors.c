/*
 * One descriptor table under several threads: a call has the file that its number meant at one moment, and keeps it. A number
 * that dup2 fills anew is never closed in between; one that is closed and opened anew is the file or EBADF.
 */
#include "races.h"

#include <poll.h>
#include <sched.h>
#include <sys/file.h>

#define USERS 9

static int shared, first, second;
static _Atomic int stop, wrong[USERS], closed_answers;

static int use_write(void) { return (int)write(shared, "x", 1); }
static int use_pread(void) { char byte; return (int)pread(shared, &byte, 1, 0); }
static int use_fstat(void) { struct stat status; return fstat(shared, &status); }
static int use_lseek(void) { return (int)lseek(shared, 0, SEEK_SET); }
static int use_ftruncate(void) { return ftruncate(shared, 4096); }
static int use_getfl(void) { return fcntl(shared, F_GETFL); }

static int use_mmap(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, shared, 0);

	return page == MAP_FAILED ? -1 : munmap(page, 4096);
}

static int use_poll(void)
{
	struct pollfd entry = {shared, POLLIN, 0};

	if (poll(&entry, 1, 0) < 0 || !(entry.revents & POLLNVAL))
		return 0;
	errno = EBADF;
	return -1;
}

static int use_dup(void)
{
	int copy = dup(shared);

	return copy < 0 ? -1 : close(copy);
}

static const struct {
	const char *name;
	int (*use)(void);
} users[USERS] = {
	{"write", use_write}, {"pread", use_pread}, {"fstat", use_fstat}, {"lseek", use_lseek}, {"ftruncate", use_ftruncate},
	{"F_GETFL", use_getfl}, {"mmap", use_mmap}, {"poll", use_poll}, {"dup", use_dup},
};
static bool may_be_closed;

static void *run_user(void *argument)
{
	long number = (long)argument;

	while (!stop) {
		if (users[number].use() >= 0)
			continue;
		/* A descriptor that is not open maps and truncates no file either, with the errno of that call. */
		if (may_be_closed && errno == EBADF)
			closed_answers++;
		else
			wrong[number]++;
	}
	return NULL;
}

static void *change_by_dup2(void *argument)
{
	while (!stop) {
		dup2(first, shared);
		dup3(second, shared, O_CLOEXEC);
	}
	return NULL;
}

static void *change_by_close(void *argument)
{
	while (!stop) {
		close(shared);
		dup2(first, shared);
	}
	return NULL;
}

/* Another table of the same descriptors comes and goes. */
static void *change_by_unshare(void *argument)
{
	unshare(CLONE_FILES);
	while (!stop) {
		dup2(second, shared);
		close(shared);
	}
	return NULL;
}

static void race_users(const char *name, void *(*change)(void *), bool closes)
{
	pthread_t threads[USERS + 1];

	section(name);
	may_be_closed = closes;
	stop = 0;
	for (long i = 0; i < USERS; i++) {
		wrong[i] = 0;
		pthread_create(&threads[i], NULL, run_user, (void *)i);
	}
	pthread_create(&threads[USERS], NULL, change, NULL);
	race_on();
	stop = 1;
	for (int i = 0; i <= USERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < USERS; i++)
		printf("%s: %d wrong\n", users[i].name, wrong[i]);
}

/* --- a close beside a call that waits */

static int ends[2];
static _Atomic int reader_waits;
static char got[16];
static ssize_t got_size;

static void *read_blocking(void *argument)
{
	reader_waits = 1;
	got_size = read(ends[0], got, sizeof(got));
	return NULL;
}

static void wait_until_asleep(void)
{
	while (!reader_waits)
		sched_yield();
	usleep(100000);
}

static void close_under_reader(void)
{
	pthread_t thread;

	section("close under a reader");
	signal(SIGPIPE, SIG_IGN);
	pipe(ends);
	reader_waits = 0;
	pthread_create(&thread, NULL, read_blocking, NULL);
	wait_until_asleep();
	OBSERVE(close(ends[0]));
	OBSERVE(write(ends[1], "hello", 5));
	pthread_join(thread, NULL);
	printf("read = %zd %.5s\n", got_size, got);
	OBSERVE(write(ends[1], "hello", 5));
	close(ends[1]);
}

static void replace_under_reader(void)
{
	pthread_t thread;

	section("dup2 over a reader's end");
	pipe(ends);
	reader_waits = 0;
	pthread_create(&thread, NULL, read_blocking, NULL);
	wait_until_asleep();
	OBSERVE_SUCCESS(dup2(first, ends[0]));
	OBSERVE(write(ends[1], "world", 5));
	pthread_join(thread, NULL);
	printf("read = %zd %.5s\n", got_size, got);
	OBSERVE(write(ends[1], "world", 5));
	close(ends[0]);
	close(ends[1]);
}

static void *poll_blocking(void *argument)
{
	struct pollfd entry = {ends[0], POLLIN, 0};

	reader_waits = 1;
	printf("poll = %d\n", poll(&entry, 1, 2000));
	printf("revents = %d\n", entry.revents);
	return NULL;
}

static void close_under_poller(void)
{
	pthread_t thread;
	int kept;

	section("close under a poller");
	pipe(ends);
	kept = dup(ends[0]);
	reader_waits = 0;
	pthread_create(&thread, NULL, poll_blocking, NULL);
	wait_until_asleep();
	close(ends[0]);
	write(ends[1], "x", 1);
	pthread_join(thread, NULL);
	close(ends[1]);
	close(kept);
}

/* A lock of the description lasts as long as the call of another thread that holds the description. */
static void lock_outlives_close(void)
{
	pthread_t thread;
	int other;

	section("flock and a call under way");
	mkfifo("fifo", 0600);
	ends[0] = open("fifo", O_RDWR);
	other = open("fifo", O_RDWR);
	ends[1] = dup(other);
	OBSERVE(flock(ends[0], LOCK_EX | LOCK_NB));
	reader_waits = 0;
	pthread_create(&thread, NULL, read_blocking, NULL);
	wait_until_asleep();
	OBSERVE(close(ends[0]));
	OBSERVE(flock(other, LOCK_EX | LOCK_NB));
	OBSERVE(write(ends[1], "again", 5));
	pthread_join(thread, NULL);
	OBSERVE(flock(other, LOCK_EX | LOCK_NB));
	close(ends[1]);
	close(other);
}

int main(void)
{
	first = open("first", O_RDWR | O_CREAT, 0600);
	second = open("second", O_RDWR | O_CREAT, 0600);
	ftruncate(first, 4096);
	ftruncate(second, 4096);
	shared = dup(first);
	race_users("dup2", change_by_dup2, false);
	race_users("close and dup2", change_by_close, true);
	shared = 100;
	dup2(first, shared);
	race_users("another table", change_by_unshare, false);
	close_under_reader();
	replace_under_reader();
	close_under_poller();
	lock_outlives_close();
	return 0;
}
