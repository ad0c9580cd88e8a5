/*
 * parse: what the readers of sentences share (inside the room).
 *
 * A reader takes tokens and says itself what it did not expect; false: give this sentence
 * up, the next line is another one.
 */
#pragma once

#include "policy/ast.h"

struct parser {
	struct bh_lexer lx;
	struct bh_token t; /* the next token, not yet taken */
	struct bh_arena *a;
	struct bh_complain c;
	const struct bh_files *files;
	struct bh_source *sources; /* BH_MAX_FILES of them */
	unsigned n_sources;
	unsigned open[BH_MAX_INCLUDES]; /* the files being read, outermost first */
	unsigned depth;
	struct bh_sentence *v; /* heap while growing */
	size_t n, cap;
	struct bh_item *items; /* of the list being read; heap */
	size_t items_cap, items_total;
	bool out_of_memory;
};

void parser_advance(struct parser *p);
bool parser_ended(const struct parser *p); /* at the end of the sentence */
bool parser_is(const struct parser *p, const char *word);
bool parser_take(struct parser *p, const char *word);
/* Index of the word taken among n, -1: none of them. */
int parser_take_one(struct parser *p, const char *const *words, size_t n);
/* Complains that what comes is not what it should be; false. */
bool parser_expected(struct parser *p, const char *what);
bool parser_wrong(struct parser *p, const struct bh_mark *m, const char *sentence);

/* sentence.c: all that a line can say, without its reason. */
bool read_body(struct parser *p, struct bh_sentence *s);

/* words.c */
bool read_name(struct parser *p, const char *what, const char **name, struct bh_mark *mark);
/* Names with commas between them; what one of them is called. */
bool read_names(struct parser *p, const char *what, struct bh_words *ret);
bool read_ifnames(struct parser *p, struct bh_words *ret);
bool read_services(struct parser *p, struct bh_words *ret);
bool read_list(struct parser *p, bool hosts, struct bh_list *ret, bool *broken);
bool read_string(struct parser *p, const char *what, const char **ret, struct bh_mark *mark);
bool read_duration(struct parser *p, int64_t *ret);
bool read_date(struct parser *p, int64_t *ret);

/* clause.c: on, via, if, even in clear, until, for; none of them is fine too. */
bool read_clauses(struct parser *p, struct bh_sentence *s);
