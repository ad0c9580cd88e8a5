#include "cli/effects.h"
#include "cli/report.h"
#include "json/json.h"

static json_t *count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *answer(uint8_t a)
{
	return a == BH_ANSWER_UNKNOWN ? json_null() : json_boolean(a == BH_ANSWER_YES);
}

static json_t *maybe(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *address(const struct bh_host_row *h)
{
	char text[BH_ADDR_TEXT];

	return h->addr.family ? json_string(bh_addr_format(&h->addr, text)) : json_null();
}

static json_t *roles(const struct bh_host_row *h)
{
	json_t *host = bh_json_host(h), *v = json_object_get(host, "roles");

	json_incref(v);
	json_decref(host);
	return v;
}

static json_t *role_names(const struct bh_host_row *h)
{
	json_t *v = json_array();

	for (unsigned i = 0; i < BH_HOST_ROLES; i++) {
		if (h->roles >> i & 1)
			json_array_append_new(v, json_string(bh_host_role_names[i]));
	}
	return v;
}

static json_t *purposes(uint32_t bits)
{
	json_t *v = json_array();

	for (unsigned i = 1; i < BH_PURPOSES; i++) {
		if (bits >> i & 1)
			json_array_append_new(v, json_string(bh_purpose_names[i]));
	}
	return v;
}

static json_t *from(const struct bh_endpoint *e)
{
	json_t *v = json_array();

	for (size_t i = 0; i < e->n_from; i++)
		json_array_append_new(v, json_string(e->from[i]));
	return v;
}

static json_t *needs(const struct bh_endpoint *e, bool flat)
{
	json_t *v = json_array();

	for (size_t i = 0; i < bh_needs_n; i++) {
		const struct bh_need *n = &bh_needs[i];
		if (!(e->needs >> i & 1))
			continue;
		json_array_append_new(
			v, flat ? json_string(n->feature)
				: json_pack("{s:s, s:s?, s:s, s:s, s:s}", "feature", n->feature,
					  "service", n->service, "ports", n->ports, "needed_by",
					  n->from, "source", n->source));
	}
	return v;
}

json_t *bh_report_endpoint(const struct bh_endpoint *e, bool flat)
{
	const struct bh_host_row *h = e->host;
	json_t *o = json_object();

	json_object_set_new(o, "address", address(h));
	json_object_set_new(o, "name", maybe(bh_report_name(h)));
	json_object_set_new(o, "endpoint", json_string(e->server ? "server" : "client"));
	json_object_set_new(o, "roles", flat ? role_names(h) : roles(h));
	json_object_set_new(o, "inbound_required_by_role", answer(e->by_role));
	json_object_set_new(o, "inbound_necessary", answer(e->necessary));
	json_object_set_new(o, "server_service_needed", answer(e->service));
	json_object_set_new(o, "inbound_from", json_string(bh_scope_names[e->scope]));
	json_object_set_new(o, "from", from(e));
	json_object_set_new(o, "from_more", count(e->more_from));
	json_object_set_new(o, "purposes", purposes(e->purposes));
	json_object_set_new(o, "needs", needs(e, flat));
	json_object_set_new(o, "clients", count(h->clients));
	json_object_set_new(o, "connections_served", count(e->times));
	json_object_set_new(o, "servers_used", count(h->servers));
	json_object_set_new(o, "connections_used", count(h->used));
	json_object_set_new(o, "internet_servers_asked", count(e->outside));
	json_object_set_new(o, "why", json_string(e->why));
	return o;
}

static json_t *totals(const struct bh_report *r)
{
	json_t *o = json_object(), *grades = json_object();
	size_t used = 0;

	for (size_t i = 0; i < r->n_shares; i++)
		used += bh_report_used(&r->shares[i]);
	for (unsigned i = BH_GRADES; i-- > 0;)
		json_object_set_new(grades, bh_grade_names[i], count(r->grades[i]));
	json_object_set_new(o, "conversations", count(r->inv.n));
	json_object_set_new(o, "connections", count(r->connections));
	json_object_set_new(o, "server_endpoints", count(r->n_servers));
	json_object_set_new(o, "client_endpoints", count(r->n_endpoints - r->n_servers));
	json_object_set_new(o, "shares", count(r->n_shares));
	json_object_set_new(o, "shares_used", count(used));
	json_object_set_new(o, "findings", grades);
	return o;
}

static json_t *heaviest(const struct bh_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_heaviest; i++) {
		const struct bh_host_row *h = r->heaviest[i];
		json_t *o = json_object();
		json_object_set_new(o, "address", address(h));
		json_object_set_new(o, "name", maybe(bh_report_name(h)));
		json_object_set_new(o, "connections", count(h->used));
		json_object_set_new(o, "servers", count(h->servers));
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- one document, a piece at a time: the whole of a large one would be a gigabyte ---- */

struct piece {
	const struct bh_report *r;
	bool any; /* something stands in the object */
	bool failed; /* memory ran out */
};

static void put(struct piece *p, json_t *value)
{
	p->failed |= !value;
	if (value)
		json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(value);
}

static void put_key(struct piece *p, const char *key)
{
	printf("%s\n\"%s\": ", p->any ? "," : "{", key);
	p->any = true;
}

static void put_one(struct piece *p, const char *key, json_t *value)
{
	put_key(p, key);
	put(p, value);
}

static void put_list(struct piece *p, const char *key,
	json_t *(*element)(const struct bh_report *r, size_t i), size_t n)
{
	put_key(p, key);
	putchar('[');
	for (size_t i = 0; i < n && !p->failed; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		put(p, element(p->r, i));
	}
	fputs(n ? "\n]" : "]", stdout);
}

static json_t *source(const struct bh_report *r, size_t i)
{
	return json_string(r->inv.sources[i].label);
}

static json_t *endpoint(const struct bh_report *r, size_t i)
{
	return bh_report_endpoint(&r->endpoints[i], false);
}

static json_t *share(const struct bh_report *r, size_t i)
{
	json_t *s = bh_json_share(&r->shares[i]);

	json_object_set_new(s, "used", json_boolean(bh_report_used(&r->shares[i])));
	return s;
}

static json_t *finding(const struct bh_report *r, size_t i)
{
	return bh_json_finding(&r->findings[i]);
}

int bh_report_json(const struct bh_cli *cli, const struct bh_report *r)
{
	struct piece p = { .r = r };

	put_one(&p, "generated", bh_json_time(r->now));
	put_one(&p, "since", bh_json_time(r->window.since));
	put_one(&p, "until", bh_json_time(r->window.until));
	put_one(&p, "first_seen", bh_json_time(r->first_seen));
	put_one(&p, "last_seen", bh_json_time(r->last_seen));
	put_list(&p, "sources", source, r->inv.n_sources);
	put_one(&p, "totals", totals(r));
	put_one(&p, "surface", bh_cli_surface_json(&r->surface, false));
	put_list(&p, "endpoints", endpoint, r->n_endpoints);
	put_list(&p, "shares", share, r->n_shares);
	put_list(&p, "findings", finding, r->n_findings);
	put_one(&p, "heaviest_clients", heaviest(r));
	puts("\n}");
	return p.failed ? bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory") : bh_cli_flush(cli);
}
