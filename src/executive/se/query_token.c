/* NtQueryInformationToken, NtDuplicateToken, NtAdjustPrivilegesToken. */
#include <executive/se/se.h>

#include <nt/ntservices.h>

/* The NT privilege that is nearest to a Linux capability. */
static const struct {
	unsigned capability;
	ULONG privilege;
} privileges[] = {
    {0, SE_TAKE_OWNERSHIP_PRIVILEGE},	  /* CHOWN */
    {1, SE_RESTORE_PRIVILEGE},		  /* DAC_OVERRIDE */
    {2, SE_BACKUP_PRIVILEGE},		  /* DAC_READ_SEARCH */
    {7, SE_IMPERSONATE_PRIVILEGE},	  /* SETUID */
    {8, SE_CREATE_TOKEN_PRIVILEGE},	  /* SETPCAP */
    {14, SE_LOCK_MEMORY_PRIVILEGE},	  /* IPC_LOCK */
    {16, SE_LOAD_DRIVER_PRIVILEGE},	  /* SYS_MODULE */
    {19, SE_DEBUG_PRIVILEGE},		  /* SYS_PTRACE */
    {21, SE_TCB_PRIVILEGE},		  /* SYS_ADMIN */
    {22, SE_SHUTDOWN_PRIVILEGE},	  /* SYS_BOOT */
    {23, SE_INC_BASE_PRIORITY_PRIVILEGE}, /* SYS_NICE */
    {24, SE_INCREASE_QUOTA_PRIVILEGE},	  /* SYS_RESOURCE */
    {25, SE_SYSTEMTIME_PRIVILEGE},	  /* SYS_TIME */
    {29, SE_AUDIT_PRIVILEGE},		  /* AUDIT_WRITE */
};

#define SID_SIZE (sizeof(SID) + 2 * sizeof(ULONG))
#define SID_USER 1u
#define SID_GROUP 2u

/* An answer under way. `length`: out, the bytes that it needs. */
struct query {
	const struct se_token *token;
	void *data;
	ULONG size;
	ULONG length;
};

/* True if the whole answer fits. */
static bool needs(struct query *query, size_t length)
{
	query->length = (ULONG)length;
	return query->size >= length;
}

/* S-1-22-kind-id */
static PSID put_sid(void *where, ULONG kind, uint32_t id)
{
	SID *sid = where;

	*sid = (SID){.Revision = 1, .SubAuthorityCount = 2, .IdentifierAuthority = {0, 0, 0, 0, 0, 22}};
	sid->SubAuthority[0] = kind;
	sid->SubAuthority[1] = id;
	return sid;
}

static NTSTATUS query_user(struct query *query)
{
	TOKEN_USER *user = query->data;

	if (!needs(query, sizeof(*user) + SID_SIZE))
		return STATUS_BUFFER_TOO_SMALL;
	*user = (TOKEN_USER){{put_sid(user + 1, SID_USER, query->token->euid), 0}};
	return STATUS_SUCCESS;
}

static NTSTATUS query_groups(struct query *query)
{
	const struct se_token *token = query->token;
	TOKEN_GROUPS *groups = query->data;
	size_t count = (size_t)token->group_count + 1;

	if (!needs(query, sizeof(*groups) + count * (sizeof(SID_AND_ATTRIBUTES) + SID_SIZE)))
		return STATUS_BUFFER_TOO_SMALL;

	char *sids = (char *)&groups->Groups[count];

	groups->GroupCount = (ULONG)count;
	for (size_t i = 0; i < count; i++) {
		uint32_t id = i ? token->groups[i - 1] : token->egid;

		groups->Groups[i] = (SID_AND_ATTRIBUTES){
		    put_sid(sids + i * SID_SIZE, SID_GROUP, id),
		    SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED,
		};
	}
	return STATUS_SUCCESS;
}

/* The token's privileges, at most one more than the table has; returns how many. */
static ULONG list_privileges(const struct se_token *token, LUID_AND_ATTRIBUTES *list)
{
	/* Anyone may pass through directories that let him. */
	ULONG count = 0, always = SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT;

	list[count++] = (LUID_AND_ATTRIBUTES){{SE_CHANGE_NOTIFY_PRIVILEGE, 0}, always};
	for (size_t i = 0; i < ARRAY_COUNT(privileges); i++) {
		if (!(token->cap_permitted >> privileges[i].capability & 1))
			continue;

		bool enabled = se_effective(token) >> privileges[i].capability & 1;

		list[count++] = (LUID_AND_ATTRIBUTES){{privileges[i].privilege, 0}, enabled ? SE_PRIVILEGE_ENABLED : 0};
	}
	return count;
}

