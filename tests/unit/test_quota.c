// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The CPU quota over a process, on made-up cgroups of both versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "user/trace/quota.h"

#define MOUNT_V1 "/sys/fs/cgroup/cpu"
#define MOUNT_V2 "/sys/fs/cgroup"

/* Other v1 controllers come before it, among them one whose name begins alike. */
static void read_of(uint32_t pid, struct snapshot_quota *out)
{
	struct quota_place place = {};

	quota_find(pid, &place);
	quota_read(&place, out);
}

static void mount_v1(const char *controllers)
{
	fake_file("/proc/self/mountinfo",
		  "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
		  "30 22 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
		  "31 22 0:27 / /sys/fs/cgroup/acct rw - cgroup cgroup rw,cpuacct\n"
		  "32 22 0:28 / " MOUNT_V1 " rw,nosuid shared:9 - cgroup cgroup rw,%s\n",
		  controllers);
}

/* Only what is below ROOT is to be seen. */
static void mount_v1_of(const char *root)
{
	fake_file("/proc/self/mountinfo", "32 22 0:28 %s " MOUNT_V1 " rw - cgroup cgroup rw,cpu,cpuacct\n",
		  root);
}

static void mount_v2(void)
{
	fake_file("/proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
					  "30 22 0:26 / " MOUNT_V2 " rw,nosuid shared:9 - cgroup2 cgroup2 "
					  "rw,nsdelegate\n");
}

static void make_v1(const char *group, int64_t quota_us, uint64_t period_us, uint64_t throttled_ns)
{
	char path[256];

	snprintf(path, sizeof(path), MOUNT_V1 "%s/cpu.cfs_quota_us", group);
	fake_file(path, "%lld\n", (long long)quota_us);
	snprintf(path, sizeof(path), MOUNT_V1 "%s/cpu.cfs_period_us", group);
	fake_file(path, "%llu\n", (unsigned long long)period_us);
	snprintf(path, sizeof(path), MOUNT_V1 "%s/cpu.stat", group);
	fake_file(path, "nr_periods 100\nnr_throttled 7\nthrottled_time %llu\nnr_bursts 3\nburst_time 5\n",
		  (unsigned long long)throttled_ns);
}

static void make_v2(const char *group, const char *max, uint64_t throttled_us)
{
	char path[256];

	snprintf(path, sizeof(path), MOUNT_V2 "%s/cpu.max", group);
	fake_file(path, "%s\n", max);
	snprintf(path, sizeof(path), MOUNT_V2 "%s/cpu.stat", group);
	fake_file(path,
		  "usage_usec 9\nuser_usec 8\nsystem_usec 1\nnr_periods 200\nnr_throttled 11\n"
		  "throttled_usec %llu\nnr_bursts 3\nburst_usec 5\n",
		  (unsigned long long)throttled_us);
}

static void v1_quota_is_read(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	mount_v1("cpu");
	fake_file("/proc/42/cgroup", "4:cpuset:/wrong\n3:cpuacct:/wrong\n2:cpu:/web\n0::/wrong\n");
	make_v1("/web", 20000, 100000, 123456789);
	make_v1("/wrong", 1000, 100000, 1);
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.quota_ns, 20000000);
	assert_int_equal(quota.period_ns, 100000000);
	assert_int_equal(quota.periods, 100);
	assert_int_equal(quota.throttled_periods, 7);
	assert_int_equal(quota.throttled_ns, 123456789);
	assert_string_equal(quota.cgroup, "/web");
}

/* cpu and cpuacct are usually mounted together, in either order. */
static void v1_controllers_may_share_a_mount(void **state)
{
	static const char *const orders[] = { "cpu,cpuacct", "cpuacct,cpu" };
	struct snapshot_quota quota;

	(void)state;
	make_v1("/web", 20000, 100000, 1);
	for (size_t i = 0; i < 2; i++) {
		char line[64];

		mount_v1(orders[i]);
		snprintf(line, sizeof(line), "2:%s:/web\n", orders[i]);
		fake_file("/proc/42/cgroup", "%s", line);
		read_of(42, &quota);
		assert_true(quota.present);
		assert_string_equal(quota.cgroup, "/web");
	}
}

static void v2_quota_is_read(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	mount_v2();
	fake_file("/proc/42/cgroup", "0::/system.slice/web: 1.service\n");
	make_v2("/system.slice/web: 1.service", "150000 50000", 321);
	make_v2("/system.slice", "max 100000", 0);
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.quota_ns, 150000000);
	assert_int_equal(quota.period_ns, 50000000);
	assert_int_equal(quota.periods, 200);
	assert_int_equal(quota.throttled_periods, 11);
	assert_int_equal(quota.throttled_ns, 321000);
	assert_string_equal(quota.cgroup, "/system.slice/web: 1.service");
}

