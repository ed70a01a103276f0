/* libFuzzer's target for the table generator: one of the tables is what the fuzzer makes of it, the others are empty. */
#include "model.h"

#include <stdint.h>
#include <string.h>

static const char *const names[] = {"flags.tbl", "ntflags.tbl", "structs.tbl", "status.tbl", "services.tbl", "syscalls.tbl"};
static const char *fuzzed;
static const char *text;
static size_t text_size;

/* In the place of source_open(), by the linker. */
bool __wrap_source_open(struct source *source, const char *folder, const char *name);

bool __wrap_source_open(struct source *source, const char *folder, const char *name)
{
	bool is_it = strcmp(name, fuzzed) == 0;

	*source = (struct source){.path = name, .rest = arena_copy(is_it ? text : "", is_it ? text_size : 0)};
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model = {0};

	if (size == 0)
		return 0;
	fuzzed = names[data[0] % (sizeof(names) / sizeof(names[0]))];
	text = (const char *)data + 1;
	text_size = size - 1;
	parse_flags(&model, "", "flags.tbl");
	parse_flags(&model, "", "ioctls.tbl");
	parse_flags(&model, "", "ntflags.tbl");
	parse_structures(&model, "");
	parse_statuses(&model, "");
	parse_services(&model, "");
	parse_syscalls(&model, "");
	check_model(&model);
	arena_release();
	return 0;
}
