/* Finding a program as a shell does. */
#ifndef CLI_PATH_H
#define CLI_PATH_H

#include <stddef.h>

/* The file that `name` means: itself if it has a slash, else the first executable along PATH. Always writes a path to try; 0, ENOENT or EACCES. */
int cli_find_program(const char *name, const char *search_path, char *path, size_t size);

#endif
