/*
 * leaves FILE: what the sensor's core says of a capture, one JSON object a line: each
 * leaf as last told, then the tally and any problem.  For tests that compare it with
 * what an independent reader says (tests/pcap/answers).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/pipe.h"
#include "sensor/sensor.h"

struct all {
	struct bh_fact *v;
	size_t n;
	int bad;
};

static int keep(void *ctx, const struct bh_fact *f)
{
	struct all *a = ctx;

	if (!bh_fact_sane(f)) {
		fprintf(stderr, "a fact that is not sane: kind %u\n", f->kind);
		a->bad++;
	}
	if (f->kind == BH_FACT_LEAF || f->kind == BH_FACT_LEAF_GONE) {
		for (size_t i = 0; i < a->n; i++) {
			if (a->v[i].leaf == f->leaf && a->v[i].kind != BH_FACT_TALLY) {
				a->v[i] = *f;
				return 0;
			}
		}
	}
	struct bh_fact *v = realloc(a->v, (a->n + 1) * sizeof *v);
	if (!v)
		return -ENOMEM;
	a->v = v;
	v[a->n++] = *f;
	return 0;
}

static void text(const char *name, bool known, const char *s)
{
	printf(",\"%s\":", name);
	if (!known) {
		printf("null");
		return;
	}
	putchar('"');
	for (; *s; s++)
		printf(*s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	putchar('"');
}

static void named(const char *name, const char *value)
{
	text(name, value, value);
}

static void three(const char *name, int v)
{
	printf(",\"%s\":%s", name, v < 0 ? "null" : v ? "true" : "false");
}

static void status(const char *name, bool known, uint32_t v)
{
	char s[16];

	snprintf(s, sizeof s, "0x%08x", v);
	text(name, known, s);
}

static void pipes(uint32_t bits)
{
	const char *comma = "";

	printf(",\"pipes\":[");
	for (unsigned i = 0; i < BH_PIPES; i++) {
		if (bits >> i & 1) {
			printf("%s\"%s\"", comma, bh_pipe_names[i]);
			comma = ",";
		}
	}
	putchar(']');
}

static void leaf(const struct bh_fact *f)
{
	const struct bh_conversation *c = &f->leaf_is.who;
	const struct bh_figures *g = &f->leaf_is.figures;
	char a[BH_ADDR_TEXT], b[BH_ADDR_TEXT];

	printf("{\"client\":\"%s\",\"server\":\"%s\",\"port\":%u", bh_addr_format(&c->client, a),
		bh_addr_format(&c->server, b), c->port);
	named("transport", bh_transport_names[c->transport]);
	text("server_name", c->known & BH_KNOWN_SERVER_NAME, c->server_name);
	text("share", c->known & BH_KNOWN_SHARE, c->share);
	named("share_type", bh_share_type_names[c->share_type]);
	status("share_status", c->known & BH_KNOWN_SHARE_STATUS, c->share_status);
	text("user", c->known & BH_KNOWN_USER, c->user);
	text("domain", c->known & BH_KNOWN_DOMAIN, c->domain);
	text("workstation", c->known & BH_KNOWN_WORKSTATION, c->workstation);
	text("service", c->known & BH_KNOWN_SERVICE, c->service);
	named("auth", bh_auth_names[c->auth]);
	named("ntlm", bh_ntlm_names[c->ntlm]);
	status("auth_status", c->known & BH_KNOWN_AUTH_STATUS, c->auth_status);
	named("dialect", bh_dialect_names[c->dialect]);
	three("smb1_offered", c->smb1_offered);
	named("signing_server", bh_signing_names[c->signing_server]);
	named("signing_client", bh_signing_names[c->signing_client]);
	three("signed", c->is_signed);
	named("signing_algorithm", bh_signing_algorithm_names[c->signing_algorithm]);
	named("cipher", bh_cipher_names[c->cipher]);
	three("encrypted", c->encrypted);
	named("compression", bh_compression_names[c->compression]);
	three("guest", c->guest);
	named("verdict", bh_outcome_names[c->outcome]);
	three("complete", c->complete);
	pipes(g->pipes);
	printf(",\"opens\":%llu", (unsigned long long)g->opens);
	printf(",\"connections\":%llu,\"bytes_to_server\":%llu,\"bytes_to_client\":%llu,"
	       "\"first_seen\":%lld,\"last_seen\":%lld}\n",
		(unsigned long long)g->connections, (unsigned long long)g->bytes_to_server,
		(unsigned long long)g->bytes_to_client, (long long)g->first_seen,
		(long long)g->last_seen);
}

static void tally(const struct bh_tally *t)
{
	printf("{\"tally\":true,\"packets\":%llu,\"messages\":%llu,\"truncated_packets\":%llu,"
	       "\"fragments\":%llu,\"gaps\":%llu,\"gap_bytes\":%llu,\"malformed\":%llu,"
	       "\"evicted\":%llu,\"unknown_frames\":%llu,\"flows\":%llu}\n",
		(unsigned long long)t->packets, (unsigned long long)t->messages,
		(unsigned long long)t->truncated_packets, (unsigned long long)t->fragments,
		(unsigned long long)t->gaps, (unsigned long long)t->gap_bytes,
		(unsigned long long)t->malformed, (unsigned long long)t->evicted,
		(unsigned long long)t->unknown_frames, (unsigned long long)t->flows);
}

int main(int argc, char **argv)
{
	struct all all = { 0 };
	struct bh_sensor *s = NULL;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || bh_sensor_new(NULL, keep, &all, &s) || bh_sensor_file(s, fd, NULL) ||
		bh_sensor_finish(s)) {
		perror(argc == 2 ? argv[1] : "usage: leaves FILE");
		return 1;
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct bh_fact *f = &all.v[i];
		if (f->kind == BH_FACT_LEAF)
			leaf(f);
		else if (f->kind == BH_FACT_TALLY)
			tally(&f->tally);
		else if (f->kind == BH_FACT_PROBLEM)
			printf("{\"problem\":\"%s\",\"offset\":%llu}\n", f->problem.text,
				(unsigned long long)f->problem.offset);
	}
	free(all.v);
	bh_sensor_free(s);
	close(fd);
	return all.bad != 0;
}
