// The list of steps, for whoever instantiates or tests all of them: X(Name) for each template.
#ifndef MILLRACE_KERNELS_STEPS_LIST_H_
#define MILLRACE_KERNELS_STEPS_LIST_H_

#include "kernels/steps/changes.h"
#include "kernels/steps/linear.h"
#include "kernels/steps/losses.h"
#include "kernels/steps/traces.h"

#define MILLRACE_FOR_EACH_STEP(X) \
  X(MatVec)                       \
  X(AddMatVec)                    \
  X(AddScaled)                    \
  X(TransposedMatVec)             \
  X(Dot)                          \
  X(SumSquares)                   \
  X(Scale)                        \
  X(AllFinite)                    \
  X(LeakyTanh)                    \
  X(OuterProduct)                 \
  X(AdvanceTrace)                 \
  X(ContractTrace)                \
  X(Softmax)                      \
  X(LogSumExp)                    \
  X(SgdChange)                    \
  X(MomentumChange)               \
  X(RmspropChange)                \
  X(AdamChange)

#endif  // MILLRACE_KERNELS_STEPS_LIST_H_
