/*
 * Tokens: the object type, the host user's token, copies, impersonation.
 *
 * A token does not change once it is attached, so it is read without a lock.
 * The one exception is what NtAdjustPrivilegesToken enables and disables, which
 * is a single word.
 */
#include <executive/se/se.h>

static _Atomic uint64_t next_id = 1;
static _Atomic uint32_t host_uid;
static _Atomic uint64_t host_permitted;

void se_set_groups(struct se_token *token, uint32_t *groups, uint32_t count)
{
	if (token->lender)
		ob_dereference(token->lender);
	else
		free(token->groups);
	token->lender = NULL;
	token->groups = groups;
	token->group_count = count;
}

static void delete_token(void *object)
{
	se_set_groups(object, NULL, 0);
}

static void dump_token(void *object, FILE *out)
{
	const struct se_token *token = object;

	fprintf(out, "uid %u/%u/%u/%u gid %u/%u/%u/%u effective %lx", token->ruid, token->euid, token->suid,
		token->fsuid, token->rgid, token->egid, token->sgid, token->fsgid, (unsigned long)token->cap_effective);
}

static const struct ob_type_operations token_operations = {.delete = delete_token, .dump = dump_token};

struct ob_type se_token_type = {
    .name = "Token",
    .mapping = {0x2001A, 0x201E0, 0x20005, 0xF01FF},
    .valid_access = 0x1F01FF,
    .operations = &token_operations,
};

static struct se_token *create_token(void)
{
	struct se_token *token = ob_create_object(&se_token_type, sizeof(*token));

	if (token) {
		token->id = atomic_fetch_add(&next_id, 1);
		atomic_init(&token->version, token->id);
		token->type = TokenPrimary;
	}
	return token;
}

static bool query_groups(struct se_token *token)
{
	int count = hal_query_groups(NULL, 0);

	if (count <= 0)
		return count == 0;
	token->groups = calloc((size_t)count, sizeof(*token->groups));
	if (!token->groups)
		return false;
	count = hal_query_groups(token->groups, (uint32_t)count);
	token->group_count = count > 0 ? (uint32_t)count : 0;
	return count >= 0;
}

struct se_token *se_create_host_token(void)
{
	struct se_token *token = create_token();
	struct hal_identity identity;

	if (!token)
		return NULL;
	hal_query_identity(&identity);
	token->ruid = identity.ruid;
	token->euid = identity.euid;
	token->suid = identity.suid;
	token->fsuid = identity.fsuid;
	token->rgid = identity.rgid;
	token->egid = identity.egid;
	token->sgid = identity.sgid;
	token->fsgid = identity.fsgid;
	token->cap_permitted = identity.cap_permitted;
	token->cap_effective = identity.cap_effective;
	token->cap_inheritable = identity.cap_inheritable;
	token->cap_bounding = identity.cap_bounding;
	token->cap_ambient = identity.cap_ambient;
	token->securebits = identity.securebits;
	token->no_new_privileges = identity.no_new_privileges;
	if (!query_groups(token)) {
		ob_dereference(token);
		return NULL;
	}
	return token;
}

struct se_token *se_duplicate_token(struct se_token *token)
{
	struct se_token *copy = create_token();

	if (!copy)
		return NULL;

	uint64_t id = copy->id;

	*copy = *token;
	copy->id = id;
	atomic_init(&copy->version, id);
	if (token->groups) {
		copy->lender = token->lender ? token->lender : token;
		ob_reference(copy->lender);
	}
	return copy;
}

uint64_t se_effective(const struct se_token *token)
{
	return __atomic_load_n(&token->cap_effective, __ATOMIC_RELAXED);
}

void se_set_effective(struct se_token *token, uint64_t effective)
{
	__atomic_store_n(&token->cap_effective, effective, __ATOMIC_RELAXED);
	atomic_store(&token->version, atomic_fetch_add(&next_id, 1));
}

uint64_t se_host_permitted(void)
{
	return atomic_load(&host_permitted);
}

struct se_token *se_real_token(struct se_token *token)
{
	uint64_t effective = token->cap_effective;
	struct se_token *real;

	if (!(token->securebits & SE_NO_SETUID_FIXUP))
		effective = token->ruid ? 0 : token->cap_permitted;
	if (token->fsuid == token->ruid && token->fsgid == token->rgid && token->cap_effective == effective) {
		ob_reference(token);
		return token;
	}
	real = se_duplicate_token(token);
	if (real) {
		real->fsuid = token->ruid;
		real->fsgid = token->rgid;
		real->cap_effective = effective;
	}
	return real;
}

static struct se_token *no_token(void)
{
	return NULL;
}
static _Atomic(struct se_token *(*)(void)) current_token = no_token;

void se_set_current_token(struct se_token *(*current)(void))
{
	atomic_store(&current_token, current ? current : no_token);
}

struct se_token *se_current_token(void)
{
	return atomic_load(&current_token)();
}

#define CAPABILITY_DAC_OVERRIDE 1

NTSTATUS se_access_check(const struct se_token *token, const struct ob_type *type, ACCESS_MASK desired,
			 ACCESS_MASK *granted)
{
	const GENERIC_MAPPING *mapping = &type->mapping;
	ACCESS_MASK mapped;
	NTSTATUS status = ob_map_access(type, desired & ~MAXIMUM_ALLOWED, &mapped);

	if (!NT_SUCCESS(status))
		return status;

	bool owner = token->euid == atomic_load(&host_uid) || token->cap_effective >> CAPABILITY_DAC_OVERRIDE & 1;
	ACCESS_MASK allowed = owner ? type->valid_access | ACCESS_SYSTEM_SECURITY
				    : (mapping->GenericRead | mapping->GenericExecute) & type->valid_access;

	if (mapped & ~allowed)
		return STATUS_ACCESS_DENIED;
	*granted = desired & MAXIMUM_ALLOWED ? mapped | (allowed & type->valid_access) : mapped;
	return STATUS_SUCCESS;
}

/* The subject is the calling thread; the system's own threads may do anything. */
static NTSTATUS check_current(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted)
{
	cleanup_object void *token = se_current_token();

	return token ? se_access_check(token, type, desired, granted) : ob_map_access(type, desired, granted);
}

void se_initialize(void)
{
	struct hal_identity identity;

	hal_query_identity(&identity);
	atomic_store(&host_uid, identity.euid);
	atomic_store(&host_permitted, identity.cap_permitted);
	ob_register_type(&se_token_type);
	ob_set_access_check(check_current);
}
