/*
 * The contract between the trap platform (src/pico) and the rest: after NT's
 * pico provider interface (PS_PICO_ROUTINES, PS_PICO_PROVIDER_ROUTINES).
 *
 * A pico_process is a host address space; a pico_thread is a host task in it
 * together with its kernel half, the supervisor thread that traces it and runs
 * everything done on its behalf. All functions that take a `struct pico_thread
 * *current` must be called on that thread's own half while its task is stopped
 * (which it always is while its half runs provider code).
 *
 * The platform knows neither Linux semantics nor NT objects. Errors are
 * negative host errnos.
 */
#ifndef PICO_PICO_H
#define PICO_PICO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pico_process;
struct pico_thread;

/* General registers of a guest thread, in the x86-64 ptrace order. */
struct pico_registers {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags,
		rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

enum pico_entry {
	PICO_ENTRY_SYSCALL,  /* the 64-bit `syscall` instruction */
	PICO_ENTRY_FOREIGN,  /* int 0x80, compatibility mode */
	PICO_ENTRY_VSYSCALL, /* a call into the vsyscall page */
};

/* How the platform ends a system call after the provider has dispatched it. */
enum pico_action {
	PICO_RETURN,     /* the guest gets `result` in its result register */
	PICO_RUN_NATIVE, /* the host runs the call as the guest made it; only for calls that touch nothing but the guest's own memory */
	PICO_REGISTERS,  /* the provider has set all registers (sigreturn, exec) */
	PICO_EXIT,       /* the thread ends; its task is recycled or ended */
};

/*
 * One system call of a guest: the request structure that every trap transport
 * fills. `want_result` asks PICO_RUN_NATIVE to report the host's result through
 * system_call_result (it costs a second stop).
 */
struct pico_system_call {
	uint64_t number;
	uint64_t arguments[6];
	uint64_t instruction_pointer;
	uint64_t stack_pointer;
	enum pico_entry entry;
	enum pico_action action;
	int64_t result;
	bool want_result;
};

/* A fault or trap that the guest raised, as the host describes it. */
struct pico_exception {
	int host_signal;
	int code;         /* si_code */
	uint64_t address; /* si_addr */
	uint32_t trap_number;
	uint64_t error_code; /* x86 page-fault error code, derived */
};

/* Called by the platform on the thread's own half. `context` is what thread_start was given. */
struct pico_provider_routines {
	size_t size;
	void (*thread_begin)(struct pico_thread *thread, void *context);
	void (*dispatch_system_call)(struct pico_thread *thread, void *context, struct pico_system_call *call);
	void (*system_call_result)(struct pico_thread *thread, void *context, struct pico_system_call *call);
	void (*dispatch_exception)(struct pico_thread *thread, void *context, const struct pico_exception *exception);
	/*
	 * Before every return to user mode that may have an APC pending (pico_kick
	 * was called, or `native_interrupted`: a PICO_RUN_NATIVE call was
	 * interrupted and would be restarted; registers show -512..-516 in rax).
	 * A PICO_RUN_NATIVE call that has not begun yet shows as rax -ENOSYS with
	 * its number in orig_rax; PICO_REGISTERS then means that it is skipped.
	 * Returns PICO_RETURN to go on, PICO_REGISTERS if it changed registers,
	 * PICO_EXIT if the thread is to end.
	 */
	enum pico_action (*deliver_apcs)(struct pico_thread *thread, void *context, bool native_interrupted);
	/* The thread's last moment on its half, after its task can run no more guest code; died: the host killed the task. */
	void (*thread_end)(struct pico_thread *thread, void *context, bool died);
};

/* One host call that the stub runs in the guest's address space. */
struct pico_host_call {
	uint64_t number;
	uint64_t arguments[6];
	int64_t result; /* out: the host's return value */
};

struct pico_cpu_time {
	uint64_t user_ns;
	uint64_t system_ns;
};

/* Memory of a process that is in RAM, in bytes. */
struct pico_resident {
	uint64_t peak; /* of the sum of the others */
	uint64_t anonymous, file, shared;
};

/* What tasks have used besides time. */
struct pico_usage {
	uint64_t minor_faults, major_faults;
	uint64_t voluntary; /* context switches: the platform's own stops hide the host's count, who knows of sleeps fills it in */
	uint64_t involuntary;
	uint64_t peak_resident;          /* bytes, of the most that any of them had in RAM */
};

/* Texts that only the host can write: of a process' memory, or of one thread's task. */
enum pico_text {
	PICO_TEXT_SMAPS,
	PICO_TEXT_SMAPS_ROLLUP,
	PICO_TEXT_NUMA_MAPS,
	PICO_TEXT_SCHED,
	PICO_TEXT_SCHEDSTAT,
	PICO_TEXT_KSM_STAT,
	PICO_TEXT_KSM_MERGING_PAGES,
	PICO_TEXT_ARCH_STATUS,
	PICO_TEXT_SYSCALL,
	PICO_TEXT_STACK,
};

struct pico_platform {
	size_t size;

