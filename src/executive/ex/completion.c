/*
 * Completion ports: queues of packets. A port is signalled while it has one; a
 * remover that finds it empty sleeps on the header and looks again, since
 * another may have been quicker.
 */
#include <executive/ex/ex.h>

#include <nt/ntio.h>
#include <nt/ntservices.h>
#include <rtl/lock.h>

struct packet {
	TAILQ_ENTRY(packet) link;
	PVOID key_context, apc_context;
	IO_STATUS_BLOCK status;
};

struct ex_completion {
	struct dispatcher_header header;
	struct rtl_lock lock; /* guards packets; the header's is taken under it */
	TAILQ_HEAD(, packet) packets;
};

static struct dispatcher_header *completion_dispatcher(void *object)
{
	return &((struct ex_completion *)object)->header;
}

static struct packet *take_packet(struct ex_completion *port)
{
	rtl_lock(&port->lock);
	struct packet *packet = TAILQ_FIRST(&port->packets);

	if (packet) {
		TAILQ_REMOVE(&port->packets, packet, link);
		ke_queue_remove(&port->header);
	}
	rtl_unlock(&port->lock);
	return packet;
}

static void delete_completion(void *object)
{
	struct ex_completion *port = object;
	struct packet *packet;

	while ((packet = take_packet(port)))
		free(packet);
	rtl_lock_destroy(&port->lock);
}

static void dump_completion(void *object, FILE *out)
{
	fprintf(out, "%d packets", ke_read_state(completion_dispatcher(object)));
}

static const struct ob_type_operations completion_operations = {
    .delete = delete_completion,
    .dispatcher = completion_dispatcher,
    .dump = dump_completion,
};

struct ob_type ex_completion_type = {
    .name = "IoCompletion",
    .mapping = {0x20001, 0x20002, 0x120000, IO_COMPLETION_ALL_ACCESS},
    .valid_access = IO_COMPLETION_ALL_ACCESS,
    .operations = &completion_operations,
};

NTSTATUS ex_set_completion(void *object, PVOID key_context, PVOID apc_context, NTSTATUS status, ULONG_PTR information)
{
	struct ex_completion *port = object;
	struct packet *packet = malloc(sizeof(*packet));

	if (!packet)
		return STATUS_INSUFFICIENT_RESOURCES;
	*packet = (struct packet){
	    .key_context = key_context,
	    .apc_context = apc_context,
	    .status = {.Status = status, .Information = information},
	};
	rtl_lock(&port->lock);
	TAILQ_INSERT_TAIL(&port->packets, packet, link);
	ke_queue_add(&port->header);
	rtl_unlock(&port->lock);
	return STATUS_SUCCESS;
}

NTSTATUS NtCreateIoCompletion(PHANDLE IoCompletionHandle, ACCESS_MASK DesiredAccess,
			      POBJECT_ATTRIBUTES ObjectAttributes, ULONG Count)
{
	/* Count, how many threads may run at once, is a hint to a scheduler that is the host's here. */
	struct ex_completion *port = ob_create_object(&ex_completion_type, sizeof(*port));

	if (!port)
		return STATUS_INSUFFICIENT_RESOURCES;
	ke_initialize_header(&port->header, KE_QUEUE);
	rtl_lock_initialize(&port->lock);
	TAILQ_INIT(&port->packets);
	return ob_insert_object(port, ObjectAttributes, DesiredAccess, IoCompletionHandle);
}

NTSTATUS NtOpenIoCompletion(PHANDLE IoCompletionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ex_completion_type, DesiredAccess, IoCompletionHandle);
}

NTSTATUS NtSetIoCompletion(HANDLE IoCompletionHandle, PVOID KeyContext, PVOID ApcContext, NTSTATUS IoStatus,
			   ULONG_PTR IoStatusInformation)
{
	cleanup_object void *port = NULL;
	NTSTATUS status =
	    ob_reference_by_handle(IoCompletionHandle, IO_COMPLETION_MODIFY_STATE, &ex_completion_type, &port);

	return NT_SUCCESS(status) ? ex_set_completion(port, KeyContext, ApcContext, IoStatus, IoStatusInformation)
				  : status;
}

/* A relative timeout as a point in time, so that it does not start anew with each look. */
static const LARGE_INTEGER *until(const LARGE_INTEGER *timeout, uint64_t deadline, LARGE_INTEGER *left)
{
	if (!timeout || timeout->QuadPart >= 0)
		return timeout;

	uint64_t now = hal_time(HAL_CLOCK_MONOTONIC);

	left->QuadPart = deadline == UINT64_MAX ? INT64_MIN
			 : now < deadline	? -(LONGLONG)((deadline - now + 99) / 100)
						: 0;
	return left;
}

NTSTATUS NtRemoveIoCompletion(HANDLE IoCompletionHandle, PVOID *KeyContext, PVOID *ApcContext,
			      PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER Timeout)
{
	cleanup_object void *object = NULL;
	NTSTATUS status =
	    ob_reference_by_handle(IoCompletionHandle, IO_COMPLETION_MODIFY_STATE, &ex_completion_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	struct ex_completion *port = object;
	uint64_t deadline = ke_deadline(Timeout);
	struct packet *packet;

	while (!(packet = take_packet(port))) {
		LARGE_INTEGER left;

		/* Alertable, though NT's is not: a guest's signals must reach a thread that sleeps here. */
		status = ke_wait_for_object(&port->header, true, until(Timeout, deadline, &left));
		if (status != STATUS_WAIT_0)
			return status;
	}
	*KeyContext = packet->key_context;
	*ApcContext = packet->apc_context;
	*IoStatusBlock = packet->status;
	free(packet);
	return STATUS_SUCCESS;
}
