// The library that singular_values.cc loads: the only file of engine/ that includes LibTorch.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_svdvals.h>

#include <algorithm>
#include <exception>

#include "engine/diagnostics/singular_values.h"

extern "C" __attribute__((visibility("default"))) bool MillraceSingularValues(
    const double* matrices, std::int64_t count, std::int64_t size, double* values) try {
  // Streams are what runs side by side here, never the inside of one matrix.
  static const bool alone = (at::set_num_threads(1), true);
  (void)alone;
  const at::NoGradGuard no_gradients;
  // from_blob takes memory that may be written; svdvals only reads it.
  const at::Tensor all =
      at::from_blob(const_cast<double*>(matrices), {count, size, size}, at::kDouble);
  const at::Tensor found = at::linalg_svdvals(all).contiguous();
  std::copy_n(found.const_data_ptr<double>(), count * size, values);
  return true;
} catch (const std::exception&) {
  return false;  // LAPACK did not converge
}
