/*
 * What a process tells the kernel about itself, with arguments at the edge: segments, thread pointers, names, programs and
 * scripts, alternate stacks, locked memory.
 */
#include "observe.h"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH 78
#endif

static volatile int signals;

static void count(int signo)
{
	(void)signo;
	signals++;
}

/* Whatever a segment register holds, signals, mappings and new processes go on as before. */
static void go_on(const char *what)
{
	int status = -1;
	pid_t child;
	void *page;

	signals = 0;
	signal(SIGUSR1, count);
	raise(SIGUSR1);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (child == 0)
		_exit(7);
	waitpid(child, &status, 0);
	printf("%s: %d %d %x\n", what, signals, page != MAP_FAILED, status);
}

#define LOAD(segment, value) __asm__ volatile("mov %0, %%" #segment : : "r"((unsigned short)(value)))

static void segments(void)
{
	section("segments");
	LOAD(ds, 0x28);
	go_on("ds");
	LOAD(es, 0x28);
	go_on("ds, es");
	LOAD(ds, 1);
	LOAD(es, 2);
	go_on("null");
	LOAD(gs, 0x28);
	go_on("gs");
	LOAD(ds, 0x2b);
	LOAD(es, 0x2b);
	go_on("as usual");
}

static long clone_with(unsigned long flags, unsigned long tls)
{
	long child = syscall(SYS_clone, flags | SIGCHLD, 0, NULL, NULL, tls);

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid((pid_t)child, NULL, 0);
	return child > 0 ? 0 : child;
}

static void threads(void)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD, .set_tid = 8, .set_tid_size = 32};
	int tids[2] = {-1, 1};

	section("clone");
	OBSERVE(clone_with(CLONE_SETTLS, 0x800000000000));
	OBSERVE(clone_with(CLONE_SETTLS, -1ul));
	OBSERVE(clone_with(CLONE_SETTLS, 0x7ffffffff000));
	OBSERVE(clone_with(CLONE_SETTLS | CLONE_THREAD, 0x7ffffffff000));
	arguments.tls = 0x8000000000000000;
	arguments.set_tid = arguments.set_tid_size = 0;
	arguments.flags = CLONE_SETTLS;
	CALL(clone3, &arguments, sizeof(arguments));
	arguments = (struct clone_args){.exit_signal = SIGCHLD, .set_tid = 8, .set_tid_size = 33};
	CALL(clone3, &arguments, sizeof(arguments));
	arguments.set_tid_size = 32;
	CALL(clone3, &arguments, sizeof(arguments));
	arguments.set_tid = (uintptr_t)tids;
	arguments.set_tid_size = 1;
	CALL(clone3, &arguments, sizeof(arguments));
	arguments.set_tid_size = 2;
	CALL(clone3, &arguments, sizeof(arguments));
	arguments.exit_signal = 99;
	CALL(clone3, &arguments, sizeof(arguments));
}

static void names(void)
{
	char name[16] = "";

	section("names");
	OBSERVE(prctl(PR_SET_NAME, memcpy(at_page_end(15), "fifteen letters", 15)));
	prctl(PR_GET_NAME, name);
	printf("%s\n", name);
	OBSERVE(prctl(PR_SET_NAME, memcpy(at_page_end(14), "fourteen chars", 14)));
	OBSERVE(prctl(PR_SET_NAME, string_at_page_end("short")));
	prctl(PR_GET_NAME, name);
	printf("%s\n", name);
}

