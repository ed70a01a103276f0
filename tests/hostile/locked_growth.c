/*
 * An unprivileged guest has more memory locked than RLIMIT_MEMLOCK, where lxrun's own user may lock any: by an mremap of the
 * stub's, and by touching what lies below a locked area that grows. What the host has locked is in smaps.
 */
#include "attack.h"

#include <grp.h>
#include <sys/resource.h>

#define LIMIT_SIZE (1ul << 20)
#define GROWTH (6ul << 20)

static unsigned long locked_kib(void)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long sum = 0, value;
	char line[512];

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "Locked: %lu", &value) == 1)
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

static void expect_within_limit(const char *what)
{
	unsigned long kib = locked_kib();

	if (kib <= LIMIT_SIZE >> 10)
		return;
	printf("%s: %lu KiB are locked\n", what, kib);
	fflush(stdout);
	_exit(1);
}

static void grow_by_stub(void *argument)
{
	uintptr_t site = (uintptr_t)argument;
	char *area = mmap(NULL, 4096 + GROWTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mmap(area, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area || mlock(area, 4096) != 0 ||
	    munmap(area + 4096, GROWTH) != 0)
		_exit(1);
	stub_call(site, SYS_mremap, (long)area, 4096, 4096 + GROWTH, 0, PICO_LIMIT, 0);
	expect_within_limit("mremap");
}

static void grow_by_touch(void *argument)
{
	volatile char *top = mmap((void *)0x600000000000, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);

	(void)argument;
	if (top == MAP_FAILED || mlock((void *)top, 65536) != 0)
		_exit(1);
	for (size_t i = 4096; i < GROWTH; i += 4096) {
		top[-(long)i] = 1;
		if (i % (1 << 20) == 0)
			expect_within_limit("growth");
	}
	expect_within_limit("growth");
}

/* Natively a locked area that would grow beyond the limit ends who touches it. */
static void judge(const char *what, int status)
{
	if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV))
		fail("%s: status %#x", what, status);
}

int main(void)
{
	const struct rlimit limit = {LIMIT_SIZE, LIMIT_SIZE};
	uintptr_t site = find_call_site();

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return 1;
	if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
		return 1;
	judge("mremap", in_child(20000000, grow_by_stub, (void *)site));
	judge("growth", in_child(20000000, grow_by_touch, NULL));
	return finish("ways to lock", 2);
}
