/* Names and texts of the guest's error numbers. */
#include <lx/errno.h>

#include <stddef.h>

struct error {
	int number;
	const char *name;
	const char *text;
};

static const struct error errors[] = {
#define ERROR_ROW(NAME, number, text) {number, #NAME, text},
    LX_ERRNO_LIST(ERROR_ROW) LX_RESTART_LIST(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error *find_error(int number)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == number)
			return &errors[i];
	return NULL;
}

const char *lx_errno_name(int number)
{
	const struct error *error = find_error(number);

	return error ? error->name : NULL;
}

const char *lx_errno_text(int number)
{
	const struct error *error = find_error(number);

	return error ? error->text : NULL;
}
