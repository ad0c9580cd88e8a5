#include "dissect/dissect.h"
#include "dissect/text.h"

enum { HEADER = 4, ENCODED = 32, NAME = 15, MAX_LABELS = 16 };

/* RFC 1001 14.1: each half of a byte is a letter from A on; RFC 1002 4.1: a scope's labels
 * follow, up to an empty one. */
static void name(struct bh_cur *c, char *ret, size_t size)
{
	uint8_t plain[ENCODED / 2];
	size_t len = NAME; /* the last one says which service of that host is meant */

	if (bh_cur_u8(c) != ENCODED)
		bh_cur_fail(c);
	for (size_t i = 0; i < sizeof plain; i++) {
		unsigned high = bh_cur_u8(c) - 'A';
		unsigned low = bh_cur_u8(c) - 'A';
		if (high > 15 || low > 15)
			bh_cur_fail(c);
		plain[i] = (uint8_t)(high << 4 | low);
	}
	for (unsigned i = 0;; i++) {
		uint8_t label = bh_cur_u8(c);
		if (!label || !bh_cur_ok(c))
			break;
		if (label > 63 || i == MAX_LABELS)
			bh_cur_fail(c);
		bh_cur_skip(c, label);
	}
	while (len && (plain[len - 1] == ' ' || !plain[len - 1]))
		len--;
	/* "*SMBSERVER" and "*" call whoever is there. */
	bh_text_oem(bh_span_of(plain, len && plain[0] == '*' ? 0 : len), ret, size);
}

/* RFC 1002 4.3.2 */
int bh_nbss_request(struct bh_span msg, struct bh_nbss_request *ret)
{
	struct bh_nbss_request r = { 0 };
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, HEADER);
	name(&c, r.called, sizeof r.called);
	name(&c, r.calling, sizeof r.calling);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret = r;
	return 0;
}
