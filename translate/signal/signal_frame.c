/*
 * Signal frames: struct rt_sigframe of x86-64 Linux, pushed for a handler and popped by rt_sigreturn.
 *
 * From the frame's address upwards: return address (the restorer), ucontext, siginfo; above them, 64-byte aligned, the
 * extended state. Programs read and change all of it (unwinders, garbage collectors, JITs), so that every byte that
 * Linux defines is here. On the way back each value is the guest's own: segments and flags are forced to what user mode
 * may have.
 */
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <signal/signals.h>

#define RED_ZONE 128u
#define UC_FP_XSTATE 1u
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u
#define USER_CS 0x33u
#define USER_CS_COMPAT 0x23u
#define USER_SS 0x2bu
#define FLAG_DF 0x400ull
#define FLAG_TF 0x100ull
#define FLAG_RF 0x10000ull
/* What sigreturn may change: AC RF OF DF TF SF ZF AF PF CF. */
#define FLAGS_RESTORED 0x50dd5ull

static bool altstack_holds(const struct lx_thread *thread, uint64_t sp)
{
	return sp > thread->altstack.sp && sp - thread->altstack.sp <= thread->altstack.size;
}

bool lx_on_altstack(const struct lx_thread *thread, uint64_t sp)
{
	return !(thread->altstack.flags & LX_SS_AUTODISARM) && altstack_holds(thread, sp);
}

uint32_t lx_altstack_flags(const struct lx_thread *thread, uint64_t sp)
{
	if (!thread->altstack.size)
		return LX_SS_DISABLE;
	return lx_on_altstack(thread, sp) ? LX_SS_ONSTACK : 0;
}

static void save_registers(struct lx_sigcontext *context, const struct pico_registers *registers)
{
	context->r8 = registers->r8, context->r9 = registers->r9, context->r10 = registers->r10;
	context->r11 = registers->r11, context->r12 = registers->r12, context->r13 = registers->r13;
	context->r14 = registers->r14, context->r15 = registers->r15;
	context->rdi = registers->rdi, context->rsi = registers->rsi, context->rbp = registers->rbp;
	context->rbx = registers->rbx, context->rdx = registers->rdx, context->rax = registers->rax;
	context->rcx = registers->rcx, context->rsp = registers->rsp, context->rip = registers->rip;
	context->eflags = registers->eflags;
	context->cs = (uint16_t)registers->cs, context->ss = (uint16_t)registers->ss;
}

static void fill_frame(struct lx_thread *thread, const struct lx_delivery *delivery,
		       const struct pico_registers *registers, uint64_t extended_state, struct lx_rt_sigframe *frame)
{
	struct lx_ucontext *ucontext = &frame->uc;

	memset(frame, 0, sizeof(*frame));
	frame->pretcode = delivery->action.sa_restorer;
	ucontext->uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	ucontext->uc_stack = (struct lx_sigaltstack){
		.ss_sp = thread->altstack.sp, .ss_flags = thread->altstack.flags, .ss_size = thread->altstack.size};
	save_registers(&ucontext->uc_mcontext, registers);
	ucontext->uc_mcontext.err = thread->last_fault.error_code;
	ucontext->uc_mcontext.trapno = thread->last_fault.trap_number;
	ucontext->uc_mcontext.cr2 = thread->last_fault.address;
	ucontext->uc_mcontext.oldmask = delivery->return_mask.bits;
	ucontext->uc_sigmask = delivery->return_mask;
	ucontext->uc_mcontext.fpstate = extended_state;
	if (delivery->action.sa_flags & LX_SA_SIGINFO)
		frame->info = delivery->info;
}

/* Where the frame goes; 0: it would run off the alternate stack. */
static uint64_t place_frame(struct lx_thread *thread, const struct lx_sigaction *action, uint64_t sp,
			    uint64_t state_size, uint64_t *extended_state)
{
	bool nested, entering = false;

	sp -= RED_ZONE;
	nested = lx_on_altstack(thread, sp);
	if ((action->sa_flags & LX_SA_ONSTACK) && lx_altstack_flags(thread, sp) == 0) {
		sp = thread->altstack.sp + thread->altstack.size;
		entering = true;
	}
	*extended_state = ALIGN_DOWN(sp - state_size, 64);
	sp = ALIGN_DOWN(*extended_state - sizeof(struct lx_rt_sigframe), 16) - 8;
	if ((nested || entering) && !altstack_holds(thread, sp))
		return 0;
	return sp;
}

static void enter(struct pico_registers *registers, const struct lx_delivery *delivery, uint64_t frame)
{
	registers->rdi = (uint64_t)delivery->info.si_signo;
	registers->rsi = frame + offsetof(struct lx_rt_sigframe, info);
	registers->rdx = frame + offsetof(struct lx_rt_sigframe, uc);
	registers->rax = 0;
	registers->rip = delivery->action.sa_handler;
	registers->rsp = frame;
	registers->cs = USER_CS;
	registers->ss = USER_SS;
	registers->eflags &= ~(FLAG_DF | FLAG_RF | FLAG_TF);
}

