/* /proc/self: that it tells of this program what the program knows of itself. */
#include "observe.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static char content[65536];

static ssize_t take(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t size = 0, got;

	if (fd < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return -1;
	}
	while ((got = read(fd, content + size, sizeof content - 1 - size)) > 0)
		size += got;
	content[size] = 0;
	close(fd);
	return size;
}

static long field(const char *name)
{
	const char *line = strstr(content, name);

	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static void identity(void)
{
	char text[256] = "", comm[64];
	pid_t pid;

	section("identity");
	prctl(PR_SET_NAME, "observer");
	take("/proc/self/comm");
	printf("%s", content);
	take("/proc/self/status");
	printf("%.14s\n", content);
	printf("%d %d %d\n", field("\nPid:") == getpid(), field("\nPPid:") == getppid(), field("\nUid:") == (long)getuid());
	printf("threads %ld tracer %ld seccomp %ld\n", field("\nThreads:"), field("\nTracerPid:"), field("\nNoNewPrivs:"));
	take("/proc/self/stat");
	printf("%d %d\n", sscanf(content, "%d (%63[^)]", &pid, comm), pid == getpid());
	printf("%s\n", comm);
	OBSERVE(readlink("/proc/self", text, sizeof text) > 0 && atoi(text) == getpid());
	OBSERVE(readlink("/proc/self/cwd", text, sizeof text) == (ssize_t)strlen(getcwd(content, 4096)));
	memset(text, 0, sizeof text);
	readlink("/proc/self/exe", text, sizeof text - 1);
	printf("%s\n", strrchr(text, '/') ? "exe is a path" : text);
	OBSERVE(access("/proc/self/exe", X_OK));
	memset(text, 0, sizeof text);
	OBSERVE(readlink("/proc/self/root", text, sizeof text));
	printf("%s\n", text);
}

static void strings(char **argv)
{
	ssize_t size;

	section("strings");
	size = take("/proc/self/cmdline");
	printf("%d %d\n", !strcmp(content, argv[0]), size > 0 && content[size - 1] == 0);
	setenv("NOT_THERE", "1", 1);
	take("/proc/self/environ");
	printf("%d\n", strstr(content, "NOT_THERE") != NULL);
	size = take("/proc/self/auxv");
	printf("%d\n", size > 0 && size % 16 == 0 && content[size - 16] == 0);
	take("/proc/self/limits");
	printf("%.79s\n", content);
	printf("%d\n", strstr(content, "Max open files") != NULL);
}

static void maps(void)
{
	void *area = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char wanted[64];

	section("maps");
	mprotect(area, 4096, PROT_NONE);
	take("/proc/self/maps");
	snprintf(wanted, sizeof wanted, "%lx-%lx r-xp 00000000 00:00 0 ", (unsigned long)area + 4096, (unsigned long)area + 8192);
	printf("%d\n", strstr(content, wanted) != NULL);
	snprintf(wanted, sizeof wanted, "%lx-%lx ---p 00000000 00:00 0 ", (unsigned long)area, (unsigned long)area + 4096);
	printf("%d\n", strstr(content, wanted) != NULL);
	printf("%d %d\n", strstr(content, "[stack]") != NULL, strstr(content, "libc.so.6") != NULL);
	take("/proc/self/statm");
	printf("%d\n", atoi(content) > 100);
}

static void descriptors(void)
{
	int fd = open("named", O_RDWR | O_CREAT | O_CLOEXEC, 0600), p[2], again;
	char path[64], text[256] = "";
	struct stat status;
	DIR *directory;
	unsigned seen = 0;

	section("descriptors");
	pipe(p);
	write(fd, "content", 7);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	OBSERVE(readlink(path, text, sizeof text) > 0 && !strcmp(strrchr(text, '/'), "/named"));
	lstat(path, &status);
	printf("mode %o size %ld\n", status.st_mode, (long)status.st_size);
	unlink("named");
	memset(text, 0, sizeof text);
	readlink(path, text, sizeof text - 1);
	printf("%s\n", strrchr(text, '/'));
	again = open(path, O_RDONLY);
	OBSERVE(read(again, text, 7));
	OBSERVE(stat(path, &status));
	printf("mode %o links %lu size %ld\n", status.st_mode, (unsigned long)status.st_nlink, (long)status.st_size);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	take(path);
	printf("pos %ld flags %s\n", field("pos:"), strtok(strstr(content, "flags:") + 7, "\n"));
	snprintf(path, sizeof path, "/proc/self/fd/%d", p[1]);
	lstat(path, &status);
	printf("mode %o\n", status.st_mode);
	memset(text, 0, sizeof text);
	readlink(path, text, sizeof text - 1);
	printf("%.6s\n", text);
	directory = opendir("/proc/self/fd");
	for (struct dirent *entry; (entry = readdir(directory));) {
		int number = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && (number == fd || number == p[0] || number == p[1]))
			seen++;
	}
	printf("seen %u\n", seen);
	OBSERVE(open("/proc/self/fd/999", O_RDONLY));
	OBSERVE(open("/proc/self/fd/x", O_RDONLY));
	OBSERVE(open("/proc/self/fd/1", O_RDONLY | O_NOFOLLOW));
	OBSERVE(open("/proc/self/cwd/no-such", O_RDONLY));
	OBSERVE_SUCCESS(open("/proc/self/cwd/.", O_RDONLY | O_DIRECTORY));
	OBSERVE(open("/proc/99999999/stat", O_RDONLY));
	OBSERVE(open("/proc/self/no-such", O_RDONLY));
}

static void changes(void)
{
	int fd = open("/proc/self/comm", O_RDWR);
	char text[64] = "";

	section("changes");
	OBSERVE(write(fd, "renamed-to-something", 20));
	prctl(PR_GET_NAME, text);
	printf("%s\n", text);
	OBSERVE(pread(fd, text, sizeof text, 0));
	printf("%s", text);
	OBSERVE(lseek(fd, 3, SEEK_SET));
	OBSERVE(read(fd, text, 4));
	printf("%.4s\n", text);
	OBSERVE(lseek(fd, 0, SEEK_END));
	fd = open("/proc/self/oom_score_adj", O_RDWR);
	OBSERVE(write(fd, "500", 3));
	OBSERVE(write(fd, "1001", 4));
	OBSERVE(write(fd, "abc", 3));
	take("/proc/self/oom_score_adj");
	printf("%s", content);
	OBSERVE(mkdir("/proc/new", 0700));
	OBSERVE(unlink("/proc/version"));
	OBSERVE(open("/proc/new", O_WRONLY | O_CREAT, 0600));
	OBSERVE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("/proc/self/status", O_RDONLY), 0) == MAP_FAILED ? errno : 0);
}

static void system_files(void)
{
	static const char *const paths[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/proc/filesystems",
					    "/proc/sys/kernel/osrelease", "/proc/sys/kernel/ostype", "/proc/sys/fs/pipe-max-size",
					    "/proc/sys/vm/overcommit_memory", "/proc/cmdline"};

	section("system");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		printf("%s %d\n", paths[i], take(paths[i]) > 0);
	take("/proc/version");
	printf("%s", content);
	take("/proc/sys/kernel/osrelease");
	printf("%s", content);
}

int main(int argc, char **argv)
{
	(void)argc;
	identity();
	strings(argv);
	maps();
	descriptors();
	changes();
	system_files();
	return 0;
}
