/*
 * vfs_full_audit: "PREFIX|op|ok|args" or "PREFIX|op|fail (why)|args"; the prefix is the
 * administrator's.
 *
 * A client's open is one create_file and several openat: where create_file is logged it
 * alone counts.  Until the first one came, what openat would count waits.
 */
#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"

enum { MAX_PARTS = 24 };

#define STATUS_UNSUCCESSFUL  0xc0000001u
#define STATUS_ACCESS_DENIED 0xc0000022u

/* What a line says. */
struct line {
	struct bh_span user, domain, client, machine, share, server, server_ip, dialect, time;
	struct bh_span op, result, args;
};

static struct bh_span rest(struct bh_cur *c)
{
	return bh_cur_take(c, bh_cur_left(c));
}

/* Up to text or the end; the cursor stands behind it. */
static struct bh_span until(struct bh_cur *c, const char *text, size_t len)
{
	const uint8_t *at = bh_cur_left(c) ? memmem(c->at, bh_cur_left(c), text, len) : NULL;
	struct bh_span s = bh_cur_take(c, at ? (size_t)(at - c->at) : bh_cur_left(c));

	if (at)
		bh_cur_skip(c, len);
	return s;
}

static struct bh_span trim(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);

	while (bh_cur_left(&c) && (c.at[0] == ' ' || c.at[0] == '\t'))
		bh_cur_skip(&c, 1);
	return rest(&c);
}

/* ---- op and result ---- */

static bool is_op(struct bh_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = s.ptr[i];
		if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '_')
			return false;
	}
	return s.len >= 3 && s.len <= 40;
}

static bool is_result(struct bh_span s)
{
	return bh_event_is(s, "ok") || (s.len > 6 && !memcmp(s.ptr, "fail (", 6));
}

/* The parts of a line, and which of them is the operation; 0: none. */
static size_t parts_of(struct bh_span text, struct bh_span part[MAX_PARTS], struct bh_span *args)
{
	struct bh_cur c = bh_cur_of(text);
	size_t n = 0;

	for (; bh_cur_left(&c) && n < MAX_PARTS; n++) {
		part[n] = until(&c, "|", 1);
		if (n > 1 && is_result(part[n]) && is_op(part[n - 1])) {
			*args = rest(&c);
			return n - 1;
		}
	}
	return 0;
}

bool bh_samba_audit_is(struct bh_span text)
{
	struct bh_span part[MAX_PARTS], args;

	return text.len && memchr(text.ptr, '|', text.len) && parts_of(text, part, &args);
}

/* ---- the prefix as declared ---- */

static bool is_macro(const char *at)
{
	return at[0] == '%' && ((at[1] >= 'a' && at[1] <= 'z') || (at[1] >= 'A' && at[1] <= 'Z'));
}

int bh_audit_prefix_parse(const char *text, struct bh_audit_prefix *ret)
{
	size_t len = strlen(text);
	bool named = false;

	if (!len || len >= sizeof ret->text || strchr(text, '\n') || strstr(text, "$("))
		return -EINVAL;
	for (const char *at = text; *at; at++) {
		if (*at != '%')
			continue;
		if (!is_macro(at) || at[2] == '%')
			return -EINVAL;
		named |= strchr("uUImM", *++at) != NULL;
	}
	if (!named)
		return -EINVAL;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->text, text, len);
	return 0;
}

static void macro(struct line *l, char which, struct bh_span s)
{
	switch (which) {
	case 'u':
	case 'U': l->user = s; break;
	case 'D': l->domain = s; break;
	case 'I': l->client = s; break;
	case 'm':
	case 'M': l->machine = s; break;
	case 'S': l->share = s; break;
	case 'L':
	case 'h': l->server = s; break;
	case 'i': l->server_ip = s; break;
	case 'R': l->dialect = s; break;
	case 'T': l->time = s; break;
	default: break;
	}
}

static int declared(const char *prefix, struct bh_span text, struct line *ret)
{
	struct bh_cur c = bh_cur_of(text);
	const char *at = prefix;

	while (*at) {
		bool is = is_macro(at);
		char which = at[1];
		if (is)
			at += 2;
		size_t n = strcspn(at, "%");
		const char *sep = n ? at : "|";
		struct bh_span s = until(&c, sep, n ? n : 1);
		if (is)
			macro(ret, which, s);
		else if (s.len)
			return -EBADMSG;
		at += n;
		if (n && !*at && bh_cur_left(&c) && c.at[0] == '|')
			bh_cur_skip(&c, 1); /* the prefix ended with its own text */
	}
	ret->op = until(&c, "|", 1);
	ret->result = until(&c, "|", 1);
	ret->args = rest(&c);
	return is_op(ret->op) && is_result(ret->result) ? 0 : -EBADMSG;
}

/* ---- the prefix as guessed ---- */

