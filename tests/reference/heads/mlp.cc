// y = V2 silu(V1 f + b1) + b2, silu(a) = a sigmoid(a); f all features.
#include "tests/reference/heads/head.h"

namespace millrace::reference {
namespace {

struct Mlp {
  Mlp(const Part& part, const HeadShape& of, Layout* layout)
      : shape(of), width(part.Integer("hidden", 64)) {
    hidden = layout->Add("hidden", "readout", shape.cell_outputs + shape.direct, width);
    layout->Add("hidden_bias", "readout", 1, width);
    readout = layout->Add("readout", "readout", width, shape.outputs);
    layout->Add("readout_bias", "readout", 1, shape.outputs);
    blocks = *layout;
  }

  // Block `matrix` times `from`, plus the bias after it.
  template <typename S>
  std::vector<S> Layer(const std::vector<S>& weights, int matrix,
                       const std::vector<S>& from) const {
    const Block& block = blocks.block(matrix);
    const Block& bias = blocks.block(matrix + 1);
    std::vector<S> to(static_cast<std::size_t>(block.width));
    for (int k = 0; k < block.width; ++k) {
      S sum = weights[bias.Place(0, k)];
      for (int j = 0; j < block.rows; ++j) {
        sum += weights[block.Place(j, k)] * from[j];
      }
      to[k] = sum;
    }
    return to;
  }

  template <typename S>
  std::vector<S> Forward(const std::vector<S>& weights, const std::vector<S>& features) const {
    std::vector<S> inner = Layer(weights, hidden, features);
    for (S& a : inner) a = a * Sigmoid(a);
    return Layer(weights, readout, inner);
  }

  HeadShape shape;
  int width;
  Layout blocks;
  int hidden = -1;
  int readout = -1;
};

}  // namespace

std::shared_ptr<const Head> MakeMlp(const Part& part, const HeadShape& shape) {
  return std::make_shared<HeadOf<Mlp>>(part, shape);
}

}  // namespace millrace::reference
