/*
 * The Security log.  Names of values: Microsoft's pages on each event ("5140(S, F): A
 * network share object was accessed." and so on, under Advanced security audit policy
 * settings), which print one of each as XML.
 */
#include "evidence/windows.h"
#include "model/pipe.h"

/* ---- 5140, 5145: file shares ---- */

static bool ends_like(struct bh_span s, const char *end)
{
	struct bh_cur c = bh_cur_of(s);
	size_t n = strlen(end);

	if (s.len < n)
		return false;
	bh_cur_skip(&c, s.len - n);
	return bh_event_like(bh_cur_take(&c, n), end);
}

static uint8_t share_type(struct bh_span share, struct bh_span path)
{
	if (ends_like(share, "\\IPC$"))
		return BH_SHARE_PIPE;
	/* A folder is told as the object manager has it; a printer by its name. */
	if (path.len > 4 && !memcmp(path.ptr, "\\??\\", 4))
		return BH_SHARE_DISK;
	return BH_SHARE_UNKNOWN;
}

/* What was asked for in the session of `Subject…` from IpAddress; Computer serves it. */
static int share_access(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;
	struct bh_span from = windows_get(e, "IpAddress");
	struct bh_span share = windows_get(e, "ShareName");

	if (!from.ptr)
		return -ENOMSG; /* of no conversation: asked for on the machine itself */
	if (!share.ptr || bh_said_addr(from, &c->client) || !windows_end(c, true, e->computer) ||
		!windows_ends_fit(c))
		return -EBADMSG;
	bh_said(c, BH_KNOWN_SHARE, share);
	windows_account(c, windows_get(e, "SubjectUserSid"), windows_get(e, "SubjectUserName"),
		windows_get(e, "SubjectDomainName"));
	c->share_type = share_type(share, windows_get(e, "ShareLocalPath"));
	c->outcome = BH_ANSWERED;
	*ret = o;
	return 0;
}

#define STATUS_ACCESS_DENIED 0xc0000022u /* [MS-ERREF] 2.3.1 */

/* Once per session and share.  A failure says that access to the share was denied, and
 * not why; a success is left as it is, so that it is the same row as what 5145 says. */
static int read_5140(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o;
	int r = share_access(e, &o);

	if (r)
		return r;
	o.connections = 1;
	if (e->keywords & BH_EVENT_FAILURE) {
		o.who.share_status = STATUS_ACCESS_DENIED;
		o.who.known |= BH_KNOWN_SHARE_STATUS;
	}
	*ret = o;
	return 0;
}

/* Each file or pipe. */
static int read_5145(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o;
	int r = share_access(e, &o);

	if (r)
		return r;
	o.opens = 1;
	if (o.who.share_type == BH_SHARE_PIPE)
		o.pipes = bh_pipe_bit(windows_get(e, "RelativeTargetName"));
	*ret = o;
	return 0;
}

/* ---- 5142 … 5144: shares that come, change and go ---- */

/* 5142 knows no remark. */
int bh_evidence_windows_share(const struct bh_event *e, struct bh_share_seen *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_share_seen s = { .when = e->when, .gone = e->id == 5144 };
	struct bh_span share = windows_get(e, "ShareName");

	if (e->id < 5142 || e->id > 5144 || !bh_evidence_windows_reads(e->provider, e->id))
		return -ENOMSG;
	if (!share.ptr || !windows_end(&o.who, true, e->computer))
		return -EBADMSG;
	s.server = o.who.server;
	memcpy(s.server_name, o.who.server_name, sizeof s.server_name);
	bh_said_text(share, s.share, sizeof s.share);
	bh_said_text(windows_get(e, "ShareLocalPath"), s.path, sizeof s.path);
	bh_said_text(windows_get(e, "NewRemark"), s.remark, sizeof s.remark);
	*ret = s;
	return 0;
}

/* ---- 5168: the name by which a client asked for the server is none of its names ---- */

/* Of the client only the logon tells, by its number (bh_logons_join); IpAddresses are the
 * server's own. */
static int read_5168(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;
	uint64_t status;

	if (bh_event_number(windows_get(e, "ErrorCode"), &status) || status > UINT32_MAX ||
		!windows_end(c, true, e->computer))
		return -EBADMSG;
	windows_account(c, windows_get(e, "SubjectUserSid"), windows_get(e, "SubjectUserName"),
		windows_get(e, "SubjectDomainName"));
	bh_said(c, BH_KNOWN_SERVICE, windows_get(e, "SpnName"));
	c->auth_status = (uint32_t)status;
	c->known |= BH_KNOWN_AUTH_STATUS;
	c->outcome = BH_ANSWERED;
	o.connections = 1;
	*ret = o;
	return 0;
}

/* ---- 5156, 5157: the Windows Filtering Platform ---- */

#define INBOUND  "%%14592"
#define OUTBOUND "%%14593"

struct packet {
	struct bh_addr src, dst;
	uint16_t sport, dport;
	bool tcp, inbound, outbound;
};

static int read_packet(const struct bh_event *e, struct packet *ret)
{
	struct packet p = { 0 };
	uint64_t protocol;

	if (bh_event_number(windows_get(e, "Protocol"), &protocol) ||
		bh_said_addr(windows_get(e, "SourceAddress"), &p.src) ||
		bh_said_addr(windows_get(e, "DestAddress"), &p.dst) || p.src.family != p.dst.family)
		return -EBADMSG;
	/* Without ports, like ICMP: 0 or nothing. */
	if (bh_said_port(windows_get(e, "SourcePort"), &p.sport))
		p.sport = 0;
	if (bh_said_port(windows_get(e, "DestPort"), &p.dport))
		p.dport = 0;
	struct bh_span direction = windows_get(e, "Direction");
	p.inbound = bh_event_is(direction, INBOUND) || bh_event_like(direction, "Inbound");
	p.outbound = bh_event_is(direction, OUTBOUND) || bh_event_like(direction, "Outbound");
	p.tcp = protocol == 6;
	*ret = p;
	return 0;
}

