/* The trap platform: calls, forks and threads of guests; what they raise; what they can't do. */
#include "pico_fixture.h"

#include <pico/layout.h>
#include <stub_image.h>

static void a_call_is_emulated_and_its_result_arrives(void **state)
{
	GUEST_CODE(emulated, "sys 110\nlogax\nend");

	RUN(emulated, 1);
	assert_logged(4711);
}

static void only_the_result_register_changes(void **state)
{
	GUEST_CODE(registers, "mov $0x1234567890, %rbx\nmov $5, %r12d\nmov $6, %r8d\nmov $7, %edx\nmov $8, %edi\n"
			      "sys 110\nadd %rbx, %rax\nadd %r12, %rax\nadd %r8, %rax\nadd %rdx, %rax\nadd %rdi, %rax\nlogax\nend");

	RUN(registers, 1);
	assert_logged(4711 + 0x1234567890 + 5 + 6 + 7 + 8);
}

static void a_forked_process_goes_on_behind_the_call_with_zero(void **state)
{
	/* What the child writes is its own. */
	GUEST_CODE(forking, "mov $0x410000, %ebx\nsys 3001\nadd %eax, (%rbx)\nmov (%rbx), %edi\nlog\nend");

	RUN(forking, 2);
	assert_int_equal(log_count, 2);
	assert_int_equal(logged[0] + logged[1], 1);
}

static void threads_share_memory(void **state)
{
	/* Each adds to one word and waits until it sees what both have added. */
	GUEST_CODE(sharing, "mov $0x410000, %ebx\nsys 3002\nlock addl $3, (%rbx)\n1: pause\ncmpl $6, (%rbx)\njne 1b\nlogax\nend");

	RUN(sharing, 2);
	assert_int_equal(log_count, 2);
	assert_int_equal(logged[0] + logged[1], 1);
}

static void int80_is_caught_and_never_runs(void **state)
{
	/* i386's number 39 is mkdir, x86-64's getpid */
	GUEST_CODE(int80, "mov $39, %eax\nint $0x80\nlogax\nend");

	RUN(int80, 1);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
}

static enum pico_entry seen_entry;

static void note_entry(struct pico_thread *thread, struct pico_system_call *call)
{
	seen_entry = call->entry;
	call->result = 1234;
}

static void numbers_of_no_call_are_ordinary_calls(void **state)
{
	GUEST_CODE(x32, "mov $0x40000027, %eax\nsyscall\nlogax\nend");

	RUN(x32, 1);
	/* What the fixture's provider says to a number that it does not know. */
	assert_logged(-ENOSYS);
}

static bool host_has_vsyscall(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps))
		found = found || strstr(line, "[vsyscall]");
	if (maps)
		fclose(maps);
	return found;
}

static void call_into_the_vsyscall_page_is_the_providers(void **state)
{
	GUEST_CODE(vsyscall, "mov $0xffffffffff600400, %rax\nmov $0x410000, %edi\ncall *%rax\nlogax\nmov %rsp, %rdi\nlog\nend");

	if (!host_has_vsyscall())
		skip();
	step = note_entry;
	RUN(vsyscall, 1);
	assert_int_equal(seen_entry, PICO_ENTRY_VSYSCALL);
	assert_logged(1234, STACK);
}

static struct pico_exception seen_fault;

static void note_fault(struct pico_thread *thread, const struct pico_exception *information)
{
	seen_fault = *information;
	record((uint64_t)information->host_signal);
}

#define FAULT_CODE(name, text) GUEST_CODE(name, "lea 1f(%rip), %r15\n" text "\n1: mov $99, %edi\nlog\nend")

static void expect_fault(const uint8_t *code, const uint8_t *code_end, int signal, uint32_t trap, uint64_t error)
{
	fault = note_fault;
	wait_ended(start_guest(code, code_end), 1);
	assert_logged((uint64_t)signal, 99);
	assert_int_equal(seen_fault.trap_number, trap);
	assert_int_equal(seen_fault.error_code, error);
}

#define EXPECT_FAULT(code, signal, trap, error) expect_fault(code, code##_end, signal, trap, error)

