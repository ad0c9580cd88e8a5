#include "dissect/dissect.h"
#include "dissect/text.h"

/* RFC 8446 4.1.2, the same in every version of TLS. */
enum { CLIENT_HELLO = 1, MAX_SESSION_ID = 32 };
enum { EXTENSION_SERVER_NAME = 0, EXTENSION_ALPN = 16, HOST_NAME = 0 };

/* No client has half as many, names for itself or protocols to offer. */
enum { MAX_EXTENSIONS = 128, MAX_NAMES = 64 };

static struct bh_cur vector8(struct bh_cur *c)
{
	return bh_cur_of(bh_cur_take(c, bh_cur_u8(c)));
}

static struct bh_cur vector16(struct bh_cur *c)
{
	return bh_cur_of(bh_cur_take(c, bh_cur_be16(c)));
}

/* RFC 6066 3 */
static void server_name(struct bh_cur *c, struct bh_client_hello *h)
{
	struct bh_cur list = vector16(c);

	for (unsigned i = 0; i < MAX_NAMES && bh_cur_left(&list); i++) {
		uint8_t type = bh_cur_u8(&list);
		struct bh_cur name = vector16(&list);
		struct bh_span text = bh_cur_take(&name, bh_cur_left(&name));
		if (type == HOST_NAME && !h->sni[0])
			bh_text_oem(text, h->sni, sizeof h->sni);
	}
	if (!bh_cur_ok(&list) || bh_cur_left(&list))
		bh_cur_fail(c);
}

/* RFC 7301 3.1 */
static void protocols(struct bh_cur *c, struct bh_client_hello *h)
{
	static const char smb[] = { 's', 'm', 'b' };
	struct bh_cur list = vector16(c);

	for (unsigned i = 0; i < MAX_NAMES && bh_cur_left(&list); i++) {
		struct bh_cur name = vector8(&list);
		struct bh_span text = bh_cur_take(&name, bh_cur_left(&name));
		if (text.len == sizeof smb && !memcmp(text.ptr, smb, sizeof smb))
			h->alpn_smb = true;
	}
	if (!bh_cur_ok(&list) || bh_cur_left(&list))
		bh_cur_fail(c);
}

static void extensions(struct bh_cur *c, struct bh_client_hello *h)
{
	for (unsigned i = 0; i < MAX_EXTENSIONS && bh_cur_left(c); i++) {
		uint16_t type = bh_cur_be16(c);
		struct bh_cur body = vector16(c);
		if (type == EXTENSION_SERVER_NAME)
			server_name(&body, h);
		else if (type == EXTENSION_ALPN)
			protocols(&body, h);
		else
			continue;
		if (!bh_cur_ok(&body) || bh_cur_left(&body))
			bh_cur_fail(c);
	}
}

int bh_client_hello_read(struct bh_span msg, struct bh_client_hello *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct bh_client_hello h = { 0 };

	uint8_t type = bh_cur_u8(&c);
	size_t len = bh_cur_be24(&c);
	if (type != CLIENT_HELLO || len != bh_cur_left(&c))
		return -EBADMSG;
	bh_cur_skip(&c, 2 + 32); /* version, random */
	struct bh_cur session = vector8(&c);
	struct bh_cur ciphers = vector16(&c);
	struct bh_cur compression = vector8(&c);
	if (bh_cur_left(&session) > MAX_SESSION_ID || !bh_cur_left(&ciphers) ||
		bh_cur_left(&ciphers) % 2 || !bh_cur_left(&compression))
		return -EBADMSG;
	if (bh_cur_left(&c)) { /* none at all is a client of TLS 1.0 */
		struct bh_cur more = vector16(&c);
		extensions(&more, &h);
		if (!bh_cur_ok(&more) || bh_cur_left(&more))
			return -EBADMSG;
	}
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return -EBADMSG;
	*ret = h;
	return 0;
}
