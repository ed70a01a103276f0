/* Nodes and directory entries: the tree that everything else works on. See node.h for the lock. */
#include <errno.h>

#include <drivers/tmpfs/node.h>

static int compare_names(const struct tmpfs_entry *a, const struct tmpfs_entry *b)
{
	int order = memcmp(a->name, b->name, MIN_OF(a->name_length, b->name_length));

	if (order)
		return order;
	return a->name_length < b->name_length ? -1 : a->name_length > b->name_length;
}

static int compare_cookies(const struct tmpfs_entry *a, const struct tmpfs_entry *b)
{
	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

RB_GENERATE_INTERNAL(tmpfs_names, tmpfs_entry, by_name, compare_names, static __attribute__((unused)))
RB_GENERATE_INTERNAL(tmpfs_cookies, tmpfs_entry, by_cookie, compare_cookies, static __attribute__((unused)))

bool tmpfs_reserve(_Atomic uint64_t *used, uint64_t limit, uint64_t size)
{
	uint64_t now = atomic_load(used);

	do
		if (now > limit || size > limit - now)
			return false;
	while (!atomic_compare_exchange_weak(used, &now, now + size));
	return true;
}

uint64_t tmpfs_xattr_space(const char *name, size_t size)
{
	return sizeof(struct tmpfs_xattr) + strlen(name) + size;
}

NTSTATUS tmpfs_create_node(struct tmpfs_volume *volume, ULONG mode, const struct tmpfs_node *parent, struct tmpfs_node **made)
{
	struct tmpfs_node *node;
	bool directory = (mode & FSRTL_S_IFMT) == FSRTL_S_IFDIR;

	if (!tmpfs_reserve(&volume->inode_used, volume->inode_limit, TMPFS_INODE_SPACE))
		return STATUS_DISK_FULL;
	node = calloc(1, sizeof *node);
	if (!node) {
		atomic_fetch_sub(&volume->inode_used, TMPFS_INODE_SPACE);
		return STATUS_NO_MEMORY;
	}
	node->volume = volume;
	atomic_store(&node->descriptor, -1);
	rtl_lock_initialize(&node->data_lock);
	io_lock_list_init(&node->locks);
	TAILQ_INIT(&node->xattrs);
	RB_INIT(&node->names);
	RB_INIT(&node->cookies);
	node->next_cookie = 2; /* behind "." and ".." */
	fsrtl_init_attributes(&node->attributes, mode, ++volume->next_inode);
	node->attributes.Mask |= FSRTL_STATX_BTIME;
	if (volume->where)
		fsrtl_place_in(&node->attributes, volume->where);
	node->attributes.NumberOfLinks = directory ? 1 : 0;
	if (parent && parent->attributes.Mode & 02000) {
		node->attributes.Gid = parent->attributes.Gid;
		if (directory)
			node->attributes.Mode |= 02000;
	}
	*made = node;
	return STATUS_SUCCESS;
}

static void free_node(struct tmpfs_node *node)
{
	struct tmpfs_xattr *xattr;
	int descriptor = atomic_load(&node->descriptor);

	while ((xattr = TAILQ_FIRST(&node->xattrs))) {
		atomic_fetch_sub(&node->volume->inode_used, tmpfs_xattr_space(xattr->name, xattr->size));
		TAILQ_REMOVE(&node->xattrs, xattr, link);
		free(xattr->name);
		free(xattr);
	}
	atomic_fetch_sub(&node->volume->used, node->accounted);
	if (descriptor >= 0)
		close(descriptor);
	io_lock_list_destroy(&node->locks);
	rtl_lock_destroy(&node->data_lock);
	atomic_fetch_sub(&node->volume->inode_used, TMPFS_INODE_SPACE);
	if (node->target_has_page)
		atomic_fetch_sub(&node->volume->used, TMPFS_PAGE);
	free(node->target);
	free(node);
}

void tmpfs_release_node(struct tmpfs_node *node)
{
	if (node->opens == 0 && node->attributes.NumberOfLinks == 0)
		free_node(node);
}

struct tmpfs_entry *tmpfs_find_entry(struct tmpfs_node *directory, const STRING *name)
{
	_Alignas(struct tmpfs_entry) UCHAR storage[sizeof(struct tmpfs_entry) + TMPFS_NAME_MAX];
	struct tmpfs_entry *key = (void *)storage;

	if (name->Length > TMPFS_NAME_MAX)
		return NULL;
	key->name_length = name->Length;
	memcpy(key->name, name->Buffer, name->Length);
	return RB_FIND(tmpfs_names, &directory->names, key);
}

static void touch(struct tmpfs_node *directory)
{
	directory->attributes.ModifyTime = directory->attributes.ChangeTime = fsrtl_now();
}

NTSTATUS tmpfs_add_entry(struct tmpfs_node *directory, const STRING *name, struct tmpfs_node *node)
{
	struct tmpfs_entry *entry = malloc(sizeof *entry + name->Length);

	if (!entry)
		return STATUS_NO_MEMORY;
	entry->node = node;
	entry->cookie = directory->next_cookie++;
	entry->name_length = name->Length;
	memcpy(entry->name, name->Buffer, name->Length);
	RB_INSERT(tmpfs_names, &directory->names, entry);
	RB_INSERT(tmpfs_cookies, &directory->cookies, entry);
	node->attributes.NumberOfLinks++;
	node->attributes.ChangeTime = fsrtl_now();
	directory->attributes.Size += 20;
	if (tmpfs_type(node) == FSRTL_S_IFDIR) {
		node->parent = directory;
		directory->attributes.NumberOfLinks++;
	}
	touch(directory);
	return STATUS_SUCCESS;
}

void tmpfs_remove_entry(struct tmpfs_node *directory, struct tmpfs_entry *entry)
{
	struct tmpfs_node *node = entry->node;

	RB_REMOVE(tmpfs_names, &directory->names, entry);
	RB_REMOVE(tmpfs_cookies, &directory->cookies, entry);
	free(entry);
	directory->attributes.Size -= 20;
	node->attributes.NumberOfLinks--;
	node->attributes.ChangeTime = fsrtl_now();
	if (tmpfs_type(node) == FSRTL_S_IFDIR) {
		/* Its own "." goes with its only name. */
		node->attributes.NumberOfLinks--;
		node->parent = NULL;
		directory->attributes.NumberOfLinks--;
	}
	touch(directory);
	tmpfs_release_node(node);
}

void tmpfs_unlink_entry(struct tmpfs_node *directory, struct tmpfs_entry *entry)
{
	const struct tmpfs_node *node = entry->node;

	if (tmpfs_type(node) != FSRTL_S_IFDIR && node->attributes.NumberOfLinks > 1)
		atomic_fetch_sub(&directory->volume->inode_used, TMPFS_INODE_SPACE);
	tmpfs_remove_entry(directory, entry);
}

struct tmpfs_entry *tmpfs_entry_from(struct tmpfs_node *directory, uint64_t cookie)
{
	struct tmpfs_entry key = {.cookie = cookie};

	return RB_NFIND(tmpfs_cookies, &directory->cookies, &key);
}
