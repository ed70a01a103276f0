/* Calls between two descriptors, on every pair of kinds. */
#include "kinds.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/syscall.h>

#define NO_OFFSET 0

static long first_offset, second_offset;

/* Which arguments are the descriptors, and the rest of them. */
static const struct pair_call {
	const char *name;
	long number;
	int first, second;
	long arguments[6];
} pair_calls[] = {
	{"sendfile", SYS_sendfile, 1, 0, {0, 0, NO_OFFSET, 16}},
	{"sendfile with offset", SYS_sendfile, 1, 0, {0, 0, (long)&first_offset, 16}},
	{"splice", SYS_splice, 0, 2, {0, NO_OFFSET, 0, NO_OFFSET, 16, SPLICE_F_NONBLOCK}},
	{"splice, blocking", SYS_splice, 0, 2, {0, NO_OFFSET, 0, NO_OFFSET, 8, 0}},
	{"splice of nothing", SYS_splice, 0, 2, {0, NO_OFFSET, 0, NO_OFFSET, 0, 0}},
	{"splice with offsets", SYS_splice, 0, 2, {0, (long)&first_offset, 0, (long)&second_offset, 16, SPLICE_F_NONBLOCK}},
	{"tee", SYS_tee, 0, 1, {0, 0, 16, SPLICE_F_NONBLOCK}},
	{"copy_file_range", SYS_copy_file_range, 0, 2, {0, NO_OFFSET, 0, NO_OFFSET, 16, 0}},
	{"copy_file_range with offsets", SYS_copy_file_range, 0, 2, {0, (long)&first_offset, 0, (long)&second_offset, 16, 0}},
};

static void try_pair(const struct pair_call *call, const struct kind *from, const struct kind *to)
{
	long arguments[6];

	if (!make_kind(from, SUBJECT) || !make_kind(to, OTHER))
		return;
	memcpy(arguments, call->arguments, sizeof(arguments));
	arguments[call->first] = SUBJECT;
	arguments[call->second] = OTHER;
	first_offset = second_offset = 0;
	note("%s: from %s to %s = ", call->name, from->name, to->name);
	note("%s\n", call_result(call->number, arguments, false));
	clean_up_kinds(from->traits | to->traits);
}

static void try_call(const void *subject)
{
	for (size_t i = 0; i < kind_count; i++)
		for (size_t j = 0; j < kind_count; j++)
			if (!(kinds[i].traits & SOCKET_KIND) && !(kinds[j].traits & SOCKET_KIND))
				try_pair(subject, &kinds[i], &kinds[j]);
}

int main(int argc, char **argv)
{
	begin_notes();
	for (size_t i = 0; i < sizeof(pair_calls) / sizeof(pair_calls[0]); i++)
		if (argc < 2 || strcmp(argv[1], pair_calls[i].name) == 0)
			try_in_child(try_call, &pair_calls[i], pair_calls[i].name);
	print_notes();
	return 0;
}
