/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is kept of threads that publish which request they work for (docs/thread-context.md), and of what they
 * did for those.  recording.h says how the one becomes the other.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_RECORD_H
#define WHYLATE_BPF_RECORD_H

#include "record_abi.h"
#include "work.h"

/* What a thread published when it was looked at. */
struct record_look {
	__u64 tag; /* names the request; 0: none.  The rest is only right if it is not 0. */
	__u8 trace_id[TRACE_ID_BYTES];
	__u64 object; /* what it calls the request; 0: nothing, and the rest is not known */
	__u64 since_ns;
	__u64 waited_ns;
};

_Static_assert(sizeof(struct record_look) == 48, "no hidden padding");

/* A look is being taken, which an interrupt's is not to disturb. */
enum look_busy {
	LOOK_NOT,
	LOOK_TAKEN,
	LOOK_LEFT, /* and its thread has left its CPU meanwhile */
};

/* A thread of a process that publishes records.  Only programs that run in it write this. */
struct recorded {
	struct record_place place;
	__u32 process;
	__u32 busy;		 /* enum look_busy */
	struct record_look look; /* the latest, */
	__u64 at_ns;		 /* when, */
	struct stamp at;	 /* and its clock then, if it showed a request */
	struct record_look next; /* the one that is being taken */
	struct record_thread thread;
	__u64 record; /* the address of its record, by the latest look; behind `thread`: see record_read() */
	struct stamp now;
	/* Of its run on its CPU (struct run), where that is kept, what others took between the two looks. */
	__u64 given_ns;
	__u64 free_from_ns;  /* from here on nobody has anything of it; not before `at_ns` */
	__u32 run;	     /* its place + 1; 0: none yet; or RUN_LATER, RUN_NONE */
	__u16 is_away;	     /* there is something in `away` */
	__u16 looks_in_vain; /* while it had a run, and had published nothing */
	/* The request that the latest one that it took up itself from its socket is, by both names. */
	__u64 own_tag;
	__u64 own_request;
	struct work_sums
		away; /* what went to accounts since its worker was advanced: the sockets have it not */
	struct parts sockets; /* scratch: what these say of a request that is answered */
};

_Static_assert(sizeof(struct recorded) <= 1024 - 72, "with the storage's own head it fits kmalloc-1k");
_Static_assert(__builtin_offsetof(struct recorded, record) ==
		       __builtin_offsetof(struct recorded, thread) + sizeof(struct record_thread),
	       "one read may fill both");

/* What threads did for a request which their sockets do not lead to. */
struct account {
	__u64 open;  /* until it is answered */
	__u64 at_ns; /* the latest look at a thread that works for it */
	/* Which request the latest one under this tag was that was answered, and when. */
	__u64 request;
	__u64 answered_ns;
	struct parts parts;
};

_Static_assert(sizeof(struct account) == 32 + sizeof(struct parts), "no hidden padding");

#define ACCOUNT_WAYS 8u

/*
 * Whose the accounts are that lie in one place: each request's tag; ACCOUNT_FREE, ACCOUNT_TAKEN: nobody's.
 * Apart from them, in a cache line: most of those who look for an account find that there is none.
 */
struct account_names {
	__u64 tags[ACCOUNT_WAYS];
};

_Static_assert(sizeof(struct account_names) == 64, "a cache line");

#define RUN_STRETCHES 4u /* a power of two */

/*
 * When a thread was on its CPU, unseen.  No program of ours runs in it as long as it does not leave its CPU,
 * nor wake, read or send anything: it may work for many requests meanwhile, and says of the latest alone when
 * that was.  So whoever answers one, and learns from the program which thread had it before and when, takes
 * that time out of the thread's run: each ns once, and none when it was not on its CPU.
 */
struct run {
	__u64 key;	/* of the thread, by run_key(); ACCOUNT_FREE: nobody's */
	__u64 from_ns;	/* since when its time on its CPU belongs to nobody yet; 0: it has no CPU */
	__u64 given_ns; /* what was taken out of that, of all its runs */
	__u64 seen_ns;	/* of that, what the thread knows of */
	__u64 kept;	/* number of the next stretch */
	/* The latest before that are nobody's; each is unlike all others by where it begins.  0: none. */
	struct {
		__u64 from_ns;
		__u64 to_ns;
	} stretches[RUN_STRETCHES];
};

_Static_assert(sizeof(struct run) == 40 + 16 * RUN_STRETCHES, "no hidden padding");

#define RUN_IN_VAIN 64 /* looks after which a thread that has published nothing gives its place back */

/* Of who has no place: it gets one when it has published something; or none any more. */
#define RUN_LATER (~0u - 1)
#define RUN_NONE  ~0u

#define ACCOUNT_FREE  0ull
#define ACCOUNT_TAKEN 1ull /* by somebody who makes it ready: no tag is that */
#define ACCOUNT_HELD  ~0ull

/* What nobody has worked for so long is missed by nobody: it will not be answered by us. */
#define ACCOUNT_KEPT_NS 10000000000ull

/*
 * Where places are wanted, which account is to go: the least worth first.  0: nobody will miss that of TAG,
 * ACCOUNT_HELD: it is being made ready.  Of others the one that was looked at longest ago, as requests that
 * are never answered, since their clients gave up, leave theirs behind: thousands a second in an overload.
 */
static __always_inline __u64 account_worth(const struct account *account, __u64 tag, __u64 now_ns)
{
	if (tag == ACCOUNT_TAKEN)
		return ACCOUNT_HELD;
	if (tag == ACCOUNT_FREE || !account->open || later_ns(now_ns, account->at_ns) > ACCOUNT_KEPT_NS)
		return 0;
	return account->at_ns;
}

static __always_inline void account_reopen(struct account *account, __u64 now_ns)
{
	__builtin_memset(&account->parts, 0, sizeof(account->parts));
	account->at_ns = now_ns;
	account->open = 1;
}

static __always_inline __u64 record_mix(__u64 word)
{
	word = (word ^ word >> 32) * 0xd6e8feb86659fd93ull;
	return word ^ word >> 32;
}

/*
 * The name of the request that a thread of PROCESS shows: the same trace may come by again, at the same time
 * and in other processes; what the program calls it is its own.
 */
static __always_inline __u64 record_tag(const __u8 trace_id[TRACE_ID_BYTES], __u64 object, __u32 process)
{
	const __u64 *id = (const __u64 *)trace_id;
	__u64 tag = record_mix(id[0] ^ record_mix(id[1] ^ record_mix(object ^ (__u64)process << 48)));

	return tag > ACCOUNT_TAKEN ? tag : ACCOUNT_TAKEN + 1;
}

/* The name of a thread of PROCESS: what it publishes beside its record lies at ADDRESS. */
static __always_inline __u64 run_key(__u64 address, __u32 process)
{
	/* Twice: threads' addresses differ by the same step, and would come to lie in the same few places. */
	__u64 key = record_mix(record_mix(address) ^ (__u64)process << 48);

	return key > ACCOUNT_TAKEN ? key : ACCOUNT_TAKEN + 1;
}

#endif /* WHYLATE_BPF_RECORD_H */