bool lx_frame_push(struct lx_thread *thread, const struct lx_delivery *delivery, struct pico_registers *registers)
{
	struct mm_address_space *space = thread->process->ps->space;
	int64_t state_size = lx_xstate_frame_size();
	uint8_t image[LX_XSTATE_FRAME_MAXIMUM];
	uint64_t address, extended_state;
	struct lx_rt_sigframe frame;

	if (!(delivery->action.sa_flags & LX_SA_RESTORER) || state_size < 0 || state_size > (int64_t)sizeof(image))
		return false;
	address = place_frame(thread, &delivery->action, registers->rsp, (uint64_t)state_size, &extended_state);
	if (!address || lx_xstate_save(thread, image, (size_t)state_size))
		return false;
	fill_frame(thread, delivery, registers, extended_state, &frame);
	if (mm_copy_to(space, extended_state, image, (size_t)state_size) != (size_t)state_size ||
	    mm_copy_to(space, address, &frame, sizeof(frame)) != sizeof(frame))
		return false;
	if (lx_xstate_reset(thread))
		return false;
	enter(registers, delivery, address);
	return true;
}

static void restore_registers(struct pico_registers *registers, const struct lx_sigcontext *context)
{
	registers->r8 = context->r8, registers->r9 = context->r9, registers->r10 = context->r10;
	registers->r11 = context->r11, registers->r12 = context->r12, registers->r13 = context->r13;
	registers->r14 = context->r14, registers->r15 = context->r15;
	registers->rdi = context->rdi, registers->rsi = context->rsi, registers->rbp = context->rbp;
	registers->rbx = context->rbx, registers->rdx = context->rdx, registers->rax = context->rax;
	registers->rcx = context->rcx, registers->rsp = context->rsp, registers->rip = context->rip;
	registers->eflags = (registers->eflags & ~FLAGS_RESTORED) | (context->eflags & FLAGS_RESTORED);
	registers->cs = context->cs | 3u;
	registers->ss = USER_SS;
	registers->orig_rax = UINT64_MAX;
}

/*
 * User mode has the two code segments and one for the stack: the way back to user mode would fault on any other. Who does
 * not ask for a strict stack segment gets the right one.
 */
static bool has_user_segments(const struct lx_ucontext *ucontext)
{
	uint32_t code = ucontext->uc_mcontext.cs | 3u;

	return (code == USER_CS || code == USER_CS_COMPAT) &&
	       (!(ucontext->uc_flags & UC_STRICT_RESTORE_SS) || (ucontext->uc_mcontext.ss | 3u) == USER_SS);
}

/* sigreturn's sigaltstack: what it can't set it leaves as it is. */
static void restore_altstack(struct lx_thread *thread, const struct lx_sigaltstack *stack, uint64_t sp)
{
	uint32_t mode = stack->ss_flags & ~LX_SS_AUTODISARM;

	if (lx_on_altstack(thread, sp) || (mode != LX_SS_DISABLE && mode != LX_SS_ONSTACK && mode != 0))
		return;
	if (mode == LX_SS_DISABLE) {
		thread->altstack.sp = thread->altstack.size = 0;
	} else if (stack->ss_size >= LX_MINSIGSTKSZ) {
		thread->altstack.sp = stack->ss_sp;
		thread->altstack.size = stack->ss_size;
	} else {
		return;
	}
	thread->altstack.flags = stack->ss_flags;
}

static int64_t bad_frame(struct lx_call *call)
{
	struct lx_siginfo info = {.si_signo = LX_SIGSEGV, .si_code = LX_SI_KERNEL};

	lx_signal_force(call->thread, &info);
	return 0;
}

int64_t lx_sys_rt_sigreturn(struct lx_call *call)
{
	struct lx_thread *thread = call->thread;
	struct pico_thread *pico = thread->ps->pico;
	struct pico_registers registers;
	struct lx_ucontext ucontext;
	uint64_t frame;

	if (ps_platform()->get_registers(pico, &registers))
		return bad_frame(call);
	/* A handler ran: what it interrupted is not gone on with any more. */
	thread->restart = NULL;
	/* The handler's return popped the return address. */
	frame = registers.rsp - sizeof(uint64_t);
	if (lx_in_ucontext(call, &ucontext, lx_uptr(frame + offsetof(struct lx_rt_sigframe, uc))))
		return bad_frame(call);
	rtl_lock(&thread->process->signal_lock);
	lx_signal_set_blocked(thread, ucontext.uc_sigmask.bits);
	rtl_unlock(&thread->process->signal_lock);
	/* On the handler's stack still: one that was armed plainly meanwhile is in use, and stays. */
	restore_altstack(thread, &ucontext.uc_stack, registers.rsp);
	if (!has_user_segments(&ucontext))
		return bad_frame(call);
	restore_registers(&registers, &ucontext.uc_mcontext);
	if (lx_xstate_restore(thread, ucontext.uc_mcontext.fpstate))
		return bad_frame(call);
	if (ps_platform()->set_registers(pico, &registers))
		return bad_frame(call);
	call->trap->action = PICO_REGISTERS;
	/* What the program had in rax must not be taken for a call to be made again. */
	return lx_is_restart((int64_t)registers.rax) ? 0 : (int64_t)registers.rax;
}
