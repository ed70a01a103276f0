/* Threads that rename, link, chdir and unshare beside threads that walk the same names. */
#include "races.h"

#include <sched.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* The file's only byte; 0: it could not be had. */
static char get(int directory, const char *path)
{
	char byte = 0;
	int fd = openat(directory, path, O_RDONLY);

	if (fd < 0)
		return 0;
	(void)!read(fd, &byte, 1);
	close(fd);
	return byte;
}

static void *exchange(void *unused)
{
	WHILE_IT_LASTS
		MUST(syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 2) == 0, 0);
	return unused;
}

static void *read_exchanged(void *unused)
{
	WHILE_IT_LASTS {
		char byte = get(AT_FDCWD, "one");

		MUST(byte == '1' || byte == '2', byte);
	}
	return unused;
}

static void *replace(void *index)
{
	char name[16];

	snprintf(name, sizeof(name), "new%d", (int)(intptr_t)index);
	WHILE_IT_LASTS {
		put(name, "n");
		MUST(rename(name, "replaced") == 0, 0);
	}
	return index;
}

static void *read_replaced(void *unused)
{
	struct stat status;

	WHILE_IT_LASTS {
		MUST(get(AT_FDCWD, "replaced") == 'n', 0);
		MUST(stat("replaced", &status) == 0 && status.st_size == 1, status.st_size);
	}
	return unused;
}

static void *relink(void *index)
{
	WHILE_IT_LASTS {
		MUST(symlink((intptr_t)index ? "one" : "two", (intptr_t)index ? "link1" : "link0") == 0, 0);
		MUST(rename((intptr_t)index ? "link1" : "link0", "link") == 0, 0);
	}
	return index;
}

static void *follow(void *unused)
{
	char target[8] = "";

	WHILE_IT_LASTS {
		ssize_t size = readlink("link", target, sizeof(target));

		MUST(size == 3 && (memcmp(target, "one", 3) == 0 || memcmp(target, "two", 3) == 0), size);
		MUST(get(AT_FDCWD, "link") != 0, 0);
	}
	return unused;
}

static void *make_and_remove(void *unused)
{
	WHILE_IT_LASTS {
		MUST(mkdir("short", 0755) == 0, 0);
		MUST(rmdir("short") == 0 || errno == ENOTEMPTY, 0);
		if (unlink("short/file") == 0)
			MUST(rmdir("short") == 0 || errno == ENOTEMPTY || errno == ENOENT, 0);
		unlink("short/file");
		rmdir("short");
	}
	return unused;
}

static void *look_into(void *unused)
{
	WHILE_IT_LASTS {
		int fd = open("short", O_RDONLY | O_DIRECTORY), file;

		MUST(fd >= 0 || errno == ENOENT, fd);
		if (fd < 0)
			continue;
		file = openat(fd, "nothing", O_RDONLY);
		MUST(file == -1 && errno == ENOENT, file);
		close(fd);
	}
	return unused;
}

static void *wander(void *unused)
{
	WHILE_IT_LASTS {
		MUST(chdir("../first") == 0, 0);
		MUST(chdir("../second") == 0, 0);
	}
	return unused;
}

static void *look_where(void *unused)
{
	char path[4096], *name;

	WHILE_IT_LASTS {
		char byte = get(AT_FDCWD, "where");

		MUST(byte == '1' || byte == '2', byte);
		name = getcwd(path, sizeof(path)) ? strrchr(path, '/') : NULL;
		MUST(name && (strcmp(name, "/first") == 0 || strcmp(name, "/second") == 0), 0);
	}
	return unused;
}

/* What it does to its own directory and mask is nobody else's matter. */
static void *leave_alone(void *unused)
{
	MUST(unshare(CLONE_FS) == 0, 0);
	WHILE_IT_LASTS {
		MUST(chdir("/") == 0, 0);
		umask(0777);
		MUST(get(AT_FDCWD, "where") == 0, 0);
	}
	return unused;
}

int main(void)
{
	put("one", "1");
	put("two", "2");
	put("replaced", "n");
	(void)!symlink("one", "link");
	RACE("renameat2(RENAME_EXCHANGE)", exchange, read_exchanged, read_exchanged);
	RACE("rename over a file", replace, replace, read_replaced, read_replaced);
	RACE("rename over a link", relink, relink, follow, follow);
	RACE("mkdir and rmdir", make_and_remove, look_into, look_into);
	mkdir("first", 0755);
	mkdir("second", 0755);
	put("first/where", "1");
	put("second/where", "2");
	(void)!chdir("first");
	RACE("chdir", wander, look_where, look_where);
	RACE("unshare(CLONE_FS)", leave_alone, look_where, wander);
	return 0;
}
