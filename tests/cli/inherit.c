/*
 * inherit ATTRIBUTE... -- PROGRAM [ARGUMENT...]: run it with what it inherits changed: NAME[:VALUE[:VALUE]].
 * inherit show: what this process has inherited, and what comes of using it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const limits[] = {"cpu",	"fsize", "data",  "stack",	"core",	    "rss",  "nproc",  "nofile",
				     "memlock", "as",	 "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

extern char **environ;

/* --- changing what is inherited */

static void check(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerror(errno));
}

static void set_limit(const char *name, const char *value, int hard)
{
	struct rlimit limit;

	for (unsigned i = 0; i < COUNT(limits); i++) {
		if (strcmp(limits[i], name) != 0)
			continue;
		getrlimit((__rlimit_resource_t)i, &limit);
		limit.rlim_cur = strtoul(value, NULL, 0);
		if (hard || limit.rlim_max < limit.rlim_cur)
			limit.rlim_max = limit.rlim_cur;
		check(name, setrlimit((__rlimit_resource_t)i, &limit));
	}
}

static void set_soft(const char *name, const char *value)
{
	set_limit(name, value, 0);
}

static void set_hard(const char *name, const char *value)
{
	set_limit(name, value, 1);
}

static void ignore(const char *value, const char *unused)
{
	signal(atoi(value), SIG_IGN);
}

static void block(const char *value, const char *unused)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, atoi(value));
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void make_pending(const char *value, const char *unused)
{
	block(value, NULL);
	sigqueue(getpid(), atoi(value), (union sigval){.sival_int = 4711});
}

static void set_umask(const char *value, const char *unused)
{
	umask((mode_t)strtol(value, NULL, 8));
}

static void set_nice(const char *value, const char *unused)
{
	check("nice", setpriority(PRIO_PROCESS, 0, atoi(value)));
}

static void set_policy(const char *value, const char *priority)
{
	struct sched_param parameter = {priority ? atoi(priority) : 0};

	check("policy", sched_setscheduler(0, (int)strtol(value, NULL, 0), &parameter));
}

