/* What extended attributes refuse, in all twelve forms and the four that name a directory. */
#include "observe.h"

struct attribute_arguments {
	uint64_t value;
	uint32_t size, flags;
};

static int file, path;
static char room[64], large[65537], long_name[300];

#define SETTING(call, object)                                                                                          \
	do {                                                                                                           \
		CALL(call, object, "user.name", "value", 5, 0);                                                        \
		CALL(call, object, "user.name", "value", 5, 1);                                                        \
		CALL(call, object, "user.none", "value", 5, 2);                                                        \
		CALL(call, object, "user.name", "value", 5, 99);                                                       \
		CALL(call, object, "user.name", large, 65537, 0);                                                      \
		CALL(call, object, "user.name", (void *)8, 5, 0);                                                      \
		CALL(call, object, (void *)8, "value", 5, 0);                                                          \
		CALL(call, object, "", "value", 5, 0);                                                                 \
		CALL(call, object, long_name, "value", 5, 0);                                                          \
		CALL(call, object, "unknown.name", "value", 5, 0);                                                     \
	} while (0)
#define GETTING(call, object)                                                                                          \
	do {                                                                                                           \
		CALL(call, object, "user.name", room, sizeof(room));                                                   \
		CALL(call, object, "user.name", room, 1);                                                              \
		CALL(call, object, "user.none", room, sizeof(room));                                                   \
		CALL(call, object, "user.name", (void *)8, 8);                                                         \
		CALL(call, object, (void *)8, room, sizeof(room));                                                     \
		CALL(call, object, long_name, room, sizeof(room));                                                     \
		CALL(call, object, "unknown.name", room, sizeof(room));                                                \
	} while (0)
#define LISTING(call, object)                                                                                          \
	do {                                                                                                           \
		CALL_SUCCESS(call, object, large, sizeof(large));                                                      \
		CALL(call, object, large, 1);                                                                          \
		CALL(call, object, (void *)8, 1024);                                                                   \
	} while (0)
#define REMOVING(call, object)                                                                                         \
	do {                                                                                                           \
		CALL(call, object, "user.none");                                                                       \
		CALL(call, object, (void *)8);                                                                         \
		CALL(call, object, long_name);                                                                         \
		CALL(call, object, "unknown.name");                                                                    \
		CALL(fsetxattr, file, "user.name", "value", 5, 0);                                                     \
		CALL(call, object, "user.name");                                                                       \
	} while (0)

static void of_files(void)
{
	section("of files");
	SETTING(setxattr, "file");
	SETTING(lsetxattr, "file");
	SETTING(fsetxattr, file);
	GETTING(getxattr, "file");
	GETTING(lgetxattr, "file");
	GETTING(fgetxattr, file);
	LISTING(listxattr, "file");
	LISTING(llistxattr, "file");
	LISTING(flistxattr, file);
	REMOVING(removexattr, "file");
	REMOVING(lremovexattr, "file");
	REMOVING(fremovexattr, file);
}

static void of_others(void)
{
	section("of what may have none");
	CALL(setxattr, "/proc/version", "user.name", "v", 1, 0);
	CALL(getxattr, "/proc/version", "user.name", room, sizeof(room));
	CALL(lsetxattr, "link", "user.name", "v", 1, 0);
	CALL(lgetxattr, "link", "user.name", room, sizeof(room));
	CALL(lremovexattr, "link", "user.name");
	CALL(fsetxattr, path, "user.name", "v", 1, 0);
	CALL(fgetxattr, path, "user.name", room, sizeof(room));
	CALL(flistxattr, path, room, sizeof(room));
	CALL(fremovexattr, path, "user.name");
	CALL(fsetxattr, 99, "user.name", "v", 1, 0);
	CALL(fgetxattr, 99, "user.name", room, sizeof(room));
	CALL(flistxattr, 99, room, sizeof(room));
	CALL(fremovexattr, 99, "user.name");
}

static void by_directory(void)
{
	struct attribute_arguments value = {(uintptr_t)"v", 1, 0}, large_value = {(uintptr_t)large, 65537, 0},
				   flagged = {(uintptr_t)"v", 1, 99}, out = {(uintptr_t)room, sizeof(room), 0},
				   small = {(uintptr_t)room, 1, 0}, bad = {8, 8, 0};

	section("by directory");
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &value, sizeof(value));
	CALL(setxattrat, AT_FDCWD, "file", 1, "user.name", &value, sizeof(value));
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &large_value, sizeof(value));
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &flagged, sizeof(value));
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &bad, sizeof(value));
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &value, 8);
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", &value, 1 << 20);
	CALL(setxattrat, AT_FDCWD, "file", 0, "user.name", (void *)8, sizeof(value));
	CALL(getxattrat, AT_FDCWD, "file", 0, "user.name", &out, sizeof(out));
	CALL(getxattrat, AT_FDCWD, "file", 0, "user.none", &out, sizeof(out));
	CALL(getxattrat, AT_FDCWD, "file", 0, "user.name", &bad, sizeof(bad));
	CALL(setxattrat, file, "", AT_EMPTY_PATH, "user.name", &value, sizeof(value));
	CALL(getxattrat, AT_FDCWD, "file", 0, "user.name", &small, sizeof(small));
	CALL(getxattrat, AT_FDCWD, "file", 0, "user.name", (void *)8, sizeof(out));
	CALL(getxattrat, AT_FDCWD, "file", 1, "user.name", &out, sizeof(out));
	CALL(listxattrat, AT_FDCWD, "file", 0, (void *)8, 1024);
	CALL(listxattrat, AT_FDCWD, "file", 0, room, 1);
	CALL(listxattrat, AT_FDCWD, "file", 1, room, sizeof(room));
	CALL(removexattrat, AT_FDCWD, "file", 1, "user.name");
	CALL(removexattrat, AT_FDCWD, "file", 0, "user.name");
	CALL(removexattrat, AT_FDCWD, "file", 0, "user.name");
}

int main(void)
{
	make_file("file", "content");
	symlink("file", "link");
	memset(long_name, 'n', sizeof(long_name) - 1);
	memcpy(long_name, "user.", 5);
	file = open("file", O_RDWR);
	path = open("file", O_PATH);
	of_files();
	of_others();
	by_directory();
	return 0;
}
