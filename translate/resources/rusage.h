/* Resource usage as sums: processes are several host tasks over their life, so the host can't be asked for it. */
#ifndef TRANSLATE_RUSAGE_H
#define TRANSLATE_RUSAGE_H

#include <core/process.h>

/* Times and counts add up; the resident set is the largest one. */
void lx_usage_add(struct lx_rusage_sum *sum, const struct lx_rusage_sum *more);
/* rusage.c: what a process and its ended threads used so far, without children. */
void lx_process_usage(struct lx_process *process, struct lx_rusage_sum *usage);
void lx_usage_add_host(struct lx_rusage_sum *usage, const struct pico_usage *host);
/* Of the children that were waited for. Takes lx_tree_lock. */
void lx_usage_of_children(struct lx_process *process, struct lx_rusage_sum *usage);
/* A zombie's own, with what its host tasks used. `waits`: a moment for those that are ending; not under a lock. */
void lx_usage_of_zombie(struct lx_process *zombie, bool waits, struct lx_rusage_sum *usage);
/* Children that a process has waited for and whose usage is still to be added to it: so many at most. */
#define LX_UNSUMMED_MAX 32
/*
 * Under lx_tree_lock: a child has been waited for. Its usage, and that of those that it has waited for, is added when
 * somebody asks: the host counts it at the task's end.
 */
void lx_usage_keep_child(struct lx_process *parent, struct lx_process *child);
/* Under lx_tree_lock: references to those whose usage is not in the parent's sum yet; how many. */
size_t lx_usage_reference_children(struct lx_process *parent, struct lx_process *children[LX_UNSUMMED_MAX]);
/* The parent itself goes. */
void lx_usage_forget_children(struct lx_process *parent);
int64_t lx_rusage_copy_out(struct lx_call *call, struct lx_uptr to, const struct lx_rusage_sum *usage);

#endif
