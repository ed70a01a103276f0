/*
 * The host's calls that lxrun itself cannot do without, each tried once with arguments that change nothing: a sandbox around
 * lxrun may refuse any of them, with any error. Every one has an answer that a willing host gives.
 */
#include <cli/check.h>

#include <errno.h>
#include <fcntl.h>
#include <hal/hal.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char byte, other;
static struct iovec here = {&byte, 1}, there = {&other, 1};
static int ends[2];
static struct open_how how = {.flags = O_PATH | O_CLOEXEC};
static uint64_t mask[128];
static struct statx facts;

#define NOWHERE 0x7ffffff0

static const struct {
	const char *name;
	long number;
	int expected; /* 0: success */
	bool descriptor; /* success is one, to be closed */
	uint64_t arguments[6];
} probes[] = {
	{"getrandom", SYS_getrandom, 0, false, {(uintptr_t)&byte, 1}},
	{"openat", SYS_openat, 0, true, {(uint64_t)AT_FDCWD, (uintptr_t)"/", O_PATH | O_CLOEXEC}},
	{"statx", SYS_statx, 0, false, {(uint64_t)AT_FDCWD, (uintptr_t)"/", 0, STATX_BASIC_STATS, (uintptr_t)&facts}},
	{"close_range", SYS_close_range, 0, false, {NOWHERE, NOWHERE}},
	{"memfd_create", SYS_memfd_create, 0, true, {(uintptr_t)"probe", MFD_CLOEXEC}},
	{"socketpair", SYS_socketpair, 0, false, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (uintptr_t)ends}},
	{"renameat2", SYS_renameat2, ENOENT, false, {(uint64_t)AT_FDCWD, (uintptr_t)"", (uint64_t)AT_FDCWD, (uintptr_t)""}},
	{"execveat", SYS_execveat, ENOENT, false, {(uint64_t)AT_FDCWD, (uintptr_t)""}},
	{"getdents64", SYS_getdents64, EBADF, false, {NOWHERE, (uintptr_t)&byte, 1}},
	{"preadv2", SYS_preadv2, EBADF, false, {NOWHERE, (uintptr_t)&here, 1}},
	{"pwritev2", SYS_pwritev2, EBADF, false, {NOWHERE, (uintptr_t)&here, 1}},
	{"sendmsg", SYS_sendmsg, EBADF, false, {NOWHERE}},
	{"recvmsg", SYS_recvmsg, EBADF, false, {NOWHERE}},
	{"sched_getaffinity", SYS_sched_getaffinity, 0, false, {0, sizeof(mask), (uintptr_t)mask}},
	{"prctl", SYS_prctl, 0, false, {PR_GET_DUMPABLE}},
	{"prlimit64", SYS_prlimit64, 0, false, {0, 0}},
	{"waitid", SYS_waitid, ECHILD, false, {P_PID, 1, 0, WEXITED | WNOHANG}},
	{"ptrace", SYS_ptrace, ESRCH, false, {0x4207 /* PTRACE_INTERRUPT */, INT32_MAX}},
};

static long call(const uint64_t *arguments, long number)
{
	return syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

/* The errno that the host refuses it with, or 0. */
static int try(size_t i)
{
	long result = call(probes[i].arguments, probes[i].number);
	int error = result < 0 ? errno : 0;

	if (!error && probes[i].descriptor)
		close((int)result);
	if (!error && probes[i].number == SYS_socketpair) {
		close(ends[0]);
		close(ends[1]);
	}
	return error == probes[i].expected ? 0 : error ? error : EPROTO;
}

static int try_copy(bool write)
{
	ssize_t done = write ? process_vm_writev(getpid(), &here, 1, &there, 1, 0) : process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	return done == 1 ? 0 : done < 0 ? errno : EPROTO;
}

/* Names can be walked down without it, one open a component. */
static void look_for_openat2(void)
{
	long descriptor = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (descriptor >= 0)
		close((int)descriptor);
	else
		hal_do_without_openat2();
}

static int try_tgkill(void)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), 0) == 0 ? 0 : errno;
}

static int refuse(FILE *out, const char *prefix, const char *name, int error)
{
	if (!error)
		return 0;
	fprintf(out, "%s%s(2): %s%s; a sandbox around lxrun must allow it\n", prefix, name, strerror(error),
		error == ENOSYS ? " (or the kernel is too old)" : "");
	return 1;
}

int cli_probe_calls(FILE *out, const char *prefix)
{
	int refused = 0;

	look_for_openat2();
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		refused += refuse(out, prefix, probes[i].name, try(i));
	refused += refuse(out, prefix, "process_vm_readv", try_copy(false));
	refused += refuse(out, prefix, "process_vm_writev", try_copy(true));
	return refused + refuse(out, prefix, "tgkill", try_tgkill());
}
