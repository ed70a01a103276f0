/* wait4, waitid: which children, which events, what is reported; zombies, orphans, ignored children. */
#include "observe.h"

#include <sys/prctl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static pid_t child_that_exits(int code)
{
	pid_t child = fork();

	if (child == 0)
		_exit(code);
	return child;
}

static pid_t child_that_waits(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	return child;
}

static void show_info(const char *what, int result, const siginfo_t *info, pid_t child)
{
	if (result < 0)
		printf("%s = %s\n", what, strerrorname_np(errno));
	else
		printf("%s: signo %d code %d child %d uid %d status %d\n", what, info->si_signo, info->si_code,
		       info->si_pid == child, info->si_uid == getuid(), info->si_status);
}

static void bad_arguments(void)
{
	siginfo_t info;
	int status;

	section("no children, bad arguments");
	OBSERVE(wait4(-1, &status, 0, NULL));
	OBSERVE(wait4(-1, &status, WNOHANG, NULL));
	OBSERVE(wait4(-1, &status, 0x10, NULL));
	OBSERVE(wait4(-2147483647 - 1, &status, 0, NULL));
	OBSERVE(waitid(P_ALL, 0, &info, 0));
	OBSERVE(waitid(P_ALL, 0, &info, WEXITED | 0x100));
	OBSERVE(waitid(P_PID, 0, &info, WEXITED));
	OBSERVE(waitid(P_PGID, -1, &info, WEXITED));
	OBSERVE(waitid(9, 0, &info, WEXITED));
	OBSERVE(waitid(P_PIDFD, 77, &info, WEXITED));
	OBSERVE(waitid(P_ALL, 0, &info, WEXITED));
}

static void exits(void)
{
	siginfo_t info;
	struct rusage usage;
	pid_t child;
	int status = 0;

	section("exits");
	child = child_that_exits(300);
	memset(&info, 0x55, sizeof(info));
	show_info("WNOWAIT", waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), &info, child);
	show_info("again", waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), &info, child);
	printf("by wait4: %d", wait4(child, &status, 0, &usage) == child);
	printf(" status 0x%x\n", status);
	show_info("gone", waitid(P_PID, (id_t)child, &info, WEXITED), &info, child);
	child = child_that_waits();
	printf("running, WNOHANG: %d\n", waitpid(child, &status, WNOHANG));
	memset(&info, 0x55, sizeof(info));
	show_info("running, waitid WNOHANG", waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), &info, 0);
	kill(child, SIGTERM);
	show_info("killed", waitid(P_PID, (id_t)child, &info, WEXITED), &info, child);
}

