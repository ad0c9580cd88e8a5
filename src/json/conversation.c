#include "model/pipe.h"
#include "json/json.h"

/* json_object_set_new takes the value over even when it fails; one flag is enough to
 * know at the end. */
struct object {
	json_t *o;
	bool failed;
};

static void set(struct object *o, const char *key, json_t *value)
{
	if (json_object_set_new(o->o, key, value))
		o->failed = true;
}

static json_t *finish(struct object *o)
{
	if (!o->failed)
		return o->o;
	json_decref(o->o);
	return NULL;
}

static json_t *name(const char *const *names, size_t n, uint8_t value)
{
	const char *text = value < n ? names[value] : NULL;

	return text ? json_string(text) : json_null();
}

static json_t *flag(int8_t value)
{
	return value == BH_UNKNOWN ? json_null() : json_boolean(value);
}

static json_t *text(const struct bh_talk *c, uint8_t bit, const char *value)
{
	return c->known & bit ? json_string(value) : json_null();
}

static json_t *maybe(const char *value)
{
	return value ? json_string(value) : json_null();
}

static json_t *status(const struct bh_talk *c, uint8_t bit, uint32_t value)
{
	return c->known & bit ? json_sprintf("0x%08x", value) : json_null();
}

static json_t *addr(const struct bh_addr *a)
{
	char buf[BH_ADDR_TEXT];

	if (!a->family)
		return json_null();
	return json_string(bh_addr_format(a, buf));
}

