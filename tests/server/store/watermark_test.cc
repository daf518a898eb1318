#include "server/store/watermark.h"

#include <fstream>

#include "gtest/gtest.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

SyncedPoint Reopened(const std::string& path, Environment* environment) {
  const auto watermark = Watermark::Open(path, environment);
  return watermark.ok() ? (*watermark)->synced() : SyncedPoint{~0ull, 0, 0};
}

TEST(Watermark, IsZeroWhereItIsNew) {
  Folder folder;
  FakeEnvironment environment;
  EXPECT_EQ(Reopened(folder / "watermark", &environment).sequence, 0u);
}

TEST(Watermark, KeepsTheNewestPoint) {
  Folder folder;
  FakeEnvironment environment;
  const std::string path = folder / "watermark";
  auto watermark = Watermark::Open(path, &environment);
  ASSERT_TRUE(watermark.ok());
  for (std::uint64_t sequence : {10, 20, 30}) {
    ASSERT_TRUE((*watermark)->Note({sequence, 4, sequence * 100}, true).ok());
    EXPECT_EQ(Reopened(path, &environment).sequence, sequence);
  }
  EXPECT_EQ(Reopened(path, &environment).segment_bytes, 3000u);
}

TEST(Watermark, TornInOneSlotFallsBackToTheOther) {
  Folder folder;
  FakeEnvironment environment;
  const std::string path = folder / "watermark";
  auto watermark = Watermark::Open(path, &environment);
  ASSERT_TRUE(watermark.ok());
  ASSERT_TRUE((*watermark)->Note({10, 1, 1}, true).ok());
  ASSERT_TRUE((*watermark)->Note({20, 1, 2}, true).ok());
  // The second note went to the first slot.
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(16);
  file.put('\x7f');
  file.close();
  EXPECT_EQ(Reopened(path, &environment).sequence, 10u);
}

TEST(Watermark, OfAnotherFileIsNoPoint) {
  Folder folder;
  FakeEnvironment environment;
  const std::string path = folder / "watermark";
  std::ofstream(path) << std::string(96, 'x');
  EXPECT_EQ(Reopened(path, &environment).sequence, 0u);
}

}  // namespace
}  // namespace millrace::server