static NTSTATUS query_privileges(struct query *query)
{
	LUID_AND_ATTRIBUTES list[ARRAY_COUNT(privileges) + 1];
	TOKEN_PRIVILEGES *result = query->data;
	ULONG count = list_privileges(query->token, list);

	if (!needs(query, sizeof(*result) + count * sizeof(list[0])))
		return STATUS_BUFFER_TOO_SMALL;
	result->PrivilegeCount = count;
	memcpy(result->Privileges, list, count * sizeof(list[0]));
	return STATUS_SUCCESS;
}

static NTSTATUS query_owner(struct query *query)
{
	TOKEN_OWNER *owner = query->data;

	if (!needs(query, sizeof(*owner) + SID_SIZE))
		return STATUS_BUFFER_TOO_SMALL;
	owner->Owner = put_sid(owner + 1, SID_USER, query->token->fsuid);
	return STATUS_SUCCESS;
}

static NTSTATUS query_primary_group(struct query *query)
{
	TOKEN_PRIMARY_GROUP *group = query->data;

	if (!needs(query, sizeof(*group) + SID_SIZE))
		return STATUS_BUFFER_TOO_SMALL;
	group->PrimaryGroup = put_sid(group + 1, SID_GROUP, query->token->fsgid);
	return STATUS_SUCCESS;
}

static NTSTATUS query_source(struct query *query)
{
	if (!needs(query, sizeof(TOKEN_SOURCE)))
		return STATUS_BUFFER_TOO_SMALL;
	*(TOKEN_SOURCE *)query->data = (TOKEN_SOURCE){.SourceName = "LX"};
	return STATUS_SUCCESS;
}

static NTSTATUS query_type(struct query *query)
{
	if (!needs(query, sizeof(TOKEN_TYPE)))
		return STATUS_BUFFER_TOO_SMALL;
	*(TOKEN_TYPE *)query->data = query->token->type;
	return STATUS_SUCCESS;
}

static NTSTATUS query_level(struct query *query)
{
	/* A primary token has none. */
	if (query->token->type != TokenImpersonation)
		return STATUS_INVALID_INFO_CLASS;
	if (!needs(query, sizeof(SECURITY_IMPERSONATION_LEVEL)))
		return STATUS_BUFFER_TOO_SMALL;
	*(SECURITY_IMPERSONATION_LEVEL *)query->data = SecurityImpersonation;
	return STATUS_SUCCESS;
}

static NTSTATUS query_statistics(struct query *query)
{
	LUID_AND_ATTRIBUTES list[ARRAY_COUNT(privileges) + 1];
	const struct se_token *token = query->token;
	uint64_t version = atomic_load(&token->version);

	if (!needs(query, sizeof(TOKEN_STATISTICS)))
		return STATUS_BUFFER_TOO_SMALL;
	*(TOKEN_STATISTICS *)query->data = (TOKEN_STATISTICS){
	    .TokenId = {(ULONG)token->id, (LONG)(token->id >> 32)},
	    .ExpirationTime.QuadPart = INT64_MAX,
	    .TokenType = token->type,
	    .ImpersonationLevel = token->type == TokenImpersonation ? SecurityImpersonation : SecurityAnonymous,
	    .GroupCount = token->group_count + 1,
	    .PrivilegeCount = list_privileges(token, list),
	    .ModifiedId = {(ULONG)version, (LONG)(version >> 32)},
	};
	return STATUS_SUCCESS;
}

static NTSTATUS (*const classes[])(struct query *) = {
    [TokenUser] = query_user,
    [TokenGroups] = query_groups,
    [TokenPrivileges] = query_privileges,
    [TokenOwner] = query_owner,
    [TokenPrimaryGroup] = query_primary_group,
    [TokenSource] = query_source,
    [TokenType] = query_type,
    [TokenImpersonationLevel] = query_level,
    [TokenStatistics] = query_statistics,
};

NTSTATUS NtQueryInformationToken(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
				 PVOID TokenInformation, ULONG TokenInformationLength, PULONG ReturnLength)
{
	struct query query = {.data = TokenInformation, .size = TokenInformationLength};
	ACCESS_MASK access = TokenInformationClass == TokenSource ? TOKEN_QUERY_SOURCE : TOKEN_QUERY;
	cleanup_object void *token = NULL;

	if ((unsigned)TokenInformationClass >= ARRAY_COUNT(classes) || !classes[TokenInformationClass])
		return STATUS_INVALID_INFO_CLASS;

	NTSTATUS status = ob_reference_by_handle(TokenHandle, access, &se_token_type, &token);

	if (!NT_SUCCESS(status))
		return status;
	query.token = token;
	status = classes[TokenInformationClass](&query);
	*ReturnLength = query.length;
	return status;
}

