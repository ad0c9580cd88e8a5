#include "store_helper.h"

static void test_a_tally_comes_back_whole(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	uint64_t numbers[sizeof(struct bh_tally) / sizeof(uint64_t)];
	BH_AUTO_ARENA a = { 0 };
	const struct bh_source_row *v;
	struct bh_tally t;
	size_t n;

	with_folder();
	for (size_t i = 0; i < BH_LEN(numbers); i++)
		numbers[i] = i + 1;
	memcpy(&t, numbers, sizeof t);
	tell("pcap:1", in, 1);
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_tally(s, 1, &t), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(bh_store_sources(s, &a, &v, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT(!memcmp(&v[0].tally, &t, sizeof t));
	EXPECT_STR(v[0].identity, "pcap:1");
	EXPECT_STR(v[0].label, "label");
	EXPECT_INT(v[0].first_seen, 1010);
	EXPECT_INT(v[0].last_seen, 2010);
	EXPECT_INT(
		asked("SELECT kind = 'pcap' AND records = 15 AND unreadable = 16 FROM source"), 1);
	clean_up();
}

static void test_a_file_is_known_by_its_content_its_name_and_its_company(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	const struct bh_source_file file = { 4711, "clock +60", true, 1 };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_source_row *v;
	size_t n;

	with_folder();
	tell("pcap:sha256:00", in, 1);
	tell("zeek:sha256:0011", in, 1);
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source_is(s, 2, &file), 0);
	EXPECT_INT(bh_store_source_rename(s, 2, "pcap:sha256:00"), -EEXIST);
	EXPECT_INT(bh_store_source_rename(s, 2, "samba:sha256:11"), 0);
	EXPECT_INT(bh_store_source_rename(s, 2, "samba:sha256:11"), 0);
	EXPECT_INT(bh_store_commit(s), 0);

	EXPECT_INT(bh_store_sources_of(s, "sha256:00", &a, &v, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT_INT(v[0].id, 1);
	EXPECT_STR(v[0].file.how, "");
	EXPECT(!v[0].file.part && !v[0].file.together && !v[0].file.size);
	EXPECT_INT(bh_store_sources_of(s, "sha256:0011", &a, &v, &n), 0);
	EXPECT_INT(n, 0);
	EXPECT_INT(bh_store_sources_called(s, "label", &a, &v, &n), 0);
	EXPECT_INT(n, 2);
	EXPECT_INT(bh_store_sources_called(s, "abel", &a, &v, &n), 0);
	EXPECT_INT(n, 0);
	change("UPDATE source SET label = '/var/log/label' WHERE id = 1");
	EXPECT_INT(bh_store_sources_called(s, "label", &a, &v, &n), 0);
	EXPECT_INT(n, 2);
	EXPECT_INT(bh_store_sources_together(s, 1, &a, &v, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT_STR(v[0].identity, "samba:sha256:11");
	EXPECT_STR(v[0].file.how, "clock +60");
	EXPECT_INT(v[0].file.size, 4711);
	EXPECT_INT(v[0].file.part, 1);
	clean_up();
}

static struct bh_name_seen name(uint32_t addr, const char *text, uint8_t kind, uint8_t roles)
{
	struct bh_name_seen n = {
		.addr = bh_addr_v4(addr), .when = 7, .kind = kind, .roles = roles
	};

	snprintf(n.name, sizeof n.name, "%s", text);
	return n;
}

/* Names and events of one source, told in a batch of its own. */
static void tell_more(const char *identity, bool replace, const struct bh_name_seen *names,
	size_t n, const struct bh_event_count *events, size_t n_events)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, identity, "", replace, &id), 0);
	for (size_t i = 0; i < n; i++)
		EXPECT_INT(bh_store_name(s, id, &names[i]), 0);
	for (size_t i = 0; i < n_events; i++)
		EXPECT_INT(bh_store_events(s, id, &events[i]), 0);
	EXPECT_INT(bh_store_commit(s), 0);
}

static size_t names_of(struct bh_arena *a, const struct bh_name_seen **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_names(s, a, v, &n), 0);
	return n;
}

static size_t events_of(struct bh_arena *a, const struct bh_event_row **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_event_counts(s, a, v, &n), 0);
	return n;
}

