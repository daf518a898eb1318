// A stream with a script that is played on it, and its state by name.
#ifndef MILLRACE_TESTS_CONFORMANCE_PLAYED_H_
#define MILLRACE_TESTS_CONFORMANCE_PLAYED_H_

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {

inline constexpr int kPlayedSteps = 40;

struct Played {
  explicit Played(const engine::ModelSpec& spec, std::uint64_t seed = 4)
      : model(MakeModel(spec)),
        stream(OpenStream(model)),
        script(MakeScript(*model, seed, kPlayedSteps)),
        player(&script, stream.get()) {}

  void Send(const engine::Event& event) {
    const absl::Status status = stream->Check(event);
    ASSERT_TRUE(status.ok()) << status;
    engine::Outcome outcome;
    stream->Apply(event, engine::Want{}, &outcome);
  }
  reference::Vector Tensor(const std::string& name) const {
    return TensorValues(stream->Save(), name);
  }
  reference::Vector Weights() const { return Tensor("learner.weights"); }
  reference::Layout Layout() const { return LayoutOf(*stream); }

  std::shared_ptr<const engine::Model> model;
  std::unique_ptr<engine::Stream> stream;
  Script script;
  Player player;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_PLAYED_H_
