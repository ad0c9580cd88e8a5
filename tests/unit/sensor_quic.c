#include "quic_make.h"
#include "sensor_play.h"

#include <malloc.h>

static struct told other;
static struct udp way = { CLIENT, SERVER, 50000, 443 };

static void say(const struct udp *u, const void *p, size_t n)
{
	BH_AUTO_BUF b = { 0 };

	now += 1000000;
	udp_packet(&b, u, p, n);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
}

static void answer(const struct udp *u, const char *p, size_t n)
{
	const struct udp back = { u->dst, u->src, u->dport, u->sport };
	char bytes[1400] = { 0 };

	memcpy(bytes, p, n < 5 ? n : 5);
	say(&back, bytes, n);
}

#define HANDSHAKE "\xe0\0\0\0\1"
#define RETRY     "\xf0\0\0\0\1"
#define VERSIONS  "\x80\0\0\0\0"
#define SHORT     "\x40...."

/* A part of a ClientHello, in a datagram as small as it may be. */
static void initial(
	struct bh_buf *b, const struct initial *i, const struct bh_buf *m, size_t from, size_t to)
{
	struct initial padded = *i;
	BH_AUTO_BUF f = { 0 };

	padded.pad_to = 1200;
	put_crypto_frame(&f, from, m->ptr + from, to - from);
	put_initial(b, &padded, f.ptr, f.len);
}

static void ask_part(const struct udp *u, const struct initial *i, const struct bh_buf *m,
	size_t from, size_t to)
{
	BH_AUTO_BUF b = { 0 };

	initial(&b, i, m, from, to);
	say(u, b.ptr, b.len);
}

static void ask_as(const struct udp *u, const struct initial *i, const char *sni, const char *alpn)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, sni, alpn, NULL, 32);
	ask_part(u, i, &m, 0, m.len);
}

static void ask(const struct udp *u, const char *sni, const char *alpn)
{
	ask_as(u, &(struct initial){ 0 }, sni, alpn);
}

static const struct bh_conversation *only_row(void)
{
	EXPECT_INT(other.n, 1);
	return &other.leaf[0].leaf_is.who;
}

/* ---- the tests ---- */

static void test_a_client_of_smb_is_a_row_with_the_name_it_asked_for(void)
{
	static const uint32_t versions[] = { 1, 0x6b3343cf };

	for (size_t i = 0; i < BH_LEN(versions); i++) {
		begin(&other);
		ask_as(&way, &(struct initial){ .version = versions[i] }, "fs1.corp.example",
			"smb");
		end(&other);
		const struct bh_conversation *c = only_row();
		const struct bh_figures *f = &other.leaf[0].leaf_is.figures;
		EXPECT_INT(c->client.num, CLIENT);
		EXPECT_INT(c->server.num, SERVER);
		EXPECT_INT(c->port, 443);
		EXPECT_INT(c->transport, BH_TRANSPORT_QUIC443);
		EXPECT_INT(c->known, BH_KNOWN_SERVER_NAME);
		EXPECT_STR(c->server_name, "fs1.corp.example");
		EXPECT_INT(c->outcome, BH_OUTCOME_UNKNOWN);
		EXPECT_INT(c->complete, 0);
		EXPECT_INT(c->encrypted, BH_UNKNOWN);
		EXPECT_INT(f->connections, 1);
		EXPECT_INT(f->bytes_to_server, 1200);
		EXPECT(f->first_seen == now && f->last_seen == now);
		EXPECT_INT(other.tally.flows, 1);
		EXPECT_INT(other.insane, 0);
	}
	begin(&other);
	ask(&way, NULL, "smb");
	end(&other);
	EXPECT_INT(only_row()->known, 0);
}

static void play_parts(
	const struct bh_buf *m, const uint8_t *order, size_t parts, uint32_t version, bool noise)
{
	const struct udp elsewhere = { CLIENT, SERVER, 50001, 443 };

	for (size_t k = 0; k < parts; k++) {
		size_t i = order[k];
		struct initial in = { .version = version, .number = (uint32_t)i };
		ask_part(&way, &in, m, m->len * i / parts, m->len * (i + 1) / parts);
		if (noise) {
			ask(&elsewhere, "www.example", "h3");
			say(&way, (char[8]){ 0, (char)k }, 8); /* is counted, and says nothing */
		}
	}
}

