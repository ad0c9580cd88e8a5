/*
 * heard: a log read through the door, and what was told of it as lines of text.
 *
 *	10.0.0.5>10.0.0.9:445 answered ntlm/v2 CORP\alice ws=WS1 share=\\*\Public c1 o1
 */
#pragma once

#include "evidence/evidence.h"
#include "tap.h"

#define HEARD_LINES 64u
#define HEARD_TEXT  640u

struct heard {
	size_t n; /* of lines, also of those there is no room for */
	char line[HEARD_LINES][HEARD_TEXT];
	struct heard_row { /* the same, each conversation once, in the order they were told */
		char who[HEARD_TEXT];
		uint64_t connections, opens;
		uint32_t pipes;
	} row[HEARD_LINES];
	size_t n_rows;
	struct {
		bh_time first, last;
	} when;
	struct bh_buf names, shares, kinds, problems; /* a line each */
	struct bh_buf all; /* every line: two readings are alike if this is */
	uint64_t connections, opens;
	struct bh_log_counts counts;
	enum bh_log_kind kind;
	int stop_after; /* answer -ECANCELED to that many observations; 0: never */
};

static inline void heard_text(struct bh_buf *b, const struct bh_conversation *c)
{
	char client[BH_ADDR_TEXT], server[BH_ADDR_TEXT];
	const struct {
		const char *name, *text;
		uint8_t known;
	} texts[] = {
		{ "ws", c->workstation, BH_KNOWN_WORKSTATION },
		{ "server", c->server_name, BH_KNOWN_SERVER_NAME },
		{ "share", c->share, BH_KNOWN_SHARE },
		{ "service", c->service, BH_KNOWN_SERVICE },
	};

	bh_buf_printf(b, "%s>%s:%u", bh_addr_format(&c->client, client),
		bh_addr_format(&c->server, server), c->port);
	if (c->transport != BH_TRANSPORT_TCP445)
		bh_buf_printf(b, " %s", bh_transport_names[c->transport]);
	if (c->outcome)
		bh_buf_printf(b, " %s", bh_outcome_names[c->outcome]);
	if (c->auth)
		bh_buf_printf(b, " %s%s%s", bh_auth_names[c->auth], c->ntlm ? "/" : "",
			c->ntlm ? bh_ntlm_names[c->ntlm] : "");
	if (c->dialect)
		bh_buf_printf(b, " %s", bh_dialect_names[c->dialect]);
	if (c->guest == 1)
		bh_buf_str(b, " guest");
	if (c->smb1_offered == 1)
		bh_buf_str(b, " offers-SMB1");
	if (c->known & (BH_KNOWN_USER | BH_KNOWN_DOMAIN))
		bh_buf_printf(b, " %s\\%s", c->domain, c->user);
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		if (c->known & texts[i].known)
			bh_buf_printf(b, " %s=%s", texts[i].name, texts[i].text);
	}
	if (c->share_type)
		bh_buf_printf(b, " %s", bh_share_type_names[c->share_type]);
	if (c->known & BH_KNOWN_AUTH_STATUS && c->auth_status)
		bh_buf_printf(b, " auth-status=%08x", c->auth_status);
	if (c->known & BH_KNOWN_SHARE_STATUS && c->share_status)
		bh_buf_printf(b, " share-status=%08x", c->share_status);
}

static inline void heard_fold(struct heard *h, const char *who, const struct bh_observation *o)
{
	size_t i = 0;

	while (i < h->n_rows && strcmp(h->row[i].who, who) != 0)
		i++;
	if (i == HEARD_LINES)
		return;
	if (i == h->n_rows)
		snprintf(h->row[h->n_rows++].who, HEARD_TEXT, "%s", who);
	h->row[i].connections += o->connections;
	h->row[i].opens += o->opens;
	h->row[i].pipes |= o->pipes;
}

static int heard_saw(void *ctx, const struct bh_observation *o)
{
	struct heard *h = ctx;
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };

	f.leaf_is.who = o->who;
	f.leaf_is.figures.first_seen = f.leaf_is.figures.last_seen = o->when;
	EXPECT(bh_fact_sane(&f));
	heard_text(&b, &o->who);
	heard_fold(h, bh_buf_text(&b), o);
	if (o->connections)
		bh_buf_printf(&b, " c%u", o->connections);
	if (o->opens)
		bh_buf_printf(&b, " o%u", o->opens);
	if (o->pipes)
		bh_buf_printf(&b, " p%x", o->pipes);
	if (h->n < HEARD_LINES)
		snprintf(h->line[h->n], sizeof h->line[0], "%s", bh_buf_text(&b));
	if (!h->n)
		h->when.first = o->when;
	h->when.last = o->when;
	h->n++;
	h->connections += o->connections;
	h->opens += o->opens;
	bh_buf_printf(&h->all, "%lld %s\n", (long long)o->when, bh_buf_text(&b));
	return h->stop_after && h->n >= (size_t)h->stop_after ? -ECANCELED : 0;
}

