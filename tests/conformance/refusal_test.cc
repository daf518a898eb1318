// Bad input is refused with the promised code and reason, and changes nothing: the digest before is
// the digest after, and the stream goes on.
#include <cmath>
#include <limits>

#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

using absl::StatusCode;
using engine::Event;
using engine::LateTargets;
using engine::ModelSpec;
using engine::Observe;
using engine::TargetBlock;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// 4 inputs, 3 outputs; 10 steps observed, of which 4, 5, ... 10 are open where targets are late.
class Refusal : public testing::Test {
 protected:
  void Open(const ModelSpec& spec) {
    model_ = MakeModel(spec);
    stream_ = OpenStream(model_);
    script_ = MakeScript(*model_, 8, 20);
    for (ScriptStep& step : script_.steps) step.skip = step.reset_before = false;
    for (ScriptStep& step : script_.steps) {
      if (!script_.bytes) step.x.resize(4, 0.25F);
    }
    Player player(&script_, stream_.get());
    player.Observe(0, 10, 0, !TargetsAreLate(*model_));
    if (TargetsAreLate(*model_)) player.Release(0, 3);
  }

  void ExpectRefused(const Event& event, StatusCode code, const std::string& reason) {
    const engine::Snapshot before = stream_->Save();
    const std::uint64_t event_number = stream_->event();
    const absl::Status status = stream_->Check(event);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(engine::ReasonOf(status), reason) << status;
    EXPECT_GT(status.message().size(), 20U) << "a sentence that helps";
    EXPECT_EQ(DifferingTensors(stream_->Save(), before), "");
    EXPECT_EQ(stream_->event(), event_number);
  }
  void ExpectInvalid(const Event& event, const std::string& reason) {
    ExpectRefused(event, StatusCode::kInvalidArgument, reason);
  }

  // An observation of step 11 of good values, to be spoilt.
  Observe Good() {
    Observe observe;
    observe.first_seq = 11;
    observe.floats = x_;
    return observe;
  }
  Observe WithTarget(const TargetBlock& block) {
    Observe observe = Good();
    observe.targets = block;
    return observe;
  }
  TargetBlock Values(const std::vector<float>& values) {
    TargetBlock block;
    block.values = values;
    return block;
  }
  TargetBlock Classes(const std::vector<std::int32_t>& classes) {
    TargetBlock block;
    block.classes = classes;
    return block;
  }
  TargetBlock Probabilities(const std::vector<float>& probabilities) {
    TargetBlock block;
    block.probabilities = probabilities;
    return block;
  }

  ModelSpec Classifier() {
    ModelSpec spec = BaseSpec();
    spec.loss = {"cross_entropy", {}};
    return spec;
  }
  ModelSpec Late() {
    ModelSpec spec = BaseSpec();
    spec.target = {"delayed", {{"window", std::int64_t{12}}}};
    return spec;
  }

  std::vector<float> x_ = {0.1F, 0.2F, 0.3F, 0.4F};
  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Stream> stream_;
  Script script_;
};

TEST_F(Refusal, OfInputsOfTheWrongShape) {
  Open(BaseSpec());
  const std::vector<float> five(5, 0.0F);
  Observe observe = Good();
  observe.floats = five;
  ExpectInvalid(observe, engine::kBadShape);
  observe = Good();
  observe.floats = {};
  ExpectInvalid(observe, engine::kBadShape);
  observe = Good();
  observe.skip = 2;
  ExpectInvalid(observe, engine::kBadShape);
  const std::vector<std::uint8_t> bytes{1};
  observe = Good();
  observe.floats = {};
  observe.raw_bytes = bytes;
  ExpectInvalid(observe, engine::kBadShape);
}

TEST_F(Refusal, OfFloatsForBytes) {
  ModelSpec spec = Classifier();
  spec.input = {"bytes", {}};
  Open(spec);
  ExpectInvalid(Good(), engine::kBadShape);
}

