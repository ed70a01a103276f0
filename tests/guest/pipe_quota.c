/* What one user may have of pipes: fs.pipe-user-pages-soft, by a user whom nobody else is. */
#include "observe.h"

enum { LARGEST = 1 << 20, MOST = 400 };

static int ends[MOST][2];

static int open_pipe(int number)
{
	return syscall(SYS_pipe2, ends[number], O_NONBLOCK) == 0 ? fcntl(ends[number][1], F_GETPIPE_SZ) : -errno;
}

static void close_pipe(int number)
{
	close(ends[number][0]);
	close(ends[number][1]);
}

/* Pipes as large as they may be, until one may not. How many. */
static int fill(void)
{
	int count = 0;

	while (count < MOST && open_pipe(count) > 0 && fcntl(ends[count][1], F_SETPIPE_SZ, LARGEST) == LARGEST)
		count++;
	return count;
}

static void own_user(void)
{
	int count;

	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresuid, 60000 + getpid() % 5000, -1, -1) ||
	    syscall(SYS_setresuid, -1, 61999, 61999))
		_exit(98);
	count = fill();
	printf("%d large pipes\n", count);
	OBSERVE(fcntl(ends[count][1], F_SETPIPE_SZ, LARGEST));
	OBSERVE(fcntl(ends[count][1], F_SETPIPE_SZ, 8 * 4096));
	OBSERVE(fcntl(ends[count][1], F_GETPIPE_SZ));
	printf("one more: %d\n", open_pipe(count + 1));
	OBSERVE(fcntl(ends[count + 1][1], F_SETPIPE_SZ, 4 * 4096));
	OBSERVE(fcntl(ends[count + 1][1], F_SETPIPE_SZ, 4096));
	section("room again");
	close_pipe(0);
	OBSERVE(fcntl(ends[count][1], F_SETPIPE_SZ, 8 * 4096));
	printf("one more: %d\n", open_pipe(0));
	/* They are their maker's, whoever has them now. */
	fflush(stdout);
	if (fork() == 0) {
		for (int i = 1; i < count; i++)
			close_pipe(i);
		OBSERVE(fcntl(ends[count][1], F_SETPIPE_SZ, LARGEST));
		_exit(0);
	}
	wait(NULL);
	for (int i = 0; i <= count + 1; i++)
		close_pipe(i);
	printf("%d large pipes\n", fill());
}

/* Who has the privilege has no limit. */
static void root(void)
{
	int count = fill();

	printf("%d large pipes\n", count);
	OBSERVE(fcntl(ends[0][1], F_SETPIPE_SZ, 2 * LARGEST));
	OBSERVE(fcntl(ends[0][1], F_SETPIPE_SZ, 1u << 31));
	OBSERVE(fcntl(ends[0][1], F_SETPIPE_SZ, (1u << 31) + 1));
}

int main(void)
{
	if (geteuid())
		return 0;
	in_child(own_user);
	in_child(root);
	return 0;
}
