/*
 * Host and guest error numbers inside an NTSTATUS. A driver on a Linux host often fails with an errno that has no
 * natural NTSTATUS; such a one travels in a code with the customer bit, which no published status has, and comes out
 * unchanged.
 */
#ifndef NT_NTSTATUS_ERRNO_H
#define NT_NTSTATUS_ERRNO_H

#include <nt/ntdef.h>

/* Severity error and customer bit set. */
#define FACILITY_LX 0x4C5u
#define NT_STATUS_ERRNO_BASE (0xE0000000u | FACILITY_LX << 16)

#define NT_STATUS_FROM_ERRNO(error) ((NTSTATUS)(NT_STATUS_ERRNO_BASE | ((uint32_t)(error)&0xFFFFu)))
#define NT_STATUS_IS_ERRNO(status) (((uint32_t)(status)&0xFFFF0000u) == NT_STATUS_ERRNO_BASE)
#define NT_STATUS_ERRNO(status) ((int)((uint32_t)(status)&0xFFFFu))

/*
 * The status that carries a positive errno: STATUS_SUCCESS for 0, the carrier that status.tbl names, or else
 * NT_STATUS_FROM_ERRNO(). lx_errno_from_status() of the result is the same errno for every errno.
 */
NTSTATUS nt_status_from_errno(int error);

/* "STATUS_END_OF_FILE", or NULL for a value without a published name. */
const char *nt_status_name(NTSTATUS status);

/* A few words about it, or NULL. */
const char *nt_status_text(NTSTATUS status);

#endif
