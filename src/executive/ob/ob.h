/*
 * Object manager: types, reference counts, the namespace, handle tables.
 *
 * An object is allocated with a header in front of its body; functions take the
 * body. Reference counts are atomic. A handle holds a reference and a handle
 * count; `close` runs whenever a handle goes (with how many are left),
 * `delete` when the last reference goes.
 */
#ifndef OB_OB_H
#define OB_OB_H

#include <executive/ke/ke.h>
#include <nt/ntob.h>
#include <nt/ntstatus.h>
#include <rtl/rtl.h>
#include <stdio.h>

struct ob_handle_table;
struct ob_parse;

struct ob_type_operations {
	/* A handle was closed; `left` handles to the object remain in all tables. */
	void (*close)(void *object, ULONG left);
	void (*delete)(void *object);
	/* The namespace walk reached `object` with `remaining` name bytes left (devices, symbolic links): continue in
	 * it. */
	NTSTATUS (*parse)(void *object, struct ob_parse *parse);
	/* What a wait on the object waits for; NULL: not waitable. */
	struct dispatcher_header *(*dispatcher)(void *object);
	/* Its name where the namespace does not hold it (files); bytes written, or 0. */
	size_t (*query_name)(void *object, char *name, size_t size);
	/* One line of detail for --objects. */
	void (*dump)(void *object, FILE *out);
};

struct ob_type {
	const char *name;
	GENERIC_MAPPING mapping;
	ACCESS_MASK valid_access;
	const struct ob_type_operations *operations;
	/* kept by ob */
	ULONG index;
	_Atomic ULONG object_count, handle_count;
};

/* A name being opened: what a parse routine gets and changes. */
struct ob_parse {
	STRING remaining; /* not yet parsed, without leading backslash */
	ULONG attributes;
	ACCESS_MASK access;   /* generic bits already mapped by the target type */
	struct ob_type *type; /* wanted, or NULL */
	void *context;	      /* the opener's: NtCreateFile passes its io_create */
	void *object;	      /* out: referenced */
	/* out with STATUS_REPARSE: go on from the root with this full name (heap; ob frees it). */
	STRING reparse;
};

void ob_initialize(void);
void ob_register_type(struct ob_type *type);
/* A zeroed body of `size` bytes with one reference; NULL: out of memory. */
void *ob_create_object(struct ob_type *type, size_t size);
void ob_reference(void *object);
/* False if the object is being deleted already. */
bool ob_reference_safe(void *object);
void ob_dereference(void *object);
struct ob_type *ob_type_of(const void *object);
/* What a wait on the object waits for, or NULL. */
struct dispatcher_header *ob_dispatcher(void *object);
/* Its full name: "\\Device\\Null", or what its type knows; bytes written (no NUL), 0 if it has none. */
size_t ob_query_name(void *object, char *name, size_t size);

static inline void ob_cleanup_dereference(void *pointer)
{
	void *object = *(void **)pointer;

	if (object)
		ob_dereference(object);
}
#define cleanup_object __attribute__((cleanup(ob_cleanup_dereference), unused))

/* Put a new object under its name (if any) and give the caller a handle. Consumes the caller's reference, also on
 * failure. With OBJ_OPENIF an existing one is opened: STATUS_OBJECT_NAME_EXISTS. */
NTSTATUS ob_insert_object(void *object, const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, PHANDLE handle);
/* Look an existing object up by name, parse routines included. */
NTSTATUS ob_lookup_name(const OBJECT_ATTRIBUTES *attributes, struct ob_type *type, ACCESS_MASK access, void *context,
			void **object);
/* ... and make a handle: what NtOpenXxx does. */
NTSTATUS ob_open_by_name(const OBJECT_ATTRIBUTES *attributes, struct ob_type *type, ACCESS_MASK access, PHANDLE handle);
NTSTATUS ob_open_by_pointer(void *object, ULONG attributes, ACCESS_MASK access, PHANDLE handle);

