/* Every call about ids, groups and capabilities: what it says when it works, and every way to be refused, also as nobody. */
#include "observe.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/wait.h>

#define BAD ((void *)8)

static void own_ids(void)
{
	uid_t a, b, c;

	section("what can't fail");
	OBSERVE_SUCCESS(syscall(SYS_getpid));
	OBSERVE_SUCCESS(syscall(SYS_getppid));
	OBSERVE_SUCCESS(syscall(SYS_gettid));
	OBSERVE_SUCCESS(syscall(SYS_getpgrp));
	OBSERVE_SUCCESS(syscall(SYS_getpgid, 0));
	OBSERVE_SUCCESS(syscall(SYS_getsid, 0));
	OBSERVE(syscall(SYS_getuid));
	OBSERVE(syscall(SYS_geteuid));
	OBSERVE(syscall(SYS_getgid));
	OBSERVE(syscall(SYS_getegid));
	OBSERVE(syscall(SYS_setfsuid, -1));
	OBSERVE(syscall(SYS_setfsgid, -1));
	OBSERVE_SUCCESS(syscall(SYS_set_tid_address, NULL));
	printf("agree %d %d %d\n", syscall(SYS_getpid) == getpid(), syscall(SYS_getpgrp) == syscall(SYS_getpgid, 0),
	       syscall(SYS_gettid) == syscall(SYS_getpid));
	section("three ids");
	OBSERVE(syscall(SYS_getresuid, &a, &b, &c));
	printf("%u %u %u\n", a, b, c);
	OBSERVE(syscall(SYS_getresuid, BAD, &b, &c));
	OBSERVE(syscall(SYS_getresuid, &a, BAD, &c));
	OBSERVE(syscall(SYS_getresuid, &a, &b, BAD));
	OBSERVE(syscall(SYS_getresgid, &a, &b, &c));
	printf("%u %u %u\n", a, b, c);
	OBSERVE(syscall(SYS_getresgid, BAD, &b, &c));
	OBSERVE(syscall(SYS_getresgid, &a, BAD, &c));
	OBSERVE(syscall(SYS_getresgid, &a, &b, BAD));
}

static void setting(void)
{
	section("setting to what they are");
	OBSERVE(syscall(SYS_setuid, getuid()));
	OBSERVE(syscall(SYS_setgid, getgid()));
	OBSERVE(syscall(SYS_setreuid, getuid(), geteuid()));
	OBSERVE(syscall(SYS_setregid, getgid(), getegid()));
	OBSERVE(syscall(SYS_setresuid, -1, geteuid(), -1));
	OBSERVE(syscall(SYS_setresgid, -1, getegid(), -1));
	section("ids that are none");
	OBSERVE(syscall(SYS_setuid, -1));
	OBSERVE(syscall(SYS_setgid, -1));
}

static void as_another(void)
{
	gid_t list[2] = {1, 2};

	become_nobody();
	section("to be root again");
	OBSERVE(syscall(SYS_setuid, 0));
	OBSERVE(syscall(SYS_setgid, 0));
	OBSERVE(syscall(SYS_setreuid, 0, -1));
	OBSERVE(syscall(SYS_setreuid, -1, 0));
	OBSERVE(syscall(SYS_setregid, 0, -1));
	OBSERVE(syscall(SYS_setregid, -1, 0));
	OBSERVE(syscall(SYS_setresuid, 0, -1, -1));
	OBSERVE(syscall(SYS_setresuid, -1, -1, 0));
	OBSERVE(syscall(SYS_setresgid, -1, 0, -1));
	OBSERVE(syscall(SYS_setresgid, -1, -1, 0));
	OBSERVE(syscall(SYS_setgroups, 2, list));
	OBSERVE(syscall(SYS_setgroups, 2, BAD));
	OBSERVE(syscall(SYS_setfsuid, 0));
	OBSERVE(syscall(SYS_setfsuid, -1));
	OBSERVE(syscall(SYS_setfsgid, 0));
	OBSERVE(syscall(SYS_setfsgid, -1));
}

static void groups(void)
{
	gid_t list[3] = {30, 10, 20}, got[4] = {0};

	section("groups");
	OBSERVE(syscall(SYS_setgroups, 3, list));
	OBSERVE(syscall(SYS_getgroups, 4, got));
	printf("%u %u %u\n", got[0], got[1], got[2]);
	OBSERVE(syscall(SYS_getgroups, 0, BAD));
	OBSERVE(syscall(SYS_getgroups, 3, BAD));
	OBSERVE(syscall(SYS_getgroups, 2, got));
	OBSERVE(syscall(SYS_getgroups, -1, got));
	OBSERVE(syscall(SYS_setgroups, 3, BAD));
	OBSERVE(syscall(SYS_setgroups, 65537, list));
	OBSERVE(syscall(SYS_setgroups, -1, list));
	OBSERVE(syscall(SYS_setgroups, 0, BAD));
}

static void capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	section("capabilities");
	OBSERVE(syscall(SYS_capget, &header, data));
	OBSERVE(syscall(SYS_capset, &header, data));
	OBSERVE(syscall(SYS_capget, BAD, data));
	OBSERVE(syscall(SYS_capget, &header, BAD));
	OBSERVE(syscall(SYS_capset, BAD, data));
	OBSERVE(syscall(SYS_capset, &header, BAD));
	header.pid = getppid();
	OBSERVE(syscall(SYS_capget, &header, data));
	OBSERVE(syscall(SYS_capset, &header, data));
	header.pid = 999999;
	OBSERVE(syscall(SYS_capget, &header, data));
	OBSERVE(syscall(SYS_capset, &header, data));
	header = (struct __user_cap_header_struct){1, 0};
	OBSERVE(syscall(SYS_capget, &header, data));
	printf("version %x\n", header.version);
	header.version = 1;
	OBSERVE(syscall(SYS_capset, &header, data));
	printf("version %x\n", header.version);
	header.pid = 0;
	data[0].permitted = data[0].effective = 1;
	header.version = _LINUX_CAPABILITY_VERSION_3;
	OBSERVE(syscall(SYS_capset, &header, data));
}

static void sessions(void)
{
	pid_t parent = getppid();

	section("groups of processes and sessions");
	OBSERVE(syscall(SYS_getpgid, 999999));
	OBSERVE(syscall(SYS_getpgid, -1));
	OBSERVE(syscall(SYS_getsid, 999999));
	OBSERVE(syscall(SYS_getsid, -1));
	OBSERVE(syscall(SYS_setpgid, 0, -1));
	OBSERVE(syscall(SYS_setpgid, -1, 0));
	OBSERVE(syscall(SYS_setpgid, parent, 0));
	OBSERVE(syscall(SYS_setpgid, 999999, 0));
	OBSERVE(syscall(SYS_setpgid, 0, 999999));
	OBSERVE_SUCCESS(syscall(SYS_setsid));
	OBSERVE(syscall(SYS_setsid));
	OBSERVE(syscall(SYS_setpgid, 0, 0));
	OBSERVE_SUCCESS(syscall(SYS_getsid, parent));
	OBSERVE_SUCCESS(syscall(SYS_getpgid, parent));
}

int main(void)
{
	in_child(own_ids);
	in_child(setting);
	in_child(as_another);
	in_child(groups);
	in_child(capabilities);
	in_child(sessions);
	return 0;
}
