#include "engine/snapshot.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/errors.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

Snapshot Sample() {
  Snapshot snapshot;
  snapshot.model_digest = std::string(64, 'a');
  snapshot.numeric_path = "cpu-1";
  snapshot.tensors = {
      {"learner.weights", TensorType::kFloat32, {2, 3}, std::string(24, '\x01'), true, true},
      {"learner.power1", TensorType::kFloat64, {}, std::string(8, '\x02'), true, true},
      {"monitor.count", TensorType::kInt64, {1}, std::string(8, '\x03'), false, true},
      {"messages", TensorType::kUint8, {5}, "abcde", false, false},
      {"empty", TensorType::kFloat64, {0, 7}, "", false, true}};
  return snapshot;
}

void ExpectEqual(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.model_digest, b.model_digest);
  EXPECT_EQ(a.numeric_path, b.numeric_path);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].name, b.tensors[i].name);
    EXPECT_EQ(a.tensors[i].type, b.tensors[i].type);
    EXPECT_EQ(a.tensors[i].shape, b.tensors[i].shape);
    EXPECT_EQ(a.tensors[i].bytes, b.tensors[i].bytes);
    EXPECT_EQ(a.tensors[i].learner, b.tensors[i].learner);
    EXPECT_EQ(a.tensors[i].counted, b.tensors[i].counted);
  }
}

TEST(SnapshotTest, DecodingGivesBackWhatWasEncoded) {
  const absl::StatusOr<Snapshot> decoded = DecodeSnapshot(EncodeSnapshot(Sample()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectEqual(*decoded, Sample());
}

TEST(SnapshotTest, TheBytesAreTheSameInEveryRelease) {
  EXPECT_EQ(Sha256Hex(EncodeSnapshot(Sample())),
            "40162b730d3927392afc5a93ef4a9de2087b22abf01a0cf80b8763473b81aaf1");
  EXPECT_EQ(SnapshotDigest(Sample()),
            "8842aa6467f6fce5fc61c4d3807389ec85aedeae61d1d0394fd2065e36c2c8ec");
}

TEST(SnapshotTest, ATruncatedOrLengthenedSnapshotIsRefusedAtEveryLength) {
  const std::string whole = EncodeSnapshot(Sample());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const absl::StatusOr<Snapshot> decoded = DecodeSnapshot(whole.substr(0, length));
    ASSERT_FALSE(decoded.ok()) << length;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReasonOf(decoded.status()), kDamaged);
  }
  EXPECT_FALSE(DecodeSnapshot(whole + '\0').ok());
}

TEST(SnapshotTest, FlippedBitsNeverCrashAndWhatIsAcceptedEncodesToTheSameBytes) {
  const std::string whole = EncodeSnapshot(Sample());
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const absl::StatusOr<Snapshot> decoded = DecodeSnapshot(damaged);
    if (decoded.ok()) {
      EXPECT_EQ(EncodeSnapshot(*decoded), damaged) << bit;
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(SnapshotTest, RandomBytesBehindAValidHeadNeverCrash) {
  testing_support::Numbers numbers(1);
  const std::string whole = EncodeSnapshot(Sample());
  for (int trial = 0; trial < 20000; ++trial) {
    std::string bytes = whole.substr(0, static_cast<std::size_t>(numbers.Index(120)));
    for (int i = numbers.Index(60); i > 0; --i) {
      bytes.push_back(numbers.Chance(0.5) ? '\0' : static_cast<char>(numbers.Bits()));
    }
    const absl::StatusOr<Snapshot> decoded = DecodeSnapshot(bytes);
    if (decoded.ok()) {
      EXPECT_EQ(EncodeSnapshot(*decoded), bytes);
    }
  }
}

TEST(SnapshotTest, CountsLargerThanTheInputAllocateNothing) {
  // magic, version, two empty texts, 2^32 - 1 tensors.
  std::string bytes("MILLSNAP\x01\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 24);
  EXPECT_FALSE(DecodeSnapshot(bytes).ok());
  // One tensor of 2^62 doubles.
  bytes = std::string("MILLSNAP\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0", 24);
  bytes += std::string("\x01\0\0\0x\x02\x02\x01\0\0\0\0\0\0\0\x40", 16);
  EXPECT_FALSE(DecodeSnapshot(bytes).ok());
}

TEST(SnapshotTest, TheDigestsSeeExactlyWhatCountsForThem) {
  const Snapshot sample = Sample();
  Snapshot other = sample;
  other.numeric_path = "cpu-2";
  other.tensors[3].bytes = "vwxyz";
  EXPECT_EQ(SnapshotDigest(other), SnapshotDigest(sample));
  EXPECT_EQ(SnapshotLearnerDigest(other), SnapshotLearnerDigest(sample));

  other.tensors[2].bytes[0] = '\x04';
  EXPECT_NE(SnapshotDigest(other), SnapshotDigest(sample));
  EXPECT_EQ(SnapshotLearnerDigest(other), SnapshotLearnerDigest(sample));

  other = sample;
  other.tensors[0].bytes[5] = '\x07';
  EXPECT_NE(SnapshotLearnerDigest(other), SnapshotLearnerDigest(sample));
  other = sample;
  other.tensors[0].shape = {3, 2};
  EXPECT_NE(SnapshotLearnerDigest(other), SnapshotLearnerDigest(sample));
  other = sample;
  other.tensors[0].name = "learner.weight_";
  EXPECT_NE(SnapshotLearnerDigest(other), SnapshotLearnerDigest(sample));
}

TEST(SnapshotTest, Sha256AgreesWithThePublishedExamples) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace millrace::engine
