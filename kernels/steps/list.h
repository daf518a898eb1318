// The list of steps, for whoever instantiates or tests all of them: X(Name) for each template; the
// units of cells, which are many and alike, apart, and so are sensitivities, which take lists.
#ifndef MILLRACE_KERNELS_STEPS_LIST_H_
#define MILLRACE_KERNELS_STEPS_LIST_H_

#include "kernels/steps/changes.h"
#include "kernels/steps/input.h"
#include "kernels/steps/linear.h"
#include "kernels/steps/losses.h"
#include "kernels/steps/outer_updates.h"
#include "kernels/steps/sensitivities.h"
#include "kernels/steps/sweeps.h"
#include "kernels/steps/traced_updates.h"
#include "kernels/steps/traces.h"
#include "kernels/steps/units.h"

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
  X(AddOuterProduct)              \
  X(Softmax)                      \
  X(LogSumExp)                    \
  X(SgdChange)                    \
  X(MomentumChange)               \
  X(RmspropChange)                \
  X(AdamChange)                   \
  X(SgdOuter)                     \
  X(MomentumOuter)                \
  X(RmspropOuter)                 \
  X(AdamOuter)                    \
  X(NormaliseInput)

#define MILLRACE_FOR_EACH_UNITS(X) \
  X(CtrnnUnits)                    \
  X(LstmUnits)                     \
  X(GruAfterUnits)                 \
  X(GruBeforeUnits)                \
  X(BlockGruUnits)                 \
  X(ElstmUnits)                    \
  X(SlstmUnits)                    \
  X(RwkvUnits)                     \
  X(LruUnits)                      \
  X(LruLearnedGammaUnits)          \
  X(GlruUnits)                     \
  X(ComplexGlruUnits)              \
  X(RgLruUnits)                    \
  X(MinGruUnits)                   \
  X(S4dUnits)                      \
  X(Modulate)

#define MILLRACE_FOR_EACH_SENSITIVITIES(X) \
  X(AdvanceSensitivities)                  \
  X(ContractSensitivities)                 \
  X(SweepTraces)                           \
  X(ContractTraces)                        \
  X(SgdTraced)                             \
  X(MomentumTraced)                        \
  X(RmspropTraced)                         \
  X(AdamTraced)

#endif  // MILLRACE_KERNELS_STEPS_LIST_H_
