/*
 * Bringing the kernel up, as a boot loader would: the trap platform, then the
 * executive over it, the drivers, and the LX subsystem with the first program.
 */
#include <cli/check.h>
#include <cli/environment.h>
#include <cli/path.h>
#include <cli/start.h>
#include <drivers/afd/afd.h>
#include <drivers/condrv/condrv.h>
#include <drivers/devfs/devfs.h>
#include <drivers/hostfs/hostfs.h>
#include <drivers/npfs/npfs.h>
#include <drivers/procfs/procfs.h>
#include <drivers/tmpfs/tmpfs.h>
#include <executive/ex/debug.h>
#include <hal/host.h>
#include <pico/pico.h>
#include <process/instance.h>
#include <trace/trace.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static const struct {
	const char *name;
	NTSTATUS (*initialize)(void);
} drivers[] = {
	{"hostfs", hostfs_initialize}, {"condrv", condrv_initialize}, {"npfs", npfs_initialize}, {"devfs", devfs_initialize},
	{"tmpfs", tmpfs_initialize},   {"procfs", procfs_initialize}, {"afd", afd_initialize},
};

static int initialize_kernel(void)
{
	const struct pico_platform *platform;
	NTSTATUS status;
	int error;

	if (cli_check_calls(stderr))
		return 125;
	error = pico_initialize(&ps_pico_routines, &platform);

	if (error) {
		cli_explain_platform_error(stderr, error);
		return 125;
	}
	status = executive_initialize(platform);
	if (!NT_SUCCESS(status))
		fprintf(stderr, "lxrun: cannot start: status 0x%08x; try lxrun --check\n", (unsigned)status);
	for (size_t i = 0; i < ARRAY_COUNT(drivers) && NT_SUCCESS(status); i++) {
		status = drivers[i].initialize();
		if (!NT_SUCCESS(status))
			fprintf(stderr, "lxrun: driver %s: cannot start: status 0x%08x\n", drivers[i].name, (unsigned)status);
	}
	return NT_SUCCESS(status) ? 0 : 125;
}

static void raise_limit(__rlimit_resource_t resource)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	if (resource != RLIMIT_NOFILE && setrlimit(resource, &none) == 0)
		return; /* with the privilege for it */
	if (getrlimit(resource, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resource, &limit);
	}
}

/*
 * Limits that lxrun was started with are its guests', which see them and are held to them by LX. On lxrun's own work they
 * do not act as far as that can be had: descriptors, memory and time of all guests are its own.
 */
static void raise_limits(void)
{
	static const __rlimit_resource_t resources[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_DATA,	RLIMIT_AS,
							RLIMIT_CPU,    RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_SIGPENDING};

	for (size_t i = 0; i < ARRAY_COUNT(resources); i++)
		raise_limit(resources[i]);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* --log and -v. 0, or an exit status after the error has been told. */
static int open_log(const struct cli_options *options)
{
	FILE *log = options->log ? fopen(options->log, "we") : options->verbose ? stderr : NULL;

	if (options->log && !log) {
		fprintf(stderr, "lxrun: cannot write the log %s: %s\n", options->log, strerror(errno));
		return 125;
	}
	ex_debug_set_output(log);
	return 0;
}

static void dump_objects(void *unused)
{
	(void)unused;
	ps_dump_objects(stderr);
}

/* Does the path, which is the working directory's, still lead there? Not if something was mounted over it. */
static bool leads_here(const char *path)
{
	struct stat there, here;

	return stat(path, &there) == 0 && stat(".", &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

/*
 * Where the program starts, as an absolute path; "" if no path leads there: it is lxrun's own working directory then. 0, or
 * an exit status after the error has been told.
 */
static int find_working_directory(const struct cli_options *options, char *path, size_t size)
{
	cleanup_free char *wanted = options->working_directory ? realpath(options->working_directory, NULL) : NULL;

	if (options->working_directory && (!wanted || chdir(wanted) != 0)) {
		fprintf(stderr, "lxrun: cannot start in %s: %s\n", options->working_directory, strerror(errno));
		return 125;
	}
	if (!getcwd(path, size) || !leads_here(path))
		*path = 0;
	return 0;
}

/* Under the name that it was called by, as lxrun or as lxtrace. */
static int cannot_run(const char *program, const char *reason, int status)
{
	size_t length = strlen(program);

	/* What is wrong with the program itself names it too. */
	if (strncmp(reason, program, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
		reason += length + 2;
	fprintf(stderr, "%s: cannot run %s: %s\n", program_invocation_short_name, program, reason);
	return status;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int run(const struct cli_options *options, const char *program, const char *directory, char **environment, int *status)
{
	char reason[512] = "";
	const struct lx_start start = {
		.program = program,
		.argv = options->arguments,
		.envp = environment,
		.working_directory = directory,
		.kill_on_exit = options->kill_on_exit,
		.at_exit = options->objects ? dump_objects : NULL,
	};
	int64_t error = lx_instance_run(&start, status, reason, sizeof(reason));

	if (!error)
		return 0;
	return cannot_run(options->arguments[0], reason[0] ? reason : lx_errno_text((int)-error), error == -LX_ENOENT ? 127 : 126);
}

int cli_run_program(const struct cli_options *options, int *status)
{
	cleanup_free char **environment = cli_build_environment(environ, options->environment, options->environment_count);
	char program[4096], directory[4096];
	int error = environment ? find_working_directory(options, directory, sizeof(directory)) : 125;

	if (error)
		return error;
	error = cli_find_program(options->arguments[0], cli_get_environment(environment, "PATH"), program, sizeof(program));
	if (error == ENOENT)
		return cannot_run(options->arguments[0], "not found in PATH", 127);
	if (error || is_directory(program))
		return cannot_run(options->arguments[0], error ? "permission denied" : "is a directory", 126);
	hal_start_state(); /* before anything of it changes */
	hal_signal_block();
	raise_limits();
	error = open_log(options);
	if (!error)
		error = initialize_kernel();
	if (!error)
		error = trace_start(&options->trace);
	if (error)
		return error;
	error = run(options, program, directory, environment, status);
	trace_finish();
	condrv_finish();
	pico_shutdown();
	return error;
}
