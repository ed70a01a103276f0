/*
 * The initial stack, byte for byte as Linux lays it out: from the top a null
 * word, the executed name, the environment's and the arguments' strings, the
 * platform's name, sixteen random bytes, then auxv, envp, argv and argc.
 */
#include <core/thread.h>
#include <exec/exec_image.h>

#include <executive/ex/random.h>
#include <sys/auxv.h>

#define AUXV_MAX 24
#define CLOCK_TICKS 100

struct stack_builder {
	uint8_t *bytes; /* the image of [base, top) */
	uint64_t base, top, at;
};

/* The part of the image that `size` bytes below `at` occupy; NULL: no room left. */
static void *push(struct stack_builder *stack, const void *data, size_t size)
{
	if (stack->at - stack->base < size)
		return NULL;
	stack->at -= size;
	if (data)
		memcpy(stack->bytes + (stack->at - stack->base), data, size);
	return stack->bytes + (stack->at - stack->base);
}

static size_t vector_size(char *const *vector, size_t *count)
{
	size_t size = 0;

	for (*count = 0; vector[*count]; (*count)++)
		size += strlen(vector[*count]) + 1;
	return size;
}

/* Strings in ascending order below `at`; where they begin, or 0. */
static uint64_t push_strings(struct stack_builder *stack, char *const *vector, size_t size)
{
	char *next = push(stack, NULL, size);

	if (!next)
		return 0;
	for (size_t i = 0; vector[i]; i++)
		next = (char *)memcpy(next, vector[i], strlen(vector[i]) + 1) + strlen(vector[i]) + 1;
	return stack->at;
}

struct auxiliary {
	uint64_t entries[AUXV_MAX][2];
	size_t count;
};

static void add(struct auxiliary *auxv, uint64_t type, uint64_t value)
{
	auxv->entries[auxv->count][0] = type;
	auxv->entries[auxv->count++][1] = value;
}

static void describe_machine(struct auxiliary *auxv)
{
	if (ps_platform()->vdso_address)
		add(auxv, AT_SYSINFO_EHDR, ps_platform()->vdso_address);
	if (hal_auxiliary(AT_MINSIGSTKSZ))
		add(auxv, AT_MINSIGSTKSZ, hal_auxiliary(AT_MINSIGSTKSZ));
	add(auxv, AT_HWCAP, hal_auxiliary(AT_HWCAP));
	add(auxv, AT_PAGESZ, LX_PAGE_SIZE);
	add(auxv, AT_CLKTCK, CLOCK_TICKS);
}

static void describe_program(struct auxiliary *auxv, const struct exec_elf *elf, uint64_t interpreter_base)
{
	add(auxv, AT_PHDR, elf->headers_address + elf->bias);
	add(auxv, AT_PHENT, sizeof(Elf64_Phdr));
	add(auxv, AT_PHNUM, elf->header.e_phnum);
	add(auxv, AT_BASE, interpreter_base);
	add(auxv, AT_FLAGS, 0);
	add(auxv, AT_ENTRY, elf->header.e_entry + elf->bias);
}

static void describe_identity(struct auxiliary *auxv, const struct se_token *token)
{
	add(auxv, AT_UID, token->ruid);
	add(auxv, AT_EUID, token->euid);
	add(auxv, AT_GID, token->rgid);
	add(auxv, AT_EGID, token->egid);
	add(auxv, AT_SECURE, 0); /* set-id bits are ignored */
}

/* The vectors' addresses are known only now: fill argc, argv, envp, auxv from the bottom up. */
static void push_vectors(struct stack_builder *stack, const struct auxiliary *auxv, char *const *argv, uint64_t arguments, size_t argc,
			 char *const *envp, uint64_t environment, size_t envc)
{
	size_t words = 1 + argc + 1 + envc + 1;
	uint64_t *next;

	/* argc is 16-byte aligned, and nothing lies between the vectors: what is left over goes above them. */
	stack->at = ALIGN_DOWN(stack->at, 16) - words % 2 * 8;
	push(stack, auxv->entries, auxv->count * sizeof(auxv->entries[0]));
	next = push(stack, NULL, words * 8);
	*next++ = argc;
	for (size_t i = 0; i < argc; arguments += strlen(argv[i++]) + 1)
		*next++ = arguments;
	*next++ = 0;
	for (size_t i = 0; i < envc; environment += strlen(envp[i++]) + 1)
		*next++ = environment;
	*next = 0;
}

static int64_t write_stack(const struct stack_builder *stack, struct mm_address_space *space)
{
	size_t size = stack->top - stack->at;

	return mm_copy_to(space, stack->at, stack->bytes + (stack->at - stack->base), size) == size ? 0 : -LX_EFAULT;
}

int64_t exec_build_stack(struct lx_call *call, const struct exec_layout *layout, const struct exec_elf *elf, uint64_t interpreter_base,
			 const struct exec_strings *strings, struct lx_exec_image *image)
{
	static const char platform[] = "x86_64";
	size_t argc, envc, arguments = vector_size(strings->argv, &argc), environment = vector_size(strings->envp, &envc);
	size_t total = ALIGN_UP(arguments + environment + strlen(strings->execfn) + (argc + envc) * 8 + 4096, 16);
	cleanup_free uint8_t *bytes = calloc(1, total);
	struct stack_builder stack = {bytes, layout->stack_top - total, layout->stack_top, layout->stack_top};
	struct auxiliary auxv = {.count = 0};
	uint64_t name, machine;
	uint8_t seed[16];

	if (!bytes)
		return -LX_ENOMEM;
	if (total > (layout->stack_top - layout->stack_low) * 3 / 4)
		return -LX_E2BIG;
	push(&stack, &(uint64_t){0}, sizeof(uint64_t));
	push(&stack, strings->execfn, strlen(strings->execfn) + 1);
	describe_machine(&auxv);
	describe_program(&auxv, elf, interpreter_base);
	describe_identity(&auxv, call->thread->token);
	name = stack.at;
	image->env_end = stack.at;
	image->env_start = image->arg_end = push_strings(&stack, strings->envp, environment);
	image->arg_start = push_strings(&stack, strings->argv, arguments);
	push(&stack, platform, sizeof(platform));
	machine = stack.at;
	ex_random(seed, sizeof(seed));
	push(&stack, seed, sizeof(seed));
	add(&auxv, AT_RANDOM, stack.at);
	add(&auxv, AT_HWCAP2, hal_auxiliary(AT_HWCAP2));
	add(&auxv, AT_EXECFN, name);
	add(&auxv, AT_PLATFORM, machine);
	add(&auxv, AT_NULL, 0);
	push_vectors(&stack, &auxv, strings->argv, image->arg_start, argc, strings->envp, image->env_start, envc);
	image->auxv_size = auxv.count * sizeof(auxv.entries[0]);
	memcpy(image->auxv, auxv.entries, image->auxv_size);
	image->registers = (struct pico_registers){.rsp = stack.at, .cs = 0x33, .ss = 0x2b, .eflags = 0x202};
	image->stack_start = stack.at;
	return write_stack(&stack, layout->space);
}
