/*
 * Priority-inheritance futexes: FUTEX_LOCK_PI and its family.
 *
 * The word holds the owner's thread id, and host and guest ids differ, so these are LX's own: queues here, the word
 * changed by the stub's compare-and-swap. Waiters get the lock in the order of their arrival: guest threads have no
 * real-time priorities on the host, so there is nothing to inherit.
 *
 * Invariant: under pi_lock, a lock in `locks` has waiters, and `owner` is who its word names. pi_lock is held across the
 * compare-and-swap; lx_tree_lock is taken under it. Memory that a file is behind may be long in coming, so its page is
 * brought in before pi_lock is taken: under the lock it is at hand. A lock that is handed over names the new owner
 * before that thread wakes. If the owner died, the woken waiter (the heir) writes the word itself: only it knows the
 * word's address in a space that still exists.
 */
#include <core/thread.h>
#include <lx_syscalls.h>
#include <memory/futex.h>
#include <process/process.h>
#include <signal/signal.h>
#include <time/times.h>

struct pi_key {
	const void *object;     /* the address space, or the section of shared memory; NULL: a file that is mapped shared */
	uint64_t device, inode; /* the file: each process that maps it has a section of its own */
	uint64_t offset;        /* bytes in it */
	bool pageable;          /* a file is behind the memory */
};

struct pi_lock_state;
struct pi_waiter {
	TAILQ_ENTRY(pi_waiter) link;
	struct lx_thread *thread;
	struct pi_lock_state *lock;   /* queued on it; NULL: not queued */
	bool granted, owner_died;
	bool for_requeue;             /* in requeue_waiters, on condition_key, wants lock_key */
	struct pi_key condition_key, lock_key;
	struct ke_wake_list wake;
	struct ke_wake_entry entry;
};

struct pi_lock_state {
	TAILQ_ENTRY(pi_lock_state) link;
	struct pi_key key;
	int32_t owner;
	TAILQ_HEAD(, pi_waiter) waiters;
};

static struct rtl_lock pi_lock = RTL_LOCK_INITIALIZER;
static TAILQ_HEAD(, pi_lock_state) locks = TAILQ_HEAD_INITIALIZER(locks);
static TAILQ_HEAD(, pi_waiter) requeue_waiters = TAILQ_HEAD_INITIALIZER(requeue_waiters);

static bool same_key(const struct pi_key *a, const struct pi_key *b)
{
	return a->object == b->object && a->device == b->device && a->inode == b->inode && a->offset == b->offset;
}

/* What is mapped at an address, with a reference to its section. */
static bool look_at(struct mm_address_space *space, struct lx_uptr uaddr, struct mm_vad *vad)
{
	bool found;

	mm_lock_space(space);
	found = mm_query(space, uaddr.address, vad);
	if (found && vad->section)
		ob_reference(vad->section);
	mm_unlock_space(space);
	return found;
}

static void name_shared(const struct mm_vad *vad, struct lx_uptr uaddr, struct pi_key *key)
{
	struct io_file *file = mm_section_file(vad->section);
	FILE_LX_STATX_INFORMATION attributes;
	ULONG_PTR size;

	key->object = vad->section;
	key->offset = vad->offset + (uaddr.address - vad->start);
	if (!file || !NT_SUCCESS(IO_OPERATION(file, query_information)(file, FileLxStatxInformation, &attributes,
								      sizeof(attributes), &size)))
		return;
	key->object = NULL;
	key->device = (uint64_t)attributes.DevMajor << 32 | attributes.DevMinor;
	key->inode = attributes.Inode;
}

static int64_t make_key(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t op, struct pi_key *key)
{
	struct mm_address_space *space = thread->process->ps->space;
	bool private = op & LX_FUTEX_PRIVATE_FLAG;
	struct mm_vad vad;

	if (uaddr.address & 3)
		return -LX_EINVAL;
	*key = (struct pi_key){.object = space, .offset = uaddr.address};
	if (!look_at(space, uaddr, &vad))
		return private ? 0 : -LX_EFAULT;
	if (!vad.section)
		return 0;
	key->pageable = mm_section_file(vad.section);
	if (!private && vad.flags & MM_SHARED)
		name_shared(&vad, uaddr, key);
	ob_dereference(vad.section);
	return 0;
}

