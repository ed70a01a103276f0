/*
 * Thread groups. Ids, parents, groups, sessions and exit states are guarded by lx_tree_lock.
 * Signal state (queues, masks of other threads, actions, stop and continue
 * state, timers) is guarded by the process' signal_lock, which is taken under it.
 * A process' list of threads changes under both, so that either is enough to read it.
 *
 * Found under lx_tree_lock, a process stays valid after it only with a reference.
 */
#ifndef TRANSLATE_PROCESS_PROCESS_H
#define TRANSLATE_PROCESS_PROCESS_H

#include <core/lx.h>
#include <core/siginfo.h>

struct lx_rusage_sum {
	uint64_t user_ns, system_ns;
	uint64_t max_rss_kib, minor_faults, major_faults, voluntary, involuntary;
};

enum lx_process_state { LX_RUNNING, LX_STOPPED, LX_ZOMBIE, LX_DEAD };

struct lx_group;   /* process group, session: session.c */
struct lx_session;
struct lx_posix_timers;

struct lx_process {
	_Atomic uint32_t references; /* the tree's (until reaped), one a thread, and those of who looks */
	struct ps_process *ps;       /* NULL for pid 1, which runs no guest code */
	int32_t pid;
	struct lx_process *parent;
	_Atomic int32_t parent_id, group_id, session_id; /* written under lx_tree_lock, read without */
	TAILQ_ENTRY(lx_process) doomed_link; /* tree.c: a fatal signal came under lx_tree_lock */
	int32_t doomed_by;
	TAILQ_HEAD(lx_children, lx_process) children;
	TAILQ_ENTRY(lx_process) sibling;
	LIST_HEAD(, lx_process) unborn; /* children that its threads are just making; lx_tree_lock */
	LIST_ENTRY(lx_process) unborn_link;
	bool is_unborn;
	uint64_t sent_before_birth; /* signals to groups that it would have been in */
	struct lx_group *group;
	TAILQ_ENTRY(lx_process) group_link;
	TAILQ_HEAD(, lx_thread) threads;
	/* Guards signal state. Under it: timers, the wake lists and threads of the dispatcher, one task's task_lock (a kick). */
	struct rtl_lock signal_lock;
	bool signals_closed;       /* its last thread has thrown away what was queued: nothing is any more */
	struct ke_wake_list signalfd_waiters; /* who of it would read signals from a file */
	_Atomic uint32_t live_threads;
	uint32_t exiting_threads; /* of them, those in lx_thread_exit() */
	/* Written under signal_lock, to and from a zombie also under lx_tree_lock. Atomic, so that either is enough to look. */
	_Atomic(enum lx_process_state) state;
	int32_t exit_signal;       /* to the parent; SIGCHLD usually */
	int32_t wait_status;       /* wait4's form, once a zombie */
	_Atomic bool group_exiting; /* exit_group, fatal signal or exec: other threads end */
	int32_t group_exit_status;
	bool stop_reported, continue_pending;
	int32_t stop_signal;
	/* A job control stop is asked for or in force; threads that have not stopped yet; a stop signal was dequeued and no SIGCONT came since. */
	bool stopping, stop_dequeued;
	uint32_t stop_waiting;
	int32_t child_code_due;    /* CLD_CONTINUED or CLD_STOPPED that a thread which goes on has to tell the parent; 0: none */
	bool is_subreaper, dumpable, did_exec;
	struct ke_wake_list child_waiters; /* wait4 sleeps here */
	struct kevent vfork_done;
	bool vfork_pending;        /* the parent waits in vfork for this one */
	bool is_first;             /* the instance's first program */
	_Atomic bool shares_space; /* CLONE_VM with another process */
	_Atomic uint32_t uid;      /* real user id of its leader: for siginfo of its end, and whose its signals are */
	int32_t parent_tid;        /* the parent's thread that made it: __WNOTHREAD, PR_SET_PDEATHSIG */
	struct lx_thread *maker;   /* the same, in whose list it is; NULL: none such lives */
	TAILQ_ENTRY(lx_process) made_link;
	struct lx_thread *exec_thread; /* in execve, waiting for the other threads to end */
	struct kevent threads_gone;    /* ... which the last of them sets */
	struct pico_process *exit_body; /* once a zombie: whose tasks' usage is part of exit_usage when it is asked for */
	TAILQ_ENTRY(lx_process) unsummed_link;
	struct lx_rusage_sum exit_usage; /* once a zombie: its own, without its children */
	bool thp_disabled;
	int32_t memory_merge, ioprio;
	/* Its leader's, once that has ended; pid 1's from the start. */
	int32_t leader_nice, leader_policy;
	char leader_comm[16];
	uint8_t leader_affinity[128];
	struct se_token *leader_token;
	struct lx_user *leader_user; /* tree.c: who the leader, which has ended, is counted for */
	struct lx_sighand *sighand;
	struct lx_pending pending; /* to the process */
	struct lx_rlimit limits[LX_RLIM_NLIMITS];
	struct lx_rusage_sum children_usage, own_retired;
	/* Children that were reaped, but whose usage nobody has asked for yet: rusage.c. Each is referenced. */
	TAILQ_HEAD(lx_unsummed, lx_process) unsummed;
	uint32_t unsummed_count;
	struct lx_posix_timers *timers;
	char *executable;          /* absolute path: /proc/<pid>/exe */
	struct lx_executable *executable_file; /* exec/exec.h */
	uint64_t arg_start, arg_end, env_start, env_end, stack_start;
	uint8_t auxv[512];
	size_t auxv_size;
	uint32_t personality;
	int32_t parent_death_signal;
	int32_t oom_score_adj, oom_score_adj_min; /* the least that it may be lowered to without CAP_SYS_RESOURCE */
	uint32_t coredump_filter;
	uint64_t start_time_ns;    /* CLOCK_BOOTTIME */
};

