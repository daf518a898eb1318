#include "server/store/keys.h"

#include <string>

#include "gtest/gtest.h"

namespace millrace::server {
namespace {

TEST(Keys, SortAsEpochAndEventDo) {
  EXPECT_LT(JournalKey("a", 1, 255), JournalKey("a", 1, 256));
  EXPECT_LT(JournalKey("a", 1, 1ull << 40), JournalKey("a", 2, 0));
  EXPECT_EQ(LastNumber(JournalKey("a", 3, 77)), 77u);
}

TEST(Keys, OfOneStreamAreNotAmongThoseOfAnotherWhoseIdItBegins) {
  const std::string begin = StreamPrefix("a");
  const std::string end = PrefixEnd(begin);
  EXPECT_LE(begin, JournalKey("a", ~0ull, ~0ull));
  EXPECT_LT(JournalKey("a", ~0ull, ~0ull), end);
  for (const std::string other : {"aa", "ab", "b", "A", "a."}) {
    const std::string key = JournalKey(other, 0, 0);
    EXPECT_TRUE(key < begin || key >= end) << other;
  }
}

TEST(Keys, GiveTheirStreamBack) {
  EXPECT_EQ(StreamOfKey(JournalKey("subject-1", 4, 5)), "subject-1");
  const std::string longest(128, 'x');
  EXPECT_EQ(StreamOfKey(JournalKey(longest, 0, 0)), longest);
}

TEST(Keys, KeepCommitsApartFromChunks) {
  EXPECT_LT(CommitKey("z", ~0ull), ChunkKey("a", 0, 0));
  EXPECT_LT(ChunkKey("a", 7, 255), ChunkKey("a", 7, 256));
  EXPECT_LT(ChunkKey("a", 7, ~0u), ChunkKey("a", 8, 0));
}

}  // namespace
}  // namespace millrace::server
