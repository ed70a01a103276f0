/* Tokens: queries, copies, access checks, impersonation. */
#include "workers.h"

#include <executive/ex/ex.h>
#include <executive/se/account.h>
#include <executive/se/se.h>
#include <nt/ntservices.h>
#include <unistd.h>

static int start(void **state)
{
	int error = attach_main(state);

	ob_initialize();
	se_initialize();
	ex_initialize();
	return error;
}

static struct se_token *made_up_token(void)
{
	struct se_token *token = se_create_host_token();

	assert_non_null(token);
	token->euid = 1234;
	token->egid = 100;
	free(token->groups);
	token->groups = calloc(2, sizeof(uint32_t));
	token->groups[0] = 7;
	token->groups[1] = 8;
	token->group_count = 2;
	token->cap_permitted = 1ull << 1 | 1ull << 7;
	token->cap_effective = 1ull << 7;
	return token;
}

/* However many processes have them: a list may be 256 KiB long. */
static void copies_share_their_groups(void **state)
{
	struct se_token *token = made_up_token(), *copy = se_duplicate_token(token), *second = se_duplicate_token(copy);
	uint32_t *own = calloc(1, sizeof(*own));

	assert_ptr_equal(copy->groups, token->groups);
	assert_ptr_equal(second->groups, token->groups);
	ob_dereference(token);
	ob_dereference(copy);
	assert_int_equal(second->groups[1], 8);
	se_set_groups(second, own, 1);
	assert_ptr_equal(second->groups, own);
	assert_null(second->lender);
	ob_dereference(second);
}

static HANDLE open_token(struct se_token *token, ACCESS_MASK access)
{
	HANDLE handle;

	assert_int_equal(ob_open_by_pointer(token, 0, access, &handle), STATUS_SUCCESS);
	ob_dereference(token);
	return handle;
}

static void host_token_is_the_host_user(void **state)
{
	struct se_token *token = se_create_host_token();

	assert_int_equal(token->ruid, getuid());
	assert_int_equal(token->euid, geteuid());
	assert_int_equal(token->fsgid, getegid());
	assert_int_equal(token->group_count, getgroups(0, NULL));
	ob_dereference(token);
}

static void assert_sid(PSID psid, ULONG kind, ULONG id)
{
	SID *sid = psid;

	assert_int_equal(sid->Revision, 1);
	assert_int_equal(sid->SubAuthorityCount, 2);
	assert_int_equal(sid->IdentifierAuthority[5], 22);
	assert_int_equal(sid->SubAuthority[0], kind);
	assert_int_equal(sid->SubAuthority[1], id);
}