static json_t *pipes(uint32_t bits)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < BH_PIPES; i++) {
		if (bits >> i & 1 && json_array_append_new(list, json_string(bh_pipe_names[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *bh_json_time(bh_time t)
{
	BH_AUTO_BUF b = { 0 };

	if (!t)
		return json_null();
	bh_time_format(t, &b);
	return bh_buf_ok(&b) ? json_string(bh_buf_text(&b)) : NULL;
}

static void set_ends(struct object *o, const struct bh_talk *c)
{
	set(o, "client", addr(&c->client));
	set(o, "server", addr(&c->server));
	set(o, "port", json_integer(c->port));
	set(o, "transport", name(bh_transport_names, BH_TRANSPORTS, c->transport));
	set(o, "server_name", text(c, BH_KNOWN_SERVER_NAME, c->server_name));
	set(o, "share", text(c, BH_KNOWN_SHARE, c->share));
	set(o, "share_type", name(bh_share_type_names, BH_SHARE_TYPES, c->share_type));
	set(o, "share_status", status(c, BH_KNOWN_SHARE_STATUS, c->share_status));
}

static void set_logon(struct object *o, const struct bh_talk *c)
{
	set(o, "user", text(c, BH_KNOWN_USER, c->user));
	set(o, "domain", text(c, BH_KNOWN_DOMAIN, c->domain));
	set(o, "workstation", text(c, BH_KNOWN_WORKSTATION, c->workstation));
	set(o, "auth", name(bh_auth_names, BH_AUTHS, c->auth));
	set(o, "ntlm", name(bh_ntlm_names, BH_NTLMS, c->ntlm));
	set(o, "service", text(c, BH_KNOWN_SERVICE, c->service));
	set(o, "auth_status", status(c, BH_KNOWN_AUTH_STATUS, c->auth_status));
}

static void set_safety(struct object *o, const struct bh_talk *c, enum bh_purpose purpose)
{
	set(o, "dialect", name(bh_dialect_names, BH_DIALECTS, c->dialect));
	set(o, "smb1_offered", flag(c->smb1_offered));
	set(o, "signing_server", name(bh_signing_names, BH_SIGNINGS, c->signing_server));
	set(o, "signing_client", name(bh_signing_names, BH_SIGNINGS, c->signing_client));
	set(o, "signed", flag(c->is_signed));
	set(o, "signing_algorithm",
		name(bh_signing_algorithm_names, BH_SIGN_ALGS, c->signing_algorithm));
	set(o, "cipher", name(bh_cipher_names, BH_CIPHERS, c->cipher));
	set(o, "encrypted", flag(c->encrypted));
	set(o, "compression", name(bh_compression_names, BH_COMPRESSIONS, c->compression));
	set(o, "guest", flag(c->guest));
	set(o, "purpose", name(bh_purpose_names, BH_PURPOSES, (uint8_t)purpose));
	set(o, "verdict", name(bh_outcome_names, BH_OUTCOMES, c->outcome));
	set(o, "complete", flag(c->complete));
}

static void set_figures(struct object *o, const struct bh_figures *f)
{
	set(o, "connections", number(f->connections));
	set(o, "bytes_to_server", number(f->bytes_to_server));
	set(o, "bytes_to_client", number(f->bytes_to_client));
	set(o, "opens", number(f->opens));
	set(o, "pipes", pipes(f->pipes));
	set(o, "first_seen", bh_json_time(f->first_seen));
	set(o, "last_seen", bh_json_time(f->last_seen));
}

json_t *bh_json_conversation(const struct bh_talk *c, const struct bh_figures *f,
	enum bh_purpose purpose, const char *const *sources, size_t n_sources)
{
	struct object o = { .o = json_object() };
	json_t *list = json_array();

	for (size_t i = 0; i < n_sources; i++) {
		if (json_array_append_new(list, json_string(sources[i])))
			o.failed = true;
	}
	set_ends(&o, c);
	set_logon(&o, c);
	set_safety(&o, c, purpose);
	set_figures(&o, f);
	set(&o, "sources", list);
	return finish(&o);
}

/* One object for each role: why it is thought to be one. */
static json_t *roles(const struct bh_host_row *h)
{
	json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0, after; !failed && i < h->n_evidence; i = after) {
		struct object o = { .o = json_object() };
		json_t *why = json_array();
		for (after = i; after < h->n_evidence; after++) {
			if (h->evidence[after].role != h->evidence[i].role)
				break;
			if (json_array_append_new(why, json_string(h->evidence[after].text)))
				o.failed = true;
		}
		set(&o, "role", json_string(bh_host_role_names[h->evidence[i].role]));
		set(&o, "evidence", why);
		failed = json_array_append_new(list, finish(&o));
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

json_t *bh_json_host(const struct bh_host_row *h)
{
	struct object o = { .o = json_object() };

	set(&o, "address", addr(&h->addr));
	set(&o, "name", maybe(h->name));
	set(&o, "workstation", maybe(h->workstation));
	set(&o, "client", json_boolean(h->is_client));
	set(&o, "server", json_boolean(h->is_server));
	set(&o, "roles", roles(h));
	set(&o, "clients", number(h->clients));
	set(&o, "servers", number(h->servers));
	set(&o, "served", number(h->served));
	set(&o, "used", number(h->used));
	set(&o, "dialect", name(bh_dialect_names, BH_DIALECTS, h->best_dialect));
	set(&o, "signing", name(bh_signing_names, BH_SIGNINGS, h->signing));
	set(&o, "smb1", json_boolean(h->smb1));
	set(&o, "first_seen", bh_json_time(h->first_seen));
	set(&o, "last_seen", bh_json_time(h->last_seen));
	return finish(&o);
}

static json_t *list(const char *const *v, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(all, json_string(v[i]))) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

json_t *bh_json_share(const struct bh_share_row *s)
{
	struct object o = { .o = json_object() };

	set(&o, "server", addr(&s->server));
	set(&o, "server_name", maybe(s->server_name));
	set(&o, "share", json_string(s->share));
	set(&o, "type", name(bh_share_type_names, BH_SHARE_TYPES, s->type));
	set(&o, "clients", number(s->clients));
	set(&o, "users", number(s->users));
	set(&o, "used_by", list(s->by, s->n_by));
	set(&o, "connections", number(s->connections));
	set(&o, "denied", number(s->denied));
	set(&o, "encrypted", flag(s->encrypted));
	set(&o, "bytes_to_server", number(s->bytes_to_server));
	set(&o, "bytes_to_client", number(s->bytes_to_client));
	set(&o, "last_seen", bh_json_time(s->last_seen));
	return finish(&o);
}

json_t *bh_json_referral(const struct bh_referral *r)
{
	struct object o = { .o = json_object() };

	set(&o, "path", r->path[0] ? json_string(r->path) : json_null());
	set(&o, "target", json_string(r->target));
	set(&o, "root", json_boolean(r->root));
	set(&o, "ttl", number(r->ttl));
	set(&o, "told_by", addr(&r->server));
	set(&o, "last_seen", bh_json_time(r->when));
	return finish(&o);
}

static json_t *who(const struct bh_addr *address, const char *called)
{
	struct object o = { .o = json_object() };

	if (!address->family && !called) {
		json_decref(o.o);
		return json_null();
	}
	set(&o, "address", addr(address));
	set(&o, "name", maybe(called));
	return finish(&o);
}

json_t *bh_json_finding(const struct bh_finding *f)
{
	struct object o = { .o = json_object() };

	set(&o, "finding", name(bh_finding_names, BH_FINDINGS, f->kind));
	set(&o, "severity", name(bh_grade_names, BH_GRADES, f->grade));
	set(&o, "client", who(&f->client, f->client_name));
	set(&o, "server", who(&f->server, f->server_name));
	set(&o, "share", maybe(f->share));
	set(&o, "user", maybe(f->user));
	set(&o, "domain", maybe(f->domain));
	set(&o, "clients", number(f->clients));
	set(&o, "servers", number(f->servers));
	set(&o, "connections", number(f->connections));
	set(&o, "first_seen", bh_json_time(f->first_seen));
	set(&o, "last_seen", bh_json_time(f->last_seen));
	set(&o, "evidence", json_string(f->text));
	return finish(&o);
}

json_t *bh_json_tally(const struct bh_tally *t)
{
	struct object o = { .o = json_object() };

	set(&o, "packets", number(t->packets));
	set(&o, "bytes", number(t->bytes));
	set(&o, "messages", number(t->messages));
	set(&o, "flows", number(t->flows));
	set(&o, "kernel_drops", number(t->kernel_drops));
	set(&o, "truncated_packets", number(t->truncated_packets));
	set(&o, "fragments", number(t->fragments));
	set(&o, "gaps", number(t->gaps));
	set(&o, "gap_bytes", number(t->gap_bytes));
	set(&o, "malformed", number(t->malformed));
	set(&o, "evicted", number(t->evicted));
	set(&o, "unknown_frames", number(t->unknown_frames));
	set(&o, "log_events", number(t->log_events));
	set(&o, "log_lost", number(t->log_lost));
	set(&o, "records", number(t->records));
	set(&o, "unreadable", number(t->unreadable));
	return finish(&o);
}
