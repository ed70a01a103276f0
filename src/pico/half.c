/*
 * The kernel half of a guest thread: the loop that resumes its task, waits for its next stop and has the provider deal
 * with it.
 *
 * A half is to its task what kernel mode is to a thread on NT: one supervisor thread, which alone traces the task
 * (ptrace requests work from the tracing thread only), runs the handler of its call on its own stack, sleeps for it,
 * and is the only one to write its registers. What others want of the thread they ask for by a kick. So a handler is
 * plain sequential code, and two guest threads in the kernel at once are two supervisor threads.
 *
 * One call costs one stop: the task waits at its seccomp stop, the half takes number and arguments, runs the handler,
 * pokes the result and -1 for the number, and lets it run. Registers are read and written whole only where a handler
 * changes them, and the result of a call that the host runs for the guest is only asked for if somebody wants to see
 * it.
 *
 * A kick must never be lost between "nothing pending" and the task's run in user mode: the half announces user mode
 * first and looks for kicks afterwards, the kicker sets its flag first and looks for user mode afterwards.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <hal/hal.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Put the guest's registers and the call's outcome into the task and let it run. */
static void resume(struct pico_thread *thread, bool native)
{
	bool want_exit_stop = native && thread->call.want_result;

	if (thread->registers_dirty || thread->redirected) {
		if (thread->result_pending)
			thread->registers.rax = (uint64_t)thread->result;
		thread->registers.orig_rax = native ? thread->call.number : PICO_CALL_NONE;
		task_write_registers(thread, &thread->registers);
	} else if (thread->result_pending) {
		task_poke_result(thread, thread->result);
	}
	thread->registers_valid = thread->registers_dirty = thread->redirected = thread->result_pending = false;
	task_continue(thread, want_exit_stop);
}

/*
 * The gate to user mode. False: the thread ends here. At a vsyscall stop rip
 * must not change, so what is pending waits for the stop asked for here. A call
 * that the host was to run is skipped if the registers became others: whoever
 * changed them has seen to it that it is made again.
 */
static bool pass_gate(struct pico_thread *thread, bool *native, bool native_interrupted)
{
	enum pico_action action;

	for (;;) {
		if (thread->died)
			return false;
		atomic_store(&thread->kicked, false);
		if (thread->stop == TASK_STOP_VSYSCALL) {
			ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL);
		} else {
			action = pico_provider->deliver_apcs(thread, thread->context, native_interrupted);
			if (action == PICO_EXIT)
				return false;
			if (action == PICO_REGISTERS)
				native_interrupted = *native = false;
		}
		atomic_store(&thread->in_user, true);
		if (!atomic_load(&thread->kicked))
			return true;
		atomic_store(&thread->in_user, false);
	}
}

static bool is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP;
}

/* ptrace doesn't show the page-fault error code: what can be derived of it. */
static void derive_trap(struct pico_exception *exception, uint64_t ip)
{
	exception->error_code = 0;
	switch (exception->host_signal) {
	case SIGSEGV:
		exception->trap_number = exception->code == SI_KERNEL ? 13 : 14;
		if (exception->trap_number == 14)
			exception->error_code = 4u | (exception->code == SEGV_ACCERR ? 1u : 0) | (exception->address == ip ? 0x10u : 0);
		break;
	case SIGBUS:
		exception->trap_number = exception->code == BUS_ADRALN ? 17 : 14;
		exception->error_code = exception->trap_number == 14 ? 4u : 0;
		break;
	case SIGFPE:
		exception->trap_number = exception->code == FPE_INTDIV || exception->code == FPE_INTOVF ? 0 : 19;
		break;
	case SIGILL:
		exception->trap_number = 6;
		break;
	default:
		exception->trap_number = exception->code == SI_KERNEL ? 3 : 1;
		break;
	}
}