static void set_cpu(const char *value, const char *unused)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)atoi(value), &cpus);
	check("cpu", sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void close_one(const char *value, const char *unused)
{
	close(atoi(value));
}

static void set_variable(const char *name, const char *value)
{
	setenv(name, value ? value : "", 1);
}

static void clear_environment(const char *unused, const char *unused_too)
{
	clearenv();
}

static void set_prctl(const char *option, const char *value)
{
	check("prctl", prctl(atoi(option), strtol(value, NULL, 0), 0, 0, 0));
}

static void set_timer(const char *which, const char *seconds)
{
	struct itimerval timer = {{atoi(seconds), 0}, {atoi(seconds), 0}};

	check("timer", setitimer((__itimer_which_t)atoi(which), &timer, NULL));
}

static void set_alarm(const char *milliseconds, const char *unused)
{
	const int ms = atoi(milliseconds);
	struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void set_personality(const char *value, const char *unused)
{
	check("personality", personality(strtoul(value, NULL, 0)));
}

static void set_ioprio(const char *value, const char *unused)
{
	check("ioprio", syscall(SYS_ioprio_set, 1, 0, strtol(value, NULL, 0)));
}

static void set_oom(const char *value, const char *unused)
{
	int file = open("/proc/self/oom_score_adj", O_WRONLY);

	check("oom_score_adj", write(file, value, strlen(value)));
	close(file);
}

static void make_ambient(const char *value, const char *unused)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].inheritable |= 1u << atoi(value);
	check("inheritable", syscall(SYS_capset, &header, data));
	check("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, strtol(value, NULL, 0), 0, 0));
}

static void start_group(const char *unused, const char *unused_too)
{
	setpgid(0, 0);
}

static const struct {
	const char *name;
	void (*set)(const char *value, const char *second);
} attributes[] = {
	{"soft", set_soft},	  {"hard", set_hard},		   {"ignore", ignore},	   {"block", block},
	{"pending", make_pending}, {"umask", set_umask},	   {"nice", set_nice},	   {"policy", set_policy},
	{"cpu", set_cpu},	  {"closed", close_one},	   {"variable", set_variable}, {"no-environment", clear_environment},
	{"prctl", set_prctl},	  {"timer", set_timer},		   {"alarm", set_alarm},   {"personality", set_personality},
	{"ioprio", set_ioprio},	  {"oom_score_adj", set_oom},	   {"ambient", make_ambient}, {"group", start_group},
};

static void set(char *text)
{
	char *name = strtok(text, ":"), *value = strtok(NULL, ":"), *second = strtok(NULL, ":");

	for (size_t i = 0; i < COUNT(attributes); i++)
		if (strcmp(attributes[i].name, name) == 0) {
			attributes[i].set(value, second);
			return;
		}
	printf("unknown: %s\n", name);
}

/* --- showing it */

static void show_signals(void)
{
	siginfo_t info;
	sigset_t pending;

	printf("ignored");
	for (int i = 1; i < 65; i++) {
		struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action = {0};

		syscall(SYS_rt_sigaction, i, NULL, &action, sizeof(uint64_t));
		if (action.handler == (void *)SIG_IGN)
			printf(" %d", i);
	}
	printf("\npending");
	sigpending(&pending);
	for (int i = 1; i < 65; i++) {
		if (sigismember(&pending, i) <= 0)
			continue;
		sigwaitinfo(&pending, &info);
		printf(" %d (%d, %d, %s)", i, info.si_code, info.si_value.sival_int, info.si_pid == getpid() ? "own" : "other");
	}
	printf("\n");
}

static void show_status(void)
{
	static const char *const fields[] = {"Umask",  "Groups", "SigBlk", "SigIgn", "SigCgt",	   "CapInh",		"CapPrm",	"CapEff", "CapBnd",
					     "CapAmb", "NoNewPrivs", "Seccomp", "THP_enabled", "Cpus_allowed:", "Mems_allowed:", "Threads"};
	char line[4096];
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < COUNT(fields); i++)
			if (strncmp(line, fields[i], strlen(fields[i])) == 0)
				fputs(line, stdout);
	if (file)
		fclose(file);
}

static void show_file(const char *path)
{
	char text[4000];
	int file = open(path, O_RDONLY);
	ssize_t got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);

	text[got < 0 ? 0 : got] = 0;
	printf("%s: %s\n", path, got < 0 ? strerror(errno) : text);
	close(file);
}

static void show_scheduling(void)
{
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t times[3]; } attr = {0};
	struct sched_param parameter;
	cpu_set_t cpus;

	syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0);
	sched_getparam(0, &parameter);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("nice %d, policy %d, priority %d; attributes: policy %u, flags %lx, nice %d, priority %u\n", getpriority(PRIO_PROCESS, 0),
	       sched_getscheduler(0), parameter.sched_priority, attr.policy, (long)attr.flags, attr.nice, attr.priority);
	printf("ioprio %ld, %d CPUs, slack %d\n", syscall(SYS_ioprio_get, 1, 0), CPU_COUNT(&cpus), prctl(PR_GET_TIMERSLACK));
}

