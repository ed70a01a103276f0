/* Finding a program as a shell does. */
#include <cli/path.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int examine(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return errno == EACCES ? EACCES : ENOENT;
	return S_ISREG(status.st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

int cli_find_program(const char *name, const char *search_path, char *path, size_t size)
{
	int error = ENOENT;

	snprintf(path, size, "%s", name);
	if (strchr(name, '/') || !*name)
		return *name ? 0 : ENOENT;
	if (!search_path)
		search_path = "/usr/local/bin:/usr/bin:/bin";
	for (const char *entry = search_path, *end;; entry = end + 1) {
		char candidate[4096];
		int found;

		end = strchrnul(entry, ':');
		if (end == entry)
			snprintf(candidate, sizeof(candidate), "./%s", name);
		else
			snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)(end - entry), entry, name);
		found = examine(candidate);
		if (found == 0 || (found == EACCES && error == ENOENT)) {
			snprintf(path, size, "%s", candidate);
			error = found;
		}
		if (found == 0 || !*end)
			return error;
	}
}
