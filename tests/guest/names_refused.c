/* Names that may not be made, removed, moved or linked, by every call that could; and directories that can't be read. */
#include "observe.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define RENAME(from, to)                                                                                               \
	do {                                                                                                           \
		CALL(rename, from, to);                                                                                \
		CALL(renameat, AT_FDCWD, from, AT_FDCWD, to);                                                          \
		CALL(renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);                                                      \
	} while (0)
#define LINK(from, to)                                                                                                 \
	do {                                                                                                           \
		CALL(link, from, to);                                                                                  \
		CALL(linkat, AT_FDCWD, from, AT_FDCWD, to, 0);                                                         \
	} while (0)

static void prepare(void)
{
	make_file("file", "content");
	make_file("other", "content");
	mkdir("empty", 0755);
	mkdir("full", 0755);
	make_file("full/file", "content");
	symlink("file", "link");
}

static void moving(void)
{
	section("moving");
	RENAME("full", "full/below");
	RENAME("file", "empty");
	RENAME("empty", "file");
	RENAME("empty", "full");
	RENAME("full/.", "new");
	RENAME("file", "/dev/shm/names_refused");
	RENAME("/proc", "new");
	RENAME("file", "/proc");
	RENAME("missing", "new");
	RENAME("file/x", "new");
	CALL(renameat2, AT_FDCWD, "file", AT_FDCWD, "other", 1);
	CALL(renameat2, AT_FDCWD, "file", AT_FDCWD, "missing", 2);
	CALL(renameat2, AT_FDCWD, "file", AT_FDCWD, "other", 3);
	CALL(renameat2, AT_FDCWD, "file", AT_FDCWD, "other", 64);
}

static void linking(void)
{
	section("linking");
	LINK("file", "other");
	LINK("empty", "new");
	LINK("file", "/dev/shm/names_refused");
	CALL(linkat, AT_FDCWD, "file", AT_FDCWD, "new", 1);
	CALL(symlink, "target", "file");
	CALL(symlinkat, "target", AT_FDCWD, "file");
	CALL(symlink, "", "new");
	CALL(symlinkat, "", AT_FDCWD, "new");
	CALL(symlink, NULL, "new");
	CALL(symlinkat, NULL, AT_FDCWD, "new");
}

static void removing(void)
{
	section("removing");
	CALL(unlink, "empty");
	CALL(unlinkat, AT_FDCWD, "empty", 0);
	CALL(unlinkat, AT_FDCWD, "file", AT_REMOVEDIR);
	CALL(unlinkat, AT_FDCWD, "full", AT_REMOVEDIR);
	CALL(unlinkat, AT_FDCWD, "/proc", AT_REMOVEDIR);
	CALL(unlinkat, AT_FDCWD, "empty/.", AT_REMOVEDIR);
	CALL(unlinkat, AT_FDCWD, "file", 1);
	CALL(rmdir, "full");
	CALL(rmdir, "/proc");
	CALL(rmdir, "empty/.");
	CALL(rmdir, "empty/..");
	CALL(rmdir, "file");
}

static void making(void)
{
	section("making");
	CALL(mkdir, "file", 0755);
	CALL(mkdirat, AT_FDCWD, "file", 0755);
	CALL(mkdir, "file/below", 0755);
	CALL(mkdir, "/proc/new", 0755);
	CALL(mkdirat, AT_FDCWD, "/proc/new", 0755);
	CALL(mknod, "file", S_IFREG | 0600, 0);
	CALL(mknodat, AT_FDCWD, "file", S_IFREG | 0600, 0);
	CALL(mknod, "new", S_IFDIR | 0600, 0);
	CALL(mknodat, AT_FDCWD, "new", S_IFDIR | 0600, 0);
	CALL(mknod, "new", 0170000, 0);
	CALL(mknodat, AT_FDCWD, "new", 0170000, 0);
	CALL(mknod, "regular", 0640, 0);
	CALL(mknodat, AT_FDCWD, "regular2", S_IFREG | 0640, 0);
}

static void reading_links(void)
{
	char text[16];

	section("reading links");
	CALL(readlink, "link", text, sizeof(text));
	CALL(readlink, "link", text, 0);
	CALL(readlink, "link", text, -1);
	CALL(readlink, "link", (void *)8, 8);
	CALL(readlink, "file", text, sizeof(text));
	CALL(readlinkat, AT_FDCWD, "link", text, sizeof(text));
	CALL(readlinkat, AT_FDCWD, "link", text, 0);
	CALL(readlinkat, AT_FDCWD, "link", (void *)8, 8);
	CALL(readlinkat, AT_FDCWD, "file", text, sizeof(text));
}

static void reading_directories(void)
{
	char buffer[1024];
	int directory = open("full", O_RDONLY), file = open("file", O_RDONLY), gone, path = open("full", O_PATH);
	int home = open(".", O_RDONLY);

	section("reading directories");
	mkdir("gone", 0755);
	gone = open("gone", O_RDONLY);
	rmdir("gone");
	CALL_SUCCESS(getdents, directory, buffer, sizeof(buffer));
	CALL(getdents, directory, buffer, sizeof(buffer));
	CALL(lseek, directory, 0, SEEK_SET);
	CALL_SUCCESS(getdents64, directory, buffer, sizeof(buffer));
	CALL(lseek, directory, 0, SEEK_SET);
	CALL(getdents, directory, buffer, 8);
	CALL(getdents64, directory, buffer, 8);
	CALL(getdents, directory, (void *)8, sizeof(buffer));
	CALL(getdents64, directory, (void *)8, sizeof(buffer));
	CALL(getdents, gone, buffer, sizeof(buffer));
	CALL(getdents64, gone, buffer, sizeof(buffer));
	CALL(getdents, file, buffer, sizeof(buffer));
	CALL(getdents64, file, buffer, sizeof(buffer));
	CALL(getdents, path, buffer, sizeof(buffer));
	CALL(getdents, 99, buffer, sizeof(buffer));
	CALL(getdents64, 99, buffer, sizeof(buffer));
	CALL(fchdir, directory);
	CALL(fchdir, path);
	CALL(chdir, "..");
	CALL(fchdir, file);
	CALL(fchdir, 99);
	CALL(fchdir, gone);
	CALL(fchdir, home);
	close(directory);
	close(file);
	close(gone);
	close(path);
	close(home);
}

