/*
 * How much of pipes each user may have: fs.pipe-user-pages-soft, fs.pipe-user-pages-hard and fs.pipe-max-size of the host,
 * by the rules of fs/pipe.c in the kernel. What is counted is capacity, which bounds the pages that a pipe can come to
 * hold. A pipe is its maker's for good, whoever resizes it; users are told apart by their real id.
 *
 * The list of users guards itself and what is in it; its lock is the innermost.
 */
#include <errno.h>
#include <fcntl.h>

#include <drivers/npfs/pipe.h>
#include <executive/se/se.h>

struct npfs_user {
	LIST_ENTRY(npfs_user) link;
	uint32_t uid;
	uint32_t pipes; /* that are its own: with the last one it goes */
	uint64_t pages;
};

#define USER_BUCKETS 64u

static struct {
	struct rtl_lock lock;
	LIST_HEAD(, npfs_user) buckets[USER_BUCKETS];
} users = {.lock = RTL_LOCK_INITIALIZER};

static struct {
	uint64_t largest, soft, hard; /* bytes; pages, 0: no limit */
} limits = {1048576, 16384, 0};

static void read_limit(const char *path, uint64_t *limit)
{
	char text[32] = {0};
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);

	if (descriptor >= 0 && read(descriptor, text, sizeof text - 1) > 0)
		*limit = strtoull(text, NULL, 10);
	if (descriptor >= 0)
		close(descriptor);
}

void npfs_read_limits(void)
{
	read_limit("/proc/sys/fs/pipe-max-size", &limits.largest);
	read_limit("/proc/sys/fs/pipe-user-pages-soft", &limits.soft);
	read_limit("/proc/sys/fs/pipe-user-pages-hard", &limits.hard);
}

static bool is_privileged(void)
{
	return fsrtl_capable(FSRTL_CAP_SYS_RESOURCE) || fsrtl_capable(FSRTL_CAP_SYS_ADMIN);
}

static bool is_beyond(uint64_t pages, uint64_t limit)
{
	return limit && pages > limit;
}

/* Under the lock; with a reference for a pipe. */
static struct npfs_user *find_user(uint32_t uid)
{
	struct npfs_user *user;

	LIST_FOREACH (user, &users.buckets[uid % USER_BUCKETS], link)
		if (user->uid == uid)
			break;
	if (!user) {
		user = calloc(1, sizeof *user);
		if (!user)
			return NULL;
		user->uid = uid;
		LIST_INSERT_HEAD(&users.buckets[uid % USER_BUCKETS], user, link);
	}
	user->pipes++;
	return user;
}

static void leave_user(struct npfs_user *user)
{
	if (--user->pipes)
		return;
	LIST_REMOVE(user, link);
	free(user);
}

NTSTATUS npfs_charge_new(struct npfs_pipe *pipe)
{
	const struct se_token *token = fsrtl_token();
	bool privileged = is_privileged();
	uint32_t slots = NPFS_DEFAULT_SLOTS;
	NTSTATUS status = STATUS_SUCCESS;

	if (slots * NPFS_PAGE > limits.largest && !fsrtl_capable(FSRTL_CAP_SYS_RESOURCE))
		slots = (uint32_t)(limits.largest / NPFS_PAGE);
	rtl_lock(&users.lock);
	pipe->user = find_user(token ? token->ruid : 0);
	if (!pipe->user)
		status = STATUS_NO_MEMORY;
	else if (!privileged && is_beyond(pipe->user->pages + slots, limits.soft))
		slots = NPFS_FEWEST_SLOTS;
	if (status == STATUS_SUCCESS && !privileged && is_beyond(pipe->user->pages + slots, limits.hard))
		status = FSRTL_ERRNO(ENFILE);
	if (status == STATUS_SUCCESS) {
		pipe->user->pages += slots;
		pipe->slot_count = slots;
	} else if (pipe->user) {
		leave_user(pipe->user);
		pipe->user = NULL;
	}
	rtl_unlock(&users.lock);
	return status;
}

NTSTATUS npfs_charge_resize(struct npfs_pipe *pipe, uint32_t slots)
{
	bool grows = slots > pipe->slot_count, privileged = !grows || is_privileged();
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t pages;

	if (grows && (uint64_t)slots * NPFS_PAGE > limits.largest && !fsrtl_capable(FSRTL_CAP_SYS_RESOURCE))
		return FSRTL_ERRNO(EPERM);
	rtl_lock(&users.lock);
	pages = pipe->user->pages - pipe->slot_count + slots;
	if (!privileged && (is_beyond(pages, limits.soft) || is_beyond(pages, limits.hard)))
		status = FSRTL_ERRNO(EPERM);
	else
		pipe->user->pages = pages;
	rtl_unlock(&users.lock);
	return status;
}

void npfs_discharge_resize(struct npfs_pipe *pipe, uint32_t slots)
{
	rtl_lock(&users.lock);
	pipe->user->pages += pipe->slot_count;
	pipe->user->pages -= slots;
	rtl_unlock(&users.lock);
}

void npfs_discharge(struct npfs_pipe *pipe)
{
	if (!pipe->user)
		return;
	rtl_lock(&users.lock);
	pipe->user->pages -= pipe->slot_count;
	leave_user(pipe->user);
	rtl_unlock(&users.lock);
}
