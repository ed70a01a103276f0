/*
 * The life of one call: the trap platform hands it over on the calling thread's own half, the table says who answers it,
 * and the result goes back with it. Before each return to user mode deliver_apcs() decides whether the thread ends, takes
 * signals, or has an interrupted call made again.
 */
#include <core/observer.h>
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <process/exit.h>
#include <process/instance.h>
#include <signal/signal.h>

#define FOREIGN_INSTRUCTION_SIZE 2 /* bytes of `int $0x80` */
#define X32_NUMBER_BIT 0x40000000u
#define SYSCALL_INSTRUCTION_SIZE 2
#define RESTART_SYSCALL_NUMBER 219

/* A signal other than SIGKILL acts when a call has returned: this one did, though nobody will see it. */
static bool is_ended_by_signal(const struct lx_process *process)
{
	int32_t signal = process->group_exit_status & 0x7f;

	return process->group_exiting && signal && signal != LX_SIGKILL;
}

static void prepare_call(struct lx_call *call, struct lx_thread *thread, struct pico_system_call *trap)
{
	call->thread = thread;
	call->number = trap->number;
	memcpy(call->arguments, trap->arguments, sizeof(call->arguments));
	call->trap = trap;
	call->stream_count = 0;
	call->descriptor = lx_syscall_for_call(call->number, call->arguments);
}

/*
 * int 0x80 from 64-bit code is what it is on a kernel without 32-bit emulation: a general protection fault at that
 * instruction. Numbers with x32's bit name no call there either.
 */
static void dispatch_foreign(struct lx_thread *thread, struct pico_system_call *trap)
{
	struct lx_siginfo info = {.si_signo = LX_SIGSEGV, .si_code = LX_SI_KERNEL};
	struct pico_registers registers;

	trap->result = -LX_ENOSYS;
	if (trap->number & X32_NUMBER_BIT && trap->number != UINT32_MAX)
		return;
	if (ps_platform()->get_registers(thread->ps->pico, &registers) == 0) {
		registers.rip -= FOREIGN_INSTRUCTION_SIZE;
		registers.rax = (uint32_t)trap->number;
		ps_platform()->set_registers(thread->ps->pico, &registers);
		trap->action = PICO_REGISTERS;
	}
	lx_signal_force(thread, &info);
}

/* The host emulates its vsyscall page by calls, and holds a bad pointer there for an attack: no errno but SIGSEGV. */
static void check_vsyscall(struct lx_thread *thread, const struct pico_system_call *trap)
{
	const struct lx_siginfo info = {.si_signo = LX_SIGSEGV, .si_code = LX_SI_KERNEL};

	if (trap->result == -LX_EFAULT)
		lx_signal_force(thread, &info);
}

static void dispatch_system_call(struct ps_thread *ps, struct pico_system_call *trap)
{
	struct lx_thread *thread = ps->pico_context;
	const struct lx_call_observer *observer = lx_call_observer;
	struct lx_call call;
	int64_t result;

	thread->interrupted_result = 0;
	if (unlikely(trap->entry == PICO_ENTRY_FOREIGN)) {
		dispatch_foreign(thread, trap);
		return;
	}
	prepare_call(&call, thread, trap);
	atomic_store_explicit(&thread->call, &call, memory_order_relaxed);
	if (unlikely(observer && observer->enter))
		observer->enter(&call);
	result = likely(call.descriptor) ? lx_handlers[call.descriptor->index](&call) : -LX_ENOSYS;
	result = lx_fd_end_call(&call, result);
	if (unlikely(lx_is_restart(result))) {
		thread->interrupted_result = result;
		thread->interrupted_number = trap->number;
	}
	trap->result = result;
	if (unlikely(trap->entry == PICO_ENTRY_VSYSCALL))
		check_vsyscall(thread, trap);
	if (unlikely(observer && observer->leave)) {
		/* What the host runs is reported when it has; a call that ends its thread never leaves. */
		if (trap->action == PICO_RUN_NATIVE)
			trap->want_result = true;
		else if (!lx_thread_must_exit(thread) || is_ended_by_signal(thread->process))
			observer->leave(&call, result);
		lx_fd_end_call(&call, result);
	}
	atomic_store_explicit(&thread->call, NULL, memory_order_relaxed);
}

/* The outcome of a call that the host ran for the guest. */
static void system_call_result(struct ps_thread *ps, struct pico_system_call *trap)
{
	struct lx_call call;

	if (!lx_call_observer || !lx_call_observer->leave)
		return;
	prepare_call(&call, ps->pico_context, trap);
	lx_call_observer->leave(&call, trap->result);
}

/* An interrupted call that no handler has settled is made again as if nothing had been. */
static enum pico_action restart_call(struct lx_thread *thread)
{
	struct pico_registers registers;
	int64_t code = thread->interrupted_result;

	thread->interrupted_result = 0;
	if (ps_platform()->get_registers(thread->ps->pico, &registers) != 0)
		return PICO_RETURN;
	registers.rax = code == -LX_ERESTART_RESTARTBLOCK ? RESTART_SYSCALL_NUMBER : thread->interrupted_number;
	registers.rip -= SYSCALL_INSTRUCTION_SIZE;
	ps_platform()->set_registers(thread->ps->pico, &registers);
	return PICO_REGISTERS;
}

static enum pico_action deliver_apcs(struct ps_thread *ps, bool native_interrupted)
{
	struct lx_thread *thread = ps->pico_context;
	enum pico_action action = PICO_RETURN;

	if (likely(!lx_thread_must_exit(thread) && !thread->interrupted_result && !native_interrupted &&
		   !atomic_load_explicit(&ps->ke.user_apc_pending, memory_order_acquire)))
		return PICO_RETURN;
	if (!lx_thread_must_exit(thread)) {
		ke_deliver_user_apcs();
		action = lx_deliver_signals(thread, native_interrupted);
	}
	if (action == PICO_EXIT || lx_thread_must_exit(thread)) {
		lx_thread_exit(thread, thread->exit_status, false);
		return PICO_EXIT;
	}
	if (thread->interrupted_result)
		return restart_call(thread);
	return action;
}

static void thread_begin(struct ps_thread *ps)
{
	struct lx_thread *thread = ps->pico_context;

	lx_instance_thread_started();
	ob_set_current_table(lx_files_handles(thread->files));
	if (lx_call_observer && lx_call_observer->thread_begin)
		lx_call_observer->thread_begin(thread);
}

static void thread_end(struct ps_thread *ps, bool died)
{
	struct lx_thread *thread = ps->pico_context;

	if (!thread->exited) {
		/* Nobody in LX ended it: the host killed its task, or an NT service did. To the guest that is SIGKILL. */
		if (!lx_thread_must_exit(thread))
			lx_exit_group(thread->process, LX_SIGKILL);
		lx_thread_exit(thread, thread->exit_status, died);
	}
	ps->pico_context = NULL;
	/* The instance does not wait for who hangs. */
	if (!thread->buried)
		lx_instance_thread_ended();
	lx_thread_free(thread);
}

const struct ps_pico_provider lx_provider = {
	.thread_begin = thread_begin,
	.dispatch_system_call = dispatch_system_call,
	.system_call_result = system_call_result,
	.dispatch_exception = lx_dispatch_exception,
	.deliver_apcs = deliver_apcs,
	.thread_end = thread_end,
};
