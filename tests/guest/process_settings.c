/* Limits, prctl, scheduling, priorities, personality, names: what a process says about itself. */
#include "observe.h"

#include <asm/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void limits(void)
{
	struct rlimit limit;

	section("limits");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &limit);
		printf("%d: %lx %lx\n", i, limit.rlim_cur, limit.rlim_max);
	}
	OBSERVE(syscall(SYS_getrlimit, 16, &limit));
	OBSERVE(syscall(SYS_getrlimit, 1, (void *)8));
	OBSERVE(syscall(SYS_setrlimit, 1, (void *)8));
	limit = (struct rlimit){10, 5};
	OBSERVE(setrlimit(RLIMIT_CORE, &limit));
	limit = (struct rlimit){5, 10};
	OBSERVE(setrlimit(RLIMIT_CORE, &limit));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &limit));
	printf("%lu %lu\n", limit.rlim_cur, limit.rlim_max);
	OBSERVE(syscall(SYS_prlimit64, 999999, RLIMIT_CORE, NULL, &limit));
	OBSERVE(syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, NULL, &limit));
	limit = (struct rlimit){5, 1ul << 40};
	OBSERVE(setrlimit(RLIMIT_NOFILE, &limit));
	setresuid(1000, 1000, 1000);
	limit = (struct rlimit){5, 11};
	OBSERVE(setrlimit(RLIMIT_CORE, &limit));
}

static void process_limit(void)
{
	struct rlimit limit = {1, 1};

	section("RLIMIT_NPROC");
	setresgid(54321, 54321, 54321);
	setresuid(54321, 54321, 54321);
	setrlimit(RLIMIT_NPROC, &limit);
	OBSERVE(fork());
}

/* Whom nobody has waited for counts. */
static void counted_for_limit(void)
{
	struct rlimit limit = {3, 3};
	pid_t sleeper, zombie;
	siginfo_t info;

	section("who counts for RLIMIT_NPROC");
	if (geteuid() != 0)
		return;
	setresgid(54322, 54322, 54322);
	setresuid(54322, 54322, 54322);
	setrlimit(RLIMIT_NPROC, &limit);
	zombie = fork();
	if (zombie == 0)
		_exit(0);
	waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT);
	sleeper = fork();
	if (sleeper == 0)
		for (;;)
			pause();
	OBSERVE(fork());
	waitpid(zombie, NULL, 0);
	zombie = fork();
	if (zombie == 0)
		_exit(0);
	printf("after it was waited for: %d\n", zombie > 0);
	kill(sleeper, SIGKILL);
	while (wait(NULL) > 0)
		continue;
}

