/* Descriptor tables, as the calls on descriptors themselves need them; everyone else uses files.h. */
#ifndef TRANSLATE_FD_H
#define TRANSLATE_FD_H

#include <descriptor/files.h>

/* fs.nr_open: no table grows beyond it, whatever the limit says. */
#define LX_FD_MAXIMUM 1048576

/* ioctl.c: an ioctl(2) was answered with ENOTTY: what the file says instead. */
int64_t lx_ioctl_refused(struct lx_call *call);
bool lx_files_are_shared(struct lx_files *files);
/* Is it below the caller's RLIMIT_NOFILE? */
bool lx_fd_is_in_limit(struct lx_call *call, int32_t fd);
/* dup(2) to the lowest free descriptor >= minimum. */
int64_t lx_fd_duplicate(struct lx_call *call, int32_t fd, int32_t minimum, bool close_on_exec);
/* dup3(2); old and new differ. */
int64_t lx_fd_duplicate_to(struct lx_call *call, int32_t old, int32_t new, bool close_on_exec);
/* 0, 1 or -LX_EBADF. */
int64_t lx_fd_close_on_exec(struct lx_call *call, int32_t fd);
int64_t lx_fd_set_close_on_exec(struct lx_call *call, int32_t fd, bool value);
/* Close, or mark as close-on-exec, what is open in [first, last]. */
void lx_fd_close_range(struct lx_call *call, uint32_t first, uint32_t last);
/* exec: close what is marked. */
void lx_fd_close_marked(struct lx_call *call);
void lx_fd_mark_range(struct lx_call *call, uint32_t first, uint32_t last);
/* At start: give a table its descriptor `fd` (free until now). False: out of memory. */
bool lx_files_place(struct lx_files *files, int32_t fd, HANDLE handle, bool is_path);

#endif