static void stops_and_continues(void)
{
	siginfo_t info;
	pid_t child;
	int status;

	section("stops");
	child = child_that_waits();
	kill(child, SIGSTOP);
	printf("WUNTRACED %d", waitpid(child, &status, WUNTRACED) == child);
	printf(" stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	printf("reported once: %d\n", waitpid(child, &status, WUNTRACED | WNOHANG));
	kill(child, SIGCONT);
	show_info("WCONTINUED kept", waitid(P_PID, (id_t)child, &info, WCONTINUED | WNOWAIT), &info, child);
	printf("WCONTINUED %d", waitpid(child, &status, WCONTINUED) == child);
	printf(" continued %d\n", WIFCONTINUED(status));
	printf("reported once: %d\n", waitpid(child, &status, WCONTINUED | WNOHANG));
	kill(child, SIGSTOP);
	show_info("waitid", waitid(P_PID, (id_t)child, &info, WSTOPPED), &info, child);
	kill(child, SIGKILL);
	printf("stopped and killed %d", waitpid(child, &status, 0) == child);
	printf(" signal %d\n", WTERMSIG(status));
}

static void groups(void)
{
	pid_t first, second;
	int status;

	section("groups");
	first = child_that_exits(1);
	second = fork();
	if (second == 0) {
		setpgid(0, 0);
		_exit(2);
	}
	setpgid(second, second);
	printf("by group: %d", waitpid(-second, &status, 0) == second);
	printf(" status %d\n", WEXITSTATUS(status));
	printf("own group: %d", waitpid(0, &status, 0) == first);
	printf(" status %d\n", WEXITSTATUS(status));
	OBSERVE(waitpid(0, &status, 0));
	OBSERVE(waitpid(-second, &status, 0));
}

static void ignored_children(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	int status;

	section("ignored children");
	signal(SIGCHLD, SIG_IGN);
	child_that_exits(1);
	OBSERVE(wait4(-1, &status, 0, NULL));
	sigaction(SIGCHLD, &action, NULL);
	child_that_exits(2);
	OBSERVE(wait4(-1, &status, 0, NULL));
	signal(SIGCHLD, SIG_DFL);
}

static void orphans(void)
{
	int channel[2], status;
	pid_t child, adopter;

	section("orphans");
	if (pipe(channel) < 0)
		exit(99);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		if (fork() == 0) {
			char byte;

			/* Ends when the parent is gone and its place taken. */
			close(channel[1]);
			while (read(channel[0], &byte, 1) > 0)
				continue;
			_exit(21);
		}
		_exit(20);
	}
	printf("child: %d", waitpid(child, &status, 0) == child);
	printf(" %d\n", WEXITSTATUS(status));
	close(channel[1]);
	close(channel[0]);
	adopter = waitpid(-1, &status, 0);
	printf("grandchild: %d %d\n", adopter > 0 && adopter != child, WEXITSTATUS(status));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	OBSERVE(wait4(-1, &status, 0, NULL));
}

static void death_signal(void)
{
	int channel[2];
	char byte = 'x';
	pid_t child;

	section("parent's death");
	if (pipe(channel) < 0)
		exit(99);
	child = fork();
	if (child == 0) {
		int ready[2];

		if (pipe(ready) < 0 || fork() == 0) {
			sigset_t set;
			int signo = 0;

			sigemptyset(&set);
			sigaddset(&set, SIGUSR1);
			sigprocmask(SIG_BLOCK, &set, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			write(ready[1], "r", 1);
			sigwait(&set, &signo);
			byte = signo == SIGUSR1 ? 'y' : 'n';
			write(channel[1], &byte, 1);
			_exit(0);
		}
		read(ready[0], &byte, 1);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	close(channel[1]);
	printf("told: %d", (int)read(channel[0], &byte, 1));
	printf(" %c\n", byte);
	close(channel[0]);
}

static void usage_of_children(void)
{
	struct rusage usage, children;
	pid_t child;
	int status;

	section("usage");
	child = fork();
	if (child == 0) {
		clock_t end = clock() + CLOCKS_PER_SEC / 10;

		while (clock() < end)
			continue;
		_exit(0);
	}
	wait4(child, &status, 0, &usage);
	getrusage(RUSAGE_CHILDREN, &children);
	printf("child used CPU: %d, counted: %d\n",
	       usage.ru_utime.tv_sec + usage.ru_stime.tv_sec > 0 || usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 50000,
	       children.ru_utime.tv_sec > usage.ru_utime.tv_sec || children.ru_utime.tv_usec >= usage.ru_utime.tv_usec);
}

static void faults(void)
{
	pid_t child;
	int *bad = at_page_end(2);

	section("bad addresses");
	child = child_that_exits(5);
	OBSERVE(wait4(child, bad, 0, NULL));
	OBSERVE(wait4(child, NULL, 0, NULL));
	child = child_that_exits(6);
	OBSERVE(syscall(SYS_waitid, P_PID, child, (void *)8, WEXITED, NULL));
	OBSERVE(wait4(child, NULL, 0, NULL));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	bad_arguments();
	exits();
	stops_and_continues();
	groups();
	ignored_children();
	orphans();
	death_signal();
	usage_of_children();
	faults();
	return 0;
}
