/*
 * The stub: the only code of lxrun's in a guest. It holds the one `syscall`
 * instruction whose address the filter knows; every call goes through it with
 * the continuation in rbx. It uses no stack and trusts no memory; guest code may
 * jump anywhere into it, so nothing here may do what the filter does not allow
 * to hostile code.
 */
#include "layout.h"

	.text
	.globl stub_start
stub_start:
	/* The template's start: scratch, filter, park. Runs once, before any filter. */
	mov	$9, %eax			/* mmap */
	mov	$PICO_SCRATCH_BASE, %edi
	mov	$(PICO_SCRATCH_END - PICO_SCRATCH_BASE), %esi
	mov	$3, %edx			/* PROT_READ | PROT_WRITE */
	mov	$0x4032, %r10d			/* MAP_PRIVATE | ANONYMOUS | FIXED | NORESERVE */
	mov	$-1, %r8
	xor	%r9d, %r9d
	lea	1f(%rip), %rbx
	jmp	call_site
1:	cmp	$PICO_SCRATCH_BASE, %rax
	jne	stub_exit
	xor	%eax, %eax			/* read the filter program */
	mov	$PICO_FILTER_FD, %edi
	mov	$(PICO_SCRATCH_BASE + 64), %esi
	mov	$PICO_FILTER_MAX, %edx
	lea	2f(%rip), %rbx
	jmp	call_site
2:	test	%rax, %rax
	jle	stub_exit
	shr	$3, %rax			/* struct sock_fprog: length in instructions, pointer */
	mov	$PICO_SCRATCH_BASE, %edx
	mov	%rax, (%rdx)
	movq	$(PICO_SCRATCH_BASE + 64), 8(%rdx)
	mov	$317, %eax			/* seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) */
	mov	$1, %edi
	xor	%esi, %esi
	lea	3f(%rip), %rbx
	jmp	call_site
3:	test	%rax, %rax
	jnz	stub_exit
	mov	$3, %eax			/* close */
	mov	$PICO_FILTER_FD, %edi
	lea	stub_done(%rip), %rbx		/* traced since the filter was handed over: stops there */
	jmp	call_site

	/* Where tasks are born and wait to be seized. No retry: whatever ends the read ends the task. */
	.globl stub_park
stub_park:
	mov	$157, %eax			/* prctl(PR_SET_PDEATHSIG, SIGKILL) */
	mov	$1, %edi
	mov	$9, %esi
	lea	1f(%rip), %rbx
	jmp	call_site
1:	xor	%eax, %eax			/* read(PARK_FD, scratch, 1) */
	mov	$PICO_PARK_FD, %edi
	mov	$PICO_SCRATCH_BASE, %esi
	mov	$1, %edx
	lea	stub_exit(%rip), %rbx
	jmp	call_site
	.globl stub_exit
stub_exit:
	mov	$60, %eax
	xor	%edi, %edi
	lea	stub_exit(%rip), %rbx

	.globl call_site, call_return
call_site:
	syscall
call_return:
	jmp	*%rbx

	/* A batch: r12 the next entry {number, six arguments, result}, r13 how many are left. */
	.globl stub_batch
stub_batch:
	test	%r13, %r13
	jz	stub_done
	mov	(%r12), %rax
	test	%eax, %eax			/* read: the one listed call that blocks. The guest put it there. */
	jz	stub_done
	mov	8(%r12), %rdi
	mov	16(%r12), %rsi
	mov	24(%r12), %rdx
	mov	32(%r12), %r10
	mov	40(%r12), %r8
	mov	48(%r12), %r9
	lea	1f(%rip), %rbx
	jmp	call_site
1:	mov	%rax, 56(%r12)
	add	$PICO_BATCH_ENTRY_SIZE, %r12
	dec	%r13
	jmp	stub_batch

	/*
	 * Behind an injected fork: the child parks and has the parent's socket from now on; the parent takes its new one,
	 * the message at r12, in its place. What it reports tells if it could not.
	 */
	.globl stub_after_fork
stub_after_fork:
	test	%rax, %rax
	jz	stub_park
	js	stub_report
	mov	%rax, %r13
	mov	$47, %eax			/* recvmsg */
	mov	$PICO_GRANT_FD, %edi
	mov	%r12, %rsi
	mov	$0x40000040, %edx		/* MSG_CMSG_CLOEXEC | MSG_DONTWAIT */
	lea	1f(%rip), %rbx
	jmp	call_site
1:	mov	$33, %eax			/* dup2: a wrong descriptor 0 is the work of guest threads, to their own harm */
	xor	%edi, %edi
	mov	$PICO_GRANT_FD, %esi
	lea	2f(%rip), %rbx
	jmp	call_site
2:	mov	%rax, %r12
	mov	$3, %eax			/* close */
	xor	%edi, %edi
	lea	3f(%rip), %rbx
	jmp	call_site
3:	mov	%r13, %rax
	cmp	$PICO_GRANT_FD, %r12
	je	stub_report
	bts	$PICO_FORK_UNFINISHED_BIT, %rax
	jmp	stub_report

	/* The same where a process opens its socket when it first needs one: the child must not listen on its parent's. */
	.globl stub_after_guest_fork
stub_after_guest_fork:
	test	%rax, %rax
	jnz	stub_report
	mov	$3, %eax			/* close */
	mov	$PICO_GRANT_FD, %edi
	lea	stub_park(%rip), %rbx
	jmp	call_site

	/* Behind an injected clone: the child parks, the parent reports. */
	.globl stub_after_clone
stub_after_clone:
	test	%rax, %rax
	jz	stub_park
	/* Behind a single call: report its result in rdi. */
	.globl stub_report
stub_report:
	mov	%rax, %rdi
	.globl stub_done
stub_done:
	mov	$PICO_CALL_DONE, %eax
	lea	stub_done(%rip), %rbx
	jmp	call_site

	/* Compare and swap the 32-bit word at rsi: eax expected, edx desired; reports what it held. */
	.globl stub_compare_exchange
stub_compare_exchange:
	lock cmpxchg %edx, (%rsi)
	mov	%eax, %eax
	jmp	stub_report

	.section .note.GNU-stack, "", @progbits
