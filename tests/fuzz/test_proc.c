// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any /proc and /sys/fs/cgroup: the target is found or refused with one sentence, the quota there or not. */
#include "tests/fuzz/fake_files.h"
#include "user/trace/quota.h"
#include "user/trace/target.h"

bool fuzz_reached;

/* What the input can describe; 4194304 is the highest that the kernel gives. */
#define PID  "77"
#define PORT 8080
#define NAME "nginx"

static void check_found(struct target_set *set, int ret, struct err *err, bool by_pid)
{
	REQUIRE(ret == -err->code && !ret == !*err->text, "returns %d with the sentence '%s'", ret,
		err->text);
	REQUIRE(ret || set->nr_pids, "nothing was found, and it was not said");
	REQUIRE(!by_pid || set->nr_pids == !ret, "%zu processes for one number", set->nr_pids);
	for (size_t i = 0; i < set->nr_pids; i++)
		for (size_t before = 0; before < i; before++)
			REQUIRE(set->pids[before] != set->pids[i], "process %u twice", set->pids[i]);
	target_set_fini(set);
	err_clear(err);
}

static void check_quota(const struct snapshot_quota *quota)
{
	if (!quota->present)
		return;
	REQUIRE(quota->quota_ns && quota->period_ns, "a quota of %llu in %llu",
		(unsigned long long)quota->quota_ns, (unsigned long long)quota->period_ns);
	REQUIRE(memchr(quota->cgroup, '\0', sizeof(quota->cgroup)), "its cgroup has a name that ends");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), comm[COMM_BYTES];
	struct quota_place place = {};
	struct snapshot_quota quota;
	struct target_set set = {};
	struct err err = {};
	bool found;
	int ret;

	fake_files_set(text);
	ret = target_by_pid(&set, PID, &err);
	check_found(&set, ret, &err, true);
	ret = target_by_port(&set, PORT, &err);
	found = !ret;
	check_found(&set, ret, &err, false);
	ret = target_by_name(&set, NAME, &err);
	check_found(&set, ret, &err, false);
	target_comm(77, comm);
	REQUIRE(memchr(comm, '\0', sizeof(comm)) && !strchr(comm, '\n'), "the name ends");
	quota_find(77, &place);
	quota_read(&place, &quota);
	check_quota(&quota);
	fuzz_reached |= found && quota.present;
	nr_fake_files = 0;
	free(text);
	return 0;
}
