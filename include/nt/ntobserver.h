/*
 * Watching NT services from their one choke point. Kernel-mode callers (the LX subsystem) reach a service through its
 * Zw form; while an observer is set, each Zw call reports its arguments before and its status after. With none set the
 * cost is one predicted branch.
 */
#ifndef NT_NTOBSERVER_H
#define NT_NTOBSERVER_H

#include <nt/ntdef.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nt_parameter_direction {
	NT_PARAMETER_IN = 1,
	NT_PARAMETER_OUT = 2,
	NT_PARAMETER_INOUT = 3,
};

struct nt_parameter_descriptor {
	const char *name;    /* "DesiredAccess" */
	const char *type;    /* "ACCESS_MASK": the C type */
	const char *decoder; /* vocabulary or decoder that the row names for it ("file_access"), or NULL */
	enum nt_parameter_direction direction;
	bool optional;
};

struct nt_service_descriptor {
	const char *name; /* "NtReadFile" */
	int32_t number;	  /* of build 17763; -1 where Windows publishes none */
	bool missing;	  /* declared, but not implemented by this executive */
	uint8_t parameter_count;
	uint8_t status_count;
	const struct nt_parameter_descriptor *parameters;
	const NTSTATUS *statuses; /* those worth knowing beyond the usual, as services.tbl lists them */
};

/*
 * Both run on the thread that makes the call, with no lock held, and may be called by many threads at once. Arguments
 * are widened to 64 bits; pointers among them point into the caller's memory and are valid during the call. A service
 * that does not return (NtTerminateThread of the caller) enters and never leaves. Services nest.
 */
struct nt_service_observer {
	void (*enter)(const struct nt_service_descriptor *service, const uint64_t *arguments);
	void (*leave)(const struct nt_service_descriptor *service, const uint64_t *arguments, NTSTATUS status);
};

/* NULL at start; set it while no other thread makes calls. The observer must outlive its use. */
extern const struct nt_service_observer *nt_service_observer;

/* Around each service: it may hang in the host (ke_go_away). Leave answers the status, or that the caller is no more. */
void nt_service_enter(void);
NTSTATUS nt_service_leave(NTSTATUS status);

/* All rows of services.tbl, in the order of names. */
extern const struct nt_service_descriptor nt_services[];
extern const size_t nt_service_count;

/* By "NtReadFile" or "ZwReadFile"; NULL if there is none. */
const struct nt_service_descriptor *nt_service_by_name(const char *name);

#endif
