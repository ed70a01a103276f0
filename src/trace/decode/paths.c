/* What descriptors and path arguments refer to, asked of the LX subsystem without a service of its own. */
#include <path/resolve.h>
#include <trace/decode/paths.h>

#include <lx/flags.h>
#include <path/fs.h>
#include <string.h>
#include <trace/thread.h>
#include <trace/trace.h>

static bool path_of(struct trace_thread *thread, int32_t fd, char path[LX_PATH_MAX])
{
	cleanup_object struct io_file *file = NULL;
	HANDLE handle;
	int64_t length;

	if (fd == LX_AT_FDCWD)
		return lx_fs_working_directory(thread->thread->fs, path, LX_PATH_MAX) > 0;
	if (!thread->call || lx_fd_handle(thread->call, fd, true, &handle) != 0)
		return false;
	if (!NT_SUCCESS(ob_reference_by_handle(handle, 0, &io_file_type, (void **)&file)))
		return false;
	length = lx_file_path(file, path, LX_PATH_MAX);
	if (length < 0 || length >= LX_PATH_MAX)
		return false;
	path[length] = '\0';
	return true;
}

/* Within <...> a > would end it. */
static void append_path(struct trace_text *text, const char *path)
{
	for (; *path; path++) {
		if (*path == '>' || *path == '<' || (unsigned char)*path < ' ' || (unsigned char)*path >= 0x7f)
			trace_printf(text, "\\%o", (unsigned char)*path);
		else
			trace_append_bytes(text, path, 1);
	}
}

bool trace_describe_descriptor(struct trace_thread *thread, int32_t fd, struct trace_text *text)
{
	char path[LX_PATH_MAX];
	bool was_muted = thread->muted, found;

	thread->muted = true;
	found = path_of(thread, fd, path);
	thread->muted = was_muted;
	if (!found)
		return false;
	trace_append(text, "<");
	append_path(text, path);
	trace_append(text, ">");
	return true;
}

static bool is_one_of(const struct trace_options *options, const char *path)
{
	for (size_t i = 0; i < options->path_count; i++)
		if (!strcmp(options->paths[i], path))
			return true;
	return false;
}

static bool argument_touches(struct trace_thread *thread, const struct lx_argument_descriptor *type, uint64_t value,
			     const struct trace_options *options)
{
	char path[LX_PATH_MAX];

	if (type->direction == LX_VALUE && (type->kind == LX_KIND_FD || (type->kind == LX_KIND_DIRFD && (int32_t)value != LX_AT_FDCWD)))
		return path_of(thread, (int32_t)value, path) && is_one_of(options, path);
	if (type->kind != LX_KIND_PATH || type->direction == LX_OUT || !thread->call)
		return false;
	return lx_copy_in_string(thread->call, path, lx_uptr(value), sizeof(path)) >= 0 && is_one_of(options, path);
}

bool trace_touches_path(struct trace_thread *thread, const struct trace_options *options)
{
	const struct lx_syscall_descriptor *row = thread->decoder.row;

	for (unsigned i = 0; row && i < row->argument_count; i++)
		if (argument_touches(thread, &row->arguments[i], thread->arguments[i], options))
			return true;
	return false;
}
