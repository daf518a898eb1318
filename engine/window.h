// The window: the steps between the learner and the predictor, with the inputs as they were
// normalised, the predictions as they were issued, and the targets that have come.
//
// A ring of rows that grows, by doubling, to what is in use; memory is not given back. Steps are
// reached by their number. Thread-compatible.
#ifndef MILLRACE_ENGINE_WINDOW_H_
#define MILLRACE_ENGINE_WINDOW_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/losses/loss.h"
#include "engine/state.h"

namespace millrace::engine {

// What is known of one step, scalars of the row.
struct RowMarks {
  bool reset_before = false;
  bool learn = true;
  bool served_shadow = false;
  bool has_shadow = false;  // shadow outputs are there
};

template <typename T>
class Window {
 public:
  // Rows of d inputs (0 and one_byte for byte models) and m outputs.
  Window(std::int64_t inputs, bool byte_inputs, std::int64_t outputs);

  std::int64_t size() const { return size_; }
  std::uint64_t first_seq() const { return first_seq_; }  // of the oldest row, if size() > 0
  bool Holds(std::uint64_t seq) const {
    return seq >= first_seq_ && seq < first_seq_ + static_cast<std::uint64_t>(size_);
  }

  // Appends the row of step `seq`, which must follow the last one. Its target is open.
  void Push(std::uint64_t seq, const RowMarks& marks, std::int64_t byte);
  // Drops the oldest row.
  void Pop();

  // The row's memory. Valid until the next Push.
  T* input(std::uint64_t seq) { return z_.data() + At(seq) * width_; }                     // [d]
  std::uint8_t* present(std::uint64_t seq) { return present_.data() + At(seq) * width_; }  // [d]
  T* outputs(std::uint64_t seq) { return outputs_.data() + At(seq) * m_; }        // [m] live
  T* shadow_outputs(std::uint64_t seq) { return shadow_.data() + At(seq) * m_; }  // [m]
  const RowMarks& marks(std::uint64_t seq) const { return marks_[Index(seq)]; }
  std::int64_t byte(std::uint64_t seq) const { return bytes_[Index(seq)]; }
  CellInput<T> cell_input(std::uint64_t seq);

  // Targets.
  TargetKind kind(std::uint64_t seq) const { return kinds_[Index(seq)]; }
  void Close(std::uint64_t seq) { kinds_[Index(seq)] = TargetKind::kAbsent; }
  // target.values are copied, [m].
  void Hold(std::uint64_t seq, const TargetRow<T>& target, std::uint64_t release);
  TargetRow<T> target(std::uint64_t seq) const;
  std::uint64_t release(std::uint64_t seq) const { return releases_[Index(seq)]; }
  // The same target, weight and source included.
  bool SameTarget(std::uint64_t seq, const TargetRow<T>& target) const;

  // Bytes of one row.
  std::int64_t row_bytes() const;
  std::int64_t bytes() const { return capacity_ * row_bytes(); }
  // Rows in order of their numbers, wherever the ring stands.
  void Visit(StateVisitor& visitor);

 private:
  std::size_t Index(std::uint64_t seq) const;
  std::int64_t At(std::uint64_t seq) const { return static_cast<std::int64_t>(Index(seq)); }
  void Grow();
  void Resize(std::int64_t capacity);
  // Takes loaded rows over.
  void Adopt(const std::vector<std::uint8_t>& kinds, const std::vector<std::uint8_t>& marks);

  std::int64_t width_, m_;
  bool byte_inputs_;
  std::int64_t capacity_ = 0, size_ = 0, head_ = 0;
  std::uint64_t first_seq_ = 1;
  std::vector<T> z_, outputs_, shadow_, values_;  // [capacity, d | m | m | m]
  std::vector<std::uint8_t> present_;             // [capacity, d]
  std::vector<RowMarks> marks_;
  std::vector<std::int64_t> bytes_, labels_;
  std::vector<TargetKind> kinds_;
  std::vector<double> weights_;
  std::vector<std::uint8_t> inferred_;
  std::vector<std::uint64_t> releases_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_WINDOW_H_
