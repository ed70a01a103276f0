/*
 * fork(2), vfork(2), clone(2), clone3(2): new threads and processes.
 *
 * A task is made in four steps that can each fail and be undone: the LX objects with what they share or copy, the host's
 * task (parked: it runs no guest code yet), the NT objects, the entry into the tree. After the last, others can see the task,
 * and only starting its half is left. Processes that share memory (vfork) are further tasks of the same pico process.
 */
#include <core/process.h>
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <exec/exec.h>
#include <hal/host.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/resolve.h>
#include <signal/signal.h>
#include <time/times.h>

#define CLONE_NAMESPACES                                                                                               \
	(LX_CLONE_NEWNS | LX_CLONE_NEWCGROUP | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWUSER | LX_CLONE_NEWPID |   \
	 LX_CLONE_NEWNET)

#define CLONE_ARGS_SIZE_VER0 offsetof(struct lx_clone_args, set_tid)
#define CLONE_ARGS_SIZE_VER2 sizeof(struct lx_clone_args)
#define LX_MAX_PID_NS_LEVEL 32u

/* A task in the making. */
struct birth {
	struct lx_call *call;
	struct lx_thread *parent;
	const struct lx_clone_args *args; /* stack: the stack pointer itself */
	struct lx_process *process; /* new, or the parent's: CLONE_THREAD */
	struct lx_thread *thread;
	struct pico_thread *body;
	struct mm_address_space *space; /* a new process' */
	struct lx_id *id;
	int32_t number; /* its own copy: the id may be gone before its maker looks */
	bool linked;
};

static bool is_thread(const struct birth *birth)
{
	return birth->args->flags & LX_CLONE_THREAD;
}

/* In the order of the kernel's copy_process(). */
#define USER_ADDRESSES 0x7ffffffff000ull /* TASK_SIZE_MAX: what a segment's base may be */

static int64_t check_flags(const struct lx_clone_args *args)
{
	uint64_t flags = args->flags;

	if ((flags & LX_CLONE_PIDFD) && (flags & LX_CLONE_PARENT_SETTID) &&
	    args->pidfd.address == args->parent_tid.address)
		return -LX_EINVAL;
	if ((flags & (LX_CLONE_NEWNS | LX_CLONE_FS)) == (LX_CLONE_NEWNS | LX_CLONE_FS))
		return -LX_EINVAL;
	if ((flags & (LX_CLONE_NEWUSER | LX_CLONE_FS)) == (LX_CLONE_NEWUSER | LX_CLONE_FS))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_THREAD) && !(flags & LX_CLONE_SIGHAND))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SIGHAND) && !(flags & LX_CLONE_VM))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_THREAD) && (flags & (LX_CLONE_NEWUSER | LX_CLONE_NEWPID)))
		return -LX_EINVAL;
	/* As on a kernel without pidfds. */
	if (flags & LX_CLONE_PIDFD)
		return -LX_EINVAL;
	if (flags & CLONE_NAMESPACES)
		return -LX_EPERM;
	/* As if the new thread had set it. */
	if ((flags & LX_CLONE_SETTLS) && args->tls >= USER_ADDRESSES)
		return -LX_EPERM;
	return 0;
}

static struct lx_sighand *copy_sighand(struct lx_sighand *from, bool clear)
{
	struct lx_sighand *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	rtl_lock(&from->lock);
	memcpy(copy->actions, from->actions, sizeof(copy->actions));
	rtl_unlock(&from->lock);
	atomic_init(&copy->references, 1);
	for (int signal = 1; clear && signal <= LX_NSIG; signal++)
		if (copy->actions[signal].sa_handler != LX_SIG_IGN)
			copy->actions[signal] = (struct lx_sigaction){.sa_handler = LX_SIG_DFL};
	return copy;
}

static void inherit_process_image(struct lx_process *child, const struct lx_process *parent)
{
	child->executable = parent->executable ? strdup(parent->executable) : NULL;
	if (parent->executable_file)
		child->executable_file = lx_executable_share(parent->executable_file);
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->stack_start = parent->stack_start;
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
	child->auxv_size = parent->auxv_size;
}

