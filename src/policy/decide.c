#include <stdio.h>

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

/* One question: who asks, and what was asked. */
struct ask {
	const struct bh_bound *b;
	const struct bh_view *v;
	const struct bh_flow *f;
};

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
 * forward hook both are addresses. */
static bool from_holds(const struct ask *q, size_t i)
{
	if (q->f->hook == BH_OUT)
		return q->v->from_me[i];
	return peer_in(q, &q->b->rules[i].from, &q->f->client);
}

static bool to_holds(const struct ask *q, size_t i)
{
	if (q->f->hook == BH_IN)
		return q->v->to_me[i];
	return peer_in(q, &q->b->rules[i].to, &q->f->server);
}

static bool holds(const struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];

	return (r->hooks & BH_HOOK_BIT(q->f->hook)) && bh_policy_rule_names(r, q->f->service) &&
	       from_holds(q, i) && to_holds(q, i);
}

static bool is_loopback(const struct bh_flow *f)
{
	return !strcmp(f->iif, "lo") || !strcmp(f->oif, "lo") || bh_is_loopback(&f->client) ||
	       bh_is_loopback(&f->server);
}

static bool governed(const struct ask *q)
{
	const struct bh_bound_service *s = bh_policy_service(q->b, q->f->service);

	if (is_loopback(q->f) || !s)
		return false;
	if (!s->quic)
		return true;
	for (size_t i = 0; i < q->b->n_rules; i++) {
		if (bh_policy_rule_names(&q->b->rules[i], q->f->service) && to_holds(q, i))
			return true;
	}
	return false;
}

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

static void judge(const struct ask *q, struct bh_decision *ret)
{
	*ret = (struct bh_decision){ .verdict = BH_PASS };
	if (!governed(q)) {
		ret->admit = true;
		return;
	}
	/* Rules stand in the order of their lines: the first of a kind is the lowest. */
	const struct bh_bound_rule *deciding = NULL;
	for (size_t i = 0; i < q->b->n_rules; i++) {
		const struct bh_bound_rule *r = &q->b->rules[i];
		if ((deciding && !r->block) || !holds(q, i))
			continue;
		deciding = r;
		if (r->block)
			break;
	}
	if (deciding) {
		ret->verdict = deciding->block ? BH_BLOCK : BH_ALLOW;
		ret->line = deciding->line;
		ret->file = deciding->file;
	} else {
		by_default(q, ret);
	}
	ret->admit = ret->verdict != BH_BLOCK;
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
	judge(&(struct ask){ b, v, f }, ret);
	if (ret->admit || !bh_service_symmetric(f->service) || f->sport != f->service.port)
		return;
	struct bh_flow g = reversed(f);
	struct bh_decision other;
	judge(&(struct ask){ b, v, &g }, &other);
	ret->admit = other.admit;
}