static struct pi_lock_state *find_lock(const struct pi_key *key)
{
	struct pi_lock_state *lock;

	TAILQ_FOREACH(lock, &locks, link)
		if (same_key(&lock->key, key))
			return lock;
	return NULL;
}

static struct pi_lock_state *make_lock(const struct pi_key *key, int32_t owner)
{
	struct pi_lock_state *lock = find_lock(key);

	if (lock)
		return lock;
	lock = calloc(1, sizeof(*lock));
	if (!lock)
		return NULL;
	lock->key = *key;
	lock->owner = owner;
	TAILQ_INIT(&lock->waiters);
	TAILQ_INSERT_TAIL(&locks, lock, link);
	return lock;
}

static void leave_queue(struct pi_waiter *waiter)
{
	struct pi_lock_state *lock = waiter->lock;

	if (!lock)
		return;
	TAILQ_REMOVE(&lock->waiters, waiter, link);
	waiter->lock = NULL;
	if (TAILQ_EMPTY(&lock->waiters)) {
		TAILQ_REMOVE(&locks, lock, link);
		free(lock);
	}
}

/* The first waiter becomes the owner. */
static void grant(struct pi_waiter *waiter, bool owner_died)
{
	if (waiter->lock)
		waiter->lock->owner = waiter->thread->tid;
	waiter->granted = true;
	waiter->owner_died = owner_died;
	leave_queue(waiter);
	ke_wake_all(&waiter->wake);
}

void lx_pi_owner_exit(struct lx_thread *thread)
{
	struct pi_lock_state *lock, *next;

	rtl_lock(&pi_lock);
	thread->futex_exited = true;
	for (lock = TAILQ_FIRST(&locks); lock; lock = next) {
		next = TAILQ_NEXT(lock, link);
		if (lock->owner == thread->tid)
			grant(TAILQ_FIRST(&lock->waiters), true);
	}
	rtl_unlock(&pi_lock);
}

static int exchange_word(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t *expected, uint32_t desired)
{
	return ps_platform()->compare_exchange(thread->ps->pico, uaddr.address, expected, desired);
}

/* Before pi_lock: have the word's page in memory, writable. A compare-and-swap that changes nothing does that. */
static int64_t bring_in(struct lx_thread *thread, struct lx_uptr uaddr, const struct pi_key *key)
{
	uint32_t word = 0;

	return key->pageable && exchange_word(thread, uaddr, &word, 0) < 0 ? -LX_EFAULT : 0;
}

static bool owner_is_alive(int32_t tid)
{
	struct lx_thread *owner;
	bool alive;

	lx_lock_tree();
	owner = lx_find_thread(tid);
	alive = owner && !owner->futex_exited;
	lx_unlock_tree();
	return alive;
}

enum { LOCK_TAKEN = 0, LOCK_BUSY = 1 };

struct pi_take {
	struct lx_thread *self, *taker; /* who runs it, whom it is for */
	struct lx_uptr uaddr;
	struct pi_key key;
	bool only_try;                  /* the word is left alone if the lock is busy */
	bool is_heir;                   /* it was the first to wait for an owner that died */
	int32_t owner;                  /* out, if busy */
};

/* What to write over `word`; 0: it stays, the lock is busy; or -LX_Exxx. */
static int64_t next_word(struct pi_take *take, uint32_t word)
{
	take->owner = (int32_t)(word & LX_FUTEX_TID_MASK);
	if (take->owner == take->taker->tid)
		return -LX_EDEADLK;
	if (take->owner && owner_is_alive(take->owner)) {
		bool marked = word & LX_FUTEX_WAITERS;

		return marked || take->only_try ? 0 : (int64_t)(word | LX_FUTEX_WAITERS);
	}
	if (take->is_heir)
		return LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS | (int64_t)take->taker->tid;
	if (take->owner)
		return -LX_ESRCH;
	/* Those who wait already come first. */
	if (find_lock(&take->key))
		return 0;
	return (int64_t)((word & (LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS)) | (uint32_t)take->taker->tid);
}

