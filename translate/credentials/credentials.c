/*
 * Who a thread is: user and group ids in its token, by Linux' rules.
 *
 * A token never changes once a thread bears it: each call makes a changed copy and puts it in place (under lx_tree_lock,
 * since others look at it to decide what they may do to the thread). On the host the calling half alone follows, with its
 * file-system identity. Set-id bits of files play no part.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/tree.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>

#define NO_ID UINT32_MAX /* (uid_t)-1: leave as it is */

static bool gains(const struct se_token *old, const struct se_token *new)
{
	return (new->cap_permitted & ~old->cap_permitted) != 0;
}

/* All three ids of each kind are the same one. */
static bool has_ids(const struct se_token *token, uint32_t uid, uint32_t gid)
{
	return uid == token->ruid && uid == token->euid && uid == token->suid && gid == token->rgid && gid == token->egid &&
	       gid == token->sgid;
}

bool lx_has_ids_of(const struct lx_thread *thread, const struct se_token *other)
{
	return has_ids(other, thread->token->ruid, thread->token->rgid);
}

bool lx_may_access(const struct lx_thread *thread, const struct lx_task *other)
{
	if (thread->process == other->process || lx_capable(thread, LX_CAP_SYS_PTRACE))
		return true;
	return lx_has_ids_of(thread, other->token) && other->process->dumpable && !gains(thread->token, other->token);
}

bool lx_may_look_into(const struct lx_thread *thread, const struct lx_task *other)
{
	const struct se_token *mine = thread->token;

	if (thread->process == other->process || lx_capable(thread, LX_CAP_SYS_PTRACE))
		return true;
	return has_ids(other->token, mine->fsuid, mine->fsgid) && other->process->dumpable &&
	       !(other->token->cap_permitted & ~mine->cap_effective);
}

static bool changes_who(const struct se_token *old, const struct se_token *new)
{
	return old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid || old->fsgid != new->fsgid ||
	       gains(old, new);
}

/* What commit_creds() does besides: a process that changed who it is can't be looked into by its user. */
static void note_change(struct lx_process *process)
{
	process->dumpable = false;
	process->parent_death_signal = 0;
}

static void set_nt_token(struct ps_thread *thread, struct se_token *token)
{
	struct ps_process *process = thread->process;
	struct se_token *old;

	ob_reference(token);
	rtl_lock(&process->lock);
	/* Alone, the thread is the process; otherwise it impersonates. */
	if (process->thread_count == 1 && !thread->token) {
		old = process->token;
		process->token = token;
	} else {
		old = thread->token;
		thread->token = token;
	}
	rtl_unlock(&process->lock);
	if (old)
		ob_dereference(old);
}

/*
 * The half becomes the new subject before anybody sees it. The host refuses only ids that its user namespace doesn't have.
 * If there is no way back to the old subject either, the next call of the thread is its last.
 */
static int64_t become(struct lx_thread *thread, const struct se_token *token)
{
	NTSTATUS status = se_impersonate(token);

	if (NT_SUCCESS(status))
		return 0;
	se_impersonate(thread->token);
	return status == STATUS_PRIVILEGE_NOT_HELD ? -LX_EINVAL : -LX_ENOMEM;
}

int64_t lx_set_token(struct lx_thread *thread, struct se_token *token)
{
	struct se_token *old = thread->token;
	int64_t result = token == old ? 0 : become(thread, token);

	if (token == old || result) {
		ob_dereference(token);
		return result;
	}
	lx_lock_tree();
	lx_tree_set_token(thread, token);
	lx_unlock_tree();
	set_nt_token(thread->ps, token);
	thread->own_token = thread->ps->token != NULL;
	ob_dereference(old);
	return 0;
}

static struct se_token *exchange_nt_token(struct ps_thread *thread, struct se_token *token)
{
	struct se_token *old;

	rtl_lock(&thread->process->lock);
	old = thread->token;
	thread->token = token;
	rtl_unlock(&thread->process->lock);
	return old;
}

int64_t lx_begin_real(struct lx_thread *thread, struct lx_real_identity *real)
{
	NTSTATUS status;

	*real = (struct lx_real_identity){.token = se_real_token(thread->token)};
	if (!real->token)
		return -LX_ENOMEM;
	if (real->token == thread->token) {
		ob_dereference(steal_pointer(&real->token));
		return 0;
	}
	status = se_impersonate(real->token);
	if (!NT_SUCCESS(status)) {
		se_impersonate(thread->token);
		ob_dereference(steal_pointer(&real->token));
		return -LX_ENOMEM;
	}
	real->before = exchange_nt_token(thread->ps, real->token);
	return 0;
}

