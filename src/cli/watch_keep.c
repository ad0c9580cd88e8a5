/* What is seen, into the database and onto the screen; and what could not be kept. */
#include "cli/said.h"
#include "cli/watch.h"

#define TALLY_SECONDS    30 /* how often the counts alone are worth a write */
#define WRITER_WAIT      1000 /* ms; then the next round tries again */
#define LAST_WRITER_WAIT 10000
#define FORGET_SECONDS   3600
#define BUSY_SECONDS     10 /* for so long another writer is not worth a word */
#define RETRY_SECONDS    15
#define LOSSES_SECONDS   60 /* between two words about what was lost */
#define LOOK_COST        20 /* looking at the counters takes at most 1/20 of our time */

void bh_watch_look(struct bh_watch *w, bool begin, bool now_or_never)
{
	struct bh_priv_state s;
	const char *why = "";
	bh_time before = bh_said_now();

	if (!now_or_never && before < w->look_again)
		return;
	if (bh_priv_state(w->priv, &s, &why) == 0)
		bh_reckon(&w->audit, &s, begin);
	bh_time after = bh_said_now();
	w->look_again = after + (after - before) * LOOK_COST;
}

static int save_row(void *ctx, const struct bh_row *row)
{
	const struct bh_watch *w = ctx;

	return bh_store_put(w->store, w->streams[w->now].source, row, 1);
}

static int print_row(void *ctx, const struct bh_row *row)
{
	struct bh_watch *w = ctx;
	struct bh_row shown = *row;
	struct bh_conversation hidden;

	/* A terminal is kept, too, in journals and in scripts' files. */
	if (w->pseudonyms) {
		bh_talk_whole(&row->who, &hidden);
		bh_pseudonyms_hide(w->pseudonyms, &hidden);
		shown.who = bh_talk_of(&hidden);
	}
	bh_lines_row(w->lines, &shown, w->streams[w->now].from);
	bh_firsts_row(w->firsts, row);
	return 0;
}

static int count_row(void *ctx, const struct bh_row *row BH_UNUSED)
{
	++*(size_t *)ctx;
	return 0;
}

static int save_stream(struct bh_watch *w, uint32_t number)
{
	struct bh_stream *s = &w->streams[number];

	w->now = number;
	int r = bh_store_source(w->store, s->identity, s->label, false, &s->source);
	if (!r)
		r = bh_inventory_changes(w->inv, number, save_row, w);
	if (!r)
		r = bh_heard_save(s->heard, w->store, s->source);
	return r ? r : bh_store_tally(w->store, s->source, &s->tally);
}

static int save(struct bh_watch *w, unsigned wait_ms)
{
	int r = bh_store_begin(w->store, wait_ms);

	if (r)
		return r;
	for (uint32_t i = 0; !r && i < w->n_streams; i++)
		r = save_stream(w, i);
	if (!r)
		r = bh_store_commit(w->store);
	if (r)
		bh_store_abandon(w->store);
	return r;
}

/* Said once for each reason; a short wait for another writer is none. */
static void say_unsaved(struct bh_watch *w, int r, bool last)
{
	bh_time now = bh_said_now();

	if (!w->save_error) {
		w->failing_since = now;
		w->lost_before = bh_inventory_lost(w->inv).rows;
	}
	if (last)
		bh_cli_fail(w->cli, 0,
			"the database cannot be written: %s; what was seen last is not kept",
			bh_cli_db_reason(r));
	else if (r != w->error_said &&
		 (r != -EBUSY || now - w->failing_since >= BUSY_SECONDS * BH_SECOND)) {
		bh_cli_fail(w->cli, 0,
			"the database cannot be written: %s; watching goes on, and it is tried again",
			bh_cli_db_reason(r));
		w->error_said = r;
	}
}

static void say_saved_again(struct bh_watch *w)
{
	uint64_t lost = bh_inventory_lost(w->inv).rows - w->lost_before;

	if (lost)
		bh_cli_fail(w->cli, 0,
			"the database is written again; %llu conversations that were seen "
			"meanwhile are lost, because there was no room to remember them",
			(unsigned long long)lost);
	else
		bh_cli_fail(w->cli, 0,
			"the database is written again, and has all that was seen meanwhile");
	w->error_said = 0;
}

