// The layout of one stream's parameters: one vector [p], in groups.
//
//   recurrent [n, n] | input [d, n] | bias [n] | readout [n, m] and, if there is one, its bias [m]
//
// All input-major: a row holds the weights from one input to all units. A column, in the sense of
// the optimizer's waiting slots, is what shares its number of updates: all recurrent weights, the
// weights from one input, the bias, the weights to one output.
#ifndef MILLRACE_ENGINE_PARAMETERS_H_
#define MILLRACE_ENGINE_PARAMETERS_H_

#include <cstddef>
#include <cstdint>

namespace millrace::engine {

enum class Group : std::uint8_t { kRecurrent = 0, kInput = 1, kBias = 2, kReadout = 3 };
inline constexpr std::size_t kGroups = 4;
inline constexpr const char* kGroupNames[kGroups] = {"recurrent", "input", "bias", "readout"};

struct ParameterLayout {
  std::int64_t n = 0, d = 0, m = 0;
  bool readout_bias = true;

  std::int64_t rows() const { return n + d + 1; }  // k of the cell's theta
  std::int64_t input() const { return n * n; }
  std::int64_t bias() const { return (n + d) * n; }
  std::int64_t readout() const { return rows() * n; }
  std::int64_t size() const { return readout() + n * m + (readout_bias ? m : 0); }  // p

  // Columns, for the running powers of the optimizer's decays.
  std::int64_t columns() const { return 2 + d + m; }
  static std::int64_t RecurrentColumn() { return 0; }
  static std::int64_t BiasColumn() { return 1; }
  static std::int64_t InputColumn(std::int64_t channel) { return 2 + channel; }
  std::int64_t OutputColumn(std::int64_t output) const { return 2 + d + output; }
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_PARAMETERS_H_
