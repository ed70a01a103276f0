/* Jumps to every byte of the stub page, and into scratch, with hostile registers: the jumper dies or returns, nobody else notices. */
#include "attack.h"

struct jump {
	uintptr_t target;
	uint64_t seed;
	int kind; /* of registers: 0 zeros, 1 random, 2 pointers to memory of ours */
};

static char playground[1 << 16] __attribute__((aligned(4096)));

static void jump(void *argument)
{
	const struct jump *to = argument;
	uint64_t state = to->seed | 1, registers[15] = {0};
	register uint64_t *base __asm__("r8") = registers; /* loaded last */

	for (size_t i = 0; i < 15 && to->kind; i++)
		registers[i] = to->kind == 1 ? next_random(&state) : (uintptr_t)playground + (next_random(&state) & 0xfff8);
	if (to->kind == 1) {
		registers[0] = next_random(&state) % 471;  /* rax: a call's number */
		registers[4] = next_random(&state) % 0x40; /* rdi */
		if (is_deadly((long)registers[0]))
			registers[4] = registers[5] = NOBODYS_PID;
	}
	__asm__ volatile("push %1\n\t"
			 "mov 0(%0), %%rax\n\tmov 8(%0), %%rbx\n\tmov 16(%0), %%rcx\n\tmov 24(%0), %%rdx\n\t"
			 "mov 32(%0), %%rdi\n\tmov 40(%0), %%rsi\n\tmov 48(%0), %%rbp\n\tmov 64(%0), %%r9\n\tmov 72(%0), %%r10\n\t"
			 "mov 80(%0), %%r11\n\tmov 88(%0), %%r12\n\tmov 96(%0), %%r13\n\tmov 104(%0), %%r14\n\tmov 112(%0), %%r15\n\t"
			 "mov 56(%0), %%r8\n\tret"
			 :
			 : "r"(base), "r"(to->target)
			 : "memory");
}

int main(void)
{
	uint64_t state = 88172645463325252;
	long count = 0;

	find_call_site();
	for (uintptr_t at = PICO_STUB_BASE; at < PICO_STUB_BASE + PICO_STUB_SIZE; at += at < PICO_STUB_BASE + 512 ? 1 : 61) {
		for (int kind = 0; kind < 3; kind++, count++) {
			struct jump to = {at, next_random(&state), kind};

			in_child(8000, jump, &to);
		}
	}
	for (uintptr_t at = PICO_SCRATCH_BASE; at < PICO_SCRATCH_END; at += 0x4321, count++) {
		struct jump to = {at, next_random(&state), 2};
		int status = in_child(1000000, jump, &to);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
			fail("jump to scratch %#lx: status %#x", (unsigned long)at, status);
	}
	return finish("jumps", count);
}