static int64_t make_process(struct birth *birth)
{
	struct lx_process *parent = birth->parent->process, *child;
	uint64_t flags = birth->args->flags;
	int64_t result;

	if (is_thread(birth)) {
		birth->process = lx_process_reference(parent);
		return lx_signal_pending(birth->parent) ? -LX_ERESTARTNOINTR : 0;
	}
	child = birth->process = lx_process_new();
	if (!child)
		return -LX_ENOMEM;
	if (flags & LX_CLONE_SIGHAND) {
		child->sighand = parent->sighand;
		atomic_fetch_add(&child->sighand->references, 1);
	} else {
		child->sighand = copy_sighand(parent->sighand, flags & LX_CLONE_CLEAR_SIGHAND);
	}
	if (!child->sighand)
		return -LX_ENOMEM;
	lx_lock_tree();
	/* What is sent to groups is the child's from here on, what came before the parent's to take first. */
	lx_tree_announce(parent, child);
	result = lx_signal_pending(birth->parent) ? -LX_ERESTARTNOINTR : 0;
	inherit_process_image(child, parent);
	memcpy(child->limits, parent->limits, sizeof(child->limits));
	lx_unlock_tree();
	if (result)
		return result;
	child->exit_signal = flags & LX_CLONE_PARENT ? parent->exit_signal : (int32_t)birth->args->exit_signal;
	child->uid = birth->parent->token->ruid;
	child->dumpable = parent->dumpable;
	child->personality = parent->personality;
	child->oom_score_adj = parent->oom_score_adj;
	child->oom_score_adj_min = parent->oom_score_adj_min;
	child->coredump_filter = parent->coredump_filter;
	child->thp_disabled = parent->thp_disabled;
	child->memory_merge = parent->memory_merge;
	child->ioprio = parent->ioprio;
	if (flags & LX_CLONE_VM)
		child->shares_space = parent->shares_space = true;
	child->vfork_pending = flags & LX_CLONE_VFORK;
	return 0;
}

static int64_t make_thread(struct birth *birth)
{
	struct lx_thread *parent = birth->parent, *child;
	uint64_t flags = birth->args->flags;

	child = birth->thread = lx_thread_new(birth->process);
	if (!child)
		return -LX_ENOMEM;
	child->files = flags & LX_CLONE_FILES ? lx_files_reference(parent->files) : lx_files_clone(parent->files);
	child->fs = flags & LX_CLONE_FS ? lx_fs_reference(parent->fs) : lx_fs_clone(parent->fs);
	if (!child->files || !child->fs)
		return -LX_ENOMEM;
	child->token = parent->token;
	ob_reference(child->token);
	child->own_token = is_thread(birth) && parent->own_token;
	child->blocked = parent->blocked;
	if (!(flags & LX_CLONE_VM) || (flags & LX_CLONE_VFORK))
		child->altstack = parent->altstack;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->nice = parent->nice;
	child->sched_policy = parent->sched_policy;
	child->sched_priority = parent->sched_priority;
	if (parent->sched_reset_on_fork) {
		child->sched_policy = LX_SCHED_OTHER;
		child->sched_priority = 0;
		child->nice = child->nice < 0 ? 0 : child->nice;
	}
	child->timer_slack_ns = child->default_timer_slack_ns = parent->timer_slack_ns;
	memcpy(child->affinity, parent->affinity, sizeof(child->affinity));
	if (flags & LX_CLONE_CHILD_CLEARTID)
		child->clear_child_tid = birth->args->child_tid;
	return 0;
}

