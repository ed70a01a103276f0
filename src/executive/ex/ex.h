/* Executive support: the object types that are little more than a dispatcher object, and the services on them. */
#ifndef EX_EX_H
#define EX_EX_H

#include <executive/ob/ob.h>

extern struct ob_type ex_event_type, ex_mutant_type, ex_semaphore_type, ex_timer_type, ex_completion_type;

void ex_initialize(void);

/* Put a packet into a completion port: what NtSetIoCompletion does, for drivers and the I/O manager. */
NTSTATUS ex_set_completion(void *port, PVOID key_context, PVOID apc_context, NTSTATUS status, ULONG_PTR information);

#endif
