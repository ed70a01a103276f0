/*
 * Tasks that run nothing any more, asked and told things: pid 1, a zombie, and a leader that ended before its other thread. As a
 * user without privileges, so that nothing of the machine's init changes.
 */
#include "observe.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

static void try_calls(const char *who, pid_t pid)
{
	struct sched_param parameter = {0};
	struct timespec interval;
	struct rlimit limit;
	struct iovec local = {&parameter, sizeof parameter}, remote = {(void *)0x1000, sizeof parameter};
	uint8_t attributes[64] = {48};
	uint32_t header[2] = {0x20080522, (uint32_t)pid}, data[6];
	cpu_set_t cpus;
	void *head;
	size_t length;

	printf("%s\n", who);
	CPU_ZERO(&cpus);
	OBSERVE(kill(pid, 0));
	OBSERVE(sched_setscheduler(pid, 99, &parameter));
	OBSERVE(sched_setscheduler(pid, SCHED_OTHER, &parameter));
	OBSERVE(sched_setparam(pid, &parameter));
	OBSERVE(sched_getparam(pid, &parameter));
	/* What the machine's init has is its own business. */
	if (pid > 1)
		OBSERVE(sched_getscheduler(pid));
	OBSERVE(sched_rr_get_interval(pid, &interval));
	OBSERVE(syscall(SYS_sched_setattr, pid, attributes, 0));
	OBSERVE(syscall(SYS_sched_getattr, pid, attributes, sizeof attributes, 0));
	OBSERVE(sched_getaffinity(pid, sizeof cpus, &cpus));
	OBSERVE(sched_setaffinity(pid, sizeof cpus, &cpus));
	CPU_ZERO(&cpus);
	OBSERVE(sched_setaffinity(pid, sizeof cpus, &cpus));
	OBSERVE(setpriority(PRIO_PROCESS, (id_t)pid, 5));
	OBSERVE(setpriority(PRIO_PROCESS, (id_t)pid, -20));
	if (pid > 1)
		OBSERVE(getpriority(PRIO_PROCESS, (id_t)pid));
	OBSERVE(syscall(SYS_ioprio_get, 1, pid) < 0);
	OBSERVE(syscall(SYS_ioprio_set, 1, pid, 0x4000));
	OBSERVE(syscall(SYS_get_robust_list, pid, &head, &length));
	OBSERVE(prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
	OBSERVE(prlimit(pid, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL));
	OBSERVE(process_vm_readv(pid, &local, 1, &remote, 1, 0));
	OBSERVE(process_vm_writev(pid, &local, 1, &remote, 1, 0));
	OBSERVE(syscall(SYS_kcmp, pid, getpid(), 0, 0, 0) < 0);
	OBSERVE(syscall(SYS_kcmp, pid, getpid(), 1, 0, 0) < 0);
	OBSERVE(syscall(SYS_kcmp, getpid(), pid, 2, 0, 0) < 0);
	OBSERVE(syscall(SYS_capget, header, data));
	OBSERVE(getpgid(pid) < 0);
	OBSERVE(getsid(pid) < 0);
	OBSERVE(syscall(SYS_tgkill, pid, pid, 0));
	OBSERVE(setpgid(pid, pid) && errno != EPERM && errno != ESRCH && errno != EACCES);
}

static void try_zombie(void)
{
	siginfo_t info;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(0);
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	try_calls("a zombie", pid);
	waitpid(pid, NULL, 0);
}

static void show_line(const char *path, const char *prefix)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, prefix, strlen(prefix)))
			fputs(line, stdout);
	if (file)
		fclose(file);
}

static pthread_t leader;

static void *outlive(void *unused)
{
	char path[64];

	pthread_join(leader, NULL);
	/* It is joined before it has ended altogether. */
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof path, "/proc/self/exe");
		if (access(path, F_OK))
			break;
		usleep(1000);
	}
	show_line("/proc/self/status", "State:");
	show_line("/proc/self/status", "Threads:");
	show_line("/proc/self/status", "Vm");
	printf("exe: %s\n", access("/proc/self/exe", F_OK) ? strerrorname_np(errno) : "there");
	printf("of the thread: %s\n", access("/proc/thread-self/exe", F_OK) ? strerrorname_np(errno) : "there");
	printf("tasks: %d\n", access("/proc/self/task", F_OK) ? -1 : (int)({ struct stat s; stat("/proc/self/task", &s); s.st_nlink; }));
	try_calls("a leader that has ended", getpid());
	fflush(stdout);
	exit(0);
}

static void end_leader(void)
{
	pthread_t thread;

	leader = pthread_self();
	pthread_create(&thread, NULL, outlive, NULL);
	pthread_exit(NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!geteuid() && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return 1;
	try_calls("pid 1", 1);
	try_zombie();
	end_leader();
	return 0;
}
