#include "base/cur.h"
#include "priv/files.h"
#include "priv/sha256.h"
#include "priv/wire.h"

#define MAGIC 0x31436862u /* "bhC1" */

void bundle_write(const struct bundle *b, struct bh_buf *ret)
{
	struct sha256 s;
	uint8_t sum[32];
	size_t from = ret->len;

	bh_buf_le32(ret, MAGIC);
	bh_buf_le32(ret, b->mode);
	bh_buf_le32(ret, b->gateway);
	bh_buf_le32(ret, b->generation);
	bh_buf_le32(ret, (uint32_t)b->table.len);
	bh_buf_le32(ret, (uint32_t)b->text.len);
	bh_buf_add(ret, b->table.ptr, b->table.len);
	bh_buf_add(ret, b->text.ptr, b->text.len);
	if (!bh_buf_ok(ret))
		return;
	sha256_init(&s);
	sha256_add(&s, ret->ptr + from, ret->len - from);
	sha256_end(&s, sum);
	bh_buf_add(ret, sum, sizeof sum);
}

int bundle_read(struct bh_span bytes, struct bundle *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	uint32_t magic = bh_cur_le32(&c);
	uint32_t mode = bh_cur_le32(&c);
	uint32_t gateway = bh_cur_le32(&c);
	uint32_t generation = bh_cur_le32(&c);
	uint32_t table_len = bh_cur_le32(&c);
	uint32_t text_len = bh_cur_le32(&c);
	struct bh_span table = bh_cur_take(&c, table_len);
	struct bh_span text = bh_cur_take(&c, text_len);
	struct bh_span sum = bh_cur_take(&c, 32);

	if (!bh_cur_ok(&c) || bh_cur_left(&c) || magic != MAGIC || mode > BH_KEEP || gateway > 1)
		return -EBADMSG;
	struct sha256 s;
	uint8_t want[32];
	sha256_init(&s);
	sha256_add(&s, bytes.ptr, bytes.len - sum.len);
	sha256_end(&s, want);
	if (memcmp(want, sum.ptr, sizeof want) != 0)
		return -EBADMSG;
	*ret = (struct bundle){ .mode = (enum bh_mode)mode,
		.gateway = gateway,
		.generation = generation,
		.table = table,
		.text = text };
	return 0;
}
