/*
 * Does the instruction at an address write to memory? The host shows no page-fault error code, and programs (collectors
 * with write barriers, JITs, Wine) read its write bit. Where the faulting page's protection does not tell, the
 * instruction does: prefixes are skipped, and the opcode looked up among those that store. Unknown ones count as reads.
 */
#include <signal/exception.h>

#define MAXIMUM_INSTRUCTION 15

struct decoder {
	const uint8_t *bytes;
	size_t size, at;
};

static int next_byte(struct decoder *decoder)
{
	return decoder->at < decoder->size ? decoder->bytes[decoder->at++] : -1;
}

/* The register field of the ModRM byte, which for groups extends the opcode; mod 3 names no memory. */
static int extension(struct decoder *decoder)
{
	int modrm = next_byte(decoder);

	return modrm < 0 || modrm >> 6 == 3 ? -1 : modrm >> 3 & 7;
}

static bool is_prefix(int byte)
{
	return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e || byte == 0x36 ||
	       byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65 || (byte >= 0x40 && byte <= 0x4f);
}

/* 0f xx: moves to memory, set on condition, exchanges, bit operations. Also what VEX and EVEX encode of that map. */
static bool two_byte_writes(struct decoder *decoder, int opcode)
{
	static const uint8_t stores[] = {0x11, 0x13, 0x17, 0x29, 0x2b, 0x7e, 0x7f, 0xa4, 0xa5, 0xab, 0xac,
					 0xad, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1, 0xc3, 0xc7, 0xd6, 0xe7};

	for (size_t i = 0; i < sizeof(stores); i++)
		if (opcode == stores[i])
			return extension(decoder) >= 0;
	if (opcode == 0xba) /* bt only reads */
		return extension(decoder) > 4;
	return opcode >= 0x90 && opcode <= 0x9f;
}

static bool group_writes(struct decoder *decoder, int opcode)
{
	int operation = extension(decoder);

	switch (opcode) {
	case 0x80: case 0x81: case 0x83:
		return operation >= 0 && operation != 7; /* cmp */
	case 0xf6: case 0xf7:
		return operation == 2 || operation == 3; /* not, neg */
	case 0xfe:
		return operation == 0 || operation == 1;
	case 0xff:
		return operation == 0 || operation == 1 || operation == 2 || operation == 6; /* inc, dec, call, push */
	case 0xd9: case 0xdd:
		return operation == 2 || operation == 3 || operation == 6 || operation == 7;
	case 0xdb: case 0xdf:
		return operation == 1 || operation == 2 || operation == 3 || operation == 7;
	default:
		return operation >= 0;
	}
}

static bool one_byte_writes(struct decoder *decoder, int opcode)
{
	static const uint8_t groups[] = {0x80, 0x81, 0x83, 0x86, 0x87, 0x88, 0x89, 0x8c, 0x8f, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0,
					 0xd1, 0xd2, 0xd3, 0xd9, 0xdb, 0xdd, 0xdf, 0xf6, 0xf7, 0xfe, 0xff};
	static const uint8_t always[] = {0xa2, 0xa3, 0xa4, 0xa5, 0xaa, 0xab, 0xe8, 0x68, 0x6a, 0xc8};

	/* add, or, adc, sbb, and, sub, xor: to memory where the second lowest bit is clear; 38, 39 compare. */
	if (opcode < 0x38 && (opcode & 7) < 2)
		return extension(decoder) >= 0;
	if (opcode >= 0x50 && opcode <= 0x57)
		return true;
	for (size_t i = 0; i < sizeof(always); i++)
		if (opcode == always[i])
			return true;
	for (size_t i = 0; i < sizeof(groups); i++)
		if (opcode == groups[i])
			return group_writes(decoder, opcode);
	return false;
}

/* A VEX or EVEX prefix: what is left of it is skipped; map 1 holds the stores of vectors. */
static bool vector_writes(struct decoder *decoder, int prefix)
{
	int first = next_byte(decoder), map = prefix == 0xc5 ? 1 : prefix == 0xc4 ? first & 0x1f : first & 7;

	for (int skip = prefix == 0xc5 ? 0 : prefix == 0xc4 ? 1 : 2; skip > 0; skip--)
		next_byte(decoder);
	return map == 1 && two_byte_writes(decoder, next_byte(decoder));
}

bool lx_instruction_writes(const uint8_t *bytes, size_t size)
{
	struct decoder decoder = {bytes, size < MAXIMUM_INSTRUCTION ? size : MAXIMUM_INSTRUCTION, 0};
	int byte;

	do
		byte = next_byte(&decoder);
	while (is_prefix(byte));
	if (byte < 0)
		return false;
	if (byte == 0x0f)
		return two_byte_writes(&decoder, next_byte(&decoder));
	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
		return vector_writes(&decoder, byte);
	return one_byte_writes(&decoder, byte);
}
