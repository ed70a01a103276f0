/*
 * execve(2), execveat(2): the caller's process goes on with another program.
 *
 * The new program is loaded completely into a fresh pico process before anything of the caller changes, so that all errors
 * can be returned. Then comes the point of no return: the other threads end, what the old image owned is given up in its
 * own memory (robust futexes, clear_child_tid, a waiting vfork parent), and the half changes its body. A failure after
 * that point kills the process, as in Linux.
 */
#include <core/process.h>
#include <core/thread.h>
#include <core/tree.h>
#include <credentials/credentials.h>
#include <descriptor/files.h>
#include <exec/exec.h>
#include <lx_syscalls.h>
#include <memory/futex.h>
#include <path/resolve.h>
#include <process/exit.h>
#include <resources/resources.h>
#include <signal/signal.h>
#include <time/times.h>

#define MAX_ARG_STRLEN (128u * 1024)       /* of one string with its NUL */
#define STACK_SHARE (8u * 1024 * 1024 / 4 * 3) /* _STK_LIM / 4 * 3 */
#define ARG_MAX_MINIMUM (128u * 1024)

/* Strings of the caller, copied once; a page of guest memory at a time. */
struct argument_block {
	struct lx_call *call;
	char *bytes;
	size_t used, capacity;
	size_t *offsets; /* of the strings in `bytes` */
	size_t count, offset_capacity;
	size_t limit; /* bytes that strings and pointers may take together */
	size_t room;  /* bytes of the stack that strings may take, by RLIMIT_STACK */
	uint8_t page[LX_PAGE_SIZE];
	uint64_t page_address;
	size_t page_size; /* readable bytes in `page` */
};

static void free_block(struct argument_block **block)
{
	if (!*block)
		return;
	free((*block)->bytes);
	free((*block)->offsets);
	free(*block);
}

