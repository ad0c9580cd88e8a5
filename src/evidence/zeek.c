/*
 * Zeek's logs, tab-separated or JSON: scripts/base/protocols in zeek/zeek name the fields.
 *
 * Each log knows a part of a connection: conn how it went, ntlm and kerberos who, and
 * smb_mapping which share.  Their `uid` joins them: a share is told with the user that
 * came before it, a logon that led to a share, and a connection that led to either, are
 * not told again.  What nothing came after is told at the end.
 */
#include <stdio.h>

#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"
#include "model/pipe.h"

enum { TOLD = 1 };

/* What an SMB server answers to nearly every logon it refuses; Zeek says no more than that. */
#define STATUS_LOGON_FAILURE 0xc000006du

/* ---- what all logs have ---- */

static int ends(const struct bh_fields *f, struct bh_conversation *c)
{
	struct bh_addr orig, resp;
	uint16_t oport, rport;

	if (bh_said_addr(bh_fields_get(f, "id.orig_h"), &orig) ||
		bh_said_addr(bh_fields_get(f, "id.resp_h"), &resp) ||
		bh_said_port(bh_fields_get(f, "id.resp_p"), &rport))
		return -EBADMSG;
	if (bh_said_port(bh_fields_get(f, "id.orig_p"), &oport))
		oport = 0;
	/* Where the start was missed, Zeek may take the server for the originator. */
	bool turned = bh_said_smb_port(oport) && !bh_said_smb_port(rport);
	c->client = turned ? resp : orig;
	c->server = turned ? orig : resp;
	c->port = turned ? oport : rport;
	c->transport = bh_said_transport(c->port);
	return 0;
}

static bh_time when_of(const struct bh_fields *f)
{
	bh_time t;

	return bh_when(bh_fields_get(f, "ts"), 0, &t) ? 0 : t;
}

static bool is_true(struct bh_span s)
{
	return bh_event_is(s, "T") || bh_event_is(s, "true");
}

static bool is_false(struct bh_span s)
{
	return bh_event_is(s, "F") || bh_event_is(s, "false");
}

/* Without its leading parts, "\PIPE\srvsvc" is srvsvc's; an endpoint is named by its
 * interface. */
static uint32_t pipes_of(const struct bh_fields *f)
{
	const uint32_t other = 1u << BH_PIPE_OTHER;
	uint32_t bits = bh_pipe_bit(bh_fields_get(f, "endpoint"));

	if (!(bits & ~other))
		bits |= bh_pipe_bit(bh_fields_get(f, "named_pipe"));
	return bits & ~other ? bits & ~other : bits;
}

/* ---- the join ---- */

static struct bh_join_slot *slot_of(struct bh_log *l, const struct bh_fields *f)
{
	struct bh_join *j = bh_log_zeek(l);
	struct bh_span uid = bh_fields_get(f, "uid");
	struct bh_join_slot gone = { 0 };
	struct bh_observation o;

	if (!j || !uid.len || uid.len > BH_JOIN_KEY)
		return NULL;
	struct bh_join_slot *s = bh_join_find(j, uid);
	if (s)
		return s;
	s = bh_join_add(j, uid, &gone);
	if (gone.key_len && gone.connections) {
		bh_join_get(&gone, &o);
		bh_log_say(l, &o);
	}
	return s;
}

/* A leaf was told: what waits for one of this connection does not any more. */
static void told(struct bh_join_slot *s)
{
	if (s)
		s->connections = 0;
	if (s)
		s->flags |= TOLD;
}

/* Without a place to wait it is told at once. */
static void wait_for(struct bh_log *l, struct bh_join_slot *s, const struct bh_observation *o)
{
	struct bh_observation was;

	if (!s) {
		bh_log_say(l, o);
		return;
	}
	bh_join_get(s, &was);
	struct bh_conversation c = o->who;
	if (s->connections && was.who.auth && c.auth) { /* another logon before this one */
		bh_log_say(l, &was);
		s->connections = 0;
	}
	bh_join_fill(s, &c);
	if (!c.outcome)
		c.outcome = was.who.outcome;
	bh_join_set(s, &c);
	s->when = o->when;
	s->connections = s->flags & TOLD ? 0 : 1;
}

