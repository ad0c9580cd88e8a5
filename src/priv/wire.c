#include "priv/wire.h"

int bh_wire_header(struct bh_span header, enum bh_ask *ret, uint32_t *ret_len)
{
	struct bh_cur c = bh_cur_of(header);
	uint32_t magic = bh_cur_le32(&c);
	uint32_t ask = bh_cur_le32(&c);
	uint32_t len = bh_cur_le32(&c);
	uint32_t most = ask == BH_ASK_APPLY     ? BH_MAX_ASK
			: ask == BH_ASK_CAPTURE ? BH_CAPTURE_BODY
						: 0;

	if (!bh_cur_ok(&c) || bh_cur_left(&c) || magic != BH_WIRE_ASK || ask < BH_ASK_STATE ||
		ask > BH_ASK_LAST || len > most)
		return -EBADMSG;
	*ret = (enum bh_ask)ask;
	*ret_len = len;
	return 0;
}

/* An interface's name as the kernel allows it, NUL-terminated and NUL-filled. */
static void read_ifname(struct bh_cur *c, char ret[BH_IFNAME])
{
	struct bh_span name = bh_cur_take(c, BH_IFNAME);

	if (!bh_cur_ok(c))
		return;
	size_t n = strnlen((const char *)name.ptr, BH_IFNAME);
	if (!n || n == BH_IFNAME)
		bh_cur_fail(c);
	for (size_t i = 0; i < name.len && bh_cur_ok(c); i++) {
		uint8_t ch = name.ptr[i];
		if (i >= n ? ch != 0 : ch <= ' ' || ch > '~' || ch == '/' || ch == ':')
			bh_cur_fail(c);
	}
	if (bh_cur_ok(c))
		memcpy(ret, name.ptr, BH_IFNAME);
}

/* Text that is shown and stored: no NUL, which would hide its rest. */
static void read_text(struct bh_cur *c, uint32_t len, struct bh_span *ret)
{
	if (len > BH_MAX_POLICY_TEXT)
		bh_cur_fail(c);
	struct bh_span s = bh_cur_take(c, len);
	if (s.len && memchr(s.ptr, 0, s.len))
		bh_cur_fail(c);
	*ret = s;
}

static int read_apply(struct bh_cur *c, struct bh_arena *a, struct bh_request *r)
{
	uint32_t mode = bh_cur_le32(c);
	uint32_t lease = bh_cur_le32(c);
	uint32_t table_len = bh_cur_le32(c);
	uint32_t text_len = bh_cur_le32(c);

	if (mode > BH_KEEP || lease > BH_MAX_LEASE || table_len > BH_MAX_TABLE_BYTES)
		bh_cur_fail(c);
	r->table_bytes = bh_cur_take(c, table_len);
	read_text(c, text_len, &r->text);
	if (!bh_cur_ok(c) || bh_cur_left(c))
		return -EBADMSG;
	r->mode = (enum bh_mode)mode;
	r->lease = lease;
	return bh_table_decode(r->table_bytes, a, &r->table);
}

int bh_wire_body(enum bh_ask ask, struct bh_span body, struct bh_arena *a, struct bh_request *ret)
{
	struct bh_cur c = bh_cur_of(body);
	struct bh_request r = { .ask = ask };

	if (ask == BH_ASK_CAPTURE) {
		read_ifname(&c, r.ifname);
		r.mib = bh_cur_le32(&c);
		if (!r.mib || r.mib > BH_MAX_RING)
			bh_cur_fail(&c);
	}
	if (ask == BH_ASK_APPLY) {
		int err = read_apply(&c, a, &r);
		if (err)
			return err;
	}
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return -EBADMSG;
	*ret = r;
	return 0;
}

void bh_wire_ask(struct bh_buf *b, enum bh_ask ask, const void *body, size_t len)
{
	bh_buf_le32(b, BH_WIRE_ASK);
	bh_buf_le32(b, ask);
	bh_buf_le32(b, (uint32_t)len);
	bh_buf_add(b, body, len);
}

