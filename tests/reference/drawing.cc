#include "tests/reference/drawing.h"

#include <cmath>
#include <limits>

#include "tests/reference/online_learner.h"

namespace millrace::reference {

double Sequence::Next() {
  state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(state_ >> 11) / 9007199254740992.0 * 2 - 1;
}

Vector Sequence::Take(int count) {
  Vector values(static_cast<std::size_t>(count));
  for (double& value : values) value = Next();
  return values;
}

Vector Sequence::Signs(int count) {
  Vector values = Take(count);
  for (double& value : values) value = value < 0 ? -1 : 1;
  return values;
}

Part MakePart(const std::string& name, const std::map<std::string, double>& numbers,
              const std::map<std::string, std::string>& texts) {
  return {name, numbers, texts};
}

Part SparseRule(const std::string& mask, int k, bool include_self) {
  return MakePart("sparse_rtrl", {{"k", k}, {"include_self", include_self ? 1 : 0}},
                  {{"mask", mask}});
}

std::vector<Part> AllCells() {
  return {MakePart("vanilla", {{"units", 4}, {"leak", 0.6}}),
          MakePart("vanilla", {{"units", 4}, {"leak", 1}}),
          MakePart("ctrnn", {{"units", 4}}),
          MakePart("lstm", {{"units", 4}}),
          MakePart("gru", {{"units", 4}}, {{"reset", "after"}}),
          MakePart("gru", {{"units", 4}}, {{"reset", "before"}}),
          MakePart("elstm", {{"units", 4}}),
          MakePart("slstm", {{"units", 4}, {"heads", 1}}),
          MakePart("slstm", {{"units", 4}, {"heads", 2}}),
          MakePart("slstm", {{"units", 4}, {"heads", 2}, {"stabilised", 0}}),
          MakePart("rwkv", {{"units", 4}, {"mix", 0.3}}),
          MakePart("rwkv", {{"units", 4}, {"mix", 0.3}, {"stabilised", 0}}),
          MakePart("retnet", {{"key_size", 3}, {"value_size", 4}, {"decay", 0.8}}),
          MakePart("s4d", {{"units", 4}, {"state", 2}}),
          MakePart("lru", {{"units", 4}, {"tied", 1}}),
          MakePart("lru", {{"units", 4}, {"tied", 0}}),
          MakePart("glru", {{"units", 4}, {"complex", 0}}),
          MakePart("glru", {{"units", 4}, {"complex", 1}}),
          MakePart("rg_lru", {{"units", 4}}),
          MakePart("min_gru", {{"units", 4}}, {{"activation", "identity"}}),
          MakePart("min_gru", {{"units", 4}}, {{"activation", "positive"}}),
          MakePart("block_gru", {{"units", 4}, {"blocks", 1}}),
          MakePart("block_gru", {{"units", 4}, {"blocks", 2}})};
}

bool HasRecurrentWeights(const Part& part) {
  const auto cell = MakeCell(part, 3);
  for (const Block& block : cell->shape().layout.blocks()) {
    if (block.group == "recurrent") return true;
  }
  return false;
}

std::string Describe(const Part& part) {
  std::string text = part.name;
  for (const auto& [name, value] : part.numbers)
    text.append(" ").append(name).append(" ").append(std::to_string(value));
  for (const auto& [name, value] : part.texts)
    text.append(" ").append(name).append(" ").append(value);
  return text;
}

void PrintTo(const Part& part, std::ostream* out) { *out << Describe(part); }

Specification SmallSpecification(const Part& cell, const Part& rule) {
  Specification specification;
  specification.input.size = 3;
  specification.cell = cell;
  specification.head = MakePart("linear");
  specification.outputs = 2;
  specification.loss = MakePart("mean_squared_error");
  specification.rule = rule;
  specification.optimizer = MakePart("sgd");
  specification.clip_norm = 0;
  return specification;
}

Vector SmallWeights(const Specification& specification) {
  return Sequence(7).Take(RecurrentNetwork(specification).layout().Size());
}

Record MakeRecord(const Vector& z, const Vector& target) {
  Record record;
  record.taken = Taken{z, std::vector<bool>(z.size(), true)};
  record.closed = true;
  record.target = Target{target, 1};
  return record;
}

std::vector<Record> Series(const Specification& specification, int steps) {
  Sequence sequence;
  std::vector<Record> records;
  for (int t = 0; t < steps; ++t) {
    Vector target = sequence.Take(specification.outputs);
    if (specification.loss.name == "cross_entropy") target = Softmax(target);
    records.push_back(MakeRecord(sequence.Take(specification.input.size), target));
  }
  return records;
}

Vector GradientAtEnd(const Specification& specification, const Vector& weights,
                     std::vector<Record> records) {
  OnlineLearner learner(specification, weights);
  const Record last = records.back();
  records.pop_back();
  for (Record& record : records) {
    record.score_only = true;
    learner.Step(record, false);
  }
  return learner.GradientOf(last);
}

double Distance(const Vector& a, const Vector& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0;
  double size = 0;
  for (std::size_t place = 0; place < a.size(); ++place) {
    difference += (a[place] - b[place]) * (a[place] - b[place]);
    size += b[place] * b[place];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

}  // namespace millrace::reference
