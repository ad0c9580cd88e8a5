#include "enforce/shape.h"

#include <stdlib.h>

/* nft prints a chain with its rules; the walk speaks of them in turns.  So each chain
 * gathers its own text, and the table is put together at the end. */
struct chain_text {
	const char *name;
	struct bh_buf b;
};

struct text {
	struct bh_arena a; /* names */
	struct bh_buf sets;
	struct chain_text *chains;
	size_t n, cap;
};

#define WIDTH 90 /* where elements go on in the next line */

static const char *ip(uint8_t family)
{
	return family == BH_V4 ? "ip" : "ip6";
}

static struct bh_buf *new_chain(struct text *t, const char *name)
{
	if (t->n == t->cap) {
		size_t cap = t->cap * 2 + 16;
		struct chain_text *grown = realloc(t->chains, cap * sizeof *grown);
		if (!grown)
			return NULL;
		t->chains = grown;
		t->cap = cap;
	}
	struct chain_text *c = &t->chains[t->n];
	*c = (struct chain_text){ .name = bh_arena_str(&t->a, name) };
	if (!c->name)
		return NULL;
	t->n++;
	bh_buf_printf(&c->b, "\n\tchain %s {\n", name);
	return &c->b;
}

/* Rules nearly always go to a chain that was made just before: look from the end. */
static struct bh_buf *chain_named(struct text *t, const char *name)
{
	for (size_t i = t->n; i > 0; i--) {
		if (!strcmp(t->chains[i - 1].name, name))
			return &t->chains[i - 1].b;
	}
	return NULL;
}

static int text_chain(void *ctx, const char *name, const char *comment)
{
	struct bh_buf *b = new_chain(ctx, name);

	if (!b)
		return -ENOMEM;
	if (comment)
		bh_buf_printf(b, "\t\tcomment \"%s\"\n", comment);
	return 0;
}

static int text_base_chain(void *ctx, const char *name, enum bh_hook hook)
{
	struct bh_buf *b = new_chain(ctx, name);

	if (!b)
		return -ENOMEM;
	bh_buf_printf(b, "\t\ttype filter hook %s priority filter + %d; policy accept;\n",
		base_chain_names[hook], BH_PRIORITY);
	return 0;
}

/* Goes on in a new line where the current one is long enough. */
static void between(struct bh_buf *b, size_t i, size_t *line)
{
	if (!i)
		return;
	bool full = b->len - *line > WIDTH;
	bh_buf_str(b, full ? ",\n\t\t\t     " : ", ");
	if (full)
		*line = b->len;
}

static void elements(struct bh_buf *b, const struct set_def *s)
{
	size_t line = b->len;

	if (s->kind == SET_LEASE)
		bh_buf_printf(b, "ipv4 timeout %us, ipv6 timeout %us", s->timeout, s->timeout);
	for (size_t i = 0; i < s->ranges.n; i++) {
		between(b, i, &line);
		bh_range_format(s->family, &s->ranges.v[i], b);
	}
	for (size_t i = 0; i < s->n_ways; i++) {
		const struct way *w = &s->ways[i];
		between(b, i, &line);
		if (s->kind == SET_PORTS) {
			bh_buf_printf(b, "%s . %u : goto %s",
				w->service.proto == BH_TCP ? "tcp" : "udp", w->service.port,
				w->chain);
		} else {
			bh_range_format(s->family, &w->range, b);
			if (w->chain)
				bh_buf_printf(b, " : jump %s", w->chain);
			else
				bh_buf_str(b, " : accept");
		}
	}
}

