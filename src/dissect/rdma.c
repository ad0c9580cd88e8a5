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

/* The port of a service that is named by one of TCP; 0: it is not. */
static uint16_t port_of(uint64_t service)
{
	const uint64_t tcp = 0x0000000001060000;

	return (service & ~(uint64_t)0xffff) == tcp ? (uint16_t)service : 0;
}

bool bh_roce_connect_read(struct bh_span payload, struct bh_roce_connect *ret)
{
	enum { UD_SEND_ONLY = 0x64, GENERAL_SERVICES = 1 };
	enum { CONNECTION = 0x07, SEND = 0x03, REQ = 0x10, REJ = 0x12, REP = 0x13 };
	struct bh_cur c = bh_cur_of(payload);
	struct bh_roce_connect r = { 0 };

	uint8_t opcode = bh_cur_u8(&c);
	bh_cur_skip(&c, 1 + 2 + 1); /* flags, partition, reserved */
	uint32_t pair = bh_cur_be24(&c);
	bh_cur_skip(&c, 4 + 8); /* sequence number; the sender's key and queue pair */
	/* 13.4.2 */
	uint8_t version = bh_cur_u8(&c);
	uint8_t class = bh_cur_u8(&c);
	uint8_t class_version = bh_cur_u8(&c);
	uint8_t method = bh_cur_u8(&c);
	bh_cur_skip(&c, 2 + 2 + 8); /* status, transaction */
	uint16_t attribute = bh_cur_be16(&c);
	bh_cur_skip(&c, 2 + 4);
	/* 12.6.5, 12.6.7, 12.6.8 */
	uint32_t first = bh_cur_be32(&c);
	uint32_t second = bh_cur_be32(&c);
	uint64_t service = bh_cur_be64(&c);
	if (!bh_cur_ok(&c) || opcode != UD_SEND_ONLY || pair != GENERAL_SERVICES || version != 1 ||
		class != CONNECTION || class_version != 2 || method != SEND)
		return false;
	switch (attribute) {
	case REQ:
		r.said = BH_ROCE_ASKS;
		r.id = first;
		r.port = port_of(service);
		if (!r.port)
			return false;
		break;
	case REP:
	case REJ:
		r.said = attribute == REP ? BH_ROCE_ACCEPTS : BH_ROCE_REJECTS;
		r.id = second;
		break;
	default: return false;
	}
	*ret = r;
	return true;
}
