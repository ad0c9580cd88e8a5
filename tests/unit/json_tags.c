#include "tap.h"
#include "json/tags.h"

/* As Microsoft writes it, but for the addresses: documentation and odd ones. */
static const char azure[] =
	"{\n"
	"  \"changeNumber\": 363,\n"
	"  \"cloud\": \"Public\",\n"
	"  \"values\": [\n"
	"    {\n"
	"      \"name\": \"Storage.WestEurope\",\n"
	"      \"id\": \"Storage.WestEurope\",\n"
	"      \"properties\": {\n"
	"        \"changeNumber\": 27,\n"
	"        \"region\": \"westeurope\",\n"
	"        \"regionId\": 18,\n"
	"        \"platform\": \"Azure\",\n"
	"        \"systemService\": \"AzureStorage\",\n"
	"        \"addressPrefixes\": [\n"
	"          \"20.38.108.0/23\",\n"
	"          \"20.38.110.0/23\",\n"
	"          \"20.50.1.2\",\n"
	"          \"2603:1020:206::/48\"\n"
	"        ],\n"
	"        \"networkFeatures\": null\n"
	"      }\n"
	"    },\n"
	"    {\n"
	"      \"name\": \"ActionGroup\",\n"
	"      \"id\": \"ActionGroup\",\n"
	"      \"properties\": { \"changeNumber\": 2, \"addressPrefixes\": [ ] }\n"
	"    }\n"
	"  ]\n"
	"}\n";

static const char office[] =
	"[\n"
	" { \"id\": 1, \"serviceArea\": \"Exchange\", \"category\": \"Optimize\", \"urls\": [ \"x\" ],\n"
	"   \"ips\": [ \"40.92.0.0/15\", \"2603:1006::/40\" ], \"tcpPorts\": \"80,443\" },\n"
	" { \"id\": 2, \"serviceArea\": \"Exchange\", \"category\": \"Allow\", \"required\": true,\n"
	"   \"ips\": [ \"52.96.0.0/14\" ], \"tcpPorts\": \"443, 587\", \"udpPorts\": \"3478-3481\" },\n"
	" { \"id\": 3, \"serviceArea\": \"Common\", \"category\": \"Default\", \"urls\": [ \"y\" ] }\n"
	"]\n";

static struct bh_arena arena;

static const struct bh_tags *parse(const char *text, size_t len, struct bh_diags *d)
{
	const struct bh_tags *t = NULL;
	/* A copy of exactly that size, so that valgrind and ASan see overruns. */
	char *exact = malloc(len + !len);

	memcpy(exact, text, len);
	bh_arena_reset(&arena);
	*d = (struct bh_diags){ .arena = &arena };
	EXPECT_INT(bh_tags_parse("tags.json", bh_span_of(exact, len), &arena, d, &t), 0);
	EXPECT(!t == (d->errors > 0));
	free(exact);
	return t;
}

static void expect_addrs(const struct bh_tags *t, const char *name, const char *want)
{
	const struct bh_tag *one = t ? bh_tags_find(t, name) : NULL;
	BH_AUTO_BUF b = { 0 };

	EXPECT(one);
	if (!one)
		return;
	bh_addrset_format(&one->addrs, ", ", &b);
	EXPECT_STR(bh_buf_text(&b), want);
}

static void test_a_file_of_azure_is_told_whole(void)
{
	struct bh_diags d;
	const struct bh_tags *t = parse(azure, strlen(azure), &d);

	EXPECT(t && t->kind == BH_TAGS_AZURE);
	if (!t)
		return;
	EXPECT_INT(t->change, 363);
	EXPECT_STR(t->cloud, "Public");
	EXPECT_INT(t->n, 2);
	EXPECT_STR(t->v[0].name, "ActionGroup");
	EXPECT(bh_addrset_empty(&t->v[0].addrs));
	EXPECT_INT(t->v[1].change, 27);
	expect_addrs(t, "storage.westeurope", "20.38.108.0/22, 20.50.1.2, 2603:1020:206::/48");
	EXPECT(!bh_tags_find(t, "Storage"));
}