static int text_set(void *ctx, const struct set_def *s)
{
	struct bh_buf *b = &((struct text *)ctx)->sets;
	const char *addr = s->family == BH_V4 ? "ipv4_addr" : "ipv6_addr";
	bool map = s->kind == SET_PORTS || s->kind == SET_ADDR_VMAP;

	bh_buf_printf(b, "\n\t%s %s {\n\t\ttype ", map ? "map" : "set", s->name);
	switch (s->kind) {
	case SET_LEASE: bh_buf_str(b, "nf_proto\n\t\tflags timeout\n"); break;
	case SET_PORTS: bh_buf_str(b, "inet_proto . inet_service : verdict\n"); break;
	case SET_ADDRS: bh_buf_printf(b, "%s\n\t\tflags interval\n", addr); break;
	case SET_ADDR_VMAP: bh_buf_printf(b, "%s : verdict\n\t\tflags interval\n", addr); break;
	}
	if (s->kind == SET_LEASE || s->ranges.n || s->n_ways) {
		bh_buf_str(b, "\t\telements = { ");
		elements(b, s);
		bh_buf_str(b, " }\n");
	}
	bh_buf_str(b, "\t}\n");
	return 0;
}

static void text_stmt(struct bh_buf *b, const struct stmt *s)
{
	switch (s->kind) {
	case S_LEASE: bh_buf_str(b, "meta nfproto @lease"); break;
	case S_DISPATCH: bh_buf_printf(b, "meta l4proto . th dport vmap @%s", s->name); break;
	case S_IIFNAME: bh_buf_printf(b, "iifname \"%s\"", s->name); break;
	case S_OIFNAME: bh_buf_printf(b, "oifname \"%s\"", s->name); break;
	case S_FAMILY: bh_buf_printf(b, "meta nfproto ipv%u", s->family); break;
	case S_SRC_LOOPBACK:
		bh_buf_str(b, s->family == BH_V4 ? "ip saddr 127.0.0.0/8" : "ip6 saddr ::1");
		break;
	case S_DST_LOOPBACK:
		bh_buf_str(b, s->family == BH_V4 ? "ip daddr 127.0.0.0/8" : "ip6 daddr ::1");
		break;
	case S_ESTABLISHED: bh_buf_str(b, "ct state established"); break;
	case S_NOT_SYN: bh_buf_str(b, "tcp flags & (syn | ack) != syn"); break;
	case S_SPORT: bh_buf_printf(b, "udp sport %u", s->port); break;
	case S_SRC_SET: bh_buf_printf(b, "%s saddr @%s", ip(s->family), s->name); break;
	case S_DST_SET: bh_buf_printf(b, "%s daddr @%s", ip(s->family), s->name); break;
	case S_SRC_VMAP: bh_buf_printf(b, "%s saddr vmap @%s", ip(s->family), s->name); break;
	case S_FRAG: bh_buf_str(b, "exthdr frag exists"); break;
	case S_FRAG_LATER: bh_buf_str(b, "frag frag-off != 0"); break;
	case S_PORT_READABLE: bh_buf_str(b, "th dport 0-65535"); break;
	case S_DST_VMAP: bh_buf_printf(b, "%s daddr vmap @%s", ip(s->family), s->name); break;
	case S_COUNTER: bh_buf_str(b, "counter"); break;
	case S_LIMIT: bh_buf_str(b, "limit rate 1000/second burst 1000 packets"); break;
	case S_LOG:
		bh_buf_printf(b, "log prefix \"%s\" group %d snaplen 128", s->name, BH_NFLOG_GROUP);
		break;
	case S_TCP: bh_buf_str(b, "meta l4proto tcp"); break;
	case S_RESET: bh_buf_str(b, "reject with tcp reset"); break;
	case S_DROP: bh_buf_str(b, "drop"); break;
	case S_ACCEPT: bh_buf_str(b, "accept"); break;
	case S_RETURN: bh_buf_str(b, "return"); break;
	case S_GOTO: bh_buf_printf(b, "goto %s", s->name); break;
	case S_JUMP: bh_buf_printf(b, "jump %s", s->name); break;
	}
}

