#include "tests/bench/played_stream.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>
#include <variant>

namespace millrace::bench {
namespace {

constexpr std::int64_t kByteValues = 256;

[[noreturn]] void Die(const absl::Status& status) {
  std::fprintf(stderr, "bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

std::vector<float> Normal(std::int64_t count, std::uint64_t seed) {
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<std::uint8_t> Letters(std::int64_t count, std::uint64_t seed) {
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  std::vector<std::uint8_t> letters(static_cast<std::size_t>(count));
  for (std::uint8_t& letter : letters) letter = static_cast<std::uint8_t>('a' + random() % 26);
  return letters;
}

std::vector<float> OneHot(const std::vector<std::uint8_t>& letters) {
  std::vector<float> rows(letters.size() * kByteValues, 0.0F);
  for (std::size_t t = 0; t < letters.size(); ++t) rows[t * kByteValues + letters[t]] = 1.0F;
  return rows;
}

}  // namespace

engine::PartSpec RulePart(const std::string& rule) {
  if (rule == "trace") return {"immediate", {{"decay", 0.9}}};
  if (rule == "ring4") return {"sparse_rtrl", {{"k", std::int64_t{4}}}};
  if (rule == "block4" || rule == "block16") {
    const std::int64_t units = rule == "block4" ? 4 : 16;
    return {"sparse_rtrl", {{"mask", std::string("block")}, {"k", units}}};
  }
  return {rule, {}};
}

std::string Case::Name() const {
  return cell + "/" + rule + (good_copy ? "/" : ", no good copy/") + optimizer + "/" +
         std::to_string(units);
}

std::shared_ptr<const engine::Model> MakeModel(const Case& c) {
  engine::ModelSpec spec;
  if (c.input == Input::kBytes || c.input == Input::kNextByte) {
    spec.input = {"bytes", {}};
  } else {
    spec.input = {"vector", {{"size", c.input == Input::kVector ? kInputs : kByteValues}}};
  }
  spec.cell = {c.cell, {{"units", c.units}}};
  if (c.input == Input::kNextByte) {
    spec.head = {"linear", {}};
    spec.loss = {"cross_entropy", {}};
    spec.target = {"next_input", {}};
  } else {
    spec.head = {"linear", {{"outputs", kOutputs}}};
    spec.loss = {"mean_squared_error", {}};
  }
  spec.rule = RulePart(c.rule);
  spec.optimizer = {c.optimizer, {{"rate", 1e-4}}};
  if (!c.good_copy) {
    spec.guard = {"standard",
                  {{"good_every", std::int64_t{0}}, {"on_divergence", std::string("skip")}}};
  }
  auto model = engine::Model::Create("bench", spec);
  if (!model.ok()) Die(model.status());
  return *std::move(model);
}

PlayedStream::PlayedStream(std::shared_ptr<const engine::Model> model, const Case& c,
                           std::int64_t steps, std::uint64_t seed)
    : targets_(Normal(steps * kOutputs, seed + 1)) {
  if (c.input == Input::kVector) {
    floats_ = Normal(steps * kInputs, seed);
  } else {
    bytes_ = Letters(steps, seed);
    if (c.input == Input::kOneHotVector) floats_ = OneHot(std::exchange(bytes_, {}));
  }
  auto stream = engine::Stream::Open(std::move(model), "bench", {.seed = seed, .overrides = {}});
  if (!stream.ok()) Die(stream.status());
  stream_ = *std::move(stream);
  observe_.floats = floats_;
  observe_.raw_bytes = bytes_;
  if (c.input != Input::kNextByte) observe_.targets.emplace().values = targets_;
  event_ = observe_;
}

bool PlayedStream::Play() {
  std::get<engine::Observe>(event_).first_seq = stream_->applied_seq() + 1;
  if (!stream_->Check(event_).ok()) return false;
  outcome_.Clear();
  stream_->Apply(event_, {}, &outcome_);
  return true;
}

bool PlayedStream::Sound() const { return stream_->Stats().refused_updates == 0; }

std::int64_t PlayedStream::TouchedBytes() const {
  const engine::StreamBytes bytes = stream_->BytesByKind();
  // SGD keeps a slot for a momentum that may come.
  const bool slots = stream_->model().spec().optimizer.name != "sgd";
  return bytes.weights + bytes.sensitivities + (slots ? bytes.optimizer : 0);
}

}  // namespace millrace::bench
