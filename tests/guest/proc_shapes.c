/*
 * Shapes and numbers that programs read in /proc: how areas are divided, where the stack begins, whose the last number given out
 * is, and what a process and its children have used.
 */
#include "observe.h"

#include <alloca.h>

#define PAGE 4096
#define TOUCHED 400

/* Areas of /proc/self/maps with that name, and the size of the last one. */
static int count_named(const char *name, unsigned long *size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];
	int count = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || !strstr(line, name))
			continue;
		*size = end - start;
		count++;
	}
	if (maps)
		fclose(maps);
	return count;
}

static int count_areas(const char *from, const char *to)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];
	int count = 0;

	while (maps && fgets(line, sizeof(line), maps))
		count += sscanf(line, "%lx-%lx", &start, &end) == 2 && end > (unsigned long)from && start < (unsigned long)to;
	if (maps)
		fclose(maps);
	return count;
}

static void __attribute__((noinline)) use_stack(size_t size)
{
	volatile char *low = alloca(size);

	low[0] = 1;
}

static void stack(void)
{
	unsigned long size = 0, grown = 0;

	count_named("[stack]", &size);
	use_stack(1 << 20);
	count_named("[stack]", &grown);
	printf("the stack is small: %d, and grows: %d\n", size < 512 << 10, grown > 1 << 20 && grown < 2 << 20);
}

static void special(const char *name)
{
	unsigned long size = 0;
	int count = count_named(name, &size);

	printf("%s: %d of %lu\n", name, count, size);
}

/* Pages of a private view that were writable once stay apart from those that never were. */
static void once_writable(void)
{
	char path[] = "/tmp/shapes-XXXXXX";
	int fd = mkstemp(path);
	char *view;

	if (fd < 0 || unlink(path) || ftruncate(fd, 6 * PAGE))
		exit(99);
	view = mmap(NULL, 6 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	printf("areas: %d", count_areas(view, view + 6 * PAGE));
	mprotect(view + PAGE, PAGE, PROT_READ | PROT_WRITE);
	printf(" %d", count_areas(view, view + 6 * PAGE));
	mprotect(view + PAGE, PAGE, PROT_READ);
	printf(" %d", count_areas(view, view + 6 * PAGE));
	mprotect(view, 2 * PAGE, PROT_READ | PROT_WRITE);
	mprotect(view, 2 * PAGE, PROT_READ);
	printf(" %d", count_areas(view, view + 6 * PAGE));
	mprotect(view + 3 * PAGE, PAGE, PROT_NONE);
	mprotect(view + 3 * PAGE, PAGE, PROT_READ);
	printf(" %d\n", count_areas(view, view + 6 * PAGE));
	munmap(view, 6 * PAGE);
	view = mmap(NULL, 6 * PAGE, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	mprotect(view + PAGE, PAGE, PROT_READ | PROT_WRITE);
	mprotect(view + PAGE, PAGE, PROT_READ);
	printf("without a reserve: %d", count_areas(view, view + 6 * PAGE));
	munmap(view, 6 * PAGE);
	view = mmap(NULL, 6 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	mprotect(view + PAGE, PAGE, PROT_READ | PROT_WRITE);
	mprotect(view + PAGE, PAGE, PROT_READ);
	printf(", shared: %d\n", count_areas(view, view + 6 * PAGE));
	munmap(view, 6 * PAGE);
	close(fd);
}

/* Fields 10 and 11 of stat: its own minor faults, and those of children that were waited for. */
static void faults_of(const char *path, unsigned long *own, unsigned long *children)
{
	FILE *stat = fopen(path, "r");
	char line[1024] = "";

	if (!stat || !fgets(line, sizeof(line), stat) || !strrchr(line, ')') ||
	    sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %lu", own, children) != 2)
		printf("%s is not as it should be\n", path);
	if (stat)
		fclose(stat);
}

static void touch(void)
{
	volatile char *pages = mmap(NULL, TOUCHED * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise((void *)pages, TOUCHED * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < TOUCHED; i++)
		pages[i * PAGE] = 1;
}

static void faults(void)
{
	unsigned long own = 0, children = 0;
	char path[64], byte = 0;
	int to[2], from[2];
	pid_t child;

	if (pipe(to) || pipe(from))
		exit(99);
	child = fork();
	if (child == 0) {
		touch();
		_exit(write(from[1], &byte, 1) != 1 || read(to[0], &byte, 1) != 1);
	}
	if (read(from[0], &byte, 1) != 1)
		exit(99);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	faults_of(path, &own, &children);
	printf("a child that runs: %d", own >= TOUCHED);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", child, child);
	faults_of(path, &own, &children);
	printf(", its thread: %d", own >= TOUCHED);
	if (write(to[1], &byte, 1) != 1 || waitpid(child, NULL, 0) != child)
		exit(99);
	faults_of("/proc/self/stat", &own, &children);
	printf(", once waited for: %d", children >= TOUCHED);
	touch();
	faults_of("/proc/self/stat", &own, &children);
	printf(", this process: %d\n", own >= TOUCHED);
}

static void last_number(void)
{
	FILE *loadavg = fopen("/proc/loadavg", "r");
	pid_t child = fork();
	int last = 0;

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	if (!loadavg || fscanf(loadavg, "%*s %*s %*s %*s %d", &last) != 1)
		printf("loadavg is not as it should be\n");
	printf("the last number is about the child's: %d\n", last >= child && last < child + 5000);
	fclose(loadavg);
}

int main(void)
{
	stack();
	special("[vvar]");
	special("[vvar_vclock]");
	special("[vdso]");
	once_writable();
	fflush(stdout);
	faults();
	fflush(stdout);
	last_number();
	return 0;
}
