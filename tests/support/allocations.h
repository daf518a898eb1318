// Counts allocations, for tests that claim there are none. Replaces the global operator new of the
// program: one source of a program may include it. Thread-safe: each thread counts its own.
#ifndef MILLRACE_TESTS_SUPPORT_ALLOCATIONS_H_
#define MILLRACE_TESTS_SUPPORT_ALLOCATIONS_H_

#include <cstddef>
#include <cstdlib>
#include <new>

namespace millrace::testing_support {

// Of this thread, while it is asked for.
inline thread_local bool counting_allocations = false;
inline thread_local long allocations = 0;

inline void* Allocate(std::size_t size) {
  if (counting_allocations) ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

inline void* AllocateAligned(std::size_t size, std::size_t alignment) {
  if (counting_allocations) ++allocations;
  void* const memory = std::aligned_alloc(alignment, (size / alignment + 1) * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace millrace::testing_support

void* operator new(std::size_t size) { return millrace::testing_support::Allocate(size); }
void* operator new[](std::size_t size) { return millrace::testing_support::Allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return millrace::testing_support::AllocateAligned(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

#endif  // MILLRACE_TESTS_SUPPORT_ALLOCATIONS_H_