static bool reserve(void **array, size_t *capacity, size_t needed, size_t element)
{
	size_t wanted = MAX_OF(*capacity, (size_t)64);
	void *grown;

	if (needed <= *capacity)
		return true;
	while (wanted < needed)
		wanted *= 2;
	grown = realloc(*array, wanted * element);
	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

/* Readable bytes at `address` up to its page's end. */
static const uint8_t *look_at(struct argument_block *block, uint64_t address, size_t *size)
{
	uint64_t page = ALIGN_DOWN(address, (uint64_t)LX_PAGE_SIZE);
	size_t offset = address - page;

	if (page != block->page_address || !block->page_size) {
		block->page_address = page;
		block->page_size = mm_copy_from(block->call->thread->ps->process->space, block->page, page, LX_PAGE_SIZE);
	}
	*size = block->page_size > offset ? block->page_size - offset : 0;
	return block->page + offset;
}

static int64_t add_bytes(struct argument_block *block, const void *bytes, size_t size)
{
	if (!reserve((void **)&block->bytes, &block->capacity, block->used + size, 1))
		return -LX_ENOMEM;
	memcpy(block->bytes + block->used, bytes, size);
	block->used += size;
	return 0;
}

static int64_t add_string(struct argument_block *block, uint64_t address)
{
	size_t start = block->used, available;

	if (!reserve((void **)&block->offsets, &block->offset_capacity, block->count + 1, sizeof(*block->offsets)))
		return -LX_ENOMEM;
	block->offsets[block->count++] = start;
	for (;;) {
		const uint8_t *bytes = look_at(block, address, &available);
		const uint8_t *end = memchr(bytes, 0, available);
		size_t size = end ? (size_t)(end - bytes) + 1 : available;

		if (!size)
			return -LX_EFAULT;
		if (block->used - start + size > MAX_ARG_STRLEN || block->used + size > block->limit ||
		    block->used + size > block->room)
			return -LX_E2BIG;
		if (add_bytes(block, bytes, size))
			return -LX_ENOMEM;
		if (end)
			return 0;
		address += size;
	}
}

static int64_t read_pointer(struct argument_block *block, uint64_t address, uint64_t *pointer)
{
	size_t available;
	const uint8_t *bytes = look_at(block, address, &available);

	if (available >= sizeof(*pointer)) {
		memcpy(pointer, bytes, sizeof(*pointer));
		return 0;
	}
	return lx_copy_in(block->call, pointer, lx_uptr(address), sizeof(*pointer));
}

/* The addresses first, since reading strings moves the page window. */
static int64_t read_pointers(struct argument_block *block, struct lx_uptr array, uint64_t **pointers, size_t *count)
{
	size_t capacity = 0;

	*count = 0;
	for (uint64_t address = array.address; address; address += sizeof(uint64_t)) {
		uint64_t pointer;
		int64_t result = read_pointer(block, address, &pointer);

		if (result)
			return result;
		if (!pointer)
			break;
		if ((*count + 1) * sizeof(pointer) > block->limit)
			return -LX_E2BIG;
		if (!reserve((void **)pointers, &capacity, *count + 1, sizeof(pointer)))
			return -LX_ENOMEM;
		(*pointers)[(*count)++] = pointer;
	}
	return 0;
}

static size_t argument_limit(struct lx_process *process)
{
	uint64_t limit = MIN_OF((uint64_t)STACK_SHARE, lx_limit(process, LX_RLIMIT_STACK) / 4);

	return MAX_OF(limit, (uint64_t)ARG_MAX_MINIMUM);
}

/* The strings are written to the new stack before it has its size: the caller's limit is theirs, but for the first page. */
static size_t stack_room(struct lx_process *process, const char *path)
{
	size_t room = MAX_OF(ALIGN_DOWN(lx_limit(process, LX_RLIMIT_STACK), (uint64_t)LX_PAGE_SIZE), (uint64_t)LX_PAGE_SIZE);
	size_t taken = sizeof(uint64_t) + strlen(path) + 1;

	return room - MIN_OF(room, taken);
}

static int64_t read_strings(struct argument_block *block, struct lx_uptr array, bool is_argv, size_t *string_count)
{
	cleanup_free uint64_t *pointers = NULL;
	size_t count;
	int64_t result = read_pointers(block, array, &pointers, &count);

	if (result)
		return result;
	/* Each pointer takes its room too; an empty argv gets an empty name, so that argc is never 0. */
	if (block->limit < MAX_OF(count, (size_t)1) * sizeof(uint64_t))
		return -LX_E2BIG;
	block->limit -= MAX_OF(count, (size_t)is_argv) * sizeof(uint64_t);
	*string_count = count;
	for (size_t i = 0; i < count; i++) {
		result = add_string(block, pointers[i]);
		if (result)
			return result;
	}
	if (!count && is_argv) {
		*string_count = 1;
		if (!reserve((void **)&block->offsets, &block->offset_capacity, block->count + 1, sizeof(*block->offsets)))
			return -LX_ENOMEM;
		block->offsets[block->count++] = block->used;
		return add_bytes(block, "", 1);
	}
	return 0;
}

static void fill_vector(char **vector, const struct argument_block *block, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vector[i] = block->bytes + block->offsets[first + i];
	vector[count] = NULL;
}

/* --- the point of no return */

static void discard_image(struct lx_exec_image *image)
{
	if (image->body)
		ps_platform()->thread_abandon(image->body);
	if (image->space)
		mm_dereference_space(image->space);
	if (image->executable_file)
		lx_executable_release(image->executable_file);
	free(image->executable);
}

static int64_t own_sighand(struct lx_process *process)
{
	struct lx_sighand *shared = process->sighand, *own;

	if (atomic_load(&shared->references) == 1)
		return 0;
	own = calloc(1, sizeof(*own));
	if (!own)
		return -LX_ENOMEM;
	atomic_init(&own->references, 1);
	rtl_lock(&process->signal_lock);
	rtl_lock(&shared->lock);
	memcpy(own->actions, shared->actions, sizeof(own->actions));
	rtl_unlock(&shared->lock);
	process->sighand = own;
	rtl_unlock(&process->signal_lock);
	if (atomic_fetch_sub(&shared->references, 1) == 1)
		free(shared);
	return 0;
}

/* What the old image has in its memory is settled while that memory is still there. */
static void leave_old_image(struct lx_thread *thread)
{
	lx_robust_list_exit(thread);
	thread->robust_list = lx_uptr(0);
	lx_clear_child_tid(thread);
}

static void take_over_names(struct lx_thread *thread, struct lx_exec_image *image)
{
	struct lx_process *process = thread->process;

	lx_exec_take_names(process, thread, image);
	process->dumpable = true;
	process->exit_signal = LX_SIGCHLD;
	lx_tree_become_leader(thread);
}

static void enter_tree(struct lx_thread *thread, struct lx_exec_image *image)
{
	struct lx_process *process = thread->process;
	struct lx_executable *old_file;

	lx_lock_tree();
	old_file = steal_pointer(&process->executable_file);
	take_over_names(thread, image);
	lx_unlock_tree();
	if (old_file)
		lx_executable_release(old_file);
	ps_set_thread_id(thread->ps, (ULONG_PTR)thread->tid);
	memcpy(thread->ps->name, thread->comm, sizeof(thread->ps->name));
}

static bool change_body(struct lx_thread *thread, struct lx_exec_image *image)
{
	struct ps_process *process = thread->ps->process;

	if (ps_rebind_thread(thread->ps, image->body))
		return false;
	image->body = NULL;
	mm_space_set_target(image->space, NULL);
	ps_set_space(process, image->space);
	rtl_lock(&process->lock);
	snprintf(process->image_name, sizeof(process->image_name), "%s", image->executable ? image->executable : image->comm);
	rtl_unlock(&process->lock);
	return ps_platform()->set_registers(thread->ps->pico, &image->registers) == 0;
}

/* The handle table that the NT process shows follows the thread's own one. */
static void follow_handles(struct lx_thread *thread)
{
	struct ob_handle_table *table = lx_files_handles(thread->files), *old = NULL;
	struct ps_process *process = thread->ps->process;

	rtl_lock(&process->lock);
	if (process->handles != table) {
		old = process->handles;
		process->handles = ob_handle_table_reference(table);
	}
	rtl_unlock(&process->lock);
	if (old)
		ob_handle_table_dereference(old);
}

static void die(struct lx_thread *thread)
{
	lx_exit_group(thread->process, LX_SIGKILL);
}

static void follow_identity(struct lx_thread *thread)
{
	struct se_token *token = lx_exec_token(thread->token);

	if (!token || lx_set_token(thread, token))
		die(thread);
}

static void become(struct lx_call *call, struct lx_exec_image *image)
{
	struct lx_thread *thread = call->thread;
	struct lx_process *process = thread->process;

	if (!lx_end_other_threads(thread))
		return;
	if (own_sighand(process)) {
		die(thread);
		return;
	}
	leave_old_image(thread);
	lx_timers_exec(process);
	if (!change_body(thread, image)) {
		die(thread);
		return;
	}
	process->shares_space = false;
	enter_tree(thread, image);
	if (!lx_files_close_on_exec(call)) {
		die(thread);
		return;
	}
	follow_handles(thread);
	lx_signal_exec(thread);
	follow_identity(thread);
	lx_limits_apply(process);
	thread->timer_slack_ns = thread->default_timer_slack_ns;
	lx_release_vfork_parent(process);
	call->trap->action = PICO_REGISTERS;
}

static bool user_is_over_limit(struct lx_thread *thread)
{
	bool over;

	if (!thread->user_over_limit)
		return false;
	lx_lock_tree();
	over = lx_tree_threads_of_user(thread->token->ruid) > lx_limit(thread->process, LX_RLIMIT_NPROC);
	lx_unlock_tree();
	thread->user_over_limit = over;
	return over;
}

static int64_t find_program(struct lx_call *call, const struct lx_exec_request *request)
{
	cleanup_free char *resolved = malloc(LX_PATH_MAX);
	HANDLE handle = NULL;
	int64_t result;

	if (!resolved)
		return -LX_ENOMEM;
	result = lx_path_open_executable(call, request->dirfd, request->path, request->at_flags, &handle, resolved, LX_PATH_MAX);
	if (handle)
		ZwClose(handle);
	return result;
}

static int64_t execute(struct lx_call *call, int32_t dirfd, const char *path, uint32_t at_flags, struct lx_uptr argv,
		       struct lx_uptr envp)
{
	__attribute__((cleanup(free_block))) struct argument_block *block = calloc(1, sizeof(*block));
	cleanup_free char **vectors = NULL;
	struct lx_exec_image image = {0};
	struct lx_exec_request request = {.dirfd = dirfd, .path = path, .at_flags = at_flags};
	size_t argc, envc;
	int64_t result;

	if (user_is_over_limit(call->thread))
		return -LX_EAGAIN;
	if (!block)
		return -LX_ENOMEM;
	block->call = call;
	block->limit = argument_limit(call->thread->process);
	block->room = stack_room(call->thread->process, path);
	block->page_address = UINT64_MAX;
	result = read_strings(block, argv, true, &argc);
	if (!result)
		result = read_strings(block, envp, false, &envc);
	/* Arguments are read once the program is found. */
	if (result)
		return find_program(call, &request) ?: result;
	vectors = calloc(argc + envc + 2, sizeof(*vectors));
	if (!vectors)
		return -LX_ENOMEM;
	fill_vector(vectors, block, 0, argc);
	fill_vector(vectors + argc + 1, block, argc, envc);
	request.argv = vectors;
	request.envp = vectors + argc + 1;
	result = lx_exec_load(call, &request, &image, NULL, 0);
	if (result && image.too_late)
		lx_exit_group(call->thread->process, LX_SIGSEGV);
	if (result)
		return result;
	become(call, &image);
	discard_image(&image);
	return 0;
}

int64_t lx_sys_execve(struct lx_call *call, struct lx_uptr pathname, struct lx_uptr argv, struct lx_uptr envp)
{
	cleanup_free char *path = malloc(LX_PATH_MAX);
	int64_t result;

	if (!path)
		return -LX_ENOMEM;
	result = lx_copy_in_path(call, path, pathname, false);
	return result < 0 ? result : execute(call, LX_AT_FDCWD, path, 0, argv, envp);
}

int64_t lx_sys_execveat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, struct lx_uptr argv,
			struct lx_uptr envp, uint32_t flags)
{
	cleanup_free char *path = malloc(LX_PATH_MAX);
	int64_t result;

	if (flags & ~(uint32_t)(LX_AT_EMPTY_PATH | LX_AT_SYMLINK_NOFOLLOW))
		return -LX_EINVAL;
	if (!path)
		return -LX_ENOMEM;
	result = lx_copy_in_path(call, path, pathname, flags & LX_AT_EMPTY_PATH);
	return result < 0 ? result : execute(call, dirfd, path, flags, argv, envp);
}