/* The host's part: a parked task in this address space or in a copy of it. */
static int64_t make_body(struct birth *birth)
{
	const struct pico_platform *platform = ps_platform();
	struct ps_thread *parent = birth->parent->ps;
	struct pico_process *copy = NULL;
	NTSTATUS status;
	int error;

	if (birth->args->flags & LX_CLONE_VM) {
		error = platform->thread_create(parent->pico, &birth->body);
		if (!error && !is_thread(birth)) {
			birth->space = parent->process->space;
			mm_reference_space(birth->space);
		}
		return error ? (error == -LX_ENOMEM ? error : -LX_EAGAIN) : 0;
	}
	mm_lock_space(parent->process->space);
	error = platform->process_fork(parent->pico, &copy, &birth->body);
	status = error ? STATUS_UNSUCCESSFUL : mm_clone_space(parent->process->space, copy, &birth->space);
	mm_unlock_space(parent->process->space);
	if (error)
		return error == -LX_ENOMEM ? error : -LX_EAGAIN;
	if (NT_SUCCESS(status))
		return 0;
	platform->process_dereference(copy);
	return -LX_ENOMEM;
}

static bool user_has_room(struct lx_thread *thread)
{
	uint64_t limit = lx_limit(thread->process, LX_RLIMIT_NPROC);

	/* As copy_process(): root itself is exempt, and so is who may exceed limits. */
	return !thread->token->ruid || lx_capable(thread, LX_CAP_SYS_RESOURCE) ||
	       lx_capable(thread, LX_CAP_SYS_ADMIN) || lx_tree_threads_of_user(thread->token->ruid) < limit;
}

static int64_t make_objects(struct birth *birth)
{
	struct lx_thread *thread = birth->thread;
	struct ps_process *parent = birth->parent->ps->process, *process = parent;
	NTSTATUS status = STATUS_SUCCESS;

	if (!is_thread(birth)) {
		struct ps_process_attributes attributes = {
			.parent = parent,
			.unique_id = (ULONG_PTR)birth->number,
			.space = birth->space,
			.handles = lx_files_handles(thread->files),
			.token = thread->token,
			.pico_context = birth->process,
			.image_name = parent->image_name,
		};

		status = ps_create_process(&attributes, &birth->process->ps);
		process = birth->process->ps;
	}
	if (NT_SUCCESS(status))
		status = ps_create_thread(process, (ULONG_PTR)birth->number, thread, birth->body, &thread->ps);
	if (!NT_SUCCESS(status))
		return -LX_EAGAIN;
	memcpy(thread->ps->name, thread->comm, sizeof(thread->ps->name));
	if (thread->own_token) {
		thread->ps->token = thread->token;
		ob_reference(thread->token);
	}
	return 0;
}

static int64_t reserve_id(struct birth *birth)
{
	lx_lock_tree();
	if (user_has_room(birth->parent))
		birth->id = lx_id_allocate();
	if (birth->id) {
		birth->number = birth->id->number;
		birth->parent->user_over_limit = false;
	}
	lx_unlock_tree();
	return birth->id ? 0 : -LX_EAGAIN;
}

/* Under lx_tree_lock, once the child is there. */
static void give_sent_before_birth(struct lx_process *child)
{
	for (int32_t signo = 1; child->sent_before_birth && signo <= LX_NSIG; signo++)
		if (child->sent_before_birth >> (signo - 1) & 1)
			lx_signal_process(child, &(struct lx_siginfo){.si_signo = signo, .si_code = LX_SI_USER});
}

/* The task becomes visible; but not to a process that is ending, which would never wait for it. */
static int64_t enter_tree(struct birth *birth)
{
	struct lx_thread *parent = birth->parent;
	struct lx_process *self = parent->process, *child = birth->process;
	int64_t result = 0;

	lx_lock_tree();
	if (lx_thread_must_exit(parent)) {
		result = -LX_ERESTARTNOINTR;
	} else {
		if (!is_thread(birth)) {
			bool sibling = birth->args->flags & LX_CLONE_PARENT;

			lx_tree_link_process(child, birth->id, sibling ? self->parent : self,
					     sibling ? self->parent_tid : parent->tid);
			lx_group_join(child, self->group);
		}
		lx_tree_link_thread(birth->thread, birth->id);
		birth->linked = birth->thread->started = true;
		if (!is_thread(birth)) {
			lx_tree_end_announcement(child);
			give_sent_before_birth(child);
		}
	}
	lx_unlock_tree();
	return result;
}

