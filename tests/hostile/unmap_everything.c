/*
 * The guest's own memory calls against everything that is mapped: its code,
 * stack, vDSO, and the platform's pages, which must neither go nor change.
 */
#include "attack.h"

static uintptr_t site;

/* Whether the stub still works: a refused call comes back by it. */
static bool stub_lives(void)
{
	return stub_call(site, SYS_getpid, 0, 0, 0, 0, 0, 0) == -ENOSYS;
}

static void unmap_platform(void *argument)
{
	void *own = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int file = open("/proc/self/exe", O_RDONLY);

	(void)argument;
	for (uintptr_t at = 0x100000; at < PICO_LIMIT; at += 4096) {
		bool platform = at >= PICO_STUB_BASE;
		void *got;

		munmap((void *)at, 4096);
		mprotect((void *)at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
		madvise((void *)at, 4096, MADV_DONTNEED);
		madvise((void *)at, 4096, MADV_FREE);
		madvise((void *)at, 4096, MADV_DONTFORK);
		madvise((void *)at, 4096, MADV_WIPEONFORK);
		mlock((void *)at, 4096);
		msync((void *)at, 4096, MS_INVALIDATE);
		syscall(462 /* mseal */, at, 4096, 0);
		syscall(SYS_remap_file_pages, at, 4096, 0, 0, 0);
		syscall(SYS_mbind, at, 4096, 0, NULL, 0, 0);
		got = mmap((void *)at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (platform && got != MAP_FAILED)
			_exit(1);
		got = mmap((void *)at, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0);
		if (platform && got != MAP_FAILED)
			_exit(2);
		got = mremap(own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, (void *)at);
		if (platform && got != MAP_FAILED)
			_exit(3);
		got = mremap((void *)at, 4096, 8192, MREMAP_MAYMOVE);
		if (platform && got != MAP_FAILED)
			_exit(4);
		if (platform && syscall(SYS_shmat, 0, at, 0) >= 0)
			_exit(5);
	}
	munmap((void *)PICO_STUB_BASE, PICO_LIMIT - PICO_STUB_BASE);
	munmap((void *)0x100000, PICO_LIMIT);
	if (!stub_lives())
		_exit(6);
	/* Writes of the kernel's into the platform's pages are the guest's business only where it may write itself. */
	if (getcwd((char *)site, 256) != NULL)
		_exit(7);
	if (!stub_lives())
		_exit(8);
}

struct range {
	uintptr_t start, end;
	int way;
};

static void unmap_range(void *argument)
{
	const struct range *range = argument;
	size_t size = range->end - range->start;

	close(2); /* what is left of the dynamic linker may complain */
	if (range->way == 0)
		munmap((void *)range->start, size);
	else if (range->way == 1)
		mmap((void *)range->start, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	else if (range->way == 2)
		mprotect((void *)range->start, size, PROT_NONE);
	else if (range->way == 3)
		mremap((void *)range->start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000000);
	else
		mmap((void *)range->start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	/* Whoever is still here makes calls and takes a signal. */
	getppid();
	raise(SIGURG);
	_exit(0);
}

static void unmap_all(void *argument)
{
	(void)argument;
	munmap((void *)4096, 0x7ffffffff000 - 4096);
	_exit(0);
}

static void unmap_all_by_stub(void *argument)
{
	(void)argument;
	stub_call(site, SYS_munmap, PICO_LIMIT, 0x7ffffffff000 - PICO_LIMIT, 0, 0, 0, 0);
	_exit(0);
}

int main(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	long count = 0;
	int status;

	site = find_call_site();
	if ((status = in_child(30000000, unmap_platform, NULL)) != 0)
		fail("the platform's pages: status %#x", status);
	while (maps && fgets(line, sizeof(line), maps)) {
		struct range range;

		if (sscanf(line, "%lx-%lx", &range.start, &range.end) != 2)
			continue;
		for (range.way = 0; range.way < 5; range.way++, count++) {
			status = in_child(500000, unmap_range, &range);
			if (WIFSIGNALED(status) && WTERMSIG(status) != SIGSEGV && WTERMSIG(status) != SIGBUS)
				fail("%lx-%lx, way %d: status %#x", range.start, range.end, range.way, status);
		}
	}
	if (count < 25)
		fail("no more than %ld ranges in /proc/self/maps", count);
	for (int way = 0; way < 2; way++, count++) {
		status = in_child(500000, way ? unmap_all_by_stub : unmap_all, NULL);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
			fail("everything, way %d: status %#x", way, status);
	}
	return finish("ranges taken away", count);
}
