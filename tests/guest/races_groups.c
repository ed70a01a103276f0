/* A signal to a whole group reaches the children, too, that a member is just making: nobody is left. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 120
#define CHILDREN 6
#define PATIENCE_MS 2000

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void make_children(int ready)
{
	setpgid(0, 0);
	write(ready, "x", 1);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0)
			for (;;)
				pause();
	for (;;)
		pause();
}

/* Until none of the group is left, or for too long. Orphans are ours. */
static int is_gone(pid_t group)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (kill(-group, 0) != 0 && errno == ESRCH)
			return 1;
		sleep_us(1000);
	}
	return 0;
}

static int round_of(int number)
{
	int ready[2];
	char byte;
	pid_t group;

	pipe(ready);
	group = fork();
	if (group == 0)
		make_children(ready[1]);
	read(ready[0], &byte, 1);
	close(ready[0]);
	close(ready[1]);
	sleep_us(number * 37 % 2500);
	kill(-group, number & 1 ? SIGINT : SIGKILL);
	if (is_gone(group))
		return 0;
	kill(-group, SIGKILL);
	is_gone(group);
	return 1;
}

int main(void)
{
	int survived = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (int i = 0; i < ROUNDS; i++)
		survived += round_of(i);
	printf("%d groups survived in part\n", survived);
	return survived != 0;
}