void bh_zeek_waiting(struct bh_log *l, struct bh_join *j)
{
	struct bh_observation o;
	struct bh_join_slot *s;
	uint32_t at = 0;

	while (!l->error && (s = bh_join_each(j, &at))) {
		if (!s->connections || s->when > l->until)
			continue;
		bh_join_get(s, &o);
		told(s);
		bh_log_say(l, &o);
	}
}

/* ---- conn.log ---- */

/* base/protocols/conn: conn_state */
static uint8_t outcome_of(struct bh_span state)
{
	static const struct {
		const char *state;
		uint8_t outcome;
	} states[] = {
		{ "S0", BH_SILENT }, /* nobody answered */
		{ "SH", BH_SILENT },
		{ "RSTOS0", BH_SILENT },
		{ "REJ", BH_REFUSED },
		{ "RSTRH", BH_REFUSED },
		{ "S1", BH_ANSWERED },
		{ "S2", BH_ANSWERED },
		{ "S3", BH_ANSWERED },
		{ "SF", BH_ANSWERED },
		{ "SHR", BH_ANSWERED },
		{ "RSTO", BH_ANSWERED },
		{ "RSTR", BH_ANSWERED },
	};

	for (size_t i = 0; i < BH_LEN(states); i++) {
		if (bh_event_is(state, states[i].state))
			return states[i].outcome;
	}
	return BH_OUTCOME_UNKNOWN; /* OTH: traffic from the middle */
}

/* "gssapi,smb,krb" */
static bool serves_smb(struct bh_span service)
{
	struct bh_cur c = bh_cur_of(service);

	while (bh_cur_left(&c)) {
		size_t n = 0;
		while (n < bh_cur_left(&c) && c.at[n] != ',')
			n++;
		if (bh_event_is(bh_cur_take(&c, n), "smb"))
			return true;
		if (bh_cur_left(&c))
			bh_cur_skip(&c, 1);
	}
	return false;
}

static int conn(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	bool smb = serves_smb(bh_fields_get(f, "service"));
	uint64_t replied;

	if (r)
		return r;
	if (!bh_event_is(bh_fields_get(f, "proto"), "tcp") ||
		(!smb && !bh_said_smb_port(o->who.port)))
		return -ENOMSG;
	o->who.outcome = outcome_of(bh_fields_get(f, "conn_state"));
	if (!o->who.outcome && !bh_event_number(bh_fields_get(f, "resp_bytes"), &replied) &&
		replied)
		o->who.outcome = BH_ANSWERED;
	o->connections = 1;
	struct bh_join_slot *s = slot_of(l, f);
	if (!s || !(s->flags & TOLD))
		wait_for(l, s, o);
	return 0;
}

/* ---- smb_mapping.log, smb_files.log ---- */

static uint8_t share_type_of(struct bh_span s)
{
	return bh_event_is(s, "DISK")    ? BH_SHARE_DISK
	       : bh_event_is(s, "PIPE")  ? BH_SHARE_PIPE
	       : bh_event_is(s, "PRINT") ? BH_SHARE_PRINT
					 : BH_SHARE_UNKNOWN;
}

/* Zeek makes up a path where it saw a pipe, but no tree connect. */
static void path_of(const struct bh_fields *f, struct bh_conversation *c)
{
	struct bh_span path = bh_fields_get(f, "path");

	if (path.len && !bh_event_is(path, "<unknown>"))
		bh_log_unc(c, path);
}

static int mapping(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	struct bh_join_slot *s = slot_of(l, f);

	if (r)
		return r;
	path_of(f, &o->who);
	o->who.share_type = share_type_of(bh_fields_get(f, "share_type"));
	o->who.outcome = BH_ANSWERED;
	o->connections = 1;
	if (s) {
		bh_join_fill(s, &o->who);
		told(s);
	}
	if (s && o->who.share_type == BH_SHARE_PIPE)
		bh_join_set(s, &o->who); /* for dce_rpc.log, which does not name it */
	bh_log_say(l, o);
	return 0;
}

