/*
 * The host user's identity, and taking another file-system identity in one
 * thread. The C library would change all threads at once: raw calls are needed.
 */
#include <hal/hal.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void query_capabilities(struct hal_identity *identity)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) == 0) {
		identity->cap_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
		identity->cap_effective = data[0].effective | (uint64_t)data[1].effective << 32;
		identity->cap_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	}
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

/* setfsuid and setfsgid report no failure: ask again what holds now. */
static bool set_and_check(long call, uint32_t id)
{
	syscall(call, id);
	return (uint32_t)syscall(call, -1) == id;
}

int hal_set_file_identity(uint32_t fsuid, uint32_t fsgid, const uint32_t *groups, uint32_t group_count)
{
	uint32_t old_uid, old_gid;

	hal_query_file_identity(&old_uid, &old_gid);
	/* The user id goes last: losing it drops the file capabilities, not those that the other two need. */
	if (!set_and_check(SYS_setfsgid, fsgid))
		return -EPERM;
	if (!set_and_check(SYS_setfsuid, fsuid)) {
		syscall(SYS_setfsgid, old_gid);
		return -EPERM;
	}
	if (groups && syscall(SYS_setgroups, (size_t)group_count, groups) < 0) {
		int error = errno;

		syscall(SYS_setfsuid, old_uid);
		syscall(SYS_setfsgid, old_gid);
		return -error;
	}
	return 0;
}
