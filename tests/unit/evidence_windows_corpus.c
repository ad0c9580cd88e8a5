/*
 * Real event logs, with what another reader said is in them.  They are not ours to ship:
 * ../shared/corpus/evtx beside the repository, or $BULKHEAD_CORPUS/evtx; without them
 * this says so and passes.
 */
#include <jansson.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "tap.h"

/* Counts of texts, few enough to look through. */
struct counts {
	unsigned n;
	struct {
		char text[1600];
		long long count;
	} of[512];
};

static void count(struct counts *c, const char *text)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (!strcmp(c->of[i].text, text)) {
			c->of[i].count++;
			return;
		}
	}
	if (c->n == BH_LEN(c->of))
		exit(1);
	snprintf(c->of[c->n].text, sizeof c->of[0].text, "%s", text);
	c->of[c->n++].count = 1;
}

static long long count_of(const struct counts *c, const char *text)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (!strcmp(c->of[i].text, text))
			return c->of[i].count;
	}
	return 0;
}

struct heard {
	struct bh_logons *logons;
	unsigned records, unreadable, joined;
	struct counts ids, providers, computers, shares, opens, logged_on, filtered;
};

static bool want(void *ctx, struct bh_span provider, uint32_t id)
{
	struct heard *h = ctx;
	char text[256];

	snprintf(text, sizeof text, "%u", id);
	count(&h->ids, text);
	snprintf(text, sizeof text, "%.*s", (int)provider.len, (const char *)provider.ptr);
	count(&h->providers, text);
	return true;
}

/* The answers' form of an address: what is not an address is "-". */
static const char *addr(const struct bh_addr *a, char ret[BH_ADDR_TEXT])
{
	return bh_addr_format(a, ret);
}

static const char *mechanism(const struct bh_conversation *c)
{
	return c->auth == BH_AUTH_KERBEROS ? "Kerberos" : c->auth == BH_AUTH_UNKNOWN ? "?" : "NTLM";
}

static void hear_logon(struct heard *h, const struct bh_event *e)
{
	struct bh_observation o;
	char a[BH_ADDR_TEXT], text[1600];

	if (e->id != 4624 || bh_evidence_logon(e, &o))
		return;
	const struct bh_conversation *c = &o.who;
	/* Of anonymous logons we do not keep the version of NTLM. */
	const char *lm = c->auth == BH_AUTH_ANONYMOUS ? "*"
			 : c->ntlm == BH_NTLM_V2      ? "NTLM V2"
			 : c->ntlm == BH_NTLM_V1      ? "NTLM V1"
						      : "-";
	snprintf(text, sizeof text, "%s|%s\\%s|%s|%s|%s", addr(&c->client, a), c->domain, c->user,
		mechanism(c), lm, c->workstation);
	count(&h->logged_on, text);
}

static void event(void *ctx, const struct bh_event *e)
{
	struct heard *h = ctx;
	struct bh_observation o;
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	char a[BH_ADDR_TEXT], b[BH_ADDR_TEXT], text[1600];

	snprintf(text, sizeof text, "%.*s", (int)e->computer.len, (const char *)e->computer.ptr);
	count(&h->computers, text);
	bh_logons_note(h->logons, e);
	hear_logon(h, e);
	if (bh_evidence_windows(e, &o))
		return;
	f.leaf_is.who = o.who;
	EXPECT(bh_fact_sane(&f));
	const struct bh_conversation *c = &o.who;
	if (e->id == 5156) {
		snprintf(text, sizeof text, "%s>%s:%u", addr(&c->client, a), addr(&c->server, b),
			c->port);
		count(&h->filtered, text);
		return;
	}
	bh_logons_join(h->logons, e, &o);
	h->joined += c->auth != BH_AUTH_UNKNOWN;
	snprintf(text, sizeof text, "%s|%s\\%s|%s", addr(&c->client, a), c->domain, c->user,
		c->share);
	count(e->id == 5140 ? &h->shares : &h->opens, text);
}

static void read_file(struct heard *h, const char *path)
{
	static uint8_t block[BH_EVTX_CHUNK];
	const struct bh_event_sink sink = { .ctx = h, .want = want, .event = event };
	BH_AUTO(bh_evtx) x = NULL;
	size_t n;

	FILE *in = fopen(path, "rb");
	if (!in || bh_evtx_new(&x)) {
		perror(path);
		exit(1);
	}
	n = fread(block, 1, BH_EVTX_FIRST, in);
	EXPECT(bh_evtx_is(bh_span_of(block, n)));
	while ((n = fread(block, 1, sizeof block, in))) {
		struct bh_evtx_told t = { 0 };
		int r = bh_evtx_chunk(x, bh_span_of(block, n), &sink, &t);
		EXPECT(!r || r == -ENOMSG);
		EXPECT(!t.suspect);
		h->records += t.records;
		h->unreadable += t.unreadable;
	}
	fclose(in);
}

