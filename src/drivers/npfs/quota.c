/*
 * How much of pipes each user may have: fs.pipe-user-pages-soft, fs.pipe-user-pages-hard and fs.pipe-max-size of the host,
 * by the rules of fs/pipe.c in the kernel. What is counted is capacity, which bounds the pages that a pipe can come to
 * hold. A pipe is its maker's for good, whoever resizes it; users are told apart by their real id.
 */
#include <errno.h>
#include <fcntl.h>

#include <drivers/npfs/pipe.h>
#include <executive/se/account.h>
#include <executive/se/se.h>

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

static uint64_t pages_up_to(uint64_t limit, bool privileged)
{
	return limit && !privileged ? limit : UINT64_MAX;
}

NTSTATUS npfs_charge_new(struct npfs_pipe *pipe)
{
	const struct se_token *token = fsrtl_token();
	bool privileged = is_privileged();
	uint32_t slots = NPFS_DEFAULT_SLOTS;
	uint64_t pages;

	if (slots * NPFS_PAGE > limits.largest && !fsrtl_capable(FSRTL_CAP_SYS_RESOURCE))
		slots = (uint32_t)(limits.largest / NPFS_PAGE);
	pipe->uid = token ? token->ruid : 0;
	pages = se_charge(pipe->uid, SE_PIPE_PAGES, slots, pages_up_to(limits.soft, privileged));
	if (!pages) {
		slots = NPFS_FEWEST_SLOTS;
		pages = se_charge(pipe->uid, SE_PIPE_PAGES, slots, UINT64_MAX);
	}
	if (!pages)
		return STATUS_NO_MEMORY;
	if (pages > pages_up_to(limits.hard, privileged)) {
		se_discharge(pipe->uid, SE_PIPE_PAGES, slots);
		return FSRTL_ERRNO(ENFILE);
	}
	pipe->slot_count = slots;
	return STATUS_SUCCESS;
}

/* False: more than `limit`. */
static bool recharge(const struct npfs_pipe *pipe, uint32_t from, uint32_t to, uint64_t limit)
{
	if (to > from)
		return se_charge(pipe->uid, SE_PIPE_PAGES, to - from, limit);
	if (to < from)
		se_discharge(pipe->uid, SE_PIPE_PAGES, from - to);
	return true;
}

NTSTATUS npfs_charge_resize(struct npfs_pipe *pipe, uint32_t slots)
{
	bool grows = slots > pipe->slot_count, privileged = grows && is_privileged();
	uint64_t limit = MIN_OF(pages_up_to(limits.soft, privileged), pages_up_to(limits.hard, privileged));

	if (grows && (uint64_t)slots * NPFS_PAGE > limits.largest && !fsrtl_capable(FSRTL_CAP_SYS_RESOURCE))
		return FSRTL_ERRNO(EPERM);
	return recharge(pipe, pipe->slot_count, slots, limit) ? STATUS_SUCCESS : FSRTL_ERRNO(EPERM);
}

void npfs_discharge_resize(struct npfs_pipe *pipe, uint32_t slots)
{
	recharge(pipe, slots, pipe->slot_count, UINT64_MAX);
}

void npfs_discharge(struct npfs_pipe *pipe)
{
	recharge(pipe, pipe->slot_count, 0, 0);
}
