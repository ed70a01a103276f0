/*
 * Threads that take descriptors on their way to siblings that map files, keep
 * them, or put others in their place. They gain nothing that the guest may not
 * have: a file that it has open for reading stays as it is. And parents and
 * children that take each other's, innocent ones: they get nothing at all.
 */
#include "attack.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

static uintptr_t site;
static char path[] = "/tmp/granted.XXXXXX";
static _Atomic bool enough;
static _Atomic long stolen;
static int readable;

static long receive(int flags)
{
	static _Thread_local char control[CMSG_SPACE(sizeof(int) * 8)], byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	return stub_call(site, SYS_recvmsg, PICO_GRANT_FD, (long)&message, MSG_DONTWAIT | flags, 0, 0, 0);
}

/* What has a low number and can be mapped is a granted file: try to write to it. */
static void write_to_granted(void)
{
	for (int descriptor = 0; descriptor < PICO_GRANT_LIMIT; descriptor++) {
		long at = stub_call(site, SYS_mmap, 0x500000000000, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);

		if (at > 0)
			*(volatile char *)at = 'X';
	}
}

static void *steal(void *argument)
{
	while (!enough) {
		if (receive((uintptr_t)argument & 1 ? MSG_PEEK : 0) > 0)
			stolen++;
		write_to_granted();
		if ((uintptr_t)argument & 2)
			for (int descriptor = 0; descriptor < 8; descriptor++)
				stub_call(site, SYS_close, descriptor, 0, 0, 0, 0, 0);
		if ((uintptr_t)argument & 4)
			stub_call(site, SYS_dup2, 0, PICO_GRANT_FD, 0, 0, 0, 0);
	}
	return NULL;
}

static void *map(void *argument)
{
	(void)argument;
	while (!enough) {
		char *mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, readable, 0);
		pid_t child;

		if (mapping != MAP_FAILED)
			munmap(mapping, 4096);
		child = fork();
		if (child == 0) {
			mapping = mmap(NULL, 4096, PROT_READ, MAP_SHARED, readable, 0);
			_exit(mapping != MAP_FAILED && mapping[0] == 'X');
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	return NULL;
}

static void attack(void *argument)
{
	pthread_t threads[4];

	readable = open(path, O_RDONLY);
	for (int i = 0; i < 2; i++) {
		pthread_create(&threads[i], NULL, steal, argument);
		pthread_create(&threads[i + 2], NULL, map, NULL);
	}
	usleep(600000);
	enough = true;
	_exit(stolen > 0 ? 9 : 0);
}

/* Shared by a thief and the relative that it would steal from. */
static struct relatives {
	_Atomic bool ready, enough;
	_Atomic long stolen;
} *shared;

static void steal_from_relative(void)
{
	shared->ready = true;
	while (!shared->enough)
		for (int i = 0; i < 100; i++)
			if (receive(0) > 0)
				shared->stolen++;
}

/* For a while: where they share a CPU the thief lets it map a few times a second only. */
static void map_beside_thief(void)
{
	struct timespec begin, now;
	bool failed = false;

	while (!shared->ready)
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	now = begin;
	for (int i = 0; i < 50 || (!shared->stolen && now.tv_sec < begin.tv_sec + 2); i++) {
		char *mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, readable, 0);

		failed |= mapping == MAP_FAILED;
		if (mapping != MAP_FAILED)
			munmap(mapping, 4096);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	shared->enough = true;
	if (failed)
		_exit(2);
}

enum kinship { CHILD_STEALS, PARENT_STEALS, SIBLING_STEALS, RELATIONS };

/* Each first forks, and a thief's relative has mapped files before or not. */
static void be_robbed(void *argument)
{
	enum kinship who = (enum kinship)((uintptr_t)argument % RELATIONS);
	int status = 0;
	pid_t child, thief = 0;

	readable = open(path, O_RDONLY);
	if ((uintptr_t)argument / RELATIONS)
		munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, readable, 0), 4096);
	if (who == SIBLING_STEALS && (thief = fork()) == 0) {
		steal_from_relative();
		_exit(0);
	}
	child = fork();
	if (child == 0) {
		if (who == CHILD_STEALS)
			steal_from_relative();
		else
			map_beside_thief();
		_exit(0);
	}
	if (who == CHILD_STEALS)
		map_beside_thief();
	else if (who == PARENT_STEALS)
		steal_from_relative();
	if (child < 0 || thief < 0 || waitpid(child, &status, 0) != child)
		_exit(3);
	if (thief)
		waitpid(thief, NULL, 0);
	_exit(shared->stolen ? 1 : status ? 2 : 0);
}

static void rob_relatives(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (uintptr_t way = 0; way < 2 * RELATIONS; way++) {
		int status;

		memset(shared, 0, sizeof(*shared));
		status = in_child(20000000, be_robbed, (void *)way);
		if (status != 0)
			fail("a relative's descriptors, way %lu: status %#x, %ld stolen", (unsigned long)way, status, shared->stolen);
	}
}

int main(void)
{
	char content[4096];
	int file = mkstemp(path);
	int with_booty = 0;

	site = find_call_site();
	memset(content, 'g', sizeof(content));
	if (write(file, content, sizeof(content)) != (ssize_t)sizeof(content))
		return 1;
	for (uintptr_t way = 0; way < 8; way++) {
		int status = in_child(2500000, attack, (void *)way);

		with_booty += WIFEXITED(status) && WEXITSTATUS(status) == 9;
	}
	if (pread(file, content, sizeof(content), 0) != (ssize_t)sizeof(content) || memchr(content, 'X', sizeof(content)))
		fail("a file opened for reading alone was written to");
	rob_relatives();
	unlink(path);
	/* Not that it must: but a test that never stole anything would show nothing. */
	printf("%s descriptors were stolen\n", with_booty ? "some" : "no");
	return finish("thieves", 8 + 2 * RELATIONS);
}
