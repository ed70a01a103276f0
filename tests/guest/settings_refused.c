/*
 * Limits, priorities, scheduling, prctl, arch_prctl, names, numbers: every call once as it works and in every way that it
 * refuses; for root also as nobody, who may not change root's processes.
 */
#include "observe.h"

#include <asm/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define NO_PROCESS 999999
#define BAD ((void *)8)

/* struct sched_attr, as it is since clamps were added. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t clamp_minimum, clamp_maximum;
};

static pid_t parent;

static void limits(void)
{
	struct rlimit limit = {0, 0}, reversed = {5, 4};

	section("limits");
	OBSERVE(syscall(SYS_getrlimit, RLIMIT_CORE, &limit));
	OBSERVE(syscall(SYS_setrlimit, RLIMIT_CORE, &limit));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, &limit));
	OBSERVE(syscall(SYS_getrlimit, RLIMIT_CORE, BAD));
	OBSERVE(syscall(SYS_setrlimit, RLIMIT_CORE, BAD));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, BAD, NULL));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, BAD));
	OBSERVE(syscall(SYS_getrlimit, RLIM_NLIMITS, &limit));
	OBSERVE(syscall(SYS_setrlimit, RLIM_NLIMITS, &limit));
	OBSERVE(syscall(SYS_prlimit64, 0, -1, NULL, &limit));
	OBSERVE(syscall(SYS_setrlimit, RLIMIT_CORE, &reversed));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &reversed, NULL));
	OBSERVE(syscall(SYS_prlimit64, NO_PROCESS, RLIMIT_CORE, NULL, &limit));
	OBSERVE(syscall(SYS_prlimit64, -1, RLIMIT_CORE, NULL, &limit));
	limit = (struct rlimit){0, 3};
	OBSERVE(syscall(SYS_setrlimit, RLIMIT_CORE, &limit));
	become_nobody();
	limit.rlim_max = 4;
	OBSERVE(syscall(SYS_setrlimit, RLIMIT_CORE, &limit));
	OBSERVE(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL));
	OBSERVE(syscall(SYS_prlimit64, parent, RLIMIT_CORE, NULL, &limit));
}

static void priorities(void)
{
	section("priorities");
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, 0, 3));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	OBSERVE(syscall(SYS_getpriority, 3, 0));
	OBSERVE(syscall(SYS_getpriority, -1, 0));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, NO_PROCESS));
	OBSERVE(syscall(SYS_getpriority, PRIO_PGRP, NO_PROCESS));
	OBSERVE(syscall(SYS_getpriority, PRIO_USER, NO_PROCESS));
	OBSERVE(syscall(SYS_setpriority, 3, 0, 0));
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, NO_PROCESS, 0));
	become_nobody();
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, 0, -1));
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, parent, 5));
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, 0, 7));
	OBSERVE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
}

static void scheduling(void)
{
	struct sched_param param = {0};
	struct timespec slice;

	section("scheduling");
	OBSERVE(syscall(SYS_sched_yield));
	OBSERVE(syscall(SYS_sched_getparam, 0, &param));
	OBSERVE(syscall(SYS_sched_getparam, 0, BAD));
	OBSERVE(syscall(SYS_sched_getparam, 0, NULL));
	OBSERVE(syscall(SYS_sched_getparam, -1, &param));
	OBSERVE(syscall(SYS_sched_getparam, NO_PROCESS, &param));
	OBSERVE(syscall(SYS_sched_getscheduler, 0));
	OBSERVE(syscall(SYS_sched_getscheduler, -1));
	OBSERVE(syscall(SYS_sched_getscheduler, NO_PROCESS));
	OBSERVE(syscall(SYS_sched_get_priority_max, SCHED_FIFO));
	OBSERVE(syscall(SYS_sched_get_priority_max, 77));
	OBSERVE(syscall(SYS_sched_get_priority_min, SCHED_RR));
	OBSERVE(syscall(SYS_sched_get_priority_min, -1));
	OBSERVE(syscall(SYS_sched_rr_get_interval, 0, &slice));
	OBSERVE(syscall(SYS_sched_rr_get_interval, 0, BAD));
	OBSERVE(syscall(SYS_sched_rr_get_interval, -1, &slice));
	OBSERVE(syscall(SYS_sched_rr_get_interval, NO_PROCESS, &slice));
	become_nobody();
	OBSERVE(syscall(SYS_sched_setparam, parent, &param));
	OBSERVE(syscall(SYS_sched_setscheduler, parent, SCHED_BATCH, &param));
	OBSERVE(syscall(SYS_sched_getparam, parent, &param));
	OBSERVE(syscall(SYS_sched_getscheduler, parent));
}

static void attributes(void)
{
	/* Room for a longer structure than any kernel knows. */
	union {
		struct attributes attr;
		char bytes[4096];
	} room;
	struct attributes *attr = &room.attr;

	section("sched_getattr");
	memset(&room, 0x55, sizeof(room));
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, sizeof(*attr), 0));
	printf("policy %u nice %d priority %u\n", attr->policy, attr->nice, attr->priority);
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, 48, 0));
	printf("size %u\n", attr->size);
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, 47, 0));
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, 4096, 0));
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, 4097, 0));
	OBSERVE(syscall(SYS_sched_getattr, 0, attr, 48, 1));
	OBSERVE(syscall(SYS_sched_getattr, 0, NULL, 48, 0));
	OBSERVE(syscall(SYS_sched_getattr, 0, BAD, 48, 0));
	OBSERVE(syscall(SYS_sched_getattr, -1, attr, 48, 0));
	OBSERVE(syscall(SYS_sched_getattr, NO_PROCESS, attr, 48, 0));
}

