// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/clock.h"

/* An operation may complete often: as many completions for each entry have room before the kernel queues
 * them. */
#define COMPLETIONS 4u

/* Who may not lock memory without limit has but so much of it for rings. */
static const char *remedy(int error)
{
	return error == ENOMEM ? "; see ulimit -l, --ring-entries and --workers" : "";
}

static int refused(int error, struct err *err)
{
	char number[16] = "unknown";
	FILE *file;

	if (error == ENOSYS)
		return err_set(err, ENOSYS, "this kernel has no io_uring");
	if (error == EINVAL) /* not of the user's options, which are seen to be good */
		return err_set(err, ENOSYS, "io_uring of this kernel knows none of the ways to set it up");
	if (error != EPERM && error != EACCES)
		return err_set(err, error, "cannot set up io_uring: %s%s", strerror(error), remedy(error));
	file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	if (file && fgets(number, sizeof(number), file))
		number[strcspn(number, "\n")] = '\0';
	if (file)
		fclose(file);
	return err_set(err, error, "io_uring is not allowed here: %s",
		       *number == '1' || *number == '2' ? "by the sysctl kernel.io_uring_disabled" :
							  "by a seccomp filter or another policy");
}

/* The best of what the kernel has: nobody is interrupted for completions, and they are done when we wait. */
static int open_uring(struct io_uring *uring, uint32_t entries, struct err *err)
{
	static const uint32_t ways[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, /* Linux 6.1 */
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,	 /* 6.0 */
		IORING_SETUP_COOP_TASKRUN,				 /* 5.19 */
		0,
	};
	int ret = -EINVAL;

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]) && ret == -EINVAL; i++) {
		struct io_uring_params params = { .flags = ways[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
						  .cq_entries = entries * COMPLETIONS };

		ret = io_uring_queue_init_params(entries, uring, &params);
	}
	if (ret)
		return refused(-ret, err);
	if ((uring->features & IORING_FEAT_NODROP) && (uring->features & IORING_FEAT_EXT_ARG))
		return 0;
	io_uring_queue_exit(uring);
	return err_set(err, ENOSYS, "io_uring of this kernel cannot wait for a time (Linux 5.11 can)");
}

static void give(struct ring *ring, uint32_t number, int offset)
{
	io_uring_buf_ring_add(ring->slots, ring->bytes + (size_t)number * RING_BUFFER_BYTES,
			      RING_BUFFER_BYTES, (uint16_t)number, (int)ring->nr_buffers - 1, offset);
}

static void *map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_buffers(struct ring *ring, uint32_t nr, struct err *err)
{
	struct io_uring_buf_reg reg = { .ring_entries = nr, .bgid = RING_BUFFER_GROUP };
	int ret;

	ring->nr_buffers = nr;
	ring->slots = map(nr * sizeof(struct io_uring_buf));
	ring->bytes = map((size_t)nr * RING_BUFFER_BYTES);
	if (!ring->slots || !ring->bytes)
		return err_set(err, ENOMEM, "out of memory");
	reg.ring_addr = (uintptr_t)ring->slots;
	ret = io_uring_register_buf_ring(&ring->uring, &reg, 0);
	if (ret == -EINVAL)
		return err_set(err, ENOSYS, "io_uring of this kernel has no buffer rings (Linux 5.19 has)");
	if (ret)
		return err_set(err, -ret, "cannot register buffers with io_uring: %s%s", strerror(-ret),
			       remedy(-ret));
	io_uring_buf_ring_init(ring->slots);
	for (uint32_t i = 0; i < nr; i++)
		give(ring, i, (int)i);
	io_uring_buf_ring_advance(ring->slots, (int)nr);
	return 0;
}

