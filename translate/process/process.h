/*
 * Thread groups and tasks, their tree, ids, sessions and groups; signal state.
 *
 * Ids, parents, groups, sessions and exit states are guarded by lx_tree_lock.
 * Signal state (queues, masks of other threads, actions, stop and continue
 * state, timers' signals) is guarded by lx_signal_lock, one for the instance. A
 * thread's own mask and alternate stack are written by itself alone. A process'
 * list of threads and its parent change under both locks, so that either is enough to read them.
 *
 * Found under lx_tree_lock, a process stays valid after it only with a reference.
 */
#ifndef TRANSLATE_PROCESS_H
#define TRANSLATE_PROCESS_H

#include <core/lx.h>
#include <descriptor/files.h>

#define LX_NSIG 64

struct lx_sigset {
	uint64_t bits; /* signal n is bit n-1 */
};

/* siginfo_t as the guest sees it: 128 bytes. */
struct lx_siginfo {
	int32_t signo, errno_, code, pad;
	union {
		uint8_t bytes[112];
		struct { int32_t pid; uint32_t uid; uint64_t value; } rt;              /* kill, sigqueue */
		struct { int32_t timer; int32_t overrun; uint64_t value; } timer;
		struct { int32_t pid; uint32_t uid; int32_t status; int32_t pad; int64_t utime, stime; } child;
		struct { uint64_t address; int16_t lsb; } fault;
		struct { int64_t band; int32_t fd; } poll;
		struct { uint64_t call_address; int32_t number; uint32_t arch; } sys;
	};
};
_Static_assert(sizeof(struct lx_siginfo) == 128, "siginfo_t");

struct lx_queued_signal {
	TAILQ_ENTRY(lx_queued_signal) link;
	struct lx_siginfo info;
	void *timer; /* the POSIX timer that owns it: overruns are counted there */
};

struct lx_pending {
	struct lx_sigset set;
	TAILQ_HEAD(, lx_queued_signal) queue;
};

struct lx_sigaction {
	uint64_t handler, flags, restorer;
	struct lx_sigset mask;
};

/* CLONE_SIGHAND. */
struct lx_sighand {
	_Atomic uint32_t references;
	struct lx_sigaction actions[LX_NSIG + 1];
};

struct lx_rlimit {
	uint64_t current, maximum;
};

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
	TAILQ_HEAD(lx_children, lx_process) children;
	TAILQ_ENTRY(lx_process) sibling;
	struct lx_group *group;
	TAILQ_ENTRY(lx_process) group_link;
	TAILQ_HEAD(, lx_thread) threads;
	_Atomic uint32_t live_threads;
	/* Written under lx_signal_lock, to and from a zombie also under lx_tree_lock. Atomic, so that either is enough to look. */
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
	uint32_t uid;              /* real user id of its leader, for siginfo of its end */
	int32_t parent_tid;        /* the parent's thread that made it: __WNOTHREAD, PR_SET_PDEATHSIG */
	struct lx_thread *exec_thread; /* in execve, waiting for the other threads to end */
	struct kevent threads_gone;    /* ... which the last of them sets */
	struct lx_rusage_sum exit_usage; /* once a zombie: its own, without its children */
	bool thp_disabled;
	int32_t memory_merge, ioprio;
	int32_t leader_nice, leader_policy; /* its leader's, once that has ended */
	struct lx_sighand *sighand;
	struct lx_pending pending; /* to the process */
	struct lx_rlimit limits[LX_RLIM_NLIMITS];
	struct lx_rusage_sum children_usage, own_retired;
	struct lx_posix_timers *timers;
	char *executable;          /* absolute path: /proc/<pid>/exe */
	struct io_file *executable_file;
	uint64_t arg_start, arg_end, env_start, env_end, stack_start;
	uint8_t auxv[512];
	size_t auxv_size;
	uint32_t personality;
	int32_t parent_death_signal;
	int32_t oom_score_adj;
	uint64_t start_time_ns;    /* CLOCK_BOOTTIME */
};

struct lx_thread {
	struct ps_thread *ps;
	struct lx_process *process;
	int32_t tid;
	TAILQ_ENTRY(lx_thread) link;
	struct lx_files *files;
	struct lx_fs *fs;
	struct lx_uptr clear_child_tid, robust_list;
	struct lx_sigset blocked, saved_mask;
	bool restore_saved_mask;   /* sigsuspend, ppoll: put back after the handler */
	struct lx_sigset real_blocked; /* sigtimedwait: the mask without what is waited for; else empty */
	bool stop_pending;         /* counted in process->stop_waiting */
	bool user_over_limit;      /* it became a user that has more threads than RLIMIT_NPROC: execve looks again */
	bool futex_exited;         /* futex_pi.c: it can own no lock any more */
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
	bool exited;               /* its exit sequence has run */
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
	int32_t nice, sched_policy, sched_priority;
	bool sched_reset_on_fork;
	uint64_t timer_slack_ns, default_timer_slack_ns;
	uint8_t affinity[128];
};

extern pthread_mutex_t lx_tree_lock, lx_signal_lock;