static void affinity(void)
{
	unsigned long set[16] = {1};

	section("affinity");
	OBSERVE_SUCCESS(syscall(SYS_sched_getaffinity, 0, sizeof(set), set));
	OBSERVE(syscall(SYS_sched_setaffinity, 0, sizeof(set), set));
	OBSERVE(syscall(SYS_sched_setaffinity, 0, sizeof(set), BAD));
	OBSERVE(syscall(SYS_sched_getaffinity, 0, sizeof(set), BAD));
	OBSERVE(syscall(SYS_sched_setaffinity, NO_PROCESS, sizeof(set), set));
	OBSERVE(syscall(SYS_sched_getaffinity, NO_PROCESS, sizeof(set), set));
	OBSERVE(syscall(SYS_sched_getaffinity, 0, 7, set));
	OBSERVE(syscall(SYS_sched_getaffinity, 0, 12, set));
	OBSERVE(syscall(SYS_sched_setaffinity, 0, 0, set));
	set[0] = 0;
	OBSERVE(syscall(SYS_sched_setaffinity, 0, sizeof(set), set));
	set[0] = 1;
	become_nobody();
	OBSERVE(syscall(SYS_sched_setaffinity, parent, sizeof(set), set));
	OBSERVE_SUCCESS(syscall(SYS_sched_getaffinity, parent, sizeof(set), set));
}

static void controls(void)
{
	char text[512];
	int *word = NULL, value = -1;

	section("prctl");
	OBSERVE(prctl(PR_SET_PDEATHSIG, 0));
	OBSERVE(prctl(PR_GET_PDEATHSIG, &value));
	OBSERVE(prctl(PR_GET_PDEATHSIG, BAD));
	OBSERVE(prctl(PR_SET_PDEATHSIG, -1));
	OBSERVE(prctl(PR_SET_NAME, BAD));
	OBSERVE(prctl(PR_GET_NAME, BAD));
	OBSERVE(prctl(PR_GET_TIMING));
	OBSERVE(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL));
	OBSERVE(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP));
	OBSERVE(prctl(PR_GET_TSC, &value));
	OBSERVE(prctl(PR_GET_TSC, BAD));
	OBSERVE(prctl(PR_TASK_PERF_EVENTS_DISABLE));
	OBSERVE(prctl(PR_TASK_PERF_EVENTS_ENABLE));
	OBSERVE(prctl(PR_SET_CHILD_SUBREAPER, 1));
	OBSERVE(prctl(PR_GET_CHILD_SUBREAPER, BAD));
	OBSERVE(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	OBSERVE(prctl(PR_GET_TID_ADDRESS, &word));
	OBSERVE(prctl(PR_GET_TID_ADDRESS, BAD));
	OBSERVE(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	OBSERVE(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	OBSERVE(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	OBSERVE(prctl(PR_SET_THP_DISABLE, 1, 0, 1, 0));
	OBSERVE(prctl(PR_GET_DUMPABLE));
	OBSERVE(prctl(PR_SET_DUMPABLE, 3));
	OBSERVE(prctl(PR_CAPBSET_READ, -1));
	OBSERVE(prctl(PR_CAPBSET_DROP, 64));
	OBSERVE(prctl(PR_SET_KEEPCAPS, 2));
	OBSERVE(prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS)));
	OBSERVE(prctl(PR_SET_SECUREBITS, 0x10000));
	OBSERVE_SUCCESS(prctl(PR_GET_AUXV, text, sizeof(text), 0, 0));
	OBSERVE(prctl(PR_GET_AUXV, BAD, 16, 0, 0));
	OBSERVE(prctl(PR_GET_AUXV, text, sizeof(text), 1, 0));
	OBSERVE(prctl(-1, 0, 0, 0, 0));
	become_nobody();
	OBSERVE(prctl(PR_CAPBSET_DROP, 1));
	OBSERVE(prctl(PR_SET_SECUREBITS, 1));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0));
}