/* By CPUs, not by the quota's own length: 50 of 200 ms is less than 40 of 100. */
static void tightest_ancestor_wins(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	mount_v2();
	fake_file("/proc/42/cgroup", "0::/a/b/c\n");
	make_v2("/a", "50000 200000", 1000);
	make_v2("/a/b", "max 100000", 2000);
	make_v2("/a/b/c", "40000 100000", 3000);
	read_of(42, &quota);
	assert_true(quota.present);
	assert_string_equal(quota.cgroup, "/a");
	assert_int_equal(quota.throttled_ns, 1000000);

	make_v2("/a/b", "1000 100000", 2000);
	read_of(42, &quota);
	assert_string_equal(quota.cgroup, "/a/b");
	assert_int_equal(quota.throttled_ns, 2000000);
}

/* In a container the mount's root is the container's own cgroup. */
static void root_of_the_mount_counts(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	mount_v1("cpu,cpuacct");
	make_v1("", 30000, 100000, 5);
	fake_file("/proc/42/cgroup", "2:cpu,cpuacct:/\n");
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.quota_ns, 30000000);
	assert_string_equal(quota.cgroup, "/");
	/* Without a namespace for it, the paths are the host's. */
	mount_v1_of("/docker/0123456789abcdef");
	fake_file("/proc/42/cgroup", "2:cpu,cpuacct:/docker/0123456789abcdef\n");
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.quota_ns, 30000000);
	assert_string_equal(quota.cgroup, "/");
	make_v1("/web", 10000, 100000, 6);
	fake_file("/proc/42/cgroup", "2:cpu,cpuacct:/docker/0123456789abcdef/web\n");
	read_of(42, &quota);
	assert_int_equal(quota.quota_ns, 10000000);
	assert_string_equal(quota.cgroup, "/web");
}

/* The agent in one container, the target in another: the quota of the agent's own is not the target's. */
static void cgroup_that_is_not_to_be_seen_has_none(void **state)
{
	static const char *const outside[] = { "/..", "/../other", "/../../kubepods.slice/x.scope" };
	struct snapshot_quota quota;

	(void)state;
	mount_v2();
	make_v2("", "20000 100000", 7);
	make_v2("/..hidden", "30000 100000", 8); /* a name */
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		fake_file("/proc/42/cgroup", "0::%s\n", outside[i]);
		read_of(42, &quota);
		assert_false(quota.present);
	}
	fake_file("/proc/42/cgroup", "0::/..hidden\n");
	read_of(42, &quota);
	assert_true(quota.present);
	mount_v1("cpu");
	make_v1("", 20000, 100000, 7);
	mount_v1_of("/docker/ours");
	fake_file("/proc/42/cgroup", "2:cpu,cpuacct:/docker/ours-too\n");
	read_of(42, &quota);
	assert_false(quota.present);
}

/* The host's hierarchy, mounted in a container: its root is outside the namespace as well. */
static void mount_of_the_whole_hierarchy_shows_it(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	fake_file("/proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
					  "31 22 0:26 /../.. /sys/fs/host rw - cgroup2 cgroup2 rw\n");
	fake_file("/proc/42/cgroup", "0::/../../web\n");
	fake_file("/sys/fs/host/web/cpu.max", "40000 100000\n");
	fake_file("/sys/fs/host/web/cpu.stat", "nr_periods 1\nnr_throttled 1\nthrottled_usec 4\n");
	make_v2("", "20000 100000", 7);
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.quota_ns, 40000000);
	assert_string_equal(quota.cgroup, "/web");
}

/* v2 mounted beside, without the cpu controller: v1 has it. */
static void hybrid_finds_the_one_with_the_controller(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	fake_file("/proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
					  "32 22 0:28 / " MOUNT_V1 " rw,relatime - cgroup cgroup rw,cpu\n");
	fake_file("/proc/42/cgroup", "2:cpu:/web\n0::/elsewhere\n");
	fake_file("/sys/fs/cgroup/unified/elsewhere/cgroup.procs", "42\n");
	make_v1("/web", 20000, 100000, 77);
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.throttled_ns, 77);
}

