/*
 * read: the pieces of `read`: an input and its identity, what is known of it already, what
 * the sensor says of it, what is kept of that, and what the user is told.
 */
#pragma once

#include "cli/db.h"
#include "cli/heard.h"
#include "inventory/inventory.h"
#include "sensor/sensor.h"

#define BH_READ_IDENTITY 96

/* What became of one file. */
struct bh_told {
	const char *name;
	int fd; /* open until it is listened to; -1: not */
	char content[BH_READ_IDENTITY]; /* "sha256:…" */
	char identity[BH_READ_IDENTITY]; /* "pcap:sha256:…"; "": not read yet */
	uint32_t known; /* the source that it is, or was when it was smaller; 0: none */
	uint32_t together; /* as that was read (store.h) */
	uint8_t order; /* bh_sensor_zeek_order */
	bool grown; /* it was smaller */
	bool already; /* all of it is known: there was nothing to read */
	char *as; /* the name by which it is known; malloc'ed */
	bool part; /* reading it was broken off */
	struct bh_tally tally;
	size_t conversations;
	struct bh_inventory_lost lost;
	bool stored;
	bool problem; /* the input could not be believed, from offset on */
	bool record; /* but for one record it could */
	uint64_t offset;
	char text[BH_PROBLEM_TEXT];
	struct bh_heard *heard; /* for the database; owned */
	struct bh_event_count *kinds; /* of a log's records; malloc'ed */
	size_t n_kinds;
	uint64_t size; /* 0: not known beforehand */
	bh_time modified; /* 0: not known */
	bh_time began, shown; /* progress */
};

/* One call of `read`. */
struct bh_read {
	struct bh_cli *cli;
	struct bh_store *store;
	struct bh_sensor_log log; /* how those that are logs are read */
	char how[512]; /* the same for the database, to be compared */
	bool again; /* also what is known already */
	const char *key; /* of pseudonyms, as given; NULL: none */
	struct bh_pseudonyms *pseudonyms;
	uint32_t retain; /* days; 0: for ever */
	const char **names;
	bool *taken; /* with another, before its turn */
	size_t n_names;
};

/* Functions that return int return 0 or, after saying why, an exit status. */

/* ---- read_input.c ---- */

/* Sets fd, size and time; "-" and pipes are seekable, too, once this is done. */
int bh_read_open(const struct bh_cli *cli, struct bh_told *t);
/* "sha256:…": the content's own name, of its first `size` bytes, so that reading it again,
 * from wherever, replaces. */
int bh_read_identify(const struct bh_cli *cli, const struct bh_told *t, uint64_t size,
	char ret[BH_READ_IDENTITY]);

/* ---- read_known.c ---- */

/* Whether the database has this content, or what it was when it was smaller. */
int bh_read_known(const struct bh_read *q, struct bh_told *t);

/* ---- read_lot.c ---- */

/* What is read as one: a file, or the Zeek logs of one folder. */
struct bh_lot {
	struct bh_told *v; /* malloc'ed */
	size_t n;
};
/* Of the files from the i-th on, opened; taken is set of those behind it. */
int bh_read_lot(struct bh_read *q, size_t i, struct bh_lot *ret);
/* Those that are known already are marked so, and one that stands in it twice; refuses one
 * that would be counted twice. */
int bh_read_lot_known(struct bh_read *q, struct bh_lot *lot);
void bh_read_lot_free(struct bh_lot *lot);

/* ---- read_listen.c ---- */

/* Everything the sensor says of the lot's files, into inv (as sources from 0 on) and them. */
int bh_read_listen(const struct bh_read *q, struct bh_lot *lot, struct bh_inventory *inv);
/* "41 %", or how much, where the end is not known. */
void bh_read_how_far(const struct bh_told *t, struct bh_buf *b);

/* ---- read_keep.c ---- */

/* "pcap:sha256:…": its first word says what kinds of evidence may confirm each other. */
void bh_read_name_source(struct bh_told *t, bool alone);
/* Writes the lot down, whole or not at all. */
int bh_read_keep(const struct bh_read *q, struct bh_lot *lot, const struct bh_inventory *inv);

/* ---- read_said.c ---- */

void bh_read_say_problem(const struct bh_told *t);
void bh_read_say(const struct bh_cli *cli, struct bh_told *t);
/* That a lot is one, after its files were said. */
void bh_read_say_together(const struct bh_cli *cli, const struct bh_lot *lot);
json_t *bh_read_json(const struct bh_told *t);

/* ---- read_stop.c ---- */

/* From here on ^C, SIGTERM and SIGHUP are heeded between two files; the second one ends
 * the process as ever. */
void bh_read_heed(void);
/* The signal that came; 0: none. */
int bh_read_stopped(void);
/* Who is to be told at once: a byte is written there; -1: nobody. */
void bh_read_stop_also(int fd);
