#include "evidence/evidence.h"
#include "tap.h"

struct heard {
	unsigned kinds;
	struct bh_buf text;
	struct bh_xml_told told;
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
	return id != 4;
}

static void write_event(struct bh_buf *b, const struct bh_event *e)
{
	bh_buf_printf(b, "%u #%u %lld %llx ", e->id, (unsigned)e->record,
		(long long)(e->when / 1000), (unsigned long long)e->keywords);
	add(b, e->provider);
	bh_buf_str(b, " ");
	add(b, e->channel);
	bh_buf_str(b, " ");
	add(b, e->computer);
	for (size_t i = 0; i < e->n_values; i++) {
		bh_buf_str(b, " ");
		add(b, e->values[i].name);
		bh_buf_str(b, "=");
		add(b, e->values[i].text);
	}
	bh_buf_str(b, "\n");
}

static void event(void *ctx, const struct bh_event *e)
{
	write_event(&((struct heard *)ctx)->text, e);
}

/* step: bytes that are fed at once; 0: all. */
static struct heard hear(const void *xml, size_t len, size_t step)
{
	struct heard h = { 0 };
	const struct bh_event_sink sink = { .ctx = &h, .want = want, .event = event };
	struct bh_cur c = bh_cur_of(bh_span_of(xml, len));
	BH_AUTO(bh_xml) x = NULL;

	if (bh_xml_new(445, &x))
		exit(1);
	while (bh_cur_left(&c)) {
		size_t n = step ? bh_min_size(step, bh_cur_left(&c)) : len;
		bh_xml_feed(x, bh_cur_take(&c, n), &sink);
	}
	h.told = bh_xml_end(x);
	return h;
}

static struct heard hear_text(const char *xml)
{
	return hear(xml, strlen(xml), 0);
}

#define SYSTEM(id)                                                                                 \
	"<System><Provider Name='P' Guid='{5}'/><EventID Qualifiers='0'>" id "</EventID>"          \
	"<Keywords>0x8020000000000000</Keywords>"                                                  \
	"<TimeCreated SystemTime='2026-01-31T12:00:00.1234567Z'/><EventRecordID>7</EventRecordID>" \
	"<Channel>C</Channel><Computer>fs1</Computer><Security/></System>"
#define XMLNS " xmlns='http://schemas.microsoft.com/win/2004/08/events/event'"

#define ONE "<Event" XMLNS ">" SYSTEM("1") "<EventData><Data Name='a'>x</Data></EventData></Event>"
#define TWO                                                                                        \
	"<Event>\r\n  " SYSTEM("2") "\n <EventData>\n  <Data Name=\"b\">\xc3\xb6 &amp; &#x20AC;"   \
				    "&lt;</Data>\n  <Data>plain</Data><Data Name='e'/>\n"          \
				    " </EventData>\n</Event >\n"
#define USER                                                                                       \
	"<Event>" SYSTEM("3") "<UserData>\n <EventXML xmlns='u'>\n  <ClientName>c</ClientName>\n"  \
			      "  <Deep><Inner>i</Inner></Deep></EventXML></UserData></Event>"

#define SAID_ONE "1 #7 1769860800123456 8020000000000000 P C fs1 a=x\n"
#define SAID_TWO                                                                                   \
	"2 #7 1769860800123456 8020000000000000 P C fs1 b=\xc3\xb6 & \xe2\x82\xac< =plain e=\n"
#define SAID_USER "3 #7 1769860800123456 8020000000000000 P C fs1 ClientName=c Inner=i\n"

static void expect(const char *xml, const char *said, unsigned unreadable)
{
	struct heard h = hear_text(xml);

	EXPECT_STR(bh_buf_text(&h.text), said);
	EXPECT_INT(h.told.unreadable, unreadable);
	bh_buf_reset(&h.text);
}

static void test_events_are_read_with_a_root_and_without(void)
{
	expect(ONE TWO USER, SAID_ONE SAID_TWO SAID_USER, 0);
	expect("<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<Events>" ONE TWO
	       "</Events>",
		SAID_ONE SAID_TWO, 0);
	expect("\xef\xbb\xbf" ONE "\n\xef\xbb\xbf<Events>" TWO, SAID_ONE SAID_TWO, 0);
	expect("", "", 0);
	expect("<Events></Events>", "", 0);
	expect("<EventData><Data>no event</Data></EventData>", "", 0);
}

