/*
 * What capabilities allow and what their lack forbids, call by call: root without any, root that only may have them, and a
 * user who kept one. Whoever runs it without privilege sees what anybody sees.
 */
#include "observe.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#define USER 1000
#define ALL UINT64_MAX
#define ONE(name) (1ull << CAP_##name)

/* Reduce the sets of this thread, as far as it has them. */
static void have(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(permitted >> 32 * i);
		data[i].effective = data[i].permitted & (uint32_t)(effective >> 32 * i);
	}
	syscall(SYS_capset, &header, data);
}

/* Become a user who keeps these. */
static void be_user_with(uint64_t capabilities)
{
	if (geteuid() != 0)
		return;
	prctl(PR_SET_KEEPCAPS, 1);
	syscall(SYS_setgroups, 0, NULL);
	syscall(SYS_setresgid, USER, USER, USER);
	syscall(SYS_setresuid, USER, USER, USER);
	have(capabilities, capabilities);
}

/* What the calls below act on: root's, a user's, and nobody's who runs this. */
static void prepare(const char *place)
{
	mkdir(place, 0755);
	if (chdir(place))
		exit(99);
	umask(0);
	make_file("secret", "x");
	make_file("tool", "x");
	make_file("other", "x");
	make_file("set", "x");
	make_file("group", "x");
	make_file("linked", "x");
	make_file("own", "x");
	mkdir("closed", 0700);
	make_file("closed/in", "x");
	mkdir("sticky", 01777);
	make_file("sticky/others", "x");
	make_file("sticky/move", "x");
	mkdir("shut", 0755);
	mkdir("open", 0777);
	mkdir("setgid", 02777);
	chmod("secret", 0);
	chmod("closed", 0);
	chmod("tool", 0600);
	chmod("linked", 0600);
	chmod("shut", 0555);
	chmod("set", 06755);
	chmod("group", 0664);
	if (geteuid() == 0) {
		chown("other", 12, 13);
		chown("sticky/others", 12, 13);
		chown("sticky", 12, 13);
		chown("setgid", 12, 13);
		chmod("setgid", 02777);
		chown("set", 12, 13);
		chmod("set", 06777);
		chown("group", USER, 13);
		chown("own", USER, USER);
	}
}

static void look(void)
{
	struct stat state;
	int here = open(".", O_RDONLY);

	OBSERVE(opened(open("secret", O_RDONLY)));
	OBSERVE(opened(open("secret", O_RDWR)));
	OBSERVE(opened(open("other", O_RDONLY | O_NOATIME)));
	OBSERVE(opened(open("closed", O_RDONLY)));
	OBSERVE(stat("closed/in", &state));
	OBSERVE(opened(open("closed/in", O_RDONLY)));
	if (OBSERVE(chdir("closed")) == 0 && fchdir(here))
		exit(99);
	OBSERVE(access("secret", R_OK));
	OBSERVE(access("secret", X_OK));
	OBSERVE(access("tool", X_OK));
	OBSERVE(access("closed/in", F_OK));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, AT_EACCESS));
	OBSERVE(syscall(SYS_faccessat2, AT_FDCWD, "closed/in", F_OK, AT_EACCESS));
	OBSERVE(truncate("secret", 0));
}

static void show_mode(const char *path)
{
	struct stat state;

	if (stat(path, &state) == 0)
		printf("%s: %o %d %d\n", path, state.st_mode, state.st_uid == 12 || state.st_uid == USER ? (int)state.st_uid : 0,
		       state.st_gid == 13 || state.st_gid == USER || state.st_gid == 14 ? (int)state.st_gid : 0);
}

static void change(void)
{
	const struct timespec times[2] = {{1, 0}, {2, 0}};
	int fd;

	OBSERVE(chown("other", 14, 14));
	OBSERVE(chown("own", -1, 14));
	OBSERVE(chmod("other", 0640));
	OBSERVE(chmod("group", 02775));
	show_mode("group");
	OBSERVE(utimensat(AT_FDCWD, "other", times, 0));
	OBSERVE(utimensat(AT_FDCWD, "other", NULL, 0));
	fd = open("set", O_WRONLY);
	OBSERVE(write(fd, "y", 1));
	close(fd);
	show_mode("set");
	fd = open("setgid/new", O_CREAT | O_WRONLY, 02775);
	close(fd);
	show_mode("setgid/new");
	unlink("setgid/new");
	OBSERVE(unlink("sticky/others"));
	OBSERVE(rename("sticky/move", "sticky/moved"));
	OBSERVE(mkdir("shut/d", 0755));
	OBSERVE(link("linked", "open/linked"));
	OBSERVE(link("other", "open/other"));
}