static void take_back(struct birth *birth)
{
	lx_lock_tree();
	if (!is_thread(birth) && birth->process)
		lx_tree_end_announcement(birth->process);
	if (birth->linked) {
		lx_tree_unlink_thread(birth->thread);
		if (!is_thread(birth))
			lx_tree_remove(birth->process);
	} else if (birth->id) {
		birth->id->reserved = false;
		lx_id_release(birth->id);
	}
	lx_unlock_tree();
	if (birth->thread && birth->thread->ps)
		ps_abandon_thread(birth->thread->ps);
	if (birth->body)
		ps_platform()->thread_abandon(birth->body);
	if (!is_thread(birth) && birth->process && birth->process->ps)
		ps_exit_process(birth->process->ps, STATUS_NO_MEMORY);
	if (birth->thread)
		lx_thread_free(birth->thread);
}

/* The platform places tasks by itself; only a mask that the guest has narrowed is its business. */
static void inherit_affinity(struct birth *birth)
{
	const struct hal_start *host = hal_start_state();
	const struct lx_thread *child = birth->thread;

	if (memcmp(child->affinity, host->affinity, sizeof(child->affinity)) != 0)
		ps_platform()->set_affinity(birth->body, child->affinity, host->affinity_size);
}

static int64_t start(struct birth *birth)
{
	const struct lx_clone_args *args = birth->args;
	struct pico_registers registers;
	int32_t tid = birth->number;

	if (ps_platform()->get_registers(birth->parent->ps->pico, &registers))
		return -LX_EAGAIN;
	registers.rax = 0;
	registers.orig_rax = UINT64_MAX;
	if (args->stack)
		registers.rsp = args->stack;
	if (args->flags & LX_CLONE_SETTLS)
		registers.fs_base = args->tls;
	/* Both before the child's first instruction; that an address is bad is not an error, as in the kernel. */
	if (args->flags & LX_CLONE_PARENT_SETTID)
		lx_copy_out(birth->call, args->parent_tid, &tid, sizeof(tid));
	if (args->flags & LX_CLONE_CHILD_SETTID)
		mm_copy_to(birth->thread->ps->process->space, args->child_tid.address, &tid, sizeof(tid));
	inherit_affinity(birth);
	return NT_SUCCESS(ps_start_thread(birth->thread->ps, &registers)) ? 0 : -LX_EAGAIN;
}

/* Until the child has called exec or ended; only death interrupts it. */
static void wait_for_vfork(struct lx_thread *parent, struct lx_process *child)
{
	struct dispatcher_header *objects[] = {&child->vfork_done.header, &parent->killed.header};

	ke_wait_for_objects(ARRAY_COUNT(objects), objects, WaitAny, false, NULL);
}

static int64_t create_task(struct birth *birth)
{
	int64_t result = make_process(birth);

	if (!result)
		result = make_thread(birth);
	if (!result)
		result = make_body(birth);
	if (!result)
		result = reserve_id(birth);
	if (!result)
		result = make_objects(birth);
	if (!result)
		result = enter_tree(birth);
	if (!result)
		result = start(birth);
	return result;
}

static int64_t clone_task(struct lx_call *call, const struct lx_clone_args *args)
{
	struct birth birth = {.call = call, .parent = call->thread, .args = args};
	int64_t result = check_flags(args);
	bool waits = args->flags & LX_CLONE_VFORK;
	int32_t tid;

	if (result)
		return result;
	result = create_task(&birth);
	if (result)
		take_back(&birth);
	if (birth.space)
		mm_dereference_space(birth.space);
	if (result) {
		if (birth.process)
			lx_process_dereference(birth.process);
		return result;
	}
	/* The child may be gone already: only its process is still held. */
	tid = birth.number;
	if (!is_thread(&birth))
		lx_cpu_limit_apply(birth.process);
	if (waits && !is_thread(&birth))
		wait_for_vfork(call->thread, birth.process);
	lx_process_dereference(birth.process);
	return tid;
}

int64_t lx_sys_fork(struct lx_call *call)
{
	return clone_task(call, &(struct lx_clone_args){.exit_signal = LX_SIGCHLD});
}

