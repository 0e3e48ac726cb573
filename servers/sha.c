// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/sha.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* Fetched once: looking it up by its name takes three times as long as a short digest. */
static EVP_MD *algorithm;
/* Made once, here as in the peers: it is no work that a request without a body asks for. */
static uint8_t digest_of_nothing[SHA_BYTES];
/* What the first round is of; to make it takes as long as a round. */
static uint8_t first_block[SHA_BLOCK_BYTES];

int sha_init(struct err *err)
{
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!algorithm || EVP_Digest("", 0, digest_of_nothing, NULL, algorithm, NULL) != 1)
		return err_set(err, ENOSYS, "OpenSSL has no SHA-256; see openssl list -digest-algorithms");
	for (uint32_t i = 0; i < SHA_BLOCK_BYTES; i++)
		first_block[i] = (uint8_t)(i % 251);
	return 0;
}

int sha_digest(const void *bytes, size_t nr, uint8_t digest[SHA_BYTES])
{
	if (!nr)
		memcpy(digest, digest_of_nothing, SHA_BYTES);
	else if (EVP_Digest(bytes, nr, digest, NULL, algorithm, NULL) != 1)
		return -ENOMEM;
	return 0;
}

int sha_chain(uint32_t rounds, uint8_t digest[SHA_BYTES], void (*pause)(void))
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *block = malloc(SHA_BLOCK_BYTES);
	int ret = context && block ? 0 : -ENOMEM;

	if (block)
		memcpy(block, first_block, SHA_BLOCK_BYTES);
	for (uint32_t round = 0; !ret && round < rounds; round++) {
		if (round)
			memcpy(block, digest, SHA_BYTES);
		if (EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
		    EVP_DigestUpdate(context, block, SHA_BLOCK_BYTES) != 1 ||
		    EVP_DigestFinal_ex(context, digest, NULL) != 1)
			ret = -ENOMEM;
		if (pause)
			pause();
	}
	free(block);
	EVP_MD_CTX_free(context);
	return ret;
}