/* Directories below each other until their path is longer than a path may be. */
static void working_directory(void)
{
	static char name[256], path[8192];
	int home = open(".", O_RDONLY);

	section("working directory");
	memset(name, 'd', 255);
	CALL_SUCCESS(getcwd, path, sizeof(path));
	CALL(getcwd, path, 2);
	CALL(getcwd, path, 0);
	CALL(getcwd, (void *)8, sizeof(path));
	for (int depth = 0; depth < 17; depth++)
		if (mkdir(name, 0755) || chdir(name))
			printf("depth %d\n", depth);
	CALL(getcwd, path, sizeof(path));
	for (int depth = 0; depth < 17; depth++)
		if (chdir("..") || rmdir(name))
			printf("depth %d\n", depth);
	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	CALL(getcwd, path, sizeof(path));
	CALL(mkdir, "below", 0755);
	CALL(open, "below", O_CREAT | O_RDWR, 0600);
	fchdir(home);
	close(home);
}

/* ".." of a directory that may be searched, while the one above may not. */
static void below_a_closed_directory(void)
{
	struct stat status;
	int home = open(".", O_RDONLY);

	section("below a closed directory");
	mkdir("shut", 0755);
	mkdir("shut/inner", 0755);
	make_file("shut/file", "content");
	make_file("shut/inner/file", "content");
	CALL(chdir, "shut/inner");
	CALL(chmod, "..", 0);
	CALL(newfstatat, AT_FDCWD, ".", &status, 0);
	CALL(newfstatat, AT_FDCWD, "file", &status, 0);
	CALL(newfstatat, AT_FDCWD, "..", &status, 0);
	CALL(newfstatat, AT_FDCWD, "../", &status, 0);
	CALL(newfstatat, AT_FDCWD, "../.", &status, 0);
	CALL(newfstatat, AT_FDCWD, "../file", &status, 0);
	CALL(newfstatat, AT_FDCWD, "../inner", &status, 0);
	CALL(newfstatat, AT_FDCWD, "../..", &status, 0);
	CALL_CLOSE(open, "..", O_PATH);
	CALL_CLOSE(open, "..", O_RDONLY);
	CALL(chdir, "..");
	CALL(chmod, "..", 0100);
	CALL(newfstatat, AT_FDCWD, "../..", &status, 0);
	CALL(chdir, "../..");
	CALL(chmod, "shut", 0755);
	CALL(fchdir, home);
	close(home);
}

/* What a user is refused: others' names in a sticky directory, directories that can't be searched or written. */
static void as_user(void)
{
	int directory;

	below_a_closed_directory();
	mkdir("closed", 0755);
	make_file("closed/file", "content");
	mkdir("unreadable", 0300);
	mkdir("unwritable", 0555);
	directory = open("closed", O_RDONLY);
	chmod("closed", 0600);
	make_file("mine", "content");
	CALL(fchdir, directory);
	CALL(open, "unreadable", O_RDONLY);
	CALL(open, "unwritable/new", O_CREAT | O_RDWR, 0600);
	CALL(openat, AT_FDCWD, "unwritable/new", O_CREAT | O_RDWR, 0600);
	CALL(mknod, "unwritable/new", S_IFIFO | 0600, 0);
	CALL(mknodat, AT_FDCWD, "unwritable/new", S_IFIFO | 0600, 0);
	CALL(mkdir, "unwritable/new", 0700);
	CALL(mkdirat, AT_FDCWD, "unwritable/new", 0700);
	CALL(symlink, "target", "unwritable/new");
	CALL(symlinkat, "target", AT_FDCWD, "unwritable/new");
	RENAME("mine", "unwritable/new");
	LINK("mine", "unwritable/new");
	if (geteuid() == 65534 && access("../sticky/file", F_OK) == 0) {
		CALL(unlink, "../sticky/file");
		CALL(unlinkat, AT_FDCWD, "../sticky/file", 0);
		CALL(rmdir, "../sticky/directory");
		CALL(unlinkat, AT_FDCWD, "../sticky/directory", AT_REMOVEDIR);
		RENAME("../sticky/file", "../sticky/new");
		RENAME("mine", "../sticky/file");
		LINK("../sticky/secret", "new");
	}
	close(directory);
}

static void refuse_users(void)
{
	umask(0);
	mkdir("sticky", 01777);
	make_file("sticky/file", "content");
	make_file("sticky/secret", "content");
	chmod("sticky/secret", 0600);
	mkdir("sticky/directory", 0755);
	umask(022);
	as_nobody(as_user);
}

int main(void)
{
	umask(022);
	prepare();
	moving();
	linking();
	removing();
	making();
	reading_links();
	reading_directories();
	working_directory();
	refuse_users();
	return 0;
}
