/* What bulkhead-priv is sent: a header and a body.  Whatever is believed is within its
 * limits and, if it is a table, encodes to the very bytes that came. */
#include <stdlib.h>

#include "priv/check.h"
#include "priv/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct bh_request *r)
{
	BH_AUTO_BUF again = { 0 };
	size_t n = strnlen(r->ifname, sizeof r->ifname);

	if (r->ask == BH_ASK_CAPTURE &&
		(n == 0 || n == sizeof r->ifname || !r->mib || r->mib > BH_MAX_RING))
		abort();
	if (r->ask != BH_ASK_APPLY)
		return;
	if (r->lease > BH_MAX_LEASE || r->mode > BH_KEEP || r->text.len > BH_MAX_POLICY_TEXT)
		abort();
	(void)bh_check_table(&r->table);
	bh_table_encode(&r->table, &again);
	if (again.len != r->table_bytes.len ||
		memcmp(again.ptr, r->table_bytes.ptr, again.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	size_t head = bh_min_size(size, BH_ASK_HEADER);
	struct bh_request r;
	enum bh_ask ask;
	uint32_t len;

	if (bh_wire_header(bh_span_of(data, head), &ask, &len) || len > size - head)
		return 0;
	if (bh_wire_body(ask, bh_span_of(data + head, len), &a, &r) == 0)
		look_at(&r);
	return 0;
}
