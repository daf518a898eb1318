// Opening, loading, saving and looking at a stream.
#include "engine/stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "engine/errors.h"
#include "engine/stream_impl.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr char kSeedName[] = "stream.seed";
constexpr char kOverridesName[] = "stream.overrides";

absl::Status Damaged(absl::string_view sentence) {
  return Error(absl::StatusCode::kDataLoss, kDamaged, sentence);
}

// Overrides as text, "name type value\n", and back.
std::string EncodeOverrides(const std::vector<NamedSetting>& overrides) {
  std::string text;
  for (const NamedSetting& setting : overrides) {
    absl::StrAppend(&text, setting.name, " ");
    if (const bool* const flag = std::get_if<bool>(&setting.value)) {
      absl::StrAppend(&text, "flag ", *flag ? 1 : 0);
    } else if (const auto* const integer = std::get_if<std::int64_t>(&setting.value)) {
      absl::StrAppend(&text, "integer ", *integer);
    } else if (const double* const number = std::get_if<double>(&setting.value)) {
      absl::StrAppend(&text, "number ", absl::StrFormat("%.17g", *number));
    } else {
      absl::StrAppend(&text, "text ", std::get<std::string>(setting.value));
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

absl::StatusOr<std::vector<NamedSetting>> DecodeOverrides(absl::string_view text) {
  std::vector<NamedSetting> overrides;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 2));
    if (words.size() != 3) return Damaged("an override of the snapshot is not readable");
    std::int64_t integer = 0;
    double number = 0;
    if (words[1] == "text") {
      overrides.push_back({words[0], words[2]});
    } else if (words[1] == "number" && absl::SimpleAtod(words[2], &number)) {
      overrides.push_back({words[0], number});
    } else if (absl::SimpleAtoi(words[2], &integer)) {
      overrides.push_back(
          {words[0], words[1] == "flag" ? SettingValue(integer != 0) : SettingValue(integer)});
    } else {
      return Damaged("an override of the snapshot is not readable");
    }
  }
  return overrides;
}

// Adds up bytes by what they are for, which the names of the state say.
class KindVisitor final : public StateVisitor {
 public:
  const StreamBytes& bytes() const { return bytes_; }

 protected:
  void Visit(const Field& field, void*) override {
    *KindOf(field.name) += field.count * ElementBytes(field.type);
  }
  std::int64_t StoredCount(const Field&, std::int64_t present) override { return present; }

 private:
  std::int64_t* KindOf(absl::string_view name) {
    if (absl::StartsWith(name, "shadow.")) return &bytes_.shadow;
    if (absl::StartsWith(name, "good.")) return &bytes_.good_copy;
    if (name == "learner.weights") return &bytes_.weights;
    if (absl::StartsWith(name, "learner.slot")) return &bytes_.optimizer;
    if (name == "learner.rule") return &bytes_.sensitivities;
    if (absl::StartsWith(name, "learner.context_")) return &bytes_.contexts;
    return &bytes_.other;
  }

  StreamBytes bytes_;
};

