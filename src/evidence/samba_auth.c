/*
 * auth_json_audit, versions 1.0 to 1.3: auth/auth_log.c of Samba names the fields.
 *
 * "Authentication" is a password or response checked, "Authorization" a session that was
 * granted; Kerberos is in the second alone, NTLM in both when both are logged, and counts
 * once.  A logon waits for the share it leads to (full_audit) and is told by itself only if
 * none comes.
 */
#include <stdio.h>

#include "evidence/log.h"
#include "evidence/said.h"
#include "evidence/when.h"

struct bh_samba_key bh_samba_key(const struct bh_addr *client, struct bh_span user)
{
	struct bh_samba_key k = { .len = 1 };
	const uint8_t *slash = user.len ? memrchr(user.ptr, '\\', user.len) : NULL;

	k.bytes[0] = 'u';
	k.len += bh_addr_bytes(client, k.bytes + 1);
	/* Winbind's names begin with their domain. */
	for (size_t i = slash ? (size_t)(slash - user.ptr) + 1 : 0;
		i < user.len && k.len < sizeof k.bytes; i++) {
		uint8_t ch = user.ptr[i];
		k.bytes[k.len++] = ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch;
	}
	return k;
}

struct bh_join_slot *bh_samba_slot(struct bh_log *l, const struct bh_samba_key *key)
{
	struct bh_join *j = bh_log_join(l);
	struct bh_span k = bh_span_of(key->bytes, key->len);
	struct bh_join_slot *s = j ? bh_join_find(j, k) : NULL;
	struct bh_join_slot gone = { 0 };
	struct bh_observation o;

	if (s || !j)
		return s;
	s = bh_join_add(j, k, &gone);
	if (gone.key_len && gone.connections) {
		bh_join_get(&gone, &o);
		bh_log_say(l, &o);
	}
	return s;
}

/* ---- logons that failed ---- */

static void drop_failed(struct bh_samba *m, size_t i)
{
	m->n_failed--;
	memmove(m->failed + i, m->failed + i + 1, (m->n_failed - i) * sizeof m->failed[0]);
}

static void tell_failed(struct bh_log *l, size_t i)
{
	bh_log_say(l, &l->samba.failed[i].o);
	drop_failed(&l->samba, i);
}

static void keep_failed(struct bh_log *l, const struct bh_observation *o, uint16_t port)
{
	struct bh_samba *m = &l->samba;

	if (m->n_failed == BH_SAMBA_EARLY)
		tell_failed(l, 0);
	m->failed[m->n_failed].o = *o;
	m->failed[m->n_failed++].port = port;
}

/* "map to guest": who was refused by name came in as a guest all the same. */
static bool became_guest(struct bh_samba *m, const struct bh_observation *o, uint16_t port,
	struct bh_observation *ret)
{
	for (size_t i = m->n_failed; i > 0 && o->who.guest == 1; i--) {
		const struct bh_observation *was = &m->failed[i - 1].o;
		if (m->failed[i - 1].port != port ||
			!bh_addr_equal(&was->who.client, &o->who.client) ||
			was->who.port != o->who.port)
			continue;
		*ret = *was;
		ret->who.guest = 1;
		ret->who.auth_status = 0;
		drop_failed(m, i - 1);
		return true;
	}
	return false;
}

void bh_samba_waiting(struct bh_log *l)
{
	struct bh_observation o;
	struct bh_join_slot *s;
	uint32_t at = 0;

	if (l->samba.n_early && l->samba.early[0].when <= l->until)
		bh_samba_opened(l);
	while (l->samba.n_failed && l->samba.failed[0].o.when <= l->until)
		tell_failed(l, 0);
	while (l->joined && !l->error && (s = bh_join_each(l->joined, &at))) {
		if (s->key[0] != 'u' || !s->connections || s->when > l->until)
			continue;
		bh_join_get(s, &o);
		s->connections = 0;
		bh_log_say(l, &o);
	}
}

/* ---- the fields ---- */

/* "ipv4:10.0.0.1:445", "ipv6:fd00::1:445"; lib/tsocket. */
static int address(struct bh_span s, struct bh_addr *addr, uint16_t *port)
{
	struct bh_cur c = bh_cur_of(s);
	size_t at = s.len;

	if (s.len >= 5 && !memcmp(s.ptr, "unix:", 5))
		return -ENOMSG;
	struct bh_span family = bh_cur_take(&c, bh_min_size(5, s.len));
	if (!bh_event_is(family, "ipv4:") && !bh_event_is(family, "ipv6:"))
		return -EBADMSG;
	while (at > 5 && s.ptr[at - 1] != ':')
		at--;
	if (at <= 6)
		return -EBADMSG;
	struct bh_span text = bh_cur_take(&c, at - 1 - 5);
	bh_cur_skip(&c, 1);
	struct bh_span number = bh_cur_take(&c, bh_cur_left(&c));
	return bh_said_addr(text, addr) || bh_said_port(number, port) ? -EBADMSG : 0;
}

