// y = V h + c + D f, learned by the optimizer; h the cell's outputs, f the direct features.
#include "tests/reference/heads/head.h"

namespace millrace::reference {
namespace {

struct Linear {
  Linear(const Part& part, const HeadShape& of, Layout* layout) : shape(of) {
    readout = layout->Add("readout", "readout", shape.cell_outputs, shape.outputs);
    if (part.Flag("bias", true)) bias = layout->Add("readout_bias", "readout", 1, shape.outputs);
    if (shape.direct > 0) direct = layout->Add("direct", "direct", shape.direct, shape.outputs);
    blocks = *layout;
  }

  template <typename S>
  std::vector<S> Forward(const std::vector<S>& weights, const std::vector<S>& features) const {
    const auto weight = [&](int block, int j, int k) -> const S& {
      return weights[blocks.block(block).Place(j, k)];
    };
    std::vector<S> y(static_cast<std::size_t>(shape.outputs));
    for (int k = 0; k < shape.outputs; ++k) {
      S sum = 0;
      if (bias >= 0) sum += weight(bias, 0, k);
      for (int i = 0; i < shape.cell_outputs; ++i) {
        sum += weight(readout, i, k) * features[i];
      }
      for (int j = 0; j < shape.direct; ++j) {
        sum += weight(direct, j, k) * features[shape.cell_outputs + j];
      }
      y[k] = sum;
    }
    return y;
  }

  HeadShape shape;
  Layout blocks;
  int readout = -1;
  int bias = -1;
  int direct = -1;
};

}  // namespace

std::shared_ptr<const Head> MakeLinear(const Part& part, const HeadShape& shape) {
  return std::make_shared<HeadOf<Linear>>(part, shape);
}

}  // namespace millrace::reference