const NamedTensor* Find(const Snapshot& snapshot, absl::string_view name) {
  for (const NamedTensor& tensor : snapshot.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

template <typename T>
absl::StatusOr<std::unique_ptr<Stream>> OpenTyped(std::shared_ptr<const Model> model,
                                                  std::string id, const StreamOptions& options,
                                                  const ModelSpec& spec) {
  auto stream = std::make_unique<StreamImpl<T>>(std::move(model), std::move(id), options.seed, spec,
                                                options.overrides);
  absl::Status attached = stream->AttachDevice(!options.weighed_only);
  if (!attached.ok()) return attached;
  stream->Initialize();
  return stream;
}

template <typename T>
absl::StatusOr<std::unique_ptr<Stream>> LoadTyped(std::shared_ptr<const Model> model,
                                                  std::string id, const StreamOptions& options,
                                                  const ModelSpec& spec, const Snapshot& snapshot) {
  auto stream = std::make_unique<StreamImpl<T>>(std::move(model), std::move(id), options.seed, spec,
                                                options.overrides);
  absl::Status status = stream->AttachDevice(true);
  if (status.ok()) status = stream->LoadState(snapshot);
  if (!status.ok()) return status;
  return stream;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Stream>> Stream::Open(std::shared_ptr<const Model> model,
                                                     std::string id, const StreamOptions& options) {
  absl::StatusOr<ModelSpec> spec = WithOverrides(model->spec(), options.overrides);
  if (!spec.ok()) return spec.status();
  if (spec->number_type == NumberType::kFloat64) {
    return OpenTyped<double>(std::move(model), std::move(id), options, *spec);
  }
  return OpenTyped<float>(std::move(model), std::move(id), options, *spec);
}

absl::StatusOr<std::unique_ptr<Stream>> Stream::Load(std::shared_ptr<const Model> model,
                                                     std::string id, const Snapshot& snapshot) {
  if (snapshot.model_digest != model->digest()) {
    return Damaged(absl::StrCat("the snapshot is of a model with digest ", snapshot.model_digest,
                                "; expected ", model->digest(), " (model '", model->name(), "')"));
  }
  const NamedTensor* const seed = Find(snapshot, kSeedName);
  const NamedTensor* const text = Find(snapshot, kOverridesName);
  if (seed == nullptr || text == nullptr || seed->bytes.size() != sizeof(std::uint64_t)) {
    return Damaged("the snapshot lacks stream.seed or stream.overrides");
  }
  StreamOptions options;
  std::copy_n(seed->bytes.data(), sizeof(options.seed), reinterpret_cast<char*>(&options.seed));
  absl::StatusOr<std::vector<NamedSetting>> overrides = DecodeOverrides(text->bytes);
  if (!overrides.ok()) return overrides.status();
  options.overrides = *std::move(overrides);
  absl::StatusOr<ModelSpec> spec = WithOverrides(model->spec(), options.overrides);
  if (!spec.ok()) return Damaged(spec.status().message());
  if (spec->number_type == NumberType::kFloat64) {
    return LoadTyped<double>(std::move(model), std::move(id), options, *spec, snapshot);
  }
  return LoadTyped<float>(std::move(model), std::move(id), options, *spec, snapshot);
}

template <typename T>
void Shadow<T>::Visit(StateVisitor& visitor) {
  visitor.SetScope("shadow.");
  visitor.SetRole(StateRole::kStream);
  visitor.Resizable("weights", theta);
  visitor.Resizable("hidden", hidden);
  visitor.Resizable("context_rows", contexts.rows);
  visitor.Resizable("context_counts", contexts.learned);
  visitor.Resizable("mean", mean);
  visitor.Resizable("variance", variance);
}

template <typename T>
StreamImpl<T>::StreamImpl(std::shared_ptr<const Model> model, std::string id, std::uint64_t seed,
                          const ModelSpec& spec, std::vector<NamedSetting> overrides)
    : model_(std::move(model)),
      id_(std::move(id)),
      seed_(seed),
      spec_(spec),
      overrides_(std::move(overrides)),
      target_settings_(spec.target),
      score_inferred_(spec.monitor.Flag("score_inferred")),
      d_(model_->sizes().inputs),
      m_(model_->sizes().outputs),
      input_(spec.input),
      learner_(spec, d_, seed),
      monitor_(spec.monitor, m_, model_->classification()),
      window_(d_, input_.bytes(), m_),
      hidden_(static_cast<std::size_t>(learner_.network().state_size())),
      step_(learner_.network().MakeStep()),
      shadow_step_(step_),
      staged_{.z = std::vector<double>(static_cast<std::size_t>(d_)),
              .present = std::vector<std::uint8_t>(static_cast<std::size_t>(d_)),
              .dense = std::vector<T>(static_cast<std::size_t>(d_))},
      next_staged_(staged_),
      z_(staged_.z),
      shadow_z_(z_.size()),
      y_(static_cast<std::size_t>(m_)),
      row_(y_.size()),
      probabilities_(y_.size()),
      residual_(y_.size()) {}

template <typename T>
void StreamImpl<T>::Initialize() {
  const kernels::FlushDenormals flush;
  learner_.Initialize();
}

template <typename T>
void StreamImpl<T>::Visit(StateVisitor& visitor) {
  visitor.SetScope("stream.");
  visitor.SetRole(StateRole::kStream);
  visitor.Value("seed", seed_);
  std::string text = EncodeOverrides(overrides_);
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  visitor.Resizable("overrides", bytes);
  visitor.Value("applied_seq", applied_);
  visitor.Value("units", units_);
  visitor.Value("skipped_steps", skipped_steps_);
  visitor.Value("target_steps", target_steps_);
  visitor.Value("untargeted_steps", untargeted_steps_);
  visitor.Value("reset_next", reset_next_);
  visitor.Fixed("hidden", hidden_);
  visitor.SetRole(StateRole::kUncounted);
  visitor.Value("event", event_);
  visitor.Value("resumed_inexactly", resumed_inexactly_);
  visitor.SetScope("input.");
  input_.Visit(visitor);
  learner_.Visit(visitor);
  visitor.SetScope("monitor.");
  monitor_.Visit(visitor);
  window_.Visit(visitor);
  shadow_.Visit(visitor);
}

template <typename T>
absl::Status StreamImpl<T>::LoadState(const Snapshot& snapshot) {
  LoadVisitor visitor(snapshot);
  Visit(visitor);
  absl::Status status = visitor.Finish();
  if (!status.ok()) return status;
  const auto p = static_cast<std::size_t>(learner_.layout().size());
  const bool shadow_fits = shadow_.theta.empty() ||
                           (shadow_.theta.size() == p && shadow_.hidden.size() == hidden_.size());
  const bool window_fits =
      learner_.position() + static_cast<std::uint64_t>(window_.size()) == applied_ &&
      window_.first_seq() == learner_.position() + 1;
  if (!shadow_fits || !window_fits) {
    return Damaged(absl::StrCat("the snapshot of stream '", id_, "' does not fit together"));
  }
  if (snapshot.numeric_path != numeric_path()) resumed_inexactly_ = true;
  return absl::OkStatus();
}

template <typename T>
Snapshot StreamImpl<T>::Save() const {
  CopyFromDevice();
  Snapshot snapshot;
  snapshot.model_digest = model_->digest();
  snapshot.numeric_path = numeric_path();
  SaveVisitor visitor(&snapshot);
  // A saving visitor reads; Visit is not const because the loading one shares the list.
  const_cast<StreamImpl*>(this)->Visit(visitor);
  return snapshot;
}

template <typename T>
StreamStats StreamImpl<T>::Stats() const {
  StreamStats stats;
  monitor_.Fill(&stats);
  learner_.Fill(&stats);
  input_.Fill(&stats);
  stats.applied_seq = applied_;
  stats.skipped_steps = skipped_steps_;
  stats.target_steps = target_steps_;
  stats.untargeted_steps = untargeted_steps_;
  stats.trailing_steps = applied_ - learner_.position();
  std::uint64_t held = 0;
  for (std::uint64_t seq = window_.first_seq(); seq <= applied_; ++seq) {
    if (window_.kind(seq) == TargetKind::kOpen) ++stats.open_steps;
    if (IsHeld(window_.kind(seq))) ++held;
  }
  // An update may be refused on a step without target too.
  const std::uint64_t passed = stats.updates + stats.refused_updates + held;
  stats.unlearned_targets = target_steps_ > passed ? target_steps_ - passed : 0;
  return stats;
}

template <typename T>
absl::Status StreamImpl<T>::PeekStep(const Peek& peek, Outcome* outcome) const {
  outcome->Clear();
  if (!peek.floats.empty() || !peek.raw_bytes.empty()) {
    absl::Status status = CheckInput({.floats = peek.floats, .raw_bytes = peek.raw_bytes});
    if (!status.ok()) return status;
    if (peek.raw_bytes.size() > 1 || peek.floats.size() > z_.size()) {
      return Error(absl::StatusCode::kInvalidArgument, kBadShape,
                   absl::StrCat("a peek at ", Owner(), " has more than one step; expected one"));
    }
  }
  const kernels::FlushDenormals flush;
  forwarded_seq_ = 0;
  CellInput<T> input{.byte = peek.raw_bytes.empty() ? kNoByte : peek.raw_bytes[0]};
  const float* const x = peek.floats.empty() ? nullptr : peek.floats.data();
  double novelty = 0;
  if (!input_.bytes()) {
    novelty = input_.View(x, staged_.z.data(), staged_.present.data());
    std::transform(staged_.z.begin(), staged_.z.end(), staged_.dense.begin(),
                   [](double z) { return static_cast<T>(z); });
    input = {.dense = staged_.dense.data(), .present = staged_.present.data()};
  }
  const auto append = [&](const std::vector<T>& values, std::vector<float>* out) {
    for (const T value : values) out->push_back(static_cast<float>(value));
  };
  const bool served_shadow = shadow_.taken() && monitor_.serving_shadow();
  if (device_ != nullptr) {
    absl::Status peeked = PeekOnDevice(input);
    if (!peeked.ok()) return peeked;
  } else {
    learner_.network().Forward(learner_.weights().data(), input, hidden_.data(), &step_, y_.data());
    learner_.network().AddContexts(learner_.contexts(), step_, y_.data());
  }
  if (shadow_.taken()) {
    learner_.network().Forward(shadow_.theta.data(), ShadowInput(input, x), shadow_.hidden.data(),
                               &shadow_step_, row_.data());
    learner_.network().AddContexts(shadow_.contexts, shadow_step_, row_.data());
    append(row_, &outcome->shadow_outputs);
  }
  append(served_shadow ? row_ : y_, &outcome->outputs);
  if (model_->classification()) {
    kernels::Softmax((served_shadow ? row_ : y_).data(), m_, probabilities_.data());
    append(probabilities_, &outcome->probabilities);
  }
  for (const double sd : monitor_.residual_sd()) {
    outcome->residual_sd.push_back(static_cast<float>(sd));
  }
  outcome->novelty.push_back(static_cast<float>(novelty));
  outcome->first_seq = applied_ + 1;
  outcome->served_shadow = served_shadow;
  return absl::OkStatus();
}

template <typename T>
std::int64_t StreamImpl<T>::ResidentBytes() const {
  SizeVisitor visitor;
  auto* const self = const_cast<StreamImpl*>(this);  // a sizing visitor reads
  self->learner_.Visit(visitor);
  self->input_.Visit(visitor);
  self->monitor_.Visit(visitor);
  self->shadow_.Visit(visitor);
  return visitor.bytes() + window_.bytes() + ScratchBytes();
}

template <typename T>
StreamBytes StreamImpl<T>::BytesByKind() const {
  KindVisitor visitor;
  auto* const self = const_cast<StreamImpl*>(this);  // a sizing visitor reads
  self->learner_.Visit(visitor);
  self->input_.Visit(visitor);
  self->monitor_.Visit(visitor);
  self->shadow_.Visit(visitor);
  StreamBytes bytes = visitor.bytes();
  bytes.window = window_.bytes();
  bytes.other += ScratchBytes();
  return bytes;
}

template <typename T>
std::int64_t StreamImpl<T>::ScratchBytes() const {
  const auto step = static_cast<std::int64_t>(step_.cell.values.size() + step_.state.size() +
                                              step_.features.size());
  const auto element = static_cast<std::int64_t>(sizeof(T));
  // The gradient, and three steps' scratch, are as large as parts of the state.
  return element * (learner_.layout().size() + 3 * step + 4 * m_) +
         static_cast<std::int64_t>(sizeof(*this));
}

#define MILLRACE_INSTANTIATE(T)                                                                \
  template StreamImpl<T>::StreamImpl(std::shared_ptr<const Model>, std::string, std::uint64_t, \
                                     const ModelSpec&, std::vector<NamedSetting>);             \
  template void StreamImpl<T>::Initialize();                                                   \
  template absl::Status StreamImpl<T>::LoadState(const Snapshot&);                             \
  template absl::Status StreamImpl<T>::PeekStep(const Peek&, Outcome*) const;                  \
  template Snapshot StreamImpl<T>::Save() const;                                               \
  template StreamStats StreamImpl<T>::Stats() const;                                           \
  template std::int64_t StreamImpl<T>::ResidentBytes() const;                                  \
  template StreamBytes StreamImpl<T>::BytesByKind() const;                                     \
  template std::int64_t StreamImpl<T>::ScratchBytes() const;
MILLRACE_INSTANTIATE(float)
MILLRACE_INSTANTIATE(double)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::engine
