/* A process' memory through /proc: mem past page protection, pagemap, smaps, clear_refs, map_files, and settings with rules of their own. */
#include "observe.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>

#define PAGE 4096ul
#define PAGES 64

static void *map(int protection, int flags)
{
	return mmap(NULL, PAGES * PAGE, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static void try_memory(const char *what, int fd, void *at)
{
	char byte = 0;

	printf("%s\n", what);
	OBSERVE(pread(fd, &byte, 1, (off_t)(uintptr_t)at));
	OBSERVE(pwrite(fd, "x", 1, (off_t)(uintptr_t)at));
	OBSERVE(pread(fd, &byte, 1, (off_t)(uintptr_t)at));
	printf("%d\n", byte);
}

static void try_mem(void)
{
	int fd = open("/proc/self/mem", O_RDWR);
	char *writable = map(PROT_READ | PROT_WRITE, MAP_PRIVATE), *hole = map(PROT_READ, MAP_PRIVATE), two[2 * 4096];

	try_memory("private, writable", fd, writable);
	try_memory("private, readable", fd, map(PROT_READ, MAP_PRIVATE));
	try_memory("private, no access", fd, map(PROT_NONE, MAP_PRIVATE));
	try_memory("shared, writable", fd, map(PROT_READ | PROT_WRITE, MAP_SHARED));
	try_memory("shared, readable", fd, map(PROT_READ, MAP_SHARED));
	try_memory("program text", fd, (void *)try_mem);
	munmap(hole, PAGES * PAGE);
	try_memory("nothing", fd, hole);
	try_memory("null", fd, NULL);
	OBSERVE(mprotect(writable + PAGE, PAGE, PROT_NONE));
	munmap(writable + 3 * PAGE, PAGE);
	OBSERVE(pread(fd, two, sizeof two, (off_t)(uintptr_t)writable));
	OBSERVE(pread(fd, two, sizeof two, (off_t)(uintptr_t)(writable + 2 * PAGE)));
	OBSERVE(lseek(fd, (off_t)(uintptr_t)writable, SEEK_SET) == (off_t)(uintptr_t)writable);
	OBSERVE(read(fd, two, 10));
	OBSERVE(read(fd, (void *)8, 10));
	OBSERVE(read(fd, two, 0));
	OBSERVE(lseek(fd, 0, SEEK_CUR) - (off_t)(uintptr_t)writable);
	close(fd);
}

/* A descriptor keeps the memory that it was opened on. */
static void try_ended(void)
{
	int ready[2], fd, wait;
	char path[64], byte;
	pid_t pid;

	pipe(ready);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		write(ready[1], "", 1);
		pause();
	}
	read(ready[0], &byte, 1);
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	OBSERVE(pread(fd, &byte, 1, (off_t)(uintptr_t)&ready));
	kill(pid, SIGKILL);
	waitpid(pid, &wait, 0);
	OBSERVE(pread(fd, &byte, 1, (off_t)(uintptr_t)&ready));
	OBSERVE(pwrite(fd, &byte, 1, (off_t)(uintptr_t)&ready));
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void try_pagemap(void)
{
	char *area = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	uint64_t entries[PAGES + 1] = {0};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t at = (off_t)((uintptr_t)area / PAGE * 8);
	int present = 0;

	madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i += 4)
		area[(size_t)i * PAGE] = 1;
	OBSERVE(pread(fd, entries, PAGES * 8, at));
	for (int i = 0; i < PAGES; i++)
		present += (entries[i] >> 63) << (i % 4 == 0 ? 0 : 16);
	printf("%d of %d pages are there\n", present, PAGES);
	OBSERVE(pread(fd, entries, 4, at));
	OBSERVE(pread(fd, entries, 8, at + 4));
	OBSERVE(pread(fd, entries, 0, at));
	OBSERVE(pread(fd, entries, 16, (off_t)(0x7ffffffff000 / PAGE * 8) - 8));
	OBSERVE(pread(fd, (void *)8, 8, at));
	close(fd);
	munmap(area, PAGES * PAGE);
}

/* The value of a line in the record of the area that begins at `area`. */
static long smaps_value(const void *area, const char *name)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;
	char line[512];
	long value = -1;

	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (uintptr_t)area;
		else if (inside && !strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	}
	if (file)
		fclose(file);
	return value;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	errno = 0;
	printf("%s < %s: %s\n", path, text,
	       fd < 0 ? "can't be opened" : write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? "taken" : strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
}

static void get(const char *path)
{
	char text[64] = {0};
	int fd = open(path, O_RDONLY);

	read(fd, text, sizeof text - 1);
	close(fd);
	printf("%s: %s\n", path, text);
}

static void try_smaps(void)
{
	/* Apart from its neighbours, which it would be joined with. */
	char *area = (char *)map(PROT_NONE, MAP_PRIVATE) + PAGE;

	mprotect(area, 32 * PAGE, PROT_READ | PROT_WRITE);
	madvise(area, 32 * PAGE, MADV_NOHUGEPAGE);
	memset(area, 1, 8 * PAGE);
	printf("Size %ld Rss %ld Pss %ld Private_Dirty %ld Anonymous %ld Locked %ld Swap %ld\n", smaps_value(area, "Size"),
	       smaps_value(area, "Rss"), smaps_value(area, "Pss"), smaps_value(area, "Private_Dirty"),
	       smaps_value(area, "Anonymous"), smaps_value(area, "Locked"), smaps_value(area, "Swap"));
	put("/proc/self/clear_refs", "1");
	printf("Referenced %ld\n", smaps_value(area, "Referenced"));
	put("/proc/self/clear_refs", "0");
	put("/proc/self/clear_refs", "6");
	put("/proc/self/clear_refs", "x");
	put("/proc/self/clear_refs", "5\n");
}

static void try_settings(void)
{
	char *argv[] = {"cat", "/proc/self/coredump_filter", NULL};

	get("/proc/self/coredump_filter");
	put("/proc/self/coredump_filter", "0x7f");
	get("/proc/self/coredump_filter");
	put("/proc/self/coredump_filter", "nonsense");
	put("/proc/self/coredump_filter", "511");
	get("/proc/self/coredump_filter");
	put("/proc/self/oom_score_adj", "500");
	get("/proc/self/oom_adj");
	put("/proc/self/oom_score_adj", "1001");
	put("/proc/self/oom_adj", "16");
	put("/proc/self/oom_adj", "15");
	get("/proc/self/oom_score_adj");
	put("/proc/self/oom_score_adj", "100");
	put("/proc/self/timerslack_ns", "70000");
	get("/proc/self/timerslack_ns");
	put("/proc/self/timerslack_ns", "0");
	get("/proc/self/timerslack_ns");
	fflush(stdout);
	if (!fork())
		execvp(argv[0], argv);
	wait(NULL);
}

static void try_map_files(void)
{
	DIR *directory = opendir("/proc/self/map_files");
	char self[PATH_MAX] = {0}, path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	int found = 0;

	readlink("/proc/self/exe", self, sizeof self - 1);
	while (directory && (entry = readdir(directory))) {
		ssize_t length;

		snprintf(path, sizeof path, "/proc/self/map_files/%s", entry->d_name);
		length = readlink(path, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = 0;
		found += !strcmp(target, self);
	}
	printf("areas of the program: %s\n", found > 2 ? "shown" : "missing");
	OBSERVE(access("/proc/self/map_files/0-1000", F_OK));
	OBSERVE(access("/proc/self/map_files/nonsense", F_OK));
}

static bool has_line(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	bool found = false;

	while (file && fgets(line, sizeof line, file))
		found = found || strstr(line, text);
	if (file)
		fclose(file);
	return found;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	try_mem();
	try_ended();
	try_pagemap();
	try_smaps();
	try_settings();
	try_map_files();
	printf("[vsyscall] %d %d [stack] %d [heap] %d\n", has_line("/proc/self/maps", "[vsyscall]"),
	       has_line("/proc/self/smaps", "[vsyscall]"), has_line("/proc/self/smaps", "[stack]"),
	       has_line("/proc/self/numa_maps", "stack"));
	printf("rollup %d\n", has_line("/proc/self/smaps_rollup", "---p 00000000 00:00 0                          [rollup]"));
	return 0;
}