struct lx_thread *lx_current(void);
struct lx_process *lx_find_process(int32_t pid);  /* under lx_tree_lock; zombies too */
struct lx_thread *lx_find_thread(int32_t tid);    /* under lx_tree_lock; live ones */
struct lx_process *lx_process_reference(struct lx_process *process);
void lx_process_dereference(struct lx_process *process);
/* tree.c: visit every process under lx_tree_lock, in the order of pids. */
void lx_walk_processes(void (*visit)(struct lx_process *process, void *context), void *context);
extern const int32_t lx_pid_max;
/* Pid 1, the instance's init: a process without threads that adopts orphans. */
extern struct lx_process *lx_init_process;

/* session.c. Ids of a process' group and session; visits and look-ups under lx_tree_lock. */
int32_t lx_process_group_id(const struct lx_process *process);
int32_t lx_process_session_id(const struct lx_process *process);
/* Each member of a process group; false if there is none. */
bool lx_walk_group(int32_t group, void (*visit)(struct lx_process *process, void *context), void *context);
/* A group is orphaned if no member's parent is in another group of the same session: stop signals of terminals are ignored. */
bool lx_group_is_orphaned(const struct lx_process *process);
/* terminal.c. A terminal as a descriptor names it: its number, and the descriptor's side and access. */
struct lx_terminal {
	uint64_t number;
	bool master, readable;
};
/* The process' controlling terminal (0: none) and its foreground group (-1): under lx_tree_lock. */
uint64_t lx_process_terminal(const struct lx_process *process);
int32_t lx_process_foreground(const struct lx_process *process);
/* The calling thread's. */
uint64_t lx_terminal_of_caller(void);
/* TIOCGPGRP, TIOCGSID, TIOCSPGRP, TIOCSCTTY and TIOCNOTTY with all their checks. */
int64_t lx_terminal_foreground(struct lx_call *call, const struct lx_terminal *terminal);
int64_t lx_terminal_session(struct lx_call *call, const struct lx_terminal *terminal);
int64_t lx_terminal_set_foreground(struct lx_call *call, const struct lx_terminal *terminal, int32_t pgrp);
int64_t lx_terminal_acquire(struct lx_call *call, const struct lx_terminal *terminal, bool steal);
int64_t lx_terminal_release(struct lx_call *call, const struct lx_terminal *terminal);
/* A leader without a terminal has opened one without O_NOCTTY: it becomes the session's if it is free. The first asks whether it matters. */
bool lx_terminal_wanted(struct lx_thread *thread);
void lx_terminal_opened(struct lx_call *call, const struct lx_terminal *terminal);
/* A background process that reads (LX_SIGTTIN), writes with TOSTOP or changes (LX_SIGTTOU) its terminal: 0 to go on, -LX_EIO, or -LX_ERESTARTSYS with its group signalled. */
int64_t lx_terminal_check_change(struct lx_call *call, uint64_t terminal, int32_t signal);
/* To the terminal's foreground group: ^C, ^Z, ^\ , SIGWINCH. */
void lx_terminal_signal(uint64_t terminal, int32_t signal);
/* The other side of the terminal is gone: SIGHUP and SIGCONT to its session's leader. */
void lx_terminal_hangup(uint64_t terminal);

/* Start the instance: provider registered, pid 1 made; then its first program as pid 2. argv/envp are the host's. Runs until the instance ends; the first program's wait status. */
struct lx_start {
	const char *program;
	char *const *argv;
	char *const *envp;
	const char *working_directory;
	bool kill_on_exit;
	void (*at_exit)(void *context); /* when the first program ends, before its handles are closed: --objects */
	void *context;
};
/* 0 with *wait_status, or -LX_Exxx with the reason in `error`: the program could not be started. */
int64_t lx_instance_run(const struct lx_start *start, int32_t *wait_status, char *error, size_t error_size);

/* exec.c: load a program into a fresh space. Shared by lx_instance_run and execve. */
struct lx_exec_image {
	struct mm_address_space *space;
	struct pico_thread *body;       /* parked first thread of the fresh process */
	struct pico_registers registers;
	char *executable;               /* resolved path */
	struct io_file *executable_file;
	char comm[16];
	uint64_t arg_start, arg_end, env_start, env_end, stack_start;
	uint8_t auxv[512];
	size_t auxv_size;
	bool too_late; /* the load failed where Linux has left the old image already: the caller is to die of SIGSEGV */
};
struct lx_exec_request {
	int32_t dirfd;
	const char *path;
	uint32_t at_flags;
	char *const *argv; /* NULL-terminated, supervisor memory */
	char *const *envp;
};
/*
 * A reference to a program's file that keeps writers out (ETXTBSY) until it is released: one for each process that runs it.
 * The file object itself lives longer, as long as something of it is mapped.
 */
struct io_file *lx_executable_share(struct io_file *file);
void lx_executable_release(struct io_file *file);
/* 0 or -LX_Exxx, `reason` (may be NULL) gets a sentence for the user. Nothing of the caller has changed on failure. */
int64_t lx_exec_load(struct lx_call *call, const struct lx_exec_request *request, struct lx_exec_image *image, char *reason, size_t reason_size);
/* What /proc tells of a program goes from the image to who runs it. The old executable_file is the caller's to release. */
void lx_exec_take_names(struct lx_process *process, struct lx_thread *thread, struct lx_exec_image *image);

