// The layout of one stream's parameters: one vector [p], cut into named blocks.
//
// A block is a matrix [rows, width], row-major and input-major: row j holds the weights from one
// input to all units (or outputs). Cells add theirs first, then the head. Rates, clips and norms go
// by the block's group.
//
// A weight waits where it takes no part in a step: the row of a missing or silent channel, the
// column of an output that is not known. What can wait by itself has its own running powers of the
// optimizer's decays, so that the number of its own updates counts.
#ifndef MILLRACE_ENGINE_PARAMETERS_H_
#define MILLRACE_ENGINE_PARAMETERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millrace::engine {

// kDynamics: what a unit has for itself, such as time constants, decays, peepholes. kDirect: from
// the input past the cell to the outputs.
enum class Group : std::uint8_t {
  kRecurrent = 0,
  kInput = 1,
  kBias = 2,
  kDynamics = 3,
  kReadout = 4,
  kDirect = 5
};
inline constexpr std::size_t kGroups = 6;
inline constexpr const char* kGroupNames[kGroups] = {"recurrent", "input",   "bias",
                                                     "dynamics",  "readout", "direct"};

struct ParameterBlock {
  std::string name = {};
  Group group = Group::kRecurrent;
  std::int64_t rows = 0, width = 0;
  bool rows_wait = false;     // row j waits with input channel j modulo d
  bool columns_wait = false;  // column k waits with output k
  bool learned = true;        // false: set by the head itself, never by the optimizer
  std::int64_t offset = 0;    // of its first parameter
  std::int64_t power = 0;     // of its first running power

  std::int64_t size() const { return rows * width; }
  std::int64_t powers() const { return (rows_wait ? rows : 1) * (columns_wait ? width : 1); }
  // The running power of the parameter at (row, column).
  std::int64_t PowerAt(std::int64_t row, std::int64_t column) const {
    return power + (rows_wait ? row : 0) * (columns_wait ? width : 1) + (columns_wait ? column : 0);
  }
};

class ParameterLayout {
 public:
  // d input channels.
  explicit ParameterLayout(std::int64_t inputs) : inputs_(inputs) {}

  // Appends; offset and power are filled in. Returns the offset.
  std::int64_t Add(ParameterBlock block) {
    block.offset = size_;
    block.power = powers_;
    size_ += block.size();
    powers_ += block.powers();
    blocks_.push_back(std::move(block));
    return blocks_.back().offset;
  }

  const std::vector<ParameterBlock>& blocks() const { return blocks_; }
  std::int64_t inputs() const { return inputs_; }
  std::int64_t size() const { return size_; }  // p
  std::int64_t powers() const { return powers_; }

 private:
  std::int64_t inputs_;
  std::int64_t size_ = 0, powers_ = 0;
  std::vector<ParameterBlock> blocks_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_PARAMETERS_H_
