/* The call table and what is generated from it: numbers, sub-rows, classes, errors, vocabularies, structures. */
#include <core/ntstatus.h>
#include <core/table.h>
#include <lx/errno.h>
#include <lx/flags.h>
#include <nt/ntobserver.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <sys/user.h>
#include <sys/utsname.h>

#include <cmocka.h>

static FILE *open_number_header(void)
{
	FILE *file = fopen("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "re");

	return file ? file : fopen("/usr/include/asm/unistd_64.h", "re");
}

static void every_call_of_the_host_headers_has_its_row(void **state)
{
	FILE *header = open_number_header();
	char line[256];
	char name[128];
	unsigned number;
	unsigned seen = 0;

	if (!header)
		skip();
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define __NR_%127s %u", name, &number) != 2)
			continue;

		const struct lx_syscall_descriptor *row = lx_syscall_by_number(number);

		assert_non_null(row);
		assert_string_equal(row->name, name);
		seen++;
	}
	fclose(header);
	assert_true(seen > 300);
}

static void no_number_name_or_index_occurs_twice(void **state)
{
	for (size_t i = 0; i < lx_syscall_count; i++) {
		const struct lx_syscall_descriptor *row = &lx_syscalls[i];

		assert_int_equal(row->index, i);
		for (size_t j = 0; j < i; j++) {
			const struct lx_syscall_descriptor *other = &lx_syscalls[j];

			assert_string_not_equal(row->name, other->name);
			if (row->parent || other->parent)
				continue;
			assert_true(row->number64 < 0 || row->number64 != other->number64);
			assert_true(row->number32 < 0 || row->number32 != other->number32);
		}
	}
}

static void numbers_up_to_6_18_are_complete(void **state)
{
	for (unsigned number = 0; number < 470; number++)
		if (number < 337 || number >= 424)
			assert_non_null(lx_syscall_by_number(number));
		else
			assert_null(lx_syscall_by_number(number));
	assert_null(lx_syscall_by_number(470));
	assert_null(lx_syscall_by_number(UINT64_MAX));
	assert_int_equal(lx_syscall_by_name("waitpid")->number32, 7);
}

static void only_32_bits_of_a_number_count(void **state)
{
	assert_string_equal(lx_syscall_by_number(0x100000001)->name, "write");
}

static void every_refusal_has_an_error_and_a_reason(void **state)
{
	for (size_t i = 0; i < lx_syscall_count; i++) {
		const struct lx_syscall_descriptor *row = &lx_syscalls[i];
		bool answers = row->status == LX_SYSCALL_FULL || row->status == LX_SYSCALL_PARTIAL;

		assert_int_equal(answers, row->refusal_errno == 0);
		if (row->status == LX_SYSCALL_REFUSED || row->status == LX_SYSCALL_PARTIAL)
			assert_true(*row->note != '\0');
	}
}

static const char *selected(uint64_t number, unsigned place, uint64_t selector)
{
	uint64_t arguments[LX_MAX_ARGUMENTS] = {0};

	arguments[place] = selector;
	return lx_syscall_for_call(number, arguments)->name;
}

static void sub_rows_are_selected_as_the_kernel_compares(void **state)
{
	assert_string_equal(selected(72, 1, LX_F_DUPFD), "fcntl:F_DUPFD");
	assert_string_equal(selected(72, 1, 0xABCD00000000 | LX_F_DUPFD_CLOEXEC), "fcntl:F_DUPFD_CLOEXEC");
	assert_string_equal(selected(72, 1, 77777), "fcntl");
	assert_string_equal(selected(16, 1, 0x5401), "ioctl:TCGETS");
	assert_string_equal(selected(16, 1, 0xFFFFFFFF00005401), "ioctl:TCGETS");
	assert_string_equal(selected(202, 1, LX_FUTEX_WAKE | LX_FUTEX_PRIVATE_FLAG), "futex:FUTEX_WAKE");
	assert_string_equal(selected(202, 1, LX_FUTEX_WAIT_BITSET | LX_FUTEX_CLOCK_REALTIME),
			    "futex:FUTEX_WAIT_BITSET");
	assert_string_equal(selected(101, 0, LX_PTRACE_CONT), "ptrace:PTRACE_CONT");
	assert_string_equal(selected(101, 0, 0x100000000 | LX_PTRACE_CONT), "ptrace");
	assert_string_equal(selected(0, 1, 5), "read");
}

