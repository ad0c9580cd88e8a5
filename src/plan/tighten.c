#include <stdlib.h>

#include "plan/scene.h"
#include "plan/spans.h"

/*
 * When an allow was last used: as a whole, for each of its services, from each of its
 * ranges of clients and to each of its ranges of servers.  Asked by address, whatever the
 * point: a rule means the same pairs wherever it is enforced.
 */

/* When each part was last used; 0: never. */
struct used {
	bool roaming; /* it means machines that have no address: anybody may be one */
	bh_time last, *services, *from[2], *to[2]; /* from and to: by range, of each family */
};

struct tighten {
	struct bh_scene *s;
	const struct bh_bound *b;
	struct bh_arena *a, own; /* own: for the while */
	bh_time since;
	struct used *rules;
	/* The allows that mean a host as a server: rule[first[h]] … rule[first[h + 1]]. */
	uint32_t *first, *rule;
	struct bh_tighten out;
	struct bh_proposal *v;
	size_t cap;
};

const char *const bh_proposal_names[BH_PROPOSALS] = {
	[BH_PROPOSE_RULE] = "rule",
	[BH_PROPOSE_SERVICE] = "service",
	[BH_PROPOSE_CLIENTS] = "clients",
	[BH_PROPOSE_SERVERS] = "servers",
};

static bool allows(const struct bh_bound_rule *r)
{
	return !r->block && !r->expired;
}

/* Words that no address answers, and names that have none: whoever it is may be meant. */
static bool open_ended(const struct bh_bound_list *l)
{
	return l->any || l->self || l->localsubnet || bh_addrset_empty(&l->addrs);
}

/* Is a set with roaming members written in it? */
static bool means_roaming(const struct bh_bound *b, const struct bh_bound_rule *r)
{
	for (size_t i = 0; i < b->n_sets; i++) {
		size_t len = strlen(b->sets[i].name);
		if (!b->sets[i].roaming)
			continue;
		for (const char *at = r->text; (at = strcasestr(at, b->sets[i].name)); at++) {
			bool starts = at > r->text && at[-1] == ' ';
			if (starts && (!at[len] || at[len] == ' ' || at[len] == ','))
				return true;
		}
	}
	return false;
}

/* ---- who is meant ------------------------------------------------------------------------- */

static void hosts_of(struct tighten *t, const struct bh_bound_list *l, bool all, struct spans *ret)
{
	const struct known *k = &t->s->known;

	ret->n = 0;
	if (all || open_ended(l)) {
		spans_push(ret, &t->own, 0, (uint32_t)k->n);
		return;
	}
	for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4)
		spans_push_ranges(
			ret, &t->own, k, (uint8_t)f, bh_addrset_of(&l->addrs, (uint8_t)f));
}

/* Twice: to count, and to write. */
static void each_server(struct tighten *t, uint32_t *at)
{
	struct spans hosts = { 0 };

	for (size_t i = 0; i < t->b->n_rules; i++) {
		if (!allows(&t->b->rules[i]))
			continue;
		hosts_of(t, &t->b->rules[i].to, t->rules[i].roaming, &hosts);
		for (size_t k = 0; k < hosts.n; k++) {
			for (uint32_t h = hosts.v[k].lo; h < hosts.v[k].hi; h++) {
				if (at)
					t->rule[at[h]++] = (uint32_t)i;
				else
					t->first[h + 1]++;
			}
		}
	}
}

static int index_servers(struct tighten *t)
{
	size_t n = t->s->known.n;
	uint32_t *at = bh_arena_array(&t->own, n + 2, sizeof *at);

	t->first = bh_arena_array(&t->own, n + 2, sizeof *t->first);
	if (!at || !t->first)
		return -ENOMEM;
	each_server(t, NULL);
	for (size_t h = 0; h < n; h++)
		t->first[h + 1] += t->first[h];
	memcpy(at, t->first, (n + 1) * sizeof *at);
	t->rule = bh_arena_array(&t->own, (size_t)t->first[n] + 1, sizeof *t->rule);
	if (!t->rule)
		return -ENOMEM;
	each_server(t, at);
	return bh_arena_ok(&t->own) ? 0 : -ENOMEM;
}

