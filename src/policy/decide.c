#include "policy/ast.h"

const struct bh_bound_service *bh_policy_service(
	const struct bh_bound *b, struct bh_service service)
{
	for (size_t i = 0; i < b->n_services; i++) {
		if (bh_service_equal(b->services[i].service, service))
			return &b->services[i];
	}
	return NULL;
}

static int port_parse(const char *text, uint8_t proto, struct bh_service *ret)
{
	unsigned port = 0;

	if (!*text || *text == '0')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(*text - '0');
		if (port > 65535)
			return -EINVAL;
	}
	*ret = (struct bh_service){ .port = (uint16_t)port, .proto = proto };
	return 0;
}

bool bh_policy_rule_names(const struct bh_bound_rule *r, struct bh_service service)
{
	for (size_t i = 0; i < r->n_services; i++) {
		if (bh_service_equal(r->services[i], service))
			return true;
	}
	return false;
}

int bh_policy_service_parse(const struct bh_bound *b, const char *text, struct bh_service *ret)
{
	const struct bh_bound_service *found = NULL;
	unsigned n = 0;

	if (!strncmp(text, "tcp/", 4))
		return port_parse(text + 4, BH_TCP, ret);
	if (!strncmp(text, "udp/", 4))
		return port_parse(text + 4, BH_UDP, ret);
	for (size_t i = 0; i < b->n_services; i++) {
		if (bh_name_equal(b->services[i].name, text)) {
			*ret = b->services[i].service;
			return 0;
		}
		if (bh_name_equal(b->services[i].of, text)) {
			found = &b->services[i];
			n++;
		}
	}
	if (n > 1 || bh_name_equal(text, "all-smb"))
		return -E2BIG;
	if (!found)
		return -ENOENT;
	*ret = found->service;
	return 0;
}

bool bh_policy_via(const struct bh_bound_interfaces *v, const char *ifname)
{
	for (size_t i = 0; ifname[0] && i < v->n; i++) {
		size_t n = strlen(v->patterns[i]);
		if (n && v->patterns[i][n - 1] == '*' ? !strncmp(v->patterns[i], ifname, n - 1)
						      : !strcmp(v->patterns[i], ifname))
			return true;
	}
	return false;
}

/* One question: who asks, and what was asked. */
struct ask {
	const struct bh_bound *b;
	const struct bh_view *v;
	const struct bh_flow *f;
	const struct bh_bound_service *service; /* NULL: not declared */
	const struct bh_bound_gate *gate; /* the rules to look at; NULL: all of them */
};

static struct ask ask_of(const struct bh_bound *b, const struct bh_view *v, const struct bh_flow *f)
{
	struct ask q = { .b = b, .v = v, .f = f, .service = bh_policy_service(b, f->service) };

	if (q.service && b->gates)
		q.gate = &b->gates[(size_t)(q.service - b->services) * BH_HOOKS + f->hook];
	return q;
}

static size_t n_rules(const struct ask *q)
{
	return q->gate ? q->gate->n : q->b->n_rules;
}

static size_t nth_rule(const struct ask *q, size_t k)
{
	return q->gate ? q->gate->rules[k] : k;
}

static bool peer_in(const struct ask *q, const struct bh_bound_list *l, const struct bh_addr *peer)
{
	bool host = !q->v->gateway && q->f->hook != BH_FWD;

	if (l->any)
		return true;
	/* Multicast and 255.255.255.255 are in nothing but the word. */
	if (bh_is_multicast(peer))
		return false;
	if (l->self && host && bh_addrset_contains(&q->v->self, peer))
		return true;
	if (l->localsubnet && q->f->hook != BH_FWD && q->f->localsubnet &&
		bh_addrset_contains(q->f->localsubnet, peer))
		return true;
	return bh_addrset_contains(&l->addrs, peer);
}

/* The side that is this machine is asked by identity, the other by address; on the
 * forward hook both are addresses.  Roaming members come from any of them. */
static bool from_holds(const struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];

	if (q->f->hook == BH_OUT)
		return q->v->from_me[i];
	return (r->secure && r->secure->n_roaming) || peer_in(q, &r->from, &q->f->client);
}

static bool to_holds(const struct ask *q, size_t i)
{
	if (q->f->hook == BH_IN)
		return q->v->to_me[i];
	return peer_in(q, &q->b->rules[i].to, &q->f->server);
}

static enum bh_profile profile_of(const struct ask *q)
{
	return q->v->roaming ? q->f->profile : BH_DOMAIN;
}

static bool holds(const struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];
	enum bh_hook hook = q->f->hook;

	if (!q->gate &&
		(!(r->hooks & BH_HOOK_BIT(hook)) || !bh_policy_rule_names(r, q->f->service)))
		return false;
	if (r->expired || (hook != BH_FWD && !(r->on & BH_PROFILE_BIT(profile_of(q)))) ||
		(r->via && hook != BH_IN && !bh_policy_via(r->via, q->f->oif)))
		return false;
	/* The side that is this machine costs nothing to ask. */
	return hook == BH_IN ? to_holds(q, i) && from_holds(q, i)
			     : from_holds(q, i) && to_holds(q, i);
}

