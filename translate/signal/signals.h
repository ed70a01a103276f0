/*
 * Signals inside the LX subsystem: what the files of this room, the timers and exceptions share. Everything here is
 * called under the process' signal_lock unless it says otherwise. No two processes' are held at once.
 *
 * A signal goes through four hands. *Sending* (signal_send.c) does what acts at once: SIGCONT continues, stop signals
 * and SIGCONT undo each other, ignored ones are dropped, a fatal one ends the process. What is left is *pending*
 * (signal.c) for a thread or for its process, and the thread that is to take it is kicked: in NT's terms a user APC is
 * queued to it. *Delivery* (signal_deliver.c) happens on that thread's own half, on its way back to user mode: a
 * default action is carried out, or a *frame* (signal_frame.c, signal_xstate.c) is put on the guest's stack. The frame
 * is Linux' own to the byte, for unwinders, sanitizers and language run times read it. Faults (exception.c) are signals
 * that a thread sends to itself and can't block. A stop of job control (signal_stop.c) is no signal any more but a
 * state of the process, in which each thread takes part on its own half.
 *
 * An interrupted call says with a code of its own (-ERESTARTSYS and its kin) how it wants to go on; delivery alone
 * decides, as in Linux: EINTR or once more, by SA_RESTART of the handler that runs first.
 */
#ifndef TRANSLATE_SIGNALS_H
#define TRANSLATE_SIGNALS_H

#include <core/process.h>
#include <core/thread.h>
#include <signal/signal.h>

#define LX_SIG_FIRST_REALTIME 32
/* Bytes of a siginfo_t that mean something; the rest is zero. */
#define LX_SIGINFO_KEPT (offsetof(struct lx_siginfo, _sifields) + sizeof(union lx_siginfo_fields))

/* Handlers that are no addresses. */
#define LX_HANDLER_DEFAULT 0u
#define LX_HANDLER_IGNORE 1u

static inline uint64_t lx_signal_bit(int32_t signo)
{
	return 1ull << (signo - 1);
}

static inline bool lx_signal_is_valid(int32_t signo)
{
	return signo >= 1 && signo <= LX_NSIG;
}

#define LX_UNBLOCKABLE_SIGNALS (lx_signal_bit(LX_SIGKILL) | lx_signal_bit(LX_SIGSTOP))

enum lx_default_action { LX_ACTION_TERMINATE, LX_ACTION_CORE, LX_ACTION_STOP, LX_ACTION_IGNORE };
/* What SIG_DFL does; SIGCONT counts as ignored, since it has acted when it was sent. */
enum lx_default_action lx_default_action(int32_t signo);

/* signal.c: actions. */
void lx_signal_set_action(struct lx_process *process, int32_t signo, const struct lx_sigaction *action);
void lx_signal_reset_handler(struct lx_process *process, int32_t signo);

/* signal.c: queues. */
/* Add to a queue: 0, or -LX_EAGAIN: a real-time signal beyond RLIMIT_SIGPENDING of `owner`, whose user's count is what it bounds. */
int64_t lx_pending_add(struct lx_pending *pending, const struct lx_siginfo *info, struct lx_process *owner);
/* Remove all instances of the signals in `bits`. */
void lx_pending_flush(struct lx_pending *pending, uint64_t bits);
/* Take the next signal for `thread` that is not in `blocked`; synchronous ones first, then the thread's, then the process'. False: none. */
bool lx_signal_dequeue(struct lx_thread *thread, uint64_t blocked, struct lx_siginfo *info);
/* Is there a reason to go through lx_deliver_signals()? */
bool lx_signal_pending_locked(struct lx_thread *thread);
/* After a change of the mask or the queues, on the thread's own half: have deliver_apcs run, or not. */
void lx_signal_recalculate(struct lx_thread *thread);
/* Change the own mask, and let what is pending for the process be taken by another thread. */
void lx_signal_assign_blocked(struct lx_thread *thread, uint64_t bits);
/* ... and by this one. */
void lx_signal_set_blocked(struct lx_thread *thread, uint64_t bits);
/* An action changed to ignore: what is pending of it goes. */
void lx_signal_flush_process(struct lx_process *process, uint64_t bits);

/* signal_send.c */
struct lx_send {
	struct lx_process *process;
	struct lx_thread *thread;  /* NULL: any of the process */
	const struct lx_siginfo *info;
	struct lx_queued_signal *prepared; /* of a POSIX timer: queued instead of a new one */
};
/*
 * Sends. A prepared entry is not taken if the result is not 0: -LX_EAGAIN, the signal is ignored; -LX_ESRCH, the process
 * is ending. *fatal: the caller must lx_exit_group(process, signo) once it has let go of the lock.
 */
int64_t lx_signal_send_locked(const struct lx_send *send, bool *fatal);
/* Would the signal be dropped at once? */
bool lx_signal_is_ignored(struct lx_process *process, const struct lx_thread *thread, int32_t signo);
/* Make the thread look at its signals. */
void lx_signal_wake(struct lx_thread *thread);
/* SI_USER or SI_TKILL of the thread. No lock needed. */
void lx_siginfo_from(struct lx_siginfo *info, struct lx_thread *sender, int32_t signo, int32_t code);

/* signal_stop.c. */
/* Begin a stop of the whole process. */
void lx_stop_begin(struct lx_process *process, int32_t signo);
/* End it: SIGCONT or a fatal signal. */
void lx_stop_end(struct lx_process *process);
/* Without locks, on the thread's own half: take part in a stop, and tell the parent what is due. */
void lx_stop_participate(struct lx_thread *thread);
void lx_stop_tell_parent(struct lx_process *process, int32_t code);

/* signal_frame.c, without locks, on the thread's own half. */
struct lx_delivery {
	struct lx_siginfo info;
	struct lx_sigaction action;
	struct lx_sigset return_mask; /* restored by sigreturn */
};
/* Build the frame and aim `registers` at the handler; false: the stack can't take it. */
bool lx_frame_push(struct lx_thread *thread, const struct lx_delivery *delivery, struct pico_registers *registers);
/* The thread's alternate stack holds `sp` (not for SS_AUTODISARM ones). */
bool lx_on_altstack(const struct lx_thread *thread, uint64_t sp);
uint32_t lx_altstack_flags(const struct lx_thread *thread, uint64_t sp);

/* signal_xstate.c, without locks, on the thread's own half. */
/* The extended state as a signal frame holds it. Bytes needed in the frame, or -LX_Exxx. */
#define LX_XSTATE_FRAME_MAXIMUM 2820u /* all that lies before the tile data, and the magic number behind it */
int64_t lx_xstate_frame_size(void);
/* `image` has room for lx_xstate_frame_size(). */
int64_t lx_xstate_save(struct lx_thread *thread, uint8_t *image, size_t size);
int64_t lx_xstate_reset(struct lx_thread *thread);
/* From a frame at `address` (0: initial state). */
int64_t lx_xstate_restore(struct lx_thread *thread, uint64_t address);

/* Take a timer's entry out of the queue that it is in, without lx_timer_collected(). */
void lx_pending_withdraw(struct lx_process *process, struct lx_queued_signal *entry);
/* posix_timers.c: a timer's signal has been taken (or, `info` NULL, thrown away): fill in the overrun, arm it again. */
void lx_timer_collected(struct lx_queued_signal *entry, struct lx_siginfo *info);

#endif