/* Under pi_lock: give the word to the taker if it is free, else see to it that its owner will call to unlock. */
static int64_t take_word(struct pi_take *take)
{
	uint32_t word = 0, desired = (uint32_t)take->taker->tid;
	bool takes = true;

	if (find_lock(&take->key))
		desired |= LX_FUTEX_WAITERS;
	for (;;) {
		int swapped = exchange_word(take->self, take->uaddr, &word, desired);
		int64_t next;

		if (swapped < 0)
			return -LX_EFAULT;
		if (swapped)
			return takes ? LOCK_TAKEN : LOCK_BUSY;
		next = next_word(take, word);
		if (next <= 0)
			return next ? next : LOCK_BUSY;
		desired = (uint32_t)next;
		takes = (desired & LX_FUTEX_TID_MASK) == (uint32_t)take->taker->tid;
	}
}

static void waiter_init(struct pi_waiter *waiter, struct lx_thread *thread)
{
	*waiter = (struct pi_waiter){.thread = thread};
	ke_wake_list_init(&waiter->wake);
}

static int64_t enqueue(struct pi_waiter *waiter, const struct pi_key *key, int32_t owner)
{
	struct pi_lock_state *lock = make_lock(key, owner);

	if (!lock)
		return -LX_ENOMEM;
	waiter->lock = lock;
	TAILQ_INSERT_TAIL(&lock->waiters, waiter, link);
	return 0;
}

/* Sleep until the lock is granted: 0, -LX_ETIMEDOUT, or -LX_EINTR: a signal. The waiter is in no queue afterwards. */
static int64_t wait_granted(struct pi_waiter *waiter, uint64_t deadline)
{
	struct ke_wake_entry *entry = &waiter->entry;
	struct lx_thread *thread = waiter->thread;

	for (;;) {
		NTSTATUS status = ke_list_sleep(&entry, 1, true, deadline);
		bool interrupted = (status == STATUS_USER_APC || status == STATUS_ALERTED) && lx_signal_pending(thread);
		bool done;

		rtl_lock(&pi_lock);
		done = waiter->granted || interrupted || status == STATUS_TIMEOUT;
		if (done && !waiter->granted) {
			leave_queue(waiter);
			if (waiter->for_requeue)
				TAILQ_REMOVE(&requeue_waiters, waiter, link);
		}
		rtl_unlock(&pi_lock);
		if (!done)
			continue;
		ke_list_dequeue(entry);
		if (waiter->granted)
			return 0;
		return interrupted ? -LX_EINTR : -LX_ETIMEDOUT;
	}
}

/* A point on the clock that the operation means, as a deadline; none: for ever. */
static int64_t copy_in_deadline(struct lx_call *call, struct lx_uptr timeout, bool realtime, uint64_t *deadline)
{
	uint64_t due, now;
	int64_t result;

	*deadline = UINT64_MAX;
	if (lx_is_null(timeout))
		return 0;
	result = lx_copy_in_timespec(call, timeout, &due);
	if (result)
		return result;
	now = hal_time(realtime ? HAL_CLOCK_REALTIME : HAL_CLOCK_MONOTONIC);
	*deadline = lx_deadline_after(due > now ? due - now : 0);
	return 0;
}

/* Take the lock (0) or queue for it (LOCK_BUSY): once queued, `waiter` is pi_lock's. */
static int64_t take_or_queue(struct pi_take *take, struct pi_waiter *waiter)
{
	int64_t result;

	waiter_init(waiter, take->taker);
	result = bring_in(take->self, take->uaddr, &take->key);
	if (result)
		return result;
	rtl_lock(&pi_lock);
	result = take_word(take);
	if (result == LOCK_BUSY)
		result = take->only_try ? -LX_EAGAIN : enqueue(waiter, &take->key, take->owner) ?: LOCK_BUSY;
	if (result == LOCK_BUSY)
		ke_list_enqueue(&waiter->wake, &waiter->entry);
	rtl_unlock(&pi_lock);
	return result;
}

