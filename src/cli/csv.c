#include "cli/csv.h"

static void add_value(const json_t *v, struct bh_buf *b)
{
	size_t i;
	json_t *one;

	switch (json_typeof(v)) {
	case JSON_STRING: bh_buf_str(b, json_string_value(v)); break;
	case JSON_INTEGER: bh_buf_printf(b, "%lld", (long long)json_integer_value(v)); break;
	case JSON_TRUE: bh_buf_str(b, "yes"); break;
	case JSON_FALSE: bh_buf_str(b, "no"); break;
	case JSON_ARRAY:
		json_array_foreach(v, i, one)
		{
			bh_buf_str(b, i ? "; " : "");
			add_value(one, b);
		}
		break;
	case JSON_OBJECT:
		/* In a list: what comes first names it. */
		add_value(json_object_iter_value(json_object_iter((json_t *)(uintptr_t)v)), b);
		break;
	default: break;
	}
}

static void add_cell(const char *text, struct bh_buf *b)
{
	bool formula = *text && strchr("=+-@\t\r", *text);

	if (!formula && !strpbrk(text, ",\"\r\n")) {
		bh_buf_str(b, text);
		return;
	}
	bh_buf_str(b, formula ? "\"'" : "\"");
	for (; *text; text++) {
		bh_buf_str(b, *text == '"' ? "\"" : "");
		bh_buf_add(b, text, 1);
	}
	bh_buf_str(b, "\"");
}

void bh_cli_csv(const json_t *o, bool keys, struct bh_buf *b)
{
	bool first = true;

	for (void *i = json_object_iter((json_t *)(uintptr_t)o); i;
		i = json_object_iter_next((json_t *)(uintptr_t)o, i)) {
		BH_AUTO_BUF cell = { 0 };
		if (keys)
			bh_buf_str(&cell, json_object_iter_key(i));
		else
			add_value(json_object_iter_value(i), &cell);
		bh_buf_str(b, first ? "" : ",");
		add_cell(bh_buf_text(&cell), b);
		first = false;
	}
	bh_buf_str(b, "\r\n");
}
