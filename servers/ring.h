/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A ring of io_uring with what a server needs of it: buffers that the kernel picks from, and waiting. */
#ifndef WHYLATE_SERVERS_RING_H
#define WHYLATE_SERVERS_RING_H

#include <liburing.h>
#include <stdint.h>

#include "user/base/err.h"

#define RING_BUFFER_BYTES 2048u
/* Of what receives, to be given to it by IOSQE_BUFFER_SELECT. */
#define RING_BUFFER_GROUP 0

struct ring {
	struct io_uring uring;
	struct io_uring_buf_ring *slots;
	char *bytes;
	uint32_t nr_buffers;
};

/* ENTRIES for what is asked of the kernel; both are powers of two. */
struct ring_sizes {
	uint32_t entries, buffers;
};

/*
 * For the calling thread alone.  Returns 0, or -errno with a sentence in ERR that names what the kernel does
 * not have, or not give.
 */
int ring_open(struct ring *ring, const struct ring_sizes *sizes, struct err *err);

void ring_close(struct ring *ring);

/* An entry to prepare; what was prepared before is submitted if there is no room.  Never NULL. */
struct io_uring_sqe *ring_entry(struct ring *ring);

/* A receive on FD that goes on until it fails, ends, is cancelled, or has no buffer. */
void ring_receive(struct ring *ring, int fd, uint64_t user_data);

/* End the operation with USER_DATA if it is still under way.  That this was tried is completed too. */
#define RING_CANCELLED 0
void ring_cancel(struct ring *ring, uint64_t user_data);

/*
 * Submit, and wait until something is completed, at most until UNTIL_NS of the monotonic clock
 * (UINT64_MAX: for ever).  Returns how many completions there are to take, or -errno.
 */
int ring_wait(struct ring *ring, uint64_t until_ns);

/* What is completed; more of the same operation follow if FLAGS has IORING_CQE_F_MORE. */
struct ring_done {
	uint64_t user_data;
	int32_t result; /* or -errno */
	uint32_t flags;
};

/* One of those; its place is the kernel's again. */
struct ring_done ring_take(struct ring *ring);

/* The buffer that completion DONE came with, until it is given back; NULL: none. */
const char *ring_buffer(const struct ring *ring, const struct ring_done *done);
void ring_give_back(struct ring *ring, const struct ring_done *done);

#endif /* WHYLATE_SERVERS_RING_H */