static struct bh_span field(const struct bh_fields *f, const char *object, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "%s.%s", object, name);
	return bh_fields_get(f, path);
}

static bool ends_in(struct bh_span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && !memcmp(s.ptr + s.len - n, text, n);
}

static int ends(
	const struct bh_fields *f, const char *object, struct bh_conversation *c, uint16_t *from)
{
	int r = address(field(f, object, "remoteAddress"), &c->client, from);

	if (!r)
		r = address(field(f, object, "localAddress"), &c->server, &c->port);
	c->transport = bh_said_transport(c->port);
	return r;
}

/* source3/smbd: "SMB" is what its SMB1 half calls itself. */
static int service(struct bh_span s, struct bh_conversation *c)
{
	if (bh_event_is(s, "SMB"))
		c->dialect = BH_DIALECT_SMB1_OTHER;
	else if (!bh_event_is(s, "SMB2"))
		return -ENOMSG;
	return 0;
}

/* get_password_type() */
static void password(struct bh_span type, struct bh_span account, struct bh_conversation *c)
{
	bool nobody = account.ptr && !account.len;

	if (bh_event_is(type, "NTLMv2"))
		c->ntlm = BH_NTLM_V2;
	else if (bh_event_is(type, "NTLMv1") || bh_event_is(type, "LANMan"))
		c->ntlm = BH_NTLM_V1; /* the older still: no better */
	if (c->ntlm)
		c->auth = BH_AUTH_NTLM;
	else if (nobody && (!type.len || bh_event_is(type, "No-Password")))
		c->auth = BH_AUTH_ANONYMOUS;
	else if (bh_event_is(type, "No-Password")) /* a name without a response */
		c->auth = BH_AUTH_NTLM;
}

static void workstation(struct bh_conversation *c, struct bh_span s)
{
	struct bh_cur at = bh_cur_of(s);

	while (bh_cur_left(&at) && at.at[0] == '\\')
		bh_cur_skip(&at, 1);
	if (bh_cur_left(&at))
		bh_said(c, BH_KNOWN_WORKSTATION, bh_cur_take(&at, bh_cur_left(&at)));
}

static void identity(const struct bh_fields *f, struct bh_conversation *c)
{
	static const char o[] = "Authentication";
	struct bh_span account = field(f, o, "clientAccount");
	struct bh_span sid = field(f, o, "becameSid");
	uint32_t status;

	password(field(f, o, "passwordType"), account, c);
	bh_said(c, BH_KNOWN_USER, account);
	bh_said(c, BH_KNOWN_DOMAIN, field(f, o, "clientDomain"));
	workstation(c, field(f, o, "workstation"));
	if (!bh_said_status(field(f, o, "status"), &status)) {
		c->known |= BH_KNOWN_AUTH_STATUS;
		c->auth_status = status;
	}
	/* [MS-DTYP] 2.4.2.4: the account of guests is 501 everywhere. */
	if (sid.len && !bh_event_is(sid, "(NULL SID)"))
		c->guest = ends_in(sid, "-501");
}

static void granted(const struct bh_fields *f, struct bh_conversation *c)
{
	static const char o[] = "Authorization";
	struct bh_span type = field(f, o, "authType"), account = field(f, o, "account");
	struct bh_span sid = field(f, o, "sid");

	if (bh_event_is(account, "ANONYMOUS LOGON"))
		c->auth = BH_AUTH_ANONYMOUS;
	else if (bh_event_like(type, "krb5"))
		c->auth = BH_AUTH_KERBEROS;
	else if (type.len >= 4 && bh_event_like(bh_span_of(type.ptr, 4), "NTLM"))
		c->auth = BH_AUTH_NTLM;
	bh_said(c, BH_KNOWN_USER, account);
	bh_said(c, BH_KNOWN_DOMAIN, field(f, o, "domain"));
	c->known |= BH_KNOWN_AUTH_STATUS;
	if (sid.len && !bh_event_is(sid, "(NULL SID)"))
		c->guest = ends_in(sid, "-501");
}

/* ---- the record ---- */

