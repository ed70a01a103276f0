/* lxaudit's eyes: a BPF program on the raw system-call tracepoint. */
#ifndef AUDIT_PROGRAM_H
#define AUDIT_PROGRAM_H

#include <stdint.h>
#include <sys/types.h>

/* Where a call came from. */
enum audit_origin {
	AUDIT_GUEST,   /* guest code: what the supervisor let through */
	AUDIT_STUB,    /* the stub: listed by its policy, or put there by the supervisor */
	AUDIT_STARTUP, /* a task that has no filter yet: the template before it is one */
	AUDIT_ORIGINS,
};

struct audit_program {
	int program, map, link;
};

/* Count the calls of all tasks whose parent process is `supervisor`. 0 or -errno, with the reason in `error`. */
int audit_attach(struct audit_program *audit, pid_t supervisor, const char **error);
void audit_detach(struct audit_program *audit);
/* Each (origin, number) that was seen, in no order. */
void audit_walk(const struct audit_program *audit, void (*visit)(enum audit_origin origin, uint32_t number, uint64_t count, void *context),
		void *context);

#endif
