/* The tracer's text of calls, results, structures and signals, decoded from memory of our own in a guest's place. */
#include <lx/errno.h>
#include <lx/flags.h>
#include <nt/ntio.h>
#include <nt/ntstatus.h>
#include <trace/decode/decode.h>
#include <trace/decode/nt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Guest addresses from BASE on are these bytes; all else is a fault. */
#define BASE 0x10000ull
static uint8_t memory[8192];

static size_t read_memory(void *context, void *data, uint64_t address, size_t size)
{
	size_t left = address >= BASE && address < BASE + sizeof(memory) ? BASE + sizeof(memory) - address : 0;

	size = size < left ? size : left;
	if (size)
		memcpy(data, memory + (address - BASE), size);
	return size;
}

static uint64_t place(size_t offset, const void *data, size_t size)
{
	memcpy(memory + offset, data, size);
	return BASE + offset;
}

static struct trace_format format;

static int set_up(void **state)
{
	memset(memory, 0, sizeof(memory));
	format = (struct trace_format){.string_limit = 32};
	return 0;
}

static struct trace_text line;

static struct trace_decoder enter(uint64_t number, const uint64_t arguments[6])
{
	struct trace_decoder decoder = {
		.text = &line,
		.format = &format,
		.read = read_memory,
		.row = lx_syscall_for_call(number, arguments),
		.number = number,
		.arguments = arguments,
	};

	trace_reset(&line);
	trace_decode_enter(&decoder);
	return decoder;
}

/* The line of a call that has returned. */
static const char *traced(uint64_t number, int64_t result, const uint64_t arguments[6])
{
	struct trace_decoder decoder = enter(number, arguments);

	decoder.leaving = true;
	decoder.result = result;
	trace_decode_leave(&decoder);
	trace_append(&line, ") = ");
	trace_decode_result(&decoder);
	trace_free(&decoder.note);
	return trace_text(&line);
}

#define ARGUMENTS(...) ((const uint64_t[6]){__VA_ARGS__})

/* What is known before the call runs. */
static const char *begun(uint64_t number, const uint64_t arguments[6])
{
	enter(number, arguments);
	return trace_text(&line);
}

