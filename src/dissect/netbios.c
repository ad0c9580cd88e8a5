#include <strings.h>

#include "dissect/names.h"
#include "dissect/text.h"

/* RFC 1002 4.2.1.1 */
enum {
	FLAG_RESPONSE = 0x8000,
	RCODE = 0x000f,
	QUERY = 0,
	REGISTRATION = 5,
	REFRESH = 8,
	REFRESH_TOO = 9, /* as 4.2.4 has it, and some */
	MULTI_HOMED = 15, /* as Windows registers */
};

enum { TYPE_NB = 0x20, TYPE_NBSTAT = 0x21, CLASS_IN = 1 };
enum { NAME_LEN = 16, ENCODED_LEN = 32, NB_ENTRY = 6 };

/* RFC 1002 4.2.1.3, 4.2.18 */
enum { FLAG_GROUP = 0x8000, FLAG_LEAVING = 0x1000, FLAG_CONFLICT = 0x0800, FLAG_ACTIVE = 0x0400 };

/* ---- names ---- */

bool netbios_read(struct bh_span bytes16, struct netbios_name *ret)
{
	struct bh_cur c = bh_cur_of(bytes16);
	struct bh_span text = bh_cur_take(&c, NAME_LEN - 1);

	ret->suffix = bh_cur_u8(&c);
	if (!bh_cur_ok(&c))
		return false;
	/* Blanks fill it up; a name of which only its end is a NUL was filled by mistake. */
	while (text.len && (text.ptr[text.len - 1] == ' ' || !text.ptr[text.len - 1]))
		text.len--;
	bh_text_oem(text, ret->text, sizeof ret->text);
	return true;
}

/* RFC 1001 14.1: each half of a byte is a letter.  A scope behind it is of no interest. */
bool netbios_decode(const struct dns_name *n, struct netbios_name *ret)
{
	uint8_t bytes[NAME_LEN];

	if (!n->n || n->label[0].len != ENCODED_LEN)
		return false;
	for (size_t i = 0; i < ENCODED_LEN; i++) {
		uint8_t half = (uint8_t)(n->label[0].ptr[i] - 'A');
		if (half > 15)
			return false;
		bytes[i / 2] = (uint8_t)(i % 2 ? bytes[i / 2] | half : half << 4);
	}
	return netbios_read(bh_span_of(bytes, sizeof bytes), ret);
}

/* "*", and the names of browsers and web servers, which look like a domain's. */
static bool is_special(const char *text)
{
	return !text[0] || text[0] == '*' || strstr(text, "__MSBROWSE__") ||
	       !strcasecmp(text, "INet~Services");
}

void tell_netbios(
	struct told *t, const struct bh_addr *addr, const struct netbios_name *n, bool group)
{
	struct bh_name_seen seen = { .addr = *addr, .kind = BH_NAME_NETBIOS, .group = group };

	if (is_special(n->text))
		return;
	switch (n->suffix) {
	case NETBIOS_WORKSTATION:
		if (!group)
			seen.roles = BH_ROLE_WORKSTATION;
		break;
	case NETBIOS_SERVER:
		if (group)
			return;
		seen.roles = BH_ROLE_FILE_SERVER;
		break;
	/* A domain's name, though one host alone may have it with this suffix. */
	case NETBIOS_DOMAIN_MASTER:
	case NETBIOS_MASTER:
	case NETBIOS_ELECTIONS:
		seen.group = 1;
		seen.roles = BH_ROLE_BROWSER;
		break;
	case NETBIOS_CONTROLLERS:
		if (!group)
			return;
		seen.roles = BH_ROLE_DOMAIN_CONTROLLER;
		break;
	default: return; /* messengers have users' names */
	}
	memcpy(seen.name, n->text, sizeof seen.name);
	tell_name(t, &seen);
}

/* ---- the name service ---- */

/* RFC 1002 4.2.13: each address, with what it is to the name. */
static void addresses(struct bh_cur *c, struct dns_record *r, struct told *t)
{
	struct netbios_name name;
	bool known = netbios_decode(&r->owner, &name);

	if (r->len % NB_ENTRY)
		bh_cur_fail(c);
	for (size_t i = 0; i < r->len / NB_ENTRY && i < DNS_MAX_ENTRIES && bh_cur_ok(c); i++) {
		uint16_t flags = bh_cur_be16(&r->data);
		struct bh_addr addr = bh_addr_v4(bh_cur_be32(&r->data));
		if (known)
			tell_netbios(t, &addr, &name, flags & FLAG_GROUP);
	}
}

/* RFC 1002 4.2.18: all names of the host that answers.  Statistics follow them. */
static void status(
	struct bh_cur *c, struct dns_record *r, const struct bh_addr *src, struct told *t)
{
	struct bh_cur in = bh_cur_of(bh_cur_take(&r->data, r->len));

	for (unsigned n = bh_cur_u8(&in); n && bh_cur_ok(&in); n--) {
		struct netbios_name name;
		struct bh_span bytes = bh_cur_take(&in, NAME_LEN);
		uint16_t flags = bh_cur_be16(&in);
		if (bh_cur_ok(&in) && netbios_read(bytes, &name) && flags & FLAG_ACTIVE &&
			!(flags & (FLAG_LEAVING | FLAG_CONFLICT)))
			tell_netbios(t, src, &name, flags & FLAG_GROUP);
	}
	if (!bh_cur_ok(&in))
		bh_cur_fail(c);
}

bool read_netbios_names(struct bh_cur *c, const struct bh_addr *src, struct told *t)
{
	struct dns_header h = dns_header(c);
	unsigned opcode = h.flags >> 11 & 15;
	bool response = h.flags & FLAG_RESPONSE;
	bool registers = opcode == REGISTRATION || opcode == REFRESH || opcode == REFRESH_TOO ||
			 opcode == MULTI_HOMED;
	unsigned n = (unsigned)h.answers + h.authorities + h.additionals;

	if (!bh_cur_ok(c))
		return false;
	/* A question, a release, a refusal, or somebody asks to wait. */
	if (!registers && !(response && opcode == QUERY))
		return true;
	if (response && h.flags & RCODE)
		return true;
	dns_questions(c, h.questions);
	if (n > DNS_MAX_ENTRIES)
		bh_cur_fail(c);
	for (; n && bh_cur_ok(c); n--) {
		struct dns_record r;
		dns_record(c, &r);
		if (!bh_cur_ok(c) || r.class != CLASS_IN)
			continue;
		if (r.type == TYPE_NB)
			addresses(c, &r, t);
		else if (r.type == TYPE_NBSTAT && response)
			status(c, &r, src, t);
	}
	return bh_cur_ok(c);
}
