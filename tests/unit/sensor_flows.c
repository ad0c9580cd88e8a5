#include "sensor_play.h"

static struct told other;

static void test_a_reset_instead_of_an_answer_is_refused(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x14, 0, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.n, 1);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_REFUSED);
}

static void test_a_reset_after_an_answer_is_no_refusal(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 5, 11, NULL, 0);
	send(1, 0x14, 6, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_ANSWERED);
	/* Nor is the last packet of a connection whose start we did not see. */
	begin(&other);
	send(0, 0x11, 10, 0, NULL, 0);
	send(1, 0x14, 6, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
}

static void test_silence_needs_a_second_try_or_time(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(0, 0x02, 10, 0, NULL, 0); /* a copy of the capture, not a second try */
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	now += BH_SECOND;
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_SILENT);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now + 4 * BH_SECOND), 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_SILENT);
}

static void test_a_new_syn_is_a_new_connection(void)
{
	begin(&other);
	for (uint32_t i = 0; i < 3; i++) {
		send(0, 0x02, 1000 + i * 100000, 0, NULL, 0);
		send(1, 0x12, 5 + i * 7, 1001 + i * 100000, NULL, 0);
		send(0, 0x11, 1001 + i * 100000, 0, NULL, 0);
		send(1, 0x11, 6 + i * 7, 0, NULL, 0);
		send(0, 0x10, 1002 + i * 100000, 0, NULL, 0); /* a straggler is no connection */
	}
	end(&other);
	EXPECT_INT(other.n, 3);
	EXPECT_INT(other.tally.flows, 3);
}

static void test_flows_beyond_the_limit_are_evicted_and_counted(void)
{
	struct bh_sensor_limits few = { .flows = 4 };

	memset(&other, 0, sizeof other);
	EXPECT_INT(bh_sensor_new(&few, hear, &other, &sensor), 0);
	for (uint32_t i = 0; i < 20; i++) {
		struct bh_buf b = { 0 };
		struct tcp t = {
			.src = CLIENT + i, .dst = SERVER, .sport = 999, .dport = 445, .flags = 2
		};
		tcp_packet(&b, &t, NULL, 0);
		EXPECT_INT(
			bh_sensor_packet(sensor, 101, BH_SECOND, bh_span_of(b.ptr, b.len), b.len),
			0);
		bh_buf_reset(&b);
	}
	end(&other);
	EXPECT_INT(other.n, 20);
	EXPECT_INT(other.tally.evicted, 16);
}

static void test_a_connection_to_another_port_is_not_ours(void)
{
	struct bh_buf b = { 0 };
	struct tcp t = { .src = CLIENT, .dst = SERVER, .sport = 445, .dport = 8080, .flags = 2 };

	begin(&other);
	tcp_packet(&b, &t, NULL, 0);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
	t.flags = 0x18;
	tcp_packet(&b, &t, "GET / HTTP/1.0", 14);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
	end(&other);
	EXPECT_INT(other.n, 0);
}

static int count_closed(void *ctx, const struct bh_fact *f)
{
	uint64_t *n = ctx;

	if (f->kind == BH_FACT_LEAF && f->leaf_is.closed)
		n[0]++;
	if (f->kind == BH_FACT_TALLY)
		n[1] = f->tally.evicted;
	return 0;
}

/* One READ request of each of n sessions, from each of `flows` client addresses. */
static void many_sessions(uint32_t flows, uint64_t n, uint64_t ret[2])
{
	ret[0] = ret[1] = 0;
	EXPECT_INT(bh_sensor_new(NULL, count_closed, ret, &sensor), 0);
	for (uint32_t f = 0; f < flows; f++) {
		struct bh_buf b = { 0 }, p = { 0 };
		struct tcp t = { .src = CLIENT + 256 + f,
			.dst = SERVER,
			.sport = 999,
			.dport = 445,
			.flags = 2 };
		tcp_packet(&p, &t, NULL, 0);
		EXPECT_INT(bh_sensor_packet(sensor, 101, 1, bh_span_of(p.ptr, p.len), p.len), 0);
		for (uint64_t i = 1; i <= n; i++) {
			size_t m = message_begin(&b);
			smb2_header(&b, &(struct smb2){ .command = READ, .id = i, .session = i });
			message_end(&b, m);
		}
		t.flags = 0x18;
		t.seq = 1;
		bh_buf_reset(&p);
		tcp_packet(&p, &t, b.ptr, b.len);
		EXPECT_INT(bh_sensor_packet(sensor, 101, 1, bh_span_of(p.ptr, p.len), p.len), 0);
		bh_buf_reset(&b);
		bh_buf_reset(&p);
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
}

static void test_sessions_beyond_the_limits_are_told_evicted_and_counted(void)
{
	uint64_t n[2];

	many_sessions(1, 100, n);
	EXPECT_INT(n[0], 100);
	EXPECT_INT(n[1], 100 - 64);
	/* And those of all connections together: the oldest connections make way. */
	many_sessions(700, 60, n);
	EXPECT_INT(n[0], 700 * 60);
	EXPECT_INT(n[1], 154); /* so many of sixty each fill more than 32768 */
}

int main(void)
{
	RUN(test_a_reset_instead_of_an_answer_is_refused);
	RUN(test_a_reset_after_an_answer_is_no_refusal);
	RUN(test_silence_needs_a_second_try_or_time);
	RUN(test_a_new_syn_is_a_new_connection);
	RUN(test_flows_beyond_the_limit_are_evicted_and_counted);
	RUN(test_a_connection_to_another_port_is_not_ours);
	RUN(test_sessions_beyond_the_limits_are_told_evicted_and_counted);
	return tap_done();
}
