// The list of unit maps, for whoever instantiates or tests all of them: X(Name) for each template
// over the type of its numbers. The diagonal state space channel is not among them: its number of
// states, and with it that of its arrays, is known when it runs (s4d.h).
#ifndef MILLRACE_KERNELS_CELLS_LIST_H_
#define MILLRACE_KERNELS_CELLS_LIST_H_

#include "kernels/cells/block_gru.h"
#include "kernels/cells/ctrnn.h"
#include "kernels/cells/elstm.h"
#include "kernels/cells/glru.h"
#include "kernels/cells/gru.h"
#include "kernels/cells/lru.h"
#include "kernels/cells/lstm.h"
#include "kernels/cells/min_gru.h"
#include "kernels/cells/rg_lru.h"
#include "kernels/cells/rwkv.h"
#include "kernels/cells/slstm.h"

#define MILLRACE_FOR_EACH_UNIT(X) \
  X(CtrnnUnit)                    \
  X(LstmUnit)                     \
  X(GruAfterUnit)                 \
  X(GruBeforeUnit)                \
  X(BlockGruUnit)                 \
  X(ElstmUnit)                    \
  X(SlstmUnit)                    \
  X(RwkvUnit)                     \
  X(LruUnit)                      \
  X(LruLearnedGammaUnit)          \
  X(GlruUnit)                     \
  X(ComplexGlruUnit)              \
  X(RgLruUnit)                    \
  X(MinGruUnit)

#endif  // MILLRACE_KERNELS_CELLS_LIST_H_