static int text_rule(void *ctx, const char *chain, const struct stmt *v, size_t n)
{
	struct bh_buf *b = chain_named(ctx, chain);

	assert(b);
	for (size_t i = 0; i < n; i++) {
		bh_buf_str(b, i ? " " : "\t\t");
		text_stmt(b, &v[i]);
	}
	bh_buf_str(b, "\n");
	return 0;
}

/* Everything but the table's own braces. */
static int gather(struct text *t, const struct bh_load *l, unsigned *hooks)
{
	struct writer w = { .ctx = t,
		.chain = text_chain,
		.base_chain = text_base_chain,
		.set = text_set,
		.rule = text_rule };
	int r = shape_generation(l, &w, hooks);
	unsigned base = l->lease ? *hooks | l->former_hooks : *hooks;

	for (unsigned h = 0; h < BH_HOOKS && !r; h++) {
		if (base & BH_HOOK_BIT(h))
			r = text_base_chain(t, base_chain_names[h], (enum bh_hook)h);
	}
	if (!r && l->lease)
		r = text_set(t, &(struct set_def){
					.name = "lease", .kind = SET_LEASE, .timeout = l->lease });
	if (r)
		return r;
	return l->lease ? shape_base_rules(l->generation, *hooks, l->former, l->former_hooks, &w)
			: shape_base_rules(0, 0, l->generation, *hooks, &w);
}

/* What the new table stands on: nothing, or the former generation. */
static void before(const struct bh_load *l, struct bh_buf *ret)
{
	bh_buf_str(ret, "table inet " BH_NFT_TABLE "\n");
	if (!l->former) {
		bh_buf_str(ret, "delete table inet " BH_NFT_TABLE "\n\n");
		return;
	}
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (l->former_hooks & BH_HOOK_BIT(h))
			bh_buf_printf(
				ret, "flush chain inet " BH_NFT_TABLE " %s\n", base_chain_names[h]);
	}
	bh_buf_str(ret, "\n");
}

/* At once and for good: the former generation goes. */
static void after(const struct bh_load *l, unsigned hooks, struct bh_buf *ret)
{
	bh_buf_str(ret, "\n");
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (l->former_hooks & ~hooks & BH_HOOK_BIT(h))
			bh_buf_printf(ret, "delete chain inet " BH_NFT_TABLE " %s\n",
				base_chain_names[h]);
	}
	for (size_t i = 0; i < l->n_stale_chains; i++)
		bh_buf_printf(ret, "flush chain inet " BH_NFT_TABLE " %s\n", l->stale_chains[i]);
	for (size_t i = 0; i < l->n_stale_sets; i++)
		bh_buf_printf(ret, "delete set inet " BH_NFT_TABLE " %s\n", l->stale_sets[i]);
	for (size_t i = 0; i < l->n_stale_chains; i++)
		bh_buf_printf(ret, "delete chain inet " BH_NFT_TABLE " %s\n", l->stale_chains[i]);
}

void bh_enforce_text(const struct bh_load *l, struct bh_buf *ret)
{
	struct text t = { 0 };
	unsigned hooks = 0;
	int r = gather(&t, l, &hooks);

	before(l, ret);
	bh_buf_str(ret, "table inet " BH_NFT_TABLE " {");
	bh_buf_add(ret, bh_buf_text(&t.sets), t.sets.len);
	bool failed = r || !bh_buf_ok(&t.sets);
	for (size_t i = 0; i < t.n; i++) {
		failed |= !bh_buf_ok(&t.chains[i].b);
		bh_buf_add(ret, bh_buf_text(&t.chains[i].b), t.chains[i].b.len);
		bh_buf_str(ret, "\t}\n");
		bh_buf_reset(&t.chains[i].b);
	}
	bh_buf_str(ret, "}\n");
	if (l->former && !l->lease)
		after(l, hooks, ret);
	if (failed)
		ret->failed = true; /* only memory can fail here */
	free(t.chains);
	bh_buf_reset(&t.sets);
	bh_arena_reset(&t.a);
}
