/* capget(2), capset(2), the capability sets of prctl(2), and what exec makes of them. */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_structs.h>
#include <lx_syscalls.h>

#define VERSION_1 0x19980330u
#define VERSION_2 0x20071026u
#define VERSION_3 0x20080522u

/* How many 32-bit parts the version's sets have; 0: unknown, and the header now says which one is spoken here. */
static int64_t read_header(struct lx_call *call, struct lx_uptr from, struct lx_cap_header *header, uint32_t *parts)
{
	const uint32_t preferred = VERSION_3;

	/* The version alone comes first, as the kernel reads it. */
	if (lx_copy_in(call, &header->version, from, sizeof(header->version)))
		return -LX_EFAULT;
	switch (header->version) {
	case VERSION_1:
		*parts = 1;
		break;
	case VERSION_2:
	case VERSION_3:
		*parts = 2;
		break;
	default:
		*parts = 0;
		return lx_copy_out(call, from, &preferred, sizeof(preferred)) ?: -LX_EINVAL;
	}
	return lx_copy_in(call, &header->pid, lx_uptr_add(from, offsetof(struct lx_cap_header, pid)), sizeof(header->pid));
}

static int64_t find_sets(struct lx_call *call, int32_t pid, struct lx_cap_data data[2])
{
	struct lx_task task;
	int64_t result = 0;

	lx_lock_tree();
	if (lx_find_task(call->thread, pid, &task)) {
		const struct se_token *token = task.token;

		for (int i = 0; i < 2; i++)
			data[i] = (struct lx_cap_data){
				.effective = (uint32_t)(token->cap_effective >> 32 * i),
				.permitted = (uint32_t)(token->cap_permitted >> 32 * i),
				.inheritable = (uint32_t)(token->cap_inheritable >> 32 * i),
			};
	} else {
		result = -LX_ESRCH;
	}
	lx_unlock_tree();
	return result;
}

int64_t lx_sys_capget(struct lx_call *call, struct lx_uptr hdrp, struct lx_uptr datap)
{
	struct lx_cap_header header = {0};
	struct lx_cap_data data[2] = {{0}};
	uint32_t parts = 0;
	int64_t result = read_header(call, hdrp, &header, &parts);

	/* Without data, an unknown version is a question which one there is. */
	if (result == -LX_EINVAL && lx_is_null(datap))
		return 0;
	if (result || lx_is_null(datap))
		return result;
	if (header.pid < 0)
		return -LX_EINVAL;
	result = find_sets(call, header.pid, data);
	return result ?: lx_copy_out(call, datap, data, parts * sizeof(data[0]));
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return (low | (uint64_t)high << 32) & LX_CAP_ALL;
}

/* cap_capset(): what may be raised, and from where. */
static int64_t check_sets(const struct lx_thread *thread, const struct se_token *new)
{
	const struct se_token *old = thread->token;

	if (!lx_capable(thread, LX_CAP_SETPCAP) &&
	    (new->cap_inheritable & ~(old->cap_inheritable | old->cap_permitted)))
		return -LX_EPERM;
	if (new->cap_inheritable & ~(old->cap_inheritable | old->cap_bounding))
		return -LX_EPERM;
	if (new->cap_permitted & ~old->cap_permitted)
		return -LX_EPERM;
	if (new->cap_effective & ~new->cap_permitted)
		return -LX_EPERM;
	return 0;
}

int64_t lx_sys_capset(struct lx_call *call, struct lx_uptr hdrp, struct lx_uptr datap)
{
	struct lx_cap_header header = {0};
	struct lx_cap_data data[2] = {{0}};
	struct se_token *token;
	uint32_t parts = 0;
	int64_t result = read_header(call, hdrp, &header, &parts);

	if (result)
		return result;
	if (header.pid && header.pid != call->thread->tid)
		return -LX_EPERM;
	if (lx_copy_in(call, data, datap, parts * sizeof(data[0])))
		return -LX_EFAULT;
	token = lx_change_token(call);
	if (!token)
		return -LX_ENOMEM;
	token->cap_effective = join(data[0].effective, data[1].effective);
	token->cap_permitted = join(data[0].permitted, data[1].permitted);
	token->cap_inheritable = join(data[0].inheritable, data[1].inheritable);
	token->cap_ambient &= token->cap_permitted & token->cap_inheritable;
	result = check_sets(call->thread, token);
	if (result) {
		ob_dereference(token);
		return result;
	}
	return lx_commit_token(call, token);
}

/* No file has capabilities or set-id bits here: root gets all of its bounding set, others what is ambient. */
static void exec_sets(const struct se_token *old, struct se_token *new)
{
	bool root = !(old->securebits & LX_SECBIT_NOROOT);

	new->cap_permitted = new->cap_ambient;
	if (root && (!old->euid || !old->ruid))
		new->cap_permitted |= old->cap_bounding | old->cap_inheritable;
	new->cap_effective = root && !old->euid ? new->cap_permitted : new->cap_ambient;
	new->securebits &= ~(uint32_t)LX_SECBIT_KEEP_CAPS;
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
}