static void every_sub_row_is_found_by_its_own_value(void **state)
{
	for (size_t i = 0; i < lx_syscall_count; i++)
		if (lx_syscalls[i].parent)
			assert_ptr_equal(lx_syscall_sub_row(lx_syscalls[i].parent, lx_syscalls[i].selector_value),
					 &lx_syscalls[i]);
}

static void classes_are_found_with_and_without_percent(void **state)
{
	assert_int_equal(lx_class_by_name("file"), LX_CLASS_FILE);
	assert_int_equal(lx_class_by_name("%file"), LX_CLASS_FILE);
	assert_int_equal(lx_class_by_name("%stat"), LX_CLASS_STAT);
	assert_int_equal(lx_class_by_name("%%stat"), LX_CLASS_STAT_LIKE);
	assert_int_equal(lx_class_by_name("nonsense"), 0);
	assert_true(lx_syscall_by_name("openat")->classes & LX_CLASS_FILE);
	assert_true(lx_syscall_by_name("openat")->classes & LX_CLASS_DESC);
	assert_true(lx_syscall_by_name("fcntl:F_DUPFD")->classes & LX_CLASS_DESC);
	assert_false(lx_syscall_by_name("getpid")->classes & LX_CLASS_FILE);
}

static void arguments_carry_direction_length_and_vocabulary(void **state)
{
	const struct lx_syscall_descriptor *read = lx_syscall_by_name("read");
	const struct lx_syscall_descriptor *accept = lx_syscall_by_name("accept4");

	assert_int_equal(read->argument_count, 3);
	assert_int_equal(read->arguments[1].direction, LX_OUT);
	assert_int_equal(read->arguments[1].length_kind, LX_LENGTH_RETURN);
	assert_int_equal(accept->arguments[1].length_kind, LX_LENGTH_POINTEE);
	assert_int_equal(accept->arguments[1].length, 2);
	assert_string_equal(accept->arguments[3].vocabulary->name, "accept4");
	assert_string_equal(lx_syscall_by_name("nanosleep")->arguments[0].structure->name, "timespec");
}

static void every_errno_comes_back_from_its_status(void **state)
{
	assert_int_equal(nt_status_from_errno(0), STATUS_SUCCESS);
	for (int error = 1; error <= LX_ERRNO_LAST; error++) {
		NTSTATUS status = nt_status_from_errno(error);

		assert_false(NT_SUCCESS(status));
		assert_int_equal(lx_errno_from_status(status), -error);
	}
	assert_int_equal(nt_status_from_errno(EACCES), STATUS_ACCESS_DENIED);
	assert_int_equal(nt_status_from_errno(ECHILD), NT_STATUS_FROM_ERRNO(ECHILD));
	assert_true((uint32_t)NT_STATUS_FROM_ERRNO(ECHILD) >> 29 == 7);
}