TEST_F(Refusal, OfInputsThatAreNotFinite) {
  Open(BaseSpec());
  for (const float bad : {kNan, kInf, -kInf}) {
    x_[2] = bad;
    ExpectInvalid(Good(), engine::kNotFinite);
  }
}

TEST_F(Refusal, OfInfiniteInputsAlsoWhereMissingOnesAreAllowed) {
  ModelSpec spec = BaseSpec();
  spec.input.settings["missing"] = std::string("allowed");
  Open(spec);
  x_[2] = kNan;
  EXPECT_TRUE(stream_->Check(Good()).ok());
  x_[2] = kInf;
  ExpectInvalid(Good(), engine::kNotFinite);
}

TEST_F(Refusal, OfNegativeCountsUnderTheSquareRoot) {
  ModelSpec spec = BaseSpec();
  spec.input.settings["transform"] = std::string("square_root");
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  model_ = model;
  stream_ = OpenStream(model);
  x_[1] = -1;
  Observe observe = Good();
  observe.first_seq = 1;
  ExpectInvalid(observe, engine::kNotFinite);
}

TEST_F(Refusal, OfAGapNamesTheExpectedStep) {
  Open(BaseSpec());
  Observe observe = Good();
  observe.first_seq = 12;
  ExpectRefused(observe, StatusCode::kOutOfRange, engine::kSequenceGap);
  const engine::Metadata metadata = engine::MetadataOf(stream_->Check(observe));
  ASSERT_EQ(metadata.size(), 1U);
  EXPECT_EQ(metadata[0].first, "expected_seq");
  EXPECT_EQ(metadata[0].second, "11");
}

TEST_F(Refusal, OfOffsetsThatAreNotOfTheMessage) {
  Open(BaseSpec());
  const std::vector<std::uint32_t> beyond{1};
  Observe observe = Good();
  observe.reset_before = beyond;
  ExpectInvalid(observe, engine::kBadShape);
  observe = Good();
  observe.score_only = beyond;
  ExpectInvalid(observe, engine::kBadShape);
}

TEST_F(Refusal, OfTargetsOfTheWrongShape) {
  Open(BaseSpec());
  ExpectInvalid(WithTarget(Values({1, 2})), engine::kBadTarget);
  ExpectInvalid(WithTarget(TargetBlock{}), engine::kBadTarget);
  ExpectInvalid(WithTarget(Classes({1})), engine::kBadTarget);
  const std::vector<float> values{1, 2, 3};
  TargetBlock block = Values(values);
  const std::vector<float> weights{1, 1};
  block.weights = weights;
  ExpectInvalid(WithTarget(block), engine::kBadTarget);
  block = Values(values);
  block.steps = 2;
  ExpectInvalid(WithTarget(block), engine::kBadTarget);
}

TEST_F(Refusal, OfTargetsOutOfRange) {
  Open(BaseSpec());
  const std::vector<float> infinite{1, kInf, 3};
  ExpectInvalid(WithTarget(Values(infinite)), engine::kNotFinite);
  const std::vector<float> values{1, 2, 3};
  for (const float weight : {-1.0F, kNan, kInf}) {
    TargetBlock block = Values(values);
    block.weights = absl::MakeConstSpan(&weight, 1);
    ExpectInvalid(WithTarget(block), engine::kBadTarget);
  }
}

TEST_F(Refusal, OfBadClassesAndProbabilities) {
  Open(Classifier());
  for (const std::int32_t label : {3, -2, 1000}) {
    const std::vector<std::int32_t> classes{label};
    ExpectInvalid(WithTarget(Classes(classes)), engine::kBadTarget);
  }
  for (const std::vector<float>& row :
       {std::vector<float>{0.5F, 0.2F, 0.2F}, std::vector<float>{0.5F, 0.7F, -0.2F},
        std::vector<float>{0.5F, 0.5F, kNan}, std::vector<float>{kInf, 0, 0}}) {
    ExpectInvalid(WithTarget(Probabilities(row)), engine::kBadTarget);
  }
  const std::vector<float> values{1, 2, 3};
  ExpectInvalid(WithTarget(Values(values)), engine::kBadTarget);
}

