/*
 * \Device\Afd: waiting for readiness of any file objects (IOCTL_AFD_POLL), as
 * NT's driver of that name has it for sockets.
 */
#ifndef AFD_AFD_H
#define AFD_AFD_H

#include <executive/io/io.h>

NTSTATUS afd_initialize(void);

/*
 * What IOCTL_AFD_POLL does, for callers that have their handles at hand. A NULL handle is skipped; one that is none
 * gets POLLNVAL. STATUS_SUCCESS: some Result is non-zero; STATUS_TIMEOUT: none; STATUS_USER_APC, STATUS_ALERTED:
 * interrupted.
 */
NTSTATUS afd_poll(AFD_POLL_INFO *info);

#endif