static void process_controls(void)
{
	int value = -1;
	char name[17] = {0}, *end = at_page_end(4);

	section("prctl");
	OBSERVE(prctl(PR_SET_NAME, "a-very-long-thread-name"));
	OBSERVE(prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	memcpy(end, "abc", 4);
	OBSERVE(prctl(PR_SET_NAME, end));
	OBSERVE(prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	memset(end, 'x', 4);
	OBSERVE(prctl(PR_SET_NAME, end));
	OBSERVE(prctl(PR_SET_PDEATHSIG, 9));
	OBSERVE(prctl(PR_GET_PDEATHSIG, &value));
	printf("%d\n", value);
	OBSERVE(prctl(PR_SET_PDEATHSIG, 65));
	OBSERVE(prctl(PR_GET_DUMPABLE));
	OBSERVE(prctl(PR_SET_DUMPABLE, 2));
	OBSERVE(prctl(PR_SET_DUMPABLE, 0));
	OBSERVE(prctl(PR_GET_DUMPABLE));
	OBSERVE(prctl(PR_SET_CHILD_SUBREAPER, 7));
	OBSERVE(prctl(PR_GET_CHILD_SUBREAPER, &value));
	printf("%d\n", value);
	OBSERVE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	OBSERVE(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	OBSERVE(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	OBSERVE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	OBSERVE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	OBSERVE(prctl(PR_GET_SECCOMP));
	OBSERVE(prctl(PR_GET_TIMERSLACK));
	OBSERVE(prctl(PR_SET_TIMERSLACK, 12345));
	OBSERVE(prctl(PR_GET_TIMERSLACK));
	OBSERVE(prctl(PR_SET_TIMERSLACK, 0));
	OBSERVE(prctl(PR_GET_TIMERSLACK));
	OBSERVE(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	OBSERVE(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	OBSERVE(prctl(PR_GET_TSC, &value));
	printf("%d\n", value);
	OBSERVE(prctl(12345, 0, 0, 0, 0));
	OBSERVE(prctl(PR_GET_FPEMU, 0, 0, 0, 0));
}

static void scheduling(void)
{
	struct sched_param param = {0};
	cpu_set_t set;
	unsigned long mask = 0;

	section("scheduling");
	OBSERVE(sched_getscheduler(0));
	OBSERVE(sched_getscheduler(-1));
	OBSERVE(sched_getscheduler(999999));
	OBSERVE(sched_getparam(0, &param));
	OBSERVE(sched_getparam(0, NULL));
	OBSERVE(sched_setscheduler(0, SCHED_BATCH, &param));
	OBSERVE(sched_getscheduler(0));
	OBSERVE(sched_setscheduler(0, SCHED_OTHER, &param));
	param.sched_priority = 5;
	OBSERVE(sched_setscheduler(0, SCHED_OTHER, &param));
	OBSERVE(sched_setparam(0, &param));
	param.sched_priority = 100;
	OBSERVE(sched_setscheduler(0, SCHED_FIFO, &param));
	param.sched_priority = 0;
	OBSERVE(sched_setscheduler(0, SCHED_FIFO, &param));
	OBSERVE(sched_setscheduler(0, 77, &param));
	OBSERVE(sched_setscheduler(0, SCHED_OTHER, NULL));
	OBSERVE(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &param));
	OBSERVE(sched_getscheduler(0));
	for (int policy = -1; policy < 9; policy++)
		printf("policy %d: %d %d\n", policy, sched_get_priority_min(policy), sched_get_priority_max(policy));
	OBSERVE_SUCCESS(syscall(SYS_sched_getaffinity, 0, sizeof(set), &set));
	printf("result is the kernel's size %d\n", syscall(SYS_sched_getaffinity, 0, sizeof(set), &set) % 8 == 0);
	OBSERVE(syscall(SYS_sched_getaffinity, 0, 7, &set));
	OBSERVE(syscall(SYS_sched_getaffinity, 0, 0, &set));
	OBSERVE(syscall(SYS_sched_setaffinity, 0, 8, &mask));
	mask = 1;
	OBSERVE(syscall(SYS_sched_setaffinity, 0, 8, &mask));
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	printf("processors %d, on the first %d\n", CPU_COUNT(&set), sched_getcpu() == 0);
	printf("configured %d\n", get_nprocs());
}

static void priorities(void)
{
	section("priorities");
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	OBSERVE(setpriority(PRIO_PROCESS, 0, 5));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 999999));
	OBSERVE(syscall(SYS_getpriority, 3, 0));
	OBSERVE(setpriority(PRIO_PROCESS, 0, 100));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	setresuid(1000, 1000, 1000);
	OBSERVE(setpriority(PRIO_PROCESS, 0, 5));
	OBSERVE(nice(-1));
}

static void personalities(void)
{
	section("personality");
	OBSERVE(personality(0xffffffff));
	OBSERVE(personality(ADDR_NO_RANDOMIZE));
	OBSERVE(personality(0xffffffff));
}

static void names(void)
{
	struct utsname name;

	section("names");
	uname(&name);
	printf("%s %s %s %s\n", name.sysname, name.nodename, name.release, name.machine);
	OBSERVE(uname((struct utsname *)8));
	setresuid(1000, 1000, 1000);
	OBSERVE(sethostname("x", 1));
	OBSERVE(setdomainname("x", 1));
}

static void times_and_usage(void)
{
	struct rusage usage;
	struct tms clocks;

	section("usage");
	OBSERVE(getrusage(7, &usage));
	OBSERVE(getrusage(RUSAGE_SELF, (struct rusage *)8));
	OBSERVE(getrusage(RUSAGE_SELF, &usage));
	OBSERVE(getrusage(RUSAGE_THREAD, &usage));
	OBSERVE_SUCCESS(times(&clocks));
	OBSERVE_SUCCESS(syscall(SYS_times, NULL));
	OBSERVE(syscall(SYS_times, 8));
}

static void segments(void)
{
	unsigned long base = 0;

	section("arch_prctl");
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	printf("fs is set %d\n", base != 0);
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345000ul));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	printf("gs %lx\n", base);
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_GS, 0xffff800000000000ul));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_GS, 8));
	OBSERVE(syscall(SYS_arch_prctl, 0x77, 0));
}