NTSTATUS NtDuplicateToken(HANDLE ExistingTokenHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			  BOOLEAN EffectiveOnly, TOKEN_TYPE Type, PHANDLE NewTokenHandle)
{
	cleanup_object void *token = NULL;
	ACCESS_MASK same = 0;
	NTSTATUS status = ob_reference_by_handle(ExistingTokenHandle, TOKEN_DUPLICATE, &se_token_type, &token);

	if (!NT_SUCCESS(status))
		return status;
	if (Type != TokenPrimary && Type != TokenImpersonation)
		return STATUS_INVALID_PARAMETER;

	struct se_token *copy = se_duplicate_token(token);

	if (!copy)
		return STATUS_INSUFFICIENT_RESOURCES;
	copy->type = Type;
	if (EffectiveOnly)
		copy->cap_permitted &= copy->cap_effective;
	/* No access asked for: what the existing handle has. */
	if (!DesiredAccess)
		ob_handle_access(ExistingTokenHandle, &same);
	return ob_insert_object(copy, ObjectAttributes, DesiredAccess ? DesiredAccess : same, NewTokenHandle);
}

static uint64_t capabilities_of(ULONG privilege)
{
	for (size_t i = 0; i < ARRAY_COUNT(privileges); i++)
		if (privileges[i].privilege == privilege)
			return 1ull << privileges[i].capability;
	return 0;
}

static uint64_t all_mapped_capabilities(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_COUNT(privileges); i++)
		all |= 1ull << privileges[i].capability;
	return all;
}

/* What the effective set becomes; *missing: one was asked for that the token does not have. */
static uint64_t adjust(const struct se_token *token, const TOKEN_PRIVILEGES *state, bool *missing)
{
	uint64_t effective = se_effective(token);

	for (ULONG i = 0; i < state->PrivilegeCount; i++) {
		uint64_t bit = capabilities_of(state->Privileges[i].Luid.LowPart) & token->cap_permitted;

		if (!bit)
			*missing |= state->Privileges[i].Luid.LowPart != SE_CHANGE_NOTIFY_PRIVILEGE;
		else if (state->Privileges[i].Attributes & SE_PRIVILEGE_ENABLED)
			effective |= bit;
		else
			effective &= ~bit;
	}
	return effective;
}

/* The privileges that are about to change, as they were. */
static ULONG list_changes(const struct se_token *token, uint64_t effective, LUID_AND_ATTRIBUTES *list)
{
	uint64_t before = se_effective(token), changed = before ^ effective;
	ULONG count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(privileges); i++)
		if (changed >> privileges[i].capability & 1)
			list[count++] = (LUID_AND_ATTRIBUTES){
			    {privileges[i].privilege, 0},
			    before >> privileges[i].capability & 1 ? SE_PRIVILEGE_ENABLED : 0,
			};
	return count;
}

NTSTATUS NtAdjustPrivilegesToken(HANDLE TokenHandle, BOOLEAN DisableAllPrivileges, PTOKEN_PRIVILEGES NewState,
				 ULONG BufferLength, PTOKEN_PRIVILEGES PreviousState, PULONG ReturnLength)
{
	LUID_AND_ATTRIBUTES list[ARRAY_COUNT(privileges)];
	ACCESS_MASK access = TOKEN_ADJUST_PRIVILEGES | (PreviousState ? TOKEN_QUERY : 0);
	cleanup_object void *object = NULL;
	bool missing = false;

	if (!DisableAllPrivileges && !NewState)
		return STATUS_INVALID_PARAMETER;

	NTSTATUS status = ob_reference_by_handle(TokenHandle, access, &se_token_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	struct se_token *token = object;
	uint64_t effective =
	    DisableAllPrivileges ? se_effective(token) & ~all_mapped_capabilities() : adjust(token, NewState, &missing);
	ULONG count = list_changes(token, effective, list);
	ULONG length = (ULONG)(sizeof(*PreviousState) + count * sizeof(list[0]));

	if (ReturnLength)
		*ReturnLength = length;
	if (PreviousState) {
		if (BufferLength < length)
			return STATUS_BUFFER_TOO_SMALL;
		PreviousState->PrivilegeCount = count;
		memcpy(PreviousState->Privileges, list, count * sizeof(list[0]));
	}
	se_set_effective(token, effective);
	return missing ? STATUS_NOT_ALL_ASSIGNED : STATUS_SUCCESS;
}
