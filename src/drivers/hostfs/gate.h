/*
 * The gate: what of the host's kernel a guest may have.
 *
 * File systems that show the host's kernel (proc, sysfs, cgroup, debugfs, ...) name processes by the host's numbers, and
 * through some of them lxrun's own memory can be written. No guest gets them, by whatever way: a mount or a bind
 * anywhere, a name relative to a directory, an inherited descriptor. What counts is the type of the file system that the
 * opened file lies on, never a name.
 */
#ifndef HOSTFS_GATE_H
#define HOSTFS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* What may be done with a file, from all that its user may to nothing. */
enum hostfs_gate {
	HOSTFS_GATE_OPEN,
	HOSTFS_GATE_LOOK,   /* read it and list it, but change nothing */
	HOSTFS_GATE_SEALED, /* a mount point: its attributes may be looked at, and nothing is found below it */
	HOSTFS_GATE_SHUT,
};

/* What a guest gets of a view of the kernel. */
enum hostfs_rule {
	HOSTFS_RULE_NOTHING,
	HOSTFS_RULE_LEAVES,    /* a few files, named in gate.c, that tell how much there is of something: HOSTFS_GATE_LOOK */
	HOSTFS_RULE_LOOK,      /* all but a few directories: HOSTFS_GATE_LOOK */
	HOSTFS_RULE_TERMINALS, /* the instance that the host has at /dev/pts */
};

struct hostfs_kernel_view {
	uint32_t type; /* statfs.f_type */
	const char *name;
	enum hostfs_rule rule;
};
extern const struct hostfs_kernel_view hostfs_kernel_views[];
extern const size_t hostfs_kernel_view_count;

/* What lies behind a descriptor, O_PATH or other. */
enum hostfs_gate hostfs_gate_of(int fd);
/* May it be opened with these flags? */
bool hostfs_gate_admits(enum hostfs_gate gate, uint64_t flags);
/* Do open's flags ask for anything that may change something? */
bool hostfs_changes(uint64_t flags);
/* Is it a device that shows the host's memory, ports or messages? */
bool hostfs_is_kernel_memory(const struct stat *status);

#endif
