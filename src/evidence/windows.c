/*
 * Which events are read, and what all of them have in common.
 */
#include "evidence/windows.h"

#define SECURITY "Microsoft-Windows-Security-Auditing"

/* Kinds by provider, from id to id. */
static const struct {
	const char *provider;
	uint16_t first, last;
	int (*read)(const struct bh_event *e, struct bh_observation *ret);
} kinds[] = {
	{ SECURITY, 4624, 4625, windows_security },
	{ SECURITY, 5140, 5140, windows_security },
	{ SECURITY, 5142, 5145, windows_security }, /* 5142 … 5144 tell of no conversation */
	{ SECURITY, 5156, 5157, windows_security },
	{ SECURITY, 5168, 5168, windows_security },
	{ "Microsoft-Windows-SMBServer", 551, 551, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 1001, 1001, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 1006, 1007, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 1009, 1009, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 3000, 3000, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 3007, 3009, windows_smb_server },
	{ "Microsoft-Windows-SMBServer", 3021, 3027, windows_smb_server },
	{ "Microsoft-Windows-SMBClient", 30803, 30832, windows_smb_client },
	{ "Microsoft-Windows-SMBClient", 31001, 31001, windows_smb_client },
	{ "Microsoft-Windows-SMBClient", 31010, 31010, windows_smb_client },
	{ "Microsoft-Windows-SMBClient", 31017, 31017, windows_smb_client },
	{ "Microsoft-Windows-SMBClient", 31998, 31999, windows_smb_client },
	{ "Microsoft-Windows-NTLM", 8001, 8004, windows_ntlm },
	{ "Microsoft-Windows-Security-Netlogon", 8004, 8004, windows_ntlm },
};

/* Exports that leave the provider out are of the Security log. */
static size_t kind_of(struct bh_span provider, uint32_t id)
{
	for (size_t i = 0; i < BH_LEN(kinds); i++) {
		const char *name = kinds[i].provider;
		if (id < kinds[i].first || id > kinds[i].last)
			continue;
		if (bh_event_like(provider, name) || (!provider.len && !strcmp(name, SECURITY)))
			return i;
	}
	return BH_LEN(kinds);
}

bool bh_evidence_windows_reads(struct bh_span provider, uint32_t id)
{
	return kind_of(provider, id) < BH_LEN(kinds);
}

int bh_evidence_windows(const struct bh_event *e, struct bh_observation *ret)
{
	size_t i = kind_of(e->provider, e->id);

	return i < BH_LEN(kinds) ? kinds[i].read(e, ret) : -ENOMSG;
}

/* ---- what events have in common ---- */

struct bh_span windows_get(const struct bh_event *e, const char *name)
{
	struct bh_span s = bh_event_get(e, name);

	if (!s.len || bh_event_is(s, "-") || bh_event_like(s, "(null)") || bh_event_is(s, "N/A"))
		return (struct bh_span){ 0 };
	return s;
}

struct bh_observation windows_begin(const struct bh_event *e)
{
	struct bh_observation o = { .when = e->when };

	bh_conversation_init(&o.who);
	o.who.transport = BH_TRANSPORT_TCP445;
	o.who.port = 445;
	return o;
}

bool windows_end(struct bh_conversation *c, bool server, struct bh_span text)
{
	struct bh_cur at = bh_cur_of(text);
	struct bh_addr a;

	while (bh_cur_left(&at) && *at.at == '\\')
		bh_cur_skip(&at, 1);
	struct bh_span name = bh_cur_take(&at, bh_cur_left(&at));
	if (!name.len)
		return false;
	if (bh_said_addr(name, &a)) {
		bh_said(c, server ? BH_KNOWN_SERVER_NAME : BH_KNOWN_WORKSTATION, name);
		return true;
	}
	*(server ? &c->server : &c->client) = a;
	return true;
}

bool windows_ends_fit(const struct bh_conversation *c)
{
	return !c->client.family || !c->server.family || c->client.family == c->server.family;
}

/* ---- addresses ---- */

enum { AF_IS_INET = 2, AF_IS_INET6 = 23 }; /* winsock2.h */

static int hex_digit(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* At most size bytes; how many. */
static size_t bytes_of(struct bh_span hex, uint8_t *ret, size_t size)
{
	struct bh_cur c = bh_cur_of(hex);
	size_t n = 0;

	while (n < size && bh_cur_left(&c) >= 2) {
		int high = hex_digit(bh_cur_u8(&c));
		int low = hex_digit(bh_cur_u8(&c));
		if (high < 0 || low < 0)
			return 0;
		ret[n++] = (uint8_t)(high << 4 | low);
		if (bh_cur_left(&c) && *c.at == '-')
			bh_cur_skip(&c, 1);
	}
	return n;
}

bool windows_sockaddr(struct bh_span hex, struct bh_addr *ret, uint16_t *ret_port)
{
	uint8_t raw[28]; /* sockaddr_in6, the longer of both */
	struct bh_cur c = bh_cur_of(bh_span_of(raw, bytes_of(hex, raw, sizeof raw)));
	struct bh_addr a = { 0 };

	uint16_t family = bh_cur_le16(&c);
	uint16_t port = bh_cur_be16(&c);
	if (family == AF_IS_INET) {
		a = bh_addr_v4(bh_cur_be32(&c));
	} else if (family == AF_IS_INET6) {
		bh_cur_skip(&c, 4); /* flow */
		struct bh_span s = bh_cur_take(&c, 16);
		if (s.len)
			a = bh_addr_v6(s.ptr);
	}
	if (!bh_cur_ok(&c) || !a.family || !a.num)
		return false;
	if (a.family == BH_V6 && a.num >> 32 == 0xffff) /* RFC 4291 2.5.5.2 */
		a = bh_addr_v4((uint32_t)a.num);
	*ret = a;
	*ret_port = port;
	return true;
}

/* ---- accounts ---- */

static bool ends_with(struct bh_span s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && !memcmp(s.ptr + s.len - n, end, n);
}

void windows_account(
	struct bh_conversation *c, struct bh_span sid, struct bh_span user, struct bh_span domain)
{
	bh_said(c, BH_KNOWN_USER, user);
	bh_said(c, BH_KNOWN_DOMAIN, domain);
	if (sid.ptr ? bh_event_is(sid, "S-1-5-7") : bh_event_like(user, "ANONYMOUS LOGON"))
		c->auth = BH_AUTH_ANONYMOUS;
	else if (sid.ptr ? ends_with(sid, "-501") : bh_event_like(user, "Guest"))
		c->guest = 1;
}

void windows_mechanism(struct bh_conversation *c, const struct bh_event *e)
{
	struct bh_span package = windows_get(e, "AuthenticationPackageName");
	struct bh_span lm = windows_get(e, "LmPackageName");

	if (c->auth == BH_AUTH_ANONYMOUS)
		return;
	if (bh_event_like(package, "Kerberos"))
		c->auth = BH_AUTH_KERBEROS;
	else if (bh_event_like(package, "NTLM") || lm.len ||
		 bh_event_like(package, "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0"))
		c->auth = BH_AUTH_NTLM;
	if (bh_event_like(lm, "NTLM V1"))
		c->ntlm = BH_NTLM_V1;
	else if (bh_event_like(lm, "NTLM V2"))
		c->ntlm = BH_NTLM_V2;
}
