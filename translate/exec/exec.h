/*
 * Loading a program into a fresh space: shared by the start of the instance and execve.
 *
 * The host never executes a guest's program. A file is read, `#!` chains are followed, headers are taken apart by
 * libelf in private copies that no guest can change (exec.c, exec_elf.c); a fresh pico process is filled by one batch
 * of mappings (exec_map.c) and gets a stack with arguments, environment and auxiliary vector (exec_stack.c). Up to here
 * all errors can be returned, and nothing of the caller has changed. Then process/execve.c makes the exchange: other
 * threads end, the calling half leaves its old task and takes over the new one. After that there is no way back, and a
 * failure kills, as in Linux.
 *
 * A program's file keeps writers out while anybody runs it (lx_executable_share). Every layout that Linux loads must
 * load: odd alignments, empty segments, static position-independent programs, and the host's order of complaints must
 * come out of those that it does not.
 */
#ifndef TRANSLATE_EXEC_EXEC_H
#define TRANSLATE_EXEC_EXEC_H

#include <core/lx.h>

struct lx_exec_image {
	struct mm_address_space *space;
	struct pico_thread *body;       /* parked first thread of the fresh process */
	struct pico_registers registers;
	char *executable;               /* resolved path */
	struct lx_executable *executable_file;
	char comm[16];
	uint64_t arg_start, arg_end, env_start, env_end, stack_start;
	uint8_t auxv[512];
	size_t auxv_size;
	bool too_late; /* the load failed where Linux has left the old image already: the caller is to die of SIGSEGV */
};
struct lx_exec_request {
	int32_t dirfd;
	const char *path;
	uint32_t at_flags;
	char *const *argv; /* NULL-terminated, supervisor memory */
	char *const *envp;
};
/*
 * A program's file, which keeps writers out (ETXTBSY) until the last of the processes that run it has released it. What shows
 * it lives longer, as long as something of it is mapped.
 */
struct lx_executable {
	_Atomic uint32_t references;
	struct io_control_area *area;
	struct hostfs_inode *denied;
};
struct lx_executable *lx_executable_share(struct lx_executable *executable);
void lx_executable_release(struct lx_executable *executable);
/* 0 or -LX_Exxx, `reason` (may be NULL) gets a sentence for the user. Nothing of the caller has changed on failure. */
int64_t lx_exec_load(struct lx_call *call, const struct lx_exec_request *request, struct lx_exec_image *image, char *reason, size_t reason_size);
/* What /proc tells of a program goes from the image to who runs it. The old executable_file is the caller's to release. */
void lx_exec_take_names(struct lx_process *process, struct lx_thread *thread, struct lx_exec_image *image);

#endif
