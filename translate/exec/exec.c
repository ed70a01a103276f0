/*
 * Loading a program: the chain of `#!` interpreters, the ELF and its dynamic
 * linker, a fresh address space, the initial stack. execve(2)'s own part, the
 * change of the caller, is in execve.c.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/fd.h>
#include <drivers/hostfs/hostfs.h>
#include <exec/exec_image.h>
#include <path/resolve.h>

#include <stdarg.h>
#include <stdio.h>

#define SCRIPT_HEADER 256
#define INTERPRETER_DEPTH 5

int64_t exec_fail(const struct exec_reason *reason, int64_t error, const char *format, ...)
{
	va_list arguments;

	if (reason->text && reason->size) {
		va_start(arguments, format);
		vsnprintf(reason->text, reason->size, format, arguments);
		va_end(arguments);
	}
	return error;
}

int64_t exec_read(struct exec_file *file, uint64_t offset, void *data, size_t size)
{
	struct io_buffer buffer;
	IO_STATUS_BLOCK result = {0};
	LARGE_INTEGER position = {.QuadPart = (LONGLONG)offset};
	NTSTATUS status;

	if (offset > INT64_MAX - size)
		return 0;
	io_buffer_from_kernel(&buffer, data, size);
	status = ZwReadFile(file->handle, NULL, NULL, NULL, &result, &buffer, (ULONG)size, &position, NULL);
	if (status == STATUS_END_OF_FILE)
		return 0;
	return NT_SUCCESS(status) ? (int64_t)result.Information : lx_errno_from_status(status);
}

struct lx_executable *lx_executable_share(struct lx_executable *executable)
{
	atomic_fetch_add(&executable->references, 1);
	return executable;
}

void lx_executable_release(struct lx_executable *executable)
{
	if (atomic_fetch_sub(&executable->references, 1) != 1)
		return;
	hostfs_allow_write(executable->denied);
	io_control_area_dereference(executable->area);
	free(executable);
}

/* Takes over that the file is denied to writers; NULL: out of memory. */
static struct lx_executable *make_executable(struct exec_file *file)
{
	struct lx_executable *executable = calloc(1, sizeof(*executable));

	if (!executable)
		return NULL;
	atomic_init(&executable->references, 1);
	executable->area = io_control_area_of(file->file);
	if (!executable->area) {
		free(executable);
		return NULL;
	}
	executable->denied = steal_pointer(&file->denied);
	return executable;
}

static void close_file(struct exec_file *file)
{
	hostfs_allow_write(steal_pointer(&file->denied));
	if (file->file)
		ob_dereference(file->file);
	if (file->handle)
		ZwClose(file->handle);
	file->file = NULL;
	file->handle = NULL;
}

static int64_t open_file(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, struct exec_file *file,
			 const struct exec_reason *reason)
{
	void *object = NULL;
	int64_t error;

	close_file(file);
	error = lx_path_open_executable(call, dirfd, path, at_flags, &file->handle, file->path, sizeof(file->path));
	if (error)
		return exec_fail(reason, error, "%s: %s", path, lx_errno_text((int)-error));
	error = lx_errno_from_status(ob_reference_by_handle(file->handle, 0, &io_file_type, &object));
	if (error)
		return error;
	/* ETXTBSY, both ways: until it is closed here or, for the program itself, as long as somebody executes it. */
	error = lx_errno_from_status(hostfs_deny_write(object, &file->denied));
	if (error) {
		ob_dereference(object);
		return exec_fail(reason, error, "%s: %s", path, lx_errno_text((int)-error));
	}
	file->file = object;
	return 0;
}

/* The state of the walk along `#!` lines: the argument vector grows at its front. */
struct exec_chain {
	char *owned[INTERPRETER_DEPTH * EXEC_ARGS_GROWTH];
	size_t owned_count;
	const char **argv;
	size_t argc;
	const char *current; /* what the next script is called in its interpreter's arguments */
};

static void free_chain(struct exec_chain *chain)
{
	for (size_t i = 0; i < chain->owned_count; i++)
		free(chain->owned[i]);
	free(chain->argv);
}
#define cleanup_chain __attribute__((cleanup(free_chain)))

static int64_t start_chain(struct exec_chain *chain, const char *name, char *const *argv)
{
	while (argv[chain->argc])
		chain->argc++;
	chain->argv = calloc(chain->argc + INTERPRETER_DEPTH * EXEC_ARGS_GROWTH + 2, sizeof(*chain->argv));
	if (!chain->argv)
		return -LX_ENOMEM;
	memcpy(chain->argv, argv, chain->argc * sizeof(*argv));
	/* Linux gives a program without arguments an empty one. */
	if (!chain->argc)
		chain->argv[chain->argc++] = "";
	chain->current = name;
	return 0;
}