/* Whether a signal stop was an exception of the guest's own; all other signals to host tasks are swallowed. */
static void handle_signal(struct pico_thread *thread, int signal)
{
	struct pico_exception exception = {0};
	siginfo_t info;

	if (!is_fault(signal) || ptrace(PTRACE_GETSIGINFO, thread->tid, NULL, &info) != 0 || info.si_code <= 0)
		return;
	exception.host_signal = signal;
	exception.code = info.si_code;
	exception.address = (uint64_t)info.si_addr;
	if (task_load_registers(thread) != 0)
		return;
	derive_trap(&exception, thread->registers.rip);
	pico_provider->dispatch_exception(thread, thread->context, &exception);
}

/* True if the stop interrupted a native call that the host would restart. */
static bool interrupted_native_call(struct pico_thread *thread)
{
	int64_t result;

	if (task_load_registers(thread) != 0)
		return false;
	result = (int64_t)thread->registers.rax;
	return (int64_t)thread->registers.orig_rax >= 0 && is_restart(result);
}

static enum pico_entry entry_of(struct pico_thread *thread)
{
	if (thread->stop == TASK_STOP_FOREIGN)
		return PICO_ENTRY_FOREIGN;
	return thread->stop == TASK_STOP_VSYSCALL ? PICO_ENTRY_VSYSCALL : PICO_ENTRY_SYSCALL;
}

static void handle_call(struct pico_thread *thread, const struct task_event *event)
{
	struct pico_system_call *call = &thread->call;

	*call = (struct pico_system_call){
		.number = event->number,
		.instruction_pointer = event->ip,
		.stack_pointer = event->sp,
		.entry = entry_of(thread),
		.action = PICO_RETURN,
		.result = -ENOSYS,
	};
	memcpy(call->arguments, event->arguments, sizeof(call->arguments));
	/* From the stub without our doing: guest code jumped there. It gets nothing that is not listed. */
	if (event->cookie != PICO_COOKIE_STUB && event->cookie != PICO_COOKIE_STUB_FOREIGN)
		pico_provider->dispatch_system_call(thread, thread->context, call);
	if (call->action == PICO_RETURN) {
		thread->result = call->result;
		thread->result_pending = true;
	}
}

/* False if the call has none: it was interrupted, and would be restarted. */
static bool report_native_result(struct pico_thread *thread, const struct task_event *event)
{
	if (is_restart(event->result))
		return false;
	thread->call.result = event->result;
	if (pico_provider->system_call_result)
		pico_provider->system_call_result(thread, thread->context, &thread->call);
	return true;
}

/* Run the guest until its thread ends. */
static void run_guest(struct pico_thread *thread)
{
	struct task_event event;
	bool native = false, interrupted = false;

	while (crowd_wait_for_room(), pass_gate(thread, &native, interrupted)) {
		/* In a native call the task sleeps as a rule: no reason to think that it computes. */
		placement_count_sleep(thread, native);
		resume(thread, native);
		task_wait(thread, &event);
		placement_count_sleep(thread, native);
		atomic_store(&thread->in_user, false);
		interrupted = false;
		switch (event.kind) {
		case TASK_EVENT_DEAD:
			break;
		case TASK_EVENT_SECCOMP:
			handle_call(thread, &event);
			native = thread->call.action == PICO_RUN_NATIVE;
			if (thread->call.action == PICO_EXIT)
				return;
			continue;
		case TASK_EVENT_EXIT_STOP:
			/* An interrupted call's signal stop comes behind this one, when the host restarts it if nothing has changed. */
			interrupted = !report_native_result(thread, &event);
			break;
		case TASK_EVENT_SIGNAL:
			/* If nothing changes its registers, the host restarts an interrupted call: a new stop then. */
			interrupted = native && interrupted_native_call(thread);
			handle_signal(thread, event.signal);
			break;
		case TASK_EVENT_STOP:
			break;
		}
		native = false;
	}
}

