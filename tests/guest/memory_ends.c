/* What a process had mapped is let go before its parent hears of its end: locks of the file, and its being open for writing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 80
#define AREAS 100
#define PAGE 4096ul

static const char name[] = "script", text[] = "#!/bin/true\n";

static int wait_for(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The child alone has the locked, writable description, and more to let go of. */
static void let_a_child_have_it(void)
{
	int file = open(name, O_RDWR);
	char *map;
	pid_t child;

	flock(file, LOCK_EX);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	close(file);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < AREAS; i++)
			mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(0);
	}
	munmap(map, PAGE);
	wait_for(child);
}

static int is_locked(void)
{
	int file = open(name, O_RDONLY), result = flock(file, LOCK_EX | LOCK_NB);

	close(file);
	return result != 0;
}

static int is_busy(void)
{
	pid_t child = fork();

	if (child == 0) {
		execl("./script", name, (char *)NULL);
		_exit(errno);
	}
	return wait_for(child) == ETXTBSY;
}

int main(void)
{
	int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755), locked = 0, busy = 0;

	if (file < 0 || write(file, text, strlen(text)) < 0 || ftruncate(file, PAGE) != 0) {
		perror(name);
		return 1;
	}
	close(file);
	for (int i = 0; i < ROUNDS; i++) {
		let_a_child_have_it();
		locked += is_locked();
		busy += is_busy();
	}
	printf("locked %d times, busy %d times\n", locked, busy);
	unlink(name);
	return 0;
}
