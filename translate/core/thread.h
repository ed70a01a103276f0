/*
 * Tasks. A thread's own mask and alternate stack are written by itself alone; what else is shared is guarded as its process'
 * is, see core/process.h.
 */
#ifndef TRANSLATE_CORE_THREAD_H
#define TRANSLATE_CORE_THREAD_H

#include <core/lx.h>
#include <core/siginfo.h>

struct lx_thread {
	struct ps_thread *ps;
	struct lx_process *process;
	int32_t tid;
	TAILQ_ENTRY(lx_thread) link;
	TAILQ_HEAD(, lx_process) made; /* the process' children that it has made, or taken over from a thread that has ended */
	struct lx_files *files;
	struct lx_fs *fs;
	struct lx_uptr clear_child_tid, robust_list;
	struct lx_sigset blocked, saved_mask;
	bool restore_saved_mask;   /* sigsuspend, ppoll: put back after the handler */
	struct lx_sigset real_blocked; /* sigtimedwait: the mask without what is waited for; else empty */
	bool stop_pending;         /* counted in process->stop_waiting */
	bool user_over_limit;      /* it became a user that has more threads than RLIMIT_NPROC: execve looks again */
	_Atomic bool futex_exited;        /* futex_pi.c: it can own no lock any more */
	struct { uint64_t trap_number, error_code, address; } last_fault; /* ucontext's trapno, err, cr2 */
	struct lx_pending pending; /* to the thread */
	struct { uint64_t sp, size; uint32_t flags; } altstack;
	/* restart_syscall's continuation */
	int64_t (*restart)(struct lx_call *call);
	uint64_t restart_data[8];
	struct lx_call *_Atomic call; /* under way; NULL in user mode: only its own half may look into it */
	int64_t interrupted_result;
	char comm[16];
	_Atomic bool exiting;
	bool signals_closed;       /* it has thrown away what was queued for it: nothing is any more; under signal_lock */
	bool exited;               /* its exit sequence has run */
	/* undertaker.c, under lx_tree_lock: told to end by another, and how many looks ago */
	bool watched;
	uint8_t looks;
	TAILQ_ENTRY(lx_thread) watched_link;
	enum { LX_NOT_BURIED, LX_BURIED, LX_BURIED_LAST } buried; /* written before ke_bury() */
	int32_t exit_status;       /* of exit(2), wait4's form */
	_Atomic bool dying;        /* it must end at its next return to user mode: exec by another thread */
	struct kevent killed;      /* set with it, by group exit and when SIGKILL is queued: ends killable waits */
	bool started;              /* its half runs or will run */
	bool own_token;            /* token differs from the process' primary one */
	/*
	 * How an interrupted call goes on. Before lx_deliver_signals() runs, registers (platform->get_registers) are those
	 * of the return to user mode: rax holds the result, and if the call was interrupted rax is -512..-516 and orig_rax
	 * the call's number. For LX's own calls interrupted_result is that code (0: nothing to restart). If a handler is
	 * entered, lx_deliver_signals turns the code into -EINTR or a restart in the frame and clears interrupted_result;
	 * if none is, it leaves registers alone, and the dispatcher restarts the call.
	 */
	uint64_t interrupted_number;
	struct se_token *token;
	struct lx_user *user;      /* tree.c: who it is counted for */
	int32_t nice, sched_policy, sched_priority;
	bool sched_reset_on_fork;
	uint64_t timer_slack_ns, default_timer_slack_ns;
	uint8_t affinity[128];
};

/* NULL: the caller is no guest's thread. */
static inline struct lx_thread *lx_current(void)
{
	struct ps_thread *thread = ps_current_thread();

	return thread ? thread->pico_context : NULL;
}

/* Has the thread this capability, LX_CAP_*, in effect? */
static inline bool lx_capable(const struct lx_thread *thread, uint32_t capability)
{
	return thread->token->cap_effective & 1ull << capability;
}

struct lx_thread *lx_find_thread(int32_t tid);    /* under lx_tree_lock; live ones */
/*
 * A task by its number, also one that runs no more: a zombie, a leader that ended before its threads, and pid 1 have no
 * thread, but can still be asked and told things. All of it is valid under lx_tree_lock.
 */
struct lx_task {
	struct lx_process *process;
	struct lx_thread *thread; /* NULL: it runs no more */
	const struct se_token *token;
};
/* False: nobody bears the number. */
bool lx_task_of_number(int32_t number, struct lx_task *task);
/* The same, but 0 is `self`. */
bool lx_find_task(struct lx_thread *self, int32_t tid, struct lx_task *task);
/* The task of a process' own number. */
struct lx_task lx_leader_task(struct lx_process *process);
/* The process' thread with the lowest id that is at least `tid`; NULL: none. */
struct lx_thread *lx_next_thread(const struct lx_process *process, int32_t tid);
/* Must the thread end instead of returning to user mode? Killable waits end for it. */
bool lx_thread_must_exit(const struct lx_thread *thread);
/* prctl.c: the thread's name, cut to 15 bytes: PR_SET_NAME, /proc/<pid>/comm. On the thread's own half or another's of its process. */
void lx_set_comm(struct lx_thread *thread, const char *name);

#endif
