#include "tests/reference/cells/cell.h"

#include <string>

namespace millrace::reference {

void CellShape::SetComponents(int components, int first_output) {
  sensitive = components * units;
  outputs.clear();
  for (int place = first_output * units; place < sensitive; ++place) outputs.push_back(place);
}

int CellShape::UnitOfWeight(int place) const {
  if (!unit_local) return -1;
  for (const Block& block : layout.blocks()) {
    if (place < block.offset + block.Size()) return (place - block.offset) % block.width;
  }
  return -1;
}

Gate AddGate(const std::string& name, const std::string& letters, int heads, CellShape* shape) {
  const std::string prefix = name.empty() ? "" : name + ".";
  Gate gate;
  const int n = shape->units;
  if (letters.find('R') != std::string::npos) {
    gate.recurrent = shape->layout.Add(prefix + "recurrent", "recurrent", n / heads, n);
  }
  if (letters.find('I') != std::string::npos) {
    gate.input = shape->layout.Add(prefix + "input", "input", shape->inputs, n);
  }
  if (letters.find('B') != std::string::npos) {
    gate.bias = shape->layout.Add(prefix + "bias", "bias", 1, n);
  }
  return gate;
}

int AddDynamics(const std::string& name, CellShape* shape) {
  return shape->layout.Add(name, "dynamics", 1, shape->units);
}

}  // namespace millrace::reference
