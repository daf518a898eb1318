// The running inverse P = A^-1 of a weighted scatter of vectors v [k], A = sum w v v^T + ridge,
// forgotten exponentially: what the closed-form heads share.
//
//   Update:    A <- lambda^w A + b v v^T, by the rank-one formula of Sherman and Morrison (1950):
//              u = P v, s = v . u, g = b / (lambda^w + b s), P <- (P - g u u^T) / lambda^w
//   Replenish: A <- A + w ridge k e_j e_j^T, j taking the k elements in turn:
//              q = P e_j, g = w ridge k / (1 + w ridge k q_j), P <- P - g q q^T
// with A = ridge prior_weight I at the start, and w the target's weight: a target of weight w
// counts as w targets, in what it forgets too.
// Forgetting alone lets the ridge of the start fade, and P grow without bound along what is not
// excited (silent electrodes). Put back an element at a time, the ridge stays near ridge N, N the
// effective weight of what is remembered: A keeps that much on its diagonal, so that the trace of P
// is bounded by about k / (ridge N), with no threshold and no branch.
// P is stored whole; g (u_i u_j) is the same number for (i, j) and (j, i), so P is symmetric bit
// for bit. O(k^2) a target, k^2 + 1 numbers of state. One a head: it has scratch.
#ifndef MILLRACE_ENGINE_HEADS_INVERSE_SCATTER_H_
#define MILLRACE_ENGINE_HEADS_INVERSE_SCATTER_H_

#include <cstdint>
#include <vector>

#include "engine/spec.h"

namespace millrace::engine {

// forgetting, ridge, prior_weight.
std::vector<SettingDescription> ScatterSettings();

// The weight-th power of a forgetting factor in (0, 1], and never less than 1e-6, so that no one
// target, whatever its weight, makes P overflow. The factor itself for a weight of 1.
double Forgotten(double forgetting, double weight);

template <typename T>
class InverseScatter {
 public:
  // What the last Update or Replenish did, for what is kept equal to P times something.
  struct Change {
    std::vector<T> along;    // [k] u, or q
    T gain = 0;              // g
    T spread = 0;            // s of an Update
    T kept = 1;              // lambda^w of an Update
    std::int64_t place = 0;  // j of a Replenish
  };

  // v [k].
  InverseScatter(const PartSpec& head, std::int64_t k);

  std::int64_t size() const { return k_ * k_ + 1; }  // of the state: P [k, k], then j
  void Initialize(T* state) const;

  // v [k]; `share` is b. False where a number is not finite or P is not positive any more: then
  // nothing has changed.
  bool Update(const T* v, double weight, double share, T* state) const;
  void Replenish(double weight, T* state) const;
  const Change& change() const { return change_; }

 private:
  // P = (P - gain along along^T) scale.
  void Subtract(T scale, T* p) const;

  std::int64_t k_;
  double forgetting_, ridge_, prior_weight_;
  mutable Change change_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_INVERSE_SCATTER_H_
