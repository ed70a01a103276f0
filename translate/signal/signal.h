/*
 * What the rest of the LX subsystem asks of signals: sending, masks for the time of a call, delivery, and the ends of
 * threads and processes.
 */
#ifndef TRANSLATE_SIGNAL_SIGNAL_H
#define TRANSLATE_SIGNAL_SIGNAL_H

#include <core/siginfo.h>

/*
 * signal.c: send. `info` is copied. Privilege has been checked by the caller. The first two take the signal_lock of the process alone and
 * may be called under lx_tree_lock; lx_signal_group takes lx_tree_lock.
 */
int64_t lx_signal_process(struct lx_process *process, const struct lx_siginfo *info);
int64_t lx_signal_thread(struct lx_thread *thread, const struct lx_siginfo *info);
int64_t lx_signal_group(int32_t group, const struct lx_siginfo *info);
/* What the process does about it; under its signal_lock. */
struct lx_sigaction lx_signal_action(struct lx_process *process, int32_t signo);
bool lx_signal_pending(struct lx_thread *thread);
/* A signal of the caller to itself for an error of a call: SIGPIPE, SIGXFSZ. */
void lx_signal_self(struct lx_call *call, int32_t signal);
/* A signal that the thread can't block or ignore (faults): on its own half. */
void lx_signal_force(struct lx_thread *thread, const struct lx_siginfo *info);

/*
 * signal_calls.c: the mask argument of ppoll, pselect6, epoll_pwait: in force until the call's end. A null pointer
 * changes nothing. 0, -LX_EINVAL (size is not 8) or -LX_EFAULT. lx_sigmask_leave(): `interrupted` keeps it until the
 * handler has been entered, which then returns to the old one.
 */
int64_t lx_sigmask_enter(struct lx_call *call, struct lx_uptr mask, uint64_t size);
void lx_sigmask_leave(struct lx_call *call, bool interrupted);

/* exception.c: the provider's dispatch_exception: the fault becomes a pending signal of the thread. */
void lx_dispatch_exception(struct ps_thread *ps, const struct pico_exception *exception);

/*
 * signal.c: what deliver_apcs does for signals, on the thread's own half: PICO_RETURN (registers untouched),
 * PICO_REGISTERS, or PICO_EXIT after lx_exit_group() for a fatal one. Job control stops wait inside.
 */
enum pico_action lx_deliver_signals(struct lx_thread *thread, bool native_interrupted);
/* signal.c: the signal that ends the thread's process, if it is still pending; taken out. Not of SIGKILL. */
bool lx_signal_take_fatal(struct lx_thread *thread, struct lx_siginfo *info);
/* signal.c: a thread, a process, ends: what is queued for it goes. After exec: handlers back to default, alternate stack and timers gone. */
void lx_signal_thread_exit(struct lx_thread *thread);
void lx_signal_process_exit(struct lx_process *process);
void lx_signal_exec(struct lx_thread *thread);

#endif
