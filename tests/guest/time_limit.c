/* RLIMIT_CPU: SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one; for heirs of the limit too. */
#include "observe.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static volatile sig_atomic_t told;

static void on_limit(int signo)
{
	told += signo == SIGXCPU;
}

static void burn(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void show(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	/* Whether memory is dumped is another matter. */
	printf("ended by %d\n", WTERMSIG(status));
	fflush(stdout);
}

static void soft_then_hard(void)
{
	struct rlimit limit = {1, 2};
	pid_t child;

	section("a handler, then the hard limit");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		signal(SIGXCPU, on_limit);
		setrlimit(RLIMIT_CPU, &limit);
		while (!told)
			continue;
		getrlimit(RLIMIT_CPU, &limit);
		printf("told %d, limits now %lu %lu\n", told, limit.rlim_cur, limit.rlim_max);
		fflush(stdout);
		burn();
	}
	show(child);
}

static void inherited(void)
{
	struct rlimit limit = {1, RLIM_INFINITY};
	pid_t child;
	int status;

	section("inherited, without a handler");
	setrlimit(RLIMIT_CPU, &limit);
	child = fork();
	if (child == 0) {
		if (fork() == 0)
			burn();
		wait(&status);
		raise(WTERMSIG(status));
	}
	show(child);
	section("a limit that another process sets");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_CPU, &limit);
	child = fork();
	if (child == 0)
		burn();
	limit.rlim_cur = 0;
	OBSERVE(prlimit(child, RLIMIT_CPU, &limit, NULL));
	show(child);
}

int main(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	soft_then_hard();
	inherited();
	return 0;
}
