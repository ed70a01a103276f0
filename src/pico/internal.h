/*
 * Inside the trap platform.
 *
 * A task is a host task and the one supervisor thread that may ptrace it, its
 * half. `struct pico_thread` is that pair; it outlives the guest thread that
 * used it when the pair is recycled.
 *
 * Locks: pico_process.lock guards a process's task lists and slots;
 * grant_socket.lock is held while descriptors are on their way to a guest and
 * is taken before process.lock; pico_thread.task_lock keeps `tid` from being
 * reaped while it is signalled and is a leaf.
 */
#ifndef PICO_INTERNAL_H
#define PICO_INTERNAL_H

#include "layout.h"

#include <errno.h>
#include <pico/pico.h>
#include <rtl/lock.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/types.h>

#define PICO_CALL_NONE UINT64_MAX /* orig_rax of a skipped call */
#define PICO_IDLE_MAX 8		  /* recycled tasks kept by a process */

/* In rax of a task that stops in an interrupted call: the host would make the call again, or go on with it, by itself. */
enum { HOST_ERESTARTSYS = 512, HOST_ERESTART_RESTARTBLOCK = 516 };
static inline bool is_restart(int64_t result)
{
	return result <= -HOST_ERESTARTSYS && result >= -HOST_ERESTART_RESTARTBLOCK;
}

/* The four answers of the filter, seen in a stop's cookie. */
enum pico_cookie { PICO_COOKIE_GUEST = 1, PICO_COOKIE_GUEST_FOREIGN, PICO_COOKIE_STUB, PICO_COOKIE_STUB_FOREIGN };

/* A socket pair over which descriptors reach the tasks of one process. */
struct grant_socket {
	_Atomic unsigned references;
	struct rtl_lock lock;
	int descriptor; /* the supervisor's end; -1: not open yet, or not any more */
	int guest_end;  /* the guests' end, to be delivered, and drained where grant_opens_late() is false; -1: theirs alone */
	bool loose;     /* hostile threads may have put its guest end elsewhere: never to be another process's */
	SLIST_ENTRY(grant_socket) link;
};

/* Where a task stands when it is stopped. */
enum task_stop {
	TASK_STOP_CALL,     /* a seccomp stop of the 64-bit kind: a host call may be put in its place */
	TASK_STOP_FOREIGN,  /* a foreign-architecture seccomp stop: only skip */
	TASK_STOP_VSYSCALL, /* a call into the vsyscall page: only skip, never move rip */
	TASK_STOP_OTHER,    /* signal or event stop */
};

/* Whether a thread uses the pair, or it waits for one, or its task does alone; guarded by the process's lock. */
enum task_state { TASK_ACTIVE, TASK_IDLE, TASK_PARKED };
TAILQ_HEAD(task_list, pico_thread);

struct pico_process {
	_Atomic unsigned references;
	struct rtl_lock lock;
	struct task_list tasks;      /* every host task in this address space that is ours to use */
	struct task_list idle_tasks; /* of them: idle ones first, then parked ones */
	unsigned active, idle, parked;
	unsigned parked_least; /* since parked.c has last looked */
	bool listed;           /* there */
	TAILQ_ENTRY(pico_process) parked_link;
	struct grant_socket *socket;     /* what PICO_GRANT_FD means in the guest */
	uint64_t slots[(PICO_SLOT_COUNT + 63) / 64];
	pthread_cond_t slot_freed;
	struct pico_usage ended; /* of tasks that have been reaped */
	unsigned reaping;        /* tasks that are being reaped: neither there nor in `ended` */
};

struct pico_thread {
	struct pico_process *process;
	TAILQ_ENTRY(pico_thread) link, idle_link;
	struct rtl_lock task_lock;
	pid_t tid; /* 0 once reaped; written under task_lock */
	unsigned holders; /* under task_lock: who needs the id to stay; memory.c */
	pthread_cond_t let_go;
	pid_t half_tid;
	enum task_state state;
	bool seized;    /* by the thread that is to be its half, or by the one preparing it */
	bool has_half;
	void *context;
	char name[16];		 /* for a parked task: given to it with its next batch */
	bool name_pending;

	/* the stop under way; only its half looks at these */
	enum task_stop stop;
	struct pico_registers registers; /* cached guest registers */
	bool registers_valid, registers_dirty; /* dirty: must be written before the guest runs */
	bool redirected; /* the task's own registers are not the guest's */
	bool died;
	bool result_pending; /* a call's result is not in the registers yet */
	int64_t result;
	struct pico_system_call call;

