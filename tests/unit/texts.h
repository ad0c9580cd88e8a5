/* Texts of rows that tests make: each is kept until the program ends. */
#pragma once

#include <stdlib.h>
#include <string.h>

struct kept_text {
	struct kept_text *next;
	char text[];
};

static inline const char *kept(const char *text)
{
	static struct kept_text *all;
	size_t n = strlen(text) + 1;
	struct kept_text *k = malloc(sizeof *k + n);

	if (!k)
		abort();
	memcpy(k->text, text, n);
	k->next = all;
	all = k;
	return k->text;
}
