/*
 * Memory at low addresses, as valgrind and Wine want it. The program itself is linked low (tests/CMakeLists.txt): where it and
 * its heap lie is a part of the test.
 */
#include "observe.h"

#define PAGE 4096ul
#define LOW ((char *)0xa0000)
#define LOWER ((char *)0x80000)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void show(const char *what, long result)
{
	printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

static long map(char *address, size_t size, int flags)
{
	char *result = mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return result == MAP_FAILED ? -1 : result - address;
}

static void show_child(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		LOW[1] = 'c';
		_exit(LOW[0] == 'x' ? 0 : 1);
	}
	waitpid(child, &status, 0);
	printf("child: %d, %c\n", status, LOW[1] ? LOW[1] : '-');
}

static void change(void)
{
	unsigned char resident[2] = {9, 9};

	LOW[0] = 'x';
	show("no replace", map(LOW, PAGE, MAP_FIXED_NOREPLACE));
	show("hint of what is taken is elsewhere", map(LOW, PAGE, 0) > 0);
	show("hint", map(LOWER, PAGE, 0));
	show("mincore", mincore(LOW, 2 * PAGE, resident));
	printf("resident %d %d\n", resident[0] & 1, resident[1] & 1);
	show("protect", mprotect(LOW, PAGE, PROT_READ));
	show("read into it", read(open("/dev/zero", O_RDONLY), LOW, 1));
	show("protect", mprotect(LOW, PAGE, PROT_READ | PROT_WRITE));
	show("lock", mlock(LOW, PAGE));
	show("unlock", munlock(LOW, PAGE));
	show("sync", msync(LOW, 2 * PAGE, MS_ASYNC));
	show_child();
	show("grow", (long)mremap(LOWER, PAGE, 2 * PAGE, 0) == (long)LOWER ? 0 : -1);
	show("move", mremap(LOWER, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, LOWER + 16 * PAGE) == LOWER + 16 * PAGE ? 0 : -1);
	show("move up", mremap(LOWER + 16 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x60000000) == (void *)0x60000000 ? 0 : -1);
	show("move down", mremap((void *)0x60000000, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, LOWER) == LOWER ? 0 : -1);
	show("forget", madvise(LOW, PAGE, MADV_DONTNEED));
	printf("forgotten %d\n", LOW[0]);
	show("unmap", munmap(LOW, PAGE));
	show("hole", madvise(LOW, 2 * PAGE, MADV_DONTNEED));
	show("hole", mprotect(LOW, 2 * PAGE, PROT_READ));
}

/* Also across what the platform keeps for itself: to a program it is a hole. */
static void reach_over(void)
{
	char *high = (char *)0x200000;

	show("above", map(high, PAGE, MAP_FIXED));
	show("protect to a hole", mprotect(LOWER, (size_t)(high + PAGE - LOWER), PROT_READ));
	show("lock to a hole", mlock(LOWER, (size_t)(high + PAGE - LOWER)));
	show("unlock to a hole", munlock(LOWER, (size_t)(high + PAGE - LOWER)));
	show("sync over a hole", msync(LOWER, (size_t)(high + PAGE - LOWER), MS_ASYNC));
	high[0] = 'y';
	show("forget over a hole", madvise(LOWER, (size_t)(high + PAGE - LOWER), MADV_DONTNEED));
	printf("forgotten %d\n", high[0]);
	show("unmap all", munmap(LOWER, (size_t)(high + PAGE - LOWER)));
	show("unmapped", msync(high, PAGE, MS_ASYNC));
	show("unmapped", msync(LOWER, PAGE, MS_ASYNC));
}

/* Where the heap begins is chance, and may be amid what is unmapped here: try again until it lies above. */
static void place_heap(char **argv)
{
	if ((uintptr_t)sbrk(0) < 0x400000)
		execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	place_heap(argv);
	printf("main is low: %d\n", (uintptr_t)main < 0x100000);
	printf("heap grows: %d\n", sbrk(1 << 20) != (void *)-1 && sbrk(0) != NULL);
	show("map", map(LOW, 2 * PAGE, MAP_FIXED));
	change();
	reach_over();
	show("all of Wine's range above the program", map((char *)0x40000, 0x110000 - 0x40000, MAP_FIXED_NOREPLACE));
	memset((char *)0x40000, 1, 0x110000 - 0x40000);
	return 0;
}
