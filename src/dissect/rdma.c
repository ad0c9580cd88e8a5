#include "dissect/dissect.h"

/* RFC 5044 7.1.1; RFC 6581 5 made it version 2. */
enum { MPA_KEY = 16, MPA_MAX_PRIVATE = 512 };

bool bh_smbd_mpa(struct bh_span segment)
{
	struct bh_cur c = bh_cur_of(segment);

	struct bh_span key = bh_cur_take(&c, MPA_KEY);
	bh_cur_skip(&c, 1); /* markers, CRC, rejected */
	uint8_t version = bh_cur_u8(&c);
	uint16_t private = bh_cur_be16(&c);
	return bh_cur_ok(&c) &&
	       (!memcmp(key.ptr, "MPA ID Req Frame", MPA_KEY) ||
		       !memcmp(key.ptr, "MPA ID Rep Frame", MPA_KEY)) &&
	       (version == 1 || version == 2) && private <= MPA_MAX_PRIVATE;
}

/* InfiniBand Architecture 1.4, 9.2, and its annex A17 for the packet in UDP. */
bool bh_roce(struct bh_span payload)
{
	enum { CONGESTION = 0x81, LAST_OPERATION = 0x17, ICRC = 4, NO_KEY = 0x8000 };
	struct bh_cur c = bh_cur_of(payload);

	uint8_t opcode = bh_cur_u8(&c);
	uint8_t version = bh_cur_u8(&c) & 0x0f;
	uint16_t key = bh_cur_be16(&c);
	bh_cur_skip(&c, 1 + 3 + 1 + 3); /* queue pair, sequence number */
	bh_cur_skip(&c, ICRC);
	/* Reliable, unreliable and extended connections, and datagrams. */
	unsigned transport = opcode >> 5;
	bool known = transport == 0 || transport == 1 || transport == 3 || transport == 5;
	return bh_cur_ok(&c) && !version && (key | NO_KEY) != NO_KEY &&
	       (opcode == CONGESTION || (known && (opcode & 0x1f) <= LAST_OPERATION));
}
