/*
 * Impersonation on the host: a supervisor thread acts on host files as the
 * subject it works for. Whose identity the thread has is remembered, so that the
 * usual call, for the same token as last time, costs a comparison.
 *
 * A subject whose identity is the host user's is never a change, with or without
 * privilege on the host.
 */
#include <executive/se/se.h>

/* The token whose identity this host thread has taken on; 0: none yet. */
static __thread uint64_t worn_token;

/* Has the host thread these supplementary groups? */
static NTSTATUS compare_groups(const struct se_token *token, bool *same)
{
	int count = hal_query_groups(NULL, 0);

	*same = false;
	if (count < 0 || (uint32_t)count != token->group_count)
		return STATUS_SUCCESS;

	cleanup_free uint32_t *groups = malloc(((size_t)count + 1) * sizeof(*groups));

	if (!groups)
		return STATUS_INSUFFICIENT_RESOURCES;
	*same = hal_query_groups(groups, (uint32_t)count) == count &&
		(!count || !memcmp(groups, token->groups, (size_t)count * sizeof(*groups)));
	return STATUS_SUCCESS;
}

static NTSTATUS take_on(const struct se_token *token)
{
	static const uint32_t no_groups[1];
	uint32_t fsuid, fsgid;
	bool same_groups;
	NTSTATUS status = compare_groups(token, &same_groups);

	if (!NT_SUCCESS(status))
		return status;
	hal_query_file_identity(&fsuid, &fsgid);
	if (fsuid == token->fsuid && fsgid == token->fsgid && same_groups)
		return STATUS_SUCCESS;

	const uint32_t *groups = token->group_count ? token->groups : no_groups;

	if (hal_set_file_identity(token->fsuid, token->fsgid, same_groups ? NULL : groups, token->group_count) < 0)
		return STATUS_PRIVILEGE_NOT_HELD;
	return STATUS_SUCCESS;
}

NTSTATUS se_impersonate(const struct se_token *token)
{
	if (likely(worn_token == token->id))
		return STATUS_SUCCESS;

	NTSTATUS status = take_on(token);

	if (NT_SUCCESS(status))
		worn_token = token->id;
	return status;
}