/* Sleep as an idle task until another thread needs one. False: the pair is to end. */
static bool wait_idle(struct pico_thread *thread)
{
	bool start;

	rtl_lock(&thread->idle_lock);
	while (thread->idle_command == IDLE_WAIT)
		rtl_condition_wait(&thread->idle_wake, &thread->idle_lock);
	start = thread->idle_command == IDLE_START;
	thread->idle_command = IDLE_WAIT;
	rtl_unlock(&thread->idle_lock);
	return start;
}

bool half_may_serve_again(const struct pico_thread *thread)
{
	return !thread->died && thread->stop != TASK_STOP_FOREIGN && thread->stop != TASK_STOP_VSYSCALL && !half_is_reniced();
}

/* Keep the pair for the next thread of this process, if there will be one. */
static bool become_idle(struct pico_thread *thread)
{
	return half_may_serve_again(thread) && process_keep_idle(thread->process, thread);
}

/* The pair is no more: the task stays alone, or ends. */
static void leave_task(struct pico_thread *thread)
{
	if (parked_keep(thread))
		return;
	if (thread->tid > 0) {
		crowd_wait_for_room();
		kill(thread->tid, SIGKILL);
		task_reaped(thread);
	}
	process_remove_task(thread->process, thread);
	thread_free(thread);
}

static void begin(struct pico_thread *thread)
{
	if (task_seize(thread) != 0 || (thread->listens && stub_close_inherited(thread) != 0))
		thread->died = true;
	thread->listens = false;
	thread->registers = thread->start_registers;
	thread->registers_valid = thread->registers_dirty = thread->redirected = true;
	thread->result_pending = false;
	if (thread->start_state)
		pico_set_extended_state(thread, thread->start_state, (size_t)thread->start_state_size);
	free(thread->start_state);
	thread->start_state = NULL;
	placement_enter(thread);
	if (thread->name_pending)
		pico_apply_name(thread);
	pico_provider->thread_begin(thread, thread->context);
}

/* Halves that have a task to reap. */
static struct {
	struct rtl_lock lock;
	pthread_cond_t none;
	unsigned count;
} serving = {.lock = RTL_LOCK_INITIALIZER, .none = PTHREAD_COND_INITIALIZER};

static void count_serving(int change)
{
	crowd_count_half(change);
	rtl_lock(&serving.lock);
	serving.count += (unsigned)change;
	if (!serving.count)
		pthread_cond_broadcast(&serving.none);
	rtl_unlock(&serving.lock);
}

void half_wait_for_all(unsigned seconds)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += seconds;
	rtl_lock(&serving.lock);
	while (serving.count && rtl_condition_timedwait(&serving.none, &serving.lock, &end) != ETIMEDOUT)
		continue;
	rtl_unlock(&serving.lock);
}

/* One guest thread after the other on this task, then the task's end. */
void half_serve(struct pico_thread *thread)
{
	count_serving(1);
	half_set_current(thread);
	rtl_lock(&thread->task_lock);
	thread->half_tid = (pid_t)syscall(SYS_gettid);
	rtl_unlock(&thread->task_lock);
	do {
		begin(thread);
		run_guest(thread);
		placement_leave(thread);
		pico_provider->thread_end(thread, thread->context, thread->died);
	} while (become_idle(thread) && wait_idle(thread));
	half_set_current(NULL);
	leave_task(thread);
	count_serving(-1);
}

int half_start(struct pico_thread *thread, const struct pico_registers *registers, void *context)
{
	int error;

	thread->start_registers = *registers;
	thread->context = context;
	if (thread->has_half) {
		rtl_lock(&thread->idle_lock);
		thread->idle_command = IDLE_START;
		pthread_cond_signal(&thread->idle_wake);
		rtl_unlock(&thread->idle_lock);
		return 0;
	}
	/* Seized by whoever prepared it: a half traces its task itself. */
	error = task_unseize(thread);
	if (error)
		return error;
	thread->has_half = true;
	error = half_thread_start(thread);
	if (error)
		thread->has_half = false;
	return error;
}
