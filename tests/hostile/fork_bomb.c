/* As many processes and threads as can be had, all forking: refused in time, and gone when their leader says so. */
#include "attack.h"

#include <sched.h>
#include <sys/resource.h>

enum { MOST = 400 };

static _Atomic int *alive;

static void *nothing(void *argument)
{
	pause();
	return argument;
}

static void bomb(void *argument)
{
	int refused = 0;

	while (refused < 50) {
		pthread_t thread;
		pid_t child;

		if (*alive >= MOST)
			break;
		child = fork();
		if (child == 0) {
			(*alive)++;
			continue;
		}
		if (child < 0) {
			refused++;
			if (errno != EAGAIN && errno != ENOMEM)
				(*alive) += 100000;
		}
		if (argument && pthread_create(&thread, NULL, nothing, NULL) == 0)
			(*alive)++;
	}
	pause();
}

static void explode(bool threads)
{
	pid_t leader = fork();

	*alive = 0;
	if (leader == 0) {
		setpgid(0, 0);
		bomb(threads ? alive : NULL);
		_exit(0);
	}
	usleep(1500000);
	/* One blow need not hit what is being born; the leader keeps the group until it is waited for. */
	for (int blow = 0; blow < 25; blow++) {
		kill(-leader, SIGKILL);
		usleep(20000);
	}
	if (waitpid(leader, NULL, 0) != leader)
		fail("the leader is not there: %s", strerror(errno));
	if (*alive >= 100000)
		fail("fork fails with an errno of its own");
	/* All of it is given back. */
	for (int i = 0; i < 20; i++) {
		pid_t child = -1;

		for (int attempt = 0; attempt < 200 && child < 0; attempt++) {
			child = fork();
			if (child < 0)
				usleep(20000);
		}
		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child) {
			fail("no fork after the bomb: %s", strerror(errno));
			return;
		}
	}
}

int main(void)
{
	struct rlimit limit = {200, 200};

	alive = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGHUP, SIG_IGN);
	for (int round = 0; round < 2; round++) {
		explode(round & 1);
		if (*alive < 20)
			fail("a bomb of %d", *alive);
	}
	/* The guest's own limit, where its user is not above it. */
	if (setrlimit(RLIMIT_NPROC, &limit) == 0)
		explode(false);
	return finish("bombs", 3);
}