/*
 * tree.c: lx_tree_lock. Under it: a signal_lock, a sighand's lock, objects and wake lists of the dispatcher, one task's
 * task_lock (a kick). Letting it go ends the processes to which a fatal signal was sent under it.
 */
void lx_lock_tree(void);
void lx_unlock_tree(void);

struct lx_process *lx_find_process(int32_t pid);  /* under lx_tree_lock; zombies too */
/* The first process whose pid is at least `pid`, zombies too: under lx_tree_lock. NULL: none. */
struct lx_process *lx_next_process(int32_t pid);
/* Nobody refers to it any more: process/objects.c. */
void lx_process_free(struct lx_process *process);

static inline struct lx_process *lx_process_reference(struct lx_process *process)
{
	atomic_fetch_add_explicit(&process->references, 1, memory_order_relaxed);
	return process;
}

static inline void lx_process_dereference(struct lx_process *process)
{
	if (atomic_fetch_sub_explicit(&process->references, 1, memory_order_acq_rel) == 1)
		lx_process_free(process);
}

/* A soft limit, LX_RLIMIT_*: UINT64_MAX is none. */
static inline uint64_t lx_limit(struct lx_process *process, uint32_t resource)
{
	return __atomic_load_n(&process->limits[resource].rlim_cur, __ATOMIC_RELAXED);
}

/* Those of its address space. */
static inline struct mm_space_limits lx_space_limits(struct lx_process *process)
{
	return (struct mm_space_limits){
		.address_space = lx_limit(process, LX_RLIMIT_AS),
		.data = lx_limit(process, LX_RLIMIT_DATA),
		.data_most = __atomic_load_n(&process->limits[LX_RLIMIT_DATA].rlim_max, __ATOMIC_RELAXED),
		.locked = lx_limit(process, LX_RLIMIT_MEMLOCK),
		.stack = lx_limit(process, LX_RLIMIT_STACK),
	};
}

/*
 * The whole process is to end with this status (wait4's form); the first caller's counts. Any thread; the caller's own
 * thread ends at its return to user mode. Takes lx_tree_lock: process/exit.c.
 */
void lx_exit_group(struct lx_process *process, int32_t wait_status);
/* tree.c: the same by a fatal signal, under lx_tree_lock too: then when that is let go. */
void lx_end_by_signal(struct lx_process *process, int32_t signo);
/* process/wait.c: a child stopped or went on: wake its parent's wait4. Under lx_tree_lock. */
void lx_child_state_changed(struct lx_process *child);
/* process/uname.c: what uname(2) shows as the host's name. */
void lx_node_name(char name[65]);

/* tree.c: visit every process under lx_tree_lock, in the order of pids. */
void lx_walk_processes(void (*visit)(struct lx_process *process, void *context), void *context);
extern const int32_t lx_pid_max;
/* Pid 1, the instance's init: a process without threads that adopts orphans. */
extern struct lx_process *lx_init_process;

#endif
