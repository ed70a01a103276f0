/* Handlers of every kind: what they are told, in what order they run, with which mask. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int depth;
static char journal[4096];
static size_t journal_size;

static void note(const char *text, int value)
{
	journal_size += (size_t)snprintf(journal + journal_size, sizeof(journal) - journal_size, " %s%d", text, value);
}

static void show(const char *title)
{
	printf("%s:%s\n", title, journal);
	journal_size = 0;
	journal[0] = 0;
}

static const char *who(pid_t pid)
{
	return pid == getpid() ? "self" : pid == getppid() ? "parent" : pid == 0 ? "nobody" : "other";
}

static siginfo_t seen;
static void keep(int signo, siginfo_t *info, void *context)
{
	(void)context;
	seen = *info;
	note("s", signo);
}

static void order(int signo)
{
	sigset_t mask;
	int blocked = 0;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (int i = 1; i <= 64; i++)
		blocked += sigismember(&mask, i) == 1;
	depth++;
	note("enter", signo);
	note("depth", depth);
	note("blocked", blocked);
	depth--;
}

static void set(int signo, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&action.sa_mask);
	sigaction(signo, &action, NULL);
}

static void set_info(int signo, int flags)
{
	struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO | flags};

	sigemptyset(&action.sa_mask);
	sigaction(signo, &action, NULL);
}

static void sources(void)
{
	union sigval value = {.sival_int = 4711};
	struct itimerval timer = {.it_value = {0, 1000}};
	siginfo_t forged;
	pid_t child;
	int status;

	set_info(SIGUSR1, 0);
	set_info(SIGALRM, 0);
	set_info(SIGCHLD, 0);
	set_info(SIGPIPE, 0);
	set_info(SIGRTMIN + 3, 0);
	kill(getpid(), SIGUSR1);
	printf("kill: code %d pid %s uid ok %d\n", seen.si_code, who(seen.si_pid), seen.si_uid == getuid());
	raise(SIGUSR1);
	printf("raise: code %d pid %s uid ok %d\n", seen.si_code, who(seen.si_pid), seen.si_uid == getuid());
	sigqueue(getpid(), SIGRTMIN + 3, value);
	printf("sigqueue: code %d pid %s value %d\n", seen.si_code, who(seen.si_pid), seen.si_value.sival_int);
	sigset_t blocked, old;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	setitimer(ITIMER_REAL, &timer, NULL);
	sigsuspend(&old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("itimer: code %d pid %s\n", seen.si_code, who(seen.si_pid));
	child = fork();
	if (child == 0)
		_exit(7);
	waitpid(child, &status, 0);
	printf("child: signo %d code %d pid ok %d status %d\n", seen.si_signo, seen.si_code, seen.si_pid == child,
	       seen.si_status);
	child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
	waitpid(child, &status, 0);
	printf("killed child: code %d status %d wait %x\n", seen.si_code, seen.si_status, status);
	int ends[2];
	if (pipe(ends) == 0) {
		close(ends[0]);
		ssize_t written = write(ends[1], "x", 1);
		printf("sigpipe: result %zd errno %d code %d pid %s\n", written, errno, seen.si_code, who(seen.si_pid));
		close(ends[1]);
	}
	memset(&forged, 0x5a, sizeof(forged));
	forged.si_code = -7;
	long result = syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &forged);
	printf("forged: %ld signo %d errno %d code %d kept %x tail %x\n", result, seen.si_signo, seen.si_errno, seen.si_code,
	       seen.si_pid, ((int *)&seen)[20]);
	show("handled");
}

static void nesting(void)
{
	sigset_t all, old;

	sigfillset(&all);
	for (int i = 1; i < 4; i++)
		set(SIGRTMIN + i, order, 0);
	set(SIGUSR1, order, 0);
	set(SIGUSR2, order, 0);
	sigprocmask(SIG_BLOCK, &all, &old);
	raise(SIGRTMIN + 2);
	raise(SIGUSR2);
	raise(SIGRTMIN + 1);
	raise(SIGUSR1);
	raise(SIGRTMIN + 1);
	raise(SIGUSR1);
	show("before unblocking");
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("nesting");
	kill(getpid(), SIGUSR2);
	show("one");
}

static void again(int signo)
{
	static int raised;

	note("in", ++depth);
	if (depth < 3 && raised++ < 4)
		raise(signo);
	note("out", depth--);
}

static void flags(void)
{
	struct sigaction action;

	depth = 0;
	set(SIGUSR1, again, SA_NODEFER);
	raise(SIGUSR1);
	show("nodefer");
	set(SIGUSR1, again, 0);
	raise(SIGUSR1);
	show("deferred");
	set(SIGUSR1, order, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &action);
	printf("resethand: default %d flags %x\n", action.sa_handler == SIG_DFL, action.sa_flags & ~0x04000000);
	show("resethand");
	set(SIGUSR1, SIG_IGN, 0);
	raise(SIGUSR1);
	set(SIGURG, SIG_DFL, 0);
	raise(SIGURG);
	show("ignored");
	signal(SIGUSR1, order);
	sigset_t mask, old;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, &old);
	raise(SIGUSR1);
	set(SIGUSR1, SIG_IGN, 0);
	sigset_t pending;
	sigpending(&pending);
	printf("ignoring drops pending: %d\n", !sigismember(&pending, SIGUSR1));
	set(SIGUSR1, order, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("dropped");
}

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static void errors(void)
{
	struct kernel_action action = {SIG_IGN, 0, NULL, ~0ul}, old;
	unsigned long set = ~0ul, got = 0;
	long result;

#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))
	TRY(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8));
	TRY(syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8));
	TRY(syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8));
	TRY(syscall(SYS_rt_sigaction, 0, NULL, &old, 8));
	TRY(syscall(SYS_rt_sigaction, 65, NULL, &old, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, (void *)1, NULL, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, NULL, (void *)1, 8));
	action.flags = ~0ul;
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	printf("kept flags %lx mask %lx\n", old.flags, old.mask);
	TRY(syscall(SYS_rt_sigprocmask, 3, &set, NULL, 8));
	TRY(syscall(SYS_rt_sigprocmask, 3, NULL, &got, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)1, NULL, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, (void *)1, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16));
	TRY(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &got, 8));
	printf("mask %lx\n", got);
	set = 0;
	TRY(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8));
	TRY(syscall(SYS_rt_sigpending, &got, 16));
	TRY(syscall(SYS_rt_sigpending, &got, 4));
	TRY(syscall(SYS_rt_sigpending, (void *)1, 8));
	TRY(syscall(SYS_rt_sigsuspend, &set, 4));
	TRY(syscall(SYS_rt_sigsuspend, (void *)1, 8));
	TRY(syscall(SYS_rt_sigtimedwait, &set, NULL, (void *)1, 8));
	TRY(syscall(SYS_rt_sigtimedwait, (void *)1, NULL, NULL, 8));
	TRY(syscall(SYS_restart_syscall));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	sources();
	nesting();
	flags();
	errors();
	return 0;
}