static void odds_and_ends(void)
{
	unsigned char random[300] = {0};
	void *head;
	size_t size;
	int zeros = 0;

	section("others");
	OBSERVE(syscall(SYS_getrandom, random, sizeof(random), 0));
	for (size_t i = 0; i < sizeof(random); i++)
		zeros += random[i] == 0;
	printf("mostly not zero %d\n", zeros < 50);
	OBSERVE(syscall(SYS_getrandom, random, 1, 8));
	OBSERVE(syscall(SYS_getrandom, random, 1, 6));
	OBSERVE(syscall(SYS_getrandom, 8, 1, 0));
	OBSERVE(syscall(SYS_getrandom, 8, 0, 0));
	OBSERVE(syscall(SYS_get_robust_list, 0, &head, &size));
	printf("%zu\n", size);
	OBSERVE(syscall(SYS_set_robust_list, head, 23));
	OBSERVE(syscall(SYS_get_robust_list, 999999, &head, &size));
	OBSERVE(unshare(0));
	OBSERVE(unshare(CLONE_FILES | CLONE_FS));
	OBSERVE(unshare(0x100000));
	OBSERVE(unshare(CLONE_THREAD));
	OBSERVE(setns(-1, 0));
	OBSERVE(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
	OBSERVE(syscall(SYS_kcmp, getpid(), 999999, 1, 0, 0));
	dup2(1, 60);
	OBSERVE(syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 60));
	OBSERVE(syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 61));
	OBSERVE(syscall(SYS_kcmp, getpid(), getppid(), 0, 60, 1));
	OBSERVE(syscall(SYS_kcmp, getpid(), getppid(), 0, 1, 60));
	printf("parent shares files %d\n", syscall(SYS_kcmp, getpid(), getppid(), 2, 0, 0) == 0);
	OBSERVE(syscall(SYS_kcmp, getpid(), getpid(), 99, 0, 0));
	printf("%d\n", syscall(SYS_set_tid_address, NULL) == gettid());
}

static void ask_about(pid_t pid)
{
	struct sched_param param = {.sched_priority = 77};
	unsigned long mask[128];
	struct timespec interval;

	OBSERVE(sched_getscheduler(pid));
	OBSERVE(sched_getparam(pid, &param));
	printf("priority %d\n", param.sched_priority);
	OBSERVE(sched_rr_get_interval(pid, &interval));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, pid));
	printf("affinity %d\n", syscall(SYS_sched_getaffinity, pid, sizeof(mask), mask) > 0);
}

/* Tasks that run nothing are asked too: a zombie, and who started the program. */
static void settings_of_others(void)
{
	const struct sched_param none = {0};
	siginfo_t info;
	pid_t child;

	section("settings of a zombie and of a parent");
	child = fork();
	if (child == 0) {
		sched_setscheduler(0, SCHED_BATCH, &none);
		nice(3);
		_exit(0);
	}
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	ask_about(child);
	waitpid(child, NULL, 0);
	OBSERVE(sched_getscheduler(child));
}

static void settings_of_the_first(void)
{
	section("pid 1 has settings, whatever they are");
	printf("%d %d\n", sched_getscheduler(1) >= 0, syscall(SYS_getpriority, PRIO_PROCESS, 1) > 0);
}

int main(void)
{
	in_child(settings_of_others);
	in_child(settings_of_the_first);
	in_child(limits);
	in_child(process_limit);
	in_child(counted_for_limit);
	in_child(process_controls);
	in_child(scheduling);
	in_child(priorities);
	in_child(personalities);
	in_child(names);
	in_child(times_and_usage);
	in_child(segments);
	in_child(odds_and_ends);
	return 0;
}
