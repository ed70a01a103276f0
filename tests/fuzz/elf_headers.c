/* libFuzzer's target for the ELF loader's reading of headers: the file is what the fuzzer makes of it. */
#include <exec/exec_image.h>

static const uint8_t *bytes;
static size_t byte_count;

int64_t exec_read(struct exec_file *file, uint64_t offset, void *data, size_t size)
{
	size_t got = offset >= byte_count ? 0 : MIN_OF(size, byte_count - offset);

	if (got)
		memcpy(data, bytes + offset, got);
	return (int64_t)got;
}

int64_t exec_fail(const struct exec_reason *reason, int64_t error, const char *format, ...)
{
	return error;
}

const struct pico_platform *ps_platform(void)
{
	static const struct pico_platform platform = {.highest_address = 0x7ffffffff000};

	return &platform;
}

/* What the mapping of segments relies on. */
static void check(const struct exec_elf *elf)
{
	if (elf->load_error)
		return;
	for (unsigned i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_filesz > segment->p_memsz || segment->p_vaddr + segment->p_memsz > ps_platform()->highest_address ||
		    segment->p_vaddr < elf->lowest || segment->p_vaddr + segment->p_memsz > elf->highest)
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct exec_reason silent;
	static struct exec_file file = {.path = "fuzzed"};
	struct exec_elf elf;

	bytes = data;
	byte_count = size;
	if (exec_parse_elf(&file, &elf, &silent) == 0)
		check(&elf);
	return 0;
}