void bh_wire_apply(struct bh_buf *b, const struct bh_priv_apply *a)
{
	BH_AUTO_BUF table = { 0 };
	BH_AUTO_BUF body = { 0 };
	const char *text = a->policy_text ? a->policy_text : "";

	bh_table_encode(a->table, &table);
	bh_buf_le32(&body, a->mode);
	bh_buf_le32(&body, a->lease);
	bh_buf_le32(&body, (uint32_t)table.len);
	bh_buf_le32(&body, (uint32_t)strlen(text));
	bh_buf_add(&body, table.ptr, table.len);
	bh_buf_str(&body, text);
	if (!bh_buf_ok(&table) || !bh_buf_ok(&body))
		b->failed = true;
	else
		bh_wire_ask(b, BH_ASK_APPLY, body.ptr, body.len);
}

void bh_wire_answer(struct bh_buf *b, int err, bool more, const void *body, size_t len)
{
	bh_buf_le32(b, BH_WIRE_ANSWER);
	bh_buf_le32(b, (uint32_t)err);
	bh_buf_le32(b, more);
	bh_buf_le32(b, (uint32_t)len);
	bh_buf_add(b, body, len);
}

int bh_wire_answer_header(struct bh_span header, int *ret_err, bool *ret_more, uint32_t *ret_len)
{
	struct bh_cur c = bh_cur_of(header);
	uint32_t magic = bh_cur_le32(&c);
	uint32_t err = bh_cur_le32(&c);
	uint32_t more = bh_cur_le32(&c);
	uint32_t len = bh_cur_le32(&c);

	if (!bh_cur_ok(&c) || bh_cur_left(&c) || magic != BH_WIRE_ANSWER || err > 4095 ||
		more > 1 || len > (err ? BH_MAX_WHY : BH_MAX_PIECE))
		return -EBADMSG;
	*ret_err = (int)err;
	*ret_more = more;
	*ret_len = len;
	return 0;
}

void bh_wire_put_state(struct bh_buf *b, const struct bh_priv_state *s)
{
	bh_buf_u8(b, s->loaded);
	bh_buf_u8(b, s->changed_outside);
	bh_buf_u8(b, s->gateway);
	bh_buf_u8(b, s->stored);
	bh_buf_u8(b, s->persistent);
	bh_buf_le32(b, s->kernel_generation);
	bh_buf_le32(b, s->generation);
	bh_buf_le32(b, s->trial);
	bh_buf_le32(b, s->lapsed);
	bh_buf_le32(b, s->lease_left);
	bh_buf_u8(b, (uint8_t)s->mode);
	bh_buf_u8(b, (uint8_t)s->trial_mode);
	bh_buf_add(b, s->hash, BH_HASH);
	bh_buf_add(b, s->trial_hash, BH_HASH);
	bh_buf_add(b, s->changed, sizeof s->changed);
	bh_buf_le32(b, (uint32_t)s->n_counters);
	for (size_t i = 0; i < s->n_counters; i++) {
		bh_buf_u8(b, (uint8_t)s->counters[i].hook);
		bh_buf_u8(b, s->counters[i].service.proto);
		bh_buf_le16(b, s->counters[i].service.port);
		bh_buf_le64(b, s->counters[i].packets);
		bh_buf_le64(b, s->counters[i].bytes);
	}
}

static bool read_flag(struct bh_cur *c)
{
	uint8_t v = bh_cur_u8(c);

	if (v > 1)
		bh_cur_fail(c);
	return v;
}

static enum bh_mode read_mode(struct bh_cur *c)
{
	uint8_t v = bh_cur_u8(c);

	if (v > BH_KEEP)
		bh_cur_fail(c);
	return v > BH_KEEP ? BH_AUDIT : (enum bh_mode)v;
}

