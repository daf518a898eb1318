#include "tests/trajectory/weights.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace millrace::trajectory {
namespace {

using engine::Group;
using engine::ParameterBlock;

bool IsVector(const ParameterBlock& block) {
  return block.group == Group::kBias || block.group == Group::kDynamics ||
         absl::EndsWith(block.name, "_bias");
}

std::string NamesOf(const engine::ParameterLayout& layout) {
  return absl::StrJoin(layout.blocks(), ", ", [](std::string* out, const ParameterBlock& block) {
    absl::StrAppend(out, block.name);
  });
}

absl::Status CheckNames(const Json& weights, const engine::ParameterLayout& layout) {
  for (const auto& [name, value] : weights.items()) {
    const bool known =
        std::any_of(layout.blocks().begin(), layout.blocks().end(),
                    [&name = name](const ParameterBlock& block) { return block.name == name; });
    if (known) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("weights.", name, " is unknown; weights of this model: ", NamesOf(layout)));
  }
  return absl::OkStatus();
}

// [width, rows] of numbers [rows, width].
std::vector<double> Transposed(const double* numbers, std::int64_t rows, std::int64_t width) {
  std::vector<double> transposed;
  for (std::int64_t column = 0; column < width; ++column) {
    for (std::int64_t row = 0; row < rows; ++row) {
      transposed.push_back(numbers[row * width + column]);
    }
  }
  return transposed;
}

absl::StatusOr<std::vector<double>> ReadBlock(const Json& value, const ParameterBlock& block,
                                              RowsOf rows) {
  const std::string place = absl::StrCat("weights.", block.name);
  if (IsVector(block)) return ReadVector(value, place, block.size());
  if (rows == RowsOf::kFrom) return ReadMatrix(value, place, block.rows, block.width);
  absl::StatusOr<std::vector<double>> read = ReadMatrix(value, place, block.width, block.rows);
  if (!read.ok()) return read;
  return Transposed(read->data(), block.width, block.rows);
}

}  // namespace

absl::StatusOr<std::vector<double>> ReadWeights(const Json& weights,
                                                const engine::ParameterLayout& layout,
                                                RowsOf rows) {
  absl::Status names = CheckNames(weights, layout);
  if (!names.ok()) return names;
  std::vector<double> theta;
  for (const ParameterBlock& block : layout.blocks()) {
    const auto found = weights.find(block.name);
    if (found == weights.end()) {
      return Wrong(absl::StrCat("weights.", block.name), "missing",
                   absl::StrCat("every weight of this model: ", NamesOf(layout)),
                   "write it there, zeros if the other program has none");
    }
    absl::StatusOr<std::vector<double>> read = ReadBlock(*found, block, rows);
    if (!read.ok()) return read;
    theta.insert(theta.end(), read->begin(), read->end());
  }
  return theta;
}

Json BlockOf(const ParameterBlock& block, RowsOf rows, const double* theta) {
  const double* const first = theta + block.offset;
  std::vector<double> numbers(first, first + block.size());
  if (IsVector(block)) return numbers;
  std::int64_t width = block.width;
  if (rows == RowsOf::kTo) {
    numbers = Transposed(first, block.rows, block.width);
    width = block.rows;
  }
  Json matrix = Json::array();
  for (auto row = numbers.begin(); row != numbers.end(); row += width) {
    matrix.push_back(std::vector<double>(row, row + width));
  }
  return matrix;
}

}  // namespace millrace::trajectory
