#include "dissect/dissect.h"
#include "model/pipe.h"

/* [C706] 12.6.4 */
enum { VERSION = 5, BIND = 11, ALTER_CONTEXT = 14, DREP_LITTLE = 0x10 };
enum { MAX_CONTEXTS = 32, UUID = 16, SYNTAX = UUID + 4 };

/* The form that bh_pipe_bit_of_interface() reads: the integers at its start little endian. */
static void read_uuid(struct bh_cur *c, bool little, uint8_t ret[UUID])
{
	static const uint8_t swapped[UUID] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14,
		15 };
	struct bh_span s = bh_cur_take(c, UUID);

	for (unsigned i = 0; i < UUID && s.len; i++)
		ret[i] = s.ptr[little ? i : swapped[i]];
}

static uint16_t read_u16(struct bh_cur *c, bool little)
{
	return little ? bh_cur_le16(c) : bh_cur_be16(c);
}

/* [C706] 12.6.4.3: the list of presentation contexts; what authenticates the caller comes
 * behind it. */
static int contexts(struct bh_cur *c, bool little, uint32_t *ret)
{
	uint32_t pipes = 0;
	uint8_t n = bh_cur_u8(c);

	bh_cur_skip(c, 3);
	if (n > MAX_CONTEXTS)
		return -EBADMSG;
	for (unsigned i = 0; i < n && bh_cur_ok(c); i++) {
		uint8_t uuid[UUID] = { 0 };
		bh_cur_skip(c, 2); /* its number */
		uint8_t transfers = bh_cur_u8(c);
		bh_cur_skip(c, 1);
		read_uuid(c, little, uuid);
		bh_cur_skip(c, 4 + (size_t)transfers * SYNTAX); /* version, transfer syntaxes */
		pipes |= bh_pipe_bit_of_interface(uuid);
	}
	if (!bh_cur_ok(c))
		return -EBADMSG;
	*ret = pipes;
	return 0;
}

int bh_rpc_bind(struct bh_span pdu, uint32_t *ret_pipes)
{
	struct bh_cur c = bh_cur_of(pdu);
	uint8_t version = bh_cur_u8(&c);
	uint8_t minor = bh_cur_u8(&c);
	uint8_t type = bh_cur_u8(&c);

	bh_cur_skip(&c, 1); /* flags */
	uint8_t representation = bh_cur_u8(&c);
	bool little = representation & DREP_LITTLE;
	bh_cur_skip(&c, 3);
	uint16_t length = read_u16(&c, little);
	uint16_t auth = read_u16(&c, little);
	bh_cur_skip(&c, 4); /* call */
	if (!bh_cur_ok(&c) || version != VERSION || minor > 1)
		return -ENOMSG;
	if (type != BIND && type != ALTER_CONTEXT)
		return -ENOMSG;
	if (auth > length || bh_cur_offset(&c) > length)
		return -EBADMSG;
	if (length < pdu.len) {
		size_t at = bh_cur_offset(&c);
		c = bh_cur_of(bh_span_of(pdu.ptr, length));
		bh_cur_skip(&c, at);
	}
	bh_cur_skip(&c, 2 + 2 + 4); /* largest fragments, association group */
	return contexts(&c, little, ret_pipes);
}
