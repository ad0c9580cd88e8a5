/*
 * initials SNI ALPN [VERSION [PARTS [DCID]]]: the datagrams by which a client of QUIC
 * begins, in hexadecimal, one a line: a ClientHello cut into so many parts, the last first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "quic_make.h"

static void print(const struct bh_buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		printf("%02x", (uint8_t)b->ptr[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	unsigned long version = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	unsigned long parts = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
	BH_AUTO_BUF m = { 0 };

	if (argc < 3 || !version || !parts || parts > 16) {
		fprintf(stderr, "usage: initials SNI ALPN [VERSION [PARTS [DCID]]]\n");
		return 2;
	}
	/* A key share as long as X25519MLKEM768's does not fit into one. */
	put_client_hello(&m, argv[1], argv[2], NULL, parts > 1 ? 1216 : 32);
	for (size_t i = parts; i--;) {
		struct initial in = { .version = version == 2 ? 0x6b3343cf : (uint32_t)version,
			.dcid = argc > 5 ? argv[5] : NULL,
			.scid = "client",
			.number = (uint32_t)i,
			.pad_to = 1200 };
		size_t from = m.len * i / parts, to = m.len * (i + 1) / parts;
		BH_AUTO_BUF f = { 0 };
		BH_AUTO_BUF b = { 0 };
		put_crypto_frame(&f, from, m.ptr + from, to - from);
		put_initial(&b, &in, f.ptr, f.len);
		print(&b);
	}
	return 0;
}
