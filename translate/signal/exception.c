/*
 * Faults of the guest's own instructions. They arrive from the trap platform as the host describes them, are NT
 * exceptions here (what a kernel would raise to a pico provider), and become the signal that Linux sends for them.
 *
 * The signal is forced: blocked or ignored, it ends the process. What ucontext shows of the fault (trap number, error
 * code, address) is kept in the thread until the next one, as Linux keeps it.
 */
#include <core/process.h>
#include <core/thread.h>
#include <signal/exception.h>
#include <signal/signal.h>

#define TRAP_OVERFLOW 4
#define TRAP_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define ERROR_WRITE 2u
#define ERROR_FETCH 16u
#define HOST_SIGILL 4
#define HOST_SIGTRAP 5
#define HOST_SIGBUS 7
#define HOST_SIGFPE 8
#define HOST_SIGSEGV 11

/* The host's numbers are the guest's: both are x86-64 Linux. */
_Static_assert(HOST_SIGSEGV == LX_SIGSEGV && HOST_SIGBUS == LX_SIGBUS, "signal numbers");

struct exception_row {
	int host_signal, code; /* si_code; 0: any that no other row has */
	NTSTATUS status;
};

static const struct exception_row exceptions[] = {
	{HOST_SIGSEGV, LX_SI_KERNEL, STATUS_PRIVILEGED_INSTRUCTION}, /* general protection */
	{HOST_SIGSEGV, 0, STATUS_ACCESS_VIOLATION},
	{HOST_SIGBUS, LX_BUS_ADRALN, STATUS_DATATYPE_MISALIGNMENT},
	{HOST_SIGBUS, 0, STATUS_IN_PAGE_ERROR},
	{HOST_SIGFPE, LX_FPE_INTDIV, STATUS_INTEGER_DIVIDE_BY_ZERO},
	{HOST_SIGFPE, LX_FPE_INTOVF, STATUS_INTEGER_OVERFLOW},
	{HOST_SIGFPE, LX_FPE_FLTDIV, STATUS_FLOAT_DIVIDE_BY_ZERO},
	{HOST_SIGFPE, LX_FPE_FLTOVF, STATUS_FLOAT_OVERFLOW},
	{HOST_SIGFPE, LX_FPE_FLTUND, STATUS_FLOAT_UNDERFLOW},
	{HOST_SIGFPE, LX_FPE_FLTRES, STATUS_FLOAT_INEXACT_RESULT},
	{HOST_SIGFPE, 0, STATUS_FLOAT_INVALID_OPERATION},
	{HOST_SIGILL, 0, STATUS_ILLEGAL_INSTRUCTION},
	{HOST_SIGTRAP, LX_SI_KERNEL, STATUS_BREAKPOINT},
	{HOST_SIGTRAP, 0, STATUS_SINGLE_STEP},
};

static const struct {
	NTSTATUS status;
	int32_t signo;
} signals[] = {
	{STATUS_PRIVILEGED_INSTRUCTION, LX_SIGSEGV},  {STATUS_ACCESS_VIOLATION, LX_SIGSEGV},
	{STATUS_DATATYPE_MISALIGNMENT, LX_SIGBUS},    {STATUS_IN_PAGE_ERROR, LX_SIGBUS},
	{STATUS_INTEGER_DIVIDE_BY_ZERO, LX_SIGFPE},   {STATUS_INTEGER_OVERFLOW, LX_SIGFPE},
	{STATUS_FLOAT_DIVIDE_BY_ZERO, LX_SIGFPE},     {STATUS_FLOAT_OVERFLOW, LX_SIGFPE},
	{STATUS_FLOAT_UNDERFLOW, LX_SIGFPE},          {STATUS_FLOAT_INEXACT_RESULT, LX_SIGFPE},
	{STATUS_FLOAT_INVALID_OPERATION, LX_SIGFPE},  {STATUS_ILLEGAL_INSTRUCTION, LX_SIGILL},
	{STATUS_BREAKPOINT, LX_SIGTRAP},              {STATUS_SINGLE_STEP, LX_SIGTRAP},
};