/* For what comes in Source is this machine's end: real logs tell it so, but not all
 * versions are said to.  Who has a port of SMB serves; only if both have one must the
 * direction decide. */
static bool source_serves(const struct packet *p)
{
	bool source = bh_said_smb_port(p->sport), dest = bh_said_smb_port(p->dport);

	return source && (!dest || p->inbound);
}

/* 5156 is said when a connection is let through, not when it is answered. */
static int read_filtered(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct packet p;

	int r = read_packet(e, &p);
	if (r)
		return r;
	if (!p.tcp || (!bh_said_smb_port(p.sport) && !bh_said_smb_port(p.dport)))
		return -ENOMSG;
	bool swap = source_serves(&p);
	o.who.client = swap ? p.dst : p.src;
	o.who.server = swap ? p.src : p.dst;
	o.who.port = swap ? p.sport : p.dport;
	o.who.transport = bh_said_transport(o.who.port);
	o.who.outcome = e->id == 5157 ? BH_BLOCKED : BH_OUTCOME_UNKNOWN;
	/* A machine that talks to itself logs both of its ends: going out counts. */
	o.connections = e->id == 5157 || !p.inbound || !bh_addr_equal(&p.src, &p.dst);
	*ret = o;
	return 0;
}

/* ---- 4624, 4625: logons ---- */

#define NETWORK_LOGON 3

bool windows_network_logon(const struct bh_event *e)
{
	uint64_t type;

	return !bh_event_number(windows_get(e, "LogonType"), &type) && type == NETWORK_LOGON;
}

static void auth_status(struct bh_conversation *c, const struct bh_event *e)
{
	uint64_t status = 0, sub = 0;

	/* Status is what goes over the wire, SubStatus why. */
	if (e->id == 4625 && (bh_event_number(windows_get(e, "Status"), &status) || !status) &&
		!bh_event_number(windows_get(e, "SubStatus"), &sub))
		status = sub;
	if (e->id == 4625 && !status)
		return;
	c->auth_status = (uint32_t)status;
	c->known |= BH_KNOWN_AUTH_STATUS;
}

static int security_logon(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o = windows_begin(e);
	struct bh_conversation *c = &o.who;
	struct bh_span from = windows_get(e, "IpAddress");

	if (!windows_network_logon(e))
		return -ENOMSG;
	if ((from.ptr && bh_said_addr(from, &c->client)) || !windows_end(c, true, e->computer) ||
		!windows_ends_fit(c))
		return -EBADMSG;
	windows_account(c, windows_get(e, "TargetUserSid"), windows_get(e, "TargetUserName"),
		windows_get(e, "TargetDomainName"));
	windows_mechanism(c, e);
	bh_said(c, BH_KNOWN_WORKSTATION, windows_get(e, "WorkstationName"));
	auth_status(c, e);
	*ret = o;
	return 0;
}

int windows_security(const struct bh_event *e, struct bh_observation *ret)
{
	switch (e->id) {
	case 5140: return read_5140(e, ret);
	case 5145: return read_5145(e, ret);
	case 5156:
	case 5157: return read_filtered(e, ret);
	case 5168: return read_5168(e, ret);
	default: return -ENOMSG;
	}
}

int bh_evidence_logon(const struct bh_event *e, struct bh_observation *ret)
{
	struct bh_observation o;
	int r = -ENOMSG;

	if (!bh_evidence_windows_reads(e->provider, e->id))
		return r;
	if (e->id == 4624 || e->id == 4625)
		r = security_logon(e, &o);
	else if (e->id >= 8001 && e->id <= 8004)
		r = windows_ntlm_logon(e, &o);
	if (r)
		return r;
	o.who.transport = BH_TRANSPORT_OTHER;
	o.who.port = 0;
	o.connections = 0;
	*ret = o;
	return 0;
}

/* ---- names ---- */

static bool loopback(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 24 == 127 : a->num <= 1;
}

static bool is_host_name(struct bh_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = s.ptr[i];
		bool letter = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
		if (!letter && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_' && ch != '.')
			return false;
	}
	return s.len && s.len < BH_NAME_TEXT;
}

/* Of what goes out the source is this machine, and of what comes in the end that serves. */
static struct bh_addr own_address(const struct bh_event *e)
{
	struct packet p;

	if (read_packet(e, &p))
		return (struct bh_addr){ 0 };
	if (p.outbound)
		return p.src;
	if (p.inbound && bh_said_smb_port(p.sport) != bh_said_smb_port(p.dport))
		return source_serves(&p) ? p.src : p.dst;
	return (struct bh_addr){ 0 };
}

int bh_evidence_windows_name(const struct bh_event *e, struct bh_name_seen *ret)
{
	struct bh_name_seen n = { .kind = BH_NAME_LOG, .when = e->when };
	struct bh_span name = { 0 };

	if (!bh_evidence_windows_reads(e->provider, e->id))
		return -ENOMSG;
	if (e->id == 5156 || e->id == 5157) {
		n.addr = own_address(e);
		name = e->computer;
	} else if (e->id == 4624 && windows_network_logon(e)) {
		/* What the client says of itself, as in NTLM on the wire. */
		name = windows_get(e, "WorkstationName");
		if (bh_said_addr(windows_get(e, "IpAddress"), &n.addr))
			n.addr.family = BH_NO_ADDR;
	}
	if (!n.addr.family || loopback(&n.addr) || !is_host_name(name))
		return -ENOMSG;
	bh_said_text(name, n.name, sizeof n.name);
	*ret = n;
	return 0;
}
