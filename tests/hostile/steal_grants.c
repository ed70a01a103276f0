/*
 * Threads that take descriptors on their way to siblings that map files, keep
 * them, or put others in their place. They gain nothing that the guest may not
 * have: a file that it has open for reading stays as it is.
 */
#include "attack.h"

#include <sys/socket.h>
#include <sys/uio.h>

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
	unlink(path);
	/* Not that it must: but a test that never stole anything would show nothing. */
	printf("%s descriptors were stolen\n", with_booty ? "some" : "no");
	return finish("thieves", 8);
}