static char *keep(struct exec_chain *chain, const char *start, size_t size)
{
	char *copy = strndup(start, size);

	if (copy)
		chain->owned[chain->owned_count++] = copy;
	return copy;
}

/* argv[0] gives way to: interpreter, its argument if any, the script's name. */
static void push_interpreter(struct exec_chain *chain, const char *interpreter, const char *argument)
{
	size_t added = argument ? 2 : 1;

	memmove(chain->argv + added + 1, chain->argv + 1, chain->argc * sizeof(*chain->argv));
	chain->argv[0] = interpreter;
	if (argument)
		chain->argv[1] = argument;
	chain->argv[added] = chain->current;
	chain->argc += added;
	chain->current = interpreter;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first byte from `at` to `last`, it included, that is no blank, or NULL. */
static const char *skip_blanks(const char *at, const char *last)
{
	while (at <= last && is_blank(*at))
		at++;
	return at <= last ? at : NULL;
}

/* ... that ends a word. */
static const char *end_of_word(const char *at, const char *last)
{
	while (at <= last && *at && !is_blank(*at))
		at++;
	return at <= last ? at : NULL;
}

/* Where the line ends. Without a line end in what was read of it, the interpreter's name must at least be whole. NULL: it is not. */
static const char *end_of_line(const char *header)
{
	const char *last = header + SCRIPT_HEADER - 1, *end = memchr(header, '\n', strnlen(header, SCRIPT_HEADER)), *name;

	if (end)
		return end;
	name = skip_blanks(header + 2, last);
	return name && end_of_word(name, last) ? last : NULL;
}

/*
 * Split a `#!` line as Linux does: one interpreter, at most one argument with everything behind. `header` is padded with
 * zeros, and a line that the file's end cuts short may have an empty name.
 */
static int64_t parse_script(struct exec_chain *chain, const char *header)
{
	const char *end = end_of_line(header), *name, *separator, *rest = NULL;
	char *interpreter, *argument = NULL;

	while (end && is_blank(end[-1]))
		end--;
	name = end ? skip_blanks(header + 2, end) : NULL;
	if (!name || name == end)
		return -LX_ENOEXEC;
	separator = end_of_word(name, end);
	if (separator && is_blank(*separator))
		rest = skip_blanks(separator, end);
	interpreter = keep(chain, name, (size_t)((separator ? separator : end) - name));
	if (rest)
		argument = keep(chain, rest, (size_t)(end - rest));
	if (!interpreter || (rest && !argument))
		return -LX_ENOMEM;
	push_interpreter(chain, interpreter, argument);
	return 0;
}

/* Follow `#!` lines until something that is none. `is_closed`: the interpreter would not find the script by its name. */
static int64_t resolve_chain(struct lx_call *call, struct exec_chain *chain, struct exec_file *file, bool is_closed,
			     const struct exec_reason *reason)
{
	for (unsigned depth = 0;; depth++) {
		char header[SCRIPT_HEADER + 1] = {0};
		int64_t got = exec_read(file, 0, header, SCRIPT_HEADER), error;

		if (got < 0)
			return exec_fail(reason, got, "%s: cannot be read: %s", file->path, lx_errno_text((int)-got));
		if (got < 2 || header[0] != '#' || header[1] != '!')
			return 0;
		if (depth == INTERPRETER_DEPTH)
			return exec_fail(reason, -LX_ELOOP, "%s: too many levels of #! interpreters", file->path);
		error = parse_script(chain, header);
		if (error)
			return exec_fail(reason, error, "%s: its #! line names no usable interpreter", file->path);
		if (is_closed)
			return -LX_ENOENT;
		/* To the kernel an empty name means the working directory, which is no program. */
		error = *chain->current ? open_file(call, LX_AT_FDCWD, chain->current, 0, file, reason) : -LX_EACCES;
		if (error)
			return exec_fail(reason, error, "interpreter %s: %s", chain->current, lx_errno_text((int)-error));
	}
}

static int64_t open_linker(struct lx_call *call, const struct exec_elf *elf, struct exec_file *linker, struct exec_elf *linker_elf,
			   const struct exec_reason *reason)
{
	unsigned char header[sizeof(linker_elf->header)];
	int64_t error = open_file(call, LX_AT_FDCWD, elf->interpreter, 0, linker, reason);

	if (error)
		return exec_fail(reason, error, "its dynamic linker %s: %s", elf->interpreter, lx_errno_text((int)-error));
	error = exec_parse_elf(linker, linker_elf, reason);
	if (error != -LX_ENOEXEC)
		return error;
	/* Something else than a linker, or too short to tell. */
	return exec_read(linker, 0, header, sizeof(header)) == sizeof(header) ? -LX_ELIBBAD : -LX_EIO;
}

static void set_comm(struct lx_exec_image *image, const char *path)
{
	const char *base = strrchr(path, '/');

	snprintf(image->comm, sizeof(image->comm), "%s", base ? base + 1 : path);
}

static void release_image(struct lx_exec_image *image)
{
	if (image->space)
		mm_dereference_space(image->space);
	if (image->body)
		ps_platform()->thread_abandon(image->body);
	free(image->executable);
	memset(image, 0, sizeof(*image));
}

/* What a script is called in its interpreter's arguments, and AT_EXECFN. */
static const char *execution_name(const struct lx_exec_request *request, char *buffer, size_t size)
{
	if (request->path[0] == '/' || request->dirfd == LX_AT_FDCWD)
		return request->path;
	snprintf(buffer, size, request->path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", request->dirfd, request->path);
	return buffer;
}

/* Is it named by way of a descriptor that exec closes? */
static bool is_below_closed(struct lx_call *call, const struct lx_exec_request *request)
{
	return request->path[0] != '/' && request->dirfd != LX_AT_FDCWD && lx_fd_close_on_exec(call, request->dirfd) > 0;
}

struct exec_load {
	struct exec_file program, linker;
	struct exec_elf elf, linker_elf;
};

static void free_load(struct exec_load **load)
{
	if (!*load)
		return;
	close_file(&(*load)->program);
	close_file(&(*load)->linker);
	free(*load);
}

static int64_t build(struct lx_call *call, struct exec_load *load, const struct exec_strings *strings, struct lx_exec_image *image)
{
	bool linked = load->elf.interpreter[0];
	struct exec_layout layout = {0};
	int64_t error = exec_build_space(call, &load->program, &load->elf, linked ? &load->linker : NULL, linked ? &load->linker_elf : NULL,
					 image, &layout);

	if (!error)
		error = exec_build_stack(call, &layout, &load->elf, linked ? load->linker_elf.bias : 0, strings, image);
	if (!error) {
		const struct exec_elf *entry = linked ? &load->linker_elf : &load->elf;

		image->registers.rip = entry->header.e_entry + entry->bias;
		image->executable = strdup(load->program.path);
		image->executable_file = image->executable ? make_executable(&load->program) : NULL;
		error = image->executable_file ? 0 : -LX_ENOMEM;
	}
	if (error)
		release_image(image);
	return error;
}

/* Tasks or descriptors of lxrun's, which natively are not needed: the old program is still there, so that its caller is told. */
static bool is_shortage(int64_t error)
{
	return error == -LX_EAGAIN || error == -LX_ENFILE || error == -LX_EMFILE;
}

int64_t lx_exec_load(struct lx_call *call, const struct lx_exec_request *request, struct lx_exec_image *image, char *text, size_t text_size)
{
	const struct exec_reason reason = {text, text_size};
	__attribute__((cleanup(free_load))) struct exec_load *load = calloc(1, sizeof(*load));
	cleanup_chain struct exec_chain chain = {0};
	char name[LX_PATH_MAX + 32];
	struct exec_strings strings = {.execfn = execution_name(request, name, sizeof(name)), .envp = request->envp};
	int64_t error = load ? open_file(call, request->dirfd, request->path, request->at_flags, &load->program, &reason) : -LX_ENOMEM;

	memset(image, 0, sizeof(*image));
	if (error)
		return error;
	error = start_chain(&chain, strings.execfn, request->argv);
	if (!error)
		error = resolve_chain(call, &chain, &load->program, is_below_closed(call, request), &reason);
	if (!error)
		error = exec_parse_elf(&load->program, &load->elf, &reason);
	if (!error && load->elf.interpreter[0])
		error = open_linker(call, &load->elf, &load->linker, &load->linker_elf, &reason);
	if (error)
		return error;
	error = load->elf.load_error ?: load->linker_elf.load_error;
	image->too_late = error != 0;
	if (error)
		return error;
	strings.argv = (char *const *)(uintptr_t)chain.argv;
	set_comm(image, request->path[0] ? request->path : load->program.path);
	error = build(call, load, &strings, image);
	image->too_late = error && !is_shortage(error);
	if (error)
		return exec_fail(&reason, error, "%s: cannot be loaded: %s", load->program.path, lx_errno_text((int)-error));
	return 0;
}

void lx_exec_take_names(struct lx_process *process, struct lx_thread *thread, struct lx_exec_image *image)
{
	free(process->executable);
	process->executable = steal_pointer(&image->executable);
	process->executable_file = steal_pointer(&image->executable_file);
	process->arg_start = image->arg_start;
	process->arg_end = image->arg_end;
	process->env_start = image->env_start;
	process->env_end = image->env_end;
	process->stack_start = image->stack_start;
	memcpy(process->auxv, image->auxv, sizeof(process->auxv));
	process->auxv_size = image->auxv_size;
	memcpy(thread->comm, image->comm, sizeof(thread->comm));
	thread->comm[sizeof(thread->comm) - 1] = 0;
	process->did_exec = true;
}
