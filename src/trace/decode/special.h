/* Calls whose printed form is not that of their types: how their arguments are written before and after they run. */
#ifndef TRACE_SPECIAL_H
#define TRACE_SPECIAL_H

#include <trace/decode/decode.h>

/* waiting.c */
void trace_enter_poll(struct trace_decoder *decoder);
void trace_leave_poll(struct trace_decoder *decoder);
void trace_enter_select(struct trace_decoder *decoder);
void trace_leave_select(struct trace_decoder *decoder);
void trace_leave_sleep(struct trace_decoder *decoder);

/* tasks.c */
void trace_enter_clone(struct trace_decoder *decoder);
void trace_leave_clone(struct trace_decoder *decoder);
void trace_enter_clone3(struct trace_decoder *decoder);
void trace_leave_clone3(struct trace_decoder *decoder);
void trace_enter_sigreturn(struct trace_decoder *decoder);
void trace_enter_restart(struct trace_decoder *decoder);
void trace_enter_futex(struct trace_decoder *decoder);

#endif
