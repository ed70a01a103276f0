/*
 * Threads that use descriptors while another one of theirs executes a program, or tries to. Until they are gone they see
 * the table as it was: close-on-exec is for the new program, which has each of the others whole.
 */
#include "races.h"

#include <sched.h>

enum { STAYS = 60, GOES = 61, RESULT = 62, CHANGES = 63, TABLE_END = 1024 };

/* What threads saw that could not be, of all processes of this program: they end before they could tell. */
static struct seen {
	atomic_long impossible, rounds;
} *seen;

static bool endless;

static bool goes_on(void)
{
	return endless || !atomic_load(&race_over);
}

#define WHILE_IT_GOES_ON while (goes_on())
#define MUST_SEE(condition, result)                                                                                            \
	do {                                                                                                                   \
		if (!(condition) && atomic_fetch_add(&seen->impossible, 1) == 0)                                               \
			fprintf(stderr, "%s: %ld, %s\n", #condition, (long)(result), strerrorname_np(errno));                  \
	} while (0)

static void *read_both(void *unused)
{
	char byte;

	WHILE_IT_GOES_ON {
		struct stat status;
		long got = pread(GOES, &byte, 1, 0);

		MUST_SEE(got == 1 && byte == 'g', got);
		got = pread(STAYS, &byte, 1, 0);
		MUST_SEE(got == 1 && byte == 's', got);
		got = fstat(GOES, &status);
		MUST_SEE(got == 0, got);
	}
	return unused;
}

static void *duplicate(void *unused)
{
	WHILE_IT_GOES_ON {
		int copy = dup(STAYS), hidden = fcntl(STAYS, F_DUPFD_CLOEXEC, 0);

		MUST_SEE(copy >= 0 && hidden >= 0 && copy != hidden, copy);
		MUST_SEE(close(copy) == 0, 0);
		MUST_SEE(close(hidden) == 0, 0);
	}
	return unused;
}

static void *make_pipes(void *unused)
{
	WHILE_IT_GOES_ON {
		int ends[2], hidden[2];
		char byte = 0;

		MUST_SEE(pipe(ends) == 0, 0);
		MUST_SEE(pipe2(hidden, O_CLOEXEC) == 0, 0);
		MUST_SEE(write(ends[1], "p", 1) == 1, 0);
		MUST_SEE(read(ends[0], &byte, 1) == 1 && byte == 'p', byte);
		for (int i = 0; i < 2; i++)
			MUST_SEE(close(ends[i]) == 0 && close(hidden[i]) == 0, 0);
	}
	return unused;
}

static void *exchange(void *unused)
{
	WHILE_IT_GOES_ON {
		MUST_SEE(dup2(STAYS, CHANGES) == CHANGES, 0);
		MUST_SEE(dup3(GOES, CHANGES, O_CLOEXEC) == CHANGES, 0);
	}
	return unused;
}

/* The new program: nothing of close-on-exec, what stayed is whole, and of pipes at most the one whose turn it was. */
static int look_around(void)
{
	char byte = 0;
	struct stat status, own;
	long got = pread(STAYS, &byte, 1, 0);
	int ends = 0;

	MUST_SEE(got == 1 && byte == 's', got);
	got = fcntl(GOES, F_GETFD);
	MUST_SEE(got == -1 && errno == EBADF, got);
	fstat(STAYS, &own);
	/* The file that was to stay, or the number was the other's, which went. */
	got = fstat(CHANGES, &status);
	MUST_SEE(got == 0 ? status.st_ino == own.st_ino : errno == EBADF, got);
	for (int fd = 3; fd < TABLE_END; fd++) {
		got = fcntl(fd, F_GETFD);
		MUST_SEE(got == 0 || (got == -1 && errno == EBADF), got);
		if (got == 0)
			MUST_SEE(fstat(fd, &status) == 0, fd);
		ends += got == 0 && S_ISFIFO(status.st_mode);
	}
	MUST_SEE(ends <= 2, ends);
	return 42;
}

static void execute(const char *program)
{
	char *const arguments[] = {(char *)program, "look", NULL};

	execv(program, arguments);
}

static void prepare_table(void)
{
	int stays = open("stays", O_RDWR | O_CREAT | O_TRUNC, 0600), goes = open("goes", O_RDWR | O_CREAT | O_TRUNC, 0600);

	write(stays, "s", 1);
	write(goes, "g", 1);
	dup2(stays, STAYS);
	dup3(goes, GOES, O_CLOEXEC);
	dup2(stays, CHANGES);
	close(stays);
	close(goes);
	stays = memfd_create("seen", 0);
	ftruncate(stays, sizeof *seen);
	dup2(stays, RESULT);
	close(stays);
}

static void map_results(void)
{
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED, RESULT, 0);
}

static void be_executed(useconds_t after)
{
	void *(*const users[])(void *) = {read_both, duplicate, make_pipes, exchange};
	pthread_t thread;

	endless = true;
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		pthread_create(&thread, NULL, users[i], NULL);
	usleep(after);
	execute("/proc/self/exe");
	_exit(1);
}

static void race_exec(void)
{
	const long end = now_in_milliseconds() + race_milliseconds();

	for (useconds_t after = 0; now_in_milliseconds() < end; after = (after + 700) % 6000) {
		pid_t child = fork();
		int status = 0;

		if (child == 0)
			be_executed(after);
		waitpid(child, &status, 0);
		MUST_SEE(WIFEXITED(status) && WEXITSTATUS(status) == 42, status);
		atomic_fetch_add(&seen->rounds, 1);
	}
	printf("exec beside users: %ld impossible results, some rounds %d\n", atomic_exchange(&seen->impossible, 0), seen->rounds > 0);
	fflush(stdout);
}

/* An exec that fails has closed nothing and ended nobody. */
static void *fail_to_execute(void *unused)
{
	WHILE_IT_LASTS {
		execute("./nothing");
		MUST(errno == ENOENT, errno);
		execute("/");
		MUST(errno == EACCES, errno);
		execute("./unknown");
		MUST(errno == ENOEXEC, errno);
	}
	return unused;
}

/* Who shares the table and executes leaves it to the others as it was. */
static void *share_and_execute(void *unused)
{
	WHILE_IT_LASTS {
		pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		int status = 0;

		if (child == 0) {
			execute("/proc/self/exe");
			_exit(1);
		}
		MUST(child > 0 && waitpid(child, &status, 0) == child, child);
		MUST(WIFEXITED(status) && WEXITSTATUS(status) == 42, status);
	}
	return unused;
}

static void show_seen(const char *what)
{
	printf("%s: %ld impossible results of its users\n", what, atomic_exchange(&seen->impossible, 0));
	fflush(stdout);
}

int main(int count, char **arguments)
{
	(void)arguments;
	if (count > 1) {
		map_results();
		return look_around();
	}
	close_range(3, ~0U, 0);
	prepare_table();
	map_results();
	close(open("unknown", O_WRONLY | O_CREAT, 0700));
	race_exec();
	RACE("exec that fails", fail_to_execute, read_both, duplicate, make_pipes);
	show_seen("exec that fails");
	RACE("exec of who shares the table", share_and_execute, read_both, duplicate, exchange);
	show_seen("exec of who shares the table");
	return 0;
}
