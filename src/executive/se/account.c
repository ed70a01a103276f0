/* Sums per user; see account.h. A user is here as long as something is counted. The table's lock is the innermost. */
#include <executive/se/account.h>

#include <bsd/sys/queue.h>
#include <rtl/lock.h>
#include <stdlib.h>

struct user {
	LIST_ENTRY(user) link;
	uint32_t uid;
	uint64_t sums[SE_ACCOUNT_COUNT];
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
	user = make ? calloc(1, sizeof(*user)) : NULL;
	if (!user)
		return NULL;
	user->uid = uid;
	LIST_INSERT_HEAD(&users.buckets[uid % USER_BUCKETS], user, link);
	return user;
}

static bool has_nothing(const struct user *user)
{
	uint64_t all = 0;

	for (int i = 0; i < SE_ACCOUNT_COUNT; i++)
		all |= user->sums[i];
	return !all;
}

uint64_t se_charge(uint32_t uid, enum se_account account, uint64_t amount, uint64_t limit)
{
	struct user *user;
	uint64_t sum = 0;

	if (amount > limit)
		return 0;
	rtl_lock(&users.lock);
	user = find_user(uid, true);
	if (user && user->sums[account] <= limit - amount)
		sum = user->sums[account] += amount;
	rtl_unlock(&users.lock);
	return sum;
}

void se_discharge(uint32_t uid, enum se_account account, uint64_t amount)
{
	struct user *user;

	rtl_lock(&users.lock);
	user = find_user(uid, false);
	if (user) {
		user->sums[account] -= amount;
		if (has_nothing(user)) {
			LIST_REMOVE(user, link);
			free(user);
		}
	}
	rtl_unlock(&users.lock);
}
