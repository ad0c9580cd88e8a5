#include <strings.h>

#include "dissect/names.h"
#include "dissect/text.h"

/* RFC 1002 4.4.1: datagrams to one, to a group, to all. */
enum { DIRECT_UNIQUE = 0x10, BROADCAST = 0x12, FLAG_MORE = 0x01 };

/* [MS-CIFS] 2.2.3.1, 2.2.4.33.1 */
#define SMB_MAGIC 0xff534d42u
enum { TRANSACTION = 0x25, FIXED_WORDS = 14 };

/* [MS-BRWS] 2.2.1, 2.2.10 */
enum { HOST_ANNOUNCEMENT = 1, LOCAL_MASTER_ANNOUNCEMENT = 15, SIGNATURE = 0xaa55, NAME_LEN = 16 };

/* [MS-SRVS] 2.2.2.7 */
enum {
	TYPE_WORKSTATION = 0x00000001,
	TYPE_SERVER = 0x00000002,
	TYPE_CONTROLLERS = 0x00000018, /* primary, backup */
	TYPE_PRINT = 0x00000200,
	TYPE_BROWSERS = 0x00070000, /* potential, backup, master */
};

/* The data of a message to the mailslot of browsers; empty for all others.  A bad cursor
 * for what is a transaction, and malformed. */
static struct bh_span browse_data(struct bh_cur *c)
{
	static const char mailslot[] = "\\MAILSLOT\\BROWSE";
	const struct bh_span none = { 0 };

	if (bh_cur_left(c) < 5)
		return none;
	uint32_t magic = bh_cur_be32(c);
	uint8_t command = bh_cur_u8(c);
	if (magic != SMB_MAGIC || command != TRANSACTION)
		return none;
	bh_cur_skip(c, 27);
	uint8_t words = bh_cur_u8(c);
	bh_cur_skip(c, 22); /* from the total counts to where the parameters are */
	uint16_t len = bh_cur_le16(c);
	uint16_t at = bh_cur_le16(c);
	uint8_t setup = bh_cur_u8(c);
	bh_cur_skip(c, 1 + 2u * setup);
	uint16_t bytes = bh_cur_le16(c);
	struct bh_span name = bh_cur_take(c, bytes);
	struct bh_span data = bh_cur_window(c, at, len);
	if (words != FIXED_WORDS + setup)
		bh_cur_fail(c);
	if (!bh_cur_ok(c) || name.len < sizeof mailslot ||
		strncasecmp((const char *)name.ptr, mailslot, sizeof mailslot) != 0)
		return none;
	return data;
}

static uint8_t roles_of(uint32_t type)
{
	return (uint8_t)((type & TYPE_WORKSTATION ? BH_ROLE_WORKSTATION : 0) |
			 (type & TYPE_SERVER ? BH_ROLE_FILE_SERVER : 0) |
			 (type & TYPE_PRINT ? BH_ROLE_PRINT_SERVER : 0) |
			 (type & TYPE_BROWSERS ? BH_ROLE_BROWSER : 0));
}

/* [MS-BRWS] 2.2.1; to: the name of those who listen, which is the domain's. */
static bool announcement(struct bh_span data, const struct bh_addr *addr,
	const struct netbios_name *to, struct told *t)
{
	struct bh_cur c = bh_cur_of(data);
	struct bh_name_seen seen = { .addr = *addr, .kind = BH_NAME_NETBIOS };

	uint8_t opcode = bh_cur_u8(&c);
	if (opcode != HOST_ANNOUNCEMENT && opcode != LOCAL_MASTER_ANNOUNCEMENT)
		return bh_cur_ok(&c);
	bh_cur_skip(&c, 1 + 4); /* how often it was said, when again */
	struct bh_span name = bh_cur_take(&c, NAME_LEN);
	bh_cur_skip(&c, 2); /* version of the system */
	uint32_t type = bh_cur_le32(&c);
	bh_cur_skip(&c, 2);
	bh_cur_want_le16(&c, SIGNATURE);
	if (!bh_cur_ok(&c))
		return false;

	bh_text_oem(bh_span_of(name.ptr, strnlen((const char *)name.ptr, name.len)), seen.name,
		sizeof seen.name);
	seen.roles = roles_of(type);
	tell_name(t, &seen);
	if (type & TYPE_CONTROLLERS) {
		struct netbios_name domain = *to;
		domain.suffix = NETBIOS_CONTROLLERS;
		tell_netbios(t, addr, &domain, true);
	}
	return true;
}

bool read_netbios_datagram(struct bh_cur *c, struct told *t)
{
	struct dns_name from, to;
	struct netbios_name sender, listeners;

	uint8_t type = bh_cur_u8(c);
	uint8_t flags = bh_cur_u8(c);
	bh_cur_skip(c, 2);
	struct bh_addr addr = bh_addr_v4(bh_cur_be32(c));
	bh_cur_skip(c, 2);
	uint16_t len = bh_cur_be16(c);
	uint16_t offset = bh_cur_be16(c);
	if (!bh_cur_ok(c))
		return false;
	if (type < DIRECT_UNIQUE || type > BROADCAST || flags & FLAG_MORE || offset)
		return true; /* an error, or a piece */
	struct bh_cur in = bh_cur_of(bh_cur_take(c, len));
	dns_name(&in, &from);
	dns_name(&in, &to);
	if (!bh_cur_ok(c) || !bh_cur_ok(&in) || !netbios_decode(&from, &sender) ||
		!netbios_decode(&to, &listeners))
		return false;
	struct bh_cur message = bh_cur_of(bh_cur_take(&in, bh_cur_left(&in)));
	struct bh_span data = browse_data(&message);
	if (!bh_cur_ok(&message) || (data.len && !announcement(data, &addr, &listeners, t)))
		return false;
	tell_netbios(t, &addr, &sender, false);
	return true;
}
