/*
 * Runs a command natively and under lxrun and compares what can be seen of it:
 * standard output, standard error, and how it ended.
 *
 *	run_both [-i] [-t seconds] [-l lxrun-option]... [-e status | -s signal] lxrun -- program [argument]...
 *
 * Both runs get a fresh, empty directory of the same path as working directory,
 * /dev/null as standard input, and no descriptor above 2; with -i they inherit
 * a pipe (10, 11), a pair of sockets (12, 13) and a terminal with its master
 * (14, 15), all non-blocking. The native run must
 * end as the test says, with exit status 0 if it says nothing: a program that
 * fails both times has shown nothing. Exit status: 0 the same, 1 different (a
 * unified diff goes to standard output), or not as it should be, 2 could not
 * run, 77 skipped: there is no lxrun, or the native run ended with 77, because
 * something that it needs is not there. With CI=true in the environment
 * nothing is skipped: what is missing is a failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAXIMUM = 16, ARGUMENTS_MAXIMUM = 256, SKIPPED = 77 };

static unsigned time_limit = 30;
static bool give_descriptors;
static int expected; /* a wait status: how the native run should end */
static char scratch[] = "/tmp/run_both.XXXXXX";

static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("run_both: ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(arguments);
	exit(2);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)walk;
	(void)kind;
	return remove(path);
}

static int open_directories(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)walk;
	if (kind == FTW_D || kind == FTW_DNR)
		chmod(path, 0700);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, open_directories, 16, FTW_PHYS);
	nftw(path, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}

static void clean_up(void)
{
	remove_tree(scratch);
}

static void path_in_scratch(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", scratch, name);
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		give_up("cannot open %s", path);
	if (fd != to)
		close(fd);
}

static void move(int fd, int to)
{
	if (fd < 0 || dup2(fd, to) < 0 || fcntl(to, F_SETFL, O_NONBLOCK) < 0)
		give_up("cannot make what is inherited");
	close(fd);
}

/* What each run inherits, new for each. What is moved lies below the numbers that it gets. */
static void make_inherited(void)
{
	int pair[2], master;

	if (pipe(pair) < 0)
		give_up("cannot make a pipe");
	move(pair[0], 10);
	move(pair[1], 11);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		give_up("cannot make a pair of sockets");
	move(pair[0], 12);
	move(pair[1], 13);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || unlockpt(master) < 0)
		give_up("cannot make a terminal");
	move(open(ptsname(master), O_RDWR | O_NOCTTY), 14);
	move(master, 15);
}

