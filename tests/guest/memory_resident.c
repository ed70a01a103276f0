/* What of a process' memory is in RAM, as ps and top read it: status, stat, statm, getrusage; its own and a child's. */
#include "observe.h"

#include <stdbool.h>
#include <sys/resource.h>

#define MIB (1024L * 1024)

struct resident {
	long peak, total, anonymous, file, shared; /* status, bytes */
	long stat, statm, statm_shared;		   /* bytes */
};

static long status_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? atol(line + strlen(name)) * 1024 : -1;
}

static void read_text(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	int fd;
	ssize_t got;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	got = read(fd, text, size - 1);
	text[got < 0 ? 0 : got] = 0;
	close(fd);
}

static struct resident look(pid_t pid)
{
	struct resident seen;
	char text[4096];
	const char *at;

	read_text(pid, "status", text, sizeof text);
	seen.peak = status_line(text, "\nVmHWM:");
	seen.total = status_line(text, "\nVmRSS:");
	seen.anonymous = status_line(text, "\nRssAnon:");
	seen.file = status_line(text, "\nRssFile:");
	seen.shared = status_line(text, "\nRssShmem:");
	read_text(pid, "statm", text, sizeof text);
	sscanf(text, "%*d %ld %ld", &seen.statm, &seen.statm_shared);
	read_text(pid, "stat", text, sizeof text);
	at = strrchr(text, ')');
	for (int field = 2; at && field < 24; field++)
		at = strchr(at + 1, ' ');
	seen.stat = at ? atol(at) * 4096 : -1;
	seen.statm *= 4096;
	seen.statm_shared *= 4096;
	return seen;
}

/* In MiB, rounded: the kernel counts per processor and adds up now and then. */
static long mib(long bytes)
{
	return (bytes + (bytes < 0 ? -MIB : MIB) / 2) / MIB;
}

static void show_change(const char *what, const struct resident *before, const struct resident *after)
{
	printf("%s: total %+ld anonymous %+ld file %+ld shared %+ld, stat %+ld, statm %+ld shared %+ld, sum %s, peak %s\n", what,
	       mib(after->total - before->total), mib(after->anonymous - before->anonymous), mib(after->file - before->file),
	       mib(after->shared - before->shared), mib(after->stat - before->stat), mib(after->statm - before->statm),
	       mib(after->statm_shared - before->statm_shared),
	       after->total == after->anonymous + after->file + after->shared ? "right" : "wrong",
	       after->peak >= after->total - MIB ? "not below" : "below");
}

static char *map(size_t size, int flags, int fd)
{
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (area == MAP_FAILED)
		exit(99);
	return area;
}

static void touch(volatile char *area, size_t size, bool write)
{
	for (size_t at = 0; at < size; at += 4096)
		if (write)
			area[at] = 1;
		else
			(void)area[at];
}

static void own(void)
{
	struct resident before = look(getpid()), after;
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	static char block[MIB];
	char *area;

	section("own");
	printf("there %d, more than the peak %d\n", before.total > 100000, before.total > before.peak + MIB);
	area = map(32 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	after = look(getpid());
	show_change("mapped", &before, &after);
	touch(area, 32 * MIB, true);
	after = look(getpid());
	show_change("touched", &before, &after);
	munmap(area, 32 * MIB);
	after = look(getpid());
	show_change("unmapped", &before, &after);
	printf("peak stays %ld\n", mib(after.peak - before.total));
	area = map(16 * MIB, MAP_SHARED | MAP_ANONYMOUS, -1);
	touch(area, 16 * MIB, true);
	after = look(getpid());
	show_change("shared memory", &before, &after);
	munmap(area, 16 * MIB);
	for (int i = 0; i < 8; i++)
		write(fd, block, sizeof block);
	before = look(getpid());
	area = map(8 * MIB, MAP_SHARED, fd);
	touch(area, 8 * MIB, false);
	after = look(getpid());
	show_change("file", &before, &after);
	munmap(area, 8 * MIB);
	close(fd);
}

static void rusage(void)
{
	struct rusage usage;
	struct resident now = look(getpid());

	section("rusage");
	getrusage(RUSAGE_SELF, &usage);
	printf("peak is the status' %d\n", labs(usage.ru_maxrss * 1024 - now.peak) < MIB);
}

static void child(void)
{
	struct resident before, after;
	int to_child[2], to_parent[2];
	char byte;
	pid_t pid;

	section("a child's");
	if (pipe(to_child) || pipe(to_parent))
		return;
	pid = fork();
	if (pid == 0) {
		write(to_parent[1], "", 1);
		read(to_child[0], &byte, 1);
		touch(map(24 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1), 24 * MIB, true);
		write(to_parent[1], "", 1);
		read(to_child[0], &byte, 1);
		_exit(0);
	}
	read(to_parent[0], &byte, 1);
	before = look(pid);
	write(to_child[1], "", 1);
	read(to_parent[0], &byte, 1);
	after = look(pid);
	show_change("touched", &before, &after);
	write(to_child[1], "", 1);
	waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	after = look(pid);
	printf("ended: status %ld, stat %ld, statm %ld\n", after.total, after.stat, after.statm);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	own();
	rusage();
	child();
	return 0;
}
