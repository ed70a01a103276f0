/* --nt: the services that a call became, collected while it runs and written beneath its line. */
#ifndef TRACE_NT_H
#define TRACE_NT_H

#include <nt/ntobserver.h>
#include <trace/decode/text.h>

struct trace_thread;

void trace_nt_start(void);
/* The calling thread's call begins: services are collected from here. NULL: no longer. */
void trace_nt_collect(struct trace_thread *thread);
/* The collected lines, each behind `prefix`; the collection is emptied. */
void trace_nt_take(struct trace_thread *thread, const char *prefix, struct trace_text *text);
void trace_nt_free(struct trace_thread *thread);

/* NtClose(0x4) = STATUS_SUCCESS: a service that has returned. */
void trace_nt_format(const struct nt_service_descriptor *service, const uint64_t *arguments, NTSTATUS status,
		     struct trace_text *text);

#endif
