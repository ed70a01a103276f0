/*
 * Names in /dev: who may make and remove them, and that devices are known by their numbers; extended attributes of devices.
 * Everything that is made is removed again, for natively this is the machine's own directory.
 */
#include "observe.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define HERE "/dev/lxrun-test-of-names"

static void names(void)
{
	char buffer[8] = "";
	struct stat status;
	int fd;

	section("names");
	OBSERVE(mkdir(HERE, 0755));
	OBSERVE(mkdir(HERE, 0755));
	OBSERVE(mkdir("/dev/null", 0755));
	OBSERVE(mkdir("/dev/null/x", 0755));
	OBSERVE(mkdir(HERE "/below/", 0755));
	OBSERVE(rmdir(HERE));
	OBSERVE(rename(HERE "/below", HERE "/moved/"));
	OBSERVE(fd = open(HERE "/file", O_RDWR | O_CREAT, 0644));
	OBSERVE(write(fd, "text", 4));
	OBSERVE(pread(fd, buffer, 8, 0));
	printf("%s\n", buffer);
	OBSERVE(fstat(fd, &status));
	if (fd >= 0)
		printf("%o %ld\n", status.st_mode, (long)status.st_size);
	close(fd);
	OBSERVE(open(HERE "/file/", O_RDONLY));
	OBSERVE(link(HERE "/file", HERE "/second"));
	OBSERVE(symlink("file", HERE "/link"));
	OBSERVE(stat(HERE "/link", &status));
	OBSERVE(rename(HERE "/file", HERE "/renamed/"));
	OBSERVE(rename(HERE "/second", HERE "/moved"));
	OBSERVE(unlink(HERE "/file/"));
	OBSERVE(unlink(HERE "/moved"));
	OBSERVE(unlink(HERE "/file"));
	OBSERVE(unlink(HERE "/second"));
	OBSERVE(unlink(HERE "/link"));
	OBSERVE(rmdir(HERE "/moved/"));
	OBSERVE(rmdir(HERE "/none"));
	OBSERVE(rename("/dev/shm", HERE "/shm"));
	OBSERVE(rmdir("/dev/pts"));
	OBSERVE(rmdir("/dev/null"));
}

static void numbers(void)
{
	char byte;
	int fd;

	section("numbers");
	OBSERVE(mknod(HERE "/nothing", S_IFCHR | 0600, makedev(1, 3)));
	OBSERVE(fd = open(HERE "/nothing", O_RDWR));
	OBSERVE(write(fd, "x", 1));
	OBSERVE(read(fd, &byte, 1));
	close(fd);
	OBSERVE(mknod(HERE "/nobody", S_IFCHR | 0600, makedev(240, 77)));
	OBSERVE(open(HERE "/nobody", O_RDWR));
	OBSERVE(open(HERE "/nobody", O_PATH) >= 0);
	OBSERVE(mknod(HERE "/file", S_IFREG | 0600, 0));
	OBSERVE(mknod(HERE "/file", S_IFREG | 0600, 0));
	OBSERVE(mknod("/dev/null", S_IFIFO | 0600, 0));
	unlink(HERE "/nothing");
	unlink(HERE "/nobody");
	unlink(HERE "/file");
	OBSERVE(rmdir(HERE));
}

static void attributes(void)
{
	static const char *const files[] = {"/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/dev", "/dev/stdin", "/proc/self/status"};
	static const char *const attributes[] = {"user.x", "user.", "trusted.x", "trusted.", "security.capability", "security.x", "security.",
						 "system.posix_acl_access", "system.x", "other.x", ""};
	char value[64];

	section("attributes");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (size_t j = 0; j < sizeof(attributes) / sizeof(attributes[0]); j++) {
			printf("%s, %s:\n", files[i], attributes[j]);
			OBSERVE(getxattr(files[i], attributes[j], value, sizeof(value)));
			OBSERVE(lgetxattr(files[i], attributes[j], NULL, 0));
			OBSERVE(removexattr(files[i], attributes[j]));
			OBSERVE(setxattr(files[i], attributes[j], "abc", 3, XATTR_REPLACE));
		}
	OBSERVE(listxattr("/dev/null", value, sizeof(value)));
}

static void of_descriptors(void)
{
	char value[64];
	int ends[2], master = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	section("of descriptors");
	pipe(ends);
	OBSERVE(fgetxattr(ends[0], "user.x", value, sizeof(value)));
	OBSERVE(fremovexattr(ends[0], "user.x"));
	OBSERVE(fgetxattr(ends[0], "security.capability", value, sizeof(value)));
	OBSERVE(flistxattr(ends[0], value, sizeof(value)));
	OBSERVE(fgetxattr(master, "security.capability", value, sizeof(value)));
	OBSERVE(fgetxattr(master, "user.x", value, sizeof(value)));
	OBSERVE(fsetxattr(master, "user.x", "x", 1, 0));
	OBSERVE(flistxattr(master, value, sizeof(value)));
}

static void positions(void)
{
	int fd = open("/dev", O_RDONLY | O_DIRECTORY);

	section("positions");
	OBSERVE(lseek(fd, 0, SEEK_END));
	OBSERVE(lseek(fd, 0, SEEK_DATA));
	OBSERVE(lseek(fd, 0, SEEK_HOLE));
	OBSERVE(lseek(fd, 5, SEEK_SET));
	OBSERVE(lseek(fd, -6, SEEK_CUR));
	OBSERVE(lseek(fd, 0, SEEK_SET));
}

int main(void)
{
	umask(022);
	names();
	numbers();
	attributes();
	of_descriptors();
	positions();
	return 0;
}