static void read_bytes(struct bh_cur *c, void *ret, size_t len)
{
	struct bh_span s = bh_cur_take(c, len);

	if (s.len)
		memcpy(ret, s.ptr, len);
}

static void read_counters(struct bh_cur *c, struct bh_priv_state *s)
{
	uint32_t n = bh_cur_le32(c);

	if (n > BH_MAX_GATES)
		bh_cur_fail(c);
	for (uint32_t i = 0; i < n && bh_cur_ok(c); i++) {
		struct bh_priv_counter *k = &s->counters[i];
		uint8_t hook = bh_cur_u8(c);
		k->service.proto = bh_cur_u8(c);
		k->service.port = bh_cur_le16(c);
		k->packets = bh_cur_le64(c);
		k->bytes = bh_cur_le64(c);
		if (hook >= BH_HOOKS)
			bh_cur_fail(c);
		else
			k->hook = (enum bh_hook)hook;
	}
	s->n_counters = n;
}

int bh_wire_get_state(struct bh_span bytes, struct bh_priv_state *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	struct bh_priv_state s = { 0 };

	s.loaded = read_flag(&c);
	s.changed_outside = read_flag(&c);
	s.gateway = read_flag(&c);
	s.stored = read_flag(&c);
	s.persistent = read_flag(&c);
	s.kernel_generation = bh_cur_le32(&c);
	s.generation = bh_cur_le32(&c);
	s.trial = bh_cur_le32(&c);
	s.lapsed = bh_cur_le32(&c);
	s.lease_left = bh_cur_le32(&c);
	s.mode = read_mode(&c);
	s.trial_mode = read_mode(&c);
	read_bytes(&c, s.hash, BH_HASH);
	read_bytes(&c, s.trial_hash, BH_HASH);
	read_bytes(&c, s.changed, sizeof s.changed);
	read_counters(&c, &s);
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || s.changed[sizeof s.changed - 1])
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* ---- hits ---- */

#define HIT_BYTES (sizeof(((struct bh_priv_hit *)NULL)->text) + 45)

void bh_wire_put_hit(struct bh_buf *b, const struct bh_priv_hit *h)
{
	bh_buf_add(b, h->text, sizeof h->text);
	bh_buf_le32(b, h->generation);
	bh_buf_le32(b, h->sentence);
	bh_buf_u8(b, h->block);
	bh_buf_u8(b, (uint8_t)h->hook);
	bh_buf_u8(b, h->service.proto);
	bh_buf_le16(b, h->service.port);
	bh_buf_le64(b, h->packets);
	bh_buf_le64(b, h->bytes);
	bh_buf_le64(b, (uint64_t)h->after);
	bh_buf_le64(b, (uint64_t)h->until);
}

int bh_wire_get_hits(
	struct bh_span bytes, struct bh_arena *a, struct bh_priv_hit **ret, size_t *n_ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	size_t n = bytes.len / HIT_BYTES;
	struct bh_priv_hit *v = bh_arena_array(a, n, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct bh_priv_hit *h = &v[i];
		read_bytes(&c, h->text, sizeof h->text);
		h->generation = bh_cur_le32(&c);
		h->sentence = bh_cur_le32(&c);
		h->block = read_flag(&c);
		uint8_t hook = bh_cur_u8(&c);
		h->service.proto = bh_cur_u8(&c);
		h->service.port = bh_cur_le16(&c);
		h->packets = bh_cur_le64(&c);
		h->bytes = bh_cur_le64(&c);
		h->after = (int64_t)bh_cur_le64(&c);
		h->until = (int64_t)bh_cur_le64(&c);
		if (hook >= BH_HOOKS || h->text[sizeof h->text - 1])
			bh_cur_fail(&c);
		else
			h->hook = (enum bh_hook)hook;
	}
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return -EBADMSG;
	*ret = v;
	*n_ret = n;
	return 0;
}
