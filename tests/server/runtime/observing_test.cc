// What the runtime tells those who watch it.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

class Listener final : public RuntimeObserver {
 public:
  void OnBegun(double wait_s) override {
    const std::lock_guard lock(mutex);
    ++begun;
    longest_wait_s = std::max(longest_wait_s, wait_s);
  }
  void OnLearnerTimed(const std::string&, std::uint64_t steps, double apply_s,
                      double learner_s) override {
    const std::lock_guard lock(mutex);
    timed_steps += steps;
    EXPECT_GT(learner_s, 0);
    EXPECT_LT(learner_s, apply_s);
  }
  void OnApplied(const std::string&, std::uint64_t steps, double) override {
    const std::lock_guard lock(mutex);
    applied_steps += steps;
  }
  void OnPartRefused(const std::string& model, const std::string& reason) override {
    const std::lock_guard lock(mutex);
    refused.emplace(model, reason);
  }

  std::mutex mutex;
  int begun = 0;
  double longest_wait_s = 0;
  std::uint64_t timed_steps = 0, applied_steps = 0;
  std::set<std::pair<std::string, std::string>> refused;
};

class ObservingTest : public ::testing::Test {
 protected:
  ObservingTest() {
    harness_.Listen(&listener_);
    harness_.Open();
    harness_.CreateModel("m");
    harness_.OpenStream("s");
  }

  Listener listener_;  // outlives the runtime
  Harness harness_;
};

TEST_F(ObservingTest, EveryPartSaysHowLongItWaited) {
  harness_.Attach("s");
  for (std::uint64_t seq = 1; seq <= 10; ++seq) harness_.Observe("s", seq, 1);
  const std::lock_guard lock(listener_.mutex);
  EXPECT_EQ(listener_.begun, 10) << "an attach applies nothing";
  EXPECT_GT(listener_.longest_wait_s, 0);
  EXPECT_LT(listener_.longest_wait_s, 60);
}

TEST_F(ObservingTest, SomeTurnsTellWhatLearningCostApart) {
  harness_.Attach("s");
  for (std::uint64_t seq = 1; seq <= 200; ++seq) harness_.Observe("s", seq, 1);
  const std::lock_guard lock(listener_.mutex);
  EXPECT_EQ(listener_.applied_steps, 200u);
  EXPECT_GE(listener_.timed_steps, 3u);
  EXPECT_LE(listener_.timed_steps, 5u);
}

TEST_F(ObservingTest, APartForAStreamThatIsNotHereIsCountedAsRefused) {
  v1::LearnPart part;
  part.set_part_id(1);
  part.set_stream("nobody");
  part.mutable_attach();
  EXPECT_TRUE(harness_.Send(std::move(part)).has_status());
  const std::lock_guard lock(listener_.mutex);
  EXPECT_EQ(listener_.refused.count({"", kNoStream}), 1u);
}

TEST_F(ObservingTest, FiguresTellMemoryByKindAndStepsNotYetDurable) {
  harness_.CreateModel("applied", SmallSpec(v1::DURABILITY_APPLIED));
  harness_.OpenStream("a", "applied");
  harness_.Attach("a");
  harness_.Observe("a", 1, 5);
  harness_.Attach("s");
  harness_.Observe("s", 1, 5);
  int told = 0;
  const RuntimeFigures figures =
      harness_.runtime().Figures([&](const std::string&, const v1::StreamStats& stats) {
        ++told;
        EXPECT_EQ(stats.applied_seq(), 5u);
      });
  EXPECT_EQ(told, 2);
  EXPECT_GT(figures.memory.weights, 0);
  EXPECT_GT(figures.memory.window + figures.memory.other, 0);
  EXPECT_GT(figures.memory_limit_bytes, 0);
  EXPECT_EQ(figures.lost_writes, 0u);
  ASSERT_EQ(figures.models.size(), 2u);
  EXPECT_EQ(figures.models[0].model, "applied");
  EXPECT_EQ(figures.models[0].undurable_steps, 5u);
  EXPECT_EQ(figures.models[1].undurable_steps, 0u) << "PROCESS: the write came first";
  const auto stats = harness_.runtime().StatsNow("s");
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->updates(), 5u);
  EXPECT_FALSE(harness_.runtime().StatsNow("nobody").ok());
}

}  // namespace
}  // namespace millrace::server
