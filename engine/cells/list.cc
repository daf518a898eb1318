#include "engine/cells/list.h"

#include "engine/cells/block_gru.h"
#include "engine/cells/ctrnn.h"
#include "engine/cells/elstm.h"
#include "engine/cells/glru.h"
#include "engine/cells/gru.h"
#include "engine/cells/lru.h"
#include "engine/cells/lstm.h"
#include "engine/cells/min_gru.h"
#include "engine/cells/retnet.h"
#include "engine/cells/rg_lru.h"
#include "engine/cells/rwkv.h"
#include "engine/cells/s4d.h"
#include "engine/cells/slstm.h"
#include "engine/cells/vanilla.h"
#include "engine/check.h"

namespace millrace::engine {
namespace {

template <typename T>
using Make = std::unique_ptr<Cell<T>> (*)(const PartSpec& part, std::int64_t inputs);

struct Entry {
  const char* name;
  PartDescription (*describe)();
  Make<float> make_float;
  Make<double> make_double;
  absl::Status (*check)(const PartSpec& part) = nullptr;

  Make<float> make(float) const { return make_float; }
  Make<double> make(double) const { return make_double; }
};

constexpr Entry kCells[] = {
    {"vanilla", DescribeVanilla, MakeVanilla<float>, MakeVanilla<double>},
    {"ctrnn", DescribeCtrnn, MakeCtrnn<float>, MakeCtrnn<double>},
    {"lstm", DescribeLstm, MakeLstm<float>, MakeLstm<double>},
    {"gru", DescribeGru, MakeGru<float>, MakeGru<double>},
    {"elstm", DescribeElstm, MakeElstm<float>, MakeElstm<double>},
    {"slstm", DescribeSlstm, MakeSlstm<float>, MakeSlstm<double>, CheckSlstm},
    {"block_gru", DescribeBlockGru, MakeBlockGru<float>, MakeBlockGru<double>, CheckBlockGru},
    {"min_gru", DescribeMinGru, MakeMinGru<float>, MakeMinGru<double>},
    {"lru", DescribeLru, MakeLru<float>, MakeLru<double>, CheckLru},
    {"glru", DescribeGlru, MakeGlru<float>, MakeGlru<double>},
    {"rg_lru", DescribeRgLru, MakeRgLru<float>, MakeRgLru<double>},
    {"s4d", DescribeS4d, MakeS4d<float>, MakeS4d<double>},
    {"retnet", DescribeRetnet, MakeRetnet<float>, MakeRetnet<double>},
    {"rwkv", DescribeRwkv, MakeRwkv<float>, MakeRwkv<double>},
};

const Entry& EntryOf(const PartSpec& part) {
  for (const Entry& entry : kCells) {
    if (part.name == entry.name) return entry;
  }
  MILLRACE_CHECK(false);
}

}  // namespace

std::vector<PartDescription> DescribeCells() {
  std::vector<PartDescription> parts;
  for (const Entry& entry : kCells) parts.push_back(entry.describe());
  return parts;
}

absl::Status CheckCell(const PartSpec& part) {
  const Entry& entry = EntryOf(part);
  return entry.check == nullptr ? absl::OkStatus() : entry.check(part);
}

std::string DefaultRule(const PartSpec& part) {
  const std::unique_ptr<Cell<float>> cell = MakeCell<float>(part, 1);
  const bool cheap = cell->structure() != nullptr ? cell->structure()->diagonal()
                                                  : cell->SharedSensitivitySize() > 0;
  return cheap ? "rtrl" : "immediate";
}

template <typename T>
std::unique_ptr<Cell<T>> MakeCell(const PartSpec& part, std::int64_t inputs) {
  return EntryOf(part).make(T{})(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeCell(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeCell(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
