// ops.h on the CPU: every entry point is its step, run by the serial executor, compiled for
// the widest vectors that this processor has.

#include "kernels/ops.h"

#include <cstdint>

#include "kernels/cpu/run_chosen.h"
#include "kernels/cpu/targets.h"
#include "kernels/steps/list.h"

namespace millrace::kernels {

bool Fused() { return cpu::IsFused(cpu::Chosen()); }

template <typename T>
void MatVec(const T* matrix_t, const T* x, std::int64_t k, std::int64_t n, T* out) {
  cpu::RunChosen(steps::MatVec<T>{matrix_t, x, k, n, out});
}

template <typename T>
void AddMatVec(const T* matrix_t, const T* x, std::int64_t k, std::int64_t n, T* out) {
  cpu::RunChosen(steps::AddMatVec<T>{matrix_t, x, k, n, out});
}

template <typename T>
void AddScaled(const T* x, T scale, std::int64_t n, T* out) {
  cpu::RunChosen(steps::AddScaled<T>{x, scale, n, out});
}

template <typename T>
void TransposedMatVec(const T* matrix_t, const T* y, std::int64_t k, std::int64_t n, T* out) {
  cpu::RunChosen(steps::TransposedMatVec<T>{matrix_t, y, k, n, out});
}

template <typename T>
T Dot(const T* x, const T* y, std::int64_t n) {
  T result;
  cpu::RunChosen(steps::Dot<T>{x, y, n, &result});
  return result;
}

template <typename T>
T SumSquares(const T* x, std::int64_t n) {
  T result;
  cpu::RunChosen(steps::SumSquares<T>{x, n, &result});
  return result;
}

template <typename T>
void Scale(T* x, T scale, std::int64_t n) {
  cpu::RunChosen(steps::Scale<T>{x, scale, n});
}

template <typename T>
bool AllFinite(const T* x, std::int64_t n) {
  bool result;
  cpu::RunChosen(steps::AllFinite<T>{x, n, &result});
  return result;
}

template <typename T>
void LeakyTanh(const T* preactivation, const T* h_prev, T leak, std::int64_t n, T* h, T* slope) {
  cpu::RunChosen(steps::LeakyTanh<T>{preactivation, h_prev, leak, n, h, slope});
}

template <typename T>
void OuterProduct(const T* x, const T* s, std::int64_t k, std::int64_t n, T* g) {
  cpu::RunChosen(steps::OuterProduct<T>{x, s, k, n, g});
}

template <typename T>
void AddOuterProduct(const T* x, const T* s, std::int64_t k, std::int64_t n, T* g) {
  cpu::RunChosen(steps::AddOuterProduct<T>{x, s, k, n, g});
}

template <typename T>
void Softmax(const T* z, std::int64_t m, T* probabilities) {
  cpu::RunChosen(steps::Softmax<T>{z, m, probabilities});
}

template <typename T>
T LogSumExp(const T* z, std::int64_t m) {
  T result;
  cpu::RunChosen(steps::LogSumExp<T>{z, m, &result});
  return result;
}

template <typename T>
void Change(UpdateKind kind, const UpdateRates<T>& rates, const ParameterRange<T>& range) {
  cpu::RunOfKind<steps::StoredUpdate, T>(kind, rates, range);
}

template <typename T>
void NormaliseInput(const InputChannels<T>& channels) {
  cpu::RunChosen(steps::NormaliseInput<T>{channels});
}

template <typename T>
void ChangeOuter(UpdateKind kind, const UpdateRates<T>& rates, const OuterMap<T>& map) {
  cpu::RunOfKind<steps::OuterUpdate, T>(kind, rates, map);
}

#define MILLRACE_INSTANTIATE(T)                                                       \
  template void MatVec(const T*, const T*, std::int64_t, std::int64_t, T*);           \
  template void AddMatVec(const T*, const T*, std::int64_t, std::int64_t, T*);        \
  template void AddScaled(const T*, T, std::int64_t, T*);                             \
  template void TransposedMatVec(const T*, const T*, std::int64_t, std::int64_t, T*); \
  template T Dot(const T*, const T*, std::int64_t);                                   \
  template T SumSquares(const T*, std::int64_t);                                      \
  template void Scale(T*, T, std::int64_t);                                           \
  template bool AllFinite(const T*, std::int64_t);                                    \
  template void LeakyTanh(const T*, const T*, T, std::int64_t, T*, T*);               \
  template void OuterProduct(const T*, const T*, std::int64_t, std::int64_t, T*);     \
  template void AddOuterProduct(const T*, const T*, std::int64_t, std::int64_t, T*);  \
  template void Softmax(const T*, std::int64_t, T*);                                  \
  template T LogSumExp(const T*, std::int64_t);                                       \
  template void Change(UpdateKind, const UpdateRates<T>&, const ParameterRange<T>&);  \
  template void NormaliseInput(const InputChannels<T>&);                              \
  template void ChangeOuter(UpdateKind, const UpdateRates<T>&, const OuterMap<T>&)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels
