// Vectors as wide as the registers of a target, for the loops that a compiler does not find by
// itself: values that stay in registers over a whole sum.
//
// Arithmetic is lane by lane, so a lane has the bits of the same expression in plain numbers.
// Target gives the code of each instruction set names of its own (serial.h). Everything is inlined;
// no vector crosses a call.
#ifndef MILLRACE_KERNELS_CPU_VECTORS_H_
#define MILLRACE_KERNELS_CPU_VECTORS_H_

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include <cstdint>
#include <utility>

#include "kernels/cpu/targets.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::cpu {

template <typename Target>
inline constexpr int kVectorBytes = 16;
template <>
inline constexpr int kVectorBytes<Avx2> = 32;
template <>
inline constexpr int kVectorBytes<Avx512> = 64;

// Numbers in a vector of any target, at most.
inline constexpr int kMostLanes = 16;

// Vectors that hold the sums of a loop, with room for its operands: registers less a few.
template <typename Target>
inline constexpr int kVectorsOfSums = 8;
template <>
inline constexpr int kVectorsOfSums<Avx2> = 12;
template <>
inline constexpr int kVectorsOfSums<Avx512> = 16;

// Of the vectors of an instruction set that fuses; the lane-by-lane form is not always recognised.
#if defined(MILLRACE_FUSED)
#if defined(__AVX512F__)
MILLRACE_HD __m512 FusedMulAdd(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
MILLRACE_HD __m512d FusedMulAdd(__m512d a, __m512d b, __m512d c) {
  return _mm512_fmadd_pd(a, b, c);
}
#elif defined(__AVX2__)
MILLRACE_HD __m256 FusedMulAdd(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
MILLRACE_HD __m256d FusedMulAdd(__m256d a, __m256d b, __m256d c) {
  return _mm256_fmadd_pd(a, b, c);
}
#elif defined(__ARM_NEON)
MILLRACE_HD float32x4_t FusedMulAdd(float32x4_t a, float32x4_t b, float32x4_t c) {
  return vfmaq_f32(c, a, b);
}
MILLRACE_HD float64x2_t FusedMulAdd(float64x2_t a, float64x2_t b, float64x2_t c) {
  return vfmaq_f64(c, a, b);
}
#endif
#endif

template <typename Target, typename T>
struct Vectors {
  static constexpr int kBytes = kVectorBytes<Target>;
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  typedef T Vector __attribute__((vector_size(kBytes)));
  typedef T Unaligned __attribute__((vector_size(kBytes), aligned(alignof(T)), may_alias));
  using Mask = decltype(Vector{} == Vector{});

  MILLRACE_HD static Vector Load(const T* from) {
    return *reinterpret_cast<const Unaligned*>(from);
  }
  MILLRACE_HD static void Store(Vector x, T* to) { *reinterpret_cast<Unaligned*>(to) = x; }
  // The first `count` lanes; the others are zero, and are not touched.
  MILLRACE_HD static Vector LoadFirst(const T* from, std::int64_t count) {
    if (count >= kLanes) return Load(from);
    T lanes[kLanes] = {};
    for (std::int64_t l = 0; l < count; ++l) lanes[l] = from[l];
    return Load(lanes);
  }
  MILLRACE_HD static void StoreFirst(Vector x, std::int64_t count, T* to) {
    if (count >= kLanes) return Store(x, to);
    T lanes[kLanes];
    Store(x, lanes);
    for (std::int64_t l = 0; l < count; ++l) to[l] = lanes[l];
  }
  // All lanes, or as above.
  template <bool kAll>
  MILLRACE_HD static Vector LoadSome(const T* from, std::int64_t count) {
    if constexpr (kAll) return Load(from);
    return LoadFirst(from, count);
  }
  template <bool kAll>
  MILLRACE_HD static void StoreSome(Vector x, std::int64_t count, T* to) {
    if constexpr (kAll) return Store(x, to);
    StoreFirst(x, count, to);
  }
  // x in every lane: x - 0 is x, a negative zero too.
  MILLRACE_HD static Vector All(T x) { return x - Vector{}; }
  // 0, 1, 2, ...
  MILLRACE_HD static Vector Numbers() {
    Vector numbers{};
    for (int l = 0; l < kLanes; ++l) numbers[l] = static_cast<T>(l);
    return numbers;
  }
  // Lane l is x[from[l]].
  MILLRACE_HD static Vector Shuffled(Vector x, Mask from) {
#if defined(__clang__)
    Vector shuffled{};
    for (int l = 0; l < kLanes; ++l) shuffled[l] = x[from[l]];
    return shuffled;
#else
    return __builtin_shuffle(x, from);
#endif
  }
  // The sum of all lanes: halves are added until one is left.
  template <int kWidth = kLanes / 2>
  MILLRACE_HD static T Folded(Vector x) {
    if constexpr (kWidth == 0) {
      return x[0];
    } else {
      return Folded<kWidth / 2>(x + From<kWidth>(x, std::make_integer_sequence<int, kLanes>()));
    }
  }
  // a * b + c, as kernels::MulAdd.
  MILLRACE_HD static Vector MulAdd(Vector a, Vector b, Vector c) {
#if defined(MILLRACE_FUSED)
    return FusedMulAdd(a, b, c);
#else
    return a * b + c;
#endif
  }

 private:
  // Lane l is x[l + kFirst], around the end. The mask is a constant, not one that is put together.
  template <int kFirst, int... kNumbers>
  MILLRACE_HD static Vector From(Vector x, std::integer_sequence<int, kNumbers...>) {
    return Shuffled(x, Mask{(kNumbers + kFirst) % kLanes...});
  }
};

// Vectors of 16 bytes and of one number, for what is left of the units; members as above.
template <typename T>
struct NarrowLanes {
  static constexpr int kBytes = 16;
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  typedef T Vector __attribute__((vector_size(kBytes)));
  typedef T Unaligned __attribute__((vector_size(kBytes), aligned(alignof(T)), may_alias));

  MILLRACE_HD static Vector Load(const T* from) {
    return *reinterpret_cast<const Unaligned*>(from);
  }
  MILLRACE_HD static void Store(Vector x, T* to) { *reinterpret_cast<Unaligned*>(to) = x; }
  MILLRACE_HD static Vector All(T x) { return x - Vector{}; }
  MILLRACE_HD static Vector MulAdd(Vector a, Vector b, Vector c) {
    for (int l = 0; l < kLanes; ++l) c[l] = kernels::MulAdd(a[l], b[l], c[l]);
    return c;
  }
};
template <typename T>
struct OneLane {
  static constexpr int kLanes = 1;
  using Vector = T;

  MILLRACE_HD static T Load(const T* from) { return *from; }
  MILLRACE_HD static void Store(T x, T* to) { *to = x; }
  MILLRACE_HD static T All(T x) { return x; }
  MILLRACE_HD static T MulAdd(T a, T b, T c) { return kernels::MulAdd(a, b, c); }
};

// A lambda that must be inlined before its caller's arrays are put into registers.
#define MILLRACE_INLINE __attribute__((always_inline))

// body(0), body(1), ... body(kCount - 1), unrolled, each number a constant of its own: what an
// array of vectors needs to live in registers.
template <typename Body, int... kNumbers>
MILLRACE_HD void UnrollOver(std::integer_sequence<int, kNumbers...>, const Body& body) {
  (body(std::integral_constant<int, kNumbers>()), ...);
}
template <int kCount, typename Body>
MILLRACE_HD void Unroll(const Body& body) {
  UnrollOver(std::make_integer_sequence<int, kCount>(), body);
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_VECTORS_H_
