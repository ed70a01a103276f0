/* The command line: `lxrun [options] [--] program [arguments]`. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum cli_action { CLI_RUN, CLI_HELP, CLI_VERSION, CLI_CHECK, CLI_LIST_SYSCALLS, CLI_EXPLAIN };

/* What the tracer is asked for: strace's letters and what they mean to its users. */
struct cli_trace_options {
	bool enabled;
	bool nt;               /* --nt */
	const char *output;    /* -o */
	const char *expressions[16]; /* -e and --trace=, in order */
	size_t expression_count;
	size_t string_limit;   /* -s */
	bool summary;          /* -c, --summary */
	bool summary_and_trace;/* -C */
	unsigned timestamps;   /* -t, -tt, -ttt: 1, 2, 3 */
	bool relative;         /* -r */
	bool durations;        /* -T */
	unsigned descriptors;  /* -y, -yy */
	const char *paths[16]; /* -P */
	size_t path_count;
	bool successful_only;  /* -z */
	bool failed_only;      /* -Z */
	unsigned quiet;        /* -q, -qq */
	unsigned hexadecimal;  /* -x, -xx */
	bool unabbreviated;    /* -v of lxtrace */
};

struct cli_options {
	enum cli_action action;
	const char *explain;
	const char *working_directory; /* --cwd */
	bool kill_on_exit;
	const char *log;               /* --log */
	bool verbose;                  /* -v of lxrun */
	bool objects;
	const char *environment[256];  /* -E NAME=VALUE, -E NAME to remove, in order */
	size_t environment_count;
	struct cli_trace_options trace;
	char **arguments; /* program and its arguments, NULL-terminated; NULL: none given */
};

/* Parse; `tracer`: called as lxtrace. 0, or the exit status after an error has been told. */
int cli_parse_options(int argc, char **argv, bool tracer, struct cli_options *options);
void cli_print_help(bool tracer);

#endif
