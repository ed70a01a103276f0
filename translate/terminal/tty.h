/* Terminals behind handles: what open(2) and ioctl_tty(2) share. */
#ifndef TRANSLATE_TTY_H
#define TRANSLATE_TTY_H

#include <terminal/terminal.h>

/* 0 or -LX_ENOTTY. */
int64_t lx_terminal_of_handle(struct lx_call *call, HANDLE handle, struct lx_terminal *terminal);
/* A request that ioctl(2) has no row for: what a terminal, or another file, says to one. */
int64_t lx_terminal_unknown_request(struct lx_call *call, HANDLE handle);
/* What open(2) with `flags` has opened may become the controlling terminal of the caller's session. */
void lx_terminal_take(struct lx_call *call, HANDLE handle, uint32_t flags);

#endif
