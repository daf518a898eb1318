// The combinations the suites run over: made from the engine's own lists, so that a new entry is
// covered without an edit here.
//
// Every list entry becomes one variant with its defaults and one more for each flag, each further
// choice and each setting in kTelling (combinations.cc). Every cell x rule pair that the engine
// accepts occurs; optimizers, heads, losses, number types, inputs, targets and clips occur pairwise
// with each other.
#ifndef MILLRACE_TESTS_CONFORMANCE_COMBINATIONS_H_
#define MILLRACE_TESTS_CONFORMANCE_COMBINATIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/spec.h"

namespace millrace::conformance {

struct Combination {
  std::string name;  // readable, unique
  engine::ModelSpec spec;
};

struct Variant {
  std::string name;  // "rmsprop", "rmsprop.uncorrected"
  engine::PartSpec part;
};

// Of the entries of one kind ("cell", "rule", ...), in the order of the list.
std::vector<Variant> VariantsOf(const std::string& kind);

// A few hundred; the same list in every process.
const std::vector<Combination>& Combinations();

// Before any other call: models run on this device where it has code for them, and combinations are
// turned into such as it has code for, as far as changing parts other than cell and rule does it.
void RunOn(engine::Device device);

// A small base that suites change a part of: vector of 4 inputs, 6 units, 3 outputs.
engine::ModelSpec BaseSpec();

// Ends the test program with the error where the engine refuses the specification.
std::shared_ptr<const engine::Model> MakeModel(const engine::ModelSpec& spec);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_COMBINATIONS_H_
