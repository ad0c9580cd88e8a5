/*
 * Hand-made tables that together have every shape: a host with interface cases, a port
 * from 1024 up and a symmetric service; a gateway with classes; one with many ranges.
 */
#pragma once

#include <stdio.h>

#include "model/table.h"

static struct bh_arena arena;

static struct bh_addrset range4(uint32_t lo, uint32_t hi)
{
	struct bh_addr a = bh_addr_v4(lo), b = bh_addr_v4(hi);
	return bh_addrset_range(&arena, &a, &b);
}

static struct bh_addrset range6(uint8_t second)
{
	uint8_t lo[16] = { 0xfd, second }, hi[16] = { 0xfd, second };
	for (unsigned i = 2; i < 16; i++)
		hi[i] = 0xff;
	struct bh_addr a = bh_addr_v6(lo), b = bh_addr_v6(hi);
	return bh_addrset_range(&arena, &a, &b);
}

static struct bh_addrset both(uint32_t lo, uint32_t hi, uint8_t six)
{
	return bh_addrset_union(&arena, range4(lo, hi), range6(six));
}

static struct bh_table host(void)
{
	static struct bh_product in[1], out[1], wide[1];
	static struct bh_gate_case cases[5];
	static struct bh_gate gates[4];

	in[0] = (struct bh_product){ both(0x0a000000, 0x0a00ffff, 0), bh_addrset_full(&arena) };
	out[0] = (struct bh_product){ bh_addrset_full(&arena), both(0x0a0a000a, 0x0a0a000b, 1) };
	wide[0] = (struct bh_product){ bh_addrset_full(&arena), bh_addrset_full(&arena) };
	snprintf(cases[0].ifname, BH_IFNAME, "eth1");
	cases[0].admit = (struct bh_products){ wide, 1 };
	cases[1].admit = (struct bh_products){ in, 1 };
	cases[2].admit = (struct bh_products){ in, 1 };
	cases[3].admit = (struct bh_products){ out, 1 };
	cases[4].admit = (struct bh_products){ in, 1 };
	cases[4].admit_same_port = (struct bh_products){ wide, 1 };
	gates[0] = (struct bh_gate){ BH_IN, { 445, BH_TCP }, cases, 2 };
	gates[1] = (struct bh_gate){ BH_IN, { 5445, BH_TCP }, cases + 2, 1 };
	gates[2] = (struct bh_gate){ BH_IN, { 137, BH_UDP }, cases + 4, 1 };
	gates[3] = (struct bh_gate){ BH_OUT, { 445, BH_TCP }, cases + 3, 1 };
	return (struct bh_table){ .gates = gates, .n_gates = 4, .declared = in[0].src };
}

/* The last gate of host() alone: its base chain for input goes when it takes over. */
static struct bh_table narrow(void)
{
	struct bh_table t = host();
	t.gates += 3;
	t.n_gates = 1;
	return t;
}

static struct bh_table gateway(void)
{
	static struct bh_product p[3];
	static struct bh_gate_case cases[2];
	static struct bh_gate gates[2];

	p[0] = (struct bh_product){ both(0x0a000000, 0x0a00ffff, 0),
		both(0x0a0a000a, 0x0a0a000b, 1) };
	p[1] = (struct bh_product){ range4(0x0a020000, 0x0a02ffff), bh_addrset_full(&arena) };
	p[2] = (struct bh_product){ range6(7), range6(8) };
	cases[0].admit = (struct bh_products){ p, 3 };
	cases[1].admit = (struct bh_products){ p, 1 };
	gates[0] = (struct bh_gate){ BH_FWD, { 139, BH_TCP }, cases + 1, 1 };
	gates[1] = (struct bh_gate){ BH_FWD, { 445, BH_TCP }, cases, 1 };
	return (struct bh_table){
		.gateway = true, .gates = gates, .n_gates = 2, .declared = p[0].src
	};
}

BH_UNUSED static struct bh_table big(void)
{
	static struct bh_product p[1];
	static struct bh_gate_case cases[1];
	static struct bh_gate gates[1];
	struct bh_range *v = bh_arena_array(&arena, 100000, sizeof *v);

	for (uint32_t i = 0; v && i < 100000; i++)
		v[i] = (struct bh_range){ 0x0a000000 + i * 256, 0x0a000000 + i * 256 + 100 };
	p[0].src.v4 = bh_ranges_from(&arena, v, 100000);
	p[0].dst = bh_addrset_full(&arena);
	cases[0].admit = (struct bh_products){ p, 1 };
	gates[0] = (struct bh_gate){ BH_IN, { 445, BH_TCP }, cases, 1 };
	return (struct bh_table){ .gates = gates, .n_gates = 1 };
}