/* ---- when it was used ------------------------------------------------------------------------ */

static bh_time *times(struct tighten *t, size_t n)
{
	return bh_arena_array(&t->own, n + 1, sizeof(bh_time));
}

static int new_times(struct tighten *t)
{
	t->rules = bh_arena_array(&t->own, t->b->n_rules + 1, sizeof *t->rules);
	for (size_t i = 0; t->rules && i < t->b->n_rules; i++) {
		const struct bh_bound_rule *r = &t->b->rules[i];
		if (!allows(r))
			continue;
		t->out.rules++;
		t->rules[i] = (struct used){ .roaming = means_roaming(t->b, r),
			.services = times(t, r->n_services),
			.from = { times(t, r->from.addrs.v4.n), times(t, r->from.addrs.v6.n) },
			.to = { times(t, r->to.addrs.v4.n), times(t, r->to.addrs.v6.n) } };
	}
	return bh_arena_ok(&t->own) ? 0 : -ENOMEM;
}

static void note(bh_time *at, bh_time when)
{
	*at = when > *at ? when : *at;
}

/* The range that holds an address; n: none does. */
static size_t range_of(struct bh_ranges r, bh_u128 num)
{
	size_t lo = 0, hi = r.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (num < r.v[mid].lo)
			hi = mid;
		else if (num > r.v[mid].hi)
			lo = mid + 1;
		else
			return mid;
	}
	return r.n;
}

static void note_rule(struct tighten *t, uint32_t i, const struct pair *p, bh_time when)
{
	const struct bh_bound_rule *r = &t->b->rules[i];
	struct used *u = &t->rules[i];
	const struct bh_addr *c = &p->who->client, *s = &p->who->server;
	unsigned f = c->family == BH_V6;
	struct bh_ranges from = bh_addrset_of(&r->from.addrs, c->family);
	struct bh_ranges to = bh_addrset_of(&r->to.addrs, s->family);
	size_t x = range_of(from, c->num), y = range_of(to, s->num);

	if (x == from.n && !open_ended(&r->from) && !u->roaming)
		return;
	for (size_t k = 0; k < r->n_services; k++) {
		if (!bh_service_equal(r->services[k], p->at))
			continue;
		note(&u->last, when);
		note(&u->services[k], when);
		if (x < from.n)
			note(&u->from[f][x], when);
		if (y < to.n)
			note(&u->to[f][y], when);
	}
}

/* Seen at work; at no known time counts as now. */
static bh_time last_of(const struct pair *p)
{
	bh_time last = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (bh_row_use(p->rows[i]) <= BH_USE_SMB1)
			note(&last, p->rows[i]->figures.last_seen ? p->rows[i]->figures.last_seen
								  : INT64_MAX);
	}
	return last;
}

static void note_all(struct tighten *t)
{
	for (size_t i = 0; i < t->s->pairs.n; i++) {
		const struct pair *p = &t->s->pairs.v[i];
		for (size_t k = 0; k < p->n; k++) {
			bh_time first = p->rows[k]->figures.first_seen;
			if (first && (!t->out.begins || first < t->out.begins))
				t->out.begins = first;
		}
		bh_time when = p->loopback ? 0 : last_of(p);
		for (uint32_t k = when ? t->first[p->server] : 0;
			when && k < t->first[p->server + 1]; k++)
			note_rule(t, t->rule[k], p, when);
	}
}

/* ---- proposals ----------------------------------------------------------------------------- */

static uint64_t meant_pairs(
	struct tighten *t, const struct bh_bound_list *from, const struct bh_bound_list *to)
{
	struct spans x = { 0 }, y = { 0 };
	uint64_t v4[2] = { 0 }, all[2];
	const struct spans *v[] = { &x, &y };

