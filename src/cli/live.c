#include "cli/live.h"

#include <stdlib.h>
#include <time.h>

#include "cli/said.h"
#include "inventory/inventory.h"
#include "json/json.h"

#define WAITING 256u /* rows that may wait; more are printed at once */
#define KNOWN   65536u /* lines remembered, a power of two; then it begins anew */

struct waiting {
	struct bh_conversation who;
	struct bh_figures figures;
	const char *from; /* a log; NULL: the wire */
	bool settled; /* waited through a round's end */
};

struct bh_lines {
	struct waiting waiting[WAITING];
	size_t n_waiting;
	uint64_t known[KNOWN]; /* hashes of what was printed; 0: free */
	size_t n_known;
	uint64_t printed;
	bool json;
};

struct bh_lines *bh_lines_new(bool json)
{
	struct bh_lines *l = calloc(1, sizeof *l);

	if (l)
		l->json = json;
	return l;
}

struct bh_lines *bh_lines_free(struct bh_lines *l)
{
	free(l);
	return NULL;
}

uint64_t bh_lines_printed(const struct bh_lines *l)
{
	return l->printed;
}

static uint64_t hash_text(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return h ? h : 1;
}

/* Was this line printed before?  Remembers it. */
static bool known(struct bh_lines *l, uint64_t h)
{
	if (l->n_known >= KNOWN / 4 * 3) {
		memset(l->known, 0, sizeof l->known);
		l->n_known = 0;
	}
	size_t i = h & (KNOWN - 1);
	while (l->known[i] && l->known[i] != h)
		i = (i + 1) & (KNOWN - 1);
	if (l->known[i])
		return true;
	l->known[i] = h;
	l->n_known++;
	return false;
}

static void line_text(const struct bh_talk *c, const char *from, struct bh_buf *b)
{
	BH_AUTO_BUF client = { 0 };
	BH_AUTO_BUF server = { 0 };
	BH_AUTO_BUF share = { 0 };
	BH_AUTO_BUF user = { 0 };

	bh_said_client(c, &client);
	bh_said_server(c, &server);
	bh_buf_printf(b, "%-15s → %-15s  ", bh_buf_text(&client), bh_buf_text(&server));
	/* What is not known is left out. */
	bh_said_share(c, true, &share);
	if (strcmp(bh_buf_text(&share), "-"))
		bh_buf_printf(b, "%s  ", bh_buf_text(&share));
	bh_said_user(c, true, &user);
	if (strcmp(bh_buf_text(&user), "-"))
		bh_buf_printf(b, "%s  ", bh_buf_text(&user));
	if (c->dialect)
		bh_buf_printf(b, "SMB %s  ", bh_said_dialect(c->dialect));
	if (strcmp(bh_said_safety(c), "-"))
		bh_buf_printf(b, "%s  ", bh_said_safety(c));
	bh_said_outcome(c, false, b);
	if (from)
		bh_buf_printf(b, "  (%s)", from);
}

static void print_row(struct bh_lines *l, const struct bh_row *row, const char *from)
{
	BH_AUTO_BUF b = { 0 };

	line_text(&row->who, from, &b);
	if (!bh_buf_ok(&b) || known(l, hash_text(bh_buf_text(&b))))
		return;
	l->printed++;
	if (l->json) {
		json_t *o = bh_json_conversation(&row->who, &row->figures,
			bh_inventory_purpose(row), from ? &from : NULL, from ? 1 : 0);
		if (o)
			json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		json_decref(o);
		putchar('\n');
		return;
	}
	time_t t = (time_t)(row->figures.last_seen / BH_SECOND);
	struct tm tm;
	char when[16] = "--:--:--";
	if (localtime_r(&t, &tm))
		strftime(when, sizeof when, "%H:%M:%S", &tm);
	printf("%s  %s\n", when, bh_buf_text(&b));
}