int64_t lx_sys_vfork(struct lx_call *call)
{
	return clone_task(call, &(struct lx_clone_args){.flags = LX_CLONE_VFORK | LX_CLONE_VM, .exit_signal = LX_SIGCHLD});
}

int64_t lx_sys_clone(struct lx_call *call, uint64_t flags, struct lx_uptr stack, struct lx_uptr parent_tid,
		     struct lx_uptr child_tid, uint64_t tls)
{
	return clone_task(call, &(struct lx_clone_args){
					.flags = (uint32_t)flags & ~(uint64_t)LX_CSIGNAL,
					.exit_signal = flags & LX_CSIGNAL,
					.stack = stack.address,
					.parent_tid = parent_tid,
					.pidfd = parent_tid,
					.child_tid = child_tid,
					.tls = tls,
				});
}

static int64_t copy_in_args(struct lx_call *call, struct lx_uptr from, uint64_t size, struct lx_clone_args *args)
{
	if (size > LX_PAGE_SIZE)
		return -LX_E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -LX_EINVAL;
	return lx_copy_in_sized(call, args, sizeof(*args), from, size);
}

/* There is one level of pids here: its number is asked for, in the range of such numbers. */
static int64_t check_tids(const struct lx_clone_args *args, int32_t tid)
{
	if (!args->set_tid_size)
		return 0;
	return args->set_tid_size > 1 || tid < 1 || tid >= lx_pid_max ? -LX_EINVAL : 0;
}

static int64_t check_set_tid(const struct lx_clone_args *args)
{
	bool given = !lx_is_null(args->set_tid);

	return args->set_tid_size > LX_MAX_PID_NS_LEVEL || given != (args->set_tid_size != 0) ? -LX_EINVAL : 0;
}

static int64_t check_signal_and_group(const struct lx_clone_args *args, uint64_t size)
{
	if ((args->exit_signal & ~(uint64_t)LX_CSIGNAL) || args->exit_signal > LX_NSIG)
		return -LX_EINVAL;
	if ((args->flags & LX_CLONE_INTO_CGROUP) && (args->cgroup > INT32_MAX || size < CLONE_ARGS_SIZE_VER2))
		return -LX_EINVAL;
	return 0;
}

static int64_t check_args(const struct lx_clone_args *args)
{
	const uint64_t known = UINT32_MAX | LX_CLONE_CLEAR_SIGHAND | LX_CLONE_INTO_CGROUP;

	if ((args->flags & ~known) || (args->flags & (LX_CLONE_DETACHED | (LX_CSIGNAL & ~(uint64_t)LX_CLONE_NEWTIME))))
		return -LX_EINVAL;
	if ((args->flags & LX_CLONE_SIGHAND) && (args->flags & LX_CLONE_CLEAR_SIGHAND))
		return -LX_EINVAL;
	if ((args->flags & (LX_CLONE_THREAD | LX_CLONE_PARENT)) && args->exit_signal)
		return -LX_EINVAL;
	if (!args->stack != !args->stack_size)
		return -LX_EINVAL;
	return 0;
}

int64_t lx_sys_clone3(struct lx_call *call, struct lx_uptr cl_args, uint64_t size)
{
	struct lx_clone_args args;
	int32_t tids[LX_MAX_PID_NS_LEVEL] = {0};
	int64_t result = copy_in_args(call, cl_args, size, &args);

	if (!result)
		result = check_set_tid(&args);
	if (!result)
		result = check_signal_and_group(&args, size);
	if (!result && args.set_tid_size)
		result = lx_copy_in(call, tids, args.set_tid, args.set_tid_size * sizeof(tids[0]));
	if (!result)
		result = check_args(&args);
	if (result)
		return result;
	/* Choosing pids, entering cgroups and time namespaces take privileges over the host that no guest has. */
	if (args.set_tid_size || (args.flags & LX_CLONE_NEWTIME))
		return check_flags(&args) ?: check_tids(&args, tids[0]) ?: -LX_EPERM;
	if (args.flags & LX_CLONE_INTO_CGROUP)
		return -LX_EACCES;
	args.stack += args.stack_size;
	return clone_task(call, &args);
}
