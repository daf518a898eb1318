// Direct contexts of a byte model: the last 1 to 4 bytes go straight to the logits, past the cell.
//
// Order o has a table of min(2^K, 256^o) rows of 256 numbers, zero at the start. The last o bytes
// name one row of it, all tables' rows are added to the logits, and each row learns at once:
//   row -= rate dy,   rate = max(context_rate / (1 + t)^context_rate_fall, context_least_rate)
// with dy = dL/dlogits and t the number of times that row has learned before. That is gradient
// descent on the model's own loss, a multinomial logistic regression on hashed features (Langford,
// Li and Strehl 2007), with rates that fall row by row: a new context is taken in within a few
// steps, an old one averages. Contexts that meet in a row share it.
//
// The row of order o: its bytes as a number, the latest lowest, key = sum b_i 256^i; where 256^o is
// at most 2^K the row is the key itself, else the upper K bits of
//   h = (key + o 2^32) 0x9E3779B97F4A7C15;  h ^= h >> 32;  h *= 0xD6E8FEB86659FD93;  h ^= h >> 32.
//
// The history of a step is state of the stream, four numbers after the filters: the latest byte
// first, zeros where there is none yet and after a reset. Tables belong to the learner, and a copy
// to each shadow. A change is at most rate |dy|, so tables stay finite while dy is.
// Thread-safe but for Change. O(256 orders) a step, nothing allocated but by MakeTable.
#ifndef MILLRACE_ENGINE_HEADS_CONTEXTS_H_
#define MILLRACE_ENGINE_HEADS_CONTEXTS_H_

#include <cstdint>
#include <vector>

#include "engine/spec.h"
#include "engine/state.h"

namespace millrace::engine {

// context_orders, context_bits, context_rate, context_rate_fall, context_least_rate: settings of
// every head.
std::vector<SettingDescription> ContextSettings();

// What the contexts have learned: 2^K 256 sizeof(T) bytes an order (float, K = 14: 16 MiB; order 1
// takes 256 KiB).
template <typename T>
struct ContextTable {
  std::vector<T> rows;                // [rows, 256], tables in rising order
  std::vector<std::int64_t> learned;  // [rows] times

  // Names context_rows and context_counts, in the caller's scope and role.
  void Visit(StateVisitor& visitor);
};

template <typename T>
class Contexts {
 public:
  static constexpr std::int64_t kOutputs = 256;  // m
  static constexpr std::int64_t kHistory = 4;    // bytes

  // `head` is resolved.
  explicit Contexts(const PartSpec& head);
  // New rates; orders and bits stay those of the constructor.
  void Change(const PartSpec& head);

  bool empty() const { return first_row_.empty(); }
  std::int64_t state_size() const { return empty() ? 0 : kHistory; }
  ContextTable<T> MakeTable() const;

  // History before and after a step [state_size], may be the same memory. A step without input
  // (kNoByte) leaves it as it is.
  void Step(std::int64_t byte, const T* before, T* after) const;
  // logits[k] += the rows of `history`, in rising order. history [state_size], logits [256].
  void AddLogits(const ContextTable<T>& table, const T* history, T* logits) const;
  // The rows of `history` learn from dy = dL/dlogits [256].
  void Learn(const T* history, const T* dy, ContextTable<T>* table) const;

 private:
  std::int64_t orders() const { return static_cast<std::int64_t>(first_row_.size()); }
  // Of all tables one after another.
  std::int64_t Row(const T* history, std::int64_t order) const;
  T Rate(std::int64_t learned) const;

  std::int64_t bits_, rows_ = 0;
  double rate_ = 0, fall_ = 0, least_rate_ = 0;
  std::vector<std::int64_t> first_row_;  // [orders] of each table
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_CONTEXTS_H_