static void test_office_gives_areas_their_categories_and_their_ports(void)
{
	struct bh_diags d;
	const struct bh_tags *t = parse(office, strlen(office), &d);

	EXPECT(t && t->kind == BH_TAGS_OFFICE365 && !t->cloud && !t->change);
	if (!t)
		return;
	EXPECT_INT(t->n, 5);
	expect_addrs(t, "Exchange", "40.92.0.0/15, 52.96.0.0/14, 2603:1006::/40");
	expect_addrs(t, "Exchange.Allow", "52.96.0.0/14");
	expect_addrs(t, "exchange.optimize", "40.92.0.0/15, 2603:1006::/40");
	expect_addrs(t, "Common", "");
	const struct bh_tag *all = bh_tags_find(t, "Exchange");
	EXPECT(bh_ranges_contain(all->tcp, 587) && bh_ranges_contain(all->tcp, 80));
	EXPECT(!bh_ranges_contain(all->tcp, 445));
	EXPECT(bh_ranges_contain(all->udp, 3480) && !bh_ranges_contain(all->udp, 3482));
}

static void test_a_byte_order_mark_and_blanks_are_no_mistake(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_diags d;

	bh_buf_str(&b, "\xef\xbb\xbf \n");
	bh_buf_str(&b, azure);
	EXPECT(parse(bh_buf_text(&b), b.len, &d));
}

static void test_every_truncation_is_refused(void)
{
	const char *const whole[] = { azure, office };
	struct bh_diags d;

	for (size_t i = 0; i < BH_LEN(whole); i++) {
		for (size_t len = 0; len + 1 < strlen(whole[i]); len++)
			EXPECT(!parse(whole[i], len, &d));
	}
}

/* The text with one piece of it changed. */
static const struct bh_tags *altered(
	const char *whole, const char *from, const char *to, struct bh_diags *d)
{
	const char *at = strstr(whole, from);
	BH_AUTO_BUF b = { 0 };

	EXPECT(at);
	if (!at)
		return NULL;
	bh_buf_add(&b, whole, (size_t)(at - whole));
	bh_buf_str(&b, to);
	bh_buf_str(&b, at + strlen(from));
	return parse(bh_buf_text(&b), b.len, d);
}

static void test_every_lie_has_its_place(void)
{
	static const struct {
		const char *whole, *from, *to;
		unsigned line, column, length;
		const char *says;
	} lies[] = {
		{ azure, "363", "-1", 2, 19, 2, "whole number" },
		{ azure, "363", "3.5", 2, 19, 3, "whole number" },
		{ azure, "363", "99999999999999999999", 2, 38, 1, "not JSON: too big integer" },
		{ azure, "\"changeNumber\": 363,", "", 1, 1, 1, "\"changeNumber\" is missing" },
		{ azure, "\"cloud\": \"Public\",", "", 1, 1, 1, "\"cloud\" is missing" },
		{ azure, "\"Public\"", "\"a\\u001bb\"", 3, 12, 10, "is no name" },
		{ azure, "\"Public\"", "\"\"", 3, 12, 2, "is no name" },
		{ azure, "\"values\": [", "\"others\": [", 1, 1, 1, "array \"values\"" },
		{ azure, "\"Storage.WestEurope\"", "7", 6, 15, 1, "is no name" },
		{ azure, "\"20.38.110.0/23\"", "\"20.38.110.0/33\"", 16, 11, 16, "no prefix" },
		{ azure, "\"20.38.110.0/23\"", "\"20.38.111.0/23\"", 16, 11, 16,
			"bits of the host" },
		{ azure, "\"20.38.110.0/23\"", "\"20.0.0.0/7\"", 16, 11, 12, "wider than any" },
		{ azure, "\"20.38.110.0/23\"", "\"0.0.0.0/0\"", 16, 11, 11, "wider than any" },
		{ azure, "\"20.38.110.0/23\"", "\"::/0\"", 16, 11, 6, "wider than any" },
		{ azure, "\"20.38.110.0/23\"", "\"10.1.0.0/16\"", 16, 11, 13, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "\"172.0.0.0/8\"", 16, 11, 13, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "\"127.0.0.1\"", 16, 11, 11, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "\"224.0.0.0/8\"", 16, 11, 13, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "\"fd00::/16\"", 16, 11, 11, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "\"::ffff:0:0/96\"", 16, 11, 15, "the Internet" },
		{ azure, "\"20.38.110.0/23\"", "445", 16, 11, 3, "as a string" },
		{ azure, "\"20.38.110.0/23\"", "[ [ ] ]", 16, 11, 1, "as a string" },
		{ azure, "\"20.38.110.0/23\"", "\"20.38.110.0/023\"", 16, 11, 17, "no prefix" },
		{ azure, "\"20.38.110.0/23\"", "\"20.38.110.0/\"", 16, 11, 14, "no prefix" },
		{ azure, "\"addressPrefixes\": [ ]", "\"x\": [ ]", 26, 21, 1, "array of prefixes" },
		{ azure, "\"properties\": { \"ch", "\"p\": { \"ch", 23, 5, 1, "object \"prop" },
		{ azure, "\"ActionGroup\"", "\"storage.WESTeurope\"", 24, 15, 20, "second tag" },
		{ azure, "\"cloud\"", "\"changeNumber\"", 3, 16, 1, "duplicate" },
		{ azure, "\"region\"", "\"changeNumber\"", 10, 22, 1, "duplicate" },
		{ office, "\"id\": 2,", "", 4, 2, 1, "\"id\" is missing" },
		{ office, "\"Exchange\"", "\"Ex change\"", 2, 28, 11, "is no name" },
		{ office, "\"Optimize\"", "null", 2, 52, 4, "is no name" },
		{ office, "\"80,443\"", "\"80,,443\"", 3, 61, 9, "list of ports" },
		{ office, "\"80,443\"", "\"80;443\"", 3, 61, 8, "list of ports" },
		{ office, "\"80,443\"", "\"65536\"", 3, 61, 7, "list of ports" },
		{ office, "\"80,443\"", "\"443-80\"", 3, 61, 8, "list of ports" },
		{ office, "\"80,443\"", "443", 3, 61, 3, "list of ports" },
		{ office, "\"52.96.0.0/14\"", "\"52.96.0.0/13x\"", 5, 13, 15, "no prefix" },
	};
	struct bh_diags d;

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		EXPECT(!altered(lies[i].whole, lies[i].from, lies[i].to, &d));
		EXPECT(d.errors > 0 && d.first);
		if (!d.first)
			continue;
		EXPECT_INT(d.first->line, lies[i].line);
		EXPECT_INT(d.first->column, lies[i].column);
		EXPECT_INT(d.first->length, lies[i].length);
		EXPECT(strstr(d.first->text, lies[i].says));
		if (tap_bad) {
			printf("# lie %zu, for %s: %u:%u+%u %s\n", i, lies[i].to, d.first->line,
				d.first->column, d.first->length, d.first->text);
			break;
		}
	}
}