/* {"4624": 6, …} */
static void expect_object(const struct counts *c, const json_t *want_counts)
{
	const char *key;
	json_t *v;

	EXPECT_INT(c->n, json_object_size(want_counts));
	json_object_foreach((json_t *)(uintptr_t)want_counts, key, v)
		EXPECT_INT(count_of(c, key), json_integer_value(v));
}

static const char *part(const json_t *list, size_t i)
{
	const char *s = json_string_value(json_array_get(list, i));

	return s ? s : "";
}

/* [[parts, count], …], each tuple as the text we counted. */
static void expect_tuples(const struct counts *c, const json_t *tuples,
	void (*write)(const json_t *parts, char *ret, size_t size))
{
	struct counts want_counts = { 0 };
	size_t i;
	json_t *pair;

	json_array_foreach(tuples, i, pair)
	{
		char text[1600];
		write(json_array_get(pair, 0), text, sizeof text);
		for (json_int_t n = json_integer_value(json_array_get(pair, 1)); n; n--)
			count(&want_counts, text);
	}
	EXPECT_INT(c->n, want_counts.n);
	for (unsigned k = 0; k < want_counts.n; k++) {
		if (count_of(c, want_counts.of[k].text) != want_counts.of[k].count)
			printf("# %s\n", want_counts.of[k].text);
		EXPECT_INT(count_of(c, want_counts.of[k].text), want_counts.of[k].count);
	}
}

static void write_share(const json_t *p, char *ret, size_t size)
{
	snprintf(ret, size, "%s|%s|%s", part(p, 0), part(p, 1), part(p, 2));
}

static void write_logon(const json_t *p, char *ret, size_t size)
{
	bool anonymous = strstr(part(p, 1), "\\ANONYMOUS LOGON");

	snprintf(ret, size, "%s|%s|%s|%s|%s", part(p, 0), part(p, 1), part(p, 2),
		anonymous ? "*" : part(p, 3), part(p, 4));
}

/* [source, port, destination, port, direction, program]; "*" is any port. */
static void write_filtered(const json_t *p, char *ret, size_t size)
{
	if (!strcmp(part(p, 1), "*"))
		snprintf(ret, size, "%s>%s:%s", part(p, 0), part(p, 2), part(p, 3));
	else
		snprintf(ret, size, "%s>%s:%s", part(p, 2), part(p, 0), part(p, 1));
}

static char folder[512];

/* ---- beside another reader ---- */

/* An event of a kind we read, its numbers in one form and its lines ended in one way. */
static void write_plain(struct bh_buf *b, struct bh_span s)
{
	uint64_t number;

	if (s.len > 2 && s.ptr[0] == '0' && !bh_event_number(s, &number)) {
		bh_buf_printf(b, "%llx", (unsigned long long)number);
		return;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '\r')
			bh_buf_add(b, s.ptr + i, 1);
	}
}

static bool want_known(void *ctx, struct bh_span provider, uint32_t id)
{
	(void)ctx;
	return bh_evidence_windows_reads(provider, id);
}

static void write_event(void *ctx, const struct bh_event *e)
{
	struct bh_buf *b = ctx;

	bh_buf_printf(b, "%u #%u %lld %llx ", e->id, (unsigned)e->record,
		(long long)(e->when / 1000), (unsigned long long)e->keywords);
	write_plain(b, e->provider);
	write_plain(b, e->channel);
	write_plain(b, e->computer);
	for (size_t i = 0; i < e->n_values; i++) {
		bh_buf_str(b, " ");
		write_plain(b, e->values[i].name);
		bh_buf_str(b, "=");
		write_plain(b, e->values[i].text);
	}
	bh_buf_str(b, "\n");
}

static void write_by_us(struct bh_buf *b, const char *path)
{
	static uint8_t block[BH_EVTX_CHUNK];
	const struct bh_event_sink sink = { .ctx = b, .want = want_known, .event = write_event };
	BH_AUTO(bh_evtx) x = NULL;
	struct bh_evtx_told t;
	size_t n;

	FILE *in = fopen(path, "rb");
	if (!in || bh_evtx_new(&x) || fseek(in, BH_EVTX_FIRST, SEEK_SET))
		exit(1);
	while ((n = fread(block, 1, sizeof block, in))) {
		int r = bh_evtx_chunk(x, bh_span_of(block, n), &sink, &t);
		EXPECT(!r || r == -ENOMSG);
	}
	fclose(in);
}