static size_t utf16(const char *ascii, bool big, uint8_t *ret)
{
	size_t n = 0;

	for (; *ascii; ascii++) {
		ret[n++] = big ? 0 : (uint8_t)*ascii;
		ret[n++] = big ? (uint8_t)*ascii : 0;
	}
	return n;
}

static void test_redirected_by_powershell_it_is_utf16(void)
{
	static uint8_t bytes[2 * sizeof(ONE ONE) + 16];

	for (unsigned form = 0; form < 4; form++) {
		bool big = form & 1, mark = form & 2;
		size_t n = mark ? 2 : 0;
		memcpy(bytes, big ? "\xfe\xff" : "\xff\xfe", 2);
		n += utf16(ONE ONE, big, bytes + n);
		for (size_t step = 0; step < 4; step++) {
			struct heard h = hear(bytes, n, step);
			EXPECT_STR(bh_buf_text(&h.text), SAID_ONE SAID_ONE);
			bh_buf_reset(&h.text);
		}
	}
}

static void test_pairs_of_utf16_are_one_character(void)
{
	static uint8_t bytes[2 * sizeof ONE];
	size_t n = utf16(ONE, false, bytes);
	uint8_t *x = memmem(bytes, n, ">\0x\0<\0", 6);

	memmove(x + 6, x + 4, (size_t)(bytes + n - x) - 4);
	memcpy(x + 2, "\x3d\xd8\x12\xdd", 4); /* U+1F512 */
	struct heard h = hear(bytes, n + 2, 1);
	EXPECT(strstr(bh_buf_text(&h.text), "a=\xf0\x9f\x94\x92\n"));
	bh_buf_reset(&h.text);
	memcpy(x + 2, "\x3d\xd8\x3d\xd8", 4); /* two first halves */
	h = hear(bytes, n + 2, 1);
	EXPECT(strstr(bh_buf_text(&h.text), "a=\xef\xbf\xbd\xef\xbf\xbd\n"));
	bh_buf_reset(&h.text);
}

static void test_any_cutting_of_the_stream_says_the_same(void)
{
	static const char xml[] = "<Events>" ONE "<E>" TWO "<<Event" USER "</Events>";
	struct heard whole = hear_text(xml);

	EXPECT_INT(whole.told.records, 3);
	for (size_t step = 1; step < 200; step++) {
		struct heard h = hear(xml, sizeof xml - 1, step);
		EXPECT_STR(bh_buf_text(&h.text), bh_buf_text(&whole.text));
		EXPECT_INT(h.told.unreadable, whole.told.unreadable);
		bh_buf_reset(&h.text);
	}
	bh_buf_reset(&whole.text);
}

static void test_every_truncation_says_a_beginning_of_the_whole(void)
{
	static const char xml[] = ONE TWO USER;

	for (size_t cut = 0; cut < sizeof xml - 1; cut++) {
		struct heard h = hear(xml, cut, 0);
		EXPECT(!strncmp(SAID_ONE SAID_TWO SAID_USER, bh_buf_text(&h.text), h.text.len));
		EXPECT(h.told.unreadable <= 1);
		bh_buf_reset(&h.text);
	}
}

static void test_what_is_not_wanted_is_counted_only(void)
{
	struct heard h = hear_text("<Event>" SYSTEM("4") "</Event>" ONE);

	EXPECT_STR(bh_buf_text(&h.text), SAID_ONE);
	EXPECT_INT(h.kinds, 2);
	EXPECT_INT(h.told.records, 2);
	bh_buf_reset(&h.text);
}

static void test_one_that_is_no_xml_takes_none_with_it(void)
{
	expect(ONE "<Event><System></Event>" TWO, SAID_ONE SAID_TWO, 1);
	expect("<Event>" SYSTEM("1") "<EventData>" TWO, SAID_TWO, 1);
	expect(ONE "<Event>&nobody;</Event><Event></Event>" TWO, SAID_ONE SAID_TWO, 2);
	expect("<Event/>" ONE, SAID_ONE, 1);
	expect("<Event>" SYSTEM("65536") "</Event>" ONE, SAID_ONE, 1);
}

