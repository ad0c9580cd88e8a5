/* What the user is told of a file. */
#include <stdlib.h>

#include "cli/read.h"
#include "cli/said.h"
#include "json/json.h"

#define SHOWN_KINDS 6

/* A name given on the command line may hold anything; a terminal gets no orders. */
void bh_read_say_problem(const struct bh_told *t)
{
	fflush(stdout);
	fprintf(stderr, "%s@%llu: %s\n", t->name, (unsigned long long)t->offset, t->text);
}

static int by_count(const void *a, const void *b)
{
	const struct bh_event_count *x = a, *y = b;

	if (x->read != y->read)
		return y->read - x->read;
	return x->count < y->count   ? 1
	       : x->count > y->count ? -1
				     : strcmp(x->provider, y->provider);
}

/* "5140 41×": the kinds that were read, the most first. */
static void say_kinds(struct bh_told *t, struct bh_buf *b)
{
	uint64_t others = 0;
	size_t shown = 0;

	if (t->n_kinds)
		qsort(t->kinds, t->n_kinds, sizeof *t->kinds, by_count);
	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		if (!e->read || shown == SHOWN_KINDS) {
			others += e->count;
			continue;
		}
		bh_buf_str(b, shown++ ? ", " : "\n  read: ");
		if (e->id)
			bh_buf_printf(b, "event %u", e->id);
		else
			bh_buf_str(b, e->provider);
		bh_buf_printf(b, " %llu×", (unsigned long long)e->count);
	}
	if (!others)
		return;
	bh_buf_str(b, shown ? "; " : "\n  ");
	bh_said_count(others, "record of another kind", "records of other kinds", b);
}

/* Of a capture: what is there, and cannot be looked into. */
static void say_unread(const struct bh_told *t, struct bh_buf *b)
{
	for (size_t i = 0; i < t->n_kinds; i++) {
		bh_buf_str(b, b->len ? ", " : "");
		bh_said_count(t->kinds[i].count, "datagram of ", "datagrams of ", b);
		bh_buf_str(b, t->kinds[i].provider);
	}
}

static void say_already(const struct bh_told *t)
{
	if (strcmp(t->as, t->name))
		printf("%s: already read, as %s\n", t->name, t->as);
	else
		printf("%s: already read\n", t->name);
}

void bh_read_say(const struct bh_cli *cli, struct bh_told *t)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF missed = { 0 };

	if (t->already && !cli->quiet)
		say_already(t);
	if (cli->quiet || !t->stored)
		return;
	bh_buf_printf(&b, "%s: ", t->name);
	if (t->tally.records) {
		bh_said_count(t->tally.records, "record", "records", &b);
	} else {
		bh_said_count(t->tally.packets, "packet", "packets", &b);
		bh_buf_str(&b, ", ");
		bh_said_count(t->tally.messages, "SMB message", "SMB messages", &b);
	}
	bh_buf_str(&b, ", ");
	bh_said_count(t->conversations, "conversation", "conversations", &b);
	if (t->grown)
		bh_buf_str(&b, "; it has grown, and replaces what it was");
	bh_said_not_followed(&t->tally, &missed);
	if (t->tally.records)
		say_kinds(t, &b);
	else
		say_unread(t, &missed);
	if (missed.len)
		bh_buf_printf(&b, "\n  not followed: %s", bh_buf_text(&missed));
	if (t->lost.rows || t->lost.leaves)
		bh_buf_printf(&b,
			"\n  too much for one file: %llu conversations were given up, and %llu "
			"connections are no longer told apart",
			(unsigned long long)t->lost.rows, (unsigned long long)t->lost.leaves);
	puts(bh_buf_text(&b));
}

json_t *bh_read_json(const struct bh_told *t)
{
	json_t *o = json_object(), *problem = json_null(), *events = json_array();

	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		json_array_append_new(events,
			json_pack("{s:s, s:I, s:I, s:b}", "provider", e->provider, "id",
				(json_int_t)e->id, "count", (json_int_t)e->count, "read", e->read));
	}
	if (t->problem) {
		problem = json_object();
		json_object_set_new(problem, "offset", json_integer((json_int_t)t->offset));
		json_object_set_new(problem, "text", json_string(t->text));
	}
	/* A file's name need not be UTF-8. */
	json_t *name = json_string(t->name);
	json_object_set_new(o, "file", name ? name : json_null());
	json_object_set_new(o, "source", t->identity[0] ? json_string(t->identity) : json_null());
	json_object_set_new(o, "kept", json_boolean(t->stored || t->already));
	json_object_set_new(o, "already_read", json_boolean(t->already));
	json_object_set_new(o, "grown", json_boolean(t->grown));
	json_object_set_new(o, "part", json_boolean(t->part));
	json_object_set_new(o, "conversations",
		t->already ? json_null() : json_integer((json_int_t)t->conversations));
	json_object_set_new(o, "given_up", json_integer((json_int_t)t->lost.rows));
	json_object_set_new(o, "events", events);
	json_object_set_new(o, "tally", bh_json_tally(&t->tally));
	json_object_set_new(o, "problem", problem);
	return o;
}

void bh_read_say_together(const struct bh_cli *cli, const struct bh_lot *lot)
{
	if (cli->quiet || lot->n < 2 || !lot->v[0].stored)
		return;
	printf("  read as one:");
	for (size_t i = 0; i < lot->n; i++)
		printf("%s %s", i ? "," : "", lot->v[i].name);
	putchar('\n');
}