static void token_queries_show_unix_ids_as_sids(void **state)
{
	HANDLE handle = open_token(made_up_token(), TOKEN_ALL_ACCESS);
	_Alignas(8) char buffer[1024];
	ULONG length;

	assert_int_equal(NtQueryInformationToken(handle, TokenUser, buffer, 4, &length), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(NtQueryInformationToken(handle, TokenUser, buffer, length, &length), STATUS_SUCCESS);
	assert_sid(((TOKEN_USER *)buffer)->User.Sid, 1, 1234);
	assert_int_equal(NtQueryInformationToken(handle, TokenGroups, buffer, sizeof(buffer), &length), STATUS_SUCCESS);
	assert_int_equal(((TOKEN_GROUPS *)buffer)->GroupCount, 3);
	assert_sid(((TOKEN_GROUPS *)buffer)->Groups[0].Sid, 2, 100);
	assert_sid(((TOKEN_GROUPS *)buffer)->Groups[2].Sid, 2, 8);
	assert_int_equal(NtQueryInformationToken(handle, TokenType, buffer, sizeof(buffer), &length), STATUS_SUCCESS);
	assert_int_equal(*(TOKEN_TYPE *)buffer, TokenPrimary);
	assert_int_equal(NtQueryInformationToken(handle, TokenDefaultDacl, buffer, sizeof(buffer), &length),
			 STATUS_INVALID_INFO_CLASS);
	NtClose(handle);
}

static ULONG attributes_of(HANDLE handle, ULONG privilege)
{
	_Alignas(8) char buffer[1024];
	TOKEN_PRIVILEGES *privileges = (void *)buffer;
	ULONG length;

	assert_int_equal(NtQueryInformationToken(handle, TokenPrivileges, buffer, sizeof(buffer), &length),
			 STATUS_SUCCESS);
	for (ULONG i = 0; i < privileges->PrivilegeCount; i++)
		if (privileges->Privileges[i].Luid.LowPart == privilege)
			return privileges->Privileges[i].Attributes;
	return UINT32_MAX;
}

static void privileges_are_capabilities(void **state)
{
	HANDLE handle = open_token(made_up_token(), TOKEN_ALL_ACCESS);
	_Alignas(8) char change[64], previous[64];
	TOKEN_PRIVILEGES *request = (void *)change, *before = (void *)previous;
	ULONG length;

	assert_int_equal(attributes_of(handle, SE_RESTORE_PRIVILEGE), 0);
	assert_int_equal(attributes_of(handle, SE_IMPERSONATE_PRIVILEGE), SE_PRIVILEGE_ENABLED);
	assert_int_equal(attributes_of(handle, SE_TCB_PRIVILEGE), UINT32_MAX);
	request->PrivilegeCount = 2;
	request->Privileges[0] = (LUID_AND_ATTRIBUTES){{SE_RESTORE_PRIVILEGE, 0}, SE_PRIVILEGE_ENABLED};
	request->Privileges[1] = (LUID_AND_ATTRIBUTES){{SE_TCB_PRIVILEGE, 0}, SE_PRIVILEGE_ENABLED};
	assert_int_equal(NtAdjustPrivilegesToken(handle, false, request, sizeof(previous), before, &length),
			 STATUS_NOT_ALL_ASSIGNED);
	assert_int_equal(before->PrivilegeCount, 1);
	assert_int_equal(before->Privileges[0].Luid.LowPart, SE_RESTORE_PRIVILEGE);
	assert_int_equal(attributes_of(handle, SE_RESTORE_PRIVILEGE), SE_PRIVILEGE_ENABLED);
	assert_int_equal(NtAdjustPrivilegesToken(handle, true, NULL, 0, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(attributes_of(handle, SE_RESTORE_PRIVILEGE), 0);
	assert_int_equal(attributes_of(handle, SE_IMPERSONATE_PRIVILEGE), 0);
	NtClose(handle);
}

static void duplicate_token_is_a_private_copy(void **state)
{
	HANDLE handle = open_token(made_up_token(), TOKEN_ALL_ACCESS), copy;
	TOKEN_STATISTICS first, second;
	ULONG length;

	assert_int_equal(NtDuplicateToken(handle, 0, NULL, true, TokenImpersonation, &copy), STATUS_SUCCESS);
	NtQueryInformationToken(handle, TokenStatistics, &first, sizeof(first), &length);
	NtQueryInformationToken(copy, TokenStatistics, &second, sizeof(second), &length);
	assert_int_not_equal(first.TokenId.LowPart, second.TokenId.LowPart);
	assert_int_equal(second.TokenType, TokenImpersonation);
	assert_int_equal(second.GroupCount, 3);
	/* Effective only: what was not enabled is gone. */
	assert_int_equal(attributes_of(copy, SE_RESTORE_PRIVILEGE), UINT32_MAX);
	assert_int_equal(NtDuplicateToken(handle, 0, NULL, false, 9, &copy), STATUS_INVALID_PARAMETER);
	NtClose(handle);
	NtClose(copy);
}

static struct se_token *subject;

static struct se_token *current_subject(void)
{
	ob_reference(subject);
	return subject;
}

static void strangers_may_only_read_named_objects(void **state)
{
	STRING name = rtl_string("\\BaseNamedObjects\\guarded");
	OBJECT_ATTRIBUTES attributes = {sizeof(attributes), NULL, &name, 0, NULL, NULL};
	HANDLE owner, stranger;
	ACCESS_MASK granted;

	assert_int_equal(NtCreateEvent(&owner, EVENT_ALL_ACCESS, &attributes, NotificationEvent, false),
			 STATUS_SUCCESS);
	subject = made_up_token();
	subject->cap_effective = 0;
	subject->euid = geteuid() + 1;
	se_set_current_token(current_subject);
	assert_int_equal(NtOpenEvent(&stranger, EVENT_MODIFY_STATE, &attributes), STATUS_ACCESS_DENIED);
	assert_int_equal(NtOpenEvent(&stranger, GENERIC_READ | SYNCHRONIZE, &attributes), STATUS_SUCCESS);
	NtClose(stranger);
	assert_int_equal(NtOpenEvent(&stranger, MAXIMUM_ALLOWED, &attributes), STATUS_SUCCESS);
	assert_int_equal(ob_handle_access(stranger, &granted), STATUS_SUCCESS);
	assert_int_equal(granted & EVENT_MODIFY_STATE, 0);
	NtClose(stranger);
	subject->cap_effective = 1ull << 1;
	assert_int_equal(NtOpenEvent(&stranger, EVENT_MODIFY_STATE, &attributes), STATUS_SUCCESS);
	NtClose(stranger);
	subject->cap_effective = 0;
	subject->euid = geteuid();
	assert_int_equal(NtOpenEvent(&stranger, EVENT_MODIFY_STATE, &attributes), STATUS_SUCCESS);
	NtClose(stranger);
	se_set_current_token(NULL);
	ob_dereference(subject);
	NtClose(owner);
}

static void impersonate_itself(struct worker *worker)
{
	struct se_token *token = se_create_host_token();

	worker->result = se_impersonate(token);
	if (NT_SUCCESS(worker->result))
		worker->result = se_impersonate(token);
	ob_dereference(token);
}

static void impersonating_the_host_user_needs_no_privilege(void **state)
{
	struct worker worker;

	worker_start(&worker, impersonate_itself, NULL);
	assert_int_equal(worker_join(&worker), STATUS_SUCCESS);
}

struct seen {
	uint32_t fsuid, fsgid;
	int groups;
	NTSTATUS status;
};

static void impersonate_another(struct worker *worker)
{
	struct seen *seen = worker->context;
	struct se_token *token = se_create_host_token(), *host = se_duplicate_token(token);

	token->fsuid = 4321;
	token->fsgid = 5432;
	free(token->groups);
	token->groups = NULL;
	token->group_count = 0;
	seen->status = se_impersonate(token);
	hal_query_file_identity(&seen->fsuid, &seen->fsgid);
	seen->groups = hal_query_groups(NULL, 0);
	worker->result = se_impersonate(host);
	ob_dereference(token);
	ob_dereference(host);
}

static void impersonation_is_the_threads_own(void **state)
{
	struct hal_identity identity;
	uint32_t fsuid, fsgid;
	struct worker worker;
	struct seen seen;

	hal_query_identity(&identity);
	worker_start(&worker, impersonate_another, &seen);
	assert_int_equal(worker_join(&worker), STATUS_SUCCESS);
	if (identity.cap_effective >> 6 & identity.cap_effective >> 7 & 1) {
		assert_int_equal(seen.status, STATUS_SUCCESS);
		assert_int_equal(seen.fsuid, 4321);
		assert_int_equal(seen.fsgid, 5432);
		assert_int_equal(seen.groups, 0);
	} else {
		assert_int_equal(seen.status, STATUS_PRIVILEGE_NOT_HELD);
		assert_int_equal(seen.fsuid, identity.fsuid);
	}
	hal_query_file_identity(&fsuid, &fsgid);
	assert_int_equal(fsuid, identity.fsuid);
	assert_int_equal(fsgid, identity.fsgid);
}

static void accounts_are_a_users_and_have_limits(void **state)
{
	assert_int_equal(se_charge(1, SE_SIGNALS, 3, 5), 3);
	assert_int_equal(se_charge(1, SE_SIGNALS, 3, 5), 0);
	assert_int_equal(se_charge(1, SE_SIGNALS, 2, 5), 5);
	assert_int_equal(se_charge(1, SE_SIGNALS, 1, 0), 0);
	/* Another account, and another user of the same bucket. */
	assert_int_equal(se_charge(1, SE_PIPE_PAGES, 16, UINT64_MAX), 16);
	assert_int_equal(se_charge(65, SE_SIGNALS, 1, 1), 1);
	se_discharge(1, SE_SIGNALS, 5);
	assert_int_equal(se_charge(1, SE_PIPE_PAGES, 1, UINT64_MAX), 17);
	se_discharge(1, SE_PIPE_PAGES, 17);
	se_discharge(65, SE_SIGNALS, 1);
	assert_int_equal(se_charge(1, SE_PIPE_PAGES, 2, 2), 2);
	se_discharge(1, SE_PIPE_PAGES, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_share_their_groups),
	    cmocka_unit_test(accounts_are_a_users_and_have_limits),
	    cmocka_unit_test(host_token_is_the_host_user),
	    cmocka_unit_test(token_queries_show_unix_ids_as_sids),
	    cmocka_unit_test(privileges_are_capabilities),
	    cmocka_unit_test(duplicate_token_is_a_private_copy),
	    cmocka_unit_test(strangers_may_only_read_named_objects),
	    cmocka_unit_test(impersonating_the_host_user_needs_no_privilege),
	    cmocka_unit_test(impersonation_is_the_threads_own),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
