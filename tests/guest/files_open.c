/* Opening by path: flags, links, trailing slashes, "." and "..", errnos; openat2's restrictions. */
#include "observe.h"

#include <linux/openat2.h>

static int raw_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return opened((int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

static void prepare(void)
{
	mkdir("dir", 0755);
	mkdir("dir/sub", 0755);
	make_file("file", "content of file");
	make_file("dir/inner", "content of inner");
	symlink("file", "to_file");
	symlink("dir", "to_dir");
	symlink("to_dir", "to_to_dir");
	symlink("missing", "dangling");
	symlink("missing/deep", "dangling_deep");
	symlink("loop_b", "loop_a");
	symlink("loop_a", "loop_b");
	symlink("self", "self");
	symlink("..", "dir/up");
	symlink("../file", "dir/up_file");
	symlink("sub/", "dir/slash");
	symlink(".", "dot");
	symlink("/", "root");
	symlink("/dev/null", "null");
	symlink("file/", "to_file_slash");
}

static void plain(void)
{
	section("plain");
	OBSERVE(opened(open("file", O_RDONLY)));
	OBSERVE(opened(open("./file", O_RDONLY)));
	OBSERVE(opened(open("dir//inner", O_RDONLY)));
	OBSERVE(opened(open("dir/../file", O_RDONLY)));
	OBSERVE(opened(open("dir/sub/../../file", O_RDONLY)));
	OBSERVE(opened(open("dir/sub/../inner", O_RDONLY)));
	OBSERVE(opened(open("missing/../file", O_RDONLY)));
	OBSERVE(opened(open("file/../file", O_RDONLY)));
	OBSERVE(opened(open("file/x", O_RDONLY)));
	OBSERVE(opened(open("file/", O_RDONLY)));
	OBSERVE(opened(open("file/.", O_RDONLY)));
	OBSERVE(opened(open("dir/", O_RDONLY)));
	OBSERVE(opened(open("dir/.", O_RDONLY)));
	OBSERVE(opened(open("missing", O_RDONLY)));
	OBSERVE(opened(open("missing/x", O_RDONLY)));
	OBSERVE(opened(open("missing/", O_RDONLY)));
	OBSERVE(opened(open("", O_RDONLY)));
	OBSERVE(opened(open("/", O_RDONLY)));
	OBSERVE(opened(open("//", O_RDONLY)));
	OBSERVE(opened(open("/..", O_RDONLY)));
	OBSERVE(opened(open("/../..//dev/../dev/null", O_RDONLY)));
	OBSERVE(opened(open(".", O_RDONLY)));
	OBSERVE(opened(open("..", O_RDONLY)));
	OBSERVE(opened(open("dir", O_WRONLY)));
	OBSERVE(opened(open("dir", O_RDWR)));
	OBSERVE(opened(open("file", O_DIRECTORY)));
	OBSERVE(opened(open("dir", O_DIRECTORY)));
	OBSERVE(opened(open("dir", O_DIRECTORY | O_TRUNC)));
	OBSERVE(opened(open("dir", O_TRUNC)));
	OBSERVE(opened(open((char *)1, O_RDONLY)));
	OBSERVE(opened(open(string_at_page_end("file"), O_RDONLY)));
	OBSERVE(opened(open(memset(at_page_end(4), 'x', 4), O_RDONLY)));
	OBSERVE(opened(openat(99, "file", O_RDONLY)));
	OBSERVE(opened(openat(99, "/dev/null", O_RDONLY)));
	OBSERVE(opened(open("file", 3)));
	OBSERVE(opened(open("file", O_RDONLY | 0x40000000)));
}

static void lengths(void)
{
	static char path[5000];

	section("lengths");
	memset(path, 'a', 255);
	OBSERVE(opened(open(path, O_RDONLY)));
	memset(path, 'a', 256);
	OBSERVE(opened(open(path, O_RDONLY)));
	memset(path, '/', 4095);
	memcpy(path + 4091, "file", 5);
	path[0] = '.';
	OBSERVE(opened(open(path, O_RDONLY)));
	memset(path, '/', 4096);
	memcpy(path + 4092, "file", 5);
	path[0] = '.';
	OBSERVE(opened(open(path, O_RDONLY)));
	memset(path, 'x', 256);
	memcpy(path, "missing/", 8);
	path[300] = 0;
	OBSERVE(opened(open(path, O_RDONLY)));
}

static void links(void)
{
	section("links");
	OBSERVE(opened(open("to_file", O_RDONLY)));
	OBSERVE(opened(open("to_dir", O_RDONLY)));
	OBSERVE(opened(open("to_to_dir/inner", O_RDONLY)));
	OBSERVE(opened(open("to_dir/../file", O_RDONLY)));
	OBSERVE(opened(open("dir/up/file", O_RDONLY)));
	OBSERVE(opened(open("dir/up/dir/up/dir/up_file", O_RDONLY)));
	OBSERVE(opened(open("dir/slash/../inner", O_RDONLY)));
	OBSERVE(opened(open("dir/slash", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("dot/dot/dot/file", O_RDONLY)));
	OBSERVE(opened(open("root/dev/null", O_RDONLY)));
	OBSERVE(opened(open("null", O_WRONLY)));
	OBSERVE(opened(open("dangling", O_RDONLY)));
	OBSERVE(opened(open("loop_a", O_RDONLY)));
	OBSERVE(opened(open("self", O_RDONLY)));
	OBSERVE(opened(open("self/x", O_RDONLY)));
	OBSERVE(opened(open("to_file/", O_RDONLY)));
	OBSERVE(opened(open("to_dir/", O_RDONLY)));
	OBSERVE(opened(open("to_file_slash", O_RDONLY)));
	OBSERVE(opened(open("to_file/x", O_RDONLY)));
	section("O_NOFOLLOW");
	OBSERVE(opened(open("to_file", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("to_dir", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("to_dir", O_RDONLY | O_NOFOLLOW | O_DIRECTORY)));
	OBSERVE(opened(open("to_dir/", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("to_dir/inner", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("file", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("dangling", O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("to_file", O_PATH | O_NOFOLLOW)));
	OBSERVE(opened(open("to_dir", O_PATH | O_NOFOLLOW | O_DIRECTORY)));
	OBSERVE(opened(open("dangling", O_PATH)));
}

static void forty_links(void)
{
	char name[16], target[16];

	section("chains");
	make_file("c0", "end");
	for (int i = 1; i <= 42; i++) {
		sprintf(name, "c%d", i);
		sprintf(target, "c%d", i - 1);
		symlink(target, name);
	}
	OBSERVE(opened(open("c39", O_RDONLY)));
	OBSERVE(opened(open("c40", O_RDONLY)));
	OBSERVE(opened(open("c41", O_RDONLY)));
	OBSERVE(opened(open("c41", O_PATH | O_NOFOLLOW)));
}

static void creating(void)
{
	struct stat status;

	section("creating");
	umask(027);
	OBSERVE(opened(open("new", O_RDWR | O_CREAT, 0666)));
	stat("new", &status);
	printf("mode %o\n", status.st_mode);
	OBSERVE(opened(open("new", O_RDWR | O_CREAT | O_EXCL, 0666)));
	OBSERVE(opened(open("new2", O_RDWR | O_CREAT | O_EXCL, 07777)));
	stat("new2", &status);
	printf("mode %o\n", status.st_mode);
	OBSERVE(opened(open("readonly", O_RDONLY | O_CREAT, 0444)));
	OBSERVE(opened(open("dangling", O_RDWR | O_CREAT, 0600)));
	OBSERVE(access("missing", F_OK));
	unlink("missing");
	OBSERVE(opened(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600)));
	OBSERVE(opened(open("dangling", O_RDWR | O_CREAT | O_NOFOLLOW, 0600)));
	OBSERVE(opened(open("to_file", O_RDWR | O_CREAT | O_EXCL, 0600)));
	OBSERVE(opened(open("dangling_deep", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("loop_a", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("newdir/", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("dir/", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("dir/.", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("dir/..", O_RDONLY | O_CREAT | O_EXCL, 0600)));
	OBSERVE(opened(open("file/", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("missing/x", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("missing/x/", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("file/x", O_RDWR | O_CREAT, 0600)));
	OBSERVE(opened(open("dir", O_RDONLY | O_CREAT, 0600)));
	OBSERVE(opened(open("dir", O_RDONLY | O_CREAT | O_EXCL, 0600)));
	OBSERVE(opened(open("to_dir/made", O_WRONLY | O_CREAT | O_EXCL, 0600)));
	OBSERVE(access("dir/made", F_OK));
	OBSERVE(opened(creat("to_file", 0600)));
	show_file("file");
	make_file("file", "content of file");
	OBSERVE(opened(open("file", O_RDONLY | O_TRUNC)));
	show_file("file");
	umask(022);
}

static void flags(void)
{
	int fd;

	section("flags");
	fd = open("file", O_RDWR | O_APPEND | O_NONBLOCK | O_CREAT, 0600);
	OBSERVE(fcntl(fd, F_GETFL));
	OBSERVE(fcntl(fd, F_SETFL, O_RDONLY));
	OBSERVE(fcntl(fd, F_GETFL));
	close(fd);
	fd = open("file", O_WRONLY | O_SYNC | O_CLOEXEC);
	OBSERVE(fcntl(fd, F_GETFL));
	OBSERVE(fcntl(fd, F_GETFD));
	close(fd);
	fd = open("dir", O_RDONLY | O_DIRECTORY);
	OBSERVE(fcntl(fd, F_GETFL));
	close(fd);
	fd = open("dir", O_PATH);
	OBSERVE(fcntl(fd, F_GETFL));
	OBSERVE(opened(openat(fd, "inner", O_RDONLY)));
	OBSERVE(opened(openat(fd, "../file", O_RDONLY)));
	OBSERVE(opened(openat(fd, "..", O_RDONLY)));
	OBSERVE(opened(openat(fd, "../../../../../../dev/null", O_RDONLY)));
	OBSERVE(opened(openat(fd, ".", O_RDONLY)));
	close(fd);
	fd = open("file", O_RDONLY);
	OBSERVE(opened(openat(fd, "x", O_RDONLY)));
	OBSERVE(opened(openat(fd, "", O_RDONLY)));
	close(fd);
	fd = open("dir", O_TMPFILE | O_RDWR, 0600);
	OBSERVE(write(fd, "temporary", 9));
	close(fd);
	OBSERVE(opened(open("dir", O_TMPFILE | O_RDONLY, 0600)));
	OBSERVE(opened(open("file", O_TMPFILE | O_RDWR, 0600)));
	OBSERVE(opened(open("file", O_CREAT | O_DIRECTORY, 0600)));
}

static void restrictions(void)
{
	int fd = open("dir", O_PATH | O_DIRECTORY);

	section("openat2");
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_RDONLY, 0, 0));
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_RDONLY, 0600, 0));
	OBSERVE(raw_openat2(AT_FDCWD, "file", 1ULL << 40, 0, 0));
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_RDONLY, 0, 1ULL << 40));
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_PATH | O_RDWR, 0, 0));
	OBSERVE(raw_openat2(AT_FDCWD, "fresh", O_CREAT | O_RDWR, 010000, 0));
	OBSERVE(raw_openat2(AT_FDCWD, "to_file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "to_dir/inner", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "dir/inner", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "to_file", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "to_file", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	OBSERVE(raw_openat2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, 0));
	OBSERVE(raw_openat2(fd, "inner", O_RDONLY, 0, RESOLVE_BENEATH));
	OBSERVE(raw_openat2(fd, "../file", O_RDONLY, 0, RESOLVE_BENEATH));
	OBSERVE(raw_openat2(fd, "sub/../inner", O_RDONLY, 0, RESOLVE_BENEATH));
	OBSERVE(raw_openat2(fd, "up/dir/inner", O_RDONLY, 0, RESOLVE_BENEATH));
	OBSERVE(raw_openat2(fd, "/dev/null", O_RDONLY, 0, RESOLVE_BENEATH));
	OBSERVE(raw_openat2(fd, "/inner", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OBSERVE(raw_openat2(fd, "../../inner", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OBSERVE(raw_openat2(fd, "up/up/inner", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OBSERVE(raw_openat2(fd, "up_file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	OBSERVE(raw_openat2(fd, "inner", O_RDONLY, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH));
	OBSERVE(raw_openat2(AT_FDCWD, "/dev/null", O_RDONLY, 0, RESOLVE_NO_XDEV));
	OBSERVE(raw_openat2(AT_FDCWD, "/proc/self/stat", O_RDONLY, 0, RESOLVE_NO_XDEV));
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_RDONLY, 0, RESOLVE_NO_XDEV));
	OBSERVE(raw_openat2(AT_FDCWD, "file", O_RDWR | O_TRUNC, 0, RESOLVE_CACHED));
	OBSERVE(syscall(SYS_openat2, AT_FDCWD, "file", NULL, sizeof(struct open_how)));
	OBSERVE(syscall(SYS_openat2, AT_FDCWD, "file", NULL, 8));
	OBSERVE(syscall(SYS_openat2, AT_FDCWD, "file", NULL, 100000));
	close(fd);
}

static void magic(void)
{
	char path[64], text[32];
	int fd = open("file", O_RDWR | O_TRUNC), again;

	section("magic links");
	OBSERVE(write(fd, "0123456789", 10));
	sprintf(path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	OBSERVE(read(again, text, 5));
	OBSERVE(lseek(fd, 0, SEEK_CUR));
	close(again);
	unlink("file");
	again = open(path, O_RDWR);
	OBSERVE(read(again, text, 5));
	close(again);
	close(fd);
	fd = open("dir", O_RDONLY);
	sprintf(path, "/proc/self/fd/%d/inner", fd);
	OBSERVE(opened(open(path, O_RDONLY)));
	sprintf(path, "/proc/self/fd/%d/../dir/inner", fd);
	OBSERVE(opened(open(path, O_RDONLY)));
	sprintf(path, "/proc/self/fd/%d", fd);
	OBSERVE(opened(open(path, O_RDONLY | O_NOFOLLOW)));
	OBSERVE(opened(open("/proc/self/cwd/dir/inner", O_RDONLY)));
	OBSERVE(opened(open("/proc/self/root/dev/null", O_RDONLY)));
	OBSERVE(opened(open("/proc/self/fd/99", O_RDONLY)));
	close(fd);
}

int main(void)
{
	prepare();
	plain();
	lengths();
	links();
	forty_links();
	creating();
	flags();
	restrictions();
	magic();
	return 0;
}
