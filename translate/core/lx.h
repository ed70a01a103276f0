/*
 * The core of LX, the subsystem that gives Linux' calls to guests: what every room of translate/ may use.
 *
 * What Linux has and NT has not are objects of LX's own. A Linux thread group is an lx_process around a ps_process; a
 * task is an lx_thread around a ps_thread. What clone(2) can share is an object of its own with a reference count:
 * files, fs, signal handlers, address space (mm_address_space). Processes, threads and the numbers that they bear are
 * here; what makes and ends them is process/.
 *
 * One call is one struct lx_call on the stack of the calling thread's half. process/dispatch.c finds the row of the
 * table by the number, the row's thunk cuts each argument to its type, and the handler, lx_sys_NAME(), reads as Linux'
 * own would: take the arguments in, resolve the objects, call Zw* services, give the results out. Errors are of two
 * kinds with one border between them: a handler returns a value or -LX_Exxx, a service an NTSTATUS, and lx_result()
 * turns the second into the first by status.tbl and the row's overrides. WSL1's LxCore drew the same border, and had
 * its own errno table too.
 *
 * Invariants: guest memory is reached by lx_copy_in() and lx_copy_out() alone, once for each argument, since another
 * thread may change it between; a guest address is a struct lx_uptr, so that it can't be dereferenced by mistake.
 *
 * Lock order: lx_tree_lock (process tree, ids, sessions) > the signal_lock of a process > that of its actions. The
 * locks of lx_files and lx_fs are leaves. Nobody holds one of these where the thread may sleep, copies from or to a
 * guest, or enters one; ARCHITECTURE.md has all locks.
 */
#ifndef TRANSLATE_LX_H
#define TRANSLATE_LX_H

#include <core/table.h>
#include <executive/io/io.h>
#include <executive/ps/ps.h>
#include <lx/errno.h>
#include <lx/flags.h>
#include <lx/types.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

struct lx_files;  /* descriptor table: files.h */
struct lx_fs;     /* root, working directory, umask: fs.h */
struct lx_process;/* process.h */
struct lx_thread; /* process.h */

/* A descriptor as a call sees it, from the lookup to its end: descriptor/files.h. */
struct lx_stream {
	int32_t fd;
	bool is_path; /* O_PATH */
	ACCESS_MASK access;
	HANDLE handle;
	struct io_file *file;
};

#define LX_CALL_STREAMS 3 /* so many descriptors a call has as arguments, and one for what they lead to */

/* One system call under way. */
struct lx_call {
	struct lx_thread *thread;
	const struct lx_syscall_descriptor *descriptor; /* sub-row once resolved */
	uint64_t number;
	uint64_t arguments[6];
	struct pico_system_call *trap; /* action, want_result */
	uint32_t stream_count;         /* descriptors that were looked up */
	struct lx_stream streams[LX_CALL_STREAMS];
};

/* Guest memory of the calling thread. 0 or -LX_EFAULT; nothing is copied twice. */
int64_t lx_copy_in(struct lx_call *call, void *data, struct lx_uptr from, size_t size);
int64_t lx_copy_out(struct lx_call *call, struct lx_uptr to, const void *data, size_t size);
/*
 * A structure that may be longer or shorter than the `known` bytes: what it lacks is zero, what is behind must be.
 * -LX_EFAULT, -LX_E2BIG. How short and how long it may be at all is the caller's to ask before.
 */
int64_t lx_copy_in_sized(struct lx_call *call, void *data, size_t known, struct lx_uptr from, uint64_t size);
/* struct iovec[count] */
int64_t lx_copy_in_segments(struct lx_call *call, struct io_segment *segments, struct lx_uptr from, uint64_t count);
/* A NUL-terminated string of at most `size` bytes with its NUL; its length, -LX_ENAMETOOLONG if longer, -LX_EFAULT. */
int64_t lx_copy_in_string(struct lx_call *call, char *data, struct lx_uptr from, size_t size);
/* A path into a LX_PATH_MAX buffer: -LX_ENOENT when empty unless `allow_empty`. */
int64_t lx_copy_in_path(struct lx_call *call, char *path, struct lx_uptr from, bool allow_empty);

/* dispatch.c: what LX registers with the executive. */
extern const struct ps_pico_provider lx_provider;

/* NTSTATUS -> 0 (any success) or -LX_Exxx: overrides of the call's row first. */
int64_t lx_result(struct lx_call *call, NTSTATUS status);

/* A handler's result when it lets the call through, for the host to run in the guest's task with the guest's arguments. */
static inline int64_t lx_run_on_host(struct lx_call *call)
{
	call->trap->action = PICO_RUN_NATIVE;
	return 0;
}

#endif