/* Handles of the current process's table; NtCurrentProcess/NtCurrentThread work where the type fits. type NULL: any. */
NTSTATUS ob_reference_by_handle(HANDLE handle, ACCESS_MASK access, struct ob_type *type, void **object);
NTSTATUS ob_handle_access(HANDLE handle, ACCESS_MASK *granted);

/*
 * Pins (pin.c): until ob_unpin_all() a handle of `table` means `object` to the calling thread, with that access, whatever
 * becomes of the handle meanwhile. `holds`: the pin takes over what ob_hold() took; else the caller knows that nobody but
 * the calling thread closes the handle. STATUS_NO_MEMORY: nothing is pinned, nothing taken over.
 */
NTSTATUS ob_pin(struct ob_handle_table *table, HANDLE handle, void *object, ACCESS_MASK access, bool holds);
void ob_unpin_all(void);
/* Keep an object as open as a handle does: its type's close with none left comes after ob_let_go(). */
void ob_hold(void *object);
void ob_let_go(void *object);

/* Handle tables are shared by reference (CLONE_FILES). A handle value is a multiple of 4. */
struct ob_handle_table *ob_handle_table_create(void);
struct ob_handle_table *ob_handle_table_reference(struct ob_handle_table *table);
/* The last dereference closes all handles. */
void ob_handle_table_dereference(struct ob_handle_table *table);
/* A copy with the same handle values: fork. NULL: out of memory. */
struct ob_handle_table *ob_handle_table_clone(struct ob_handle_table *table);
NTSTATUS ob_handle_table_close(struct ob_handle_table *table, HANDLE handle);
/* Call for each handle, under the table's lock, in order. */
/* How many handles are in it. */
uint32_t ob_handle_table_count(struct ob_handle_table *table);
void ob_handle_table_walk(struct ob_handle_table *table,
			  void (*visit)(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes,
					void *context),
			  void *context);
/* The table that handles of the calling thread mean: set per supervisor thread. */
struct ob_handle_table *ob_current_table(void);
void ob_set_current_table(struct ob_handle_table *table);
/* Kernel handles (OBJ_KERNEL_HANDLE): one table for the supervisor itself; their values carry the top bit, and work in
 * any thread. */
struct ob_handle_table *ob_kernel_table(void);

/* The namespace and its objects, for --objects. */
void ob_dump_namespace(FILE *out);
void ob_dump_handle_table(struct ob_handle_table *table, FILE *out);

extern struct ob_type ob_directory_type, ob_symbolic_link_type, ob_type_type;

/* A permanent directory or symbolic link of the system's own, under a full name. Existing ones are left as they are. */
NTSTATUS ob_make_directory(const char *name);
NTSTATUS ob_make_symbolic_link(const char *name, const char *target);

/*
 * What ob and ex need to know of the calling thread's process, which is ps' to
 * say: set once at its start. Without it there are no pseudo handles and no
 * other processes.
 */
struct ob_process_hooks {
	struct ob_type *process_type, *thread_type;
	/* Bodies, not referenced; NULL if the thread is attached to none. */
	void *(*current_process)(void);
	void *(*current_thread)(void);
	/* The process's handle table, referenced; NULL: it has none any more. */
	struct ob_handle_table *(*process_handles)(void *process);
	/* A thread's body by its id, referenced, or NULL. It begins with its ke_thread. */
	void *(*thread_by_id)(ULONG_PTR id);
};
void ob_set_process_hooks(const struct ob_process_hooks *hooks);
const struct ob_process_hooks *ob_process_hooks(void);

/* Who decides whether the calling thread's subject may open an existing object by its name: se, from its start on.
 * Generic rights and MAXIMUM_ALLOWED are resolved by it. */
typedef NTSTATUS (*ob_access_check)(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted);
void ob_set_access_check(ob_access_check check);
/* Generic rights and MAXIMUM_ALLOWED resolved by the type; STATUS_ACCESS_DENIED for rights that it does not have. */
NTSTATUS ob_map_access(const struct ob_type *type, ACCESS_MASK desired, ACCESS_MASK *granted);

#endif