static bool is_loopback(const struct bh_flow *f)
{
	return !strcmp(f->iif, "lo") || !strcmp(f->oif, "lo") || bh_is_loopback(&f->client) ||
	       bh_is_loopback(&f->server);
}

static bool governed(const struct ask *q)
{
	if (is_loopback(q->f) || !q->service)
		return false;
	if (!q->service->quic)
		return true;
	/* Expired rules too: that a server was named does not end with the permission. */
	for (size_t i = 0; i < q->b->n_rules; i++) {
		if (bh_policy_rule_names(&q->b->rules[i], q->f->service) && to_holds(q, i))
			return true;
	}
	return false;
}

/* ---- the association ---- */

static bool proves_one_of(
	const struct bh_association *a, const char *const *groups, size_t n_groups)
{
	for (size_t i = 0; i < n_groups; i++) {
		for (size_t k = 0; k < a->n_groups; k++) {
			if (bh_name_equal(groups[i], a->groups[k]))
				return true;
		}
	}
	return false;
}

static bool satisfied(const struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];
	const struct bh_bound_secure *s = r->secure;
	const struct bh_association *a = q->f->secured;

	if (a->level < s->level || (s->by && a->by != s->by) ||
		(s->n_as && !proves_one_of(a, s->as, s->n_as)))
		return false;
	return q->f->hook != BH_IN || peer_in(q, &r->from, &q->f->client) ||
	       proves_one_of(a, s->roaming, s->n_roaming);
}

/* A gateway cannot see inside. */
static bool secure_enough(const struct ask *q)
{
	if (!q->f->secured || q->f->hook == BH_FWD)
		return false;
	for (size_t k = 0; k < n_rules(q); k++) {
		size_t i = nth_rule(q, k);
		const struct bh_bound_rule *r = &q->b->rules[i];
		if (!r->block && r->secure && holds(q, i) && satisfied(q, i))
			return true;
	}
	return false;
}

/* ---- the verdict ---- */

static void by_default(const struct ask *q, struct bh_decision *ret)
{
	for (size_t i = 0; i < q->b->n_defaults; i++) {
		const struct bh_bound_default *d = &q->b->defaults[i];
		if (!(d->hooks & BH_HOOK_BIT(q->f->hook)) ||
			!bh_service_equal(d->service, q->f->service))
			continue;
		ret->verdict = d->block ? BH_BLOCK : BH_ALLOW;
		ret->line = d->line;
		ret->file = d->file;
		return;
	}
}

/* The rule that decides: the lowest of the strongest kind.  Rules stand in the order of
 * their lines, so the first of a kind is the lowest. */
static const struct bh_bound_rule *deciding(const struct ask *q)
{
	const struct bh_bound_rule *plain = NULL, *secure = NULL;

	for (size_t k = 0; k < n_rules(q); k++) {
		size_t i = nth_rule(q, k);
		const struct bh_bound_rule *r = &q->b->rules[i];
		if (!r->block && (plain || (secure && r->secure)))
			continue;
		if (!holds(q, i))
			continue;
		if (r->block)
			return r;
		if (r->secure)
			secure = r;
		else
			plain = r;
	}
	return plain ? plain : secure;
}

static void judge(const struct ask *q, struct bh_decision *ret)
{
	*ret = (struct bh_decision){ .verdict = BH_PASS };
	if (!governed(q)) {
		ret->admit = true;
		return;
	}
	const struct bh_bound_rule *r = deciding(q);
	if (r) {
		ret->verdict = r->block ? BH_BLOCK : r->secure ? BH_SECURE : BH_ALLOW;
		ret->line = r->line;
		ret->file = r->file;
	} else if (q->f->hook != BH_FWD && profile_of(q) == BH_PUBLIC) {
		ret->verdict = BH_BLOCK;
	} else {
		by_default(q, ret);
	}
	ret->admit = ret->verdict == BH_SECURE ? secure_enough(q) : ret->verdict != BH_BLOCK;
}

/* The same packet as the answer to one in the other direction. */
static struct bh_flow reversed(const struct bh_flow *f)
{
	struct bh_flow g = *f;

	g.client = f->server;
	g.server = f->client;
	memcpy(g.iif, f->oif, sizeof g.iif);
	memcpy(g.oif, f->iif, sizeof g.oif);
	if (f->hook != BH_FWD)
		g.hook = f->hook == BH_IN ? BH_OUT : BH_IN;
	return g;
}

void bh_policy_decide(const struct bh_bound *b, const struct bh_view *v, const struct bh_flow *f,
	struct bh_decision *ret)
{
	struct ask q = ask_of(b, v, f);

	judge(&q, ret);
	if (ret->admit || !bh_service_symmetric(f->service) || f->sport != f->service.port)
		return;
	struct bh_flow g = reversed(f);
	struct bh_decision other;
	q = ask_of(b, v, &g);
	judge(&q, &other);
	ret->admit = other.admit;
}