/* No flag tells of it: a byte that waits, and then the end, must come as two completions of one receive. */
static int check_receive(struct ring *ring, struct err *err)
{
	bool goes_on = false, more = true;
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return err_set(err, errno, "cannot open a socket: %s", strerror(errno));
	ret = write(pair[1], "", 1) == 1 ? 0 : -errno;
	close(pair[1]);
	ring_receive(ring, pair[0], 0);
	while (!ret && more) {
		int nr = ring_wait(ring, UINT64_MAX);

		if (nr < 0)
			ret = nr;
		for (; nr > 0; nr--) {
			struct ring_done done = ring_take(ring);

			more = done.flags & IORING_CQE_F_MORE;
			goes_on |= more && done.result == 1 && ring_buffer(ring, &done);
			ring_give_back(ring, &done);
		}
	}
	close(pair[0]);
	if (ret)
		return err_set(err, -ret, "cannot use io_uring: %s", strerror(-ret));
	return goes_on ? 0 :
			 err_set(err, ENOSYS,
				 "io_uring of this kernel has no multishot receive (Linux 6.0 has)");
}

int ring_open(struct ring *ring, const struct ring_sizes *sizes, struct err *err)
{
	int ret;

	*ring = (struct ring){};
	ret = open_uring(&ring->uring, sizes->entries, err);
	if (ret)
		return ret;
	ret = open_buffers(ring, sizes->buffers, err);
	if (!ret)
		ret = check_receive(ring, err);
	if (ret)
		ring_close(ring);
	return ret;
}

void ring_close(struct ring *ring)
{
	io_uring_queue_exit(&ring->uring);
	if (ring->slots)
		munmap(ring->slots, ring->nr_buffers * sizeof(struct io_uring_buf));
	if (ring->bytes)
		munmap(ring->bytes, (size_t)ring->nr_buffers * RING_BUFFER_BYTES);
}

struct io_uring_sqe *ring_entry(struct ring *ring)
{
	struct io_uring_sqe *entry;

	while (!(entry = io_uring_get_sqe(&ring->uring))) {
		int ret = io_uring_submit(&ring->uring);

		/* Memory that is short, or completions that wait for room: both pass, once the kernel goes
		 * on. */
		if (ret < 0 && ret != -EAGAIN && ret != -EBUSY && ret != -EINTR)
			abort(); /* cannot be: the ring would have to be gone */
	}
	return entry;
}

void ring_receive(struct ring *ring, int fd, uint64_t user_data)
{
	struct io_uring_sqe *entry = ring_entry(ring);

	io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
	entry->flags |= IOSQE_BUFFER_SELECT;
	entry->buf_group = RING_BUFFER_GROUP;
	entry->user_data = user_data;
}

void ring_cancel(struct ring *ring, uint64_t user_data)
{
	struct io_uring_sqe *entry = ring_entry(ring);

	io_uring_prep_cancel64(entry, user_data, 0);
	entry->user_data = RING_CANCELLED;
}

int ring_wait(struct ring *ring, uint64_t until_ns)
{
	struct __kernel_timespec left;
	struct io_uring_cqe *first;
	uint64_t now_ns;
	int ret;

	if (until_ns == UINT64_MAX) {
		ret = io_uring_submit_and_wait(&ring->uring, 1);
	} else {
		now_ns = clock_monotonic_ns();
		now_ns = until_ns > now_ns ? until_ns - now_ns : 0;
		left = (struct __kernel_timespec){ (int64_t)(now_ns / 1000000000u),
						   (long long)(now_ns % 1000000000u) };
		ret = io_uring_submit_and_wait_timeout(&ring->uring, &first, 1, &left, NULL);
	}
	if (ret < 0 && ret != -ETIME && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
		return ret;
	return (int)io_uring_cq_ready(&ring->uring);
}

struct ring_done ring_take(struct ring *ring)
{
	struct io_uring_cqe *first;
	struct ring_done done;

	io_uring_peek_cqe(&ring->uring, &first);
	done = (struct ring_done){ first->user_data, first->res, first->flags };
	io_uring_cqe_seen(&ring->uring, first);
	return done;
}

const char *ring_buffer(const struct ring *ring, const struct ring_done *done)
{
	if (!(done->flags & IORING_CQE_F_BUFFER))
		return NULL;
	return ring->bytes + (size_t)(done->flags >> IORING_CQE_BUFFER_SHIFT) * RING_BUFFER_BYTES;
}

void ring_give_back(struct ring *ring, const struct ring_done *done)
{
	if (!(done->flags & IORING_CQE_F_BUFFER))
		return;
	give(ring, done->flags >> IORING_CQE_BUFFER_SHIFT, 0);
	io_uring_buf_ring_advance(ring->slots, 1);
}