static void guest_and_host_agree_on_error_numbers(void **state)
{
#define CHECK(NAME, number, text)                                                                                      \
	assert_int_equal(NAME, number);                                                                                \
	assert_string_equal(lx_errno_name(number), #NAME);                                                             \
	assert_string_equal(lx_errno_text(number), strerror(number));
	LX_ERRNO_LIST(CHECK)
#undef CHECK
	assert_null(lx_errno_name(41));
	assert_string_equal(lx_errno_name(LX_ERESTARTSYS), "ERESTARTSYS");
}

static void statuses_that_only_look_like_success_are_errors(void **state)
{
	assert_int_equal(lx_errno_from_status(STATUS_SUCCESS), 0);
	assert_int_equal(lx_errno_from_status(STATUS_WAIT_0 + 5), 0);
	assert_int_equal(lx_errno_from_status(STATUS_USER_APC), -LX_EINTR);
	assert_int_equal(lx_errno_from_status(STATUS_TIMEOUT), -LX_ETIMEDOUT);
	assert_int_equal(lx_errno_from_status(STATUS_END_OF_FILE), 0);
	assert_int_equal(lx_errno_from_status((NTSTATUS)0xC0FFFFFF), -LX_EIO);
}

static void a_row_overrides_the_default_errno(void **state)
{
	const struct lx_syscall_descriptor *read = lx_syscall_by_name("read");

	assert_int_equal(lx_errno_for_row(read, STATUS_USER_APC), -LX_ERESTARTSYS);
	assert_int_equal(lx_errno_for_row(read, STATUS_PIPE_BROKEN), 0);
	assert_int_equal(lx_errno_for_row(read, STATUS_INVALID_HANDLE), -LX_EBADF);
	assert_int_equal(lx_errno_for_row(NULL, STATUS_PIPE_BROKEN), -LX_EPIPE);
	assert_int_equal(lx_errno_for_row(lx_syscall_by_name("fcntl:F_GETFL"), STATUS_USER_APC), -LX_ERESTARTSYS);
}

static void statuses_and_services_have_names(void **state)
{
	assert_string_equal(nt_status_name(STATUS_END_OF_FILE), "STATUS_END_OF_FILE");
	assert_string_equal(nt_status_name(0), "STATUS_SUCCESS");
	assert_null(nt_status_name((NTSTATUS)0xC0FFFFFF));
	assert_int_equal(nt_service_by_name("NtReadFile")->number, 0x006);
	assert_ptr_equal(nt_service_by_name("ZwReadFile"), nt_service_by_name("NtReadFile"));
	assert_null(nt_service_by_name("NtNothing"));
	for (size_t i = 1; i < nt_service_count; i++)
		assert_true(strcmp(nt_services[i - 1].name, nt_services[i].name) < 0);
}

static const char *formatted(const char *vocabulary, uint64_t value)
{
	static char text[256];

	assert_non_null(lx_vocabulary_by_name(vocabulary));
	lx_vocabulary_format(lx_vocabulary_by_name(vocabulary), value, text, sizeof(text));
	return text;
}

static void values_are_formatted_as_strace_does(void **state)
{
	assert_string_equal(formatted("open", LX_O_CLOEXEC), "O_RDONLY|O_CLOEXEC");
	assert_string_equal(formatted("open", LX_O_WRONLY | LX_O_CREAT | LX_O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
	assert_string_equal(formatted("open", LX_O_RDWR | LX_O_SYNC), "O_RDWR|O_SYNC");
	assert_string_equal(formatted("open", LX_O_RDONLY | 0x40000000), "O_RDONLY|0x40000000");
	assert_string_equal(formatted("prot", 0), "PROT_NONE");
	assert_string_equal(formatted("prot", LX_PROT_READ | LX_PROT_EXEC), "PROT_READ|PROT_EXEC");
	assert_string_equal(formatted("map", LX_MAP_PRIVATE | LX_MAP_ANONYMOUS), "MAP_PRIVATE|MAP_ANONYMOUS");
	assert_string_equal(formatted("access", 0), "F_OK");
	assert_string_equal(formatted("wait", 0), "0");
	assert_string_equal(formatted("whence", 2), "SEEK_END");
	assert_string_equal(formatted("whence", 9), "0x9");
	assert_string_equal(formatted("signal", 15), "SIGTERM");
	assert_string_equal(formatted("si_code", (uint32_t)-6), "SI_TKILL");
	assert_string_equal(formatted("file_access", FILE_GENERIC_READ), "FILE_GENERIC_READ");
}

static void a_short_buffer_gets_a_terminated_prefix(void **state)
{
	char text[6];
	size_t length = lx_vocabulary_format(lx_vocabulary_by_name("whence"), 2, text, sizeof(text));

	assert_int_equal(length, strlen("SEEK_END"));
	assert_string_equal(text, "SEEK_");
}

static void structures_have_the_kernels_sizes(void **state)
{
#define CHECK(name) assert_int_equal(lx_structure_by_name(#name)->size, sizeof(struct name))
	CHECK(stat);
	CHECK(statx);
	CHECK(statfs);
	CHECK(rusage);
	CHECK(timex);
	CHECK(sysinfo);
	CHECK(utsname);
	CHECK(user_regs_struct);
	CHECK(msghdr);
	CHECK(mmsghdr);
	CHECK(epoll_event);
	CHECK(rlimit);
#undef CHECK
	assert_null(lx_structure_by_name("nothing"));
}

/* The tracer's names of NT values stand in ntflags.tbl, the values themselves in include/nt. */
static void nt_vocabularies_agree_with_the_headers(void **state)
{
#define CHECK(vocabulary, NAME)                                                                                        \
	assert_string_equal(lx_vocabulary_name(lx_vocabulary_by_name(vocabulary), (uint64_t)(NAME)), #NAME)
	CHECK("create_options", FILE_DIRECTORY_FILE);
	CHECK("create_options", FILE_OPEN_REPARSE_POINT);
	CHECK("create_disposition", FILE_OPEN_IF);
	CHECK("file_information_class", FileStatLxInformation);
	CHECK("file_information_class", FileLxRenameInformation);
	CHECK("page_protection", PAGE_EXECUTE_WRITECOPY);
	CHECK("allocation_type", MEM_RESERVE);
	CHECK("section_access", SECTION_MAP_EXECUTE);
	CHECK("process_access", PROCESS_VM_WRITE);
	CHECK("fsctl", FSCTL_LX_SEEK);
	CHECK("object_attributes", OBJ_DONT_REPARSE);
#undef CHECK
}

/* A decoder that services.tbl names must exist, or the tracer would print bare numbers. */
static void decoders_of_services_name_vocabularies(void **state)
{
	for (size_t i = 0; i < nt_service_count; i++)
		for (unsigned j = 0; j < nt_services[i].parameter_count; j++) {
			const char *decoder = nt_services[i].parameters[j].decoder;

			if (decoder && strcmp(decoder, "time") != 0)
				assert_non_null(lx_vocabulary_by_name(decoder));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_call_of_the_host_headers_has_its_row),
	    cmocka_unit_test(no_number_name_or_index_occurs_twice),
	    cmocka_unit_test(numbers_up_to_6_18_are_complete),
	    cmocka_unit_test(only_32_bits_of_a_number_count),
	    cmocka_unit_test(every_refusal_has_an_error_and_a_reason),
	    cmocka_unit_test(sub_rows_are_selected_as_the_kernel_compares),
	    cmocka_unit_test(every_sub_row_is_found_by_its_own_value),
	    cmocka_unit_test(classes_are_found_with_and_without_percent),
	    cmocka_unit_test(arguments_carry_direction_length_and_vocabulary),
	    cmocka_unit_test(every_errno_comes_back_from_its_status),
	    cmocka_unit_test(guest_and_host_agree_on_error_numbers),
	    cmocka_unit_test(statuses_that_only_look_like_success_are_errors),
	    cmocka_unit_test(a_row_overrides_the_default_errno),
	    cmocka_unit_test(statuses_and_services_have_names),
	    cmocka_unit_test(values_are_formatted_as_strace_does),
	    cmocka_unit_test(a_short_buffer_gets_a_terminated_prefix),
	    cmocka_unit_test(structures_have_the_kernels_sizes),
	    cmocka_unit_test(nt_vocabularies_agree_with_the_headers),
	    cmocka_unit_test(decoders_of_services_name_vocabularies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
