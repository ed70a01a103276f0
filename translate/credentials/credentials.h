/*
 * Who a thread is. In NT's terms its identity is a token: ids, groups, capabilities, securebits. A token that others
 * may see is never changed: a private copy is made, changed, and put in place.
 *
 * The host decides about files, so the half must be on the host what the guest is: lx_set_token() gives the calling
 * host thread the ids, groups and effective capabilities of the token, and puts it in place only if the host has
 * agreed. Identity fails closed: where the host refuses, the call fails and nothing has changed. Capabilities that
 * lxrun's user does not have on the host are never in a token. Checks that are Linux' own (may it signal, may it look
 * into another) are made here by the tokens of both.
 */
#ifndef TRANSLATE_CREDENTIALS_H
#define TRANSLATE_CREDENTIALS_H

#include <core/lx.h>

#define LX_CAP_ALL ((1ull << (LX_CAP_CHECKPOINT_RESTORE + 1)) - 1)

/* NULL: no memory. */
struct se_token *lx_change_token(struct lx_call *call);
/* Takes over the reference, whatever comes. 0; -EINVAL: the host has no such id. */
int64_t lx_commit_token(struct lx_call *call, struct se_token *token);

/* credentials.c: the thread takes over the token's reference, once the host lets it act so: 0 or -errno, with nothing
 * changed. */
int64_t lx_set_token(struct lx_thread *thread, struct se_token *token);
/* Until lx_end_real() the calling thread acts, on the host and for every driver, as who it really is: access(2). */
struct lx_real_identity {
	struct se_token *token, *before; /* NULL: it acts as that anyway */
};
int64_t lx_begin_real(struct lx_thread *thread, struct lx_real_identity *real);
void lx_end_real(struct lx_thread *thread, struct lx_real_identity *real);
/* The thread's real user and group are all of the other's: real, effective and saved. Under lx_tree_lock. */
bool lx_has_ids_of(const struct lx_thread *thread, const struct se_token *other);
struct lx_task;
/* May it look into the other, as ptrace(2) asks (PTRACE_MODE_READ_REALCREDS)? Under lx_tree_lock. */
bool lx_may_access(const struct lx_thread *thread, const struct lx_task *other);
/* The same question from a file of /proc: by the ids and capabilities that files are reached with (..._FSCREDS). */
bool lx_may_look_into(const struct lx_thread *thread, const struct lx_task *other);

/* credentials.c: the identity that exec gives; the same one referenced if nothing changes. NULL: no memory. */
struct se_token *lx_exec_token(struct se_token *token);

#endif
