// Direct contexts of a byte model: the last 1 .. context_orders (0) bytes each name a row of 256
// numbers, which are added to the logits and learn at once,
//   row -= rate dz,  rate = max(context_rate / (1 + t)^context_rate_fall, context_least_rate)
// (1.2, .35, .02), t the times that the row has learned: multinomial logistic regression on hashed
// features (Langford, Li and Strehl 2007).
//
// An order has at most 2^K rows, K = context_bits (14). key: the bytes as a number, the latest
// lowest; the row is the key where 256^order is at most 2^K, else the upper K bits of
//   h = (key + order 2^32) 0x9E3779B97F4A7C15;  h ^= h >> 32;  h *= 0xD6E8FEB86659FD93;  h ^= h
//   >> 32.
// The history of a step [4], the latest first, 0 where there is none, is the caller's.
// Thread-compatible. Rows that have not learned take no memory.
#ifndef MILLRACE_TESTS_REFERENCE_CONTEXTS_H_
#define MILLRACE_TESTS_REFERENCE_CONTEXTS_H_

#include <cstdint>
#include <map>
#include <utility>

#include "tests/reference/part.h"
#include "tests/reference/vector.h"

namespace millrace::reference {

class Contexts {
 public:
  static constexpr int kHistory = 4;

  explicit Contexts(const Part& head);

  // The history after a one-hot input z [256]; one without a byte leaves it.
  static Vector Push(const Vector& history, const Vector& z);

  void AddLogits(const Vector& history, Vector* logits) const;
  void Learn(const Vector& history, const Vector& dz);

  struct Row {
    Vector weights = Vector(256);
    std::int64_t learned = 0;
  };
  // By order and row.
  const std::map<std::pair<int, std::uint64_t>, Row>& rows() const { return rows_; }

 private:
  std::uint64_t RowOf(const Vector& history, int order) const;

  int orders_, bits_;
  double rate_, fall_, least_rate_;
  std::map<std::pair<int, std::uint64_t>, Row> rows_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_CONTEXTS_H_