	hosts_of(t, from, false, &x);
	hosts_of(t, to, false, &y);
	for (unsigned i = 0; i < 2; i++) {
		all[i] = spans_count(v[i]);
		for (size_t k = 0; k < v[i]->n; k++) {
			uint32_t split = (uint32_t)t->s->known.split;
			uint32_t hi = v[i]->v[k].hi < split ? v[i]->v[k].hi : split;
			v4[i] += hi > v[i]->v[k].lo ? hi - v[i]->v[k].lo : 0;
		}
	}
	return v4[0] * v4[1] + (all[0] - v4[0]) * (all[1] - v4[1]);
}

static void propose(struct tighten *t, const struct bh_proposal *one)
{
	if (t->out.n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct bh_proposal *more = bh_arena_array(t->a, cap, sizeof *more);
		if (!more)
			return;
		if (t->out.n)
			memcpy(more, t->v, t->out.n * sizeof *more);
		t->v = more;
		t->cap = cap;
	}
	t->v[t->out.n++] = *one;
}

/* A word of the language is several ports.  Names and datagrams of NetBIOS are nobody's use
 * of SMB: what is not seen of them says nothing. */
static void propose_services(struct tighten *t, size_t rule)
{
	const struct bh_bound_rule *r = &t->b->rules[rule];
	const char *told[BH_MAX_GATES];
	size_t n_told = 0;

	for (size_t i = 0; i < r->n_services; i++) {
		const struct bh_bound_service *s = bh_policy_service(t->b, r->services[i]);
		bh_time last = 0;
		bool seen = false, again = !s, others = false;
		for (size_t k = 0; s && k < n_told; k++)
			again |= !strcmp(told[k], s->of);
		for (size_t k = 0; !again && k < r->n_services; k++) {
			const struct bh_bound_service *o = bh_policy_service(t->b, r->services[k]);
			bool same = o && !strcmp(o->of, s->of);
			others |= !same;
			seen |= same && (r->services[k].proto == BH_TCP || o->quic);
			if (same)
				note(&last, t->rules[rule].services[k]);
		}
		if (again || n_told == BH_LEN(told))
			continue;
		told[n_told++] = s->of;
		if (!seen || !others || last >= t->since)
			continue;
		propose(t, &(struct bh_proposal){ .kind = BH_PROPOSE_SERVICE,
				   .rule = r,
				   .service = s->of,
				   .last_used = last,
				   .pairs = meant_pairs(t, &r->from, &r->to) });
	}
}

/* Did another allow that means some of these addresses on the same side let somebody in? */
static bool used_elsewhere(
	const struct tighten *t, size_t rule, bool to, const struct bh_addrset *part)
{
	for (size_t i = 0; i < t->b->n_rules; i++) {
		const struct bh_bound_rule *r = &t->b->rules[i];
		if (i == rule || !allows(r))
			continue;
		for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4) {
			const struct bh_bound_list *l = to ? &r->to : &r->from;
			const bh_time *at = (to ? t->rules[i].to : t->rules[i].from)[f == BH_V6];
			struct bh_ranges v = bh_addrset_of(&l->addrs, (uint8_t)f);
			struct bh_ranges w = bh_addrset_of(part, (uint8_t)f);
			for (size_t x = 0, y = 0; x < v.n && y < w.n;) {
				bool meet = v.v[x].lo <= w.v[y].hi && w.v[y].lo <= v.v[x].hi;
				if (meet && at[x] >= t->since)
					return true;
				if (v.v[x].hi < w.v[y].hi)
					x++;
				else
					y++;
			}
		}
	}
	return false;
}

