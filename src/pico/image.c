/*
 * How the template comes by its body: the stub alone, and nothing of lxrun's.
 *
 * As a rule it execs the stub from a memory file. Where there can't be one, because the size of files is limited to less than
 * the stub's or because the host refuses what it takes, the forked child maps the stub itself and jumps there; what it still
 * has of lxrun is unmapped like the rest of what an exec leaves.
 */
#include "internal.h"
#include "stub_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <hal/hal.h>
#include <rtl/rtl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RSEQ_SIZE 32 /* as the first version of rseq(2) has it, by which the C library registers */
#define RSEQ_UNREGISTER 1
#define XSAVE_LEGACY 512
#define XSAVE_FEATURES XSAVE_LEGACY /* the first word of the header behind it */
#define XFEATURE_PKRU (1u << 9)

static bool may_exec(void)
{
	/* A willing host finds no program under an empty name. */
	return !hal_force_fallbacks() && syscall(SYS_execveat, AT_FDCWD, "", NULL, NULL, 0) < 0 && errno == ENOENT;
}

int image_open(void)
{
	int file = may_exec() ? memfd_create("lxrun-guest", MFD_CLOEXEC) : -1;

	if (file >= 0 && write(file, pico_stub_image, sizeof(pico_stub_image)) != (ssize_t)sizeof(pico_stub_image)) {
		close(file);
		return -1;
	}
	return file;
}

static const Elf64_Phdr *stub_segment(void)
{
	const Elf64_Ehdr *header = (const void *)pico_stub_image;
	const Elf64_Phdr *segment = (const void *)(pico_stub_image + header->e_phoff);

	while (segment->p_type != PT_LOAD)
		segment++;
	return segment;
}

/* What the host would write to, or look at, in memory that is to go. */
static void forget_thread(void)
{
	const stack_t none = {.ss_flags = SS_DISABLE};
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	sigaltstack(&none, NULL);
	syscall(SYS_set_robust_list, NULL, 3 * sizeof(void *));
	if (__rseq_size && syscall(SYS_rseq, area, RSEQ_SIZE, RSEQ_UNREGISTER, RSEQ_SIG) != 0)
		syscall(SYS_rseq, area, __rseq_size, RSEQ_UNREGISTER, RSEQ_SIG);
}

static _Noreturn void enter_by_hand(void)
{
	const Elf64_Phdr *segment = stub_segment();
	void *stub = (void *)PICO_STUB_BASE;

	if (mmap(stub, PICO_STUB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != stub)
		_exit(1);
	memcpy(stub, pico_stub_image + segment->p_offset, segment->p_filesz);
	forget_thread();
	prctl(PR_SET_NAME, "lxrun-guest");
	if (mprotect(stub, PICO_STUB_SIZE, PROT_READ | PROT_EXEC) != 0)
		_exit(1);
	__asm__ volatile("jmp *%0" : : "r"(PICO_STUB_START));
	__builtin_unreachable();
}

_Noreturn void image_enter(int file)
{
	static char name[] = "lxrun-guest";
	static char *const argv[] = {name, NULL}, *const envp[] = {NULL};

	if (file < 0)
		enter_by_hand();
	syscall(SYS_execveat, file, "", argv, envp, AT_EMPTY_PATH);
	_exit(1);
}

/* Without an exec, the floating-point and vector registers are still lxrun's. */
int image_reset_state(struct pico_thread *thread)
{
	cleanup_free char *state = malloc(pico_platform_ops.extended_state_size);
	int64_t size = state ? pico_get_extended_state(thread, state, pico_platform_ops.extended_state_size) : -ENOMEM;

	if (size < XSAVE_FEATURES + (int64_t)sizeof(uint64_t))
		return size < 0 ? (int)size : -EIO;
	((uint16_t *)state)[0] = 0x37f;	 /* the x87 control word of a new task */
	((uint32_t *)state)[6] = 0x1f80; /* and its mxcsr; what is not in use is as new. Keys are the host's, which lxrun leaves alone. */
	*(uint64_t *)(state + XSAVE_FEATURES) &= XFEATURE_PKRU;
	return pico_set_extended_state(thread, state, (size_t)size);
}
