/* Terminals behind handles: what open(2) and ioctl_tty(2) share. */
#ifndef TRANSLATE_TTY_H
#define TRANSLATE_TTY_H

#include <terminal/terminal.h>

/* Once, when the console's driver has been started: it is told of job control. */
void lx_tty_initialize(void);

/* 0 or -LX_ENOTTY. */
int64_t lx_terminal_of_handle(struct lx_call *call, HANDLE handle, struct lx_terminal *terminal);
/* What open(2) with `flags` has opened may become the controlling terminal of the caller's session. */
void lx_terminal_take(struct lx_call *call, HANDLE handle, uint32_t flags);

#endif
