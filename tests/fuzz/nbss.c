/*
 * nbss: a stream of NetBIOS packets through the framer, each ask a buffer of exactly its
 * size; what is shown of a message is wanted or not as its first byte chooses.
 */
#include "smb.h"

static bool wants(void *ctx, const struct bh_message *m)
{
	const uint8_t *choice = ctx;

	assert(m->act != BH_ACT_NONE && (!m->response || m->command == BH_SMB2_IOCTL));
	return *choice >> m->command % 8 & 1;
}

static void told(const struct bh_message *m, const uint8_t *shown, size_t n)
{
	struct bh_nbss_request q;

	assert(m->kind <= BH_MESSAGE_MALFORMED && m->act <= BH_ACT_CARRY);
	if (!m->body.len)
		return;
	assert(m->body.ptr == shown && m->body.len <= n);
	if (m->kind == BH_MESSAGE_CONTROL && !bh_nbss_request(m->body, &q)) {
		expect_text(q.called, sizeof q.called);
		expect_text(q.calling, sizeof q.calling);
	}
	if (m->act == BH_ACT_OPEN || m->act == BH_ACT_CARRY)
		assert(m->body.len <= (m->response ? BH_MAX_REFERRAL : BH_MAX_PEEK) &&
			m->body.len <= m->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t choice = size ? data[0] : 0;
	struct bh_framer_env env = { wants, wants, &choice };
	struct bh_framer f = { 0 };
	uint32_t need = 4;
	size_t at = 1;

	while (at <= size && need <= size - at) {
		struct bh_message m = { 0 };
		uint64_t skip = 0;
		uint32_t was = need;
		uint8_t *exact = malloc(need);
		if (!exact)
			return 0;
		memcpy(exact, data + at, need);
		enum bh_framing r =
			bh_framer_step(&f, &env, bh_span_of(exact, need), &skip, &need, &m);
		if (r == BH_FRAMING_TOLD)
			told(&m, exact, was);
		free(exact);
		if (r == BH_FRAMING_LOST)
			return 0;
		assert(need > 0 && need <= BH_MAX_BODY);
		if (r == BH_FRAMING_MORE) {
			assert(need > was);
			continue;
		}
		assert(skip >= was);
		if (skip > size - at)
			return 0;
		at += (size_t)skip;
	}
	return 0;
}
