/* Threads that queue, take, handle and block signals, and change who they are, beside each other. */
#include "races.h"

#define VALUES 1000

static atomic_int taken[VALUES + 1];
static atomic_long sent, handled;

static void *queue_values(void *unused)
{
	for (int i = 1; i <= VALUES; i++)
		while (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) < 0)
			MUST(errno == EAGAIN, 0);
	for (int i = 0; i < 2; i++)
		while (sigqueue(getpid(), SIGRTMIN, (union sigval){0}) < 0)
			;
	return unused;
}

/* Each value comes once, to one of those that wait; 0 ends one of them. */
static void *take_values(void *unused)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	for (;;) {
		int signal = sigwaitinfo(&set, &info);

		/* The other one was faster. */
		if (signal == -1 && errno == EINTR)
			continue;
		MUST(signal == SIGRTMIN && info.si_pid == getpid(), signal);
		if (info.si_value.sival_int == 0)
			return unused;
		atomic_fetch_add(&taken[info.si_value.sival_int], 1);
	}
}

static void on_first(int signal, siginfo_t *info, void *context)
{
	MUST(info->si_value.sival_int == 77, info->si_value.sival_int);
	atomic_fetch_add(&handled, 1);
}

static void on_second(int signal, siginfo_t *info, void *context)
{
	on_first(signal, info, context);
}

static void *change_handlers(void *unused)
{
	WHILE_IT_LASTS {
		struct sigaction first = {.sa_sigaction = on_first, .sa_flags = SA_SIGINFO | SA_RESTART}, was;
		struct sigaction second = {.sa_sigaction = on_second, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};

		MUST(sigaction(SIGRTMIN + 1, &second, &was) == 0, 0);
		MUST(was.sa_sigaction == on_first, 0);
		MUST(sigaction(SIGRTMIN + 1, &first, &was) == 0, 0);
		MUST(was.sa_sigaction == on_second, 0);
	}
	return unused;
}

static void *send_to_oneself(void *unused)
{
	WHILE_IT_LASTS {
		if (sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 77}) == 0)
			atomic_fetch_add(&sent, 1);
		else
			MUST(errno == EAGAIN, 0);
	}
	return unused;
}

/* A mask is a thread's own, whatever handlers run between. */
static void *change_mask(void *unused)
{
	sigset_t usual, mine, now;

	sigemptyset(&mine);
	sigaddset(&mine, SIGRTMIN + 1);
	sigaddset(&mine, SIGUSR1);
	WHILE_IT_LASTS {
		MUST(pthread_sigmask(SIG_BLOCK, &mine, &usual) == 0, 0);
		MUST(!sigismember(&usual, SIGUSR1), 0);
		MUST(pthread_sigmask(SIG_SETMASK, &usual, &now) == 0, 0);
		MUST(sigismember(&now, SIGUSR1) && sigismember(&now, SIGRTMIN + 1), 0);
	}
	return unused;
}

/* Credentials are a thread's own, and take effect at once. */
static void *change_user(void *unused)
{
	if (geteuid() != 0)
		return unused;
	WHILE_IT_LASTS {
		int fd;

		MUST(syscall(SYS_setresuid, -1, NOBODY, -1) == 0, 0);
		fd = open("secret", O_RDONLY);
		MUST(fd == -1 && errno == EACCES, fd);
		MUST(syscall(SYS_geteuid) == NOBODY, 0);
		MUST(syscall(SYS_setresuid, -1, 0, -1) == 0, 0);
		fd = open("secret", O_RDONLY);
		MUST(fd >= 0, fd);
		close(fd);
	}
	return unused;
}

static void *stay_oneself(void *unused)
{
	uid_t me = geteuid();

	WHILE_IT_LASTS {
		int fd = open("secret", O_RDONLY);

		MUST(fd >= 0, fd);
		close(fd);
		MUST(syscall(SYS_geteuid) == me, 0);
	}
	return unused;
}

int main(void)
{
	struct sigaction first = {.sa_sigaction = on_first, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t blocked;
	int wrong = 0;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	RACE("sigwaitinfo", queue_values, take_values, take_values);
	for (int i = 1; i <= VALUES; i++)
		wrong += atomic_load(&taken[i]) != 1;
	printf("values not taken once: %d\n", wrong);
	sigaction(SIGRTMIN + 1, &first, NULL);
	RACE("handlers and masks", change_handlers, send_to_oneself, change_mask);
	while (atomic_load(&handled) < atomic_load(&sent))
		usleep(1000);
	printf("handled more than sent: %d\n", atomic_load(&handled) > atomic_load(&sent));
	close(open("secret", O_RDWR | O_CREAT, 0600));
	RACE("credentials", change_user, stay_oneself, stay_oneself);
	return 0;
}
