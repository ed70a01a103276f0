/*
 * The floating-point and vector state in signal frames.
 *
 * The platform gives the XSAVE area in its standard format, as ptrace has it: the first eight of its 48 bytes for software
 * hold the features that the kernel manages. A signal frame holds the same area with Linux' own description in those
 * bytes (magic number, sizes, features) and a second magic number behind it. What sigreturn finds there is a guest's:
 * it is copied once and checked as XRSTOR would, so that a bad one is a SIGSEGV and never a refusal later on. Nothing here
 * allocates: a signal must not kill its program because the supervisor is short of memory.
 */
#include <lx_structs.h>
#include <signal/signals.h>

#define LEGACY_SIZE 512u    /* FXSAVE area */
#define HEADER_SIZE 64u
#define LEGACY_ALIGNMENT 16u
#define EXTENDED_ALIGNMENT 64u
#define SOFTWARE_OFFSET 464u
#define MXCSR_OFFSET 24u
#define MXCSR_MASK_OFFSET 28u
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
#define FEATURES_FPSSE 3ull
#define FEATURE_TILE_DATA (1ull << 18) /* AMX: only for who asked for it by arch_prctl */
#define TILE_CONFIG_END (LX_XSTATE_FRAME_MAXIMUM - sizeof(uint32_t))
#define MAXIMUM_STATE 16384u
#define INITIAL_CONTROL_WORD 0x37fu
#define INITIAL_MXCSR 0x1f80u
#define DEFAULT_MXCSR_MASK 0xffbfu

/* The part that a frame holds: all but the dynamically enabled tile data. */
static uint64_t state_size(void)
{
	size_t size = ps_platform()->extended_state_size;

	return MIN_OF(size, (size_t)TILE_CONFIG_END);
}

int64_t lx_xstate_frame_size(void)
{
	uint64_t size = state_size();

	return size < LEGACY_SIZE + HEADER_SIZE ? -LX_EIO : (int64_t)(size + sizeof(uint32_t));
}

static int64_t read_state(struct lx_thread *thread, uint8_t *state)
{
	int64_t size = ps_platform()->get_extended_state(thread->ps->pico, state, MAXIMUM_STATE);

	return size < (int64_t)(LEGACY_SIZE + HEADER_SIZE) ? -LX_EIO : size;
}

static uint64_t managed_features(const uint8_t *state)
{
	uint64_t features;

	memcpy(&features, state + SOFTWARE_OFFSET, sizeof(features));
	return features & ~FEATURE_TILE_DATA;
}

int64_t lx_xstate_save(struct lx_thread *thread, uint8_t *image, size_t size)
{
	uint8_t state[MAXIMUM_STATE] = {0};
	struct lx_fpx_sw_bytes description = {.magic1 = MAGIC1, .xstate_size = (uint32_t)state_size()};
	struct lx_xstate_header header;
	uint32_t magic2 = MAGIC2;

	if (size != description.xstate_size + sizeof(magic2) || size > LX_XSTATE_FRAME_MAXIMUM)
		return -LX_ENOMEM;
	if (read_state(thread, state) < 0)
		return -LX_EIO;
	description.extended_size = (uint32_t)size;
	description.xfeatures = managed_features(state);
	memcpy(state + SOFTWARE_OFFSET, &description, sizeof(description));
	memcpy(&header, state + LEGACY_SIZE, sizeof(header));
	/* Handlers that know of no XSAVE may change these two: they always count. */
	header.xfeatures = (header.xfeatures & description.xfeatures) | FEATURES_FPSSE;
	header.reserved1[0] = 0;
	memcpy(state + LEGACY_SIZE, &header, sizeof(header));
	memcpy(image, state, description.xstate_size);
	memcpy(image + description.xstate_size, &magic2, sizeof(magic2));
	return 0;
}

