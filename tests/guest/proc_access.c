/* Who may look into a process through /proc, and what of it: another's, one's own after a change of user, one that has ended. */
#include "observe.h"

#include <dirent.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static const char *const files[] = {"auxv", "cmdline", "coredump_filter", "environ", "fdinfo", "io", "limits", "maps", "mem", "oom_adj",
				    "oom_score", "oom_score_adj", "pagemap", "personality", "sched", "schedstat", "smaps",
				    "smaps_rollup", "stat", "statm", "status", "syscall", "timers", "wchan", "map_files",
				    "task", "attr", "ns", "fd", "clear_refs"};
static const char *const links[] = {"exe", "cwd", "root", "fd/0", "fd/99", "ns/uts", "ns/pid"};

static void try_file(pid_t pid, const char *name)
{
	char path[64], byte[8];
	ssize_t size;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	errno = 0;
	fd = open(path, O_RDONLY);
	printf("%s: open %s", name, fd < 0 ? strerrorname_np(errno) : "works");
	if (fd >= 0) {
		errno = 0;
		size = read(fd, byte, sizeof byte);
		printf(", read %s", size < 0 ? strerrorname_np(errno) : size ? "something" : "nothing");
		close(fd);
	}
	printf("\n");
}

static void try_link(pid_t pid, const char *name)
{
	char path[64], target[256];
	struct stat attributes;
	ssize_t length;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	errno = 0;
	length = readlink(path, target, sizeof target);
	printf("%s: readlink %s", name, length < 0 ? strerrorname_np(errno) : "works");
	errno = 0;
	printf(", stat %s", stat(path, &attributes) ? strerrorname_np(errno) : "works");
	/* A namespace is the host's: it can be looked at and compared, no more. */
	errno = 0;
	fd = strncmp(name, "ns/", 3) ? open(path, O_RDONLY) : -1;
	printf(", open %s\n", fd < 0 ? strerrorname_np(errno) : "works");
	if (fd >= 0)
		close(fd);
}

static void try_all(const char *who, pid_t pid)
{
	printf("%s\n", who);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		try_file(pid, files[i]);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		try_link(pid, links[i]);
}

static void become(uid_t id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		printf("can't become %u\n", id);
}

/* The owner of what belongs to this process, by path. */
static void show_owner(const char *path)
{
	struct stat attributes;

	if (lstat(path, &attributes))
		printf("%s: %s\n", path, strerrorname_np(errno));
	else
		printf("%s: %o of %u\n", path, attributes.st_mode & 07777, attributes.st_uid);
}

static void as_child(void (*body)(pid_t), pid_t about)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		body(about);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void look_as_nobody(pid_t about)
{
	become(NOBODY);
	try_all("another user's", about);
}

static void look_at_self_as_nobody(pid_t about)
{
	become(NOBODY);
	try_all("one's own after setuid", getpid());
	show_owner("/proc/self");
	show_owner("/proc/self/task");
	show_owner("/proc/self/fd");
	show_owner("/proc/self/maps");
	prctl(PR_SET_DUMPABLE, 1);
	try_all("... made dumpable again", getpid());
	show_owner("/proc/self/maps");
}

static void look_with_other_fsuid(pid_t about)
{
	setfsuid(1000);
	try_all("one's own with another fsuid", getpid());
	DIR *directory = opendir("/proc/self/fd");
	printf("/proc/self/fd: %s\n", directory ? "listed" : strerrorname_np(errno));
}

static void hide(pid_t about)
{
	prctl(PR_SET_DUMPABLE, 0);
	try_all("one's own, not dumpable", getpid());
}

/* As whoever runs this, of whom the same is asked natively. */
static void look_at_zombie(void)
{
	siginfo_t info;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(3);
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	try_all("one that has ended", pid);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	close(99);
	try_all("one's own", getpid());
	as_child(hide, getpid());
	look_at_zombie();
	if (geteuid())
		return 0;
	as_child(look_as_nobody, getpid());
	as_child(look_at_self_as_nobody, getpid());
	as_child(look_with_other_fsuid, getpid());
	return 0;
}
