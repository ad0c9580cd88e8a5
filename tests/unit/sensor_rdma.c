#include "rdma_make.h"
#include "sensor_play.h"

static struct told other;

static void on_5445(struct told *t)
{
	server_port = 5445;
	begin(t);
}

static const struct bh_conversation *only_row(void)
{
	EXPECT_INT(other.n, 1);
	return &other.leaf[0].leaf_is.who;
}

#define ASKS    "MPA ID Req Frame\x40\x01\0\0"
#define ANSWERS "MPA ID Rep Frame\x40\x01\0\0"
#define MPA     20

static void expect_direct(uint8_t outcome)
{
	const struct bh_conversation *c = only_row();

	EXPECT_INT(c->client.num, CLIENT);
	EXPECT_INT(c->server.num, SERVER);
	EXPECT_INT(c->transport, BH_TRANSPORT_RDMA5445);
	EXPECT_INT(c->outcome, outcome);
	EXPECT_INT(c->complete, 0);
	EXPECT_INT(c->known, 0);
	EXPECT_INT(other.leaf[0].leaf_is.figures.connections, 1);
	EXPECT_INT(other.insane, 0);
	EXPECT_INT(other.tally.malformed + other.tally.gaps, 0);
}

/* ---- iWARP ---- */

static void test_smb_direct_is_known_by_its_port_and_how_it_begins(void)
{
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 70, 11, NULL, 0);
	send(0, 0x18, 11, 71, ASKS, MPA);
	send(1, 0x18, 71, 31, ANSWERS, MPA);
	send(0, 0x18, 31, 91, "what nobody sees", 16);
	send(1, 0x18, 91, 47, "inside", 6);
	end(&other);
	expect_direct(BH_ANSWERED);
	EXPECT_INT(only_row()->port, 5445);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 36);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client, 26);
	EXPECT_INT(other.tally.flows, 1);
	on_5445(&other); /* a capture that begins late */
	send(1, 0x18, 71, 31, ANSWERS, MPA);
	send(0, 0x18, 31, 91, "inside", 6);
	end(&other);
	expect_direct(BH_ANSWERED);
}

static void test_segments_that_come_twice_or_overlap_count_once(void)
{
	on_5445(&other);
	for (unsigned i = 0; i < 2; i++) {
		send(0, 0x02, UINT32_MAX - 9, 0, NULL, 0); /* wraps soon */
		send(1, 0x12, 70, UINT32_MAX - 8, NULL, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		send(0, 0x18, UINT32_MAX - 8, 71, ASKS, MPA);
		send(1, 0x18, 71, 31, ANSWERS, MPA);
	}
	send(0, 0x18, 11, 91, "what nobody sees", 16);
	send(0, 0x18, 19, 91, "what nobody sees", 16);
	end(&other);
	expect_direct(BH_ANSWERED);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 20 + 16 + 8);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client, 20);
}

static void test_a_connection_that_opens_is_named_whatever_becomes_of_it(void)
{
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	expect_direct(BH_OUTCOME_UNKNOWN);
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x14, 0, 11, NULL, 0);
	end(&other);
	expect_direct(BH_REFUSED);
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	now += BH_SECOND;
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	expect_direct(BH_SILENT);
	on_5445(&other);
	send(1, 0x12, 70, 11, NULL, 0);
	end(&other);
	expect_direct(BH_ANSWERED);
	on_5445(&other); /* the answers take another way */
	send(0, 0x18, 11, 71, ASKS, MPA);
	now += 10 * BH_SECOND;
	send(0, 0x18, 31, 91, "inside", 6);
	end(&other);
	expect_direct(BH_ANSWERED);
	on_5445(&other);
	for (uint32_t i = 0; i < 3; i++) {
		send(0, 0x02, 1000 + i * 100000, 0, NULL, 0);
		send(1, 0x12, 5 + i * 7, 1001 + i * 100000, NULL, 0);
	}
	end(&other);
	EXPECT_INT(other.n, 3);
}

static void test_what_is_no_rdma_is_no_row(void)
{
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 70, 11, NULL, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	EXPECT_INT(other.n, 1);
	send(0, 0x18, 11, 71, "GET / HTTP/1.0\r\n\r\n", 18);
	send(1, 0x18, 71, 29, "HTTP/1.0 200", 12);
	end(&other); /* settles: what was told is taken back */
	EXPECT_INT(other.n, 0);
	on_5445(&other); /* the server speaks first */
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 70, 11, NULL, 0);
	send(1, 0x18, 71, 11, "220 mail", 8);
	end(&other);
	EXPECT_INT(other.n, 0);
	on_5445(&other); /* nor is the middle of something */
	send(0, 0x18, 11, 71, "GET / HTTP/1.0\r\n\r\n", 18);
	send(0, 0x10, 29, 71, NULL, 0);
	send(1, 0x18, 71, 29, "HTTP/1.0 200", 12);
	end(&other);
	EXPECT_INT(other.n, 0);
}