static void openat_shows_its_mode_only_if_it_may_create(void **state)
{
	uint64_t path = place(0, "/etc/passwd", 12);

	assert_string_equal(traced(257, 3, ARGUMENTS((uint32_t)-100, path, 02000000, 0644)),
			    "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
	assert_string_equal(traced(257, -LX_ENOENT, ARGUMENTS(7, path, 0102, 0644)),
			    "openat(7, \"/etc/passwd\", O_RDWR|O_CREAT, 0644) = -1 ENOENT (No such file or directory)");
}

static void a_bad_address_is_shown_as_a_number(void **state)
{
	assert_string_equal(traced(2, -LX_EFAULT, ARGUMENTS(8, 0)), "open(0x8, O_RDONLY) = -1 EFAULT (Bad address)");
	assert_string_equal(traced(2, -LX_EFAULT, ARGUMENTS(0, 0)), "open(NULL, O_RDONLY) = -1 EFAULT (Bad address)");
}

static void a_string_that_runs_into_unmapped_memory_is_an_address(void **state)
{
	memset(memory + sizeof(memory) - 4, 'a', 4);
	assert_string_equal(traced(80, -LX_EFAULT, ARGUMENTS(BASE + sizeof(memory) - 4)),
			    "chdir(0x11ffc) = -1 EFAULT (Bad address)");
}

static void bytes_are_escaped_and_cut_at_the_limit(void **state)
{
	uint64_t bytes = place(0, "x\0001y\n\t\"\\\377\1", 11);

	assert_string_equal(traced(1, 10, ARGUMENTS(1, bytes, 10)), "write(1, \"x\\0001y\\n\\t\\\"\\\\\\377\\1\", 10) = 10");
	format.string_limit = 3;
	assert_string_equal(traced(1, 10, ARGUMENTS(1, bytes, 10)), "write(1, \"x\\0001\"..., 10) = 10");
	format.string_limit = 0;
	assert_string_equal(traced(1, 10, ARGUMENTS(1, bytes, 10)), "write(1, \"\"..., 10) = 10");
}

static void hexadecimal_strings_on_request(void **state)
{
	uint64_t text = place(0, "ab\n", 3), binary = place(16, "a\1", 2);

	format.quoting = TRACE_QUOTE_HEX_IF_BINARY;
	assert_string_equal(traced(1, 3, ARGUMENTS(1, text, 3)), "write(1, \"ab\\n\", 3) = 3");
	assert_string_equal(traced(1, 2, ARGUMENTS(1, binary, 2)), "write(1, \"\\x61\\x01\", 2) = 2");
	format.quoting = TRACE_QUOTE_HEX;
	assert_string_equal(traced(1, 2, ARGUMENTS(1, text, 2)), "write(1, \"\\x61\\x62\", 2) = 2");
}

static void what_a_call_fills_in_is_read_after_it(void **state)
{
	uint64_t buffer = place(0, "hello", 5);

	assert_string_equal(begun(0, ARGUMENTS(0, buffer, 100)), "read(0, ");
	assert_string_equal(traced(0, 5, ARGUMENTS(0, buffer, 100)), "read(0, \"hello\", 100) = 5");
	assert_string_equal(traced(0, -LX_EBADF, ARGUMENTS(0, buffer, 100)),
			    "read(0, 0x10000, 100) = -1 EBADF (Bad file descriptor)");
}

static void an_interrupted_call_has_no_result(void **state)
{
	assert_string_equal(traced(34, -514, ARGUMENTS(0)), "pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
	assert_string_equal(traced(39, -4095, ARGUMENTS(0)), "getpid() = -1 (errno 4095)");
}

static void stat_is_abbreviated_by_the_type_of_the_file(void **state)
{
	uint64_t path = place(0, "/", 2);
	struct {
		uint64_t device, inode, links;
		uint32_t mode, uid, gid, pad;
		uint64_t rdev, size, rest[11];
	} stat = {.mode = 0100644, .size = 123};

	assert_int_equal(sizeof(stat), 144);
	uint64_t buffer = place(64, &stat, sizeof(stat));

	assert_string_equal(traced(4, 0, ARGUMENTS(path, buffer)), "stat(\"/\", {st_mode=S_IFREG|0644, st_size=123, ...}) = 0");
	stat.mode = 020620;
	stat.rdev = 0x8801;
	place(64, &stat, sizeof(stat));
	assert_string_equal(traced(4, 0, ARGUMENTS(path, buffer)),
			    "stat(\"/\", {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0x1), ...}) = 0");
	stat.mode = 0104755;
	place(64, &stat, sizeof(stat));
	assert_string_equal(traced(4, 0, ARGUMENTS(path, buffer)),
			    "stat(\"/\", {st_mode=S_IFREG|S_ISUID|0755, st_size=123, ...}) = 0");
}

static void flags_and_values_without_a_name_say_so(void **state)
{
	assert_string_equal(traced(8, -LX_EINVAL, ARGUMENTS(3, 1, 77)), "lseek(3, 1, 0x4d /* SEEK_??? */) = -1 EINVAL (Invalid argument)");
	assert_string_equal(traced(10, 0, ARGUMENTS(BASE, 4096, 0x1001)), "mprotect(0x10000, 4096, PROT_READ|0x1000) = 0");
	assert_string_equal(traced(10, 0, ARGUMENTS(BASE, 4096, 0)), "mprotect(0x10000, 4096, PROT_NONE) = 0");
	assert_string_equal(traced(72, -LX_EINVAL, ARGUMENTS(7, 999, 5)),
			    "fcntl(7, 0x3e7 /* F_??? */, 0x5) = -1 EINVAL (Invalid argument)");
}

static void a_call_that_linux_has_not_is_shown_by_number(void **state)
{
	assert_string_equal(traced(9999, -LX_ENOSYS, ARGUMENTS(1, 2, 3, 4, 5, 6)),
			    "syscall_0x270f(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)");
}

static void results_are_explained(void **state)
{
	assert_string_equal(traced(72, 0x8002, ARGUMENTS(7, 3)), "fcntl(7, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)");
	assert_string_equal(traced(72, 0, ARGUMENTS(7, 1)), "fcntl(7, F_GETFD) = 0");
	assert_string_equal(traced(72, 1, ARGUMENTS(7, 1)), "fcntl(7, F_GETFD) = 0x1 (flags FD_CLOEXEC)");
	assert_string_equal(traced(95, 022, ARGUMENTS(077)), "umask(077) = 022");
	assert_string_equal(traced(157, 1, ARGUMENTS(3)), "prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)");
	assert_string_equal(traced(12, 0x555500, ARGUMENTS(0)), "brk(NULL) = 0x555500");
}

static void signals_and_their_sets(void **state)
{
	uint64_t set = place(0, &(uint64_t){1ull << 1 | 1ull << 16}, 8);
	uint64_t all = place(8, &(uint64_t){~(1ull << 8 | 1ull << 31 | 1ull << 32)}, 8);
	uint64_t none = place(16, &(uint64_t){0}, 8);

	assert_string_equal(traced(14, 0, ARGUMENTS(0, set, 0, 8)), "rt_sigprocmask(SIG_BLOCK, [INT CHLD], NULL, 8) = 0");
	assert_string_equal(traced(14, 0, ARGUMENTS(2, all, none, 8)),
			    "rt_sigprocmask(SIG_SETMASK, ~[KILL RTMIN RT_1], [], 8) = 0");
	assert_string_equal(traced(62, 0, ARGUMENTS(5, 36)), "kill(5, SIGRT_4) = 0");
	assert_string_equal(traced(62, 0, ARGUMENTS(5, 0)), "kill(5, 0) = 0");
}

static void a_child_that_ended_is_described(void **state)
{
	static const struct {
		int32_t signo, error, code, pad, pid;
		uint32_t uid;
		int32_t status, pad2;
		int64_t utime, stime;
		uint8_t rest[80];
	} info = {.signo = 17, .code = 1, .pid = 3, .status = 7, .utime = 12};
	struct trace_decoder decoder = {.text = &line, .format = &format, .read = read_memory};

	trace_reset(&line);
	trace_decode_siginfo(&decoder, &info);
	assert_string_equal(trace_text(&line), "{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=3, si_uid=0, si_status=7, "
					       "si_utime=12 /* 0.12 s */, si_stime=0}");
}

static void wait_statuses_are_spelled_out(void **state)
{
	uint64_t status = place(0, &(int32_t){3 << 8}, 4);

	assert_string_equal(traced(61, 9, ARGUMENTS((uint32_t)-1, status, 0, 0)),
			    "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 9");
	place(0, &(int32_t){15}, 4);
	assert_string_equal(traced(61, 9, ARGUMENTS((uint32_t)-1, status, 1, 0)),
			    "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM}], WNOHANG, NULL) = 9");
	place(0, &(int32_t){0x137f}, 4);
	assert_string_equal(traced(61, 9, ARGUMENTS((uint32_t)-1, status, 2, 0)),
			    "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED, NULL) = 9");
}

static void poll_shows_what_came_behind_its_result(void **state)
{
	uint64_t entries = place(0, &(struct { int32_t fd; int16_t events, returned; }){5, 1, 1}, 8);

	assert_string_equal(begun(7, ARGUMENTS(entries, 1, 100)), "poll([{fd=5, events=POLLIN}], 1, 100");
	assert_string_equal(traced(7, 1, ARGUMENTS(entries, 1, 100)),
			    "poll([{fd=5, events=POLLIN}], 1, 100) = 1 ([{fd=5, revents=POLLIN}])");
	assert_string_equal(traced(7, 0, ARGUMENTS(entries, 1, 100)), "poll([{fd=5, events=POLLIN}], 1, 100) = 0 (Timeout)");
}

static void futexes_show_the_arguments_of_their_operation(void **state)
{
	assert_string_equal(traced(202, 0, ARGUMENTS(BASE, 129, 1, 7, 7, 7)), "futex(0x10000, FUTEX_WAKE_PRIVATE, 1) = 0");
	assert_string_equal(traced(202, -LX_EAGAIN, ARGUMENTS(BASE, 0x189, 1, 0, 0, UINT32_MAX)),
			    "futex(0x10000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 1, NULL, FUTEX_BITSET_MATCH_ANY) = -1 "
			    "EAGAIN (Resource temporarily unavailable)");
	assert_string_equal(traced(202, 0, ARGUMENTS(BASE, 7, 9, 9, 9, 9)), "futex(0x10000, FUTEX_UNLOCK_PI) = 0");
}

static void vectors_show_only_the_bytes_that_came(void **state)
{
	uint64_t first = place(64, "abcd", 4), second = place(80, "efgh", 4);
	uint64_t vector = place(0, ((const uint64_t[]){first, 4, second, 100}), 32);

	assert_string_equal(traced(19, 6, ARGUMENTS(3, vector, 2)),
			    "readv(3, [{iov_base=\"abcd\", iov_len=4}, {iov_base=\"ef\", iov_len=100}], 2) = 6");
	assert_string_equal(traced(20, 8, ARGUMENTS(3, vector, 1)), "writev(3, [{iov_base=\"abcd\", iov_len=4}], 1) = 8");
}

/* A guest may give any count: no more is read or written than the limit says. */
static void hostile_lengths_are_bounded(void **state)
{
	uint64_t vector = place(0, ((const uint64_t[]){BASE, UINT64_MAX}), 16);

	assert_true(strlen(traced(20, -LX_EINVAL, ARGUMENTS(3, vector, UINT64_MAX))) < 65536);
	assert_true(strlen(traced(1, -LX_EFAULT, ARGUMENTS(3, BASE, UINT64_MAX))) < 1024);
	assert_true(strlen(traced(7, -LX_EINVAL, ARGUMENTS(BASE, UINT64_MAX, 0))) < 65536);
	assert_true(strlen(traced(23, -LX_EINVAL, ARGUMENTS(INT32_MAX, BASE, BASE, BASE, 0))) < 65536);
	assert_true(strlen(traced(203, -LX_EINVAL, ARGUMENTS(0, UINT64_MAX, BASE))) < 65536);
	assert_true(strlen(traced(42, -LX_EINVAL, ARGUMENTS(3, BASE, UINT32_MAX))) < 65536);
	assert_true(strlen(traced(217, INT64_MAX, ARGUMENTS(3, BASE, UINT32_MAX))) < 65536);
}

/* Every row with pointers into memory and with pointers to nothing: nothing may be read beyond it, and each line ends. */
static void every_row_can_be_decoded(void **state)
{
	for (size_t i = 0; i < lx_syscall_count; i++) {
		const struct lx_syscall_descriptor *row = &lx_syscalls[i];
		uint64_t arguments[6] = {BASE, BASE + 1000, BASE + 2000, BASE + 3000, BASE + 4000, BASE + 5000};
		int number = row->number64;

		if (number < 0)
			continue;
		if (row->parent)
			arguments[row->parent->selector_argument] = row->selector_value;
		assert_non_null(strchr(traced((uint64_t)number, 1, arguments), '('));
		assert_non_null(strstr(traced((uint64_t)number, -LX_EFAULT, arguments), "= -1 EFAULT (Bad address)"));
		assert_non_null(strstr(traced((uint64_t)number, 0, ARGUMENTS(0)), ") = 0"));
	}
}

static void addresses_of_sockets(void **state)
{
	uint64_t path = place(0, "\1\0/nonexist", 12), inet = place(64, "\2\0\0P\177\0\0\1\0\0\0\0\0\0\0", 16);

	assert_string_equal(traced(42, 0, ARGUMENTS(3, path, 110)), "connect(3, {sa_family=AF_UNIX, sun_path=\"/nonexist\"}, 110) = 0");
	assert_string_equal(traced(49, 0, ARGUMENTS(3, inet, 16)),
			    "bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0");
}

static void argv_is_shown_and_envp_counted(void **state)
{
	uint64_t path = place(0, "/bin/ls", 8), name = place(16, "ls", 3);
	uint64_t argv = place(32, ((const uint64_t[]){name, 0}), 16), envp = place(64, ((const uint64_t[]){name, path, 0}), 24);

	assert_string_equal(traced(59, 0, ARGUMENTS(path, argv, envp)), "execve(\"/bin/ls\", [\"ls\"], 0x10040 /* 2 vars */) = 0");
}

static void nt_services_are_decoded(void **state)
{
	STRING name = {.Length = 10, .MaximumLength = 10, .Buffer = "etc/passwd"};
	OBJECT_ATTRIBUTES attributes = {.RootDirectory = (HANDLE)8, .ObjectName = &name};
	IO_STATUS_BLOCK block = {.Status = STATUS_SUCCESS, .Information = 1};
	HANDLE handle = (HANDLE)0x14;
	const uint64_t arguments[] = {(uint64_t)&handle, 0x120089, (uint64_t)&attributes, (uint64_t)&block, 0, 0x80, 7, 1, 0x40, 0, 0};

	trace_reset(&line);
	trace_nt_format(nt_service_by_name("NtCreateFile"), arguments, STATUS_SUCCESS, &line);
	assert_string_equal(trace_text(&line),
			    "NtCreateFile([0x14], FILE_GENERIC_READ, {RootDirectory=0x8, ObjectName=\"etc/passwd\"}, "
			    "{Status=STATUS_SUCCESS, Information=1}, NULL, FILE_ATTRIBUTE_NORMAL, "
			    "FILE_SHARE_READ|FILE_SHARE_WRITE|FILE_SHARE_DELETE, FILE_OPEN, FILE_NON_DIRECTORY_FILE, NULL, 0) = "
			    "STATUS_SUCCESS");
	trace_reset(&line);
	trace_nt_format(nt_service_by_name("NtCreateFile"), arguments, STATUS_OBJECT_NAME_NOT_FOUND, &line);
	assert_non_null(strstr(trace_text(&line), "NtCreateFile({...}, FILE_GENERIC_READ, "));
	assert_non_null(strstr(trace_text(&line), " = STATUS_OBJECT_NAME_NOT_FOUND"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(openat_shows_its_mode_only_if_it_may_create, set_up),
		cmocka_unit_test_setup(a_bad_address_is_shown_as_a_number, set_up),
		cmocka_unit_test_setup(a_string_that_runs_into_unmapped_memory_is_an_address, set_up),
		cmocka_unit_test_setup(bytes_are_escaped_and_cut_at_the_limit, set_up),
		cmocka_unit_test_setup(hexadecimal_strings_on_request, set_up),
		cmocka_unit_test_setup(what_a_call_fills_in_is_read_after_it, set_up),
		cmocka_unit_test_setup(an_interrupted_call_has_no_result, set_up),
		cmocka_unit_test_setup(stat_is_abbreviated_by_the_type_of_the_file, set_up),
		cmocka_unit_test_setup(flags_and_values_without_a_name_say_so, set_up),
		cmocka_unit_test_setup(a_call_that_linux_has_not_is_shown_by_number, set_up),
		cmocka_unit_test_setup(results_are_explained, set_up),
		cmocka_unit_test_setup(signals_and_their_sets, set_up),
		cmocka_unit_test_setup(a_child_that_ended_is_described, set_up),
		cmocka_unit_test_setup(wait_statuses_are_spelled_out, set_up),
		cmocka_unit_test_setup(poll_shows_what_came_behind_its_result, set_up),
		cmocka_unit_test_setup(futexes_show_the_arguments_of_their_operation, set_up),
		cmocka_unit_test_setup(vectors_show_only_the_bytes_that_came, set_up),
		cmocka_unit_test_setup(hostile_lengths_are_bounded, set_up),
		cmocka_unit_test_setup(every_row_can_be_decoded, set_up),
		cmocka_unit_test_setup(addresses_of_sockets, set_up),
		cmocka_unit_test_setup(argv_is_shown_and_envp_counted, set_up),
		cmocka_unit_test_setup(nt_services_are_decoded, set_up),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	trace_free(&line);
	return failed;
}
