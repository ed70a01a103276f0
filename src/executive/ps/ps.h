/*
 * Process manager: processes, threads, jobs, and the bridge between a pico
 * provider (translate/) and the trap platform (src/pico).
 *
 * A ps_process is a thread group with its own handle table and address space
 * reference (either may be shared with another process: CLONE_FILES, CLONE_VM). A
 * ps_thread embeds the dispatcher's ke_thread and refers to the platform's
 * pico_thread.
 */
#ifndef PS_PS_H
#define PS_PS_H

#include <executive/mm/mm.h>
#include <executive/se/se.h>
#include <nt/ntps.h>

struct ps_job;

/* NT's IO_COUNTERS: calls that moved data and how much; and of it, what came from or goes to storage. */
struct ps_io_counters {
	uint64_t reads, writes, read_bytes, written_bytes;
	uint64_t storage_read, storage_written;
	uint64_t sleeps; /* of threads that ended: see ps_sleeps() */
};

struct ps_process {
	struct dispatcher_header header; /* signalled at exit */
	ULONG_PTR unique_id;
	ULONG_PTR parent_id;
	struct mm_address_space *space; /* replaced by exec, under lock */
	struct ob_handle_table *handles;
	struct se_token *token;
	struct ps_job *job;
	NTSTATUS exit_status;
	char image_name[256];
	void *pico_context; /* the provider's process */
	LARGE_INTEGER create_time, exit_time;
	struct rtl_lock lock; /* guards space, token, thread list, job, times */
	TAILQ_HEAD(, ps_thread) threads;
	ULONG thread_count;
	struct pico_cpu_time retired; /* of threads that ended */
	struct ps_io_counters retired_io;
	ULONG suspend_count;          /* NtSuspendProcess; threads stop on their way to user mode */
	struct kevent resumed;        /* set while suspend_count is 0 or the process ends */
	bool terminating, exited;
	KPRIORITY base_priority;
	TAILQ_ENTRY(ps_process) link, job_link;
};

struct ps_thread {
	struct ke_thread ke; /* first: a waitable object */
	struct ps_process *process;
	struct ps_io_counters io; /* written by the thread alone, read by anybody */
	ULONG_PTR unique_id;
	struct se_token *token; /* impersonation token, or NULL: the process's */
	struct pico_thread *pico;
	void *pico_context; /* the provider's thread */
	NTSTATUS exit_status;
	char name[16];
	LARGE_INTEGER create_time, exit_time;
	bool started; /* its half runs or will */
	ULONG suspend_count;
	LONG priority_increment;
	/* CPU time of its host task that is not its own (a recycled task's past), and what it used in tasks that exec left. */
	struct pico_cpu_time time_base, time_before;
	TAILQ_ENTRY(ps_thread) link, id_link;
};

/* What a pico provider registers: the platform's routines with NT objects resolved. */
struct ps_pico_provider {
	void (*thread_begin)(struct ps_thread *thread);
	void (*dispatch_system_call)(struct ps_thread *thread, struct pico_system_call *call);
	void (*system_call_result)(struct ps_thread *thread, struct pico_system_call *call);
	void (*dispatch_exception)(struct ps_thread *thread, const struct pico_exception *exception);
	enum pico_action (*deliver_apcs)(struct ps_thread *thread, bool native_interrupted);
	void (*thread_end)(struct ps_thread *thread, bool died);
};

void ps_initialize(const struct pico_platform *platform);
const struct pico_platform *ps_platform(void);
void ps_register_provider(const struct ps_pico_provider *provider);
/* The routines that the platform calls; given to pico at its start. */
extern const struct pico_provider_routines ps_pico_routines;

