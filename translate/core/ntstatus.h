/*
 * From NTSTATUS to the guest's errno: done once, where a handler's result leaves the LX subsystem. The table is
 * status.tbl; a row of syscalls.tbl can say otherwise for its call.
 */
#ifndef TRANSLATE_STATUS_H
#define TRANSLATE_STATUS_H

#include <nt/ntdef.h>

#include <stdint.h>

struct lx_call;
struct lx_syscall_descriptor;

/*
 * 0 or -LX_Exxx by status.tbl alone. Not every NT_SUCCESS() is 0: TIMEOUT, USER_APC, ALERTED and PENDING are errors
 * here. Of those that the table doesn't have, successes are 0 and failures -LX_EIO.
 */
int64_t lx_errno_from_status(NTSTATUS status);

/*
 * The same with the row's overrides first, and its parent's if it is a sub-row; the row may be NULL. lx_result() is
 * this for the row of a call.
 */
int64_t lx_errno_for_row(const struct lx_syscall_descriptor *row, NTSTATUS status);

/* The function behind rows that are refused or missing: the row's errno, after a word in the log the first time. */
int64_t lx_refuse(struct lx_call *call);

/* Called by lx_refuse(), once for each row and run. */
void lx_log_refused(struct lx_call *call);

#endif
