/* Names of areas ("[vdso]", PR_SET_VMA_ANON_NAME): split areas share one text, so splitting allocates nothing. */
#include <executive/mm/space.h>

struct mm_name {
	_Atomic uint32_t references;
	char text[];
};

char *mm_name_create(const char *text)
{
	size_t size = strlen(text) + 1;
	struct mm_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	name->references = 1;
	memcpy(name->text, text, size);
	return name->text;
}

char *mm_name_reference(char *text)
{
	if (text)
		container_of(text, struct mm_name, text)->references++;
	return text;
}

void mm_name_dereference(char *text)
{
	struct mm_name *name;

	if (!text)
		return;
	name = container_of(text, struct mm_name, text);
	if (--name->references == 0)
		free(name);
}