static NTSTATUS exception_status(const struct pico_exception *exception)
{
	for (size_t i = 0; i < ARRAY_COUNT(exceptions); i++)
		if (exceptions[i].host_signal == exception->host_signal &&
		    (exceptions[i].code == exception->code || exceptions[i].code == 0))
			return exceptions[i].status;
	return STATUS_NONCONTINUABLE_EXCEPTION;
}

/* What has no row can't be gone past. */
static int32_t signal_of(NTSTATUS status)
{
	for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
		if (signals[i].status == status)
			return signals[i].signo;
	return LX_SIGKILL;
}

/* SIGTRAP of int3 and SIGSEGV of a protection fault carry no address. */
static void fill_info(struct lx_siginfo *info, const struct pico_exception *exception, int32_t signo)
{
	*info = (struct lx_siginfo){.si_signo = signo, .si_code = exception->code};
	if (exception->code != LX_SI_KERNEL)
		info->_sifields._sigfault._addr = exception->address;
}

/* The instruction's bytes, as far as they can be read. */
static size_t read_code(struct lx_thread *thread, uint64_t address, uint8_t *bytes, size_t size)
{
	return mm_copy_from(thread->process->ps->space, bytes, address, size);
}

/*
 * The write bit of a page fault's error code: the host doesn't show it. A page that may be read, and isn't fetched from,
 * faults only on a write; of others the instruction tells.
 */
static uint64_t complete_error_code(struct lx_thread *thread, const struct pico_exception *exception, uint64_t rip)
{
	struct mm_vad vad;
	uint8_t code[15];
	bool writes;

	if (exception->trap_number != TRAP_PAGE_FAULT || (exception->error_code & ERROR_FETCH))
		return exception->error_code;
	if (exception->host_signal == HOST_SIGSEGV && mm_query(thread->process->ps->space, exception->address, &vad) &&
	    (vad.protection & MM_PROT_READ))
		writes = true;
	else
		writes = lx_instruction_writes(code, read_code(thread, rip, code, sizeof(code)));
	return exception->error_code | (writes ? ERROR_WRITE : 0);
}

/* int 4 raises the overflow trap; every other gate that a user may not call is a protection fault at the instruction. */
static uint32_t complete_trap_number(struct lx_thread *thread, const struct pico_exception *exception, uint64_t rip)
{
	uint8_t code[2];

	if (exception->trap_number == TRAP_PROTECTION && read_code(thread, rip - 2, code, sizeof(code)) == sizeof(code) &&
	    code[0] == 0xcd && code[1] == TRAP_OVERFLOW)
		return TRAP_OVERFLOW;
	return exception->trap_number;
}

static void keep_fault(struct lx_thread *thread, const struct pico_exception *exception)
{
	struct pico_registers registers;

	if (ps_platform()->get_registers(thread->ps->pico, &registers))
		return;
	thread->last_fault.trap_number = complete_trap_number(thread, exception, registers.rip);
	thread->last_fault.error_code = complete_error_code(thread, exception, registers.rip);
	if (exception->trap_number == TRAP_PAGE_FAULT)
		thread->last_fault.address = exception->address;
}

void lx_dispatch_exception(struct ps_thread *ps, const struct pico_exception *exception)
{
	struct lx_thread *thread = ps->pico_context;
	struct lx_siginfo info;

	/* Not mapped yet: the initial stack grows as far as its limit, which may have been raised. */
	if (exception->host_signal == HOST_SIGSEGV && exception->code == LX_SEGV_MAPERR && exception->trap_number == TRAP_PAGE_FAULT &&
	    mm_grow_stack(thread->process->ps->space, exception->address))
		return;
	keep_fault(thread, exception);
	fill_info(&info, exception, signal_of(exception_status(exception)));
	lx_signal_force(thread, &info);
}
