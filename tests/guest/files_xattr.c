/* Extended attributes: every call by path, link and descriptor, its checks in order, and the *at forms. */
#include "observe.h"

#include <sys/xattr.h>

struct arguments {
	uint64_t value;
	uint32_t size, flags;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The user.* names, sorted: a file system may have others of its own. */
static void show_names(const char *path)
{
	char list[4096], *names[64];
	ssize_t size = listxattr(path, list, sizeof(list));
	int count = 0;

	for (char *name = list; size > 0 && name < list + size; name += strlen(name) + 1)
		if (!strncmp(name, "user.", 5))
			names[count++] = name;
	qsort(names, count, sizeof(*names), compare);
	printf("names of %s:", path);
	for (int i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
	fflush(stdout);
}

static void setting_and_getting(void)
{
	char *value = at_page_end(5), *room = at_page_end(5);
	int fd = open("f", O_RDONLY);

	section("setting and getting");
	memcpy(value, "value", 5);
	OBSERVE(setxattr("f", "user.one", value, 5, 0));
	OBSERVE(setxattr("f", "user.one", value, 5, XATTR_CREATE));
	OBSERVE(setxattr("f", "user.two", value, 5, XATTR_REPLACE));
	OBSERVE(setxattr("f", "user.two", value, 5, XATTR_CREATE));
	OBSERVE(setxattr("f", "user.two", value, 3, XATTR_REPLACE));
	OBSERVE(fsetxattr(fd, "user.empty", "", 0, 0));
	OBSERVE(setxattr("f", "user.one", value, 5, 7));
	OBSERVE(getxattr("f", "user.one", NULL, 0));
	OBSERVE(getxattr("f", "user.one", room, 5));
	printf("%.5s\n", room);
	OBSERVE(getxattr("f", "user.one", room, 4));
	OBSERVE(getxattr("f", "user.two", room, 5));
	OBSERVE(getxattr("f", "user.empty", room, 5));
	OBSERVE(getxattr("f", "user.none", room, 5));
	OBSERVE(fgetxattr(fd, "user.one", room, 5));
	OBSERVE(getxattr("f", "user.one", room + 1, 5));
	OBSERVE(getxattr("to_f", "user.one", room, 5));
	OBSERVE(lgetxattr("to_f", "user.one", room, 5));
	OBSERVE(lsetxattr("to_f", "user.one", value, 5, 0));
	OBSERVE(setxattr("d", "user.dir", value, 5, 0));
	OBSERVE(getxattr("d", "user.dir", room, 5));
	show_names("f");
	show_names("d");
	close(fd);
}

static void checks(void)
{
	static char long_name[400] = "user.", big[70000];
	int place = open("f", O_PATH);

	section("checks");
	memset(long_name + 5, 'n', 251);
	OBSERVE(setxattr("f", long_name, "v", 1, 0));
	OBSERVE(getxattr("f", long_name, big, 10));
	OBSERVE(removexattr("f", long_name));
	OBSERVE(setxattr("f", "", "v", 1, 0));
	OBSERVE(setxattr("f", "nonamespace", "v", 1, 0));
	OBSERVE(setxattr("f", "strange.name", "v", 1, 0));
	OBSERVE(setxattr("f", "user.", "v", 1, 0));
	OBSERVE(getxattr("f", "strange.name", big, 1));
	OBSERVE(setxattr("f", "user.big", big, sizeof(big), 0));
	OBSERVE(setxattr("f", "user.big", NULL, 10, 0));
	OBSERVE(setxattr("f", NULL, "v", 1, 0));
	OBSERVE(setxattr("missing", "user.x", "v", 1, 0));
	OBSERVE(setxattr("missing", "user.x", "v", 1, 9));
	OBSERVE(setxattr("", "user.x", "v", 1, 0));
	OBSERVE(setxattr("f/x", "user.x", "v", 1, 0));
	OBSERVE(fsetxattr(-1, "user.x", "v", 1, 0));
	OBSERVE(fgetxattr(place, "user.one", big, 10));
	OBSERVE(flistxattr(place, big, 10));
	OBSERVE(fremovexattr(place, "user.one"));
	OBSERVE(fsetxattr(-1, "", "v", 1, 0));
	OBSERVE(listxattr("f", big, 3));
	OBSERVE(listxattr("missing", big, 3));
	OBSERVE(removexattr("f", "user.none"));
	OBSERVE(removexattr("missing", "user.none"));
	close(place);
}

static void removing(void)
{
	int fd = open("f", O_RDONLY);

	section("removing");
	OBSERVE(removexattr("f", "user.two"));
	OBSERVE(fremovexattr(fd, "user.empty"));
	OBSERVE(lremovexattr("to_f", "user.one"));
	show_names("f");
	OBSERVE(removexattr("to_f", "user.one"));
	show_names("f");
	close(fd);
}

static void at_forms(void)
{
	char room[8] = "";
	struct arguments set = {(uintptr_t) "abc", 3, 0}, get = {(uintptr_t)room, 8, 0}, bad = {(uintptr_t)room, 8, 1};
	struct {
		struct arguments known;
		uint64_t more;
	} longer = {set, 0}, wrong = {set, 1};
	int directory = open(".", O_RDONLY), fd = open("f", O_RDONLY), place = open("f", O_PATH);

	section("at");
	OBSERVE(syscall(SYS_setxattrat, directory, "f", 0, "user.at", &set, sizeof(set)));
	OBSERVE(syscall(SYS_getxattrat, directory, "f", 0, "user.at", &get, sizeof(get)));
	printf("%s\n", room);
	OBSERVE(syscall(SYS_getxattrat, fd, "", AT_EMPTY_PATH, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, fd, NULL, AT_EMPTY_PATH, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, place, "", AT_EMPTY_PATH, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, fd, "", 0, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, directory, "to_f", AT_SYMLINK_NOFOLLOW, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, directory, "f", 0, "user.at", &bad, sizeof(bad)));
	OBSERVE(syscall(SYS_getxattrat, directory, "f", 0x40, "user.at", &get, sizeof(get)));
	OBSERVE(syscall(SYS_getxattrat, directory, "f", 0, "user.at", &get, 15));
	OBSERVE(syscall(SYS_getxattrat, directory, "f", 0, "user.at", &get, 5000));
	OBSERVE(syscall(SYS_setxattrat, directory, "f", 0, "user.at", &longer, sizeof(longer)));
	OBSERVE(syscall(SYS_setxattrat, directory, "f", 0, "user.at", &wrong, sizeof(wrong)));
	OBSERVE(syscall(SYS_listxattrat, directory, "f", 0x40, room, 8));
	OBSERVE(syscall(SYS_listxattrat, directory, "f", 0, room, 8));
	OBSERVE(syscall(SYS_removexattrat, directory, "f", 0, "user.at"));
	OBSERVE(syscall(SYS_removexattrat, fd, "", AT_EMPTY_PATH, "user.at"));
	close(directory);
	close(fd);
	close(place);
}

int main(void)
{
	make_file("f", "content");
	mkdir("d", 0755);
	if (symlink("f", "to_f") < 0)
		return 99;
	setting_and_getting();
	checks();
	removing();
	at_forms();
	return 0;
}