static void initial_legacy_state(uint8_t *state)
{
	uint16_t control = INITIAL_CONTROL_WORD;
	uint32_t mxcsr = INITIAL_MXCSR;

	memset(state, 0, LEGACY_SIZE);
	memcpy(state, &control, sizeof(control));
	memcpy(state + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}

static int64_t write_state(struct lx_thread *thread, uint8_t *state, uint64_t present)
{
	struct lx_xstate_header header = {.xfeatures = present};

	memcpy(state + LEGACY_SIZE, &header, sizeof(header));
	return ps_platform()->set_extended_state(thread->ps->pico, state, ps_platform()->extended_state_size) < 0 ?
		       -LX_EFAULT : 0;
}

int64_t lx_xstate_reset(struct lx_thread *thread)
{
	uint8_t state[MAXIMUM_STATE] = {0};

	if (ps_platform()->extended_state_size > MAXIMUM_STATE)
		return -LX_ENOMEM;
	initial_legacy_state(state);
	return write_state(thread, state, FEATURES_FPSSE);
}

/* Does the frame hold an extended area, or just the FXSAVE one? */
static bool has_extended_area(struct lx_thread *thread, uint64_t address, const struct lx_fpx_sw_bytes *description)
{
	uint32_t magic2;

	if (description->magic1 != MAGIC1)
		return false;
	if (mm_copy_from(thread->process->ps->space, &magic2, address + state_size(), sizeof(magic2)) != sizeof(magic2))
		return false;
	return magic2 == MAGIC2;
}

/* XRSTOR's own checks. */
static bool is_valid(const uint8_t *state, uint64_t managed, uint32_t mxcsr_mask)
{
	struct lx_xstate_header header;
	uint32_t mxcsr;

	memcpy(&header, state + LEGACY_SIZE, sizeof(header));
	memcpy(&mxcsr, state + MXCSR_OFFSET, sizeof(mxcsr));
	for (size_t i = 0; i < ARRAY_COUNT(header.reserved2); i++)
		if (header.reserved2[i])
			return false;
	return !(header.xfeatures & ~managed) && !header.reserved1[0] && !header.reserved1[1] && !(mxcsr & ~mxcsr_mask);
}

static int64_t restore_area(struct lx_thread *thread, uint8_t *state, uint64_t managed, uint32_t mxcsr_mask)
{
	struct lx_fpx_sw_bytes description;
	struct lx_xstate_header header;
	uint8_t legacy[LEGACY_SIZE];

	memcpy(&description, state + SOFTWARE_OFFSET, sizeof(description));
	memcpy(&header, state + LEGACY_SIZE, sizeof(header));
	if (!is_valid(state, managed, mxcsr_mask))
		return -LX_EFAULT;
	/* A part that is not present is in its initial state; so the legacy bytes of one must be the initial ones. */
	header.xfeatures &= description.xfeatures;
	initial_legacy_state(legacy);
	if (header.xfeatures & 1)
		memcpy(legacy, state, MXCSR_OFFSET), memcpy(legacy + 32, state + 32, 128);
	if (header.xfeatures & 2)
		memcpy(legacy + 160, state + 160, 256);
	memcpy(legacy + MXCSR_OFFSET, state + MXCSR_OFFSET, sizeof(uint32_t));
	memcpy(state, legacy, sizeof(legacy));
	return write_state(thread, state, header.xfeatures | FEATURES_FPSSE);
}

int64_t lx_xstate_restore(struct lx_thread *thread, uint64_t address)
{
	uint8_t state[MAXIMUM_STATE] = {0};
	struct mm_address_space *space = thread->process->ps->space;
	struct lx_fpx_sw_bytes description;
	uint32_t mxcsr_mask;
	uint64_t managed, size = state_size();

	if (address == 0)
		return lx_xstate_reset(thread);
	if (ps_platform()->extended_state_size > MAXIMUM_STATE)
		return -LX_ENOMEM;
	if (read_state(thread, state) < 0)
		return -LX_EIO;
	managed = managed_features(state);
	memcpy(&mxcsr_mask, state + MXCSR_MASK_OFFSET, sizeof(mxcsr_mask));
	if (!mxcsr_mask)
		mxcsr_mask = DEFAULT_MXCSR_MASK;
	memset(state, 0, MAXIMUM_STATE);
	if (mm_copy_from(space, state, address, LEGACY_SIZE) != LEGACY_SIZE)
		return -LX_EFAULT;
	memcpy(&description, state + SOFTWARE_OFFSET, sizeof(description));
	if (address % LEGACY_ALIGNMENT)
		return -LX_EFAULT;
	if (has_extended_area(thread, address, &description)) {
		uint64_t rest = size - LEGACY_SIZE;

		if (address % EXTENDED_ALIGNMENT)
			return -LX_EFAULT;
		if (mm_copy_from(space, state + LEGACY_SIZE, address + LEGACY_SIZE, rest) != rest)
			return -LX_EFAULT;
		return restore_area(thread, state, managed, mxcsr_mask);
	}
	if (!is_valid(state, managed, mxcsr_mask))
		return -LX_EFAULT;
	return write_state(thread, state, FEATURES_FPSSE);
}
