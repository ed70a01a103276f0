/*
 * One host task's stops and registers. Everything here but task_kick() runs on
 * the task's own half. Any ptrace request may fail with ESRCH at any time (the
 * host killed the task): the next task_wait() then tells the end.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USER_CODE 0x33	  /* the selector of 64-bit code */
#define PLAIN_FLAGS 0x202 /* no single step: nobody would see to its trap */
#define SEIZE_OPTIONS (PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)

_Static_assert(sizeof(struct pico_registers) == sizeof(struct user_regs_struct), "register order");

static long request(int operation, pid_t tid, uintptr_t address, const void *data)
{
	return ptrace((enum __ptrace_request)operation, tid, (void *)address, (void *)(uintptr_t)data) == 0 ? 0 : -errno;
}

/* process->lock held. */
static void keep_usage(struct pico_thread *thread, const struct rusage *usage)
{
	struct pico_usage used = {
		.minor_faults = (uint64_t)usage->ru_minflt,
		.major_faults = (uint64_t)usage->ru_majflt,
		.involuntary = (uint64_t)usage->ru_nivcsw,
		.peak_resident = (uint64_t)usage->ru_maxrss * 1024,
	};

	pico_add_usage(&thread->process->ended, &used);
}

/* The task's end: remember its CPU time, forget its id, reap it. */
void task_reaped(struct pico_thread *thread)
{
	struct rusage usage = {0};
	pid_t tid = thread->tid;
	bool entered = crowd_enter();

	rtl_lock(&thread->process->lock);
	thread->process->reaping++;
	rtl_unlock(&thread->process->lock);
	rtl_lock(&thread->task_lock);
	thread->tid = 0;
	rtl_unlock(&thread->task_lock);
	task_wait_let_go(thread);
	while (tid > 0 && wait4(tid, NULL, __WALL, &usage) < 0)
		if (errno != EINTR)
			tid = 0;
	crowd_leave(entered);
	if (tid > 0) {
		thread->final.user_ns = (uint64_t)usage.ru_utime.tv_sec * 1000000000 + (uint64_t)usage.ru_utime.tv_usec * 1000;
		thread->final.system_ns = (uint64_t)usage.ru_stime.tv_sec * 1000000000 + (uint64_t)usage.ru_stime.tv_usec * 1000;
	}
	rtl_lock(&thread->process->lock);
	if (tid > 0)
		keep_usage(thread, &usage);
	thread->process->reaping--;
	rtl_unlock(&thread->process->lock);
	thread->died = true;
}

static void describe_seccomp_stop(struct pico_thread *thread, struct task_event *event)
{
	struct __ptrace_syscall_info info;

	event->kind = TASK_EVENT_SECCOMP;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
		event->kind = TASK_EVENT_STOP; /* gone meanwhile: the next wait says so */
		return;
	}
	event->cookie = info.seccomp.ret_data;
	event->number = info.seccomp.nr;
	memcpy(event->arguments, info.seccomp.args, sizeof(event->arguments));
	event->ip = info.instruction_pointer;
	event->sp = info.stack_pointer;
	/* The filter's x32 numbers are ordinary calls that don't exist: nothing of the other architecture is under way. */
	if (info.arch != AUDIT_ARCH_X86_64)
		thread->stop = TASK_STOP_FOREIGN;
	else if ((event->ip & ~0xfffUL) == 0xffffffffff600000UL)
		thread->stop = TASK_STOP_VSYSCALL;
	else
		thread->stop = TASK_STOP_CALL;
}

static void describe_exit_stop(struct pico_thread *thread, struct task_event *event)
{
	struct __ptrace_syscall_info info;

	thread->stop = TASK_STOP_OTHER;
	event->kind = TASK_EVENT_STOP;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, (void *)sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_EXIT) {
		event->kind = TASK_EVENT_EXIT_STOP;
		event->result = info.exit.rval;
	}
}

void task_wait(struct pico_thread *thread, struct task_event *event)
{
	bool entered = crowd_enter();
	siginfo_t info = {0};

	/* WNOWAIT: an end is only looked at here, so that the id stays ours until task_reaped() has cleared it. */
	while (waitid(P_PID, (id_t)thread->tid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) != 0 && errno == EINTR)
		continue;
	crowd_leave(entered);
	placement_count_stop(thread);
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
		task_reaped(thread);
		event->kind = TASK_EVENT_DEAD;
		return;
	}
	thread->stop = TASK_STOP_OTHER;
	if (info.si_status == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) {
		describe_seccomp_stop(thread, event);
	} else if (info.si_status == (SIGTRAP | 0x80)) {
		describe_exit_stop(thread, event);
	} else if (info.si_status >> 8) {
		event->kind = TASK_EVENT_STOP;
	} else {
		event->kind = TASK_EVENT_SIGNAL;
		event->signal = info.si_status;
	}
}

