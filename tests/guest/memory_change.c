/* mprotect, mremap, madvise, msync, mincore, mlock, brk: what they do to memory that is there. */
#include "observe.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static sigjmp_buf jump;
static volatile int caught;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	caught = signal * 100 + info->si_code;
	siglongjmp(jump, 1);
}

static int touch(volatile char *at, int writing)
{
	caught = 0;
	if (!sigsetjmp(jump, 1)) {
		if (writing)
			*at = 1;
		else
			(void)*at;
	}
	return caught;
}

static char *map(size_t pages)
{
	return mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Pages between two that stay, so that nothing else comes to lie beside them. */
static char *island(size_t pages)
{
	char *area = mmap(NULL, (pages + 64) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	mprotect(area + 32 * 4096, pages * 4096, PROT_READ | PROT_WRITE);
	munmap(area + (32 + pages) * 4096, 31 * 4096);
	return area + 32 * 4096;
}

static void protect(void)
{
	char *area = map(6);

	section("mprotect");
	munmap(area + 3 * 4096, 4096);
	OBSERVE(mprotect(area + 1, 4096, PROT_READ));
	OBSERVE(mprotect(area, 0, PROT_READ));
	OBSERVE(mprotect(area, 0, 0x10));
	OBSERVE(mprotect(area, 4096, 0x10));
	OBSERVE(mprotect(area, 4096, 8 | PROT_READ | PROT_WRITE));
	OBSERVE(mprotect(area, -1ul, PROT_READ));
	OBSERVE(mprotect(area, 4096, 0x3000000));
	OBSERVE(mprotect(area, 4096, 0x1000000));
	OBSERVE(mprotect(area, 4096, 0x2000000));
	OBSERVE(mprotect(area + 4096, 5 * 4096, PROT_READ));
	printf("%d %d %d\n", touch(area, 1), touch(area + 4096, 1), touch(area + 4 * 4096, 1));
	OBSERVE(mprotect(area, 3 * 4096, PROT_NONE));
	printf("%d %d\n", touch(area, 0), touch(area + 2 * 4096, 0));
	OBSERVE(mprotect(area, 3 * 4096, PROT_WRITE));
	printf("%d\n", touch(area, 1));
	OBSERVE(mprotect(area, 1, PROT_READ | PROT_WRITE | PROT_EXEC));
	memcpy(area, "\xb8\x2a\0\0\0\xc3", 6);
	printf("code returns %d\n", ((int (*)(void))(void *)area)());
	printf("system call to it: %s\n", read(0, area + 3 * 4096, 1) < 0 ? strerrorname_np(errno) : "read");
}

static void remap(void)
{
	char *area = island(4), *moved, *other = map(8);

	section("mremap");
	strcpy(area + 4096, "second page");
	OBSERVE_SUCCESS(mremap(area, 4096, 0, 0));
	OBSERVE_SUCCESS(mremap(area + 1, 4096, 4096, 0));
	OBSERVE_SUCCESS(mremap(area, 4096, 4096, 8));
	OBSERVE_SUCCESS(mremap(area, 4096, 8192, MREMAP_FIXED, other));
	OBSERVE_SUCCESS(mremap(area, 4096, 8192, MREMAP_DONTUNMAP | MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mremap(area, 4096, -1ul, MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mremap(area, 0, 4096, MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mremap(area + 4 * 4096, 4096, 8192, MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mremap(area, 5 * 4096, 6 * 4096, MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mremap(area, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, area));
	OBSERVE_SUCCESS(mremap(area, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, area + 1));
	OBSERVE_SUCCESS(mremap(area, 4096, 8192, 0));
	printf("grows in place: %d\n", mremap(area, 4 * 4096, 6 * 4096, 0) == area);
	printf("shrinks: %d\n", mremap(area, 6 * 4096, 3 * 4096, 0) == area);
	printf("cut off: %d\n", touch(area + 3 * 4096, 0));
	moved = mremap(area, 3 * 4096, 5 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, other);
	printf("moved: %d, %s\n", moved == other, moved + 4096);
	printf("old place: %d, new rest: %d\n", touch(area, 0), touch(moved + 4 * 4096, 1));
	moved = mremap(other, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	printf("copied: %s, left: \"%s\"\n", moved + 4096, other + 4096);
	area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	moved = mremap(area, 0, 8192, MREMAP_MAYMOVE);
	area[5000] = 'x';
	printf("second view: %c\n", moved[5000]);
	moved = mremap(area, 8192, 16384, MREMAP_MAYMOVE);
	printf("shared, grown beyond its object: %d\n", touch(moved + 3 * 4096, 0));
}

static void advise(void)
{
	char *area = map(6), *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	char *file;

	section("madvise");
	munmap(area + 4 * 4096, 4096);
	memset(area, 7, 4 * 4096);
	OBSERVE(madvise(area, 4096, 999));
	OBSERVE(madvise(area, 0, 999));
	OBSERVE(madvise(area + 1, 0, MADV_NORMAL));
	OBSERVE(madvise(area, 6 * 4096, MADV_DONTNEED));
	printf("%d %d\n", area[0], area[3 * 4096]);
	OBSERVE(madvise(0, 4096, MADV_DONTNEED));
	OBSERVE(madvise(area, -1ul, MADV_DONTNEED));
	OBSERVE(madvise(area, -8192ul, MADV_DONTNEED));
	OBSERVE(madvise(shared, 4096, MADV_WIPEONFORK));
	OBSERVE(madvise(shared, 4096, MADV_FREE));
	OBSERVE(madvise(area, 4096, MADV_REMOVE));
	OBSERVE(madvise(area, 4096, MADV_WILLNEED));
	OBSERVE(madvise(area, 4096, MADV_SEQUENTIAL));
	OBSERVE(madvise(area, 4096, MADV_HUGEPAGE));
	OBSERVE(madvise(area, 4096, MADV_DONTDUMP));
	OBSERVE(madvise(area, 4096, MADV_POPULATE_WRITE));
	OBSERVE(madvise(area + 3 * 4096, 8192, MADV_DONTFORK));
	if (ftruncate(fd, 8192))
		exit(99);
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	file[0] = 'm';
	OBSERVE(madvise(file, 8192, MADV_DONTNEED));
	printf("file page again: %d\n", file[0]);
}

static void residence(void)
{
	unsigned char state[4] = {9, 9, 9, 9};
	char *area = map(3);

	section("mincore");
	area[4096] = 1;
	OBSERVE(mincore(area + 1, 4096, state));
	OBSERVE(mincore(area, 4096, 0));
	OBSERVE(mincore(area, 0, state));
	OBSERVE(mincore(0, 4096, state));
	OBSERVE(mincore(area, -1ul, state));
	OBSERVE(mincore(area, 2 * 4096 + 1, state));
	printf("%d %d %d %d\n", state[0], state[1], state[2], state[3]);
	munmap(area + 4096, 4096);
	OBSERVE(mincore(area, 3 * 4096, state));
}

static void sync_memory(void)
{
	char *area = map(3);

	section("msync");
	munmap(area + 4096, 4096);
	OBSERVE(msync(area, 4096, 0));
	OBSERVE(msync(area, 4096, 8));
	OBSERVE(msync(area + 1, 4096, MS_SYNC));
	OBSERVE(msync(area, 4096, MS_SYNC | MS_ASYNC));
	OBSERVE(msync(area, 4096, MS_SYNC));
	OBSERVE(msync(area, 4096, MS_ASYNC));
	OBSERVE(msync(area, 4096, MS_SYNC | MS_INVALIDATE));
	OBSERVE(msync(area, 3 * 4096, MS_SYNC));
	OBSERVE(msync(area, 3 * 4096, MS_ASYNC));
	OBSERVE(msync(area, 0, MS_SYNC));
	OBSERVE(msync(area, -1ul, MS_SYNC));
	OBSERVE(msync(0, 4096, MS_ASYNC));
}

static void locks(void)
{
	char *area = map(4);

	section("mlock");
	munmap(area + 2 * 4096, 4096);
	OBSERVE(mlock(area, 4096));
	OBSERVE(mlock(area + 100, 5000));
	OBSERVE(mlock(area, 4 * 4096));
	OBSERVE(mlock(area, 0));
	OBSERVE(mlock((void *)-4096, 4097));
	OBSERVE(munlock(area, 2 * 4096));
	OBSERVE(munlock(area, 4 * 4096));
	OBSERVE(syscall(SYS_mlock2, area, 4096, 2));
	OBSERVE(syscall(SYS_mlock2, area, 4096, 1));
	OBSERVE(msync(area, 4096, MS_INVALIDATE));
	OBSERVE(munlock(area, 4096));
	OBSERVE(mlockall(0));
	OBSERVE(mlockall(4));
	OBSERVE(mlockall(8));
	OBSERVE(munlockall());
}

static void heap(void)
{
	char *start;

	/* What is printed must not need the heap whose end is moved. */
	section("brk");
	start = sbrk(0);
	printf("by one page: %d\n", sbrk(4096) == start);
	start[4095] = 1;
	printf("break: %ld\n", (long)((char *)sbrk(0) - start));
	printf("back: %d\n", brk(start));
	printf("below its start: %d\n", syscall(SYS_brk, 0) == (long)start);
	printf("too far: %d\n", syscall(SYS_brk, -4096ul) == (long)start);
	printf("a lot: %d\n", brk(start + (64 << 20)));
	start[(64 << 20) - 1] = 1;
	printf("and back: %d %d\n", brk(start + 4096), touch(start + (1 << 20), 0) / 100);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	heap();
	protect();
	remap();
	advise();
	residence();
	sync_memory();
	locks();
	return 0;
}