	/* A fresh, empty process (stub and vDSO only) with its first thread, parked. Any supervisor thread may call it. */
	int (*process_create)(struct pico_process **process, struct pico_thread **first);
	/* Copy of the caller's address space with one thread, parked. */
	int (*process_fork)(struct pico_thread *current, struct pico_process **process, struct pico_thread **first);
	/* A further parked thread in the caller's address space. */
	int (*thread_create)(struct pico_thread *current, struct pico_thread **thread);
	/* Give a parked thread its registers and a half of its own, and let it run. */
	int (*thread_start)(struct pico_thread *thread, const struct pico_registers *registers, void *context);
	/* Abandon a parked thread (and, with its last thread, its process) that was never started. */
	void (*thread_abandon)(struct pico_thread *thread);
	/*
	 * Exec: the caller's half leaves its task (ended or recycled) and takes over
	 * `first`, the parked thread of a fresh process, as its own: `current` stays
	 * valid and now means that task.
	 */
	int (*thread_rebind)(struct pico_thread *current, struct pico_thread *first);
	struct pico_process *(*process_of)(struct pico_thread *thread);
	void (*process_reference)(struct pico_process *process);
	/* The last reference gone, with no thread left: the process is forgotten. */
	void (*process_dereference)(struct pico_process *process);

	/* Run host calls in the caller's address space, in order, as one batch. `descriptors` are granted as numbers 0..n-1 during it. 0, or the error that kept the batch from running. Stops at no failure. */
	int (*host_calls)(struct pico_thread *current, struct pico_host_call *calls, size_t count,
			  const int *descriptors, size_t descriptor_count);
	/* The same in a parked, never started thread of a fresh process, by its future half (during exec). */
	int (*host_calls_in)(struct pico_thread *current, struct pico_thread *target, struct pico_host_call *calls,
			     size_t count, const int *descriptors, size_t descriptor_count);
	/* Copy from or to a process; returns bytes copied (short at a fault) or -errno. Any supervisor thread. */
	int64_t (*read_memory)(struct pico_process *process, uint64_t address, void *data, size_t size);
	int64_t (*write_memory)(struct pico_process *process, uint64_t address, const void *data, size_t size);
	/* Atomic compare-and-swap of a 32-bit word in the guest, run by the stub. 1 swapped, 0 not (*expected is updated), -EFAULT. */
	int (*compare_exchange)(struct pico_thread *current, uint64_t address, uint32_t *expected, uint32_t desired);

	int (*get_registers)(struct pico_thread *current, struct pico_registers *registers);
	int (*set_registers)(struct pico_thread *current, const struct pico_registers *registers);
	/* The XSAVE area, standard format. Returns its size in bytes or -errno. */
	int64_t (*get_extended_state)(struct pico_thread *current, void *state, size_t size);
	int (*set_extended_state)(struct pico_thread *current, const void *state, size_t size);