	/* kicks: set `kicked`, and if the task may be in user mode, interrupt it */
	_Atomic bool kicked;
	_Atomic bool in_user;

	/* recycling: an idle half sleeps here for its next thread */
	struct rtl_lock idle_lock;
	pthread_cond_t idle_wake;
	enum { IDLE_WAIT, IDLE_START, IDLE_QUIT } idle_command;
	struct pico_registers start_registers;
	void *start_state; /* the extended state of whoever made the thread, where the task has another's; or NULL */
	int64_t start_state_size;

	/* placement, see placement.c */
	_Atomic uint32_t stops;       /* since the balancer's last tick */
	_Atomic uint32_t sleeps;      /* odd while the half, or its task in a native call, waits */
	uint32_t seen_sleeps;         /* at the balancer's last tick */
	unsigned quiet_ticks;         /* without a stop, in user mode or a native call */
	uint64_t seen_cpu_ns;         /* the task's CPU time when the balancer last looked */
	bool computes;                /* it did during the last tick, and nothing else */
	bool busy;                    /* it seldom waited during the last tick */
	_Atomic int cpu;              /* both are pinned there, or -1 */
	bool placed;                  /* in the placement list */
	bool recycled;                /* it has served another thread: its task may be anywhere */
	bool listens;          /* born with its parent's grant socket, which it is to close before it runs guest code */
	bool masked;                  /* `mask` narrows where it may run */
	cpu_set_t mask;
	TAILQ_ENTRY(pico_thread) placement_link;
	TAILQ_ENTRY(pico_thread) busy_link; /* while `busy` */

	struct pico_cpu_time final; /* once the task is gone */
	bool usage_known;           /* of a parked task, whose usage stands still */
	struct pico_usage usage;
};

extern const struct pico_provider_routines *pico_provider;
extern struct pico_platform pico_platform_ops;

/* filter.c: the program, to be freed; its length in instructions or -errno. */
struct sock_filter;
int pico_filter_create(struct sock_filter **program);

/* template.c */
int pico_template_start(void);
void pico_template_stop(void);
/* A fresh task and the socket that it has: both the caller's. */
int pico_template_take(pid_t *tid, struct grant_socket **socket);

/* task.c: one task's stops and registers, on its half. */
int task_seize(struct pico_thread *thread);
/* Give a parked task back to nobody, parked: another thread will seize it. */
int task_unseize(struct pico_thread *thread);
/* What the host said: a stop or the end. */
struct task_event {
	enum { TASK_EVENT_SECCOMP, TASK_EVENT_EXIT_STOP, TASK_EVENT_SIGNAL, TASK_EVENT_STOP, TASK_EVENT_DEAD } kind;
	int signal;
	unsigned cookie;
	uint64_t number;
	uint64_t arguments[6];
	uint64_t ip, sp;
	int64_t result;
};
int task_continue(struct pico_thread *thread, bool want_exit_stop);
void task_wait(struct pico_thread *thread, struct task_event *event);
/* memory.c: until nobody copies by this task any more, whose id it no longer has. */
void task_wait_let_go(struct pico_thread *thread);
int task_load_registers(struct pico_thread *thread);
int task_write_registers(struct pico_thread *thread, const struct pico_registers *registers);
int task_poke_result(struct pico_thread *thread, int64_t result);
void task_reaped(struct pico_thread *thread);
void task_kick(struct pico_thread *thread);
void task_kill(struct pico_thread *thread);

/* calls.c: run in the stub. */
int stub_run(struct pico_thread *thread, const struct pico_registers *at, int64_t *result);
/* Save the guest's registers, if that has not been done at this stop, and give a copy to be changed. */
int stub_enter(struct pico_thread *thread, struct pico_registers *at);
int stub_single_call(struct pico_thread *thread, const struct pico_host_call *call, int64_t *result);
int stub_clone(struct pico_thread *thread, unsigned long flags, pid_t *tid);
/* The same for a copy with descriptors of its own but its parent's grant socket. */
int stub_fork_closed(struct pico_thread *thread, unsigned long flags, pid_t *tid);
/* The copy was interrupted before it could close that socket: it is made to, or does not live. */
int stub_close_inherited(struct pico_thread *thread);
/* As stub_clone(), but the copy keeps that socket, and the caller's process replaces its grant socket by the one sent to it. */
int stub_fork(struct pico_thread *thread, unsigned long flags, pid_t *tid);
int calls_run(struct pico_thread *thread, struct pico_host_call *calls, size_t count, const int *descriptors, size_t descriptor_count);
/* One call with a pointer among its arguments, to data that is put into the guest for it. */
int calls_run_with_data(struct pico_thread *thread, struct pico_host_call *call, unsigned argument, const void *data, size_t size);
/* Tell the host the name that is pending; on the thread's own half. */
void pico_apply_name(struct pico_thread *thread);

