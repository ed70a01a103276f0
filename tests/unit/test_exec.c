/*
 * Loading programs: malformed ones are refused with the errno of the host's execve, `#!` lines are taken apart as by it.
 * Those that the host executes end at once with status 0, or print the arguments that they were given.
 */
#include "lx_fixture.h"

#include <drivers/hostfs/hostfs.h>
#include <elf.h>
#include <errno.h>
#include <exec/exec.h>
#include <sys/wait.h>

#define BASE 0x400000u

/* A whole program: headers, code (exit(0)), an interpreter's name. */
struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	uint8_t code[16];
	char interpreter[48];
};

static const struct program plain = {
	.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC, .e_machine = EM_X86_64,
		   .e_version = EV_CURRENT, .e_entry = BASE + offsetof(struct program, code), .e_phoff = offsetof(struct program, segments),
		   .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3},
	.segments = {{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE, .p_filesz = sizeof(struct program),
		      .p_memsz = sizeof(struct program), .p_align = 4096}},
	.code = {0x31, 0xff, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05},
};

static void write_program(struct lx_fixture *fixture, const char *name, const void *data, size_t size)
{
	int fd = open(lx_fixture_path(fixture, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* What the host's execve says; 0 if it executed the file, however that ended. */
static int ask_host(struct lx_fixture *fixture, const char *name)
{
	char *const argv[] = {"name", "one", "two", NULL}, *const envp[] = {NULL};
	const char *path = lx_fixture_path(fixture, name);
	int report[2], error = 0;
	pid_t child;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	child = vfork();
	if (child == 0) {
		execve(path, argv, envp);
		error = errno;
		if (write(report[1], &error, sizeof(error)) < 0)
			_exit(1);
		_exit(0);
	}
	close(report[1]);
	if (read(report[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(report[0]);
	waitpid(child, NULL, 0);
	return error;
}

static void release(struct lx_exec_image *image)
{
	if (image->executable_file)
		lx_executable_release(image->executable_file);
	mm_dereference_space(image->space);
	null_platform.thread_abandon(image->body);
	free(image->executable);
}

static char reason[256];

static int64_t load(struct lx_fixture *fixture, const char *name, struct lx_exec_image *image)
{
	char *const argv[] = {"name", "one", "two", NULL}, *const envp[] = {NULL};
	const struct lx_exec_request request = {LX_AT_FDCWD, name, 0, argv, envp};

	fixture->process.limits[LX_RLIMIT_STACK] = (struct lx_rlimit){1 << 20, 1 << 20};
	fixture->process.personality = 0x0040000; /* ADDR_NO_RANDOMIZE */
	return lx_exec_load(&fixture->call, &request, image, reason, sizeof(reason));
}

/* The same file by both: 0 or the errno must be the same, and a refusal has a reason in words. */
static int compare(struct lx_fixture *fixture, const char *what, const void *data, size_t size)
{
	struct lx_exec_image image;
	int host;
	int64_t loaded;

	write_program(fixture, "program", data, size);
	host = ask_host(fixture, "program");
	reason[0] = 0;
	loaded = load(fixture, "program", &image);
	if (loaded == 0)
		release(&image);
	if (loaded != -host)
		fail_msg("%s: %d by the host, %ld by the loader (%s)", what, host, (long)-loaded, reason);
	assert_true(loaded == 0 || reason[0]);
	return host;
}

#define CHANGE(expected, ...)                                                \
	do {                                                                 \
		struct program program = plain;                              \
		__VA_ARGS__;                                                 \
		assert_int_equal(compare(*state, #__VA_ARGS__, &program, sizeof(program)), expected); \
	} while (0)

static void malformed_headers_are_refused_as_by_the_host(void **state)
{
	CHANGE(0, (void)program);
	CHANGE(ENOEXEC, program.header.e_ident[0] = 'x');
	CHANGE(ENOEXEC, program.header.e_machine = EM_AARCH64);
	CHANGE(ENOEXEC, program.header.e_type = ET_REL);
	CHANGE(ENOEXEC, program.header.e_type = ET_CORE);
	CHANGE(ENOEXEC, program.header.e_phnum = 0);
	CHANGE(ENOEXEC, program.header.e_phentsize = 55);
	CHANGE(ENOEXEC, program.header.e_phentsize = 32);
	/* What Linux does not look at. */
	CHANGE(0, program.header.e_version = 77);
	CHANGE(0, program.header.e_ident[EI_VERSION] = 9);
	CHANGE(0, program.header.e_ident[EI_OSABI] = 200);
	CHANGE(0, program.header.e_ehsize = 1);
	CHANGE(0, program.header.e_shoff = UINT64_MAX; program.header.e_shnum = 3);
	CHANGE(0, program.header.e_flags = 0xffffffff);
}

static void program_headers_beyond_the_file_are_refused(void **state)
{
	CHANGE(ENOEXEC, program.header.e_phnum = 2000);
	CHANGE(ENOEXEC, program.header.e_phnum = 1171); /* 64 KiB and a little */
	compare(*state, "short file", &plain, sizeof(Elf64_Ehdr) + 10);
	compare(*state, "header cut", &plain, sizeof(Elf64_Ehdr) - 1);
	compare(*state, "four bytes", &plain, 4);
	compare(*state, "nothing", &plain, 0);
	compare(*state, "text", "exit 0\n", 7);
	compare(*state, "magic of another", "\177ELG\2\1\1", 7);
}

static void odd_segments_load_as_on_the_host(void **state)
{
	CHANGE(0, program.segments[0].p_align = 0);
	CHANGE(0, program.segments[0].p_align = 3);
	CHANGE(0, program.segments[0].p_align = 1 << 21);
	CHANGE(0, program.segments[1] = program.segments[0]; program.segments[1].p_vaddr += 0x10000; program.segments[1].p_filesz = 0;
	       program.segments[1].p_memsz = 0);
	CHANGE(0, program.segments[1] = program.segments[0]; program.segments[1].p_vaddr += 0x10000; program.segments[1].p_flags = PF_R | PF_W;
	       program.segments[1].p_memsz = 3 * 4096 + 5);
	CHANGE(0, program.segments[1] = program.segments[0]; program.segments[1].p_vaddr += 0x10000; program.segments[1].p_filesz = 0;
	       program.segments[1].p_memsz = 4096; program.segments[1].p_flags = PF_R | PF_W);
	CHANGE(0, program.segments[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X});
	CHANGE(0, program.segments[2] = (Elf64_Phdr){.p_type = 0x12345678, .p_filesz = UINT64_MAX, .p_offset = UINT64_MAX});
	CHANGE(0, program.segments[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_filesz = 4096});
}

/* A refusal by Linux may come too late to be told: then nobody lives to see it, and the loader says so. */
static void impossible_segments_are_refused_early_or_kill(void **state)
{
	struct lx_fixture *fixture = *state;
	static const struct {
		uint64_t address, filesz, memsz;
	} impossible[] = {
		{0xffffffffff000000, 0x100, 0x100}, {BASE, 0x200, 0x100}, {0x7ffffffff000, 0x100, 0x10000}, {BASE, 0x100, UINT64_MAX}, {BASE + 1, 0x100, 0x100},
	};

	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		struct program program = plain;
		struct lx_exec_image image;

		program.segments[0].p_vaddr = impossible[i].address;
		program.segments[0].p_filesz = impossible[i].filesz;
		program.segments[0].p_memsz = impossible[i].memsz;
		write_program(fixture, "program", &program, sizeof(program));
		reason[0] = 0;
		assert_true(load(fixture, "program", &image) < 0);
		assert_true(reason[0]);
		assert_null(image.space);
		assert_null(image.body);
	}
}

static void set_interpreter(struct program *program, const char *name, size_t size)
{
	strcpy(program->interpreter, name);
	program->segments[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct program, interpreter), .p_filesz = size};
}

static void unusable_linkers_are_refused_as_by_the_host(void **state)
{
	struct lx_fixture *fixture = *state;
	char directory[sizeof(fixture->scratch)];

	strcpy(directory, fixture->scratch);
	write_program(fixture, "text", "no program at all, but long enough to hold the header of one, which it is not", 78);
	write_program(fixture, "short", "no", 2);
	assert_int_equal(chdir(directory), 0);
	CHANGE(ENOENT, set_interpreter(&program, "/nowhere", 9));
	CHANGE(ENOEXEC, set_interpreter(&program, "/nowhere", 8)); /* without its end */
	CHANGE(ENOEXEC, set_interpreter(&program, "/nowhere", 1));
	CHANGE(ENOEXEC, set_interpreter(&program, "/nowhere", 5000));
	CHANGE(EIO, set_interpreter(&program, "/nowhere", 40); program.segments[1].p_offset = 100000);
	CHANGE(EACCES, set_interpreter(&program, "/", 2));
	CHANGE(EACCES, set_interpreter(&program, "", 2));
	CHANGE(ELIBBAD, set_interpreter(&program, "text", 5));
	CHANGE(EIO, set_interpreter(&program, "short", 6));
	assert_int_equal(chdir("/"), 0);
}

/* The strings between two addresses of the new image, each ended by a comma. */
static void join_strings(const struct lx_exec_image *image, uint64_t start, uint64_t end, char *text, size_t size)
{
	assert_true(end - start < size);
	assert_int_equal(mm_copy_from(image->space, text, start, end - start), end - start);
	text[end - start] = 0;
	for (uint64_t i = 0; i < end - start; i++)
		if (!text[i])
			text[i] = ',';
}

/* What the script's interpreter is given, with the scratch directory as "%"; on the host it is what a shell prints. */
static void expect_arguments(struct lx_fixture *fixture, const char *line, const char *expected)
{
	char text[512], wanted[512], got[512];
	struct lx_exec_image image;
	size_t used = 0;

	snprintf(text, sizeof(text), line, fixture->scratch);
	write_program(fixture, "script", text, strlen(text));
	if (load(fixture, "script", &image) != 0)
		fail_msg("%s: %s", text, reason);
	join_strings(&image, image.arg_start, image.arg_end, got, sizeof(got));
	release(&image);
	for (const char *at = expected; *at; at++)
		if (*at == '%')
			used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s", fixture->scratch);
		else
			wanted[used++] = *at;
	wanted[used] = 0;
	assert_string_equal(got, wanted);
}

static void script_lines_become_arguments(void **state)
{
	struct lx_fixture *fixture = *state;

	write_program(fixture, "plain", &plain, sizeof(plain));
	expect_arguments(fixture, "#!%s/plain\n", "%/plain,script,one,two,");
	expect_arguments(fixture, "#!%s/plain", "%/plain,script,one,two,");
	expect_arguments(fixture, "#! \t %s/plain \t \nmore", "%/plain,script,one,two,");
	expect_arguments(fixture, "#!%s/plain -x\n", "%/plain,-x,script,one,two,");
	expect_arguments(fixture, "#!%s/plain  a b\t c \t\n", "%/plain,a b\t c,script,one,two,");
	expect_arguments(fixture, "#!%s/plain -x ", "%/plain,-x ,script,one,two,");
	expect_arguments(fixture, "#!%s/plain ", "%/plain,,script,one,two,");
}

static void scripts_of_scripts_pile_up(void **state)
{
	struct lx_fixture *fixture = *state;
	char text[256];

	write_program(fixture, "plain", &plain, sizeof(plain));
	snprintf(text, sizeof(text), "#!%s/plain -in\n", fixture->scratch);
	write_program(fixture, "inner", text, strlen(text));
	expect_arguments(fixture, "#!%s/inner -out\n", "%/plain,-in,%/inner,-out,script,one,two,");
}

static void unusable_scripts_are_refused_as_by_the_host(void **state)
{
	struct lx_fixture *fixture = *state;
	char text[600];
	static const char *const lines[] = {"#!", "#!\n", "#! \t\n", "#!/nowhere\n", "#!/\n", "#!/etc/passwd\n", "#! /nowhere -x\n", "#!\n/bin/true\n"};

	static const char with_nul[][24] = {"#!\0/bin/true\n", "#! \0 /bin/true\n", "#!/nowhere\0\n", "#!/nowhere \0 x\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_true(compare(fixture, lines[i], lines[i], strlen(lines[i])));
	for (size_t i = 0; i < sizeof(with_nul) / sizeof(with_nul[0]); i++)
		assert_true(compare(fixture, "a line with a NUL", with_nul[i], sizeof(with_nul[i]) - 1));
	/* One that calls itself, and the deepest chain that is allowed. */
	snprintf(text, sizeof(text), "#!%s/program\n", fixture->scratch);
	assert_int_equal(compare(fixture, "itself", text, strlen(text)), ELOOP);
	write_program(fixture, "s0", &plain, sizeof(plain));
	for (int depth = 1; depth < 8; depth++) {
		char name[8];

		snprintf(name, sizeof(name), "s%d", depth);
		snprintf(text, sizeof(text), "#!%s/s%d\n", fixture->scratch, depth - 1);
		write_program(fixture, name, text, strlen(text));
		assert_int_equal(compare(fixture, name, text, strlen(text)), depth > 5 ? ELOOP : 0);
	}
}

/* Lines at the edge of the 256 bytes that are read. */
static void long_lines_are_cut_or_refused_as_by_the_host(void **state)
{
	struct lx_fixture *fixture = *state;
	char text[600], name[300];
	struct lx_exec_image image;

	write_program(fixture, "plain", &plain, sizeof(plain));
	for (size_t size = 250; size < 262; size++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "#!/", 3);
		text[size] = '\n';
		assert_true(compare(fixture, "long name", text, sizeof(text)));
	}
	memset(text, 'y', sizeof(text));
	snprintf(name, sizeof(name), "#!%s/plain ", fixture->scratch);
	memcpy(text, name, strlen(name));
	assert_int_equal(compare(fixture, "long argument", text, sizeof(text)), 0);
	assert_int_equal(load(fixture, "program", &image), 0);
	/* The argument ends where the buffer does. */
	join_strings(&image, image.arg_start, image.arg_end, text, sizeof(text));
	release(&image);
	assert_int_equal(strspn(strchr(text, ',') + 1, "y"), 255 - strlen(name));
}

static void image_tells_what_was_loaded(void **state)
{
	struct lx_fixture *fixture = *state;
	struct lx_exec_image image;
	const struct lx_path_open writing = {LX_AT_FDCWD, "a-program-with-a-long-name", LX_O_WRONLY, 0, 0};
	char code[16], path[128];
	HANDLE handle;

	write_program(fixture, "a-program-with-a-long-name", &plain, sizeof(plain));
	assert_int_equal(load(fixture, "a-program-with-a-long-name", &image), 0);
	assert_string_equal(image.comm, "a-program-with-");
	snprintf(path, sizeof(path), "%s/a-program-with-a-long-name", fixture->scratch);
	assert_string_equal(image.executable, path);
	assert_int_equal(image.registers.rip, plain.header.e_entry);
	assert_int_equal(image.registers.rsp % 16, 0);
	assert_int_equal(mm_copy_from(image.space, code, image.registers.rip, sizeof(code)), sizeof(code));
	assert_memory_equal(code, plain.code, sizeof(code));
	/* Nobody may write what is being executed. */
	assert_int_equal(lx_path_open(&fixture->call, &writing, &handle), -LX_ETXTBSY);
	release(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lx_fixture_test(malformed_headers_are_refused_as_by_the_host),
		lx_fixture_test(program_headers_beyond_the_file_are_refused),
		lx_fixture_test(odd_segments_load_as_on_the_host),
		lx_fixture_test(impossible_segments_are_refused_early_or_kill),
		lx_fixture_test(unusable_linkers_are_refused_as_by_the_host),
		lx_fixture_test(script_lines_become_arguments),
		lx_fixture_test(scripts_of_scripts_pile_up),
		lx_fixture_test(unusable_scripts_are_refused_as_by_the_host),
		lx_fixture_test(long_lines_are_cut_or_refused_as_by_the_host),
		lx_fixture_test(image_tells_what_was_loaded),
	};

	return cmocka_run_group_tests(tests, lx_fixture_start, NULL);
}
