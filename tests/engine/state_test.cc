#include "engine/state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/errors.h"

namespace millrace::engine {
namespace {

enum class Mode : std::uint8_t { kOff, kOn };

struct Component {
  std::vector<float> weights = std::vector<float>(3, 0.0f);
  std::vector<double> window;
  std::int64_t count = 0;
  std::uint64_t seq = 0;
  double power = 0;
  bool frozen = false;
  Mode mode = Mode::kOff;

  void Visit(StateVisitor& visitor) {
    visitor.SetScope("part.");
    visitor.SetRole(StateRole::kLearner);
    visitor.Fixed("weights", weights);
    visitor.Value("power", power);
    visitor.SetRole(StateRole::kStream);
    visitor.Resizable("window", window);
    visitor.Value("count", count);
    visitor.Value("frozen", frozen);
    visitor.Value("mode", mode);
    visitor.SetRole(StateRole::kUncounted);
    visitor.Value("seq", seq);
  }
};

Component Full() {
  Component full;
  full.weights = {1.5f, -0.0f, 3e-39f};
  full.window = {1, 2, 3, 4};
  full.count = -7;
  full.seq = ~std::uint64_t{0};
  full.power = 0.1;
  full.frozen = true;
  full.mode = Mode::kOn;
  return full;
}

Snapshot Save(Component component) {
  Snapshot snapshot;
  SaveVisitor visitor(&snapshot);
  component.Visit(visitor);
  return snapshot;
}

TEST(StateTest, LoadingGivesBackWhatWasSaved) {
  const Snapshot snapshot = Save(Full());
  Component loaded;
  LoadVisitor visitor(snapshot);
  loaded.Visit(visitor);
  ASSERT_TRUE(visitor.Finish().ok()) << visitor.Finish();
  EXPECT_EQ(EncodeSnapshot(Save(loaded)), EncodeSnapshot(snapshot));
  EXPECT_EQ(loaded.window, Full().window);
  EXPECT_EQ(loaded.seq, ~std::uint64_t{0});
  EXPECT_TRUE(std::signbit(loaded.weights[1]));
}

TEST(StateTest, NamesShapesAndRolesAreThoseOfTheWalk) {
  const Snapshot snapshot = Save(Full());
  ASSERT_EQ(snapshot.tensors.size(), 7u);
  EXPECT_EQ(snapshot.tensors[0].name, "part.weights");
  EXPECT_EQ(snapshot.tensors[0].shape, std::vector<std::int64_t>{3});
  EXPECT_TRUE(snapshot.tensors[0].learner);
  EXPECT_EQ(snapshot.tensors[1].name, "part.power");
  EXPECT_TRUE(snapshot.tensors[1].shape.empty());
  EXPECT_EQ(snapshot.tensors[2].shape, std::vector<std::int64_t>{4});
  EXPECT_FALSE(snapshot.tensors[2].learner);
  EXPECT_TRUE(snapshot.tensors[2].counted);
  EXPECT_FALSE(snapshot.tensors[6].counted);
}

TEST(StateTest, ASizeIsTheBytesOfTheTensors) {
  Component full = Full();
  SizeVisitor size;
  full.Visit(size);
  std::int64_t bytes = 0;
  for (const NamedTensor& tensor : Save(full).tensors) {
    bytes += static_cast<std::int64_t>(tensor.bytes.size());
  }
  EXPECT_EQ(size.bytes(), bytes);
}

absl::Status Load(const Snapshot& snapshot) {
  Component loaded;
  LoadVisitor visitor(snapshot);
  loaded.Visit(visitor);
  return visitor.Finish();
}

TEST(StateTest, ASnapshotThatDoesNotFitIsDataLossThatNamesTheTensor) {
  const auto expect = [](const Snapshot& snapshot, const std::string& name) {
    const absl::Status status = Load(snapshot);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReasonOf(status), kDamaged);
    EXPECT_NE(std::string(status.message()).find(name), std::string::npos) << status;
  };
  Snapshot snapshot = Save(Full());
  snapshot.tensors[1].name = "part.other";
  expect(snapshot, "part.other");
  snapshot = Save(Full());
  snapshot.tensors[1].type = TensorType::kInt64;
  expect(snapshot, "part.power");
  snapshot = Save(Full());
  snapshot.tensors[0].shape = {4};
  snapshot.tensors[0].bytes.append(4, '\0');
  expect(snapshot, "part.weights");
  snapshot = Save(Full());
  snapshot.tensors.pop_back();
  expect(snapshot, "part.seq");
  snapshot = Save(Full());
  snapshot.tensors.push_back(snapshot.tensors[0]);
  expect(snapshot, "8 tensors");
  snapshot = Save(Full());
  std::swap(snapshot.tensors[0], snapshot.tensors[1]);
  expect(snapshot, "part.power");
}

TEST(StateTest, ATensorWhoseBytesDoNotMatchItsShapeIsRefusedBeforeMemoryIsTouched) {
  for (const std::int64_t extent : {std::int64_t{0}, std::int64_t{1} << 60, std::int64_t{-1}}) {
    Snapshot snapshot = Save(Full());
    snapshot.tensors[2].shape = {extent};
    EXPECT_EQ(Load(snapshot).code(), absl::StatusCode::kDataLoss) << extent;
  }
  Snapshot snapshot = Save(Full());
  snapshot.tensors[2].bytes.pop_back();
  EXPECT_EQ(Load(snapshot).code(), absl::StatusCode::kDataLoss);
}

TEST(StateTest, ABoolOfADamagedSnapshotIsStillABool) {
  Snapshot snapshot = Save(Full());
  snapshot.tensors[4].bytes = "\x02";
  Component loaded;
  LoadVisitor visitor(snapshot);
  loaded.Visit(visitor);
  ASSERT_TRUE(visitor.Finish().ok());
  EXPECT_EQ(Save(loaded).tensors[4].bytes, "\x01");
}

}  // namespace
}  // namespace millrace::engine
