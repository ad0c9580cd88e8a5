/*
 * What the SMB server, the SMB client and NTLM log.  Names of values: the manifests of
 * Microsoft-Windows-SMBServer, -SMBClient and -NTLM (as printed by jdu2600's
 * Windows10EtwEvents); for events newer than those, the same names as far as they are
 * there.  The server's 3021 … 3027: KB 5066913; 3022: what's new in Windows 11 24H2 names
 * 3021 and 3022 for signing and encryption, and 3021 is signing.
 */
#include <stdio.h>

#include "evidence/windows.h"

/* 0: not said, or as good as. */
static uint32_t status_of(const struct bh_event *e, const char *name)
{
	uint32_t v;

	return bh_said_status(windows_get(e, name), &v) ? 0 : v;
}

static void share_status(struct bh_conversation *c, uint32_t v)
{
	c->share_status = v;
	c->known |= v ? BH_KNOWN_SHARE_STATUS : 0;
}

static void session_status(struct bh_conversation *c, uint32_t v)
{
	c->auth_status = v;
	c->known |= v ? BH_KNOWN_AUTH_STATUS : 0;
}

/* ---- SMBServer ---- */

/* ClientAddress is a SOCKADDR; ClientName a name, or the address once more. */
static bool server_client(const struct bh_event *e, struct bh_conversation *c)
{
	struct bh_addr a;
	uint16_t port;
	bool named = windows_end(c, false, windows_get(e, "ClientName"));
	struct bh_span address = windows_get(e, "ClientAddress");

	if (windows_sockaddr(address, &a, &port) || !bh_said_addr(address, &a)) {
		c->client = a;
		return true;
	}
	return named;
}

/* What an event says beside who and whose. */
static void server_says(const struct bh_event *e, struct bh_conversation *c)
{
	switch (e->id) {
	case 551: /* a session's logon failed */
		c->outcome = BH_ANSWERED;
		session_status(c, status_of(e, "Status"));
		break;
	case 1001: /* SMB1 was tried and is switched off */ c->smb1_offered = 1; break;
	case 1006: /* a share denied access */
		c->outcome = BH_ANSWERED;
		share_status(c, status_of(e, "Status"));
		break;
	case 1007: /* a share, and a session denied to somebody anonymous */
	case 1009:
		c->outcome = BH_ANSWERED;
		c->auth = BH_AUTH_ANONYMOUS;
		break;
	case 3000: /* SMB1 is used: which of its dialects is not told */
	case 3027: /* by a client that says not to sign; not to be relied on, says Microsoft */
		c->dialect = BH_DIALECT_SMB1_OTHER;
		c->smb1_offered = 1;
		break;
	case 3007: /* SMB over QUIC: access by certificate */
	case 3008:
	case 3009:
		c->transport = BH_TRANSPORT_QUIC443;
		c->port = 443;
		break;
	case 3021: c->signing_client = BH_SIGNING_OFF; break;
	case 3022: c->encrypted = 0; break;
	case 3023: c->guest = 1; break;
	default: break; /* 3024 … 3026: SPNs, of which the row knows nothing */
	}
}

int windows_smb_server(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;

	if (!server_client(e, c))
		return -ENOMSG;
	if (!windows_end(c, true, e->computer) || !windows_ends_fit(c))
		return -EBADMSG;
	bh_said_account(c, windows_get(e, "UserName"));
	bh_said(c, BH_KNOWN_SHARE, windows_get(e, "ShareName"));
	bh_said(c, BH_KNOWN_SERVICE, windows_get(e, "SPN")); /* 551, since version 2 */
	server_says(e, c);
	o.connections = 1;
	*ret = o;
	return 0;
}

/* ---- SMBClient ---- */

#define STATUS_IO_TIMEOUT         0xc00000b5u /* [MS-ERREF] 2.3.1 */
#define STATUS_CONNECTION_REFUSED 0xc0000236u
#define STATUS_ACCESS_DENIED      0xc0000022u
#define STATUS_BAD_NETWORK_NAME   0xc00000ccu

/* "\srv\share" and "\\srv\share" are both seen. */
static void client_share(struct bh_conversation *c, struct bh_span unc)
{
	struct bh_cur at = bh_cur_of(unc);
	char text[BH_SHARE_TEXT];
	size_t n = 0;

	if (!unc.len)
		return;
	while (bh_cur_left(&at) && *at.at == '\\')
		bh_cur_skip(&at, 1);
	struct bh_cur host = at;
	struct bh_span rest = bh_cur_take(&at, bh_cur_left(&at));
	while (n < bh_cur_left(&host) && host.at[n] != '\\')
		n++;
	snprintf(text, sizeof text, "\\\\%.*s", (int)bh_min_size(rest.len, sizeof text),
		(const char *)rest.ptr);
	if (n + 1 < rest.len) /* else it names a server alone */
		bh_said(c, BH_KNOWN_SHARE, bh_span_of(text, strlen(text)));
	if (!c->server.family && !(c->known & BH_KNOWN_SERVER_NAME))
		(void)windows_end(c, true, bh_cur_take(&host, n));
}