static void test_what_a_parser_would_choke_on_is_counted_first(void)
{
	static const char *const many[] = { "[", "{\"a\":", "0,", "[],", "\"\\\"\"," };
	struct bh_diags d;

	for (size_t i = 0; i < BH_LEN(many); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_str(&b, "[");
		while (b.len < 8u << 20)
			bh_buf_str(&b, many[i]);
		EXPECT(!parse(bh_buf_text(&b), b.len, &d));
		EXPECT(d.errors == 1 && strstr(d.first->text, "more values"));
		EXPECT(!d.first->source);
		EXPECT(arena.total < 1u << 20);
	}
}

static void test_a_mistake_on_every_line_is_told_twenty_times_and_counted(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_diags d;
	size_t n = 0;

	bh_buf_str(&b, "[\n");
	for (size_t i = 0; i < 1000; i++)
		bh_buf_printf(&b, "%s{ \"id\": -1, \"serviceArea\": \"a\" }\n", i ? "," : "");
	bh_buf_str(&b, "]\n");
	EXPECT(!parse(bh_buf_text(&b), b.len, &d));
	EXPECT_INT(d.errors, 1000);
	for (const struct bh_diag *one = d.first; one; one = one->next)
		n++;
	EXPECT_INT(n, BH_MAX_TAGS_ERRORS + 1);
	EXPECT_STR(d.last->text, "980 more errors");
}

static void expect_diff(const struct bh_tag_diff *d, enum bh_tag_change what, const char *name,
	const char *came, const char *went)
{
	BH_AUTO_BUF x = { 0 }, y = { 0 };

	EXPECT_INT(d->what, what);
	EXPECT_STR(d->name, name);
	bh_addrset_format(&d->came, ", ", &x);
	bh_addrset_format(&d->went, ", ", &y);
	EXPECT_STR(bh_buf_text(&x), came);
	EXPECT_STR(bh_buf_text(&y), went);
}