static void options(void)
{
	unsigned map_size = 0;

	section("options");
	for (long policy = 0; policy < 4; policy++) {
		OBSERVE(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, policy, 0, 0));
		OBSERVE(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	}
	OBSERVE(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
	OBSERVE(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0));
	OBSERVE(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
	OBSERVE(prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0));
	OBSERVE(prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 1, 0, 0));
	OBSERVE(prctl(PR_SET_SYSCALL_USER_DISPATCH, 9, 0, 0, 0));
	OBSERVE(prctl(PR_SET_MM, 1, 4096, 0, 1));
	OBSERVE(prctl(PR_SET_MM, 1, 4096, 1, 0));
	OBSERVE(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &map_size, 0, 0));
	printf("a map of %u\n", map_size);
	OBSERVE(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, 1, 0, 0));
	OBSERVE(prctl(PR_SET_MM, PR_SET_MM_MAP, &map_size, 4, 0));
	OBSERVE_SUCCESS(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));
	OBSERVE(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 1, 0, 0));
	OBSERVE(prctl(PR_SET_SPECULATION_CTRL, 99, 0, 1, 0));
	OBSERVE_SUCCESS(prctl(PR_FUTEX_HASH, 2, 0, 0));
	OBSERVE(prctl(PR_FUTEX_HASH, 99, 0, 0));
}

static void programs(void)
{
	char *const bad[] = {(char *)8, NULL}, *const none[] = {NULL}, *const script[] = {"script", NULL};
	int fd;

	section("programs");
	CALL(execve, "missing", bad, NULL);
	CALL(execve, "missing", 8, NULL);
	CALL(execve, "/", bad, NULL);
	CALL(execve, "/etc/passwd/x", none, 8);
	CALL(execve, "", 8, NULL);
	CALL(execve, 8, 8, NULL);
	CALL(execve, "/bin/sh", bad, NULL);
	CALL(execve, "/bin/sh", 8, NULL);
	CALL(execveat, -1, "missing", 8, NULL, 0);
	CALL(execveat, -1, "missing", 8, NULL, 1);
	fd = (int)syscall(SYS_memfd_create, "script", 1);
	dprintf(fd, "#!/bin/sh\necho ran\n");
	CALL(execveat, fd, "", script, none, AT_EMPTY_PATH);
	close(fd);
}

static void script_that_stays_open(void)
{
	char *const script[] = {"script", NULL}, *const none[] = {NULL};
	int fd = (int)syscall(SYS_memfd_create, "script", 0);

	dprintf(fd, "#!/bin/sh\necho ran\n");
	CALL(execveat, fd, "", script, none, AT_EMPTY_PATH);
}

static char other_stack[1 << 17];

static void arm_plainly(int signo)
{
	stack_t plain = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};

	(void)signo;
	OBSERVE(sigaltstack(&plain, NULL));
}

static void stacks(void)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack), .ss_flags = (int)(1u << 31)}, now;
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_ONSTACK};

	section("a stack that is disarmed while it is used");
	for (int plainly = 0; plainly < 2; plainly++) {
		sigaltstack(&stack, NULL);
		action.sa_handler = plainly ? arm_plainly : count;
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
		sigaltstack(NULL, &now);
		printf("after the handler: %x\n", now.ss_flags);
	}
}

static void locked(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	void *memory = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *more;

	section("locked memory above the limit");
	setrlimit(RLIMIT_MEMLOCK, &limit);
	OBSERVE(mlock(memory, 2 << 20));
	OBSERVE(munlock(memory, 2 << 20));
	OBSERVE(mlock2(memory, 2 << 20, 1));
	OBSERVE_SUCCESS((long)mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
	munlockall();
	mlock(memory, 4096);
	OBSERVE_SUCCESS((long)mremap(memory, 4096, 4 << 20, MREMAP_MAYMOVE));
	munlockall();
	OBSERVE(mlockall(MCL_FUTURE));
	more = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("%d\n", more != MAP_FAILED);
	OBSERVE_SUCCESS((long)sbrk(4 << 20));
	/* Without the privilege the limit binds root too. */
	become_nobody();
	OBSERVE(mlock(other_stack, sizeof(other_stack)));
	OBSERVE_SUCCESS((long)mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
}

int main(void)
{
	in_child(segments);
	in_child(threads);
	in_child(names);
	in_child(options);
	in_child(programs);
	in_child(script_that_stays_open);
	in_child(stacks);
	in_child(locked);
	return 0;
}
