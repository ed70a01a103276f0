/*
 * What is counted per user, whichever of its processes has it: struct user_struct of the kernel. A user is here as long as
 * something is counted.
 *
 * The table's lock is the innermost.
 */
#include <resources/resources.h>

#include <bsd/sys/queue.h>
#include <rtl/lock.h>
#include <stdlib.h>

struct user {
	LIST_ENTRY(user) link;
	uint32_t uid;
	uint64_t signals;
};

#define USER_BUCKETS 64u

static struct {
	struct rtl_lock lock;
	LIST_HEAD(, user) buckets[USER_BUCKETS];
} users = {.lock = RTL_LOCK_INITIALIZER};

/* Under the lock. */
static struct user *find_user(uint32_t uid, bool make)
{
	struct user *user;

	LIST_FOREACH (user, &users.buckets[uid % USER_BUCKETS], link)
		if (user->uid == uid)
			return user;
	user = make ? calloc(1, sizeof *user) : NULL;
	if (!user)
		return NULL;
	user->uid = uid;
	LIST_INSERT_HEAD(&users.buckets[uid % USER_BUCKETS], user, link);
	return user;
}

bool lx_user_charge_signal(uint32_t uid, uint64_t limit)
{
	struct user *user;
	bool room;

	rtl_lock(&users.lock);
	user = find_user(uid, limit > 0);
	room = user && user->signals < limit;
	if (room)
		user->signals++;
	rtl_unlock(&users.lock);
	return room;
}

void lx_user_discharge_signal(uint32_t uid)
{
	struct user *user;

	rtl_lock(&users.lock);
	user = find_user(uid, false);
	if (user && --user->signals == 0) {
		LIST_REMOVE(user, link);
		free(user);
	}
	rtl_unlock(&users.lock);
}