static void test_a_difference_is_told_tag_by_tag_and_range_by_range(void)
{
	static const char former[] =
		"{\"changeNumber\":1,\"cloud\":\"Public\",\"values\":["
		"{\"name\":\"B\",\"properties\":{\"changeNumber\":1,\"addressPrefixes\":[\"20.0.0.0/23\"]}},"
		"{\"name\":\"A\",\"properties\":{\"changeNumber\":1,\"addressPrefixes\":[\"20.1.0.0/24\"]}},"
		"{\"name\":\"same\",\"properties\":{\"changeNumber\":1,\"addressPrefixes\":[\"20.9.0.0/24\"]}}]}";
	static const char later[] =
		"{\"changeNumber\":2,\"cloud\":\"Public\",\"values\":["
		"{\"name\":\"SAME\",\"properties\":{\"changeNumber\":2,\"addressPrefixes\":[\"20.9.0.0/25\",\"20.9.0.128/25\"]}},"
		"{\"name\":\"b\",\"properties\":{\"changeNumber\":2,\"addressPrefixes\":[\"20.0.1.0/24\",\"20.0.2.0/24\"]}},"
		"{\"name\":\"C\",\"properties\":{\"changeNumber\":2,\"addressPrefixes\":[\"2603:1020::/48\"]}}]}";
	struct bh_arena other = { 0 };
	struct bh_diags d = { .arena = &other };
	const struct bh_tags *x = NULL, *y = NULL;
	const struct bh_tag_diff *v;
	size_t n;

	EXPECT_INT(bh_tags_parse("x", bh_span_of(former, strlen(former)), &other, &d, &x), 0);
	EXPECT_INT(bh_tags_parse("y", bh_span_of(later, strlen(later)), &other, &d, &y), 0);
	EXPECT(x && y && !d.errors);
	if (!x || !y)
		return;
	EXPECT_INT(bh_tags_diff(x, y, &other, &v, &n), 0);
	EXPECT_INT(n, 3);
	expect_diff(&v[0], BH_TAG_GONE, "A", "", "20.1.0.0/24");
	expect_diff(&v[1], BH_TAG_CHANGED, "b", "20.0.2.0/24", "20.0.0.0/24");
	expect_diff(&v[2], BH_TAG_NEW, "C", "2603:1020::/48", "");
	EXPECT_INT(bh_tags_diff(x, x, &other, &v, &n), 0);
	EXPECT_INT(n, 0);
	bh_arena_reset(&other);
}

/* Microsoft's own file, where it is at hand. */
static char *corpus(const char *name, size_t *len)
{
	const char *root = getenv("BULKHEAD_CORPUS"), *source = getenv("BULKHEAD_SOURCE");
	char path[4096];

	if (root)
		snprintf(path, sizeof path, "%s/azure/%s", root, name);
	else
		snprintf(path, sizeof path, "%s/../shared/corpus/azure/%s", source ? source : ".",
			name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	char *text = malloc(BH_MAX_TAGS_BYTES);
	*len = fread(text, 1, BH_MAX_TAGS_BYTES, f);
	fclose(f);
	return text;
}

static void test_microsofts_own_file_is_read_whole(void)
{
	size_t len = 0, prefixes = 0;
	char *text = corpus("microsoft-azure-ip-ranges.json", &len);
	struct bh_diags d;

	if (!text)
		return;
	const struct bh_tags *t = parse(text, len, &d);
	EXPECT(t && t->change == 363 && t->n == 2967);
	for (const char *p = text; t && (p = strstr(p, "/")) && p < text + len - 1; p++)
		prefixes++;
	EXPECT(prefixes > 90000);
	const struct bh_tag *storage = t ? bh_tags_find(t, "Storage.WestEurope") : NULL;
	EXPECT(storage && storage->addrs.v4.n > 10);
	free(text);
}

int main(void)
{
	size_t len;
	char *text = corpus("microsoft-azure-ip-ranges.json", &len);

	RUN(test_a_file_of_azure_is_told_whole);
	RUN(test_office_gives_areas_their_categories_and_their_ports);
	RUN(test_a_byte_order_mark_and_blanks_are_no_mistake);
	RUN(test_every_truncation_is_refused);
	RUN(test_every_lie_has_its_place);
	RUN(test_what_a_parser_would_choke_on_is_counted_first);
	RUN(test_a_mistake_on_every_line_is_told_twenty_times_and_counted);
	RUN(test_a_difference_is_told_tag_by_tag_and_range_by_range);
	if (text)
		RUN(test_microsofts_own_file_is_read_whole);
	else
		SKIP(test_microsofts_own_file_is_read_whole, "no corpus of service tags");
	free(text);
	bh_arena_reset(&arena);
	return tap_done();
}
