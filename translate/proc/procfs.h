/*
 * What the generators of /proc share: a consistent view of the task that a node is about.
 *
 * The host's /proc tells of host tasks and of the supervisor, so nothing of it is ever passed on: every file here is
 * written from LX's own objects, and from the host comes only what concerns the guest alone (CPU time, residence of its
 * pages) or the machine as a whole. The driver (drivers/procfs) knows names, numbers and offsets; this room fills them
 * in. What a task shows to another is decided as ptrace(2) decides it.
 *
 * Invariant: what is needed of a task is copied or referenced under lx_tree_lock, at once, and written out without any
 * lock: a reader of /proc/<pid>/maps must not wait for what that process waits for.
 */
#ifndef TRANSLATE_PROCFS_H
#define TRANSLATE_PROCFS_H

#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <drivers/procfs/procfs.h>

/*
 * A task as it was when looked at. The members were copied or referenced under
 * lx_tree_lock; what could have gone is NULL (a task that runs no more has no memory and no files).
 */
struct lx_proc_view {
	struct lx_process *process;
	struct lx_files *files;
	struct lx_fs *fs;
	struct mm_address_space *space;
	struct se_token *token;
	struct ps_thread *ps_thread;
	int32_t pid, tid, parent, group, session;
	char state; /* what LX knows of it: R, S, T, Z; 0: see lx_proc_state() */
	char comm[16];
	uint32_t threads;
	int32_t nice, policy, priority;
	uint64_t terminal; /* controlling; 0: none */
	int32_t foreground; /* its foreground group; -1: none */
	uint8_t affinity[128];
	uint64_t timer_slack_ns;
};

/* Once, when the driver has been started: it is given its content. */
void lx_procfs_initialize(void);

/* -ESRCH's status if there is no such task. Release with lx_proc_release (or the cleanup attribute). */
NTSTATUS lx_proc_look(const struct procfs_subject *subject, struct lx_proc_view *view);
/* The letter of stat(5): R, S, D, T or Z; asks the host, so not under a lock. */
char lx_proc_state(const struct lx_proc_view *view);
void lx_proc_release(struct lx_proc_view *view);
#define cleanup_proc_view __attribute__((cleanup(lx_proc_release)))
/* The subject's task: under lx_tree_lock. */
bool lx_proc_find(const struct procfs_subject *subject, struct lx_task *task);

struct lx_proc_signals {
	struct lx_sigset blocked, pending, shared_pending, ignored, caught;
	uint32_t queued;
};
/* All empty for a task that has gone. */
void lx_proc_look_at_signals(const struct procfs_subject *subject, struct lx_proc_signals *signals);

/* Who owns a subject's files, who may look into it, whether it is the caller's own process: struct procfs_provider. */
bool lx_proc_owner(const struct procfs_subject *subject, bool open_directory, ULONG *uid, ULONG *gid);
bool lx_proc_may_look(const struct procfs_subject *subject);
bool lx_proc_is_own(const struct procfs_subject *subject);

/* A status as the driver wants it. */
static inline NTSTATUS lx_proc_error(int error)
{
	return nt_status_from_errno(error);
}

/* procfs_files.c: the entries of fd, fdinfo, and the links to directories and programs. */
extern const struct procfs_numbers lx_proc_descriptors, lx_proc_descriptor_information;
int64_t lx_proc_exe_target(const struct procfs_subject *subject, char *target, size_t size);
NTSTATUS lx_proc_exe_follow(const struct procfs_subject *subject, struct io_file **file);
int64_t lx_proc_cwd_target(const struct procfs_subject *subject, char *target, size_t size);
NTSTATUS lx_proc_cwd_follow(const struct procfs_subject *subject, struct io_file **file);
int64_t lx_proc_root_target(const struct procfs_subject *subject, char *target, size_t size);
NTSTATUS lx_proc_root_follow(const struct procfs_subject *subject, struct io_file **file);

/* procfs_areas.c: the mappings, copied out so that no file is asked for its name under a lock of the space. */
struct lx_proc_area {
	struct mm_vad vad;
	uint64_t start; /* as it is shown: of the initial stack's reserve, what is in use */
	char *name;
};
struct lx_proc_areas {
	struct lx_proc_area *list;
	size_t count, room;
	bool failed; /* no memory */
};
void lx_proc_take_areas(struct mm_address_space *space, struct lx_proc_areas *areas);
void lx_proc_release_areas(struct lx_proc_areas *areas);
#define cleanup_areas __attribute__((cleanup(lx_proc_release_areas)))
/* The area's line in maps. */
void lx_proc_show_area(const struct lx_proc_area *area, struct procfs_text *text);
/* The name that stands in that line; empty: none. */
void lx_proc_area_path(const struct lx_proc_area *area, char *path, size_t size);
/* What stands behind it, as that line says: zeroes for nothing. */
void lx_proc_area_identity(const struct lx_proc_area *area, uint64_t *inode, uint32_t *major, uint32_t *minor);
/* procfs_query.c */
NTSTATUS lx_proc_query_maps(const struct procfs_subject *subject, ULONG request, void *data, ULONG size);
NTSTATUS lx_proc_show_maps(const struct procfs_subject *subject, struct procfs_text *text);
extern const struct procfs_numbers lx_proc_map_files;
/* procfs_smaps.c */
NTSTATUS lx_proc_show_smaps(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_smaps_rollup(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_numa_maps(const struct procfs_subject *subject, struct procfs_text *text);
/* procfs_bytes.c */
extern const struct procfs_bytes lx_proc_mem, lx_proc_pagemap, lx_proc_clear_refs;
/* Opening what is of the memory of a task that has none: ESRCH. */
NTSTATUS lx_proc_has_memory(const struct procfs_subject *subject);

/* procfs_memory.c */
NTSTATUS lx_proc_show_cmdline(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_environ(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_auxv(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_statm(const struct procfs_subject *subject, struct procfs_text *text);
struct lx_proc_layout { uint64_t code_start, code_end, data_start, data_end, break_start; };
/* Where the program lies, from its mappings. */
struct lx_proc_layout lx_proc_layout(const struct lx_proc_view *view);

/* procfs_status.c */
NTSTATUS lx_proc_show_status(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_stat(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_io(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_timers(const struct procfs_subject *subject, struct procfs_text *text);
NTSTATUS lx_proc_show_limits(const struct procfs_subject *subject, struct procfs_text *text);

/* procfs_system.c, procfs_sys.c */
extern const struct procfs_node lx_proc_root_node;
extern const struct procfs_node lx_proc_sys_nodes[];
/* procfs_process.c, procfs_task.c */
extern const struct procfs_numbers lx_proc_processes, lx_proc_tasks;
extern const struct procfs_node lx_proc_process_node, lx_proc_task_node;

#endif