/* grant.c */
/* Can a process open its pair itself, when it first needs it? Not on every host. */
bool grant_opens_late(void);
/* A pair with both ends; NULL: no memory, no descriptors. */
struct grant_socket *grant_socket_create(void);
/* One to be opened late. */
struct grant_socket *grant_socket_create_closed(void);
/* The guest has its end. */
void grant_socket_delivered(struct grant_socket *socket);
struct grant_socket *grant_socket_reference(struct grant_socket *socket);
/* The last one gives it back, to be the next one created: no task of its process may ever run guest code again. */
void grant_socket_dereference(struct grant_socket *socket);
/* The socket that the process's guest tasks listen on now: referenced and locked, and back. */
struct grant_socket *grant_lock(struct pico_process *process);
void grant_unlock(struct grant_socket *socket);
/* Take back what no guest has received; under the socket's lock. */
void grant_drain(struct grant_socket *socket);
/* The supervisor's end from the thread's task, where the guest's process has just made a pair, as its descriptor `number`: 0 or -errno. */
int grant_adopt(struct grant_socket *socket, const struct pico_thread *thread, int number);
int grant_send(struct grant_socket *socket, const int *descriptors, size_t count);

/* resident.c */
/* facts.c */
void pico_add_usage(struct pico_usage *sum, const struct pico_usage *more);
void pico_process_usage(struct pico_process *process, bool waits, struct pico_usage *usage);
void pico_thread_usage(struct pico_thread *thread, struct pico_usage *usage);
int64_t pico_process_text(struct pico_process *process, enum pico_text which, char **text);
int64_t pico_thread_text(struct pico_thread *thread, enum pico_text which, char **text);
int64_t pico_page_map(struct pico_process *process, uint64_t address, uint64_t *entries, size_t count);
int pico_clear_references(struct pico_process *process, int which);
int64_t pico_force_memory(struct pico_process *process, uint64_t address, void *data, size_t size, bool writing);
int pico_process_resident(struct pico_process *process, struct pico_resident *resident);

/* memory.c */
int64_t pico_read_memory(struct pico_process *process, uint64_t address, void *data, size_t size);
int64_t pico_write_memory(struct pico_process *process, uint64_t address, const void *data, size_t size);
/* The XSAVE area: its size in bytes or -errno. */
int64_t pico_get_extended_state(struct pico_thread *current, void *state, size_t size);
int pico_set_extended_state(struct pico_thread *current, const void *state, size_t size);
int pico_compare_exchange(struct pico_thread *current, uint64_t address, uint32_t *expected, uint32_t desired);

/* process.c */
/* The task that the calling supervisor thread is the half of, or NULL. */
struct pico_thread *half_current(void);
void half_set_current(struct pico_thread *thread);
struct pico_process *process_allocate(struct grant_socket *socket);
struct pico_thread *thread_allocate(struct pico_process *process, pid_t tid);
void thread_free(struct pico_thread *thread);
void process_add_task(struct pico_process *process, struct pico_thread *thread);
/* The task leaves the process; the last active one takes the idle ones with it. */
void process_remove_task(struct pico_process *process, struct pico_thread *thread);
/* Whether an idle task would find use there, and to leave one there. */
/* The pair, whose thread has ended, waits for another one's, if the process will have any and has few such. */
bool process_keep_idle(struct pico_process *process, struct pico_thread *thread);
/* One that was taken waits again. */
void process_give_back(struct pico_process *process, struct pico_thread *thread);
void process_reference(struct pico_process *process);
void process_dereference(struct pico_process *process);
/* Are there other threads in it? */
bool process_has_others(struct pico_process *process);
/* A task that waits for a further thread, and is that one's from now on; NULL: there is none. */
struct pico_thread *process_take_idle(struct pico_process *process);

