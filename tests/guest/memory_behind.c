/*
 * What a mapping keeps of a file after its last descriptor has gone: the name that is shown, locks of the open file, that
 * it counts as open for writing, and that areas of two opens are two.
 */
#include "observe.h"

#include <sys/file.h>

#define PAGE 4096

static char *map_at(char *where, const char *path, int mode, int protection, int flags)
{
	int fd = open(path, mode);
	char *at = mmap(where, PAGE, protection, flags | (where ? MAP_FIXED : 0), fd, 0);

	if (fd < 0 || at == MAP_FAILED) {
		printf("%s: %m\n", path);
		exit(99);
	}
	close(fd);
	return at;
}

static char *map(const char *path)
{
	return map_at(NULL, path, O_RDONLY, PROT_READ, MAP_PRIVATE);
}

/* The line of the area that holds an address; *start of it. */
static void find_line(const char *at, char line[8192], unsigned long *start)
{
	unsigned long end, address = (unsigned long)at;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, 8192, maps))
		if (sscanf(line, "%lx-%lx", start, &end) == 2 && *start <= address && address < end)
			break;
	if (maps)
		fclose(maps);
	line[strcspn(line, "\n")] = 0;
}

static void show(const char *what, const char *at)
{
	unsigned long start;
	char line[8192];
	struct stat status = {0};
	char *inode, *name;

	find_line(at, line, &start);
	name = strrchr(line, '/');
	inode = strchr(line, ':');
	if (name && stat(strchr(line, '/'), &status) == 0)
		printf("%s: %s, its inode %d\n", what, name, strtoul(inode + 3, NULL, 10) == status.st_ino);
	else
		printf("%s: %s\n", what, name ? name : "no name");
}

static void names(void)
{
	char *first = map("one"), *second = map("one"), *linked = map("two");

	show("opened once", first);
	show("opened again", second);
	show("by another name", linked);
	OBSERVE(rename("one", "renamed"));
	show("renamed", first);
	show("renamed", second);
	show("the other name", linked);
	linked = map("renamed");
	show("opened by the new name", linked);
	OBSERVE(unlink("renamed"));
	show("unlinked", first);
	show("unlinked", linked);
	OBSERVE(link("two", "renamed (deleted)"));
	show("linked by a name like that", map("renamed (deleted)"));
	OBSERVE(link("two", "renamed"));
	show("a new one of that name", map("renamed"));
	show("the old one", second);
	OBSERVE(unlink("two"));
	OBSERVE(unlink("renamed"));
	OBSERVE(unlink("renamed (deleted)"));
	show("the last one", second);
	printf("%.4s %.4s\n", first, linked);
}

static void try_lock(const char *when, int command)
{
	struct flock range = {.l_type = F_WRLCK, .l_len = 1};
	int fd = open("locked", O_RDWR);
	int result = command ? fcntl(fd, command, &range) : flock(fd, LOCK_EX | LOCK_NB);

	printf("%s: %s\n", when, result < 0 ? strerrorname_np(errno) : "locked");
	close(fd);
}

static void locks(int command)
{
	struct flock range = {.l_type = F_WRLCK, .l_len = 1};
	int fd = open("locked", O_RDWR);
	char *bystander = map_at(NULL, "locked", O_RDWR, PROT_READ, MAP_SHARED);
	char *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	OBSERVE(command ? fcntl(fd, command, &range) : flock(fd, LOCK_EX));
	close(fd);
	try_lock("closed and still mapped", command);
	OBSERVE(munmap(bystander, PAGE));
	try_lock("another mapping less", command);
	OBSERVE(munmap(at, PAGE));
	try_lock("unmapped", command);
}

static void execute(const char *when)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		/* What is mapped here is gone only when the program has changed. */
		execl("./script", "script", (char *)NULL);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	printf("%s: %s\n", when, WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "runs");
}

static void writers(void)
{
	char *first = map_at(NULL, "script", O_RDWR, PROT_READ, MAP_SHARED);
	char *second = map_at(NULL, "script", O_RDWR, PROT_READ, MAP_PRIVATE);
	char *reader = map("script");

	execute("mapped twice from where it was open for writing");
	OBSERVE(munmap(first, PAGE));
	execute("mapped once");
	OBSERVE(munmap(second, PAGE));
	execute("mapped for reading");
	OBSERVE(munmap(reader, PAGE));
}

static void count_areas(const char *what, const char *at)
{
	unsigned long first, second;
	char line[8192];

	find_line(at, line, &first);
	find_line(at + PAGE, line, &second);
	printf("%s: %s\n", what, first == second ? "one area" : "two areas");
}

static void areas(void)
{
	char *at = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + PAGE;
	int fd;

	map_at(at, "large", O_RDONLY, PROT_READ, MAP_SHARED);
	fd = open("large", O_RDONLY);
	mmap(at + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE);
	close(fd);
	count_areas("of two opens", at);
	OBSERVE(mprotect(at, 2 * PAGE, PROT_NONE));
	OBSERVE(mprotect(at, 2 * PAGE, PROT_READ));
	count_areas("of two opens, changed together", at);
	munmap(at, 2 * PAGE);
	fd = open("large", O_RDONLY);
	mmap(at, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(at + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE);
	close(fd);
	count_areas("of one open", at);
	printf("%.5s %.5s\n", at, at + PAGE);
}

/* It is mapped again by who may not open it any more. */
static void mapped_again(void)
{
	char *first = map_at(NULL, "large", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *second = map_at(NULL, "large", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED);
	int status;
	pid_t child;

	OBSERVE(chmod("large", 0));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		second = mremap(second, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
		if (second != MAP_FAILED)
			memcpy(second + PAGE, "SECOND", 6);
		_exit(second == MAP_FAILED ? errno : 0);
	}
	waitpid(child, &status, 0);
	first = mremap(first, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	printf("grown: %d, %.6s\n", WEXITSTATUS(status), first + PAGE);
}

static void make(const char *path, const char *text, mode_t mode)
{
	char data[2 * PAGE] = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	memcpy(data, text, strlen(text));
	memcpy(data + PAGE, "second", 6);
	if (write(fd, text[0] == '#' ? text : data, text[0] == '#' ? strlen(text) : sizeof(data)) < 0)
		exit(99);
	close(fd);
}

int main(void)
{
	char directory[] = "/tmp/behind-XXXXXX";

	if (!mkdtemp(directory) || chdir(directory) < 0)
		return 99;
	make("one", "text", 0644);
	make("locked", "text", 0644);
	make("large", "first", 0644);
	make("script", "#!/bin/true\n", 0755);
	OBSERVE(link("one", "two"));
	names();
	locks(0);
	locks(F_OFD_SETLK);
	writers();
	areas();
	mapped_again();
	unlink("locked");
	unlink("large");
	unlink("script");
	return chdir("/") || rmdir(directory);
}
