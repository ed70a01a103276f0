/* What getrusage(2) and wait4(2) say of memory and sleeps: of oneself, of a child that ended in several ways, and of all children. */
#include "observe.h"

#include <stdbool.h>
#include <sys/resource.h>

#define SIZE (40ul << 20)

static void use_memory(void)
{
	char *area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(area, SIZE, MADV_NOHUGEPAGE);
	memset(area, 1, SIZE);
	munmap(area, SIZE);
	for (int i = 0; i < 10; i++)
		usleep(1000);
}

static void show(const char *who, const struct rusage *usage)
{
	printf("%s: large %d, faults %d, sleeps %d\n", who, usage->ru_maxrss >= (long)(SIZE / 1024), usage->ru_minflt >= (long)(SIZE / 4096),
	       usage->ru_nvcsw >= 10);
}

static void try_child(const char *what, int signal, bool asks)
{
	struct rusage usage = {0};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		use_memory();
		if (signal)
			kill(getpid(), signal);
		_exit(0);
	}
	wait4(pid, &status, 0, asks ? &usage : NULL);
	if (asks)
		show(what, &usage);
	getrusage(RUSAGE_CHILDREN, &usage);
	show("children", &usage);
}

static void try_grandchild(void)
{
	struct rusage usage;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			use_memory();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	wait4(pid, NULL, 0, &usage);
	show("a child with a child", &usage);
}

int main(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	show("at first", &usage);
	getrusage(RUSAGE_CHILDREN, &usage);
	show("no children", &usage);
	try_child("not asked about", 0, false);
	try_child("exits", 0, true);
	try_child("is killed", SIGKILL, true);
	try_grandchild();
	getrusage(RUSAGE_SELF, &usage);
	show("still", &usage);
	use_memory();
	getrusage(RUSAGE_SELF, &usage);
	show("self", &usage);
	getrusage(RUSAGE_THREAD, &usage);
	show("thread", &usage);
	return 0;
}