/* As XML, so that our reader of that is tried on real events as well. */
static void write_by_libevtx(struct bh_buf *b, const char *path)
{
	const struct bh_event_sink sink = { .ctx = b, .want = want_known, .event = write_event };
	BH_AUTO(bh_xml) x = NULL;
	char command[1400];
	uint8_t bytes[4096];
	size_t n;

	snprintf(command, sizeof command, "evtxexport -f xml '%s'", path);
	FILE *in = popen(command, "r");
	if (!in || bh_xml_new(445, &x))
		exit(1);
	while ((n = fread(bytes, 1, sizeof bytes, in)))
		bh_xml_feed(x, bh_span_of(bytes, n), &sink);
	pclose(in);
	EXPECT_INT(bh_xml_end(x).unreadable, 0);
}

static void test_libevtx_says_the_same_of_every_event_that_is_read(void)
{
	char path[1200];
	size_t i;
	json_t *file;

	snprintf(path, sizeof path, "%s/answers.json", folder);
	json_t *answers = json_load_file(path, 0, NULL);
	json_array_foreach(answers, i, file)
	{
		BH_AUTO_BUF ours = { 0 };
		BH_AUTO_BUF theirs = { 0 };
		snprintf(path, sizeof path, "%s/%s", folder,
			json_string_value(json_object_get(file, "file")));
		write_by_us(&ours, path);
		write_by_libevtx(&theirs, path);
		EXPECT(ours.len > 0);
		EXPECT_STR(bh_buf_text(&ours), bh_buf_text(&theirs));
	}
	json_decref(answers);
}

/* ---- the answers ---- */

static void test_real_logs_say_what_they_were_known_to_say(void)
{
	char path[1200];
	size_t i;
	json_t *file;

	snprintf(path, sizeof path, "%s/answers.json", folder);
	json_t *answers = json_load_file(path, 0, NULL);
	EXPECT(json_array_size(answers) > 0);
	json_array_foreach(answers, i, file)
	{
		struct heard *h = calloc(1, sizeof *h);
		if (!h || bh_logons_new(445, &h->logons))
			exit(1);
		snprintf(path, sizeof path, "%s/%s", folder,
			json_string_value(json_object_get(file, "file")));
		read_file(h, path);
		EXPECT_INT(h->records, json_integer_value(json_object_get(file, "n")));
		EXPECT_INT(h->unreadable, 0);
		expect_object(&h->ids, json_object_get(file, "ids"));
		expect_object(&h->providers, json_object_get(file, "prov"));
		expect_object(&h->computers, json_object_get(file, "comp"));
		expect_tuples(&h->shares, json_object_get(file, "ev5140"), write_share);
		expect_tuples(&h->opens, json_object_get(file, "ev5145"), write_share);
		expect_tuples(&h->logged_on, json_object_get(file, "ev4624"), write_logon);
		expect_tuples(&h->filtered, json_object_get(file, "ev5156"), write_filtered);
		printf("# %u records, %u of shares joined with their logon\n", h->records,
			h->joined);
		bh_logons_free(h->logons);
		free(h);
	}
	json_decref(answers);
}

int main(void)
{
	const char *where = getenv("BULKHEAD_CORPUS"), *source = getenv("BULKHEAD_SOURCE");
	char path[600];

	if (where)
		snprintf(folder, sizeof folder, "%s/evtx", where);
	else
		snprintf(folder, sizeof folder, "%s/../shared/corpus/evtx", source ? source : ".");
	snprintf(path, sizeof path, "%s/answers.json", folder);
	bool corpus = !access(path, R_OK);
	bool libevtx = !system("evtxexport -V >/dev/null 2>&1");
	if (corpus)
		RUN(test_real_logs_say_what_they_were_known_to_say);
	else
		SKIP(test_real_logs_say_what_they_were_known_to_say,
			"no corpus of event logs here");
	if (corpus && libevtx)
		RUN(test_libevtx_says_the_same_of_every_event_that_is_read);
	else
		SKIP(test_libevtx_says_the_same_of_every_event_that_is_read,
			"no corpus of event logs here, or no evtxexport (libevtx-utils)");
	return tap_done();
}