/* reaper.c */
int pico_reaper_start(void);
/* Kill a task that nobody needs and reap it some time. Never waits for it. */
void pico_reap_later(pid_t tid);
/* Until all have ended, but not for ever. */
void pico_reaper_finish(unsigned seconds);

/* parked.c */
void parked_initialize(void);
/* The caller's task, whose thread has ended, waits for others of its process, if it will have any: it is no longer the caller's. */
bool parked_keep(struct pico_thread *thread);
/* The same for the task that its half is to leave for another. */
bool parked_leave(struct pico_thread *current);
/* process->lock held: it is taken; or all are, to be ended without the lock. */
void parked_remove_locked(struct pico_process *process, struct pico_thread *thread);
void parked_steal_all_locked(struct pico_process *process, struct task_list *stolen);
/* Of a process without threads. */
void parked_end_all(struct task_list *stolen);
/* The host has refused a task or a thread with `error`. True: it may have room now, for some parked tasks have been ended. */
bool parked_make_room(int error);

/* platform.c */
uint64_t pico_task_cpu_ns(struct pico_thread *thread);

/* fork.c: a parked copy of a guest's task, or of the template's, and the socket that it has, referenced. */
int fork_of_guest(struct pico_thread *current, pid_t *tid, struct grant_socket **socket);
int fork_of_template(struct pico_thread *template, pid_t *tid, struct grant_socket **socket);

/* create.c */
/* What kept lxrun from a descriptor, as guests see it: they have not too many, all have. */
static inline int descriptor_error(int error)
{
	return error == -EMFILE ? -ENFILE : error;
}
int pico_process_create(struct pico_process **process, struct pico_thread **first);
int pico_process_fork(struct pico_thread *current, struct pico_process **process, struct pico_thread **first);
int pico_thread_create(struct pico_thread *current, struct pico_thread **thread);
void pico_thread_abandon(struct pico_thread *thread);
int pico_thread_rebind(struct pico_thread *current, struct pico_thread *first);

/* half.c */
/* False: what the guest has made of it, or its end, bars the pair from serving another thread. On its half. */
bool half_may_serve_again(const struct pico_thread *thread);
/* Until no half has a task any more, but not for ever: a task may hang in its host's kernel. */
void half_wait_for_all(unsigned seconds);

/* crowd.c: before a guest goes on, or its task is ended; around each wait for a task. */
void crowd_wait_for_room(void);
bool crowd_enter(void);
void crowd_leave(bool entered);
void crowd_count_half(int change);
bool crowd_is_there(void);
int half_start(struct pico_thread *thread, const struct pico_registers *registers, void *context);
/* One guest thread after the other on this task, by the calling thread, then the task's end. */
void half_serve(struct pico_thread *thread);

/* spare.c: the supervisor threads that are halves; `serve` is half_serve(). */
void half_initialize(void (*serve)(struct pico_thread *thread));
/* Some thread is to serve the task. 0 or -errno. */
int half_thread_start(struct pico_thread *thread);
/* A priority that a guest has lowered can't be raised again: neither the calling half nor its task is to serve another thread. */
bool half_is_reniced(void);

/* placement.c */
void placement_initialize(void);
void placement_enter(struct pico_thread *thread);
void placement_leave(struct pico_thread *thread);
/* What placement_restrict() has said of `from` goes for `thread` too. */
void placement_inherit(struct pico_thread *thread, const struct pico_thread *from);
/* Where the guest wants the thread to run; CPUs that lxrun was not given are left out. 0 or -EINVAL: none is left. */
int placement_restrict(struct pico_thread *thread, const void *mask, size_t size);
/* `first` is to become the body of `current`, or of nobody yet: choose a CPU for both before it begins to run. */
void placement_prepare(struct pico_thread *current, struct pico_thread *first);
static inline void placement_count_stop(struct pico_thread *thread)
{
	atomic_store_explicit(&thread->stops, atomic_load_explicit(&thread->stops, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Entering or leaving a wait; `waits` false: it was none. */
static inline void placement_count_sleep(struct pico_thread *thread, bool waits)
{
	atomic_store_explicit(&thread->sleeps, atomic_load_explicit(&thread->sleeps, memory_order_relaxed) + waits,
			      memory_order_relaxed);
}

#endif