/* Rows wait in memory for as long as they cannot be written; the more they are, the more it
 * costs to try. */
static void saved_or_not(struct bh_watch *w, int r, bool last)
{
	bh_time now = bh_said_now();

	if (r) {
		say_unsaved(w, r, last);
		w->retry_wait = bh_min_size(w->retry_wait * 2 + BH_WATCH_ROUND, RETRY_SECONDS);
		w->retry = now + (bh_time)w->retry_wait * BH_SECOND;
	} else {
		w->tally_saved = now;
		for (uint32_t i = 0; i < w->n_streams; i++) {
			bh_inventory_saved(w->inv, i);
			bh_heard_saved(w->streams[i].heard);
		}
		w->retry = 0;
		w->retry_wait = 0;
		if (w->error_said)
			say_saved_again(w);
	}
	w->save_error = r;
}

static void try_save(struct bh_watch *w, bool last)
{
	size_t changed = 0;
	bh_time now = bh_said_now();

	int r = 0;
	for (uint32_t i = 0; !r && i < w->n_streams; i++)
		r = bh_inventory_changes(w->inv, i, count_row, &changed);
	for (uint32_t i = 0; i < w->n_streams; i++)
		changed += bh_heard_news(w->streams[i].heard);
	if (r || (!changed && !last && now - w->tally_saved < TALLY_SECONDS * BH_SECOND))
		return;
	if (now < w->retry && !last)
		return;
	/* While we wait nobody reads what the sensor says. */
	saved_or_not(w, save(w, last ? LAST_WRITER_WAIT : w->save_error ? 0 : WRITER_WAIT), last);
}

/* Also what was seen by others: the database is kept for so long, whoever wrote it. */
static void forget_old(struct bh_watch *w)
{
	uint64_t n;
	bh_time now = bh_said_now();

	if (!w->retain || now < w->forget_again)
		return;
	/* Somebody else is writing, or the disk is full: then the next time. */
	if (!bh_cli_forget(w->store, w->retain, WRITER_WAIT, &n))
		w->forget_again = now + FORGET_SECONDS * BH_SECOND;
}

static void say_losses(struct bh_watch *w)
{
	const struct bh_tally *t = &w->tally;
	bh_time now = bh_said_now();

	if (now - w->losses_said < LOSSES_SECONDS * BH_SECOND)
		return;
	if (t->kernel_drops > w->drops_said || t->log_lost > w->lost_said)
		w->losses_said = now;
	if (t->kernel_drops > w->drops_said) {
		bh_cli_fail(w->cli, 0,
			"the kernel dropped %llu packets so far: more came than could be read",
			(unsigned long long)t->kernel_drops);
		w->drops_said = t->kernel_drops;
	}
	if (t->log_lost > w->lost_said) {
		bh_cli_fail(w->cli, 0,
			"the audit log overran %llu times so far; the rules' counters still count",
			(unsigned long long)t->log_lost);
		w->lost_said = t->log_lost;
	}
}

void bh_watch_round(struct bh_watch *w, bool last)
{
	int r = 0;

	w->tally = (struct bh_tally){ 0 };
	for (size_t i = 0; i < w->n_streams; i++)
		bh_tally_add(&w->tally, &w->streams[i].tally);
	if (w->priv && (w->audit.logged != w->tally.log_events || last)) {
		w->audit.logged = w->tally.log_events;
		bh_watch_look(w, false, last);
	}
	/* Printed from the same changes as saved, before they count as saved. */
	for (w->now = 0; !r && w->now < w->n_streams; w->now++)
		r = bh_inventory_changes(w->inv, w->now, print_row, w);
	if (!r)
		bh_lines_round(w->lines, last);
	try_save(w, last);
	if (!w->save_error)
		forget_old(w);
	say_losses(w);
}
