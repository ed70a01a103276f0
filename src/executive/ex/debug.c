/* The debug log. */
#include <executive/ex/debug.h>

#include <stdarg.h>

static FILE *debug_output;

void ex_debug_set_output(FILE *output)
{
	debug_output = output;
}

void ex_debug_print(const char *format, ...)
{
	va_list arguments;
	char line[512];

	if (!debug_output)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	fprintf(debug_output, "lxrun: %s\n", line);
	fflush(debug_output);
}
