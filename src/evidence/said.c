#include "evidence/said.h"

#include "evidence/event.h"

static int zoneless(struct bh_span s, struct bh_addr *ret)
{
	const uint8_t *zone = s.len ? memchr(s.ptr, '%', s.len) : NULL;

	if (zone)
		s.len = (size_t)(zone - s.ptr);
	return s.len ? bh_addr_parse((const char *)s.ptr, s.len, ret) : -EINVAL;
}

int bh_said_addr(struct bh_span text, struct bh_addr *ret)
{
	struct bh_cur c = bh_cur_of(text);
	struct bh_addr a = { 0 };

	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
		bh_cur_skip(&c, 1);
		text = bh_cur_take(&c, text.len - 2);
	}
	int r = zoneless(text, &a);
	if (r)
		return r;
	if (a.family == BH_V6 && a.num >> 32 == 0xffff) /* RFC 4291 2.5.5.2 */
		a = bh_addr_v4((uint32_t)a.num);
	*ret = a;
	return 0;
}

int bh_said_port(struct bh_span text, uint16_t *ret)
{
	uint64_t v;

	if (bh_event_number(text, &v) || !v || v > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

/* ---- texts ---- */

/* RFC 3629: the length of the character at s, 0 if it is none. */
static size_t character(const uint8_t *s, size_t n)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if (len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return len;
}

static bool steers(const uint8_t *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void bh_said_text(struct bh_span text, char *ret, size_t size)
{
	struct bh_cur c = bh_cur_of(text);
	size_t n = 0;

	while (bh_cur_left(&c)) {
		size_t len = character(c.at, bh_cur_left(&c));
		bool good = len && !steers(c.at);
		struct bh_span ch = bh_cur_take(&c, len ? len : 1);
		if (!good)
			ch = bh_span_of("\xef\xbf\xbd", 3);
		if (n + ch.len >= size)
			break;
		memcpy(ret + n, ch.ptr, ch.len);
		n += ch.len;
	}
	memset(ret + n, 0, size - n); /* equal texts are equal bytes */
}

void bh_said(struct bh_conversation *c, uint8_t known, struct bh_span text)
{
	if (!text.ptr)
		return;
	c->known |= known;
	switch (known) {
	case BH_KNOWN_SERVER_NAME: bh_said_text(text, c->server_name, sizeof c->server_name); break;
	case BH_KNOWN_SHARE: bh_said_text(text, c->share, sizeof c->share); break;
	case BH_KNOWN_USER: bh_said_text(text, c->user, sizeof c->user); break;
	case BH_KNOWN_DOMAIN: bh_said_text(text, c->domain, sizeof c->domain); break;
	case BH_KNOWN_WORKSTATION: bh_said_text(text, c->workstation, sizeof c->workstation); break;
	case BH_KNOWN_SERVICE: bh_said_text(text, c->service, sizeof c->service); break;
	default: assert(!"a text field");
	}
}

void bh_said_account(struct bh_conversation *c, struct bh_span text)
{
	const uint8_t *slash = text.len ? memchr(text.ptr, '\\', text.len) : NULL;

	if (slash) {
		struct bh_cur at = bh_cur_of(text);
		bh_said(c, BH_KNOWN_DOMAIN, bh_cur_take(&at, (size_t)(slash - text.ptr)));
		bh_cur_skip(&at, 1);
		text = bh_cur_take(&at, bh_cur_left(&at));
	}
	bh_said(c, BH_KNOWN_USER, text);
}

/* ---- numbers that have names ---- */

uint8_t bh_said_transport(uint16_t port)
{
	return port == 139    ? BH_TRANSPORT_NBSS139
	       : port == 5445 ? BH_TRANSPORT_RDMA5445
			      : BH_TRANSPORT_TCP445;
}

bool bh_said_smb_port(uint16_t port)
{
	return port == 445 || port == 139 || port == 5445;
}

/* [MS-ERREF] 2.3.1; the names that Samba gives some of them beside Microsoft's. */
static const struct {
	const char *name;
	uint32_t status;
} statuses[] = {
	{ "OK", 0 },
	{ "SUCCESS", 0 },
	{ "UNSUCCESSFUL", 0xc0000001 },
	{ "NOT_IMPLEMENTED", 0xc0000002 },
	{ "INVALID_PARAMETER", 0xc000000d },
	{ "NO_SUCH_FILE", 0xc000000f },
	{ "MORE_PROCESSING_REQUIRED", 0xc0000016 },
	{ "NO_MEMORY", 0xc0000017 },
	{ "ACCESS_DENIED", 0xc0000022 },
	{ "OBJECT_NAME_INVALID", 0xc0000033 },
	{ "OBJECT_NAME_NOT_FOUND", 0xc0000034 },
	{ "OBJECT_NAME_COLLISION", 0xc0000035 },
	{ "OBJECT_PATH_NOT_FOUND", 0xc000003a },
	{ "SHARING_VIOLATION", 0xc0000043 },
	{ "NO_LOGON_SERVERS", 0xc000005e },
	{ "NO_SUCH_USER", 0xc0000064 },
	{ "WRONG_PASSWORD", 0xc000006a },
	{ "LOGON_FAILURE", 0xc000006d },
	{ "ACCOUNT_RESTRICTION", 0xc000006e },
	{ "INVALID_LOGON_HOURS", 0xc000006f },
	{ "INVALID_WORKSTATION", 0xc0000070 },
	{ "PASSWORD_EXPIRED", 0xc0000071 },
	{ "ACCOUNT_DISABLED", 0xc0000072 },
	{ "INSUFFICIENT_RESOURCES", 0xc000009a },
	{ "BAD_IMPERSONATION_LEVEL", 0xc00000a5 },
	{ "FILE_IS_A_DIRECTORY", 0xc00000ba },
	{ "NOT_SUPPORTED", 0xc00000bb },
	{ "NETWORK_NAME_DELETED", 0xc00000c9 },
	{ "NETWORK_ACCESS_DENIED", 0xc00000ca },
	{ "BAD_DEVICE_TYPE", 0xc00000cb },
	{ "BAD_NETWORK_NAME", 0xc00000cc },
	{ "TOO_MANY_SESSIONS", 0xc00000ce },
	{ "REQUEST_NOT_ACCEPTED", 0xc00000d0 },
	{ "NO_SUCH_DOMAIN", 0xc00000df },
	{ "INTERNAL_ERROR", 0xc00000e5 },
	{ "LOGON_SESSION_COLLISION", 0xc0000105 },
	{ "TIME_DIFFERENCE_AT_DC", 0xc0000133 },
	{ "LOGON_TYPE_NOT_GRANTED", 0xc000015b },
	{ "TRUSTED_DOMAIN_FAILURE", 0xc000018c },
	{ "TRUSTED_RELATIONSHIP_FAILURE", 0xc000018d },
	{ "TRUST_FAILURE", 0xc0000190 },
	{ "NETLOGON_NOT_STARTED", 0xc0000192 },
	{ "ACCOUNT_EXPIRED", 0xc0000193 },
	{ "NOLOGON_INTERDOMAIN_TRUST_ACCOUNT", 0xc0000198 },
	{ "NOLOGON_WORKSTATION_TRUST_ACCOUNT", 0xc0000199 },
	{ "NOLOGON_SERVER_TRUST_ACCOUNT", 0xc000019a },
	{ "USER_SESSION_DELETED", 0xc0000203 },
	{ "PASSWORD_MUST_CHANGE", 0xc0000224 },
	{ "NOT_FOUND", 0xc0000225 },
	{ "ACCOUNT_LOCKED_OUT", 0xc0000234 },
	{ "PATH_NOT_COVERED", 0xc0000257 },
	{ "NETWORK_SESSION_EXPIRED", 0xc000035c },
	{ "NTLM_BLOCKED", 0xc0000418 },
};

int bh_said_status(struct bh_span text, uint32_t *ret)
{
	struct bh_cur c = bh_cur_of(text);
	uint64_t number;

	if (!bh_event_number(text, &number) && number <= UINT32_MAX) {
		*ret = (uint32_t)number;
		return 0;
	}
	if (text.len > 3 && !memcmp(text.ptr, "NT_", 3))
		bh_cur_skip(&c, 3);
	if (bh_cur_left(&c) > 7 && !memcmp(c.at, "STATUS_", 7))
		bh_cur_skip(&c, 7);
	struct bh_span name = bh_cur_take(&c, bh_cur_left(&c));
	for (size_t i = 0; i < BH_LEN(statuses); i++) {
		if (bh_event_is(name, statuses[i].name)) {
			*ret = statuses[i].status;
			return 0;
		}
	}
	return -EINVAL;
}

/* Other names than those on the wire: smb.conf(5) "server max protocol", whose oldest
 * stand for several dialects each, and how Suricata writes [MS-SMB2] 2.2.4's numbers. */
static const struct {
	const char *name;
	uint8_t dialect;
} dialects[] = {
	{ "SMB3_11", BH_DIALECT_311 },
	{ "SMB3_02", BH_DIALECT_302 },
	{ "SMB3_00", BH_DIALECT_30 },
	{ "SMB2_10", BH_DIALECT_21 },
	{ "SMB2_02", BH_DIALECT_202 },
	{ "NT1", BH_DIALECT_NT_LM_012 },
	{ "LANMAN2", BH_DIALECT_SMB1_OTHER },
	{ "LANMAN1", BH_DIALECT_SMB1_OTHER },
	{ "COREPLUS", BH_DIALECT_SMB1_OTHER },
	{ "CORE", BH_DIALECT_SMB1_OTHER },
	{ "3.11", BH_DIALECT_311 },
	{ "3.02", BH_DIALECT_302 },
	{ "3.00", BH_DIALECT_30 },
	{ "2.10", BH_DIALECT_21 },
	{ "2.02", BH_DIALECT_202 },
};

uint8_t bh_said_smb_dialect(struct bh_span text)
{
	for (unsigned i = 0; i < BH_DIALECTS; i++) {
		if (bh_dialect_names[i] && bh_event_is(text, bh_dialect_names[i]))
			return (uint8_t)i;
	}
	for (size_t i = 0; i < BH_LEN(dialects); i++) {
		if (bh_event_is(text, dialects[i].name))
			return dialects[i].dialect;
	}
	return BH_DIALECT_UNKNOWN;
}
