/*
 * Impersonation on the host: a supervisor thread acts as the subject it works
 * for, with that subject's file-system ids, groups and effective capabilities,
 * so that the host's own checks say what they would say natively. Whose identity
 * the thread has is remembered, so that the usual call, for the same token as
 * last time, costs a comparison. After a failure it has nobody's: whoever goes
 * on must not act for a guest.
 *
 * A subject whose identity is the host user's is never a change, with or without
 * privilege on the host. Capabilities that lxrun's user lacks are not had here.
 */
#include <executive/se/se.h>

/* The version of the token whose identity this host thread has; 0: it is not known, or nobody's. */
static __thread uint64_t worn_version;

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

static NTSTATUS take_on(const struct se_token *token, uint64_t permitted)
{
	static const uint32_t no_groups[1];
	uint64_t effective = se_effective(token) & permitted;
	uint32_t fsuid, fsgid;
	bool same_groups;
	NTSTATUS status = compare_groups(token, &same_groups);

	if (!NT_SUCCESS(status))
		return status;
	hal_query_file_identity(&fsuid, &fsgid);
	if (fsuid == token->fsuid && fsgid == token->fsgid && same_groups && hal_query_effective() == effective)
		return STATUS_SUCCESS;

	const struct hal_subject subject = {
	    .fsuid = token->fsuid,
	    .fsgid = token->fsgid,
	    .groups = same_groups ? NULL : token->group_count ? token->groups : no_groups,
	    .group_count = token->group_count,
	    .cap_effective = effective,
	};

	return hal_become(&subject) < 0 ? STATUS_PRIVILEGE_NOT_HELD : STATUS_SUCCESS;
}

NTSTATUS se_impersonate(const struct se_token *token)
{
	uint64_t version = atomic_load_explicit(&token->version, memory_order_relaxed);

	if (likely(worn_version == version))
		return STATUS_SUCCESS;

	NTSTATUS status = take_on(token, se_host_permitted());

	worn_version = NT_SUCCESS(status) ? version : 0;
	return status;
}
