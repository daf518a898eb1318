#include "engine/window.h"

#include <algorithm>
#include <cstring>

#include "engine/check.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kFirstCapacity = 4;

// Rows first..first+count of a ring of `capacity` rows of `width`, rotated to begin at 0.
template <typename T>
void Unroll(std::vector<T>& rows, std::int64_t head, std::int64_t width) {
  std::rotate(rows.begin(), rows.begin() + head * width, rows.end());
}

}  // namespace

template <typename T>
Window<T>::Window(std::int64_t inputs, bool byte_inputs, std::int64_t outputs)
    : width_(byte_inputs ? 0 : inputs), m_(outputs), byte_inputs_(byte_inputs) {}

template <typename T>
std::size_t Window<T>::Index(std::uint64_t seq) const {
  MILLRACE_CHECK(Holds(seq));
  const std::int64_t at = head_ + static_cast<std::int64_t>(seq - first_seq_);
  return static_cast<std::size_t>(at >= capacity_ ? at - capacity_ : at);
}

template <typename T>
void Window<T>::Resize(std::int64_t capacity) {
  const auto rows = static_cast<std::size_t>(capacity);
  const auto width = static_cast<std::size_t>(width_), m = static_cast<std::size_t>(m_);
  z_.resize(rows * width);
  present_.resize(rows * width);
  outputs_.resize(rows * m);
  shadow_.resize(rows * m);
  values_.resize(rows * m);
  marks_.resize(rows);
  bytes_.resize(rows);
  labels_.resize(rows);
  kinds_.resize(rows);
  weights_.resize(rows);
  inferred_.resize(rows);
  releases_.resize(rows);
  capacity_ = capacity;
}

template <typename T>
void Window<T>::Grow() {
  Unroll(z_, head_, width_);
  Unroll(present_, head_, width_);
  Unroll(outputs_, head_, m_);
  Unroll(shadow_, head_, m_);
  Unroll(values_, head_, m_);
  Unroll(marks_, head_, 1);
  Unroll(bytes_, head_, 1);
  Unroll(labels_, head_, 1);
  Unroll(kinds_, head_, 1);
  Unroll(weights_, head_, 1);
  Unroll(inferred_, head_, 1);
  Unroll(releases_, head_, 1);
  head_ = 0;
  Resize(std::max(kFirstCapacity, 2 * capacity_));
}

template <typename T>
void Window<T>::Push(std::uint64_t seq, const RowMarks& marks, std::int64_t byte) {
  MILLRACE_CHECK(seq == first_seq_ + static_cast<std::uint64_t>(size_));
  if (size_ == capacity_) Grow();
  ++size_;
  const std::size_t at = Index(seq);
  marks_[at] = marks;
  bytes_[at] = byte;
  kinds_[at] = TargetKind::kOpen;
  labels_[at] = -1;
  weights_[at] = 1.0;
  inferred_[at] = 0;
  releases_[at] = 0;
  // What is not used is zero, so that the state is canonical.
  std::fill_n(values_.data() + At(seq) * m_, m_, T{0});
  std::fill_n(shadow_.data() + At(seq) * m_, m_, T{0});
}

template <typename T>
void Window<T>::Pop() {
  MILLRACE_CHECK(size_ > 0);
  --size_;
  ++first_seq_;
  if (++head_ == capacity_) head_ = 0;
}

template <typename T>
CellInput<T> Window<T>::cell_input(std::uint64_t seq) {
  if (byte_inputs_) return {.byte = byte(seq)};
  return {.dense = input(seq), .present = present(seq)};
}

template <typename T>
void Window<T>::Hold(std::uint64_t seq, const TargetRow<T>& target, std::uint64_t release) {
  const std::size_t at = Index(seq);
  kinds_[at] = target.kind;
  labels_[at] = target.label;
  weights_[at] = target.weight;
  inferred_[at] = target.inferred ? 1 : 0;
  releases_[at] = release;
  if (target.kind != TargetKind::kClass) {
    std::copy_n(target.values, m_, values_.data() + At(seq) * m_);
  }
}

