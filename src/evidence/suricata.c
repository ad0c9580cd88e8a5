/*
 * Suricata's eve.json: rust/src/smb/log.rs and src/output-json-flow.c in OISF/suricata name
 * the fields.
 *
 * An SMB event tells one exchange: the session setup who, the tree connect which share.
 * They are joined by flow_id, session_id and tree_id.  A session that led to a share, and
 * a flow that led to a session, are not told again; what nothing came after is told at
 * the end.
 */
#include <stdio.h>

#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"
#include "model/pipe.h"

enum { TOLD = 1 };
#define MORE_PROCESSING 0xc0000016u

bool bh_suricata_json(const struct bh_fields *f)
{
	return bh_fields_has(f, "event_type") &&
	       (bh_fields_has(f, "flow_id") || bh_fields_has(f, "src_ip"));
}

/* ---- what all events have ---- */

static int ends(const struct bh_fields *f, struct bh_conversation *c)
{
	struct bh_addr src, dst;
	uint16_t sport, dport;

	if (bh_said_addr(bh_fields_get(f, "src_ip"), &src) ||
		bh_said_addr(bh_fields_get(f, "dest_ip"), &dst) ||
		bh_said_port(bh_fields_get(f, "dest_port"), &dport) ||
		bh_said_port(bh_fields_get(f, "src_port"), &sport))
		return -EBADMSG;
	/* A flow picked up in its middle may be turned round. */
	bool turned = bh_said_smb_port(sport) && !bh_said_smb_port(dport);
	c->client = turned ? dst : src;
	c->server = turned ? src : dst;
	c->port = turned ? sport : dport;
	c->transport = bh_said_transport(c->port);
	return 0;
}

static bool status_of(const struct bh_fields *f, uint32_t *ret)
{
	struct bh_span code = bh_fields_get(f, "smb.status_code");

	if (!code.ptr)
		code = bh_fields_get(f, "smb.status");
	return !bh_said_status(code, ret);
}

/* ---- the join ---- */

enum level { FLOW, SESSION, TREE };
static const char fronts[] = { 'f', 's', 't' }; /* of their keys */

static bool is_ours(const struct bh_join_slot *s)
{
	return memchr(fronts, s->key[0], sizeof fronts) != NULL;
}

static size_t key_of(const struct bh_fields *f, enum level level, char ret[BH_JOIN_KEY + 1])
{
	static const char *const names[] = { "flow_id", "smb.session_id", "smb.tree_id" };
	size_t n = 1;

	ret[0] = fronts[level];
	for (size_t i = 0; i <= level; i++) {
		struct bh_span s = bh_fields_get(f, names[i]);
		if (!s.len || s.len > 20)
			return 0;
		ret[n++] = '/';
		memcpy(ret + n, s.ptr, s.len);
		n += s.len;
	}
	return n;
}

static struct bh_join_slot *find(struct bh_log *l, const struct bh_fields *f, enum level level)
{
	char key[BH_JOIN_KEY + 1];
	struct bh_join *j = bh_log_join(l);

	return j ? bh_join_find(j, bh_span_of(key, key_of(f, level, key))) : NULL;
}

static struct bh_join_slot *slot_of(struct bh_log *l, const struct bh_fields *f, enum level level)
{
	char key[BH_JOIN_KEY + 1];
	struct bh_join *j = bh_log_join(l);
	struct bh_span k = bh_span_of(key, key_of(f, level, key));
	struct bh_join_slot *s = j ? bh_join_find(j, k) : NULL;
	struct bh_join_slot gone = { 0 };
	struct bh_observation o;

	if (s || !j || !k.len)
		return s;
	s = bh_join_add(j, k, &gone);
	if (gone.key_len && gone.connections) {
		bh_join_get(&gone, &o);
		bh_log_say(l, &o);
	}
	return s;
}

static void told(struct bh_join_slot *s)
{
	if (s)
		s->connections = 0;
	if (s)
		s->flags |= TOLD;
}

/* Without a flow_id there is nothing to wait for. */
static void wait_for(struct bh_log *l, struct bh_join_slot *s, const struct bh_observation *o)
{
	struct bh_conversation c = o->who;

	if (!s) {
		bh_log_say(l, o);
		return;
	}
	bh_join_fill(s, &c);
	bh_join_set(s, &c);
	s->when = o->when;
	s->connections = s->flags & TOLD ? 0 : 1;
}

void bh_suricata_waiting(struct bh_log *l)
{
	struct bh_observation o;
	struct bh_join_slot *s;
	uint32_t at = 0;

	while (l->joined && !l->error && (s = bh_join_each(l->joined, &at))) {
		if (!s->connections || !is_ours(s) || s->when > l->until)
			continue;
		bh_join_get(s, &o);
		told(s);
		bh_log_say(l, &o);
	}
}

/* ---- SMB ---- */

static bool offers_smb1(const struct bh_fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (bh_event_is(f->v[i].name, "smb.client_dialects") &&
			bh_dialect_smb1(bh_said_smb_dialect(f->v[i].text)))
			return true;
	}
	return false;
}

