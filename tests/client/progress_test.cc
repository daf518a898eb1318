#include "client/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace millrace::client {
namespace {

ProgressState State() {
  ProgressState state;
  state.file = "20141211_s11_counts.npy";
  state.file_number = 2;
  state.files = 14;
  state.steps = 640;
  state.file_steps = 3051;
  state.steps_per_s = 11000;
  state.summary = "accuracy 0.912 (shadow 0.703)";
  return state;
}

TEST(ProgressTest, ALineTellsFileStepsPaceAndScore) {
  EXPECT_EQ(ProgressLine(State()),
            "2/14 20141211_s11_counts.npy 640/3051 11000/s accuracy 0.912 (shadow 0.703)");
}

TEST(ProgressTest, OnATerminalTheLineRedrawsItselfAndNeverWraps) {
  std::ostringstream err;
  Progress progress(&err, true);
  ProgressState state = State();
  state.file = std::string(60, 'a') + "z.npy";
  const absl::Time now = absl::UnixEpoch();
  EXPECT_TRUE(progress.Due(now));
  progress.Update(state, now);
  EXPECT_FALSE(progress.Due(now + absl::Milliseconds(99)));
  EXPECT_TRUE(progress.Due(now + absl::Milliseconds(100)));
  const std::string drawn = err.str();
  EXPECT_EQ(drawn.substr(0, 4), "\r\033[K");
  EXPECT_EQ(drawn.size(), 4u + 79u);
  EXPECT_NE(drawn.find("z.npy"), std::string::npos);
  EXPECT_NE(drawn.find("(shadow 0.703)"), std::string::npos);
}

TEST(ProgressTest, ElsewhereThereIsOneLineAFileWithoutEscapes) {
  std::ostringstream err;
  Progress progress(&err, false);
  progress.Update(State(), absl::UnixEpoch());
  EXPECT_EQ(err.str(), "");
  progress.FileDone(State());
  EXPECT_EQ(err.str(), ProgressLine(State()) + "\n");
}

}  // namespace
}  // namespace millrace::client
