/* Look-ups in the generated tables; see table.h. */
#include <core/table.h>

#include <string.h>

/* All numbers are below this. */
enum { NUMBER_LIMIT = 512 };

static const struct lx_syscall_descriptor *by_number[NUMBER_LIMIT];

/* Before main(), so that look-ups by several threads need no lock. */
__attribute__((constructor)) static void build_index(void)
{
	for (size_t i = 0; i < lx_syscall_row_count; i++) {
		const struct lx_syscall_descriptor *row = &lx_syscalls[i];

		if (row->number64 >= 0)
			by_number[row->number64] = row;
	}
}

const struct lx_syscall_descriptor *lx_syscall_by_number(uint64_t number)
{
	return (uint32_t)number < NUMBER_LIMIT ? by_number[(uint32_t)number] : NULL;
}

const struct lx_syscall_descriptor *lx_syscall_sub_row(const struct lx_syscall_descriptor *row, uint64_t selector)
{
	uint64_t value = selector & row->selector_mask;
	size_t low = 0;
	size_t high = row->sub_row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct lx_syscall_descriptor *sub_row = row->sub_rows[middle];

		if (sub_row->selector_value == value)
			return sub_row;
		if (sub_row->selector_value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct lx_syscall_descriptor *lx_syscall_for_call(uint64_t number, const uint64_t arguments[LX_MAX_ARGUMENTS])
{
	const struct lx_syscall_descriptor *row = lx_syscall_by_number(number);

	if (!row || row->selector_argument < 0)
		return row;

	const struct lx_syscall_descriptor *sub_row = lx_syscall_sub_row(row, arguments[row->selector_argument]);

	return sub_row ? sub_row : row;
}

const struct lx_syscall_descriptor *lx_syscall_by_name(const char *name)
{
	for (size_t i = 0; i < lx_syscall_count; i++)
		if (!strcmp(lx_syscalls[i].name, name))
			return &lx_syscalls[i];
	return NULL;
}

uint32_t lx_class_by_name(const char *name)
{
	static const char *const classes[] = {
#define CLASS_NAME(NAME, text) [LX_CLASS_BIT_##NAME] = (text),
	    LX_CLASS_LIST(CLASS_NAME)
#undef CLASS_NAME
	};

	/* "%stat" is the class stat, "%%stat" the class %stat: the first % only says that a class follows. */
	if (*name == '%')
		name++;
	for (unsigned i = 0; i < LX_CLASS_COUNT; i++)
		if (!strcmp(classes[i], name))
			return 1u << i;
	return 0;
}

const struct lx_vocabulary *lx_vocabulary_by_name(const char *name)
{
	for (size_t i = 0; i < lx_vocabulary_count; i++)
		if (!strcmp(lx_vocabularies[i]->name, name))
			return lx_vocabularies[i];
	return NULL;
}

const struct lx_structure *lx_structure_by_name(const char *name)
{
	for (size_t i = 0; i < lx_structure_count; i++)
		if (!strcmp(lx_structures[i]->name, name))
			return lx_structures[i];
	return NULL;
}
