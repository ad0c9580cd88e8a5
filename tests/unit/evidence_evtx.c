/* The files are made by tests/fuzz/make-evtx.py. */
#include "evidence/evidence.h"
#include "tap.h"

#define FIRST 512u /* where the records of a chunk begin */

struct file {
	uint8_t bytes[2 * BH_EVTX_CHUNK];
	size_t len;
};

/* The only chunk of a seed. */
static struct file seed(const char *name)
{
	const char *source = getenv("BULKHEAD_SOURCE");
	struct file f = { 0 };
	char path[512];

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/evtx/%s", source ? source : ".", name);
	FILE *in = fopen(path, "rb");
	if (!in) {
		perror(path);
		exit(1);
	}
	fseek(in, BH_EVTX_FIRST, SEEK_SET);
	f.len = fread(f.bytes, 1, BH_EVTX_CHUNK, in);
	fclose(in);
	return f;
}

static void put32(struct file *f, size_t at, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
		(uint8_t)(v >> 24) };

	memcpy(f->bytes + at, b, 4);
}

static uint32_t get32(const struct file *f, size_t at)
{
	struct bh_cur c = bh_cur_of(bh_span_of(f->bytes, sizeof f->bytes));

	bh_cur_skip(&c, at);
	return bh_cur_le32(&c);
}

/* What was told, a line each. */
struct heard {
	uint32_t only; /* this kind is wanted, 0: all */
	unsigned kinds, events;
	struct bh_buf text;
	struct bh_evtx_told told;
	int ret;
};

static void add(struct bh_buf *b, struct bh_span s)
{
	bh_buf_add(b, s.ptr, s.len);
}

static bool want(void *ctx, struct bh_span provider, uint32_t id)
{
	struct heard *h = ctx;

	(void)provider;
	h->kinds++;
	return !h->only || h->only == id;
}

static void event(void *ctx, const struct bh_event *e)
{
	struct heard *h = ctx;

	h->events++;
	bh_buf_printf(&h->text, "%u #%u %lld %llx ", e->id, (unsigned)e->record,
		(long long)(e->when / BH_SECOND), (unsigned long long)e->keywords);
	add(&h->text, e->provider);
	bh_buf_str(&h->text, " ");
	add(&h->text, e->channel);
	bh_buf_str(&h->text, " ");
	add(&h->text, e->computer);
	bh_buf_str(&h->text, "\n");
	for (size_t i = 0; i < e->n_values; i++) {
		add(&h->text, e->values[i].name);
		bh_buf_str(&h->text, "=");
		add(&h->text, e->values[i].text);
		bh_buf_str(&h->text, "\n");
	}
}

static void listen(struct heard *h, const uint8_t *bytes, size_t len)
{
	const struct bh_event_sink sink = { .ctx = h, .want = want, .event = event };
	BH_AUTO(bh_evtx) x = NULL;

	/* Exactly as many bytes, so that sanitizers see it when one more is read. */
	uint8_t *exact = malloc(len ? len : 1);
	if (!exact || bh_evtx_new(&x))
		exit(1);
	memcpy(exact, bytes, len);
	h->ret = bh_evtx_chunk(x, bh_span_of(exact, len), &sink, &h->told);
	free(exact);
}

static struct heard hear(const struct file *f)
{
	struct heard h = { 0 };

	listen(&h, f->bytes, f->len);
	return h;
}

static bool says(const struct heard *h, const char *text)
{
	return strstr(bh_buf_text(&h->text), text) != NULL;
}

static void test_a_log_is_known_by_its_first_bytes(void)
{
	EXPECT(bh_evtx_is(bh_span_of("ElfFile\0", 8)));
	EXPECT(!bh_evtx_is(bh_span_of("ElfFile\0", 7)));
	EXPECT(!bh_evtx_is(bh_span_of("ElfFileX", 8)));
}

