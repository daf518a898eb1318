// Singular values of small symmetric matrices, by LibTorch.
//
// LibTorch takes a second to load and a hundred megabytes, so it is behind a library of its own
// (singular_values_torch.cc) that is loaded at the first call. Thread-safe. O(size^3) a matrix.
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_SINGULAR_VALUES_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_SINGULAR_VALUES_H_

#include <cstdint>

namespace millrace::engine {

// values [count, size], falling within each matrix; matrices [count, size, size], finite. False
// where the library is not there: values are left alone.
bool SingularValues(const double* matrices, std::int64_t count, std::int64_t size, double* values);

}  // namespace millrace::engine

// What the library exports under this name.
extern "C" bool MillraceSingularValues(const double* matrices, std::int64_t count,
                                       std::int64_t size, double* values);

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_SINGULAR_VALUES_H_
