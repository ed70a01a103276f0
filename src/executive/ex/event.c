/* Event objects. */
#include <executive/ex/ex.h>

#include <nt/ntservices.h>

static struct dispatcher_header *event_dispatcher(void *object)
{
	return &((struct kevent *)object)->header;
}

static void dump_event(void *object, FILE *out)
{
	struct kevent *event = object;

	fprintf(out, "%s, %s", event->header.type == KE_EVENT_NOTIFICATION ? "notification" : "synchronization",
		ke_read_state(&event->header) ? "signalled" : "not signalled");
}

static const struct ob_type_operations event_operations = {.dispatcher = event_dispatcher, .dump = dump_event};

struct ob_type ex_event_type = {
    .name = "Event",
    .mapping = {0x20001, 0x20002, 0x120000, EVENT_ALL_ACCESS},
    .valid_access = EVENT_ALL_ACCESS,
    .operations = &event_operations,
};

NTSTATUS NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
		       EVENT_TYPE EventType, BOOLEAN InitialState)
{
	if (EventType != NotificationEvent && EventType != SynchronizationEvent)
		return STATUS_INVALID_PARAMETER;

	struct kevent *event = ob_create_object(&ex_event_type, sizeof(*event));

	if (!event)
		return STATUS_INSUFFICIENT_RESOURCES;
	ke_initialize_event(event, EventType, InitialState != 0);
	return ob_insert_object(event, ObjectAttributes, DesiredAccess, EventHandle);
}

NTSTATUS NtOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ex_event_type, DesiredAccess, EventHandle);
}

static NTSTATUS reference_event(HANDLE handle, ACCESS_MASK access, void **event)
{
	return ob_reference_by_handle(handle, access, &ex_event_type, event);
}

NTSTATUS NtSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
	cleanup_object void *event = NULL;
	NTSTATUS status = reference_event(EventHandle, EVENT_MODIFY_STATE, &event);

	if (!NT_SUCCESS(status))
		return status;

	LONG previous = ke_set_event(event);

	if (PreviousState)
		*PreviousState = previous;
	return STATUS_SUCCESS;
}

NTSTATUS NtResetEvent(HANDLE EventHandle, PLONG PreviousState)
{
	cleanup_object void *event = NULL;
	NTSTATUS status = reference_event(EventHandle, EVENT_MODIFY_STATE, &event);

	if (!NT_SUCCESS(status))
		return status;

	LONG previous = ke_reset_event(event);

	if (PreviousState)
		*PreviousState = previous;
	return STATUS_SUCCESS;
}

NTSTATUS NtClearEvent(HANDLE EventHandle)
{
	return NtResetEvent(EventHandle, NULL);
}

NTSTATUS NtPulseEvent(HANDLE EventHandle, PLONG PreviousState)
{
	cleanup_object void *event = NULL;
	NTSTATUS status = reference_event(EventHandle, EVENT_MODIFY_STATE, &event);

	if (!NT_SUCCESS(status))
		return status;
	if (PreviousState)
		*PreviousState = ke_read_state(&((struct kevent *)event)->header);
	ke_pulse_event(event);
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryEvent(HANDLE EventHandle, EVENT_INFORMATION_CLASS EventInformationClass, PVOID EventInformation,
		      ULONG EventInformationLength, PULONG ReturnLength)
{
	EVENT_BASIC_INFORMATION *basic = EventInformation;
	cleanup_object void *object = NULL;

	if (EventInformationClass != EventBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (EventInformationLength != sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;

	NTSTATUS status = reference_event(EventHandle, EVENT_QUERY_STATE, &object);

	if (!NT_SUCCESS(status))
		return status;

	struct kevent *event = object;

	basic->EventType = event->header.type == KE_EVENT_NOTIFICATION ? NotificationEvent : SynchronizationEvent;
	basic->EventState = ke_read_state(&event->header);
	if (ReturnLength)
		*ReturnLength = sizeof(*basic);
	return STATUS_SUCCESS;
}