static void negotiate(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	if (bh_fields_has(f, "smb.client_dialects"))
		o->who.smb1_offered = offers_smb1(f);
	o->connections = 1;
	wait_for(l, slot_of(l, f, FLOW), o);
}

/* Kerberos' name of the service is told in its parts. */
static void service(const struct bh_fields *f, struct bh_conversation *c)
{
	char text[BH_NAME_TEXT] = "";
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct bh_span s = f->v[i].text;
		if (!bh_event_is(f->v[i].name, "smb.kerberos.snames") ||
			s.len + 1 > sizeof text - n)
			continue;
		if (n)
			text[n++] = '/';
		memcpy(text + n, s.ptr, s.len);
		n += s.len;
	}
	if (n)
		bh_said(c, BH_KNOWN_SERVICE, bh_span_of(text, n));
}

static void who(const struct bh_fields *f, struct bh_conversation *c)
{
	struct bh_span user = bh_fields_get(f, "smb.ntlmssp.user");
	struct bh_span host = bh_fields_get(f, "smb.ntlmssp.host");

	if (bh_fields_has(f, "smb.kerberos.realm")) {
		c->auth = BH_AUTH_KERBEROS;
		bh_said(c, BH_KNOWN_DOMAIN, bh_fields_get(f, "smb.kerberos.realm"));
		service(f, c);
		return;
	}
	if (!user.ptr)
		return;
	/* Nobody's response is empty too, but that is not told. */
	c->auth = user.len ? BH_AUTH_NTLM : BH_AUTH_ANONYMOUS;
	bh_said(c, BH_KNOWN_USER, user);
	bh_said(c, BH_KNOWN_DOMAIN, bh_fields_get(f, "smb.ntlmssp.domain"));
	if (host.len)
		bh_said(c, BH_KNOWN_WORKSTATION, host);
}

static void session(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_join_slot *flow = slot_of(l, f, FLOW);
	uint32_t status;

	who(f, &o->who);
	bool known = status_of(f, &status);
	if (flow)
		bh_join_fill(flow, &o->who);
	o->connections = 1;
	if (!o->who.auth || (known && status == MORE_PROCESSING)) {
		wait_for(l, flow, o);
		return;
	}
	if (known) {
		o->who.known |= BH_KNOWN_AUTH_STATUS;
		o->who.auth_status = status;
	}
	told(flow);
	wait_for(l, slot_of(l, f, SESSION), o);
}

static uint8_t share_type(const struct bh_fields *f)
{
	struct bh_span s = bh_fields_get(f, "smb.share_type");
	struct bh_span one = bh_fields_get(f, "smb.service.response"); /* SMB1 */

	if (bh_event_is(s, "FILE") || bh_event_is(one, "A:"))
		return BH_SHARE_DISK;
	if (bh_event_is(s, "PIPE") || bh_event_is(one, "IPC") || bh_fields_has(f, "smb.named_pipe"))
		return BH_SHARE_PIPE;
	return bh_event_is(s, "PRINT") || bh_event_is(one, "LPT1:") ? BH_SHARE_PRINT
								    : BH_SHARE_UNKNOWN;
}

/* What the levels above know. */
static void fill(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_join_slot *up = find(l, f, SESSION);

	if (up)
		bh_join_fill(up, &o->who);
	told(up);
	up = find(l, f, FLOW);
	if (up)
		bh_join_fill(up, &o->who);
	told(up);
}

static void tree(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_span share = bh_fields_get(f, "smb.share");
	uint32_t status;

	if (!share.ptr)
		share = bh_fields_get(f, "smb.named_pipe");
	if (share.len)
		bh_log_unc(&o->who, share);
	o->who.share_type = share_type(f);
	if (status_of(f, &status)) {
		o->who.known |= BH_KNOWN_SHARE_STATUS;
		o->who.share_status = status;
	}
	fill(l, f, o);
	o->connections = 1;
	struct bh_join_slot *s = slot_of(l, f, TREE);
	if (s)
		bh_join_set(s, &o->who);
	bh_log_say(l, o);
}

/* "4b324fc8-1670-01d3-1278-5a47bf6ee188": its bytes as they are on the wire. */
static uint32_t interface(struct bh_span s)
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t uuid[16] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < 32; i++) {
		uint8_t ch = s.ptr[i];
		if (ch == '-')
			continue;
		int v = ch >= '0' && ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10;
		if (v < 0 || v > 15)
			return 0;
		uuid[order[n / 2]] = (uint8_t)(uuid[order[n / 2]] << 4 | v);
		n++;
	}
	return n == 32 ? bh_pipe_bit_of_interface(uuid) : 0;
}

static uint32_t interfaces(const struct bh_fields *f)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (bh_event_is(f->v[i].name, "smb.dcerpc.interfaces.uuid"))
			bits |= interface(f->v[i].text);
	}
	return bits;
}