static void test_what_xml_forbids_and_windows_writes_is_replaced(void)
{
#define WITH(text)                                                                                 \
	"<Event>" SYSTEM("1") "<EventData><Data Name='a'>" text "</Data></EventData></Event>"
#define SAID(text) "1 #7 1769860800123456 8020000000000000 P C fs1 a=" text "\n"
#define FFFD       "\xef\xbf\xbd"
	expect(WITH("a\x01\x02"
		    "b"),
		SAID("a" FFFD FFFD "b"), 0);
	expect(WITH("a&#x1;&#2;&#x00;&#xD83D;b"), SAID("a" FFFD FFFD FFFD FFFD "b"), 0);
	expect(WITH("&#x41;&#66;&#x1F512;"), SAID("AB\xf0\x9f\x94\x92"), 0);
	expect(WITH("Bj\x94rn"), SAID("Bj" FFFD "rn"), 0); /* a console's code page */
	expect(WITH("\xc0\xaf\xed\xa0\x80\xef\xbf\xbe"), SAID(FFFD FFFD FFFD FFFD), 0);
	expect(WITH("<![CDATA[<x>]]>"), SAID("<x>"), 0);
	expect(WITH("a<!-- no -->b"), SAID("ab"), 0);
}

static void test_rendered_text_and_prefixes_change_nothing(void)
{
	expect("<Event>" SYSTEM(
		       "1") "<EventData><Data Name='a'>x</Data></EventData>"
			    "<RenderingInfo Culture='en-US'><Message>m</Message><Level>Information</Level>"
			    "<Channel>Security</Channel><Provider>q</Provider></RenderingInfo></Event>",
		SAID_ONE, 0);
	BH_AUTO(bh_xml) x = NULL;
	struct bh_event e;
	BH_AUTO_BUF b = { 0 };
	static const char xml[] = "<n:Event xmlns:n='u'><n:System><n:Provider Name='P'/><n:EventID>"
				  "5</n:EventID></n:System><n:EventData><n:Data Name='k'>v</n:Data>"
				  "</n:EventData></n:Event>";
	if (bh_xml_new(445, &x))
		exit(1);
	EXPECT_INT(bh_xml_event(x, bh_span_of(xml, sizeof xml - 1), &e), 0);
	write_event(&b, &e);
	EXPECT_STR(bh_buf_text(&b), "5 #0 0 0 P   k=v\n");
}

/* Azure's table Event keeps nothing of an event but this. */
static void test_event_data_alone_gives_its_values(void)
{
	static const char xml[] =
		"<DataItem type=\"System.XmlData\" time=\"2026-01-31T12:00:00Z\" "
		"sourceHealthServiceId=\"0\"><EventData xmlns=\"u\">"
		"<Data Name=\"ClientName\">10.0.0.9</Data></EventData></DataItem>";
	BH_AUTO(bh_xml) x = NULL;
	struct bh_event e;

	if (bh_xml_new(445, &x))
		exit(1);
	EXPECT_INT(bh_xml_event(x, bh_span_of(xml, sizeof xml - 1), &e), 0);
	EXPECT_INT(e.n_values, 1);
	EXPECT(bh_event_is(bh_event_get(&e, "ClientName"), "10.0.0.9"));
}

static void test_nothing_of_a_document_type_is_read(void)
{
	static const char *const xml[] = {
		"<!DOCTYPE Event [<!ENTITY a 'b'>]><Event><EventData><Data>&a;</Data></EventData></Event>",
		"<!DOCTYPE Event [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Event>&x;</Event>",
		"<!DOCTYPE Event><Event/>", "", "<", "no", "<Event>", "<Event></Even>",
		"<Event></Event><Event></Event>", "<Event a='1' a='2'/>"
	};
	BH_AUTO(bh_xml) x = NULL;
	struct bh_event e;

	if (bh_xml_new(445, &x))
		exit(1);
	for (size_t i = 0; i < BH_LEN(xml); i++)
		EXPECT_INT(bh_xml_event(x, bh_span_of(xml[i], strlen(xml[i])), &e), -EBADMSG);
	expect("<!DOCTYPE Events [<!ENTITY a 'b'>]><Events>" ONE "</Events>", SAID_ONE, 0);
}