static void __attribute__((noreturn)) become(char *const *command, const char *out, const char *err, const char *work)
{
	setpgid(0, 0);
	redirect("/dev/null", O_RDONLY, 0);
	redirect(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 1);
	redirect(err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 2);
	close_range(3, ~0U, 0);
	if (give_descriptors)
		make_inherited();
	if (chdir(work) < 0)
		_exit(126);
	umask(022);
	execv(command[0], command);
	dprintf(2, "run_both: cannot run %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

/* Where the supervisor's threads are and what their tasks wait for, should something hang that hangs only sometimes. */
static void show_where_it_hangs(pid_t lxrun)
{
	static const char script[] = "for task in $(cat /proc/$1/task/*/children); do\n"
				     "	echo \"$task $(tr '\\n' ' ' </proc/$task/comm) $(cut -d' ' -f1-3 "
				     "/proc/$task/syscall) $(sed -n '3p;8p' /proc/$task/status | tr '\\n\\t' '  ')\"\n"
				     "done; exec timeout 60 gdb -batch -p $1 -ex 'thread apply all bt 14'";
	char pid[16];
	pid_t child;

	fflush(stdout);
	snprintf(pid, sizeof(pid), "%d", (int)lxrun);
	child = fork();
	if (child == 0) {
		dup2(1, 2);
		execl("/bin/sh", "sh", "-c", script, "sh", pid, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

/* Wait for the child, but not longer than the limit. The wait status; -1: it was ended. */
static int wait_limited(pid_t child, bool is_lxrun)
{
	sigset_t chld;
	struct timespec limit = {.tv_sec = time_limit};
	int status;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (waitpid(child, &status, WNOHANG) == child)
		return status;
	while (sigtimedwait(&chld, NULL, &limit) >= 0 || errno == EINTR)
		if (waitpid(child, &status, WNOHANG) == child)
			return status;
	if (is_lxrun)
		show_where_it_hangs(child);
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return -1;
}

static int run(char *const *command, const char *name, bool is_lxrun)
{
	char work[128], out[128], err[128], file[64];
	pid_t child;
	int status;

	path_in_scratch(work, sizeof(work), "work");
	snprintf(file, sizeof(file), "%s.out", name);
	path_in_scratch(out, sizeof(out), file);
	snprintf(file, sizeof(file), "%s.err", name);
	path_in_scratch(err, sizeof(err), file);
	remove_tree(work);
	if (mkdir(work, 0755) < 0)
		give_up("cannot make %s", work);
	child = fork();
	if (child < 0)
		give_up("cannot fork");
	if (!child) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		become(command, out, err, work);
	}
	status = wait_limited(child, is_lxrun);
	kill(-child, SIGKILL);
	return status;
}

static void describe(const char *name, int status)
{
	if (status < 0)
		printf("%s: ended after %u seconds\n", name, time_limit);
	else if (WIFSIGNALED(status))
		printf("%s: signal %d (%s)\n", name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		printf("%s: exit status %d\n", name, WEXITSTATUS(status));
}

/* Show a difference of two result files; true if there is one. */
static bool differ(const char *suffix)
{
	char native[64], guest[64];
	pid_t child;
	int status;

	snprintf(native, sizeof(native), "native.%s", suffix);
	snprintf(guest, sizeof(guest), "lxrun.%s", suffix);
	fflush(stdout);
	child = fork();
	if (child < 0)
		give_up("cannot fork");
	if (!child) {
		if (chdir(scratch) == 0)
			execlp("diff", "diff", "-a", "-u", native, guest, (char *)NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		give_up("cannot compare with diff(1)");
	return WEXITSTATUS(status) == 1;
}

static void show(const char *name)
{
	char path[128], line[512];
	FILE *file;

	path_in_scratch(path, sizeof(path), name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stdout);
	if (file)
		fclose(file);
}

/* 0: the native run ended as it should; else run_both's own exit status. */
static int judge_native(int native)
{
	const char *ci = getenv("CI");

	if (native >= 0 && (native & ~0x80) == expected)
		return 0;
	if (native >= 0 && WIFEXITED(native) && WEXITSTATUS(native) == SKIPPED) {
		puts("something that the program needs is not there:");
		show("native.out");
		return ci && strcmp(ci, "true") == 0 ? 1 : SKIPPED;
	}
	puts("the native run did not end as it should, so that there is nothing to compare with:");
	describe("should be", expected);
	describe("native", native);
	show("native.out");
	show("native.err");
	return 1;
}

static int compare(int native, int guest)
{
	/* Whether a core was written depends on the host alone. */
	bool different = guest < 0 || (native & ~0x80) != (guest & ~0x80);

	if (different) {
		describe("native", native);
		describe("lxrun", guest);
	}
	different |= differ("out");
	different |= differ("err");
	return different;
}

static int usage(void)
{
	fputs("usage: run_both [-i] [-t seconds] [-l lxrun-option]... [-e status | -s signal] lxrun -- program [argument]...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	char *options[OPTIONS_MAXIMUM], *under[ARGUMENTS_MAXIMUM];
	int option_count = 0, count = 0, option, native, judgement;
	sigset_t chld;

	while ((option = getopt(argc, argv, "+it:l:e:s:")) != -1) {
		if (option == 't')
			time_limit = (unsigned)atoi(optarg);
		else if (option == 'i')
			give_descriptors = true;
		else if (option == 'e')
			expected = W_EXITCODE(atoi(optarg), 0);
		else if (option == 's')
			expected = W_EXITCODE(0, atoi(optarg));
		else if (option == 'l' && option_count < OPTIONS_MAXIMUM)
			options[option_count++] = optarg;
		else
			return usage();
	}
	if (argc - optind < 3 || strcmp(argv[optind + 1], "--") != 0 || argc - optind + option_count >= ARGUMENTS_MAXIMUM)
		return usage();
	if (access(argv[optind], X_OK) < 0) {
		fprintf(stderr, "run_both: no %s: skipped\n", argv[optind]);
		return SKIPPED;
	}
	under[count++] = argv[optind];
	for (int i = 0; i < option_count; i++)
		under[count++] = options[i];
	under[count++] = argv[optind + 1];
	for (int i = optind + 2; i < argc; i++)
		under[count++] = argv[i];
	under[count] = NULL;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	if (!mkdtemp(scratch))
		give_up("cannot make %s", scratch);
	atexit(clean_up);
	native = run(&argv[optind + 2], "native", false);
	judgement = judge_native(native);
	return judgement ? judgement : compare(native, run(under, "lxrun", true));
}