static void test_every_record_is_told_with_what_system_says_of_it(void)
{
	struct file f = seed("smb.evtx");
	struct heard h = hear(&f);

	EXPECT_INT(h.ret, 0);
	EXPECT_INT(h.told.records, 7);
	EXPECT_INT(h.told.unreadable, 0);
	EXPECT(!h.told.suspect);
	EXPECT_INT(h.kinds, 7);
	EXPECT_INT(h.events, 7);
	EXPECT(says(&h, "4624 #1 1769860800 8020000000000000 Microsoft-Windows-Security-Auditing "
			"Security fs1.corp.example\nSubjectUserSid=S-1-0-0\n"));
	EXPECT(says(&h, "TargetLogonId=0x1234\nLogonType=3\nLogonProcessName=NtLmSsp \n"));
	EXPECT(says(&h, "5145 #3 1769860802 "));
	EXPECT(says(&h, "ShareName=\\\\*\\IPC$\nShareLocalPath=\nRelativeTargetName=srvsvc\n"));
	EXPECT(says(&h, "5140 #5 1769860804 8010000000000000 "));
	EXPECT(says(&h, "SubjectUserName=Bj\xc3\xb6rn \xf0\x9f\x94\x92\n"));
	bh_buf_reset(&h.text);
}

static void test_every_type_is_rendered_as_windows_does(void)
{
	static const char *const lines[] = { "i8=-1", "u8=255", "i16=-2", "u16=65534", "i32=-3",
		"u32=4294967293", "i64=-4", "u64=18446744073709551612", "r32=1.500000",
		"r64=-2.250000", "yes=true", "no=false", "hex32=0x1f", "hex64=0x3e9", "size=0x2a8",
		"string=a<b & \xe2\x82\xac\xf0\x9f\x94\x92", "ended=ended", "ansi=10.0.0.9",
		"binary=020001BD0A000009", "guid={54849625-5478-4994-A5BA-3E3B0328C30D}",
		"sid=S-1-5-21-1-2-3-501", "time=2026-01-31T12:00:00.0000000Z",
		"systemtime=2026-01-31T12:00:00.250Z", "null=", "strings=one", "strings=two",
		"numbers=1", "numbers=2", "numbers=3", "half=\xef\xbf\xbdx", "wrong=", "event=",
		"mixed=literal &\xef\xbf\xbd"
		"A<c>-1",
		"missing=", "empty=", "=unnamed", "Binary=00", "Inner=deep" };
	struct file f = seed("types.evtx");
	struct heard h = hear(&f);
	BH_AUTO_BUF all = { 0 };

	bh_buf_str(&all, "7000 #100 1769860800 8020000000000000 Types System fs1.corp.example\n");
	for (size_t i = 0; i < BH_LEN(lines); i++)
		bh_buf_printf(&all, "%s\n", lines[i]);
	EXPECT_STR(bh_buf_text(&h.text), bh_buf_text(&all));
	bh_buf_reset(&h.text);
}

static void test_user_data_and_events_without_templates_are_read(void)
{
	struct file f = seed("userdata.evtx");
	struct heard h = hear(&f);

	EXPECT_INT(h.told.records, 5);
	EXPECT(says(&h,
		"3000 #7 1769860800 8020000000000000 Microsoft-Windows-SMBServer "
		"Microsoft-Windows-SMBServer/Audit fs1.corp.example\nClientName=10.0.0.9\n"));
	EXPECT(says(&h, "3021 #8 "));
	EXPECT(says(&h, "ClientName=10.0.0.9\nStatus=0x0\n3022 #9 "));
	EXPECT(says(&h, "ClientName=\\\\10.0.0.8\n"));
	EXPECT(says(&h, "4711 #10 1769860803 0 Bare Bare bare.corp.example\nn=v\n4712 #11 "));
	bh_buf_reset(&h.text);
}

static void test_what_is_not_wanted_is_counted_only(void)
{
	struct file f = seed("smb.evtx");
	struct heard h = { .only = 5156 };

	listen(&h, f.bytes, f.len);
	EXPECT_INT(h.told.records, 7);
	EXPECT_INT(h.kinds, 7);
	EXPECT_INT(h.events, 1);
	EXPECT(says(&h, "SourceAddress=10.0.0.5\nSourcePort=445\n"));
	bh_buf_reset(&h.text);
}

static void test_nesting_has_an_end(void)
{
	struct file f = seed("deep.evtx");
	struct heard h = hear(&f);

	EXPECT_INT(h.kinds, 5);
	EXPECT_INT(h.told.records, 2);
	EXPECT_INT(h.told.unreadable, 3);
	bh_buf_reset(&h.text);
}