static int file(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_span action = bh_fields_get(f, "action");
	int r = ends(f, &o->who);
	struct bh_join_slot *s = slot_of(l, f);

	if (r)
		return r;
	if (!bh_event_is(action, "SMB::FILE_OPEN") && !bh_event_is(action, "SMB::PRINT_OPEN") &&
		!bh_event_is(action, "SMB::PIPE_OPEN"))
		return -ENOMSG;
	path_of(f, &o->who);
	o->who.outcome = BH_ANSWERED;
	o->who.share_type = bh_event_is(action, "SMB::FILE_OPEN")   ? BH_SHARE_DISK
			    : bh_event_is(action, "SMB::PIPE_OPEN") ? BH_SHARE_PIPE
								    : BH_SHARE_PRINT;
	if (o->who.share_type == BH_SHARE_PIPE)
		o->pipes = bh_pipe_bit(bh_fields_get(f, "name"));
	o->opens = 1;
	if (s)
		bh_join_fill(s, &o->who);
	bh_log_say(l, o);
	return 0;
}

/* ---- ntlm.log, kerberos.log ---- */

static void server_name(struct bh_log *l, const struct bh_fields *f, const struct bh_observation *o)
{
	struct bh_name_seen n = { .addr = o->who.server, .when = o->when, .kind = BH_NAME_LOG };
	struct bh_span s = bh_fields_get(f, "server_dns_computer_name");

	if (!s.len)
		s = bh_fields_get(f, "server_nb_computer_name");
	bh_said_text(s, n.name, sizeof n.name);
	if (s.len)
		bh_log_name(l, &n);
}

static int ntlm(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_span user = bh_fields_get(f, "username"), success = bh_fields_get(f, "success");
	struct bh_conversation *c = &o->who;
	int r = ends(f, c);

	if (r)
		return r;
	server_name(l, f, o);
	if (!bh_said_smb_port(c->port))
		return -ENOMSG; /* LDAP, HTTP and others log on with it too */
	bool nobody = user.ptr && !user.len;
	c->auth = nobody ? BH_AUTH_ANONYMOUS : BH_AUTH_NTLM;
	c->outcome = BH_ANSWERED;
	bh_said(c, BH_KNOWN_USER, user);
	bh_said(c, BH_KNOWN_DOMAIN, bh_fields_get(f, "domainname"));
	struct bh_span host = bh_fields_get(f, "hostname");
	if (host.len)
		bh_said(c, BH_KNOWN_WORKSTATION, host);
	if (is_true(success) || is_false(success)) {
		c->known |= BH_KNOWN_AUTH_STATUS;
		c->auth_status = is_true(success) ? 0 : STATUS_LOGON_FAILURE;
	}
	o->connections = 1;
	wait_for(l, slot_of(l, f), o);
	return 0;
}

/* "alice/CORP.EXAMPLE"; a service of a machine has a slash in its own name. */
static void principal(struct bh_conversation *c, struct bh_span s)
{
	size_t at = s.len;
	struct bh_cur cur = bh_cur_of(s);

	while (at > 0 && s.ptr[at - 1] != '/')
		at--;
	if (!at)
		return;
	struct bh_span user = bh_cur_take(&cur, at - 1);
	bh_cur_skip(&cur, 1);
	struct bh_span realm = bh_cur_take(&cur, bh_cur_left(&cur));
	if (user.len)
		bh_said(c, BH_KNOWN_USER, user);
	if (realm.len)
		bh_said(c, BH_KNOWN_DOMAIN, realm);
}

/* "cifs/fs1.corp.example", perhaps "…/CORP.EXAMPLE" or "…@CORP.EXAMPLE". */
static struct bh_span cifs_host(struct bh_span service)
{
	struct bh_cur c = bh_cur_of(service);
	size_t n = 0;

	if (service.len < 6 || !bh_event_like(bh_cur_take(&c, 5), "cifs/"))
		return (struct bh_span){ 0 };
	while (n < bh_cur_left(&c) && c.at[n] != '/' && c.at[n] != '@' && c.at[n] != ':')
		n++;
	return bh_cur_take(&c, n);
}

/* Of the exchange with the KDC: a ticket for a file server is asked for by who is about to
 * use it.  Of SMB itself: the connection's own logon. */
static int kerberos(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_span service = bh_fields_get(f, "service"), host = cifs_host(service);
	struct bh_conversation *c = &o->who;
	int r = ends(f, c);

	if (r)
		return r;
	bool within = bh_said_smb_port(c->port);
	if ((!within && !host.len) || is_false(bh_fields_get(f, "success")))
		return -ENOMSG;
	c->auth = BH_AUTH_KERBEROS;
	bh_said(c, BH_KNOWN_SERVICE, service);
	principal(c, bh_fields_get(f, "client"));
	if (within) {
		c->outcome = BH_ANSWERED;
		o->connections = 1;
		wait_for(l, slot_of(l, f), o);
		return 0;
	}
	c->server = (struct bh_addr){ 0 };
	c->port = 445;
	c->transport = BH_TRANSPORT_TCP445;
	bh_said(c, BH_KNOWN_SERVER_NAME, host);
	bh_log_say(l, o);
	return 0;
}

