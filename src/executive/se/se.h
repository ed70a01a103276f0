/* Security: the token is the carrier of a subject's identity; the LX subsystem keeps Linux credentials in it. */
#ifndef SE_SE_H
#define SE_SE_H

#include <executive/ob/ob.h>
#include <nt/ntse.h>

/*
 * A subject's identity: Linux ids and capabilities, from which TokenUser,
 * TokenGroups (SID S-1-22-1-uid and S-1-22-2-gid, Samba's form) and
 * TokenPrivileges are derived. Immutable once attached to a process or thread:
 * a change makes a new token (se_duplicate_token), as NT and Linux both do.
 */
struct se_token {
	uint64_t id; /* no other token ever has it */
	_Atomic uint64_t version; /* the id, and another with each change of what is enabled: a number used once */
	TOKEN_TYPE type;
	uint32_t ruid, euid, suid, fsuid;
	uint32_t rgid, egid, sgid, fsgid;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits;
	bool no_new_privileges;
	uint32_t group_count;
	uint32_t *groups;
	struct se_token *lender; /* whose the groups are, which copies share as long as they are the same; NULL: its own, malloc'd */
};

#define SE_NO_SETUID_FIXUP 4u /* of securebits: capabilities don't follow the user ids */

extern struct ob_type se_token_type;

void se_initialize(void);
/* ps says how to find the calling thread's token: referenced, or NULL if it is attached to no process. */
void se_set_current_token(struct se_token *(*current)(void));
/* Referenced, or NULL. */
struct se_token *se_current_token(void);
/* The host user's identity. */
struct se_token *se_create_host_token(void);
/* A private copy to be changed before it is attached; one reference. NULL: out of memory. */
struct se_token *se_duplicate_token(struct se_token *token);
/* Of a token that is not attached and has no copies yet; `groups` is malloc'd and now the token's. */
void se_set_groups(struct se_token *token, uint32_t *groups, uint32_t count);
/* May the subject have `desired` on an object of this type (kernel objects: owner is the host user)? */
NTSTATUS se_access_check(const struct se_token *token, const struct ob_type *type, ACCESS_MASK desired,
			 ACCESS_MASK *granted);
/* What is enabled, as NtAdjustPrivilegesToken may change it at any time. */
uint64_t se_effective(const struct se_token *token);
void se_set_effective(struct se_token *token, uint64_t effective);
/* What lxrun's own user could have at the start. */
uint64_t se_host_permitted(void);
/* Who access(2) asks for: the real ids, with the capabilities that they would act with. Referenced; the token itself if
 * that is no other subject. NULL: out of memory. */
struct se_token *se_real_token(struct se_token *token);
/*
 * The calling supervisor thread acts on the host with the token's file-system ids, groups and effective capabilities (this
 * host thread alone). No-op if it already does. On failure it acts as nobody that is known, and must do nothing for a
 * guest until a later call succeeds.
 */
NTSTATUS se_impersonate(const struct se_token *token);

#endif