TEST_F(Refusal, OfTargetsWhereTheNextInputIsTheTarget) {
  ModelSpec spec = BaseSpec();
  spec.head.settings["outputs"] = std::int64_t{0};
  spec.target = {"next_input", {}};
  Open(spec);
  const std::vector<float> values{1, 2, 3, 4};
  ExpectInvalid(WithTarget(Values(values)), engine::kBadTarget);
}

class LateRefusal : public Refusal {
 protected:
  void SetUp() override { Open(Late()); }

  LateTargets Release(std::uint64_t seq, const std::vector<float>& values) {
    blocks_ = {Values(values)};
    blocks_[0].first_seq = seq;
    blocks_[0].steps = 1;
    return LateTargets{blocks_, 0};
  }
  void Take(const Event& event) {
    ASSERT_TRUE(stream_->Check(event).ok()) << stream_->Check(event);
    engine::Outcome outcome;
    stream_->Apply(event, engine::Want{}, &outcome);
  }

  const std::vector<float> values_ = {1, 2, 3};
  std::vector<TargetBlock> blocks_;
};

TEST_F(LateRefusal, OfTargetsOfStepsNotObserved) {
  ExpectRefused(Release(11, values_), StatusCode::kOutOfRange, engine::kNotOpen);
  ExpectRefused(LateTargets{{}, 11}, StatusCode::kOutOfRange, engine::kNotOpen);
}

TEST_F(LateRefusal, OfATargetHeldAlreadyAndOfADifferentOne) {
  Take(Release(6, values_));
  EXPECT_EQ(stream_->HeldTargets().back(), 6U);
  ExpectRefused(Release(6, values_), StatusCode::kAlreadyExists, engine::kTargetHeld);
  const std::vector<float> other{1, 2, 4};
  ExpectRefused(Release(6, other), StatusCode::kAborted, engine::kTargetConflict);
}

TEST_F(LateRefusal, OfATargetLearnedAlready) {
  Take(engine::Settle{});
  ASSERT_EQ(stream_->learned_seq(), 3U);
  ExpectRefused(Release(2, values_), StatusCode::kAlreadyExists, engine::kTargetHeld);
}

TEST_F(LateRefusal, OfBlocksThatOverlapOrAreEmpty) {
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  blocks_ = {Values(six), Values(six)};
  blocks_[0].first_seq = 5;
  blocks_[1].first_seq = 6;
  blocks_[0].steps = blocks_[1].steps = 2;
  ExpectInvalid(LateTargets{blocks_, 0}, engine::kBadTarget);
  blocks_[1].first_seq = 7;
  blocks_[1].steps = 0;
  ExpectInvalid(LateTargets{blocks_, 0}, engine::kBadTarget);
}

TEST_F(LateRefusal, OfObservationsBeyondTheWindow) {
  const std::vector<float> four_steps(16, 0.5F);
  Observe observe = Good();
  observe.floats = four_steps;
  // Steps 4 to 14 are then open, 11 of 12.
  Take(observe);
  observe.first_seq = 15;
  const absl::Span<const float> values = four_steps;
  observe.floats = values.subspan(0, 8);
  ExpectRefused(observe, StatusCode::kResourceExhausted, engine::kWindowFull);
  observe.floats = values.subspan(0, 4);
  EXPECT_TRUE(stream_->Check(observe).ok()) << "the twelfth";
  Take(Release(4, values_));
  observe.floats = values.subspan(0, 8);
  EXPECT_TRUE(stream_->Check(observe).ok()) << "a target makes room";
}

TEST_F(LateRefusal, OfLateTargetsWhereTargetsComeWithTheObservation) {
  Open(BaseSpec());
  ExpectInvalid(Release(5, values_), engine::kBadTarget);
}