static void test_a_client_hello_may_come_in_any_pieces_and_order(void)
{
	static const uint8_t orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 },
		{ 2, 0, 3, 1 }, { 3, 0, 1, 2 } };
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1.corp.example", "h3", "smb", 3000);
	for (size_t i = 0; i < BH_LEN(orders) * 4; i++) {
		bool noise = i / BH_LEN(orders) & 2;
		begin(&other);
		play_parts(&m, orders[i % BH_LEN(orders)], 4,
			i / BH_LEN(orders) & 1 ? 0x6b3343cf : 1, noise);
		end(&other);
		EXPECT_STR(only_row()->server_name, "fs1.corp.example");
		EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 4 * 1200 + noise * 32);
		EXPECT_INT(other.leaf[0].leaf_is.figures.connections, 1);
	}
}

static void test_what_is_not_smb_leaves_nothing(void)
{
	BH_AUTO_BUF m = { 0 };

	begin(&other);
	ask(&way, "www.example", "h3");
	answer(&way, HANDSHAKE, 1200);
	say(&way, SHORT, 1200 / 4);
	put_client_hello(&m, "www.example", "h3", "smb2", 1500);
	ask_part(&way, &(struct initial){ 0 }, &m, 0, 900);
	ask_part(&way, &(struct initial){ .number = 1 }, &m, 900, m.len);
	answer(&way, HANDSHAKE, 1200);
	ask_part(&way, &(struct initial){ 0 }, &m, 0, 900); /* whose rest never comes */
	EXPECT_INT(bh_sensor_flush(sensor, now + 60 * BH_SECOND), 0);
	end(&other);
	EXPECT_INT(other.n, 0);
	EXPECT_INT(other.tally.flows, 0);
	EXPECT_INT(other.tally.evicted, 0);
}

static void expect_outcome(uint8_t outcome)
{
	end(&other);
	EXPECT_INT(only_row()->outcome, outcome);
	EXPECT_INT(other.leaf[0].leaf_is.figures.connections, 1);
}

static void test_a_server_answers_or_it_does_not(void)
{
	begin(&other);
	ask(&way, "fs1", "smb");
	answer(&way, HANDSHAKE, 700);
	expect_outcome(BH_ANSWERED);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client, 700);
	begin(&other); /* its answers take another way; the client has had them */
	ask(&way, "fs1", "smb");
	say(&way, SHORT, 5);
	expect_outcome(BH_ANSWERED);
	begin(&other); /* what it sends before it has had any says nothing */
	ask(&way, "fs1", "smb");
	say(&way, "\xd0\0\0\0\1", 5);
	expect_outcome(BH_OUTCOME_UNKNOWN);
	begin(&other); /* a copy of the capture, not a second try */
	ask(&way, "fs1", "smb");
	ask(&way, "fs1", "smb");
	expect_outcome(BH_OUTCOME_UNKNOWN);
	begin(&other);
	ask(&way, "fs1", "smb");
	now += BH_SECOND;
	ask(&way, "fs1", "smb");
	expect_outcome(BH_SILENT);
	begin(&other);
	ask(&way, "fs1", "smb");
	EXPECT_INT(bh_sensor_flush(sensor, now + 4 * BH_SECOND), 0);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_SILENT);
	answer(&way, HANDSHAKE, 700);
	expect_outcome(BH_ANSWERED);
}

static void test_one_connection_begins_anew_as_its_server_wants(void)
{
	const char *const wants[] = { RETRY, VERSIONS };

	for (size_t i = 0; i < BH_LEN(wants); i++) {
		begin(&other);
		ask(&way, "fs1", "smb");
		answer(&way, wants[i], 60);
		ask_as(&way, &(struct initial){ .dcid = "another", .token = "token" }, "fs1",
			"smb");
		answer(&way, HANDSHAKE, 1200);
		expect_outcome(BH_ANSWERED);
		EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 2400);
	}
}

static void test_another_connection_between_the_same_ends_is_another(void)
{
	BH_AUTO_BUF m = { 0 };

	begin(&other);
	ask(&way, "fs1", "smb");
	answer(&way, HANDSHAKE, 1200);
	ask_as(&way, &(struct initial){ .dcid = "server's" }, "fs1", "smb");
	answer(&way, HANDSHAKE, 100);
	put_client_hello(&m, "fs2", "smb", NULL, 1500);
	ask_part(&way, &(struct initial){ .dcid = "third" }, &m, 0, 900);
	ask_part(&way, &(struct initial){ .dcid = "third", .number = 1 }, &m, 900, m.len);
	ask_as(&way, &(struct initial){ .dcid = "web" }, "www", "h3"); /* nobody answered it */
	end(&other);
	EXPECT_INT(other.n, 3);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client +
			   other.leaf[1].leaf_is.figures.bytes_to_client,
		1300);
	EXPECT_STR(other.leaf[2].leaf_is.who.server_name, "fs2");
	EXPECT_INT(other.leaf[2].leaf_is.figures.bytes_to_server, 3600);
}

