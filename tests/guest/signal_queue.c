/* Queues: order and number of what is pending, limits, who of several threads takes it, and who may be sent to. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigset_t all;

static void drain(const char *title)
{
	struct timespec now = {0, 0};
	siginfo_t info;

	printf("%s:", title);
	while (sigtimedwait(&all, &info, &now) > 0)
		printf(" %d/%d/%d", info.si_signo, info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	printf("\n");
}

static void order(void)
{
	for (int i = 0; i < 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 20 + i});
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i});
		sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 30 + i});
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGRTMIN + 1);
	}
	raise(SIGTERM);
	drain("order");
	kill(getpid(), SIGUSR1);
	raise(SIGUSR1);
	drain("thread before process");
	kill(getpid(), SIGTSTP);
	kill(getpid(), SIGCONT);
	kill(getpid(), SIGSTOP + 1);
	drain("stop and continue");
	kill(getpid(), SIGURG);
	kill(getpid(), SIGCHLD);
	drain("blocked though ignored by default");
}

static void limit(void)
{
	struct rlimit old, few = {3, 3};
	int results[8];
	size_t count = 0;

	getrlimit(RLIMIT_SIGPENDING, &old);
	few.rlim_max = old.rlim_max;
	few.rlim_cur = 0;
	setrlimit(RLIMIT_SIGPENDING, &few);
	errno = 0;
	results[count++] = sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
	results[count++] = errno;
	results[count++] = sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1});
	results[count++] = kill(getpid(), SIGRTMIN + 1);
	results[count++] = kill(getpid(), SIGUSR2);
	for (size_t i = 0; i < count; i++)
		printf("%d ", results[i]);
	drain("limit");
	setrlimit(RLIMIT_SIGPENDING, &old);
}

static pthread_barrier_t barrier;
static volatile pid_t took;

static void take(int signo)
{
	(void)signo;
	took = (pid_t)syscall(SYS_gettid);
}

static void *unblocked(void *argument)
{
	sigset_t set;

	(void)argument;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pthread_barrier_wait(&barrier);
	while (!took)
		usleep(1000);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *waiting(void *argument)
{
	siginfo_t info;

	(void)argument;
	pthread_barrier_wait(&barrier);
	int signo = sigwaitinfo(&all, &info);
	printf("waiting thread got %d code %d\n", signo, info.si_code);
	return NULL;
}

static void threads(void)
{
	pthread_t thread;

	signal(SIGUSR1, take);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, unblocked, NULL);
	pthread_barrier_wait(&barrier);
	kill(getpid(), SIGUSR1);
	while (!took)
		usleep(1000);
	printf("taken by the thread that does not block it %d\n", took != getpid());
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, waiting, NULL);
	pthread_barrier_wait(&barrier);
	pthread_kill(thread, SIGUSR2);
	pthread_join(thread, NULL);
	signal(SIGUSR1, SIG_DFL);
}

static void targets(void)
{
	pid_t self = getpid(), gone = fork();
	siginfo_t info;
	long result;

	if (gone == 0)
		_exit(0);
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "-"))
	waitid(P_PID, (id_t)gone, &info, WEXITED | WNOWAIT);
	TRY(kill(gone, SIGTERM)); /* a zombie */
	TRY(kill(gone, 0));
	waitpid(gone, NULL, 0);
	TRY(kill(gone, 0));
	TRY(kill(self, 0));
	TRY(kill(self, 65));
	TRY(kill(self, -1));
	TRY(kill(0x7ffffff0, 65));
	TRY(kill(INT_MIN, 0));
	TRY(kill(-0x7ffffff0, 0));
	TRY(syscall(SYS_tkill, 0, 0));
	TRY(syscall(SYS_tkill, -1, 0));
	TRY(syscall(SYS_tkill, self, 0));
	TRY(syscall(SYS_tgkill, self, self, 0));
	TRY(syscall(SYS_tgkill, self + 1, self, 0));
	TRY(syscall(SYS_tgkill, 0, self, 0));
	TRY(syscall(SYS_tgkill, self, 0, 0));
	TRY(syscall(SYS_tgkill, self, self, 65));
	memset(&info, 0, sizeof(info));
	info.si_code = SI_USER;
	TRY(syscall(SYS_rt_sigqueueinfo, self, 0, &info));
	TRY(syscall(SYS_rt_sigqueueinfo, 0x7ffffff0, SIGUSR1, &info));
	info.si_code = SI_QUEUE;
	TRY(syscall(SYS_rt_sigqueueinfo, 0x7ffffff0, SIGUSR1, &info));
	TRY(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, (void *)1));
	TRY(syscall(SYS_rt_tgsigqueueinfo, self, self, SIGUSR1, &info));
	TRY(syscall(SYS_rt_tgsigqueueinfo, self, -1, SIGUSR1, &info));
	TRY(syscall(SYS_rt_tgsigqueueinfo, self, self, 65, &info));
	drain("targets");
}

static void groups(void)
{
	pid_t members[3], leader = 0;
	int status;

	for (int i = 0; i < 3; i++) {
		members[i] = fork();
		if (members[i] == 0) {
			siginfo_t info;

			_exit(sigwaitinfo(&all, &info) == SIGUSR1 && info.si_pid == getppid() ? 11 : 12);
		}
		leader = leader ? leader : members[i];
		setpgid(members[i], leader);
	}
	printf("group %d\n", kill(-leader, SIGUSR1));
	for (int i = 0; i < 3; i++) {
		waitpid(members[i], &status, 0);
		printf("member %d\n", WEXITSTATUS(status));
	}
	errno = 0;
	status = kill(-leader, SIGUSR1);
	printf("empty group %d %s\n", status, strerrorname_np(errno));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	order();
	limit();
	threads();
	targets();
	groups();
	return 0;
}
