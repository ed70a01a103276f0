/*
 * The seccomp program of guest tasks.
 *
 * Two policies made by libseccomp stand behind a head of our own that tests the
 * instruction pointer, which libseccomp can't express: calls from the stub's
 * one `syscall` instruction get the stub policy, all others the guest policy.
 * Both trap what they don't list (never kill: after a trap the kernel runs the
 * filter again with what the supervisor put in place). The stub policy lists
 * only what hostile code may do too: see SECURITY.md.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

#define INT_ARGUMENT 0xffffffffUL

static int allow(scmp_filter_ctx policy, int number, unsigned count, const struct scmp_arg_cmp *rules)
{
	return seccomp_rule_add_array(policy, SCMP_ACT_ALLOW, number, count, rules);
}

/* Not mremap: with the privilege to lock memory it makes locked areas grow, which Mm alone may. */
static int allow_memory_calls(scmp_filter_ctx policy)
{
	static const unsigned long advice[] = {MADV_NORMAL, MADV_RANDOM,   MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
					       MADV_FREE,   MADV_DONTFORK, MADV_DOFORK,	    MADV_HUGEPAGE, MADV_NOHUGEPAGE,
					       MADV_COLD,   MADV_PAGEOUT,  MADV_WIPEONFORK, MADV_KEEPONFORK};
	const struct scmp_arg_cmp low = SCMP_A0(SCMP_CMP_GE, PICO_LIMIT);
	const struct scmp_arg_cmp map[] = {low, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_LOCKED | MAP_HUGETLB, 0)};
	int error = allow(policy, SCMP_SYS(mmap), 2, map);

	error = error ?: allow(policy, SCMP_SYS(munmap), 1, &low);
	error = error ?: allow(policy, SCMP_SYS(mprotect), 1, &low);
	for (size_t i = 0; !error && i < sizeof(advice) / sizeof(advice[0]); i++) {
		const struct scmp_arg_cmp rules[] = {low, SCMP_A2(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, advice[i])};

		error = allow(policy, SCMP_SYS(madvise), 2, rules);
	}
	return error;
}

static int allow_descriptor_calls(scmp_filter_ctx policy)
{
	const struct scmp_arg_cmp granted = SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT & ~(PICO_GRANT_LIMIT - 1UL), 0);
	/* Never blocking: a batch that a guest has rewritten must come to its end. */
	const struct scmp_arg_cmp grant[] = {SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PICO_GRANT_FD),
					     SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_DONTWAIT, MSG_DONTWAIT)};
	const struct scmp_arg_cmp park = SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PICO_PARK_FD);
	const struct scmp_arg_cmp replace[] = {SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, 0),
					       SCMP_A1(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PICO_GRANT_FD)};
	const struct scmp_arg_cmp socket = SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PICO_GRANT_FD);
	int error = allow(policy, SCMP_SYS(close), 1, &granted);

	error = error ?: allow(policy, SCMP_SYS(close), 1, &socket);
	error = error ?: allow(policy, SCMP_SYS(recvmsg), 2, grant);
	error = error ?: allow(policy, SCMP_SYS(dup2), 2, replace);
	return error ?: allow(policy, SCMP_SYS(read), 1, &park);
}

static int allow_task_calls(scmp_filter_ctx policy)
{
	const struct scmp_arg_cmp death[] = {SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PR_SET_PDEATHSIG), SCMP_A1(SCMP_CMP_EQ, 9)};
	const struct scmp_arg_cmp name = SCMP_A0(SCMP_CMP_MASKED_EQ, INT_ARGUMENT, PR_SET_NAME);
	int error = allow(policy, SCMP_SYS(prctl), 2, death);

	error = error ?: allow(policy, SCMP_SYS(prctl), 1, &name);
	error = error ?: allow(policy, SCMP_SYS(restart_syscall), 0, NULL);
	return error ?: allow(policy, SCMP_SYS(exit), 0, NULL);
}

/* What libseccomp writes goes through a pipe, on which no limit of file sizes acts. A length in instructions or -errno. */
static int export_program(scmp_filter_ctx policy, struct sock_filter *program)
{
	int ends[2], error;
	ssize_t size = 0;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	error = seccomp_export_bpf(policy, ends[1]);
	if (!error)
		size = read(ends[0], program, PICO_FILTER_MAX);
	close(ends[0]);
	close(ends[1]);
	return error ?: size < 0 ? -errno : (int)((size_t)size / sizeof(*program));
}

/* A policy as BPF; its length in instructions or -errno. */
static int export_policy(unsigned cookie, unsigned foreign_cookie, bool stub, struct sock_filter *program)
{
	scmp_filter_ctx policy = seccomp_init(SCMP_ACT_TRACE(cookie));
	int result = policy ? seccomp_attr_set(policy, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRACE(foreign_cookie)) : -ENOMEM;

	if (!result && stub)
		result = allow_memory_calls(policy) ?: allow_descriptor_calls(policy) ?: allow_task_calls(policy);
	if (!result)
		result = export_program(policy, program);
	if (policy)
		seccomp_release(policy);
	return result;
}

static int join_programs(const struct sock_filter *guest, int guest_length, const struct sock_filter *stub, int stub_length,
			 struct sock_filter **program)
{
	const unsigned ip = offsetof(struct seccomp_data, instruction_pointer);
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)PICO_CALL_RETURN, 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_JMP | BPF_JA, (unsigned)guest_length),
	};
	size_t guest_size = (size_t)guest_length * sizeof(*guest), stub_size = (size_t)stub_length * sizeof(*stub);
	size_t size = sizeof(head) + guest_size + stub_size;

	if (size > PICO_FILTER_MAX)
		return -E2BIG;
	*program = malloc(size);
	if (!*program)
		return -ENOMEM;
	memcpy(*program, head, sizeof(head));
	memcpy((char *)*program + sizeof(head), guest, guest_size);
	memcpy((char *)*program + sizeof(head) + guest_size, stub, stub_size);
	return (int)(size / sizeof(**program));
}

int pico_filter_create(struct sock_filter **program)
{
	struct sock_filter guest[PICO_FILTER_MAX / sizeof(**program)], stub[PICO_FILTER_MAX / sizeof(**program)];
	int guest_length = export_policy(PICO_COOKIE_GUEST, PICO_COOKIE_GUEST_FOREIGN, false, guest);
	int stub_length = export_policy(PICO_COOKIE_STUB, PICO_COOKIE_STUB_FOREIGN, true, stub);

	if (guest_length < 0 || stub_length < 0)
		return guest_length < 0 ? guest_length : stub_length;
	return join_programs(guest, guest_length, stub, stub_length, program);
}
