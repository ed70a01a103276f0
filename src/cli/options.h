/* The command line: `lxrun [options] [--] program [arguments]`. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <trace/trace.h>

enum cli_action { CLI_RUN, CLI_HELP, CLI_VERSION, CLI_CHECK, CLI_LIST_SYSCALLS, CLI_EXPLAIN };

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
	struct trace_options trace;
	char **arguments; /* program and its arguments, NULL-terminated; NULL: none given */
};

/* Parse; `tracer`: called as lxtrace. 0, or the exit status after an error has been told. */
int cli_parse_options(int argc, char **argv, bool tracer, struct cli_options *options);
void cli_print_help(bool tracer);

#endif
