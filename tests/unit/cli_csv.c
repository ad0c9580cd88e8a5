#include "cli/csv.h"
#include "tap.h"

static void expect(const char *json, const char *keys, const char *values)
{
	json_t *o = json_loads(json, 0, NULL);
	BH_AUTO_BUF a = { 0 };
	BH_AUTO_BUF b = { 0 };

	bh_cli_csv(o, true, &a);
	bh_cli_csv(o, false, &b);
	EXPECT_STR(bh_buf_text(&a), keys);
	EXPECT_STR(bh_buf_text(&b), values);
	json_decref(o);
}

static void test_an_object_is_a_line(void)
{
	expect("{\"a\": \"x\", \"n\": 7, \"t\": true, \"f\": false, \"u\": null, \"l\": [\"p\", \"q\"]}",
		"a,n,t,f,u,l\r\n", "x,7,yes,no,,p; q\r\n");
}

static void test_what_separates_is_quoted(void)
{
	expect("{\"a\": \"x,y\", \"b\": \"say \\\"no\\\"\", \"c\": \"two\\nlines\"}", "a,b,c\r\n",
		"\"x,y\",\"say \"\"no\"\"\",\"two\nlines\"\r\n");
}

static void test_nobody_on_the_wire_writes_a_formula(void)
{
	expect("{\"a\": \"=cmd|' /C calc'!A0\", \"b\": \"+1\", \"c\": \"-x\", \"d\": \"@SUM(A1)\"}",
		"a,b,c,d\r\n", "\"'=cmd|' /C calc'!A0\",\"'+1\",\"'-x\",\"'@SUM(A1)\"\r\n");
}

static void test_objects_in_a_list_are_told_by_what_comes_first(void)
{
	expect("{\"roles\": [{\"role\": \"nas\", \"evidence\": [\"x\"]}, {\"role\": \"internet\"}]}",
		"roles\r\n", "nas; internet\r\n");
}

int main(void)
{
	RUN(test_an_object_is_a_line);
	RUN(test_what_separates_is_quoted);
	RUN(test_nobody_on_the_wire_writes_a_formula);
	RUN(test_objects_in_a_list_are_told_by_what_comes_first);
	return tap_done();
}
