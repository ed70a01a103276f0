/*
 * Random system calls, from a seed: children make them, alone and as three
 * threads, until they spoil themselves or have made enough.
 *
 *	fuzz_calls SEED CHILDREN CALLS
 *
 * A child that does not end is killed, and then must be gone: that, and that
 * this program itself still counts right, is all that it asserts; the rest is
 * asserted around it (tests/hostile/hostile.py). It ends with 0, or with 1 and
 * the seed of the child that went wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, LAST_CALL = 470, ARENA = 1 << 20, CHILD_LASTS_FOR = 1, DEATH_LASTS_FOR = 10 };

/* What would harm the machine, or others of the same user, were it made natively by this user: no fault of lxrun's. And what ends a child too early. */
static const short left_out[] = {
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_prlimit64,
	SYS_setpriority, SYS_ioprio_set, SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setattr,
	SYS_process_vm_writev, SYS_ptrace, SYS_setrlimit, SYS_reboot, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_swapon, SYS_swapoff,
	SYS_syslog, SYS_acct, SYS_sync, SYS_syncfs, SYS_vhangup, SYS_execve, SYS_execveat, SYS_chroot, SYS_migrate_pages,
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
};
static const char *const paths[] = {
	"a", "b", "d", "d/a", "fifo", "link", "", ".", "/proc/self/fd", "/proc/self/maps", "/proc/self", "/proc/self/fd/1", "a/b", "d/../a",
};

static char *arena;

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool is_left_out(long number)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (left_out[i] == number)
			return true;
	return false;
}

static uint64_t some_number(uint64_t *state)
{
	static const uint64_t edges[] = {0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 127, 255, 4095, 4096, 8192, 65536, 0x7fffffff, 0x80000000,
					 0xffffffff, 0x100000000, 0x7fffffffffff, 0x7fffffffffffffff, -4096ul, -2ul, -1ul};

	return next(state) & 1 ? edges[next(state) % (sizeof(edges) / sizeof(edges[0]))] : 1ull << next(state) % 64;
}

/* Anything that a call may take: descriptors, buffers and what crosses their ends, names, flags, numbers. */
static long some_argument(uint64_t *state)
{
	switch (next(state) % 10) {
	case 0:
	case 1:
		return (long)(next(state) % 24);
	case 2:
	case 3:
		return (long)(arena + next(state) % (ARENA / 8) * 8);
	case 4:
		return (long)(arena + ARENA - next(state) % 64);
	case 5:
		return (long)paths[next(state) % (sizeof(paths) / sizeof(paths[0]))];
	case 6:
		return (long)(arena + next(state) % (ARENA / 4096) * 4096);
	case 7:
		return (long)(next(state) % 4096);
	default:
		return (long)some_number(state);
	}
}

/* Structures that hold what calls take, rather than noise alone. */
static void fill_arena(uint64_t *state)
{
	uint64_t *words = (uint64_t *)arena;

	for (int i = 0; i < 64; i++)
		words[next(state) % (ARENA / 8)] = (uint64_t)some_argument(state);
}

static void make_call(uint64_t *state)
{
	long number = (long)(next(state) % (LAST_CALL + 1)), result;
	long arguments[6];

	if (is_left_out(number))
		return;
	for (int i = 0; i < 6; i++)
		arguments[i] = some_argument(state);
	/* Others that share the terminal or the session are not to be reached by number. */
	result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
	/* A new task ends: on whatever stack it may be. */
	if (result == 0 && (number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3))
		syscall(SYS_exit, 0);
}

struct run {
	uint64_t seed;
	long calls;
};

static void *run_calls(void *argument)
{
	const struct run *run = argument;
	uint64_t state = run->seed;

	for (long i = 0; i < run->calls; i++) {
		if (i % 16 == 0)
			fill_arena(&state);
		make_call(&state);
	}
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void limit(int resource, rlim_t value)
{
	struct rlimit limit = {value, value};

	setrlimit(resource, &limit);
}

static void become_child(uint64_t seed, long calls, bool threaded)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval often = {{0, 20000}, {0, 20000}};
	struct run runs[THREADS];
	pthread_t thread;
	int output = memfd_create("output", 0);

	/* What it writes by chance is no complaint of the supervisor's, which goes to the standard error around it. */
	dup2(output, 1);
	dup2(output, 2);
	setpgid(0, 0);
	limit(RLIMIT_AS, 1 << 29);
	limit(RLIMIT_FSIZE, 1 << 22);
	limit(RLIMIT_NOFILE, 128);
	limit(RLIMIT_CPU, 2 * CHILD_LASTS_FOR);
	limit(RLIMIT_CORE, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < THREADS; i++)
		runs[i] = (struct run){seed * THREADS + (uint64_t)i + 1, calls};
	for (int i = 1; threaded && i < THREADS; i++)
		pthread_create(&thread, NULL, run_calls, &runs[i]);
	run_calls(&runs[0]);
	syscall(SYS_exit_group, 0);
}

/* True: gone within the time. */
static bool wait_for(pid_t child, int seconds)
{
	for (int i = 0; i < seconds * 1000; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(1000);
	}
	return false;
}

static bool try_seed(uint64_t seed, long calls, bool threaded)
{
	pid_t child = fork();

	if (child == 0)
		become_child(seed, calls, threaded);
	if (child < 0)
		return true;
	if (wait_for(child, CHILD_LASTS_FOR))
		return true;
	kill(child, SIGKILL);
	return wait_for(child, DEATH_LASTS_FOR);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	int children = argc > 2 ? atoi(argv[2]) : 100;
	long calls = argc > 3 ? atol(argv[3]) : 400;
	char directory[] = "fuzz.XXXXXX";

	arena = mmap(NULL, ARENA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(arena + ARENA, 4096, PROT_NONE);
	if (!mkdtemp(directory) || chdir(directory) < 0)
		return 77;
	for (int i = 0; i < children; i++) {
		mkdir("d", 0700);
		mkfifo("fifo", 0600);
		(void)!symlink("a", "link");
		if (!try_seed(seed + (uint64_t)i, calls, i & 1)) {
			printf("fuzz_calls %llu 1 %ld%s: its child can't be killed\n", (unsigned long long)seed + (unsigned)i, calls,
			       i & 1 ? " (threads)" : "");
			return 1;
		}
	}
	return 0;
}
