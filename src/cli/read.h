/*
 * read: the pieces of `read`: an input and its identity, what the sensor says of it, what
 * is kept of that, and what the user is told.
 */
#pragma once

#include "cli/db.h"
#include "inventory/inventory.h"
#include "sensor/sensor.h"

#define BH_READ_IDENTITY 96

/* What became of one file. */
struct bh_told {
	const char *name;
	char identity[BH_READ_IDENTITY];
	struct bh_tally tally;
	size_t conversations;
	struct bh_inventory_lost lost;
	bool stored;
	bool problem; /* the input could not be believed, from offset on */
	bool record; /* but for one record it could */
	uint64_t offset;
	char text[BH_PROBLEM_TEXT];
	struct bh_event_count *kinds; /* of a log's records, as they were first told */
	size_t n_kinds;
	uint64_t size; /* 0: not known beforehand */
	bh_time modified; /* 0: not known */
	bh_time began, shown; /* progress */
};

/* Functions that return int return 0 or, after saying why, an exit status. */

/* ---- read_input.c ---- */

/* "-" and pipes are seekable, too, once this is done; sets name's size and time. */
int bh_read_open(const struct bh_cli *cli, const char *name, int *ret, struct bh_told *t);
/* "sha256:…": the content's own name, so that reading it again, from wherever, replaces. */
int bh_read_identify(const struct bh_cli *cli, const char *name, int fd, uint64_t size,
	char ret[BH_READ_IDENTITY]);

/* ---- read_listen.c ---- */

/* Everything the sensor says of the file, into inv and t; closes fd. */
int bh_read_listen(const struct bh_cli *cli, int fd, struct bh_told *t,
	const struct bh_sensor_log *how, struct bh_inventory *inv);

/* ---- read_keep.c ---- */

/* "pcap:sha256:…": its first word says what kinds of evidence may confirm each other. */
void bh_read_name_source(struct bh_told *t);
/* Writes it down, whole or not at all. */
int bh_read_keep(struct bh_cli *cli, struct bh_store *store, struct bh_told *t,
	const struct bh_inventory *inv);

/* ---- read_said.c ---- */

void bh_read_say_problem(const struct bh_told *t);
void bh_read_say(const struct bh_cli *cli, struct bh_told *t);
json_t *bh_read_json(const struct bh_told *t);