static int64_t lock_with(struct pi_take *take, uint64_t deadline)
{
	struct pi_waiter waiter;
	int64_t result;

	do {
		result = take_or_queue(take, &waiter);
		if (result != LOCK_BUSY)
			return result;
		result = wait_granted(&waiter, deadline);
		take->is_heir = waiter.owner_died;
	} while (result == 0 && waiter.owner_died);
	return result == -LX_EINTR ? -LX_ERESTARTNOINTR : result;
}

static int64_t lock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint64_t deadline, bool only_try)
{
	struct pi_take take = {.self = call->thread, .taker = call->thread, .uaddr = uaddr, .only_try = only_try};
	int64_t result = make_key(call->thread, uaddr, op, &take.key);

	return result ? result : lock_with(&take, deadline);
}

int64_t lx_sys_futex_futex_lock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				   struct lx_uptr timeout)
{
	uint64_t deadline;
	int64_t result;

	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	/* Its clock is the realtime one, whatever the flag. */
	result = copy_in_deadline(call, timeout, true, &deadline);
	return result ? result : lock_pi(call, uaddr, op, deadline, false);
}

int64_t lx_sys_futex_futex_lock_pi2(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
				    struct lx_uptr timeout)
{
	uint64_t deadline;
	int64_t result = copy_in_deadline(call, timeout, op & LX_FUTEX_CLOCK_REALTIME, &deadline);

	return result ? result : lock_pi(call, uaddr, op, deadline, false);
}

int64_t lx_sys_futex_futex_trylock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op)
{
	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	return lock_pi(call, uaddr, op, 0, true);
}

/* Under pi_lock: hand the word to the first waiter, or free it. */
static int64_t release_word(struct lx_thread *thread, struct lx_uptr uaddr, const struct pi_key *key, uint32_t word)
{
	struct pi_lock_state *lock = find_lock(key);
	struct pi_waiter *heir = lock ? TAILQ_FIRST(&lock->waiters) : NULL;

	for (;;) {
		int swapped;

		if ((word & LX_FUTEX_TID_MASK) != (uint32_t)thread->tid)
			return -LX_EPERM;
		swapped = exchange_word(thread, uaddr, &word,
					heir ? (uint32_t)heir->thread->tid | LX_FUTEX_WAITERS : 0);
		if (swapped < 0)
			return -LX_EFAULT;
		if (swapped)
			break;
	}
	if (heir)
		grant(heir, false);
	return 0;
}

int64_t lx_sys_futex_futex_unlock_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op)
{
	struct pi_key key;
	uint32_t word;
	int64_t result;

	if (op & LX_FUTEX_CLOCK_REALTIME)
		return -LX_ENOSYS;
	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		return -LX_EFAULT;
	if ((word & LX_FUTEX_TID_MASK) != (uint32_t)call->thread->tid)
		return -LX_EPERM;
	result = make_key(call->thread, uaddr, op, &key);
	if (result == 0)
		result = bring_in(call->thread, uaddr, &key);
	if (result)
		return result;
	rtl_lock(&pi_lock);
	result = release_word(call->thread, uaddr, &key, word);
	rtl_unlock(&pi_lock);
	return result;
}

int64_t lx_sys_futex_futex_wait_requeue_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
					   struct lx_uptr timeout, struct lx_uptr uaddr2)
{
	struct pi_waiter waiter;
	uint64_t deadline;
	uint32_t word;
	int64_t result = copy_in_deadline(call, timeout, op & LX_FUTEX_CLOCK_REALTIME, &deadline);