/* A router's two interfaces, or a capture that has what comes in and goes out again. */
static void test_what_is_captured_twice_counts_once(void)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1", "smb", NULL, 1500);
	begin(&other);
	for (unsigned i = 0; i < 4; i++) {
		size_t half = i / 2 ? 900 : 0, end = i / 2 ? m.len : 900;
		ask_part(&way, &(struct initial){ .number = i / 2 }, &m, half, end);
	}
	for (unsigned i = 0; i < 20; i++)
		answer(&way, HANDSHAKE, 700 + i / 10); /* in blocks, as interfaces are read */
	for (unsigned i = 0; i < 40; i++) {
		char bytes[100] = { 0x40, (char)(i % 10 + i / 20 * 10) };
		say(&way, bytes, sizeof bytes);
	}
	end(&other);
	EXPECT_STR(only_row()->server_name, "fs1");
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 2 * 1200 + 20 * 100);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client, 700 + 701);
	EXPECT_INT(only_row()->outcome, BH_ANSWERED);
}

static void test_smb_over_quic_is_found_on_any_port(void)
{
	struct udp alternative = way;

	alternative.dport = 8443;
	begin(&other);
	ask(&alternative, "fs1", "smb");
	answer(&alternative, HANDSHAKE, 1200);
	say(&alternative, SHORT, 100);
	end(&other);
	EXPECT_INT(only_row()->port, 8443);
	EXPECT_INT(only_row()->transport, BH_TRANSPORT_QUIC443);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 1300);
}

static void test_no_port_of_its_own_hides_a_client(void)
{
	static const uint16_t ports[] = { 137, 138, 443, 4791, 5353, 5355, 5445 };

	for (size_t i = 0; i < BH_LEN(ports); i++) {
		struct udp u = way;
		u.sport = ports[i];
		begin(&other);
		ask(&u, "fs1", "smb");
		answer(&u, HANDSHAKE, 1200);
		say(&u, SHORT, 100);
		end(&other);
		EXPECT_INT(only_row()->outcome, BH_ANSWERED);
		EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 1300);
		EXPECT_INT(other.tally.malformed, 0);
	}
}

static void test_a_datagram_cut_by_the_capture_is_counted(void)
{
	BH_AUTO_BUF m = { 0 };
	BH_AUTO_BUF p = { 0 };
	BH_AUTO_BUF b = { 0 };

	put_client_hello(&m, "fs1", "smb", NULL, 32);
	initial(&p, &(struct initial){ 0 }, &m, 0, m.len);
	udp_packet(&b, &way, p.ptr, p.len);
	begin(&other);
	for (size_t n = 28; n <= b.len; n++) {
		uint8_t *exact = malloc(n);
		memcpy(exact, b.ptr, n);
		EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(exact, n), b.len), 0);
		free(exact);
		EXPECT_INT(bh_sensor_flush(sensor, now), 0);
		EXPECT_INT(other.n, n == b.len);
	}
	end(&other);
	EXPECT_INT(other.tally.truncated_packets, 1200 - 5);
}

/* ---- under load ---- */

/* The first half of a ClientHello from each of many clients. */
static void halves(uint32_t first, uint32_t n, uint32_t step)
{
	BH_AUTO_BUF m = { 0 };
	BH_AUTO_BUF b = { 0 };

	put_client_hello(&m, "flood", "smb", NULL, 1500);
	initial(&b, &(struct initial){ 0 }, &m, 0, 900);
	for (uint32_t i = 0; i < n; i++) {
		const struct udp u = { first + i * step, SERVER, (uint16_t)i, 443 };
		say(&u, b.ptr, b.len);
	}
}

static size_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void test_a_flood_of_halves_hides_nobody_and_costs_no_more_memory(void)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1", "smb", NULL, 1500);
	begin(&other);
	halves(0x0b000000, 300, 1);
	size_t before = in_use();
	halves(0x0c000000, 20000, 1);
	ask_part(&way, &(struct initial){ 0 }, &m, 0, 900);
	halves(0x0d000000, 200, 1);
	ask_part(&way, &(struct initial){ .number = 1 }, &m, 900, m.len);
	halves(0x0e000000, 2000, 1);
	EXPECT(in_use() < before + (64 << 10));
	answer(&way, HANDSHAKE, 1000);
	end(&other);
	EXPECT_STR(only_row()->server_name, "fs1");
	EXPECT_INT(only_row()->outcome, BH_ANSWERED);
	EXPECT_INT(other.tally.evicted, 300 + 20000 + 200 + 2000 - 256);
}

