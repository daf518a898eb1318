// The entry points of kernels/: loops on raw memory, each instantiated for float and double.
//
// Layout. A map from k inputs to n units is stored input-major: matrix_t[j * n + i] is the weight
// from input j to unit i, so that the units of one input are contiguous. Loops then run over units
// and never change the order of a sum with the vector width: every operation below gives the same
// bits on every target with FMA, and on every target without, whatever the batch or the thread. A
// product that is added to something (a sum's terms included) is a MulAdd (math/mul_add.h).
// Sums over a contiguous range use 16 virtual lanes, lane l adding the elements l, l+16, ... in
// order, and then fold 8, 4, 2, 1.
//
// No operation allocates, and none calls libm. Output ranges must not overlap inputs unless said.
// Thread-safety: pure functions of their arguments.
//
// Letters: n units, k inputs of a map, m outputs, p parameters of a range.
#ifndef MILLRACE_KERNELS_OPS_H_
#define MILLRACE_KERNELS_OPS_H_

#include <cstdint>

namespace millrace::kernels {

// Raised whenever a released bit of any result changes; part of the numeric path.
inline constexpr int kKernelRevision = 2;

// Whether this process's operations round a product and its sum once (math/mul_add.h); decided by
// the processor. Part of the numeric path.
bool Fused();

// Flush-to-zero for the current thread while alive; restores what was set before.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint32_t saved_;
};

// Linear algebra -----------------------------------------------------------------------------

// out[i] = sum_j matrix_t[j, i] x[j], summed in rising j from zero.
// matrix_t [k, n], x [k], out [n].
template <typename T>
void MatVec(const T* matrix_t, const T* x, std::int64_t k, std::int64_t n, T* out);
// out[i] += the same, term by term in rising j.
template <typename T>
void AddMatVec(const T* matrix_t, const T* x, std::int64_t k, std::int64_t n, T* out);
// out[i] += scale * x[i].
template <typename T>
void AddScaled(const T* x, T scale, std::int64_t n, T* out);
// out[j] = sum_i matrix_t[j, i] y[i]: 16 lanes. matrix_t [k, n], y [n], out [k].
template <typename T>
void TransposedMatVec(const T* matrix_t, const T* y, std::int64_t k, std::int64_t n, T* out);
// 16 lanes.
template <typename T>
T Dot(const T* x, const T* y, std::int64_t n);
// 16 lanes.
template <typename T>
T SumSquares(const T* x, std::int64_t n);
// x[i] *= scale.
template <typename T>
void Scale(T* x, T scale, std::int64_t n);
// False if any element is infinite or NaN (independent of compiler flags).
template <typename T>
bool AllFinite(const T* x, std::int64_t n);

// Cells --------------------------------------------------------------------------------------

// Leaky tanh rate cell: h = (1-al) h' + al tanh(a), slope = dh/da = al (1 - tanh(a)^2).
// preactivation, h_prev, h, slope [n]; h may be h_prev.
template <typename T>
void LeakyTanh(const T* preactivation, const T* h_prev, T leak, std::int64_t n, T* h, T* slope);

// Sensitivities of unit-local rules ----------------------------------------------------------

// g[j, i] = s[i] x[j]. x [k], s [n], g [k, n].
template <typename T>
void OuterProduct(const T* x, const T* s, std::int64_t k, std::int64_t n, T* g);
// g[j, i] += s[i] x[j].
template <typename T>
void AddOuterProduct(const T* x, const T* s, std::int64_t k, std::int64_t n, T* g);

// Losses -------------------------------------------------------------------------------------

// probabilities[j] = softmax(z)[j], by the largest z, summed with 16 lanes. [m]; may alias.
template <typename T>
void Softmax(const T* z, std::int64_t m, T* probabilities);
// log sum_j exp(z[j]), stable.
template <typename T>
T LogSumExp(const T* z, std::int64_t m);

// Optimizers: turn a gradient into a weight change, in place (g becomes the change, to be added) --

template <typename T>
struct UpdateRates {
  T rate;               // learning rate, > 0
  T beta1;              // first-moment (momentum) decay
  T beta2;              // second-moment decay
  T epsilon;            // > 0
  T weight_decay;       // decoupled: change -= rate * weight_decay * theta
  T correction1;        // 1 - beta1^k after this update, or 1 for uncorrected
  T correction2;        // 1 - beta2^k after this update, or 1 for uncorrected
  bool epsilon_inside;  // sqrt(v + eps) instead of sqrt(v) + eps
};

// What each kind makes of a parameter's gradient g:
//   kSgd       change = -rate g
//   kMomentum  m = beta1 m + g; change = -rate m (Polyak 1964, as PyTorch's SGD)
//   kRmsprop   v = beta2 v + (1-beta2) g^2; change = -rate g / (sqrt(v / correction2) + eps)
//   kAdam      m = beta1 m + (1-beta1) g; v as above; change = -rate (m / correction1) /
//              (sqrt(v / correction2) + eps) - rate weight_decay theta
enum class UpdateKind { kSgd, kMomentum, kRmsprop, kAdam };

// Parameters with their gradient written out; null what the kind does not have.
template <typename T>
struct ParameterRange {
  std::int64_t p = 0;
  const T* theta = nullptr;  // [p]
  T* first = nullptr;        // [p], m
  T* second = nullptr;       // [p], v
  T* g = nullptr;            // [p]
};

// g becomes the change; the slots advance.
template <typename T>
void Change(UpdateKind kind, const UpdateRates<T>& rates, const ParameterRange<T>& range);

// Input --------------------------------------------------------------------------------------

// Channels with the same number of values before this one, all of them present now.
template <typename T>
struct InputChannels {
  const T* x;         // [n] transformed values
  T* mean;            // [n]
  T* variance;        // [n]
  T rate;             // of the running mean and variance at this value
  T floor;            // added to a variance under a root
  T clip;             // largest normalised value
  bool clip_changes;  // whether a deviation that goes into the mean is clipped too
  std::int64_t n;
  T* normalised;  // [n]
};

// normalised = (x - mean) / sqrt(variance + floor) within +-clip, by the mean and variance from
// before x; then mean += rate dev and variance = (1 - rate) (variance + rate dev^2), dev = x -
// mean. Products and sums are rounded apart on every target, as in scalar code.
template <typename T>
void NormaliseInput(const InputChannels<T>& channels);

// Optimizers on a map whose gradient is an outer product, g[j, i] = scale x[j] d[i] ---------------

template <typename T>
struct OuterMap {
  const T* x;  // [k]
  T scale;
  const T* d;  // [n]
  std::int64_t k, n;
  T* theta;   // [k, n]
  T* first;   // [k, n], momentum, where the optimizer has one
  T* second;  // [k, n], running mean square, where it has one
  // What the map sees next [k], or null; then next [n] += sum_j next_x[j] theta[j, i] in rising j
  // with the new weights, which is what AddMatVec would add.
  const T* next_x;
  T* next;
};

// theta += the change that Change makes of g; one pass over the map.
template <typename T>
void ChangeOuter(UpdateKind kind, const UpdateRates<T>& rates, const OuterMap<T>& map);

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_OPS_H_