TEST_F(Refusal, OfSettingsThatCannotBeChanged) {
  Open(BaseSpec());
  ExpectInvalid(engine::Set{{{"cell.units", std::int64_t{5}}}}, engine::kBadSpec);
  ExpectInvalid(engine::Set{{{"optimizer.rat", 0.1}}}, engine::kBadSpec);
  ExpectInvalid(engine::Set{{{"optimizer.rate", -1.0}}}, engine::kBadSpec);
  ExpectInvalid(engine::Set{{{"optimizer.rate", std::nan("")}}}, engine::kBadSpec);
  // One bad among good ones refuses all.
  ExpectInvalid(engine::Set{{{"optimizer.rate", 0.5}, {"nothing", 0.1}}}, engine::kBadSpec);
}

TEST_F(Refusal, OfARestoreWithoutAGoodCopy) {
  ModelSpec spec = BaseSpec();
  spec.guard = {"standard", {{"good_every", std::int64_t{0}}}};
  Open(spec);
  ExpectRefused(engine::Restore{}, StatusCode::kFailedPrecondition, engine::kNoGoodCopy);
}

TEST_F(Refusal, OfABadPeek) {
  Open(BaseSpec());
  engine::Outcome outcome;
  const std::vector<float> two_steps(8, 0.5F);
  engine::Peek peek;
  peek.floats = two_steps;
  EXPECT_EQ(stream_->PeekStep(peek, &outcome).code(), StatusCode::kInvalidArgument);
  x_[0] = kNan;
  peek.floats = x_;
  EXPECT_EQ(engine::ReasonOf(stream_->PeekStep(peek, &outcome)), engine::kNotFinite);
}

TEST_F(Refusal, OfDamagedSnapshots) {
  Open(BaseSpec());
  const std::string bytes = engine::EncodeSnapshot(stream_->Save());
  const std::string before = stream_->Digest();
  for (std::size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 97) {
    const absl::StatusOr<engine::Snapshot> cut = engine::DecodeSnapshot(bytes.substr(0, length));
    ASSERT_EQ(cut.status().code(), StatusCode::kDataLoss) << length << " bytes";
    ASSERT_EQ(engine::ReasonOf(cut.status()), engine::kDamaged);
  }
  // What lengths cannot show, the store's checksums do; here nothing else may come of it.
  for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 997) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const absl::StatusOr<engine::Snapshot> damaged = engine::DecodeSnapshot(flipped);
    const StatusCode code = damaged.ok()
                                ? engine::Stream::Load(model_, "a", *damaged).status().code()
                                : damaged.status().code();
    ASSERT_TRUE(code == StatusCode::kOk || code == StatusCode::kDataLoss) << "byte " << at;
  }
  EXPECT_EQ(stream_->Digest(), before);
}

TEST_F(Refusal, OfASnapshotThatIsNotOfTheModel) {
  Open(BaseSpec());
  ModelSpec spec = BaseSpec();
  spec.cell.settings["units"] = std::int64_t{7};
  EXPECT_EQ(engine::Stream::Load(MakeModel(spec), "a", stream_->Save()).status().code(),
            StatusCode::kDataLoss);
  engine::Snapshot snapshot = stream_->Save();
  snapshot.tensors.pop_back();
  EXPECT_EQ(engine::Stream::Load(model_, "a", snapshot).status().code(), StatusCode::kDataLoss);
}

TEST_F(Refusal, LeavesAStreamThatGoesOnAsIfNothingHadBeen) {
  Open(BaseSpec());
  const std::unique_ptr<engine::Stream> undisturbed = LoadStream(model_, stream_->Save());
  x_[0] = kNan;
  EXPECT_FALSE(stream_->Check(Good()).ok());
  Player first(&script_, stream_.get());
  Player second(&script_, undisturbed.get());
  first.Observe(10, 20, 0);
  second.Observe(10, 20, 0);
  EXPECT_EQ(stream_->Digest(), undisturbed->Digest());
}

}  // namespace
}  // namespace millrace::conformance
