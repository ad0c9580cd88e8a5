/* How watching ends, and what is said of it. */
#include <stdlib.h>

#include "cli/said.h"
#include "cli/watch.h"
#include "json/json.h"

static json_t *end_json(const struct bh_watch *w)
{
	json_t *o = json_object(), *audit = json_null();

	if (w->audit.seen || w->audit.logged) {
		audit = json_object();
		json_object_set_new(
			audit, "counted", json_integer((json_int_t)bh_reckoned(&w->audit)));
		json_object_set_new(audit, "logged", json_integer((json_int_t)w->audit.logged));
	}
	json_object_set_new(o, "end", json_true());
	json_object_set_new(o, "conversations", json_integer((json_int_t)w->rows));
	json_object_set_new(o, "kept", json_boolean(!w->save_error));
	json_object_set_new(o, "tally", bh_json_tally(&w->tally));
	json_object_set_new(o, "audit", audit);
	return o;
}

static void say_end(const struct bh_watch *w)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF missed = { 0 };
	struct bh_inventory_lost lost = bh_inventory_lost(w->inv);

	if (w->n_rings) {
		bh_said_count(w->tally.packets, "packet", "packets", &b);
		bh_buf_str(&b, ", ");
		bh_said_count(w->tally.messages, "SMB message", "SMB messages", &b);
		bh_buf_str(&b, ", ");
	}
	if (w->n_streams > 1 || !w->n_rings) {
		bh_said_count(w->tally.records, "record", "records", &b);
		bh_buf_str(&b, ", ");
	}
	bh_said_count(w->rows, "conversation", "conversations", &b);
	bh_said_not_followed(&w->tally, &missed);
	if (missed.len)
		bh_buf_printf(&b, "\nnot followed: %s", bh_buf_text(&missed));
	if (lost.rows || lost.leaves)
		bh_buf_printf(&b,
			"\ntoo much to remember: %llu conversations were given up, and %llu "
			"connections are no longer told apart",
			(unsigned long long)lost.rows, (unsigned long long)lost.leaves);
	if (w->audit.seen || w->audit.logged) {
		bh_buf_str(&b, "\n");
		bh_reckoning_format(&w->audit, &b);
	}
	fflush(stdout);
	fprintf(stderr, "%s\n", bh_buf_text(&b));
}

int bh_watch_end(struct bh_watch *w, const char **why)
{
	int end = 0;

	for (size_t i = 0; i < w->n_streams; i++) {
		struct bh_stream *s = &w->streams[i];
		const char *reason = NULL;
		bh_stream_close(s);
		int r = s->child.pid > 0 ? bh_sensor_end(&s->child, &reason) : 0;
		if (r && !end)
			*why = reason;
		end = end ? end : r;
	}
	return end;
}

int bh_watch_finish(struct bh_watch *w, int r)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	const char *why = NULL;
	int end = bh_watch_end(w, &why);

	bh_watch_round(w, true);
	if (bh_inventory_rows(w->inv, &a, &rows, &w->rows))
		w->rows = 0;
	if (w->cli->json) {
		json_t *o = end_json(w);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(o);
	} else if (!w->cli->quiet) {
		say_end(w);
	}
	if (r == -EBADMSG)
		why = "the sensor process said what cannot be";
	else if (r == -ENOMEM)
		why = "out of memory";
	else if (r == -ENODATA)
		why = "there is nothing left to follow";
	else if (r && !why)
		why = strerrordesc_np(-r);
	if (r || end)
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "watching ended: %s", why);
	int flushed = bh_cli_flush(w->cli);
	return w->save_error ? BH_EXIT_SYSTEM : flushed;
}
