/* What the files of this folder share. */
#ifndef OB_INTERNAL_H
#define OB_INTERNAL_H

#include <executive/ob/ob.h>

#include <bsd/sys/tree.h>
#include <rtl/lock.h>

struct ob_directory;

/* An object's entry in a directory. It holds a reference to both. */
struct ob_name {
	RB_ENTRY(ob_name) link;
	struct ob_header *object;
	struct ob_directory *directory;
	USHORT length;
	char text[];
};

RB_HEAD(ob_name_tree, ob_name);
RB_PROTOTYPE_INTERNAL(ob_name_tree, ob_name, link, compare, )

struct ob_directory {
	struct ob_name_tree names; /* guarded by ob_namespace_lock */
	ULONG count;
};

struct ob_symbolic_link {
	STRING target; /* heap; never changes */
	LARGE_INTEGER created;
};

/* In front of each object's body, and as aligned as malloc's memory. */
struct ob_header {
	_Atomic uint64_t references;
	_Atomic uint32_t handles;
	bool permanent; /* guarded by ob_namespace_lock */
	_Atomic(struct ob_handle_table *)
	    exclusive; /* opened with OBJ_EXCLUSIVE: the only table that may have handles to it; not referenced */
	struct ob_type *type;
	_Atomic(struct ob_name *) name; /* changed under ob_namespace_lock */
	uint64_t padding;
};
_Static_assert(sizeof(struct ob_header) % 16 == 0, "the body must be aligned");

static inline struct ob_header *ob_header_of(const void *object)
{
	return (struct ob_header *)(uintptr_t)object - 1;
}
static inline void *ob_body_of(struct ob_header *header)
{
	return header + 1;
}

/* Guards directories, names and permanence. Only references are taken under it; nothing is deleted under it. */
extern struct rtl_lock ob_namespace_lock;

/* A handle was made or went: the object's side of it. */
void ob_count_handle(struct ob_header *header);
void ob_uncount_handle(struct ob_header *header);
/* What the end of the last handle brings, where a pin was it. */
void ob_last_handle_went(struct ob_header *header);
/* The last handle went: a temporary object's name goes, too. */
void ob_forget_name_without_handles(struct ob_header *header);
/* It goes whatever holds the object. */
void ob_withdraw_name(struct ob_header *header);
void ob_set_permanent(struct ob_header *header, bool permanent);

/* Put an object under `name` into the directory. STATUS_OBJECT_NAME_COLLISION, with the existing one referenced. */
NTSTATUS ob_directory_insert(struct ob_directory *directory, STRING name, bool ignore_case, struct ob_header *object,
			     bool permanent, void **existing);
/* Referenced, or NULL. */
void *ob_directory_find(struct ob_directory *directory, STRING name, bool ignore_case);
struct ob_directory *ob_root_directory(void);

/* One walk through the namespace. With `insert` the last component is made an entry for it. */
struct ob_walk {
	const OBJECT_ATTRIBUTES *attributes;
	struct ob_type *type;
	ACCESS_MASK access;
	void *context;
	struct ob_header *insert;
	void *object; /* out: referenced; with STATUS_OBJECT_NAME_COLLISION the one in the way */
};
NTSTATUS ob_walk_name(struct ob_walk *walk);
/* Has the object attributes a name or a root to start from? */
static inline bool ob_has_name(const OBJECT_ATTRIBUTES *attributes)
{
	return attributes && attributes->ObjectName && attributes->ObjectName->Length;
}

/* One more handle in `table`; the object's reference is its own. */
NTSTATUS ob_handle_table_insert(struct ob_handle_table *table, struct ob_header *header, ACCESS_MASK access,
				ULONG attributes, PHANDLE handle);
struct ob_handle_information {
	ACCESS_MASK access;
	ULONG attributes; /* OBJ_INHERIT, OB_PROTECT_FROM_CLOSE */
};
#define OB_PROTECT_FROM_CLOSE 1u
/* The object behind a handle, referenced; STATUS_INVALID_HANDLE. */
NTSTATUS ob_handle_table_lookup(struct ob_handle_table *table, HANDLE handle, struct ob_header **header,
				struct ob_handle_information *information);
NTSTATUS ob_handle_table_set_attributes(struct ob_handle_table *table, HANDLE handle, ULONG mask, ULONG attributes);
/* The table that a handle value means for the calling thread, and whether it is a pseudo handle. */
struct ob_handle_table *ob_table_of_handle(HANDLE handle);
bool ob_is_pseudo_handle(HANDLE handle);
/* Reference with what the handle grants. */
NTSTATUS ob_reference_with_information(HANDLE handle, struct ob_header **header,
				       struct ob_handle_information *information);

/* pin.c: does the calling thread have the handle pinned? What it is pinned to, referenced. */
bool ob_is_pinned(struct ob_handle_table *table, HANDLE handle);
bool ob_reference_pinned(struct ob_handle_table *table, HANDLE handle, struct ob_header **header,
			 struct ob_handle_information *information);

/* Each registered type, by index from 1. */
ULONG ob_type_count(void);
struct ob_type *ob_type_at(ULONG index);
void ob_publish_types(void);

extern struct ob_type ob_type_type;

#endif