int task_continue(struct pico_thread *thread, bool want_exit_stop)
{
	return (int)request(want_exit_stop ? PTRACE_SYSCALL : PTRACE_CONT, thread->tid, 0, NULL);
}

int task_load_registers(struct pico_thread *thread)
{
	if (thread->registers_valid)
		return 0;
	if (request(PTRACE_GETREGS, thread->tid, 0, &thread->registers) != 0)
		return -ESRCH;
	thread->registers_valid = true;
	return 0;
}

static bool is_refused(uint64_t selector)
{
	return selector && (selector & 3) != 3;
}

/*
 * A program can load a data segment with a selector of less than its own privilege level, which ptrace does not: then the
 * same descriptor is named with that level.
 */
static uint64_t selector(uint64_t value)
{
	return is_refused(value) ? value | 3 : value;
}

int task_write_registers(struct pico_thread *thread, const struct pico_registers *registers)
{
	struct pico_registers plain;

	if (is_refused(registers->ds) || is_refused(registers->es) || is_refused(registers->fs) || is_refused(registers->gs)) {
		plain = *registers;
		plain.ds = selector(plain.ds);
		plain.es = selector(plain.es);
		plain.fs = selector(plain.fs);
		plain.gs = selector(plain.gs);
		registers = &plain;
	}
	return (int)request(PTRACE_SETREGS, thread->tid, 0, registers);
}

/* The cheap way out of a call: skip it and set its result, the other registers are untouched. */
int task_poke_result(struct pico_thread *thread, int64_t result)
{
	long error = request(PTRACE_POKEUSER, thread->tid, offsetof(struct user_regs_struct, orig_rax), (void *)-1L);

	return (int)(error ?: request(PTRACE_POKEUSER, thread->tid, offsetof(struct user_regs_struct, rax), (void *)result));
}

/* Become the tracer of a parked task. The first stop need not be the one asked for: the filter may have stopped it already. */
int task_seize(struct pico_thread *thread)
{
	struct task_event event;
	long error;

	if (thread->seized)
		return 0;
	error = request(PTRACE_SEIZE, thread->tid, 0, (void *)(uintptr_t)SEIZE_OPTIONS);
	if (error)
		return (int)error;
	thread->seized = true;
	error = request(PTRACE_INTERRUPT, thread->tid, 0, NULL);
	if (error)
		return (int)error;
	for (;;) {
		task_wait(thread, &event);
		if (event.kind == TASK_EVENT_DEAD)
			return -ESRCH;
		if (event.kind == TASK_EVENT_STOP)
			break;
		task_continue(thread, false);
	}
	if (request(PTRACE_GETREGS, thread->tid, 0, &thread->registers) != 0)
		return -ESRCH;
	thread->registers.orig_rax = PICO_CALL_NONE;
	thread->registers.rip = PICO_STUB_PARK;
	thread->registers_valid = thread->registers_dirty = true;
	return 0;
}

int task_unseize(struct pico_thread *thread)
{
	struct pico_registers parked = thread->registers;

	if (!thread->seized)
		return 0;
	parked.orig_rax = PICO_CALL_NONE;
	parked.rip = PICO_STUB_PARK;
	parked.cs = USER_CODE;
	parked.eflags = PLAIN_FLAGS;
	if (task_write_registers(thread, &parked) != 0 || request(PTRACE_DETACH, thread->tid, 0, NULL) != 0)
		return -ESRCH;
	thread->seized = false;
	thread->registers_valid = thread->registers_dirty = thread->redirected = false;
	return 0;
}

/* SIGURG: ignored by default, so that it can't hurt a parked task, and yet its tracer sees it. */
void task_kick(struct pico_thread *thread)
{
	atomic_store(&thread->kicked, true);
	if (!atomic_load(&thread->in_user))
		return;
	rtl_lock(&thread->task_lock);
	if (thread->tid > 0)
		syscall(SYS_tgkill, thread->tid, thread->tid, SIGURG);
	rtl_unlock(&thread->task_lock);
}

void task_kill(struct pico_thread *thread)
{
	rtl_lock(&thread->task_lock);
	if (thread->tid > 0)
		kill(thread->tid, SIGKILL);
	rtl_unlock(&thread->task_lock);
}
