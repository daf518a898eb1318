// Vectors whose memory begins at a multiple of 64 bytes: a cache line, and the widest register. A
// kernel that streams over others loses up to half its speed, since every load touches two lines.
//
//   AlignedVector<float> values(count);
//
// Thread-safety and cost: those of std::vector.
#ifndef MILLRACE_ENGINE_ALIGNED_H_
#define MILLRACE_ENGINE_ALIGNED_H_

#include <cstddef>
#include <new>
#include <vector>

namespace millrace::engine {

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, kAlignment); }

  template <typename U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_ALIGNED_H_
