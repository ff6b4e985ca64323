#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "os/os.hpp"
#include "os/testing.hpp"

namespace muster::os {
namespace {

namespace fs = std::filesystem;

constexpr int kMask = 64;

// What the kernel would show, in files of a temporary directory.
class UsableCpus : public ::testing::Test {
 protected:
  UsableCpus() {
    std::string name = (fs::temp_directory_path() / "muster-cpus-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    root_ = name;
  }
  ~UsableCpus() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void groups(const std::string& text) { put("/proc/self/cgroup", text); }
  void mounts(const std::string& text) { put("/proc/self/mountinfo", text); }

  void v2(const std::string& group) {
    groups("0::" + group + "\n");
    mounts("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  void v1(const std::string& group) {
    groups("12:pids:/elsewhere\n4:cpu,cpuacct:" + group + "\n3:cpuset:/elsewhere\n1:name=systemd:/elsewhere\n");
    mounts(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpuset rw shared:9 master:1 - cgroup cgroup rw,cpuset\n"
        "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  }
  void v1_quota(const std::string& directory, const std::string& quota, const std::string& period = "100000\n") {
    put(directory + "/cpu.cfs_quota_us", quota);
    put(directory + "/cpu.cfs_period_us", period);
  }

  int usable(int mask = kMask) const { return usable_cpus_under(root_, mask); }

  std::string root_;
};

// ---- without quota ----

TEST_F(UsableCpus, without_any_file_are_the_mask) {
  EXPECT_EQ(usable(), kMask);
  EXPECT_EQ(usable(1), 1);
}

TEST_F(UsableCpus, are_at_least_one) {
  EXPECT_EQ(usable(0), 1);
  EXPECT_EQ(usable(-5), 1);
}

TEST_F(UsableCpus, without_quota_are_the_mask) {
  v2("/a/b");
  put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(usable(), kMask);
  v1("/a");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "-1\n");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, with_groups_but_no_mounts_are_the_mask) {
  groups("0::/a\n");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, with_mounts_but_no_groups_are_the_mask) {
  v2("/");
  put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  fs::remove(root_ + "/proc/self/cgroup");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, with_unreadable_files_are_the_mask) {
  v2("/a");
  fs::create_directories(root_ + "/sys/fs/cgroup/a/cpu.max");  // to read a directory is an error, for root too
  EXPECT_EQ(usable(), kMask);
  fs::remove(root_ + "/proc/self/mountinfo");
  fs::create_directory(root_ + "/proc/self/mountinfo");
  EXPECT_EQ(usable(), kMask);
}

// ---- v2 ----

TEST_F(UsableCpus, pain_14_v2_quota_is_the_number_rounded_up) {
  v2("/a");
  for (const auto& [text, cpus] : {std::pair{"100000 100000\n", 1},
                                   {"200000 100000\n", 2},
                                   {"100001 100000\n", 2},
                                   {"150000 100000\n", 2},
                                   {"1000 100000\n", 1},
                                   {"800000 100000\n", 8},
                                   {"25000 50000", 1}}) {
    put("/sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(usable(), cpus) << text;
  }
}

TEST_F(UsableCpus, quota_above_the_mask_does_not_count) {
  v2("/a");
  put("/sys/fs/cgroup/a/cpu.max", "800000 100000\n");
  EXPECT_EQ(usable(3), 3);
}

TEST_F(UsableCpus, v2_quota_of_every_ancestor_counts) {
  v2("/a/b/c");
  put("/sys/fs/cgroup/a/b/c/cpu.max", "600000 100000\n");
  EXPECT_EQ(usable(), 6);
  put("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(usable(), 4);
  put("/sys/fs/cgroup/a/cpu.max", "500000 100000\n");
  EXPECT_EQ(usable(), 4);
  put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(usable(), 2);
}

TEST_F(UsableCpus, v2_quota_of_other_groups_does_not_count) {
  v2("/a/b");
  put("/sys/fs/cgroup/a/sibling/cpu.max", "100000 100000\n");
  put("/sys/fs/cgroup/a/b/child/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, v2_group_that_was_removed_leaves_its_ancestors) {
  v2("/a/gone (deleted)");
  put("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(usable(), 3);
}

TEST_F(UsableCpus, v2_quota_without_period_has_the_usual_one) {
  v2("/a");
  put("/sys/fs/cgroup/a/cpu.max", "300000\n");
  EXPECT_EQ(usable(), 3);
}

// ---- v1 ----

TEST_F(UsableCpus, pain_14_v1_quota_is_the_number_rounded_up) {
  v1("/a");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "100000\n");
  EXPECT_EQ(usable(), 1);
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "200000\n");
  EXPECT_EQ(usable(), 2);
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "250000\n");
  EXPECT_EQ(usable(), 3);
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "250000\n", "50000\n");
  EXPECT_EQ(usable(), 5);
}

TEST_F(UsableCpus, v1_quota_of_every_ancestor_counts) {
  v1("/a/b");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a/b", "500000\n");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/a", "200000\n");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct", "-1\n");
  EXPECT_EQ(usable(), 2);
}

TEST_F(UsableCpus, v1_quota_of_other_controllers_does_not_count) {
  v1("/a");
  v1_quota("/sys/fs/cgroup/cpuset/a", "100000\n");
  v1_quota("/sys/fs/cgroup/cpu,cpuacct/elsewhere", "100000\n");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, v1_quota_without_period_does_not_count) {
  v1("/a");
  put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(usable(), kMask);
}

TEST_F(UsableCpus, hybrid_takes_the_tighter_of_both_versions) {
  groups("4:cpu:/one\n0::/two\n");
  mounts(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  v1_quota("/sys/fs/cgroup/cpu/one", "400000\n");
  v1_quota("/sys/fs/cgroup/unified/two", "100000\n");        // v1 files in v2 mean nothing
  put("/sys/fs/cgroup/cpu/one/cpu.max", "100000 100000\n");  // nor v2 files in v1
  EXPECT_EQ(usable(), 4);
  put("/sys/fs/cgroup/unified/two/cpu.max", "300000 100000\n");
  EXPECT_EQ(usable(), 3);
}

// ---- mounts and namespaces ----

TEST_F(UsableCpus, mount_may_be_anywhere) {
  groups("0::/a:b c\n");
  mounts("30 23 0:26 / /my\\040cgroups\\134 rw - cgroup2 none rw\n");
  put("/my cgroups\\/a:b c/cpu.max", "200000 100000\n");
  EXPECT_EQ(usable(), 2);
}

TEST_F(UsableCpus, group_at_the_mounts_root_is_the_mount_point) {
  groups("4:cpu,cpuacct:/docker/f00\n");
  mounts("33 31 0:30 /docker/f00 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
  v1_quota("/sys/fs/cgroup/cpu", "200000\n");
  EXPECT_EQ(usable(), 2);
}

TEST_F(UsableCpus, group_below_the_mounts_root_is_below_the_mount_point) {
  groups("0::/docker/f00/inner\n");
  mounts("33 31 0:30 /docker/f00 /cg rw - cgroup2 cgroup rw\n");
  put("/cg/cpu.max", "500000 100000\n");
  put("/cg/inner/cpu.max", "400000 100000\n");
  put("/cg/docker/f00/inner/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), 4);
}

TEST_F(UsableCpus, group_beside_the_mounts_root_takes_the_mount_points_quota) {
  groups("0::/docker/f00d\n");
  mounts("33 31 0:30 /docker/f00 /cg rw - cgroup2 cgroup rw\n");
  put("/cg/cpu.max", "500000 100000\n");
  put("/cg/d/cpu.max", "100000 100000\n");  // what is left of the path once the root's text is cut off
  EXPECT_EQ(usable(), 5);
}

TEST_F(UsableCpus, group_outside_of_the_namespace_takes_the_mount_points_quota) {
  v2("/../sibling/x");
  put("/sys/fs/cgroup/cpu.max", "500000 100000\n");
  put("/sys/fs/sibling/x/cpu.max", "100000 100000\n");  // where the path would lead out of the mount
  put("/sys/fs/sibling/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), 5);
  groups("0::/..\n");
  EXPECT_EQ(usable(), 5);
}

TEST_F(UsableCpus, mount_of_an_outer_namespace_shows_groups_beside_ours) {
  groups("0::/../sibling/x\n");
  mounts("30 23 0:26 /.. /cg rw - cgroup2 cgroup2 rw\n");
  put("/cg/cpu.max", "900000 100000\n");
  put("/cg/sibling/cpu.max", "700000 100000\n");
  put("/cg/sibling/x/cpu.max", "800000 100000\n");
  EXPECT_EQ(usable(), 7);
}

TEST_F(UsableCpus, mount_above_our_namespace_gives_its_own_quota) {
  groups("0::/inner\n");
  mounts("30 23 0:26 /../.. /cg rw - cgroup2 cgroup2 rw\n");
  put("/cg/cpu.max", "300000 100000\n");
  EXPECT_EQ(usable(), 3);
}

TEST_F(UsableCpus, mount_that_shows_the_group_is_preferred) {
  groups("0::/a\n");
  mounts(
      "30 23 0:26 /other /narrow rw - cgroup2 cgroup2 rw\n"
      "31 23 0:26 / /wide rw - cgroup2 cgroup2 rw\n");
  put("/narrow/cpu.max", "100000 100000\n");
  put("/wide/a/cpu.max", "400000 100000\n");
  EXPECT_EQ(usable(), 4);
}

TEST_F(UsableCpus, mount_that_is_hidden_by_another_does_not_count) {
  groups("0::/a\n");
  mounts(
      "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n"
      "31 30 0:27 / /cg rw - tmpfs tmpfs rw\n");
  put("/cg/a/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), kMask);
}

// ---- what no kernel writes ----

TEST_F(UsableCpus, with_garbage_for_a_quota_are_the_mask) {
  v2("/a");
  for (const char* text : {"", "\n", " ", "x", "12x 100000", "100000 x", "100000 0", "100000 -1", "-1 100000", "-5 -5",
                           "1.5 100000", "100000  100000", "99999999999999999999 100000", "max", "\n100000 100000"}) {
    put("/sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(usable(), kMask) << text;
  }
}

TEST_F(UsableCpus, with_a_quota_of_zero_are_one) {
  v2("/a");
  put("/sys/fs/cgroup/a/cpu.max", "0 100000\n");
  EXPECT_EQ(usable(), 1);
}

TEST_F(UsableCpus, with_huge_numbers_do_not_overflow) {
  v2("/a");
  put("/sys/fs/cgroup/a/cpu.max", "9223372036854775807 1\n");
  EXPECT_EQ(usable(), kMask);
  EXPECT_EQ(usable(INT32_MAX), INT32_MAX);
  put("/sys/fs/cgroup/a/cpu.max", "9223372036854775807 9223372036854775807\n");
  EXPECT_EQ(usable(), 1);
}

TEST_F(UsableCpus, with_garbage_for_lines_are_the_mask) {
  const std::string binary("\0\\\xff:::/\n\n - \n::\n0::\n0::x\n0", 24);
  for (const std::string& text : {std::string("\n\n\n"), std::string(":"), std::string(100'000, 'x'),
                                  std::string("a b c d e f - cgroup2"), std::string("a b c d\\04 e\\999 - "), binary}) {
    groups(text);
    mounts(text);
    EXPECT_EQ(usable(), kMask) << text;
  }
}

TEST_F(UsableCpus, line_among_garbage_is_found) {
  groups("garbage\n0::relative\n7:cpu\n0::/a");
  mounts("garbage\n\n30 23 0:26 / /cg rw tag:1 -notyet - cgroup2 cgroup2 rw");
  put("/cg/a/cpu.max", "200000 100000");
  EXPECT_EQ(usable(), 2);
}

TEST_F(UsableCpus, leave_no_descriptor_open) {
  v2("/a/b");
  fs::create_directories(root_ + "/sys/fs/cgroup/a/cpu.max");
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  usable();
  usable_cpus();
  EXPECT_EQ(testing::open_descriptors(), descriptors);
}

// ---- this machine ----

TEST(UsableCpusHere, are_no_more_than_the_affinity_mask) {
  EXPECT_GE(usable_cpus(), 1);
  EXPECT_LE(usable_cpus(), static_cast<int>(thread_affinity().size()));
}

TEST(UsableCpusHere, of_a_thread_pinned_to_one_are_one) {
  std::thread([] {
    set_thread_affinity({thread_affinity().front()});
    EXPECT_EQ(usable_cpus(), 1);
  }).join();
}

}  // namespace
}  // namespace muster::os