template <typename T>
TargetRow<T> Window<T>::target(std::uint64_t seq) const {
  const std::size_t at = Index(seq);
  return {.kind = kinds_[at],
          .values = values_.data() + At(seq) * m_,
          .label = labels_[at],
          .weight = weights_[at],
          .inferred = inferred_[at] != 0};
}

template <typename T>
bool Window<T>::SameTarget(std::uint64_t seq, const TargetRow<T>& other) const {
  const TargetRow<T> held = target(seq);
  if (held.kind != other.kind || held.weight != other.weight || held.inferred != other.inferred) {
    return false;
  }
  if (held.kind == TargetKind::kClass) return held.label == other.label;
  // NaN, an output not known, equals NaN.
  return std::equal(held.values, held.values + m_, other.values,
                    [](T a, T b) { return a == b || (a != a && b != b); });
}

template <typename T>
std::int64_t Window<T>::row_bytes() const {
  const auto element = static_cast<std::int64_t>(sizeof(T));
  return width_ * (element + 1) + 3 * m_ * element +
         static_cast<std::int64_t>(sizeof(RowMarks) + sizeof(TargetKind) + 1 + 4 * 8);
}

template <typename T>
void Window<T>::Visit(StateVisitor& visitor) {
  const auto rows = static_cast<std::size_t>(size_);
  const auto ring = [&](auto& values, std::int64_t width, const char* name) {
    // A copy in order of the steps; a loading visitor fills it, and it becomes the ring.
    auto copy = values;
    Unroll(copy, head_, width);
    copy.resize(rows * static_cast<std::size_t>(width));
    visitor.Resizable(name, copy);
    if (capacity_ == 0) values = std::move(copy);
  };
  visitor.SetScope("window.");
  visitor.SetRole(StateRole::kStream);
  visitor.Value("first_seq", first_seq_);
  ring(z_, width_, "input");
  ring(present_, width_, "present");
  ring(outputs_, m_, "outputs");
  ring(shadow_, m_, "shadow_outputs");
  ring(values_, m_, "target_values");
  ring(bytes_, 1, "byte");
  ring(labels_, 1, "target_label");
  ring(weights_, 1, "target_weight");
  ring(inferred_, 1, "target_inferred");
  ring(releases_, 1, "target_release");
  std::vector<std::uint8_t> kinds, marks;
  for (std::int64_t i = 0; i < size_; ++i) {
    const std::uint64_t seq = first_seq_ + static_cast<std::uint64_t>(i);
    kinds.push_back(static_cast<std::uint8_t>(kind(seq)));
    const RowMarks& m = marks_[Index(seq)];
    marks.push_back(static_cast<std::uint8_t>((m.reset_before ? 1 : 0) | (m.learn ? 2 : 0) |
                                              (m.served_shadow ? 4 : 0) | (m.has_shadow ? 8 : 0)));
  }
  visitor.Resizable("target_kind", kinds);
  visitor.Resizable("marks", marks);
  if (capacity_ == 0 && !kinds.empty()) Adopt(kinds, marks);  // loaded into an empty window
}

template <typename T>
void Window<T>::Adopt(const std::vector<std::uint8_t>& kinds,
                      const std::vector<std::uint8_t>& marks) {
  // Columns of a damaged snapshot may differ in length, or hold what would index out of range.
  Resize(static_cast<std::int64_t>(kinds.size()));
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const bool known = kinds[i] <= static_cast<std::uint8_t>(TargetKind::kProbabilities) &&
                       labels_[i] >= -1 && labels_[i] < m_;
    kinds_[i] = known ? static_cast<TargetKind>(kinds[i]) : TargetKind::kAbsent;
    bytes_[i] = std::clamp<std::int64_t>(bytes_[i], kNoByte, 255);
    const std::uint8_t m = i < marks.size() ? marks[i] : 0;
    marks_[i] = {.reset_before = (m & 1) != 0,
                 .learn = (m & 2) != 0,
                 .served_shadow = (m & 4) != 0,
                 .has_shadow = (m & 8) != 0};
  }
  size_ = capacity_;
  head_ = 0;
}

template class Window<float>;
template class Window<double>;

}  // namespace millrace::engine
