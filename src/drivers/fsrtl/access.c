/* Access by Linux' rules on the caller's token. */
#include <drivers/fsrtl/fsrtl.h>
#include <executive/ps/ps.h>

const struct se_token *fsrtl_token(void)
{
	struct ps_thread *thread = ps_current_thread();

	if (!thread)
		return NULL;
	if (thread->token)
		return thread->token;
	return thread->process ? thread->process->token : NULL;
}

bool fsrtl_capable(unsigned capability)
{
	const struct se_token *token = fsrtl_token();

	return !token || token->cap_effective >> capability & 1;
}

bool fsrtl_capable_of_any(uint64_t capabilities)
{
	const struct se_token *token = fsrtl_token();

	return !token || token->cap_effective & capabilities;
}

bool fsrtl_is_owner(const FILE_LX_STATX_INFORMATION *attributes)
{
	const struct se_token *token = fsrtl_token();

	return !token || token->fsuid == attributes->Uid;
}

static unsigned class_bits(const struct se_token *token, const FILE_LX_STATX_INFORMATION *attributes)
{
	if (token->fsuid == attributes->Uid)
		return attributes->Mode >> 6 & 7;
	if (token->fsgid == attributes->Gid)
		return attributes->Mode >> 3 & 7;
	for (uint32_t i = 0; i < token->group_count; i++)
		if (token->groups[i] == attributes->Gid)
			return attributes->Mode >> 3 & 7;
	return attributes->Mode & 7;
}

bool fsrtl_permitted(const FILE_LX_STATX_INFORMATION *attributes, unsigned wanted)
{
	const struct se_token *token = fsrtl_token();
	bool directory = (attributes->Mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR;

	if (!token || (wanted & ~class_bits(token, attributes)) == 0)
		return true;
	if (directory && !(wanted & FSRTL_WRITE) && fsrtl_capable(FSRTL_CAP_DAC_READ_SEARCH))
		return true;
	if (!directory && wanted == FSRTL_READ && fsrtl_capable(FSRTL_CAP_DAC_READ_SEARCH))
		return true;
	if (directory || !(wanted & FSRTL_EXECUTE) || attributes->Mode & 0111)
		return fsrtl_capable(FSRTL_CAP_DAC_OVERRIDE);
	return false;
}

unsigned fsrtl_wanted(ACCESS_MASK access)
{
	unsigned wanted = 0;

	if (access & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL))
		wanted |= FSRTL_READ;
	if (access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL))
		wanted |= FSRTL_WRITE;
	if (access & (FILE_EXECUTE | GENERIC_EXECUTE))
		wanted |= FSRTL_EXECUTE;
	return wanted;
}