static void test_messages_of_smb_on_that_port_are_read_as_on_any_other(void)
{
	struct script s = { 0 };
	uint16_t d311 = 0x0311;

	add(&s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "fs1");
	add(&s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &d311);
	on_5445(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 70, 11, NULL, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	send(0, 0x18, 11, 71, s.dir[0].ptr, s.dir[0].len);
	send(1, 0x18, 71, 11 + (uint32_t)s.dir[0].len, s.dir[1].ptr, s.dir[1].len);
	end(&other);
	EXPECT_INT(only_row()->transport, BH_TRANSPORT_TCP445);
	EXPECT_INT(only_row()->port, 5445);
	EXPECT_INT(only_row()->dialect, BH_DIALECT_311);
	free_script(&s);
}

/* ---- RoCE ---- */

static void roce(int dir, const struct roce *r)
{
	BH_AUTO_BUF p = { 0 };
	BH_AUTO_BUF b = { 0 };
	const struct udp u = { dir ? SERVER : CLIENT, dir ? CLIENT : SERVER,
		(uint16_t)(50000 + r->local), 4791 };

	now += 1000000;
	put_roce(&p, r);
	udp_packet(&b, &u, p.ptr, p.len);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
}

static void test_smb_direct_over_roce_is_known_by_the_port_it_asks_for(void)
{
	begin(&other);
	roce(0, &(struct roce){ .attribute = 0x10, .local = 77, .service = ROCE_TCP(445) });
	roce(1, &(struct roce){ .attribute = 0x13, .local = 5, .remote = 77 });
	end(&other);
	expect_direct(BH_ANSWERED);
	EXPECT_INT(only_row()->port, 445);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 280);
	begin(&other); /* each comes twice */
	for (unsigned i = 0; i < 2; i++)
		roce(0, &(struct roce){ .attribute = 0x10, .local = 77, .service = ROCE_TCP(445) });
	for (unsigned i = 0; i < 2; i++)
		roce(1, &(struct roce){ .attribute = 0x13, .local = 5, .remote = 77 });
	end(&other);
	expect_direct(BH_ANSWERED);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_server, 280);
	EXPECT_INT(other.leaf[0].leaf_is.figures.bytes_to_client, 280);
	begin(&other);
	roce(0, &(struct roce){ .attribute = 0x10, .local = 77, .service = ROCE_TCP(5445) });
	roce(1, &(struct roce){ .attribute = 0x12, .remote = 77 });
	end(&other);
	expect_direct(BH_REFUSED);
	EXPECT_INT(only_row()->port, 5445);
	begin(&other);
	for (unsigned i = 0; i < 3; i++, now += BH_SECOND)
		roce(0, &(struct roce){ .attribute = 0x10, .local = 77, .service = ROCE_TCP(445) });
	roce(1, &(struct roce){ .attribute = 0x13, .remote = 78 }); /* another's */
	roce(0, &(struct roce){ .attribute = 0x13, .remote = 77 }); /* no server's */
	end(&other);
	expect_direct(BH_SILENT);
}

static struct bh_event_count heard;

static int hear_events(void *ctx, const struct bh_fact *f)
{
	if (f->kind == BH_FACT_EVENTS) {
		EXPECT(bh_fact_sane(f));
		heard = f->events;
	}
	return hear(ctx, f);
}

static void test_what_else_is_done_over_roce_is_counted(void)
{
	memset(&other, 0, sizeof other);
	memset(&heard, 0, sizeof heard);
	EXPECT_INT(bh_sensor_new(NULL, hear_events, &other, &sensor), 0);
	roce(0, &(struct roce){ .attribute = 0x10, .local = 77, .service = ROCE_TCP(4420) });
	roce(1, &(struct roce){ .attribute = 0x13, .remote = 77 });
	EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	EXPECT_INT(heard.count, 2);
	for (unsigned i = 0; i < 1000; i++)
		roce(0, &(struct roce){ .opcode = 0x04, .pair = 17 });
	EXPECT_INT(heard.count, 2);
	end(&other);
	EXPECT_INT(other.n, 0);
	EXPECT_INT(heard.count, 1002);
	EXPECT_INT(heard.read, 0);
	EXPECT_STR(heard.provider, "RoCE v2");
}

static void test_requests_beyond_the_limit_are_evicted_and_counted(void)
{
	memset(&other, 0, sizeof other);
	EXPECT_INT(bh_sensor_new(NULL, hear, &other, &sensor), 0);
	for (uint32_t i = 0; i < 5000; i++)
		roce(0, &(struct roce){ .attribute = 0x10, .local = i, .service = ROCE_TCP(445) });
	end(&other);
	EXPECT_INT(other.tally.evicted, 5000 - 4096);
	EXPECT_INT(other.tally.flows, 5000);
}

int main(void)
{
	RUN(test_smb_direct_is_known_by_its_port_and_how_it_begins);
	RUN(test_segments_that_come_twice_or_overlap_count_once);
	RUN(test_a_connection_that_opens_is_named_whatever_becomes_of_it);
	RUN(test_what_is_no_rdma_is_no_row);
	RUN(test_messages_of_smb_on_that_port_are_read_as_on_any_other);
	RUN(test_smb_direct_over_roce_is_known_by_the_port_it_asks_for);
	RUN(test_what_else_is_done_over_roce_is_counted);
	RUN(test_requests_beyond_the_limit_are_evicted_and_counted);
	return tap_done();
}
