/*
 * int64_t hal_alertable_syscall(const uint32_t *token, long number, const uint64_t arguments[6])
 *
 * The system call is entered only if the token is not set. Between the test and
 * the instruction a signal may arrive: its handler (park.c) moves an instruction
 * pointer in [hal_alertable_begin, hal_alertable_end) to hal_alertable_abort, so
 * that no wake is lost. A call that the kernel would restart is in that range
 * too, since the instruction pointer is then set back to the `syscall`.
 */
	.text
	.globl hal_alertable_syscall, hal_alertable_begin, hal_alertable_end, hal_alertable_abort
	.type hal_alertable_syscall, @function
hal_alertable_syscall:
	.cfi_startproc
	mov %rdi, %r11
	mov %rsi, %rax
	mov %rdx, %rcx
	mov 0(%rcx), %rdi
	mov 8(%rcx), %rsi
	mov 16(%rcx), %rdx
	mov 24(%rcx), %r10
	mov 32(%rcx), %r8
	mov 40(%rcx), %r9
hal_alertable_begin:
	cmpl $1, (%r11)
	je hal_alertable_abort
	syscall
hal_alertable_end:
	ret
hal_alertable_abort:
	mov $-4, %rax /* -EINTR */
	ret
	.cfi_endproc
	.size hal_alertable_syscall, . - hal_alertable_syscall

/* The handler's way back: it is installed without the C library, which sanitizers wrap. */
	.globl hal_signal_return
	.type hal_signal_return, @function
	nop
hal_signal_return:
	mov $15, %eax /* rt_sigreturn */
	syscall
	.size hal_signal_return, . - hal_signal_return

	.section .note.GNU-stack, "", @progbits
