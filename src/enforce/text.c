#include "enforce/shape.h"

#include <stdio.h>

/* The text is written in the order the walk speaks; nft takes sets, chains and rules as
 * separate commands, so that one pass is enough. */
struct text {
	struct bh_buf *b;
};

static const char *ip(uint8_t family)
{
	return family == BH_V4 ? "ip" : "ip6";
}

static int text_chain(void *ctx, const char *name, const char *comment)
{
	struct bh_buf *b = ((struct text *)ctx)->b;

	bh_buf_printf(b, "add chain inet " BH_NFT_TABLE " %s", name);
	if (comment)
		bh_buf_printf(b, " { comment \"%s\" ; }", comment);
	bh_buf_str(b, "\n");
	return 0;
}

static int text_base_chain(void *ctx, const char *name, enum bh_hook hook)
{
	struct bh_buf *b = ((struct text *)ctx)->b;

	bh_buf_printf(b,
		"add chain inet " BH_NFT_TABLE
		" %s { type filter hook %s priority filter + %d ; policy accept ; }\n",
		name, base_chain_names[hook], BH_PRIORITY);
	return 0;
}

static int text_set(void *ctx, const struct set_def *s)
{
	struct bh_buf *b = ((struct text *)ctx)->b;
	const char *addr = s->family == BH_V4 ? "ipv4_addr" : "ipv6_addr";
	bool map = s->kind == SET_PORTS || s->kind == SET_ADDR_VMAP;

	bh_buf_printf(b, "add %s inet " BH_NFT_TABLE " %s { type ", map ? "map" : "set", s->name);
	switch (s->kind) {
	case SET_LEASE: bh_buf_str(b, "nf_proto ; flags timeout ;"); break;
	case SET_PORTS: bh_buf_str(b, "inet_proto . inet_service : verdict ;"); break;
	case SET_ADDRS: bh_buf_printf(b, "%s ; flags interval ;", addr); break;
	case SET_ADDR_VMAP: bh_buf_printf(b, "%s : verdict ; flags interval ;", addr); break;
	}
	bool some = s->kind == SET_LEASE || s->ranges.n || s->n_ways;
	bh_buf_str(b, some ? " elements = { " : " }\n");
	if (s->kind == SET_LEASE)
		bh_buf_printf(b, "ipv4 timeout %us, ipv6 timeout %us", s->timeout, s->timeout);
	for (size_t i = 0; i < s->ranges.n; i++) {
		bh_buf_str(b, i ? ", " : "");
		bh_range_format(s->family, &s->ranges.v[i], b);
	}
	for (size_t i = 0; i < s->n_ways; i++) {
		const struct way *w = &s->ways[i];
		bh_buf_str(b, i ? ", " : "");
		if (s->kind == SET_PORTS) {
			bh_buf_printf(b, "%s . %u : goto %s",
				w->service.proto == BH_TCP ? "tcp" : "udp", w->service.port,
				w->chain);
		} else {
			bh_range_format(s->family, &w->range, b);
			bh_buf_printf(b, " : jump %s", w->chain);
		}
	}
	if (some)
		bh_buf_str(b, " } ; }\n");
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
	case S_NOT_SYN: bh_buf_str(b, "tcp flags & (syn | ack) != syn"); break;
	case S_SPORT: bh_buf_printf(b, "udp sport %u", s->port); break;
	case S_SRC_SET: bh_buf_printf(b, "%s saddr @%s", ip(s->family), s->name); break;
	case S_DST_SET: bh_buf_printf(b, "%s daddr @%s", ip(s->family), s->name); break;
	case S_SRC_VMAP: bh_buf_printf(b, "%s saddr vmap @%s", ip(s->family), s->name); break;
	case S_FRAG: bh_buf_str(b, "exthdr frag exists"); break;
	case S_FRAG_LATER: bh_buf_str(b, "frag frag-off != 0"); break;
	case S_PORT_READABLE: bh_buf_str(b, "th dport 0-65535"); break;
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
	struct bh_buf *b = ((struct text *)ctx)->b;

	bh_buf_printf(b, "add rule inet " BH_NFT_TABLE " %s", chain);
	for (size_t i = 0; i < n; i++) {
		bh_buf_str(b, " ");
		text_stmt(b, &v[i]);
	}
	bh_buf_str(b, "\n");
	return 0;
}

void bh_enforce_text(const struct bh_load *l, struct bh_buf *ret)
{
	struct text t = { .b = ret };
	struct writer w = { .ctx = &t,
		.chain = text_chain,
		.base_chain = text_base_chain,
		.set = text_set,
		.rule = text_rule };
	unsigned hooks = 0;

	bh_buf_printf(ret, "add table inet " BH_NFT_TABLE "\n");
	if (!l->former)
		bh_buf_printf(ret,
			"delete table inet " BH_NFT_TABLE "\nadd table inet " BH_NFT_TABLE "\n");
	int r = shape_generation(l, &w, &hooks);
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if ((hooks | l->former_hooks) & BH_HOOK_BIT(h)) {
			text_base_chain(&t, base_chain_names[h], (enum bh_hook)h);
			bh_buf_printf(
				ret, "flush chain inet " BH_NFT_TABLE " %s\n", base_chain_names[h]);
		}
	}
	if (l->lease) {
		text_set(&t, &(struct set_def){
				     .name = "lease", .kind = SET_LEASE, .timeout = l->lease });
		r = r ? r : shape_base_rules(l->generation, hooks, l->former, l->former_hooks, &w);
	} else {
		r = r ? r : shape_base_rules(0, 0, l->generation, hooks, &w);
	}
	if (r)
		ret->failed = true; /* only memory can fail here */
}
