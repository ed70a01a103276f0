/* Signals that arrive while their receiver ends: nothing of them stays, so that as many can be queued as before. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENDS = 300, LIMIT = 64, SLACK = 16, SENDERS = 2 };

static _Atomic pid_t process, thread;
static _Atomic int stop;

static void *send(void *unused)
{
	siginfo_t info = {.si_signo = SIGRTMIN + 3, .si_code = SI_QUEUE};

	while (!atomic_load(&stop)) {
		pid_t whole = atomic_load(&process), one = atomic_load(&thread);

		if (whole)
			syscall(SYS_rt_sigqueueinfo, whole, SIGRTMIN + 3, &info);
		if (one)
			syscall(SYS_rt_tgsigqueueinfo, getpid(), one, SIGRTMIN + 3, &info);
	}
	return NULL;
}

static void end_processes(void)
{
	for (int i = 0; i < ENDS; i++) {
		pid_t child = fork();

		if (!child) {
			signal(SIGRTMIN + 3, SIG_DFL); /* blocked */
			syscall(SYS_exit, 0);
		}
		atomic_store(&process, child);
		waitpid(child, NULL, 0);
		atomic_store(&process, 0);
	}
}

static void *end_soon(void *unused)
{
	atomic_store(&thread, (pid_t)syscall(SYS_gettid));
	return NULL;
}

static void end_threads(void)
{
	signal(SIGRTMIN + 3, SIG_DFL);
	for (int i = 0; i < ENDS; i++) {
		pthread_t id;

		if (pthread_create(&id, NULL, end_soon, NULL) == 0)
			pthread_join(id, NULL);
		atomic_store(&thread, 0);
	}
}

static int count_room(void)
{
	siginfo_t info = {.si_signo = SIGRTMIN + 3, .si_code = SI_QUEUE};
	int queued = 0;

	signal(SIGRTMIN + 3, SIG_DFL); /* blocked, so that it is queued */
	while (queued < LIMIT && syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN + 3, &info) == 0)
		queued++;
	signal(SIGRTMIN + 3, SIG_IGN); /* throws them away */
	return queued;
}

int main(void)
{
	const struct rlimit limit = {LIMIT, LIMIT};
	pthread_t senders[SENDERS];
	sigset_t set;
	int before, room = 0;

	setrlimit(RLIMIT_SIGPENDING, &limit);
	signal(SIGRTMIN + 3, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	before = count_room();
	for (int i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, send, NULL);
	end_processes();
	end_threads();
	atomic_store(&stop, 1);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	/* The last to end may be on its way yet; and the limit is the user's, of whom others are, too. */
	for (int i = 0; i < 200 && room < before - SLACK; i++) {
		usleep(10000);
		room = count_room();
	}
	printf("%s\n", room < before - SLACK ? "fewer signals can be queued" : "as many signals can be queued");
	return 0;
}