	/* Make the thread's half call deliver_apcs soon, whether its task is in user mode or in a native call. Any thread. */
	void (*kick)(struct pico_thread *thread);
	/*
	 * End the thread's host task at once, whatever it does: a call of its own or one that was injected, which then fails
	 * with -ESRCH. The half finds that its task has died. Any thread.
	 */
	void (*kill)(struct pico_thread *thread);
	/* CPU time of the host task(s) behind the thread so far, halves included as system time. Any thread. */
	struct pico_cpu_time (*cpu_time)(struct pico_thread *thread);
	/*
	 * 'R': it runs or wants to, 'S': it sleeps, 'D': it sleeps and can't be interrupted. *in_call: not in the guest's own code
	 * but in its half's, where an 'S' may also be a moment's rest that only the half's owner can tell from a sleep. Any thread.
	 */
	char (*state)(struct pico_thread *thread, bool *in_call);
	/* What of a process' memory is in RAM. Any supervisor thread. 0, or -ESRCH for one without a living task. */
	int (*resident)(struct pico_process *process, struct pico_resident *resident);
	/* Of all tasks of a process so far, ended ones too, or of one thread's. Any supervisor thread. `waits`: a moment for tasks that are ending, which else may be missing; not under a lock. */
	void (*process_usage)(struct pico_process *process, bool waits, struct pico_usage *usage);
	void (*thread_usage)(struct pico_thread *thread, struct pico_usage *usage);
	/* A text of the host's, NUL-terminated; the caller frees it. Its length or -errno; -ESRCH: no task is left. Any supervisor thread. */
	int64_t (*process_text)(struct pico_process *process, enum pico_text which, char **text);
	int64_t (*thread_text)(struct pico_thread *thread, enum pico_text which, char **text);
	/* The host's pagemap entries of `count` pages from `address` on: how many there are, or -errno. */
	int64_t (*page_map)(struct pico_process *process, uint64_t address, uint64_t *entries, size_t count);
	/* The host's clear_refs: 0 or -errno. */
	int (*clear_references)(struct pico_process *process, int which);
	/*
	 * As read_memory and write_memory, but past page protection, where the host allows it to a debugger: for /proc/<pid>/mem
	 * alone, and never of the platform's own pages. Bytes copied or -errno.
	 */
	int64_t (*force_memory)(struct pico_process *process, uint64_t address, void *data, size_t size, bool writing);
	/* Name for host tools (top, pkill); at most 15 bytes are used. On the thread's own half, or of a parked thread. */
	void (*set_name)(struct pico_thread *thread, const char *name);
	/* Host scheduling of the task and its half. */
	int (*set_affinity)(struct pico_thread *thread, const void *mask, size_t size);
	int (*set_nice)(struct pico_thread *thread, int nice);
	/* So many halves wait for their tasks that a guest's sleep is better spent in the provider than in a native call. May be NULL. */
	bool (*is_crowded)(void);

	/* Fixed facts. */
	uint64_t lowest_address;  /* first address a guest mapping may use; the host refuses what lies below */
	uint64_t own_start, own_end; /* the platform's own pages in every process: never the guest's. Equal: none */
	uint64_t highest_address; /* first address it may not */
	uint64_t vdso_address;    /* of [vdso] in every fresh process, 0: none */
	size_t vdso_image_size, vvar_size; /* bytes; vvar lies right below the vdso */
	size_t vclock_size;       /* of vvar's, at its end: what newer hosts show as [vvar_vclock] */
	size_t extended_state_size;
};

/*
 * Start the platform: the template process, placement. `provider` must stay.
 * 0 or -errno: EPERM where the host forbids ptrace, ENOSYS without seccomp.
 */
int pico_initialize(const struct pico_provider_routines *provider, const struct pico_platform **platform);
/* End what is parked. No guest may be running. */
void pico_shutdown(void);

#endif
