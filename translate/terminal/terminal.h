/*
 * Controlling terminals of sessions, their foreground groups, and who may read, write and change them.
 *
 * Two kernels share one terminal: the line (echo, editing, attributes, window size) is the host's, so that the user's
 * shell and guests see the same one; sessions, foreground groups and the stops by SIGTTIN and SIGTTOU are LX's own,
 * since guests' process groups are not the host's. lxrun's own controlling terminal is the *console*, whose signals the
 * host sends to lxrun; a terminal that a guest makes by /dev/ptmx belongs to no host session, and its ^C is found by
 * the driver (condrv) in what is written to the master. ioctls of the line go to the driver as bytes (tty.c).
 */
#ifndef TRANSLATE_TERMINAL_TERMINAL_H
#define TRANSLATE_TERMINAL_TERMINAL_H

#include <core/lx.h>

struct lx_session;

/* terminal.c. A terminal as a descriptor names it: its number, and the descriptor's side and access. */
struct lx_terminal {
	uint64_t number;
	bool master, readable, hung_up;
};
/* The process' controlling terminal (0: none) and its foreground group (-1): under lx_tree_lock. */
uint64_t lx_process_terminal(const struct lx_process *process);
int32_t lx_process_foreground(const struct lx_process *process);
/* The calling thread's. */
uint64_t lx_terminal_of_caller(void);
/* TIOCGPGRP, TIOCGSID, TIOCSPGRP, TIOCSCTTY and TIOCNOTTY with all their checks. */
int64_t lx_terminal_foreground(struct lx_call *call, const struct lx_terminal *terminal);
int64_t lx_terminal_session(struct lx_call *call, const struct lx_terminal *terminal);
int64_t lx_terminal_set_foreground(struct lx_call *call, const struct lx_terminal *terminal, int32_t pgrp);
int64_t lx_terminal_acquire(struct lx_call *call, const struct lx_terminal *terminal, bool steal);
int64_t lx_terminal_release(struct lx_call *call, const struct lx_terminal *terminal);
/* A leader without a terminal has opened one without O_NOCTTY: it becomes the session's if it is free. The first asks whether it matters. */
bool lx_terminal_wanted(struct lx_thread *thread);
void lx_terminal_opened(struct lx_call *call, const struct lx_terminal *terminal);
/* A background process that reads (LX_SIGTTIN), writes with TOSTOP or changes (LX_SIGTTOU) its terminal: 0 to go on, -LX_EIO, or -LX_ERESTARTSYS with its group signalled. */
int64_t lx_terminal_check_change(struct lx_call *call, uint64_t terminal, int32_t signal);
/* To the terminal's foreground group: ^C, ^Z, ^\ , SIGWINCH. */
void lx_terminal_signal(uint64_t terminal, int32_t signal);
/* The other side of the terminal is gone: SIGHUP and SIGCONT to its session's leader. */
void lx_terminal_hangup(uint64_t terminal);
/* terminal.c. A session's leader ends: its terminal is given up; the group to be sent SIGHUP, or 0. */
int32_t lx_session_leader_exit(struct lx_process *process);

#endif