static int heard_name(void *ctx, const struct bh_name_seen *n)
{
	struct heard *h = ctx;
	char text[BH_ADDR_TEXT];

	bh_buf_printf(&h->names, "%s %s\n", bh_addr_format(&n->addr, text), n->name);
	return 0;
}

static int heard_share(void *ctx, const struct bh_share_seen *s)
{
	struct heard *h = ctx;

	bh_buf_printf(&h->shares, "%s %s %s [%s] [%s]\n", s->gone ? "-" : "+", s->server_name,
		s->share, s->path, s->remark);
	return 0;
}

static int heard_events(void *ctx, const struct bh_event_count *e)
{
	struct heard *h = ctx;
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS, .events = *e };

	EXPECT(bh_fact_sane(&f));
	bh_buf_printf(&h->kinds, "%s %u: %llu%s\n", e->provider, e->id,
		(unsigned long long)e->count, e->read ? "" : " unread");
	return 0;
}

static int heard_problem(void *ctx, uint64_t offset, const char *text)
{
	struct heard *h = ctx;

	bh_buf_printf(&h->problems, "%llu: %s\n", (unsigned long long)offset, text);
	return 0;
}

static const struct bh_log_sink heard_sink = {
	.saw = heard_saw,
	.name = heard_name,
	.share = heard_share,
	.events = heard_events,
	.problem = heard_problem,
};

static inline void heard_reset(struct heard *h)
{
	bh_buf_reset(&h->names);
	bh_buf_reset(&h->shares);
	bh_buf_reset(&h->kinds);
	bh_buf_reset(&h->problems);
	bh_buf_reset(&h->all);
	*h = (struct heard){ .kind = BH_LOG_NONE };
}

/* step: bytes at once; 0: all.  kind BH_LOG_NONE: what the sniffer says. */
static int heard_log(struct heard *h, enum bh_log_kind kind, const void *text, size_t len,
	size_t step, const struct bh_log_options *options)
{
	const struct bh_log_options none = { .seed = 445 };
	struct bh_cur c = bh_cur_of(bh_span_of(text, len));
	BH_AUTO(bh_log) l = NULL;
	int stop = h->stop_after;

	heard_reset(h);
	h->stop_after = stop;
	h->kind = kind ? kind : bh_log_sniff(bh_span_of(text, len));
	int r = bh_log_new(h->kind, options ? options : &none, &heard_sink, h, &l);
	while (!r && bh_cur_left(&c))
		r = bh_log_feed(l, bh_cur_take(&c, step ? bh_min_size(step, bh_cur_left(&c))
							: bh_cur_left(&c)));
	if (!r)
		r = bh_log_end(l);
	if (l)
		h->counts = bh_log_counted(l);
	return r;
}

static inline void heard_str(struct heard *h, const char *text)
{
	EXPECT_INT(heard_log(h, BH_LOG_NONE, text, strlen(text), 0, NULL), 0);
}

/* Everything a reading told, in one text. */
static inline void heard_whole(const struct heard *h, struct bh_buf *b)
{
	bh_buf_printf(b, "%s%s%s%s%llu %llu", bh_buf_text(&h->all), bh_buf_text(&h->names),
		bh_buf_text(&h->kinds), bh_buf_text(&h->problems),
		(unsigned long long)h->counts.records, (unsigned long long)h->counts.unreadable);
}

/* Cut in any way it is the same log. */
static inline void heard_in_pieces(enum bh_log_kind kind, const void *text, size_t len)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 4099 };
	static struct heard h;
	BH_AUTO_BUF whole = { 0 };

	EXPECT_INT(heard_log(&h, kind, text, len, 0, NULL), 0);
	heard_whole(&h, &whole);
	for (size_t i = 0; i < BH_LEN(steps); i++) {
		BH_AUTO_BUF b = { 0 };
		if (steps[i] < len / 200000)
			continue;
		EXPECT_INT(heard_log(&h, kind, text, len, steps[i], NULL), 0);
		heard_whole(&h, &b);
		EXPECT_STR(bh_buf_text(&b), bh_buf_text(&whole));
	}
	heard_reset(&h);
}

/* Cut off anywhere it is read as far as it goes; what is told is sane. */
static inline void heard_cut_off(enum bh_log_kind kind, const void *text, size_t len, size_t step)
{
	static struct heard h;

	for (size_t cut = 0; cut < len; cut += step)
		EXPECT_INT(heard_log(&h, kind, text, cut, 0, NULL), 0);
	heard_reset(&h);
}
