// The pairs (j, i) of a grid as the threads of a block share them: neighbours take neighbouring i.
#ifndef MILLRACE_KERNELS_STEPS_PAIRS_H_
#define MILLRACE_KERNELS_STEPS_PAIRS_H_

#include "kernels/math/platform.h"

namespace millrace::kernels::steps {

// body(j, i) for the pairs j < k, i < n that fall to thread t of `threads`. Two divisions, however
// many pairs there are; Int as small as holds them.
template <typename Int, typename Body>
MILLRACE_HD void EachPair(Int t, Int threads, Int k, Int n, const Body& body) {
  const Int rows = threads / n;
  const Int columns = threads % n;
  Int j = t / n;
  Int i = t % n;
  while (j < k) {
    body(j, i);
    j += rows;
    i += columns;
    if (i >= n) {
      i -= n;
      ++j;
    }
  }
}

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_PAIRS_H_