/* The grant of what was checked just before, and counts already. */
static bool granted_now(struct bh_join_slot *s, const struct bh_conversation *c)
{
	bool same = s->flags & BH_SAMBA_CHECKED && s->auth == c->auth && s->port == c->port &&
		    s->dialect == c->dialect && bh_addr_equal(&s->server, &c->server);

	if (same)
		s->flags &= (uint8_t)~BH_SAMBA_CHECKED;
	return same;
}

static void learn(
	struct bh_log *l, struct bh_span timestamp, bh_time when, const struct bh_conversation *c)
{
	l->samba.header = when;
	l->samba.server = c->server;
	l->samba.port = c->port;
	if (bh_when_zone(timestamp, &l->samba.east))
		l->samba.east = l->options.east;
}

/* A session that may still be open is another's beside this one: what they differ in is
 * not known of a share any more. */
static void blur(
	struct bh_join_slot *s, const struct bh_conversation *was, const struct bh_conversation *c)
{
	if (!s->count && !s->connections) {
		s->flags = 0;
		return;
	}
	if (was->dialect != c->dialect)
		s->flags |= BH_SAMBA_DIALECTS;
	if (was->auth != c->auth || was->ntlm != c->ntlm)
		s->flags |= BH_SAMBA_AUTHS;
	if (strcmp(was->workstation, c->workstation) != 0)
		s->flags |= BH_SAMBA_WORKSTATIONS;
	if (strcmp(was->user, c->user) != 0 || strcmp(was->domain, c->domain) != 0)
		s->flags |= BH_SAMBA_USERS; /* guests, by whatever name */
}

/* It waits for a share; what waited before and was another's is told. */
static void remember(struct bh_log *l, struct bh_join_slot *s, const struct bh_observation *o)
{
	struct bh_observation was;

	bh_join_get(s, &was);
	blur(s, &was.who, &o->who);
	if (s->connections && !bh_conversation_equal(&was.who, &o->who)) {
		bh_log_say(l, &was);
		s->connections = 0;
	}
	bh_join_set(s, &o->who);
	s->connections++;
	s->when = o->when;
}

static void logon(
	struct bh_log *l, const struct bh_fields *f, const struct bh_observation *o, bool is_grant)
{
	struct bh_span user = is_grant ? field(f, "Authorization", "account")
				       : field(f, "Authentication", "becameAccount");

	if (!user.len)
		user = bh_span_of(o->who.user, strlen(o->who.user));
	struct bh_samba_key key = bh_samba_key(&o->who.client, user);
	struct bh_join_slot *s = bh_samba_slot(l, &key);
	if (!s || (is_grant && granted_now(s, &o->who)))
		return;
	remember(l, s, o);
	if (!is_grant)
		s->flags |= BH_SAMBA_CHECKED;
}

static void count(struct bh_log *l, const struct bh_fields *f, bool is_grant)
{
	struct bh_span status = field(f, "Authentication", "status");
	const char *what = is_grant                              ? "Authorization"
			   : bh_event_is(status, "NT_STATUS_OK") ? "Authentication"
								 : "Authentication failed";

	bh_log_count(l, "samba", bh_span_of(what, strlen(what)), 0, true);
}

static int ends_and_when(struct bh_log *l, const struct bh_fields *f, const char *object,
	struct bh_observation *o, uint16_t *from)
{
	struct bh_span timestamp = bh_fields_get(f, "timestamp");
	int r = service(field(f, object, "serviceDescription"), &o->who);

	if (!r)
		r = ends(f, object, &o->who, from);
	if (!r && bh_when_iso(timestamp, l->samba.east, &o->when))
		r = -EBADMSG;
	if (!r)
		learn(l, timestamp, o->when, &o->who);
	return r;
}

void bh_samba_auth(struct bh_log *l, const struct bh_fields *f)
{
	bool is_grant = bh_event_is(bh_fields_get(f, "type"), "Authorization");
	struct bh_observation o = bh_log_observe(0), was;
	uint16_t from = 0;

	count(l, f, is_grant);
	int r = ends_and_when(l, f, is_grant ? "Authorization" : "Authentication", &o, &from);
	if (r == -EBADMSG)
		bh_log_bad(l, "an authentication without time or addresses");
	if (r)
		return;
	o.connections = 1;
	o.who.outcome = BH_ANSWERED;
	if (!is_grant)
		identity(f, &o.who);
	else
		granted(f, &o.who);
	if (is_grant && became_guest(&l->samba, &o, from, &was))
		o = was;
	/* One that failed leads to nothing, but for guests. */
	if (o.who.known & BH_KNOWN_AUTH_STATUS && !o.who.auth_status)
		logon(l, f, &o, is_grant);
	else
		keep_failed(l, &o, from);
}
