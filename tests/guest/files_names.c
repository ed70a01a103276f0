/* Names: mkdir, rmdir, unlink, rename, link, symlink, mknod, readlink, with the errnos of each; directories read back. */
#include "observe.h"

#include <dirent.h>
#include <sys/sysmacros.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory, sorted, with their types. */
static void list(const char *path)
{
	char *names[64];
	int count = 0;
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	while ((entry = readdir(directory)) && count < 64) {
		names[count] = malloc(strlen(entry->d_name) + 16);
		sprintf(names[count++], "%s:%d", entry->d_name, entry->d_type);
	}
	closedir(directory);
	qsort(names, (size_t)count, sizeof(*names), by_name);
	printf("%s:", path);
	for (int i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
	fflush(stdout);
}

static void directories(void)
{
	section("mkdir, rmdir");
	OBSERVE(mkdir("d", 0777));
	OBSERVE(mkdir("d", 0777));
	OBSERVE(mkdir("d/", 0777));
	OBSERVE(mkdir("slash/", 0777));
	OBSERVE(mkdir("d/.", 0777));
	OBSERVE(mkdir("d/..", 0777));
	OBSERVE(mkdir("/", 0777));
	OBSERVE(mkdir("", 0777));
	OBSERVE(mkdir("/dev", 0777));
	OBSERVE(mkdir("/proc/", 0777));
	OBSERVE(mkdir("missing/d", 0777));
	OBSERVE(mkdirat(99, "d", 0777));
	make_file("f", "text");
	OBSERVE(mkdir("f", 0777));
	OBSERVE(mkdir("f/d", 0777));
	symlink("nowhere", "dangling");
	OBSERVE(mkdir("dangling", 0777));
	OBSERVE(mkdir("dangling/", 0777));
	symlink("d", "to_d");
	OBSERVE(mkdir("to_d/inner", 0700));
	OBSERVE(rmdir("d"));
	OBSERVE(rmdir("d/inner/."));
	OBSERVE(rmdir("d/inner/.."));
	OBSERVE(rmdir("/"));
	OBSERVE(rmdir("/dev"));
	OBSERVE(rmdir("f"));
	OBSERVE(rmdir("f/"));
	OBSERVE(rmdir("to_d"));
	OBSERVE(rmdir("to_d/"));
	OBSERVE(rmdir("missing"));
	OBSERVE(rmdir("to_d/inner/"));
	OBSERVE(unlinkat(AT_FDCWD, "slash", AT_REMOVEDIR));
	OBSERVE(unlinkat(AT_FDCWD, "slash", 1));
	list(".");
}

static void unlinking(void)
{
	section("unlink");
	make_file("u", "text");
	OBSERVE(unlink("u/"));
	OBSERVE(unlink("u"));
	OBSERVE(unlink("u"));
	OBSERVE(unlink("d"));
	OBSERVE(unlink("d/"));
	OBSERVE(unlink("d/."));
	OBSERVE(unlink("/"));
	OBSERVE(unlink("/dev"));
	OBSERVE(unlink("to_d/"));
	OBSERVE(unlink("dangling"));
	OBSERVE(unlink(""));
	OBSERVE(unlink(NULL));
	OBSERVE(unlink("missing/u"));
	OBSERVE(unlink("missing/"));
}

static void renaming(void)
{
	section("rename");
	make_file("a", "a");
	make_file("b", "b");
	mkdir("da", 0755);
	mkdir("db", 0755);
	make_file("db/x", "x");
	OBSERVE(rename("a", "c"));
	show_file("c");
	OBSERVE(rename("c", "b"));
	show_file("b");
	OBSERVE(rename("missing", "b"));
	OBSERVE(rename("b", "da"));
	OBSERVE(rename("da", "b"));
	OBSERVE(rename("da", "db"));
	OBSERVE(rename("db", "da"));
	OBSERVE(rename("da", "da/inside"));
	OBSERVE(rename("b", "new/"));
	OBSERVE(rename("b/", "new"));
	OBSERVE(rename("da", "new/"));
	OBSERVE(rename("new/", "da/"));
	OBSERVE(rename("da/.", "e"));
	OBSERVE(rename("da", "b/.."));
	OBSERVE(rename("da", ".."));
	OBSERVE(rename("/", "e"));
	OBSERVE(rename("/dev", "e"));
	OBSERVE(rename("b", "/proc"));
	OBSERVE(rename("b", "/proc/b"));
	OBSERVE(rename("b", "/dev/shm/run_both_rename"));
	OBSERVE(rename("b", "b"));
	OBSERVE(rename("to_d", "to_d2"));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "da", 1));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "free", 1));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "free", AT_FDCWD, "da", 2));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "free", AT_FDCWD, "missing", 2));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "free", AT_FDCWD, "da", 3));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "free", AT_FDCWD, "da", 8));
	OBSERVE(syscall(SYS_renameat2, AT_FDCWD, "free", AT_FDCWD, "da/..", 1));
	list(".");
	list("free");
}

