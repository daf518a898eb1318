// Cells: the recurrent map h_t = f(h_{t-1}, x_t; theta) and its local derivatives.
//
// A cell here is unit-local: unit i sees its parameters only through its pre-activation
//   a_i = sum_j theta[j, i] hhat[j],   hhat = [h_{t-1}; x_t; 1]   (k = n + d + 1 entries),
// so the immediate derivative of h_i to theta[j, i] is slope[i] hhat[j], and
//   J = dh_t/dh_{t-1} = diag(carry) + diag(slope) W.
// theta is input-major, [k, n]: row j holds the weights from input j to all units; rows are
// recurrent [n], input [d], bias [1] in this order.
//
// A cell is hyper-parameters only; state belongs to the caller. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_CELLS_CELL_H_
#define MILLRACE_ENGINE_CELLS_CELL_H_

#include <cstdint>
#include <vector>

#include "engine/random.h"

namespace millrace::engine {

inline constexpr std::int64_t kNoByte = -1;

// One step's input, as the cell takes it.
template <typename T>
struct CellInput {
  const T* dense = nullptr;               // z [d]; null for byte models
  const std::uint8_t* present = nullptr;  // [d]; 0: the channel's weights wait; null: all present
  std::int64_t byte = kNoByte;            // one-hot input; kNoByte with dense null: no input
};

// What one step leaves behind for the rules. Sized once, by the caller's constructor.
template <typename T>
struct CellStep {
  CellStep(std::int64_t units, std::int64_t inputs)
      : n(units),
        d(inputs),
        hhat(static_cast<std::size_t>(units + inputs + 1)),
        preactivation(static_cast<std::size_t>(units)),
        slope(static_cast<std::size_t>(units)),
        h(static_cast<std::size_t>(units)) {}

  std::int64_t rows() const { return n + d + 1; }  // k

  std::int64_t n, d;
  std::vector<T> hhat;           // [k]
  std::vector<T> preactivation;  // [n]
  std::vector<T> slope;          // [n] dh_i/da_i
  std::vector<T> h;              // [n]
  CellInput<T> input;            // views of the caller's memory
  bool one_hot = false;          // the input is a byte: only row n + byte of hhat's x part is set
};

template <typename T>
class Cell {
 public:
  virtual ~Cell() = default;
  virtual std::int64_t units() const = 0;   // n
  virtual std::int64_t inputs() const = 0;  // d
  // theta [k, n].
  virtual void Initialize(std::uint64_t seed, T* theta) const = 0;
  // Fills every field of `step` from theta [k, n], the input and h_prev [n]. O(n k), or O(n^2) for
  // a byte.
  virtual void Forward(const T* theta, const CellInput<T>& input, const T* h_prev,
                       CellStep<T>* step) const = 0;
  // Diagonal of J that does not pass through theta, [n].
  virtual const T* carry() const = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_CELL_H_