/* "IPC_" is IPC$, whose dollar a file name may not have. */
static bool same_share(struct bh_span a, struct bh_span b)
{
	if (bh_event_like(a, "IPC_"))
		a = bh_span_of("IPC$", 4);
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = a.ptr[i], y = b.ptr[i];
		if (x != y && ((x | 0x20) != (y | 0x20) || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
			return false;
	}
	return true;
}

/* Two addresses, and a dialect at its end. */
static bool ours(const struct bh_span *part, size_t op, struct line *ret)
{
	struct bh_addr addr;

	if (op != 6 || bh_said_addr(part[1], &addr) || bh_said_addr(part[2], &addr) ||
		!bh_said_smb_dialect(part[5]))
		return false;
	ret->user = part[0];
	ret->client = part[1];
	ret->server_ip = part[2];
	ret->machine = part[3];
	ret->share = part[4];
	ret->dialect = part[5];
	return true;
}

static int guessed(struct bh_samba *m, struct bh_span text, struct line *ret)
{
	struct bh_span part[MAX_PARTS] = { { 0 } };
	size_t op = parts_of(text, part, &ret->args), user = MAX_PARTS;
	struct bh_addr addr;

	if (!op)
		return -EBADMSG;
	ret->op = part[op];
	ret->result = part[op + 1];
	if (ours(part, op, ret))
		return 0;
	for (size_t i = 0; i < op; i++) {
		if (!bh_said_addr(part[i], &addr)) {
			if (!ret->client.ptr)
				ret->client = part[i];
			else if (!ret->server_ip.ptr)
				ret->server_ip = part[i];
		} else if (user == MAX_PARTS) {
			user = i;
			ret->user = part[i];
		}
	}
	for (size_t i = 0; bh_event_is(ret->op, "connect") && i < op; i++) {
		if (i != user && ret->args.len && same_share(part[i], ret->args)) {
			m->share_at = (uint8_t)(i + 1);
			m->share_of = (uint8_t)op;
		}
	}
	if (m->share_at && m->share_of == op)
		ret->share = part[m->share_at - 1];
	return 0;
}

/* ---- what was done ---- */

static bool is_open(struct bh_span op)
{
	return bh_event_is(op, "openat") || bh_event_is(op, "open");
}

static void server(
	struct bh_log *l, const struct line *line, struct bh_span host, struct bh_conversation *c)
{
	const char *nameless =
		l->options.server_name ? l->options.server_name : "(this log's server)";

	if (bh_said_addr(line->server_ip, &c->server))
		c->server = l->samba.server;
	if (line->server.len)
		bh_said(c, BH_KNOWN_SERVER_NAME, line->server);
	else if (host.len)
		bh_said(c, BH_KNOWN_SERVER_NAME, host);
	else if (!c->server.family)
		bh_said(c, BH_KNOWN_SERVER_NAME, bh_span_of(nameless, strlen(nameless)));
	if (c->server.family && c->client.family && c->server.family != c->client.family)
		c->server = (struct bh_addr){ 0 };
	if (!c->server.family && !c->server_name[0])
		bh_said(c, BH_KNOWN_SERVER_NAME, bh_span_of(nameless, strlen(nameless)));
}

/* The user as the client named him, if his logon is known, and what goes with it. */
static void session(const struct bh_join_slot *s, struct bh_conversation *c)
{
	struct bh_observation known;
	struct bh_join_slot sure = *s;

	bh_join_get(s, &known);
	if (known.who.auth && !(s->flags & BH_SAMBA_USERS)) {
		memcpy(c->user, known.who.user, sizeof c->user);
		memcpy(c->domain, known.who.domain, sizeof c->domain);
		c->known |= known.who.known & (BH_KNOWN_USER | BH_KNOWN_DOMAIN);
	}
	if (known.who.auth) {
		c->server = known.who.server;
		c->port = known.who.port;
		c->transport = known.who.transport;
	}
	if (s->flags & BH_SAMBA_DIALECTS)
		known.who.dialect = BH_DIALECT_UNKNOWN;
	if (s->flags & BH_SAMBA_AUTHS)
		known.who.auth = known.who.ntlm = 0;
	if (s->flags & BH_SAMBA_WORKSTATIONS)
		known.who.known &= (uint8_t)~BH_KNOWN_WORKSTATION;
	bh_join_set(&sure, &known.who);
	bh_join_fill(&sure, c);
}

static void who(struct bh_log *l, const struct line *line, struct bh_span host,
	struct bh_join_slot *s, struct bh_conversation *c)
{
	bh_said_account(c, line->user);
	if (line->domain.len)
		bh_said(c, BH_KNOWN_DOMAIN, line->domain);
	server(l, line, host, c);
	c->dialect = bh_said_smb_dialect(line->dialect);
	session(s, c);
	/* Samba writes %m small; as the client wrote it is better. */
	if (line->machine.len && bh_said_addr(line->machine, &(struct bh_addr){ 0 }) &&
		!bh_event_like(line->machine, c->workstation))
		bh_said(c, BH_KNOWN_WORKSTATION, line->machine);
	if (!c->port) {
		c->port = l->samba.port ? l->samba.port : 445;
		c->transport = bh_said_transport(c->port);
	}
	c->outcome = BH_ANSWERED;
}

static void share(struct bh_conversation *c, struct bh_span name, uint32_t status)
{
	if (bh_event_like(name, "IPC_"))
		name = bh_span_of("IPC$", 4);
	if (!name.len)
		return;
	bh_log_share(c, name);
	c->known |= BH_KNOWN_SHARE_STATUS;
	c->share_status = status;
	if (bh_event_like(name, "IPC$"))
		c->share_type = BH_SHARE_PIPE;
}

/* An open by openat, while it is not known whether create_file is logged too. */
static void hold(struct bh_log *l, const struct bh_observation *o)
{
	struct bh_samba *m = &l->samba;
	size_t i = 0;

	while (i < m->n_early && !bh_conversation_equal(&m->early[i].who, &o->who))
		i++;
	if (i == BH_SAMBA_EARLY) { /* then it is not */
		bh_samba_opened(l);
		bh_log_say(l, o);
		return;
	}
	if (i == m->n_early) {
		m->early[i] = *o;
		m->early[i].opens = 0;
		m->n_early++;
	}
	m->early[i].when = o->when;
	m->early[i].opens++;
}

void bh_samba_opened(struct bh_log *l)
{
	struct bh_samba *m = &l->samba;

	for (size_t i = 0; i < m->n_early; i++)
		bh_log_say(l, &m->early[i]);
	if (m->n_early)
		m->opens = BH_SAMBA_OPENAT;
	m->n_early = 0;
}

static void opened(struct bh_log *l, const struct line *line, struct bh_observation *o)
{
	struct bh_samba *m = &l->samba;
	bool ok = bh_event_is(line->result, "ok");

	if (bh_event_is(line->op, "create_file")) {
		m->opens = BH_SAMBA_CREATE_FILE;
		m->n_early = 0;
		o->opens = ok;
	} else if (ok && is_open(line->op) && m->opens == BH_SAMBA_OPENAT) {
		o->opens = 1;
	} else if (ok && is_open(line->op) && m->opens == BH_SAMBA_UNDECIDED) {
		hold(l, &(struct bh_observation){ .who = o->who, .when = o->when, .opens = 1 });
	}
}

static uint32_t failed(struct bh_span result)
{
	bool denied = memmem(result.ptr, result.len, "ermission denied", 16) ||
		      memmem(result.ptr, result.len, "not permitted", 13) ||
		      memmem(result.ptr, result.len, "ACCESS_DENIED", 13);

	return denied ? STATUS_ACCESS_DENIED : STATUS_UNSUCCESSFUL;
}

static void act(struct bh_log *l, const struct line *line, bh_time when, struct bh_span host,
	const struct bh_addr *client)
{
	struct bh_observation o = bh_log_observe(when);
	struct bh_samba_key key = bh_samba_key(client, line->user);
	struct bh_join_slot *s = bh_samba_slot(l, &key);
	bool connect = bh_event_is(line->op, "connect"), ok = bh_event_is(line->result, "ok");

	if (!s)
		return;
	o.who.client = *client;
	who(l, line, host, s, &o.who);
	share(&o.who, connect ? line->args : line->share,
		connect && !ok ? failed(line->result) : 0);
	o.connections = connect;
	opened(l, line, &o);
	s->connections = 0; /* the logon led here */
	if (connect && ok && s->count < UINT8_MAX)
		s->count++;
	else if (bh_event_is(line->op, "disconnect") && s->count)
		s->count--;
	bh_log_say(l, &o);
}

void bh_samba_audit(struct bh_log *l, struct bh_span text, bh_time when, struct bh_span host)
{
	struct line line = { .op = { 0 } };
	struct bh_addr client = { 0 };

	text = trim(text);
	int r = l->samba.declared ? declared(l->samba.prefix.text, text, &line)
				  : guessed(&l->samba, text, &line);
	if (r) {
		l->counts.records++;
		bh_log_bad(
			l, "a line of full_audit that is not of the declared prefix, or of none");
		return;
	}
	bh_log_count(l, "full_audit", line.op, 0, true);
	if (bh_said_addr(line.client, &client) && !line.machine.len) {
		bh_log_bad(l, "a line of full_audit without client: declare its prefix");
		return;
	}
	if (!when && line.time.len && bh_when_iso(line.time, l->samba.east, &when))
		when = 0;
	act(l, &line, when, host, &client);
}