/* Does the row say all that its connection will say, as far as one can tell? */
static bool says_it_all(const struct bh_talk *c)
{
	if (c->outcome != BH_ANSWERED)
		return c->outcome != BH_OUTCOME_UNKNOWN;
	if (c->known & BH_KNOWN_AUTH_STATUS && c->auth_status)
		return true;
	/* Whether its messages are signed or encrypted shows after the share is there. */
	return c->known & BH_KNOWN_SHARE_STATUS &&
	       (c->share_status || c->is_signed != BH_UNKNOWN || c->encrypted == 1);
}

static void drop_waiting(struct bh_lines *l, size_t i)
{
	l->n_waiting--;
	if (i < l->n_waiting)
		memmove(&l->waiting[i], &l->waiting[i + 1],
			(l->n_waiting - i) * sizeof *l->waiting);
}

static bool is_of(const struct waiting *w, const struct bh_row *row, const char *from)
{
	const struct bh_talk who = bh_talk_of(&w->who);

	return w->from == from && bh_talk_equal(&who, &row->who);
}

void bh_lines_row(struct bh_lines *l, const struct bh_row *row, const char *from)
{
	size_t i = 0;

	while (i < l->n_waiting && !is_of(&l->waiting[i], row, from))
		i++;
	bool waits = i < l->n_waiting;
	if (bh_figures_empty(&row->figures)) {
		if (waits)
			drop_waiting(l, i);
		return;
	}
	if (says_it_all(&row->who) || (!waits && i == WAITING)) {
		print_row(l, row, from);
		return;
	}
	if (!waits) {
		l->waiting[i].settled = false;
		l->n_waiting++;
	}
	bh_talk_whole(&row->who, &l->waiting[i].who); /* its texts are not ours to keep */
	l->waiting[i].figures = row->figures;
	l->waiting[i].from = from;
}

void bh_lines_round(struct bh_lines *l, bool last)
{
	for (size_t i = 0; i < l->n_waiting;) {
		struct waiting *w = &l->waiting[i];
		if (!w->settled && !last) {
			w->settled = true;
			i++;
			continue;
		}
		const struct bh_row row = { .who = bh_talk_of(&w->who), .figures = w->figures };
		print_row(l, &row, w->from);
		drop_waiting(l, i);
	}
	fflush(stdout);
}

/* ---- the log against the counters ---- */

static uint64_t sum(const struct bh_priv_state *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_counters; i++)
		n += s->counters[i].packets;
	return n;
}

void bh_reckon(struct bh_reckoning *k, const struct bh_priv_state *s, bool begin)
{
	bool trial = s->trial && s->lease_left;
	uint32_t generation = trial ? s->trial : s->generation;
	bool audit = s->loaded && generation && (trial ? s->trial_mode : s->mode) == BH_AUDIT;

	if (!audit)
		generation = 0;
	if (generation != k->generation) {
		k->counted += k->last - k->base;
		k->generation = generation;
		k->base = k->last = 0;
		if (begin && generation)
			k->base = sum(s);
	}
	if (generation) {
		k->seen = true;
		k->last = sum(s);
	}
}

uint64_t bh_reckoned(const struct bh_reckoning *k)
{
	return k->counted + (k->last - k->base);
}

void bh_reckoning_format(const struct bh_reckoning *k, struct bh_buf *b)
{
	uint64_t counted = bh_reckoned(k);

	bh_buf_str(b, "audit: the rules counted ");
	bh_said_count(counted, "packet", "packets", b);
	bh_buf_str(b, " that they would block; ");
	if (k->logged == counted) {
		bh_buf_str(b, counted ? "the log told every one" : "the log told of none");
	} else if (k->logged < counted) {
		bh_said_count(counted - k->logged, "of them was not logged",
			"of them were not logged", b);
		bh_buf_str(b, " (the log is limited, and may overrun)");
	} else {
		bh_buf_str(b, "the log told of ");
		bh_said_count(k->logged - counted, "more", "more", b);
		bh_buf_str(b, ", under rules that were replaced meanwhile");
	}
}
