// For the reference's own tests: numbers without pattern, small cells of every kind, and series of
// steps. Deterministic.
#ifndef MILLRACE_TESTS_REFERENCE_DRAWING_H_
#define MILLRACE_TESTS_REFERENCE_DRAWING_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tests/reference/cells/list.h"
#include "tests/reference/record.h"
#include "tests/reference/specification.h"

namespace millrace::reference {

// Numbers in [-1, 1), the same in every run of the same seed.
class Sequence {
 public:
  explicit Sequence(std::uint64_t seed = 42) : state_(seed) {}
  double Next();
  Vector Take(int count);
  // +1 or -1 each.
  Vector Signs(int count);

 private:
  std::uint64_t state_;
};

Part MakePart(const std::string& name, const std::map<std::string, double>& numbers = {},
              const std::map<std::string, std::string>& texts = {});

Part SparseRule(const std::string& mask, int k, bool include_self);

// Every cell with every setting that changes its formulas.
std::vector<Part> AllCells();
bool HasRecurrentWeights(const Part& part);
// Name and settings, for messages.
std::string Describe(const Part& part);
void PrintTo(const Part& part, std::ostream* out);

// d = 3 inputs, m = 2 outputs, a linear head, squared error, no clip.
Specification SmallSpecification(const Part& cell, const Part& rule);
Vector SmallWeights(const Specification& specification);

Record MakeRecord(const Vector& z, const Vector& target);
// Steps with targets.
std::vector<Record> Series(const Specification& specification, int steps);

// The gradient of the last record after the others went by with weights held, [p].
Vector GradientAtEnd(const Specification& specification, const Vector& weights,
                     std::vector<Record> records);

// |a - b| / |b|.
double Distance(const Vector& a, const Vector& b);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_DRAWING_H_
