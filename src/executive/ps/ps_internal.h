/* What the files of Ps share. Lock order: process list > process.lock > job.lock; the first and the last are leaves of ps. */
#ifndef PS_INTERNAL_H
#define PS_INTERNAL_H

#include <executive/ps/ps.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

/* process.c: guards the list of processes and the table of thread ids. */
extern struct rtl_lock ps_list_lock;
extern struct ps_process *ps_system_process;
NTSTATUS ps_create_system_process(void);
LARGE_INTEGER ps_now(void);

/* thread.c */
void ps_initialize_threads(void);
void ps_set_current_thread(struct ps_thread *thread);
/* Under the process' lock. */
struct pico_cpu_time ps_thread_cpu_time_locked(const struct ps_thread *thread);
/* The thread runs no more: its process forgets it. */
void ps_thread_ended(struct ps_thread *thread);
/* Ask a thread to end at its next return to user mode. Under the process' lock. */
void ps_terminate_thread_locked(struct ps_thread *thread, NTSTATUS status);

/* control.c: stay here while the thread or its process is suspended. */
void ps_wait_while_suspended(struct ps_thread *thread);

/* job.c */
NTSTATUS ps_job_join(struct ps_job *job, struct ps_process *process);
/* The process has ended; its reference to the job goes. */
void ps_job_leave(struct ps_process *process);
extern struct ob_type ps_job_type;

/* A variable-length or fixed answer to a query class. */
NTSTATUS ps_answer(const void *answer, ULONG size, PVOID buffer, ULONG length, PULONG returned);

static inline void ps_cleanup_unlock(struct rtl_lock **lock)
{
	rtl_unlock(*lock);
}
/* The lock is held to the end of the scope. */
#define PS_HOLD(mutex) \
	__attribute__((cleanup(ps_cleanup_unlock))) struct rtl_lock *held_ = (mutex); \
	rtl_lock(held_)

void ps_add_io(struct ps_io_counters *sum, const struct ps_io_counters *more);

#endif