static void client_address(const struct bh_event *e, struct bh_conversation *c)
{
	struct bh_addr a;
	uint16_t port;

	if (!windows_sockaddr(windows_get(e, "RemoteAddress"), &a, &port) &&
		!windows_sockaddr(windows_get(e, "Address"), &a, &port))
		return;
	c->server = a;
	if (port) {
		c->port = port;
		/* tcp/443 may be SMB as well since servers can be told their port. */
		c->transport = port == 443 ? BH_TRANSPORT_OTHER : bh_said_transport(port);
	}
	if (windows_sockaddr(windows_get(e, "LocalAddress"), &a, &port) &&
		a.family == c->server.family)
		c->client = a;
}

/* 1: it stands for a connection of its own. */
static uint32_t client_says(const struct bh_event *e, struct bh_conversation *c)
{
	uint32_t status = status_of(e, "Status");

	switch (e->id) {
	case 30803: /* could not connect */
		c->outcome = status == STATUS_CONNECTION_REFUSED ? BH_REFUSED
			     : status == STATUS_IO_TIMEOUT       ? BH_SILENT
								 : BH_OUTCOME_UNKNOWN;
		return 1;
	case 30804: /* a connection, a session, a share was lost or came back */
	case 30805:
	case 30806:
	case 30807:
	case 30808: c->outcome = BH_ANSWERED; return 0;
	case 30832:
		c->transport = BH_TRANSPORT_QUIC443;
		c->port = c->port == 445 ? 443 : c->port;
		return 1;
	case 31001: /* logon failed, perhaps before anybody was asked */
		session_status(c, status);
		return 1;
	case 31010: /* could not connect to a share */
		share_status(c, status);
		if (status == STATUS_ACCESS_DENIED || status == STATUS_BAD_NETWORK_NAME)
			c->outcome = BH_ANSWERED;
		return 1;
	case 31017: /* the server would have let in a guest */
		c->outcome = BH_ANSWERED;
		c->guest = 1;
		return 1;
	default: return 0; /* 31998, 31999: signing, encryption; which is which is not told */
	}
}

/* In "Name"; that of 30810 and 30811 is an interface's. */
static bool names_share(uint32_t id)
{
	return id == 30814 || id == 30815 || (id >= 30819 && id <= 30821);
}

int windows_smb_client(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;

	(void)windows_end(c, true, windows_get(e, "ServerName"));
	client_share(c, windows_get(e, "ShareName"));
	if (names_share(e->id))
		client_share(c, windows_get(e, "Name"));
	client_address(e, c);
	if (!c->server.family && !c->server_name[0])
		return -ENOMSG; /* of an interface, a setting */
	if (!windows_end(c, false, e->computer) || !windows_ends_fit(c))
		return -EBADMSG;
	bh_said_account(c, windows_get(e, "UserName"));
	bh_said(c, BH_KNOWN_SERVICE, windows_get(e, "PrincipalName"));
	o.connections = client_says(e, c);
	*ret = o;
	return 0;
}

/* ---- NTLM ---- */

/* The host of a service's name, "cifs/fs1.corp.example:445/x" (RFC 4120 6.2, as Windows
 * writes them). */
static struct bh_span host_of(struct bh_span spn)
{
	struct bh_cur c = bh_cur_of(spn);
	size_t n = 0;

	while (bh_cur_left(&c) && bh_cur_u8(&c) != '/')
		;
	while (n < bh_cur_left(&c) && c.at[n] != '/' && c.at[n] != ':')
		n++;
	return bh_cur_take(&c, n);
}

static bool is_cifs(struct bh_span spn)
{
	return spn.len > 5 && bh_event_like(bh_span_of(spn.ptr, 5), "cifs/");
}

static void ntlm_user(struct bh_conversation *c, const struct bh_event *e)
{
	struct bh_span user = windows_get(e, "UserName"), domain = windows_get(e, "DomainName");

	/* 8001: nobody else's name was given, so it was the caller's own. */
	if (!user.ptr) {
		user = windows_get(e, "ClientUserName");
		domain = windows_get(e, "ClientDomainName");
	}
	windows_account(c, (struct bh_span){ 0 }, user, domain);
	c->auth = c->auth ? c->auth : BH_AUTH_NTLM;
}

int windows_ntlm_logon(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;
	struct bh_span target = windows_get(e, "TargetName"), client = { 0 }, server = { 0 };

	switch (e->id) {
	case 8001: /* this machine to a service */
		client = e->computer;
		server = host_of(target);
		bh_said(c, BH_KNOWN_SERVICE, target);
		break;
	case 8003: /* somebody to this server */
		client = windows_get(e, "Workstation");
		server = e->computer;
		break;
	case 8004: /* a server to this domain controller, for somebody */
		client = windows_get(e, "WorkstationName");
		server = windows_get(e, "SChannelName");
		break;
	default: return -ENOMSG; /* 8002: nobody's name */
	}
	if (!windows_end(c, false, client) || !windows_end(c, true, server))
		return -ENOMSG;
	if (!windows_ends_fit(c))
		return -EBADMSG;
	ntlm_user(c, e);
	*ret = o;
	return 0;
}

/* Only 8001 says what for. */
int windows_ntlm(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o;

	if (e->id != 8001 || !is_cifs(windows_get(e, "TargetName")))
		return -ENOMSG;
	int r = windows_ntlm_logon(e, &o);
	if (r)
		return r;
	o.connections = 1;
	*ret = o;
	return 0;
}
