#include "server/store/headroom.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

constexpr std::int64_t kMinFree = 8 << 20;

TEST(Headroom, AdmitsWhileTheSpaceIsThereAndAgainWhenItIsBack) {
  Folder folder;
  FakeEnvironment environment;
  Headroom headroom(folder.path(), kMinFree, &environment);
  EXPECT_TRUE(headroom.Admits());
  environment.SetFreeBytes(kMinFree - 1);
  EXPECT_FALSE(headroom.Admits());
  environment.SetFreeBytes(kMinFree);
  EXPECT_TRUE(headroom.Admits());
}

TEST(Headroom, HoldsAReserveUntilSpaceIsNearlyGoneAndTakesItAgain) {
  Folder folder;
  FakeEnvironment environment;
  Headroom headroom(folder.path(), kMinFree, &environment);
  const std::string reserve = folder / "reserve";
  ASSERT_TRUE(headroom.holds_reserve());
  EXPECT_EQ(std::filesystem::file_size(reserve), static_cast<std::uintmax_t>(kMinFree / 8));
  environment.SetFreeBytes(kMinFree - 1);
  headroom.Admits();
  EXPECT_TRUE(std::filesystem::exists(reserve)) << "given up too early";
  environment.SetFreeBytes(kMinFree / 8 - 1);
  headroom.Admits();
  EXPECT_FALSE(std::filesystem::exists(reserve));
  environment.SetFreeBytes(kMinFree);
  EXPECT_TRUE(headroom.Admits());
  EXPECT_FALSE(headroom.holds_reserve()) << "taking it would close admission again";
  environment.SetFreeBytes(2 * kMinFree);
  EXPECT_TRUE(headroom.Admits());
  EXPECT_TRUE(std::filesystem::exists(reserve));
}

TEST(Headroom, TakesNoReserveWhereThereIsNoRoomForIt) {
  Folder folder;
  FakeEnvironment environment;
  environment.SetFreeBytes(kMinFree);
  Headroom headroom(folder.path(), kMinFree, &environment);
  EXPECT_FALSE(headroom.holds_reserve());
}

TEST(Headroom, OfZeroAdmitsAlways) {
  Folder folder;
  FakeEnvironment environment;
  environment.SetFreeBytes(0);
  Headroom headroom(folder.path(), 0, &environment);
  EXPECT_TRUE(headroom.Admits());
  EXPECT_FALSE(headroom.holds_reserve());
}

}  // namespace
}  // namespace millrace::server
