/* Permissions, as whoever runs it and, for root, as nobody: what is refused, in which order. */
#include "observe.h"

#include <sys/wait.h>

static void prepare(void)
{
	umask(0);
	mkdir("open", 0777);
	mkdir("closed", 0700);
	mkdir("search_only", 0711);
	mkdir("read_only", 0744);
	mkdir("sticky", 01777);
	make_file("closed/f", "hidden");
	make_file("search_only/f", "seen");
	make_file("read_only/f", "listed");
	make_file("sticky/f", "mine");
	make_file("mine", "mine");
	chmod("mine", 0600);
	make_file("readable", "readable");
	chmod("readable", 0644);
	symlink("closed/f", "to_closed");
	symlink("readable", "to_readable");
	symlink("closed", "to_directory");
}

static void attempt(void)
{
	struct stat status;
	char text[16];

	OBSERVE(opened(open("mine", O_RDONLY)));
	OBSERVE(opened(open("mine", O_PATH)));
	OBSERVE(opened(open("readable", O_RDONLY)));
	OBSERVE(opened(open("readable", O_RDWR)));
	OBSERVE(opened(open("readable", O_RDONLY | O_TRUNC)));
	OBSERVE(opened(open("readable", O_RDONLY | O_NOATIME)));
	OBSERVE(opened(open("closed", O_RDONLY)));
	OBSERVE(opened(open("closed", O_PATH)));
	OBSERVE(opened(open("closed/f", O_RDONLY)));
	OBSERVE(opened(open("closed/missing", O_RDONLY)));
	OBSERVE(opened(open("closed/.", O_PATH)));
	OBSERVE(opened(open("closed/../readable", O_RDONLY)));
	OBSERVE(opened(open("to_closed", O_RDONLY)));
	OBSERVE(opened(open("to_readable", O_RDONLY)));
	OBSERVE(opened(open("search_only", O_RDONLY)));
	OBSERVE(opened(open("search_only/f", O_RDONLY)));
	OBSERVE(opened(open("search_only/../readable", O_RDONLY)));
	OBSERVE(opened(open("read_only", O_RDONLY)));
	OBSERVE(opened(open("read_only/f", O_RDONLY)));
	OBSERVE(stat("closed/f", &status));
	OBSERVE(stat("closed/..", &status));
	OBSERVE(stat("closed/.", &status));
	OBSERVE(stat("closed/", &status));
	OBSERVE(stat("closed", &status));
	OBSERVE(stat("to_directory/", &status));
	OBSERVE(stat("to_directory/.", &status));
	OBSERVE(stat("to_closed", &status));
	OBSERVE(lstat("to_closed", &status));
	OBSERVE(readlink("closed/f", text, sizeof(text)));
	OBSERVE(chdir("closed"));
	OBSERVE(chdir("read_only"));
	OBSERVE(access("mine", R_OK));
	OBSERVE(access("mine", F_OK));
	OBSERVE(access("closed/f", F_OK));
	OBSERVE(access("readable", W_OK));
	OBSERVE(access("closed", X_OK));
	OBSERVE(mkdir("search_only/d", 0755));
	OBSERVE(mkdir("closed/d", 0755));
	OBSERVE(mkdir("search_only/f", 0755));
	OBSERVE(opened(open("search_only/new", O_CREAT | O_RDWR, 0600)));
	OBSERVE(opened(open("search_only/f", O_CREAT | O_RDONLY, 0600)));
	OBSERVE(opened(open("search_only/f", O_CREAT | O_EXCL, 0600)));
	OBSERVE(unlink("search_only/f"));
	OBSERVE(unlink("sticky/f"));
	OBSERVE(unlink("search_only/missing"));
	OBSERVE(rmdir("closed"));
	OBSERVE(rename("sticky/f", "sticky/g"));
	OBSERVE(rename("readable", "open/readable"));
	OBSERVE(link("mine", "open/mine"));
	OBSERVE(chmod("mine", 0666));
	OBSERVE(chmod("missing", 0666));
	OBSERVE(chown("readable", 0, 0));
	OBSERVE(chown("mine", -1, -1));
	OBSERVE(utimensat(AT_FDCWD, "mine", NULL, 0));
	OBSERVE(utimensat(AT_FDCWD, "mine", (struct timespec[2]){{1, 2}, {3, 4}}, 0));
	OBSERVE(chroot("open"));
	OBSERVE(mknod("open/device", S_IFCHR | 0600, 0x103));
	OBSERVE(opened(open("open/own", O_CREAT | O_RDWR | O_EXCL, 0000)));
	OBSERVE(opened(open("open/own", O_RDONLY)));
	OBSERVE(chmod("open/own", 0400));
	OBSERVE(opened(open("open/own", O_RDONLY)));
	OBSERVE(unlink("open/own"));
}

int main(void)
{
	prepare();
	if (geteuid() == 0) {
		section("as nobody");
		fflush(stdout);
		if (fork() == 0) {
			OBSERVE(setresgid(NOBODY, NOBODY, NOBODY));
			OBSERVE(setresuid(NOBODY, NOBODY, NOBODY));
			attempt();
			fflush(stdout);
			_exit(0);
		}
		wait(NULL);
	} else {
		section("as a user");
		attempt();
	}
	return 0;
}
