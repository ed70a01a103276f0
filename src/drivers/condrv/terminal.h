/* Inside condrv. */
#ifndef CONDRV_TERMINAL_H
#define CONDRV_TERMINAL_H

#include <drivers/condrv/condrv.h>
#include <drivers/fsrtl/fsrtl.h>

/* Behind a terminal's file object; it owns the descriptor. */
struct condrv_file {
	int descriptor;
	bool master;       /* a pseudo-terminal's controlling side */
	bool literal_next; /* master: VLNEXT was typed last */
	struct condrv_guise guise; /* name NULL: its own */
	ULONGLONG number;  /* of the terminal, whichever side this is */
};

/* identity.c: the number of the terminal behind a host descriptor. */
ULONGLONG condrv_identify(int descriptor, bool *master);
/* A new host description of the terminal: -1 with errno. */
int condrv_open_number(ULONGLONG number, int flags);
/* What lxrun was started on, at start; and again with each inherited terminal. */
void condrv_find_console(void);
void condrv_remember_console(int descriptor);

/* typed.c: the signals that bytes typed at the terminal stand for, at most CONDRV_TYPED_SIGNALS; how many. */
#define CONDRV_TYPED_SIGNALS 16
size_t condrv_find_signals(struct condrv_file *master, const UCHAR *data, size_t size, UCHAR signals[CONDRV_TYPED_SIGNALS]);
/* Wait until the host has taken in what was typed. */
void condrv_settle(const struct condrv_file *master);

/* restore.c: a guest is about to change the console's attributes. */
void condrv_console_changing(void);

/* May the caller read, or write to and change, this terminal now? */
NTSTATUS condrv_check(const struct condrv_file *terminal, bool write);
/* Has the other side gone, or somebody hung this one up? The host then answers EIO to every request. */
bool condrv_is_hung_up(const struct condrv_file *terminal);
/* FSCTL_LX_IOCTL on a terminal. A structure that the caller could not read has Size 0. */
NTSTATUS condrv_ioctl(const struct condrv_file *terminal, const void *input, ULONG input_size, void *output, ULONG output_size,
		      ULONG_PTR *information);

#endif