/* ---- dce_rpc.log, quic.log ---- */

static int dce_rpc(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	struct bh_join_slot *s = slot_of(l, f);
	struct bh_observation known;

	if (r)
		return r;
	if (!bh_said_smb_port(o->who.port))
		return -ENOMSG; /* over TCP */
	o->who.outcome = BH_ANSWERED;
	o->who.share_type = BH_SHARE_PIPE;
	o->pipes = pipes_of(f);
	if (s) {
		bh_join_get(s, &known);
		bh_join_fill(s, &o->who);
		if (known.who.share_type == BH_SHARE_PIPE && known.who.share[0])
			bh_said(&o->who, BH_KNOWN_SHARE,
				bh_span_of(known.who.share, strlen(known.who.share)));
	}
	bh_log_say(l, o);
	return 0;
}

static int quic(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	struct bh_span name = bh_fields_get(f, "server_name");

	if (r)
		return r;
	if (!bh_event_is(bh_fields_get(f, "client_protocol"), "smb"))
		return -ENOMSG;
	o->who.transport = BH_TRANSPORT_QUIC443;
	if (name.len)
		bh_said(&o->who, BH_KNOWN_SERVER_NAME, name);
	o->connections = 1;
	bh_log_say(l, o);
	return 0;
}

/* ---- which log ---- */

static const struct {
	const char *path;
	const char *sign; /* a field that of these logs it alone has */
	int (*read)(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o);
	unsigned order;
} logs[] = {
	{ "conn", "conn_state", conn, 4 },
	{ "smb_mapping", "share_type", mapping, 2 },
	{ "smb_files", "action", file, 3 },
	{ "ntlm", "server_nb_computer_name", ntlm, 1 },
	{ "ntlm", "domainname", ntlm, 1 },
	{ "ntlm", "username", ntlm, 1 },
	{ "kerberos", "request_type", kerberos, 1 },
	{ "dce_rpc", "endpoint", dce_rpc, 3 },
	{ "quic", "client_initial_dcid", quic, 1 },
};

bool bh_zeek_json(const struct bh_fields *f)
{
	return bh_fields_has(f, "uid") && bh_fields_has(f, "ts") && bh_fields_has(f, "id.orig_h");
}

/* By the field that only it has; http.log and radius.log know a username too, and others
 * an action. */
static bool looks_like(const struct bh_fields *f, size_t i)
{
	struct bh_span s = bh_fields_get(f, logs[i].sign);

	if (logs[i].read == file)
		return s.len > 5 && !memcmp(s.ptr, "SMB::", 5);
	if (logs[i].read == ntlm && (bh_fields_has(f, "method") || bh_fields_has(f, "result")))
		return false;
	return s.ptr != NULL;
}

unsigned bh_zeek_order(struct bh_span first)
{
	char text[48];

	for (size_t i = 0; first.len && i < BH_LEN(logs); i++) {
		int n = snprintf(text, sizeof text, "#path\t%s\n", logs[i].path);
		if (memmem(first.ptr, first.len, text, (size_t)n))
			return logs[i].order;
		n = snprintf(text, sizeof text, "\"%s\":", logs[i].sign);
		if (memmem(first.ptr, first.len, "\"uid\":", 6) &&
			memmem(first.ptr, first.len, text, (size_t)n))
			return logs[i].order;
	}
	return 0;
}

void bh_zeek_fields(struct bh_log *l, struct bh_span path, const struct bh_fields *f)
{
	struct bh_observation o = bh_log_observe(when_of(f));

	for (size_t i = 0; i < BH_LEN(logs); i++) {
		if (path.len ? !bh_event_is(path, logs[i].path) : !looks_like(f, i))
			continue;
		bh_log_count(l, "zeek", bh_span_of(logs[i].path, strlen(logs[i].path)), 0, true);
		if (!o.when || logs[i].read(l, f, &o) == -EBADMSG)
			bh_log_bad(l, "a record of Zeek without time, addresses or ports");
		return;
	}
	bh_log_count(l, "zeek", path, 0, false);
}