static void test_names_of_several_sources_are_joined(void)
{
	struct bh_name_seen in[4] = {
		name(1, "FS1", BH_NAME_NETBIOS, BH_ROLE_FILE_SERVER),
		name(1, "CORP", BH_NAME_NETBIOS, BH_ROLE_DOMAIN_CONTROLLER),
		name(1, "fs1.local", BH_NAME_MDNS, 0),
		name(1, "FS1", BH_NAME_NETBIOS, BH_ROLE_WORKSTATION),
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_name_seen *out;

	with_folder();
	in[1].group = 1;
	in[3].when = 9;
	tell_more("pcap:1", true, in, 3, NULL, 0);
	tell_more("live:1", false, in + 3, 1, NULL, 0);
	tell_more("live:1", false, in, 1, NULL, 0);
	EXPECT_INT(names_of(&a, &out), 3);
	EXPECT_STR(out[0].name, "CORP");
	EXPECT_INT(out[0].group, 1);
	EXPECT_STR(out[1].name, "FS1");
	EXPECT_INT(out[1].roles, BH_ROLE_FILE_SERVER | BH_ROLE_WORKSTATION);
	EXPECT_INT(out[1].when, 9);
	EXPECT_INT(out[1].group, 0);
	EXPECT(bh_addr_equal(&out[1].addr, &in[0].addr));
	EXPECT_INT(out[2].kind, BH_NAME_MDNS);

	tell_more("pcap:1", true, in, 1, NULL, 0); /* another story from the same source */
	EXPECT_INT(names_of(&a, &out), 1);
	clean_up();
}

static void test_events_are_counted_by_source(void)
{
	struct bh_event_count in[2] = {
		{ .count = 7, .id = 5145, .read = 1, .provider = "Security" },
		{ .count = 9, .id = 1, .provider = "conn" }
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_event_row *out;

	with_folder();
	tell_more("evtx:1", true, NULL, 0, in, 2);
	tell_more("zeek:1", true, NULL, 0, in + 1, 1);
	in[0].count = 8; /* told again, it replaces */
	tell_more("evtx:1", false, NULL, 0, in, 1);
	EXPECT_INT(events_of(&a, &out), 3);
	EXPECT_INT(out[0].source, 1);
	EXPECT_STR(out[0].is.provider, "Security");
	EXPECT_INT(out[0].is.id, 5145);
	EXPECT_INT(out[0].is.count, 8);
	EXPECT_INT(out[0].is.read, 1);
	EXPECT_INT(out[1].is.read, 0);
	EXPECT_INT(out[2].source, 2);

	tell_more("evtx:1", true, NULL, 0, NULL, 0);
	EXPECT_INT(events_of(&a, &out), 1);
	clean_up();
}

static void test_names_and_events_that_nobody_wrote_are_refused(void)
{
	static const char *const lies[] = {
		"UPDATE name SET address = 'nobody'",
		"UPDATE name SET name = ''",
		"UPDATE name SET name = char(27)",
		"UPDATE name SET name = printf('%.*c', 300, 'x')",
		"UPDATE name SET kind = 'gossip'",
		"UPDATE name SET roles = 1024",
		"UPDATE name SET roles = -1",
		"UPDATE name SET \"group\" = 2",
		"UPDATE name SET last_seen = -1",
		"UPDATE event SET provider = printf('%.*c', 96, 'x')",
		"UPDATE event SET provider = char(10)",
		"UPDATE event SET id = -1",
		"UPDATE event SET id = 1 << 32",
		"UPDATE event SET count = -1",
		"UPDATE event SET read = 2",
		"UPDATE event SET source = 0",
	};
	struct bh_name_seen n = name(1, "FS1", BH_NAME_NETBIOS, 0);
	struct bh_event_count e = { .count = 7, .id = 5145, .read = 1, .provider = "Security" };

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_ARENA a = { 0 };
		const struct bh_name_seen *names;
		const struct bh_event_row *events;
		size_t count;
		with_folder();
		tell_more("evtx:1", true, &n, 1, &e, 1);
		change(lies[i]);
		BH_AUTO(bh_store) s = open_store(false);
		int r = strstr(lies[i], "event") ? bh_store_event_counts(s, &a, &events, &count)
						 : bh_store_names(s, &a, &names, &count);
		EXPECT_INT(r, -EIO);
		clean_up();
	}
}

/* ---- for a time only ---- */

/* Does any file of the database hold these bytes? */
static bool is_on_disk(const char *text)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	bool found = false;

	for (size_t i = 0; i < BH_LEN(suffix); i++) {
		char file[160];
		snprintf(file, sizeof file, "%s%s", path, suffix[i]);
		int fd = open(file, O_RDONLY);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
		char *bytes = malloc((size_t)size + 1);
		if (bytes && size > 0 && pread(fd, bytes, (size_t)size, 0) == size)
			found |= memmem(bytes, (size_t)size, text, strlen(text)) != NULL;
		free(bytes);
		if (fd >= 0)
			close(fd);
	}
	return found;
}

static uint64_t retain(struct bh_store *s, bh_time before)
{
	uint64_t gone = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_retain(s, before, &gone), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	return gone;
}

