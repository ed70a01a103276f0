/*
 * The seccomp program of guest tasks, run in software: what SECURITY.md's table lists may run behind the stub's `syscall`
 * with the arguments that it names, and nothing else may run anywhere. permitted() is that table in C.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pico/internal.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stub_image.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT 0x1c0000ull /* as documented, not as the filter has it */
#define X32 0x40000000u
#define GUEST_IP 0x555555555000ull
#define NUMBERS 1024

static struct sock_filter *program;
static size_t length;

static int load_program(void **state)
{
	int count = pico_filter_create(&program);

	length = count > 0 ? (size_t)count : 0;
	return count > 0 ? 0 : -1;
}

static int free_program(void **state)
{
	free(program);
	return 0;
}

static bool jumps(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == at->k;
	case BPF_JGT:
		return a > at->k;
	case BPF_JGE:
		return a >= at->k;
	case BPF_JSET:
		return a & at->k;
	}
	fail_msg("jump 0x%x", at->code);
	return false;
}

/* The kernel's interpreter, for what such programs hold; all else is an error. */
static uint32_t run(const struct seccomp_data *data)
{
	uint32_t a = 0, memory[BPF_MEMWORDS] = {0};

	for (size_t i = 0; i < length; i++) {
		const struct sock_filter *at = &program[i];

		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(at->k + 4 <= sizeof(*data) && at->k % 4 == 0);
			memcpy(&a, (const char *)data + at->k, 4);
			break;
		case BPF_LD | BPF_MEM:
			a = memory[at->k];
			break;
		case BPF_ST:
			memory[at->k] = a;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			break;
		case BPF_JMP | BPF_JA:
			i += at->k;
			break;
		case BPF_RET | BPF_K:
			return at->k;
		default:
			assert_int_equal(BPF_CLASS(at->code), BPF_JMP);
			i += jumps(at, a) ? at->jt : at->jf;
		}
	}
	fail_msg("the program ends without a return");
	return 0;
}

static uint32_t ask(uint32_t architecture, uint64_t ip, unsigned number, const uint64_t *arguments)
{
	struct seccomp_data data = {.nr = (int)number, .arch = architecture, .instruction_pointer = ip};

	memcpy(data.args, arguments, sizeof(data.args));
	return run(&data);
}

static bool is_permitted_advice(uint32_t advice)
{
	static const uint32_t list[] = {MADV_NORMAL, MADV_RANDOM,   MADV_SEQUENTIAL, MADV_WILLNEED,    MADV_DONTNEED,
					8 /* FREE */, MADV_DONTFORK, MADV_DOFORK,    MADV_HUGEPAGE,    MADV_NOHUGEPAGE,
					20 /* COLD */, 21 /* PAGEOUT */, 18 /* WIPEONFORK */, 19 /* KEEPONFORK */};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == advice)
			return true;
	return false;
}

/* SECURITY.md's table. Descriptors, options and advice are ints. */
static bool permitted(unsigned number, const uint64_t *a)
{
	uint32_t first = (uint32_t)a[0], second = (uint32_t)a[1];

	switch (number) {
	case SYS_mmap:
		return a[0] >= LIMIT && !(a[3] & (MAP_LOCKED | MAP_HUGETLB));
	case SYS_munmap:
	case SYS_mprotect:
		return a[0] >= LIMIT;
	case SYS_madvise:
		return a[0] >= LIMIT && is_permitted_advice((uint32_t)a[2]);
	case SYS_close:
		return first < 16 || first == 17;
	case SYS_recvmsg:
		return first == 17 && a[2] & MSG_DONTWAIT;
	case SYS_dup2:
		return first == 0 && second == 17;
	case SYS_read:
		return first == 16;
	case SYS_prctl:
		return (first == PR_SET_PDEATHSIG && a[1] == 9) || first == PR_SET_NAME;
	case SYS_restart_syscall:
	case SYS_exit:
		return true;
	}
	return false;
}

