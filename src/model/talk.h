/*
 * talk: a conversation as rows have it: the fields of a bh_conversation (conversation.h
 * says what they mean), its texts by reference.
 *
 * A million rows have few different texts.  They belong to whoever made the talk, and are
 * never NULL: zero one with bh_talk_init.
 */
#pragma once

#include "model/conversation.h"

struct bh_talk {
	struct bh_addr client, server;
	uint16_t port;
	uint8_t known;
	uint8_t transport;
	uint8_t outcome;
	uint8_t auth;
	uint8_t ntlm;
	uint8_t dialect;
	uint8_t signing_server, signing_client;
	uint8_t signing_algorithm;
	uint8_t cipher;
	uint8_t compression;
	uint8_t share_type;
	int8_t smb1_offered;
	int8_t is_signed;
	int8_t encrypted;
	int8_t guest;
	int8_t complete;
	uint32_t auth_status;
	uint32_t share_status;
	const char *server_name;
	const char *share;
	const char *user;
	const char *domain;
	const char *workstation;
	const char *service;
};

/* As bh_conversation_init, with empty texts. */
void bh_talk_init(struct bh_talk *t);
/* Borrows the texts of c. */
struct bh_talk bh_talk_of(const struct bh_conversation *c);
/* Texts that are too long are cut: those of rows are not. */
void bh_talk_whole(const struct bh_talk *t, struct bh_conversation *ret);

/* A total order: server, port, client, share, user, then the rest. */
int bh_talk_compare(const struct bh_talk *a, const struct bh_talk *b);
bool bh_talk_equal(const struct bh_talk *a, const struct bh_talk *b);

/* Of what bh_conversation_pack made, whose texts it borrows. */
void bh_talk_unpack(const char *packed, struct bh_talk *ret);