static void test_who_lets_many_wait_waits_for_himself(void)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1", "smb", NULL, 1500);
	begin(&other);
	ask_part(&way, &(struct initial){ 0 }, &m, 0, 900);
	halves(0x0b000000, 5000, 0);
	ask_part(&way, &(struct initial){ .number = 1 }, &m, 900, m.len);
	end(&other);
	EXPECT_STR(only_row()->server_name, "fs1");
	EXPECT_INT(other.tally.evicted, 5000 - 8);
}

static int count_leaves(void *ctx, const struct bh_fact *f)
{
	uint64_t *n = ctx;

	n[0] += f->kind == BH_FACT_LEAF && f->leaf_is.closed;
	n[1] += f->kind == BH_FACT_LEAF && !strcmp(f->leaf_is.who.server_name, "fs1") &&
		f->leaf_is.figures.bytes_to_server == 1300;
	if (f->kind == BH_FACT_TALLY)
		n[2] = f->tally.evicted;
	return 0;
}

static void test_connections_beyond_the_limit_are_told_evicted_and_counted(void)
{
	BH_AUTO_BUF m = { 0 };
	BH_AUTO_BUF b = { 0 };
	uint64_t n[3] = { 0 };
	size_t before = 0;

	put_client_hello(&m, "flood", "smb", NULL, 32);
	initial(&b, &(struct initial){ 0 }, &m, 0, m.len);
	EXPECT_INT(bh_sensor_new(NULL, count_leaves, n, &sensor), 0);
	ask(&way, "fs1", "smb");
	for (uint32_t i = 0; i < 20000; i++) {
		const struct udp u = { 0x0b000000 + i, SERVER, 4433, 443 };
		say(&u, b.ptr, b.len);
		if (i == 5000)
			before = in_use();
		if (i == 3000)
			say(&way, SHORT, 100); /* what is in use stays */
	}
	EXPECT(in_use() < before + (64 << 10));
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	EXPECT_INT(n[0], 20001);
	EXPECT_INT(n[1], 1);
	EXPECT_INT(n[2], 20001 - 4096);
}

static void test_what_is_over_is_let_go(void)
{
	begin(&other);
	ask(&way, "fs1", "smb");
	answer(&way, HANDSHAKE, 100);
	EXPECT_INT(bh_sensor_flush(sensor, now + 3600 * BH_SECOND), 0);
	EXPECT_INT(other.leaf[0].leaf_is.closed, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now + 25 * 3600 * BH_SECOND), 0);
	EXPECT_INT(other.leaf[0].leaf_is.closed, 1);
	now += 25 * 3600 * BH_SECOND;
	ask(&way, "fs1", "smb");
	EXPECT_INT(bh_sensor_flush(sensor, now + 59 * BH_SECOND), 0);
	EXPECT_INT(other.leaf[1].leaf_is.closed, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now + 61 * BH_SECOND), 0);
	EXPECT_INT(other.leaf[1].leaf_is.closed, 1);
	end(&other);
	EXPECT_INT(other.n, 2);
	EXPECT_INT(other.tally.evicted, 0);
}

int main(void)
{
	RUN(test_a_client_of_smb_is_a_row_with_the_name_it_asked_for);
	RUN(test_a_client_hello_may_come_in_any_pieces_and_order);
	RUN(test_what_is_not_smb_leaves_nothing);
	RUN(test_a_server_answers_or_it_does_not);
	RUN(test_one_connection_begins_anew_as_its_server_wants);
	RUN(test_another_connection_between_the_same_ends_is_another);
	RUN(test_what_is_captured_twice_counts_once);
	RUN(test_smb_over_quic_is_found_on_any_port);
	RUN(test_no_port_of_its_own_hides_a_client);
	RUN(test_a_datagram_cut_by_the_capture_is_counted);
	RUN(test_a_flood_of_halves_hides_nobody_and_costs_no_more_memory);
	RUN(test_who_lets_many_wait_waits_for_himself);
	RUN(test_connections_beyond_the_limit_are_told_evicted_and_counted);
	RUN(test_what_is_over_is_let_go);
	return tap_done();
}