/* Values at the edges of every rule, in every argument that a rule looks at. */
static const uint64_t edges[] = {0, 1, 8, 9, 15, 16, 17, 18, 25, 63, 64, 65, 66, LIMIT - 1, LIMIT, LIMIT + 1, 0x120000,
				 MAP_LOCKED, MAP_HUGETLB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 1ull << 32, (1ull << 32) | 16, (1ull << 32) | 17,
				 (1ull << 32) | 9, 0x7fffffff, 0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static unsigned judge(unsigned number, const uint64_t *arguments)
{
	uint32_t expected = permitted(number, arguments) ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE | PICO_COOKIE_STUB;
	uint32_t answer = ask(AUDIT_ARCH_X86_64, PICO_CALL_RETURN, number, arguments);

	if (answer != expected)
		fail_msg("call %u (0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx): 0x%x instead of 0x%x", number, arguments[0], arguments[1], arguments[2],
			 arguments[3], arguments[4], answer, expected);
	return answer == SECCOMP_RET_ALLOW;
}

static void stub_policy_is_the_documented_table(void **state)
{
	unsigned allowed = 0;

	for (unsigned number = 0; number < NUMBERS; number++)
		for (size_t i = 0; i < EDGES; i++)
			for (size_t j = 0; j < EDGES; j++) {
				const uint64_t both[6] = {edges[i], edges[j], edges[j], edges[j], edges[j], edges[j]};

				allowed += judge(number, both);
			}
	assert_true(allowed > 0);
}

static void advice_beyond_the_list_traps(void **state)
{
	for (uint64_t advice = 0; advice < 300; advice++) {
		const uint64_t plain[6] = {LIMIT, 4096, advice}, dirty[6] = {LIMIT, 4096, advice | 0xabcd00000000};

		judge(SYS_madvise, plain);
		judge(SYS_madvise, dirty);
	}
}

static void random_arguments_agree_with_the_table(void **state)
{
	static const unsigned listed[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_close, SYS_recvmsg, SYS_dup2,
					  SYS_read, SYS_prctl,	SYS_restart_syscall, SYS_exit, SYS_execve, SYS_clone, SYS_openat};
	unsigned seed = 4711;

	for (unsigned round = 0; round < 200000; round++) {
		uint64_t arguments[6];

		for (size_t i = 0; i < 6; i++) {
			uint64_t wide = (uint64_t)rand_r(&seed) << 40 ^ (uint64_t)rand_r(&seed) << 16 ^ (uint64_t)rand_r(&seed);

			arguments[i] = rand_r(&seed) % 2 ? edges[(unsigned)rand_r(&seed) % EDGES] : wide >> rand_r(&seed) % 64;
		}
		judge(listed[(unsigned)rand_r(&seed) % (sizeof(listed) / sizeof(listed[0]))], arguments);
	}
}

static void everything_outside_the_stub_traps(void **state)
{
	static const uint64_t elsewhere[] = {GUEST_IP, 0, PICO_CALL_RETURN - 2, PICO_CALL_RETURN - 1, PICO_CALL_RETURN + 1, PICO_CALL_RETURN + 2,
					     PICO_CALL_RETURN | 1ull << 32, PICO_CALL_RETURN | 1ull << 63, PICO_CALL_RETURN << 32, PICO_STUB_BATCH,
					     0xffffffffff600002ull};

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		for (unsigned number = 0; number < NUMBERS; number++)
			for (size_t j = 0; j < EDGES; j++) {
				const uint64_t arguments[6] = {edges[j], edges[j], edges[j], edges[j], edges[j], edges[j]};

				assert_int_equal(ask(AUDIT_ARCH_X86_64, elsewhere[i], number, arguments), SECCOMP_RET_TRACE | PICO_COOKIE_GUEST);
			}
}

static void foreign_entries_trap_with_cookies_of_their_own(void **state)
{
	static const uint64_t arguments[6] = {64, 65, 0, 0, LIMIT, 0};

	for (unsigned number = 0; number < NUMBERS; number++) {
		assert_int_equal(ask(AUDIT_ARCH_I386, GUEST_IP, number, arguments), SECCOMP_RET_TRACE | PICO_COOKIE_GUEST_FOREIGN);
		assert_int_equal(ask(AUDIT_ARCH_I386, PICO_CALL_RETURN, number, arguments), SECCOMP_RET_TRACE | PICO_COOKIE_STUB_FOREIGN);
		assert_int_equal(ask(AUDIT_ARCH_X86_64, GUEST_IP, number | X32, arguments), SECCOMP_RET_TRACE | PICO_COOKIE_GUEST_FOREIGN);
		assert_int_equal(ask(AUDIT_ARCH_X86_64, PICO_CALL_RETURN, number | X32, arguments), SECCOMP_RET_TRACE | PICO_COOKIE_STUB_FOREIGN);
	}
}

/* A number that is no call's (the stub's own included) is never run either. */
static void numbers_of_no_call_trap(void **state)
{
	static const unsigned numbers[] = {PICO_CALL_DONE, 0x3fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	static const uint64_t arguments[6] = {0};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(ask(AUDIT_ARCH_X86_64, PICO_CALL_RETURN, numbers[i], arguments) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_TRACE);
		assert_int_equal(ask(AUDIT_ARCH_X86_64, GUEST_IP, numbers[i], arguments) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_TRACE);
	}
}

static void note_row(char *row, bool *named)
{
	char *cell = strtok(row, "|"), *name;

	for (name = strtok(cell, " ,"); name; name = strtok(NULL, " ,")) {
		int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);

		if (number < 0 || number >= NUMBERS)
			fail_msg("the table names \"%s\"", name);
		named[number] = true;
	}
}

/* The document and permitted() name the same calls. */
static void document_names_what_is_permitted(void **state)
{
	static const uint64_t good[][6] = {{LIMIT, 17, 0, 0, LIMIT, 0}, {0, 17}, {16}, {17, 0, MSG_DONTWAIT}, {PR_SET_NAME}};
	bool named[NUMBERS] = {false}, inside = false;
	FILE *document = fopen(SECURITY_DOCUMENT, "re");
	char line[512];

	assert_non_null(document);
	while (fgets(line, sizeof(line), document)) {
		if (inside && line[0] != '|')
			break;
		if (inside && line[1] != '-')
			note_row(line, named);
		inside = inside || strncmp(line, "| call |", 8) == 0;
	}
	fclose(document);
	assert_true(inside);
	for (unsigned number = 0; number < NUMBERS; number++) {
		bool some = false;

		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
			some = some || permitted(number, good[i]);
		if (some != named[number])
			fail_msg("call %u: %s the document", number, some ? "permitted, but not in" : "not permitted, but in");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stub_policy_is_the_documented_table),
		cmocka_unit_test(advice_beyond_the_list_traps),
		cmocka_unit_test(random_arguments_agree_with_the_table),
		cmocka_unit_test(everything_outside_the_stub_traps),
		cmocka_unit_test(foreign_entries_trap_with_cookies_of_their_own),
		cmocka_unit_test(numbers_of_no_call_trap),
		cmocka_unit_test(document_names_what_is_permitted),
	};

	return cmocka_run_group_tests_name("filter", tests, load_program, free_program);
}
