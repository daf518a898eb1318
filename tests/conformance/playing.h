// One script played on a stream and on the reference side by side.
#ifndef MILLRACE_TESTS_CONFORMANCE_PLAYING_H_
#define MILLRACE_TESTS_CONFORMANCE_PLAYING_H_

#include <cstdint>
#include <memory>
#include <string>

#include "engine/model.h"
#include "engine/stream.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/script.h"
#include "tests/reference/online_stream.h"

namespace millrace::conformance {

inline constexpr std::uint64_t kSeed = 7;
// Steps between an observation and the release of its target, where targets are late.
inline constexpr int kReleaseEvery = 7;

// Opens a stream; ends the test program where the engine refuses.
std::unique_ptr<engine::Stream> OpenStream(std::shared_ptr<const engine::Model> model,
                                           const std::string& id = "a", std::uint64_t seed = kSeed);
std::unique_ptr<engine::Stream> LoadStream(std::shared_ptr<const engine::Model> model,
                                           const engine::Snapshot& snapshot);

// Steps [from, to) as the model's targets come: with the observation, or in releases of
// kReleaseEvery steps once they were observed, the learner catching up as it can and, after every
// third, at once. Bounds are multiples of kReleaseEvery, or the end.
void PlayOnStream(const engine::Model& model, int from, int to, int per_message, Player* player);
// The same on the reference; predictions of the steps are appended to outputs [step, m].
void PlayOnReference(const Script& script, int from, int to, bool late,
                     reference::OnlineStream* stream, reference::Vector* outputs);

bool TargetsAreLate(const engine::Model& model);

// Names of the tensors that count and differ in any bit; empty where none does.
std::string DifferingTensors(const engine::Snapshot& a, const engine::Snapshot& b);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_PLAYING_H_