/* An open, or a call: what is done within a tree. */
static int within(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_join_slot *s = find(l, f, TREE);
	struct bh_span name = bh_fields_get(f, "smb.filename");
	struct bh_observation known;
	uint32_t status;

	bool opens = bh_fields_has(f, "smb.disposition") && status_of(f, &status) && !status;
	o->pipes = interfaces(f);
	if (!opens && !o->pipes)
		return -ENOMSG;
	if (s) {
		bh_join_get(s, &known);
		o->who = known.who;
	} else {
		fill(l, f, o);
	}
	o->opens = opens;
	if (opens && o->who.share_type == BH_SHARE_PIPE && name.len)
		o->pipes |= bh_pipe_bit(name);
	bh_log_say(l, o);
	return 0;
}

static bool command_is(struct bh_span command, const char *what)
{
	return command.len && memmem(command.ptr, command.len, what, strlen(what));
}

static int smb(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	struct bh_span command = bh_fields_get(f, "smb.command");
	int r = ends(f, &o->who);

	if (r)
		return r;
	o->who.outcome = BH_ANSWERED;
	o->who.dialect = bh_said_smb_dialect(bh_fields_get(f, "smb.dialect"));
	if (command_is(command, "SESSION_SETUP"))
		session(l, f, o);
	else if (command_is(command, "TREE_CONNECT"))
		tree(l, f, o);
	else if (command_is(command, "NEGOTIATE"))
		negotiate(l, f, o);
	else
		return within(l, f, o);
	return 0;
}

/* ---- other events ---- */

/* RFC 9293 3.1: RST and SYN among the flags that came from the server. */
static bool reset(const struct bh_fields *f)
{
	struct bh_span s = bh_fields_get(f, "tcp.tcp_flags_tc");
	char text[8] = "0x";
	uint64_t flags;

	if (!s.len || s.len > sizeof text - 3)
		return false;
	memcpy(text + 2, s.ptr, s.len);
	return !bh_event_number(bh_span_of(text, s.len + 2), &flags) && flags & 0x04 &&
	       !(flags & 0x02);
}

static int flow(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	uint64_t answers = 0;

	if (r)
		return r == -EBADMSG && !bh_fields_has(f, "dest_port") ? -ENOMSG : r; /* ICMP */
	if (!bh_event_like(bh_fields_get(f, "proto"), "TCP") ||
		(!bh_event_is(bh_fields_get(f, "app_proto"), "smb") &&
			!bh_said_smb_port(o->who.port)))
		return -ENOMSG;
	struct bh_join_slot *s = slot_of(l, f, FLOW);
	if (s && s->flags & TOLD)
		return 0;
	bool counted = !bh_event_number(bh_fields_get(f, "flow.pkts_toclient"), &answers);
	o->who.outcome = !counted   ? BH_OUTCOME_UNKNOWN
			 : !answers ? BH_SILENT
			 : reset(f) ? BH_REFUSED
				    : BH_ANSWERED;
	o->connections = 1;
	if (s)
		bh_join_fill(s, &o->who);
	told(s);
	bh_log_say(l, o);
	return 0;
}

/* RFC 7301: the ALPN of SMB over QUIC, [MS-SMB2] 2.1. */
static int quic(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o)
{
	int r = ends(f, &o->who);
	struct bh_span name = bh_fields_get(f, "quic.sni");
	bool is_smb = false;

	for (size_t i = 0; i < f->n; i++)
		is_smb |= bh_event_is(f->v[i].name, "quic.extensions.values") &&
			  bh_event_is(f->v[i].text, "smb");
	if (r || !is_smb)
		return r && is_smb ? r : -ENOMSG;
	struct bh_join_slot *s = slot_of(l, f, FLOW);
	if (s && s->flags & TOLD)
		return 0;
	o->who.transport = BH_TRANSPORT_QUIC443;
	if (name.len)
		bh_said(&o->who, BH_KNOWN_SERVER_NAME, name);
	o->connections = 1;
	told(s);
	bh_log_say(l, o);
	return 0;
}

void bh_suricata_fields(struct bh_log *l, const struct bh_fields *f)
{
	static const struct {
		const char *type;
		int (*read)(struct bh_log *l, const struct bh_fields *f, struct bh_observation *o);
	} types[] = { { "smb", smb }, { "flow", flow }, { "quic", quic } };
	struct bh_span type = bh_fields_get(f, "event_type");
	bh_time when;

	if (bh_when(bh_fields_get(f, "timestamp"), 0, &when))
		when = 0;
	struct bh_observation o = bh_log_observe(when);
	for (size_t i = 0; i < BH_LEN(types); i++) {
		if (!bh_event_is(type, types[i].type))
			continue;
		bh_log_count(l, "suricata", type, 0, true);
		if (!when || types[i].read(l, f, &o) == -EBADMSG)
			bh_log_bad(l, "an event of Suricata without time, addresses or ports");
		return;
	}
	bh_log_count(l, "suricata", type, 0, false);
}