static void make_special(void)
{
	int fd, flags = 0;

	OBSERVE(mknod("open/char", S_IFCHR | 0600, 0x103));
	OBSERVE(mknod("open/whiteout", S_IFCHR | 0600, 0));
	OBSERVE(mknod("open/fifo", S_IFIFO | 0600, 0));
	OBSERVE(setxattr("own", "trusted.one", "x", 1, 0));
	OBSERVE(getxattr("own", "trusted.one", NULL, 0));
	OBSERVE(setxattr("other", "user.one", "x", 1, 0));
	OBSERVE(setxattr("own", "security.capability", "x", 1, 0));
	OBSERVE(chroot("open"));
	OBSERVE(removexattr("own", "trusted.one"));
	fd = open("other", O_RDONLY);
	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NODUMP_FL;
		OBSERVE(ioctl(fd, FS_IOC_SETFLAGS, &flags));
		flags |= FS_IMMUTABLE_FL;
		if (OBSERVE(ioctl(fd, FS_IOC_SETFLAGS, &flags)) == 0) {
			flags &= ~FS_IMMUTABLE_FL;
			ioctl(fd, FS_IOC_SETFLAGS, &flags);
		}
	}
	close(fd);
}

static void limits(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	int ends[2];

	OBSERVE(setrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_max = 2 << 20;
	OBSERVE(setrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = limit.rlim_max = 0;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OBSERVE(mlock(page, 4096));
	OBSERVE(mlockall(MCL_FUTURE));
	munlockall();
	if (pipe(ends) == 0)
		OBSERVE(fcntl(ends[0], F_SETPIPE_SZ, 4 << 20));
	OBSERVE(syscall(SYS_setpriority, PRIO_PROCESS, 0, -1));
	OBSERVE(syscall(SYS_setgroups, 0, NULL));
	OBSERVE(syscall(SYS_setuid, 77));
}

static uint64_t permitted, effective;
static bool as_user;

static void whole(void)
{
	char place[64];
	static int number;

	snprintf(place, sizeof(place), "at%d", ++number);
	prepare(place);
	if (as_user)
		be_user_with(permitted);
	have(permitted, effective);
	look();
	change();
	make_special();
	limits();
}

static void as_root_with(uint64_t keep, uint64_t raise)
{
	printf("--- root with %lx of %lx\n", (unsigned long)raise, (unsigned long)keep);
	permitted = keep;
	effective = raise;
	as_user = false;
	in_child(whole);
	system("chmod -R u+rwx at1 2>/dev/null; rm -rf at1");
}

static void as_user_with(uint64_t keep)
{
	printf("--- user with %lx\n", (unsigned long)keep);
	permitted = effective = keep;
	as_user = true;
	in_child(whole);
	system("chmod -R u+rwx at1 2>/dev/null; rm -rf at1");
}

/* Capabilities for files leave and return with the file-system user; the others stay. */
static void file_user(void)
{
	if (geteuid() != 0)
		return;
	make_file("roots", "x");
	chmod("roots", 0);
	OBSERVE(opened(open("roots", O_RDONLY)));
	setfsuid(USER);
	OBSERVE(opened(open("roots", O_RDONLY)));
	OBSERVE(chown("roots", USER, USER));
	OBSERVE(syscall(SYS_setgroups, 0, NULL));
	setfsuid(0);
	OBSERVE(opened(open("roots", O_RDONLY)));
	prctl(PR_SET_SECUREBITS, 1 << SECURE_NO_SETUID_FIXUP);
	setfsuid(USER);
	OBSERVE(opened(open("roots", O_RDONLY)));
	OBSERVE(access("roots", R_OK));
	unlink("roots");
}

/* exec: root has its capabilities again, a user what is ambient. */
static void reopen_after_exec(void)
{
	if (as_user)
		be_user_with(permitted);
	have(permitted, effective);
	prctl(PR_SET_SECUREBITS, as_user ? 0 : 1 << SECURE_NOROOT);
	execl("/bin/sh", "sh", "-c", "cat after 2>/dev/null && echo read || echo refused", NULL);
}

static void exec_sets(void)
{
	make_file("after", "content ");
	chmod("after", 0);
	permitted = effective = ALL;
	as_user = false;
	section("exec of root without root's privilege");
	in_child(reopen_after_exec);
	section("exec of a user who kept a capability");
	permitted = effective = ONE(DAC_OVERRIDE);
	as_user = true;
	in_child(reopen_after_exec);
	unlink("after");
}

int main(void)
{
	static const uint64_t kept[] = {
		0, ONE(DAC_OVERRIDE), ONE(DAC_READ_SEARCH), ONE(CHOWN), ONE(FOWNER), ONE(FSETID), ONE(MKNOD), ONE(SYS_ADMIN),
		ONE(SYS_RESOURCE), ONE(IPC_LOCK), ONE(SYS_NICE), ONE(LINUX_IMMUTABLE), ONE(SETFCAP), ONE(SYS_CHROOT), ONE(SETGID), ONE(SETUID),
	};

	as_root_with(ALL, ALL);
	as_root_with(0, 0);
	as_root_with(ALL, 0);
	as_root_with(ONE(DAC_OVERRIDE), 0);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		as_user_with(kept[i]);
	in_child(file_user);
	exec_sets();
	return 0;
}