/*
 * signal.c: send. `info` is copied. Privilege has been checked by the caller. The first two take lx_signal_lock alone and
 * may be called under lx_tree_lock; lx_signal_group takes lx_tree_lock.
 */
int64_t lx_signal_process(struct lx_process *process, const struct lx_siginfo *info);
int64_t lx_signal_thread(struct lx_thread *thread, const struct lx_siginfo *info);
int64_t lx_signal_group(int32_t group, const struct lx_siginfo *info);
bool lx_signal_pending(struct lx_thread *thread);
/* A signal of the caller to itself for an error of a call: SIGPIPE, SIGXFSZ. */
void lx_signal_self(struct lx_call *call, int32_t signal);
/* A signal that the thread can't block or ignore (faults): on its own half. */
void lx_signal_force(struct lx_thread *thread, const struct lx_siginfo *info);

/*
 * signal_calls.c: the mask argument of ppoll, pselect6, epoll_pwait: in force until the call's end. A null pointer
 * changes nothing. 0, -LX_EINVAL (size is not 8) or -LX_EFAULT. lx_sigmask_leave(): `interrupted` keeps it until the
 * handler has been entered, which then returns to the old one.
 */
int64_t lx_sigmask_enter(struct lx_call *call, struct lx_uptr mask, uint64_t size);
void lx_sigmask_leave(struct lx_call *call, bool interrupted);

/* exception.c: the provider's dispatch_exception: the fault becomes a pending signal of the thread. */
void lx_dispatch_exception(struct ps_thread *ps, const struct pico_exception *exception);

/*
 * signal.c: what deliver_apcs does for signals, on the thread's own half: PICO_RETURN (registers untouched),
 * PICO_REGISTERS, or PICO_EXIT after lx_exit_group() for a fatal one. Job control stops wait inside.
 */
enum pico_action lx_deliver_signals(struct lx_thread *thread, bool native_interrupted);
/* signal.c: the signal that ends the thread's process, if it is still pending; taken out. Not of SIGKILL. */
bool lx_signal_take_fatal(struct lx_thread *thread, struct lx_siginfo *info);
/* signal.c: a thread, a process, ends: what is queued for it goes. After exec: handlers back to default, alternate stack and timers gone. */
void lx_signal_thread_exit(struct lx_thread *thread);
void lx_signal_process_exit(struct lx_process *process);
void lx_signal_exec(struct lx_thread *thread);
/* timers.c: POSIX timers and interval timers of a process end (exit; POSIX timers also at exec). */
void lx_timers_exit(struct lx_process *process);
void lx_timers_exec(struct lx_process *process);
/* robust.c: on the exiting thread's own half, while its memory still is there. */
void lx_robust_list_exit(struct lx_thread *thread);

/* exit.c */
/* The whole process is to end with this status (wait4's form); the first caller's counts. Any thread; the caller's own thread ends at its return to user mode. Takes lx_tree_lock. */
void lx_exit_group(struct lx_process *process, int32_t wait_status);
/* Must the thread end instead of returning to user mode? Killable waits end for it. */
bool lx_thread_must_exit(const struct lx_thread *thread);
/* wait.c: a child stopped or went on: wake its parent's wait4. Under lx_tree_lock or lx_signal_lock. */
void lx_child_state_changed(struct lx_process *child);
/* rusage.c: what a process and its ended threads used so far, without children. */
void lx_process_usage(struct lx_process *process, struct lx_rusage_sum *usage);
/* prctl.c: the thread's name, cut to 15 bytes: PR_SET_NAME, /proc/<pid>/comm. On the thread's own half or another's of its process. */
void lx_set_comm(struct lx_thread *thread, const char *name);
/* uname.c: what uname(2) shows as the host's name. */
void lx_node_name(char name[65]);
/* dispatch.c: sees each system call as it enters and leaves; NULL: nobody does. Set it before the first guest runs. */
struct lx_call_observer {
	void (*enter)(struct lx_call *call);
	/* `result`: what the guest gets, or -512..-516 for a call that signals interrupted. */
	void (*leave)(struct lx_call *call, int64_t result);
	/* A thread begins or ends: exit statuses, new tasks. */
	void (*thread_begin)(struct lx_thread *thread);
	void (*thread_end)(struct lx_thread *thread);
	/* On the thread's own half: a signal is about to act, or to end its process. */
	void (*signal)(struct lx_thread *thread, const struct lx_siginfo *info);
	/* Under lx_signal_lock, on the sender's half: a signal that would have gone to `thread` was ignored. */
	void (*signal_ignored)(struct lx_thread *thread, const struct lx_siginfo *info);
	/* On the thread's own half: it stops. */
	void (*stopped)(struct lx_thread *thread, int32_t signal);
};
extern const struct lx_call_observer *lx_call_observer;

/* clone.c hooks for other files */
uint64_t lx_limit(struct lx_process *process, uint32_t resource);

#endif
