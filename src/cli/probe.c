/*
 * The host's calls that lxrun itself cannot do without, each tried once with arguments that change nothing: a sandbox around
 * lxrun may refuse any of them, with any error. Every one has an answer that a willing host gives.
 */
#include <cli/check.h>

#include <errno.h>
#include <fcntl.h>
#include <hal/hal.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
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
	bool early;	 /* tried before each start, which would not meet the refusal itself: only what costs little */
	uint64_t arguments[6];
} probes[] = {
	{"getrandom", SYS_getrandom, 0, false, true, {(uintptr_t)&byte, 1}},
	{"openat", SYS_openat, 0, true, true, {(uint64_t)AT_FDCWD, (uintptr_t)"/", O_PATH | O_CLOEXEC}},
	{"statx", SYS_statx, 0, false, true, {(uint64_t)AT_FDCWD, (uintptr_t)"/", 0, STATX_BASIC_STATS, (uintptr_t)&facts}},
	{"socketpair", SYS_socketpair, 0, false, false, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (uintptr_t)ends}},
	{"close", SYS_close, EBADF, false, true, {NOWHERE}},
	{"getdents64", SYS_getdents64, EBADF, false, true, {NOWHERE, (uintptr_t)&byte, 1}},
	{"pread64", SYS_pread64, EBADF, false, true, {NOWHERE, (uintptr_t)&byte, 1}},
	{"readlinkat", SYS_readlinkat, ENOENT, false, true, {(uint64_t)AT_FDCWD, (uintptr_t)"", (uintptr_t)&byte, 1}},
	{"newfstatat", SYS_newfstatat, ENOENT, false, true, {(uint64_t)AT_FDCWD, (uintptr_t)"", (uintptr_t)&facts}},
	{"access", SYS_access, ENOENT, false, true, {(uintptr_t)""}},
	{"setfsuid", SYS_setfsuid, 0, false, true, {UINT32_MAX}},
	{"setfsgid", SYS_setfsgid, 0, false, true, {UINT32_MAX}},
	{"capget", SYS_capget, EFAULT, false, true, {0}},
	{"getgroups", SYS_getgroups, 0, false, true, {0}},
	{"rt_sigaction", SYS_rt_sigaction, EINVAL, false, true, {0, 0, 0, sizeof(uint64_t)}},
	{"pipe2", SYS_pipe2, EFAULT, false, false, {0}},
	{"dup2", SYS_dup2, EBADF, false, false, {NOWHERE, NOWHERE}},
	{"fcntl", SYS_fcntl, EBADF, false, false, {NOWHERE, F_GETFD}},
	{"clone", SYS_clone, EINVAL, false, false, {CLONE_SIGHAND}},
	{"sendmsg", SYS_sendmsg, EBADF, false, true, {NOWHERE}},
	{"recvmsg", SYS_recvmsg, EBADF, false, true, {NOWHERE}},
	{"sched_getaffinity", SYS_sched_getaffinity, 0, false, false, {0, sizeof(mask), (uintptr_t)mask}},
	{"prctl", SYS_prctl, 0, false, false, {PR_GET_DUMPABLE}},
	{"prlimit64", SYS_prlimit64, 0, false, false, {0, 0}},
	{"waitid", SYS_waitid, ECHILD, false, true, {P_PID, 1, 0, WEXITED | WNOHANG}},
	{"ptrace", SYS_ptrace, ESRCH, false, true, {0x4207 /* PTRACE_INTERRUPT */, INT32_MAX}},
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

/* The C library does without these where the host says that it has no such call, and for no other refusal. */
static int try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && (errno == EINVAL || errno == ENOSYS) ? 0 : errno;
}

static int try_faccessat2(void)
{
	return syscall(SYS_faccessat2, AT_FDCWD, "", F_OK, 0) < 0 && (errno == ENOENT || errno == ENOSYS) ? 0 : errno;
}

static int try_tgkill(void)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), 0) == 0 ? 0 : errno;
}

static int refuse(FILE *out, const char *prefix, const char *name, int error)
{
	if (!error)
		return 0;
	fprintf(out, "%s%s(2): %s%s; %s\n", prefix, name, strerror(error), error == ENOSYS ? " (or the kernel is too old)" : "",
		error == EMFILE || error == ENFILE ? "descriptors are limited by `ulimit -n`" : "a sandbox around lxrun must allow it");
	return 1;
}

int cli_probe_calls(FILE *out, const char *prefix, bool all)
{
	int refused = 0;

	look_for_openat2();
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (all || probes[i].early)
			refused += refuse(out, prefix, probes[i].name, try(i));
	refused += refuse(out, prefix, "process_vm_readv", try_copy(false));
	refused += refuse(out, prefix, "process_vm_writev", try_copy(true));
	refused += refuse(out, prefix, "clone3", try_clone3());
	refused += refuse(out, prefix, "faccessat2", try_faccessat2());
	return refused + refuse(out, prefix, "tgkill", try_tgkill());
}