static void linking(void)
{
	struct stat status;
	int fd;

	section("link");
	make_file("l", "l");
	symlink("l", "to_l");
	OBSERVE(link("l", "l2"));
	stat("l", &status);
	printf("links %ld\n", (long)status.st_nlink);
	OBSERVE(link("l", "l2"));
	OBSERVE(link("missing", "l3"));
	OBSERVE(link("l", "l3/"));
	OBSERVE(link("l", "d/."));
	OBSERVE(link("d", "d2"));
	OBSERVE(link("l/", "l4"));
	OBSERVE(link("l", "missing/l"));
	OBSERVE(link("l", "/dev/shm/run_both_link"));
	OBSERVE(link("to_l", "to_l2"));
	OBSERVE(linkat(AT_FDCWD, "to_l", AT_FDCWD, "l5", AT_SYMLINK_FOLLOW));
	OBSERVE(linkat(AT_FDCWD, "to_l", AT_FDCWD, "l6", 1));
	lstat("to_l2", &status);
	printf("mode %o, links %ld\n", status.st_mode, (long)status.st_nlink);
	stat("l", &status);
	printf("links %ld\n", (long)status.st_nlink);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0) {
		char path[64];

		OBSERVE(write(fd, "kept", 4));
		sprintf(path, "/proc/self/fd/%d", fd);
		OBSERVE(linkat(AT_FDCWD, path, AT_FDCWD, "kept", AT_SYMLINK_FOLLOW));
		close(fd);
		show_file("kept");
	}
}

static void symbolic(void)
{
	char text[16], *edge = at_page_end(4);
	int fd;

	section("symlink, readlink");
	OBSERVE(symlink("target", "s"));
	OBSERVE(symlink("target", "s"));
	OBSERVE(symlink("", "s2"));
	OBSERVE(symlink("target", ""));
	OBSERVE(symlink("target", "s2/"));
	OBSERVE(symlink("target", "missing/s"));
	OBSERVE(symlink(NULL, "s2"));
	OBSERVE(readlink("s", text, sizeof(text)));
	printf("%.6s\n", text);
	OBSERVE(readlink("s", text, 3));
	OBSERVE(readlink("s", text, 0));
	OBSERVE(readlink("s", text, (size_t)-1));
	OBSERVE(readlink("s", edge, 4));
	printf("%.4s\n", edge);
	OBSERVE(readlink("s", edge, 64));
	OBSERVE(readlink("s", NULL, 64));
	OBSERVE(readlink("l", text, sizeof(text)));
	OBSERVE(readlink("d", text, sizeof(text)));
	OBSERVE(readlink("missing", text, sizeof(text)));
	OBSERVE(readlink("", text, sizeof(text)));
	OBSERVE(readlink("s/", text, sizeof(text)));
	OBSERVE(readlink("to_l/", text, sizeof(text)));
	OBSERVE(readlink("l/x", text, sizeof(text)));
	fd = open("s", O_PATH | O_NOFOLLOW);
	OBSERVE(readlinkat(fd, "", text, sizeof(text)));
	close(fd);
	fd = open("d", O_PATH);
	OBSERVE(readlinkat(fd, "", text, sizeof(text)));
	OBSERVE(readlinkat(fd, "../s", text, sizeof(text)));
	close(fd);
}

static void nodes(void)
{
	struct stat status;

	section("mknod");
	OBSERVE(mknod("fifo", S_IFIFO | 0666, 0));
	OBSERVE(mknod("fifo", S_IFIFO | 0666, 0));
	OBSERVE(mknod("regular", 0640, 0));
	OBSERVE(mknod("socket", S_IFSOCK | 0600, 0));
	OBSERVE(mknod("directory", S_IFDIR | 0600, 0));
	OBSERVE(mknod("wrong", 0170000 | 0600, 0));
	OBSERVE(mknod("fifo2/", S_IFIFO | 0600, 0));
	OBSERVE(mknod("/dev", S_IFIFO | 0600, 0));
	stat("fifo", &status);
	printf("mode %o\n", status.st_mode);
	stat("regular", &status);
	printf("mode %o\n", status.st_mode);
	stat("socket", &status);
	printf("mode %o\n", status.st_mode);
	OBSERVE(open("socket", O_RDONLY));
	OBSERVE(open("fifo", O_WRONLY | O_NONBLOCK));
	OBSERVE(close(open("fifo", O_RDONLY | O_NONBLOCK)));
	list(".");
}

/* Every entry once, whatever the buffer; positions can be returned to. */
static void reading(void)
{
	char name[32], buffer[512];
	long got, entries = 0, small = 0;
	int fd;

	section("getdents64");
	mkdir("many", 0755);
	for (int i = 0; i < 500; i++) {
		sprintf(name, "many/entry%03d", i);
		close(creat(name, 0600));
	}
	fd = open("many", O_RDONLY | O_DIRECTORY);
	while ((got = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < got; at += *(unsigned short *)(buffer + at + 16))
			entries++;
		small += got <= 440;
	}
	printf("end %ld, entries %ld, small buffers %ld\n", got, entries, small);
	OBSERVE(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)));
	OBSERVE(lseek(fd, 0, SEEK_SET));
	OBSERVE(syscall(SYS_getdents64, fd, buffer, 10) );
	OBSERVE(syscall(SYS_getdents64, fd, buffer, 24));
	OBSERVE(syscall(SYS_getdents64, fd, NULL, sizeof(buffer)));
	OBSERVE(syscall(SYS_getdents64, 99, buffer, sizeof(buffer)));
	entries = 0;
	lseek(fd, 0, SEEK_SET);
	while ((got = syscall(SYS_getdents, fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < got; at += *(unsigned short *)(buffer + at + 16))
			entries++;
	printf("end %ld, entries %ld\n", got, entries);
	OBSERVE(read(fd, buffer, 1));
	close(fd);
	fd = open("l", O_RDONLY);
	OBSERVE(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)));
	close(fd);
	mkdir("gone", 0755);
	fd = open("gone", O_RDONLY);
	rmdir("gone");
	OBSERVE(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)));
	OBSERVE(openat(fd, "x", O_CREAT | O_RDWR, 0600));
	close(fd);
}

int main(void)
{
	umask(022);
	directories();
	unlinking();
	renaming();
	linking();
	symbolic();
	nodes();
	reading();
	return 0;
}
