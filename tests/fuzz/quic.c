/*
 * quic: datagrams as they are, frames sealed as a client would (a fuzzer cannot guess a
 * tag), and ClientHellos bare.  Byte 0 chooses.  Whatever is told keeps its promises.
 */
#include <stdlib.h>

#include "../unit/quic_make.h"
#include "dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_hello(const struct bh_client_hello *h)
{
	assert(memchr(h->sni, 0, sizeof h->sni));
	for (const char *s = h->sni; *s; s++)
		assert((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static enum bh_quic_said show(struct bh_quic_hello *h, const struct bh_buf *b)
{
	uint8_t *exact = malloc(b->len ? b->len : 1);
	if (!exact)
		return BH_QUIC_NOTHING;
	memcpy(exact, bh_buf_text(b), b->len);
	uint8_t before = h->said;
	enum bh_quic_said said = bh_quic_datagram(h, bh_span_of(exact, b->len));
	free(exact);
	assert(said == BH_QUIC_NOTHING || said == h->said);
	if (before == BH_QUIC_HELLO || before == BH_QUIC_GIVEN_UP)
		assert(said == before);
	if (said == BH_QUIC_HELLO)
		expect_hello(&h->hello);
	return said;
}

/* As it is, and made as long as it must be. */
static void bare(struct bh_quic_hello *h, struct bh_span s)
{
	struct bh_buf b = { 0 };

	bh_buf_add(&b, s.ptr, s.len);
	if (bh_quic_may_be_initial(s))
		assert(bh_quic_form_of(s) == BH_QUIC_INITIAL);
	(void)show(h, &b);
	while (b.len < 1200)
		bh_buf_u8(&b, 0);
	(void)show(h, &b);
	bh_buf_reset(&b);
}

/* Packets: a byte of choices, a length of two bytes, and frames. */
static void sealed(struct bh_quic_hello *h, struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);

	for (uint32_t number = 0; number < 40 && bh_cur_left(&c); number++) {
		uint8_t choice = bh_cur_u8(&c);
		size_t len = bh_cur_be16(&c);
		struct bh_span frames = bh_cur_take(&c, bh_min_size(len, bh_cur_left(&c)));
		struct initial i = { .version = choice & 1 ? 0x6b3343cf : 1,
			.dcid = choice & 2 ? "another" : NULL,
			.keys_of = choice & 4 ? "\1\2\3\4\5\6\7\10" : NULL,
			.number = choice & 8 ? number * 1000 : number,
			.number_len = (uint8_t)(1 + (choice >> 4 & 3)),
			.pad_to = 1200 };
		struct bh_buf b = { 0 };
		put_initial(&b, &i, frames.ptr ? frames.ptr : s.ptr, frames.len);
		(void)show(h, &b);
		bh_buf_reset(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_quic_hello h;
	struct bh_client_hello hello = { 0 };

	if (size < 2 || size > 8192)
		return 0;
	struct bh_span s = bh_span_of(data + 1, size - 1);
	memset(&h, 0, sizeof h);
	switch (data[0] % 3) {
	case 0: bare(&h, s); break;
	case 1: sealed(&h, s); break;
	case 2:
		if (!bh_client_hello_read(s, &hello))
			expect_hello(&hello);
		break;
	}
	return 0;
}
