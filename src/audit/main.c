/*
 * lxaudit: which system calls of an lxrun run's guest tasks really entered the
 * host kernel, and whether each was one that may.
 */
#include <audit/program.h>
#include <core/table.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What may enter the host, by where it comes from; SECURITY.md says why each is safe. */
static const char *const allowed_guest[] = {
	"futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "restart_syscall", /* words of its own memory */
	"madvise", "mincore", "membarrier",						       /* after a check of the range */
	"mbind", "get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "move_pages", "migrate_pages",
	"adjtimex", "clock_adjtime",							       /* reading: setting takes a capability */
	"prctl",									       /* options that act on the calling task alone */
	"uretprobe", "uprobe",								       /* past every filter, by the host's own decision */
	NULL};
static const char *const allowed_listed[] = {"mmap", "munmap", "mprotect", "mremap",	      "madvise",   "close",  "recvmsg",
					     "dup2", "read",   "prctl",	   "restart_syscall", "uretprobe", "uprobe", "exit", NULL};
static const char *const allowed_placed[] = {"clone",  "futex",	  "msync",	"mincore", "mlock", "mlock2",
					     "munlock", "membarrier", "mmap", "mremap",	 "madvise", "remap_file_pages",
					     "move_pages", "migrate_pages", "socketpair", NULL};

struct finding {
	enum audit_origin origin;
	uint32_t number;
	uint64_t count;
};

struct report {
	struct finding findings[512];
	size_t count;
};

static bool listed(const char *const *list, const char *name)
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list != NULL;
}

static const char *name_of(uint32_t number)
{
	const struct lx_syscall_descriptor *row = lx_syscall_by_number(number);

	return row ? row->name : "?";
}

static const char *judge(const struct finding *finding)
{
	const char *name = name_of(finding->number);

	switch (finding->origin) {
	case AUDIT_GUEST:
		return listed(allowed_guest, name) ? "let through" : "NOT LISTED";
	case AUDIT_STUB:
		if (listed(allowed_listed, name))
			return "listed";
		return listed(allowed_placed, name) ? "placed by the supervisor" : "NOT LISTED";
	case AUDIT_STARTUP:
	case AUDIT_ORIGINS:
		break;
	}
	return "before the filter";
}

static void collect(enum audit_origin origin, uint32_t number, uint64_t count, void *context)
{
	struct report *report = context;

	if (report->count < sizeof(report->findings) / sizeof(report->findings[0]))
		report->findings[report->count++] = (struct finding){origin, number, count};
}

static int by_origin_and_number(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;

	return a->origin != b->origin ? (int)a->origin - (int)b->origin : (a->number > b->number) - (a->number < b->number);
}

/* The table; returns how many calls had no right to be there. */
static int print_report(struct report *report, FILE *out)
{
	static const char *const origins[] = {"guest", "stub", "start-up"};
	int unlisted = 0;

	qsort(report->findings, report->count, sizeof(report->findings[0]), by_origin_and_number);
	fprintf(out, "%-9s %-20s %10s  %s\n", "ORIGIN", "CALL", "COUNT", "VERDICT");
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		const char *verdict = judge(finding);

		unlisted += strcmp(verdict, "NOT LISTED") == 0;
		fprintf(out, "%-9s %-20s %10llu  %s\n", origins[finding->origin], name_of(finding->number),
			(unsigned long long)finding->count, verdict);
	}
	return unlisted;
}

/* A child that waits to be watched before it becomes lxrun. */
static pid_t start_held(char **arguments, int *release)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 1) {
			close(ends[0]);
			execvp(arguments[0], arguments);
			fprintf(stderr, "lxaudit: cannot run %s: %s\n", arguments[0], strerror(errno));
		}
		_exit(127);
	}
	close(ends[0]);
	*release = ends[1];
	return child;
}

static int usage(FILE *out)
{
	fprintf(out, "Usage: lxaudit [-o FILE] lxrun [options] program [arguments]\n"
		     "Run lxrun and print which system calls of its guests entered the host kernel.\n"
		     "Needs root, or CAP_BPF and CAP_PERFMON. Exit status: the program's; 3 if a call\n"
		     "that is not listed was seen.\n");
	return out == stdout ? 0 : 125;
}

/* Where the report goes: a file, or standard error. */
struct destination {
	FILE *out;
	const char *path;
};

/* Whatever was to be written is; else nobody may take the report for one of nothing. */
static bool finish(const struct destination *to)
{
	bool failed = fflush(to->out) != 0 || ferror(to->out);

	if (to->out != stderr && fclose(to->out) != 0)
		failed = true;
	if (failed)
		fprintf(stderr, "lxaudit: cannot write %s: %s\n", to->path, errno ? strerror(errno) : "the report is incomplete");
	return !failed;
}

static int audit(char **arguments, const struct destination *to)
{
	static struct report report;
	struct audit_program program;
	const char *reason = "";
	int release = -1, status = 0, error, unlisted;
	bool written;
	pid_t child = start_held(arguments, &release);

	if (child < 0) {
		fprintf(stderr, "lxaudit: cannot start a process: %s\n", strerror(errno));
		return 125;
	}
	error = audit_attach(&program, child, &reason);
	if (error) {
		fprintf(stderr, "lxaudit: %s (%s)\n", reason, strerror(-error));
		close(release);
		waitpid(child, &status, 0);
		audit_detach(&program);
		return 125;
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (write(release, "", 1) != 1)
		return 125;
	close(release);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	audit_walk(&program, collect, &report);
	audit_detach(&program);
	errno = 0;
	unlisted = print_report(&report, to->out);
	written = finish(to);
	if (unlisted)
		return 3;
	if (!written)
		return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
	struct destination to = {stderr, "to standard error"};
	int option;

	while ((option = getopt_long(argc, argv, "+ho:V", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout);
		if (option == 'V')
			return printf("lxaudit %s\n", LXRUN_VERSION) < 0;
		if (option != 'o')
			return usage(stderr);
		to = (struct destination){fopen(optarg, "we"), optarg};
		if (!to.out) {
			fprintf(stderr, "lxaudit: cannot write %s: %s\n", optarg, strerror(errno));
			return 125;
		}
	}
	return optind < argc ? audit(argv + optind, &to) : usage(stderr);
}
