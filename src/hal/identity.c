/*
 * The host user's identity, and acting as somebody else in one thread. The C
 * library would change all threads at once: raw calls are needed.
 *
 * The thread's permitted set stays what lxrun's user has, so that it can come
 * back; what it acts with is the effective one.
 */
#include <hal/hal.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void query_sets(struct hal_identity *identity)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return;
	identity->cap_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	identity->cap_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	identity->cap_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
}

static void query_capabilities(struct hal_identity *identity)
{
	query_sets(identity);
	for (unsigned capability = 0; capability < 64; capability++) {
		int bounding = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (bounding < 0)
			break;
		if (bounding)
			identity->cap_bounding |= 1ull << capability;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
			identity->cap_ambient |= 1ull << capability;
	}
}

void hal_query_file_identity(uint32_t *fsuid, uint32_t *fsgid)
{
	/* An invalid id changes nothing and shows the present one. */
	*fsuid = (uint32_t)syscall(SYS_setfsuid, -1);
	*fsgid = (uint32_t)syscall(SYS_setfsgid, -1);
}

void hal_query_identity(struct hal_identity *identity)
{
	int securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	*identity = (struct hal_identity){0};
	getresuid(&identity->ruid, &identity->euid, &identity->suid);
	getresgid(&identity->rgid, &identity->egid, &identity->sgid);
	hal_query_file_identity(&identity->fsuid, &identity->fsgid);
	identity->securebits = securebits < 0 ? 0 : (uint32_t)securebits;
	identity->no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	query_capabilities(identity);
}

int hal_query_groups(uint32_t *groups, uint32_t capacity)
{
	int count = getgroups(0, NULL);

	if (count < 0)
		return -errno;
	if ((uint32_t)count > capacity)
		return count;
	count = getgroups((int)capacity, groups);
	return count < 0 ? -errno : count;
}

uint64_t hal_query_effective(void)
{
	struct hal_identity identity = {0};

	query_sets(&identity);
	return identity.cap_effective;
}

/* This thread's effective set becomes what of `wanted` it may have. 0 or -errno. */
static int set_effective(uint64_t wanted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint32_t effective = data[i].permitted & (uint32_t)(wanted >> 32 * i);

		header.pid |= effective != data[i].effective;
		data[i].effective = effective;
	}
	if (!header.pid)
		return 0;
	header.pid = 0;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* setfsuid and setfsgid report no failure: ask again what holds now. */
static bool set_and_check(long call, uint32_t id)
{
	syscall(call, id);
	return (uint32_t)syscall(call, -1) == id;
}

static int set_ids(const struct hal_subject *subject)
{
	if (subject->groups && syscall(SYS_setgroups, (size_t)subject->group_count, subject->groups) < 0)
		return -errno;
	return set_and_check(SYS_setfsgid, subject->fsgid) && set_and_check(SYS_setfsuid, subject->fsuid) ? 0 : -EPERM;
}

int hal_become(const struct hal_subject *subject)
{
	/* Changing ids takes capabilities that the present subject may lack, and changes those for files: they go last. */
	int error = set_effective(UINT64_MAX);

	error = error ?: set_ids(subject);
	return error ?: set_effective(subject->cap_effective);
}

/* Groups are left alone: who owns a task decides what is asked for meanwhile. */
void hal_enter_self(struct hal_self *from)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	hal_query_file_identity(&from->fsuid, &from->fsgid);
	from->changed = from->fsuid != uid || from->fsgid != gid;
	if (!from->changed)
		return;
	from->effective = hal_query_effective();
	set_effective(UINT64_MAX);
	set_and_check(SYS_setfsgid, gid);
	set_and_check(SYS_setfsuid, uid);
}

void hal_leave_self(const struct hal_self *to)
{
	if (!to->changed)
		return;
	/* An id that was left for one's own is there to go back to. */
	set_effective(UINT64_MAX);
	if (!set_and_check(SYS_setfsgid, to->fsgid) || !set_and_check(SYS_setfsuid, to->fsuid) || set_effective(to->effective) < 0)
		abort();
}
