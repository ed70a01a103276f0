/*
 * Sizes and counts beyond everything: mappings until there are no more, huge
 * lengths in every call that takes one, vectors and strings without end.
 */
#include "attack.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/uio.h>

#define MUST_FAIL(call, error)                                                                                       \
	do {                                                                                                         \
		errno = 0;                                                                                           \
		if ((long)(call) != -1 || errno != (error))                                                          \
			fail("%s: %s", #call, strerror(errno));                                                      \
	} while (0)

static void map_until_full(void *argument)
{
	const size_t size = (uintptr_t)argument;
	long count = 0;

	while (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED && count < 200000)
		count++;
	if (errno != ENOMEM)
		_exit(2);
	/* And still alive, and free again. */
	if (getppid() <= 0)
		_exit(3);
}

/* Every other page of another protection: as many areas as there may be. */
static void split_until_full(void *argument)
{
	enum { PAGES = 70000 };
	char *area = mmap(NULL, (size_t)PAGES * 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long split = 0;

	(void)argument;
	if (area == MAP_FAILED)
		_exit(1);
	while (split < PAGES && mprotect(area + split * 8192, 4096, PROT_NONE) == 0)
		split++;
	if (split == PAGES || errno != ENOMEM)
		_exit(2);
	if (munmap(area, (size_t)PAGES * 8192) != 0)
		_exit(3);
	area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		_exit(4);
	area[0] = 1;
}

static void grow_break(void *argument)
{
	(void)argument;
	while (sbrk(1l << 30) != (void *)-1)
		continue;
	if (errno != ENOMEM)
		_exit(1);
	while (sbrk(1l << 20) != (void *)-1)
		continue;
}

static void huge_lengths(void)
{
	static char data[4096];
	static struct iovec vectors[1025];
	static struct pollfd polls[1];
	int ends[2], null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);

	if (pipe2(ends, O_NONBLOCK) != 0)
		fail("pipe");
	MUST_FAIL(mmap(NULL, (size_t)-4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	MUST_FAIL(mmap(NULL, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	MUST_FAIL(mremap(data, 4096, 1ul << 47, MREMAP_MAYMOVE), EINVAL);
	MUST_FAIL(munmap(data, (size_t)-1), EINVAL);
	MUST_FAIL(readv(zero, vectors, 1025), EINVAL);
	MUST_FAIL(syscall(SYS_writev, null, vectors, INT32_MAX), EINVAL);
	MUST_FAIL(poll(polls, 0x80000000, 0), EINVAL);
	MUST_FAIL(syscall(SYS_select, -1, data, data, data, NULL), EINVAL);
	MUST_FAIL(pread(zero, (void *)1, SIZE_MAX / 2, 0), EFAULT);
	MUST_FAIL(write(ends[1], (void *)(1ul << 62), 1ul << 40), EFAULT);
	MUST_FAIL(syscall(SYS_setgroups, 1u << 31, data), geteuid() ? EPERM : EINVAL);
	MUST_FAIL(syscall(SYS_setxattr, "/tmp", "user.x", data, 1ul << 40, 0), E2BIG);
	MUST_FAIL(syscall(SYS_rt_sigaction, SIGUSR1, data, NULL, 1ul << 40), EINVAL);
	MUST_FAIL(open((char *)memset(data, 'a', sizeof(data)), O_RDONLY), ENAMETOOLONG);
}

/* Argument vectors without end. */
static void exec_huge(void *argument)
{
	enum { SIZE = 64 << 20 };
	char *text = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char **vector = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *const none[] = {NULL};

	if (text == MAP_FAILED || vector == MAP_FAILED)
		_exit(1);
	memset(text, 'x', SIZE);
	text[SIZE - 1] = 0;
	vector[0] = argument ? text : text + SIZE - 100000;
	for (size_t i = 1; i < SIZE / sizeof(*vector); i++)
		vector[i] = vector[0];
	execve("/bin/true", vector, none);
	if (errno != E2BIG && errno != EFAULT)
		_exit(2);
	execve("/bin/true", none, vector);
	_exit(errno == E2BIG || errno == EFAULT ? 0 : 3);
}

static void open_all_descriptors(void *argument)
{
	struct rlimit limit;
	long count = 0;

	(void)argument;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 3000 ? limit.rlim_max : 3000;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(1) >= 0)
		count++;
	if (errno != EMFILE || count < 100)
		_exit(1);
	if (open("/dev/null", O_RDONLY) != -1 || errno != EMFILE)
		_exit(2);
	if (dup2(0, 1 << 30) != -1 || errno != EBADF)
		_exit(3);
	close(5);
	if (fork() == 0)
		_exit(open("/dev/null", O_RDONLY) != 5);
	wait(NULL);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*attack)(void *);
		uintptr_t argument;
	} attacks[] = {
		{"mappings of 1 TiB", map_until_full, 1ul << 40}, {"mappings of 4 GiB", map_until_full, 1ul << 32},
		{"areas", split_until_full, 0},			  {"break", grow_break, 0},
		{"long arguments", exec_huge, 0},		  {"an endless argument", exec_huge, 1},
		{"descriptors", open_all_descriptors, 0},
	};

	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		int status = in_child(40000000, attacks[i].attack, (void *)attacks[i].argument);

		if (status != 0)
			fail("%s: status %#x", attacks[i].name, status);
	}
	huge_lengths();
	return finish("exhaustions", 7 + 14);
}
