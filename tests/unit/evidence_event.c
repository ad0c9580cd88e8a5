#include "evidence/event.h"
#include "tap.h"

static struct bh_span span(const char *s)
{
	return bh_span_of(s, strlen(s));
}

static void test_numbers_are_decimal_or_hexadecimal(void)
{
	static const struct {
		const char *text;
		uint64_t v;
	} good[] = { { "0", 0 }, { "445", 445 }, { "0x1bd", 445 }, { "0X1BD", 445 },
		{ " 7\r\n", 7 }, { "18446744073709551615", UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX }, { "007", 7 } };
	static const char *const bad[] = { "", " ", "-", "-1", "+1", "0x", "0xg", "1a", "1 2",
		"18446744073709551616", "0x10000000000000000", "%%14592", "\xff" };
	uint64_t v;

	for (size_t i = 0; i < BH_LEN(good); i++) {
		EXPECT_INT(bh_event_number(span(good[i].text), &v), 0);
		EXPECT(v == good[i].v);
	}
	for (size_t i = 0; i < BH_LEN(bad); i++) {
		v = 77;
		EXPECT_INT(bh_event_number(span(bad[i]), &v), -EINVAL);
		EXPECT_INT(v, 77);
	}
	EXPECT_INT(bh_event_number((struct bh_span){ 0 }, &v), -EINVAL);
}

static void test_texts_are_compared_whole(void)
{
	EXPECT(bh_event_is(span("NTLM"), "NTLM"));
	EXPECT(!bh_event_is(span("NTLM"), "ntlm"));
	EXPECT(!bh_event_is(span("NTLM V2"), "NTLM"));
	EXPECT(!bh_event_is(span("NTL"), "NTLM"));
	EXPECT(bh_event_is((struct bh_span){ 0 }, ""));
	EXPECT(bh_event_like(span("NTLM"), "ntlm"));
	EXPECT(!bh_event_like(span("[TLM"), "{tlm")); /* letters only */
	EXPECT(!bh_event_like(span("NTLM "), "ntlm"));
}

static void test_the_first_value_of_a_name_is_got(void)
{
	const struct bh_event_value v[] = { { span("a"), span("1") }, { span("b"), span("") },
		{ span("a"), span("2") } };
	const struct bh_event e = { .values = v, .n_values = BH_LEN(v) };

	EXPECT(bh_event_is(bh_event_get(&e, "a"), "1"));
	EXPECT(bh_event_get(&e, "b").ptr != NULL);
	EXPECT(bh_event_get(&e, "c").ptr == NULL);
}

int main(void)
{
	RUN(test_numbers_are_decimal_or_hexadecimal);
	RUN(test_texts_are_compared_whole);
	RUN(test_the_first_value_of_a_name_is_got);
	return tap_done();
}
