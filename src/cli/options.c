/* The command line, by getopt_long. */
#include <cli/options.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum long_option {
	OPTION_HELP = 256,
	OPTION_VERSION,
	OPTION_CHECK,
	OPTION_CWD,
	OPTION_KILL_ON_EXIT,
	OPTION_LOG,
	OPTION_TRACE,
	OPTION_NT,
	OPTION_SUMMARY,
	OPTION_LIST_SYSCALLS,
	OPTION_EXPLAIN,
	OPTION_OBJECTS,
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"cwd", required_argument, NULL, OPTION_CWD},
	{"kill-on-exit", no_argument, NULL, OPTION_KILL_ON_EXIT},
	{"log", required_argument, NULL, OPTION_LOG},
	{"trace", optional_argument, NULL, OPTION_TRACE},
	{"nt", no_argument, NULL, OPTION_NT},
	{"summary", no_argument, NULL, OPTION_SUMMARY},
	{"list-syscalls", no_argument, NULL, OPTION_LIST_SYSCALLS},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
	{"objects", no_argument, NULL, OPTION_OBJECTS},
	{NULL, 0, NULL, 0},
};

static int append(const char **list, size_t *count, size_t limit, const char *value, const char *what)
{
	if (*count == limit) {
		warnx("more than %zu times %s", limit, what);
		return 2;
	}
	list[(*count)++] = value;
	return 0;
}

static int parse_string_limit(struct cli_options *options, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > 1 << 20) {
		warnx("-s %s: not a string length between 0 and %d", text, 1 << 20);
		return 2;
	}
	options->trace.string_limit = value;
	return 0;
}

static int parse_column(struct cli_options *options, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > 1000) {
		warnx("-a %s: not a column between 0 and 1000", text);
		return 2;
	}
	options->trace.column = value;
	return 0;
}

static int parse_long(struct cli_options *options, int option)
{
	struct trace_options *trace = &options->trace;

	switch ((enum long_option)option) {
	case OPTION_HELP:
		options->action = CLI_HELP;
		return 0;
	case OPTION_VERSION:
		options->action = CLI_VERSION;
		return 0;
	case OPTION_CHECK:
		options->action = CLI_CHECK;
		return 0;
	case OPTION_LIST_SYSCALLS:
		options->action = CLI_LIST_SYSCALLS;
		return 0;
	case OPTION_EXPLAIN:
		options->action = CLI_EXPLAIN;
		options->explain = optarg;
		return 0;
	case OPTION_CWD:
		options->working_directory = optarg;
		return 0;
	case OPTION_KILL_ON_EXIT:
		options->kill_on_exit = true;
		return 0;
	case OPTION_LOG:
		options->log = optarg;
		return 0;
	case OPTION_OBJECTS:
		options->objects = true;
		return 0;
	case OPTION_TRACE:
		trace->enabled = true;
		return optarg ? append(trace->expressions, &trace->expression_count, 16, optarg, "--trace=EXPR") : 0;
	case OPTION_NT:
		trace->enabled = trace->nt = true;
		return 0;
	case OPTION_SUMMARY:
		trace->enabled = trace->summary = true;
		return 0;
	}
	return 2;
}

static int parse_trace_letter(struct cli_options *options, int option)
{
	struct trace_options *trace = &options->trace;

	switch (option) {
	case 'f':
		return 0; /* always followed */
	case 'e':
		trace->enabled = true;
		return append(trace->expressions, &trace->expression_count, 16, optarg, "-e");
	case 'o':
		trace->output = optarg;
		return 0;
	case 's':
		return parse_string_limit(options, optarg);
	case 'a':
		return parse_column(options, optarg);
	case 'Y':
		trace->command_names = true;
		return 0;
	case 'c':
		trace->enabled = trace->summary = true;
		return 0;
	case 'C':
		trace->enabled = trace->summary = trace->summary_and_trace = true;
		return 0;
	case 't':
		trace->timestamps += trace->timestamps < 3;
		return 0;
	case 'r':
		trace->relative = true;
		return 0;
	case 'T':
		trace->durations = true;
		return 0;
	case 'y':
		trace->descriptors++;
		return 0;
	case 'P':
		return append(trace->paths, &trace->path_count, 16, optarg, "-P");
	case 'z':
		trace->successful_only = true;
		return 0;
	case 'Z':
		trace->failed_only = true;
		return 0;
	case 'q':
		trace->quiet++;
		return 0;
	case 'x':
		trace->hexadecimal++;
		return 0;
	default:
		return 2;
	}
}