static void test_every_truncation_tells_a_beginning_of_the_whole(void)
{
	static const char *const names[] = { "smb.evtx", "types.evtx", "userdata.evtx" };

	for (size_t i = 0; i < BH_LEN(names); i++) {
		struct file f = seed(names[i]);
		struct heard whole = hear(&f);
		for (size_t cut = 0; cut < f.len; cut += 3) {
			struct heard h = { 0 };
			listen(&h, f.bytes, cut);
			EXPECT_INT(h.ret, cut < FIRST ? -EBADMSG : 0);
			EXPECT(h.told.records <= whole.told.records);
			EXPECT(!strncmp(
				bh_buf_text(&whole.text), bh_buf_text(&h.text), h.text.len));
			EXPECT(!h.told.records || h.told.suspect ||
				h.told.records == whole.told.records);
			bh_buf_reset(&h.text);
		}
		bh_buf_reset(&whole.text);
	}
}

static void test_a_wrong_checksum_makes_suspect_and_loses_nothing(void)
{
	struct file f = seed("smb.evtx");
	static const size_t places[] = { 8, 60, 124, 200, 4000 }; /* of header and records */

	for (size_t i = 0; i < BH_LEN(places); i++) {
		struct file g = f;
		g.bytes[places[i]] ^= 1;
		struct heard h = hear(&g);
		EXPECT_INT(h.ret, 0);
		EXPECT(h.told.suspect);
		EXPECT_INT(h.told.records + h.told.unreadable, 7);
		bh_buf_reset(&h.text);
	}
}

static void test_what_is_no_chunk_is_told_from_what_was_never_written(void)
{
	struct file f = { .len = BH_EVTX_CHUNK };
	struct heard h = hear(&f);

	EXPECT_INT(h.ret, -ENOMSG);
	memcpy(f.bytes, "ElfChnx", 8);
	h = hear(&f);
	EXPECT_INT(h.ret, -EBADMSG);
}

/* A log goes round: behind the end of its records a chunk holds what it held before. */
static void test_records_behind_the_end_belong_to_nobody(void)
{
	struct file f = seed("smb.evtx");
	uint32_t end = get32(&f, 48);

	memcpy(f.bytes + end, f.bytes + FIRST, get32(&f, FIRST + 4));
	f.len = BH_EVTX_CHUNK;
	struct heard h = hear(&f);
	EXPECT_INT(h.told.records, 7);
	EXPECT_INT(h.told.unreadable, 0);
	bh_buf_reset(&h.text);
}

/* The header of a file copied from a running machine is behind what was written. */
static void test_records_that_count_on_behind_a_stale_header_are_read(void)
{
	struct file f = seed("smb.evtx");
	uint32_t third = FIRST + get32(&f, FIRST + 4);

	third += get32(&f, third + 4);
	put32(&f, 48, third);
	f.len = BH_EVTX_CHUNK;
	struct heard h = hear(&f);
	EXPECT(h.told.suspect);
	EXPECT_INT(h.told.records, 7);
	EXPECT_INT(h.told.unreadable, 0);
	bh_buf_reset(&h.text);
}

static void test_a_damaged_record_takes_no_other_with_it(void)
{
	struct file f = seed("smb.evtx");
	uint32_t second = FIRST + get32(&f, FIRST + 4);

	for (unsigned what = 0; what < 3; what++) {
		struct file g = f;
		if (what == 0)
			g.bytes[second] = 0; /* its signature */
		else
			put32(&g, second + 4, what == 1 ? 0xffffffff : 0); /* its size */
		struct heard h = hear(&g);
		EXPECT_INT(h.told.unreadable, 1);
		EXPECT_INT(h.told.records, 6);
		EXPECT(says(&h, "5156 #6 "));
		bh_buf_reset(&h.text);
	}
}

/* Where the lengths of the first record are: behind 24 bytes the fragment's header (4),
 * the token, version and number of a template instance (6), the definition's offset,
 * then the definition. */
