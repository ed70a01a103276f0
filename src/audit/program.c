/*
 * The BPF program, written as instructions: it is short, and so neither clang
 * nor kernel headers are needed to build it. Offsets within the kernel's
 * structures come from its own type information (BTF) through libbpf.
 *
 * The tracepoint fires behind seccomp and ptrace: a call that the supervisor
 * skipped is not seen, one that it changed is seen as what really runs.
 */
#include <audit/program.h>
#include <stub_image.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/user.h>
#include <unistd.h>

#define SECCOMP_MODE_OF_FILTERS 2
#define INSTRUCTION(code_, dst, src, off_, imm_) ((struct bpf_insn){.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_)})
#define LOAD(size, dst, src, off) INSTRUCTION(BPF_LDX | (size) | BPF_MEM, dst, src, off, 0)
#define STORE(size, dst, src, off) INSTRUCTION(BPF_STX | (size) | BPF_MEM, dst, src, off, 0)
#define STORE_IMM(size, dst, off, imm) INSTRUCTION(BPF_ST | (size) | BPF_MEM, dst, 0, off, imm)
#define MOVE(dst, src) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOVE_IMM(dst, imm) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ADD_IMM(dst, imm) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define JUMP(op, dst, imm, off) INSTRUCTION(BPF_JMP | (op) | BPF_K, dst, 0, off, imm)
#define CALL(function) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define EXIT INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* probe_read_kernel(frame + to, size, base + offset) */
#define READ_KERNEL(to, size, base, offset)                                                                                      \
	MOVE(BPF_REG_1, BPF_REG_10), ADD_IMM(BPF_REG_1, to), MOVE_IMM(BPF_REG_2, size), MOVE(BPF_REG_3, base),                   \
		ADD_IMM(BPF_REG_3, offset), CALL(BPF_FUNC_probe_read_kernel)

struct task_layout {
	int real_parent, tgid, seccomp_mode;
};

/* The byte offset of a member of a kernel structure, or -1. */
static int member_offset(const struct btf *btf, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	for (uint16_t i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), member) == 0)
			return (int)(btf_member_bit_offset(type, i) / 8);
	return -1;
}

static int find_layout(struct task_layout *layout)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int seccomp, mode;

	if (!btf)
		return -errno;
	layout->real_parent = member_offset(btf, "task_struct", "real_parent");
	layout->tgid = member_offset(btf, "task_struct", "tgid");
	seccomp = member_offset(btf, "task_struct", "seccomp");
	mode = member_offset(btf, "seccomp", "mode");
	layout->seccomp_mode = seccomp + mode;
	btf__free(btf);
	return layout->real_parent < 0 || layout->tgid < 0 || seccomp < 0 || mode < 0 ? -ENOENT : 0;
}

/* Frame: -8 call number, -16 parent, -24 its tgid, -32 seccomp mode, -40 instruction pointer, -48 key {origin, number}, -56 one. */
static int load_program(int map, const struct task_layout *layout, pid_t supervisor)
{
	const struct bpf_insn program[] = {
		LOAD(BPF_DW, BPF_REG_6, BPF_REG_1, 8),
		LOAD(BPF_DW, BPF_REG_7, BPF_REG_1, 0),
		CALL(BPF_FUNC_get_current_task),
		MOVE(BPF_REG_8, BPF_REG_0),
		READ_KERNEL(-16, 8, BPF_REG_8, layout->real_parent),
		LOAD(BPF_DW, BPF_REG_9, BPF_REG_10, -16),
		STORE_IMM(BPF_DW, BPF_REG_10, -24, 0),
		READ_KERNEL(-24, 4, BPF_REG_9, layout->tgid),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_10, -24),
		JUMP(BPF_JEQ, BPF_REG_1, supervisor, 2),
		MOVE_IMM(BPF_REG_0, 0),
		EXIT,
		STORE_IMM(BPF_DW, BPF_REG_10, -32, 0),
		READ_KERNEL(-32, 4, BPF_REG_8, layout->seccomp_mode),
		READ_KERNEL(-40, 8, BPF_REG_7, (int)offsetof(struct user_regs_struct, rip)),
		/* the key */
		STORE(BPF_W, BPF_REG_10, BPF_REG_6, -44),
		STORE_IMM(BPF_W, BPF_REG_10, -48, AUDIT_STARTUP),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_10, -32),
		JUMP(BPF_JNE, BPF_REG_1, SECCOMP_MODE_OF_FILTERS, 4),
		STORE_IMM(BPF_W, BPF_REG_10, -48, AUDIT_GUEST),
		LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, -40),
		JUMP(BPF_JNE, BPF_REG_1, (int)PICO_CALL_RETURN, 1),
		STORE_IMM(BPF_W, BPF_REG_10, -48, AUDIT_STUB),
		/* count */
		INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSTRUCTION(0, 0, 0, 0, 0),
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -48),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP(BPF_JEQ, BPF_REG_0, 0, 3),
		MOVE_IMM(BPF_REG_1, 1),
		INSTRUCTION(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		JUMP(BPF_JA, 0, 0, 9),
		STORE_IMM(BPF_DW, BPF_REG_10, -56, 1),
		INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSTRUCTION(0, 0, 0, 0, 0),
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -48),
		MOVE(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -56),
		MOVE_IMM(BPF_REG_4, BPF_ANY),
		CALL(BPF_FUNC_map_update_elem),
		MOVE_IMM(BPF_REG_0, 0),
		EXIT,
	};
	int loaded = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "lxaudit", "GPL", program, sizeof(program) / sizeof(program[0]), NULL);

	return loaded < 0 ? -errno : loaded;
}

int audit_attach(struct audit_program *audit, pid_t supervisor, const char **error)
{
	struct task_layout layout = {0};
	int failed;

	*audit = (struct audit_program){-1, -1, -1};
	libbpf_set_print(NULL);
	failed = find_layout(&layout);
	if (failed) {
		*error = "the kernel has no type information (CONFIG_DEBUG_INFO_BTF)";
		return failed;
	}
	audit->map = bpf_map_create(BPF_MAP_TYPE_HASH, "lxaudit", 2 * sizeof(uint32_t), sizeof(uint64_t), 4096, NULL);
	if (audit->map < 0) {
		*error = "cannot make a BPF map; root or CAP_BPF and CAP_PERFMON are needed";
		return -errno;
	}
	audit->program = load_program(audit->map, &layout, supervisor);
	if (audit->program < 0) {
		*error = "cannot load the BPF program; root or CAP_BPF and CAP_PERFMON are needed";
		return audit->program;
	}
	audit->link = bpf_raw_tracepoint_open("sys_enter", audit->program);
	if (audit->link < 0) {
		*error = "cannot attach to the sys_enter tracepoint";
		return -errno;
	}
	return 0;
}

void audit_detach(struct audit_program *audit)
{
	if (audit->link >= 0)
		close(audit->link);
	if (audit->program >= 0)
		close(audit->program);
	if (audit->map >= 0)
		close(audit->map);
}

void audit_walk(const struct audit_program *audit, void (*visit)(enum audit_origin origin, uint32_t number, uint64_t count, void *context),
		void *context)
{
	uint32_t key[2], next[2];
	uint64_t count;

	for (const void *previous = NULL; bpf_map_get_next_key(audit->map, previous, next) == 0; previous = key) {
		memcpy(key, next, sizeof(key));
		if (bpf_map_lookup_elem(audit->map, key, &count) == 0)
			visit((enum audit_origin)key[0], key[1], count, context);
	}
}
