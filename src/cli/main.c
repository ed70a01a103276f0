/* lxrun, and lxtrace when called so. */
#include <cli/check.h>
#include <cli/explain.h>
#include <cli/list.h>
#include <cli/options.h>
#include <cli/start.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool called_as_tracer(const char *name)
{
	const char *base = name ? strrchr(name, '/') : NULL;

	base = base ? base + 1 : name;
	return base && strcmp(base, "lxtrace") == 0;
}

/* What was counted is written at exit(), which a signal comes before. Who may not write it does not say so to the user. */
static void write_coverage(void)
{
#ifdef LXRUN_COVERAGE
	extern void __gcov_dump(void);

	if (freopen("/dev/null", "w", stderr))
		__gcov_dump();
#endif
}

/* End as the program did, also by its signal (without a core of our own). */
static int end_as(int status)
{
	const struct rlimit no_core = {0, 0};
	sigset_t set;

	fflush(NULL);
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	write_coverage();
	kill(getpid(), WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int run_program(const struct cli_options *options, bool tracer)
{
	int status = 0, error;

	if (!options->arguments) {
		fprintf(stderr, "%s: no program given\nTry '%s --help'.\n", tracer ? "lxtrace" : "lxrun", tracer ? "lxtrace" : "lxrun");
		return 125;
	}
	error = cli_run_program(options, &status);
	return error ? error : end_as(status);
}

/* What was asked for is on standard output, or it was not done. */
static int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	warn("cannot write to standard output");
	return 125;
}

#ifdef __SANITIZE_ADDRESS__
/* A run gives its memory back by ending; what its units leak, their own tests show. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	bool tracer = called_as_tracer(argv[0]);
	struct cli_options options;
	int error;

	atexit(write_coverage);
	error = cli_parse_options(argc, argv, tracer, &options);
	if (error)
		return 125;
	switch (options.action) {
	case CLI_HELP:
		cli_print_help(tracer);
		return finish_output(0);
	case CLI_VERSION:
		printf("%s %s\n", tracer ? "lxtrace" : "lxrun", LXRUN_VERSION);
		return finish_output(0);
	case CLI_CHECK:
		return finish_output(cli_check_host(stdout));
	case CLI_LIST_SYSCALLS:
		return finish_output(cli_list_syscalls(stdout));
	case CLI_EXPLAIN:
		return finish_output(cli_explain(stdout, options.explain));
	case CLI_RUN:
		return run_program(&options, tracer);
	}
	return 125;
}