static void test_what_is_too_old_vanishes_with_its_names(void)
{
	struct bh_row in[3] = { row(1, "alice", 10), row(2, "robert", 900), row(3, "undated", 1) };
	struct bh_name_seen names[2] = { name(1, "OLD-PC", BH_NAME_NETBIOS, 0),
		name(2, "NEW-PC", BH_NAME_NETBIOS, 0) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	const struct bh_name_seen *left;
	const struct bh_source_row *sources;
	size_t n;

	with_folder();
	KNOW(&in[0].who, share, BH_KNOWN_SHARE, "\\\\fs1\\secrets");
	in[2].figures.first_seen = in[2].figures.last_seen = 0;
	names[1].when = 2900;
	tell("pcap:1", in, 3);
	tell("pcap:2", in + 1, 1);
	tell_more("pcap:2", false, names, 2, NULL, 0);
	EXPECT(is_on_disk("alice") && is_on_disk("secrets") && is_on_disk("OLD-PC"));

	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(retain(s, 2900), 2);
	EXPECT_INT(retain(s, 2900), 0);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT_STR(out[0].who.user, "robert");
	EXPECT_INT(names_of(&a, &left), 1);
	EXPECT_STR(left[0].name, "NEW-PC");
	EXPECT(!is_on_disk("alice") && !is_on_disk("secrets") && !is_on_disk("OLD-PC") &&
		!is_on_disk("undated"));
	EXPECT_INT(asked("SELECT count(*) FROM caller"), 1);
	EXPECT_INT(asked("SELECT count(*) FROM place"), 1);
	EXPECT_INT(bh_store_sources(s, &a, &sources, &n), 0);
	EXPECT_INT(n, 2);
	EXPECT_INT(retain(s, 9999), 2);
	EXPECT_INT(asked("SELECT count(*) FROM manner"), 0);
	clean_up();
}

/* Pages are split and joined while a table grows; copies must not stay behind. */
static void test_nothing_of_ten_thousand_names_stays_behind(void)
{
	enum { MANY = 10000 };
	static struct bh_row in[MANY];
	char text[64];

	with_folder();
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t k = i * 7919 % MANY;
		snprintf(text, sizeof text, "forgotten-%05u", k);
		in[i] = row(k % 97, text, 1 + k);
		snprintf(text, sizeof text, "\\\\fs1\\lost-%05u", k);
		KNOW(&in[i].who, share, BH_KNOWN_SHARE, text);
		snprintf(text, sizeof text, "WIPED-%05u", k);
		KNOW(&in[i].who, workstation, BH_KNOWN_WORKSTATION, text);
	}
	for (size_t i = 0; i < MANY; i += 500) {
		BH_AUTO(bh_store) s = open_store(true);
		uint32_t id = 0;
		EXPECT_INT(bh_store_begin(s, 0), 0);
		EXPECT_INT(bh_store_source(s, "live:1", "", false, &id), 0);
		EXPECT_INT(bh_store_put(s, id, in + i, 500), 0);
		EXPECT_INT(bh_store_commit(s), 0);
	}
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT(is_on_disk("forgotten-") && is_on_disk("lost-") && is_on_disk("WIPED-"));
	EXPECT_INT(retain(s, 2000 + 1 + MANY / 2), MANY / 2);
	for (uint32_t k = 0; k < MANY / 2; k += 7) {
		snprintf(text, sizeof text, "forgotten-%05u", k);
		EXPECT(!is_on_disk(text));
	}
	EXPECT_INT(retain(s, 99999), MANY / 2);
	EXPECT(!is_on_disk("forgotten-") && !is_on_disk("lost-") && !is_on_disk("WIPED-"));
	clean_up();
}

static void test_replacing_a_source_forgets_its_names(void)
{
	struct bh_row in[2] = { row(1, "alice", 10), row(2, "robert", 20) };

	with_folder();
	tell("pcap:1", in, 1);
	tell("pcap:1", in + 1, 1);
	EXPECT_INT(asked("SELECT count(*) FROM caller"), 1);
	clean_up();
}

int main(void)
{
	RUN(test_a_tally_comes_back_whole);
	RUN(test_a_file_is_known_by_its_content_its_name_and_its_company);
	RUN(test_names_of_several_sources_are_joined);
	RUN(test_events_are_counted_by_source);
	RUN(test_names_and_events_that_nobody_wrote_are_refused);
	RUN(test_what_is_too_old_vanishes_with_its_names);
	RUN(test_nothing_of_ten_thousand_names_stays_behind);
	RUN(test_replacing_a_source_forgets_its_names);
	return tap_done();
}
