/* lxrun --check: ptrace, seccomp, the kernel, and who else traces. */
#include <cli/check.h>
#include <pico/layout.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* A small file's first line; false if it can't be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

static int status_field(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = atoi(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

static int report(FILE *out, bool good, const char *what, const char *found, const char *remedy)
{
	fprintf(out, "%-9s %-18s %s\n", good ? "ok" : "MISSING", what, found);
	if (!good)
		fprintf(out, "%-9s %-18s %s\n", "", "", remedy);
	return good ? 0 : 1;
}

static int check_kernel(FILE *out)
{
	struct utsname names;
	int major = 0, minor = 0;

	uname(&names);
	sscanf(names.release, "%d.%d", &major, &minor);
	return report(out, strcmp(names.machine, "x86_64") == 0 && (major > 5 || (major == 5 && minor >= 11)), "kernel", names.release,
		      "Linux 5.11 or newer on x86-64 is needed");
}

static int check_yama(FILE *out)
{
	char scope[16];

	if (!read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)))
		return report(out, true, "ptrace scope", "no Yama: processes of one user may be traced", "");
	/* Guests are descendants of lxrun: scope 1 is enough. */
	return report(out, atoi(scope) < 2 || geteuid() == 0, "ptrace scope", scope,
		      "/proc/sys/kernel/yama/ptrace_scope must be 0 or 1; ask the administrator");
}

static int check_seccomp(FILE *out)
{
	unsigned action = SECCOMP_RET_TRACE;
	bool good = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;

	return report(out, good, "seccomp", good ? "filters with SECCOMP_RET_TRACE" : strerror(errno),
		      "the kernel needs CONFIG_SECCOMP_FILTER, and a sandbox around lxrun must allow seccomp(2)");
}

/* Whether lxrun's own stub lies in this process: then its kernel is another lxrun. */
static bool is_nested(void)
{
	unsigned char byte;
	struct iovec here = {&byte, 1}, there = {(void *)PICO_STUB_BASE, 1};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

static int check_nesting(FILE *out)
{
	if (!is_nested())
		return 0;
	return report(out, false, "nested", "this is lxrun's kernel: no ptrace and seccomp to trace guests with", "run it on the host");
}

/* Whether a tracer has our children too: strace without -f leaves them to us. */
static bool has_traced_children(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(status_field("TracerPid:") > 0);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int check_tracer(FILE *out)
{
	if (status_field("TracerPid:") <= 0)
		return 0;
	if (has_traced_children())
		return report(out, false, "already traced", "by a tracer that follows children (strace -f, gdb)",
			      "guests can have one tracer; use lxrun --trace");
	fprintf(out, "%-9s %-18s %s\n", "note", "already traced", "by a tracer that leaves children alone");
	return 0;
}

static void describe_surroundings(FILE *out)
{
	char policy[64];
	cpu_set_t cpus;

	if (status_field("Seccomp:") > 0)
		fprintf(out, "%-9s %-18s %s\n", "note", "sandboxed", "lxrun itself runs under a seccomp filter");
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		fprintf(out, "%-9s %-18s %d\n", "note", "CPUs", CPU_COUNT(&cpus));
	if (read_line("/proc/sys/vm/mmap_min_addr", policy, sizeof(policy)))
		fprintf(out, "%-9s %-18s %s\n", "note", "mmap_min_addr", policy);
}

int cli_check_host(FILE *out)
{
	int missing = check_kernel(out) + check_nesting(out);

	/* What another lxrun offers says nothing of the host. */
	if (!is_nested())
		missing += cli_probe_calls(out, "MISSING   call               ", true) + check_yama(out) + check_seccomp(out) + check_tracer(out);
	describe_surroundings(out);
	return missing || ferror(out) ? 1 : 0;
}

int cli_check_calls(FILE *out)
{
	return is_nested() ? 0 : cli_probe_calls(out, "lxrun: the host refuses ", false);
}

/* Which limit it may be: the host's error names none. */
static void explain_limits(FILE *out, int error)
{
	if (error == -EAGAIN)
		fprintf(out, "lxrun: no task can be made: look at `ulimit -u`, and at the pids limit of the container\n");
	if (error == -ENOMEM || error == -EAGAIN)
		fprintf(out, "lxrun: memory is limited by `ulimit -d` and `ulimit -v`\n");
	if (error == -EMFILE || error == -ENFILE)
		fprintf(out, "lxrun: descriptors are limited by `ulimit -n`\n");
}

void cli_explain_platform_error(FILE *out, int error)
{
	if (is_nested())
		fprintf(out, "lxrun: cannot run inside lxrun: its kernel offers no ptrace and seccomp to trace guests with\n");
	else if (status_field("TracerPid:") > 0)
		fprintf(out, "lxrun: cannot trace guests: a tracer that follows children (strace -f, gdb) has them; use lxrun --trace\n");
	else
		fprintf(out, "lxrun: cannot trace guests: %s\n", strerror(-error));
	explain_limits(out, error);
	cli_check_host(out);
}