static void faults_are_exceptions_with_trap_and_error(void **state)
{
	FAULT_CODE(nothing_there, "movb $0, 0x1234");
	FAULT_CODE(read_only, "movb $0, 0x420010");
	FAULT_CODE(jump_away, "mov $0x500000, %eax\njmp *%rax");
	FAULT_CODE(privileged, "hlt");
	FAULT_CODE(divide, "xor %ecx, %ecx\ndiv %ecx");
	FAULT_CODE(undefined, "ud2");
	FAULT_CODE(breakpoint, "int3");

	EXPECT_FAULT(nothing_there, SIGSEGV, 14, 4);
	assert_int_equal(seen_fault.address, 0x1234);
	EXPECT_FAULT(read_only, SIGSEGV, 14, 5);
	assert_int_equal(seen_fault.address, STACK + 0x10);
	EXPECT_FAULT(jump_away, SIGSEGV, 14, 0x14);
	EXPECT_FAULT(privileged, SIGSEGV, 13, 0);
	EXPECT_FAULT(divide, SIGFPE, 0, 0);
	EXPECT_FAULT(undefined, SIGILL, 6, 0);
	EXPECT_FAULT(breakpoint, SIGTRAP, 3, 0);
}

/* Run code that expects an address in rcx. */
static void run_at(const uint8_t *code, const uint8_t *code_end, uint64_t address)
{
	struct pico_registers registers = first_registers;
	struct pico_process *process;
	struct pico_thread *thread;

	log_count = 0;
	registers.rcx = address;
	assert_int_equal(platform->process_create(&process, &thread), 0);
	assert_int_equal(prepare(NULL, thread, code, (size_t)(code_end - code)), 0);
	assert_int_equal(platform->thread_start(thread, &registers, NULL), 0);
	wait_ended(process, 1);
}

static void stub_code_called_by_a_guest_gets_only_enosys(void **state)
{
	GUEST_CODE(intruder, "lea 1f(%rip), %rbx\nmov $110, %eax\njmp *%rcx\n1: logax\nend");

	run_at(intruder, intruder_end, PICO_CALL_SITE);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
}

/* A guest that plays the supervisor: its "done" and its batches come to nothing. */
static void guest_that_reports_from_the_stub_gets_enosys(void **state)
{
	GUEST_CODE(reporter, "lea 1f(%rip), %rbx\nmov $0x1000, %eax\njmp *%rcx\n1: logax\nend");

	run_at(reporter, reporter_end, PICO_CALL_SITE);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
}

static void listed_call_from_the_stub_touches_the_guests_own_memory_alone(void **state)
{
	/* munmap(stub) and munmap(data) through the call site: the first traps, the second is done. */
	GUEST_CODE(unmapper, "mov %rcx, %r12\nlea 1f(%rip), %rbx\nmov $11, %eax\nmov $0x120000, %edi\nmov $4096, %esi\njmp *%r12\n1: logax\n"
			     "lea 2f(%rip), %rbx\nmov $11, %eax\nmov $0x410000, %edi\nmov $4096, %esi\njmp *%r12\n2: logax\nend");

	run_at(unmapper, unmapper_end, PICO_CALL_SITE);
	assert_int_equal(log_count, 2);
	assert_int_equal((int32_t)logged[0], -ENOSYS);
	assert_int_equal(logged[1], 0);
}

static void reported_fault_does_not_harm_later_calls(void **state)
{
	GUEST_CODE(twice, "lea 1f(%rip), %r15\nmovb $0, 0x10\n1: sys 110\nlogax\nlea 2f(%rip), %r15\nud2\n2: sys 110\nlogax\nend");

	RUN(twice, 1);
	assert_logged(4711, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		pico_test(a_call_is_emulated_and_its_result_arrives),
		pico_test(only_the_result_register_changes),
		pico_test(a_forked_process_goes_on_behind_the_call_with_zero),
		pico_test(threads_share_memory),
		pico_test(int80_is_caught_and_never_runs),
		pico_test(numbers_of_no_call_are_ordinary_calls),
		pico_test(call_into_the_vsyscall_page_is_the_providers),
		pico_test(faults_are_exceptions_with_trap_and_error),
		pico_test(stub_code_called_by_a_guest_gets_only_enosys),
		pico_test(guest_that_reports_from_the_stub_gets_enosys),
		pico_test(listed_call_from_the_stub_touches_the_guests_own_memory_alone),
		pico_test(reported_fault_does_not_harm_later_calls),
	};

	return cmocka_run_group_tests_name("pico", tests, start_platform, stop_platform);
}