static void test_depth_and_length_have_an_end(void)
{
	BH_AUTO_BUF deep = { 0 };
	BH_AUTO_BUF longer = { 0 };

	bh_buf_str(&deep, "<Event>" SYSTEM("1") "<EventData>");
	for (int i = 0; i < 40; i++)
		bh_buf_str(&deep, "<a>");
	for (int i = 0; i < 40; i++)
		bh_buf_str(&deep, "</a>");
	bh_buf_str(&deep, "</EventData></Event>" ONE);
	expect(bh_buf_text(&deep), SAID_ONE, 1);

	bh_buf_str(&longer, "<Event>" SYSTEM("1") "<EventData><Data>");
	for (int i = 0; i < 60000; i++)
		bh_buf_str(&longer, "0123456789");
	bh_buf_str(&longer, "</Data></EventData></Event>" ONE);
	expect(bh_buf_text(&longer), SAID_ONE, 1);
	for (size_t step = 1; step < 100000; step = step * 7 + 1) {
		struct heard h = hear(longer.ptr, longer.len, step);
		EXPECT_STR(bh_buf_text(&h.text), SAID_ONE);
		EXPECT_INT(h.told.unreadable, 1);
		bh_buf_reset(&h.text);
	}
}

/* As long as an event may be, and nothing in it as it should: in time that grows with
 * its length only, or this test would take minutes. */
static void test_a_text_full_of_what_is_forbidden_is_read_in_one_go(void)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO(bh_xml) x = NULL;
	struct bh_event e;

	bh_buf_str(&b, "<Event a='");
	for (int i = 0; i < 170000; i++)
		bh_buf_str(&b, "\x01");
	bh_buf_str(&b, "'>" SYSTEM("1") "</Event>");
	if (bh_xml_new(445, &x))
		exit(1);
	EXPECT_INT(bh_xml_event(x, bh_span_of(b.ptr, b.len), &e), 0);
	EXPECT_INT(e.id, 1);
	bh_buf_reset(&b);
	bh_buf_str(&b, "<Event a='");
	for (int i = 0; i < 200000; i++) /* which U+FFFD would make too long */
		bh_buf_str(&b, "\x01");
	bh_buf_str(&b, "'>" SYSTEM("1") "</Event>");
	EXPECT_INT(bh_xml_event(x, bh_span_of(b.ptr, b.len), &e), -EBADMSG);
}

static void test_values_past_the_last_are_left_out(void)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO(bh_xml) x = NULL;
	struct bh_event e;

	bh_buf_str(&b, "<Event>" SYSTEM("1") "<EventData>");
	for (int i = 0; i < 100; i++)
		bh_buf_printf(&b, "<Data Name='n%d'>%0*d</Data>", i, 3000, i);
	bh_buf_str(&b, "</EventData></Event>");
	if (bh_xml_new(445, &x))
		exit(1);
	EXPECT_INT(bh_xml_event(x, bh_span_of(b.ptr, b.len), &e), 0);
	EXPECT_INT(e.n_values, BH_EVENT_VALUES);
	EXPECT(bh_event_is(e.values[63].name, "n63"));
	EXPECT_INT(e.values[63].text.len, 2048);
}

int main(void)
{
	RUN(test_events_are_read_with_a_root_and_without);
	RUN(test_redirected_by_powershell_it_is_utf16);
	RUN(test_pairs_of_utf16_are_one_character);
	RUN(test_any_cutting_of_the_stream_says_the_same);
	RUN(test_every_truncation_says_a_beginning_of_the_whole);
	RUN(test_what_is_not_wanted_is_counted_only);
	RUN(test_one_that_is_no_xml_takes_none_with_it);
	RUN(test_what_xml_forbids_and_windows_writes_is_replaced);
	RUN(test_rendered_text_and_prefixes_change_nothing);
	RUN(test_event_data_alone_gives_its_values);
	RUN(test_nothing_of_a_document_type_is_read);
	RUN(test_depth_and_length_have_an_end);
	RUN(test_a_text_full_of_what_is_forbidden_is_read_in_one_go);
	RUN(test_values_past_the_last_are_left_out);
	return tap_done();
}