/* What a kernel without names for memory refuses as well as one that has them. */
static void names_of_memory(void)
{
	char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char longest[100];

	section("PR_SET_VMA");
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	OBSERVE(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, area + 1, 4096, "name"));
	OBSERVE(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, area, 4096, "br[ack]et"));
	OBSERVE(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, area, 4096, longest));
	OBSERVE(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, area, -4096l, "name"));
	OBSERVE(prctl(PR_SET_VMA, 1, area, 4096, "name"));
}

static void segments(void)
{
	unsigned long base;

	section("arch_prctl");
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_FS, base));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_FS, -1l));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_SET_GS, 1ul << 63));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_GS, BAD));
	OBSERVE(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));
	OBSERVE(syscall(SYS_arch_prctl, 0, 0));
}

static void names(void)
{
	struct utsname name;

	section("names");
	OBSERVE(syscall(SYS_uname, &name));
	OBSERVE(syscall(SYS_uname, BAD));
	OBSERVE(syscall(SYS_sethostname, name.nodename, strlen(name.nodename)));
	OBSERVE(syscall(SYS_sethostname, BAD, 3));
	OBSERVE(syscall(SYS_sethostname, name.nodename, 65));
	OBSERVE(syscall(SYS_sethostname, name.nodename, -1));
	OBSERVE(syscall(SYS_setdomainname, name.domainname, strlen(name.domainname)));
	OBSERVE(syscall(SYS_setdomainname, BAD, 3));
	OBSERVE(syscall(SYS_setdomainname, name.domainname, 65));
	OBSERVE(syscall(SYS_setdomainname, name.domainname, -1));
	become_nobody();
	OBSERVE(syscall(SYS_sethostname, name.nodename, 1));
	OBSERVE(syscall(SYS_setdomainname, BAD, -1));
}

static void numbers(void)
{
	struct rusage usage;
	unsigned cpu, node;
	char byte;

	section("numbers");
	OBSERVE(syscall(SYS_getcpu, &cpu, &node, NULL));
	OBSERVE(syscall(SYS_getcpu, NULL, NULL, NULL));
	OBSERVE(syscall(SYS_getcpu, BAD, NULL, NULL));
	OBSERVE(syscall(SYS_getcpu, NULL, BAD, NULL));
	OBSERVE(syscall(SYS_getrandom, &byte, 1, 0));
	OBSERVE(syscall(SYS_getrandom, &byte, 1, 1));
	OBSERVE(syscall(SYS_getrandom, BAD, 1, 0));
	OBSERVE(syscall(SYS_getrandom, &byte, 1, 0x100));
	OBSERVE(syscall(SYS_personality, 0xffffffff));
	OBSERVE(syscall(SYS_personality, PER_LINUX));
	OBSERVE(syscall(SYS_getrusage, RUSAGE_SELF, &usage));
	OBSERVE(syscall(SYS_getrusage, RUSAGE_CHILDREN, BAD));
	OBSERVE(syscall(SYS_getrusage, -2, &usage));
	OBSERVE_SUCCESS(syscall(SYS_times, NULL));
	OBSERVE(syscall(SYS_times, BAD));
	OBSERVE(syscall(SYS_membarrier, 0, 1, 0));
	OBSERVE(syscall(SYS_membarrier, 1 << 29, 0, 0));
	OBSERVE(syscall(SYS_membarrier, 8, 0, 0));
}

static void robust_lists(void)
{
	static struct { void *next; long offset; void *pending; } head = {&head, 0, NULL};
	void *list;
	size_t size;

	section("robust lists");
	OBSERVE(syscall(SYS_set_robust_list, &head, sizeof(head)));
	OBSERVE(syscall(SYS_get_robust_list, 0, &list, &size));
	printf("the list %d, size %zu\n", list == &head, size);
	OBSERVE(syscall(SYS_set_robust_list, &head, 1));
	OBSERVE(syscall(SYS_get_robust_list, 0, BAD, &size));
	OBSERVE(syscall(SYS_get_robust_list, 0, &list, BAD));
	OBSERVE(syscall(SYS_get_robust_list, NO_PROCESS, &list, &size));
	become_nobody();
	OBSERVE(syscall(SYS_get_robust_list, parent, &list, &size));
}

int main(void)
{
	parent = getpid();
	in_child(limits);
	in_child(priorities);
	in_child(scheduling);
	in_child(attributes);
	in_child(affinity);
	in_child(controls);
	in_child(names_of_memory);
	in_child(segments);
	in_child(names);
	in_child(numbers);
	in_child(robust_lists);
	return 0;
}