	waiter_init(&waiter, call->thread);
	if (result == 0 && uaddr.address == uaddr2.address)
		result = -LX_EINVAL;
	if (result == 0)
		result = make_key(call->thread, uaddr, op, &waiter.condition_key);
	if (result == 0)
		result = make_key(call->thread, uaddr2, op, &waiter.lock_key);
	/* Once without pi_lock, so that the page is there. */
	if (result == 0)
		result = lx_copy_in(call, &word, uaddr, sizeof(word));
	if (result)
		return result;
	rtl_lock(&pi_lock);
	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		result = -LX_EFAULT;
	else if (word != val)
		result = -LX_EAGAIN;
	if (result == 0) {
		waiter.for_requeue = true;
		TAILQ_INSERT_TAIL(&requeue_waiters, &waiter, link);
		ke_list_enqueue(&waiter.wake, &waiter.entry);
	}
	rtl_unlock(&pi_lock);
	if (result)
		return result;
	result = wait_granted(&waiter, deadline);
	if (result == 0 && waiter.owner_died) {
		struct pi_take take = {.self = call->thread, .taker = call->thread, .uaddr = uaddr2,
				       .key = waiter.lock_key, .is_heir = true};

		return lock_with(&take, deadline);
	}
	/* Still on the condition the wait may start again; past it, the lock is not had and the caller must look again. */
	if (result == -LX_EINTR)
		return waiter.for_requeue ? -LX_ERESTARTNOINTR : -LX_EAGAIN;
	return result;
}

/* Under pi_lock: one waiter of the condition goes to the lock: granted if it is free, else queued. */
static int64_t requeue_one(struct lx_thread *self, struct pi_waiter *waiter, struct lx_uptr lock_address,
			   const struct pi_key *key)
{
	struct pi_take take = {.self = self, .taker = waiter->thread, .uaddr = lock_address, .key = *key};
	int64_t result = take_word(&take);

	if (result < 0)
		return result;
	TAILQ_REMOVE(&requeue_waiters, waiter, link);
	waiter->for_requeue = false;
	if (result == LOCK_TAKEN) {
		grant(waiter, false);
		return 0;
	}
	result = enqueue(waiter, key, take.owner);
	if (result) {
		TAILQ_INSERT_HEAD(&requeue_waiters, waiter, link);
		waiter->for_requeue = true;
	}
	return result;
}

int64_t lx_sys_futex_futex_cmp_requeue_pi(struct lx_call *call, struct lx_uptr uaddr, uint32_t op, uint32_t val,
					  uint32_t val2, struct lx_uptr uaddr2, uint32_t val3)
{
	struct pi_waiter *waiter, *next;
	struct pi_key condition, key;
	uint32_t word;
	uint64_t limit, moved = 0;
	int64_t result;

	if ((op & LX_FUTEX_CLOCK_REALTIME) || (int32_t)val2 < 0)
		return op & LX_FUTEX_CLOCK_REALTIME ? -LX_ENOSYS : -LX_EINVAL;
	if (uaddr.address == uaddr2.address || val != 1)
		return -LX_EINVAL;
	result = make_key(call->thread, uaddr, op, &condition);
	if (result == 0)
		result = make_key(call->thread, uaddr2, op, &key);
	/* Once without pi_lock, so that the pages are there. */
	if (result == 0)
		result = lx_copy_in(call, &word, uaddr, sizeof(word)) ?: bring_in(call->thread, uaddr2, &key);
	if (result)
		return result;
	limit = (uint64_t)val + val2;
	rtl_lock(&pi_lock);
	if (lx_copy_in(call, &word, uaddr, sizeof(word)))
		result = -LX_EFAULT;
	else if (word != val3)
		result = -LX_EAGAIN;
	for (waiter = TAILQ_FIRST(&requeue_waiters); result == 0 && waiter && moved < limit; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!same_key(&waiter->condition_key, &condition))
			continue;
		result = same_key(&waiter->lock_key, &key) ? requeue_one(call->thread, waiter, uaddr2, &key) : -LX_EINVAL;
		moved += result == 0;
	}
	rtl_unlock(&pi_lock);
	return moved ? (int64_t)moved : result;
}
