// The reference's direct contexts: rows, rates, histories, and a learner that predicts with them.
#include "tests/reference/contexts.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"
#include "tests/reference/online_stream.h"

namespace millrace::reference {
namespace {

Vector OneHot(int byte) {
  Vector z(256);
  if (byte >= 0) z[byte] = 1;
  return z;
}

TEST(ReferenceContexts, AHistoryHoldsTheLastFourBytesTheLatestFirst) {
  Vector history(4);
  for (const int byte : {1, 2, 3, -1, 4, 5}) history = Contexts::Push(history, OneHot(byte));
  EXPECT_EQ(history, (Vector{5, 4, 3, 2}));
}

TEST(ReferenceContexts, ARowLearnsAtARateThatFallsToTheLeast) {
  Contexts contexts(MakePart("linear", {{"context_orders", 1},
                                        {"context_rate", 2},
                                        {"context_rate_fall", 0.5},
                                        {"context_least_rate", 1.3}}));
  const Vector history = {9, 0, 0, 0};
  Vector dz(256);
  dz[7] = -0.5;
  for (int t = 0; t < 3; ++t) contexts.Learn(history, dz);
  Vector logits(256, 1.0);
  contexts.AddLogits(history, &logits);
  // Rates 2, 2 / sqrt(2), and 2 / sqrt(3), which is below the least.
  EXPECT_DOUBLE_EQ(logits[7], 1 + 0.5 * (2 + std::sqrt(2.0) + 1.3));
  EXPECT_EQ(logits[6], 1);
  Vector others(256);
  contexts.AddLogits({8, 0, 0, 0}, &others);
  EXPECT_EQ(others, Vector(256));
}

TEST(ReferenceContexts, AnOrderThatFitsIsTheKeyItselfAndOthersAreHashed) {
  Contexts contexts(MakePart("linear", {{"context_orders", 3}, {"context_bits", 16}}));
  contexts.Learn({0x12, 0x34, 0x56, 0}, OneHot(0));
  std::vector<std::pair<int, std::uint64_t>> rows;
  for (const auto& [row, unused] : contexts.rows()) rows.push_back(row);
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0], (std::pair<int, std::uint64_t>{1, 0x12}));
  EXPECT_EQ(rows[1], (std::pair<int, std::uint64_t>{2, 0x3412}));
  // (0x563412 + 3 2^32) mixed, its upper 16 bits, computed apart.
  EXPECT_EQ(rows[2], (std::pair<int, std::uint64_t>{3, 0xdf8f}));
}

// A text of period 3 is learned by contexts alone: all rates of the weights are 0.
TEST(ReferenceContexts, AStreamLearnsARepeatingTextThroughThem) {
  Specification specification =
      SmallSpecification(MakePart("vanilla", {{"units", 1}}), MakePart("immediate"));
  specification.input.bytes = true;
  specification.input.size = specification.outputs = 256;
  specification.loss = MakePart("cross_entropy");
  specification.head = MakePart("linear", {{"context_orders", 2}});
  specification.optimizer = MakePart("sgd", {{"rate", 0}});
  specification.target = TargetMode::kNextInput;
  const Vector weights(static_cast<std::size_t>(RecurrentNetwork(specification).layout().Size()));
  OnlineStream stream(specification, weights);
  Vector y;
  for (int t = 0; t < 60; ++t) {
    Observation observation;
    observation.byte = static_cast<std::uint8_t>("abc"[t % 3]);
    y = stream.Observe(observation);
  }
  // The last byte was c.
  EXPECT_GT(Softmax(y)['a'], 0.9);
  EXPECT_EQ(stream.learner().weights(), weights);
  Observation reset;
  reset.byte = 'a';
  reset.reset_before = true;
  stream.Observe(reset);
  EXPECT_EQ(Vector(stream.state().end() - 4, stream.state().end()), (Vector{'a', 0, 0, 0}));
}

}  // namespace
}  // namespace millrace::reference
