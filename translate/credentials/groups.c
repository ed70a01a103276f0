/* getgroups(2), setgroups(2): supplementary groups, sorted as Linux keeps them. */
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>

#define NGROUPS_MAX_ALLOWED 65536u

int64_t lx_sys_getgroups(struct lx_call *call, int32_t size, struct lx_uptr list)
{
	const struct se_token *token = call->thread->token;

	if (size < 0)
		return -LX_EINVAL;
	if (!size)
		return token->group_count;
	if (token->group_count > (uint32_t)size)
		return -LX_EINVAL;
	if (token->group_count && lx_copy_out(call, list, token->groups, token->group_count * sizeof(uint32_t)))
		return -LX_EFAULT;
	return token->group_count;
}

static int compare_groups(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static int64_t copy_in_groups(struct lx_call *call, struct lx_uptr list, uint32_t count, uint32_t **groups)
{
	int64_t result;

	*groups = calloc(MAX_OF(count, 1u), sizeof(**groups));
	if (!*groups)
		return -LX_ENOMEM;
	result = count ? lx_copy_in(call, *groups, list, count * sizeof(**groups)) : 0;
	for (uint32_t i = 0; !result && i < count; i++)
		if ((*groups)[i] == UINT32_MAX)
			result = -LX_EINVAL;
	if (!result)
		qsort(*groups, count, sizeof(**groups), compare_groups);
	return result;
}

int64_t lx_sys_setgroups(struct lx_call *call, uint64_t size, struct lx_uptr list)
{
	uint32_t count = (uint32_t)size;
	cleanup_free uint32_t *groups = NULL;
	struct se_token *token;
	int64_t result;

	if (!lx_capable(call->thread, LX_CAP_SETGID))
		return -LX_EPERM;
	if (count > NGROUPS_MAX_ALLOWED)
		return -LX_EINVAL;
	result = copy_in_groups(call, list, count, &groups);
	if (result)
		return result;
	token = lx_change_token(call);
	if (!token)
		return -LX_ENOMEM;
	se_set_groups(token, steal_pointer(&groups), count);
	return lx_commit_token(call, token);
}
