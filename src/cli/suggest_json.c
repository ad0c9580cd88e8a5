#include "cli/suggest.h"

static json_t *text_or_null(const struct bh_buf *b)
{
	return b->len ? json_string(b->ptr) : json_null();
}

static json_t *time_json(bh_time t)
{
	BH_AUTO_BUF b = { 0 };

	if (t)
		bh_time_format(t, &b);
	return text_or_null(&b);
}

static json_t *addrs_json(const struct bh_addrset *set)
{
	json_t *v = json_array();

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(set, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format((uint8_t)family, &r.v[i], &b);
			json_array_append_new(v, json_string(bh_buf_text(&b)));
		}
	}
	return v;
}

static json_t *texts_json(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *services_json(unsigned services)
{
	static const char *const names[] = { "smb", "netbios", "smbdirect" };
	json_t *v = json_array();

	for (size_t i = 0; i < BH_LEN(names); i++) {
		if (services >> i & 1)
			json_array_append_new(v, json_string(names[i]));
	}
	return v;
}

/* Connections by what they are for. */
static json_t *purposes_json(const struct bh_seen *s)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < BH_PURPOSES; i++) {
		const char *name = bh_purpose_names[i];
		if (s->purposes[i])
			json_object_set_new(o, name ? name : "unknown",
				json_integer((json_int_t)s->purposes[i]));
	}
	return o;
}

static void add_seen(json_t *o, const struct bh_seen *s)
{
	json_t *dialects = json_array();

	for (unsigned i = 1; i < BH_DIALECTS; i++) {
		if (s->dialects >> i & 1 && bh_dialect_names[i])
			json_array_append_new(dialects, json_string(bh_dialect_names[i]));
	}
	json_object_set_new(o, "clients", json_integer((json_int_t)s->clients));
	json_object_set_new(o, "users", json_integer((json_int_t)s->users));
	json_object_set_new(o, "connections", json_integer((json_int_t)s->connections));
	json_object_set_new(o, "last_seen", time_json(s->last_seen));
	json_object_set_new(o, "shares", texts_json(s->shares, s->n_shares));
	json_object_set_new(o, "dialects", dialects);
	json_object_set_new(o, "purposes", purposes_json(s));
}

static json_t *sets_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_sets; i++) {
		const struct bh_suggested_set *set = s->sets[i];
		json_t *o = json_object();
		json_object_set_new(o, "name", json_string(set->name));
		json_object_set_new(o, "kind", json_string(set->network ? "network" : "hosts"));
		json_object_set_new(o, "machines", texts_json(set->machines, set->n_machines));
		json_object_set_new(o, "addresses", addrs_json(&set->addrs));
		json_object_set_new(o, "except", addrs_json(&set->except));
		json_object_set_new(o, "called", texts_json(set->called, set->n_called));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *rules_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct bh_suggested_rule *r = &s->rules[i];
		json_t *o = json_object(), *seen = json_object();
		json_object_set_new(o, "services", services_json(r->services));
		json_object_set_new(o, "from", json_string(r->from->name));
		json_t *to = json_array();
		for (size_t k = 0; k < r->n_to; k++)
			json_array_append_new(to, json_string(r->to[k]->name));
		json_object_set_new(o, "to", to);
		add_seen(seen, &r->seen);
		json_object_set_new(o, "seen", seen);
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *left_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_left; i++) {
		const struct bh_left *l = &s->left[i];
		json_t *o = json_object(), *seen = json_object();
		char server[BH_ADDR_TEXT];
		json_object_set_new(o, "why", json_string(bh_left_names[l->why]));
		json_object_set_new(o, "server", json_string(bh_addr_format(&l->server, server)));
		json_object_set_new(o, "proto", json_string(l->at.proto == BH_TCP ? "tcp" : "udp"));
		json_object_set_new(o, "port", json_integer(l->at.port));
		json_object_set_new(o, "clients", addrs_json(&l->clients));
		json_object_set_new(o, "admitted", json_integer((json_int_t)l->admitted));
		add_seen(seen, &l->seen);
		json_object_set_new(o, "seen", seen);
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *unused_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_unused; i++) {
		const struct bh_unused *u = &s->unused[i];
		json_t *o = json_object();
		char server[BH_ADDR_TEXT];
		json_object_set_new(o, "server", json_string(bh_addr_format(&u->server, server)));
		json_object_set_new(o, "pairs", json_integer((json_int_t)u->pairs));
		json_object_set_new(o, "clients",
			bh_addrset_empty(&u->clients) ? json_null() : addrs_json(&u->clients));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *budget_json(const struct bh_suggestion *s)
{
	if (!s->budget)
		return json_null();
	json_t *o = json_object();
	json_object_set_new(o, "rules", json_integer(s->budget));
	json_object_set_new(o, "smallest", json_boolean(s->smallest));
	json_object_set_new(o, "surface_with_one_more", json_integer((json_int_t)s->one_more));
	return o;
}

json_t *bh_cli_suggestion_json(const struct bh_suggestion *s, const char *policy)
{
	json_t *o = json_object();

	json_object_set_new(o, "policy", json_string(policy));
	json_object_set_new(o, "suggested_at", time_json(s->now));
	json_object_set_new(o, "since", time_json(s->since));
	json_object_set_new(o, "first_seen", time_json(s->first_seen));
	json_object_set_new(o, "last_seen", time_json(s->last_seen));
	json_object_set_new(o, "conversations", json_integer((json_int_t)s->conversations));
	json_object_set_new(o, "connections", json_integer((json_int_t)s->connections));
	json_object_set_new(o, "too_old", json_integer((json_int_t)s->too_old));
	json_object_set_new(o, "loopback", json_integer((json_int_t)s->loopback));
	json_object_set_new(o, "until", time_json(s->until));
	json_object_set_new(o, "too_new", json_integer((json_int_t)s->too_new));
	json_object_set_new(o, "pairs", json_integer((json_int_t)s->pairs));
	json_object_set_new(o, "needed", json_integer((json_int_t)s->needed));
	json_object_set_new(o, "surface", json_integer((json_int_t)s->surface));
	json_object_set_new(o, "budget", budget_json(s));
	json_object_set_new(o, "unused", unused_json(s));
	json_object_set_new(o, "inside", addrs_json(&s->inside));
	json_object_set_new(o, "sets", sets_json(s));
	json_object_set_new(o, "rules", rules_json(s));
	json_object_set_new(o, "left_out", left_json(s));
	return o;
}