struct se_token *lx_exec_token(struct se_token *old)
{
	struct se_token probe = *old, *token;

	exec_sets(old, &probe);
	if (probe.cap_permitted == old->cap_permitted && probe.cap_effective == old->cap_effective &&
	    probe.securebits == old->securebits && probe.suid == old->suid && probe.fsuid == old->fsuid &&
	    probe.sgid == old->sgid && probe.fsgid == old->fsgid) {
		ob_reference(old);
		return old;
	}
	token = se_duplicate_token(old);
	if (token)
		exec_sets(old, token);
	return token;
}

/* --- prctl */

int64_t lx_sys_prctl_pr_capbset_read(struct lx_call *call, int32_t cap)
{
	if (call->arguments[1] > LX_CAP_CHECKPOINT_RESTORE)
		return -LX_EINVAL;
	return call->thread->token->cap_bounding >> cap & 1;
}

int64_t lx_sys_prctl_pr_capbset_drop(struct lx_call *call, int32_t cap)
{
	struct se_token *token;

	if (!lx_capable(call->thread, LX_CAP_SETPCAP))
		return -LX_EPERM;
	if (call->arguments[1] > LX_CAP_CHECKPOINT_RESTORE)
		return -LX_EINVAL;
	token = lx_change_token(call);
	if (!token)
		return -LX_ENOMEM;
	token->cap_bounding &= ~(1ull << cap);
	return lx_commit_token(call, token);
}

static int64_t change_ambient(struct lx_call *call, uint64_t ambient)
{
	struct se_token *token = lx_change_token(call);

	if (!token)
		return -LX_ENOMEM;
	token->cap_ambient = ambient;
	return lx_commit_token(call, token);
}

static int64_t raise_ambient(struct lx_call *call, uint64_t bit)
{
	const struct se_token *token = call->thread->token;

	if (!(token->cap_permitted & bit) || !(token->cap_inheritable & bit) ||
	    (token->securebits & LX_SECBIT_NO_CAP_AMBIENT_RAISE))
		return -LX_EPERM;
	return change_ambient(call, token->cap_ambient | bit);
}

int64_t lx_sys_prctl_pr_cap_ambient(struct lx_call *call, int32_t operation, int32_t cap, uint64_t arg4, uint64_t arg5)
{
	const struct se_token *token = call->thread->token;
	uint64_t wide_cap = call->arguments[2], bit;

	if (call->arguments[1] == LX_PR_CAP_AMBIENT_CLEAR_ALL)
		return wide_cap | arg4 | arg5 ? -LX_EINVAL : change_ambient(call, 0);
	if (arg4 | arg5 || wide_cap > LX_CAP_CHECKPOINT_RESTORE)
		return -LX_EINVAL;
	bit = 1ull << cap;
	switch (call->arguments[1]) {
	case LX_PR_CAP_AMBIENT_IS_SET:
		return !!(token->cap_ambient & bit);
	case LX_PR_CAP_AMBIENT_RAISE:
		return raise_ambient(call, bit);
	case LX_PR_CAP_AMBIENT_LOWER:
		return change_ambient(call, token->cap_ambient & ~bit);
	default:
		return -LX_EINVAL;
	}
}

int64_t lx_sys_prctl_pr_get_keepcaps(struct lx_call *call)
{
	return !!(call->thread->token->securebits & LX_SECBIT_KEEP_CAPS);
}

int64_t lx_sys_prctl_pr_set_keepcaps(struct lx_call *call, uint64_t keep)
{
	uint32_t bits = call->thread->token->securebits;
	struct se_token *token;

	if (keep > 1)
		return -LX_EINVAL;
	if (bits & LX_SECBIT_KEEP_CAPS_LOCKED)
		return -LX_EPERM;
	token = lx_change_token(call);
	if (!token)
		return -LX_ENOMEM;
	token->securebits = keep ? bits | LX_SECBIT_KEEP_CAPS : bits & ~(uint32_t)LX_SECBIT_KEEP_CAPS;
	return lx_commit_token(call, token);
}

int64_t lx_sys_prctl_pr_get_securebits(struct lx_call *call)
{
	return call->thread->token->securebits;
}

int64_t lx_sys_prctl_pr_set_securebits(struct lx_call *call, uint32_t bits)
{
	const uint64_t all_bits = 0x555, all_locks = all_bits << 1, unprivileged = 0xf00;
	uint32_t old = call->thread->token->securebits;
	uint64_t wide = call->arguments[1], changed = old ^ wide;
	struct se_token *token;

	/* A locked bit stays, a lock stays, and no bit is unknown. */
	if (((old & all_locks) >> 1 & changed) || (old & all_locks & ~wide) || (wide & ~(all_bits | all_locks)))
		return -LX_EPERM;
	/* Without the privilege even to change nothing is denied, for old times' sake. */
	if (!lx_capable(call->thread, LX_CAP_SETPCAP) && (!changed || (changed & ~unprivileged)))
		return -LX_EPERM;
	token = lx_change_token(call);
	if (!token)
		return -LX_ENOMEM;
	token->securebits = bits;
	return lx_commit_token(call, token);
}
