// floors.cu where CUDA was not built.

#include "tests/bench/gpu/floors.h"

namespace millrace::bench {

bool MeasureCudaFloors(Floors* floors) {
  floors->device = "CUDA was not built: configure with -DMILLRACE_CUDA=ON";
  return false;
}

}  // namespace millrace::bench
