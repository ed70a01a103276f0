/*
 * Where the stub lies in every guest, and the numbers that it and the
 * supervisor agree on. Included by the assembler too: only macros.
 *
 * The stub page is at the very bottom of the usable address space, so that
 * "address >= LIMIT" is all that the filter has to ask of an untrapped call; it
 * lies above the range that Wine's preloader reserves.
 */
#ifndef PICO_LAYOUT_H
#define PICO_LAYOUT_H

#define PICO_STUB_BASE 0x120000
#define PICO_STUB_SIZE 0x1000
#define PICO_SCRATCH_BASE 0x121000
#define PICO_SCRATCH_END 0x1c0000
/* The first address that guest mappings and untrapped calls may use. */
#define PICO_LIMIT PICO_SCRATCH_END

/* Scratch slots: a batch of calls and, behind it, the message of a grant. */
#define PICO_SLOT_SIZE 2048
#define PICO_SLOT_COUNT ((PICO_SCRATCH_END - PICO_SCRATCH_BASE) / PICO_SLOT_SIZE)
#define PICO_BATCH_ENTRY_SIZE 64
#define PICO_BATCH_MAX 24
#define PICO_SLOT_DATA (PICO_BATCH_MAX * PICO_BATCH_ENTRY_SIZE)

/* Descriptors of a guest task. Grants arrive on the lowest free numbers. */
#define PICO_GRANT_LIMIT 16 /* granted descriptors stay below */
#define PICO_PARK_FD 16     /* read by parked tasks; its end of file ends them */
#define PICO_GRANT_FD 17    /* SCM_RIGHTS from the supervisor */
#define PICO_FILTER_FD 3    /* the template's filter program, while it starts */
#define PICO_FILTER_MAX 16384

/* In what a fork reports beside the task id: the parent did not get its new socket. */
#define PICO_FORK_UNFINISHED_BIT 32

/* The private number with which the stub says that it is done: never a system call. */
#define PICO_CALL_DONE 0x1000

#endif
