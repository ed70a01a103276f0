/* Socket addresses, message headers and socket options. */
#include <trace/decode/decode.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <lx/flags.h>
#include <lx/structs.h>
#include <string.h>

enum { MAX_SOCKADDR = 128, FAMILY_SIZE = 2, MAX_OPTION = 64 };
#define UNIX_PATH_SIZE sizeof(((struct lx_sockaddr_un *)0)->sun_path)

static void append_unix(struct trace_decoder *decoder, const uint8_t *bytes, size_t size)
{
	const char *path = (const char *)bytes + FAMILY_SIZE;
	size_t room = size - FAMILY_SIZE < UNIX_PATH_SIZE ? size - FAMILY_SIZE : UNIX_PATH_SIZE;

	if (!room)
		return;
	trace_append(decoder->text, ", sun_path=");
	if (path[0]) {
		trace_quote(decoder->text, path, strnlen(path, room), decoder->format->quoting);
		return;
	}
	trace_append(decoder->text, "@");
	trace_quote(decoder->text, path + 1, room - 1, decoder->format->quoting);
}

static void append_inet(struct trace_decoder *decoder, const uint8_t *bytes)
{
	char text[INET_ADDRSTRLEN] = "";
	struct lx_sockaddr_in address;

	memcpy(&address, bytes, sizeof(address));
	inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
	trace_printf(decoder->text, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")", ntohs(address.sin_port), text);
}

static void append_inet6(struct trace_decoder *decoder, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct lx_sockaddr_in6 address;

	memcpy(&address, bytes, sizeof(address));
	inet_ntop(AF_INET6, address.sin6_addr, text, sizeof(text));
	trace_printf(decoder->text, ", sin6_port=htons(%u), sin6_flowinfo=htonl(%u), inet_pton(AF_INET6, \"%s\", &sin6_addr)",
		     ntohs(address.sin6_port), ntohl(address.sin6_flowinfo), text);
	trace_printf(decoder->text, ", sin6_scope_id=%u", address.sin6_scope_id);
}

static void append_netlink(struct trace_decoder *decoder, const uint8_t *bytes)
{
	struct lx_sockaddr_nl address;

	memcpy(&address, bytes, sizeof(address));
	trace_printf(decoder->text, ", nl_pid=%u, nl_groups=%#08x", (unsigned)address.nl_pid, address.nl_groups);
}

void trace_sockaddr(struct trace_decoder *decoder, uint64_t address, size_t size)
{
	uint8_t bytes[MAX_SOCKADDR] = {0};
	uint16_t family;

	size = size < sizeof(bytes) ? size : sizeof(bytes);
	if (size < FAMILY_SIZE || !trace_read(decoder, bytes, address, size)) {
		trace_append_address(decoder->text, address);
		return;
	}
	memcpy(&family, bytes, sizeof(family));
	trace_append(decoder->text, "{sa_family=");
	trace_enum(decoder->text, "address_family", family);
	if (family == LX_AF_UNIX) {
		append_unix(decoder, bytes, size);
	} else if (family == LX_AF_INET && size >= 8) {
		append_inet(decoder, bytes);
	} else if (family == LX_AF_INET6 && size >= 28) {
		append_inet6(decoder, bytes);
	} else if (family == LX_AF_NETLINK && size >= 12) {
		append_netlink(decoder, bytes);
	} else if (size > FAMILY_SIZE) {
		trace_append(decoder->text, ", sa_data=");
		trace_quote(decoder->text, bytes + FAMILY_SIZE, size - FAMILY_SIZE, decoder->format->quoting);
	}
	trace_append(decoder->text, "}");
}

void trace_message_header(struct trace_decoder *decoder, const uint8_t *bytes)
{
	struct lx_msghdr header;
	uint64_t filled = decoder->leaving && decoder->result >= 0 ? (uint64_t)decoder->result : UINT64_MAX;

	memcpy(&header, bytes, sizeof(header));
	trace_append(decoder->text, "{msg_name=");
	if (header.msg_name.address && header.msg_namelen > 0)
		trace_sockaddr(decoder, header.msg_name.address, (size_t)header.msg_namelen);
	else
		trace_append_address(decoder->text, header.msg_name.address);
	trace_printf(decoder->text, ", msg_namelen=%d, msg_iov=", header.msg_namelen);
	trace_iovec(decoder, header.msg_iov.address, header.msg_iovlen, filled);
	trace_printf(decoder->text, ", msg_iovlen=%" PRIu64, header.msg_iovlen);
	if (header.msg_control.address && header.msg_controllen) {
		trace_append(decoder->text, ", msg_control=");
		trace_append_address(decoder->text, header.msg_control.address);
	}
	trace_printf(decoder->text, ", msg_controllen=%" PRIu64 ", msg_flags=", header.msg_controllen);
	trace_enum(decoder->text, "msg", header.msg_flags);
	trace_append(decoder->text, "}");
}

/* Most are an int; others are shown as bytes. */
void trace_socket_option(struct trace_decoder *decoder, uint64_t address, size_t size)
{
	int32_t value;

	if (!address)
		trace_append(decoder->text, "NULL");
	else if (size == sizeof(value) && trace_read(decoder, &value, address, sizeof(value)))
		trace_printf(decoder->text, "[%d]", value);
	else
		trace_buffer(decoder, address, size < MAX_OPTION ? size : MAX_OPTION, decoder->format->quoting);
}