/* PsPicoCreateProcess, PsPicoCreateThread in spirit. Ids are the provider's. */
struct ps_process_attributes {
	struct ps_process *parent;      /* NULL: the instance's own */
	ULONG_PTR unique_id;
	/* The process takes references of its own to these; the caller keeps its. */
	struct mm_address_space *space;
	struct ob_handle_table *handles;
	struct se_token *token;
	void *pico_context;
	const char *image_name;
};
NTSTATUS ps_create_process(const struct ps_process_attributes *attributes, struct ps_process **process);
NTSTATUS ps_create_thread(struct ps_process *process, ULONG_PTR unique_id, void *pico_context, struct pico_thread *pico, struct ps_thread **thread);
/* Let a created thread run; consumes no reference. A running thread holds one of its own. */
NTSTATUS ps_start_thread(struct ps_thread *thread, const struct pico_registers *registers);
/* A created thread will never be started: the process forgets it. The caller still drops its reference. */
void ps_abandon_thread(struct ps_thread *thread);
/* The thread is found by another id from now on: exec by a thread that is not the leader. */
void ps_set_thread_id(struct ps_thread *thread, ULONG_PTR unique_id);
/* exec: the thread goes on in `first`, a fresh process' parked task; its CPU time goes on counting. 0 or -errno. */
int ps_rebind_thread(struct ps_thread *thread, struct pico_thread *first);
/* exec: the process' space from now on (a further reference is taken); the old one's is dropped. */
void ps_set_space(struct ps_process *process, struct mm_address_space *space);
/* The process' space with a reference, or NULL if it has none any more. */
struct mm_address_space *ps_reference_space(struct ps_process *process);
/*
 * End all of its threads, at their next return to user mode, with this status. What is left of the process ends as its
 * last thread does. Any thread.
 */
void ps_terminate_process(struct ps_process *process, NTSTATUS status);
/* Its handles go, and its space, which ps_exit_process() else sees to: before anybody hears of the end. By its last thread. */
void ps_close_handles(struct ps_process *process);
void ps_leave_space(struct ps_process *process);
/* The process object is signalled, its handles, space and job go, and its id means nothing any more. By its last thread. */
void ps_exit_process(struct ps_process *process, NTSTATUS status);
struct ps_process *ps_current_process(void);
struct ps_thread *ps_current_thread(void);
/* By id, referenced; NULL: none. */
struct ps_process *ps_lookup_process(ULONG_PTR id);
struct ps_thread *ps_lookup_thread(ULONG_PTR id);
/* A supervisor thread that is no guest's (main, timers, tests) becomes a thread of the System process (id 0): it may call services. */
NTSTATUS ps_attach_system_thread(void);
void ps_detach_system_thread(void);
/* CPU time of all its threads, past and present. */
struct pico_cpu_time ps_process_cpu_time(struct ps_process *process);
struct ps_io_counters ps_process_io(struct ps_process *process);
/* What `child` transferred counts as the parent's from now on, which has waited for it. */
void ps_inherit_io(struct ps_process *parent, struct ps_process *child);
/* How often its threads slept in calls that the supervisor carries out, ended ones too. */
uint64_t ps_sleeps(struct ps_process *process);
/* What the thread's task has used, with those sleeps. */
struct pico_usage ps_thread_usage(struct ps_thread *thread);
/* A transfer of the calling thread has ended. */
void ps_count_transfer(bool writing, NTSTATUS status, ULONG_PTR size);
/* CPU time of one thread, in all the tasks that it ran in. */
struct pico_cpu_time ps_thread_cpu_time(struct ps_thread *thread);
/* Whether the host lets it run: struct pico_platform's state; 'R' for one that begins or ends. */
char ps_thread_state(struct ps_thread *thread);
/* The platform's thread_text of it; 0 and no text: it has no task any more. */
int64_t ps_thread_text(struct ps_thread *thread, enum pico_text which, char **text);
void ps_walk_processes(void (*visit)(struct ps_process *process, void *context), void *context);

/* For --objects: the namespace, then every process with its handles. */
void ps_dump_objects(FILE *out);

extern struct ob_type ps_process_type, ps_thread_type, ps_job_type;

/* Starts every component in order: hal, ke, ob, se, io, mm, ps; then the drivers are registered by the caller. */
NTSTATUS executive_initialize(const struct pico_platform *platform);

#endif
