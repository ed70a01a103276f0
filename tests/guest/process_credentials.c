/* User and group ids, supplementary groups, capabilities: as root and as anybody else. */
#include "observe.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Raw calls: the C library's would go to all threads by signals. */
static int set_uid(uid_t id) { return (int)syscall(SYS_setuid, id); }
static int set_reuid(uid_t r, uid_t e) { return (int)syscall(SYS_setreuid, r, e); }
static int set_resuid(uid_t r, uid_t e, uid_t s) { return (int)syscall(SYS_setresuid, r, e, s); }
static int set_gid(gid_t id) { return (int)syscall(SYS_setgid, id); }
static int set_regid(gid_t r, gid_t e) { return (int)syscall(SYS_setregid, r, e); }
static int set_resgid(gid_t r, gid_t e, gid_t s) { return (int)syscall(SYS_setresgid, r, e, s); }

static void show_sets(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	printf("capabilities: effective %08x %08x permitted %08x %08x inheritable %08x %08x\n", data[1].effective, data[0].effective,
	       data[1].permitted, data[0].permitted, data[1].inheritable, data[0].inheritable);
}

static void show(void)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	printf("uid %u %u %u %d gid %u %u %u %d dumpable %d\n", r, e, s, setfsuid((uid_t)-1), gr, ge, gs, setfsgid((gid_t)-1),
	       prctl(PR_GET_DUMPABLE));
	show_sets();
}

static void drop_all(void)
{
	section("setuid");
	show();
	OBSERVE(set_uid((uid_t)-1));
	OBSERVE(set_uid(1234));
	show();
	OBSERVE(set_uid(0));
	OBSERVE(set_uid(1234));
	OBSERVE(set_gid(77));
}

static void effective_only(void)
{
	section("seteuid and back");
	OBSERVE(set_resuid((uid_t)-1, 1000, (uid_t)-1));
	show();
	OBSERVE(set_resuid((uid_t)-1, 0, (uid_t)-1));
	show();
}

static void real_and_effective(void)
{
	section("setreuid");
	OBSERVE(set_reuid(1000, 0));
	show();
	OBSERVE(set_reuid((uid_t)-1, 1000));
	show();
	OBSERVE(set_reuid((uid_t)-1, 2000));
	OBSERVE(set_reuid(0, (uid_t)-1));
	show();
}

static void groups(void)
{
	gid_t list[4] = {30, 10, 20, 10}, out[8] = {0};
	int count;

	section("groups");
	OBSERVE(set_regid(5, 6));
	OBSERVE(set_resgid(7, 8, 9));
	show();
	OBSERVE(syscall(SYS_setgroups, 4, list));
	count = (int)OBSERVE(getgroups(8, out));
	for (int i = 0; i < count; i++)
		printf(" %u", out[i]);
	printf("\n");
	OBSERVE(getgroups(0, NULL));
	OBSERVE(getgroups(1, out));
	OBSERVE(syscall(SYS_getgroups, -1, out));
	OBSERVE(syscall(SYS_setgroups, 65537, list));
	OBSERVE(syscall(SYS_setgroups, 2, (void *)8));
	OBSERVE(set_uid(1000));
	OBSERVE(syscall(SYS_setgroups, 1, list));
	OBSERVE(set_resgid(7, 9, 8));
	OBSERVE(set_resgid(6, (gid_t)-1, (gid_t)-1));
}

static void file_ids(void)
{
	section("setfsuid");
	printf("%d", setfsuid(1000));
	printf(" %d", setfsuid(1000));
	show_sets();
	printf("%d", setfsuid(0));
	printf(" %d", setfsuid(0));
	show_sets();
	printf("%d", setfsgid(1000));
	printf(" %d\n", setfsgid(0));
}

static void host_follows(void)
{
	struct stat state;

	section("files made as another user");
	if (geteuid() != 0)
		return;
	unlink("owned");
	mkdir("open", 0777);
	chmod("open", 0777);
	set_resgid(2000, 2000, 2000);
	set_resuid(1000, 1000, 0);
	make_file("open/owned", "x");
	stat("open/owned", &state);
	printf("owner %u %u\n", state.st_uid, state.st_gid);
	OBSERVE(open("/etc/shadow", O_RDONLY));
	OBSERVE(chown("open/owned", 0, 0));
	set_resuid((uid_t)-1, 0, (uid_t)-1);
	OBSERVE(chown("open/owned", 0, 0));
	unlink("open/owned");
	rmdir("open");
}

static void capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}}, none[2] = {{0}};

	section("capget, capset");
	header.version = 0;
	OBSERVE(syscall(SYS_capget, &header, NULL));
	printf("version %x\n", header.version);
	header.version = 1;
	OBSERVE(syscall(SYS_capget, &header, data));
	header.version = _LINUX_CAPABILITY_VERSION_1;
	OBSERVE(syscall(SYS_capget, &header, data));
	header.version = _LINUX_CAPABILITY_VERSION_3;
	header.pid = -1;
	OBSERVE(syscall(SYS_capget, &header, data));
	header.pid = 999999;
	OBSERVE(syscall(SYS_capget, &header, data));
	OBSERVE(syscall(SYS_capset, &header, data));
	header.pid = 0;
	syscall(SYS_capget, &header, data);
	data[1].permitted |= 1u << 31;
	data[0].effective = 0;
	OBSERVE(syscall(SYS_capset, &header, data));
	show_sets();
	OBSERVE(syscall(SYS_capset, &header, none));
	show_sets();
	data[0].permitted = data[0].effective = 1;
	OBSERVE(syscall(SYS_capset, &header, data));
}

static void bounding(void)
{
	section("bounding and ambient");
	OBSERVE(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0));
	OBSERVE(prctl(PR_CAPBSET_READ, 64, 0, 0, 0));
	OBSERVE(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
	OBSERVE(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	OBSERVE(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
}

static void keep_capabilities(void)
{
	section("keepcaps, securebits");
	OBSERVE(prctl(PR_GET_KEEPCAPS));
	OBSERVE(prctl(PR_SET_KEEPCAPS, 2));
	OBSERVE(prctl(PR_SET_KEEPCAPS, 1));
	OBSERVE(prctl(PR_GET_SECUREBITS));
	set_resuid(1000, 1000, 1000);
	show_sets();
	OBSERVE(prctl(PR_SET_SECUREBITS, 0x1000));
}

static void through_exec(void)
{
	section("exec by a user");
	set_resgid(2000, 2000, 2000);
	set_resuid(1000, 1000, 1000);
	fflush(stdout);
	execl("/bin/sh", "sh", "-c", "id -u; id -g; id -ru", (char *)NULL);
}

int main(void)
{
	in_child(drop_all);
	in_child(effective_only);
	in_child(real_and_effective);
	in_child(groups);
	in_child(file_ids);
	in_child(host_follows);
	in_child(capabilities);
	in_child(bounding);
	in_child(keep_capabilities);
	in_child(through_exec);
	return 0;
}