void lx_end_real(struct lx_thread *thread, struct lx_real_identity *real)
{
	if (!real->token)
		return;
	exchange_nt_token(thread->ps, real->before);
	/* A failure leaves nobody's identity: the thread's next call ends it. */
	se_impersonate(thread->token);
	ob_dereference(real->token);
}

struct se_token *lx_change_token(struct lx_call *call)
{
	return se_duplicate_token(call->thread->token);
}

int64_t lx_commit_token(struct lx_call *call, struct se_token *token)
{
	bool changes = changes_who(call->thread->token, token);
	int64_t result = lx_set_token(call->thread, token);

	if (!result && changes)
		note_change(call->thread->process);
	return result;
}

/* Capabilities follow the user ids: cap_emulate_setxuid(). */
static void follow_user(const struct se_token *old, struct se_token *new)
{
	bool was_root = !old->ruid || !old->euid || !old->suid, is_root = !new->ruid || !new->euid || !new->suid;

	if (old->securebits & LX_SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root) {
		if (!(old->securebits & LX_SECBIT_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (!old->euid && new->euid)
		new->cap_effective = 0;
	if (old->euid && !new->euid)
		new->cap_effective = new->cap_permitted;
}

static void follow_file_user(const struct se_token *old, struct se_token *new)
{
	const uint64_t files = 1ull << LX_CAP_CHOWN | 1ull << LX_CAP_MKNOD | 1ull << LX_CAP_DAC_OVERRIDE |
			       1ull << LX_CAP_DAC_READ_SEARCH | 1ull << LX_CAP_FOWNER | 1ull << LX_CAP_FSETID |
			       1ull << LX_CAP_LINUX_IMMUTABLE | 1ull << LX_CAP_MAC_OVERRIDE;

	if (old->securebits & LX_SECBIT_NO_SETUID_FIXUP)
		return;
	if (!old->fsuid && new->fsuid)
		new->cap_effective &= ~files;
	if (old->fsuid && !new->fsuid)
		new->cap_effective |= new->cap_permitted & files;
}

/* --- changes of ids; the same rules for users and groups */

/* One kind of a token's ids, so that the rules are written once. */
struct ids {
	uint32_t real, effective, saved, file;
	bool privileged;
};

static struct ids user_ids(const struct lx_thread *thread)
{
	const struct se_token *token = thread->token;

	return (struct ids){token->ruid, token->euid, token->suid, token->fsuid, lx_capable(thread, LX_CAP_SETUID)};
}

static struct ids group_ids(const struct lx_thread *thread)
{
	const struct se_token *token = thread->token;

	return (struct ids){token->rgid, token->egid, token->sgid, token->fsgid, lx_capable(thread, LX_CAP_SETGID)};
}

/* Whoever becomes a user that has too many threads is told so at its next execve, as in Linux: setuid() callers rarely look. */
static void note_new_user(struct lx_thread *thread, uint32_t user)
{
	if (user == thread->token->ruid)
		return;
	lx_lock_tree();
	thread->user_over_limit = user && lx_tree_threads_of_user(user) > lx_limit(thread->process, LX_RLIMIT_NPROC);
	lx_unlock_tree();
}

static int64_t apply_users(struct lx_call *call, const struct ids *ids)
{
	struct se_token *token = lx_change_token(call);

	if (!token)
		return -LX_ENOMEM;
	token->ruid = ids->real;
	token->euid = ids->effective;
	token->suid = ids->saved;
	token->fsuid = ids->file;
	follow_user(call->thread->token, token);
	note_new_user(call->thread, ids->real);
	return lx_commit_token(call, token);
}

static int64_t apply_groups(struct lx_call *call, const struct ids *ids)
{
	struct se_token *token = lx_change_token(call);

	if (!token)
		return -LX_ENOMEM;
	token->rgid = ids->real;
	token->egid = ids->effective;
	token->sgid = ids->saved;
	token->fsgid = ids->file;
	return lx_commit_token(call, token);
}

static int64_t set_one(struct ids *ids, uint32_t id)
{
	if (id == NO_ID)
		return -LX_EINVAL;
	if (ids->privileged)
		ids->real = ids->saved = id;
	else if (id != ids->real && id != ids->saved)
		return -LX_EPERM;
	ids->effective = ids->file = id;
	return 0;
}

static int64_t set_two(struct ids *ids, uint32_t real, uint32_t effective)
{
	const struct ids old = *ids;

	if (real != NO_ID) {
		if (real != old.real && real != old.effective && !old.privileged)
			return -LX_EPERM;
		ids->real = real;
	}
	if (effective != NO_ID) {
		if (effective != old.real && effective != old.effective && effective != old.saved && !old.privileged)
			return -LX_EPERM;
		ids->effective = effective;
	}
	if (real != NO_ID || (effective != NO_ID && effective != old.real))
		ids->saved = ids->effective;
	ids->file = ids->effective;
	return 0;
}

static bool may_take(const struct ids *old, uint32_t id)
{
	return id == NO_ID || id == old->real || id == old->effective || id == old->saved || old->privileged;
}

static int64_t set_three(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved)
{
	const struct ids old = *ids;

	if (!may_take(&old, real) || !may_take(&old, effective) || !may_take(&old, saved))
		return -LX_EPERM;
	if (real != NO_ID)
		ids->real = real;
	if (effective != NO_ID)
		ids->effective = effective;
	if (saved != NO_ID)
		ids->saved = saved;
	ids->file = ids->effective;
	return 0;
}

int64_t lx_sys_setuid(struct lx_call *call, uint32_t uid)
{
	struct ids ids = user_ids(call->thread);

	return set_one(&ids, uid) ?: apply_users(call, &ids);
}

int64_t lx_sys_setgid(struct lx_call *call, uint32_t gid)
{
	struct ids ids = group_ids(call->thread);

	return set_one(&ids, gid) ?: apply_groups(call, &ids);
}

int64_t lx_sys_setreuid(struct lx_call *call, uint32_t ruid, uint32_t euid)
{
	struct ids ids = user_ids(call->thread);

	return set_two(&ids, ruid, euid) ?: apply_users(call, &ids);
}

int64_t lx_sys_setregid(struct lx_call *call, uint32_t rgid, uint32_t egid)
{
	struct ids ids = group_ids(call->thread);

	return set_two(&ids, rgid, egid) ?: apply_groups(call, &ids);
}

int64_t lx_sys_setresuid(struct lx_call *call, uint32_t ruid, uint32_t euid, uint32_t suid)
{
	struct ids ids = user_ids(call->thread);

	return set_three(&ids, ruid, euid, suid) ?: apply_users(call, &ids);
}

int64_t lx_sys_setresgid(struct lx_call *call, uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	struct ids ids = group_ids(call->thread);

	return set_three(&ids, rgid, egid, sgid) ?: apply_groups(call, &ids);
}

/* Both report no failure: the old id is the result in any case. */
int64_t lx_sys_setfsuid(struct lx_call *call, uint32_t fsuid)
{
	struct ids ids = user_ids(call->thread);
	struct se_token *token;

	if (fsuid == NO_ID || fsuid == ids.file || !(may_take(&ids, fsuid)))
		return ids.file;
	token = lx_change_token(call);
	if (token) {
		token->fsuid = fsuid;
		follow_file_user(call->thread->token, token);
		lx_commit_token(call, token);
	}
	return ids.file;
}

int64_t lx_sys_setfsgid(struct lx_call *call, uint32_t fsgid)
{
	struct ids ids = group_ids(call->thread);
	struct se_token *token;

	if (fsgid == NO_ID || fsgid == ids.file || !(may_take(&ids, fsgid)))
		return ids.file;
	token = lx_change_token(call);
	if (token) {
		token->fsgid = fsgid;
		lx_commit_token(call, token);
	}
	return ids.file;
}

/* --- questions */

int64_t lx_sys_getuid(struct lx_call *call)
{
	return call->thread->token->ruid;
}

int64_t lx_sys_geteuid(struct lx_call *call)
{
	return call->thread->token->euid;
}

int64_t lx_sys_getgid(struct lx_call *call)
{
	return call->thread->token->rgid;
}

int64_t lx_sys_getegid(struct lx_call *call)
{
	return call->thread->token->egid;
}

static int64_t copy_out_three(struct lx_call *call, const struct lx_uptr to[3], const uint32_t ids[3])
{
	int64_t result = 0;

	for (int i = 0; i < 3 && !result; i++)
		result = lx_copy_out(call, to[i], &ids[i], sizeof(ids[i]));
	return result;
}

int64_t lx_sys_getresuid(struct lx_call *call, struct lx_uptr ruid, struct lx_uptr euid, struct lx_uptr suid)
{
	const struct se_token *token = call->thread->token;

	return copy_out_three(call, (struct lx_uptr[]){ruid, euid, suid}, (uint32_t[]){token->ruid, token->euid, token->suid});
}

int64_t lx_sys_getresgid(struct lx_call *call, struct lx_uptr rgid, struct lx_uptr egid, struct lx_uptr sgid)
{
	const struct se_token *token = call->thread->token;

	return copy_out_three(call, (struct lx_uptr[]){rgid, egid, sgid}, (uint32_t[]){token->rgid, token->egid, token->sgid});
}
