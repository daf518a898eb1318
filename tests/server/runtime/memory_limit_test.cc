#include "server/runtime/memory_limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path full = folder_ / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  std::int64_t Read() { return AvailableMemoryBytes(folder_ / "membership", folder_ / "groups"); }

  Folder folder_;
};

std::int64_t MachineBytes() {
  return static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
}

TEST_F(MemoryLimitTest, IsTheMachinesWhereThereIsNoGroupOrNoLimit) {
  EXPECT_EQ(Read(), MachineBytes());
  Write("membership", "0::/a\n");
  Write("groups/a/memory.max", "max\n");
  EXPECT_EQ(Read(), MachineBytes());
}

TEST_F(MemoryLimitTest, IsTheLeastOnTheWayToTheRootInVersionTwo) {
  Write("membership", "0::/pods/one/server\n");
  Write("groups/pods/one/server/memory.max", "3000000\n");
  Write("groups/pods/one/memory.max", "2000000\n");
  Write("groups/pods/memory.max", "max\n");
  EXPECT_EQ(Read(), 2000000);
}

TEST_F(MemoryLimitTest, IsFoundAtTheRootInsideAContainer) {
  Write("membership", "0::/\n");
  Write("groups/memory.max", "1500000\n");
  EXPECT_EQ(Read(), 1500000);
}

TEST_F(MemoryLimitTest, IsTheMemoryControllersInVersionOne) {
  Write("membership", "9:cpu,cpuacct:/other\n7:memory:/docker/abc\n1:name=systemd:/x\n");
  Write("groups/memory/docker/abc/memory.limit_in_bytes", "1000000\n");
  Write("groups/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("groups/other/memory.limit_in_bytes", "5\n");
  EXPECT_EQ(Read(), 1000000);
}

}  // namespace
}  // namespace millrace::server