enum {
	AT_SIZE = FIRST + 4,
	AT_DEFINITION = FIRST + 24 + 10,
	AT_DEFINITION_SIZE = AT_DEFINITION + 4 + 20,
	AT_BODY = AT_DEFINITION_SIZE + 4,
	AT_ELEMENT_SIZE = AT_BODY + 4 + 3,
	AT_NAME = AT_ELEMENT_SIZE + 4,
	AT_NAME_LENGTH = AT_NAME + 4 + 6,
};

static unsigned records_with(const struct file *f, size_t at, uint32_t v, size_t width)
{
	struct file g = *f;

	if (width == 4)
		put32(&g, at, v);
	else
		memcpy(g.bytes + at, &(uint16_t){ (uint16_t)v }, 2);
	struct heard h = hear(&g);
	EXPECT_INT(h.ret, 0);
	EXPECT(h.told.records + h.told.unreadable >= 1);
	bh_buf_reset(&h.text);
	return h.told.records;
}

static void test_one_lie_per_length_costs_the_record_that_tells_it(void)
{
	struct file f = seed("types.evtx");
	uint32_t values = AT_BODY + get32(&f, AT_DEFINITION_SIZE); /* how many */
	static const uint32_t lies[] = { 0xffffffff, 0x7fffffff, 0x10000, 0 };

	EXPECT_INT(get32(&f, AT_DEFINITION), AT_DEFINITION + 4);
	EXPECT_INT(get32(&f, AT_NAME), AT_NAME + 4);
	EXPECT_INT(get32(&f, values), 20);
	for (size_t i = 0; i < BH_LEN(lies); i++) {
		EXPECT_INT(records_with(&f, AT_SIZE, lies[i], 4), 0);
		EXPECT_INT(records_with(&f, AT_DEFINITION, lies[i], 4), 0);
		EXPECT_INT(records_with(&f, AT_DEFINITION_SIZE, lies[i], 4), 0);
		EXPECT_INT(records_with(&f, AT_NAME, lies[i], 4), 0);
		EXPECT_INT(records_with(&f, values, lies[i], 4), 0);
		/* Where an element ends is told by a token. */
		EXPECT_INT(records_with(&f, AT_ELEMENT_SIZE, lies[i], 4), 1);
	}
	EXPECT_INT(records_with(&f, AT_NAME_LENGTH, 0xffff, 2), 0);
	EXPECT_INT(records_with(&f, values + 4, 0xffff, 2), 0); /* the first value's length */
	EXPECT_INT(records_with(&f, values + 4 + 4 * 19, 0xffff, 2), 0); /* the last one's */
	EXPECT_INT(records_with(&f, AT_DEFINITION, AT_DEFINITION, 4), 0); /* not inline */
	EXPECT_INT(records_with(&f, AT_NAME, FIRST - 1, 4), 0); /* within the chunk's header */
	EXPECT_INT(records_with(&f, values, 1025, 4), 0);
}

static void test_an_unended_element_is_no_event(void)
{
	struct file f = seed("types.evtx");
	uint32_t end = AT_BODY + get32(&f, AT_DEFINITION_SIZE);

	/* …, end of EventData's place, end of Event, end of fragment */
	EXPECT_INT(f.bytes[end - 2], 4);
	EXPECT_INT(records_with(&f, end - 4, 0, 4), 0);
}

int main(void)
{
	RUN(test_a_log_is_known_by_its_first_bytes);
	RUN(test_every_record_is_told_with_what_system_says_of_it);
	RUN(test_every_type_is_rendered_as_windows_does);
	RUN(test_user_data_and_events_without_templates_are_read);
	RUN(test_what_is_not_wanted_is_counted_only);
	RUN(test_nesting_has_an_end);
	RUN(test_every_truncation_tells_a_beginning_of_the_whole);
	RUN(test_a_wrong_checksum_makes_suspect_and_loses_nothing);
	RUN(test_what_is_no_chunk_is_told_from_what_was_never_written);
	RUN(test_records_behind_the_end_belong_to_nobody);
	RUN(test_records_that_count_on_behind_a_stale_header_are_read);
	RUN(test_a_damaged_record_takes_no_other_with_it);
	RUN(test_one_lie_per_length_costs_the_record_that_tells_it);
	RUN(test_an_unended_element_is_no_event);
	return tap_done();
}