static void no_quota_is_absent_and_no_error(void **state)
{
	struct snapshot_quota quota;

	(void)state;
	read_of(42, &quota); /* nothing is mounted, no such process */
	assert_false(quota.present);
	mount_v1("cpu");
	fake_file("/proc/42/cgroup", "2:cpu:/web\n");
	read_of(42, &quota); /* the cgroup was removed meanwhile */
	assert_false(quota.present);
	make_v1("/web", -1, 100000, 9);
	make_v1("", -1, 100000, 9);
	memset(&quota, 0xff, sizeof(quota));
	read_of(42, &quota);
	assert_false(quota.present);
	assert_int_equal(quota.throttled_ns, 0);
	assert_int_equal(quota.cgroup[0], '\0');
	mount_v2();
	fake_file("/proc/43/cgroup", "0::/web\n");
	make_v2("/web", "max 100000", 9);
	read_of(43, &quota);
	assert_false(quota.present);
}

/* The path is cut where it does not fit, and the figures stand. */
static void long_path_is_cut(void **state)
{
	char group[400] = "";
	struct snapshot_quota quota;
	char path[600];

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(group, "/tenletters");
	mount_v2();
	fake_file("/proc/42/cgroup", "0::%s\n", group);
	snprintf(path, sizeof(path), MOUNT_V2 "%s/cpu.max", group);
	fake_file(path, "1000 100000\n");
	snprintf(path, sizeof(path), MOUNT_V2 "%s/cpu.stat", group);
	fake_file(path, "nr_periods 1\nnr_throttled 1\nthrottled_usec 4\n");
	read_of(42, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.throttled_ns, 4000);
	assert_int_equal(strlen(quota.cgroup), sizeof(quota.cgroup) - 1);
	assert_memory_equal(quota.cgroup, group, sizeof(quota.cgroup) - 1);
}

#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

/* The last report is made when the target is gone; its cgroup still knows how often it was throttled. */
static void quota_outlives_its_process(void **state)
{
	struct quota_place place = {};
	struct snapshot_quota quota;

	(void)state;
	mount_v2();
	fake_file("/proc/42/cgroup", "0::/service\n");
	make_v2("/service", "20000 100000", 300);
	quota_find(42, &place);
	quota_find(43, &place); /* no such process */
	quota_read(&place, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.throttled_ns, 300000);
	assert_string_equal(quota.cgroup, "/service");
}

/* Services' cgroups are removed as soon as they are empty; what is said of one then is not where it was. */
static void cgroup_that_is_gone_is_known_to_be(void **state)
{
	struct quota_place place = {};

	(void)state;
	assert_false(quota_is_gone(&place)); /* it never was there */
	mount_v2();
	fake_file("/proc/42/cgroup", "0::/service\n");
	make_v2("/service", "20000 100000", 300);
	quota_find(42, &place);
	assert_false(quota_is_gone(&place));
	fake_file("/proc/42/cgroup", "0::/service (deleted)\n");
	quota_find(42, &place);
	assert_string_equal(place.path[1], "/service");
	fake_unlink(MOUNT_V2 "/service/cpu.stat");
	assert_true(quota_is_gone(&place));
}

/* Version 1 moves it to the root as soon as it begins to end, for as long as nobody has waited for it. */
static void v1_quota_outlives_its_process(void **state)
{
	struct quota_place place = {};
	struct snapshot_quota quota;

	(void)state;
	mount_v1("cpu");
	fake_file("/proc/42/cgroup", "2:cpu:/web\n");
	make_v1("/web", 20000, 100000, 300);
	quota_find(42, &place);
	fake_file("/proc/42/cgroup", "2:cpu:/\n");
	quota_find(42, &place);
	quota_read(&place, &quota);
	assert_true(quota.present);
	assert_int_equal(quota.throttled_ns, 300);
	assert_string_equal(quota.cgroup, "/web");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAKE(v1_quota_is_read),
		ON_FAKE(v1_controllers_may_share_a_mount),
		ON_FAKE(v2_quota_is_read),
		ON_FAKE(tightest_ancestor_wins),
		ON_FAKE(root_of_the_mount_counts),
		ON_FAKE(cgroup_that_is_not_to_be_seen_has_none),
		ON_FAKE(mount_of_the_whole_hierarchy_shows_it),
		ON_FAKE(hybrid_finds_the_one_with_the_controller),
		ON_FAKE(no_quota_is_absent_and_no_error),
		ON_FAKE(long_path_is_cut),
		ON_FAKE(quota_outlives_its_process),
		ON_FAKE(cgroup_that_is_gone_is_known_to_be),
		ON_FAKE(v1_quota_outlives_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