static void propose_part(struct tighten *t, size_t rule, bool to)
{
	const struct bh_bound_rule *r = &t->b->rules[rule];
	const struct bh_bound_list *l = to ? &r->to : &r->from;
	struct bh_bound_list part = { 0 };
	bh_time last = 0;

	for (int f = BH_V4; !open_ended(l) && f <= BH_V6; f += BH_V6 - BH_V4) {
		struct bh_ranges all = bh_addrset_of(&l->addrs, (uint8_t)f);
		const bh_time *at = (to ? t->rules[rule].to : t->rules[rule].from)[f == BH_V6];
		struct bh_range *v = bh_arena_array(t->a, all.n + 1, sizeof *v);
		size_t n = 0;
		for (size_t i = 0; v && i < all.n; i++) {
			if (at[i] >= t->since)
				continue;
			v[n++] = all.v[i];
			note(&last, at[i]);
		}
		struct bh_ranges some = { .v = v, .n = v ? n : 0 };
		if (f == BH_V4)
			part.addrs.v4 = some;
		else
			part.addrs.v6 = some;
	}
	if (bh_addrset_empty(&part.addrs))
		return;
	propose(t, &(struct bh_proposal){ .kind = to ? BH_PROPOSE_SERVERS : BH_PROPOSE_CLIENTS,
			   .rule = r,
			   .addrs = part.addrs,
			   .elsewhere = used_elsewhere(t, rule, to, &part.addrs),
			   .last_used = last,
			   .pairs = to ? meant_pairs(t, &r->from, &part)
				       : meant_pairs(t, &part, &r->to) });
}

static void propose_all(struct tighten *t)
{
	for (size_t i = 0; i < t->b->n_rules; i++) {
		const struct bh_bound_rule *r = &t->b->rules[i];
		if (!allows(r))
			continue;
		if (t->rules[i].last < t->since) {
			propose(t, &(struct bh_proposal){ .kind = BH_PROPOSE_RULE,
					   .rule = r,
					   .last_used = t->rules[i].last,
					   .pairs = meant_pairs(t, &r->from, &r->to) });
			continue;
		}
		propose_services(t, i);
		if (t->rules[i].roaming)
			continue;
		propose_part(t, i, false);
		propose_part(t, i, true);
	}
}

int bh_plan_tighten(struct bh_scene *s, bh_time since, struct bh_arena *a, struct bh_tighten *ret)
{
	struct tighten t = { .s = s, .b = s->of.bound, .a = a, .since = since };
	int r = new_times(&t);

	if (!r)
		r = index_servers(&t);
	if (!r) {
		note_all(&t);
		propose_all(&t);
		if (!bh_arena_ok(a) || !bh_arena_ok(&t.own))
			r = -ENOMEM;
	}
	bh_arena_reset(&t.own);
	if (r)
		return r;
	t.out.v = t.v;
	*ret = t.out;
	return 0;
}

enum { SHOWN = 8 }; /* ranges; all of them are in the proposal */

static void add_some(const struct bh_addrset *set, struct bh_buf *b)
{
	struct bh_addrset some = *set;
	size_t all = set->v4.n + set->v6.n;

	some.v4.n = bh_min_size(set->v4.n, SHOWN);
	some.v6.n = bh_min_size(set->v6.n, SHOWN - some.v4.n);
	bh_addrset_format(&some, ", ", b);
	if (all > SHOWN)
		bh_buf_printf(b, " and %zu more ranges", all - SHOWN);
}

void bh_plan_proposal(const struct bh_proposal *p, bh_time since, struct bh_buf *b)
{
	if (p->kind == BH_PROPOSE_CLIENTS || p->kind == BH_PROPOSE_SERVERS) {
		bh_buf_printf(b, "nothing %s ", p->kind == BH_PROPOSE_CLIENTS ? "from" : "went to");
		add_some(&p->addrs, b);
		bh_buf_str(b, p->kind == BH_PROPOSE_CLIENTS ? " used " : " by ");
	} else if (p->kind == BH_PROPOSE_SERVICE) {
		bh_buf_printf(b, "nothing used %s by ", p->service);
	} else {
		bh_buf_str(b, "nothing used ");
	}
	bh_buf_printf(b, "%s:%u since ", p->rule->file, p->rule->line);
	bh_time_format(since - since % BH_SECOND, b);
	if (p->last_used) {
		bh_buf_str(b, " (last ");
		bh_time_format(p->last_used - p->last_used % BH_SECOND, b);
		bh_buf_str(b, ")");
	}
	bh_buf_str(b, ": ");
	bh_plan_remark(b, p->rule->text, 120);
}