static int parse_one(struct cli_options *options, int option, bool tracer)
{
	if (option == '?')
		return 2;
	if (option >= OPTION_HELP)
		return parse_long(options, option);
	if (option == 'h' || option == 'V')
		return parse_long(options, option == 'h' ? OPTION_HELP : OPTION_VERSION);
	if (option == 'E' && (!*optarg || *optarg == '=')) {
		warnx("-E '%s': names no variable", optarg);
		return 2;
	}
	if (option == 'E')
		return append(options->environment, &options->environment_count, 256, optarg, "-E");
	if (option == 'v') {
		if (tracer)
			options->trace.unabbreviated = true;
		else
			options->verbose = true;
		return 0;
	}
	return parse_trace_letter(options, option);
}

/* What would be taken without effect is refused. `shape`: a letter that shapes a trace, or 0; `follow`: how often -f came. */
static int check_trace(const struct trace_options *trace, int shape, int follow)
{
	if (shape && !trace->enabled) {
		warnx("-%c: nothing is traced; add --trace", shape);
		return 2;
	}
	if (follow > 1 && trace->output) {
		warnx("-ff with -o: one file for each process is not supported; -f writes them all to one");
		return 2;
	}
	return 0;
}

int cli_parse_options(int argc, char **argv, bool tracer, struct cli_options *options)
{
	int option, error = 0, shape = 0, follow = 0;

	*options = (struct cli_options){.trace = {.enabled = tracer, .string_limit = 32, .column = 40}};
	opterr = 1;
	argv[0] = program_invocation_short_name; /* what getopt's messages begin with */
	while (!error && (option = getopt_long(argc, argv, "+hVE:vfe:o:s:a:cCtrTyYP:zZqx", long_options, NULL)) != -1) {
		error = parse_one(options, option, tracer);
		shape = option < OPTION_HELP && strchr("osatrTyYPzZqx", option) ? option : shape;
		follow += option == 'f';
	}
	if (!error)
		error = check_trace(&options->trace, shape, follow);
	if (error) {
		fprintf(stderr, "Try '%s --help'.\n", tracer ? "lxtrace" : "lxrun");
		return error;
	}
	if (optind < argc)
		options->arguments = argv + optind;
	return 0;
}

static const char common_help[] =
	"\n"
	"Program and environment:\n"
	"  -E NAME=VALUE        set a variable for the program; -E NAME removes it\n"
	"      --cwd DIR        start in DIR\n"
	"      --kill-on-exit   end with the first program, killing what it left\n"
	"      --objects        when the program ends, print the object namespace and all handles\n"
	"      --log FILE       write what is refused or goes wrong inside to FILE\n"
	"\n"
	"Tracing (lxtrace, or lxrun --trace):\n"
	"      --trace[=EXPR]   print every system call, or those that EXPR selects, as strace does\n"
	"      --nt             beneath each call, the NT services that it became\n"
	"  -e EXPR              trace=SET, signal=SET, status=SET, quiet=SET\n"
	"  -o FILE              write the trace to FILE instead of stderr\n"
	"  -c, --summary        count calls, errors and time; -C: and trace too\n"
	"  -s SIZE              print at most SIZE bytes of strings (32)\n"
	"  -t -tt -ttt -r -T    wall clock, with microseconds, since 1970; relative; time spent\n"
	"  -y -P PATH -z -Z     paths of descriptors; calls on PATH; only successful; only failed\n"
	"  -q -x -Y -a COLUMN   fewer messages; strings in hexadecimal; program names; column of results\n"
	"  -f                   accepted: children are always followed\n"
	"\n"
	"Information:\n"
	"      --check          what this host offers and what is missing\n"
	"      --list-syscalls  every system call, its state and the NT services beneath it\n"
	"      --explain CALL   one call on both sides: Linux and NT\n"
	"  -h, --help  -V, --version\n"
	"\n"
	"The exit status is the program's; if a signal killed it, lxrun ends by the same\n"
	"signal. 127: program not found, 126: it can't be run, 125: lxrun itself failed.\n";

void cli_print_help(bool tracer)
{
	if (tracer)
		printf("Usage: lxtrace [options] [--] program [arguments]\n"
		       "Trace the system calls of a Linux program on lxrun's user-space kernel.\n"
		       "  -v                   do not abbreviate structures and environments\n%s",
		       common_help);
	else
		printf("Usage: lxrun [options] [--] program [arguments]\n"
		       "Run a Linux program on a user-space kernel built after NT and WSL1.\n"
		       "  -v                   tell on stderr what is refused or goes wrong inside\n%s",
		       common_help);
}