static void show_settings(void)
{
	int death = 0, reaper = 0, tsc = 0;
	struct utsname names;

	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	prctl(PR_GET_TSC, &tsc);
	uname(&names);
	printf("no_new_privs %d, dumpable %d, securebits %x, keepcaps %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE),
	       (unsigned)prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
	printf("death signal %d, subreaper %d, TSC %d, THP %d, MCE %d\n", death, reaper, tsc, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
	       prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	printf("personality %x, release %s\n", (unsigned)personality(0xffffffff), names.release);
	printf("leads its group %d, its session %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	show_file("/proc/self/oom_score_adj");
	show_file("/proc/self/coredump_filter");
	show_file("/proc/self/limits");
}

static void show_timers(void)
{
	struct itimerval timer;

	for (int i = 0; i < 3; i++) {
		getitimer((__itimer_which_t)i, &timer);
		printf("timer %d: %s, every %ld s\n", i, timer.it_value.tv_sec || timer.it_value.tv_usec ? "runs" : "stands",
		       timer.it_interval.tv_sec);
	}
}

static void show_descriptors(void)
{
	for (int i = 0; i < 6; i++)
		printf("descriptor %d: %x, %x\n", i, (unsigned)fcntl(i, F_GETFD), (unsigned)fcntl(i, F_GETFL));
	for (char **variable = environ; variable && *variable; variable++)
		if (strncmp(*variable, "_=", 2) != 0)
			printf("variable %s\n", *variable);
}

/* --- using it */

static void report(const char *what, int failed)
{
	printf("%s: %s\n", what, failed ? strerror(errno) : "done");
}

static int touch(int flags, int file)
{
	char *memory = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, flags, file, 0);

	if (memory != MAP_FAILED)
		memory[3 << 20] = 1;
	return memory == MAP_FAILED;
}

static void use_memory(void)
{
	int zero = open("/dev/zero", O_RDWR);
	void *memory;

	report("shared memory", touch(MAP_SHARED | MAP_ANONYMOUS, -1));
	report("private memory", touch(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	report("shared zeros", touch(MAP_SHARED, zero));
	report("private zeros", touch(MAP_PRIVATE, zero));
	close(zero);
	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	report("mlock", memory == MAP_FAILED || mlock(memory, 65536));
	munlock(memory, 65536);
}

static void use_files(void)
{
	char path[] = "/tmp/inherit.XXXXXX", block[5000] = {0};
	int file = mkostemp(path, 0);
	long written = 0, got = 0;

	signal(SIGXFSZ, SIG_IGN);
	report("file", file < 0);
	unlink(path);
	while (written < 100000 && (got = write(file, block, sizeof(block))) > 0)
		written += got;
	printf("%ld bytes\n", written);
	report("writing", got < 0);
	report("ftruncate", ftruncate(file, 1 << 20));
	close(file);
	file = memfd_create("x", 0);
	report("memory file", file < 0 || ftruncate(file, 1 << 20));
	close(file);
}

static void *run_thread(void *argument)
{
	return argument;
}

static void use_tasks(void)
{
	pthread_t thread;
	int status = 0;
	pid_t child;

	errno = pthread_create(&thread, NULL, run_thread, NULL);
	report("thread", errno);
	if (!errno)
		pthread_join(thread, NULL);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
		_exit(1);
	}
	report("fork", child < 0);
	if (child > 0) {
		report("wait", waitpid(child, &status, 0) < 0);
		printf("status %x\n", (unsigned)status);
	}
}

static volatile sig_atomic_t rang;

static void note(int signo)
{
	rang = signo;
}

/* What rings after a while: within a program's life, or at its end. */
static void wait_for_alarm(void)
{
	struct itimerval timer;

	getitimer(ITIMER_REAL, &timer);
	if (timer.it_interval.tv_sec || (!timer.it_value.tv_sec && !timer.it_value.tv_usec))
		return;
	signal(SIGALRM, note);
	for (int i = 0; i < 500 && !rang; i++)
		usleep(10000);
	printf("signal %d\n", (int)rang);
}

static int show(void)
{
	setvbuf(stdout, NULL, _IOFBF, 65536);
	wait_for_alarm();
	show_signals();
	show_status();
	show_scheduling();
	show_settings();
	show_timers();
	show_descriptors();
	use_memory();
	use_files();
	use_tasks();
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	int i = 1;

	if (argc == 2 && strcmp(argv[1], "show") == 0)
		return show();
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		set(argv[i]);
	if (i + 1 >= argc)
		return 99;
	fflush(stdout);
	execve(argv[i + 1], argv + i + 1, environ);
	perror(argv[i + 1]);
	return 99;
}
